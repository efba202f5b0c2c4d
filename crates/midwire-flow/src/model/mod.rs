//! The flow types. They derive no serialisation: files, HAR, web and scripts each have their own (invariant 8).

pub(crate) mod connection;
pub(crate) mod content;
pub(crate) mod flow;
pub(crate) mod id;
pub(crate) mod message;
pub(crate) mod number;
