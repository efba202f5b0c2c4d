use super::{Facts, exif, fact, shorten, size};
use crate::ViewError;
use crate::views::reader::Reader;

/// Resolution, EXIF texts, comments and size (ITU-T T.81 Annex B, T.871). A file that is cut is shown as far as it
/// goes.
pub(super) fn facts(data: &[u8]) -> Result<Facts, ViewError> {
    let mut reader = Reader::new(data);
    reader.bytes(2, "the start of the image")?;
    let mut facts = vec![fact("Format", "JPEG (ISO 10918)")];
    while let Some((marker, body)) = segment(&mut reader) {
        match marker {
            0xe0 => facts.extend(jfif(body).unwrap_or_default()),
            0xe1 => facts.extend(
                body.strip_prefix(b"Exif\0\0")
                    .map(exif::facts)
                    .unwrap_or_default(),
            ),
            0xfe => facts.push(fact("comment", shorten(&crate::show_bytes(body)))),
            // Start of frame; the codes left out are tables.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => facts.extend(frame(body)),
            0xda | 0xd9 => break,
            _ => {}
        }
    }
    Ok(facts)
}

fn segment<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    if reader.u8("a marker").ok()? != 0xff {
        return None;
    }
    let mut marker = reader.u8("a marker").ok()?;
    while marker == 0xff {
        marker = reader.u8("a marker").ok()?;
    }
    if matches!(marker, 0x01 | 0xd0..=0xd9) {
        return Some((marker, &[]));
    }
    let len = usize::from(reader.u16("a segment").ok()?).checked_sub(2)?;
    Some((marker, reader.bytes(len, "a segment").ok()?))
}

fn jfif(body: &[u8]) -> Option<Facts> {
    let mut reader = Reader::new(body.strip_prefix(b"JFIF\0")?);
    let (major, minor) = (reader.u8("version").ok()?, reader.u8("version").ok()?);
    let unit = reader.u8("unit").ok()?;
    let (x, y) = (reader.u16("density").ok()?, reader.u16("density").ok()?);
    Some(vec![
        fact("jfif_version", format!("({major}, {minor})")),
        fact("jfif_density", format!("({x}, {y})")),
        fact("jfif_unit", unit),
    ])
}

fn frame(body: &[u8]) -> Option<(String, String)> {
    let mut reader = Reader::new(body);
    reader.u8("precision").ok()?;
    let (height, width) = (reader.u16("size").ok()?, reader.u16("size").ok()?);
    Some(size(width, height))
}
