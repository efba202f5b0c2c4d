//! Saving to a file that stays readable whatever happens.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, Write};
use std::path::{Path, PathBuf};

use super::encode::write_record;
use crate::Flow;
use crate::value::MAX_LENGTH_DIGITS;

/// Where to save flows: a path, with `+` in front to append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The file.
    pub path: PathBuf,
    /// Whether to keep what is there.
    pub mode: Mode,
}

/// What to do with a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Begin anew.
    Replace,
    /// Add to its end.
    Append,
}

impl Spec {
    /// Reads `PATH` or `+PATH`.
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix('+') {
            Some(path) => Self {
                path: path.into(),
                mode: Mode::Append,
            },
            None => Self {
                path: text.into(),
                mode: Mode::Replace,
            },
        }
    }
}

/// A flow file that is being written. A record that cannot be written whole is cut off again.
#[derive(Debug)]
pub struct FlowFile {
    file: File,
    /// End of the last whole record, if this is a plain file that can be cut.
    end: Option<u64>,
    cut: u64,
}

impl FlowFile {
    /// Opens or makes the file. To append, an incomplete last record is cut off first.
    ///
    /// # Errors
    /// Those of the file system; [`io::ErrorKind::InvalidData`] if flows cannot be appended since the file is
    /// no flow file.
    pub fn open(spec: &Spec) -> io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&spec.path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(Self {
                file,
                end: None,
                cut: 0,
            });
        }
        let end = match spec.mode {
            Mode::Replace => 0,
            Mode::Append => end_of_records(&spec.path, metadata.len())?,
        };
        let cut = match spec.mode {
            Mode::Replace => 0,
            Mode::Append => metadata.len() - end,
        };
        if end < metadata.len() {
            file.set_len(end)?;
        }
        Ok(Self {
            file,
            end: Some(end),
            cut,
        })
    }

    /// Bytes of an incomplete last record that were cut off to append.
    pub fn cut(&self) -> u64 {
        self.cut
    }

    /// Writes a flow and gives the length of its record.
    ///
    /// # Errors
    /// Those of the file system. Where the file allows it, nothing of the record is left in it then.
    pub fn add(&mut self, flow: &Flow) -> io::Result<u64> {
        let written = write_record(flow, &mut self.file).and_then(|len| {
            self.file.flush()?;
            Ok(len)
        });
        let Some(end) = &mut self.end else {
            return written;
        };
        match written {
            Ok(len) => {
                *end += len;
                Ok(len)
            }
            Err(error) => {
                // The first error is the one to report; without the cut a reader stops at the part.
                let _ = self.file.set_len(*end);
                Err(error)
            }
        }
    }

    /// Asks the system to put everything on the disk.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Where the last whole record ends. Records are skipped, not read.
fn end_of_records(path: &Path, size: u64) -> io::Result<u64> {
    let mut input = BufReader::new(File::open(path)?);
    let mut end = 0;
    while end < size {
        let Some((len, digits)) = length(&mut input)? else {
            break;
        };
        let next = len.checked_add(digits + 2).map(|total| end + total);
        let Some(next) = next.filter(|next| *next <= size) else {
            // A dict begins with the length of a key; anything else never was a record.
            let mut rest = input.fill_buf()?.iter().skip_while(|b| b.is_ascii_digit());
            if rest.next().is_some_and(|b| *b != b':') {
                return Err(not_a_flow_file(end));
            }
            break;
        };
        input.seek_relative(i64::try_from(len).map_err(io::Error::other)?)?;
        if input.fill_buf()?.first() != Some(&b'}') {
            return Err(not_a_flow_file(end));
        }
        input.consume(1);
        end = next;
    }
    Ok(end)
}

fn not_a_flow_file(offset: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("cannot append: not a flow file, invalid data at byte {offset}"),
    )
}

/// `LENGTH ":"` as length and number of digits; `None` if the file ends before the colon.
fn length(input: &mut BufReader<File>) -> io::Result<Option<(u64, u64)>> {
    let mut len: u64 = 0;
    for digits in 0..=MAX_LENGTH_DIGITS as u64 {
        let Some(byte) = input.fill_buf()?.first().copied() else {
            return Ok(None);
        };
        input.consume(1);
        match byte {
            b':' if digits > 0 => return Ok(Some((len, digits))),
            b'0'..=b'9' => len = len * 10 + u64::from(byte - b'0'),
            _ => break,
        }
    }
    Err(not_a_flow_file(input.stream_position()?.saturating_sub(1)))
}
