//! Every rule option refuses bad specifications, and keeps what it had.

use std::sync::Arc;

use midwire_core::options::Value;
use midwire_core::{Kernel, Link};
use midwire_flow::{HttpMessage as _, Response};
use midwire_wire::Fields;

use crate::testing::{http_flow, kernel};
use crate::{BlockList, MapLocal, MapRemote, ModifyBody, ModifyHeaders};

fn list(specs: &[&str]) -> Value {
    Value::Seq(specs.iter().map(|&spec| spec.to_owned()).collect())
}

/// A kernel with every addon that has rules.
fn with_rules(options: &[(&str, Value)]) -> Result<Arc<Kernel>, String> {
    let kernel = kernel(options);
    kernel.set_addons(vec![
        Link::Sync(Arc::new(BlockList::default())),
        Link::Sync(Arc::new(MapRemote::default())),
        Link::Sync(Arc::new(MapLocal::default())),
        Link::Sync(Arc::new(ModifyBody::default())),
        Link::Sync(Arc::new(ModifyHeaders::default())),
    ])?;
    Ok(kernel)
}

const COUNT: &str = "Invalid number of parameters (2 or 3 are expected)";
const COUNT_2: &str = "Invalid number of parameters (2 are expected)";

/// Option, specification, and what is said of it.
const BAD: &[(&str, &str, &str)] = &[
    // Separators.
    ("block_list", "", COUNT_2),
    ("block_list", ":", COUNT_2),
    ("block_list", ":~u x", COUNT_2),
    ("block_list", ":~u x:404:more", COUNT_2),
    ("map_remote", "", COUNT),
    ("map_remote", "|", COUNT),
    ("map_remote", "|a", COUNT),
    ("map_local", "", COUNT),
    ("map_local", "|a", COUNT),
    ("modify_body", "", COUNT),
    ("modify_body", "/a", COUNT),
    ("modify_headers", "", COUNT),
    ("modify_headers", "/a", COUNT),
    // Filters.
    (
        "block_list",
        ":~zz:404",
        "Invalid filter expression: '~zz' (at position 0: ",
    ),
    ("block_list", "::404", "Empty filter expression"),
    (
        "map_remote",
        "|~u a & (|b|c",
        "Invalid filter expression: '~u a & (' (at position ",
    ),
    (
        "map_local",
        "|~u|b|/",
        "Invalid filter expression: '~u' (at position ",
    ),
    (
        "modify_body",
        "/~c x/b/c",
        "Invalid filter expression: '~c x' (at position ",
    ),
    (
        "modify_headers",
        "/(~u x/b/c",
        "Invalid filter expression: '(~u x' (at position ",
    ),
    // Expressions and replacements.
    (
        "map_remote",
        "|a(|b",
        "Invalid regular expression 'a(' (missing ), unterminated subpattern at position 2)",
    ),
    (
        "map_remote",
        "|a|\\2",
        "Invalid replacement '\\\\2' (invalid group reference 2 at position 2)",
    ),
    (
        "map_local",
        "|[b|/",
        "Invalid regular expression '[b' (unterminated character set at position 1)",
    ),
    (
        "modify_body",
        "/*/b",
        "Invalid regular expression b'*' (nothing to repeat at position 0)",
    ),
    ("modify_body", "/a/\\x4", "invalid \\x escape at position 0"),
    ("modify_body", "/a\\/b", "Trailing \\ in string"),
    (
        "modify_headers",
        "/a/b\\xg0",
        "invalid \\x escape at position 1",
    ),
    // Files and folders.
    (
        "map_local",
        "|a|/does/not/exist",
        "Invalid file path: /does/not/exist (No such file or directory)",
    ),
    (
        "modify_body",
        "|a|@/does/not/exist",
        "Invalid file path: /does/not/exist (No such file or directory)",
    ),
    (
        "modify_body",
        "|a|@/",
        "Invalid file path: / (Is a directory)",
    ),
    (
        "modify_headers",
        "|a|@/does/not/exist",
        "Invalid file path: /does/not/exist (No such file or directory)",
    ),
    // Status codes.
    ("block_list", ":~u x:abc", "Invalid HTTP status code: abc"),
    ("block_list", ":~u x:", "Invalid HTTP status code: "),
    ("block_list", ":~u x:99", "Invalid HTTP status code: 99"),
    ("block_list", ":~u x:1000", "Invalid HTTP status code: 1000"),
    ("block_list", ":~u x:-1", "Invalid HTTP status code: -1"),
    // Fields.
    (
        "modify_headers",
        "//b",
        "Invalid field name b'' (it is empty)",
    ),
    (
        "modify_headers",
        "/a b/c",
        "Invalid field name b'a b' (b' ' at position 1)",
    ),
    (
        "modify_headers",
        "/a:/c",
        "Invalid field name b'a:' (b':' at position 1)",
    ),
    (
        "modify_headers",
        "/a/b\\r\\nc: d",
        "Invalid field value b'b\\r\\nc: d' (b'\\r' at position 1)",
    ),
    (
        "modify_headers",
        "/a/\\0",
        "Invalid field value b'\\x00' (b'\\x00' at position 0)",
    ),
    // URLs.
    (
        "map_remote",
        "|a|ftp://b/",
        "Invalid URL ftp://b/ (the scheme is neither http nor https)",
    ),
    (
        "map_remote",
        "|a|http://b:99999/",
        "Invalid URL http://b:99999/",
    ),
    ("map_remote", "|a|http://[::1/", "Invalid URL http://[::1/"),
    ("map_remote", "|a|http://b c/", "Invalid URL http://b c/"),
];

#[test]
fn bad_rules_end_the_start_with_the_place_of_the_fault() {
    for (option, spec, expected) in BAD {
        let error = with_rules(&[(option, list(&[spec]))]).err();
        let error = error.unwrap_or_else(|| panic!("{option} takes {spec}"));
        let start = format!("Cannot parse {option} option {spec}: {expected}");
        assert!(error.starts_with(&start), "{error}\n{start}");
        assert!(!error.contains('\n') || spec.contains('\n'), "{error}");
    }
}

#[tokio::test]
async fn bad_rules_while_running_leave_the_former_ones_at_work() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("index.html"), "local").unwrap();
    let good = [
        ("block_list", list(&["|~u blocked|418"])),
        ("map_remote", list(&["|old|new"])),
        (
            "map_local",
            list(&[&format!("|/local|{}", folder.path().display())]),
        ),
        ("modify_body", list(&["/one/two"])),
        ("modify_headers", list(&["/x-a/b"])),
    ];
    let kernel = with_rules(&good).unwrap();
    for (option, spec, expected) in BAD {
        // A good rule of another option in the same change must be undone as well.
        let other = if *option == "modify_body" {
            "modify_headers"
        } else {
            "modify_body"
        };
        let good = if other == "modify_body" {
            "/one/three"
        } else {
            "/x-a/c"
        };
        for order in [0, 1] {
            let mut changes = vec![(*option, list(&["/a/b", spec])), (other, list(&[good]))];
            changes.rotate_left(order);
            let error = kernel
                .options()
                .update(changes)
                .err()
                .map(|error| error.to_string());
            let error = error.unwrap_or_else(|| panic!("{option} takes {spec}"));
            assert!(
                error.contains(expected) || error.contains("Cannot parse"),
                "{error}"
            );
        }
        works_as_before(&kernel).await;
    }
}

async fn works_as_before(kernel: &Kernel) {
    let mut flow = http_flow("POST http://h.test/old");
    kernel.requestheaders(&mut flow).await;
    flow.request.set_content("one");
    kernel.request(&mut flow).await;
    assert_eq!(flow.request.url(), "http://h.test/new");
    assert_eq!(flow.request.fields.get("x-a"), Some(&b"b"[..]));
    assert_eq!(flow.request.content.bytes().unwrap(), "two");
    flow.response = Some(Response::make(200, "one", Fields::new()));
    kernel.response(&mut flow).await;
    let response = flow.response.unwrap();
    assert_eq!(response.content.bytes().unwrap(), "two");

    for (url, status) in [("http://h.test/blocked", 418), ("http://h.test/local", 200)] {
        let mut flow = http_flow(&format!("GET {url}"));
        kernel.request(&mut flow).await;
        assert_eq!(flow.response.unwrap().status, status, "{url}");
    }
}
