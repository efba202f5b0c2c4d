//! HAR entries as flows.

use std::io::Read;
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use midwire_wire::Fields;
use serde_json::Value as Json;

use super::json::without_lone_surrogates;
use super::{CREATOR, HarError, MAX_SIZE};
use crate::access::{DECODE_LIMIT, HttpMessage, status};
use crate::text::{self, Charset};
use crate::{
    Address, ClientConn, Connection, Content, Flow, FlowError, FlowInfo, HttpFlow, Number, Request,
    Response, ServerConn, WebSocketData, WebSocketMessage,
};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The flows of a HAR file: an iterator that ends after the last entry or the first one that cannot be used.
pub struct Importer {
    entries: std::vec::IntoIter<Json>,
    number: usize,
    creator: Creator,
}

/// Who wrote the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Creator {
    /// We did, so details can be trusted that others use in other ways.
    Midwire,
    Other,
}

impl Importer {
    /// Reads a HAR file, at most [`MAX_SIZE`] bytes. A byte order mark is skipped.
    ///
    /// # Errors
    /// A file that cannot be read, is no JSON, or has no list `log.entries`.
    pub fn read(input: impl Read) -> Result<Self, HarError> {
        let mut bytes = Vec::new();
        input.take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_SIZE {
            return Err(HarError::TooLarge);
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let text = std::str::from_utf8(bytes).map_err(|e| HarError::Json(e.to_string()))?;
        let mut har = serde_json::from_str::<Json>(text).or_else(|error| {
            // Browsers may write half of a surrogate pair.
            let text = without_lone_surrogates(text);
            serde_json::from_str(&text).map_err(|_| HarError::Json(error.to_string()))
        })?;
        let creator = match har["log"]["creator"]["name"].as_str() {
            Some(CREATOR) => Creator::Midwire,
            _ => Creator::Other,
        };
        match har.pointer_mut("/log/entries").map(Json::take) {
            Some(Json::Array(entries)) => Ok(Self {
                entries: entries.into_iter(),
                number: 0,
                creator,
            }),
            _ => Err(HarError::NoEntries),
        }
    }

    /// Reads a compressed HAR file (`.zhar`).
    ///
    /// # Errors
    /// Those of [`Importer::read`] and of decompression.
    pub fn read_compressed(input: impl Read) -> Result<Self, HarError> {
        Self::read(flate2::read::ZlibDecoder::new(input))
    }
}

impl Iterator for Importer {
    type Item = Result<Flow, HarError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next()?;
        self.number += 1;
        let number = self.number;
        Some(match flow(&entry, self.creator) {
            Ok(flow) => Ok(Flow::Http(Box::new(flow))),
            Err(problem) => {
                self.entries = Vec::new().into_iter();
                Err(HarError::Entry { number, problem })
            }
        })
    }
}

type Problem = String;

/// The value at a path such as `request.url`.
fn at<'a>(entry: &'a Json, path: &str) -> Result<&'a Json, Problem> {
    path.split('.')
        .try_fold(entry, |value, key| value.get(key))
        .ok_or_else(|| format!("{path} is missing"))
}

fn text_at<'a>(entry: &'a Json, path: &str) -> Result<&'a str, Problem> {
    at(entry, path)?
        .as_str()
        .ok_or_else(|| format!("{path} is no text"))
}

fn number_at(entry: &Json, path: &str) -> Result<f64, Problem> {
    at(entry, path)?
        .as_f64()
        .ok_or_else(|| format!("{path} is no number"))
}

fn flow(entry: &Json, creator: Creator) -> Result<HttpFlow, Problem> {
    let start = timestamp(text_at(entry, "startedDateTime")?)?;
    let end = start + number_at(entry, "time")? / 1000.0;
    let url = text_at(entry, "request.url")?;
    let client = ClientConn {
        connection: Connection {
            peername: Some(Address::new("127.0.0.1", 0)),
            sockname: Some(Address::new("127.0.0.1", 0)),
            timestamp_start: Some(start),
            timestamp_end: Some(end),
            ..Connection::default()
        },
        mitmcert: None,
        proxy_mode: "regular".to_owned(),
    };
    let port = if url.starts_with("http://") { 80 } else { 443 };
    let server = ServerConn {
        address: match entry.get("serverIPAddress").and_then(Json::as_str) {
            Some(host) if !host.is_empty() => Some(Address::new(host, port)),
            _ => None,
        },
        ..ServerConn::default()
    };
    let mut info = FlowInfo::new(Arc::new(client), Arc::new(server));
    info.live = false;
    info.timestamp_created = start.into();

    let mut request = request(entry, url, creator)?;
    request.timestamp_start = start.into();
    request.timestamp_end = Some(end.into());
    let mut response = response(entry, creator)?;
    if let Some(response) = &mut response {
        response.timestamp_start = start.into();
        response.timestamp_end = Some(end.into());
    } else {
        let message = at(entry, "response")?.get("_error").and_then(Json::as_str);
        info.error = message.map(|msg| FlowError {
            msg: msg.to_owned(),
            timestamp: end,
        });
    }
    if creator == Creator::Midwire {
        restore_times(entry, &mut request, response.as_mut());
    }
    Ok(HttpFlow {
        info,
        request,
        response,
        websocket: websocket(entry)?,
    })
}

/// What others measure with `timings` differs; ours say when messages began and ended.
fn restore_times(entry: &Json, request: &mut Request, response: Option<&mut Response>) {
    let seconds = |name: &str| entry["timings"][name].as_f64().unwrap_or(0.0) / 1000.0;
    let sent = request.timestamp_start.as_f64() + seconds("send");
    request.timestamp_end = Some(sent.into());
    if let Some(response) = response {
        let begun = sent + seconds("wait");
        response.timestamp_start = begun.into();
        response.timestamp_end = Some((begun + seconds("receive")).into());
    }
}

/// Seconds since the epoch. A time without a zone is local.
fn timestamp(text: &str) -> Result<f64, Problem> {
    let time = text.parse::<jiff::Timestamp>().or_else(|_| {
        let local = text.parse::<jiff::civil::DateTime>()?;
        Ok::<_, jiff::Error>(local.to_zoned(jiff::tz::TimeZone::system())?.timestamp())
    });
    let time = time.map_err(|_| "startedDateTime is no date".to_owned())?;
    Ok(time.as_microsecond() as f64 / 1e6)
}

fn request(entry: &Json, url: &str, creator: Creator) -> Result<Request, Problem> {
    let method = text_at(entry, "request.method")?;
    let fields = fields(entry, "request.headers")?;
    let version = version(text_at(entry, "request.httpVersion")?);
    // Only scheme and authority have to be parsed. The path stays as it is, whatever characters it has.
    let authority = url.find("//").map_or(0, |at| at + 2);
    let path = url
        .get(authority..)
        .and_then(|rest| rest.find(['/', '?', '#']))
        .map_or(url.len(), |at| authority + at);
    let (origin, path) = url.split_at_checked(path).unwrap_or((url, ""));
    let mut request = Request::make(method, origin, Bytes::new(), Fields::new())
        .map_err(|error| format!("request.url: {error}"))?;
    request.fields = fields;
    request.version = Bytes::from_static(version.as_bytes());
    if method == "CONNECT" {
        request.authority = origin
            .get(authority..)
            .unwrap_or_default()
            .to_owned()
            .into();
        request.scheme = Bytes::new();
        request.path = Bytes::new();
    } else if path.is_empty() && method == "OPTIONS" {
        request.path = Bytes::from_static(b"*");
    } else if path.starts_with('/') {
        request.path = path.to_owned().into();
    } else {
        request.path = format!("/{path}").into();
    }
    let content = match post_data(entry)? {
        Body::Bytes(bytes) => bytes,
        Body::Text(text) if creator == Creator::Midwire => encoded(&text, &request.content_type()),
        Body::Text(text) => {
            // Names the charset if the text needs another one.
            request.set_text(&text);
            request.decoded_or_raw(DECODE_LIMIT).unwrap_or_default()
        }
    };
    put_content(&mut request, content, creator);
    Ok(request)
}

/// Text in the charset of its type, in UTF-8 if that has not all characters.
fn encoded(text: &str, content_type: &str) -> Bytes {
    let content = text::encode(text, content_type);
    content.unwrap_or_else(|| text.as_bytes().to_vec()).into()
}

/// Puts content that is decoded already, whatever Content-Encoding says.
fn put_content(message: &mut impl HttpMessage, content: Bytes, creator: Creator) {
    if content.is_empty() {
        // The length in an answer to HEAD is that of another answer.
        *message.raw_content_mut() = Content::Memory(content);
        return;
    }
    let was_encoded = message.header_mut().remove("content-encoding");
    if creator == Creator::Midwire && !was_encoded {
        *message.raw_content_mut() = Content::Memory(content);
    } else {
        message.set_content(content);
    }
}

enum Body {
    Text(String),
    Bytes(Bytes),
}

fn post_data(entry: &Json) -> Result<Body, Problem> {
    let data = &entry["request"]["postData"];
    let Json::Object(_) = data else {
        return Ok(Body::Text(String::new()));
    };
    let Some(text) = data.get("text").and_then(Json::as_str) else {
        // A form may come as pairs instead.
        let params = data.get("params").and_then(Json::as_array);
        let params = params.ok_or("request.postData.text is missing")?;
        let pairs = params.iter().filter_map(|param| {
            let value = param.get("value").and_then(Json::as_str);
            Some((param.get("name")?.as_str()?, value.unwrap_or_default()))
        });
        let form = crate::access::url::encode_form(pairs, b"");
        return Ok(Body::Text(form));
    };
    match data.get("encoding").and_then(Json::as_str) {
        Some("base64") => Ok(Body::Bytes(base64(text, "request.postData.text")?)),
        _ => Ok(Body::Text(text.to_owned())),
    }
}

fn response(entry: &Json, creator: Creator) -> Result<Option<Response>, Problem> {
    let status = at(entry, "response.status")?;
    let status = status
        .as_u64()
        .and_then(|status| u16::try_from(status).ok())
        .ok_or("response.status is no status code")?;
    let fields = fields(entry, "response.headers")?;
    let version = version(text_at(entry, "response.httpVersion")?);
    let body = at(entry, "response.content")?;
    if status == 0 && at(entry, "response")?.get("_error").is_some() {
        return Ok(None);
    }
    let reason = match (creator, entry["response"]["statusText"].as_str()) {
        (Creator::Midwire, Some(text)) => text.to_owned(),
        _ => status::reason(status).to_owned(),
    };
    let text = body.get("text").and_then(Json::as_str).unwrap_or_default();
    let encoding = body.get("encoding").and_then(Json::as_str);
    let mut response = Response {
        version: Bytes::from_static(version.as_bytes()),
        status,
        reason: reason.into(),
        fields,
        content: Content::Missing,
        trailers: None,
        timestamp_start: Number::default(),
        timestamp_end: None,
    };
    let content = match encoding {
        Some("base64") => base64(text, "response.content.text")?,
        Some(label) if !label.is_empty() => Charset::for_label(label)
            .and_then(|charset| charset.encode(text))
            .unwrap_or_else(|| text.as_bytes().to_vec())
            .into(),
        _ => encoded(text, &response.content_type()),
    };
    put_content(&mut response, content, creator);
    Ok(Some(response))
}

fn websocket(entry: &Json) -> Result<Option<WebSocketData>, Problem> {
    let Some(Json::Array(list)) = entry.get("_webSocketMessages") else {
        return Ok(None);
    };
    let messages: Result<Vec<_>, Problem> = list
        .iter()
        .map(|message| {
            let opcode = message.get("opcode").and_then(Json::as_u64).unwrap_or(1);
            let data = text_at(message, "data")?;
            let time = at(message, "time")?;
            Ok(WebSocketMessage {
                opcode: u8::try_from(opcode).map_err(|_| "opcode is too large")?,
                from_client: text_at(message, "type")? == "send",
                content: match opcode {
                    1 => data.to_owned().into(),
                    _ => base64(data, "data")?,
                },
                timestamp: match (time.as_i64(), time.as_f64()) {
                    (Some(n), _) => Number::Int(n),
                    (None, Some(f)) => Number::Float(f),
                    (None, None) => return Err("time is no number".into()),
                },
                dropped: false,
                injected: false,
            })
        })
        .collect();
    Ok(Some(WebSocketData {
        messages: messages.map_err(|problem| format!("_webSocketMessages: {problem}"))?,
        ..WebSocketData::default()
    }))
}

/// Header fields as objects with name and value or as pairs.
fn fields(entry: &Json, path: &str) -> Result<Fields, Problem> {
    let list = at(entry, path)?
        .as_array()
        .ok_or_else(|| format!("{path} is no list"))?;
    let pairs: Option<Vec<_>> = list
        .iter()
        .map(|field| {
            let (name, value) = match field {
                Json::Array(pair) => (pair.first()?, pair.get(1)?),
                field => (field.get("name")?, field.get("value")?),
            };
            Some((name.as_str()?.to_owned(), value.as_str()?.to_owned()))
        })
        .collect();
    match pairs {
        Some(pairs) => Ok(Fields::from_pairs(pairs)),
        None => Err(format!("{path} has a field without name or value")),
    }
}

fn version(text: &str) -> &'static str {
    match text.to_ascii_lowercase().as_str() {
        "http/2" | "h2" => "HTTP/2",
        // The same in the spelling of browsers and of flows.
        "http/2.0" if text.starts_with('h') => "HTTP/2",
        "http/2.0" => "HTTP/2.0",
        "http/3" | "http/3.0" | "h3" => "HTTP/3",
        "http/1.0" => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

fn base64(text: &str, path: &str) -> Result<Bytes, Problem> {
    let text: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    BASE64
        .decode(text)
        .map(Bytes::from)
        .map_err(|_| format!("{path} is no base64"))
}
