//! Frames between the program and the script host: a header of twelve bytes at fixed offsets, then the payload.
//!
//! The protocol is described in docs/script-protocol.md. All numbers are little-endian, as [`crate::value`] has them.

use bytes::{Buf, Bytes, BytesMut};

/// Version of the protocol. Both sides come from one build, so another version is refused, never translated.
pub const VERSION: i64 = 2;

/// Bytes of a frame before its payload.
pub const HEADER: usize = 12;

/// Largest payload that is accepted. What is larger crosses as a file.
pub const MAX_PAYLOAD: usize = 16 << 20;

/// Added to the number of a hook in [`Head::detail`]: the flow is over after it, so the host lets go of it by itself.
pub const LAST: u16 = 0x8000;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Asks for an answer with the same id.
    Call,
    /// The answer to a call.
    Answer,
    /// The call has failed; the payload is a text.
    Failure,
    /// Wants no answer.
    Note,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Self::Call => 1,
            Self::Answer => 2,
            Self::Failure => 3,
            Self::Note => 4,
        }
    }

    fn of(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Call,
            2 => Self::Answer,
            3 => Self::Failure,
            4 => Self::Note,
            _ => return None,
        })
    }
}

macro_rules! ops {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal,)+) => {
        /// What a call or note is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Op { $($(#[doc = $doc])+ $name = $code,)+ }

        impl Op {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            fn of(code: u8) -> Option<Self> {
                Some(match code { $($code => Self::$name,)+ _ => return None })
            }
        }
    };
}

ops! {
    /// Core to host: load scripts; also the greeting with the protocol's version.
    Load = 1,
    /// Core to host: a hook; `detail` is its number.
    Hook = 2,
    /// Core to host: options have changed.
    Configure = 3,
    /// Core to host: the listeners are up.
    Running = 4,
    /// Core to host: the end.
    Done = 5,
    /// Core to host: a piece of a streamed message.
    Stream = 6,
    /// Core to host: run a command of a script.
    RunCommand = 7,
    /// Core to host: flows and connections that the core forgets.
    Forget = 8,
    /// Core to host: answer, if you live.
    Ping = 9,
    /// Core to host: flows were changed.
    Update = 10,
    /// Core to host: a line of the log.
    LogEntry = 11,
    /// Core to host: show content with a view of a script.
    Render = 12,
    /// Host to core: set options.
    SetOptions = 32,
    /// Host to core: declare an option.
    AddOption = 33,
    /// Host to core: run a command of the core.
    CallCommand = 34,
    /// Host to core: declare a command.
    AddCommand = 35,
    /// Host to core: the content of a message.
    Content = 36,
    /// Host to core: a script has resumed a held flow, or ended it.
    Resume = 37,
    /// Host to core: run the hooks of a flow.
    LoadFlow = 38,
    /// Host to core: the flows that a specification means.
    Resolve = 39,
    /// Host to core: undo or apply a content coding.
    Coding = 40,
    /// Host to core: read a file of flows.
    ReadFlows = 41,
    /// Host to core: a script has registered a content view.
    AddView = 42,
    /// Host to core: a line for the log.
    Log = 48,
    /// Host to core: the hooks that scripts define.
    Interest = 49,
    /// Host to core: objects that no script holds any more.
    Gone = 50,
    /// Host to core: end the program.
    Shutdown = 51,
}

/// The header of a frame without the length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// What it is.
    pub kind: Kind,
    /// What it is about.
    pub op: Op,
    /// Depends on `op`; 0 where it has no meaning.
    pub detail: u16,
    /// Ties an answer to its call; each side counts its own calls.
    pub id: u32,
}

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its header.
    pub head: Head,
    /// One value, see [`crate::value`].
    pub payload: Bytes,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// More than [`MAX_PAYLOAD`].
    #[error("frame of {0} bytes")]
    TooLarge(u32),
    /// An unknown kind.
    #[error("frame of kind {0}")]
    Kind(u8),
    /// An unknown subject.
    #[error("frame with operation {0}")]
    Op(u8),
}

/// Appends a frame, whose payload `put` writes.
///
/// # Errors
/// The payload is larger than [`MAX_PAYLOAD`]; nothing is appended then.
pub fn encode(
    out: &mut Vec<u8>,
    head: Head,
    put: impl FnOnce(&mut Vec<u8>),
) -> Result<(), FrameError> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.push(head.kind.code());
    out.push(head.op as u8);
    out.extend_from_slice(&head.detail.to_le_bytes());
    out.extend_from_slice(&head.id.to_le_bytes());
    put(out);
    let length = out.len() - start - HEADER;
    if length > MAX_PAYLOAD {
        out.truncate(start);
        return Err(FrameError::TooLarge(length as u32));
    }
    let bytes = (length as u32).to_le_bytes();
    for (to, from) in out.iter_mut().skip(start).zip(bytes) {
        *to = from;
    }
    Ok(())
}

/// Takes the next frame; `Ok(None)` means that more bytes are needed.
///
/// At most [`HEADER`] + [`MAX_PAYLOAD`] bytes need to be held.
pub fn decode(buf: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
    let mut head = &buf[..];
    if head.len() < HEADER {
        return Ok(None);
    }
    let length = head.get_u32_le();
    let kind = head.get_u8();
    let op = head.get_u8();
    let detail = head.get_u16_le();
    let id = head.get_u32_le();
    if length as usize > MAX_PAYLOAD {
        return Err(FrameError::TooLarge(length));
    }
    let kind = Kind::of(kind).ok_or(FrameError::Kind(kind))?;
    let op = Op::of(op).ok_or(FrameError::Op(op))?;
    if head.len() < length as usize {
        buf.reserve(HEADER + length as usize - buf.len());
        return Ok(None);
    }
    buf.advance(HEADER);
    let payload = buf.split_to(length as usize).freeze();
    Ok(Some(Frame {
        head: Head {
            kind,
            op,
            detail,
            id,
        },
        payload,
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_frame() -> impl Strategy<Value = Frame> {
        let kind = prop_oneof![
            Just(Kind::Call),
            Just(Kind::Answer),
            Just(Kind::Failure),
            Just(Kind::Note)
        ];
        let op = proptest::sample::select(Op::ALL);
        (
            kind,
            op,
            any::<u16>(),
            any::<u32>(),
            proptest::collection::vec(any::<u8>(), 0..200),
        )
            .prop_map(|(kind, op, detail, id, payload)| Frame {
                head: Head {
                    kind,
                    op,
                    detail,
                    id,
                },
                payload: payload.into(),
            })
    }

    proptest! {
        #[test]
        fn frames_survive_any_split(frames in proptest::collection::vec(any_frame(), 0..5), cut in any::<prop::sample::Index>()) {
            let mut bytes = Vec::new();
            for frame in &frames {
                encode(&mut bytes, frame.head, |out| out.extend_from_slice(&frame.payload)).unwrap();
            }
            let (first, second) = bytes.split_at(cut.index(bytes.len() + 1));
            let mut buf = BytesMut::new();
            let mut got = Vec::new();
            for part in [first, second] {
                buf.extend_from_slice(part);
                while let Some(frame) = decode(&mut buf).unwrap() {
                    got.push(frame);
                }
            }
            prop_assert_eq!(got, frames);
            prop_assert!(buf.is_empty());
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let mut buf = BytesMut::from(&bytes[..]);
            while let Ok(Some(_)) = decode(&mut buf) {}
        }
    }

    #[test]
    fn limits_hold() {
        let head = Head {
            kind: Kind::Note,
            op: Op::Log,
            detail: 0,
            id: 0,
        };
        let mut out = vec![7];
        let too_much = encode(&mut out, head, |out| {
            out.resize(out.len() + MAX_PAYLOAD + 1, 0);
        });
        assert_eq!(too_much, Err(FrameError::TooLarge(MAX_PAYLOAD as u32 + 1)));
        assert_eq!(out, [7]);
        let mut buf = BytesMut::from(&[1, 0, 0, 1, 4, 48, 0, 0, 0, 0, 0, 0][..]);
        assert_eq!(decode(&mut buf), Err(FrameError::TooLarge(0x0100_0001)));
    }
}
