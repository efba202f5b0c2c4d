//! DNS messages (RFC 1035 §4), their names, records and framing over TCP.
//!
//! Names are text in the model, as scripts and interfaces want them, and come back to the same bytes when packed.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod framing;
mod https;
mod name;
mod punycode;
mod rdata;
mod tables;
#[cfg(test)]
mod tests;
mod unpack;

use bytes::{BufMut, Bytes};

pub use framing::{FramingError, encode_framed, next_framed};
pub use https::{HttpsRecord, SvcbError, parameter_name};
pub use name::{NameError, name_to_wire, wire_to_name};
pub use rdata::DEFAULT_TTL;
pub use tables::{classes, http_status, op_codes, response_codes, types};

/// A DNS query or response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Ties a response to its query.
    pub id: u16,
    /// A query, not a response.
    pub query: bool,
    /// Kind of query, 0 to 15; see [`op_codes`].
    pub op_code: u8,
    /// The server is an authority for the name.
    pub authoritative_answer: bool,
    /// The message was cut to fit its transport.
    pub truncation: bool,
    /// The server shall ask on.
    pub recursion_desired: bool,
    /// The server can ask on.
    pub recursion_available: bool,
    /// Three bits: zero, then AD and CD of RFC 4035 §3.1.6 and §3.2.2.
    pub reserved: u8,
    /// Outcome, 0 to 15; see [`response_codes`].
    pub response_code: u8,
    /// What is asked; practically one.
    pub questions: Vec<Question>,
    /// The answers.
    pub answers: Vec<Record>,
    /// Records of authorities.
    pub authorities: Vec<Record>,
    /// Everything else, such as the OPT record of RFC 6891.
    pub additionals: Vec<Record>,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name, as [`wire_to_name`] writes it.
    pub name: String,
    /// The wanted type; see [`types`].
    pub type_: u16,
    /// The wanted class; see [`classes`].
    pub class: u16,
}

/// A resource record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The name, as [`wire_to_name`] writes it.
    pub name: String,
    /// The type; see [`types`].
    pub type_: u16,
    /// The class; see [`classes`].
    pub class: u16,
    /// Time to live in seconds.
    pub ttl: u32,
    /// The data, at most 65535 bytes. Names in it are uncompressed where the type is known to have some.
    pub data: Bytes,
}

/// Where in a message something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Questions.
    Question,
    /// Answers.
    Answer,
    /// Authorities.
    Authority,
    /// Additional records.
    Additional,
}

impl std::fmt::Display for Section {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Question => "question",
            Self::Answer => "answer",
            Self::Authority => "authority",
            Self::Additional => "additional",
        })
    }
}

/// Why bytes are no DNS message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// Fewer than twelve bytes.
    #[error("DNS message of {0} bytes is shorter than its header")]
    Header(usize),
    /// The message ends inside an entry.
    #[error("DNS message ends inside {0} #{1}")]
    Cut(Section, u16),
    /// The name of an entry cannot be read.
    #[error("{0} #{1} of the DNS message: {2}")]
    Name(Section, u16, NameError),
    /// Bytes follow that the header does not announce.
    #[error("{0} bytes after the DNS message")]
    Trailing(usize),
}

/// Why a message cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// A field of the header is larger than its bits.
    #[error("DNS {field} of {value} is out of bounds")]
    OutOfBounds {
        /// Which field.
        field: &'static str,
        /// Its value.
        value: u8,
    },
    /// A name that cannot stand on the wire.
    #[error("DNS name {0:?}: {1}")]
    Name(String, NameError),
    /// More than 65535 entries in a section.
    #[error("more than 65535 entries in a section of a DNS message")]
    TooManyEntries,
    /// Data of more than 65535 bytes.
    #[error("DNS record data of {0} bytes")]
    DataTooLong(usize),
}

/// [`Message::fail`] was asked for a failure called success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the response code of a failure must be an error code")]
pub struct NotAnError;

impl Message {
    /// Reads a message that is all of `bytes`.
    ///
    /// Compression pointers may only point backwards, at most 128 in one name, and a name has at most 255 bytes. What
    /// the result holds is about 100 times the size of the input at worst.
    pub fn unpack(bytes: &[u8]) -> Result<Self, UnpackError> {
        let (message, length) = Self::unpack_prefix(bytes)?;
        match bytes.len().saturating_sub(length) {
            0 => Ok(message),
            trailing => Err(UnpackError::Trailing(trailing)),
        }
    }

    /// Reads a message from the beginning of `bytes` and tells its length.
    pub fn unpack_prefix(bytes: &[u8]) -> Result<(Self, usize), UnpackError> {
        unpack::message(bytes)
    }

    /// Writes the message without compressing names. The result may be too large for its transport.
    pub fn pack(&self) -> Result<Vec<u8>, PackError> {
        let bits = |field, value: u8, limit: u8| match value {
            _ if value > limit => Err(PackError::OutOfBounds { field, value }),
            _ => Ok(u16::from(value)),
        };
        let flags = u16::from(!self.query) << 15
            | bits("op_code", self.op_code, 15)? << 11
            | u16::from(self.authoritative_answer) << 10
            | u16::from(self.truncation) << 9
            | u16::from(self.recursion_desired) << 8
            | u16::from(self.recursion_available) << 7
            | bits("reserved value", self.reserved, 7)? << 4
            | bits("response_code", self.response_code, 15)?;

        let count = |entries: usize| u16::try_from(entries).map_err(|_| PackError::TooManyEntries);
        let mut out = Vec::with_capacity(512);
        out.put_u16(self.id);
        out.put_u16(flags);
        out.put_u16(count(self.questions.len())?);
        out.put_u16(count(self.answers.len())?);
        out.put_u16(count(self.authorities.len())?);
        out.put_u16(count(self.additionals.len())?);
        for question in &self.questions {
            put_name(&mut out, &question.name)?;
            out.put_u16(question.type_);
            out.put_u16(question.class);
        }
        for record in self.records() {
            let length = record.data.len();
            put_name(&mut out, &record.name)?;
            out.put_u16(record.type_);
            out.put_u16(record.class);
            out.put_u32(record.ttl);
            out.put_u16(u16::try_from(length).map_err(|_| PackError::DataTooLong(length))?);
            out.put_slice(&record.data);
        }
        Ok(out)
    }

    /// The question, if there is exactly one.
    pub fn question(&self) -> Option<&Question> {
        match &self.questions[..] {
            [question] => Some(question),
            _ => None,
        }
    }

    /// The records of all sections in order.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        let sections = [&self.answers, &self.authorities, &self.additionals];
        sections.into_iter().flatten()
    }

    /// Bytes of data in all records.
    pub fn size(&self) -> usize {
        self.records().map(|record| record.data.len()).sum()
    }

    /// A response that fails the query with `response_code`, which must not be NOERROR.
    pub fn fail(&self, response_code: u8) -> Result<Self, NotAnError> {
        if u16::from(response_code) == response_codes::NOERROR {
            return Err(NotAnError);
        }
        Ok(Self {
            response_code,
            recursion_available: false,
            ..self.succeed(Vec::new())
        })
    }

    /// A response that answers the query.
    pub fn succeed(&self, answers: Vec<Record>) -> Self {
        Self {
            id: self.id,
            query: false,
            op_code: self.op_code,
            authoritative_answer: false,
            truncation: false,
            recursion_desired: self.recursion_desired,
            recursion_available: true,
            reserved: 0,
            response_code: 0,
            questions: self.questions.clone(),
            answers,
            authorities: Vec::new(),
            additionals: Vec::new(),
        }
    }
}

fn put_name(out: &mut Vec<u8>, name: &str) -> Result<(), PackError> {
    let wire = name_to_wire(name).map_err(|error| PackError::Name(name.to_owned(), error))?;
    out.extend(wire);
    Ok(())
}
