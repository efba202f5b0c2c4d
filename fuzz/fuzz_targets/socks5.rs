//! Any bytes give a message of the handshake, a wait or an error; requests come back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use midwire_wire::socks5;

fuzz_target!(|data: &[u8]| {
    let waits = [
        socks5::decode_greeting(data).map(|found| found.is_none()),
        socks5::decode_method(data).map(|found| found.is_none()),
        socks5::decode_credentials(data).map(|found| found.is_none()),
        socks5::decode_credentials_status(data).map(|found| found.is_none()),
        socks5::decode_reply(data).map(|found| found.is_none()),
    ];
    assert!(data.len() < socks5::MESSAGE_LIMIT || !waits.contains(&Ok(true)));
    if let Ok(Some((request, length))) = socks5::decode_request(data) {
        assert_eq!(socks5::encode_request(&request), data[..length]);
    }
});
