//! Text of content: which charset it has, how it is decoded and encoded.

mod charset;
mod infer;

pub use charset::Charset;
pub use infer::{infer, infer_name};

/// Why content cannot be read as text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// The charset that the message names is not known.
    #[error("unknown charset: {0}")]
    UnknownCharset(String),
    /// The bytes are not valid in the charset.
    #[error("content is not valid {0}")]
    Invalid(String),
    /// The content coding could not be removed.
    #[error(transparent)]
    Codec(#[from] crate::codec::CodecError),
}

/// Decodes content by its Content-Type value and its own marks.
///
/// # Errors
/// An unknown charset, or bytes that are not valid in it.
pub fn decode(data: &[u8], content_type: &str) -> Result<String, TextError> {
    let name = infer_name(content_type, data);
    let Some(charset) = Charset::for_label(&name) else {
        return Err(TextError::UnknownCharset(name.into_owned()));
    };
    charset
        .decode(data)
        .ok_or_else(|| TextError::Invalid(name.into_owned()))
}

/// As [`decode`], but what cannot be decoded is read as UTF-8 with U+FFFD in place of broken bytes.
pub fn decode_lossy(data: &[u8], content_type: &str) -> String {
    decode(data, content_type).unwrap_or_else(|_| String::from_utf8_lossy(data).into_owned())
}

/// Encodes text with the charset of a Content-Type value.
///
/// `None` if that is impossible; UTF-8 has to be named then.
pub fn encode(text: &str, content_type: &str) -> Option<Vec<u8>> {
    infer(content_type, b"")?.encode(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decoded_by_its_charset() {
        let ok: [(&str, &[u8], &str); 14] = [
            ("text/plain", b"\xe9", "é"),
            ("", b"\xe9x", "éx"),
            ("text/plain; charset=utf-8", b"\xef\xbb\xbfab", "ab"),
            ("text/plain", b"\xff\xfea\0", "\u{feff}a"),
            ("text/plain; charset=utf-16", b"\xff\xfea\0", "\u{feff}a"),
            ("text/plain; charset=utf-16", b"a\0", "a"),
            ("text/plain; charset=utf-32", b"a\0\0\0", "a"),
            ("text/plain; charset=us-ascii", b"abc", "abc"),
            ("text/plain; charset=shift_jis", b"\x82\xa0", "あ"),
            ("text/plain; charset=gbk", b"\xc4\xe3", "你"),
            ("text/plain; charset=iso-8859-1", b"\x80", "\u{80}"),
            ("text/plain; charset=koi8-r", b"\xc1", "а"),
            ("application/json", "\"é\"".as_bytes(), "\"é\""),
            ("text/plain; charset=\"UTF_8\"", "é".as_bytes(), "é"),
        ];
        for (content_type, data, expected) in ok {
            assert_eq!(
                decode(data, content_type).as_deref(),
                Ok(expected),
                "{content_type}"
            );
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_said_and_shown_anyway() {
        let bad: [(&str, &[u8], &str, &str); 4] = [
            (
                "text/plain; charset=utf-8",
                b"a\xffb",
                "content is not valid utf-8",
                "a\u{fffd}b",
            ),
            (
                "text/plain; charset=foo",
                b"ab",
                "unknown charset: foo",
                "ab",
            ),
            (
                "application/json",
                b"\"\xe9\"",
                "content is not valid utf8",
                "\"\u{fffd}\"",
            ),
            (
                "text/plain; charset=ascii",
                b"\xe9",
                "content is not valid ascii",
                "\u{fffd}",
            ),
        ];
        for (content_type, data, error, lossy) in bad {
            assert_eq!(decode(data, content_type).unwrap_err().to_string(), error);
            assert_eq!(decode_lossy(data, content_type), lossy);
        }
    }

    #[test]
    fn text_is_encoded_if_its_charset_can() {
        let cases: [(&str, &str, Option<&[u8]>); 9] = [
            ("text/plain", "é", Some(b"\xe9")),
            ("text/plain", "€", None),
            ("text/plain; charset=utf-8", "€", Some("€".as_bytes())),
            ("text/plain; charset=foo", "x", None),
            (
                "text/html",
                "<meta charset=latin-1>€",
                Some("<meta charset=latin-1>€".as_bytes()),
            ),
            ("text/plain; charset=utf-16", "a", Some(b"\xff\xfea\0")),
            ("text/plain; charset=gbk", "你", Some(b"\xc4\xe3")),
            ("text/plain; charset=windows-1252", "€", Some(b"\x80")),
            ("text/plain; charset=ascii", "é", None),
        ];
        for (content_type, text, expected) in cases {
            assert_eq!(
                encode(text, content_type).as_deref(),
                expected,
                "{content_type} {text}"
            );
        }
    }
}
