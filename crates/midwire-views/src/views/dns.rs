//! DNS messages.

mod encode;

use midwire_wire::dns::{
    HttpsRecord, Message, Question, Record, classes, op_codes, parameter_name, response_codes,
    types,
};

use super::{FITS, NEVER};
use crate::yaml::{Dialect, Yaml, write};
use crate::{ContentView, MessageKind, Metadata, Out, Syntax, ViewError, escape_bytes};

/// Shows a DNS message as YAML.
pub(crate) struct Dns;

/// Ports on which DNS and multicast DNS are served.
const PORTS: [u16; 2] = [53, 5353];

impl ContentView for Dns {
    fn name(&self) -> &'static str {
        "DNS"
    }

    fn syntax(&self) -> Syntax {
        Syntax::Yaml
    }

    fn render_priority(&self, _: &[u8], meta: &Metadata<'_>) -> f64 {
        let is_dns = meta.message == MessageKind::Dns
            || meta.is_media_type(&["application/dns-message"])
            || meta.server_port.is_some_and(|port| PORTS.contains(&port));
        if is_dns { FITS } else { NEVER }
    }

    fn prettify(&self, data: &[u8], meta: &Metadata<'_>) -> Result<String, ViewError> {
        let mut out = Out::for_input(data.len());
        if meta.message != MessageKind::Tcp {
            show(data, &mut out)?;
            return Ok(out.finish());
        }
        // Over TCP a length stands before each message (RFC 1035 §4.2.2).
        let mut reader = super::reader::Reader::new(data);
        loop {
            let len = reader.u16("the length of a message")?;
            show(reader.bytes(usize::from(len), "a message")?, &mut out)?;
            if reader.is_empty() {
                return Ok(out.finish());
            }
            out.push("---\n")?;
        }
    }

    fn is_interactive(&self) -> bool {
        true
    }

    fn reencode(&self, text: &str, meta: &Metadata<'_>) -> Result<Vec<u8>, ViewError> {
        let mut data = Vec::new();
        for document in super::edit::documents(text)? {
            let packed = encode::message(&document)?;
            if meta.message == MessageKind::Tcp {
                let len = u16::try_from(packed.len())
                    .map_err(|_| ViewError::TooLarge(usize::from(u16::MAX)))?;
                data.extend(len.to_be_bytes());
            }
            data.extend(packed);
        }
        Ok(data)
    }
}

fn show(data: &[u8], out: &mut Out) -> Result<(), ViewError> {
    let message = Message::unpack(data).map_err(|error| ViewError::Other(error.to_string()))?;
    let records = |records: &[Record]| Yaml::List(records.iter().map(record).collect());
    let node = map([
        ("id", Yaml::literal(message.id)),
        ("query", Yaml::literal(message.query)),
        (
            "op_code",
            Yaml::text(op_codes::to_str(u16::from(message.op_code))),
        ),
        (
            "authoritative_answer",
            Yaml::literal(message.authoritative_answer),
        ),
        ("truncation", Yaml::literal(message.truncation)),
        (
            "recursion_desired",
            Yaml::literal(message.recursion_desired),
        ),
        (
            "recursion_available",
            Yaml::literal(message.recursion_available),
        ),
        (
            "response_code",
            Yaml::text(response_codes::to_str(u16::from(message.response_code))),
        ),
        (
            "questions",
            Yaml::List(message.questions.iter().map(question).collect()),
        ),
        ("answers", records(&message.answers)),
        ("authorities", records(&message.authorities)),
        ("additionals", records(&message.additionals)),
        ("size", Yaml::literal(message.size())),
    ]);
    write(&node, Dialect::Form, out)
}

fn question(question: &Question) -> Yaml {
    map([
        ("name", Yaml::text(question.name.as_str())),
        ("type", Yaml::text(types::to_str(question.type_))),
        ("class", Yaml::text(classes::to_str(question.class))),
    ])
}

fn record(record: &Record) -> Yaml {
    let service = if record.type_ == types::HTTPS {
        HttpsRecord::unpack(&record.data).ok()
    } else {
        None
    };
    map([
        ("name", Yaml::text(record.name.as_str())),
        ("type", Yaml::text(types::to_str(record.type_))),
        ("class", Yaml::text(classes::to_str(record.class))),
        ("ttl", Yaml::literal(record.ttl)),
        (
            "data",
            service.map_or_else(|| Yaml::text(record.to_string()), |service| https(&service)),
        ),
    ])
}

/// Target, priority and parameters of an HTTPS record (RFC 9460).
fn https(record: &HttpsRecord) -> Yaml {
    let mut entries = vec![
        (
            Yaml::text("target_name"),
            Yaml::text(record.target_name.as_str()),
        ),
        (Yaml::text("priority"), Yaml::literal(record.priority)),
    ];
    for (key, value) in &record.params {
        let name = parameter_name(*key).map_or_else(|| Yaml::literal(key), Yaml::text);
        entries.push((name, Yaml::text(escape_bytes(value))));
    }
    Yaml::Map(entries)
}

fn map<const N: usize>(entries: [(&str, Yaml); N]) -> Yaml {
    Yaml::Map(
        entries
            .into_iter()
            .map(|(key, value)| (Yaml::text(key), value))
            .collect(),
    )
}

#[cfg(test)]
mod tests;
