use std::sync::Arc;

use midwire_core::hooks::{Addon, Hook};
use midwire_core::log::LogStream;
use midwire_core::options::{OptionStore, Tool, Value as OptionValue};
use midwire_core::{Kernel, Link};
use midwire_flow::{ClientConn, Content, FlowInfo, HttpFlow, Number, Request, ServerConn};
use midwire_wire::Fields;

use super::htpasswd::Htpasswd;
use super::validator::{Validator, same};
use super::*;

fn kernel(spec: &str) -> Result<Arc<Kernel>, String> {
    let options = OptionStore::new(Tool::Dump);
    options
        .update([("proxyauth", OptionValue::Str(spec.to_owned()))])
        .unwrap();
    let kernel = Arc::new(Kernel::new(options, LogStream::default()));
    kernel.set_addons(vec![Link::Async(Arc::new(ProxyAuth::default()))])?;
    Ok(kernel)
}

fn client(mode: &str) -> Arc<ClientConn> {
    Arc::new(ClientConn {
        proxy_mode: mode.to_owned(),
        ..ClientConn::default()
    })
}

fn flow(client: &Arc<ClientConn>, field: &str, pair: Option<&str>) -> HttpFlow {
    let mut fields = Fields::new();
    if let Some(pair) = pair {
        fields.append(field.to_owned(), encode(pair));
    }
    HttpFlow {
        info: FlowInfo::new(Arc::clone(client), Arc::new(ServerConn::default())),
        request: Request {
            host: "h".to_owned(),
            port: 80,
            method: "GET".into(),
            scheme: "http".into(),
            authority: Bytes::new(),
            path: "/".into(),
            version: "HTTP/1.1".into(),
            fields,
            content: Content::Missing,
            trailers: None,
            timestamp_start: Number::now(),
            timestamp_end: None,
        },
        response: None,
        websocket: None,
    }
}

const PROXY: &str = "Proxy-Authorization";

#[tokio::test]
async fn explicit_proxies_ask_with_407_others_with_401() {
    let kernel = kernel("bob:secret").unwrap();
    let cases = [
        ("regular", PROXY, 407, "proxy-authenticate"),
        ("upstream:p:1", PROXY, 407, "proxy-authenticate"),
        ("reverse:h", "Authorization", 401, "www-authenticate"),
        ("transparent", "Authorization", 401, "www-authenticate"),
    ];
    for (mode, field, status, challenge) in cases {
        for pair in [None, Some("bob:wrong"), Some("eve:secret")] {
            let mut flow = flow(&client(mode), field, pair);
            kernel.requestheaders(&mut flow).await;
            let response = flow.response.unwrap();
            assert_eq!(response.status, status, "{mode} {pair:?}");
            assert_eq!(
                response.fields.get(challenge).unwrap(),
                b"Basic realm=\"mitmproxy\""
            );
        }
        let mut flow = flow(&client(mode), field, Some("bob:secret"));
        kernel.requestheaders(&mut flow).await;
        assert!(flow.response.is_none(), "{mode}");
        assert!(!flow.request.fields.contains(field), "{mode}");
        let pair = vec![Value::Text("bob".into()), Value::Text("secret".into())];
        assert_eq!(flow.info.meta("proxyauth"), Some(&Value::List(pair)));
    }
}

#[tokio::test]
async fn connect_logs_the_whole_connection_in() {
    let kernel = kernel("bob:secret").unwrap();
    let client = client("regular");
    let mut connect = flow(&client, PROXY, Some("bob:secret"));
    kernel.http_connect(&mut connect).await;
    assert!(connect.response.is_none());
    let mut inner = flow(&client, PROXY, None);
    kernel.requestheaders(&mut inner).await;
    assert!(inner.response.is_none() && inner.info.meta("proxyauth").is_some());
    let mut gone = (*client).clone();
    kernel.client_disconnected(&mut gone).await;
    let mut later = flow(&client, PROXY, None);
    kernel.requestheaders(&mut later).await;
    assert_eq!(later.response.unwrap().status, 407);
}

#[tokio::test]
async fn a_single_request_logs_nobody_else_in() {
    let kernel = kernel("any").unwrap();
    let client = client("regular");
    let mut first = flow(&client, PROXY, Some("x:y"));
    kernel.requestheaders(&mut first).await;
    assert!(first.response.is_none());
    let mut second = flow(&client, PROXY, None);
    kernel.requestheaders(&mut second).await;
    assert!(second.response.is_some());
}

#[tokio::test]
async fn replayed_requests_are_let_through() {
    let kernel = kernel("bob:secret").unwrap();
    let mut flow = flow(&client("regular"), PROXY, None);
    flow.info.is_replay = Some(midwire_flow::Replay::Request);
    kernel.requestheaders(&mut flow).await;
    assert!(flow.response.is_none());
}

#[tokio::test]
async fn socks_logins() {
    let kernel = kernel("bob:secret").unwrap();
    let client = client("socks5");
    for (password, valid) in [("wrong", false), ("secret", true)] {
        let mut data = midwire_core::hooks::Socks5AuthData {
            client: Arc::clone(&client),
            username: "bob".to_owned(),
            password: password.to_owned(),
            valid: false,
        };
        kernel.socks5_auth(&mut data).await;
        assert_eq!(data.valid, valid);
    }
    let mut inner = flow(&client, PROXY, None);
    kernel.requestheaders(&mut inner).await;
    assert!(inner.response.is_none());
}

#[test]
fn bad_specifications() {
    let check = |spec: &str, expected: &str| {
        let error = Validator::parse(spec, &Options::default())
            .unwrap_err()
            .to_string();
        assert_eq!(error, expected, "{spec}");
    };
    check("a:b:c", "Invalid single-user auth specification.");
    check("nothing", "Invalid proxyauth specification.");
    check(
        "@/does/not/exist",
        "Could not open htpasswd file: /does/not/exist",
    );
    #[cfg(feature = "ldap")]
    check(
        "ldap:localhost:cn=x",
        "Invalid LDAP specification: ldap:localhost:cn=x",
    );
    #[cfg(not(feature = "ldap"))]
    check(
        "ldap:localhost:cn=x:pw:dc=y",
        "proxyauth with LDAP is not part of this build: use any, user:pass or @htpasswd",
    );
    assert!(kernel("nothing").is_err());
}

#[cfg(feature = "ldap")]
#[tokio::test]
async fn a_directory_that_cannot_be_asked_is_answered_with_407() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let kernel = kernel(&format!("ldap:127.0.0.1:{port}:cn=x:pw:o=x")).unwrap();
    let mut flow = flow(&client("regular"), PROXY, Some("bob:secret"));
    kernel.requestheaders(&mut flow).await;
    assert_eq!(flow.response.unwrap().status, 407);
}

// Made by OpenSSL for the password "secret".
const FILE: &str = "\
# users

sha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
apache:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/
";

#[tokio::test]
async fn password_files() {
    let text = format!("{FILE}bcrypt:{}\n", bcrypt::hash("secret", 4).unwrap());
    let file = Htpasswd::parse(&text).unwrap();
    for user in ["sha", "apache", "bcrypt", "nobody"] {
        for password in ["secret", "wrong", "secret"] {
            let given = Credentials {
                user: user.to_owned(),
                password: password.to_owned(),
            };
            let expected = user != "nobody" && password == "secret";
            assert_eq!(file.accepts(&given).await, expected, "{user} {password}");
        }
    }
}

#[test]
fn bad_password_files() {
    let check = |text: &str, expected: &str| {
        let error = Htpasswd::parse(text).unwrap_err().to_string();
        assert_eq!(error, expected, "{text}");
    };
    check(
        "# x\nnocolon",
        "Invalid htpasswd entry in line 2: there is no colon",
    );
    check(
        "u:plain",
        "Unsupported htpasswd entry for user \"u\": only bcrypt, {SHA} and $apr1$ are",
    );
}

#[test]
fn secrets_are_compared_as_a_whole() {
    assert!(same("abc", "abc") && same("", ""));
    assert!(!same("abc", "abd") && !same("abc", "ab") && !same("", "a"));
}

#[test]
fn without_the_option_nothing_is_asked() {
    let options = OptionStore::new(Tool::Dump).load();
    let interest = ProxyAuth::default().interest(&options);
    assert!(!interest.contains(Hook::Requestheaders));
}
