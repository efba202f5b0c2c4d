use std::sync::Arc;

use bytes::Bytes;
use midwire_flow::{Address, Flow, MessageFlow};
use tokio::net::TcpListener;

use super::*;
use crate::live::Receiver;
use crate::testing::{Watcher, pipe, session};

fn opened(io: Io) -> Server {
    let target = Target {
        address: Address::new("localhost", 7),
        tls: false,
        sni: None,
        via: None,
    };
    Server::of(Opened {
        target,
        server: ServerConn::default(),
        io,
        shared: None,
        spent: std::time::Duration::ZERO,
    })
}

fn recorded(watcher: &Watcher) -> MessageFlow {
    match watcher.last() {
        Flow::Tcp(flow) => flow,
        other => panic!("{other:?}"),
    }
}

fn said(flow: &MessageFlow) -> Vec<(bool, &[u8])> {
    flow.messages
        .iter()
        .map(|message| (message.from_client, &message.content[..]))
        .collect()
}

#[tokio::test]
async fn half_close_is_kept_and_ends_come_after_both() {
    let watcher = Arc::new(Watcher::default());
    let session = session(Some(watcher.clone()), &[]);
    let (client, mut client_far) = pipe();
    let (server, mut server_far) = pipe();
    let script = async {
        client_far.write_all(b"12345").await.unwrap();
        client_far.shutdown().await.unwrap();
        let mut got = Vec::new();
        server_far.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"12345");
        assert_eq!(watcher.hooks(), ["tcp_start", "tcp_message"]);
        server_far.write_all(b"5").await.unwrap();
        server_far.shutdown().await.unwrap();
        let mut got = Vec::new();
        client_far.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"5");
    };
    tokio::join!(conversation(&session, client, opened(server)), script);
    assert_eq!(
        watcher.hooks(),
        ["tcp_start", "tcp_message", "tcp_message", "tcp_end"]
    );
    assert_eq!(
        said(&recorded(&watcher)),
        [(true, &b"12345"[..]), (false, b"5")]
    );
    assert!(!recorded(&watcher).info.live);
}

#[tokio::test]
async fn both_directions_go_on_when_each_peer_only_writes_first() {
    let session = session(None, &[]);
    let (client, client_far) = pipe();
    let (server, server_far) = pipe();
    let blob = vec![b'x'; 100_000];
    // Each writes more than any buffer holds before the other side is read at all.
    let exchange = async |mut io: Io| {
        let (mut reader, mut writer) = tokio::io::split(&mut io);
        let write = async {
            writer.write_all(&blob).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        let mut got = Vec::new();
        let ((), read) = tokio::join!(write, reader.read_to_end(&mut got));
        assert_eq!(read.unwrap(), blob.len());
    };
    tokio::join!(
        conversation(&session, client, opened(server)),
        exchange(client_far),
        exchange(server_far)
    );
}

#[tokio::test]
async fn edits_empty_messages_and_injections() {
    let watcher = Arc::new(Watcher {
        edit_raw: Some(Box::new(|flow| {
            let last = flow.messages.last_mut().unwrap();
            match &last.content[..] {
                b"foo" => last.content = Bytes::from_static(b"quux"),
                b"nothing" => last.content = Bytes::new(),
                _ => {}
            }
        })),
        ..Watcher::default()
    });
    let session = session(Some(watcher.clone()), &[]);
    let (client, mut client_far) = pipe();
    let (server, mut server_far) = pipe();
    let script = async {
        let mut got = [0; 4];
        client_far.write_all(b"foo").await.unwrap();
        server_far.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"quux");
        server_far.write_all(b"nothing").await.unwrap();
        while watcher.hooks().len() < 3 {
            tokio::task::yield_now().await;
        }
        let injected = Injected {
            to: Receiver::Client,
            content: Bytes::from_static(b"hey!"),
            is_text: true,
        };
        let id = recorded(&watcher).info.id;
        session
            .engine
            .live
            .inject(&id, &[Kind::Tcp], injected)
            .unwrap();
        client_far.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"hey!");
        drop((client_far, server_far));
    };
    tokio::join!(conversation(&session, client, opened(server)), script);
    assert_eq!(
        said(&recorded(&watcher)),
        [(true, &b"quux"[..]), (false, b""), (false, b"hey!")]
    );
}

#[tokio::test]
async fn without_a_server_the_flow_ends_with_an_error() {
    let watcher = Arc::new(Watcher::default());
    let session = session(Some(watcher.clone()), &[]);
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::from(closed.local_addr().unwrap());
    drop(closed);
    let (client, mut client_far) = pipe();
    let target = Target {
        address: address.clone(),
        tls: false,
        sni: None,
        via: None,
    };
    conversation(
        &session,
        client,
        Server {
            target,
            opened: None,
        },
    )
    .await;
    assert_eq!(watcher.hooks(), ["tcp_start", "tcp_error"]);
    let error = recorded(&watcher).info.error.unwrap().msg;
    assert_eq!(error, format!("connection refused: {address}"));
    assert_eq!(
        client_far.read_u8().await.unwrap_err().kind(),
        std::io::ErrorKind::UnexpectedEof
    );
}

#[tokio::test]
async fn a_killed_conversation_is_cut() {
    let watcher = Arc::new(Watcher {
        edit_raw: Some(Box::new(|flow| {
            flow.info.error = Some(FlowError::new(FlowError::KILLED));
        })),
        ..Watcher::default()
    });
    let session = session(Some(watcher.clone()), &[]);
    let (client, mut client_far) = pipe();
    let (server, mut server_far) = pipe();
    let script = async {
        client_far.write_all(b"x").await.unwrap();
        let mut got = Vec::new();
        server_far.read_to_end(&mut got).await.unwrap();
        assert!(got.is_empty());
    };
    tokio::join!(conversation(&session, client, opened(server)), script);
    assert_eq!(watcher.hooks(), ["tcp_start", "tcp_message", "tcp_error"]);
}

#[tokio::test]
async fn silence_ends_a_conversation() {
    let watcher = Arc::new(Watcher::default());
    let session = session(Some(watcher.clone()), &["tcp_timeout=1"]);
    let (client, _client_far) = pipe();
    let (server, _server_far) = pipe();
    conversation(&session, client, opened(server)).await;
    assert_eq!(watcher.hooks(), ["tcp_start", "tcp_error"]);
    assert_eq!(
        recorded(&watcher).info.error.unwrap().msg,
        "no traffic for 1 s"
    );
}
