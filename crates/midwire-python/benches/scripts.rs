//! What a hook of a script costs: its round trip through the script process, and the notation of its frames.

#![expect(
    clippy::expect_used,
    reason = "a benchmark that cannot start has nothing to measure"
)]

use std::hint::black_box;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use criterion::{Criterion, criterion_group, criterion_main};
use midwire_core::Kernel;
use midwire_core::log::LogStream;
use midwire_core::options::{OptionStore, Tool, Value};
use midwire_flow::{
    ClientConn, Content, FlowInfo, HttpFlow, Number, Request, Response, ServerConn,
};
use midwire_python::frame::{self, Head, Kind, Op};
use midwire_python::value::{self, Writer};
use midwire_python::{ScriptHost, frame::HEADER};
use midwire_wire::Fields;

fn flow() -> HttpFlow {
    HttpFlow {
        info: FlowInfo::new(
            Arc::new(ClientConn::default()),
            Arc::new(ServerConn::default()),
        ),
        request: Request {
            host: "example.com".to_owned(),
            port: 80,
            method: "GET".into(),
            scheme: "http".into(),
            authority: "".into(),
            path: "/".into(),
            version: "HTTP/1.1".into(),
            fields: Fields::from_pairs([("Host", "example.com"), ("Accept", "*/*")]),
            content: Content::Memory("".into()),
            trailers: None,
            timestamp_start: Number::now(),
            timestamp_end: None,
        },
        response: Some(Response {
            version: "HTTP/1.1".into(),
            status: 200,
            reason: "OK".into(),
            fields: Fields::from_pairs([
                ("Content-Type", "text/plain"),
                ("Content-Length", "1024"),
            ]),
            content: Content::Memory(Bytes::from(vec![b'x'; 1024])),
            trailers: None,
            timestamp_start: Number::now(),
            timestamp_end: None,
        }),
        websocket: None,
    }
}

/// One hook of one flow at a time, from the kernel and back.
fn round_trip(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    for (name, script) in [
        ("empty", "def response(flow): pass\n"),
        (
            "header",
            "def response(flow): flow.response.headers['x-bench'] = '1'\n",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("script.py");
        std::fs::write(&path, script).expect("a script");
        let kernel = Arc::new(Kernel::new(
            OptionStore::new(Tool::Dump),
            LogStream::default(),
        ));
        let host = runtime.block_on(async {
            let host = ScriptHost::new(&kernel, |_, _| Box::pin(std::future::ready(())));
            kernel.set_addons(vec![host.link()]).expect("the link");
            let scripts = Value::Seq(vec![path.display().to_string()]);
            kernel
                .options()
                .update([("scripts", scripts)])
                .expect("the script");
            host.start().await.expect("the host");
            host
        });
        c.bench_function(&format!("hook {name}"), |b| {
            b.iter_batched(
                flow,
                |mut flow| {
                    runtime.block_on(kernel.response(&mut flow));
                    flow
                },
                criterion::BatchSize::SmallInput,
            );
        });
        runtime.block_on(host.stop());
    }
}

fn codec(c: &mut Criterion) {
    let head = Head {
        kind: Kind::Answer,
        op: Op::Hook,
        detail: 0,
        id: 7,
    };
    let put = |w: &mut Writer| {
        w.tuple(3);
        w.dict(|w| {
            w.key("response");
            w.dict(|w| {
                w.key("headers");
                w.list(6);
                for _ in 0..6 {
                    w.tuple(2);
                    w.bytes(b"content-type");
                    w.bytes(b"text/html; charset=utf-8");
                }
            });
        });
        w.int(0);
        w.int(0);
    };
    let mut bytes = Vec::new();
    let encode = |bytes: &mut Vec<u8>| {
        frame::encode(bytes, head, |out| {
            let mut w = Writer(std::mem::take(out));
            put(&mut w);
            *out = w.0;
        })
    };
    encode(&mut bytes).expect("a small frame");
    assert!(bytes.len() > HEADER, "the frame is empty");
    c.bench_function("write frame", |b| {
        let mut out = Vec::new();
        b.iter(|| {
            out.clear();
            encode(black_box(&mut out)).is_ok()
        });
    });
    c.bench_function("read frame", |b| {
        b.iter_batched(
            || BytesMut::from(&bytes[..]),
            |mut buf| {
                let frame = frame::decode(&mut buf).ok().flatten();
                frame.map(|frame| value::decode(&frame.payload))
            },
            criterion::BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, codec, round_trip);
criterion_main!(benches);
