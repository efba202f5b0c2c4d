//! WebSocket, TCP and UDP.

use midwire_flow::{FlowInfo, HttpFlow, MessageFlow, Value, WebSocketData};
use midwire_views::{Clean, MessageKind};

use super::Printer;
use super::body::Message;
use crate::show;
use crate::style::{RED, Style};

/// Words for a kind of stream.
pub(super) struct Stream {
    name: &'static str,
    upper: &'static str,
    quic: &'static str,
    kind: MessageKind,
}

pub(super) const TCP: Stream = Stream {
    name: "tcp",
    upper: "TCP",
    quic: "stream",
    kind: MessageKind::Tcp,
};

pub(super) const UDP: Stream = Stream {
    name: "udp",
    upper: "UDP",
    quic: "dgrams",
    kind: MessageKind::Udp,
};

impl Printer<'_> {
    /// The last message of a TCP or UDP flow.
    pub(super) fn message(&mut self, flow: &MessageFlow, stream: &Stream) {
        let Some(message) = flow.messages.last() else {
            return;
        };
        let arrow = arrow(message.from_client);
        let info = &flow.info;
        let what = if info.client_conn.tls_version.as_deref() == Some("QUICv1") {
            let quic = stream.quic;
            let client = stream_id(info, "quic_stream_id_client");
            let server = stream_id(info, "quic_stream_id_server");
            format!("quic {quic} {client} {arrow} mitmproxy {arrow} quic {quic} {server}")
        } else {
            stream.name.to_owned()
        };
        let client = show::address(info.client_conn.peername.as_ref());
        let server = show::address(info.server_conn.address.as_ref());
        self.page
            .push(Clean::line(&format!(
                "{client} {arrow} {what} {arrow} {server}"
            )))
            .line();
        if self.settings.detail >= 3 {
            self.body(Message::Stream(info, &message.content, stream.kind));
        }
    }

    /// Why a TCP or UDP flow failed.
    pub(super) fn failure(&mut self, flow: &MessageFlow, stream: &Stream) {
        let server = show::address(flow.info.server_conn.address.as_ref());
        let why = flow.info.error.as_ref().map_or("", |error| &error.msg);
        let text = format!("Error in {} connection to {server}: {why}", stream.upper);
        self.page
            .paint(Clean::line(&text), Style::colour(RED))
            .line();
    }

    /// The last message of a WebSocket conversation.
    pub(super) fn websocket_message(&mut self, flow: &HttpFlow) {
        let Some(message) = flow.websocket.as_ref().and_then(|ws| ws.messages.last()) else {
            return;
        };
        let arrow = arrow(message.from_client);
        let kind = match message.opcode {
            1 => "text",
            _ => "binary",
        };
        let client = show::address(flow.info.client_conn.peername.as_ref());
        let server = show::address(flow.info.server_conn.address.as_ref());
        let path = show::bytes(&flow.request.path);
        self.page
            .push(Clean::line(&format!(
                "{client} {arrow} WebSocket {kind} message {arrow} {server}{path}"
            )))
            .line();
        if self.settings.detail >= 3 {
            self.body(Message::WebSocket(flow, &message.content));
        }
    }

    /// How a WebSocket conversation ended.
    pub(super) fn websocket_end(&mut self, flow: &HttpFlow) {
        let Some(websocket) = &flow.websocket else {
            return;
        };
        let reason = websocket.close_reason.as_deref().unwrap_or_default();
        if let Some(code @ (1000 | 1001 | 1005)) = websocket.close_code {
            let who = match websocket.closed_by_client {
                Some(true) => "client",
                _ => "server",
            };
            let text = format!("WebSocket connection closed by {who}: {code} {reason}");
            self.page.push(Clean::line(&text)).line();
            return;
        }
        let mut why = close_name(websocket);
        if !reason.is_empty() {
            why = format!("{why} (reason: {reason})");
        }
        let server = show::address(flow.info.server_conn.address.as_ref());
        let text = format!("Error in WebSocket connection to {server}: WebSocket Error: {why}");
        self.page
            .paint(Clean::line(&text), Style::colour(RED))
            .line();
    }
}

fn arrow(from_client: bool) -> &'static str {
    if from_client { "->" } else { "<-" }
}

fn stream_id(info: &FlowInfo, key: &str) -> String {
    match info.meta(key) {
        Some(Value::Int(id)) => id.to_string(),
        Some(Value::Text(id)) => id.clone(),
        _ => String::new(),
    }
}

/// Name of a close code (RFC 6455 §7.4 and the IANA registry "WebSocket Close Code Number").
fn close_name(websocket: &WebSocketData) -> String {
    let Some(code) = websocket.close_code else {
        return "UNKNOWN_ERROR=None".to_owned();
    };
    let name = match code {
        1002 => "PROTOCOL_ERROR",
        1003 => "UNSUPPORTED_DATA",
        1006 => "ABNORMAL_CLOSURE",
        1007 => "INVALID_FRAME_PAYLOAD_DATA",
        1008 => "POLICY_VIOLATION",
        1009 => "MESSAGE_TOO_BIG",
        1010 => "MANDATORY_EXT",
        1011 => "INTERNAL_ERROR",
        1012 => "SERVICE_RESTART",
        1013 => "TRY_AGAIN_LATER",
        1015 => "TLS_HANDSHAKE_FAILED",
        _ => return format!("UNKNOWN_ERROR={code}"),
    };
    name.to_owned()
}
