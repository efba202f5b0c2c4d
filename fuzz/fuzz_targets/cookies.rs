//! Cookies: any bytes are read, and what was read survives being written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use midwire_flow::access::{cookies, date};

fuzz_target!(|data: &[u8]| {
    let pairs = cookies::parse_cookie(data);
    assert_eq!(
        cookies::parse_cookie(&cookies::format_cookie(pairs.clone())),
        pairs
    );
    for cookie in cookies::parse_set_cookie(data) {
        let _ = cookie.attributes.is_expired(0);
    }
    let _ = cookies::refresh_set_cookie(data, 1);
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = date::parse(text);
    }
});
