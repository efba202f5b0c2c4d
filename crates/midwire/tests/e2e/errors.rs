//! Bad input: one clear line, a status that is not 0, nothing overwritten.

use std::net::TcpListener;

use crate::program::run;

#[track_caller]
fn refused(confdir: &std::path::Path, args: &[&str], words: &[&str]) {
    let (status, out, err) = run(confdir, args);
    let all = out + &err;
    assert_eq!(status, 1, "{args:?}: {all}");
    assert!(
        words.iter().all(|word| all.contains(word)),
        "{args:?}: {all}"
    );
    assert!(!all.contains("panicked"), "{all}");
}

#[test]
fn bad_arguments_are_refused_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let check = |args: &[&str], words: &[&str]| refused(dir.path(), args, words);
    check(&["--no-such-flag"], &["--no-such-flag"]);
    check(&["-n", "--set", "listen_port=abc"], &["abc"]);
    check(
        &["--mode", "sideways"],
        &["Invalid proxy mode specification: sideways", "unknown mode"],
    );
    check(&["-n", "-w", "/dev/null/x"], &["/dev/null/x"]);
    check(&["-n", "~u", "("], &["Invalid filter expression"]);
    check(
        &["-n", "-r", "does-not-exist.flows"],
        &["does-not-exist.flows"],
    );
}

#[test]
fn a_port_in_use_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    refused(
        dir.path(),
        &["--listen-host", "127.0.0.1", "-p", &port],
        &["failed to listen on", &port, "in use"],
    );
}

#[test]
fn a_broken_authority_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mitmproxy-ca.pem");
    std::fs::write(&path, "garbage").unwrap();
    refused(
        dir.path(),
        &["-p", "0", "--listen-host", "127.0.0.1"],
        &["cannot read CA file"],
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "garbage");
}

#[test]
fn a_damaged_flow_file_gives_what_is_readable() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("damaged.flows");
    std::fs::write(&path, "99:not a flow,").unwrap();
    let path = path.to_str().unwrap();
    refused(
        dir.path(),
        &["-n", "-r", path],
        &["Flow file corrupted", "damaged.flows"],
    );
}
