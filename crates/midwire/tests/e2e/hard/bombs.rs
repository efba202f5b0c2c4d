//! Small content that grows to 1 GiB when its codings are undone.

use super::{attack, ends_well, fetch, good_origin};
use crate::origin::{Origin, respond};
use crate::program::Program;

/// 1 GiB of zeros each; where one coding cannot make it small enough there are two of them.
const BOMBS: [(&str, &[u8]); 4] = [
    ("br", include_bytes!("bomb.br")),
    ("gzip, gzip", include_bytes!("bomb.gz")),
    ("deflate, deflate", include_bytes!("bomb.deflate")),
    ("zstd, zstd", include_bytes!("bomb.zst")),
];

fn bombs() -> Origin {
    Origin::plain(|head, out| {
        let (coding, content) = BOMBS[usize::from(head.as_bytes()[5] - b'0')];
        let fields = format!("Content-Encoding: {coding}\r\nConnection: close\r\n");
        respond(out, &fields, content);
        false
    })
}

fn explode(args: &[&str], which: &[usize]) {
    let (origin, good) = (bombs(), good_origin());
    let program = Program::dump(args);
    for n in which {
        attack(&program, &good, || {
            let got = fetch(&program, &origin.url(&format!("/{n}")));
            assert!(got.starts_with("HTTP/1.1 200 OK\r\n"), "{got:.200}");
        });
    }
    ends_well(program);
}

#[test]
fn bombs_are_shown_as_far_as_the_limit() {
    explode(&["--flow-detail", "4"], &[0, 1, 2, 3]);
}

#[test]
fn filters_and_changes_do_not_blow_up() {
    // The slow decoders get a lower limit, since they are slower still without optimisation.
    let args = [
        "--set",
        "dumper_filter=~b needle",
        "--set",
        "modify_body=/~m GET/needle/pin",
    ];
    explode(&args, &[3]);
    let args = [&args[..], &["--set", "content_decode_limit=24m"]].concat();
    explode(&args[2..], &[0, 1, 2]);
}
