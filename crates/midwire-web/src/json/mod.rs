//! The shapes of mitmweb's JSON (web-api.md §3). Nothing else in this program depends on them.

mod certificate;
mod connection;
mod dns;
mod flow;
mod option;

pub(crate) use certificate::authority;
pub(crate) use connection::{client, server};
pub(crate) use dns::message as dns_message;
pub(crate) use flow::{flow, mark};
pub(crate) use option::{options, shown, to_value, value};

use midwire_flow::Address;
use midwire_wire::Fields;
use serde_json::{Value as Json, json};

/// Bytes as text; U+FFFD stands for what is none.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Field lines as pairs in order.
pub(crate) fn fields(fields: &Fields) -> Json {
    let pairs = fields
        .iter()
        .map(|(name, value)| json!([text(name), text(value)]));
    Json::Array(pairs.collect())
}

/// `[host, port]`, or null.
pub(crate) fn address(address: Option<&Address>) -> Json {
    address.map_or(Json::Null, |address| json!([address.host, address.port]))
}
