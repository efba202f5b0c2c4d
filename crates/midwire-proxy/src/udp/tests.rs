use std::sync::Arc;

use bytes::Bytes;
use midwire_flow::Flow;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::live::Receiver;
use crate::mode::ModeSpec;
use crate::testing::{Watcher, session};

async fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").await.unwrap()
}

#[tokio::test]
async fn datagrams_of_each_client_are_a_conversation() {
    let watcher = Arc::new(Watcher {
        edit_raw: Some(Box::new(|flow| {
            let last = flow.messages.last_mut().unwrap();
            if last.content.starts_with(b"drop") {
                last.content = Bytes::new();
            }
        })),
        ..Watcher::default()
    });
    let session = session(Some(watcher.clone()), &[]);
    let server = socket().await;
    let to = server.local_addr().unwrap();
    let mode = Arc::new(ModeSpec::parse(&format!("reverse:udp://{to}")).unwrap());
    let ours = socket().await;
    let address = ours.local_addr().unwrap();
    let stop = CancellationToken::new();
    let engine = Arc::clone(&session.engine);
    let script = async {
        let mut buf = [0; 100];
        let mut origins = Vec::new();
        for name in ["one", "two"] {
            let client = socket().await;
            client.connect(address).await.unwrap();
            client.send(b"drop me").await.unwrap();
            client.send(name.as_bytes()).await.unwrap();
            let (n, origin) = server.recv_from(&mut buf).await.unwrap();
            assert_eq!(&buf[..n], name.as_bytes());
            origins.push(origin);
            server.send_to(b"answer", origin).await.unwrap();
            let n = client.recv(&mut buf).await.unwrap();
            assert_eq!(&buf[..n], b"answer");
            let injected = Injected {
                to: Receiver::Server,
                content: Bytes::from_static(b"extra"),
                is_text: false,
            };
            let id = watcher.last().info().id.clone();
            session
                .engine
                .live
                .inject(&id, &[Kind::Udp], injected)
                .unwrap();
            let (n, _) = server.recv_from(&mut buf).await.unwrap();
            assert_eq!(&buf[..n], b"extra");
        }
        assert_ne!(origins[0], origins[1]);
        stop.cancel();
    };
    tokio::join!(serve(engine, mode, ours, stop.clone()), script);
    session.engine.drained().await;
    let Flow::Udp(flow) = watcher.last() else {
        panic!();
    };
    assert_eq!(flow.messages.len(), 4);
    let hooks = watcher.hooks();
    let count = |name: &str| hooks.iter().filter(|hook| **hook == name).count();
    assert_eq!((count("udp_start"), count("udp_message")), (2, 8));
    assert_eq!((count("udp_end"), count("udp_error")), (2, 0));
}

#[tokio::test]
async fn a_server_that_may_not_be_sent_to_is_an_error() {
    let watcher = Arc::new(Watcher::default());
    let session = session(Some(watcher.clone()), &[]);
    let mode = Arc::new(ModeSpec::parse("reverse:udp://255.255.255.255:9").unwrap());
    let ours = socket().await;
    let address = ours.local_addr().unwrap();
    let stop = CancellationToken::new();
    let engine = Arc::clone(&session.engine);
    let script = async {
        let client = socket().await;
        client.send_to(b"x", address).await.unwrap();
        while watcher.hooks().len() < 2 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    tokio::join!(serve(engine, mode, ours, stop.clone()), script);
    session.engine.drained().await;
    assert_eq!(watcher.hooks(), ["udp_start", "udp_error"]);
    let error = watcher.last().info().error.clone().unwrap().msg;
    assert!(
        error.starts_with("cannot connect to 255.255.255.255:9: "),
        "{error}"
    );
}

#[tokio::test]
async fn ignored_hosts_are_passed_on_without_a_flow() {
    let watcher = Arc::new(Watcher::default());
    let session = session(Some(watcher.clone()), &["ignore_hosts=127.0.0.1"]);
    let server = socket().await;
    let to = server.local_addr().unwrap();
    let mode = Arc::new(ModeSpec::parse(&format!("reverse:udp://{to}")).unwrap());
    let ours = socket().await;
    let address = ours.local_addr().unwrap();
    let stop = CancellationToken::new();
    let engine = Arc::clone(&session.engine);
    let script = async {
        let mut buf = [0; 100];
        let client = socket().await;
        client.send_to(b"there", address).await.unwrap();
        let (n, origin) = server.recv_from(&mut buf).await.unwrap();
        assert_eq!(&buf[..n], b"there");
        server.send_to(b"back", origin).await.unwrap();
        let n = client.recv(&mut buf).await.unwrap();
        assert_eq!(&buf[..n], b"back");
        stop.cancel();
    };
    tokio::join!(serve(engine, mode, ours, stop.clone()), script);
    session.engine.drained().await;
    assert!(watcher.hooks().is_empty());
}
