//! What the list can be sorted by.

use std::sync::Arc;

use midwire_flow::{Content, Flow};
use midwire_wire::dns::op_codes;

/// What the list of flows is sorted by (`view_order`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// When the flow was made.
    #[default]
    Time,
    /// Method; `TCP` and `UDP` for conversations, the kind of query for DNS.
    Method,
    /// URL; the server's address for conversations, the name asked for with DNS.
    Url,
    /// Bytes of content.
    Size,
}

impl Order {
    /// All orders by name, in alphabetical order.
    pub const ALL: [(&'static str, Self); 4] = [
        ("method", Self::Method),
        ("size", Self::Size),
        ("time", Self::Time),
        ("url", Self::Url),
    ];

    /// The order of this name.
    pub fn parse(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name)?;
        Some(found.1)
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Method => "method",
            Self::Url => "url",
            Self::Size => "size",
        }
    }

    /// What a flow is sorted by in this order.
    pub(super) fn key(self, flow: &Flow) -> Key {
        match self {
            Self::Time => Key::Number(ascending(flow.info().timestamp_created.as_f64())),
            Self::Method => Key::Text(method(flow)),
            Self::Url => Key::Text(url(flow)),
            Self::Size => Key::Number(size(flow)),
        }
    }
}

/// A sort key, kept so that sorting reads no flow twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Number(u64),
    Text(Arc<str>),
}

/// The bits of a float such that they sort as the float does (IEEE 754 §5.10).
fn ascending(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 0 {
        bits | 1 << 63
    } else {
        !bits
    }
}

fn method(flow: &Flow) -> Arc<str> {
    match flow {
        Flow::Http(http) => String::from_utf8_lossy(&http.request.method).into(),
        Flow::Tcp(_) => "TCP".into(),
        Flow::Udp(_) => "UDP".into(),
        Flow::Dns(dns) => op_codes::to_str(u16::from(dns.request.op_code)).into(),
    }
}

fn url(flow: &Flow) -> Arc<str> {
    match flow {
        Flow::Http(http) => http.request.url().into(),
        Flow::Tcp(flow) | Flow::Udp(flow) => {
            let address = flow.info.server_conn.address.as_ref();
            address.map_or_else(|| "".into(), |address| address.to_string().into())
        }
        Flow::Dns(dns) => {
            let question = dns.request.questions.first();
            question.map_or_else(|| "".into(), |question| question.name.as_str().into())
        }
    }
}

fn size(flow: &Flow) -> u64 {
    match flow {
        Flow::Http(http) => {
            let response = http.response.as_ref().map(|response| &response.content);
            [Some(&http.request.content), response]
                .into_iter()
                .flatten()
                .filter_map(Content::size)
                .sum()
        }
        Flow::Tcp(flow) | Flow::Udp(flow) => {
            let sizes = flow.messages.iter();
            sizes.map(|message| message.content.len() as u64).sum()
        }
        Flow::Dns(dns) => dns
            .response
            .as_ref()
            .map_or(0, |response| response.size() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_as_their_bits() {
        let values = [
            f64::NEG_INFINITY,
            -2.5,
            -0.0,
            0.0,
            1e-9,
            1.0,
            1.7e9,
            f64::INFINITY,
        ];
        for pair in values.windows(2) {
            assert!(ascending(pair[0]) < ascending(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn orders_have_names() {
        for (name, order) in Order::ALL {
            assert_eq!(Order::parse(name), Some(order));
            assert_eq!(order.as_str(), name);
        }
        assert_eq!(Order::parse("colour"), None);
    }
}
