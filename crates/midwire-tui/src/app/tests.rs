//! Keys in, screen and state out, on a terminal in memory.

mod connect;
mod flows;
mod harness;
mod hostile;
mod keys;
mod palette;
mod screens;
mod views;
