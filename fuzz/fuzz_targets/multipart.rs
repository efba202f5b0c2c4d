//! Multipart forms: any body is read, and what was read survives being written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use midwire_flow::access::{content_type, multipart};

fuzz_target!(|input: (&str, &[u8])| {
    let (value, body) = input;
    let _ = content_type::parse(value).map(|parsed| parsed.to_string());
    let _ = multipart::decode(value, body);
    let pairs = multipart::decode("multipart/form-data; boundary=B", body);
    let boundary = multipart::random_boundary();
    if let Some(written) = multipart::encode(pairs.clone(), boundary.as_bytes()) {
        let value = format!("multipart/form-data; boundary={boundary}");
        assert_eq!(multipart::decode(&value, &written).len(), pairs.len());
    }
});
