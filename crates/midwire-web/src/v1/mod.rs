//! The versioned interface below `/api/v1`: windows on the store instead of all flows, and everything the page needs.

pub(crate) mod options;
pub(crate) mod table;
