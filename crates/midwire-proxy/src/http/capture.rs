//! The tee: a copy of content that passes, in memory while small and in a temporary file when large.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use midwire_flow::{Content, Spill};

/// Copies up to this size stay in memory; larger ones go to a temporary file.
const IN_MEMORY: usize = 512 * 1024;

/// Collects content while it passes.
pub(crate) enum Capture {
    /// Only counts.
    Count(u64),
    /// Keeps a copy in memory.
    Memory(BytesMut),
    /// Keeps a copy in a temporary file.
    File {
        file: File,
        len: u64,
        /// Somebody else reads the file, so that its position is not ours.
        shared: bool,
    },
}

impl Capture {
    /// A capture that only counts bytes.
    pub(crate) fn count() -> Self {
        Self::Count(0)
    }

    /// A capture that keeps a copy.
    pub(crate) fn copy() -> Self {
        Self::Memory(BytesMut::new())
    }

    /// Takes a piece. A copy that cannot be kept is given up with a warning; the content itself passes on.
    pub(crate) fn take(&mut self, data: &Bytes) {
        match self {
            Self::Count(size) => *size += data.len() as u64,
            Self::Memory(copy) if copy.len() + data.len() <= IN_MEMORY => {
                copy.extend_from_slice(data);
            }
            Self::Memory(copy) => {
                let begun = std::mem::take(copy);
                let size = begun.len() as u64 + data.len() as u64;
                *self = match spill(&begun, data) {
                    Ok(file) => Self::File {
                        file,
                        len: size,
                        shared: false,
                    },
                    Err(error) => give_up(&error, size),
                };
            }
            Self::File { file, len, shared } => {
                let end = *len;
                *len += data.len() as u64;
                let placed = match shared {
                    true => file.seek(SeekFrom::Start(end)).map(drop),
                    false => Ok(()),
                };
                if let Err(error) = placed.and_then(|()| file.write_all(data)) {
                    *self = give_up(&error, *len);
                }
            }
        }
    }

    /// A capture that goes on from here beside this one, whose content is to be read before the other one grows.
    /// A file is shared, not copied.
    pub(crate) fn fork(&mut self) -> Self {
        match self {
            Self::Memory(copy) => Self::Memory(copy.clone()),
            Self::Count(size) => Self::Count(*size),
            Self::File { file, len, shared } => match file.try_clone() {
                Ok(file) => {
                    *shared = true;
                    Self::File {
                        file,
                        len: *len,
                        shared: true,
                    }
                }
                Err(error) => give_up(&error, *len),
            },
        }
    }

    /// Gives the copy up; from now on bytes are only counted.
    pub(crate) fn give_up(&mut self) {
        *self = Self::Count(self.size());
    }

    /// The content as the flow records it.
    pub(crate) fn finish(self) -> Content {
        match self {
            Self::Count(0) => Content::Memory(Bytes::new()),
            Self::Count(size) => Content::Passed { size },
            Self::Memory(copy) => Content::Memory(copy.freeze()),
            Self::File { file, len, .. } => Content::Spilled(Arc::new(Spill::new(file, len))),
        }
    }

    /// Number of bytes so far.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Count(size) | Self::File { len: size, .. } => *size,
            Self::Memory(copy) => copy.len() as u64,
        }
    }
}

fn spill(begun: &[u8], data: &[u8]) -> std::io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(begun)?;
    file.write_all(data)?;
    Ok(file)
}

fn give_up(error: &std::io::Error, size: u64) -> Capture {
    tracing::warn!("cannot keep a copy of large content in a temporary file: {error}");
    Capture::Count(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_content_goes_to_a_file_and_reads_back() {
        let piece = Bytes::from(vec![b'x'; 100_000]);
        let mut capture = Capture::copy();
        for _ in 0..20 {
            capture.take(&piece);
        }
        let content = capture.finish();
        assert!(matches!(content, Content::Spilled(_)));
        assert_eq!(content.size(), Some(2_000_000));
        assert!(content.bytes().unwrap().iter().all(|b| *b == b'x'));
    }

    #[test]
    fn a_fork_goes_on_while_what_came_before_is_read() {
        for before in [10, 2_000_000] {
            let mut capture = Capture::copy();
            capture.take(&Bytes::from(vec![b'a'; before]));
            capture.take(&Bytes::from_static(b"b"));
            let mut fork = capture.fork();
            let begun = capture.finish();
            assert_eq!(begun.bytes().unwrap().len(), before + 1);
            for _ in 0..3 {
                // Reading moves the position of the file that both share.
                assert_eq!(begun.prefix(1).unwrap(), "a");
                fork.take(&Bytes::from_static(b"c"));
            }
            let all = fork.finish().bytes().unwrap();
            assert_eq!(all.len(), before + 4);
            assert!(all.ends_with(b"abccc"));
        }
    }

    #[test]
    fn counting_keeps_nothing_but_the_size() {
        let mut capture = Capture::count();
        capture.take(&Bytes::from_static(b"abc"));
        assert_eq!(capture.finish(), Content::Passed { size: 3 });
        assert_eq!(Capture::count().finish(), Content::Memory(Bytes::new()));
    }
}
