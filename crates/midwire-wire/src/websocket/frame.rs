//! Frames (RFC 6455 §5.2).

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::mask::apply_mask;
use super::{Close, Role, WebSocketError};

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// Goes on with a message.
    Continuation = 0,
    /// Begins a text message.
    Text = 1,
    /// Begins a binary message.
    Binary = 2,
    /// Ends the connection.
    Close = 8,
    /// Asks for a pong.
    Ping = 9,
    /// Answers a ping.
    Pong = 10,
}

impl Opcode {
    /// Tells whether frames of this kind may stand between the fragments of a message.
    pub fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    fn from_bits(bits: u8) -> Result<Self, WebSocketError> {
        match bits {
            0 => Ok(Self::Continuation),
            1 => Ok(Self::Text),
            2 => Ok(Self::Binary),
            8 => Ok(Self::Close),
            9 => Ok(Self::Ping),
            10 => Ok(Self::Pong),
            other => Err(WebSocketError::Opcode(other)),
        }
    }
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// The frame is the last of its message.
    pub fin: bool,
    /// The first reserved bit: the message is compressed (RFC 7692 §6).
    pub rsv1: bool,
    /// The kind.
    pub opcode: Opcode,
    /// The masking key; clients have one.
    pub mask: Option<[u8; 4]>,
    /// Length of the payload in bytes, below 2^63.
    pub length: u64,
}

impl FrameHeader {
    /// Writes the head, its length in the shortest form.
    pub fn encode(&self, out: &mut BytesMut) {
        let bit = |set, bit| if set { bit } else { 0 };
        out.put_u8(bit(self.fin, FIN) | bit(self.rsv1, RSV1) | self.opcode as u8);
        let masked = bit(self.mask.is_some(), MASKED);
        match self.length {
            short @ 0..=125 => out.put_u8(masked | short as u8),
            medium @ 126..=0xFFFF => {
                out.put_u8(masked | LENGTH_16);
                out.put_u16(medium as u16);
            }
            long => {
                out.put_u8(masked | LENGTH_64);
                out.put_u64(long);
            }
        }
        if let Some(key) = self.mask {
            out.put_slice(&key);
        }
    }

    /// Reads a head from the beginning of `bytes`; gives its own length as well, `None` while bytes are missing.
    fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, WebSocketError> {
        let mut rest = bytes;
        let (Ok(first), Ok(second)) = (rest.try_get_u8(), rest.try_get_u8()) else {
            return Ok(None);
        };
        if first & (RSV2 | RSV3) != 0 {
            return Err(WebSocketError::ReservedBit);
        }
        let opcode = Opcode::from_bits(first & 0x0F)?;
        let length = match second & !MASKED {
            LENGTH_16 => rest.try_get_u16().map(|length| (u64::from(length), 126)),
            LENGTH_64 => rest.try_get_u64().map(|length| (length, 1 << 16)),
            short => Ok((u64::from(short), 0)),
        };
        let Ok((length, least)) = length else {
            return Ok(None);
        };
        if length < least || length >> 63 != 0 {
            return Err(WebSocketError::Length);
        }
        let mask = if second & MASKED == 0 {
            None
        } else {
            let Ok(key) = rest.try_get_u32() else {
                return Ok(None);
            };
            Some(key.to_be_bytes())
        };
        let header = Self {
            fin: first & FIN != 0,
            rsv1: first & RSV1 != 0,
            opcode,
            mask,
            length,
        };
        Ok(Some((header, bytes.len() - rest.len())))
    }
}

/// Which reserved bits the negotiated extensions define.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// None: every one is a fault.
    None,
    /// The first, on the first frame of a message: permessage-deflate.
    Deflate,
}

/// A piece of the stream. The payload is unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The head of a data frame.
    Header(FrameHeader),
    /// A part of the payload of that frame, as it arrives; never empty.
    Payload(Bytes),
    /// The payload of that frame is complete.
    End,
    /// A whole ping, at most 125 bytes.
    Ping(Bytes),
    /// A whole pong, at most 125 bytes.
    Pong(Bytes),
    /// A whole close frame. Nothing that comes after it is looked at.
    Close(Close),
}

/// Decodes frames from one side and enforces the rules of RFC 6455 §5.
///
/// Nothing of a data frame's payload is held: it is handed out as it arrives. At most 139 bytes wait in the given
/// buffer, the largest control frame.
#[derive(Debug)]
pub struct Decoder {
    sender: Role,
    reserved: Reserved,
    state: State,
    /// A data message is not finished.
    in_message: bool,
}

#[derive(Debug)]
enum State {
    Header,
    Payload { header: FrameHeader, done: u64 },
    Closed,
}

impl Decoder {
    /// A decoder for what `sender` sends from the end of the handshake on.
    pub fn new(sender: Role, reserved: Reserved) -> Self {
        Self {
            sender,
            reserved,
            state: State::Header,
            in_message: false,
        }
    }

    /// Decodes the next event and takes its bytes; `Ok(None)` means that more bytes are needed.
    ///
    /// After an error the connection is to be closed with [`WebSocketError::close_code`].
    pub fn decode(&mut self, buf: &mut BytesMut) -> Result<Option<Event>, WebSocketError> {
        match self.state {
            State::Header => self.frame(buf),
            State::Payload { header, done } if done == header.length => {
                self.state = State::Header;
                Ok(Some(Event::End))
            }
            State::Payload { .. } if buf.is_empty() => Ok(None),
            State::Payload { header, done } => {
                let payload = payload(buf, header, done);
                let done = done.saturating_add(payload.len() as u64);
                self.state = State::Payload { header, done };
                Ok(Some(Event::Payload(payload)))
            }
            State::Closed => {
                buf.clear();
                Ok(None)
            }
        }
    }

    fn frame(&mut self, buf: &mut BytesMut) -> Result<Option<Event>, WebSocketError> {
        // The first two bytes suffice for most faults; a peer that stops there must not make us wait.
        if let [first, second, ..] = **buf {
            let opcode = Opcode::from_bits(first & 0x0F)?;
            if opcode.is_control() && first & FIN == 0 {
                return Err(WebSocketError::FragmentedControl);
            }
            if opcode.is_control() && second & !MASKED > 125 {
                return Err(WebSocketError::ControlTooLong);
            }
        }
        let Some((header, head_length)) = FrameHeader::decode(buf)? else {
            return Ok(None);
        };
        self.check(&header)?;
        if !header.opcode.is_control() {
            buf.advance(head_length);
            self.in_message = !header.fin;
            self.state = State::Payload { header, done: 0 };
            return Ok(Some(Event::Header(header)));
        }

        // At most 125 bytes, as checked above.
        if buf.len() < head_length.saturating_add(header.length as usize) {
            return Ok(None);
        }
        buf.advance(head_length);
        let content = payload(buf, header, 0);
        Ok(Some(match header.opcode {
            Opcode::Ping => Event::Ping(content),
            Opcode::Pong => Event::Pong(content),
            _ => {
                let close = Close::decode(&content)?;
                self.state = State::Closed;
                Event::Close(close)
            }
        }))
    }

    fn check(&self, header: &FrameHeader) -> Result<(), WebSocketError> {
        match (self.sender, header.mask) {
            (Role::Client, None) => return Err(WebSocketError::NotMasked),
            (Role::Server, Some(_)) => return Err(WebSocketError::Masked),
            _ => {}
        }
        let begins = matches!(header.opcode, Opcode::Text | Opcode::Binary);
        if header.rsv1 && !(begins && self.reserved == Reserved::Deflate) {
            return Err(WebSocketError::ReservedBit);
        }
        match header.opcode {
            Opcode::Continuation if !self.in_message => Err(WebSocketError::UnexpectedContinuation),
            Opcode::Text | Opcode::Binary if self.in_message => {
                Err(WebSocketError::InterruptedMessage)
            }
            _ => Ok(()),
        }
    }
}

/// Takes what is there of a frame's payload, from position `done` on, and unmasks it.
fn payload(buf: &mut BytesMut, header: FrameHeader, done: u64) -> Bytes {
    let missing = header.length.saturating_sub(done);
    let length = usize::try_from(missing)
        .unwrap_or(usize::MAX)
        .min(buf.len());
    let mut content = buf.split_to(length);
    if let Some(key) = header.mask {
        apply_mask(&mut content, key, done);
    }
    content.freeze()
}

/// Writes one frame; `header.length` is ignored in favour of the payload's.
pub fn encode_frame(out: &mut BytesMut, header: FrameHeader, payload: &[u8]) {
    let header = FrameHeader {
        length: payload.len() as u64,
        ..header
    };
    header.encode(out);
    let start = out.len();
    out.put_slice(payload);
    if let (Some(key), Some(content)) = (header.mask, out.get_mut(start..)) {
        apply_mask(content, key, 0);
    }
}

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2: u8 = 0x20;
const RSV3: u8 = 0x10;
const MASKED: u8 = 0x80;
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;
