use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use midwire_flow::{Content, Flow, FlowInfo, Request, Response, WebSocketData};
use midwire_wire::Fields;
use midwire_wire::websocket::{
    Close, DeflateParameters, FrameHeader, Item, Limits, Message, MessageKind, MessageReader,
    MessageWriter, Opcode, Role, Sender, Takeover, encode_frame,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::live::Receiver;
use crate::testing::{Watcher, pipe, session};

const PLAIN: &str = "";
const KEPT: &str = "permessage-deflate";
const NOT_KEPT: &str = "permessage-deflate; client_no_context_takeover; server_no_context_takeover";

/// One peer of the conversation, played by the test.
struct Player {
    io: Io,
    input: BytesMut,
    reader: MessageReader,
    writer: MessageWriter,
}

impl Player {
    fn new(io: Io, role: Role, deflate: Option<DeflateParameters>) -> Self {
        let other = match role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        Self {
            io,
            input: BytesMut::new(),
            reader: MessageReader::new(other, deflate, Limits::default()),
            writer: MessageWriter::new(role, deflate),
        }
    }

    async fn send(&mut self, item: &Item) {
        let mut out = BytesMut::new();
        self.writer
            .write(&mut out, item, &mut || [1, 2, 3, 4])
            .unwrap();
        self.io.write_all(&out).await.unwrap();
    }

    async fn raw(&mut self, opcode: Opcode, fin: bool, payload: &[u8]) {
        let mut out = BytesMut::new();
        let header = FrameHeader {
            fin,
            rsv1: false,
            opcode,
            mask: Some([5, 6, 7, 8]),
            length: 0,
        };
        encode_frame(&mut out, header, payload);
        self.io.write_all(&out).await.unwrap();
    }

    /// The next item; `None` at the end of the connection.
    async fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.reader.read(&mut self.input).unwrap() {
                return Some(item);
            }
            if self.io.read_buf(&mut self.input).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    async fn next_message(&mut self) -> Message {
        match self.next().await {
            Some(Item::Message(message)) => message,
            other => panic!("{other:?}"),
        }
    }
}

fn text(content: impl Into<Bytes>, fragments: &[usize], compressed: bool) -> Item {
    Item::Message(Message {
        kind: MessageKind::Text,
        content: content.into(),
        fragments: fragments.to_vec(),
        compressed,
    })
}

fn close(code: u16, reason: &str) -> Item {
    Item::Close(Close {
        code: Some(code),
        reason: reason.to_owned(),
    })
}

fn upgraded(session: &Session, extensions: &str) -> HttpFlow {
    let mut request = Fields::from_pairs([("Sec-WebSocket-Version", "13")]);
    let mut response = Fields::from_pairs([("Upgrade", "WebSocket")]);
    if !extensions.is_empty() {
        request.append("Sec-WebSocket-Extensions", "permessage-deflate");
        response.append("Sec-WebSocket-Extensions", extensions.to_owned());
    }
    HttpFlow {
        info: FlowInfo::new(Arc::clone(&session.client), Arc::default()),
        request: Request {
            host: "localhost".to_owned(),
            port: 80,
            method: Bytes::from_static(b"GET"),
            scheme: Bytes::from_static(b"http"),
            authority: Bytes::new(),
            path: Bytes::from_static(b"/"),
            version: Bytes::from_static(b"HTTP/1.1"),
            fields: request,
            content: Content::default(),
            trailers: None,
            timestamp_start: Number::now(),
            timestamp_end: None,
        },
        response: Some(Response {
            version: Bytes::from_static(b"HTTP/1.1"),
            status: 101,
            reason: Bytes::new(),
            fields: response,
            content: Content::default(),
            trailers: None,
            timestamp_start: Number::now(),
            timestamp_end: None,
        }),
        websocket: Some(WebSocketData::default()),
    }
}

fn agreed_on(extensions: &str) -> Option<DeflateParameters> {
    let takeover = match extensions {
        PLAIN => return None,
        KEPT => Takeover::Kept,
        _ => Takeover::None,
    };
    let sender = Sender {
        takeover,
        window_bits: 15,
    };
    Some(DeflateParameters {
        client: sender,
        server: sender,
    })
}

/// Runs a conversation between two players.
async fn play<F>(
    session: &Session,
    extensions: &str,
    script: impl FnOnce(Player, Player, midwire_flow::Id) -> F,
) where
    F: Future<Output = ()>,
{
    let flow = upgraded(session, extensions);
    assert!(is_websocket(&flow, &session.options()));
    let (client, client_far) = pipe();
    let (server, server_far) = pipe();
    let deflate = agreed_on(extensions);
    let id = flow.info.id.clone();
    let script = script(
        Player::new(client_far, Role::Client, deflate),
        Player::new(server_far, Role::Server, deflate),
        id,
    );
    tokio::join!(converse(session, Duplex::new(client, server), flow), script);
}

fn websocket(watcher: &Watcher) -> WebSocketData {
    match watcher.last() {
        Flow::Http(flow) => flow.websocket.unwrap(),
        other => panic!("{other:?}"),
    }
}

fn editor() -> Arc<Watcher> {
    Arc::new(Watcher {
        edit_websocket: Some(Box::new(|flow| {
            let last = flow
                .websocket
                .as_mut()
                .unwrap()
                .messages
                .last_mut()
                .unwrap();
            let text = std::str::from_utf8(&last.content).unwrap();
            if text.ends_with("0 of them") {
                last.content = format!("edited: {text}").into();
            } else if text == "drop" {
                last.dropped = true;
            }
        })),
        ..Watcher::default()
    })
}

#[tokio::test]
async fn edited_compressed_messages_arrive_right() {
    for extensions in [PLAIN, KEPT, NOT_KEPT] {
        let watcher = editor();
        let session = session(Some(watcher.clone()), &[]);
        let compressed = extensions != PLAIN;
        play(&session, extensions, async |mut client, mut server, _| {
            let send = async {
                for n in 0..1000 {
                    let content = format!("a message, repeated a message, {n} of them");
                    client.send(&text(content, &[], compressed)).await;
                }
                client.send(&close(1000, "done")).await;
                assert_eq!(client.next().await, Some(close(1000, "done")));
                assert_eq!(client.next().await, None);
            };
            let receive = async {
                for n in 0..1000 {
                    let content = format!("a message, repeated a message, {n} of them");
                    let expected = match n % 10 {
                        0 => format!("edited: {content}"),
                        _ => content,
                    };
                    let got = server.next_message().await;
                    assert_eq!(got.content, expected.as_bytes());
                    assert_eq!(got.compressed, compressed);
                }
                assert_eq!(server.next().await, Some(close(1000, "done")));
                server.send(&close(1000, "done")).await;
            };
            tokio::join!(send, receive);
        })
        .await;
        let recorded = websocket(&watcher);
        assert_eq!(recorded.messages.len(), 1000);
        assert_eq!(recorded.close_code, Some(1000));
        assert_eq!(recorded.close_reason.as_deref(), Some("done"));
        assert_eq!(recorded.closed_by_client, Some(true));
        assert!(recorded.timestamp_end.is_some());
        let hooks = watcher.hooks();
        assert_eq!(hooks.first(), Some(&"websocket_start"));
        assert_eq!(hooks.last(), Some(&"websocket_end"));
        assert_eq!(hooks.len(), 1002);
    }
}

#[tokio::test]
async fn fragments_are_kept_unless_the_length_changes() {
    let session = session(Some(editor()), &[]);
    play(&session, KEPT, async |mut client, mut server, _| {
        client.send(&text("one two", &[3, 0, 4], true)).await;
        assert_eq!(server.next_message().await.fragments, [3, 0, 4]);
        let long = format!("{}0 of them", "x".repeat(4500));
        client.send(&text(long, &[4000, 509], true)).await;
        assert_eq!(server.next_message().await.fragments, [4000, 517]);
        // A dropped message leaves the next one readable.
        client.send(&text("drop", &[], true)).await;
        client.send(&Item::Ping(Bytes::from_static(b"?"))).await;
        assert_eq!(
            server.next().await,
            Some(Item::Ping(Bytes::from_static(b"?")))
        );
        server.send(&Item::Pong(Bytes::from_static(b"?"))).await;
        assert_eq!(
            client.next().await,
            Some(Item::Pong(Bytes::from_static(b"?")))
        );
        client.send(&text("drop it not", &[], true)).await;
        assert_eq!(server.next_message().await.content, "drop it not");
    })
    .await;
}

#[tokio::test]
async fn frames_pass_live_when_nobody_listens() {
    let session = session(None, &[]);
    play(&session, PLAIN, async |mut client, mut server, id| {
        client.raw(Opcode::Text, false, b"be").await;
        let mut got = [0; 8];
        server.io.read_exact(&mut got).await.unwrap();
        // The very bytes, mask included.
        assert_eq!(got, [0x01, 0x82, 5, 6, 7, 8, b'b' ^ 5, b'e' ^ 6]);
        // What is injected meanwhile waits for the end of the message.
        let injected = Injected {
            to: Receiver::Server,
            content: Bytes::from_static(b"injected"),
            is_text: true,
        };
        session
            .engine
            .live
            .inject(&id, &[Kind::WebSocket], injected)
            .unwrap();
        client.raw(Opcode::Ping, true, b"p").await;
        assert_eq!(
            server.next().await,
            Some(Item::Ping(Bytes::from_static(b"p")))
        );
        client.raw(Opcode::Continuation, true, b"gun").await;
        let mut got = [0; 9];
        server.io.read_exact(&mut got).await.unwrap();
        assert_eq!(server.next_message().await.content, "injected");
        server.send(&close(4001, "bye")).await;
        assert_eq!(client.next().await, Some(close(4001, "bye")));
        client.send(&close(4001, "")).await;
        assert_eq!(server.next().await, Some(close(4001, "")));
    })
    .await;
}

#[tokio::test]
async fn injected_messages_come_through_the_hook() {
    let watcher = Arc::new(Watcher::default());
    let session = session(Some(watcher.clone()), &[]);
    play(&session, NOT_KEPT, async |mut client, _server, id| {
        let injected = Injected {
            to: Receiver::Client,
            content: Bytes::from_static(b"hi"),
            is_text: false,
        };
        session
            .engine
            .live
            .inject(&id, &[Kind::WebSocket], injected)
            .unwrap();
        let got = client.next_message().await;
        assert_eq!(
            (got.kind, &got.content[..]),
            (MessageKind::Binary, &b"hi"[..])
        );
    })
    .await;
    let message = websocket(&watcher).messages[0].clone();
    assert!(message.injected && !message.from_client);
    assert_eq!(message.opcode, 2);
}

/// What a client's bytes lead to: the close code for both sides and in the flow.
async fn fault(addon: bool, settings: &[&str], bytes: &[u8], expected: u16) {
    let watcher = Arc::new(Watcher::default());
    let addon = addon.then(|| watcher.clone() as Arc<dyn midwire_core::hooks::Addon>);
    let is_watched = addon.is_some();
    let session = session(addon, settings);
    play(&session, PLAIN, async |mut client, mut server, _| {
        client.io.write_all(bytes).await.unwrap();
        for player in [&mut client, &mut server] {
            let code = loop {
                match player.next().await {
                    Some(Item::Close(close)) => break close.code,
                    Some(_) => {}
                    None => panic!("no close frame"),
                }
            };
            assert_eq!(code, Some(expected));
        }
    })
    .await;
    if is_watched {
        assert_eq!(websocket(&watcher).close_code, Some(i64::from(expected)));
        assert_eq!(websocket(&watcher).closed_by_client, Some(true));
    }
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    out.extend_from_slice(payload);
    out
}

#[tokio::test]
async fn faults_close_both_sides_with_their_code() {
    for watched in [true, false] {
        fault(watched, &[], b"\x81\x01x", 1002).await;
        fault(watched, &[], &frame(0xC1, b"x"), 1002).await;
        fault(watched, &[], &frame(0x80, b"x"), 1002).await;
        fault(watched, &[], &frame(0x88, b"\x03\xEE"), 1002).await;
    }
    fault(true, &[], &frame(0x81, b"\xFF"), 1007).await;
    let limit = ["websocket_message_limit=100"];
    fault(true, &limit, &frame(0x82, &[7; 101]), 1009).await;
    let pieces = [frame(0x02, &[7; 60]), frame(0x80, &[7; 60])].concat();
    fault(true, &limit, &pieces, 1009).await;
    let mut fragments = frame(0x02, b"");
    fragments.extend(frame(0x00, b"").repeat(16384));
    fault(true, &[], &fragments, 1009).await;
}

#[tokio::test]
async fn a_side_that_goes_away_without_a_word_is_an_abnormal_end() {
    let watcher = Arc::new(Watcher::default());
    let session = session(Some(watcher.clone()), &[]);
    play(&session, PLAIN, async |client, mut server, _| {
        server.send(&text("last words", &[], false)).await;
        drop(server);
        let mut client = client;
        assert_eq!(client.next_message().await.content, "last words");
        assert_eq!(client.next().await, None);
    })
    .await;
    let recorded = websocket(&watcher);
    assert_eq!(recorded.close_code, Some(1006));
    assert_eq!(recorded.close_reason, None);
    assert_eq!(recorded.closed_by_client, Some(false));
}

#[tokio::test]
async fn a_close_without_answer_is_answered_by_us() {
    let watcher = Arc::new(Watcher::default());
    let session = session(Some(watcher.clone()), &[]);
    play(&session, PLAIN, async |mut client, mut server, _| {
        client.send(&Item::Close(Close::default())).await;
        assert_eq!(server.next().await, Some(Item::Close(Close::default())));
        drop(server);
        assert_eq!(client.next().await, Some(Item::Close(Close::default())));
    })
    .await;
    assert_eq!(websocket(&watcher).close_code, Some(1005));
}

#[tokio::test]
async fn a_killed_conversation_is_cut() {
    let watcher = Arc::new(Watcher {
        edit_websocket: Some(Box::new(|flow| {
            let killed = midwire_flow::FlowError::KILLED;
            flow.info.error = Some(midwire_flow::FlowError::new(killed));
        })),
        ..Watcher::default()
    });
    let session = session(Some(watcher.clone()), &[]);
    play(&session, PLAIN, async |mut client, mut server, _| {
        client.send(&text("x", &[], false)).await;
        assert_eq!(client.next().await, None);
        assert_eq!(server.next().await, None);
    })
    .await;
    assert_eq!(websocket(&watcher).close_code, Some(1006));
}

#[tokio::test]
async fn a_message_waits_while_it_is_held() {
    let watcher = Arc::new(Watcher {
        edit_websocket: Some(Box::new(|flow| flow.info.intercepted = true)),
        ..Watcher::default()
    });
    let session = session(Some(watcher), &[]);
    play(&session, PLAIN, async |mut client, mut server, id| {
        client.send(&text("held", &[], false)).await;
        let parked = session.kernel().parked();
        while parked.is_empty() {
            tokio::task::yield_now().await;
        }
        parked.edit(&id, |flow| {
            if let Flow::Http(flow) = flow {
                let last = flow.websocket.as_mut().unwrap().messages.last_mut();
                last.unwrap().content = Bytes::from_static(b"changed");
            }
        });
        assert!(parked.resume(&id));
        assert_eq!(server.next_message().await.content, "changed");
    })
    .await;
}
