//! Turns an edited text back into a DNS message.

use std::net::{Ipv4Addr, Ipv6Addr};

use midwire_wire::dns::{
    HttpsRecord, Message, Question, Record, classes, name_to_wire, op_codes, parameter_name,
    response_codes, types,
};

use crate::ViewError;
use crate::views::edit::Node;
use crate::views::hex::from_hex;

/// The bytes of the message that a document describes; sections that are not there are empty.
pub(super) fn message(document: &Node) -> Result<Vec<u8>, ViewError> {
    let entry = Entry::of(document, "message")?;
    let message = Message {
        id: entry.number("id")?,
        query: entry.flag("query")?,
        op_code: entry.code("op_code", op_codes::from_str)? as u8,
        authoritative_answer: entry.flag("authoritative_answer")?,
        truncation: entry.flag("truncation")?,
        recursion_desired: entry.flag("recursion_desired")?,
        recursion_available: entry.flag("recursion_available")?,
        reserved: 0,
        response_code: entry.code("response_code", response_codes::from_str)? as u8,
        questions: entry
            .list("questions")?
            .iter()
            .map(question)
            .collect::<Result<_, _>>()?,
        answers: entry
            .list("answers")?
            .iter()
            .map(record)
            .collect::<Result<_, _>>()?,
        authorities: entry
            .list("authorities")?
            .iter()
            .map(record)
            .collect::<Result<_, _>>()?,
        additionals: entry
            .list("additionals")?
            .iter()
            .map(record)
            .collect::<Result<_, _>>()?,
    };
    message.pack().map_err(other)
}

fn question(node: &Node) -> Result<Question, ViewError> {
    let entry = Entry::of(node, "question")?;
    Ok(Question {
        name: entry.text("name")?,
        type_: entry.code("type", types::from_str)?,
        class: entry.code("class", classes::from_str)?,
    })
}

fn record(node: &Node) -> Result<Record, ViewError> {
    let entry = Entry::of(node, "record")?;
    let type_ = entry.code("type", types::from_str)?;
    let data = match entry.find("data") {
        Some(Node::Map(_)) if type_ == types::HTTPS => {
            https(&Entry::of(entry.node("data")?, "data")?)?
        }
        _ => data(type_, &entry.text("data")?)?,
    };
    Ok(Record {
        name: entry.text("name")?,
        type_,
        class: entry.code("class", classes::from_str)?,
        ttl: entry.number("ttl")?,
        data: data.into(),
    })
}

/// Data of a record from its text; types without a text of their own are in hexadecimal.
fn data(type_: u16, text: &str) -> Result<Vec<u8>, ViewError> {
    let hex = text
        .strip_prefix("0x")
        .map(|text| text.split(' ').next().unwrap_or(text));
    if let Some(bytes) = hex.and_then(|hex| from_hex(hex).ok()) {
        return Ok(bytes);
    }
    match type_ {
        types::A => Ok(text.parse::<Ipv4Addr>().map_err(other)?.octets().to_vec()),
        types::AAAA => Ok(text.parse::<Ipv6Addr>().map_err(other)?.octets().to_vec()),
        types::NS | types::CNAME | types::PTR => name_to_wire(text).map_err(other),
        types::TXT => Ok(text.as_bytes().to_vec()),
        _ => Err(ViewError::NotApplicable(
            "data of this type is written as 0x and hex digits",
        )),
    }
}

fn https(entry: &Entry<'_>) -> Result<Vec<u8>, ViewError> {
    let mut record = HttpsRecord {
        priority: entry.number("priority")?,
        target_name: entry.text("target_name")?,
        params: Vec::new(),
    };
    for (key, value) in entry.entries {
        let key = match key {
            Node::Integer(number) => u16::try_from(*number).ok(),
            Node::Text(name) if name == "priority" || name == "target_name" => continue,
            Node::Text(name) => (0..16).find(|key| parameter_name(*key) == Some(name.as_str())),
            _ => None,
        };
        let key = key.ok_or(ViewError::NotApplicable(
            "unknown parameter of an HTTPS record",
        ))?;
        record.params.push((key, unescape(&text_of(value)?).into()));
    }
    record.pack().map(|bytes| bytes.to_vec()).map_err(other)
}

/// Undoes [`crate::escape_bytes`].
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (byte, len) = match rest.as_bytes() {
            [b'\\', b'\\', ..] => (b'\\', 2),
            [b'\\', b't', ..] => (b'\t', 2),
            [b'\\', b'n', ..] => (b'\n', 2),
            [b'\\', b'r', ..] => (b'\r', 2),
            [b'\\', b'x', ..] => match rest
                .get(2..4)
                .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            {
                Some(byte) => (byte, 4),
                None => (b'\\', 1),
            },
            _ => {
                bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
                rest = rest.get(c.len_utf8()..).unwrap_or("");
                continue;
            }
        };
        bytes.push(byte);
        rest = rest.get(len..).unwrap_or("");
    }
    bytes
}

/// A map of the document.
struct Entry<'a> {
    entries: &'a [(Node, Node)],
}

impl<'a> Entry<'a> {
    fn of(node: &'a Node, what: &'static str) -> Result<Self, ViewError> {
        match node {
            Node::Map(entries) => Ok(Self { entries }),
            _ => Err(ViewError::Other(format!("expected a map for a {what}"))),
        }
    }

    fn find(&self, name: &str) -> Option<&'a Node> {
        self.entries
            .iter()
            .find(|(key, _)| matches!(key, Node::Text(text) if text == name))
            .map(|(_, value)| value)
    }

    fn node(&self, name: &str) -> Result<&'a Node, ViewError> {
        self.find(name)
            .ok_or_else(|| ViewError::Other(format!("`{name}` is missing")))
    }

    fn flag(&self, name: &str) -> Result<bool, ViewError> {
        match self.node(name)? {
            Node::Bool(value) => Ok(*value),
            _ => Err(ViewError::Other(format!("`{name}` must be true or false"))),
        }
    }

    fn number<T: TryFrom<i128>>(&self, name: &str) -> Result<T, ViewError> {
        let number = match self.node(name)? {
            Node::Integer(number) => T::try_from(*number).ok(),
            _ => None,
        };
        number.ok_or_else(|| ViewError::Other(format!("`{name}` is no number in its bounds")))
    }

    fn text(&self, name: &str) -> Result<String, ViewError> {
        text_of(self.node(name)?)
    }

    fn code(&self, name: &str, from_str: impl Fn(&str) -> Option<u16>) -> Result<u16, ViewError> {
        let text = self.text(name)?;
        from_str(&text).ok_or_else(|| ViewError::Other(format!("unknown {name} `{text}`")))
    }

    fn list(&self, name: &str) -> Result<&'a [Node], ViewError> {
        match self.find(name) {
            None | Some(Node::Null) => Ok(&[]),
            Some(Node::List(items)) => Ok(items),
            Some(_) => Err(ViewError::Other(format!("`{name}` must be a list"))),
        }
    }
}

/// Text of a scalar; an editor may have left out the quotes of a number.
fn text_of(node: &Node) -> Result<String, ViewError> {
    match node {
        Node::Text(text) => Ok(text.clone()),
        Node::Integer(number) => Ok(number.to_string()),
        Node::Null => Ok(String::new()),
        _ => Err(ViewError::NotApplicable("expected a text")),
    }
}

fn other(error: impl std::fmt::Display) -> ViewError {
    ViewError::Other(error.to_string())
}
