//! The page of commands.

use std::fmt::Write as _;

use midwire_core::commands::{DECLARED, Declared};

use super::{MADE, only};

/// The page of commands, in alphabetical order.
pub fn commands() -> String {
    let mut out = format!(
        "{MADE}# Commands\n\n\
         Commands are called from the command prompt, key bindings, the web interface and scripts. A parameter is written\n\
         `name:type`, with `=value` behind it if it may be left out, and with `*` before it if it takes all words that\n\
         are left. Behind `->` stands the type of the result. These are the names of all built-in commands; a program has\n\
         those that its parts implement.\n"
    );
    let mut group = "";
    for row in DECLARED {
        let own = row.name.split('.').next().unwrap_or(row.name);
        if own != group {
            group = own;
            let _ = write!(out, "\n## {group}\n\n");
        }
        entry(&mut out, row);
    }
    out
}

fn entry(out: &mut String, row: &Declared) {
    let params = if row.params.is_empty() { "" } else { " " };
    let returns = if row.returns.is_empty() {
        String::new()
    } else {
        format!(" -> {}", row.returns)
    };
    let tools = only(row.tools).map_or_else(String::new, |tools| format!(" *({tools})*"));
    let _ = writeln!(
        out,
        "- `{}{params}{}{returns}`: {}{tools}",
        row.name, row.params, row.help
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_line() {
        let page = commands();
        assert_eq!(page.matches("\n- `").count(), DECLARED.len());
        assert!(page.contains("\n## view\n"));
        let line = "- `browser.start browser:str=chrome`: Start a browser";
        assert!(page.contains(line));
        assert!(page.contains("- `commands.history.next -> str`:"));
    }
}
