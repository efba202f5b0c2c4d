//! What holds for every view.

use proptest::prelude::*;

use crate::{MessageKind, Metadata, Registry};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_shown(data in proptest::collection::vec(any::<u8>(), 0..300)) {
        show_all(&data);
    }

    #[test]
    fn text_like_bytes_are_shown(data in r#"[<>/!?{}\[\]()"'`:;,=&%a-c0-2\\ \n*.@#-]{0,200}"#) {
        show_all(data.as_bytes());
    }
}

fn show_all(data: &[u8]) {
    let registry = Registry::new();
    for name in registry.names() {
        for message in [
            MessageKind::Request,
            MessageKind::WebSocket,
            MessageKind::Tcp,
            MessageKind::Dns,
        ] {
            let meta = Metadata {
                content_type: Some("multipart/form-data; boundary=a"),
                path: Some("/socket.io/?a=b"),
                alpn: Some(b"h3"),
                message,
                ..Metadata::default()
            };
            let rendered = registry.render(data, &meta, &name);
            assert!(!rendered.view_name.is_empty());
        }
    }
}

#[test]
fn large_hostile_inputs_take_no_time() {
    let registry = Registry::new();
    let patterns: [&[u8]; 29] = [
        b"<",
        b"<a ",
        b"[",
        b"{\"a\":",
        b"{",
        b"}",
        b"(",
        b"/",
        b"\"",
        b"'",
        b"--a\r\n",
        b"&",
        b"a=b&",
        b"%",
        b"\x0a\x80",
        b"\x91",
        b"\x00",
        b"\xff",
        b"\x81\xa1a",
        b"/*",
        b"\x0b",
        b"\n",
        b"1,",
        b"<!a ['>'",
        b"a: ",
        b"<a b=\">",
        b"a:b;",
        b"a=1;/*",
        b"- ",
    ];
    for pattern in patterns {
        let data = pattern.repeat(20_000 / pattern.len());
        let start = std::time::Instant::now();
        for syntax in crate::Syntax::ALL {
            crate::highlight(&String::from_utf8_lossy(&data), syntax);
        }
        assert!(start.elapsed().as_secs() < 5, "colours of {pattern:?}");
        for name in registry.names() {
            let meta = Metadata {
                content_type: Some("multipart/form-data; boundary=a"),
                ..Metadata::default()
            };
            let start = std::time::Instant::now();
            let rendered = registry.render(&data, &meta, &name);
            let elapsed = start.elapsed();
            assert!(
                elapsed.as_secs() < 5,
                "{name} took {elapsed:?} for {pattern:?}"
            );
            crate::highlight(&rendered.text, rendered.syntax);
            assert!(
                start.elapsed().as_secs() < 10,
                "colours of {name} for {pattern:?}"
            );
        }
    }
}
