//! Decoding as a stream, with bounded steps.

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use zstd::stream::raw::{Decoder as RawZstd, InBuffer, Operation as _, OutBuffer};

use super::deflate::Deflate;
use super::gzip::Gzip;
use super::{CodecError, Coding, parse_list};

/// Decoded bytes held between two nested codings, and made in one step. Larger steps gain nothing.
const STEP: usize = 64 * 1024;

/// Zstandard windows above 32 MiB are refused. RFC 9659 allows 8 MiB in HTTP; files made with `--ultra` have more.
const ZSTD_WINDOW_LOG_MAX: u32 = 25;

/// Decodes content that comes in pieces, with at most as much output as the caller has room for.
pub struct Decoder {
    /// The coding applied last comes first.
    links: Vec<Link>,
}

/// One coding, and what it has decoded that the next one has not read.
struct Link {
    stage: Stage,
    waiting: Vec<u8>,
}

enum Stage {
    Gzip(Box<Gzip>),
    Deflate(Box<Deflate>),
    Brotli(Box<Brotli>),
    Zstd(Option<RawZstd<'static>>),
}

impl Decoder {
    /// A decoder for content to which these codings were applied in this order.
    pub fn new(codings: &[Coding]) -> Self {
        let links = codings.iter().rev().filter_map(|coding| {
            let stage = Stage::new(*coding)?;
            Some(Link {
                stage,
                waiting: Vec::new(),
            })
        });
        Self {
            links: links.collect(),
        }
    }

    /// A decoder for a Content-Encoding value.
    pub fn for_content_encoding(value: &[u8]) -> Result<Self, CodecError> {
        Ok(Self::new(&parse_list(value)?))
    }

    /// True if nothing is to be decoded.
    pub fn is_identity(&self) -> bool {
        self.links.is_empty()
    }

    /// Reads from `input` and adds at most `room` bytes to `out`; returns how many bytes were read.
    ///
    /// Call it again with the rest of the input until it neither reads nor adds anything.
    pub fn step(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        room: usize,
    ) -> Result<usize, CodecError> {
        pump(&mut self.links, input, out, room)
    }

    /// Decodes a whole piece; refuses to make more than `limit` bytes of it.
    pub fn push(&mut self, mut input: &[u8], limit: usize) -> Result<Vec<u8>, CodecError> {
        let mut out = Vec::new();
        loop {
            let before = out.len();
            // One byte beyond the limit shows that there is more.
            let room = limit.saturating_add(1).saturating_sub(before);
            let read = self.step(input, &mut out, room)?;
            if out.len() > limit {
                return Err(CodecError::TooLarge { limit });
            }
            if read == 0 && out.len() == before {
                return Ok(out);
            }
            input = input.get(read..).unwrap_or_default();
        }
    }

    /// Says whether the content may end here. All input must have gone through [`Decoder::step`].
    pub fn finish(&self) -> Result<(), CodecError> {
        self.links.iter().try_for_each(|link| link.stage.finish())
    }
}

fn pump(
    links: &mut [Link],
    input: &[u8],
    out: &mut Vec<u8>,
    room: usize,
) -> Result<usize, CodecError> {
    let Some((link, rest)) = links.split_first_mut() else {
        let read = input.len().min(room);
        out.extend_from_slice(input.get(..read).unwrap_or_default());
        return Ok(read);
    };
    if rest.is_empty() {
        return link.stage.step(input, out, room);
    }
    let end = out.len().saturating_add(room);
    let mut read = 0;
    loop {
        loop {
            let (before, space) = (out.len(), end.saturating_sub(out.len()));
            let taken = pump(rest, &link.waiting, out, space)?;
            link.waiting.drain(..taken);
            if taken == 0 && out.len() == before {
                break;
            }
        }
        if out.len() >= end {
            return Ok(read);
        }
        let space = STEP.saturating_sub(link.waiting.len());
        let before = link.waiting.len();
        let more = input.get(read..).unwrap_or_default();
        let taken = link.stage.step(more, &mut link.waiting, space)?;
        if taken == 0 && link.waiting.len() == before {
            return Ok(read);
        }
        read += taken;
    }
}

impl Stage {
    fn new(coding: Coding) -> Option<Self> {
        Some(match coding {
            Coding::Identity => return None,
            Coding::Gzip => Self::Gzip(Box::new(Gzip::new())),
            Coding::Deflate => Self::Deflate(Box::new(Deflate::new())),
            Coding::Brotli => Self::Brotli(Box::new(Brotli::new())),
            Coding::Zstd => Self::Zstd(new_zstd()),
        })
    }

    fn step(&mut self, input: &[u8], out: &mut Vec<u8>, room: usize) -> Result<usize, CodecError> {
        let start = out.len();
        out.resize(start.saturating_add(room.min(STEP)), 0);
        let space = out.get_mut(start..).unwrap_or_default();
        let result = match self {
            Self::Gzip(gzip) => gzip.step(input, space),
            Self::Deflate(deflate) => deflate.step(input, space),
            Self::Brotli(brotli) => brotli.step(input, space),
            Self::Zstd(zstd) => step_zstd(zstd.as_mut(), input, space),
        };
        let written = result.as_ref().map_or(0, |progress| progress.written);
        out.truncate(start.saturating_add(written));
        result.map(|progress| progress.read)
    }

    fn finish(&self) -> Result<(), CodecError> {
        match self {
            // Cut gzip and zstd content is as good as what is there (measured on the reference program).
            Self::Gzip(_) | Self::Zstd(_) => Ok(()),
            Self::Deflate(deflate) => deflate.finish(),
            Self::Brotli(brotli) => brotli.finish(),
        }
    }
}

/// What one step did.
#[derive(Clone, Copy, Default)]
pub(super) struct Progress {
    pub(super) read: usize,
    pub(super) written: usize,
}

fn new_zstd() -> Option<RawZstd<'static>> {
    use zstd::zstd_safe::DParameter;
    let mut decoder = RawZstd::new().ok()?;
    decoder
        .set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX))
        .ok()?;
    Some(decoder)
}

fn step_zstd(
    decoder: Option<&mut RawZstd<'static>>,
    input: &[u8],
    space: &mut [u8],
) -> Result<Progress, CodecError> {
    const CORRUPT: CodecError = CodecError::Corrupt("zstd");
    if space.is_empty() {
        return Ok(Progress::default());
    }
    let mut input = InBuffer::around(input);
    let mut output = OutBuffer::around(space);
    decoder
        .ok_or(CORRUPT)?
        .run(&mut input, &mut output)
        .map_err(|_| CORRUPT)?;
    Ok(Progress {
        read: input.pos(),
        written: output.pos(),
    })
}

struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    begun: bool,
    done: bool,
}

impl Brotli {
    fn new() -> Self {
        let alloc = StandardAlloc::default;
        Self {
            // Strict: windows end at 16 MiB (RFC 7932 §9.1).
            state: BrotliState::new_strict(alloc(), alloc(), alloc()),
            begun: false,
            done: false,
        }
    }

    fn step(&mut self, input: &[u8], space: &mut [u8]) -> Result<Progress, CodecError> {
        const CORRUPT: CodecError = CodecError::Corrupt("br");
        if self.done {
            return match input {
                [] => Ok(Progress::default()),
                _ => Err(CORRUPT),
            };
        }
        if space.is_empty() {
            return Ok(Progress::default());
        }
        self.begun |= !input.is_empty();
        let (mut available_in, mut available_out) = (input.len(), space.len());
        let mut progress = Progress::default();
        let mut total = 0;
        let result = BrotliDecompressStream(
            &mut available_in,
            &mut progress.read,
            input,
            &mut available_out,
            &mut progress.written,
            space,
            &mut total,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultFailure => Err(CORRUPT),
            BrotliResult::ResultSuccess => {
                self.done = true;
                Ok(progress)
            }
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => Ok(progress),
        }
    }

    fn finish(&self) -> Result<(), CodecError> {
        if self.begun && !self.done {
            return Err(CodecError::Truncated("br"));
        }
        Ok(())
    }
}
