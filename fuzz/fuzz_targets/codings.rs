//! Content codings: any bytes end in content within the limit or in an error, however they are cut into pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use midwire_flow::codec::{Decoder, decode_all, decode_prefix};

const LIMIT: usize = 1 << 20;
const LISTS: [&str; 6] = [
    "gzip",
    "deflate",
    "br",
    "zstd",
    "gzip, br",
    "zstd, deflate, gzip",
];

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (list, size, data) = input;
    let list = LISTS[usize::from(list) % LISTS.len()].as_bytes();
    let whole = decode_all(data, list, LIMIT);
    if let Ok(content) = &whole {
        assert!(content.len() <= LIMIT);
    }
    assert!(decode_prefix(data, list, 1000).bytes.len() <= 1000);
    let Ok(mut decoder) = Decoder::for_content_encoding(list) else {
        return;
    };
    let mut pieces = Vec::new();
    for piece in data.chunks(usize::from(size).max(1)) {
        match decoder.push(piece, LIMIT.saturating_sub(pieces.len())) {
            Ok(content) => pieces.extend(content),
            Err(_) => {
                assert!(whole.is_err());
                return;
            }
        }
    }
    if decoder.finish().is_ok() {
        assert_eq!(whole, Ok(pieces));
    }
});
