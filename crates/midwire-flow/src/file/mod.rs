//! Flow files: typed netstrings of flow states, one after another (flowfile.md).
//!
//! [`open_flows`] reads any file that the original reads: flow files of every version and HAR. [`Writer`] writes
//! version 21, [`FlowFile`] keeps a file whole when writing fails.

mod decode;
mod encode;
mod error;
mod flow_file;
mod reader;
#[cfg(test)]
mod tests;
mod upgrade;
mod writer;

pub use encode::encode;
pub use error::{ReadError, ReadErrorKind};
pub use flow_file::{FlowFile, Mode, Spec};
pub use reader::{MAX_RECORD, Reader, open_flows};
pub use writer::Writer;

/// Version of the flow format that is written (flowfile.md §2).
pub const FORMAT_VERSION: i64 = 21;
