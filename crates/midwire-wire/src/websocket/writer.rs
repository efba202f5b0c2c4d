//! Messages as bytes.

use bytes::BytesMut;

use super::{
    DeflateParameters, Deflater, FrameHeader, InflateError, Item, Last, Message, MessageKind,
    Opcode, Role, encode_frame,
};

/// Encodes messages and control frames as one side of a connection.
#[derive(Debug)]
pub struct MessageWriter {
    sender: Role,
    deflater: Option<Deflater>,
}

impl MessageWriter {
    /// A writer that acts as `sender` under the agreed compression.
    pub fn new(sender: Role, deflate: Option<DeflateParameters>) -> Self {
        Self {
            sender,
            deflater: deflate.map(|parameters| Deflater::new(parameters.of(sender))),
        }
    }

    /// Appends the frames of an item to `out`.
    ///
    /// `mask_key` is asked once per frame for a fresh unpredictable key (RFC 6455 §5.3), only when acting as the
    /// client. A message is compressed if it came compressed and this connection can; its fragments are those of
    /// [`fragment_lengths`].
    ///
    /// # Errors
    ///
    /// Only if the compressor itself fails.
    pub fn write(
        &mut self,
        out: &mut BytesMut,
        item: &Item,
        mask_key: &mut dyn FnMut() -> [u8; 4],
    ) -> Result<(), InflateError> {
        let sender = self.sender;
        let mut mask = || (sender == Role::Client).then(&mut *mask_key);
        let (opcode, content) = match item {
            Item::Message(message) => return self.message(out, message, &mut mask),
            Item::Ping(content) => (Opcode::Ping, content.to_vec()),
            Item::Pong(content) => (Opcode::Pong, content.to_vec()),
            Item::Close(close) => (Opcode::Close, close.encode()),
        };
        let header = FrameHeader {
            fin: true,
            rsv1: false,
            opcode,
            mask: mask(),
            length: 0,
        };
        encode_frame(out, header, &content);
        Ok(())
    }

    fn message(
        &mut self,
        out: &mut BytesMut,
        message: &Message,
        mask: &mut dyn FnMut() -> Option<[u8; 4]>,
    ) -> Result<(), InflateError> {
        let mut deflater = self.deflater.as_mut().filter(|_| message.compressed);
        let lengths = fragment_lengths(message.content.len(), &message.fragments);
        let count = lengths.len();
        let mut rest = &message.content[..];
        for (position, length) in lengths.into_iter().enumerate() {
            let first = position == 0;
            let fin = position + 1 == count;
            let (piece, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            rest = after;
            let header = FrameHeader {
                fin,
                rsv1: first && deflater.is_some(),
                opcode: match message.kind {
                    _ if !first => Opcode::Continuation,
                    MessageKind::Text => Opcode::Text,
                    MessageKind::Binary => Opcode::Binary,
                },
                mask: mask(),
                length: 0,
            };
            let last = if fin { Last::Yes } else { Last::No };
            match &mut deflater {
                Some(deflater) => encode_frame(out, header, &deflater.deflate(piece, last)?),
                None => encode_frame(out, header, piece),
            }
        }
        Ok(())
    }
}

/// How to cut a message into frames: as it came if it still has that length, else in pieces of 4000 bytes.
pub fn fragment_lengths(length: usize, fragments: &[usize]) -> Vec<usize> {
    let total = fragments
        .iter()
        .try_fold(0_usize, |sum, part| sum.checked_add(*part));
    if !fragments.is_empty() && total == Some(length) {
        return fragments.to_vec();
    }
    let whole = length / PIECE;
    let rest = length % PIECE;
    let mut pieces = vec![PIECE; whole];
    if rest > 0 || whole == 0 {
        pieces.push(rest);
    }
    pieces
}

/// Bytes in a frame of a message whose length has changed, as mitmproxy cuts it.
const PIECE: usize = 4000;
