//! One direction of a WebSocket conversation: what a side sends, and how it is written to the other.

use bytes::{Bytes, BytesMut};
use midwire_wire::websocket::{
    Close, Decoder, DeflateParameters, Event, FrameHeader, Item, Limits, MessageReader,
    MessageWriter, Opcode, Reserved, Role, Utf8Validator, WebSocketError, apply_mask,
};

/// One direction. The writer belongs to the same direction: it acts as the side that sends.
pub(super) struct Way {
    reader: Reader,
    writer: MessageWriter,
    closed: bool,
}

enum Reader {
    /// Messages are put together.
    Whole(MessageReader),
    /// Frames are passed on as they arrive.
    Live(Frames),
}

/// What a side has sent.
pub(super) enum Piece {
    /// A whole message or control frame.
    Item(Item),
    /// A part of a frame, to be passed on as it is.
    Frame(Bytes),
}

impl Way {
    /// A way on which whole messages are read.
    pub(super) fn whole(sender: Role, deflate: Option<DeflateParameters>, limits: Limits) -> Self {
        Self {
            reader: Reader::Whole(MessageReader::new(sender, deflate, limits)),
            writer: MessageWriter::new(sender, deflate),
            closed: false,
        }
    }

    /// A way on which frames pass live. Messages of our own are never compressed on it: we do not know the window.
    pub(super) fn live(sender: Role, deflate: Option<DeflateParameters>) -> Self {
        let reserved = deflate.map_or(Reserved::None, |_| Reserved::Deflate);
        Self {
            reader: Reader::Live(Frames::new(sender, reserved)),
            writer: MessageWriter::new(sender, None),
            closed: false,
        }
    }

    /// The next piece from the bytes that the side has sent.
    pub(super) fn read(&mut self, input: &mut BytesMut) -> Result<Option<Piece>, WebSocketError> {
        let piece = match &mut self.reader {
            Reader::Whole(messages) => messages.read(input)?.map(Piece::Item),
            Reader::Live(frames) => frames.read(input)?,
        };
        if let Some(Piece::Item(Item::Close(_))) = piece {
            self.closed = true;
        }
        Ok(piece)
    }

    /// The writer towards the other side.
    pub(super) fn writer(&mut self) -> &mut MessageWriter {
        &mut self.writer
    }

    /// The side has sent its close frame.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// A message is passing, so that no other can be put in.
    pub(super) fn is_inside_message(&self) -> bool {
        matches!(&self.reader, Reader::Live(frames) if frames.in_message)
    }

    /// A frame is passing, so that not even a control frame can be put in.
    pub(super) fn is_inside_frame(&self) -> bool {
        matches!(&self.reader, Reader::Live(frames) if frames.frame.is_some())
    }
}

/// Frames that pass on as they arrive, checked but not held.
struct Frames {
    decoder: Decoder,
    /// The frame that is passing, and how much of its payload has.
    frame: Option<(FrameHeader, u64)>,
    in_message: bool,
    /// Checks text that is not compressed.
    text: Option<Utf8Validator>,
}

impl Frames {
    fn new(sender: Role, reserved: Reserved) -> Self {
        Self {
            decoder: Decoder::new(sender, reserved),
            frame: None,
            in_message: false,
            text: None,
        }
    }

    fn read(&mut self, input: &mut BytesMut) -> Result<Option<Piece>, WebSocketError> {
        while let Some(event) = self.decoder.decode(input)? {
            match event {
                Event::Header(header) => return Ok(Some(self.header(header))),
                Event::Payload(payload) => return self.payload(&payload).map(Some),
                Event::End => self.end()?,
                Event::Ping(content) => return Ok(Some(Piece::Item(Item::Ping(content)))),
                Event::Pong(content) => return Ok(Some(Piece::Item(Item::Pong(content)))),
                Event::Close(close) => return Ok(Some(close_piece(close))),
            }
        }
        Ok(None)
    }

    fn header(&mut self, header: FrameHeader) -> Piece {
        match header.opcode {
            Opcode::Text if !header.rsv1 => self.text = Some(Utf8Validator::default()),
            Opcode::Text | Opcode::Binary => self.text = None,
            _ => {}
        }
        self.frame = Some((header, 0));
        self.in_message = true;
        let mut out = BytesMut::new();
        header.encode(&mut out);
        Piece::Frame(out.freeze())
    }

    fn payload(&mut self, payload: &[u8]) -> Result<Piece, WebSocketError> {
        if let Some(text) = &mut self.text {
            text.push(payload).map_err(|_| WebSocketError::Utf8)?;
        }
        let mut out = payload.to_vec();
        if let Some((header, done)) = &mut self.frame {
            // The peer's own key again, so that the same bytes arrive.
            if let Some(key) = header.mask {
                apply_mask(&mut out, key, *done);
            }
            *done = done.saturating_add(payload.len() as u64);
        }
        Ok(Piece::Frame(out.into()))
    }

    fn end(&mut self) -> Result<(), WebSocketError> {
        let fin = self.frame.take().is_some_and(|(header, _)| header.fin);
        if !fin {
            return Ok(());
        }
        self.in_message = false;
        match self.text.take() {
            Some(mut text) => text.finish().map_err(|_| WebSocketError::Utf8),
            None => Ok(()),
        }
    }
}

fn close_piece(close: Close) -> Piece {
    Piece::Item(Item::Close(close))
}

/// Masking keys: fresh and unpredictable (RFC 6455 §5.3), drawn in bulk.
#[derive(Default)]
pub(super) struct Masks {
    pool: Vec<[u8; 4]>,
    failed: bool,
}

impl Masks {
    /// The next key. Without randomness it is useless, which [`Masks::failed`] tells.
    pub(super) fn next(&mut self) -> [u8; 4] {
        if let Some(key) = self.pool.pop() {
            return key;
        }
        let mut bytes = [0; 4 * KEYS];
        if getrandom::fill(&mut bytes).is_err() {
            self.failed = true;
        }
        let (keys, _) = bytes.as_chunks::<4>();
        self.pool.extend_from_slice(keys);
        self.pool.pop().unwrap_or_default()
    }

    /// The system gave no randomness.
    pub(super) fn failed(&self) -> bool {
        self.failed
    }
}

/// Keys drawn at once.
const KEYS: usize = 64;
