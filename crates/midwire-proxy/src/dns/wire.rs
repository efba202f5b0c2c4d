//! What carries DNS messages: a stream with length prefixes, or datagrams.

use std::io;

use bytes::{Bytes, BytesMut};
use midwire_wire::dns::{FramingError, encode_framed, next_framed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;

use crate::io::Io;
use crate::udp::{self, Datagrams};

/// A way to one peer.
pub(super) enum Wire {
    /// TCP or TLS.
    Stream(Framed),
    /// A client's datagrams.
    Client(Datagrams),
    /// A server's datagrams.
    Server(UdpSocket),
}

/// A stream of messages with a length before each (RFC 1035 §4.2.2).
pub(super) struct Framed {
    io: Io,
    /// At most one message waits here, 65537 bytes.
    input: BytesMut,
}

/// Why a peer's messages cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    /// The connection.
    #[error("{}", crate::io_reason(.0))]
    Io(#[from] io::Error),
    /// The length before a message.
    #[error(transparent)]
    Framing(#[from] FramingError),
    /// The peer closed inside a message.
    #[error("connection closed inside a message")]
    Cut,
}

impl Wire {
    pub(super) fn stream(io: Io) -> Self {
        Self::Stream(Framed {
            io,
            input: BytesMut::new(),
        })
    }

    pub(super) fn is_datagrams(&self) -> bool {
        !matches!(self, Self::Stream(_))
    }

    /// The next message; `None` at the end.
    ///
    /// # Cancellation
    /// Safe.
    pub(super) async fn receive(&mut self) -> Result<Option<Bytes>, WireError> {
        match self {
            Self::Stream(framed) => framed.receive().await,
            Self::Client(datagrams) => Ok(datagrams.receive().await),
            Self::Server(socket) => Ok(Some(udp::receive(socket).await?)),
        }
    }

    /// Sends a message.
    ///
    /// # Cancellation
    /// Not safe on a stream: part of the message may be written.
    pub(super) async fn send(&mut self, message: &[u8]) -> Result<(), WireError> {
        match self {
            Self::Stream(framed) => {
                framed.io.write_all(&encode_framed(message)?).await?;
                framed.io.flush().await?;
            }
            Self::Client(datagrams) => datagrams.send(message).await?,
            Self::Server(socket) => {
                socket.send(message).await?;
            }
        }
        Ok(())
    }
}

impl Framed {
    async fn receive(&mut self) -> Result<Option<Bytes>, WireError> {
        loop {
            if let Some(message) = next_framed(&mut self.input)? {
                return Ok(Some(message));
            }
            self.input.reserve(4096);
            if self.io.read_buf(&mut self.input).await? == 0 {
                return if self.input.is_empty() {
                    Ok(None)
                } else {
                    Err(WireError::Cut)
                };
            }
        }
    }
}
