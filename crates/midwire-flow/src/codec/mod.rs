//! Content codings (RFC 9110 §8.4.1): decoding within limits, encoding, whole or as a stream.

mod decoder;
mod deflate;
mod encoder;
mod gzip;

pub use decoder::Decoder;
pub use encoder::Encoder;

/// Codings in one field value beyond this number are not decoded (security.md §2).
pub const MAX_NESTING: usize = 4;

/// A content coding that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// `identity` or `none`: nothing is done.
    Identity,
    /// gzip (RFC 1952).
    Gzip,
    /// zlib (RFC 1950), read also without the zlib frame as some servers send it.
    Deflate,
    /// Brotli (RFC 7932).
    Brotli,
    /// Zstandard (RFC 8878).
    Zstd,
}

impl Coding {
    /// Reads the name of a coding, in any case. `None` if we do not know it.
    pub fn parse(name: &str) -> Option<Self> {
        const NAMES: [(&str, Coding); 7] = [
            ("identity", Coding::Identity),
            ("none", Coding::Identity),
            ("gzip", Coding::Gzip),
            ("deflate", Coding::Deflate),
            ("deflateraw", Coding::Deflate),
            ("br", Coding::Brotli),
            ("zstd", Coding::Zstd),
        ];
        NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, coding)| *coding)
    }

    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }
}

/// Why content cannot be decoded or encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The name of the coding is not known.
    #[error("unknown content coding: {0}")]
    Unknown(String),
    /// More codings in one value than [`MAX_NESTING`].
    #[error("more than {MAX_NESTING} content codings")]
    Nested,
    /// The decoded content would be larger than allowed.
    #[error("decoded content is larger than {limit} bytes")]
    TooLarge {
        /// Bytes that were allowed.
        limit: usize,
    },
    /// The bytes are not what the coding says.
    #[error("content is not valid {0}")]
    Corrupt(&'static str),
    /// The bytes end too early.
    #[error("{0} content is incomplete")]
    Truncated(&'static str),
    /// The encoder failed, for want of memory.
    #[error("cannot encode as {0}")]
    Encode(&'static str),
}

/// Decodes content with one coding, e.g. `gzip`; the result has at most `limit` bytes.
///
/// Empty content is empty in every coding. Content cut short is an error except for gzip and zstd, where what is
/// there is given.
pub fn decode(data: &[u8], coding: &str, limit: usize) -> Result<Vec<u8>, CodecError> {
    run(&[parse(coding)?], data, limit)
}

/// Decodes content with the codings of a Content-Encoding value, the last one first (RFC 9110 §8.4).
pub fn decode_all(
    data: &[u8],
    content_encoding: &[u8],
    limit: usize,
) -> Result<Vec<u8>, CodecError> {
    run(&parse_list(content_encoding)?, data, limit)
}

/// The beginning of decoded content, for views.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Decoded bytes, at most as many as asked for.
    pub bytes: Vec<u8>,
    /// There is more content behind `bytes`.
    pub more: bool,
    /// Why decoding ended early. `bytes` are still what came before.
    pub error: Option<CodecError>,
}

/// Decodes no more than the first `limit` bytes.
pub fn decode_prefix(data: &[u8], content_encoding: &[u8], limit: usize) -> Prefix {
    let mut decoder = PrefixDecoder::new(content_encoding, limit);
    decoder.push(data);
    decoder.finish()
}

/// Decodes the beginning of content that comes in pieces.
pub struct PrefixDecoder {
    /// Gone when there is nothing more to do.
    decoder: Option<Decoder>,
    prefix: Prefix,
    limit: usize,
}

impl PrefixDecoder {
    /// Will decode at most `limit` bytes of content with these codings.
    pub fn new(content_encoding: &[u8], limit: usize) -> Self {
        let (decoder, error) = match Decoder::for_content_encoding(content_encoding) {
            Ok(decoder) => (Some(decoder), None),
            Err(error) => (None, Some(error)),
        };
        Self {
            decoder,
            prefix: Prefix {
                bytes: Vec::new(),
                more: false,
                error,
            },
            limit,
        }
    }

    /// Takes the next piece; true if more would be of use.
    pub fn push(&mut self, data: &[u8]) -> bool {
        let Some(decoder) = &mut self.decoder else {
            return false;
        };
        match fill(decoder, data, &mut self.prefix.bytes, self.limit) {
            Ok(false) => return true,
            Ok(true) => self.prefix.more = true,
            Err(error) => self.prefix.error = Some(error),
        }
        self.decoder = None;
        false
    }

    /// What was decoded. The content ends here unless there was enough.
    pub fn finish(mut self) -> Prefix {
        if let Some(Err(error)) = self.decoder.map(|decoder| decoder.finish()) {
            self.prefix.error = Some(error);
        }
        self.prefix
    }
}

/// Encodes content with one coding.
pub fn encode(data: &[u8], coding: &str) -> Result<Vec<u8>, CodecError> {
    let coding = parse(coding)?;
    if coding == Coding::Identity {
        return Ok(data.to_vec());
    }
    let mut encoder = Encoder::new(coding)?;
    let mut out = Vec::new();
    encoder.push(data, &mut out)?;
    encoder.finish(&mut out)?;
    Ok(out)
}

/// The codings of a Content-Encoding value in the order in which they were applied.
pub fn parse_list(content_encoding: &[u8]) -> Result<Vec<Coding>, CodecError> {
    let mut codings = Vec::new();
    for name in content_encoding.split(|b| *b == b',') {
        let name = name.trim_ascii();
        if name.is_empty() {
            continue;
        }
        if codings.len() == MAX_NESTING {
            return Err(CodecError::Nested);
        }
        codings.push(parse(&String::from_utf8_lossy(name))?);
    }
    Ok(codings)
}

fn parse(name: &str) -> Result<Coding, CodecError> {
    Coding::parse(name).ok_or_else(|| CodecError::Unknown(name.to_owned()))
}

/// Decoded bytes that are held before it is known that the whole is within its limit.
///
/// A few hundred bytes can grow to any limit, so what would be larger is measured first, in little memory.
const HELD_UNMEASURED: usize = if cfg!(test) { 64 << 10 } else { 16 << 20 };

fn run(codings: &[Coding], data: &[u8], limit: usize) -> Result<Vec<u8>, CodecError> {
    let mut decoder = Decoder::new(codings);
    if decoder.is_identity() {
        // Nothing expands here, so there is nothing to limit.
        return Ok(data.to_vec());
    }
    let mut out = Vec::new();
    if fill(&mut decoder, data, &mut out, limit.min(HELD_UNMEASURED))? {
        drop(out);
        let length = measure(Decoder::new(codings), data, limit)?;
        out = Vec::with_capacity(length);
        decoder = Decoder::new(codings);
        fill(&mut decoder, data, &mut out, length)?;
    }
    decoder.finish()?;
    Ok(out)
}

/// How long content is once decoded.
fn measure(mut decoder: Decoder, mut data: &[u8], limit: usize) -> Result<usize, CodecError> {
    let mut length = 0_usize;
    let mut piece = Vec::new();
    loop {
        let read = decoder.step(data, &mut piece, MEASURED_PIECE)?;
        data = data.get(read..).unwrap_or_default();
        if read == 0 && piece.is_empty() {
            return Ok(length);
        }
        length = length.saturating_add(piece.len());
        if length > limit {
            return Err(CodecError::TooLarge { limit });
        }
        piece.clear();
    }
}

/// Bytes that are made at a time while content is measured.
const MEASURED_PIECE: usize = 64 * 1024;

/// Decodes up to `limit` bytes into `out`; true if there is at least one more.
fn fill(
    decoder: &mut Decoder,
    mut data: &[u8],
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<bool, CodecError> {
    // One byte beyond the limit tells whether there is more.
    let room = limit.saturating_add(1);
    loop {
        let before = out.len();
        let read = decoder.step(data, out, room.saturating_sub(before))?;
        data = data.get(read..).unwrap_or_default();
        if out.len() > limit {
            out.truncate(limit);
            return Ok(true);
        }
        if read == 0 && out.len() == before {
            break;
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
