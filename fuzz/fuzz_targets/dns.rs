//! Any bytes give a message or an error; a message that was read can be shown, written and read again.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use midwire_wire::dns::{HttpsRecord, Message, name_to_wire, next_framed, wire_to_name};

fuzz_target!(|data: &[u8]| {
    if let Ok((message, _)) = Message::unpack_prefix(data) {
        for record in message.records() {
            let _ = record.to_string();
        }
        // Not the data: a broken pointer in it is kept, and may point at something in a new place.
        let heads = |message: Message| {
            let records = message.records();
            let records: Vec<_> = records
                .map(|record| (record.name.clone(), record.type_, record.ttl))
                .collect();
            (message.questions, records)
        };
        let packed = message.pack();
        assert!(packed.is_ok());
        let again = Message::unpack(&packed.unwrap_or_default());
        assert_eq!(again.map(heads), Ok(heads(message)));
    }
    if let Ok(name) = wire_to_name(data) {
        assert_eq!(name_to_wire(&name).as_deref(), Ok(data));
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = name_to_wire(text);
    }
    if let Ok(record) = HttpsRecord::unpack(data) {
        let again = record.pack().map(|data| HttpsRecord::unpack(&data));
        assert_eq!(again, Ok(Ok(record)));
    }
    let mut stream = BytesMut::from(data);
    while let Ok(Some(_)) = next_framed(&mut stream) {}
});
