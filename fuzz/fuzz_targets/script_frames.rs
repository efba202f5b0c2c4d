//! Any bytes from a script host are frames or an error, and any payload a value or an error.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use midwire_python::{frame, value};

fuzz_target!(|data: &[u8]| {
    let mut stream = BytesMut::from(data);
    while let Ok(Some(frame)) = frame::decode(&mut stream) {
        if let Ok(read) = value::decode(&frame.payload) {
            let mut again = Vec::new();
            let written = frame::encode(&mut again, frame.head, |out| {
                let mut writer = value::Writer(std::mem::take(out));
                writer.value(&read);
                *out = writer.0;
            });
            // Numbers may take more room than they came in.
            if written.is_ok() {
                let mut again = BytesMut::from(&again[..]);
                assert!(matches!(frame::decode(&mut again), Ok(Some(_))));
            }
        }
    }
    let _ = value::decode(&Bytes::copy_from_slice(data));
});
