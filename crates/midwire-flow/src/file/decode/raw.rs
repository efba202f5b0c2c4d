//! Single values, with errors that name their key.

use super::Kind;
use crate::Number;
use crate::value::{Integer, ParseError, Raw, Tag};

pub(super) fn need<T>(value: Option<T>, key: &'static str) -> Result<T, Kind> {
    value.ok_or(Kind::MissingKey(key))
}

pub(super) fn bad(key: &'static str) -> impl Fn(ParseError) -> Kind {
    move |error| match error {
        ParseError::Literal => Kind::BadValue(key.into()),
        other => Kind::Malformed(other),
    }
}

pub(super) fn unexpected(key: Raw<'_>) -> Kind {
    Kind::UnexpectedKey(
        String::from_utf8_lossy(key.data)
            .chars()
            .take(100)
            .collect(),
    )
}

pub(super) fn opt<'a, T>(
    raw: Raw<'a>,
    read: impl FnOnce(Raw<'a>) -> Result<T, Kind>,
) -> Result<Option<T>, Kind> {
    if raw.is_null() {
        return Ok(None);
    }
    read(raw).map(Some)
}

pub(super) fn dict<'a>(
    raw: Raw<'a>,
    key: &'static str,
) -> Result<impl Iterator<Item = Result<(Raw<'a>, Raw<'a>), ParseError>>, Kind> {
    raw.dict().map_err(bad(key))
}

/// The elements of a list with a handful of elements.
pub(super) fn items<'a>(raw: Raw<'a>, key: &'static str) -> Result<Vec<Raw<'a>>, Kind> {
    /// More than any list of fixed form has.
    const MAX_ITEMS: usize = 8;
    let list = raw.list().map_err(bad(key))?;
    list.take(MAX_ITEMS)
        .map(|item| item.map_err(Kind::from))
        .collect()
}

pub(super) fn collect<'a, T>(
    raw: Raw<'a>,
    key: &'static str,
    read: impl Fn(Raw<'a>) -> Result<T, Kind>,
) -> Result<Vec<T>, Kind> {
    raw.list()
        .map_err(bad(key))?
        .map(|item| read(item?))
        .collect()
}

pub(super) fn octets<'a>(raw: Raw<'a>, key: &'static str) -> Result<&'a [u8], Kind> {
    match raw.tag {
        // Text is taken too, as the original takes it for the fields of old files.
        Tag::Bytes | Tag::Text => Ok(raw.data),
        _ => Err(Kind::BadValue(key.into())),
    }
}

pub(super) fn int<T: TryFrom<i64>>(raw: Raw<'_>, key: &'static str) -> Result<T, Kind> {
    match raw.integer().map_err(bad(key))? {
        Integer::Small(n) => T::try_from(n).map_err(|_| Kind::BadValue(key.into())),
        Integer::Big(_) => Err(Kind::BadValue(key.into())),
    }
}

pub(super) fn number(raw: Raw<'_>, key: &'static str) -> Result<Number, Kind> {
    if raw.tag == Tag::Float {
        return Ok(Number::Float(raw.float().map_err(bad(key))?));
    }
    match raw.integer().map_err(bad(key))? {
        Integer::Small(n) => Ok(Number::Int(n)),
        Integer::Big(_) => Err(Kind::BadValue(key.into())),
    }
}

/// A number that is a float from now on, as the original makes it.
pub(super) fn float(raw: Raw<'_>, key: &'static str) -> Result<f64, Kind> {
    number(raw, key).map(Number::as_f64)
}
