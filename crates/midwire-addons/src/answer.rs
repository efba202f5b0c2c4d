//! Answers that the program itself gives to requests.

/// What answers call themselves, as scripts and tests of the original look for it.
pub(crate) const SERVER: &str = "mitmproxy 12.2.3";
