//! midwire-proxy.

pub mod ca;
pub mod tls;
