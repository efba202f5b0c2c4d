//! Hooks: the named points where addons run (events.md). One table names them all.

mod data;
mod set;
mod stream;
mod table;

pub use data::{
    ClientHelloData, ContentNeed, FlowRef, NextLayerChoice, NextLayerData, Part, ServerHookData,
    Socks5AuthData, TlsHookData,
};
pub use set::HookSet;
pub use stream::StreamFilter;
pub(crate) use table::deliver;
pub use table::{Addon, Event, Hook};
