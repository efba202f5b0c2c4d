//! What the made files contain, and that the shells at hand can read them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;

fn dump() -> Program {
    programs()[0]
}

fn flag(name: &str) -> FlagDef {
    dump()
        .flags()
        .into_iter()
        .find(|flag| flag.names.iter().any(|known| known == name))
        .unwrap()
}

#[test]
fn flags_say_what_may_follow() {
    for (name, expected) in [
        ("--help", Expects::Nothing),
        ("-n", Expects::Nothing),
        ("--set", Expects::Option),
        ("--confdir", Expects::Folder),
        ("-s", Expects::File),
        ("--rfile", Expects::File),
        ("-p", Expects::Text),
    ] {
        assert_eq!(expects(&flag(name)), expected, "{name}");
    }
    assert!(matches!(
        expects(&flag("--server-replay-extra")),
        Expects::Choice(_)
    ));
    assert!(repeats(&flag("--set")) && repeats(&flag("-s")) && !repeats(&flag("-p")));
    assert_eq!(summary(&flag("--no-http2")), "Turn http2 off");
}

#[test]
fn every_flag_is_in_every_script_and_page() {
    let programs = programs();
    let scripts = [bash(&programs), zsh(&programs)];
    for program in &programs {
        let page = man(program);
        for name in program.flags().into_iter().flat_map(|flag| flag.names) {
            for script in &scripts {
                assert!(script.contains(&name), "{name}");
            }
            assert!(page.contains(&name.replace('-', "\\-")), "{name}");
        }
    }
    let fish = fish(&programs);
    assert!(fish.contains("complete -c mitmweb -l web-port -x -d"));
    assert!(fish.contains(
        "complete -c midwire -n '__fish_seen_subcommand_from dump' -l listen-port -s p -x -d"
    ));
}

/// Feeds a script to a shell that only reads it. A shell that is not there is said so.
fn check_syntax(shell: &str, script: &str) {
    let child = Command::new(shell)
        .arg("-n")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        let _ = writeln!(
            std::io::stderr(),
            "\nSKIPPED: no {shell} to read its completions"
        );
        return;
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && complaint.is_empty(),
        "{shell}: {complaint}"
    );
}

#[test]
fn shells_can_read_their_scripts() {
    let programs = programs();
    check_syntax("bash", &bash(&programs));
    check_syntax("zsh", &zsh(&programs));
    check_syntax("fish", &fish(&programs));
}

/// Asks bash what it would offer for a command line.
fn offered(line: &[&str]) -> Vec<String> {
    let script = format!(
        "{}\nCOMP_WORDS=({}); COMP_CWORD={}; compopt() {{ :; }}; _midwire; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        bash(&programs()),
        line.iter()
            .map(|word| format!("'{word}'"))
            .collect::<Vec<_>>()
            .join(" "),
        line.len() - 1,
    );
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn bash_offers_words_flags_options_and_choices() {
    for (line, expected) in [
        (&["midwire", "d"][..], &["dump"][..]),
        (&["midwire", "dump", "--listen-p"], &["--listen-port"]),
        (&["midwire", "dump", "--set", "anticac"], &["anticache="]),
        (
            &["midwire", "dump", "--server-replay-extra", "k"],
            &["kill"],
        ),
        (&["midwire", "dump", "-p", ""], &[]),
    ] {
        assert_eq!(offered(line), expected, "{line:?}");
    }
}

#[test]
fn pages_hold_no_stray_instructions() {
    for program in &programs() {
        for line in man(program).lines() {
            let known = [".\\\"", ".TH", ".SH", ".TP", ".B ", ".I "];
            let is_plain = !line.starts_with(['.', '\'']);
            assert!(
                is_plain || known.iter().any(|start| line.starts_with(start)),
                "{line}"
            );
        }
    }
}
