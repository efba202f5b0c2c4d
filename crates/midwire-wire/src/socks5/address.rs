//! Addresses of requests and replies (RFC 1928 §5).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{SocksError, Stop, block, byte, put_block, take};
use crate::client_hello::is_valid_host;

/// Where a connection goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
    /// A host name for the proxy to look up, at most 253 bytes, valid by [`is_valid_host`].
    Name(String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl Address {
    pub(super) fn decode(rest: &mut &[u8]) -> Result<Self, Stop> {
        match byte(rest)? {
            IPV4 => Ok(Self::Ip(Ipv4Addr::from(array::<4>(rest)?).into())),
            IPV6 => Ok(Self::Ip(Ipv6Addr::from(array::<16>(rest)?).into())),
            NAME => {
                let name = block(rest)?;
                let text = std::str::from_utf8(name)
                    .ok()
                    .filter(|_| is_valid_host(name));
                Ok(Self::Name(text.ok_or(SocksError::Name)?.to_owned()))
            }
            other => Err(SocksError::AddressType(other).into()),
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ip(IpAddr::V4(address)) => {
                out.push(IPV4);
                out.extend(address.octets());
            }
            Self::Ip(IpAddr::V6(address)) => {
                out.push(IPV6);
                out.extend(address.octets());
            }
            Self::Name(name) => {
                out.push(NAME);
                put_block(out, name.as_bytes());
            }
        }
    }
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Stop> {
    take(rest, N)?.try_into().map_err(|_| Stop::NeedMore)
}

pub(super) const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
