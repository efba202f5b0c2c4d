//! Flows: the record of an exchange or conversation that hooks, user interfaces and files see.
//!
//! Also what is said about flows: the filter language, flow files, HAR and export formats.

pub mod access;
pub mod codec;
pub mod export;
pub mod file;
pub mod filter;
pub mod har;
mod model;
pub mod pattern;
pub mod text;
pub mod value;

pub use access::HttpMessage;
pub use model::connection::{
    Address, Certificate, ClientConn, Connection, ServerConn, Transport, Via,
};
pub use model::content::{Content, Spill};
pub use model::flow::{
    Dns, DnsFlow, Flow, FlowError, FlowInfo, HttpFlow, Message as StreamMessage, MessageFlow,
    Passed, Replay, WebSocketData, WebSocketMessage,
};
pub use model::id::Id;
pub use model::message::{Request, Response};
pub use model::number::Number;
pub use value::Value;
