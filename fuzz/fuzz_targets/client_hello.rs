//! Any bytes, as a stream and as a bare handshake message, give a hello or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use midwire_wire::client_hello::{Parsed, parse, parse_message};

fuzz_target!(|data: &[u8]| {
    if let Ok(Parsed::Hello(hello)) = parse(data) {
        // What was accepted out of records is accepted bare, and its prefixes wait.
        assert_eq!(parse_message(hello.raw.clone()).as_ref(), Ok(&hello));
        assert_eq!(parse(&data[..hello.raw.len() / 2]), Ok(Parsed::NeedMore));
    }
    let _ = parse_message(data.to_vec().into());
});
