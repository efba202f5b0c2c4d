use super::*;

const NAME: &[u8] = b"\x03dns\x06google\0";

fn record_bytes(kind: u16, data: &[u8]) -> Vec<u8> {
    let head = [
        NAME,
        &kind.to_be_bytes(),
        b"\0\x01\0\0\0\x20",
        &(data.len() as u16).to_be_bytes(),
    ]
    .concat();
    [head, data.to_vec()].concat()
}

fn response() -> Vec<u8> {
    let answers = [
        record_bytes(1, b"\x08\x08\x08\x08"),
        record_bytes(28, &(0..16).collect::<Vec<_>>()),
        record_bytes(5, b"\x01a\x01b\0"),
        record_bytes(15, b"\0\x0a\x02mx\x01x\0"),
        record_bytes(16, b"\x03abc\x02d\xff"),
        record_bytes(65, b"\0\x01\0\0\x01\0\x03\x02h2"),
        record_bytes(999, b"\x01\x02"),
    ];
    let head = b"\0\x2a\x81\x80\0\x01\0\x07\0\0\0\0";
    [head, NAME, b"\0\x01\0\x01", &answers.concat()].concat()
}

const TEXT: &str = "\
id: 42
query: false
op_code: QUERY
authoritative_answer: false
truncation: false
recursion_desired: true
recursion_available: true
response_code: NOERROR
questions:
- name: dns.google
  type: A
  class: IN
answers:
- name: dns.google
  type: A
  class: IN
  ttl: 32
  data: 8.8.8.8
- name: dns.google
  type: AAAA
  class: IN
  ttl: 32
  data: 1:203:405:607:809:a0b:c0d:e0f
- name: dns.google
  type: CNAME
  class: IN
  ttl: 32
  data: a.b
- name: dns.google
  type: MX
  class: IN
  ttl: 32
  data: '0x000a026d78017800'
- name: dns.google
  type: TXT
  class: IN
  ttl: 32
  data: 0x036162630264ff (invalid TXT data)
- name: dns.google
  type: HTTPS
  class: IN
  ttl: 32
  data:
    target_name: ''
    priority: 1
    alpn: \\x02h2
- name: dns.google
  type: TYPE(999)
  class: IN
  ttl: 32
  data: '0x0102'
authorities: []
additionals: []
size: 52
";

#[test]
fn messages_become_yaml_and_back() {
    let meta = Metadata {
        message: MessageKind::Dns,
        ..Metadata::default()
    };
    assert_eq!(Dns.prettify(&response(), &meta).unwrap(), TEXT);
    assert_eq!(Dns.reencode(TEXT, &meta).unwrap(), response());
}

#[test]
fn a_length_stands_before_messages_over_tcp() {
    let meta = Metadata {
        message: MessageKind::Tcp,
        ..Metadata::default()
    };
    let one = [&(response().len() as u16).to_be_bytes()[..], &response()].concat();
    let two = [one.clone(), one].concat();
    let text = format!("{TEXT}---\n{TEXT}");
    assert_eq!(Dns.prettify(&two, &meta).unwrap(), text);
    assert_eq!(Dns.reencode(&text, &meta).unwrap(), two);
    assert!(Dns.prettify(&response(), &meta).is_err());
}

#[test]
fn bad_messages_and_texts_are_refused() {
    let meta = Metadata {
        message: MessageKind::Udp,
        server_port: Some(53),
        ..Metadata::default()
    };
    assert_eq!(Dns.render_priority(b"", &meta), 1.0);
    for data in [&b""[..], b"\0\x01", &[response(), b"x".to_vec()].concat()] {
        assert!(Dns.prettify(data, &meta).is_err(), "{data:?}");
    }
    for (from, to) in [
        ("id: 42", "id: 70000"),
        ("A\n", "ZZ\n"),
        ("8.8.8.8", "8.8.8"),
        ("false", "no"),
        ("answers:", "answers: x #"),
    ] {
        assert!(
            Dns.reencode(&TEXT.replacen(from, to, 1), &meta).is_err(),
            "{from}"
        );
    }
    assert!(Dns.reencode("a", &meta).is_err());
}
