//! The SOCKS 5 handshake of both sides (RFC 1928), with user name and password (RFC 1929).
//!
//! Each decoder looks at the beginning of what has been received. `Ok(None)` means that more bytes are needed; else the
//! value comes with the number of bytes it took. No message is longer than [`MESSAGE_LIMIT`], so a reader that holds
//! more than that without a result does not exist.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod address;
#[cfg(test)]
mod tests;

use std::fmt;

use bytes::Buf;

pub use address::Address;

/// The longest message of a handshake: the user name and password of 255 bytes each.
pub const MESSAGE_LIMIT: usize = 513;

/// A decoded value and how many bytes it took, or `None` while bytes are missing.
pub type Decoded<T> = Result<Option<(T, usize)>, SocksError>;

/// Why a handshake cannot go on; `Display` is what the log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SocksError {
    /// The peer speaks an HTTP-like text protocol to a SOCKS port.
    #[error(
        "not SOCKS 5: the bytes look like an HTTP request, so the client may need this port as an HTTP proxy"
    )]
    LooksLikeHttp,
    /// The first byte of a message is not 5.
    #[error("unknown SOCKS version {0}")]
    Version(u8),
    /// The first byte of a message about user name and password is not 1.
    #[error("unknown version {0} of SOCKS user name and password")]
    CredentialsVersion(u8),
    /// The reserved byte of a request or reply is not 0.
    #[error("reserved byte {0} in a SOCKS message")]
    Reserved(u8),
    /// An address type other than IPv4, name, IPv6.
    #[error("unknown SOCKS address type {0}")]
    AddressType(u8),
    /// A name that is no host name; it is not repeated here since its bytes are hostile.
    #[error("SOCKS destination is no valid host name")]
    Name,
}

impl SocksError {
    /// What a server answers to a request that fails this way.
    pub fn reply(self) -> Reply {
        match self {
            Self::AddressType(_) => Reply::ADDRESS_TYPE_NOT_SUPPORTED,
            _ => Reply::GENERAL_FAILURE,
        }
    }
}

/// A way to log in (RFC 1928 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method(pub u8);

impl Method {
    /// No authentication.
    pub const NONE: Self = Self(0);
    /// User name and password (RFC 1929).
    pub const CREDENTIALS: Self = Self(2);
    /// The server's answer that it accepts none of the offered methods.
    pub const UNACCEPTABLE: Self = Self(0xFF);
}

/// What the client wants (RFC 1928 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command(pub u8);

impl Command {
    /// Open a TCP connection, the only command that midwire serves.
    pub const CONNECT: Self = Self(1);
    /// Wait for a TCP connection.
    pub const BIND: Self = Self(2);
    /// Relay UDP datagrams.
    pub const UDP_ASSOCIATE: Self = Self(3);
}

/// The outcome of a request (RFC 1928 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply(pub u8);

impl Reply {
    /// The connection stands.
    pub const SUCCEEDED: Self = Self(0);
    /// A failure that no other code names.
    pub const GENERAL_FAILURE: Self = Self(1);
    /// Refused by the rules of the proxy.
    pub const NOT_ALLOWED: Self = Self(2);
    /// The destination cannot be reached.
    pub const HOST_UNREACHABLE: Self = Self(4);
    /// The destination refused the connection.
    pub const CONNECTION_REFUSED: Self = Self(5);
    /// Not [`Command::CONNECT`].
    pub const COMMAND_NOT_SUPPORTED: Self = Self(7);
    /// Not an address type of [`Address`].
    pub const ADDRESS_TYPE_NOT_SUPPORTED: Self = Self(8);
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            0 => "succeeded",
            1 => "general failure",
            2 => "connection not allowed",
            3 => "network unreachable",
            4 => "host unreachable",
            5 => "connection refused",
            6 => "time to live expired",
            7 => "command not supported",
            8 => "address type not supported",
            other => return write!(f, "unknown reply {other}"),
        };
        f.write_str(text)
    }
}

/// A user name and a password, each at most 255 bytes. `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub username: Vec<u8>,
    /// The password.
    pub password: Vec<u8>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username.escape_ascii().to_string())
            .finish_non_exhaustive()
    }
}

/// What the client asks for (RFC 1928 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The command.
    pub command: Command,
    /// The destination.
    pub address: Address,
    /// The destination's port.
    pub port: u16,
}

/// Decodes the client's first message: the methods it offers (RFC 1928 §3).
///
/// # Errors
///
/// [`SocksError::LooksLikeHttp`] if the bytes are upper-case letters, [`SocksError::Version`] for any other first byte
/// but 5.
pub fn decode_greeting(bytes: &[u8]) -> Decoded<Vec<Method>> {
    let start = bytes.get(..3).unwrap_or(bytes);
    if !start.is_empty() && start.iter().all(u8::is_ascii_uppercase) {
        return Err(SocksError::LooksLikeHttp);
    }
    decode(bytes, |rest| {
        version(rest)?;
        let methods = block(rest)?;
        Ok(methods.iter().copied().map(Method).collect())
    })
}

/// Encodes the client's first message; at most 255 methods are written.
pub fn encode_greeting(methods: &[Method]) -> Vec<u8> {
    let mut out = vec![VERSION];
    let methods: Vec<u8> = methods.iter().map(|method| method.0).collect();
    put_block(&mut out, &methods);
    out
}

/// Decodes the server's choice of a method.
pub fn decode_method(bytes: &[u8]) -> Decoded<Method> {
    decode(bytes, |rest| {
        version(rest)?;
        Ok(Method(byte(rest)?))
    })
}

/// Encodes the server's choice of a method.
pub fn encode_method(method: Method) -> [u8; 2] {
    [VERSION, method.0]
}

/// Decodes the client's user name and password (RFC 1929 §2).
pub fn decode_credentials(bytes: &[u8]) -> Decoded<Credentials> {
    decode(bytes, |rest| {
        credentials_version(rest)?;
        Ok(Credentials {
            username: block(rest)?.to_vec(),
            password: block(rest)?.to_vec(),
        })
    })
}

/// Encodes user name and password; each is cut after 255 bytes.
pub fn encode_credentials(credentials: &Credentials) -> Vec<u8> {
    let mut out = vec![CREDENTIALS_VERSION];
    put_block(&mut out, &credentials.username);
    put_block(&mut out, &credentials.password);
    out
}

/// Decodes the server's verdict on the credentials: the status, 0 for accepted.
pub fn decode_credentials_status(bytes: &[u8]) -> Decoded<u8> {
    decode(bytes, |rest| {
        credentials_version(rest)?;
        byte(rest)
    })
}

/// The server's answer to credentials that it accepts.
pub const CREDENTIALS_ACCEPTED: [u8; 2] = [CREDENTIALS_VERSION, 0];

/// The server's answer to credentials that it refuses; it must close the connection after it (RFC 1929 §2).
pub const CREDENTIALS_REFUSED: [u8; 2] = [CREDENTIALS_VERSION, 1];

/// Decodes the client's request.
///
/// # Errors
///
/// Whatever [`SocksError::reply`] then says is the answer. The command is not judged here.
pub fn decode_request(bytes: &[u8]) -> Decoded<Request> {
    decode(bytes, |rest| {
        let (command, address, port) = destination(rest)?;
        Ok(Request {
            command: Command(command),
            address,
            port,
        })
    })
}

/// Encodes a request.
pub fn encode_request(request: &Request) -> Vec<u8> {
    encode_destination(request.command.0, &request.address, request.port)
}

/// Decodes the server's reply with the address it is bound to.
pub fn decode_reply(bytes: &[u8]) -> Decoded<(Reply, Address, u16)> {
    decode(bytes, |rest| {
        let (reply, address, port) = destination(rest)?;
        Ok((Reply(reply), address, port))
    })
}

/// Encodes a reply. The bound address is given as `0.0.0.0:0`: clients have no use for it after CONNECT.
pub fn encode_reply(reply: Reply) -> [u8; 10] {
    [VERSION, reply.0, 0, address::IPV4, 0, 0, 0, 0, 0, 0]
}

/// Why a decoder stopped.
enum Stop {
    NeedMore,
    Fault(SocksError),
}

impl From<SocksError> for Stop {
    fn from(error: SocksError) -> Self {
        Self::Fault(error)
    }
}

fn decode<T>(bytes: &[u8], read: impl FnOnce(&mut &[u8]) -> Result<T, Stop>) -> Decoded<T> {
    let mut rest = bytes;
    match read(&mut rest) {
        Ok(value) => Ok(Some((value, bytes.len() - rest.len()))),
        Err(Stop::NeedMore) => Ok(None),
        Err(Stop::Fault(error)) => Err(error),
    }
}

fn destination(rest: &mut &[u8]) -> Result<(u8, Address, u16), Stop> {
    version(rest)?;
    let code = byte(rest)?;
    match byte(rest)? {
        0 => {}
        reserved => return Err(SocksError::Reserved(reserved).into()),
    }
    let address = Address::decode(rest)?;
    let port = rest.try_get_u16().map_err(|_| Stop::NeedMore)?;
    Ok((code, address, port))
}

fn encode_destination(code: u8, address: &Address, port: u16) -> Vec<u8> {
    let mut out = vec![VERSION, code, 0];
    address.encode(&mut out);
    out.extend(port.to_be_bytes());
    out
}

fn version(rest: &mut &[u8]) -> Result<(), Stop> {
    match byte(rest)? {
        VERSION => Ok(()),
        other => Err(SocksError::Version(other).into()),
    }
}

fn credentials_version(rest: &mut &[u8]) -> Result<(), Stop> {
    match byte(rest)? {
        CREDENTIALS_VERSION => Ok(()),
        other => Err(SocksError::CredentialsVersion(other).into()),
    }
}

fn byte(rest: &mut &[u8]) -> Result<u8, Stop> {
    rest.try_get_u8().map_err(|_| Stop::NeedMore)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Stop> {
    let (taken, after) = rest.split_at_checked(length).ok_or(Stop::NeedMore)?;
    *rest = after;
    Ok(taken)
}

/// Bytes behind one byte of length.
fn block<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Stop> {
    let length = byte(rest)?;
    take(rest, usize::from(length))
}

fn put_block(out: &mut Vec<u8>, content: &[u8]) {
    let content = content.get(..255).unwrap_or(content);
    out.push(content.len() as u8);
    out.extend(content);
}

const VERSION: u8 = 5;
const CREDENTIALS_VERSION: u8 = 1;
