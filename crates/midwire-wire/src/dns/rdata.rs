//! Data of records: names in it, typed views, text.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;

use super::name::read_name;
use super::{HttpsRecord, NameError, Record, classes, name_to_wire, types, wire_to_name};

/// How names stand in the data of a type: after some bytes and character strings come one or two names, then the rest.
struct Layout {
    bytes: usize,
    strings: usize,
    names: usize,
}

/// The types whose names may be compressed (RFC 3597 §4), SRV and NAPTR among them since peers do it.
fn layout(type_: u16) -> Option<Layout> {
    let (bytes, strings, names) = match type_ {
        types::NS
        | types::MD
        | types::MF
        | types::CNAME
        | types::MB
        | types::MG
        | types::MR
        | types::PTR => (0, 0, 1),
        types::SOA | types::MINFO | types::RP => (0, 0, 2),
        types::MX | types::AFSDB | types::RT => (2, 0, 1),
        types::PX => (2, 0, 2),
        types::SRV => (6, 0, 1),
        types::SIG => (18, 0, 1),
        types::NXT => (0, 0, 1),
        types::NAPTR => (4, 3, 1),
        _ => return None,
    };
    Some(Layout {
        bytes,
        strings,
        names,
    })
}

/// The data from `start` to the end of `message` with its names uncompressed.
///
/// `None` if the type has no names or the data does not fit the type.
pub(super) fn expand(type_: u16, message: &[u8], start: usize) -> Option<Vec<u8>> {
    let layout = layout(type_)?;
    let mut at = start.checked_add(layout.bytes)?;
    for _ in 0..layout.strings {
        at = at
            .checked_add(usize::from(*message.get(at)?))?
            .checked_add(1)?;
    }
    let mut data = message.get(start..at)?.to_vec();
    for _ in 0..layout.names {
        let (name, end) = read_name(message, at).ok()?;
        data.extend(name);
        at = end;
    }
    data.extend_from_slice(message.get(at..)?);
    // A longer one could not be packed again.
    u16::try_from(data.len()).is_ok().then_some(data)
}

/// The time to live of records that are made here, in seconds.
pub const DEFAULT_TTL: u32 = 60;

impl Record {
    /// A record of class IN with the default time to live of 60 s.
    pub fn new(name: &str, type_: u16, data: impl Into<Bytes>) -> Self {
        Self {
            name: name.to_owned(),
            type_,
            class: classes::IN,
            ttl: DEFAULT_TTL,
            data: data.into(),
        }
    }

    /// An A or AAAA record.
    pub fn address(name: &str, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::new(name, types::A, address.octets().to_vec()),
            IpAddr::V6(address) => Self::new(name, types::AAAA, address.octets().to_vec()),
        }
    }

    /// A record whose data is one name, such as CNAME or PTR.
    pub fn of_name(name: &str, type_: u16, target: &str) -> Result<Self, NameError> {
        Ok(Self::new(name, type_, name_to_wire(target)?))
    }

    /// The data as an IPv4 address, if it has four bytes.
    pub fn ipv4_address(&self) -> Option<Ipv4Addr> {
        let octets: [u8; 4] = self.data[..].try_into().ok()?;
        Some(octets.into())
    }

    /// The data as an IPv6 address, if it has sixteen bytes.
    pub fn ipv6_address(&self) -> Option<Ipv6Addr> {
        let octets: [u8; 16] = self.data[..].try_into().ok()?;
        Some(octets.into())
    }

    /// The data as one name.
    pub fn domain_name(&self) -> Result<String, NameError> {
        wire_to_name(&self.data)
    }

    /// The data as text, if it is UTF-8. For TXT this has the length bytes of the strings in it, as in mitmproxy.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.data).ok()
    }

    fn rendered(&self) -> Option<String> {
        match self.type_ {
            types::A => self.ipv4_address().map(|address| address.to_string()),
            types::AAAA => self.ipv6_address().map(|address| address.to_string()),
            types::NS | types::CNAME | types::PTR => self.domain_name().ok(),
            types::TXT => self.text().map(str::to_owned),
            types::HTTPS => HttpsRecord::unpack(&self.data)
                .ok()
                .map(|record| record.to_string()),
            _ => Some(format!("0x{}", Hex(&self.data))),
        }
    }
}

/// The data as its type is read: an address, a name, text, parameters; else in hexadecimal, with a remark if the data
/// does not fit the type. Hostile text, to be escaped where it is shown.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rendered() {
            Some(text) => f.write_str(&text),
            None => write!(
                f,
                "0x{} (invalid {} data)",
                Hex(&self.data),
                types::to_str(self.type_)
            ),
        }
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
