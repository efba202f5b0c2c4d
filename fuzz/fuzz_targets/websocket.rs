//! Any bytes, however they are cut, give the same items or the same error; what was read can be written and read.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use midwire_wire::websocket::{
    DeflateParameters, Item, Limits, MessageReader, MessageWriter, Role, WebSocketError, negotiate,
};

const LIMITS: Limits = Limits {
    message_bytes: 1 << 20,
    fragments: 100,
};

fn read(sender: Role, data: &[u8], step: usize) -> (Vec<Item>, Result<(), WebSocketError>) {
    let mut reader = MessageReader::new(sender, Some(DeflateParameters::default()), LIMITS);
    let (mut buf, mut items) = (BytesMut::new(), Vec::new());
    for part in data.chunks(step) {
        buf.extend_from_slice(part);
        loop {
            match reader.read(&mut buf) {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(error) => return (items, Err(error)),
            }
        }
    }
    (items, Ok(()))
}

fuzz_target!(|data: &[u8]| {
    let Some((first, data)) = data.split_first() else {
        return;
    };
    let sender = if first & 1 == 0 {
        Role::Client
    } else {
        Role::Server
    };
    // Only the items are compared: the way a compressed frame is cut may decide which of two faults is seen first.
    let (items, _) = read(sender, data, usize::MAX);
    assert_eq!(read(sender, data, usize::from(first >> 1) + 1).0, items);

    let mut writer = MessageWriter::new(sender, Some(DeflateParameters::default()));
    let mut out = BytesMut::new();
    for item in &items {
        let written = writer.write(&mut out, item, &mut || [1, 2, 3, 4]);
        assert_eq!(written, Ok(()));
    }
    assert_eq!(read(sender, &out, usize::MAX), (items, Ok(())));
    let _ = negotiate([&b"permessage-deflate; client_max_window_bits"[..]], [data]);
});
