//! Any bytes give flows or an error; flows that were read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use midwire_flow::file::{Reader, encode};
use midwire_flow::value::Value;

fuzz_target!(|data: &[u8]| {
    if let Ok((value, _)) = Value::parse(data) {
        let mut bytes = Vec::new();
        value.write(&mut bytes);
        // Not the value: what is not a number is not equal to itself.
        let mut again = Vec::new();
        let read = Value::parse(&bytes);
        assert!(read.is_ok());
        if let Ok((value, _)) = read {
            value.write(&mut again);
        }
        assert_eq!(bytes, again);
    }
    for flow in Reader::new(data).flatten() {
        let Ok(bytes) = encode(&flow) else {
            continue;
        };
        let read = Reader::new(&bytes[..]).next();
        assert!(matches!(read, Some(Ok(_))));
        if let Some(Ok(flow)) = read {
            assert_eq!(encode(&flow).ok(), Some(bytes));
        }
    }
});
