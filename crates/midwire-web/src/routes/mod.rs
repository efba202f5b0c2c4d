//! mitmweb's routes (web-api.md §2), so that its clients keep working.

pub(crate) mod commands;
pub(crate) mod content;
pub(crate) mod dump;
pub(crate) mod edit;
pub(crate) mod flows;
pub(crate) mod misc;
pub(crate) mod options;
