//! Content of a message: where its bytes are.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Content of a message as transferred: framing removed, content codings still on (RFC 9110 §6.4).
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Content {
    /// Not there: not received yet, or dropped.
    #[default]
    Missing,
    /// Forwarded without a copy, since nobody asked for one. Reads as missing, only its size is known.
    Passed {
        /// Bytes that went through.
        size: u64,
    },
    /// In memory.
    Memory(Bytes),
    /// In an unnamed temporary file, since it is large.
    Spilled(Arc<Spill>),
}

impl Content {
    /// Number of bytes, also of content that was passed on without a copy; `None` if missing.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Missing => None,
            Self::Passed { size } => Some(*size),
            Self::Memory(bytes) => Some(bytes.len() as u64),
            Self::Spilled(spill) => Some(spill.len),
        }
    }

    /// True if there are bytes to read (which may be none: empty content is not missing).
    pub fn is_present(&self) -> bool {
        matches!(self, Self::Memory(_) | Self::Spilled(_))
    }

    /// The bytes; large content is read into memory. `None` if missing, or if the temporary file cannot be read.
    pub fn bytes(&self) -> Option<Bytes> {
        match self {
            Self::Missing | Self::Passed { .. } => None,
            Self::Memory(bytes) => Some(bytes.clone()),
            Self::Spilled(spill) => spill.read(0, usize::MAX).ok(),
        }
    }

    /// At most the first `limit` bytes.
    pub fn prefix(&self, limit: usize) -> Option<Bytes> {
        match self {
            Self::Missing | Self::Passed { .. } => None,
            Self::Memory(bytes) => Some(bytes.slice(..bytes.len().min(limit))),
            Self::Spilled(spill) => spill.read(0, limit).ok(),
        }
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self::Memory(bytes)
    }
}

/// Bytes in a temporary file that has no name any more and goes away with its last user, or in a part of a file.
#[derive(Debug)]
pub struct Spill {
    file: Arc<Mutex<File>>,
    start: u64,
    len: u64,
}

impl Spill {
    /// Takes over a file of which the first `len` bytes are content.
    pub fn new(file: File, len: u64) -> Self {
        Self::part(Arc::new(Mutex::new(file)), 0, len)
    }

    /// `len` bytes from `start` on of a file that holds other content as well.
    pub fn part(file: Arc<Mutex<File>>, start: u64, len: u64) -> Self {
        Self { file, start, len }
    }

    /// Number of bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True without any byte.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// At most `limit` bytes from `offset` on.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn read(&self, offset: u64, limit: usize) -> io::Result<Bytes> {
        let want = self.len.saturating_sub(offset).min(limit as u64);
        let mut out = Vec::with_capacity(want as usize);
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.start.saturating_add(offset)))?;
        (&mut *file).take(want).read_to_end(&mut out)?;
        Ok(Bytes::from(out))
    }

    /// Copies all bytes to `out` in pieces of 128 KiB.
    ///
    /// # Errors
    /// Those of the file system and of `out`.
    pub fn copy_to(&self, out: &mut dyn Write) -> io::Result<()> {
        const PIECE: usize = 128 * 1024;
        let mut offset = 0;
        while offset < self.len {
            let piece = self.read(offset, PIECE)?;
            if piece.is_empty() {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "temporary content file is too short",
                ));
            }
            out.write_all(&piece)?;
            offset += piece.len() as u64;
        }
        Ok(())
    }
}

impl PartialEq for Spill {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.read(0, usize::MAX).ok() == other.read(0, usize::MAX).ok()
    }
}
