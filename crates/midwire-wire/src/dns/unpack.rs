//! Messages from bytes.

use bytes::{Buf, Bytes};

use super::name::{read_name, wire_to_name};
use super::{Message, Question, Record, Section, UnpackError, rdata};

pub(super) fn message(bytes: &[u8]) -> Result<(Message, usize), UnpackError> {
    let mut cursor = Cursor { bytes, at: 0 };
    let mut header = [0; 6];
    for field in &mut header {
        *field = cursor.u16().ok_or(UnpackError::Header(bytes.len()))?;
    }
    let [id, flags, questions, answers, authorities, additionals] = header;
    let flag = |bit: u32| flags >> bit & 1 != 0;
    let bits = |shift: u32, mask: u16| (flags >> shift & mask) as u8;
    // The counts are the peer's: nothing is allocated by them.
    let mut message = Message {
        id,
        query: !flag(15),
        op_code: bits(11, 15),
        authoritative_answer: flag(10),
        truncation: flag(9),
        recursion_desired: flag(8),
        recursion_available: flag(7),
        reserved: bits(4, 7),
        response_code: bits(0, 15),
        questions: Vec::new(),
        answers: Vec::new(),
        authorities: Vec::new(),
        additionals: Vec::new(),
    };
    for index in 0..questions {
        message.questions.push(cursor.question(index)?);
    }
    for (section, count, records) in [
        (Section::Answer, answers, &mut message.answers),
        (Section::Authority, authorities, &mut message.authorities),
        (Section::Additional, additionals, &mut message.additionals),
    ] {
        for index in 0..count {
            records.push(cursor.record(section, index)?);
        }
    }
    Ok((message, cursor.at))
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn question(&mut self, index: u16) -> Result<Question, UnpackError> {
        let cut = UnpackError::Cut(Section::Question, index);
        Ok(Question {
            name: self.name(Section::Question, index)?,
            type_: self.u16().ok_or(cut)?,
            class: self.u16().ok_or(cut)?,
        })
    }

    fn record(&mut self, section: Section, index: u16) -> Result<Record, UnpackError> {
        let cut = UnpackError::Cut(section, index);
        let name = self.name(section, index)?;
        let type_ = self.u16().ok_or(cut)?;
        let class = self.u16().ok_or(cut)?;
        let ttl = self.take(4).ok_or(cut)?.try_get_u32().map_err(|_| cut)?;
        let length = self.u16().ok_or(cut)?;
        let start = self.at;
        let plain = self.take(usize::from(length)).ok_or(cut)?;
        // Data that does not fit its type is kept as it is; the record shows as invalid.
        let expanded = self
            .bytes
            .get(..self.at)
            .and_then(|seen| rdata::expand(type_, seen, start));
        let data = expanded.map_or_else(|| Bytes::copy_from_slice(plain), Bytes::from);
        Ok(Record {
            name,
            type_,
            class,
            ttl,
            data,
        })
    }

    fn name(&mut self, section: Section, index: u16) -> Result<String, UnpackError> {
        let fault = |error| UnpackError::Name(section, index, error);
        let (wire, end) = read_name(self.bytes, self.at).map_err(fault)?;
        self.at = end;
        wire_to_name(&wire).map_err(fault)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_get_u16().ok()
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }
}
