//! WAP Binary XML, as Exchange ActiveSync uses it.

mod pages;

use super::fits_media;
use super::hex::to_hex;
use super::reader::Reader;
use crate::{ContentView, MAX_DEPTH, Metadata, Out, Syntax, ViewError};

/// Shows WBXML (W3C note, 1999) as XML with the element names of ActiveSync.
pub(crate) struct Wbxml;

impl ContentView for Wbxml {
    fn name(&self) -> &'static str {
        "WBXML"
    }

    fn syntax(&self) -> Syntax {
        Syntax::Xml
    }

    fn render_priority(&self, data: &[u8], meta: &Metadata<'_>) -> f64 {
        fits_media(
            data,
            meta,
            &[
                "application/vnd.wap.wbxml",
                "application/vnd.ms-sync.wbxml",
                "application/vnd.ms-sync",
            ],
        )
    }

    fn prettify(&self, data: &[u8], _: &Metadata<'_>) -> Result<String, ViewError> {
        let mut reader = Reader::new(data);
        let head = Head::read(&mut reader)?;
        let mut out = Out::for_input(data.len());
        out.push("<?xml version=\"1.0\" ?>\n")?;
        Printer {
            reader,
            head,
            out,
            page: 0,
            open: Vec::new(),
            state: State::Start,
        }
        .run()
    }
}

const END: u8 = 0x01;
const HAS_CONTENT: u8 = 0x40;
const HAS_ATTRIBUTES: u8 = 0x80;

/// What stands before the tokens.
struct Head<'a> {
    /// True for the public identifier of ActiveSync; other documents have other names for their tags.
    is_active_sync: bool,
    strings: &'a [u8],
}

impl<'a> Head<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, ViewError> {
        let version = reader.u8("the head")?;
        if version > 3 {
            return Err(ViewError::Unknown {
                what: "version of WBXML",
                value: u64::from(version),
            });
        }
        let public_id = number(reader)?;
        if public_id == 0 {
            number(reader)?;
        }
        if version > 0 {
            let charset = number(reader)?;
            if !matches!(charset, 0 | 3 | 106) {
                return Err(ViewError::Unknown {
                    what: "charset",
                    value: u64::from(charset),
                });
            }
        }
        let len = number(reader)? as usize;
        Ok(Self {
            is_active_sync: matches!(public_id, 0 | 1),
            strings: reader.bytes(len, "the string table")?,
        })
    }

    fn string(&self, offset: u32) -> Result<&'a [u8], ViewError> {
        let rest = self
            .strings
            .get(offset as usize..)
            .ok_or(ViewError::Truncated("the string table"))?;
        Ok(rest.split(|b| *b == 0).next().unwrap_or(rest))
    }
}

/// What was written last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing, or a whole line.
    Start,
    /// A start tag whose line is still open.
    Opened,
    /// Text after a start tag, on its line.
    Text,
}

struct Printer<'a> {
    reader: Reader<'a>,
    head: Head<'a>,
    out: Out,
    page: u8,
    open: Vec<String>,
    state: State,
}

impl Printer<'_> {
    fn run(mut self) -> Result<String, ViewError> {
        while !self.reader.is_empty() {
            let at = self.reader.at();
            match self.reader.u8("a token")? {
                0x00 => self.page = self.reader.u8("a code page")?,
                END => self.close()?,
                0x02 => {
                    let code = number(&mut self.reader)?;
                    self.text(
                        char::from_u32(code)
                            .unwrap_or(char::REPLACEMENT_CHARACTER)
                            .encode_utf8(&mut [0; 4]),
                    )?;
                }
                0x03 => {
                    let text = self.reader.c_string("a text")?;
                    self.text(&crate::show_bytes(text))?;
                }
                0x83 => {
                    let offset = number(&mut self.reader)?;
                    let text = self.head.string(offset)?;
                    self.text(&crate::show_bytes(text))?;
                }
                0xc3 => {
                    let len = number(&mut self.reader)? as usize;
                    let data = self.reader.bytes(len, "opaque data")?;
                    self.text(&opaque(data))?;
                }
                token if token & HAS_ATTRIBUTES != 0 => {
                    return Err(ViewError::Other(format!(
                        "attributes at byte {at} are not supported"
                    )));
                }
                token if token & 0x3f >= 0x05 => self.element(token)?,
                token => {
                    return Err(ViewError::Unknown {
                        what: "token",
                        value: u64::from(token),
                    });
                }
            }
        }
        if !self.open.is_empty() {
            return Err(ViewError::Truncated("an element"));
        }
        Ok(self.out.finish())
    }

    fn element(&mut self, token: u8) -> Result<(), ViewError> {
        let tag = token & 0x3f;
        let known = if self.head.is_active_sync {
            pages::name(self.page, tag)
        } else {
            None
        };
        let name = known.map_or_else(|| format!("tag-{:02x}-{tag:02x}", self.page), str::to_owned);
        self.end_line()?;
        self.out.indent("    ", self.open.len())?;
        if token & HAS_CONTENT == 0 {
            return self.out.push(&format!("<{name}/>\n"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(ViewError::TooDeep(MAX_DEPTH));
        }
        self.out.push(&format!("<{name}"))?;
        self.open.push(name);
        self.state = State::Opened;
        Ok(())
    }

    fn close(&mut self) -> Result<(), ViewError> {
        let at = self.reader.at();
        let name = self.open.pop().ok_or(ViewError::Expected {
            expected: "an element before its end",
            at,
        })?;
        match self.state {
            State::Opened => self.out.push("/>\n")?,
            State::Text => self.out.push(&format!("</{name}>\n"))?,
            State::Start => {
                self.out.indent("    ", self.open.len())?;
                self.out.push(&format!("</{name}>\n"))?;
            }
        }
        self.state = State::Start;
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), ViewError> {
        let text = text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        match self.state {
            State::Opened => self.out.push(">")?,
            State::Text => {}
            // Text between elements stands on a line of its own.
            State::Start => {
                self.out.indent("    ", self.open.len())?;
                self.out.push(&text)?;
                return self.out.push("\n");
            }
        }
        self.state = State::Text;
        self.out.push(&text)
    }

    fn end_line(&mut self) -> Result<(), ViewError> {
        match self.state {
            State::Opened => self.out.push(">\n")?,
            State::Text => self.out.push("\n")?,
            State::Start => {}
        }
        self.state = State::Start;
        Ok(())
    }
}

fn opaque(data: &[u8]) -> String {
    match std::str::from_utf8(data) {
        Ok(text)
            if !text
                .chars()
                .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) =>
        {
            text.to_owned()
        }
        _ => to_hex(data),
    }
}

/// A number in groups of seven bits, most significant first (`mb_u_int32`).
fn number(reader: &mut Reader<'_>) -> Result<u32, ViewError> {
    let at = reader.at();
    let mut number = 0_u32;
    for _ in 0..5 {
        let byte = reader.u8("a number")?;
        number = number.checked_mul(128).ok_or(ViewError::Expected {
            expected: "a number of 32 bits",
            at,
        })?;
        number |= u32::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(ViewError::Expected {
        expected: "a number of at most five bytes",
        at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &[u8] = b"\x03\x01\x6a\x00";
    const XML: &str = "<?xml version=\"1.0\" ?>\n";

    fn shown(tokens: &[u8]) -> Result<String, ViewError> {
        Wbxml.prettify(&[START, tokens].concat(), &Metadata::default())
    }

    #[test]
    fn documents_become_xml() {
        let check = |tokens: &[u8], expected: &str| {
            assert_eq!(shown(tokens).unwrap(), format!("{XML}{expected}"));
        };
        check(
            b"\x45\x5c\x4f\x4b\x030\0\x01\x01\x01\x01",
            "<Sync>\n    <Collections>\n        <Collection>\n            <SyncKey>0</SyncKey>\n        </Collection>\n    \
             </Collections>\n</Sync>\n",
        );
        check(
            b"\0\x07\x56\x52\x030\0\x01\x01",
            "<FolderSync>\n    <SyncKey>0</SyncKey>\n</FolderSync>\n",
        );
        check(b"\x45\x03<&\xc3\xa9\0\x01", "<Sync>&lt;&amp;é</Sync>\n");
        check(b"\x05", "<Sync/>\n");
        check(b"\x45\x01", "<Sync/>\n");
        check(b"\x45\xc3\x02\x11\xff\x02\x41\x01", "<Sync>11ffA</Sync>\n");
        check(
            b"\x45\x7f\x01\x03x\0\x01",
            "<Sync>\n    <tag-00-3f/>\n    x\n</Sync>\n",
        );
    }

    #[test]
    fn strings_of_the_table_are_found() {
        let data = b"\x03\x05\x6a\x06ab\0cd\0\x45\x83\x03\x01";
        assert_eq!(
            Wbxml.prettify(data, &Metadata::default()).unwrap(),
            format!("{XML}<tag-00-05>cd</tag-00-05>\n")
        );
    }

    #[test]
    fn broken_documents_are_refused() {
        for tokens in [
            &b"\x45"[..],
            b"\x01",
            b"\xc5",
            b"\x43",
            b"\x45\x03x",
            b"\x45\xc3\x05x",
            b"\x45\x83\x00",
        ] {
            assert!(
                shown(tokens).is_err() || tokens == b"\x45\x83\x00",
                "{tokens:?}"
            );
        }
        for data in [
            &b""[..],
            b"xx",
            b"\x03\x01\x6a\x09a",
            b"\x03\xff\xff\xff\xff\xff",
        ] {
            assert!(
                Wbxml.prettify(data, &Metadata::default()).is_err(),
                "{data:?}"
            );
        }
        assert!(matches!(
            shown(&[0x45; MAX_DEPTH + 1]),
            Err(ViewError::TooDeep(_))
        ));
    }
}
