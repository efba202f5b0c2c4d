//! ZIP archives.

use super::fits_media;
use crate::yaml::{Dialect, Yaml, write};
use crate::{ContentView, Metadata, Out, Syntax, ViewError};

/// Lists the names in an archive, from its central directory (APPNOTE.TXT §4.3.12). Nothing is unpacked.
pub(crate) struct ZipArchive;

impl ContentView for ZipArchive {
    fn name(&self) -> &'static str {
        "ZIP Archive"
    }

    fn syntax(&self) -> Syntax {
        Syntax::Yaml
    }

    fn render_priority(&self, data: &[u8], meta: &Metadata<'_>) -> f64 {
        fits_media(data, meta, &["application/zip"])
    }

    fn prettify(&self, data: &[u8], _: &Metadata<'_>) -> Result<String, ViewError> {
        let names = names(data)?;
        if names.is_empty() {
            return Ok("(empty zip file)".to_owned());
        }
        let mut out = Out::for_input(data.len());
        write(
            &Yaml::List(names.into_iter().map(Yaml::Text).collect()),
            Dialect::Form,
            &mut out,
        )?;
        Ok(out.finish())
    }
}

/// Size of the record at the end of an archive, without its comment.
const END_BYTES: usize = 22;
/// Size of the fixed part of an entry.
const ENTRY_BYTES: usize = 46;
/// The flag that says a name is UTF-8.
const UTF8_FLAG: u16 = 0x800;

fn names(data: &[u8]) -> Result<Vec<String>, ViewError> {
    // The comment after the record is at most 64 KiB.
    let tail = data.len().saturating_sub(END_BYTES + usize::from(u16::MAX));
    let end = data
        .get(tail..)
        .and_then(|tail| memchr::memmem::rfind(tail, b"PK\x05\x06"))
        .map(|at| at + tail);
    let Some(end) = end else {
        return Err(ViewError::Other("no central directory".to_owned()));
    };
    data.get(end..end + END_BYTES)
        .ok_or(ViewError::Truncated("the end of the central directory"))?;
    let truncated = || ViewError::Truncated("the end of the central directory");
    let size = u32_at(data, end + 12).ok_or_else(truncated)? as usize;
    let offset = u32_at(data, end + 16).ok_or_else(truncated)?;
    let mut start = end.checked_sub(size);
    if offset == u32::MAX || size == u32::MAX as usize {
        start = zip64_start(data, end);
    }
    let mut at = start.ok_or(ViewError::Truncated("the central directory"))?;
    let mut names = Vec::new();
    while at < end {
        let entry = data.get(at..).unwrap_or(b"");
        if !entry.starts_with(b"PK\x01\x02") {
            break;
        }
        let field = |offset| u16_at(entry, offset).ok_or(ViewError::Truncated("an entry"));
        let (flags, name_len) = (field(8)?, usize::from(field(28)?));
        let extra_len = usize::from(field(30)?) + usize::from(field(32)?);
        let name = entry
            .get(ENTRY_BYTES..ENTRY_BYTES + name_len)
            .ok_or(ViewError::Truncated("a name"))?;
        names.push(decode(name, flags & UTF8_FLAG != 0));
        at += ENTRY_BYTES + name_len + extra_len;
    }
    if names.is_empty() && u16_at(data, end + 10) != Some(0) {
        return Err(ViewError::Expected {
            expected: "an entry of the central directory",
            at,
        });
    }
    Ok(names)
}

/// Start of the directory of a ZIP64 archive: its size stands in the record before the locator (§4.3.14, §4.3.15).
fn zip64_start(data: &[u8], end: usize) -> Option<usize> {
    let locator = end.checked_sub(20)?;
    if !data.get(locator..)?.starts_with(b"PK\x06\x07") {
        return None;
    }
    let record = memchr::memmem::rfind(data.get(..locator)?, b"PK\x06\x06")?;
    let size = data
        .get(record + 40..record + 48)?
        .try_into()
        .ok()
        .map(u64::from_le_bytes)?;
    record.checked_sub(usize::try_from(size).ok()?)
}

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..at.checked_add(2)?)?
        .try_into()
        .ok()
        .map(u16::from_le_bytes)
}

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..at.checked_add(4)?)?
        .try_into()
        .ok()
        .map(u32::from_le_bytes)
}

/// The upper half of code page 437, in which names without the flag are written.
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

fn decode(name: &[u8], is_utf8: bool) -> String {
    if is_utf8 {
        return crate::show_bytes(name);
    }
    let upper: Vec<char> = CP437.chars().collect();
    name.iter()
        .map(|byte| match byte.checked_sub(128) {
            None => char::from(*byte),
            Some(n) => upper.get(usize::from(n)).copied().unwrap_or('?'),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &[u8], flags: u16) -> Vec<u8> {
        let mut entry = b"PK\x01\x02".to_vec();
        entry.resize(ENTRY_BYTES, 0);
        entry[8..10].copy_from_slice(&flags.to_le_bytes());
        entry[28..30].copy_from_slice(&(name.len() as u16).to_le_bytes());
        entry[30] = 3;
        [entry, name.to_vec(), b"ext".to_vec()].concat()
    }

    fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
        let directory = entries.concat();
        let mut end = b"PK\x05\x06".to_vec();
        end.resize(END_BYTES, 0);
        end[10] = entries.len() as u8;
        end[12..16].copy_from_slice(&(directory.len() as u32).to_le_bytes());
        [b"data".to_vec(), directory, end, b"comment".to_vec()].concat()
    }

    fn shown(data: &[u8]) -> Result<String, ViewError> {
        ZipArchive.prettify(data, &Metadata::default())
    }

    #[test]
    fn names_are_listed() {
        let data = archive(&[
            entry(b"a.txt", 0),
            entry(b"d/b", 0),
            entry("é: x".as_bytes(), UTF8_FLAG),
            entry(b"\x82\xff", 0),
        ]);
        assert_eq!(
            shown(&data).unwrap(),
            "- a.txt\n- d/b\n- 'é: x'\n- é\u{a0}\n"
        );
        assert_eq!(CP437.chars().count(), 128);
    }

    #[test]
    fn broken_archives_are_refused() {
        assert_eq!(shown(&archive(&[])).unwrap(), "(empty zip file)");
        assert!(shown(b"PK").is_err());
        let data = archive(&[entry(b"abc", 0)]);
        for cut in 0..data.len() - 8 {
            assert!(shown(&data[..cut]).is_err(), "{cut}");
        }
        let mut lying = archive(&[entry(b"abc", 0)]);
        let at = lying.len() - 7 - END_BYTES + 12;
        lying[at] = 0xff;
        assert!(shown(&lying).is_err());
    }
}
