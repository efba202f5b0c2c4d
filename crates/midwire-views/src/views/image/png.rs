use std::io::Read as _;

use super::{Facts, TEXT_CHARS, fact, shorten, size};
use crate::ViewError;
use crate::views::reader::Reader;

/// Size, gamma, aspect and texts (PNG, third edition, §11). A file that is cut is shown as far as it goes.
pub(super) fn facts(data: &[u8]) -> Result<Facts, ViewError> {
    let mut reader = Reader::new(data);
    reader.bytes(8, "the signature")?;
    let mut facts = vec![fact("Format", "Portable network graphics")];
    reader.u32("the image header")?;
    if reader.bytes(4, "the image header")? != b"IHDR" {
        return Err(ViewError::Expected {
            expected: "the image header",
            at: reader.at(),
        });
    }
    facts.push(size(
        reader.u32("the image header")?,
        reader.u32("the image header")?,
    ));
    // Depth, colour type, compression, filter, interlacing and checksum.
    let _ = reader.bytes(9, "the image header");
    while let Some((kind, body)) = chunk(&mut reader) {
        let mut body = Reader::new(body);
        match kind {
            b"gAMA" => facts.extend(
                body.u32("gamma")
                    .map(|gamma| fact("gamma", f64::from(gamma) / 100_000.0)),
            ),
            b"pHYs" => {
                if let (Ok(x), Ok(y)) = (body.u32("aspect"), body.u32("aspect")) {
                    facts.push(fact("aspect", format!("{x} x {y}")));
                }
            }
            b"tEXt" | b"zTXt" | b"iTXt" => facts.extend(text(kind, &mut body)),
            b"IEND" => break,
            _ => {}
        }
    }
    Ok(facts)
}

fn chunk<'a>(reader: &mut Reader<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let len = reader.u32("a chunk").ok()? as usize;
    let kind = reader.bytes(4, "a chunk").ok()?;
    let body = reader.bytes(len, "a chunk").ok()?;
    reader.u32("a checksum").ok()?;
    Some((kind, body))
}

/// Keyword and text; compressed texts are inflated to a bearable length.
fn text(kind: &[u8], body: &mut Reader<'_>) -> Option<(String, String)> {
    let keyword = latin1(body.c_string("a keyword").ok()?);
    let text = match kind {
        b"tEXt" => latin1(body.rest()),
        b"zTXt" => {
            body.u8("the compression").ok()?;
            latin1(&inflate(body.rest())?)
        }
        _ => {
            let is_compressed = body.u8("the compression").ok()? != 0;
            body.u8("the compression").ok()?;
            body.c_string("the language").ok()?;
            body.c_string("the keyword").ok()?;
            let bytes = if is_compressed {
                inflate(body.rest())?
            } else {
                body.rest().to_vec()
            };
            crate::show_bytes(&bytes)
        }
    };
    Some((keyword, shorten(&text)))
}

fn inflate(data: &[u8]) -> Option<Vec<u8>> {
    let mut inflated = Vec::new();
    flate2::read::ZlibDecoder::new(data)
        .take(TEXT_CHARS as u64 * 4)
        .read_to_end(&mut inflated)
        .ok()?;
    Some(inflated)
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}
