//! Which framing a message has, and whether that is beyond doubt (RFC 9112 §6).

use super::chars::{is_token, trim};
use super::section::Notes;
use super::{Expected, Framing, Limits, Shown, Violation};
use crate::{Fields, Version};

/// What the header section alone says about the body.
enum Declared {
    Nothing,
    Length(u64),
    Chunked,
}

/// Framing of a request: without any field of framing it has no body.
pub(super) fn of_request(
    version: Version,
    fields: &Fields,
    notes: &Notes,
    limits: &Limits,
) -> Result<Framing, Violation> {
    Ok(match declared(version, fields, notes, limits)? {
        Declared::Nothing => Framing::None,
        Declared::Length(length) => Framing::Length(length),
        Declared::Chunked => Framing::Chunked,
    })
}

/// Framing of a response, which depends on the request that it answers too.
pub(super) fn of_response(
    (version, status, request): (Version, u16, Expected),
    fields: &Fields,
    notes: &Notes,
    limits: &Limits,
) -> Result<Framing, Violation> {
    let declared = declared(version, fields, notes, limits)?;
    let informational = status < 200;
    if notes.coding.count > 0 && limits.is_strict() && (informational || status == 204) {
        return Err(Violation::CodingForStatus {
            coding: Shown::one(notes.coding.value(fields.raw())),
            status,
        });
    }
    let bodiless = match request {
        Expected::Head => true,
        Expected::Connect => status < 300,
        Expected::Other => false,
    };
    if bodiless || informational || status == 204 || status == 304 {
        return Ok(Framing::None);
    }
    Ok(match declared {
        Declared::Nothing => Framing::UntilClose,
        Declared::Length(length) => Framing::Length(length),
        Declared::Chunked => Framing::Chunked,
    })
}

fn declared(
    version: Version,
    fields: &Fields,
    notes: &Notes,
    limits: &Limits,
) -> Result<Declared, Violation> {
    if notes.coding.count == 0 && notes.length.count == 0 {
        return Ok(Declared::Nothing);
    }
    if notes.coding.count > 0 && notes.length.count > 0 && limits.is_strict() {
        return Err(Violation::LengthAndCoding);
    }
    let length = match notes.length.count {
        0 => None,
        1 => Some(length(notes.length.value(fields.raw()), limits)?),
        _ => Some(lengths(fields, limits)?),
    };
    if notes.coding.count > 1 {
        let all = Shown::list(fields.get_all(b"transfer-encoding"));
        return Err(Violation::Codings(all));
    }
    if notes.coding.count == 1 {
        let value = notes.coding.value(fields.raw());
        check_coding(value, limits)?;
        if version == Version::Http10 && limits.is_strict() {
            return Err(Violation::CodingInHttp10(Shown::one(value)));
        }
        // The coding overrides a length (RFC 9112 §6.3); only the lenient decoder gets here with both.
        return Ok(Declared::Chunked);
    }
    Ok(length.map_or(Declared::Nothing, Declared::Length))
}

/// One Content-Length line: a number, or with the lenient decoder a list of equal numbers.
fn length(value: &[u8], limits: &Limits) -> Result<u64, Violation> {
    if value.contains(&b',') {
        return equal(value.split(|byte| *byte == b','), limits);
    }
    number(value).ok_or_else(|| Violation::Length(Shown::one(value)))
}

#[cold]
fn lengths(fields: &Fields, limits: &Limits) -> Result<u64, Violation> {
    let members = fields
        .get_all(b"content-length")
        .flat_map(|value| value.split(|byte| *byte == b','));
    equal(members, limits)
}

#[cold]
fn equal<'a>(members: impl Iterator<Item = &'a [u8]>, limits: &Limits) -> Result<u64, Violation> {
    let members: Vec<&[u8]> = members.map(trim).collect();
    let shown = Shown::list(members.iter().copied());
    let first = members.first().and_then(|member| number(member));
    let Some(length) = first.filter(|_| members.windows(2).all(|pair| pair.first() == pair.last()))
    else {
        return Err(Violation::Lengths(shown));
    };
    if limits.is_strict() {
        return Err(Violation::EqualLengths(shown));
    }
    Ok(length)
}

/// `0` or digits without a leading zero, up to 2^63-1.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.len() > 19 || (digits.len() > 1 && digits.first() == Some(&b'0')) {
        return None;
    }
    let mut number: u64 = 0;
    for digit in digits {
        let digit = digit.checked_sub(b'0').filter(|d| *d < 10)?;
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    (!digits.is_empty() && i64::try_from(number).is_ok()).then_some(number)
}

/// `chunked`, alone or after one known coding; the lenient decoder lets any tokens stand before it.
fn check_coding(value: &[u8], limits: &Limits) -> Result<(), Violation> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let mut before: Vec<&[u8]> = value.split(|byte| *byte == b',').map(trim).collect();
    let last = before.pop().unwrap_or_default();
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    let is_odd = |coding: &[u8]| coding.is_empty() || !coding.iter().all(|b| is_token(*b));
    if is_odd(last) || before.iter().any(|c| is_odd(c) || is_chunked(c)) {
        return Err(Violation::Coding(Shown::one(value)));
    }
    if !is_chunked(last) {
        return Err(Violation::NotChunked(Shown::one(value)));
    }
    let known = |coding: &[u8]| {
        [&b"gzip"[..], b"deflate", b"compress"]
            .iter()
            .any(|k| coding.eq_ignore_ascii_case(k))
    };
    if limits.is_strict() && (before.len() > 1 || !before.iter().all(|c| known(c))) {
        return Err(Violation::UnknownCoding(Shown::one(value)));
    }
    Ok(())
}
