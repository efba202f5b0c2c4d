//! What requests and responses have in common: content and its text.

use std::borrow::Cow;

use bytes::Bytes;
use midwire_wire::Fields;

use super::content_type::{self, ContentType};
use crate::codec::{self, CodecError, Prefix, PrefixDecoder};
use crate::text::{self, TextError};
use crate::{Content, Request, Response};

/// Access to the content of a request or response.
///
/// Limits are numbers of decoded bytes; [`super::DECODE_LIMIT`] is the usual one.
pub trait HttpMessage {
    /// Header section.
    fn header(&self) -> &Fields;
    /// Header section, to change it.
    fn header_mut(&mut self) -> &mut Fields;
    /// Content as transferred.
    fn raw_content(&self) -> &Content;
    /// Content as transferred, to change it. Content-Length does not follow.
    fn raw_content_mut(&mut self) -> &mut Content;

    /// The Content-Type value, empty if there is none.
    fn content_type(&self) -> Cow<'_, str> {
        self.header()
            .get_folded("content-type")
            .map_or(Cow::Borrowed(""), lossy)
    }

    /// Content with its codings removed; `None` if it is missing.
    ///
    /// # Errors
    /// Unknown or too many codings, broken content, more than `limit` bytes.
    fn decoded(&self, limit: usize) -> Result<Option<Bytes>, CodecError> {
        let Some(raw) = self.raw_content().bytes() else {
            return Ok(None);
        };
        let codings = codings(self.header());
        if codec::parse_list(&codings)?.is_empty() {
            return Ok(Some(raw));
        }
        let decoded = codec::decode_all(&raw, &codings, limit)?;
        Ok(Some(Bytes::from(decoded)))
    }

    /// As [`HttpMessage::decoded`], but what cannot be decoded is given as transferred.
    fn decoded_or_raw(&self, limit: usize) -> Option<Bytes> {
        match self.decoded(limit) {
            Ok(content) => content,
            Err(_) => self.raw_content().bytes(),
        }
    }

    /// At most the first `limit` bytes of the content with its codings removed, for views.
    fn decoded_prefix(&self, limit: usize) -> Option<Prefix> {
        const PIECE: usize = 64 * 1024;
        let codings = codings(self.header());
        let spill = match self.raw_content() {
            Content::Missing | Content::Passed { .. } => return None,
            Content::Memory(bytes) => return Some(codec::decode_prefix(bytes, &codings, limit)),
            Content::Spilled(spill) => spill,
        };
        let mut decoder = PrefixDecoder::new(&codings, limit);
        let mut offset = 0;
        while let Ok(piece) = spill.read(offset, PIECE)
            && !piece.is_empty()
            && decoder.push(&piece)
        {
            offset += piece.len() as u64;
        }
        Some(decoder.finish())
    }

    /// Replaces the content.
    ///
    /// It is encoded as Content-Encoding says; if that is unknown, the field goes and the content stays plain.
    /// Content-Length is set unless there is a Transfer-Encoding.
    fn set_content(&mut self, content: impl Into<Bytes>) {
        let content = content.into();
        let encoded = encode_all(&content, &codings(self.header())).unwrap_or_else(|_| {
            self.header_mut().remove("content-encoding");
            content
        });
        if !self.header().contains("transfer-encoding") {
            let length = encoded.len().to_string();
            self.header_mut().set("content-length", length);
        }
        *self.raw_content_mut() = Content::Memory(encoded);
    }

    /// Drops the content; fields stay as they are.
    fn drop_content(&mut self) {
        *self.raw_content_mut() = Content::Missing;
    }

    /// Content as text; `None` if it is missing.
    ///
    /// # Errors
    /// Those of [`HttpMessage::decoded`] and [`text::decode`].
    fn text(&self, limit: usize) -> Result<Option<String>, TextError> {
        match self.decoded(limit)? {
            None => Ok(None),
            Some(content) => text::decode(&content, &self.content_type()).map(Some),
        }
    }

    /// Content as text whatever it is: U+FFFD stands for bytes that are none.
    fn text_lossy(&self, limit: usize) -> Option<String> {
        let content = self.decoded_or_raw(limit)?;
        Some(text::decode_lossy(&content, &self.content_type()))
    }

    /// Replaces the content by text in its present charset, or in UTF-8, which Content-Type then says.
    fn set_text(&mut self, text: &str) {
        let content_type = self.content_type();
        if let Some(content) = text::encode(text, &content_type) {
            self.set_content(content);
            return;
        }
        let mut parsed = content_type::parse(&content_type).unwrap_or_else(|| ContentType {
            kind: "text".to_owned(),
            subtype: "plain".to_owned(),
            parameters: Vec::new(),
        });
        parsed.set("charset", "utf-8");
        self.header_mut().set("content-type", parsed.to_string());
        self.set_content(text.as_bytes().to_vec());
    }

    /// Removes the content codings.
    ///
    /// # Errors
    /// Those of [`HttpMessage::decoded`]; nothing is changed then.
    fn decode(&mut self, limit: usize) -> Result<(), CodecError> {
        let content = self.decoded(limit)?;
        self.header_mut().remove("content-encoding");
        if let Some(content) = content {
            self.set_content(content);
        }
        Ok(())
    }

    /// Encodes the content with this coding in place of the present ones.
    ///
    /// # Errors
    /// An unknown coding, and those of [`HttpMessage::decoded`]; nothing is changed then.
    fn encode(&mut self, coding: &str, limit: usize) -> Result<(), CodecError> {
        codec::encode(b"", coding)?;
        let content = self.decoded(limit)?;
        self.header_mut().set("content-encoding", coding.to_owned());
        if let Some(content) = content {
            self.set_content(content);
        }
        Ok(())
    }
}

impl HttpMessage for Request {
    fn header(&self) -> &Fields {
        &self.fields
    }
    fn header_mut(&mut self) -> &mut Fields {
        &mut self.fields
    }
    fn raw_content(&self) -> &Content {
        &self.content
    }
    fn raw_content_mut(&mut self) -> &mut Content {
        &mut self.content
    }
}

impl HttpMessage for Response {
    fn header(&self) -> &Fields {
        &self.fields
    }
    fn header_mut(&mut self) -> &mut Fields {
        &mut self.fields
    }
    fn raw_content(&self) -> &Content {
        &self.content
    }
    fn raw_content_mut(&mut self) -> &mut Content {
        &mut self.content
    }
}

fn codings(fields: &Fields) -> Cow<'_, [u8]> {
    fields.get_folded("content-encoding").unwrap_or_default()
}

fn encode_all(content: &Bytes, codings: &[u8]) -> Result<Bytes, CodecError> {
    let mut encoded = content.clone();
    for coding in codec::parse_list(codings)? {
        encoded = codec::encode(&encoded, coding.as_str())?.into();
    }
    Ok(encoded)
}

fn lossy(value: Cow<'_, [u8]>) -> Cow<'_, str> {
    match value {
        Cow::Borrowed(value) => String::from_utf8_lossy(value),
        Cow::Owned(value) => Cow::Owned(String::from_utf8_lossy(&value).into_owned()),
    }
}
