//! Encoding as a stream.

use std::io::Write as _;

use brotli::CompressorWriter;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use zstd::stream::write::Encoder as ZstdEncoder;

use super::{CodecError, Coding};

/// Encodes content that comes in pieces.
///
/// Compression is the fastest that a coding has: what is encoded here crosses a local link.
pub struct Encoder {
    coding: Coding,
    stage: Stage,
}

enum Stage {
    Identity,
    Gzip(GzEncoder<Vec<u8>>),
    Zlib(ZlibEncoder<Vec<u8>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Zstd(ZstdEncoder<'static, Vec<u8>>),
}

/// Input that the Brotli encoder collects.
const BROTLI_BUFFER: usize = 4096;
const BROTLI_QUALITY: u32 = 0;
const BROTLI_WINDOW_LOG: u32 = 22;
const ZSTD_LEVEL: i32 = 1;

impl Encoder {
    /// An encoder for one coding.
    pub fn new(coding: Coding) -> Result<Self, CodecError> {
        let (out, fast) = (Vec::new(), Compression::fast());
        let stage = match coding {
            Coding::Identity => Stage::Identity,
            Coding::Gzip => Stage::Gzip(GzEncoder::new(out, fast)),
            Coding::Deflate => Stage::Zlib(ZlibEncoder::new(out, fast)),
            Coding::Brotli => Stage::Brotli(Box::new(CompressorWriter::new(
                out,
                BROTLI_BUFFER,
                BROTLI_QUALITY,
                BROTLI_WINDOW_LOG,
            ))),
            Coding::Zstd => Stage::Zstd(
                ZstdEncoder::new(out, ZSTD_LEVEL).map_err(|_| CodecError::Encode("zstd"))?,
            ),
        };
        Ok(Self { coding, stage })
    }

    /// Encodes a piece; what is ready is added to `out`, the rest waits for more.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        let result = match &mut self.stage {
            Stage::Identity => {
                out.extend_from_slice(input);
                Ok(())
            }
            Stage::Gzip(encoder) => encoder.write_all(input),
            Stage::Zlib(encoder) => encoder.write_all(input),
            Stage::Brotli(encoder) => encoder.write_all(input),
            Stage::Zstd(encoder) => encoder.write_all(input),
        };
        result.map_err(|_| self.error())?;
        self.drain(out);
        Ok(())
    }

    /// Adds all that was pushed to `out`, so that the other side can decode it now. Costs some bytes.
    pub fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let result = match &mut self.stage {
            Stage::Identity => Ok(()),
            Stage::Gzip(encoder) => encoder.flush(),
            Stage::Zlib(encoder) => encoder.flush(),
            Stage::Brotli(encoder) => encoder.flush(),
            Stage::Zstd(encoder) => encoder.flush(),
        };
        result.map_err(|_| self.error())?;
        self.drain(out);
        Ok(())
    }

    /// Ends the content.
    pub fn finish(self, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let error = self.error();
        let rest = match self.stage {
            Stage::Identity => return Ok(()),
            Stage::Gzip(encoder) => encoder.finish(),
            Stage::Zlib(encoder) => encoder.finish(),
            Stage::Brotli(encoder) => Ok(encoder.into_inner()),
            Stage::Zstd(encoder) => encoder.finish(),
        };
        out.extend_from_slice(&rest.map_err(|_| error)?);
        Ok(())
    }

    fn drain(&mut self, out: &mut Vec<u8>) {
        let ready = match &mut self.stage {
            Stage::Identity => return,
            Stage::Gzip(encoder) => encoder.get_mut(),
            Stage::Zlib(encoder) => encoder.get_mut(),
            Stage::Brotli(encoder) => encoder.get_mut(),
            Stage::Zstd(encoder) => encoder.get_mut(),
        };
        out.append(ready);
    }

    fn error(&self) -> CodecError {
        CodecError::Encode(self.coding.as_str())
    }
}
