//! midwire-proxy.
