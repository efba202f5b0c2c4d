//! midwire-flow.
