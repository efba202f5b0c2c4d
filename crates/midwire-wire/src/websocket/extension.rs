//! Negotiation of extensions (RFC 6455 §9.1, RFC 7692 §5, §7.1).

use super::{Reserved, Role};

/// Whether a side goes on with the compression window of its last message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// The window is kept from message to message.
    Kept,
    /// Each message begins anew.
    None,
}

/// How one side compresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Whether it keeps its window.
    pub takeover: Takeover,
    /// Base-2 logarithm of its window in bytes, 8 to 15.
    pub window_bits: u8,
}

impl Default for Sender {
    fn default() -> Self {
        Self {
            takeover: Takeover::Kept,
            window_bits: 15,
        }
    }
}

/// The agreed parameters of permessage-deflate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeflateParameters {
    /// For messages from the client.
    pub client: Sender,
    /// For messages from the server.
    pub server: Sender,
}

impl DeflateParameters {
    /// The parameters of what that side sends.
    pub fn of(&self, sender: Role) -> Sender {
        match sender {
            Role::Client => self.client,
            Role::Server => self.server,
        }
    }
}

/// What the response agreed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// permessage-deflate.
    pub deflate: Option<DeflateParameters>,
    /// Names of all others, which midwire does not know.
    pub unknown: Vec<String>,
}

impl Extensions {
    /// The reserved bits that frames may have.
    pub fn reserved(&self) -> Reserved {
        self.deflate.map_or(Reserved::None, |_| Reserved::Deflate)
    }
}

/// Why the extensions of a response cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtensionError {
    /// A value that does not follow the grammar.
    #[error("malformed Sec-WebSocket-Extensions")]
    Malformed,
    /// permessage-deflate, or its `client_max_window_bits`, was not offered.
    #[error("WebSocket server agreed to {0}, which the client did not offer")]
    NotOffered(&'static str),
    /// permessage-deflate stands twice.
    #[error("WebSocket server agreed to permessage-deflate twice")]
    Twice,
    /// A parameter that is unknown, stands twice or has no valid value (RFC 7692 §7.1.3).
    #[error("invalid permessage-deflate parameter")]
    Parameter,
}

/// Finds what client and server agreed on from the values of all their `Sec-WebSocket-Extensions` lines.
///
/// What the client offered in a malformed way counts as not offered.
pub fn negotiate<'a>(
    request: impl IntoIterator<Item = &'a [u8]>,
    response: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Extensions, ExtensionError> {
    let offers = request.into_iter().filter_map(parse).flatten();
    let offers: Vec<Extension> = offers.filter(Extension::is_deflate).collect();
    let mut agreed = Extensions::default();
    for value in response {
        for extension in parse(value).ok_or(ExtensionError::Malformed)? {
            if !extension.is_deflate() {
                agreed.unknown.push(extension.name);
                continue;
            }
            if agreed.deflate.is_some() {
                return Err(ExtensionError::Twice);
            }
            agreed.deflate = Some(parameters(&extension)?);
            if offers.is_empty() {
                return Err(ExtensionError::NotOffered("permessage-deflate"));
            }
            let limits_client = extension.has(CLIENT_MAX_WINDOW_BITS);
            if limits_client && !offers.iter().any(|offer| offer.has(CLIENT_MAX_WINDOW_BITS)) {
                return Err(ExtensionError::NotOffered(CLIENT_MAX_WINDOW_BITS));
            }
        }
    }
    Ok(agreed)
}

fn parameters(extension: &Extension) -> Result<DeflateParameters, ExtensionError> {
    let mut found = DeflateParameters::default();
    for (position, (name, value)) in extension.parameters.iter().enumerate() {
        let mut earlier = extension.parameters.iter().take(position);
        if earlier.any(|(other, _)| other == name) {
            return Err(ExtensionError::Parameter);
        }
        match (name.as_str(), value) {
            ("server_no_context_takeover", None) => found.server.takeover = Takeover::None,
            ("client_no_context_takeover", None) => found.client.takeover = Takeover::None,
            ("server_max_window_bits", Some(value)) => {
                found.server.window_bits = window_bits(value)?;
            }
            (CLIENT_MAX_WINDOW_BITS, Some(value)) => found.client.window_bits = window_bits(value)?,
            _ => return Err(ExtensionError::Parameter),
        }
    }
    Ok(found)
}

fn window_bits(value: &str) -> Result<u8, ExtensionError> {
    match value {
        "8" => Ok(8),
        "9" => Ok(9),
        "10" => Ok(10),
        "11" => Ok(11),
        "12" => Ok(12),
        "13" => Ok(13),
        "14" => Ok(14),
        "15" => Ok(15),
        _ => Err(ExtensionError::Parameter),
    }
}

/// One member of the list, names in lower case.
struct Extension {
    name: String,
    parameters: Vec<(String, Option<String>)>,
}

impl Extension {
    fn is_deflate(&self) -> bool {
        self.name == "permessage-deflate"
    }

    fn has(&self, parameter: &str) -> bool {
        self.parameters.iter().any(|(name, _)| name == parameter)
    }
}

/// Cuts one field value into extensions; `None` if it does not follow RFC 6455 §9.1. Empty members are skipped.
fn parse(value: &[u8]) -> Option<Vec<Extension>> {
    // A quoted value must be a token as well, so no comma or semicolon can hide in quotes.
    let value = std::str::from_utf8(value).ok()?;
    let members = value
        .split(',')
        .map(trim)
        .filter(|member| !member.is_empty());
    members.map(parse_member).collect()
}

fn parse_member(member: &str) -> Option<Extension> {
    let mut parts = member.split(';').map(trim);
    let name = token(parts.next()?)?;
    let parameters = parts.map(|part| match part.split_once('=') {
        None => Some((token(part)?, None)),
        Some((name, value)) => Some((token(trim(name))?, Some(token(unquote(trim(value)))?))),
    });
    Some(Extension {
        name,
        parameters: parameters.collect::<Option<_>>()?,
    })
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn unquote(text: &str) -> &str {
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or(text)
}

/// A token of RFC 9110 §5.6.2 in lower case: names of extensions are compared without regard to case.
fn token(text: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (!text.is_empty() && text.bytes().all(allowed)).then(|| text.to_ascii_lowercase())
}

const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";
