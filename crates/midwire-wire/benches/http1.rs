//! What one exchange costs in the HTTP/1 codec.

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{Criterion, criterion_group, criterion_main};
use midwire_wire::http1::{
    BodyDecoder, BodyEvent, Expected, Framing, Limits, RequestDecoder, ResponseDecoder,
    write_request_head,
};

const REQUEST: &[u8] = b"GET http://example.com/articles/2024/05/some-title?utm_source=feed&id=12345 HTTP/1.1\r\n\
    Host: example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
    Accept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Referer: http://example.com/articles/\r\n\
    Connection: keep-alive\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    Cache-Control: max-age=0\r\n\r\n";

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Server: nginx/1.26.0\r\n\
    Date: Mon, 20 May 2024 10:00:00 GMT\r\n\
    Content-Type: text/html; charset=utf-8\r\n\
    Content-Length: 12345\r\n\
    Last-Modified: Mon, 20 May 2024 09:00:00 GMT\r\n\
    Connection: keep-alive\r\n\
    ETag: \"664b1a10-3039\"\r\n\
    Accept-Ranges: bytes\r\n\r\n";

fn heads(c: &mut Criterion) {
    let mut decoder = RequestDecoder::new(Limits::default());
    let mut buf = BytesMut::with_capacity(64 * 1024);
    c.bench_function("request head, 10 fields", |b| {
        b.iter(|| {
            buf.clear();
            buf.reserve(REQUEST.len());
            buf.extend_from_slice(REQUEST);
            black_box(decoder.decode(&mut buf))
        });
    });
    let mut decoder = ResponseDecoder::new(Limits::default());
    c.bench_function("response head, 8 fields", |b| {
        b.iter(|| {
            buf.clear();
            buf.reserve(RESPONSE.len());
            buf.extend_from_slice(RESPONSE);
            black_box(decoder.decode(&mut buf, Expected::Other))
        });
    });
    let mut decoder = RequestDecoder::new(Limits::default());
    c.bench_function("request head, byte by byte", |b| {
        b.iter(|| {
            buf.clear();
            buf.reserve(REQUEST.len());
            for byte in REQUEST {
                buf.extend_from_slice(&[*byte]);
                let _ = black_box(decoder.decode(&mut buf));
            }
        });
    });
    buf.clear();
    buf.extend_from_slice(REQUEST);
    let Ok(Some((head, _))) = decoder.decode(&mut buf) else {
        return;
    };
    let mut out = Vec::new();
    c.bench_function("write request head, 10 fields", |b| {
        b.iter(|| {
            out.clear();
            write_request_head(black_box(&head), &mut out);
        });
    });
}

fn bodies(c: &mut Criterion) {
    let chunk = [b"4000\r\n", [b'x'; 0x4000].as_slice(), b"\r\n"].concat();
    let body = [chunk.repeat(64).as_slice(), b"0\r\n\r\n"].concat();
    c.bench_function("1 MiB in chunks of 16 KiB, read in 64 KiB", |b| {
        b.iter(|| {
            let mut decoder = BodyDecoder::new(Framing::Chunked, Limits::default());
            let mut buf = BytesMut::with_capacity(64 * 1024);
            for piece in body.chunks(64 * 1024) {
                buf.extend_from_slice(piece);
                while let Ok(Some(BodyEvent::Data(data))) = decoder.decode(&mut buf) {
                    black_box(data);
                }
            }
        });
    });
}

criterion_group!(benches, heads, bodies);
criterion_main!(benches);
