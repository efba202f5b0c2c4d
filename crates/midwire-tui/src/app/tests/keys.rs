//! Every key of the table: pressed where it holds, it does what it says.

use std::sync::{Arc, Mutex};

use midwire_core::Kernel;
use midwire_core::commands::{Args, CommandError, CommandValue, DECLARED};
use midwire_flow::Id;

use super::flows::{capture, edit, held, http};
use super::harness::Tui;
use crate::edit::AfterEdit;

/// Stands in for commands of other crates: the few that screens depend on work, the others only exist.
pub(super) fn register_stubs(kernel: &Arc<Kernel>) {
    let commands = kernel.commands();
    let history = Arc::new(Mutex::new((
        vec!["first".to_owned(), "second".to_owned()],
        2_usize,
    )));
    for row in DECLARED.iter().filter(|row| !commands.contains(row.name)) {
        let (name, kernel, history) = (row.name, Arc::downgrade(kernel), Arc::clone(&history));
        let returns = row.returns;
        commands
            .add_sync(name, move |args: Args| {
                let kernel = kernel.upgrade().unwrap();
                let store = kernel.store();
                Ok(match name {
                    "view.flows.resolve" => {
                        let found = store.resolve(args.str(0)?).map_err(CommandError::failed)?;
                        CommandValue::Flows(found.iter().map(ToString::to_string).collect())
                    }
                    "view.focus.next" | "view.focus.prev" => {
                        store.focus_move(if name.ends_with("next") { 1 } else { -1 });
                        CommandValue::Null
                    }
                    "view.settings.setval.toggle" => {
                        for id in args.flows(0)? {
                            let id = Id::parse(id);
                            let on = store.setting(&id, args.str(1)?).as_deref() == Some("true");
                            store.set_setting(&id, args.str(1)?, if on { "false" } else { "true" });
                        }
                        CommandValue::Null
                    }
                    "view.flows.remove" => {
                        let ids: Vec<Id> = args.flows(0)?.iter().map(|id| Id::parse(id)).collect();
                        store.remove(&ids);
                        CommandValue::Null
                    }
                    "flow.comment" => {
                        for id in args.flows(0)? {
                            store.edit(&Id::parse(id), |flow| {
                                flow.info_mut().comment = args.str(1).unwrap().to_owned();
                            });
                        }
                        CommandValue::Null
                    }
                    "commands.history.filter" => {
                        history.lock().unwrap().1 = 2;
                        CommandValue::Null
                    }
                    "commands.history.prev" | "commands.history.next" => {
                        let mut history = history.lock().unwrap();
                        let step = if name.ends_with("prev") { -1 } else { 1 };
                        history.1 = history.1.saturating_add_signed(step).min(1);
                        CommandValue::Str(history.0[history.1].clone())
                    }
                    "export.formats" => {
                        CommandValue::StrList(vec!["curl".to_owned(), "raw".to_owned()])
                    }
                    "view.order.options" => {
                        CommandValue::StrList(vec!["method".to_owned(), "time".to_owned()])
                    }
                    "cut.clip" => {
                        return Err(CommandError::failed(
                            "cannot copy: no clipboard program was found",
                        ));
                    }
                    "cut" => CommandValue::Table(vec![vec![midwire_core::commands::Cell::Str(
                        "x".to_owned(),
                    )]]),
                    _ => match returns {
                        "" => CommandValue::Null,
                        "int" => CommandValue::Int(1),
                        "bool" => CommandValue::Bool(true),
                        "str[]" => CommandValue::StrList(vec!["a".to_owned()]),
                        _ => CommandValue::Str("text".to_owned()),
                    },
                })
            })
            .unwrap();
    }
}

fn tui() -> Tui {
    let mut tui = Tui::new(100, 30);
    for flow in capture() {
        tui.add(flow);
    }
    tui
}

/// Presses a key on the list and compares the command that ran, or what is on the screen.
fn check(key: &str, expected: &str) {
    let mut tui = tui();
    tui.keys(&[key]);

    let calls = tui.calls.join("\n");
    let screen = tui.screen();
    assert!(
        calls.contains(expected) || screen.contains(expected),
        "{key}: {expected:?} neither ran nor is shown; ran {calls:?}\n{screen}"
    );
}

#[test]
fn keys_of_the_list() {
    for (key, expected) in [
        (":", "browser.start  commands.history.add"),
        (";", ": flow.comment @focus \"\""),
        ("?", "Keys of flowlist"),
        ("B", "browser.start"),
        ("C", " Commands"),
        ("K", " Key Bindings"),
        ("O", " Options"),
        ("E", " Events"),
        ("H", "set console_quickhelp_visible toggle"),
        ("P", "Flow Details"),
        ("enter", "Flow Details"),
        ("I", "set intercept_active toggle"),
        ("i", ": set intercept ''"),
        ("W", ": set save_stream_file ''"),
        ("A", "flow.resume @all"),
        ("a", "flow.resume @focus"),
        ("b", ": cut.save @focus response.content "),
        ("d", "view.flows.remove @focus"),
        ("D", "view.flows.duplicate @focus"),
        ("x", "Export as..."),
        ("f", ": set view_filter ''"),
        ("F", "set console_focus_follow toggle"),
        ("ctrl l", ": cut.clip "),
        ("L", ": view.flows.load "),
        ("m", "flow.mark.toggle @focus"),
        ("M", "view.properties.marked.toggle"),
        ("n", ": view.flows.create get https://example.com/"),
        ("o", "Order flows by..."),
        ("r", "replay.client @focus"),
        ("S", ": replay.server "),
        ("v", "set view_order_reversed toggle"),
        ("U", "flow.mark @all false"),
        ("w", ": save.file @shown "),
        ("V", "flow.revert @focus"),
        ("X", "flow.kill @focus"),
        ("z", "Delete all flows (yes,no)?"),
        ("Z", "Purge all hidden flows (yes,no)?"),
        ("|", ": script.run @focus "),
        ("e", "Edit..."),
        ("ctrl c", "Quit (yes,no)?"),
    ] {
        check(key, expected);
    }
}

#[test]
fn keys_of_a_flow() {
    for (key, expected) in [
        (";", ": flow.comment @focus \"\""),
        ("?", "Keys of flowview"),
        ("A", "flow.resume @all"),
        ("a", "flow.resume @focus"),
        ("b", ": cut.save @focus response.content "),
        ("d", "view.flows.remove @focus"),
        ("D", "view.flows.duplicate @focus"),
        ("x", "Export as..."),
        ("F", "set console_focus_follow toggle"),
        ("ctrl l", ": cut.clip "),
        ("r", "replay.client @focus"),
        ("V", "flow.revert @focus"),
        ("|", ": script.run @focus "),
        ("e", "Edit..."),
        ("f", "view.settings.setval.toggle @focus fullcontents"),
        ("w", ": save.file @focus "),
        ("space", "2 of 7"),
        ("v", "View..."),
        ("m", "Set contentview..."),
        ("z", "Encode/decode..."),
        ("l", "[Response]"),
        ("h", "[Timing]"),
        ("right", "[Response]"),
        ("tab", "[Response]"),
        ("/", "search:"),
        ("q", "Flows 7"),
        ("esc", "Flows 7"),
    ] {
        let mut tui = tui();
        tui.keys(&["enter"]).keys(&[key]);
        let calls = tui.calls.join("\n");
        let screen = tui.screen();
        assert!(
            calls.contains(expected) || screen.contains(expected),
            "{key}: ran {calls:?}\n{screen}"
        );
    }
    let mut tui = tui();
    tui.keys(&["enter", "space", "p"]).shows("1 of 7");
}

#[test]
fn movement() {
    let mut tui = tui();
    assert_eq!(tui.focused(), "/");
    tui.keys(&["j"]);
    assert_eq!(tui.focused(), "/graphql?x=1");
    tui.keys(&["k", "down"]);
    assert_eq!(tui.focused(), "/graphql?x=1");
    tui.keys(&["G", "up", "up"]);
    assert_eq!(tui.focused(), "/ws");
    for (key, back) in [
        ("space", "ctrl b"),
        ("ctrl f", "page up"),
        ("page down", "home"),
    ] {
        tui.keys(&["g"]).keys(&[key]);
        assert_eq!(tui.kernel.store().focus_row(), Some(6), "{key}");
        tui.keys(&[back]);
        assert_eq!(tui.kernel.store().focus_row(), Some(0), "{back}");
    }
}

#[test]
fn panes_are_switched() {
    let mut tui = tui();
    tui.keys(&["-"]);
    for key in ["shift tab", "ctrl right", "ctrl left", "tab"] {
        tui.shows(">Flows")
            .keys(&[key])
            .shows(">Flow Details")
            .keys(&["ctrl left"]);
    }
    tui.keys(&["-", "-"]);
    assert_eq!(tui.kernel.options().load().console_layout, "single");
}

#[test]
fn leaving_asks_only_if_something_would_be_lost() {
    let mut tui = tui();
    tui.keys(&["q"]);
    assert!(tui.quit, "all flows are old");
    let mut tui = Tui::new(80, 24);
    let now = midwire_flow::Number::now();
    tui.add(edit(
        http(0, "GET", "http://h.test/", (200, "", b"")),
        |http| {
            http.info.timestamp_created = midwire_flow::Number::from(now.as_f64() + 1.0);
        },
    ));
    tui.keys(&["q"])
        .shows("Quit (yes,no)?")
        .keys(&["n"])
        .hides("Quit");
    assert!(!tui.quit);
    tui.keys(&["q", "y"]);
    assert!(tui.quit);
    let mut tui = Tui::new(80, 24);
    tui.keys(&["Q"]);
    assert!(tui.quit);
    tui.keys(&["ctrl z"]);
    assert!(tui.suspended);
}

#[test]
fn filters_are_previewed_as_typed() {
    let mut tui = tui();
    tui.keys(&["f"]).text("~d api").shows("Flows 2 of 7");
    tui.keys(&["esc"]).shows("Flows 7");
    tui.keys(&["f"]).text("~c").shows("^ ").shows("Flows 7");
    tui.text(" 404")
        .shows("Flows 1 of 7")
        .keys(&["enter"])
        .shows("[f:~c 404]");
    assert_eq!(tui.focused(), "/api/users/9999");
    assert_eq!(
        tui.kernel.options().load().view_filter.as_deref(),
        Some("~c 404")
    );
    tui.keys(&["f"]).shows("set view_filter '~c 404'");
}

#[test]
fn the_focus_stays_with_its_flow() {
    let mut tui = tui();
    tui.keys(&["j", "v"]);
    assert_eq!(tui.focused(), "/graphql?x=1");
    tui.add(http(90, "GET", "http://new.test/", (200, "", b"")));
    assert_eq!(tui.focused(), "/graphql?x=1");
    tui.keys(&["F"])
        .add(http(91, "GET", "http://new.test/last", (200, "", b"")));
    assert_eq!(tui.focused(), "/last");
}

#[test]
fn new_flows_do_not_move_the_window() {
    let mut tui = Tui::new(80, 24);
    for at in 0..40 {
        tui.add(http(
            at,
            "GET",
            &format!("http://h.test/{at:02}"),
            (200, "", b"x"),
        ));
    }
    let before: Vec<String> = tui
        .screen()
        .lines()
        .skip(1)
        .take(18)
        .map(str::to_owned)
        .collect();
    for at in 40..45 {
        tui.add(http(at, "GET", "http://h.test/", (200, "", b"x")));
    }
    let after: Vec<String> = tui
        .screen()
        .lines()
        .skip(1)
        .take(18)
        .map(str::to_owned)
        .collect();
    assert_eq!(before, after);
    tui.shows("5 new below").keys(&["G"]).hides("new below");
}

#[test]
fn the_prompt_completes_and_remembers() {
    let mut tui = tui();
    tui.keys(&[":"])
        .text("flow.mark.t")
        .keys(&["tab"])
        .shows(": flow.mark.toggle ");
    tui.text("@fo")
        .keys(&["tab"])
        .shows(": flow.mark.toggle @focus")
        .keys(&["enter"]);
    assert_eq!(tui.calls.last().unwrap(), "flow.mark.toggle @focus");
    tui.keys(&[":", "up"])
        .shows(": second")
        .keys(&["up"])
        .shows(": first")
        .keys(&["down"])
        .shows(": second");
    tui.keys(&["esc"]).hides(": second");
    tui.command("no.such").shows("Unknown command: no.such");
    tui.command("view.properties.length").shows("1");
    tui.command("commands.history.get")
        .shows("commands.history.get")
        .keys(&["q"])
        .shows("Flows 7");
    tui.keys(&[":"])
        .text("console.view.")
        .keys(&["tab", "tab", "shift tab"])
        .shows(": console.view.commands");
}

#[test]
fn choices_have_shortcuts() {
    let mut tui = tui();
    tui.keys(&["x", "2"])
        .shows(": export.file raw @focus ")
        .keys(&["esc"]);
    tui.keys(&["x", "j", "enter"])
        .shows(": export.file raw @focus ")
        .keys(&["esc"]);
    tui.keys(&["x", "q"]).hides("Export as...");
    tui.keys(&["o", "1"]);
    assert_eq!(tui.calls.last().unwrap(), "set view_order method");
    tui.keys(&["z", "y"]);
    assert_eq!(tui.kernel.store().counts().total, 0);
}

#[test]
fn content_views_are_chosen_for_each_tab() {
    let mut tui = tui();
    tui.keys(&["j", "enter", "tab"])
        .shows("[m:auto]")
        .keys(&["m"])
        .shows("hex dump");
    tui.keys(&["esc"])
        .command("console.flowview.mode.set raw")
        .shows("[m:raw]");
    tui.command("console.flowview.mode").shows("raw");
    tui.keys(&["q"])
        .command("console.flowview.mode")
        .shows("Not viewing a flow.");
}

#[test]
fn grids_edit_rows() {
    let mut tui = tui();
    tui.keys(&["j"])
        .command("console.edit.focus query")
        .shows("Edit Query")
        .shows("x");
    tui.keys(&["l", "enter"])
        .text("23")
        .keys(&["enter"])
        .shows("123");
    tui.keys(&["a"])
        .text("y")
        .keys(&["tab"])
        .text("z")
        .keys(&["enter", "q"]);
    assert_eq!(tui.focused(), "/graphql?x=123&y=z");
    assert!(tui.kernel.store().focus().unwrap().info().backup.is_some());
    tui.command("console.edit.focus request-headers")
        .shows("Edit Request Headers");
    tui.keys(&["enter"])
        .text(":")
        .keys(&["enter"])
        .shows("a field name cannot hold blanks or colons");
    tui.keys(&["backspace", "enter", "A"])
        .text("X-New")
        .keys(&["esc", "d", "q"]);
    tui.command("console.edit.focus set-cookies")
        .keys(&["a"])
        .text("n")
        .keys(&["tab"])
        .text("v")
        .keys(&["tab"]);
    tui.text("Path=/; HttpOnly").keys(&["enter", "q"]);
    let flow = tui.kernel.store().focus().unwrap();
    let cookie = flow
        .as_http()
        .unwrap()
        .response
        .as_ref()
        .unwrap()
        .fields
        .get("set-cookie")
        .map(<[u8]>::to_vec);
    assert_eq!(cookie.as_deref(), Some(&b"n=v; Path=/; HttpOnly"[..]));
    tui.command("console.edit.focus comment")
        .keys(&["a"])
        .text("note")
        .keys(&["enter", "q"]);
    assert_eq!(tui.kernel.store().focus().unwrap().info().comment, "note");
    tui.command("console.grideditor.add")
        .shows("Not in a grideditor.");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "a\\x41").unwrap();
    tui.command("console.edit.focus query").keys(&["l"]);
    tui.command(&format!(
        "console.grideditor.load_escaped {}",
        file.path().display()
    ))
    .shows("aA");
    tui.command(&format!(
        "console.grideditor.load {}",
        file.path().display()
    ))
    .shows("a\\x41");
    tui.command(&format!(
        "console.grideditor.save {}",
        file.path().display()
    ));
    assert_eq!(std::fs::read(file.path()).unwrap(), b"x,a\\x41\r\ny,z\r\n");
    tui.keys(&["e"]);
    assert_eq!(tui.edits.last().unwrap().then, AfterEdit::Cell);
}

#[test]
fn lines_and_bodies_are_edited() {
    let mut tui = tui();
    tui.command("console.edit.focus method")
        .shows("method: GET")
        .keys(&["ctrl u"])
        .text("PUT")
        .keys(&["enter"]);
    tui.shows("PUT")
        .command("console.edit.focus status_code")
        .keys(&["ctrl u"])
        .text("418")
        .keys(&["enter"])
        .shows("418");
    tui.command("console.edit.focus status_code")
        .keys(&["ctrl u"])
        .text("x")
        .keys(&["enter"])
        .shows("is no status code");
    tui.command("console.edit.focus response-body");
    let job = tui.edits.pop().unwrap();
    assert_eq!(
        (job.data.as_slice(), job.suffix.as_str()),
        (&b"<p>hi</p>"[..], ".html")
    );
    tui.event(crate::event::Event::Edited(
        Box::new(job),
        Ok(b"<p>new</p>".to_vec()),
    ));
    tui.keys(&["enter", "tab"]).shows("new").keys(&["q", "j"]);
    let id = tui.kernel.store().focus().unwrap().info().id.clone();
    tui.kernel
        .store()
        .set_setting(&id, "contentview.response", "msgpack");
    tui.command("console.edit.focus.options")
        .shows("response-body (msgpack)")
        .keys(&["q"]);
    tui.command("console.bodyview @focus response");
    assert_eq!(tui.edits.pop().unwrap().then, AfterEdit::View);
    tui.command("console.bodyview @focus request")
        .shows("No content to view.");
    tui.command("console.bodyview @focus other")
        .shows("Invalid choice.");
    tui.keys(&["G"])
        .command("console.edit.focus.options")
        .shows("DNS flows cannot be edited.");
}

#[test]
fn options_are_edited_in_place() {
    let mut tui = tui();
    tui.keys(&["O"])
        .shows("anticache")
        .keys(&["j", "j", "enter"]);
    let changed = tui.kernel.options().load();
    tui.keys(&["d"]);
    let reset = tui.kernel.options().load();
    assert!(
        !Arc::ptr_eq(&changed, &reset),
        "a switch was toggled and reset"
    );
    tui.keys(&["L"])
        .shows(": options.load ")
        .keys(&["esc", "S"])
        .shows(": options.save ")
        .keys(&["esc"]);
    tui.command("set view_order size")
        .keys(&["c"])
        .shows("Options changed")
        .shows("size");
    tui.keys(&["enter"]).shows("view_order").keys(&["2"]);
    tui.keys(&["D"]);
    assert_eq!(tui.calls.last().unwrap(), "options.reset");
}

#[test]
fn key_bindings_are_changed() {
    let mut tui = tui();
    tui.command("console.key.bind flowlist,flowview \"ctrl x\" flow.comment @focus 'a b'")
        .keys(&["ctrl x"]);
    assert_eq!(tui.calls.last().unwrap(), "flow.comment @focus \"a b\"");
    tui.command("console.key.unbind flowlist \"ctrl x\"");
    let calls = tui.calls.len();
    tui.keys(&["ctrl x"]);
    assert_eq!(tui.calls.len(), calls);
    tui.command("console.key.bind nowhere a view.clear")
        .shows("Unsupported context: nowhere");
    tui.command("console.key.contexts")
        .shows("grideditor")
        .keys(&["q"]);
    tui.keys(&["K", "G", "enter"])
        .shows(": console.key.bind ")
        .keys(&["esc", "a"])
        .shows("Context")
        .keys(&["esc", "d"]);
    tui.keys(&["x", "esc"]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "- key: f9\n  cmd: view.clear\n").unwrap();
    tui.command(&format!("console.keymap.load {}", file.path().display()))
        .keys(&["f9"]);
    assert_eq!(tui.calls.last().unwrap(), "view.clear");
    std::fs::write(file.path(), "x").unwrap();
    tui.command(&format!("console.keymap.load {}", file.path().display()))
        .shows("Could not load key bindings - ");
}

#[test]
fn copying_falls_back_to_the_terminal() {
    let mut tui = tui();
    tui.command("cut.clip @focus request.url")
        .shows("Copied 1 bytes by the terminal.");
    assert_eq!(tui.copied.as_deref(), Some("x"));
}

#[test]
fn the_event_log_is_cleared_after_a_question() {
    let mut tui = tui();
    tui.keys(&["E", "z"])
        .shows("Clear event log (yes,no)?")
        .keys(&["y"]);
    assert_eq!(tui.calls.last().unwrap().trim(), "eventstore.clear");
}

#[test]
fn held_flows_are_told_and_hinted() {
    let mut tui = tui();
    tui.add(held(9))
        .keys(&["G"])
        .shows("held: request")
        .shows("a Resume");
}

#[test]
fn the_mouse_opens_flows_and_tabs() {
    let mut tui = tui();
    tui.event(crate::event::Event::Click(10, 3))
        .shows("Flow Details");
    assert_eq!(tui.focused(), "/graphql?x=1");
    tui.event(crate::event::Event::Click(14, 3))
        .shows("[Response]");
    tui.event(crate::event::Event::Drag).shows("console_mouse");
    tui.event(crate::event::Event::Wheel { up: false });
}
