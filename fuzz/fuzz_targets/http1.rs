//! Any bytes as HTTP/1: see the driver, which the tests of the codec run on the corpus too.
#![no_main]

#[path = "../src/http1.rs"]
mod driver;

libfuzzer_sys::fuzz_target!(|data: &[u8]| driver::run(data));
