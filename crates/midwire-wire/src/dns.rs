//! DNS messages (RFC 1035).

use bytes::Bytes;

/// A DNS message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Identifier.
    pub id: u16,
    /// True for a query.
    pub query: bool,
    /// Kind of query.
    pub op_code: u8,
    /// The answer is authoritative.
    pub authoritative_answer: bool,
    /// The message was cut.
    pub truncation: bool,
    /// Recursion is asked for.
    pub recursion_desired: bool,
    /// Recursion can be had.
    pub recursion_available: bool,
    /// Reserved bits.
    pub reserved: u8,
    /// Response code.
    pub response_code: u8,
    /// Questions.
    pub questions: Vec<Question>,
    /// Answers.
    pub answers: Vec<Record>,
    /// Authority records.
    pub authorities: Vec<Record>,
    /// Additional records.
    pub additionals: Vec<Record>,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Name as text.
    pub name: String,
    /// Type.
    pub type_: u16,
    /// Class.
    pub class: u16,
}

/// A resource record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Name as text.
    pub name: String,
    /// Type.
    pub type_: u16,
    /// Class.
    pub class: u16,
    /// Time to live in seconds.
    pub ttl: u32,
    /// Data, names uncompressed.
    pub data: Bytes,
}
