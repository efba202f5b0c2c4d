//! Messages of gRPC calls.

use std::io::Read as _;

use super::definitions::Definitions;
use super::{encode, show};
use crate::views::reader::Reader;
use crate::{ContentView, Metadata, Syntax, ViewError};

/// Shows each length-prefixed message (gRPC over HTTP/2, "Requests") as protobuf.
pub(crate) struct Grpc;

/// Bytes to which all compressed messages of one body may grow.
const INFLATED_BYTES: u64 = 16 << 20;
/// What stands between two messages.
const SEPARATOR: &str = "\n---\n\n";

impl ContentView for Grpc {
    fn name(&self) -> &'static str {
        "gRPC"
    }

    fn syntax(&self) -> Syntax {
        Syntax::Yaml
    }

    fn render_priority(&self, _: &[u8], meta: &Metadata<'_>) -> f64 {
        if meta.is_media_type(&["application/grpc", "application/grpc+proto"]) {
            crate::views::FITS
        } else {
            crate::views::NEVER
        }
    }

    fn prettify(&self, data: &[u8], meta: &Metadata<'_>) -> Result<String, ViewError> {
        let definitions = Definitions::load(meta)?;
        let names = definitions.for_call(meta);
        let mut reader = Reader::new(data);
        let mut text = String::new();
        let mut budget = INFLATED_BYTES;
        while !reader.is_empty() {
            let is_compressed = reader.u8("the head of a message")? & 1 != 0;
            let len = reader.u32("the head of a message")? as usize;
            let bytes = reader.bytes(len, "a message")?;
            if !text.is_empty() {
                text.push_str(SEPARATOR);
            }
            if is_compressed {
                let inflated = inflate(bytes, meta.grpc_encoding, budget)?;
                budget = budget.saturating_sub(inflated.len() as u64);
                text.push_str(&show(&inflated, names)?);
            } else {
                text.push_str(&show(bytes, names)?);
            }
        }
        Ok(text)
    }

    fn is_interactive(&self) -> bool {
        true
    }

    fn reencode(&self, text: &str, meta: &Metadata<'_>) -> Result<Vec<u8>, ViewError> {
        let definitions = Definitions::load(meta)?;
        let mut data = Vec::new();
        for part in text.split("\n---\n") {
            let message = encode::message(part, definitions.for_call(meta))?;
            let len =
                u32::try_from(message.len()).map_err(|_| ViewError::TooLarge(u32::MAX as usize))?;
            data.push(0);
            data.extend(len.to_be_bytes());
            data.extend(message);
        }
        Ok(data)
    }
}

/// Decompresses with the given encoding, or the one that the bytes look like.
fn inflate(data: &[u8], encoding: Option<&str>, limit_bytes: u64) -> Result<Vec<u8>, ViewError> {
    let mut inflated = Vec::new();
    let is_gzip = encoding == Some("gzip") || (encoding.is_none() && data.starts_with(b"\x1f\x8b"));
    let is_zlib = encoding == Some("deflate") || (encoding.is_none() && data.starts_with(b"\x78"));
    let result = if is_gzip {
        flate2::read::GzDecoder::new(data)
            .take(limit_bytes + 1)
            .read_to_end(&mut inflated)
    } else if is_zlib {
        flate2::read::ZlibDecoder::new(data)
            .take(limit_bytes + 1)
            .read_to_end(&mut inflated)
    } else {
        return Err(ViewError::NotApplicable(
            "message compressed with an unknown encoding",
        ));
    };
    result.map_err(|error| ViewError::Other(error.to_string()))?;
    if inflated.len() as u64 > limit_bytes {
        return Err(ViewError::TooLarge(INFLATED_BYTES as usize));
    }
    Ok(inflated)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn frame(flag: u8, data: &[u8]) -> Vec<u8> {
        [&[flag][..], &(data.len() as u32).to_be_bytes(), data].concat()
    }

    fn shown(data: &[u8]) -> Result<String, ViewError> {
        Grpc.prettify(data, &Metadata::default())
    }

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn messages_are_joined() {
        assert_eq!(
            shown(&frame(0, b"\x08\x01")).unwrap(),
            "1: 1  # !sint: -1\n"
        );
        let two = [frame(0, b"\x08\x01"), frame(0, b"\x08\x02")].concat();
        let text = "1: 1  # !sint: -1\n\n---\n\n1: 2  # !sint: 1\n";
        assert_eq!(shown(&two).unwrap(), text);
        assert_eq!(Grpc.reencode(text, &Metadata::default()).unwrap(), two);
        assert_eq!(
            shown(&frame(0, b"")).unwrap(),
            "{}  # empty protobuf message"
        );
        assert_eq!(shown(b"").unwrap(), "");
        assert_eq!(
            shown(&frame(1, &gzip(b"\x08\x01"))).unwrap(),
            "1: 1  # !sint: -1\n"
        );
    }

    #[test]
    fn broken_messages_are_refused() {
        for data in [
            &b"\0\0"[..],
            b"\0\0\0\0\x05a",
            &frame(1, b"??"),
            &frame(0, b"\xff"),
        ] {
            assert!(shown(data).is_err(), "{data:?}");
        }
    }

    #[test]
    fn inflation_is_bounded() {
        let bomb = gzip(&vec![0; INFLATED_BYTES as usize + 1]);
        assert!(matches!(
            shown(&frame(1, &bomb)),
            Err(ViewError::TooLarge(_))
        ));
    }
}
