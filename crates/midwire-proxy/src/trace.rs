//! What goes on in a connection, told at length: option `proxy_debug`.
//!
//! Each layer of a connection has a name, such as `client tls`; what is read from its peer is shown after `>>`, what is
//! written to it after `<<`, and decisions after `--`. The lines have the level of debugging.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::io::Io;
use crate::session::Session;

/// Bytes of one piece that are shown; of longer ones the beginning.
const SHOWN: usize = 512;

/// Shows what passes through a layer of a connection, if the option is on.
pub(crate) fn layer(session: &Session, name: &'static str, io: Io) -> Io {
    if !session.options().proxy_debug {
        return io;
    }
    decision(session, format_args!("layer {name}"));
    Box::new(Traced {
        io,
        name,
        client: session.peer().to_string(),
    })
}

/// Tells a decision, if the option is on.
pub(crate) fn decision(session: &Session, what: fmt::Arguments<'_>) {
    if session.options().proxy_debug {
        tracing::debug!(client = %session.peer(), "-- {what}");
    }
}

/// A stream whose bytes are shown.
struct Traced {
    io: Io,
    name: &'static str,
    client: String,
}

/// Bytes as text on one line, cut if they are many.
struct Piece<'a>(&'a [u8]);

impl fmt::Display for Piece<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.get(..SHOWN).unwrap_or(self.0);
        write!(f, "{} bytes b\"{}\"", self.0.len(), shown.escape_ascii())?;
        if shown.len() < self.0.len() {
            f.write_str(" ...")?;
        }
        Ok(())
    }
}

impl AsyncRead for Traced {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.io).poll_read(cx, buf));
        let (client, name) = (&self.client, self.name);
        match &read {
            Ok(()) => match buf.filled().get(before..).unwrap_or_default() {
                [] => tracing::debug!(%client, ">> {name}: end"),
                piece => tracing::debug!(%client, ">> {name}: {}", Piece(piece)),
            },
            Err(error) => tracing::debug!(%client, ">> {name}: {error}"),
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Traced {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, buf));
        let (client, name) = (&self.client, self.name);
        match &written {
            Ok(n) => {
                let piece = Piece(buf.get(..*n).unwrap_or_default());
                tracing::debug!(%client, "<< {name}: {piece}");
            }
            Err(error) => tracing::debug!(%client, "<< {name}: {error}"),
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = ready!(Pin::new(&mut self.io).poll_shutdown(cx));
        let (client, name) = (&self.client, self.name);
        tracing::debug!(%client, "<< {name}: end");
        Poll::Ready(closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_escaped_and_cut() {
        let check = |piece: &[u8], expected: &str| {
            assert_eq!(Piece(piece).to_string(), expected);
        };
        check(b"GET /\r\n\x1b\xff", r#"9 bytes b"GET /\r\n\x1b\xff""#);
        let long = vec![b'x'; SHOWN + 1];
        check(
            &long,
            &format!("{} bytes b\"{}\" ...", SHOWN + 1, "x".repeat(SHOWN)),
        );
    }
}
