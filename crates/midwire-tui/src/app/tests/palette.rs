//! The box that finds everything.

use super::flows::capture;
use super::harness::Tui;

fn tui() -> Tui {
    let mut tui = Tui::new(100, 30);
    for flow in capture() {
        tui.add(flow);
    }
    tui
}

#[test]
fn commands_are_found_with_their_keys() {
    let mut tui = tui();
    tui.keys(&["ctrl p"])
        .shows("Palette")
        .shows("command, option, #number, host or path");
    tui.text("event log")
        .shows("console.view.eventlog")
        .keys(&["esc"])
        .hides("Palette:");
    tui.keys(&["ctrl p"]).text("console.view.eventlog");
    tui.keys(&["enter"]).shows("Events 0");
}

#[test]
fn commands_with_words_open_the_prompt() {
    let mut tui = tui();
    tui.keys(&["ctrl p"]).text("flow.set").keys(&["enter"]);
    tui.shows(": flow.set ");
}

#[test]
fn options_show_their_value_and_toggle() {
    let mut tui = tui();
    tui.keys(&["ctrl p"])
        .text("ssl_insecure")
        .shows("= false, enter toggles")
        .keys(&["enter"]);
    assert!(tui.kernel.options().load().ssl_insecure);
    tui.keys(&["ctrl p"])
        .text("listen_port")
        .keys(&["enter"])
        .shows(": set listen_port ''");
}

#[test]
fn flows_are_found_by_number_host_and_path() {
    let mut tui = tui();
    tui.keys(&["ctrl p"])
        .text("#2")
        .shows("1 found")
        .keys(&["enter"]);
    assert_eq!(tui.focused(), "/graphql?x=1");
    tui.keys(&["q", "ctrl p"])
        .text("users/9999")
        .keys(&["enter"]);
    tui.shows("Flow Details");
    assert_eq!(tui.focused(), "/api/users/9999");
    tui.keys(&["q", "ctrl p"])
        .text("#x")
        .shows("0 found")
        .keys(&["enter"]);
    tui.hides("Palette:");
}

#[test]
fn what_was_used_comes_first() {
    let mut tui = tui();
    tui.keys(&["ctrl p"])
        .text("showhost")
        .keys(&["enter", "ctrl p"]);
    let screen = tui.screen();
    let first = screen.lines().find(|line| line.contains("> option"));
    assert!(first.unwrap().contains("showhost"), "{screen}");
}

#[test]
fn hostile_text_and_small_windows_do_no_harm() {
    let mut tui = Tui::new(30, 6);
    tui.keys(&["ctrl p"]).text("\u{1b}[2J\u{202e}");
    tui.event(crate::event::Event::Paste("x\u{1b}]0;t\u{7}".repeat(5000)));
    tui.keys(&["down", "page down", "up", "backspace", "enter"])
        .hides("\u{1b}");
}
