//! SOCKS 5 from clients (RFC 1928, RFC 1929): only CONNECT is served.

use bytes::{Buf, BytesMut};
use midwire_core::hooks::Socks5AuthData;
use midwire_flow::Address;
use midwire_wire::socks5::{
    self, CREDENTIALS_ACCEPTED, CREDENTIALS_REFUSED, Command, Credentials, Decoded, MESSAGE_LIMIT,
    Method, Reply, SocksError,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::place::Place;
use super::tunnel;
use crate::io::{Io, rewind};
use crate::session::Session;
use crate::upstream;

/// Serves a client that tells us in SOCKS 5 where to connect it to.
pub(crate) async fn serve(session: Session, io: Io) -> Session {
    let mut talk = Talk {
        io,
        buf: BytesMut::new(),
    };
    let wait = session.options().client_header_timeout;
    let agreed = crate::within(wait, agree(&session, &mut talk)).await;
    let address = match agreed {
        Some(Ok(address)) => address,
        Some(Err(Stop::Gone)) | None => return session,
        Some(Err(stop)) => {
            refuse(&session, talk, stop).await;
            return session;
        }
    };
    let mut opened = None;
    if session.connects_ahead() && !session.is_onboarding(&address.host) {
        let target = session.target(address.clone(), false);
        opened = upstream::open(&session, target).await.ok();
        if opened.is_none() {
            let reply = socks5::encode_reply(Reply::HOST_UNREACHABLE);
            let _ = talk.end(&reply).await;
            return session;
        }
    }
    if talk
        .say(&socks5::encode_reply(Reply::SUCCEEDED))
        .await
        .is_err()
    {
        if let Some(opened) = opened {
            opened.close(&session).await;
        }
        return session;
    }
    let io = rewind(talk.buf.freeze(), talk.io);
    Box::pin(tunnel::serve(session, io, Place::unknown(address), opened)).await
}

/// Why a handshake ends without a destination.
#[derive(Debug, thiserror::Error)]
enum Stop {
    /// The client has gone.
    #[error("client disconnected")]
    Gone,
    /// It does not speak SOCKS 5.
    #[error("{0}")]
    Protocol(#[from] SocksError),
    /// It does not offer the method that we want.
    #[error("Client does not support SOCKS5 with {0} authentication.")]
    Method(&'static str),
    /// Its password is wrong.
    #[error("SOCKS5 login of user {0:?} was refused")]
    Login(String),
    /// It wants another command than CONNECT.
    #[error("SOCKS5 command {0} is not supported, only CONNECT")]
    Command(u8),
}

impl Stop {
    /// What the client is told.
    fn reply(&self) -> Option<Vec<u8>> {
        Some(match self {
            Self::Gone => return None,
            Self::Protocol(error @ (SocksError::AddressType(_) | SocksError::Name)) => {
                socks5::encode_reply(error.reply()).to_vec()
            }
            Self::Protocol(_) => return None,
            Self::Method(_) => socks5::encode_method(Method::UNACCEPTABLE).to_vec(),
            Self::Login(_) => CREDENTIALS_REFUSED.to_vec(),
            Self::Command(_) => socks5::encode_reply(Reply::COMMAND_NOT_SUPPORTED).to_vec(),
        })
    }
}

/// The client's destination.
async fn agree(session: &Session, talk: &mut Talk) -> Result<Address, Stop> {
    let offered = talk.read(socks5::decode_greeting).await?;
    let (wanted, name) = match session.options().proxyauth {
        Some(_) => (Method::CREDENTIALS, "user/password"),
        None => (Method::NONE, "no"),
    };
    if !offered.contains(&wanted) {
        return Err(Stop::Method(name));
    }
    talk.say(&socks5::encode_method(wanted)).await?;
    if wanted == Method::CREDENTIALS {
        let credentials = talk.read(socks5::decode_credentials).await?;
        log_in(session, credentials).await?;
        talk.say(&CREDENTIALS_ACCEPTED).await?;
    }
    let request = talk.read(socks5::decode_request).await?;
    if request.command != Command::CONNECT {
        return Err(Stop::Command(request.command.0));
    }
    Ok(Address::new(request.address.to_string(), request.port))
}

async fn log_in(session: &Session, credentials: Credentials) -> Result<(), Stop> {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let mut data = Socks5AuthData {
        client: (*session.client).clone().into(),
        username: text(credentials.username),
        password: text(credentials.password),
        valid: false,
    };
    session.kernel().socks5_auth(&mut data).await;
    if data.valid {
        Ok(())
    } else {
        Err(Stop::Login(data.username))
    }
}

async fn refuse(session: &Session, mut talk: Talk, stop: Stop) {
    tracing::warn!(client = %session.peer(), "{stop}");
    if let Some(reply) = stop.reply() {
        let _ = talk.end(&reply).await;
    }
}

/// A connection on which messages are read one after another.
struct Talk {
    io: Io,
    buf: BytesMut,
}

impl Talk {
    async fn read<T>(&mut self, decode: fn(&[u8]) -> Decoded<T>) -> Result<T, Stop> {
        loop {
            if let Some((value, taken)) = decode(&self.buf)? {
                self.buf.advance(taken);
                return Ok(value);
            }
            self.buf.reserve(MESSAGE_LIMIT);
            if !matches!(self.io.read_buf(&mut self.buf).await, Ok(n) if n > 0) {
                return Err(Stop::Gone);
            }
        }
    }

    async fn say(&mut self, message: &[u8]) -> Result<(), Stop> {
        let sent = async {
            self.io.write_all(message).await?;
            self.io.flush().await
        };
        sent.await.map_err(|_| Stop::Gone)
    }

    /// Says a last message and closes our direction, so that the client sees it before the end.
    async fn end(&mut self, message: &[u8]) -> Result<(), Stop> {
        self.say(message).await?;
        self.io.shutdown().await.map_err(|_| Stop::Gone)
    }
}
