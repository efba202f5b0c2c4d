//! The built program on loopback, with real clients and servers.

mod origin;
mod program;

mod dump;
mod errors;
mod live;
mod tls;
