use std::process::Command;
use std::sync::Arc;

use midwire_wire::Fields;
use proptest::prelude::*;

use super::shell::quote;
use super::*;
use crate::{
    Address, ClientConn, Content, FlowInfo, MessageFlow, Number, Response, ServerConn,
    WebSocketData, WebSocketMessage,
};

fn flow_of(request: Request) -> HttpFlow {
    let info = FlowInfo::new(
        Arc::new(ClientConn::default()),
        Arc::new(ServerConn::default()),
    );
    HttpFlow {
        info,
        request,
        response: None,
        websocket: None,
    }
}

fn request(method: &str, fields: &[(&str, &str)], content: &[u8]) -> HttpFlow {
    let mut request = Request::make(method, "http://h/p", "", Fields::new()).unwrap();
    request.fields = Fields::from_pairs(
        fields
            .iter()
            .map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())),
    );
    request.content = Content::Memory(Bytes::copy_from_slice(content));
    flow_of(request)
}

fn exported(flow: &HttpFlow, format: Format) -> String {
    let flow = Flow::Http(Box::new(flow.clone()));
    match export(&flow, format, ExportOptions::default()) {
        Ok(bytes) => to_text(&bytes),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn curl_and_httpie_are_those_of_the_reference_program() {
    let cases = [
        (
            request("GET", &[], b""),
            "curl http://h/p",
            "http GET http://h/p",
        ),
        (
            request("POST", &[], b""),
            "curl -H 'content-length: 0' -X POST http://h/p",
            "http POST http://h/p",
        ),
        (
            request("get", &[("Host", "h"), ("Content-Length", "3")], b""),
            "curl http://h/p",
            "http GET http://h/p",
        ),
        (
            request("GET", &[("host", "other")], b""),
            "curl -H 'host: other' http://other/p",
            "http GET http://other/p 'host: other'",
        ),
        (
            request(
                "GET",
                &[("Accept-Encoding", "gzip"), ("a", "1"), ("A", "q'uote")],
                b"",
            ),
            "curl --compressed -H 'a: 1' -H 'A: q'\"'\"'uote' http://h/p",
            "http GET http://h/p 'Accept-Encoding: gzip' 'a: 1' 'A: q'\"'\"'uote'",
        ),
        (
            request("PUT", &[], b"a'b"),
            "curl -X PUT http://h/p -d 'a'\"'\"'b'",
            "http PUT http://h/p <<< 'a'\"'\"'b'",
        ),
        (
            request("PUT", &[], b"a\nb\x01\"$x"),
            "curl -X PUT http://h/p -d \"$(printf 'a\\x0ab\\x01\"$x')\"",
            "http PUT http://h/p <<< \"$(printf 'a\\x0ab\\x01\"$x')\"",
        ),
        (
            request("GET", &[], b"x"),
            "curl -X GET http://h/p -d x",
            "http GET http://h/p <<< x",
        ),
        (
            request("PUT", &[], b"x"),
            "curl -X PUT http://h/p -d x",
            "http PUT http://h/p <<< x",
        ),
        (
            request("PUT", &[], b"\xe9"),
            "curl -X PUT http://h/p -d 'é'",
            "http PUT http://h/p <<< 'é'",
        ),
        (
            request("PUT", &[("content-encoding", "gzip")], b"bad"),
            "curl -X PUT http://h/p -d bad",
            "http PUT http://h/p <<< bad",
        ),
        (
            request("PUT", &[("content-type", "application/json")], b"\xff"),
            "error: Request content must be valid unicode",
            "error: Request content must be valid unicode",
        ),
    ];
    for (flow, curl, httpie) in cases {
        assert_eq!(exported(&flow, Format::Curl), curl);
        assert_eq!(exported(&flow, Format::Httpie), httpie);
    }
}

#[test]
fn what_the_tools_themselves_would_act_on_is_defused() {
    let at = request(
        "PUT",
        &[("@/etc/passwd", "x"), ("a=@b", "c")],
        b"@/etc/passwd",
    );
    assert_eq!(
        exported(&at, Format::Curl),
        "curl -H 'a=@b: c' -X PUT http://h/p --data-raw @/etc/passwd"
    );
    assert_eq!(
        exported(&at, Format::Httpie),
        "http PUT http://h/p '\\@/etc/passwd: x' 'a\\=\\@b: c' <<< @/etc/passwd"
    );
    let mut globs = request("GET", &[], b"");
    globs.request.path = Bytes::from_static(b"/[1-9]{a,b}");
    assert_eq!(
        exported(&globs, Format::Curl),
        "curl -g 'http://h/[1-9]{a,b}'"
    );
    let dash = request("--debug", &[], b"");
    assert_eq!(
        exported(&dash, Format::Httpie),
        "http -- --DEBUG http://h/p"
    );
}

#[test]
fn curl_can_keep_the_address() {
    let mut flow = request("GET", &[], b"");
    Arc::make_mut(&mut flow.info.server_conn).peername = Some(Address::new("1.2.3.4", 80));
    let options = ExportOptions {
        preserve_original_ip: true,
    };
    let pinned = |flow: &HttpFlow| {
        let flow = Flow::Http(Box::new(flow.clone()));
        to_text(&export(&flow, Format::Curl, options).unwrap())
    };
    assert_eq!(pinned(&flow), "curl --resolve 'h:80:[1.2.3.4]' http://h/p");
    flow.request.host = "1.2.3.4".to_owned();
    assert_eq!(pinned(&flow), "curl http://1.2.3.4/p");
}

#[test]
fn raw_is_the_message_without_its_codings() {
    let packed = crate::codec::encode(b"hello", "gzip").unwrap();
    let mut flow = request("get", &[("a", "b"), ("content-encoding", "gzip")], &packed);
    let raw_request = "get /p HTTP/1.1\r\na: b\r\ncontent-length: 5\r\n\r\nhello";
    assert_eq!(exported(&flow, Format::RawRequest), raw_request);
    assert_eq!(exported(&flow, Format::Raw), raw_request);
    assert_eq!(
        exported(&flow, Format::RawResponse),
        "error: Can't export flow with no response."
    );
    flow.response = Some(Response::make(200, "\u{e9}", Fields::new()));
    assert_eq!(
        exported(&flow, Format::Raw),
        format!("{raw_request}\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\né")
    );
    flow.websocket = Some(WebSocketData {
        messages: vec![message(true, b"to"), message(false, b"\xff")],
        ..WebSocketData::default()
    });
    assert!(exported(&flow, Format::Raw).ends_with("é\r\n\r\n[OUTGOING] to\n[INCOMING] \\xff"));
    flow.request.content = Content::Missing;
    flow.response.as_mut().unwrap().content = Content::Missing;
    let errors = [
        (
            Format::Raw,
            "error: Can't export flow with no request or response.",
        ),
        (Format::RawRequest, "error: Request content missing."),
        (Format::RawResponse, "error: Response content missing."),
        (Format::Curl, "curl -H 'a: b' http://h/p"),
    ];
    for (format, error) in errors {
        assert_eq!(exported(&flow, format), error);
    }
}

#[test]
fn raw_targets_and_chunks() {
    let mut flow = request("POST", &[("transfer-encoding", "chunked")], b"abc");
    flow.request.trailers = Some(Fields::from_pairs([("t", "1")]));
    assert_eq!(
        exported(&flow, Format::RawRequest),
        "POST /p HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nt: 1\r\n\r\n"
    );
    let mut h2 = request("GET", &[], b"");
    h2.request.version = Bytes::from_static(b"HTTP/2.0");
    h2.request.authority = Bytes::from_static(b"h:80");
    assert_eq!(
        exported(&h2, Format::RawRequest),
        "GET http://h:80/p HTTP/2.0\r\n\r\n"
    );
    let mut connect = request("CONNECT", &[], b"");
    connect.request.authority = Bytes::from_static(b"h:80");
    assert_eq!(
        exported(&connect, Format::RawRequest),
        "CONNECT h:80 HTTP/1.1\r\n\r\n"
    );
}

#[test]
fn other_flows_and_formats_are_refused() {
    let info = flow_of(Request::make("GET", "http://h/", "", Fields::new()).unwrap()).info;
    let tcp = Flow::Tcp(MessageFlow {
        info,
        messages: Vec::new(),
    });
    for (name, format) in Format::ALL {
        assert_eq!(Format::parse(name), Ok(format));
        let expected = match format {
            Format::Raw => ExportError::Nothing,
            Format::RawResponse => ExportError::NoResponse,
            _ => ExportError::NoRequest,
        };
        assert_eq!(
            export(&tcp, format, ExportOptions::default()),
            Err(expected)
        );
    }
    assert_eq!(
        Format::parse("x").unwrap_err().to_string(),
        "No such export format: x"
    );
}

/// Runs a command line with functions in place of the tools, which print their arguments and input.
fn run(shell: &str, line: &str) -> Vec<u8> {
    let script = format!(
        "show() {{ for a; do printf '%s\\000' \"$a\"; done; }}\n\
         curl() {{ show \"$@\"; }}\nhttp() {{ show \"$@\"; cat; }}\n{line}\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(shell)
        .arg("-c")
        .arg(script)
        .current_dir(folder.path())
        .env("LC_ALL", "C.UTF-8")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{shell} made files from {line}");
    output.stdout
}

const HOSTILE: [&str; 22] = [
    "$(touch ran)",
    "`touch ran`",
    "'; touch ran; '",
    "\"; touch ran; \"",
    "'\"'\"'$(touch ran)",
    "a\ntouch ran\n#",
    "\n$(touch ran)'`touch ran`\"$(touch ran)\"",
    "%s%n%(touch ran)T%d\n",
    "\\n\\x24\\044(touch ran)\n%%b",
    "\\'; touch ran #\n",
    "--output=ran",
    "-vPATH\x01",
    "-\n",
    "\u{1b}[201~\rtouch ran\r",
    "\u{3}\u{4}touch ran\n",
    "a\tb",
    "!!\u{7f}",
    "~ * ? [a] {b,c} & | > ran < x",
    "\u{9b}31m",
    "é€𝄞",
    "",
    " ",
];

#[test]
fn shells_get_the_exact_arguments_and_run_nothing() {
    for text in HOSTILE {
        let line = format!("curl {}", quote(text.as_bytes()));
        let visible = |c: char| !c.is_control();
        assert!(line.chars().all(visible), "{line:?}");
        // Command substitution takes line feeds from the end.
        let expected = [text.trim_end_matches('\n').as_bytes(), b"\0"].concat();
        assert_eq!(run("bash", &line), expected, "{line}");
        let by_sh = run("sh", &line);
        // Not every sh has printf with \x; what it prints then is harmless.
        if !line.contains("\\x") {
            assert_eq!(by_sh, expected, "{line}");
        }
    }
}

#[test]
fn whole_exports_run_nothing() {
    for text in HOSTILE {
        let mut flow = request(text, &[(text, text), ("x", text)], text.as_bytes());
        flow.request.host = text.to_owned();
        flow.request.path = Bytes::copy_from_slice(format!("/{text}").as_bytes());
        for format in [Format::Curl, Format::Httpie] {
            let line = exported(&flow, format);
            run("bash", &line);
            run("sh", &line);
        }
    }
    let body = "it's\n100% \\o/ $(touch ran)";
    let flow = request("PUT", &[], body.as_bytes());
    let curl = run("bash", &exported(&flow, Format::Curl));
    assert_eq!(
        curl,
        format!("-X\0PUT\0http://h/p\0-d\0{body}\0").as_bytes()
    );
    let httpie = run("bash", &exported(&flow, Format::Httpie));
    assert_eq!(httpie, format!("PUT\0http://h/p\0{body}\n").as_bytes());
}

#[test]
fn nul_and_broken_utf8_are_printed_by_bash() {
    let line = format!("curl {}", quote(b"a\xff\xfe$(touch ran)\0b"));
    assert_eq!(run("bash", &line), b"a\xff\xfe$(touch ran)b\0");
}

#[test]
fn code_formats_quote_everything() {
    let flow = request(
        "POST",
        &[("X", "a'b\"c"), ("x", "</script>")],
        "\u{2028}é'\n".as_bytes(),
    );
    assert_eq!(
        exported(&flow, Format::PythonRequests),
        "import requests\n\nresponse = requests.request(\n    'POST',\n    'http://h/p',\n    headers={\n        \
         'X': 'a\\'b\"c, </script>',\n    },\n    data=b\"\\xe2\\x80\\xa8\\xc3\\xa9'\\n\",\n)\n\
         print(response.status_code, response.text)\n"
    );
    assert_eq!(
        exported(&flow, Format::Fetch),
        "await fetch(\"http://h/p\", {\n  \"method\": \"POST\",\n  \"headers\": {\n    \
         \"X\": \"a'b\\\"c, <\\/script>\",\n  },\n  \"body\": \"\\u2028é'\\n\",\n});\n"
    );
    assert_eq!(
        exported(&flow, Format::PowerShell),
        "Invoke-WebRequest -Uri 'http://h/p' -Method 'POST' -Headers @{ 'X' = 'a''b\"c, </script>' } \
         -Body ([Convert]::FromBase64String('4oCow6knCg=='))\n"
    );
    let curly = request("X", &[("a", "\u{2019};calc"), ("b", "c\r\nd")], b"$(x)");
    assert_eq!(
        exported(&curly, Format::PowerShell),
        "Invoke-WebRequest -Uri 'http://h/p' -CustomMethod 'X' -Headers @{ 'a' = '\u{2019}\u{2019};calc'; \
         'b' = ([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('Yw0KZA=='))) } -Body '$(x)'\n"
    );
    let binary = request("POST", &[], b"\xff");
    assert!(exported(&binary, Format::Fetch).contains("Uint8Array.from(atob(\"/w==\")"));
}

#[test]
fn request_files_refuse_what_they_would_act_on() {
    let good = request("POST", &[("A", "b")], b"<html>\n1 < 2\n");
    assert_eq!(
        exported(&good, Format::HttpFile),
        "POST http://h/p HTTP/1.1\nA: b\n\n<html>\n1 < 2\n\n"
    );
    let cases: [(&str, &[u8]); 6] = [
        ("x", b"a\n< /etc/passwd"),
        ("x", b"<@ /etc/passwd"),
        ("x", b"> {% client.exit() %}"),
        ("x", b"a\n###\nDELETE http://x"),
        ("x", b"{{$processEnv HOME}}"),
        ("{{x}}", b""),
    ];
    for (value, body) in cases {
        let flow = request("POST", &[("a", value)], body);
        assert!(
            exported(&flow, Format::HttpFile).starts_with("error: "),
            "{value} {body:?}"
        );
    }
    let split = request("POST", &[("a", "b\n\n< x")], b"");
    assert!(exported(&split, Format::HttpFile).starts_with("error: "));
}

fn message(from_client: bool, content: &[u8]) -> WebSocketMessage {
    WebSocketMessage {
        opcode: 1,
        from_client,
        content: Bytes::copy_from_slice(content),
        timestamp: Number::Int(1),
        dropped: false,
        injected: false,
    }
}

fn cut_text(flow: &Flow, spec: &str) -> String {
    match cut(flow, spec) {
        Ok(cell) => cell.to_text(),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn cuts_follow_their_path() {
    let mut flow = request("get", &[("header", "qvalue"), ("header", "2")], b"content");
    flow.request.timestamp_start = Number::Int(946_681_200);
    flow.request.timestamp_end = Some(Number::Float(1.5));
    flow.info.live = false;
    let client = Arc::make_mut(&mut flow.info.client_conn);
    client.peername = Some(Address::new("127.0.0.1", 22));
    client.timestamp_tls_setup = Some(1.0);
    client.alpn = Some(Bytes::from_static(b"h2"));
    client.certificate_list = vec![crate::Certificate::from_der(vec![1])];
    flow.response = Some(Response::make(200, "message", Fields::new()));
    let flow = Flow::Http(Box::new(flow));
    let cases = [
        ("request.method", "GET"),
        ("request.scheme", "http"),
        ("request.host", "h"),
        ("request.port", "80"),
        ("request.path", "/p"),
        ("request.url", "http://h/p"),
        ("request.http_version", "HTTP/1.1"),
        ("request.text", "content"),
        ("request.content", "b'content'"),
        ("request.raw_content", "b'content'"),
        ("request.timestamp_start", "946681200"),
        ("request.timestamp_end", "1.5"),
        ("request.header[HEADER]", "qvalue, 2"),
        ("request.header[nope]", ""),
        ("request.path_components", "('p',)"),
        ("request.query", ""),
        ("request.is_http11", "true"),
        ("response.status_code", "200"),
        ("response.reason", "OK"),
        ("response.content", "b'message'"),
        ("client_conn.peername.port", "22"),
        ("client_conn.peername.host", "127.0.0.1"),
        ("client_conn.peername", "('127.0.0.1', 22)"),
        ("client_conn.tls_established", "true"),
        ("client_conn.alpn", "b'h2'"),
        ("client_conn.sni", ""),
        ("server_conn.address.port", ""),
        (
            "client_conn.certificate_list",
            "-----BEGIN CERTIFICATE-----\nAQ==\n-----END CERTIFICATE-----\n",
        ),
        ("type", "http"),
        ("live", "false"),
        ("error", ""),
        ("foo.bar", ""),
        ("", ""),
        ("request.port.host", ""),
        ("request.header[x].y", ""),
        ("header[x]", ""),
        ("_x", "error: Can't access internal attribute _x"),
        ("request._x", "error: Can't access internal attribute _x"),
        ("request.header[", "error: Invalid header spec: header["),
        ("request.header[x", "error: Invalid header spec: header[x"),
        (
            "request.header[x]y",
            "error: Invalid header spec: header[x]y",
        ),
    ];
    for (spec, expected) in cases {
        assert_eq!(cut_text(&flow, spec), expected, "{spec}");
    }
}

#[test]
fn cuts_of_websocket_content_are_its_messages() {
    let mut flow = request("GET", &[], b"");
    flow.websocket = Some(WebSocketData {
        messages: vec![message(true, b"to"), message(false, b"it's")],
        close_code: Some(1000),
        ..WebSocketData::default()
    });
    let flow = Flow::Http(Box::new(flow));
    assert_eq!(
        cut_text(&flow, "response.content"),
        "b\"[OUTGOING] to\\n[INCOMING] it's\""
    );
    assert_eq!(cut_text(&flow, "websocket.close_code"), "1000");
}

#[test]
fn tables_are_csv_without_formulas() {
    let text = |t: &str| Cell::Text(t.to_owned());
    let rows = vec![
        vec![
            text("a,b"),
            text("say \"x\""),
            Cell::Bytes(Bytes::from_static(b"a\n")),
        ],
        vec![
            text("=1+1"),
            text("+1"),
            text("-1"),
            text("@x"),
            text("\tx"),
            text("\rx"),
        ],
        vec![text("")],
        vec![text("a"), text("")],
    ];
    assert_eq!(
        csv(&rows),
        "\"a,b\",\"say \"\"x\"\"\",b'a\\n'\r\n'=1+1,'+1,'-1,'@x,'\tx,\"'\rx\"\r\n\"\"\r\na,\r\n"
    );
    assert_eq!(rows[0][2].to_bytes(), "a\n");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn bash_reads_back_any_bytes(bytes in proptest::collection::vec(
        prop_oneof![1_u8.., proptest::sample::select(b"'\"$`\\%-\n".to_vec())], 0..40)) {
        let line = format!("curl {}", quote(&bytes));
        let end = bytes.iter().rposition(|b| *b != b'\n').map_or(0, |at| at + 1);
        let expected = [&bytes[..end], b"\0"].concat();
        prop_assert_eq!(run("bash", &line), expected);
    }
}
