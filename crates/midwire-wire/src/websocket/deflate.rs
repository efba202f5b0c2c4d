//! Compression of messages (RFC 7692 §7.2).

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::{Sender, Takeover};

/// Tells whether a piece is the last of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// More pieces follow.
    No,
    /// The message ends with this piece.
    Yes,
}

/// Why a piece could not be decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// Not deflate data.
    #[error("not valid deflate data")]
    Malformed,
    /// The output would be larger than allowed.
    #[error("decompressed data larger than allowed")]
    TooLarge,
}

/// Decompresses the messages of one side, one after the other.
///
/// Holds up to 32 KiB of window once a message came, and nothing between messages without context takeover.
#[derive(Debug)]
pub struct Inflater {
    sender: Sender,
    inner: Option<Decompress>,
}

impl Inflater {
    /// A decompressor for what a side with these parameters sends.
    pub fn new(sender: Sender) -> Self {
        Self {
            sender,
            inner: None,
        }
    }

    /// Decompresses the next piece of a message and appends it to `out`, which grows to `limit` bytes and no more.
    ///
    /// After an error the state is undefined and the connection is to be closed.
    pub fn inflate(
        &mut self,
        piece: &[u8],
        last: Last,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), InflateError> {
        // The largest window reads what any smaller one wrote.
        let inner = self.inner.get_or_insert_with(|| Decompress::new(false));
        run(inner, piece, out, limit)?;
        if last == Last::No {
            return Ok(());
        }
        run(inner, &TAIL, out, limit)?;
        if self.sender.takeover == Takeover::None {
            self.inner = None;
        }
        Ok(())
    }
}

fn run(
    inner: &mut Decompress,
    mut input: &[u8],
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<(), InflateError> {
    let mut buffer = [0; BUFFER];
    loop {
        let (read, written) = (inner.total_in(), inner.total_out());
        let status = inner
            .decompress(input, &mut buffer, FlushDecompress::Sync)
            .map_err(|_| InflateError::Malformed)?;
        let read = (inner.total_in() - read) as usize;
        let written = (inner.total_out() - written) as usize;
        if written > limit.saturating_sub(out.len()) {
            return Err(InflateError::TooLarge);
        }
        out.extend_from_slice(buffer.get(..written).unwrap_or_default());
        input = input.get(read..).unwrap_or_default();
        // A final block may stand inside a message; another stream may follow (RFC 7692 §7.2.3.4).
        if status == Status::StreamEnd {
            inner.reset(false);
        }
        let idle = read == 0 && written == 0;
        if idle || (input.is_empty() && written < BUFFER) {
            return Ok(());
        }
    }
}

/// Compresses messages for one side, one after the other.
///
/// Holds up to 256 KiB once a message was sent, and nothing between messages without context takeover.
#[derive(Debug)]
pub struct Deflater {
    sender: Sender,
    inner: Option<Compress>,
}

impl Deflater {
    /// A compressor that keeps to these parameters.
    pub fn new(sender: Sender) -> Self {
        Self {
            sender,
            inner: None,
        }
    }

    /// Compresses the next piece of a message. Each piece is flushed, so that a frame of it can be read at once.
    ///
    /// # Errors
    ///
    /// Only if the compressor itself fails.
    pub fn deflate(&mut self, piece: &[u8], last: Last) -> Result<Vec<u8>, InflateError> {
        let bits = self.sender.window_bits.clamp(LEAST_WINDOW_BITS, 15);
        let inner = self.inner.get_or_insert_with(|| {
            Compress::new_with_window_bits(Compression::default(), false, bits)
        });
        let mut out = Vec::new();
        let mut input = piece;
        // A flush without new input writes nothing.
        while !piece.is_empty() {
            let mut buffer = [0; BUFFER];
            let (read, written) = (inner.total_in(), inner.total_out());
            inner
                .compress(input, &mut buffer, FlushCompress::Sync)
                .map_err(|_| InflateError::Malformed)?;
            let read = (inner.total_in() - read) as usize;
            let written = (inner.total_out() - written) as usize;
            out.extend_from_slice(buffer.get(..written).unwrap_or_default());
            input = input.get(read..).unwrap_or_default();
            if input.is_empty() && written < BUFFER {
                break;
            }
        }
        if last == Last::No {
            return Ok(out);
        }
        if out.is_empty() {
            // The first byte of an empty block, whose other four the reader adds (RFC 7692 §7.2.3.6).
            out.push(0);
        } else if out.ends_with(&TAIL) {
            out.truncate(out.len() - TAIL.len());
        } else {
            return Err(InflateError::Malformed);
        }
        if self.sender.takeover == Takeover::None {
            self.inner = None;
        }
        Ok(out)
    }
}

/// What the sender leaves out at the end of each message (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// Bytes of output made at once.
const BUFFER: usize = 8192;

/// The compressor knows no window of 256 bytes, but with one of 512 it refers back at most 250 bytes: its look-ahead
/// takes 262. So readers with a window of 256 bytes can read that.
const LEAST_WINDOW_BITS: u8 = 9;
