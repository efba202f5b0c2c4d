//! The table of all built-in commands.
//!
//! A row alone makes no command: whoever implements it registers it by its name.

use super::signature::Signature;
use crate::options::Tools;

/// A row of the table.
#[derive(Debug)]
pub struct Declared {
    /// The name.
    pub name: &'static str,
    /// The parameters, in the notation of [`Signature::parse`].
    pub params: &'static str,
    /// The type of the result, empty for none.
    pub returns: &'static str,
    /// The tools that have the command.
    pub tools: Tools,
    /// A text for people.
    pub help: &'static str,
}

impl Declared {
    /// The row as a signature. The table test proves that each row has one.
    pub fn signature(&self) -> Option<Signature> {
        let signature = Signature::parse(self.name, self.params, self.returns)?;
        Some(Signature {
            help: self.help.to_owned(),
            ..signature
        })
    }
}

/// The row of a command.
pub fn declared(name: &str) -> Option<&'static Declared> {
    let at = DECLARED.binary_search_by(|row| row.name.cmp(name)).ok()?;
    DECLARED.get(at)
}

/// Rows `"name", "parameters" -> "result", tools, "help";`.
macro_rules! commands {
    ($($name:literal, $params:literal -> $returns:literal, $tools:ident, $help:literal;)*) => {
        /// Every built-in command, in alphabetical order.
        pub const DECLARED: &[Declared] = &[
            $(Declared {
                name: $name,
                params: $params,
                returns: $returns,
                tools: Tools::$tools,
                help: $help,
            },)*
        ];
    };
}

commands! {
    "browser.start", "browser:str=chrome" -> "", ALL, "Start a browser with a new, empty profile that uses the proxy.";
    "commands.history.add", "command:str" -> "", ALL, "Add a line to the history of commands.";
    "commands.history.clear", "" -> "", ALL, "Forget the history of commands.";
    "commands.history.filter", "prefix:str" -> "", ALL, "Go through lines that begin like this only.";
    "commands.history.get", "" -> "str[]", ALL, "All lines of the history of commands.";
    "commands.history.next", "" -> "str", ALL, "The next line of the history of commands.";
    "commands.history.prev", "" -> "str", ALL, "The line before in the history of commands.";
    "console.bodyview", "flow:flow part:choice(console.bodyview.options)" -> "", CONSOLE, "Open content in an external viewer.";
    "console.bodyview.options", "" -> "str[]", CONSOLE, "The messages whose content can be opened.";
    "console.choose", "prompt:str choices:str[] cmd:cmd *args:arg" -> "", CONSOLE, "Let the user choose a text, then run a command in which {choice} stands for it.";
    "console.choose.cmd", "prompt:str choicecmd:cmd subcmd:cmd *args:arg" -> "", CONSOLE, "Let the user choose among the texts that a command gives, then run another in which {choice} stands for it.";
    "console.command", "*command_str:str" -> "", CONSOLE, "Open the command prompt with these words.";
    "console.command.confirm", "prompt:str cmd:cmd *args:arg" -> "", CONSOLE, "Ask the user, then run a command.";
    "console.command.set", "option_name:str" -> "", CONSOLE, "Open the command prompt to set an option.";
    "console.edit.focus", "flow_part:choice(console.edit.focus.options)" -> "", CONSOLE, "Edit a part of the focused flow.";
    "console.edit.focus.options", "" -> "str[]", CONSOLE, "The parts of the focused flow that can be edited.";
    "console.exit", "" -> "", CONSOLE, "End the program.";
    "console.flowview.mode", "" -> "str", CONSOLE, "The content view of the message that is shown.";
    "console.flowview.mode.options", "" -> "str[]", CONSOLE, "All content views.";
    "console.flowview.mode.set", "mode:choice(console.flowview.mode.options)" -> "", CONSOLE, "Show the message in another content view.";
    "console.grideditor.add", "" -> "", CONSOLE, "Add a row after the current one.";
    "console.grideditor.delete", "" -> "", CONSOLE, "Delete the current row.";
    "console.grideditor.editor", "" -> "", CONSOLE, "Edit the current cell in an external editor.";
    "console.grideditor.insert", "" -> "", CONSOLE, "Insert a row before the current one.";
    "console.grideditor.load", "path:path" -> "", CONSOLE, "Fill the current cell from a file.";
    "console.grideditor.load_escaped", "path:path" -> "", CONSOLE, "Fill the current cell from a file with backslash escapes.";
    "console.grideditor.save", "path:path" -> "", CONSOLE, "Save the rows as CSV.";
    "console.key.bind", "contexts:str[] key:str cmd:cmd *args:arg" -> "", CONSOLE, "Bind a key to a command.";
    "console.key.contexts", "" -> "str[]", CONSOLE, "The parts of the interface that have key bindings.";
    "console.key.edit.focus", "" -> "", CONSOLE, "Edit the focused key binding.";
    "console.key.execute.focus", "" -> "", CONSOLE, "Run the command of the focused key binding.";
    "console.key.unbind", "contexts:str[] key:str" -> "", CONSOLE, "Remove the binding of a key.";
    "console.key.unbind.focus", "" -> "", CONSOLE, "Remove the focused key binding.";
    "console.keymap.load", "path:path" -> "", CONSOLE, "Load key bindings from a file.";
    "console.layout.cycle", "" -> "", CONSOLE, "Switch to the next arrangement of panes.";
    "console.layout.options", "" -> "str[]", CONSOLE, "The arrangements of panes.";
    "console.nav.down", "" -> "", CONSOLE, "Go down.";
    "console.nav.end", "" -> "", CONSOLE, "Go to the end.";
    "console.nav.left", "" -> "", CONSOLE, "Go left.";
    "console.nav.next", "" -> "", CONSOLE, "Go to the next tab.";
    "console.nav.pagedown", "" -> "", CONSOLE, "Go one page down.";
    "console.nav.pageup", "" -> "", CONSOLE, "Go one page up.";
    "console.nav.right", "" -> "", CONSOLE, "Go right.";
    "console.nav.select", "" -> "", CONSOLE, "Select what has the focus.";
    "console.nav.start", "" -> "", CONSOLE, "Go to the start.";
    "console.nav.up", "" -> "", CONSOLE, "Go up.";
    "console.options.reset.focus", "" -> "", CONSOLE, "Set the focused option to its default.";
    "console.palette", "" -> "", CONSOLE, "Open the box that finds commands, options and flows.";
    "console.panes.next", "" -> "", CONSOLE, "Go to the next pane.";
    "console.panes.prev", "" -> "", CONSOLE, "Go to the pane before.";
    "console.view.commands", "" -> "", CONSOLE, "Show all commands.";
    "console.view.compare", "flows:flow[]" -> "", CONSOLE, "Compare two flows, or one with the flow before it to the same URL.";
    "console.view.connect", "" -> "", CONSOLE, "Show how clients connect: addresses, certificate, recipes.";
    "console.view.eventlog", "" -> "", CONSOLE, "Show the event log.";
    "console.view.flow", "flow:flow" -> "", CONSOLE, "Show a flow.";
    "console.view.help", "" -> "", CONSOLE, "Show help.";
    "console.view.keybindings", "" -> "", CONSOLE, "Show all key bindings.";
    "console.view.options", "" -> "", CONSOLE, "Show all options.";
    "console.view.paused", "" -> "", CONSOLE, "Show all held flows.";
    "console.view.pop", "" -> "", CONSOLE, "Leave the current screen.";
    "console.view.stats", "" -> "", CONSOLE, "Show numbers by host, status and type.";
    "console.view.tree", "" -> "", CONSOLE, "Show listed flows by host and path.";
    "cut", "flows:flow[] cuts:cut[]" -> "data[][]", ALL, "Take values out of flows: one row for each flow, one cell for each cut such as request.header[host].";
    "cut.clip", "flows:flow[] cuts:cut[]" -> "", ALL, "Copy values out of flows: a single one as it is, several as CSV.";
    "cut.save", "flows:flow[] cuts:cut[] path:path" -> "", ALL, "Save values out of flows: a single one as it is, several as CSV. A leading + in the path appends.";
    "eventstore.clear", "" -> "", INTERACTIVE, "Empty the event log.";
    "export", "format:str f:flow" -> "str", ALL, "A flow in another format.";
    "export.clip", "format:str f:flow" -> "", ALL, "Copy a flow in another format.";
    "export.file", "format:str flow:flow path:path" -> "", ALL, "Save a flow in another format.";
    "export.formats", "" -> "str[]", ALL, "The formats for exporting flows.";
    "flow.comment", "flow:flow[] comment:str" -> "", ALL, "Set the comment of flows.";
    "flow.decode", "flows:flow[] part:str" -> "", ALL, "Undo the compression of a message.";
    "flow.encode", "flows:flow[] part:str encoding:choice(flow.encode.options)" -> "", ALL, "Compress a message.";
    "flow.encode.options", "" -> "str[]", ALL, "The compressions for messages.";
    "flow.encode.toggle", "flows:flow[] part:str" -> "", ALL, "Compress a message with deflate, or undo its compression.";
    "flow.kill", "flows:flow[]" -> "", ALL, "Cut running flows off.";
    "flow.mark", "flows:flow[] marker:marker" -> "", ALL, "Mark flows with a letter or an emoji; false removes the mark.";
    "flow.mark.toggle", "flows:flow[]" -> "", ALL, "Mark flows, or remove the mark.";
    "flow.resume", "flows:flow[]" -> "", ALL, "Let held flows go on.";
    "flow.revert", "flows:flow[]" -> "", ALL, "Undo changes of flows.";
    "flow.set", "flows:flow[] attr:choice(flow.set.options) value:str" -> "", ALL, "Set a common part of flows.";
    "flow.set.options", "" -> "str[]", ALL, "The parts that flow.set can set.";
    "inject.tcp", "flow:flow to_client:bool message:bytes" -> "", ALL, "Send bytes into a TCP flow that is running.";
    "inject.udp", "flow:flow to_client:bool message:bytes" -> "", ALL, "Send a datagram into a UDP flow that is running.";
    "inject.websocket", "flow:flow to_client:bool message:bytes is_text:bool=true" -> "", ALL, "Send a message into a WebSocket flow that is running.";
    "ledger.reset", "" -> "", ALL, "Forget what was not captured.";
    "ledger.show", "" -> "data[][]", ALL, "What was not captured and why: host, reason, how often, seconds since the last time.";
    "options.load", "path:path" -> "", ALL, "Set options from a config file.";
    "options.reset", "" -> "", ALL, "Set all options to their defaults.";
    "options.reset.one", "name:str" -> "", ALL, "Set an option to its default.";
    "options.save", "path:path" -> "", ALL, "Save options to a config file.";
    "proxyserver.active_connections", "" -> "int", ALL, "How many client connections are open.";
    "readfile.reading", "" -> "bool", ALL, "Whether a flow file is still being read.";
    "replay.client", "flows:flow[]" -> "", ALL, "Send the requests of flows again.";
    "replay.client.count", "" -> "int", ALL, "How many requests are still to be sent again.";
    "replay.client.file", "path:path" -> "", ALL, "Send the requests of a flow file again.";
    "replay.client.stop", "" -> "", ALL, "Send no further requests again.";
    "replay.server", "flows:flow[]" -> "", ALL, "Answer requests from these flows only.";
    "replay.server.add", "flows:flow[]" -> "", ALL, "Answer requests from these flows as well.";
    "replay.server.count", "" -> "int", ALL, "How many recorded responses there are.";
    "replay.server.file", "path:path" -> "", ALL, "Answer requests from a flow file.";
    "replay.server.stop", "" -> "", ALL, "Answer no more requests from flows.";
    "save.file", "flows:flow[] path:path" -> "", ALL, "Save flows to a flow file. A leading + in the path appends.";
    "save.har", "flows:flow[] path:path" -> "", ALL, "Save flows to a HAR file; a name ending in .zhar compresses it.";
    "script.run", "flows:flow[] path:path" -> "", ALL, "Run a script over flows as if they were happening now.";
    "set", "option:str *value:str" -> "", ALL, "Set an option. Without a value, switches are turned on, lists emptied, and what may be unset is; switches take true, false or toggle.";
    "view.clear", "" -> "", INTERACTIVE, "Drop all flows.";
    "view.clear_unmarked", "" -> "", INTERACTIVE, "Drop all flows without a mark.";
    "view.filter.set", "filter_expr:str" -> "", INTERACTIVE, "Show only flows that match a filter; empty for all.";
    "view.flows.create", "method:str url:str" -> "", INTERACTIVE, "Make a new flow with a request.";
    "view.flows.duplicate", "flows:flow[]" -> "", INTERACTIVE, "Copy flows.";
    "view.flows.load", "path:path" -> "", INTERACTIVE, "Load flows from a file into the list.";
    "view.flows.remove", "flows:flow[]" -> "", INTERACTIVE, "Remove flows from the list.";
    "view.flows.resolve", "flow_spec:str" -> "flow[]", INTERACTIVE, "The flows that a specification means: a set such as @shown, identifiers, or a filter.";
    "view.focus.go", "offset:int" -> "", INTERACTIVE, "Focus the flow at a position; negative ones count from the end.";
    "view.focus.next", "" -> "", INTERACTIVE, "Focus the next flow.";
    "view.focus.prev", "" -> "", INTERACTIVE, "Focus the flow before.";
    "view.order", "" -> "str", INTERACTIVE, "What the list is sorted by.";
    "view.order.options", "" -> "str[]", INTERACTIVE, "What the list can be sorted by.";
    "view.order.reverse", "boolean:bool" -> "", INTERACTIVE, "Sort the list the other way round, or not.";
    "view.order.set", "order_key:str" -> "", INTERACTIVE, "Sort the list by something else.";
    "view.properties.inbounds", "index:int" -> "bool", INTERACTIVE, "Whether there is a flow at a position.";
    "view.properties.length", "" -> "int", INTERACTIVE, "How many flows are shown.";
    "view.properties.marked", "" -> "bool", INTERACTIVE, "Whether only marked flows are shown.";
    "view.properties.marked.toggle", "" -> "", INTERACTIVE, "Show only marked flows, or all.";
    "view.settings.getval", "flow:flow key:str default:str" -> "str", INTERACTIVE, "A setting of a flow in this interface.";
    "view.settings.setval", "flows:flow[] key:str value:str" -> "", INTERACTIVE, "Change a setting of flows in this interface.";
    "view.settings.setval.toggle", "flows:flow[] key:str" -> "", INTERACTIVE, "Switch a setting of flows in this interface.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_and_readable() {
        for pair in DECLARED.windows(2) {
            assert!(pair[0].name < pair[1].name, "{}", pair[1].name);
        }
        for row in DECLARED {
            assert!(row.signature().is_some(), "{}", row.name);
            assert!(!row.help.is_empty(), "{}", row.name);
        }
        assert!(declared("set").is_some() && declared("nope").is_none());
    }
}
