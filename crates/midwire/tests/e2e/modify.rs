//! Content is changed while it passes.

use std::io::{Read as _, Write};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Instant;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::origin::{Origin, connect};
use crate::program::{Program, curl};

const SIZE: usize = 50 * 1024 * 1024;
const MARKER: &[u8] = b"the-secret-marker";

/// Content of the size above once decoded, with markers all over it, none of them in one piece: the compressed blocks
/// end inside of markers, and chunks are as they come.
fn write_content(out: &mut dyn Write, first: impl FnOnce()) -> std::io::Result<()> {
    out.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let mut state = 1u32;
    // Something that does not compress to nothing.
    let mut block: Vec<u8> = (0..32 * 1024)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'A' + (state >> 28) as u8
        })
        .collect();
    let mut written = 0;
    let mut first = Some(first);
    let half = MARKER.len() / 2;
    while written < SIZE {
        block.rotate_left(1);
        encoder.write_all(&MARKER[half..])?;
        encoder.write_all(&block)?;
        encoder.write_all(&MARKER[..half])?;
        // Ends the block within a marker.
        encoder.flush()?;
        written += block.len() + MARKER.len();
        for chunk in std::mem::take(encoder.get_mut()).chunks(5_003) {
            write!(out, "{:x}\r\n", chunk.len())?;
            out.write_all(chunk)?;
            out.write_all(b"\r\n")?;
        }
        out.flush()?;
        if let Some(first) = first.take() {
            first();
        }
    }
    let rest = encoder.finish()?;
    write!(out, "{:x}\r\n", rest.len())?;
    out.write_all(&rest)?;
    out.write_all(b"\r\n0\r\n\r\n")
}

fn has_marker(text: &[u8]) -> bool {
    let text = std::str::from_utf8(text).unwrap();
    text.contains(std::str::from_utf8(MARKER).unwrap())
}

/// The content of a chunked response as far as it is there, decoded.
struct Chunked<R>(std::io::BufReader<R>, usize);

impl<R: std::io::Read> std::io::Read for Chunked<R> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        use std::io::BufRead as _;
        if self.1 == 0 {
            let mut line = String::new();
            self.0.read_line(&mut line)?;
            if line == "\r\n" {
                line.clear();
                self.0.read_line(&mut line)?;
            }
            self.1 = usize::from_str_radix(line.trim(), 16).unwrap();
            if self.1 == 0 {
                return Ok(0);
            }
        }
        let room = buf.len().min(self.1);
        let n = self.0.read(&mut buf[..room])?;
        self.1 -= n;
        Ok(n)
    }
}

fn request(port: u16, url: &str) -> Chunked<std::net::TcpStream> {
    use std::io::BufRead as _;
    let mut client = connect(port);
    write!(client, "GET {url} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut reader = std::io::BufReader::new(client);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "no whole head");
    }
    Chunked(reader, 0)
}

#[test]
fn a_marker_is_replaced_in_large_coded_content_that_passes_live() {
    let (seen, go) = channel::<()>();
    let go = Mutex::new(go);
    let origin = Origin::plain(move |head, out| {
        let waits = head.contains("/live");
        let wait = || {
            if waits {
                // The rest is only made once the client has seen the beginning.
                go.lock().unwrap().recv().unwrap();
            }
        };
        write_content(out, wait).is_ok()
    });
    let program = Program::dump(&["-B", "/the-secret-marker/---"]);
    let before = program.resident_kib();
    // The first request makes what every connection needs.
    request(program.port, &origin.url("/warm"))
        .read_exact(&mut [0; 100])
        .unwrap();

    let began = Instant::now();
    let mut direct = request(origin.port, "/");
    direct.read_exact(&mut [0; 1]).unwrap();
    let direct = began.elapsed();

    let began = Instant::now();
    let mut body = request(program.port, &origin.url("/live"));
    let mut first = [0; 1];
    body.read_exact(&mut first).unwrap();
    let through = began.elapsed();
    seen.send(()).unwrap();

    let mut decoder = MultiGzDecoder::new(std::io::Cursor::new(first).chain(body));
    let mut total = 0;
    let mut replaced = 0;
    let mut most = 0;
    let mut kept = Vec::new();
    let mut buf = vec![0; 256 * 1024];
    loop {
        let n = decoder.read(&mut buf).unwrap();
        if n == 0 {
            break;
        }
        total += n;
        kept.extend_from_slice(&buf[..n]);
        assert!(!has_marker(&kept), "a marker came through");
        replaced += std::str::from_utf8(&buf[..n])
            .unwrap()
            .matches("---")
            .count();
        kept.drain(..kept.len().saturating_sub(MARKER.len()));
        most = most.max(program.resident_kib());
    }
    assert!(total > SIZE - 4096 * MARKER.len(), "{total}");
    // Some are split over two reads of this test.
    assert!(replaced > 1_500, "{replaced}");
    let grown = most.saturating_sub(before);
    println!(
        "first byte: direct {direct:?}, through {through:?}; resident memory grew by {grown} KiB"
    );
    assert!(grown < 20 * 1024, "resident memory grew by {grown} KiB");
    assert_eq!(program.stop().0, 0);
}

#[test]
fn events_are_changed_one_by_one() {
    let (next, go) = channel::<()>();
    let go = Mutex::new(go);
    let origin = Origin::plain(move |_, out| {
        out.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            .unwrap();
        for n in 0..3 {
            go.lock().unwrap().recv().unwrap();
            out.write_all(format!("data: secret {n}\n\n").as_bytes())
                .unwrap();
            out.flush().unwrap();
        }
        false
    });
    let program = Program::dump(&["-B", "/secret/-", "-B", "/: - [12]/: x"]);
    let mut client = connect(program.port);
    write!(
        client,
        "GET {} HTTP/1.1\r\nHost: x\r\n\r\n",
        origin.url("/")
    )
    .unwrap();
    let mut seen = Vec::new();
    let mut buf = [0; 4096];
    for wanted in ["data: - 0\n\n", "data: x\n\n", "data: x\n\n"] {
        next.send(()).unwrap();
        while !seen.ends_with(wanted.as_bytes()) {
            let n = client.read(&mut buf).unwrap();
            assert!(n > 0, "closed before {wanted}");
            seen.extend_from_slice(&buf[..n]);
        }
    }
}

#[test]
fn rules_that_need_the_whole_say_so_and_are_never_skipped_in_silence() {
    let origin = Origin::plain(|_, out| {
        out.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n4\r\n two\r\n0\r\n\r\n")
            .is_ok()
    });
    let mut program = Program::dump(&["-B", "/e.*/x", "--set", "termlog_verbosity=debug"]);
    let body = curl(&["-x", &program.proxy(), &origin.url("/a")]).unwrap();
    assert_eq!(body, "onx");
    program.wait_for("modify_body holds the whole response");
    assert_eq!(program.stop().0, 0);

    let mut program = Program::dump(&["-B", "/e.*/x", "--set", "stream_large_bodies=2"]);
    let body = curl(&["-x", &program.proxy(), &origin.url("/a")]).unwrap();
    assert_eq!(body, "one two");
    program.wait_for("modify_body leaves the response");
    assert_eq!(program.stop().0, 0);

    let program = Program::dump(&["-B", "/e t/x", "--set", "stream_large_bodies=2"]);
    let body = curl(&["-x", &program.proxy(), &origin.url("/a")]).unwrap();
    assert_eq!(body, "onxwo");
}
