//! Scripts in a real interpreter, hooks called as the engine calls them.
#![cfg(unix)]

mod faults;
mod flows;
mod helper;
mod life;
