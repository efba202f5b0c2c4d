//! midwire-core.

pub mod commands;
pub mod options;
