//! Writing flows to a stream.

use std::io::{self, Write};

use super::encode::write_record;
use crate::Flow;

/// Writes flows one after another, version 21.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// A writer to `out`. Records are written whole, so buffering only delays them.
    pub fn new(out: W) -> Self {
        Self { out }
    }

    /// Writes a flow and flushes; gives the length of the record in bytes.
    ///
    /// The record is one write, unless content lies in a temporary file: that is copied in pieces, without loading
    /// it. Content that was passed on without a copy is written as missing.
    ///
    /// # Errors
    /// Those of the output and of the temporary files. A part of the record may have been written.
    pub fn add(&mut self, flow: &Flow) -> io::Result<u64> {
        let len = write_record(flow, &mut self.out)?;
        self.out.flush()?;
        Ok(len)
    }

    /// What is written to.
    pub fn get_ref(&self) -> &W {
        &self.out
    }

    /// What is written to, for other use.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// Gives the output back.
    pub fn into_inner(self) -> W {
        self.out
    }
}
