//! The first minute: what makes a program use the proxy and trust its authority, and takes that back.
//!
//! Nothing here knows the engine. Variables and trust files are values that a caller hands to a child process or
//! prints; trust stores of the machine are changed only by [`stores`], which says exactly what it changed.

pub mod certificate;
pub mod private_folder;
pub mod shell;
pub mod stores;
pub mod trust_files;
pub mod variables;
