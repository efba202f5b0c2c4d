//! Replaces text in content while it passes, with no more in memory than the longest match.

use midwire_flow::codec::{self, CodecError, Decoder, Encoder};
use midwire_flow::pattern::{Ahead, Pattern, Template};

/// What is replaced by what.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What is looked for, a bytes pattern.
    pub pattern: Pattern,
    /// What takes its place.
    pub replacement: Template,
}

/// Why rules cannot be applied to content while it passes.
#[derive(Debug, thiserror::Error)]
pub enum NotStreamable {
    /// Whether such a pattern matches may depend on content without bound. The caller must hold the whole.
    #[error("pattern {0} needs the whole content")]
    Pattern(String),
    /// The coding of the content is not known; holding the whole would not help.
    #[error(transparent)]
    Coding(#[from] CodecError),
}

/// Matches that may be longer are not looked for in streams: each piece may cost a search through that much again.
const LONGEST: usize = 16 * 1024;

/// Decoded bytes that are handled at a time.
const STEP: usize = 64 * 1024;

/// Bytes kept as they came until something could be decoded.
const UNDECODED: usize = 64 * 1024;

/// Applies rules, one after another, to the decoded form of content that comes in pieces, and encodes it again.
///
/// The result is the same as for the whole content, however it is cut.
pub struct Rewriter {
    mode: Mode,
    /// One for each rule, in order.
    stages: Vec<Stage>,
}

enum Mode {
    /// Content is not encoded.
    Plain,
    Coded(Box<Coded>),
    /// It is not encoded as it says, so it is left alone.
    Raw,
}

struct Coded {
    decoder: Decoder,
    /// In the order in which they are applied.
    encoders: Vec<Encoder>,
    /// What came so far, as long as nothing could be decoded.
    undecoded: Option<Vec<u8>>,
}

impl Rewriter {
    /// Rules for content with this Content-Encoding value, which is empty without one.
    ///
    /// # Errors
    /// Rules that need the whole content, and codings that we do not know.
    pub fn new(rules: Vec<Rule>, content_encoding: &[u8]) -> Result<Self, NotStreamable> {
        let stages = rules
            .into_iter()
            .map(Stage::new)
            .collect::<Result<_, _>>()?;
        let decoder = Decoder::for_content_encoding(content_encoding)?;
        let mode = if decoder.is_identity() {
            Mode::Plain
        } else {
            let encoders = codec::parse_list(content_encoding)?
                .into_iter()
                .map(Encoder::new)
                .collect::<Result<_, _>>()?;
            Mode::Coded(Box::new(Coded {
                decoder,
                encoders,
                undecoded: Some(Vec::new()),
            }))
        };
        Ok(Self { mode, stages })
    }

    /// Takes a piece of content and gives what can go on in its place, which may be nothing yet.
    ///
    /// Content that turns out not to be encoded as it says passes unchanged if it does so from the beginning.
    ///
    /// # Errors
    /// Content that is broken further on. It cannot be completed.
    pub fn push(&mut self, input: &[u8]) -> Result<Vec<u8>, CodecError> {
        let coded = match &mut self.mode {
            Mode::Raw => return Ok(input.to_vec()),
            Mode::Plain => return Ok(run(&mut self.stages, input)),
            Mode::Coded(coded) => coded,
        };
        let pushed = coded.push(&mut self.stages, input);
        self.or_raw(pushed)
    }

    /// Gives what is left at the end of the content.
    ///
    /// # Errors
    /// Content that ends too early.
    pub fn finish(mut self) -> Result<Vec<u8>, CodecError> {
        let coded = match &mut self.mode {
            Mode::Raw => return Ok(Vec::new()),
            Mode::Plain => return Ok(finish(&mut self.stages)),
            Mode::Coded(coded) => coded,
        };
        let finished = coded.finish(&mut self.stages);
        self.or_raw(finished)
    }

    /// After a failure, the content as it came, if nothing else has been given yet.
    fn or_raw(&mut self, result: Result<Vec<u8>, CodecError>) -> Result<Vec<u8>, CodecError> {
        let error = match result {
            Ok(out) => return Ok(out),
            Err(error) => error,
        };
        let Mode::Coded(coded) = &mut self.mode else {
            return Err(error);
        };
        let Some(undecoded) = coded.undecoded.take() else {
            return Err(error);
        };
        tracing::warn!("content is left as it is: {error}");
        self.mode = Mode::Raw;
        Ok(undecoded)
    }
}

impl Coded {
    fn push(&mut self, stages: &mut [Stage], mut input: &[u8]) -> Result<Vec<u8>, CodecError> {
        if let Some(undecoded) = &mut self.undecoded {
            undecoded.extend_from_slice(input);
        }
        let mut out = Vec::new();
        let mut changed = false;
        loop {
            let mut decoded = Vec::new();
            let read = self.decoder.step(input, &mut decoded, STEP)?;
            if read == 0 && decoded.is_empty() {
                break;
            }
            input = input.get(read..).unwrap_or_default();
            if decoded.is_empty() {
                continue;
            }
            self.undecoded = None;
            let passed = run(stages, &decoded);
            changed |= !passed.is_empty();
            encode(&mut self.encoders, &passed, &mut out, Flush::No)?;
        }
        if self.undecoded.as_ref().is_some_and(|u| u.len() > UNDECODED) {
            self.undecoded = None;
        }
        if changed {
            // The other side may wait for just this piece.
            encode(&mut self.encoders, b"", &mut out, Flush::Yes)?;
        }
        Ok(out)
    }

    fn finish(&mut self, stages: &mut [Stage]) -> Result<Vec<u8>, CodecError> {
        // Empty content is empty in every coding.
        if self.undecoded.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Vec::new());
        }
        self.decoder.finish()?;
        let mut rest = finish(stages);
        for mut encoder in self.encoders.drain(..) {
            let mut out = Vec::new();
            encoder.push(&rest, &mut out)?;
            encoder.finish(&mut out)?;
            rest = out;
        }
        Ok(rest)
    }
}

#[derive(Clone, Copy)]
enum Flush {
    No,
    Yes,
}

/// Encodes a piece with all codings and adds the result to `out`.
fn encode(
    encoders: &mut [Encoder],
    input: &[u8],
    out: &mut Vec<u8>,
    flush: Flush,
) -> Result<(), CodecError> {
    let mut piece = input.to_vec();
    for encoder in encoders {
        let mut next = Vec::new();
        encoder.push(&piece, &mut next)?;
        if matches!(flush, Flush::Yes) {
            encoder.flush(&mut next)?;
        }
        piece = next;
    }
    out.extend_from_slice(&piece);
    Ok(())
}

fn run(stages: &mut [Stage], input: &[u8]) -> Vec<u8> {
    stages
        .iter_mut()
        .fold(input.to_vec(), |piece, stage| stage.push(&piece))
}

fn finish(stages: &mut [Stage]) -> Vec<u8> {
    stages.iter_mut().fold(Vec::new(), |piece, stage| {
        let mut out = stage.push(&piece);
        out.extend(stage.finish());
        out
    })
}

/// One rule at work.
struct Stage {
    rule: Rule,
    /// Bytes of the longest match, at least 1.
    longest: usize,
    /// Tells what of `held` waits for more bytes.
    ahead: Ahead,
    /// What is not decided yet: fewer bytes than the longest match.
    held: Vec<u8>,
}

impl Stage {
    fn new(rule: Rule) -> Result<Self, NotStreamable> {
        match (rule.pattern.longest_match(), rule.pattern.ahead()) {
            (Some(longest), Some(ahead)) if longest <= LONGEST => Ok(Self {
                rule,
                longest,
                ahead,
                held: Vec::new(),
            }),
            _ => Err(NotStreamable::Pattern(rule.pattern.as_str().into_owned())),
        }
    }

    fn push(&mut self, input: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(input);
        // A match that begins here or later might begin otherwise, or elsewhere, with more bytes. What cannot be the
        // beginning of one goes on at once: a client may wait for it.
        let tail = (self.held.len() + 1).saturating_sub(self.longest);
        let undecided = self.ahead.undecided(&self.held, tail);
        // The last match that counts ends where the next search begins, and no later than what is here.
        let mut decided = undecided;
        for found in self.rule.pattern.find_iter(&self.held) {
            match found.get(0) {
                Some(span) if span.start < undecided => decided = decided.max(span.end),
                _ => break,
            }
        }
        let rest = self.held.split_off(decided.min(self.held.len()));
        let done = std::mem::replace(&mut self.held, rest);
        self.replace(&done)
    }

    fn finish(&mut self) -> Vec<u8> {
        let rest = std::mem::take(&mut self.held);
        self.replace(&rest)
    }

    fn replace(&self, content: &[u8]) -> Vec<u8> {
        self.rule
            .pattern
            .replace_all(content, &self.rule.replacement)
            .into_owned()
    }
}

#[cfg(test)]
mod tests;
