//! The deflate coding: zlib, or bare deflate as some servers send it.

use flate2::{Decompress, FlushDecompress, Status};

use super::CodecError;
use super::decoder::Progress;

/// Decodes `deflate` content. The first two bytes tell whether there is a zlib frame (RFC 1950 §2.2).
pub(super) struct Deflate {
    inflate: Option<Decompress>,
    first: Option<u8>,
    done: bool,
}

impl Deflate {
    pub(super) fn new() -> Self {
        Self {
            inflate: None,
            first: None,
            done: false,
        }
    }

    pub(super) fn step(&mut self, input: &[u8], space: &mut [u8]) -> Result<Progress, CodecError> {
        if self.done {
            // What follows the end is ignored.
            return Ok(Progress {
                read: input.len(),
                written: 0,
            });
        }
        let Some(inflate) = &mut self.inflate else {
            return self.begin(input, space);
        };
        let (progress, status) = inflate_step(inflate, input, space, "deflate")?;
        self.done = status == Status::StreamEnd;
        Ok(progress)
    }

    pub(super) fn finish(&self) -> Result<(), CodecError> {
        let untouched = self.inflate.is_none() && self.first.is_none();
        if untouched || self.done {
            return Ok(());
        }
        Err(CodecError::Truncated("deflate"))
    }

    fn begin(&mut self, input: &[u8], space: &mut [u8]) -> Result<Progress, CodecError> {
        let Some(&byte) = input.first() else {
            return Ok(Progress::default());
        };
        let Some(first) = self.first else {
            self.first = Some(byte);
            return Ok(Progress {
                read: 1,
                written: 0,
            });
        };
        let mut inflate = Decompress::new(is_zlib_header(first, byte));
        // The first byte was kept back; alone it makes no output.
        inflate_step(&mut inflate, &[first], &mut [], "deflate")?;
        self.inflate = Some(inflate);
        self.step(input, space)
    }
}

/// True if these are the two bytes that begin zlib data without a preset dictionary.
pub(super) fn is_zlib_header(first: u8, second: u8) -> bool {
    let word = u16::from_be_bytes([first, second]);
    first & 0x0f == 8 && first >> 4 <= 7 && word.is_multiple_of(31) && second & 0x20 == 0
}

/// One step of inflating; an error names the coding.
pub(super) fn inflate_step(
    inflate: &mut Decompress,
    input: &[u8],
    space: &mut [u8],
    coding: &'static str,
) -> Result<(Progress, Status), CodecError> {
    let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
    let status = inflate
        .decompress(input, space, FlushDecompress::None)
        .map_err(|_| CodecError::Corrupt(coding))?;
    let progress = Progress {
        read: (inflate.total_in() - before_in) as usize,
        written: (inflate.total_out() - before_out) as usize,
    };
    Ok((progress, status))
}
