//! DNS messages as text: the names asked for and the data of all records, joined by CRLF.

use std::fmt::Write as _;

use midwire_wire::dns::{Record, types};

use crate::Dns;

/// Text of a DNS message as `~b` sees it.
pub(super) fn text(message: &Dns) -> String {
    let mut out = String::new();
    let mut first = true;
    let mut separate = |out: &mut String| {
        if !std::mem::take(&mut first) {
            out.push_str("\r\n");
        }
    };
    for question in &message.questions {
        separate(&mut out);
        out.push_str(&question.name);
    }
    let sections = [&message.answers, &message.authorities, &message.additionals];
    for record in sections.into_iter().flatten() {
        separate(&mut out);
        data(record, &mut out);
    }
    out
}

/// Data of a record: addresses, names and texts in their usual form, everything else in hexadecimal.
fn data(record: &Record, out: &mut String) {
    let name = || record.domain_name().ok();
    let (type_name, text) = match record.type_ {
        types::A => ("A", record.ipv4_address().map(|a| a.to_string())),
        types::AAAA => ("AAAA", record.ipv6_address().map(|a| a.to_string())),
        types::NS => ("NS", name()),
        types::CNAME => ("CNAME", name()),
        types::PTR => ("PTR", name()),
        types::TXT => ("TXT", record.text().map(str::to_owned)),
        _ => return hexadecimal(&record.data, out),
    };
    if let Some(text) = text {
        out.push_str(&text);
        return;
    }
    hexadecimal(&record.data, out);
    let _ = write!(out, " (invalid {type_name} data)");
}

fn hexadecimal(data: &[u8], out: &mut String) {
    out.push_str("0x");
    for byte in data {
        let _ = write!(out, "{byte:02x}");
    }
}
