//! The table of default keys (console.md §2). Help, hints and the key binding screen are derived from it.

use super::context::Context::{
    self, CommonKey, DataViewer, EventLog, FlowList, FlowView, Global, GridEditor, Help,
    KeyBindings, Options, Paused,
};

/// A row of the table.
pub(super) struct Row {
    pub(super) key: &'static str,
    pub(super) contexts: &'static [Context],
    pub(super) command: &'static str,
    pub(super) help: &'static str,
}

macro_rules! keys {
    ($($key:literal in [$($context:ident),*] $command:literal, $help:literal;)*) => {
        /// Every default key.
        pub(super) const KEYS: &[Row] = &[
            $(Row { key: $key, contexts: &[$($context),*], command: $command, help: $help },)*
        ];
    };
}

keys! {
    ":" in [CommonKey, Global] "console.command ", "Command prompt";
    "ctrl p" in [CommonKey, Global] "console.palette", "Find commands, options and flows";
    ";" in [FlowList, FlowView] "console.command flow.comment @focus ''", "Comment the flow";
    "?" in [Global] "console.view.help", "Help";
    "?" in [Help] "console.view.pop", "Leave help";
    "B" in [Global] "browser.start", "Start a browser that uses the proxy";
    "C" in [Global] "console.view.commands", "All commands";
    "K" in [Global] "console.view.keybindings", "All key bindings";
    "O" in [CommonKey, Global] "console.view.options", "All options";
    "E" in [CommonKey, Global] "console.view.eventlog", "Event log";
    "Q" in [Global] "console.exit", "Quit at once";
    "q" in [CommonKey, Global] "console.view.pop", "Leave the current screen";
    "esc" in [CommonKey, Global] "console.view.pop", "Leave the current screen";
    "H" in [Global] "set console_quickhelp_visible toggle", "Show or hide the hints";
    "-" in [Global] "console.layout.cycle", "Next arrangement of panes";
    "ctrl right" in [Global] "console.panes.next", "Next pane";
    "shift tab" in [Global] "console.panes.next", "Next pane";
    "ctrl left" in [Global] "console.panes.prev", "Pane before";
    "P" in [Global] "console.view.flow @focus", "Show the focused flow";
    "g" in [Global] "console.nav.start", "To the start";
    "G" in [Global] "console.nav.end", "To the end";
    "k" in [Global] "console.nav.up", "Up";
    "j" in [Global] "console.nav.down", "Down";
    "l" in [Global] "console.nav.right", "Right";
    "h" in [Global] "console.nav.left", "Left";
    "tab" in [CommonKey, Global] "console.nav.next", "Next tab";
    "enter" in [Global] "console.nav.select", "Select";
    "space" in [Global] "console.nav.pagedown", "Page down";
    "ctrl f" in [Global] "console.nav.pagedown", "Page down";
    "ctrl b" in [Global] "console.nav.pageup", "Page up";
    "I" in [Global] "set intercept_active toggle", "Switch intercepting on or off";
    "i" in [Global] "console.command.set intercept", "Set what is intercepted";
    "W" in [Global] "console.command.set save_stream_file", "Write flows to a file as they come";
    "A" in [FlowList, FlowView, Paused] "flow.resume @all", "Resume all held flows";
    "a" in [FlowList, FlowView, Paused] "flow.resume @focus", "Resume the held flow";
    "b" in [FlowList, FlowView] "console.command cut.save @focus response.content ", "Save the response's content to a file";
    "d" in [FlowList, FlowView] "view.flows.remove @focus", "Remove the flow";
    "D" in [FlowList, FlowView] "view.flows.duplicate @focus", "Copy the flow";
    "x" in [FlowList, FlowView] "console.choose.cmd \"Export as...\" export.formats console.command export.file {choice} @focus ", "Export the flow to a file";
    "f" in [FlowList] "console.command.set view_filter", "Filter the list";
    "F" in [FlowList, FlowView] "set console_focus_follow toggle", "Follow new flows";
    "ctrl l" in [FlowList, FlowView] "console.command cut.clip ", "Copy values to the clipboard";
    "L" in [FlowList] "console.command view.flows.load ", "Load flows from a file";
    "m" in [FlowList] "flow.mark.toggle @focus", "Mark the flow";
    "M" in [FlowList] "view.properties.marked.toggle", "Show only marked flows";
    "n" in [FlowList] "console.command view.flows.create get https://example.com/", "Make a new flow";
    "o" in [FlowList] "console.choose.cmd \"Order flows by...\" view.order.options set view_order {choice}", "Choose what the list is sorted by";
    "r" in [FlowList, FlowView] "replay.client @focus", "Send the request again";
    "S" in [FlowList] "console.command replay.server ", "Answer requests from recorded flows";
    "v" in [FlowList] "set view_order_reversed toggle", "Sort the other way round";
    "U" in [FlowList] "flow.mark @all false", "Remove all marks";
    "w" in [FlowList] "console.command save.file @shown ", "Save the listed flows to a file";
    "V" in [FlowList, FlowView, Paused] "flow.revert @focus", "Undo changes of the flow";
    "X" in [FlowList] "flow.kill @focus", "Cut the flow off";
    "z" in [FlowList] "console.command.confirm \"Delete all flows\" view.flows.remove @all", "Remove all flows";
    "Z" in [FlowList] "console.command.confirm \"Purge all hidden flows\" view.flows.remove @hidden", "Remove all flows that are not shown";
    "|" in [FlowList, FlowView] "console.command script.run @focus ", "Run a script over the flow";
    "e" in [FlowList, FlowView, Paused] "console.choose.cmd \"Edit...\" console.edit.focus.options console.edit.focus {choice}", "Edit a part of the flow";
    "f" in [FlowView] "view.settings.setval.toggle @focus fullcontents", "Show all of the content";
    "w" in [FlowView] "console.command save.file @focus ", "Save the flow to a file";
    "space" in [FlowView] "view.focus.next", "Next flow";
    "p" in [FlowView] "view.focus.prev", "Flow before";
    "v" in [FlowView] "console.choose \"View...\" request,response console.bodyview @focus {choice}", "Open the content in an external viewer";
    "m" in [FlowView, Paused] "console.choose.cmd \"Set contentview...\" console.flowview.mode.options console.flowview.mode.set {choice}", "Choose the content view";
    "z" in [FlowView] "console.choose \"Encode/decode...\" request,response flow.encode.toggle @focus {choice}", "Compress the content or undo its compression";
    "X" in [Paused] "flow.kill @focus", "Cut the flow off";
    "u" in [Paused] "flow.revert @focus", "Undo changes of the flow";
    "n" in [Paused] "console.nav.down", "Next held flow";
    "enter" in [Paused] "flow.resume @focus", "Resume the held flow as it is now";
    "p" in [FlowList] "console.view.paused", "Show all held flows";
    "s" in [FlowList] "console.view.stats", "Show numbers by host, status and type";
    "T" in [FlowList] "console.view.tree", "Show the list by host and path";
    "c" in [FlowList, FlowView] "console.view.compare @focus", "Compare with the flow before to the same URL";
    "L" in [Options] "console.command options.load ", "Load options from a file";
    "S" in [Options] "console.command options.save ", "Save options to a file";
    "D" in [Options] "options.reset", "All options to their defaults";
    "d" in [Options] "console.options.reset.focus", "This option to its default";
    "a" in [GridEditor] "console.grideditor.add", "Add a row after this one";
    "A" in [GridEditor] "console.grideditor.insert", "Insert a row before this one";
    "d" in [GridEditor] "console.grideditor.delete", "Delete this row";
    "r" in [GridEditor] "console.command console.grideditor.load ", "Fill the cell from a file";
    "R" in [GridEditor] "console.command console.grideditor.load_escaped ", "Fill the cell from a file with escapes";
    "e" in [GridEditor] "console.grideditor.editor", "Edit the cell in an external editor";
    "w" in [GridEditor] "console.command console.grideditor.save ", "Save the rows as CSV";
    "z" in [EventLog] "console.command.confirm \"Clear event log\" eventstore.clear", "Empty the event log";
    "a" in [KeyBindings] "console.choose.cmd \"Context\" console.key.contexts console.command console.key.bind {choice} ", "Add a key binding";
    "d" in [KeyBindings] "console.key.unbind.focus", "Remove the key binding";
    "x" in [KeyBindings] "console.key.execute.focus", "Run the command of the key binding";
    "enter" in [KeyBindings] "console.key.edit.focus", "Edit the key binding";
    "q" in [DataViewer] "console.view.pop", "Close";
}
