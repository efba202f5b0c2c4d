//! How clients connect.

use std::sync::Arc;

use super::flows::capture;
use super::harness::Tui;
use crate::Listener;

fn tui(columns: u16, rows: u16) -> Tui {
    let mut tui = Tui::new(columns, rows);
    tui.app.env.listeners = Arc::new(|| {
        vec![
            Listener {
                spec: "regular".to_owned(),
                description: "HTTP(S) proxy".to_owned(),
                addresses: vec!["127.0.0.1:40123".parse().unwrap()],
                error: None,
            },
            Listener {
                spec: "socks5@1080".to_owned(),
                error: Some("address in use".to_owned()),
                ..Listener::default()
            },
        ]
    });
    tui.draw();
    tui
}

#[test]
fn an_empty_list_tells_real_addresses() {
    let mut tui = tui(120, 40);
    tui.shows("No flow yet")
        .shows("127.0.0.1:40123  HTTP(S) proxy")
        .shows("failed: address in use")
        .shows("curl -x http://127.0.0.1:40123 --cacert")
        .shows("█▀▀▀▀▀█")
        .shows("[127.0.0.1:40123]");
    tui.add(capture().remove(0)).hides("No flow yet");
}

#[test]
fn the_screen_scrolls_and_is_left() {
    let mut tui = tui(80, 24);
    for flow in capture() {
        tui.add(flow);
    }
    tui.command("console.view.connect")
        .shows("Connect")
        .shows("127.0.0.1:40123");
    tui.keys(&["G"])
        .shows("http://mitm.it/")
        .hides("HTTP(S) proxy");
    tui.keys(&["g"])
        .shows("HTTP(S) proxy")
        .keys(&["q"])
        .shows("Flows 7");
}

#[test]
fn certificates_are_shown_or_missed() {
    let folder = tempfile::tempdir().unwrap();
    let mut tui = tui(120, 40);
    let path = folder.path().display();
    tui.kernel
        .options()
        .set(&[format!("confdir={path}")])
        .unwrap();
    tui.event(crate::event::Event::Changed).shows("missing");
    std::fs::write(
        folder.path().join("mitmproxy-ca-cert.pem"),
        "no certificate",
    )
    .unwrap();
    tui.event(crate::event::Event::Changed).shows("missing");
}
