//! Printing, saving and reading.

use crate::origin::{Origin, respond};
use crate::program::{Program, curl, run};

#[test]
fn a_flow_is_printed_saved_and_printed_again() {
    let origin = Origin::plain(|_, out| respond(out, "X-Odd: \x01value\r\n", b"hello"));
    let mut program = Program::dump(&[]);
    assert_eq!(
        curl(&["-x", &program.proxy(), &origin.url("/seen")]).unwrap(),
        "hello"
    );
    let line = program.wait_for("/seen");
    assert!(line.contains("GET http://127.0.0.1:"), "{line}");
    program.wait_for("200 OK 5b");
    assert_eq!(program.stop().0, 0);
}

#[test]
fn what_w_wrote_r_reads() {
    let origin = Origin::plain(|_, out| respond(out, "", b"kept content"));
    let flows = tempfile::tempdir().unwrap();
    let path = flows.path().join("out.flows");
    let path = path.to_str().unwrap();
    let mut program = Program::dump(&["-w", path]);
    curl(&["-x", &program.proxy(), &origin.url("/kept")]).unwrap();
    program.wait_for("200 OK");
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(program.stop().0, 0);
    let (status, out, err) = run(dir.path(), &["-n", "-r", path, "--flow-detail", "3"]);
    assert_eq!(status, 0, "{out}{err}");
    assert!(
        out.contains("/kept") && out.contains("kept content"),
        "{out}"
    );
    let (_, out, _) = run(dir.path(), &["-n", "-r", path, "~u", "nothing-like-it"]);
    assert!(!out.contains("/kept"), "{out}");
}

#[test]
fn terminal_escapes_of_a_server_do_not_reach_the_output() {
    let origin = Origin::plain(|_, out| {
        out.write_all(b"HTTP/1.1 200 \x1b[31mOK\r\nContent-Length: 0\r\nX: \x1b]0;t\x07\r\n\r\n")
            .is_ok()
    });
    let mut program = Program::dump(&["--flow-detail", "2"]);
    curl(&["-x", &program.proxy(), &origin.url("/escape")]).unwrap();
    program.wait_for("<<");
    let (_, output) = program.stop();
    assert!(
        !output.contains('\x1b') && !output.contains('\x07'),
        "{output:?}"
    );
}

#[test]
fn proxy_debug_tells_what_goes_on_in_each_layer() {
    let origin = Origin::plain(|_, out| respond(out, "", b"traced"));
    let mut program = Program::dump(&["-v", "--set", "proxy_debug=true"]);
    curl(&["-x", &program.proxy(), &origin.url("/path")]).unwrap();
    program.wait_for("-- layer client tcp");
    program.wait_for(">> client tcp: ");
    program.wait_for("-- layer server tcp");
    let sent = program.wait_for("<< server tcp: ");
    assert!(sent.contains(r#"b"GET /path HTTP/1.1\r\n"#), "{sent}");
    program.wait_for("traced");
    // Without the option, and without -v, nothing of it is said.
    let mut quiet = Program::dump(&["-v"]);
    curl(&["-x", &quiet.proxy(), &origin.url("/path")]).unwrap();
    quiet.wait_for("200 OK");
    assert!(!quiet.stop().1.contains("client tcp"));
}
