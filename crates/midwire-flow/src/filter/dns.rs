//! DNS messages as text: the names asked for and the data of all records, joined by CRLF.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

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
        data(record.type_, &record.data, &mut out);
    }
    out
}

/// Data of a record: addresses, names and texts in their usual form, everything else in hexadecimal.
fn data(type_: u16, data: &[u8], out: &mut String) {
    let (type_name, text) = match type_ {
        1 => (
            "A",
            <[u8; 4]>::try_from(data)
                .ok()
                .map(|a| Ipv4Addr::from(a).to_string()),
        ),
        28 => (
            "AAAA",
            <[u8; 16]>::try_from(data)
                .ok()
                .map(|a| Ipv6Addr::from(a).to_string()),
        ),
        2 => ("NS", name(data)),
        5 => ("CNAME", name(data)),
        12 => ("PTR", name(data)),
        16 => ("TXT", String::from_utf8(data.to_vec()).ok()),
        _ => return hexadecimal(data, out),
    };
    match text {
        Some(text) => out.push_str(&text),
        None => {
            hexadecimal(data, out);
            let _ = write!(out, " (invalid {type_name} data)");
        }
    }
}

fn hexadecimal(data: &[u8], out: &mut String) {
    out.push_str("0x");
    for byte in data {
        let _ = write!(out, "{byte:02x}");
    }
}

/// A name without compression (RFC 1035 §3.1).
fn name(mut data: &[u8]) -> Option<String> {
    let mut out = String::new();
    loop {
        let (len, rest) = data.split_first()?;
        if *len == 0 {
            return rest.is_empty().then_some(out);
        }
        if *len > 63 {
            return None;
        }
        let (label, rest) = rest.split_at_checked(usize::from(*len))?;
        if !out.is_empty() {
            out.push('.');
        }
        out.push_str(&String::from_utf8_lossy(label));
        data = rest;
    }
}
