//! midwire-core.
