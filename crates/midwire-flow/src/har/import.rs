//! HAR entries as flows.
use super::HarError;
use crate::Flow;
use std::io::Read;

/// x
pub struct Importer;
impl Importer {
    pub(crate) fn read(_: impl Read) -> Result<Self, HarError> {
        Ok(Self)
    }
    pub(crate) fn read_compressed(_: impl Read) -> Result<Self, HarError> {
        Ok(Self)
    }
}
impl Iterator for Importer {
    type Item = Result<Flow, HarError>;
    fn next(&mut self) -> Option<Self::Item> {
        None
    }
}
