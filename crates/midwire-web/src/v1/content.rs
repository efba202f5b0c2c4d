//! Content of a message: bytes by range, pictures, views.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use midwire_core::store::Stored;
use midwire_flow::access::DECODE_LIMIT;
use midwire_flow::{Content, Flow};
use serde_json::json;

use super::detail::stored;
use crate::call::{Call, Problem, Reply, blocking, json};
use crate::routes::content::{attachment, clean_name, confine, file_name};
use crate::shown::{self, Shown, Side};

/// Bytes of text that a view gives unless lines are asked for.
const TEXT: usize = 256 * 1024;

/// The bytes of a message of a flow, decoded or as on the wire, with a name for a file.
struct Body {
    bytes: Bytes,
    name: String,
}

/// The state that is asked for: as it is, or before edits.
pub(crate) fn version(call: &Call, stored: &Stored) -> Flow {
    let flow = &*stored.flow;
    match &flow.info().backup {
        Some(backup) if call.flag("original") => Flow::clone(backup),
        _ => flow.clone(),
    }
}

fn side(call: &Call, at: usize) -> Result<Side, Problem> {
    Side::parse(call.part(at)).ok_or_else(|| Problem::missing("there is no such message"))
}

fn body(call: &Call, flow: &Flow) -> Result<Body, Problem> {
    let side = side(call, 1)?;
    let gone = || Problem::missing("the content is not there");
    match flow {
        Flow::Http(http) => {
            let message = shown::message(http, side).ok_or_else(gone)?;
            let raw = call.arg("decoded") == Some("0");
            let bytes = if raw {
                message.content().bytes()
            } else {
                message.decoded(DECODE_LIMIT).0
            };
            Ok(Body {
                bytes: bytes.ok_or_else(gone)?,
                name: file_name(http, side),
            })
        }
        Flow::Dns(_) => Ok(Body {
            bytes: Shown::dns(flow, side)
                .and_then(|shown| shown.bytes)
                .ok_or_else(gone)?,
            name: "message.dns".to_owned(),
        }),
        _ => Err(gone()),
    }
}

/// `GET /api/v1/flows/ID/MESSAGE/content`.
pub(crate) async fn get(call: Call) -> Reply {
    let stored = stored(&call, 0)?;
    blocking(move || {
        let flow = version(&call, &stored);
        // A window on a large file needs no more than the window.
        if let Some(response) = from_file(&call, &flow)? {
            return Ok(response);
        }
        let body = body(&call, &flow)?;
        ranged(&call, &body.bytes, &body.name)
    })
    .await?
}

/// Content in the temporary file that is wanted as it is: only the window is read.
fn from_file(call: &Call, flow: &Flow) -> Result<Option<Response>, Problem> {
    let Flow::Http(http) = flow else {
        return Ok(None);
    };
    let Some(message) = shown::message(http, side(call, 1)?) else {
        return Ok(None);
    };
    let Content::Spilled(spill) = message.content() else {
        return Ok(None);
    };
    let is_plain = call.arg("decoded") == Some("0") || message.field("content-encoding").is_none();
    let (Some((from, to)), true) = (window(call, spill.len())?, is_plain) else {
        return Ok(None);
    };
    let bytes = spill
        .read(from, (to - from) as usize)
        .map_err(Problem::internal)?;
    Ok(Some(partial(bytes, (from, to, spill.len()), "content")))
}

/// The bytes that are asked for, by query or by Range.
fn ranged(call: &Call, bytes: &Bytes, name: &str) -> Reply {
    let total = bytes.len() as u64;
    let Some((from, to)) = window(call, total)? else {
        return Ok(attachment(bytes.clone(), name));
    };
    let part = bytes.slice(from as usize..to as usize);
    Ok(partial(part, (from, to, total), name))
}

fn partial(bytes: Bytes, (from, to, total): (u64, u64, u64), name: &str) -> Response {
    let mut response = attachment(bytes, name);
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    let range = if to > from {
        format!("bytes {from}-{}/{total}", to - 1)
    } else {
        format!("bytes */{total}")
    };
    if let Ok(value) = HeaderValue::from_str(&range) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

/// First byte and the one after the last that are asked for; `None` for all.
fn window(call: &Call, total: u64) -> Result<Option<(u64, u64)>, Problem> {
    let offset = call.number("offset")?;
    let length = call.number("length")?;
    if offset.is_some() || length.is_some() {
        let from = (offset.unwrap_or(0) as u64).min(total);
        let to = length.map_or(total, |length| {
            from.saturating_add(length as u64).min(total)
        });
        return Ok(Some((from, to)));
    }
    let range = call.header(header::RANGE);
    match range.strip_prefix("bytes=") {
        Some(range) => match parse_range(range, total) {
            Some(window) => Ok(Some(window)),
            None => Err(Problem::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                format!("there are {total} bytes"),
            )),
        },
        None => Ok(None),
    }
}

/// One range of RFC 9110 §14.1.2; several are not served.
fn parse_range(range: &str, total: u64) -> Option<(u64, u64)> {
    let (first, last) = range.trim().split_once('-')?;
    if first.is_empty() {
        let suffix: u64 = last.parse().ok().filter(|suffix| *suffix > 0)?;
        return Some((total.saturating_sub(suffix), total));
    }
    let from: u64 = first.parse().ok().filter(|from| *from < total)?;
    let to = match last {
        "" => total,
        last => last.parse::<u64>().ok()?.saturating_add(1).min(total),
    };
    (to > from).then_some((from, to))
}

/// `GET /api/v1/flows/ID/MESSAGE/image`: bytes that are a picture of a known kind, never one that could hold a script.
pub(crate) async fn image(call: Call) -> Reply {
    let stored = stored(&call, 0)?;
    blocking(move || {
        let body = body(&call, &version(&call, &stored))?;
        let Some(media) = picture(&body.bytes) else {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "this is no picture that can be shown",
            ));
        };
        let mut response = crate::call::typed(media, body.bytes);
        confine(&mut response);
        let disposition = format!("attachment; filename={}", clean_name(&body.name));
        if let Ok(value) = HeaderValue::from_str(&disposition) {
            response
                .headers_mut()
                .insert(header::CONTENT_DISPOSITION, value);
        }
        Ok(response)
    })
    .await?
}

/// The type of a raster picture by its first bytes.
fn picture(bytes: &[u8]) -> Option<&'static str> {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let inside = |at: usize, magic: &[u8]| {
        bytes
            .get(at..at + magic.len())
            .is_some_and(|found| found == magic)
    };
    if starts(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if starts(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if starts(b"GIF87a") || starts(b"GIF89a") {
        Some("image/gif")
    } else if starts(b"RIFF") && inside(8, b"WEBP") {
        Some("image/webp")
    } else if inside(4, b"ftypavif") {
        Some("image/avif")
    } else if starts(b"BM") && inside(6, b"\0\0\0\0") {
        Some("image/bmp")
    } else if starts(b"\0\0\x01\0") {
        Some("image/x-icon")
    } else {
        None
    }
}

/// `GET /api/v1/flows/ID/MESSAGE/view`.
pub(crate) async fn view(call: Call) -> Reply {
    let stored = stored(&call, 0)?;
    blocking(move || {
        let flow = version(&call, &stored);
        let side = side(&call, 1)?;
        let limit = shown::options(&call.app).content_view_size_limit.as_usize();
        let shown = match &flow {
            Flow::Http(http) => Shown::http(http, side, limit),
            Flow::Dns(_) => Shown::dns(&flow, side),
            _ => None,
        };
        let shown = shown.ok_or_else(|| Problem::missing("this flow has no such message"))?;
        render(&call, &shown)
    })
    .await?
}

/// Content in the view that is asked for, cut where nobody asked for more.
pub(crate) fn render(call: &Call, shown: &Shown) -> Reply {
    let name = call
        .arg("name")
        .filter(|name| !name.is_empty())
        .unwrap_or("auto");
    let rendered = shown.render(&call.app.host.views(), &shown::options(&call.app), name);
    let total = rendered.text.lines().count();
    let (text, is_cut) = match call.number("lines")? {
        Some(lines) => shown::cut_lines(&rendered.text, lines),
        None => cut_bytes(&rendered.text),
    };
    let because = if name.eq_ignore_ascii_case("auto") {
        "it fits the content best"
    } else {
        "it was asked for"
    };
    Ok(json(&json!({
        "name": rendered.view_name,
        "chosen_because": because,
        "description": rendered.description,
        "syntax": rendered.syntax.as_str(),
        "text": text,
        "lines": total,
        "truncated": is_cut || shown.more,
        "error": rendered.failure.or_else(|| shown.decode_error.clone()),
    })))
}

fn cut_bytes(text: &str) -> (std::borrow::Cow<'_, str>, bool) {
    if text.len() <= TEXT {
        return (text.into(), false);
    }
    let end = text.floor_char_boundary(TEXT);
    let cut = text.get(..end).unwrap_or_default();
    // A whole last line, unless there is only one.
    let end = cut.rfind('\n').map_or(cut.len(), |end| end + 1);
    (cut.get(..end).unwrap_or(cut).into(), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        for (range, expected) in [
            ("0-4", Some((0, 5))),
            ("5-", Some((5, 10))),
            ("-3", Some((7, 10))),
            ("-30", Some((0, 10))),
            ("0-100", Some((0, 10))),
            ("10-", None),
            ("4-2", None),
            ("-0", None),
            ("x", None),
            ("0-1,3-4", None),
        ] {
            assert_eq!(parse_range(range, 10), expected, "{range}");
        }
    }

    #[test]
    fn only_raster_pictures_are_pictures() {
        assert_eq!(picture(b"GIF89a..."), Some("image/gif"));
        assert_eq!(picture(b"RIFF....WEBPVP8 "), Some("image/webp"));
        for other in [
            &b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..],
            b"<html>",
            b"",
            b"RIFF",
        ] {
            assert_eq!(picture(other), None);
        }
    }
}
