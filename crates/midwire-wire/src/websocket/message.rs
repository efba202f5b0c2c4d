//! Whole messages from frames.

use bytes::{Bytes, BytesMut};

use super::{
    Close, Decoder, DeflateParameters, Event, FrameHeader, InflateError, Inflater, Last, Opcode,
    Reserved, Role, Utf8Validator, WebSocketError,
};

/// Text or binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Text or binary; text is checked to be UTF-8.
    pub kind: MessageKind,
    /// The content, decompressed.
    pub content: Bytes,
    /// How many bytes of the content came in each frame; zeros are possible.
    pub fragments: Vec<usize>,
    /// The message came compressed.
    pub compressed: bool,
}

/// What a stream of frames says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A whole message.
    Message(Message),
    /// A ping.
    Ping(Bytes),
    /// A pong.
    Pong(Bytes),
    /// The end.
    Close(Close),
}

/// How much of a message is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one message, decompressed.
    pub message_bytes: usize,
    /// Most frames of one message.
    pub fragments: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 64 * 1024 * 1024,
            fragments: 16384,
        }
    }
}

/// Puts messages together: joins fragments, decompresses, checks that text is UTF-8 as it arrives.
///
/// Holds one message, within [`Limits`].
#[derive(Debug)]
pub struct Assembler {
    limits: Limits,
    inflater: Option<Inflater>,
    current: Option<Partial>,
}

#[derive(Debug)]
struct Partial {
    kind: MessageKind,
    compressed: bool,
    content: Vec<u8>,
    fragments: Vec<usize>,
    /// Content bytes before the present frame.
    frame_start: usize,
    fin: bool,
    utf8: Utf8Validator,
}

impl Assembler {
    /// An assembler for one side; `inflater` if permessage-deflate is in use.
    pub fn new(limits: Limits, inflater: Option<Inflater>) -> Self {
        Self {
            limits,
            inflater,
            current: None,
        }
    }

    /// Takes the next event of a [`Decoder`] and gives what it completes.
    pub fn push(&mut self, event: Event) -> Result<Option<Item>, WebSocketError> {
        match event {
            Event::Header(header) => self.header(header).map(|()| None),
            Event::Payload(piece) => self.payload(&piece).map(|()| None),
            Event::End => Ok(self.end()?.map(Item::Message)),
            Event::Ping(content) => Ok(Some(Item::Ping(content))),
            Event::Pong(content) => Ok(Some(Item::Pong(content))),
            Event::Close(close) => Ok(Some(Item::Close(close))),
        }
    }

    fn header(&mut self, header: FrameHeader) -> Result<(), WebSocketError> {
        let kind = match header.opcode {
            Opcode::Text => MessageKind::Text,
            _ => MessageKind::Binary,
        };
        let partial = self.current.get_or_insert_with(|| Partial {
            kind,
            compressed: header.rsv1,
            content: Vec::new(),
            fragments: Vec::new(),
            frame_start: 0,
            fin: false,
            utf8: Utf8Validator::default(),
        });
        if partial.fragments.len() >= self.limits.fragments {
            return Err(WebSocketError::TooManyFragments(self.limits.fragments));
        }
        // Known beforehand, so that nothing of a hopeless message is waited for.
        let free = self
            .limits
            .message_bytes
            .saturating_sub(partial.content.len());
        if !partial.compressed && header.length > free as u64 {
            return Err(WebSocketError::MessageTooLarge(self.limits.message_bytes));
        }
        partial.frame_start = partial.content.len();
        partial.fin = header.fin;
        Ok(())
    }

    fn payload(&mut self, piece: &[u8]) -> Result<(), WebSocketError> {
        match &self.current {
            Some(partial) if partial.compressed => self.inflate(piece, Last::No),
            Some(_) => self.append(piece),
            None => Ok(()),
        }
    }

    fn append(&mut self, piece: &[u8]) -> Result<(), WebSocketError> {
        let limit = self.limits.message_bytes;
        let Some(partial) = &mut self.current else {
            return Ok(());
        };
        if piece.len() > limit.saturating_sub(partial.content.len()) {
            return Err(WebSocketError::MessageTooLarge(limit));
        }
        let start = partial.content.len();
        partial.content.extend_from_slice(piece);
        partial.check_text(start)
    }

    fn inflate(&mut self, piece: &[u8], last: Last) -> Result<(), WebSocketError> {
        let limit = self.limits.message_bytes;
        let (Some(partial), Some(inflater)) = (&mut self.current, &mut self.inflater) else {
            return Err(WebSocketError::ReservedBit);
        };
        let start = partial.content.len();
        inflater
            .inflate(piece, last, &mut partial.content, limit)
            .map_err(|error| match error {
                InflateError::Malformed => WebSocketError::Deflate,
                InflateError::TooLarge => WebSocketError::MessageTooLarge(limit),
            })?;
        partial.check_text(start)
    }

    fn end(&mut self) -> Result<Option<Message>, WebSocketError> {
        if self
            .current
            .as_ref()
            .is_some_and(|partial| partial.fin && partial.compressed)
        {
            self.inflate(&[], Last::Yes)?;
        }
        let Some(partial) = &mut self.current else {
            return Ok(None);
        };
        partial
            .fragments
            .push(partial.content.len() - partial.frame_start);
        if !partial.fin {
            return Ok(None);
        }
        if partial.kind == MessageKind::Text {
            partial.utf8.finish().map_err(|_| WebSocketError::Utf8)?;
        }
        Ok(self.current.take().map(|partial| Message {
            kind: partial.kind,
            content: Bytes::from(partial.content),
            fragments: partial.fragments,
            compressed: partial.compressed,
        }))
    }
}

impl Partial {
    fn check_text(&mut self, start: usize) -> Result<(), WebSocketError> {
        if self.kind == MessageKind::Binary {
            return Ok(());
        }
        let new = self.content.get(start..).unwrap_or_default();
        self.utf8.push(new).map_err(|_| WebSocketError::Utf8)
    }
}

/// Decodes one side of a connection into messages and control frames.
#[derive(Debug)]
pub struct MessageReader {
    decoder: Decoder,
    assembler: Assembler,
}

impl MessageReader {
    /// A reader for what `sender` sends under the agreed compression.
    pub fn new(sender: Role, deflate: Option<DeflateParameters>, limits: Limits) -> Self {
        let reserved = deflate.map_or(Reserved::None, |_| Reserved::Deflate);
        let inflater = deflate.map(|parameters| Inflater::new(parameters.of(sender)));
        Self {
            decoder: Decoder::new(sender, reserved),
            assembler: Assembler::new(limits, inflater),
        }
    }

    /// Decodes the next item and takes its bytes; `Ok(None)` means that more bytes are needed.
    ///
    /// After an error both peers are to be told with [`WebSocketError::close_code`].
    pub fn read(&mut self, buf: &mut BytesMut) -> Result<Option<Item>, WebSocketError> {
        while let Some(event) = self.decoder.decode(buf)? {
            if let Some(item) = self.assembler.push(event)? {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }
}
