//! Credentials that a directory knows: `ldap[s]:host[:port]:bind_dn:password:subtree[?search_filter_key=KEY]`.
//!
//! A login is three steps on one connection: bind as the user of the specification, search for the name that was
//! given, bind with what was found and the password that was given.

mod ber;
#[cfg(test)]
mod tests;
mod trust;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use midwire_core::options::Options;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use self::ber::{Answer, BerError};
use super::basic::Credentials;

/// How long a login may take, from connecting to the last answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Logins that are under way at a time; others wait, within their own time.
const AT_ONCE: usize = 32;
/// Answers that are read for one request.
const ANSWERS_MAX: usize = 100;

/// A specification that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LdapSpecError {
    /// It does not have the parts.
    #[error("Invalid LDAP specification: {0}")]
    Form(String),
    /// The authorities that sign the server's certificate.
    #[error(transparent)]
    Trust(#[from] trust::TrustError),
}

/// Why a login could not be decided on.
#[derive(Debug, thiserror::Error)]
enum LookUpError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Answer(#[from] BerError),
    #[error("the server closed the connection")]
    Closed,
    #[error("too many answers")]
    TooMany,
    #[error("an answer to something else")]
    Unasked,
    #[error("bind as {name} failed: {} ({code})", ber::meaning(*code))]
    Bind { name: String, code: u32 },
    #[error("search below {below} failed: {} ({code})", ber::meaning(*code))]
    Search { below: String, code: u32 },
    #[error("no answer within {} s", PATIENCE.as_secs())]
    TimedOut,
}

/// A directory that knows users.
pub(crate) struct Directory {
    host: String,
    port: u16,
    /// For TLS.
    trust: Option<Arc<ClientConfig>>,
    bind_dn: String,
    password: String,
    subtree: String,
    key: String,
    room: Semaphore,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Directory {
    /// Reads a specification. The directory is not asked anything yet.
    ///
    /// # Errors
    /// One line that names the specification.
    pub(crate) fn new(spec: &str, options: &Options) -> Result<Self, LdapSpecError> {
        let invalid = || LdapSpecError::Form(spec.to_owned());
        let parts: Vec<&str> = spec.split(':').collect();
        let (scheme, host, port, bind_dn, password, tree) = match parts[..] {
            [scheme, host, dn, password, tree] => (scheme, host, None, dn, password, tree),
            [scheme, host, port, dn, password, tree] => {
                (scheme, host, Some(port), dn, password, tree)
            }
            _ => return Err(invalid()),
        };
        let (subtree, key) = match tree.split_once('?') {
            None => (tree, "cn"),
            Some((subtree, search)) => {
                let key = search.strip_prefix("search_filter_key=");
                (subtree, key.ok_or_else(invalid)?)
            }
        };
        let is_key = |b: u8| b.is_ascii_alphanumeric() || b"-._;".contains(&b);
        if host.is_empty() || key.is_empty() || !key.bytes().all(is_key) {
            return Err(invalid());
        }
        let (trust, default_port) = match scheme {
            "ldap" => (None, 389),
            "ldaps" => (Some(trust::config(options)?), 636),
            _ => return Err(invalid()),
        };
        let port = match port {
            Some(text) => text.parse().ok().filter(|port| *port != 0),
            None => Some(default_port),
        };
        Ok(Self {
            host: host.to_owned(),
            port: port.ok_or_else(invalid)?,
            trust,
            bind_dn: bind_dn.to_owned(),
            password: password.to_owned(),
            subtree: subtree.to_owned(),
            key: key.to_owned(),
            room: Semaphore::new(AT_ONCE),
        })
    }

    /// True if the directory knows these credentials. If it cannot be asked, nobody's are good, and the log says why.
    ///
    /// # Cancellation
    /// Safe: the connection is closed.
    pub(crate) async fn accepts(&self, given: &Credentials) -> bool {
        // A bind without a password succeeds for any name (RFC 4513 §5.1.2).
        if given.user.is_empty() || given.password.is_empty() {
            return false;
        }
        let looked_up = tokio::time::timeout(PATIENCE, async {
            let _room = self.room.acquire().await;
            self.look_up(given).await
        });
        let error = match looked_up.await {
            Ok(Ok(known)) => return known,
            Ok(Err(error)) => error,
            Err(_) => LookUpError::TimedOut,
        };
        tracing::warn!("LDAP server {}:{}: {error}", self.host, self.port);
        false
    }

    async fn look_up(&self, given: &Credentials) -> Result<bool, LookUpError> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await?;
        tcp.set_nodelay(true)?;
        let Some(trust) = &self.trust else {
            return self.log_in(Talk::new(tcp), given).await;
        };
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(trust));
        let tls = connector.connect(name, tcp).await?;
        self.log_in(Talk::new(tls), given).await
    }

    async fn log_in<T: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut talk: Talk<T>,
        given: &Credentials,
    ) -> Result<bool, LookUpError> {
        let code = talk.bind(&self.bind_dn, &self.password).await?;
        if code != 0 {
            let name = self.bind_dn.clone();
            return Err(LookUpError::Bind { name, code });
        }
        let found = talk.find(&self.subtree, (&self.key, &given.user)).await?;
        let Some(name) = found else {
            return Ok(false);
        };
        let code = talk.bind(&name, &given.password).await?;
        talk.goodbye().await;
        match code {
            0 => Ok(true),
            // Wrong credentials, or a user who may not log in, are no fault.
            32 | 48 | 49 | 50 | 53 => Ok(false),
            code => Err(LookUpError::Bind { name, code }),
        }
    }
}

/// A connection on which one request is answered after the other.
struct Talk<T> {
    io: T,
    id: u8,
    buf: Vec<u8>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Talk<T> {
    fn new(io: T) -> Self {
        Self {
            io,
            id: 0,
            buf: Vec::new(),
        }
    }

    /// Logs in; the result code.
    async fn bind(&mut self, name: &str, password: &str) -> Result<u32, LookUpError> {
        self.id += 1;
        self.say(&ber::bind(self.id, name, password)).await?;
        match self.answer().await? {
            Answer::Bound(code) => Ok(code),
            _ => Err(LookUpError::Unasked),
        }
    }

    /// The name of the first that has this value.
    async fn find(
        &mut self,
        below: &str,
        what: (&str, &str),
    ) -> Result<Option<String>, LookUpError> {
        self.id += 1;
        self.say(&ber::search(self.id, below, what)).await?;
        let mut found = None;
        for _ in 0..ANSWERS_MAX {
            match self.answer().await? {
                // A name that is empty would be anybody's.
                Answer::Entry(name) if found.is_none() && !name.is_empty() => found = Some(name),
                Answer::Entry(_) | Answer::Other => {}
                // Some have been found, but not all that there are.
                Answer::Done(3 | 4 | 11) if found.is_some() => return Ok(found),
                Answer::Done(0 | 32) => return Ok(found),
                Answer::Done(code) => {
                    let below = below.to_owned();
                    return Err(LookUpError::Search { below, code });
                }
                Answer::Bound(_) => return Err(LookUpError::Unasked),
            }
        }
        Err(LookUpError::TooMany)
    }

    async fn goodbye(&mut self) {
        let message = ber::unbind(self.id + 1);
        if self.say(&message).await.is_ok() {
            let _ = self.io.shutdown().await;
        }
    }

    async fn say(&mut self, message: &[u8]) -> io::Result<()> {
        self.io.write_all(message).await?;
        self.io.flush().await
    }

    /// The next answer to the request that was made last.
    async fn answer(&mut self) -> Result<Answer, LookUpError> {
        loop {
            if let Some(length) = ber::length(&self.buf)?
                && let Some(message) = self.buf.get(..length)
            {
                let (id, answer) = ber::answer(message)?;
                self.buf.drain(..length);
                if id == u32::from(self.id) {
                    return Ok(answer);
                }
                return Err(LookUpError::Unasked);
            }
            if self.io.read_buf(&mut self.buf).await? == 0 {
                return Err(LookUpError::Closed);
            }
        }
    }
}
