//! Reads numbers and slices from the front of bytes.

use crate::ViewError;

/// A cursor over bytes; every read says what it was for when the bytes end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    /// Offset of the next byte.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.data.len()
    }

    /// All that is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.data.get(self.at..).unwrap_or(b"")
    }

    pub(super) fn bytes(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], ViewError> {
        let bytes = self.rest().get(..len).ok_or(ViewError::Truncated(what))?;
        self.at += len;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], ViewError> {
        self.bytes(N, what)?
            .try_into()
            .map_err(|_| ViewError::Truncated(what))
    }

    pub(super) fn u8(&mut self, what: &'static str) -> Result<u8, ViewError> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// Big-endian.
    pub(super) fn u16(&mut self, what: &'static str) -> Result<u16, ViewError> {
        self.array(what).map(u16::from_be_bytes)
    }

    /// Big-endian.
    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, ViewError> {
        self.array(what).map(u32::from_be_bytes)
    }

    /// Up to and without a zero byte, which is taken as well.
    pub(super) fn c_string(&mut self, what: &'static str) -> Result<&'a [u8], ViewError> {
        let len = memchr::memchr(0, self.rest()).ok_or(ViewError::Truncated(what))?;
        let bytes = self.bytes(len, what)?;
        self.at += 1;
        Ok(bytes)
    }
}
