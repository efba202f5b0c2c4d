//! HTTP: drivers own socket and codec, the exchange is one story for every version.

pub(crate) mod capture;
pub(crate) mod exchange;
mod filters;
pub(crate) mod h1;
pub(crate) mod h2;
pub(crate) mod message;
mod pace;
pub(crate) mod page;
mod passing;
pub(crate) mod stream;
