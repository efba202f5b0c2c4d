//! Rows of the rules for bodies as tables.

use bytes::BytesMut;

use super::*;
use crate::Fields;

/// Content, trailers, and the bytes left behind the body.
type Body = (Vec<u8>, Option<Fields>, Vec<u8>);

/// The content and trailers of a complete body, and what is left behind it.
fn body(framing: Framing, input: &[u8]) -> Result<Body, Violation> {
    let mut decoder = BodyDecoder::new(framing, Limits::default());
    let mut buf = BytesMut::from(input);
    let mut content = Vec::new();
    loop {
        match decoder.decode(&mut buf)? {
            Some(BodyEvent::Data(data)) => {
                assert!(!data.is_empty());
                content.extend_from_slice(&data);
            }
            Some(BodyEvent::End(trailers)) => {
                assert!(decoder.is_done());
                assert_eq!(decoder.decode(&mut buf), Ok(None));
                assert_eq!(decoder.eof(), Ok(None));
                return Ok((content, trailers, buf.to_vec()));
            }
            None => match decoder.eof()? {
                Some(BodyEvent::End(None)) => return Ok((content, None, buf.to_vec())),
                other => panic!("{other:?}"),
            },
        }
    }
}

fn chunked(input: &str) -> Result<Body, Violation> {
    body(Framing::Chunked, input.as_bytes())
}

#[test]
fn bodies_by_length_and_by_close() {
    let whole =
        |framing, input: &[u8]| body(framing, input).map(|(content, _, rest)| (content, rest));
    assert_eq!(
        whole(Framing::None, b"next"),
        Ok((vec![], b"next".to_vec()))
    );
    assert_eq!(
        whole(Framing::Length(0), b"next"),
        Ok((vec![], b"next".to_vec()))
    );
    assert_eq!(
        whole(Framing::Length(3), b"abcnext"),
        Ok((b"abc".to_vec(), b"next".to_vec()))
    );
    assert_eq!(
        whole(Framing::UntilClose, b"abc"),
        Ok((b"abc".to_vec(), vec![]))
    );
    assert_eq!(whole(Framing::Length(4), b"abc"), Err(Violation::Cut));
    assert_eq!(
        whole(Framing::Length(i64::MAX as u64), b"abc"),
        Err(Violation::Cut)
    );
}

#[test]
fn chunk_lines() {
    let check = |input: &str, expected: Result<&str, Violation>| {
        let content = chunked(input).map(|(content, ..)| content);
        assert_eq!(
            content,
            expected.map(|text| text.as_bytes().to_vec()),
            "{input:?}"
        );
    };
    check(
        "5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n",
        Ok("hello0123456789"),
    );
    check("0000000000000005\r\nhello\r\n000\r\n\r\n", Ok("hello"));
    check("5;name=value\r\nhello\r\n0;x\r\n\r\n", Ok("hello"));
    check("5 ; a=\"\x01\"\r\nhello\r\n0  \r\n\r\n", Ok("hello"));
    for bad in [
        "0x5",
        "+5",
        "-5",
        "5_",
        " 5",
        "",
        "00000000000000005",
        "8000000000000000",
        "ffffffffffffffff",
        "g",
        "5 5",
        ";x",
    ] {
        check(
            &format!("{bad}\r\nhello\r\n0\r\n\r\n"),
            Err(Violation::ChunkSize),
        );
    }
    for bad in [
        "5\nhello\r\n",
        "5\rhello",
        "5;x\nhello",
        "5;x\ry\r\n",
        "5\r\nhell\r\n",
        "5\r\nhello!\r\n",
        "5\r\nhello\n0\r\n",
        "5\r\nhello\r0",
        "5 \nhello",
    ] {
        check(bad, Err(Violation::ChunkEnd));
    }
    check("5;\0\r\n", Err(Violation::Nul));
    for cut in [
        "",
        "5",
        "5\r",
        "5\r\n",
        "5\r\nhe",
        "5\r\nhello",
        "5\r\nhello\r",
        "5\r\nhello\r\n",
        "0\r\n",
        "0\r\n\r",
        "0\r\nX: 1\r\n",
        "7fffffffffffffff\r\nx",
    ] {
        check(cut, Err(Violation::Cut));
    }
}

#[test]
fn chunk_extensions_are_limited_in_a_line_and_in_a_body() {
    let with = |sizes: &[usize]| {
        let line = |n: &usize| format!("1;{}\r\nx\r\n", "e".repeat(n - 1));
        let lines = sizes.iter().map(line).collect::<Vec<_>>().concat();
        chunked(&(lines + "0\r\n\r\n")).map(|_| ())
    };
    const LINE: usize = 16 * 1024;
    assert_eq!(with(&[LINE; 4]), Ok(()));
    assert_eq!(with(&[LINE + 1]), Err(Violation::ChunkExtensions));
    assert_eq!(
        with(&[LINE, LINE, LINE, LINE, 1]),
        Err(Violation::ChunkExtensions)
    );
    assert_eq!(
        chunked(&format!("1{}", " ".repeat(LINE + 1))),
        Err(Violation::ChunkExtensions)
    );
}

#[test]
fn an_endless_extension_stays_out_of_the_buffer() {
    let mut decoder = BodyDecoder::new(Framing::Chunked, Limits::default());
    let mut buf = BytesMut::from(&b"1;"[..]);
    for _ in 0..15 {
        buf.extend_from_slice(&[b'x'; 1024]);
        assert_eq!(decoder.decode(&mut buf), Ok(None));
        assert!(buf.is_empty());
    }
}

#[test]
fn trailers() {
    let fields = |input: &str| {
        chunked(&format!("1\r\nx\r\n0\r\n{input}\r\nnext")).map(|(_, trailers, rest)| {
            assert_eq!(rest, b"next");
            trailers
        })
    };
    assert_eq!(fields(""), Ok(None));
    let kept = fields("X-Sum: 9\r\nContent-Length: 5\r\nx-sum:\t8\r\nHOST: a\r\n")
        .unwrap()
        .unwrap();
    assert_eq!(kept, Fields::from_pairs([("X-Sum", "9"), ("x-sum", "8")]));
    for name in [
        "Content-Length",
        "Transfer-Encoding",
        "Host",
        "Connection",
        "Content-Encoding",
        "Trailer",
        "Authorization",
        "Set-Cookie",
    ] {
        assert_eq!(fields(&format!("{name}: 1\r\n")), Ok(None), "{name}");
    }
    for bad in [
        "X: a\r\n b\r\n",
        " X: a\r\n",
        "X a\r\n",
        "X : a\r\n",
        "X: a\0\r\n",
        "X: a\rb\r\n",
        "X(: a\r\n",
    ] {
        assert!(fields(bad).is_err(), "{bad}");
    }
}

#[test]
fn trailers_are_limited_as_heads_are() {
    let limits = Limits {
        header_size: 64,
        header_count: 2,
        ..Limits::default()
    };
    let decode = |trailers: &str| {
        let mut buf = BytesMut::from(format!("0\r\n{trailers}").as_bytes());
        BodyDecoder::new(Framing::Chunked, limits).decode(&mut buf)
    };
    assert!(decode("a:\r\nb:\r\n\r\n").unwrap().is_some());
    assert_eq!(
        decode("a:\r\nb:\r\nc:\r\n"),
        Err(Violation::TrailerCount { limit: 2 })
    );
    assert_eq!(decode(&format!("a: {}", "x".repeat(61))), Ok(None));
    assert_eq!(
        decode(&format!("a: {}", "x".repeat(62))),
        Err(Violation::TrailerSize { limit: 64 })
    );
}

#[test]
fn content_flows_before_its_chunk_is_complete() {
    let mut decoder = BodyDecoder::new(Framing::Chunked, Limits::default());
    let mut buf = BytesMut::from(&b"a\r\nabc"[..]);
    assert_eq!(
        decoder.decode(&mut buf),
        Ok(Some(BodyEvent::Data("abc".into())))
    );
    assert_eq!(decoder.decode(&mut buf), Ok(None));
}

#[test]
fn data_is_a_slice_of_the_buffer() {
    let mut buf = BytesMut::from(&b"abcdef"[..]);
    let at = buf.as_ptr();
    let mut decoder = BodyDecoder::new(Framing::Length(3), Limits::default());
    let Ok(Some(BodyEvent::Data(data))) = decoder.decode(&mut buf) else {
        panic!()
    };
    assert_eq!(data.as_ptr(), at);
}
