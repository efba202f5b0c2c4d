use std::{ffi::OsString, fs};

use super::*;
use crate::options::{OptionStore, Tool, Value};

fn parsed(tool: Tool, line: &[&str]) -> Result<Invocation, CliError> {
    let args: Vec<OsString> = line.iter().map(OsString::from).collect();
    parse(tool, &args)
}

fn flag(line: &[&str], name: &str) -> Option<Value> {
    let invocation = parsed(Tool::Dump, line).unwrap();
    let mut flags = invocation.flags.into_iter();
    flags
        .find(|(known, _)| known == name)
        .map(|(_, value)| value)
}

fn seq(items: &[&str]) -> Value {
    Value::Seq(items.iter().map(|&item| item.to_owned()).collect())
}

#[test]
fn flags_in_every_notation() {
    let check = |line: &[&str], name: &str, expected: Value| {
        assert_eq!(flag(line, name), Some(expected), "{line:?}");
    };
    check(&["-p", "80"], "listen_port", Value::Int(80));
    check(&["-p80"], "listen_port", Value::Int(80));
    check(&["--listen-port=80"], "listen_port", Value::Int(80));
    check(&["--listen-p", "80"], "listen_port", Value::Int(80));
    check(&["--listen-p=80"], "listen_port", Value::Int(80));
    check(&["-n"], "server", Value::Bool(false));
    check(&["-k"], "ssl_insecure", Value::Bool(true));
    check(&["-nk"], "ssl_insecure", Value::Bool(true));
    check(&["-nkp80"], "listen_port", Value::Int(80));
    check(&["--no-http2"], "http2", Value::Bool(false));
    check(&["--http2", "--http2"], "http2", Value::Bool(true));
    check(&["-s", "a", "--scripts=b"], "scripts", seq(&["a", "b"]));
    check(
        &["-m", "socks5", "-mregular"],
        "mode",
        seq(&["socks5", "regular"]),
    );
    check(&["-r", "-"], "rfile", Value::from("-"));
    check(&["-w", "-5"], "save_stream_file", Value::from("-5"));
    check(&["--rfile="], "rfile", Value::from(""));
    check(&["-H", "/~q/a/b c"], "modify_headers", seq(&["/~q/a/b c"]));
    check(
        &["--server-replay-extra", "404"],
        "server_replay_extra",
        Value::from("404"),
    );
    let cluster = parsed(Tool::Dump, &["-nqv"]).unwrap();
    assert!(cluster.quiet && cluster.verbose);
}

#[test]
fn errors_have_the_known_texts() {
    let check = |line: &[&str], expected: &str| {
        let error = parsed(Tool::Dump, line).unwrap_err();
        assert_eq!(error.to_string(), expected, "{line:?}");
    };
    check(
        &["--no-such-flag-at-all"],
        "unrecognized arguments: --no-such-flag-at-all",
    );
    check(
        &["--listen-port", "abc"],
        "argument --listen-port/-p: invalid int value: 'abc'",
    );
    check(&["--set"], "argument --set: expected one argument");
    check(&["-p"], "argument --listen-port/-p: expected one argument");
    check(
        &["--rfile", "--", "x"],
        "argument --rfile/-r: expected one argument",
    );
    check(
        &["--allow-hosts", "-n"],
        "argument --allow-hosts: expected one argument",
    );
    check(
        &["--list"],
        "ambiguous option: --list could match --listen-host, --listen-port",
    );
    check(
        &["--http2", "--no-http2"],
        "argument --no-http2: not allowed with argument --http2",
    );
    check(
        &["--server-replay-extra=5"],
        "argument --server-replay-extra: invalid choice: '5' (choose from 'forward', 'kill', '204', '400', '404', '500')",
    );
    check(
        &["--anticache=1"],
        "argument --anticache: ignored explicit argument '1'",
    );
    check(
        &["-nfoo"],
        "argument --no-server/-n: ignored explicit argument 'foo'",
    );
    check(
        &["--nosuch", "a", "--bar"],
        "unrecognized arguments: --nosuch",
    );
    check(
        &["-nx"],
        "argument --no-server/-n: ignored explicit argument 'x'",
    );
    let web = parsed(Tool::Web, &["a", "-n", "b"]).unwrap_err();
    assert_eq!(web.to_string(), "unrecognized arguments: a b");
}

#[test]
fn report_has_usage_error_and_hint() {
    let error = parsed(Tool::Dump, &["-R", "http://x"]).unwrap_err();
    assert_eq!(
        error.report(Tool::Dump),
        "usage: mitmdump [options] [filter]\nmitmdump: error: unrecognized arguments: -R\n-R is gone; please use --mode reverse:SPEC instead\n"
    );
    let error = parsed(Tool::Web, &["--keep-host-header"]).unwrap_err();
    assert!(
        error
            .report(Tool::Web)
            .contains("--set keep_host_header=VALUE")
    );
}

#[test]
fn hints_name_flags_and_options_that_exist() {
    for tool in [Tool::Dump, Tool::Console, Tool::Web] {
        let text = help(tool);
        for flag in flags(tool) {
            for name in flag.names {
                assert!(text.contains(&name), "{name}");
            }
        }
    }
}

#[test]
fn everything_from_the_first_word_is_the_filter() {
    let run = parsed(Tool::Dump, &["-n", "~u a", "--nope", "-p"]).unwrap();
    assert_eq!(run.filter_expression().as_deref(), Some("~u a --nope -p"));
    assert_eq!(
        run.filter_notice().as_deref(),
        Some("Only processing flows that match \"~u a & --nope & -p\"")
    );
    let run = parsed(Tool::Dump, &["--", "-x"]).unwrap();
    assert_eq!(run.filter_expression().as_deref(), Some("-x"));
}

#[test]
fn actions_in_order_of_importance() {
    let action = |line: &[&str]| parsed(Tool::Dump, line).unwrap().action;
    assert_eq!(action(&[]), Action::Run);
    assert_eq!(action(&["--options", "--commands"]), Action::Options);
    assert_eq!(action(&["--version", "--options"]), Action::Version);
    assert_eq!(action(&["-nh", "--nope"]), Action::Help);
}

#[test]
fn config_beats_set_and_flags_beat_both() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("config.yaml"),
        "content_view_lines_cutoff: 11\nhttp2: false\n",
    )
    .unwrap();
    let confdir = dir.path().to_str().unwrap();
    let store = OptionStore::new(Tool::Dump);
    let run = parsed(
        Tool::Dump,
        &[
            "--confdir",
            confdir,
            "--set",
            "content_view_lines_cutoff=22",
            "--set",
            "later=1",
            "--http2",
            "-v",
            "~q",
        ],
    );
    run.unwrap().apply(&store).unwrap();
    let options = store.load();
    assert_eq!(options.content_view_lines_cutoff, 11);
    assert!(options.http2);
    assert_eq!(options.flow_detail, 2);
    assert_eq!(options.dumper_filter.as_deref(), Some("~q"));
    assert_eq!(options.save_stream_filter, options.readfile_filter);
    assert_eq!(store.deferred(), ["later"]);
}

#[test]
fn each_tool_has_its_own_flags() {
    assert!(parsed(Tool::Dump, &["--web-port", "1"]).is_err());
    assert!(parsed(Tool::Web, &["--web-port", "1"]).is_ok());
    assert!(parsed(Tool::Web, &["--view-filter", "x"]).is_err());
    assert!(parsed(Tool::Console, &["--view-filter", "x"]).is_ok());
    let dir = tempfile::tempdir().unwrap();
    let confdir = dir.path().to_str().unwrap();
    let run = parsed(Tool::Web, &["-v", "--confdir", confdir]).unwrap();
    run.apply(&OptionStore::new(Tool::Web)).unwrap();
}

proptest::proptest! {
    #[test]
    fn any_arguments_parse_or_fail(args in proptest::collection::vec("-{0,2}[a-z=0-9 é-]{0,8}", 0..5)) {
        let args: Vec<OsString> = args.into_iter().map(OsString::from).collect();
        let _ = parse(Tool::Dump, &args);
    }
}
