//! The line in front of each chunk (RFC 9112 §7.1).

use bytes::{Buf, BytesMut};
use memchr::memchr3;

use super::Violation;
use super::chars::is_blank;

/// Reads chunk lines, one after the other; extensions are counted and dropped.
///
/// Nothing of a line stays in the buffer, so an endless one costs no memory.
#[derive(Debug, Default)]
pub(super) struct ChunkLine {
    part: Part,
    digits: u8,
    size: u64,
    /// Bytes of extensions in this line and in the whole body.
    in_line: usize,
    in_body: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Size,
    /// White space behind the size: some servers pad it.
    Padding,
    Extension,
    LineFeed,
}

impl ChunkLine {
    /// The size of the next chunk, once its line is complete.
    pub(super) fn decode(&mut self, buf: &mut BytesMut) -> Result<Option<u64>, Violation> {
        let mut used = 0;
        let result = self.advance(buf, &mut used);
        buf.advance(used.min(buf.len()));
        result
    }

    fn advance(&mut self, buf: &[u8], used: &mut usize) -> Result<Option<u64>, Violation> {
        while let Some(rest @ [byte, ..]) = buf.get(*used..) {
            let mut taken = 1;
            match self.part {
                Part::Size => self.size(*byte)?,
                Part::Padding => self.padding(*byte)?,
                Part::Extension => taken = self.extension(rest)?,
                Part::LineFeed if *byte == b'\n' => {
                    *used += 1;
                    return self.finish().map(Some);
                }
                Part::LineFeed => return Err(Violation::ChunkEnd),
            }
            *used += taken;
        }
        Ok(None)
    }

    fn size(&mut self, byte: u8) -> Result<(), Violation> {
        if let Some(digit) = char::from(byte).to_digit(16) {
            if self.digits == 16 {
                return Err(Violation::ChunkSize);
            }
            self.digits += 1;
            self.size = self.size << 4 | u64::from(digit);
            return Ok(());
        }
        if self.digits == 0 {
            return Err(Violation::ChunkSize);
        }
        self.padding(byte)
    }

    fn padding(&mut self, byte: u8) -> Result<(), Violation> {
        self.part = match byte {
            b'\r' => Part::LineFeed,
            b';' => Part::Extension,
            _ if is_blank(byte) => Part::Padding,
            b'\n' => return Err(Violation::ChunkEnd),
            _ => return Err(Violation::ChunkSize),
        };
        match self.part {
            Part::LineFeed => Ok(()),
            _ => self.count(1),
        }
    }

    /// Goes to the end of the extensions; what they say has no meaning for anybody.
    fn extension(&mut self, rest: &[u8]) -> Result<usize, Violation> {
        let Some(end) = memchr3(b'\r', b'\n', 0, rest) else {
            self.count(rest.len())?;
            return Ok(rest.len());
        };
        self.count(end)?;
        match rest.get(end) {
            Some(b'\r') => self.part = Part::LineFeed,
            Some(b'\n') => return Err(Violation::ChunkEnd),
            _ => return Err(Violation::Nul),
        }
        Ok(end + 1)
    }

    fn count(&mut self, bytes: usize) -> Result<(), Violation> {
        /// In one line.
        const LINE: usize = 16 * 1024;
        /// In one body.
        const BODY: usize = 64 * 1024;
        self.in_line = self.in_line.saturating_add(bytes);
        self.in_body = self.in_body.saturating_add(bytes);
        if self.in_line > LINE || self.in_body > BODY {
            return Err(Violation::ChunkExtensions);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<u64, Violation> {
        let size = self.size;
        *self = Self {
            in_body: self.in_body,
            ..Self::default()
        };
        match i64::try_from(size) {
            Ok(_) => Ok(size),
            Err(_) => Err(Violation::ChunkSize),
        }
    }
}
