//! Which tool is called: by the name of the program file, or by the first word.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use midwire_core::options::Tool;

/// A tool under the name it was called by.
pub(crate) struct Program {
    /// For messages.
    pub(crate) name: &'static str,
    /// Whose flags and options it has.
    pub(crate) tool: Tool,
}

/// What a command line calls.
pub(crate) enum Call {
    /// A tool with its arguments.
    Tool(Program, Vec<OsString>),
    /// A subcommand of the first minute with its arguments.
    Setup(&'static str, Vec<OsString>),
    /// The overview of subcommands.
    Help,
    /// A word that is no subcommand.
    Unknown(OsString),
}

/// Reads the program name and the first argument.
pub(crate) fn call(name: &OsStr, mut args: Vec<OsString>) -> Call {
    let stem = Path::new(name)
        .file_stem()
        .and_then(OsStr::to_str)
        .unwrap_or_default();
    match stem {
        "mitmdump" => {
            return Call::Tool(
                Program {
                    name: "mitmdump",
                    tool: Tool::Dump,
                },
                args,
            );
        }
        "mitmweb" => {
            return Call::Tool(
                Program {
                    name: "mitmweb",
                    tool: Tool::Web,
                },
                args,
            );
        }
        "mitmproxy" => {
            return Call::Tool(
                Program {
                    name: "mitmproxy",
                    tool: Tool::Console,
                },
                args,
            );
        }
        _ => {}
    }
    let terminal = Program {
        name: "midwire",
        tool: Tool::Console,
    };
    let Some(first) = args.first().and_then(|first| first.to_str()) else {
        return Call::Tool(terminal, args);
    };
    let program = match first {
        "tui" => Program {
            name: "midwire tui",
            tool: Tool::Console,
        },
        "dump" => Program {
            name: "midwire dump",
            tool: Tool::Dump,
        },
        "web" => Program {
            name: "midwire web",
            tool: Tool::Web,
        },
        "--version" => {
            return Call::Tool(
                Program {
                    name: "midwire",
                    tool: Tool::Dump,
                },
                args,
            );
        }
        "-h" | "--help" | "help" => return Call::Help,
        _ if let Some(name) = crate::setup::NAMES.iter().find(|name| **name == first) => {
            args.remove(0);
            return Call::Setup(name, args);
        }
        // Flags without a subcommand are those of the terminal interface.
        _ if first.starts_with('-') => return Call::Tool(terminal, args),
        _ => return Call::Unknown(args.swap_remove(0)),
    };
    args.remove(0);
    Call::Tool(program, args)
}

/// What `midwire --help` prints.
pub(crate) const HELP: &str = "\
usage: midwire [SUBCOMMAND] [ARGUMENTS]

An interactive, TLS-capable intercepting proxy.

subcommands:
  tui     the terminal interface; what starts without a subcommand
          (midwire tui --help shows its flags)
  dump    intercept traffic and print or save it, without interaction
          (midwire dump --help shows its flags)
  web     intercept traffic and show it in a browser
  run     run a program with its traffic intercepted
  env     print the variables that lead a shell's programs through a running proxy
  doctor  say why nothing is captured, and what to do
  explain say what happened to the flows of a file, and why
  ca      show, export, install and take back the certificate of the authority
  transparent
          print, apply, check and take back firewall rules that lead traffic here

Under the names mitmproxy, mitmdump and mitmweb the program behaves as those tools.
";

/// What `--version` prints.
pub(crate) fn version() -> String {
    format!(
        "Midwire:   {}\nMitmproxy: compatible with 12.2\nTLS:       rustls with aws-lc-rs\nPlatform:  {} {}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &[&str], expected: Option<(Tool, usize)>) {
        let mut words = line.iter().map(OsString::from);
        let name = words.next().unwrap();
        let got = match call(&name, words.collect()) {
            Call::Tool(program, args) => Some((program.tool, args.len())),
            Call::Setup(..) | Call::Help | Call::Unknown(_) => None,
        };
        assert_eq!(got, expected, "{line:?}");
    }

    #[test]
    fn tools_are_called_by_name_or_word() {
        check(&["/usr/bin/mitmdump", "-n"], Some((Tool::Dump, 1)));
        check(&["midwire", "dump", "-n"], Some((Tool::Dump, 1)));
        check(&["midwire", "web", "-n"], Some((Tool::Web, 1)));
        check(&["mitmweb"], Some((Tool::Web, 0)));
        check(&["midwire", "--version"], Some((Tool::Dump, 1)));
        check(&["midwire"], Some((Tool::Console, 0)));
        check(&["midwire", "tui", "-n"], Some((Tool::Console, 1)));
        check(&["midwire", "-r", "x"], Some((Tool::Console, 2)));
        check(&["mitmproxy", "-n"], Some((Tool::Console, 1)));
        check(&["midwire", "--help"], None);
        check(&["midwire", "frobnicate"], None);
    }
}
