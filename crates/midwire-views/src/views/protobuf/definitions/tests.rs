use super::super::{Grpc, Protobuf};
use super::*;
use crate::ContentView as _;

const SOURCE: &str = r#"
syntax = "proto3"; // comment
package demo.v1;
import "other.proto";
option java_package = "x;y";
enum Color { option allow_alias = true; RED = 0; GREEN = 1 [deprecated = true]; NEG = -1; }
/* block { */
message Req {
  int32 id = 1; string s = 2 [json_name = "x"]; Inner inner = 3; repeated int32 nums = 4; Color color = 5;
  bool b = 6; float f = 7; double d = 8; bytes by = 9; sint32 si = 10; map<string, int32> m = 11;
  message Nest { optional int32 q = 1; }
  Nest nest = 15; oneof o { string oa = 16; int32 ob = 17; } sfixed64 sf = 18; repeated other.Far far = 19;
  reserved 20, 21 to 30;
}
message Inner { string name = 1; }
message Resp { string out = 1; }
service Svc { rpc Call (Req) returns (Resp); rpc Two (stream Inner) returns (stream .demo.v1.Req) { option x = { a: 1 }; } }
"#;

struct Files(tempfile::TempDir);

impl Files {
    fn new(source: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("main.proto"), source).unwrap();
        std::fs::write(
            folder.path().join("other.proto"),
            "package other; import \"main.proto\"; message Far { int32 z = 1; }",
        )
        .unwrap();
        Self(folder)
    }

    fn path(&self) -> String {
        self.0.path().join("main.proto").display().to_string()
    }
}

fn body() -> Vec<u8> {
    let mut body =
        b"\x08\x96\x01\x12\x02hi\x1a\x04\x0a\x02nm\x22\x02\x01\x02\x28\x01\x30\x01\x3d\0\0\xc0\x3f"
            .to_vec();
    body.extend(
        b"\x41\0\0\0\0\0\0\x04\x40\x4a\x02\xff\0\x50\x03\x5a\x05\x0a\x01k\x10\x05\x7a\x02\x08\x09",
    );
    body.extend(
        b"\x82\x01\x01x\x91\x01\xfb\xff\xff\xff\xff\xff\xff\xff\x9a\x01\x02\x08\x07\x98\x06\x04",
    );
    body
}

const TEXT: &str = "id: 150\ns: hi\ninner:\n  name: nm\nnums:\n- 1\n- 2\ncolor: GREEN\nb: true\nf: 1.5\nd: 2.5\n\
by: !binary ff00\nsi: -2\nm:\n  k: 5\nnest:\n  q: 9\noa: x\nsf: -5\nfar:\n- z: 7\n99: 4  # !sint: 2\n";

#[test]
fn fields_get_their_names() {
    let files = Files::new(SOURCE);
    let path = files.path();
    let meta = Metadata {
        protobuf_definitions: Some(&path),
        path: Some("/demo.v1.Svc/Call?x"),
        ..Metadata::default()
    };
    assert_eq!(Protobuf.prettify(&body(), &meta).unwrap(), TEXT);
    assert_eq!(Protobuf.reencode(TEXT, &meta).unwrap(), body());
}

#[test]
fn types_follow_the_path_and_the_direction() {
    let files = Files::new(SOURCE);
    let path = files.path();
    let check = |message, target, data: &[u8], expected: &str| {
        let meta = Metadata {
            protobuf_definitions: Some(&path),
            path: Some(target),
            message,
            ..Metadata::default()
        };
        let framed = [&[0, 0, 0, 0, data.len() as u8][..], data].concat();
        assert_eq!(Grpc.prettify(&framed, &meta).unwrap(), expected);
    };
    check(
        MessageKind::Response,
        "/demo.v1.Svc/Call",
        b"\x0a\x02ok",
        "out: ok\n",
    );
    check(
        MessageKind::Request,
        "/demo.v1.Svc/Two",
        b"\x0a\x02ok",
        "name: ok\n",
    );
    check(
        MessageKind::Response,
        "/demo.v1.Svc/Two",
        b"\x08\x01",
        "id: 1\n",
    );
    check(MessageKind::Response, "/other", b"\x0a\x02ok", "out: ok\n");
    // A value that does not fit its definition is shown by number.
    check(
        MessageKind::Request,
        "/demo.v1.Svc/Call",
        b"\x0a\x01x",
        "1: x\n",
    );
}

#[test]
fn bad_definitions_are_told() {
    for source in [
        "garbage",
        "message A {",
        "message A { int32 x; }",
        "message A { int32 x = y; }",
        "/*",
        "import \"a",
        "enum A { B = x; }",
    ] {
        let files = Files::new(source);
        let path = files.path();
        let meta = Metadata {
            protobuf_definitions: Some(&path),
            ..Metadata::default()
        };
        assert!(Protobuf.prettify(b"\x08\x01", &meta).is_err(), "{source}");
    }
    let files = Files::new(&"message A {".repeat(MAX_NESTING));
    let path = files.path();
    let meta = Metadata {
        protobuf_definitions: Some(&path),
        ..Metadata::default()
    };
    assert!(matches!(
        Protobuf.prettify(b"\x08\x01", &meta),
        Err(ViewError::TooDeep(_))
    ));
    let missing = Metadata {
        protobuf_definitions: Some("/nowhere/x.proto"),
        ..Metadata::default()
    };
    assert!(
        Protobuf
            .prettify(b"", &missing)
            .unwrap_err()
            .to_string()
            .starts_with("cannot read /nowhere/x.proto")
    );
}

const MAX_NESTING: usize = crate::MAX_DEPTH + 2;
