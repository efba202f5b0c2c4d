//! The versioned interface below `/api/v1`: windows on the store instead of all flows, and everything the page needs.

pub(crate) mod actions;
pub(crate) mod commands;
pub(crate) mod compose;
pub(crate) mod connect;
pub(crate) mod content;
pub(crate) mod curl;
pub(crate) mod detail;
pub(crate) mod diff;
pub(crate) mod events;
pub(crate) mod files;
pub(crate) mod filters;
pub(crate) mod kind;
pub(crate) mod list;
pub(crate) mod messages;
pub(crate) mod options;
pub(crate) mod query;
pub(crate) mod row;
pub(crate) mod rules;
pub(crate) mod search;
pub(crate) mod socket;
pub(crate) mod state;
pub(crate) mod stats;
pub(crate) mod streams;
pub(crate) mod table;
pub(crate) mod tree;

/// The lines of a text as one.
pub(crate) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}
