//! Socket.IO over WebSocket.

use super::{FITS, NEVER};
use crate::text::printable;
use crate::{ContentView, MessageKind, Metadata, ViewError};

/// Shows the type of a packet and its data (Engine.IO protocol 4, Socket.IO protocol 5).
pub(crate) struct SocketIo;

impl ContentView for SocketIo {
    fn name(&self) -> &'static str {
        "Socket.IO"
    }

    fn render_priority(&self, data: &[u8], meta: &Metadata<'_>) -> f64 {
        let is_socket_io = meta.message == MessageKind::WebSocket
            && meta.path.is_some_and(|path| path.contains("/socket.io/?"));
        if is_socket_io && !data.is_empty() {
            FITS
        } else {
            NEVER
        }
    }

    fn prettify(&self, data: &[u8], _: &Metadata<'_>) -> Result<String, ViewError> {
        let (kind, rest) = data
            .split_first()
            .ok_or(ViewError::Truncated("the packet type"))?;
        let (name, content) = match kind {
            b'0' => ("EngineIO.OPEN", rest),
            b'1' => ("EngineIO.CLOSE", rest),
            // Both sides send these all the time; they carry nothing.
            b'2' | b'3' => return Ok(String::new()),
            b'4' => message(rest)?,
            b'5' => ("EngineIO.UPGRADE", rest),
            b'6' => ("EngineIO.NOOP", rest),
            other => {
                return Err(ViewError::Unknown {
                    what: "packet type",
                    value: u64::from(*other),
                });
            }
        };
        Ok(format!("{name} {}", printable(content)))
    }
}

fn message(data: &[u8]) -> Result<(&'static str, &[u8]), ViewError> {
    let (kind, rest) = data
        .split_first()
        .ok_or(ViewError::Truncated("the message type"))?;
    let name = match kind {
        b'0' => "SocketIO.CONNECT",
        b'1' => "SocketIO.DISCONNECT",
        b'2' => "SocketIO.EVENT",
        b'3' => "SocketIO.ACK",
        b'4' => "SocketIO.CONNECT_ERROR",
        b'5' => "SocketIO.BINARY_EVENT",
        b'6' => "SocketIO.BINARY_ACK",
        other => {
            return Err(ViewError::Unknown {
                what: "message type",
                value: u64::from(*other),
            });
        }
    };
    Ok((name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_named() {
        let check = |data: &[u8], expected: Option<&str>| {
            assert_eq!(
                SocketIo
                    .prettify(data, &Metadata::default())
                    .ok()
                    .as_deref(),
                expected,
                "{data:?}"
            );
        };
        check(b"42[\"a\",1]", Some("SocketIO.EVENT [\"a\",1]"));
        check(b"0{\"sid\":1}", Some("EngineIO.OPEN {\"sid\":1}"));
        check(b"2probe", Some(""));
        check(b"3", Some(""));
        check(b"40/ns,{\"a\":1}", Some("SocketIO.CONNECT /ns,{\"a\":1}"));
        check(b"42\xff\n", Some("SocketIO.EVENT \\xff\\n"));
        check(b"4", None);
        check(b"49", None);
        check(b"9", None);
        check(b"", None);
    }

    #[test]
    fn only_its_own_messages_are_taken() {
        let meta = |message, path| Metadata {
            message,
            path: Some(path),
            ..Metadata::default()
        };
        assert_eq!(
            SocketIo.render_priority(b"2", &meta(MessageKind::WebSocket, "/socket.io/?EIO=4")),
            1.0
        );
        assert_eq!(
            SocketIo.render_priority(b"", &meta(MessageKind::WebSocket, "/socket.io/?EIO=4")),
            0.0
        );
        assert_eq!(
            SocketIo.render_priority(b"2", &meta(MessageKind::WebSocket, "/x")),
            0.0
        );
        assert_eq!(
            SocketIo.render_priority(b"2", &meta(MessageKind::Request, "/socket.io/?EIO=4")),
            0.0
        );
    }
}
