//! The midwire program.
fn main() {}
