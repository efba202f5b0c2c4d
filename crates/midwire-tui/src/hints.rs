//! The two rows of keys below the status line. They follow the key bindings and the focused flow.

use midwire_flow::Flow;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::env::Env;
use crate::keymap::Context;
use crate::text::{Pen, left, put, put_clean};
use crate::theme::Role;

/// Cells of one hint.
const CELLS: usize = 14;

/// A command and the word that stands for it.
type Hint = (&'static str, &'static str);

/// What can be done on a screen, as two rows.
fn hints(context: Context, flow: Option<&Flow>) -> [(&'static str, Vec<Hint>); 2] {
    let info = flow.map(Flow::info);
    let has_response = flow.is_some_and(|flow| match flow {
        Flow::Http(http) => http.response.is_some(),
        _ => false,
    });
    let mut first: Vec<Hint> = Vec::new();
    if info.is_some_and(|info| info.intercepted) {
        first.push(("flow.resume @focus", "Resume"));
    }
    if info.is_some_and(|info| info.backup.is_some()) {
        first.push(("flow.revert @focus", "Revert"));
    }
    let mut name = "Flow:";
    match context {
        Context::FlowList => {
            first.extend([
                ("console.nav.select", "Select"),
                ("replay.client @focus", "Replay"),
                ("flow.mark.toggle @focus", "Mark"),
                ("view.flows.duplicate @focus", "Duplicate"),
                ("console.choose.cmd \"Edit...\" console.edit.focus.options console.edit.focus {choice}", "Edit"),
                ("view.flows.remove @focus", "Delete"),
            ]);
            if flow.is_none() {
                first = vec![
                    ("console.command view.flows.load ", "Load flows"),
                    (
                        "console.command view.flows.create get https://example.com/",
                        "New flow",
                    ),
                ];
            }
        }
        Context::FlowView => {
            first.extend([
                ("console.choose.cmd \"Edit...\" console.edit.focus.options console.edit.focus {choice}", "Edit"),
                ("replay.client @focus", "Replay"),
                ("console.choose.cmd \"Set contentview...\" console.flowview.mode.options console.flowview.mode.set {choice}", "View as"),
                ("view.focus.next", "Next"),
                ("console.choose.cmd \"Export as...\" export.formats console.command export.file {choice} @focus ", "Export"),
            ]);
            if has_response {
                first.push((
                    "console.command cut.save @focus response.content ",
                    "Save body",
                ));
            }
        }
        Context::GridEditor => {
            name = "Grid:";
            first = vec![
                ("console.nav.select", "Edit cell"),
                ("console.grideditor.add", "Add row"),
                ("console.grideditor.insert", "Insert row"),
                ("console.grideditor.delete", "Delete row"),
                ("console.grideditor.editor", "Editor"),
            ];
        }
        Context::Options => {
            name = "Option:";
            first = vec![
                ("console.nav.select", "Edit"),
                ("console.options.reset.focus", "Reset"),
                ("options.reset", "Reset all"),
                ("console.command options.save ", "Save"),
                ("console.command options.load ", "Load"),
            ];
        }
        Context::KeyBindings => {
            name = "Key:";
            first = vec![
                ("console.key.edit.focus", "Edit"),
                ("console.key.unbind.focus", "Unbind"),
                ("console.key.execute.focus", "Execute"),
                (
                    "console.choose.cmd \"Context\" console.key.contexts console.command console.key.bind {choice} ",
                    "Add",
                ),
            ];
        }
        Context::EventLog => {
            name = "Log:";
            first = vec![
                (
                    "console.command.confirm \"Clear event log\" eventstore.clear",
                    "Clear",
                ),
                ("console.nav.end", "To the end"),
            ];
        }
        Context::Paused => {
            name = "Held:";
            first = vec![
                ("flow.resume @focus", "Resume"),
                (
                    "console.choose.cmd \"Edit...\" console.edit.focus.options console.edit.focus {choice}",
                    "Edit",
                ),
                ("flow.revert @focus", "Undo edit"),
                ("flow.kill @focus", "Kill"),
                ("flow.resume @all", "Resume all"),
            ];
        }
        _ => {
            name = "Here:";
            first = vec![("console.nav.select", "Select")];
        }
    }
    let mut second: Vec<Hint> = vec![
        ("console.view.help", "Help"),
        (
            "console.view.pop",
            if context == Context::FlowList {
                "Exit"
            } else {
                "Back"
            },
        ),
    ];
    second.extend([
        ("console.command.set intercept", "Intercept"),
        ("console.command.set view_filter", "Filter"),
        ("console.command ", "Command"),
        ("console.palette", "Find"),
        ("console.view.options", "Options"),
        ("console.view.eventlog", "Events"),
        ("console.layout.cycle", "Layout"),
        ("console.command.set save_stream_file", "Save flows"),
    ]);
    [(name, first), ("Proxy:", second)]
}

/// Draws as many hints as fit.
pub(crate) fn draw(env: &Env, area: Rect, buf: &mut Buffer, about: (Context, Option<&Flow>)) {
    let (context, flow) = about;
    for (y, (name, hints)) in hints(context, flow).into_iter().enumerate() {
        let mut pen = Pen::new(area, y as u16);
        if y as u16 >= area.height {
            break;
        }
        put_clean(buf, &mut pen, &left(name, 8), env.theme.style(Role::Title));
        for (command, label) in hints {
            let Some(key) = env.keymap.key_of(context, command) else {
                continue;
            };
            if pen.room() < CELLS {
                break;
            }
            let mut cell = Pen {
                end: pen.x + CELLS as u16 - 1,
                ..pen
            };
            put(
                buf,
                &mut cell,
                &format!("{key} "),
                env.theme.style(Role::Key),
            );
            put_clean(buf, &mut cell, label, env.theme.style(Role::Text));
            pen.skip(CELLS);
        }
    }
}
