//! WebSocket over HTTP/2 (RFC 8441): in flows it looks as in HTTP/1, since hooks, filters and replay know that form.

use bytes::Bytes;
use midwire_wire::{Fields, ResponseHead};

/// The protocol of an extended CONNECT that we know.
pub(super) const WEBSOCKET: &str = "websocket";
/// Fields of the HTTP/1 handshake, which an extended CONNECT does not have (RFC 8441 §5).
pub(super) const KEY: &str = "sec-websocket-key";
const ACCEPT: &str = "sec-websocket-accept";

/// Gives the fields of an extended CONNECT the form of a request for an upgrade.
pub(super) fn ask(fields: &mut Fields) {
    fields.append("connection", "Upgrade");
    fields.append("upgrade", WEBSOCKET);
}

/// Makes a 101 of the response to an extended CONNECT that succeeded.
pub(super) fn accepted(head: &mut ResponseHead) {
    head.status = 101;
    head.reason = Bytes::from_static(b"Switching Protocols");
    ask(&mut head.fields);
}

/// The response to a client whose extended CONNECT succeeds with this 101.
pub(super) fn success(head: &ResponseHead) -> ResponseHead {
    let mut head = head.clone();
    head.status = 200;
    head.fields.remove(ACCEPT);
    head
}
