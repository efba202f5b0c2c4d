use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use bytes::Bytes;
use midwire_wire::Fields;
use midwire_wire::dns::{Question, Record};
use proptest::prelude::*;

use super::*;
use crate::{
    Address, Certificate, ClientConn, Content, Dns, DnsFlow, Flow, FlowError, FlowInfo, HttpFlow,
    Id, MessageFlow, Replay, Request, Response, ServerConn, Spill, StreamMessage, Value, Via,
    WebSocketData, WebSocketMessage,
};

/// The sample of flowfile.md §5, as the original writes it.
const SAMPLE: &str = "1616:9:websocket;0:~8:response;228:6:reason;2:OK,11:status_code;3:200#13:timestamp_end;9:946681203#15:timestamp_start;9:946681202#8:trailers;0:~7:content;7:message,7:headers;58:28:15:header-response,6:svalue,]22:14:content-length,1:7,]]12:http_version;8:HTTP/1.1,}7:request;273:4:path;5:/path,9:authority;0:,6:scheme;4:http,6:method;3:GET,4:port;2:22#4:host;7:address;13:timestamp_end;9:946681201#15:timestamp_start;9:946681200#8:trailers;0:~7:content;7:content,7:headers;48:18:6:header,6:qvalue,]22:14:content-length,1:7,]]12:http_version;8:HTTP/1.1,}6:backup;0:~17:timestamp_created;9:946681200#7:comment;0:;8:metadata;0:}6:marked;0:;9:is_replay;0:~11:intercepted;5:false!11:server_conn;429:3:via;0:~19:timestamp_tcp_setup;11:946681203.0^7:address;15:7:address;2:22#]19:timestamp_tls_setup;11:946681204.0^13:timestamp_end;11:946681205.0^15:timestamp_start;11:946681202.0^3:sni;7:address;11:tls_version;7:TLSv1.2;11:cipher_list;0:]6:cipher;0:~11:alpn_offers;0:]4:alpn;0:~16:certificate_list;0:]3:tls;5:false!5:error;0:~18:transport_protocol;3:tcp;2:id;1:s;8:sockname;15:7:address;2:22#]8:peername;20:11:192.168.0.1;2:22#]}11:client_conn;393:10:proxy_mode;7:regular;8:mitmcert;0:~19:timestamp_tls_setup;11:946681201.0^13:timestamp_end;11:946681206.0^15:timestamp_start;11:946681200.0^3:sni;7:address;11:tls_version;7:TLSv1.2;11:cipher_list;0:]6:cipher;6:cipher;11:alpn_offers;0:]4:alpn;8:http/1.1,16:certificate_list;0:]3:tls;5:false!5:error;0:~18:transport_protocol;3:tcp;2:id;1:c;8:sockname;7:0:;1:0#]8:peername;17:9:127.0.0.1;2:22#]}5:error;0:~2:id;36:00000000-0000-4000-8000-000000000001;4:type;4:http;7:version;2:21#}";

fn read(bytes: &[u8]) -> Vec<Result<Flow, ReadError>> {
    Reader::new(bytes).collect()
}

fn read_one(bytes: &[u8]) -> Flow {
    let mut flows = read(bytes);
    assert_eq!(flows.len(), 1, "{flows:?}");
    flows.remove(0).unwrap()
}

fn error_of(bytes: &[u8]) -> ReadError {
    read(bytes).pop().unwrap().unwrap_err()
}

fn sample() -> Flow {
    read_one(SAMPLE.as_bytes())
}

fn info() -> FlowInfo {
    let mut info = sample().info().clone();
    info.id = Id::random();
    info.error = Some(FlowError {
        msg: "refused".into(),
        timestamp: 1.5,
    });
    info.is_replay = Some(Replay::Response);
    info.marked = ":star:".into();
    info.metadata = vec![
        ("k".into(), "v".into()),
        (
            "n".into(),
            Value::List(vec![3.into(), Value::Null, 0.5.into()]),
        ),
        ("b".into(), Value::Bytes(Bytes::from_static(b"\xff"))),
    ];
    info.comment = "note\nwith line".into();
    let mut client: ClientConn = (*info.client_conn).clone();
    client.peername = Some(Address {
        host: "fe80::1".into(),
        port: 9,
        v6: Some((0, 2)),
    });
    client.mitmcert = Some(Certificate::from_pem(
        &b"-----BEGIN CERTIFICATE-----\nAA==\n"[..],
    ));
    client.alpn_offers = vec![Bytes::from_static(b"h2"), Bytes::from_static(b"http/1.1")];
    client.cipher_list = vec!["A".into(), "B".into()];
    client.error = Some("bad".into());
    info.client_conn = Arc::new(client);
    let mut server: ServerConn = (*info.server_conn).clone();
    server.via = Some(Via {
        scheme: "https".into(),
        address: Address::new("proxy", 8080),
    });
    info.server_conn = Arc::new(server);
    info
}

/// A flow of each kind.
fn all_kinds() -> Vec<Flow> {
    let Flow::Http(sample) = sample() else {
        panic!("not an HTTP flow");
    };
    let mut http = HttpFlow {
        info: info(),
        ..*sample
    };
    http.request.trailers = Some(Fields::from_pairs([("T", "1")]));
    http.websocket = Some(WebSocketData {
        messages: vec![WebSocketMessage {
            opcode: 2,
            from_client: true,
            content: Bytes::from_static(b"\x00\xff"),
            timestamp: 1.25.into(),
            dropped: true,
            injected: false,
        }],
        closed_by_client: Some(true),
        close_code: Some(1000),
        close_reason: Some("bye".into()),
        timestamp_end: Some(2.0),
    });
    let before = Flow::Http(Box::new(http.clone()));
    http.info.backup = Some(Box::new(before));
    http.request.fields.set("header", "changed");
    let stream = MessageFlow {
        info: info(),
        messages: vec![
            StreamMessage {
                from_client: true,
                content: Bytes::from_static(b"a"),
                timestamp: 1.5.into(),
            },
            StreamMessage {
                from_client: false,
                content: Bytes::new(),
                timestamp: 2.into(),
            },
        ],
    };
    let query = Dns {
        id: 7,
        query: true,
        recursion_desired: true,
        questions: vec![Question {
            name: "dns.google".into(),
            type_: 1,
            class: 1,
        }],
        op_code: 0,
        authoritative_answer: false,
        truncation: false,
        recursion_available: true,
        reserved: 2,
        response_code: 3,
        answers: Vec::new(),
        authorities: Vec::new(),
        additionals: Vec::new(),
    };
    let answer = Dns {
        query: false,
        answers: vec![Record {
            name: "dns.google".into(),
            type_: 1,
            class: 1,
            ttl: 32,
            data: Bytes::from_static(&[8; 4]),
        }],
        ..query.clone()
    };
    let dns = DnsFlow {
        info: info(),
        request: query,
        request_timestamp: 1.0.into(),
        response: Some(answer),
        response_timestamp: Some(2.0.into()),
    };
    vec![
        Flow::Http(Box::new(http)),
        Flow::Tcp(stream.clone()),
        Flow::Udp(stream),
        Flow::Dns(Box::new(dns)),
    ]
}

#[test]
fn the_sample_is_written_to_the_byte() {
    let flow = sample();
    assert_eq!(String::from_utf8(encode(&flow).unwrap()).unwrap(), SAMPLE);
    let http = flow.as_http().unwrap();
    assert_eq!(http.request.url(), "http://address:22/path");
    assert_eq!(
        http.response
            .as_ref()
            .unwrap()
            .fields
            .get("header-response"),
        Some(&b"svalue"[..])
    );
}

#[test]
fn flows_of_every_kind_read_back() {
    let flows = all_kinds();
    let mut writer = Writer::new(Vec::new());
    let mut sum = 0;
    for flow in &flows {
        sum += writer.add(flow).unwrap();
    }
    let bytes = writer.into_inner();
    assert_eq!(sum, bytes.len() as u64);
    let back: Vec<Flow> = read(&bytes).into_iter().map(Result::unwrap).collect();
    for (back, mut flow) in back.into_iter().zip(flows) {
        // Files do not say that a flow is live.
        flow.info_mut().live = false;
        assert_eq!(back, flow);
    }
}

#[test]
fn key_order_and_repeated_keys_do_not_matter() {
    let Value::Dict(mut pairs) = Value::parse(SAMPLE.as_bytes()).unwrap().0 else {
        panic!("not a dict");
    };
    pairs.reverse();
    pairs.push(("comment".into(), "wrong".into()));
    let mut bytes = Vec::new();
    Value::Dict(pairs).write(&mut bytes);
    let comment = read_one(&bytes).info().comment.clone();
    // What was inserted last is written first, so the other one is the last in the bytes.
    assert_eq!(comment, "");
}

#[test]
fn connections_without_addresses_get_what_the_original_wants() {
    let flow = Flow::Tcp(MessageFlow {
        info: FlowInfo::new(Arc::default(), Arc::default()),
        messages: Vec::new(),
    });
    let back = read_one(&encode(&flow).unwrap());
    let client = &back.info().client_conn;
    assert_eq!(client.peername, Some(Address::new("", 0)));
    assert_eq!(client.timestamp_start, Some(0.0));
    assert_eq!(client.proxy_mode, "regular");
    assert_eq!(back.info().server_conn.peername, None);
}

#[test]
fn a_cut_file_gives_every_whole_record() {
    let mut bytes = SAMPLE.as_bytes().to_vec();
    let first = bytes.len();
    bytes.extend_from_slice(&encode(&all_kinds()[1]).unwrap());
    let second = bytes.len();
    bytes.extend_from_slice(SAMPLE.as_bytes());
    for end in 0..bytes.len() {
        let got = read(&bytes[..end]);
        let whole = [first, second].iter().filter(|at| **at <= end).count();
        let start = [0, first, second][whole];
        assert_eq!(
            got.iter().filter(|r| r.is_ok()).count(),
            whole,
            "cut at {end}"
        );
        match got.last() {
            Some(Err(error)) => {
                assert!(error.is_incomplete(), "cut at {end}");
                assert_eq!(error.offset, start as u64);
                assert_eq!(error.to_string(), "Invalid data format.");
                assert_eq!(error.detail(), format!("incomplete record at byte {start}"));
            }
            _ => assert_eq!(end, start),
        }
    }
}

#[test]
fn broken_files_are_told_apart() {
    let version = |text: &str| SAMPLE.replacen("7:version;2:21#}", text, 1);
    let with_len = |text: String| {
        let body = &text[text.find(':').unwrap() + 1..text.len() - 1];
        format!("{}:{body}}}", body.len())
    };
    let program = format!("midwire {}", env!("CARGO_PKG_VERSION"));
    for (bytes, text) in [
        (
            "this is no flow file".into(),
            "Invalid data format.".to_owned(),
        ),
        ("0:~".into(), "Invalid flow: loaded=None".to_owned()),
        ("4:9:x,]".into(), "Invalid data format.".to_owned()),
        ("4:1:x,]".into(), "Invalid flow: loaded=[b'x']".to_owned()),
        ("0:}".into(), "Invalid data format.".to_owned()),
        (
            with_len(version("7:version;2:22#}")),
            format!(
                "{program} cannot read files with flow format version 22, please update midwire."
            ),
        ),
        (
            with_len(version("7:version;12:1:9#1:9#1:1#]}")),
            format!("{program} cannot read files with flow format version (9, 9)."),
        ),
        (
            SAMPLE.replacen("4:type;4:http;", "4:type;4:nope;", 1),
            "Unknown flow type: nope".to_owned(),
        ),
        (
            SAMPLE.replacen("7:comment;", "7:komment;", 1),
            "Invalid flow: comment is missing".to_owned(),
        ),
        (
            SAMPLE.replacen("4:port;2:22#4:host", "4:port;2:-1#4:host", 1),
            "Invalid flow: bad value of port".to_owned(),
        ),
    ] {
        let bytes: String = bytes;
        assert_eq!(error_of(bytes.as_bytes()).to_string(), text, "{bytes}");
    }
    let error = error_of(with_len(version("7:version;2:22#}")).as_bytes());
    assert_eq!(
        error.kind.text_as("mitmproxy", "12.2.3"),
        "mitmproxy 12.2.3 cannot read files with flow format version 22, please update mitmproxy."
    );
}

#[test]
fn a_length_is_not_believed() {
    assert!(error_of(b"4294967296:x").is_incomplete());
    assert!(matches!(
        error_of(b"4294967297:x").kind,
        ReadErrorKind::Malformed(_)
    ));
    let mut record = SAMPLE.replacen("8:metadata;0:}", "8:metadata;17:1:a;99999999:0:~}}", 1);
    record = record.replacen("1616:", &format!("{}:", record.len() - 6), 1);
    assert!(matches!(
        error_of(record.as_bytes()).kind,
        ReadErrorKind::Malformed(_)
    ));
}

#[test]
fn spilled_content_is_written_from_its_file() {
    let content: Vec<u8> = (0..300_000_u32).map(|n| n as u8).collect();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&content).unwrap();
    let Flow::Http(mut http) = sample() else {
        panic!("not an HTTP flow");
    };
    http.request.content = Content::Spilled(Arc::new(Spill::new(file, content.len() as u64)));
    let response: &mut Response = http.response.as_mut().unwrap();
    response.content = Content::Passed { size: 9 };
    let bytes = encode(&Flow::Http(http.clone())).unwrap();
    let Flow::Http(back) = read_one(&bytes) else {
        panic!("not an HTTP flow");
    };
    let request: &Request = &back.request;
    assert_eq!(request.content, Content::Memory(content.into()));
    assert_eq!(back.response.unwrap().content, Content::Missing);
}

/// Takes one write, then no more.
struct Once(Vec<Vec<u8>>);

impl Write for Once {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_record_is_one_write() {
    let mut writer = Writer::new(Once(Vec::new()));
    writer.add(&sample()).unwrap();
    assert_eq!(writer.into_inner().0, [SAMPLE.as_bytes()]);
}

#[test]
fn appending_cuts_an_incomplete_record_off() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("flows");
    let spec = |mode| Spec {
        path: path.clone(),
        mode,
    };
    let mut file = FlowFile::open(&spec(Mode::Append)).unwrap();
    file.add(&sample()).unwrap();
    drop(file);
    let whole = SAMPLE.len();
    for part in [1, 4, 5, 6, 100, whole - 1] {
        std::fs::write(
            &path,
            [SAMPLE.as_bytes(), &SAMPLE.as_bytes()[..part]].concat(),
        )
        .unwrap();
        let mut file = FlowFile::open(&spec(Mode::Append)).unwrap();
        assert_eq!(file.cut(), part as u64);
        file.add(&sample()).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), SAMPLE.repeat(2));
    }
    for other in ["{\"log\": {}}", "12:30 is a time", "9999:xyz", "3:abc,"] {
        std::fs::write(&path, other).unwrap();
        assert!(FlowFile::open(&spec(Mode::Append)).is_err(), "{other}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), other);
    }
    let mut file = FlowFile::open(&spec(Mode::Replace)).unwrap();
    file.add(&sample()).unwrap();
    file.sync().unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), SAMPLE);
}

#[test]
fn a_record_that_fails_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("flows");
    let mut file = FlowFile::open(&Spec::parse(path.to_str().unwrap())).unwrap();
    file.add(&sample()).unwrap();
    let Flow::Http(mut http) = sample() else {
        panic!("not an HTTP flow");
    };
    // The temporary file is shorter than it should be, so writing fails in the middle.
    let spill = Spill::new(tempfile::tempfile().unwrap(), 10);
    http.request.content = Content::Spilled(Arc::new(spill));
    assert!(file.add(&Flow::Http(http)).is_err());
    file.add(&sample()).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), SAMPLE.repeat(2));
}

#[test]
fn specifications_say_whether_to_append() {
    assert_eq!(Spec::parse("+a").mode, Mode::Append);
    assert_eq!(Spec::parse("a").path.to_str(), Some("a"));
}

#[test]
fn the_kind_of_a_file_is_told_from_its_start() {
    for start in ["{", "\u{feff}{"] {
        let error = open_flows(Cursor::new(start)).next().unwrap().unwrap_err();
        assert_eq!(
            error.to_string(),
            "Unable to read HAR file. Please provide a valid HAR file"
        );
    }
    assert_eq!(open_flows(Cursor::new("")).count(), 0);
    assert!(open_flows(Cursor::new(SAMPLE)).next().unwrap().is_ok());
    let error = open_flows(Cursor::new("\u{feff}1"))
        .next()
        .unwrap()
        .unwrap_err();
    assert_eq!(error.to_string(), "Invalid data format.");
}

#[test]
fn a_stream_in_small_pieces_reads_the_same() {
    struct Slow(Cursor<&'static [u8]>);
    impl Read for Slow {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            let end = buf.len().min(1);
            self.0.read(&mut buf[..end])
        }
    }
    let mut slow = Slow(Cursor::new(SAMPLE.as_bytes()));
    slow.0.seek(SeekFrom::Start(0)).unwrap();
    assert_eq!(open_flows(slow).next().unwrap().unwrap(), sample());
}

proptest! {
    #[test]
    fn any_bytes_are_harmless(bytes in any::<Vec<u8>>()) {
        open_flows(&bytes[..]).for_each(drop);
    }

    #[test]
    fn damaged_records_are_harmless(at in 0..SAMPLE.len(), byte in any::<u8>()) {
        let mut bytes = SAMPLE.as_bytes().to_vec();
        bytes[at] = byte;
        open_flows(&bytes[..]).for_each(drop);
    }
}
