//! The few messages of LDAP that a login needs, as bytes (RFC 4511). Nothing here nests deeper than these messages do.

/// Largest message that is read, in bytes.
pub(super) const MESSAGE_LIMIT: usize = 64 * 1024;

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
const SEQUENCE: u8 = 0x30;
const BIND_REQUEST: u8 = 0x60;
const BIND_RESPONSE: u8 = 0x61;
const UNBIND_REQUEST: u8 = 0x42;
const SEARCH_REQUEST: u8 = 0x63;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
/// The choice `simple` of a bind's authentication.
const SIMPLE: u8 = 0x80;
/// The choice `equalityMatch` of a filter.
const EQUALITY: u8 = 0xa3;
/// Asks for no attributes (RFC 4511 §4.5.1.8).
const NO_ATTRIBUTES: &[u8] = b"1.1";

/// What a server says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// To a bind: its result code.
    Bound(u32),
    /// The name of something that was found.
    Entry(String),
    /// The end of a search: its result code.
    Done(u32),
    /// Something else, such as a reference to another server.
    Other,
}

/// Bytes that are no message of LDAP.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BerError {
    /// Not to be read.
    #[error("the answer is no LDAP")]
    Broken,
    /// More than is read.
    #[error("an answer is larger than {MESSAGE_LIMIT} bytes")]
    TooLarge,
}

/// Logs in with a name and a password (RFC 4511 §4.2).
pub(super) fn bind(id: u8, name: &str, password: &str) -> Vec<u8> {
    let content = [
        element(INTEGER, &[3]),
        element(OCTETS, name.as_bytes()),
        element(SIMPLE, password.as_bytes()),
    ];
    message(id, &element(BIND_REQUEST, &content.concat()))
}

/// Looks for what has this value below a name (RFC 4511 §4.5). The value is not text of a filter: nothing in it has a meaning.
pub(super) fn search(id: u8, below: &str, (key, value): (&str, &str)) -> Vec<u8> {
    let filter = [
        element(OCTETS, key.as_bytes()),
        element(OCTETS, value.as_bytes()),
    ];
    let content = [
        element(OCTETS, below.as_bytes()),
        // The whole subtree; aliases are always followed.
        element(ENUMERATED, &[2]),
        element(ENUMERATED, &[3]),
        // No limits of size and time but the server's.
        element(INTEGER, &[0]),
        element(INTEGER, &[0]),
        element(BOOLEAN, &[0]),
        element(EQUALITY, &filter.concat()),
        element(SEQUENCE, &element(OCTETS, NO_ATTRIBUTES)),
    ];
    message(id, &element(SEARCH_REQUEST, &content.concat()))
}

/// Says goodbye (RFC 4511 §4.3).
pub(super) fn unbind(id: u8) -> Vec<u8> {
    message(id, &element(UNBIND_REQUEST, &[]))
}

/// The length of the message that begins with these bytes, once it is known.
pub(super) fn length(bytes: &[u8]) -> Result<Option<usize>, BerError> {
    match bytes {
        [] | [_] => return Ok(None),
        [SEQUENCE, ..] => {}
        _ => return Err(BerError::Broken),
    }
    let Some((head, len)) = header(bytes)? else {
        return Ok(None);
    };
    match head.checked_add(len) {
        Some(all) if all <= MESSAGE_LIMIT => Ok(Some(all)),
        _ => Err(BerError::TooLarge),
    }
}

/// Reads a whole message: its number and what it says.
pub(super) fn answer(message: &[u8]) -> Result<(u32, Answer), BerError> {
    let mut rest = message;
    let mut rest = take(&mut rest, SEQUENCE)?;
    let id = number(take(&mut rest, INTEGER)?)?;
    let tag = *rest.first().ok_or(BerError::Broken)?;
    let mut content = take(&mut rest, tag)?;
    let answer = match tag {
        BIND_RESPONSE => Answer::Bound(number(take(&mut content, ENUMERATED)?)?),
        SEARCH_DONE => Answer::Done(number(take(&mut content, ENUMERATED)?)?),
        SEARCH_ENTRY => {
            let name = take(&mut content, OCTETS)?.to_vec();
            Answer::Entry(String::from_utf8(name).map_err(|_| BerError::Broken)?)
        }
        _ => Answer::Other,
    };
    Ok((id, answer))
}

/// What a result code means (RFC 4511 appendix A), for the log.
pub(super) fn meaning(code: u32) -> &'static str {
    match code {
        0 => "success",
        1 => "operations error",
        2 => "protocol error",
        3 => "time limit exceeded",
        7 => "authentication method not supported",
        8 => "stronger authentication required",
        13 => "confidentiality required",
        32 => "no such object",
        34 => "invalid name",
        48 => "inappropriate authentication",
        49 => "invalid credentials",
        50 => "insufficient access rights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwilling to perform",
        _ => "other",
    }
}

fn message(id: u8, operation: &[u8]) -> Vec<u8> {
    element(
        SEQUENCE,
        &[&element(INTEGER, &[id & 0x7f]), operation].concat(),
    )
}

pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(len) if len < 128 => out.push(len),
        _ => {
            let len = u32::try_from(content.len()).unwrap_or(u32::MAX);
            out.push(0x84);
            out.extend_from_slice(&len.to_be_bytes());
        }
    }
    out.extend_from_slice(content);
    out
}

/// The sizes of an element's header and of its content. Indefinite lengths are not allowed (RFC 4511 §5.1).
fn header(bytes: &[u8]) -> Result<Option<(usize, usize)>, BerError> {
    let Some(first) = bytes.get(1) else {
        return Ok(None);
    };
    if *first < 0x80 {
        return Ok(Some((2, usize::from(*first))));
    }
    let size = usize::from(first & 0x7f);
    if !(1..=4).contains(&size) {
        return Err(BerError::Broken);
    }
    let Some(digits) = bytes.get(2..2 + size) else {
        return Ok(None);
    };
    let len = digits
        .iter()
        .fold(0u32, |len, byte| len << 8 | u32::from(*byte));
    let len = usize::try_from(len).map_err(|_| BerError::TooLarge)?;
    Ok(Some((2 + size, len)))
}

/// The content of the next element, which must have this tag.
pub(super) fn take<'a>(bytes: &mut &'a [u8], tag: u8) -> Result<&'a [u8], BerError> {
    if bytes.first() != Some(&tag) {
        return Err(BerError::Broken);
    }
    let (head, len) = header(bytes)?.ok_or(BerError::Broken)?;
    let (_, rest) = bytes.split_at_checked(head).ok_or(BerError::Broken)?;
    let (content, rest) = rest.split_at_checked(len).ok_or(BerError::Broken)?;
    *bytes = rest;
    Ok(content)
}

fn number(content: &[u8]) -> Result<u32, BerError> {
    if content.is_empty() || content.len() > 4 {
        return Err(BerError::Broken);
    }
    Ok(content
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let expected = b"\x30\x0e\x02\x01\x01\x60\x09\x02\x01\x03\x04\x01a\x80\x01b";
        assert_eq!(bind(1, "a", "b"), expected);
        let expected =
            b"\x30\x29\x02\x01\x02\x63\x24\x04\x03o=x\x0a\x01\x02\x0a\x01\x03\x02\x01\x00\
            \x02\x01\x00\x01\x01\x00\xa3\x07\x04\x02cn\x04\x01*\x30\x05\x04\x031.1";
        assert_eq!(search(2, "o=x", ("cn", "*")), expected);
        assert_eq!(unbind(3), b"\x30\x05\x02\x01\x03\x42\x00");
        let long = bind(1, &"a".repeat(200), "");
        assert_eq!(length(&long), Ok(Some(long.len())));
    }

    #[test]
    fn answers() {
        let check = |bytes: &[u8], expected: Result<(u32, Answer), BerError>| {
            assert_eq!(answer(bytes), expected, "{bytes:?}");
        };
        let bound = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x31\x04\x00\x04\x00";
        check(bound, Ok((1, Answer::Bound(49))));
        let entry = b"\x30\x0c\x02\x01\x02\x64\x07\x04\x03o=x\x30\x00";
        check(entry, Ok((2, Answer::Entry("o=x".to_owned()))));
        let done = b"\x30\x82\x00\x0c\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00";
        check(done, Ok((2, Answer::Done(0))));
        check(b"\x30\x05\x02\x01\x02\x73\x00", Ok((2, Answer::Other)));
        check(b"", Err(BerError::Broken));
        check(b"\x30\x80\x00\x00", Err(BerError::Broken));
        check(b"\x30\x03\x02\x01\x02", Err(BerError::Broken));
        check(
            b"\x30\x09\x02\x01\x02\x64\x04\x04\x02\xff\xff",
            Err(BerError::Broken),
        );
    }

    #[test]
    fn messages_are_bounded() {
        assert_eq!(length(b"\x30\x83\x01\x00\x00"), Err(BerError::TooLarge));
        assert_eq!(length(b"\x30\x84\xff\xff\xff\xff"), Err(BerError::TooLarge));
        assert_eq!(length(b"\x30\x82\xff\xfc"), Ok(Some(MESSAGE_LIMIT)));
        assert_eq!(length(b"\x30\x82"), Ok(None));
        assert_eq!(length(b"HTTP/1.1"), Err(BerError::Broken));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let _ = length(&bytes);
            let _ = answer(&bytes);
            let _ = answer(&[&[SEQUENCE, bytes.len().min(127) as u8][..], &bytes].concat());
        }

        #[test]
        fn what_is_written_can_be_read(name in ".{0,300}", password in ".{0,300}") {
            let message = bind(9, &name, &password);
            proptest::prop_assert_eq!(length(&message), Ok(Some(message.len())));
            proptest::prop_assert_eq!(answer(&message), Ok((9, Answer::Other)));
        }
    }
}
