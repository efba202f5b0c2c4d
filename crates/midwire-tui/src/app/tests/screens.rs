//! Screens as they look.

use super::flows::{capture, held, http};
use super::harness::Tui;

/// Times of day depend on the zone of the machine.
fn stable(screen: &str) -> String {
    let mut out = String::new();
    for word in screen.split_inclusive([' ', '\n']) {
        let bytes = word.as_bytes();
        let clock = bytes.len() >= 8
            && bytes[2] == b':'
            && bytes[5] == b':'
            && bytes[..2].iter().all(u8::is_ascii_digit);
        out.push_str(&if clock {
            format!("HH:MM:SS{}", &word[8..])
        } else {
            word.to_owned()
        });
    }
    out
}

fn with_capture(columns: u16, rows: u16) -> Tui {
    let mut tui = Tui::new(columns, rows);
    for flow in capture() {
        tui.add(flow);
    }
    tui.add(held(8));
    tui
}

#[test]
fn list_80x24() {
    insta::assert_snapshot!(stable(&with_capture(80, 24).screen()));
}

#[test]
fn list_120x40() {
    insta::assert_snapshot!(stable(&with_capture(120, 40).screen()));
}

#[test]
fn list_40x10() {
    insta::assert_snapshot!(stable(&with_capture(40, 10).screen()));
}

#[test]
fn list_in_two_lines() {
    let mut tui = with_capture(80, 24);
    tui.command("set console_flowlist_layout list");
    insta::assert_snapshot!(stable(&tui.screen()));
}

#[test]
fn empty_list_says_how_to_begin() {
    let mut tui = Tui::new(80, 24);
    tui.kernel.options().set(&["confdir=/nonexistent"]).unwrap();
    tui.event(crate::event::Event::Changed);
    insta::assert_snapshot!(tui.screen());
}

#[test]
fn a_window_can_be_too_small() {
    Tui::new(20, 5).shows("window too small");
}

#[test]
fn details() {
    let mut tui = with_capture(80, 24);
    tui.keys(&["j", "enter", "tab"]);
    insta::assert_snapshot!(stable(&tui.screen()));
}

#[test]
fn every_kind_of_flow_has_its_tabs() {
    let mut tui = with_capture(100, 30);
    tui.keys(&["enter"])
        .shows("[Request]")
        .shows("No request content");
    tui.keys(&["tab"]).shows("[Response]").shows("XML/HTML");
    tui.keys(&["space"]).shows("JSON").shows("2 of 8");
    tui.keys(&["space", "space"])
        .shows("connection reset by server");
    tui.keys(&["space", "tab"])
        .shows("[WebSocket Messages]")
        .shows("Closed by client 1000 normal closure bye");
    tui.shows("⇒ client #1").shows("⇐ server #2");
    tui.keys(&["space"])
        .shows("[TCP Stream]")
        .shows("hello tcp");
    tui.keys(&["space"]).shows("[Request]").shows("demo.test A");
    tui.keys(&["tab"]).shows("No response");
    tui.keys(&["space"])
        .shows("Request intercepted")
        .shows("held: request");
    tui.keys(&["tab"])
        .shows("Server Connection:")
        .shows("TLSv1.3")
        .shows("Timing:");
    tui.keys(&["tab"]).shows("[Timing]");
    tui.keys(&["p"]).shows("7 of 8");
}

#[test]
fn two_panes() {
    let mut tui = with_capture(120, 30);
    tui.keys(&["-"]).shows("Flows 8").shows("Flow Details");
    tui.keys(&["-"]).shows("│").shows("Flow Details");
    tui.keys(&["ctrl right", "E"]).shows("Events");
    tui.keys(&["ctrl left", "-"]).hides("Events 0");
}

#[test]
fn content_is_searched() {
    let mut tui = Tui::new(80, 24);
    tui.add(http(
        0,
        "GET",
        "http://h.test/",
        (200, "text/plain", b"one two\nTwo three\nnone"),
    ));
    tui.keys(&["enter", "tab", "/"])
        .text("two")
        .keys(&["enter"])
        .shows("match 1/2");
    tui.keys(&["n"])
        .shows("match 2/2")
        .keys(&["N"])
        .shows("match 1/2");
    tui.keys(&["/"])
        .text("absent")
        .keys(&["enter"])
        .shows("no match for \"absent\"");
}

#[test]
fn help_options_commands_and_keys() {
    let mut tui = with_capture(80, 24);
    tui.keys(&["?"])
        .shows("[Key Bindings]")
        .shows("Keys of flowlist");
    tui.keys(&["l"])
        .shows("[Filter Expressions]")
        .keys(&["?"])
        .shows("Flows 8");
    tui.keys(&["O"])
        .shows("Options")
        .shows("add_upstream_certs_to_client_chain")
        .keys(&["q"]);
    tui.keys(&["C"]).shows("Commands").keys(&["q"]);
    tui.keys(&["K"])
        .shows("Key Bindings")
        .keys(&["q"])
        .shows("Flows 8");
}
