//! The gzip coding (RFC 1952), read leniently.

use flate2::{Crc, Decompress, Status};

use super::CodecError;
use super::decoder::Progress;
use super::deflate::{inflate_step, is_zlib_header};

/// Decodes gzip content: all members, also with a zlib frame instead of gzip's, also when cut short. What follows the
/// last member is ignored.
pub(super) struct Gzip {
    part: Part,
    inflate: Decompress,
    crc: Crc,
    members: usize,
}

/// The part of a member that comes next. Arrays collect bytes that are needed together.
enum Part {
    /// The ten bytes at the beginning, of which so many are there.
    Head([u8; 10], usize),
    /// Length of the extra field, two bytes, then what flags say.
    ExtraLength([u8; 2], usize, u8),
    /// Bytes of the extra field that are to be skipped.
    Extra(usize, u8),
    /// Zero-terminated name, then comment.
    Text(u8),
    /// Checksum of the head, two bytes.
    HeadCheck(usize),
    Body,
    ZlibBody,
    /// CRC and length.
    Tail([u8; 8], usize),
    /// Nothing more is read.
    Done,
}

const HEAD_CHECK: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;

const CORRUPT: CodecError = CodecError::Corrupt("gzip");

impl Gzip {
    pub(super) fn new() -> Self {
        Self {
            part: Part::Head([0; 10], 0),
            inflate: Decompress::new(false),
            crc: Crc::new(),
            members: 0,
        }
    }

    pub(super) fn step(&mut self, input: &[u8], space: &mut [u8]) -> Result<Progress, CodecError> {
        match self.part {
            Part::Body => return self.body(input, space),
            Part::ZlibBody => return self.zlib_body(input, space),
            Part::Done => {
                return Ok(Progress {
                    read: input.len(),
                    written: 0,
                });
            }
            _ => {}
        }
        let mut read = 0;
        for &byte in input {
            match self.framing(byte)? {
                Taken::Yes => read += 1,
                Taken::No => break,
            }
            if matches!(self.part, Part::Body | Part::ZlibBody | Part::Done) {
                break;
            }
        }
        // A byte that was not taken begins the body, so there is progress with the next step.
        if read == 0 && !input.is_empty() && !matches!(self.part, Part::Head(..)) {
            return self.step(input, space);
        }
        Ok(Progress { read, written: 0 })
    }

    fn framing(&mut self, byte: u8) -> Result<Taken, CodecError> {
        match &mut self.part {
            Part::Head(head, have) => {
                put(head, have, byte);
                let (head, have) = (*head, *have);
                return self.head(head, have);
            }
            Part::ExtraLength(length, have, flags) => {
                put(length, have, byte);
                if *have == 2 {
                    let (length, flags) = (u16::from_le_bytes(*length), *flags);
                    self.part = match length {
                        0 => after_extra(flags),
                        n => Part::Extra(usize::from(n), flags),
                    };
                }
            }
            Part::Extra(left, flags) => {
                *left -= 1;
                if *left == 0 {
                    self.part = after_extra(*flags);
                }
            }
            Part::Text(flags) => {
                if byte == 0 {
                    let flags = *flags;
                    let done = if flags & NAME != 0 { NAME } else { COMMENT };
                    self.part = after_extra(flags & !done);
                }
            }
            Part::HeadCheck(left) => {
                *left -= 1;
                if *left == 0 {
                    self.part = Part::Body;
                }
            }
            Part::Tail(tail, have) => {
                put(tail, have, byte);
                if *have == 8 {
                    let tail = *tail;
                    self.tail(tail)?;
                }
            }
            Part::Body | Part::ZlibBody | Part::Done => return Ok(Taken::No),
        }
        Ok(Taken::Yes)
    }

    /// Looks at as much of the head as is there.
    fn head(&mut self, head: [u8; 10], have: usize) -> Result<Taken, CodecError> {
        let [first, second, method, flags, ..] = head;
        let wrong = match have {
            1 => first != 0x1f && (self.members > 0 || first & 0x0f != 8),
            2 if first != 0x1f && is_zlib_header(first, second) => {
                self.inflate = Decompress::new(true);
                // The header has been read; the decoder needs it all the same.
                inflate_step(&mut self.inflate, &[first, second], &mut [], "gzip")?;
                self.part = Part::ZlibBody;
                return Ok(Taken::Yes);
            }
            2 => first != 0x1f || second != 0x8b,
            3 => method != 8,
            4 => flags & 0xe0 != 0,
            _ => false,
        };
        if wrong && self.members > 0 {
            // Padding or junk behind the last member.
            self.part = Part::Done;
            return Ok(Taken::Yes);
        }
        if wrong {
            return Err(CORRUPT);
        }
        if have == 10 {
            self.part = match flags & EXTRA {
                0 => after_extra(flags),
                _ => Part::ExtraLength([0; 2], 0, flags),
            };
        }
        Ok(Taken::Yes)
    }

    fn body(&mut self, input: &[u8], space: &mut [u8]) -> Result<Progress, CodecError> {
        let (progress, status) = inflate_step(&mut self.inflate, input, space, "gzip")?;
        self.crc
            .update(space.get(..progress.written).unwrap_or_default());
        if status == Status::StreamEnd {
            self.part = Part::Tail([0; 8], 0);
        }
        Ok(progress)
    }

    fn zlib_body(&mut self, input: &[u8], space: &mut [u8]) -> Result<Progress, CodecError> {
        let (progress, status) = inflate_step(&mut self.inflate, input, space, "gzip")?;
        if status == Status::StreamEnd {
            self.part = Part::Done;
        }
        Ok(progress)
    }

    fn tail(&mut self, tail: [u8; 8]) -> Result<(), CodecError> {
        let expected = u64::from(self.crc.sum()) | u64::from(self.crc.amount()) << 32;
        if u64::from_le_bytes(tail) != expected {
            return Err(CORRUPT);
        }
        self.members = self.members.saturating_add(1);
        self.inflate.reset(false);
        self.crc.reset();
        self.part = Part::Head([0; 10], 0);
        Ok(())
    }
}

enum Taken {
    Yes,
    No,
}

fn put(array: &mut [u8], have: &mut usize, byte: u8) {
    if let Some(slot) = array.get_mut(*have) {
        *slot = byte;
        *have += 1;
    }
}

fn after_extra(flags: u8) -> Part {
    if flags & (NAME | COMMENT) != 0 {
        return Part::Text(flags & !EXTRA);
    }
    if flags & HEAD_CHECK != 0 {
        return Part::HeadCheck(2);
    }
    Part::Body
}
