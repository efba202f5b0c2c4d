//! What must hold for any bytes given to the HTTP/1 decoders.
//!
//! The first byte of the input says what follows and how it is cut; the rest are the bytes of a connection.

use bytes::BytesMut;
use midwire_wire::http1::{
    BodyDecoder, BodyEvent, CHUNK_END, Expected, Framing, Limits, RequestDecoder, ResponseDecoder,
    Validation, write_chunk_header, write_last_chunk, write_request_head, write_response_head,
};
use midwire_wire::{RequestHead, ResponseHead};

/// Reads a connection in one piece and in small ones: the same must come out, and survive being written and read.
pub fn run(data: &[u8]) {
    let Some((mode, bytes)) = data.split_first() else {
        return;
    };
    let limits = Limits {
        header_size: 16 * 1024,
        header_count: 64,
        validation: match mode & 1 {
            0 => Validation::Strict,
            _ => Validation::Lenient,
        },
    };
    let side = match mode >> 1 & 3 {
        0 | 1 => Side::Requests,
        2 => Side::Responses(Expected::Other),
        _ => Side::Responses(Expected::Head),
    };
    let whole = read(side, limits, bytes, bytes.len().max(1));
    for size in [1, 2, 3, usize::from(mode >> 3) + 4] {
        assert_eq!(
            whole,
            read(side, limits, bytes, size),
            "in pieces of {size}"
        );
    }
    // What was refused or cut has no end; what came through must be readable for the strictest peer of its kind.
    let written = write(&whole);
    let again = read(side, limits, &written, written.len().max(1));
    let complete = whole
        .iter()
        .rposition(|event| matches!(event, Event::End(_)))
        .map_or(0, |at| at + 1);
    assert_eq!(
        whole.get(..complete),
        again.get(..complete),
        "written and read again"
    );
}

#[derive(Clone, Copy)]
enum Side {
    Requests,
    Responses(Expected),
}

#[derive(Debug, PartialEq)]
enum Event {
    Request(RequestHead, Framing),
    Response(ResponseHead, Framing),
    /// All content of a body, however it came.
    Content(Vec<u8>),
    End(Option<midwire_wire::Fields>),
    Refused(String),
}

enum Heads {
    Requests(RequestDecoder),
    Responses(ResponseDecoder, Expected),
}

fn read(side: Side, limits: Limits, bytes: &[u8], size: usize) -> Vec<Event> {
    let mut heads = match side {
        Side::Requests => Heads::Requests(RequestDecoder::new(limits)),
        Side::Responses(to) => Heads::Responses(ResponseDecoder::new(limits), to),
    };
    let mut body = None;
    let mut events = Vec::new();
    let mut buf = BytesMut::new();
    for piece in bytes.chunks(size) {
        buf.extend_from_slice(piece);
        loop {
            match step(&mut heads, &mut body, limits, &mut buf) {
                Ok(Some(Event::Content(more))) => match events.last_mut() {
                    Some(Event::Content(content)) => content.extend_from_slice(&more),
                    _ => events.push(Event::Content(more)),
                },
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(text) => {
                    events.push(Event::Refused(text));
                    return events;
                }
            }
        }
    }
    if let Some(mut body) = body {
        match body.eof() {
            Ok(Some(BodyEvent::End(trailers))) => events.push(Event::End(trailers)),
            Ok(_) => {}
            Err(violation) => events.push(Event::Refused(violation.to_string())),
        }
    }
    events
}

fn step(
    heads: &mut Heads,
    body: &mut Option<BodyDecoder>,
    limits: Limits,
    buf: &mut BytesMut,
) -> Result<Option<Event>, String> {
    if let Some(decoder) = body {
        let event = decoder.decode(buf).map_err(|violation| violation.kind())?;
        return Ok(match event {
            Some(BodyEvent::Data(data)) => {
                assert!(!data.is_empty());
                Some(Event::Content(data.to_vec()))
            }
            Some(BodyEvent::End(trailers)) => {
                *body = None;
                Some(Event::End(trailers))
            }
            None => None,
        });
    }
    let (event, framing) = match heads {
        Heads::Requests(decoder) => {
            match decoder.decode(buf).map_err(|violation| violation.kind())? {
                Some((head, framing)) => (Event::Request(head, framing), framing),
                None => return Ok(None),
            }
        }
        Heads::Responses(decoder, to) => match decoder
            .decode(buf, *to)
            .map_err(|violation| violation.kind())?
        {
            Some((head, framing)) => (Event::Response(head, framing), framing),
            None => return Ok(None),
        },
    };
    *body = Some(BodyDecoder::new(framing, limits));
    Ok(Some(event))
}

trait Kind {
    fn kind(&self) -> String;
}

impl Kind for midwire_wire::http1::Violation {
    /// The variant alone: how much of a bad line a text can show depends on how much had come.
    fn kind(&self) -> String {
        let text = format!("{self:?}");
        text.split(['(', ' ']).next().unwrap_or_default().to_owned()
    }
}

fn write(events: &[Event]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut chunked = false;
    for event in events {
        match event {
            Event::Request(head, framing) => {
                write_request_head(head, &mut out);
                chunked = *framing == Framing::Chunked;
            }
            Event::Response(head, framing) => {
                write_response_head(head, &mut out);
                chunked = *framing == Framing::Chunked;
            }
            Event::Content(content) if chunked => {
                write_chunk_header(content.len(), &mut out);
                out.extend_from_slice(content);
                out.extend_from_slice(CHUNK_END);
            }
            Event::Content(content) => out.extend_from_slice(content),
            Event::End(trailers) if chunked => write_last_chunk(trailers.as_ref(), &mut out),
            Event::End(_) | Event::Refused(_) => {}
        }
    }
    out
}
