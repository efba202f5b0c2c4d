//! Any bytes can be shown by every view and coloured; an edited text can be anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use midwire_views::{MessageKind, Metadata, Registry, highlight};

fuzz_target!(|data: &[u8]| {
    let registry = Registry::new();
    let text = String::from_utf8_lossy(data);
    for name in registry.names() {
        for message in [MessageKind::Request, MessageKind::Tcp] {
            let meta = Metadata {
                content_type: Some("multipart/form-data; boundary=a"),
                path: Some("/a?b=c"),
                message,
                ..Metadata::default()
            };
            let rendered = registry.render(data, &meta, &name);
            let pieces = highlight(&rendered.text, rendered.syntax);
            let joined: String = pieces.iter().map(|(_, piece)| *piece).collect();
            assert_eq!(joined, rendered.text);
            let _ = registry.reencode(&text, &meta, &name);
        }
    }
});
