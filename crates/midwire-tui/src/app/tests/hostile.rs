//! Traffic that wants to break the screen.

use super::flows::{edit, http};
use super::harness::Tui;
use midwire_flow::FlowError;

const EVIL: &str = "\x1b]52;c;AAAA\x07\x1b[2J\u{202e}abc\u{200b}\r\n\t日本語e\u{301}\u{301}\u{1F469}\u{200D}\u{1F4BB}";

/// No cell holds a control or a character that reorders text.
fn check(tui: &Tui) {
    let screen = tui.screen();
    for c in screen.chars().filter(|c| *c != '\n') {
        assert!(!c.is_control(), "{c:?} in\n{screen}");
        assert!(
            !matches!(c, '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'),
            "{c:?}"
        );
    }
}

#[test]
fn no_screen_shows_what_would_act_on_the_terminal() {
    for (columns, rows) in [(80, 24), (120, 40), (40, 10)] {
        let mut tui = Tui::new(columns, rows);
        let body = format!("{EVIL}\n{EVIL}");
        let flow = edit(
            http(
                0,
                "GET",
                "http://h.test/",
                (200, "text/plain", body.as_bytes()),
            ),
            |http| {
                http.request.method = EVIL.as_bytes().to_vec().into();
                http.request.path = format!("/{EVIL}?{EVIL}").into_bytes().into();
                http.request.host = EVIL.to_owned();
                http.request
                    .fields
                    .append(EVIL.as_bytes().to_vec(), EVIL.as_bytes().to_vec());
                http.info.comment = EVIL.to_owned();
                http.info.marked = EVIL.to_owned();
                if let Some(response) = &mut http.response {
                    response.reason = EVIL.as_bytes().to_vec().into();
                    response.fields.append("X", EVIL.as_bytes().to_vec());
                    response
                        .fields
                        .set("Content-Type", EVIL.as_bytes().to_vec());
                }
                http.info.error = Some(FlowError {
                    msg: EVIL.to_owned(),
                    timestamp: 1_700_000_001.0,
                });
            },
        );
        tui.add(flow);
        for layout in ["table", "list", "default"] {
            tui.kernel
                .options()
                .set(&[format!("console_flowlist_layout={layout}")])
                .unwrap();
            tui.draw();
            check(&tui);
        }
        tui.keys(&["enter"]);
        for _ in 0..4 {
            check(&tui);
            tui.keys(&["tab"]);
        }
        tui.keys(&["e"]);
        check(&tui);
        tui.keys(&["9"]);
        check(&tui);
        tui.keys(&["esc", "q"]).command(&format!(
            "flow.comment {}",
            EVIL.replace(['\r', '\n', '\t'], "")
        ));
        check(&tui);
    }
}

#[test]
fn a_line_of_a_megabyte_is_cut_and_can_be_scrolled() {
    let mut tui = Tui::new(80, 24);
    let line = vec![b'x'; 1 << 20];
    tui.add(http(
        0,
        "GET",
        "http://h.test/long",
        (200, "text/plain", &line),
    ));
    tui.keys(&["enter", "tab", "G"]);
    tui.shows("first 256k of 1.0m - f: all");
    tui.keys(&["f", "G"]).hides("f: all").shows("xxxx");
}

#[test]
fn wide_and_combining_text_keeps_its_cells() {
    let mut tui = Tui::new(80, 24);
    for at in 0..3 {
        let path = [
            "日本語日本語日本語日本語日本語日本語日本語",
            "e\u{301}e\u{301}e\u{301}",
            "plain",
        ][at];
        tui.add(edit(
            http(at as u32, "GET", "http://h.test/", (200, "text/html", b"x")),
            |http| {
                http.request.path = format!("/{path}").into_bytes().into();
            },
        ));
    }
    let screen = tui.screen();
    let columns: Vec<usize> = screen
        .lines()
        .filter(|line| line.contains(" 200 "))
        .map(|line| crate::text::width(&line[..line.find(" 200 ").unwrap()]))
        .collect();
    assert_eq!(columns.len(), 3, "{screen}");
    assert!(
        columns.iter().all(|at| *at == columns[0]),
        "{columns:?}\n{screen}"
    );
}
