//! Reading flows from a stream, one record at a time.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use bytes::Bytes;

use super::decode;
use super::upgrade::Upgrader;
use super::{ReadError, ReadErrorKind};
use crate::Flow;
use crate::har;
use crate::value::{MAX_LENGTH_DIGITS, ParseError, Raw, Tag};

/// Bytes of a record, at most: 4 GiB.
pub const MAX_RECORD: u64 = 4 << 30;

/// Bytes that are allocated before they have been seen. Most records fit.
const TRUSTED: u64 = 64 * 1024;

/// Bytes that are read at once.
const BUFFER: usize = 128 * 1024;

/// Reads a flow file of any version: an iterator that ends after the last record or the first error.
///
/// One record is in memory at a time, besides what the upgrade of old WebSocket files has to remember.
pub struct Reader<R> {
    input: BufReader<R>,
    /// Bytes of whole records so far.
    offset: u64,
    upgrader: Upgrader,
    done: bool,
}

impl<R: Read> Reader<R> {
    /// A reader from here on; it does its own buffering.
    pub fn new(input: R) -> Self {
        Self {
            input: BufReader::with_capacity(BUFFER, input),
            offset: 0,
            upgrader: Upgrader::default(),
            done: false,
        }
    }

    /// Bytes of the records read so far, from where reading began.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    fn read(&mut self) -> Result<Option<Flow>, ReadErrorKind> {
        let Some((len, digits)) = self.length()? else {
            return Ok(None);
        };
        if len > MAX_RECORD {
            return Err(ReadErrorKind::Malformed(ParseError::Length));
        }
        // The length is not trusted: memory grows with the bytes that are really there.
        let want = len + 1;
        let mut record = Vec::with_capacity(want.min(TRUSTED) as usize);
        (&mut self.input)
            .take(want)
            .read_to_end(&mut record)
            .map_err(ReadErrorKind::Io)?;
        if (record.len() as u64) < want {
            return Err(ReadErrorKind::Incomplete);
        }
        let tag = Tag::from_byte(record.pop().unwrap_or_default())?;
        let record = Bytes::from(record);
        let raw = Raw { tag, data: &record };
        let flow = decode::flow(&record, raw, &mut self.upgrader)?;
        self.offset += digits + 1 + want;
        Ok(Some(flow))
    }

    /// Reads `LENGTH ":"`; gives the length and its number of digits. `None` at the end of the file.
    fn length(&mut self) -> Result<Option<(u64, u64)>, ReadErrorKind> {
        let mut len: u64 = 0;
        for digits in 0..=MAX_LENGTH_DIGITS as u64 {
            match next_byte(&mut self.input).map_err(ReadErrorKind::Io)? {
                None if digits == 0 => return Ok(None),
                None => return Err(ReadErrorKind::Incomplete),
                Some(b':') if digits > 0 => return Ok(Some((len, digits))),
                Some(digit @ b'0'..=b'9') => len = len * 10 + u64::from(digit - b'0'),
                Some(_) => break,
            }
        }
        Err(ReadErrorKind::Malformed(ParseError::Length))
    }
}

/// The next byte, `None` at the end.
fn next_byte(input: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        match input.fill_buf() {
            Ok(buf) => {
                let byte = buf.first().copied();
                if byte.is_some() {
                    input.consume(1);
                }
                return Ok(byte);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Flow, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        match self.read() {
            Ok(Some(flow)) => Some(Ok(flow)),
            Ok(None) => {
                self.done = true;
                None
            }
            Err(kind) => {
                self.done = true;
                Some(Err(ReadError {
                    kind,
                    offset: self.offset,
                }))
            }
        }
    }
}

/// The first bytes that were looked at, and then the rest.
type Peeked<R> = Chain<Cursor<Vec<u8>>, R>;

/// Flows of a file of any kind that can be read.
enum Flows<R> {
    File(Box<Reader<Peeked<R>>>),
    Har(har::Importer),
    Failed(Option<ReadErrorKind>),
}

/// Reads flows from a flow file of any version or a HAR file, plain or compressed (`.zhar`).
///
/// The kind is told from the first bytes (flowfile.md §6): `{`, also after a byte order mark, is HAR, a zlib header
/// is compressed HAR, all else a flow file. Every flow before the first error is given.
pub fn open_flows<R: Read>(input: R) -> impl Iterator<Item = Result<Flow, ReadError>> {
    detect(input).unwrap_or_else(|kind| Flows::Failed(Some(kind)))
}

fn detect<R: Read>(mut input: R) -> Result<Flows<R>, ReadErrorKind> {
    let mut start = Vec::with_capacity(4);
    (&mut input)
        .take(4)
        .read_to_end(&mut start)
        .map_err(ReadErrorKind::Io)?;
    // 0x78 is the window size that all writers use; the check makes it a multiple of 31 (RFC 1950 §2.2).
    let is_zlib =
        matches!(start[..], [0x78, flags, ..] if (0x7800 + u16::from(flags)).is_multiple_of(31));
    let is_har = matches!(start[..], [b'{', ..] | [0xef, 0xbb, 0xbf, b'{']);
    let input = Cursor::new(start).chain(input);
    if is_zlib {
        let importer = har::Importer::read_compressed(input).map_err(ReadErrorKind::Har)?;
        return Ok(Flows::Har(importer));
    }
    if is_har {
        let importer = har::Importer::read(input).map_err(ReadErrorKind::Har)?;
        return Ok(Flows::Har(importer));
    }
    Ok(Flows::File(Box::new(Reader::new(input))))
}

impl<R: Read> Iterator for Flows<R> {
    type Item = Result<Flow, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let kind = match self {
            Self::File(reader) => return reader.next(),
            Self::Har(importer) => match importer.next()? {
                Ok(flow) => return Some(Ok(flow)),
                Err(error) => ReadErrorKind::Har(error),
            },
            Self::Failed(kind) => kind.take()?,
        };
        *self = Self::Failed(None);
        Some(Err(ReadError { kind, offset: 0 }))
    }
}
