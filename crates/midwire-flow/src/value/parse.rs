//! Reading typed netstrings, lazily and over borrowed bytes.
//!
//! A [`Raw`] is a tag and its data. Lists and dicts are only cut up while somebody walks through them, so reading a
//! flow builds no tree. Nothing is allocated by a length that the input claims.

use std::collections::HashSet;
use std::str;

use bytes::Bytes;

use super::Value;

/// Lists and dicts inside each other, at most.
pub const MAX_DEPTH: usize = 64;

/// Digits of a length, at most.
pub(crate) const MAX_LENGTH_DIGITS: usize = 12;

/// Digits of an integer, at most: what Python's `int` accepts.
const MAX_INT_DIGITS: usize = 4300;

/// Why bytes are no typed netstring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The bytes end inside of a value.
    #[error("incomplete value")]
    Incomplete,
    /// A length is no number of 1 to 12 digits, or points past the enclosing value.
    #[error("invalid length")]
    Length,
    /// Not one of the tags.
    #[error("unknown type tag")]
    Tag,
    /// Data that its tag does not allow.
    #[error("invalid literal")]
    Literal,
    /// More than [`MAX_DEPTH`] lists and dicts inside each other.
    #[error("nested too deeply")]
    Depth,
}

/// Type tag of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Bytes,
    Text,
    Int,
    Float,
    Bool,
    Null,
    List,
    Dict,
}

impl Tag {
    pub(crate) fn from_byte(byte: u8) -> Result<Self, ParseError> {
        Ok(match byte {
            b',' => Self::Bytes,
            b';' => Self::Text,
            b'#' => Self::Int,
            b'^' => Self::Float,
            b'!' => Self::Bool,
            b'~' => Self::Null,
            b']' => Self::List,
            b'}' => Self::Dict,
            _ => return Err(ParseError::Tag),
        })
    }
}

/// A value that has not been looked into yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw<'a> {
    pub(crate) tag: Tag,
    pub(crate) data: &'a [u8],
}

/// An integer of a file.
pub(crate) enum Integer<'a> {
    Small(i64),
    Big(&'a str),
}

/// Reads `LENGTH ":"`; gives the length and how many bytes it took.
fn length(input: &[u8]) -> Result<(usize, usize), ParseError> {
    let mut n: u64 = 0;
    for (i, byte) in input.iter().enumerate() {
        match byte {
            b'0'..=b'9' if i < MAX_LENGTH_DIGITS => n = n * 10 + u64::from(byte - b'0'),
            b':' if i > 0 => {
                let n = usize::try_from(n).map_err(|_| ParseError::Length)?;
                return Ok((n, i + 1));
            }
            _ => return Err(ParseError::Length),
        }
    }
    Err(ParseError::Incomplete)
}

impl<'a> Raw<'a> {
    /// Cuts the first value off; gives it and the rest.
    pub(crate) fn pop(input: &'a [u8]) -> Result<(Self, &'a [u8]), ParseError> {
        let (len, skip) = length(input)?;
        let rest = input.get(skip..).unwrap_or_default();
        let data = rest.get(..len).ok_or(ParseError::Incomplete)?;
        let tag = rest.get(len).ok_or(ParseError::Incomplete)?;
        let tag = Tag::from_byte(*tag)?;
        Ok((Self { tag, data }, rest.get(len + 1..).unwrap_or_default()))
    }

    /// The elements of a list.
    pub(crate) fn list(
        self,
    ) -> Result<impl Iterator<Item = Result<Raw<'a>, ParseError>>, ParseError> {
        if self.tag != Tag::List {
            return Err(ParseError::Literal);
        }
        Ok(Elements { rest: self.data })
    }

    /// The pairs of a dict in the order of the bytes, which is the reverse of insertion.
    pub(crate) fn dict(
        self,
    ) -> Result<impl Iterator<Item = Result<(Raw<'a>, Raw<'a>), ParseError>>, ParseError> {
        if self.tag != Tag::Dict {
            return Err(ParseError::Literal);
        }
        let mut elements = Elements { rest: self.data };
        Ok(std::iter::from_fn(move || {
            let key = match elements.next()? {
                Ok(key) => key,
                Err(error) => return Some(Err(error)),
            };
            Some(match elements.next() {
                Some(Ok(value)) => Ok((key, value)),
                Some(Err(error)) => Err(error),
                None => Err(ParseError::Length),
            })
        }))
    }

    pub(crate) fn is_null(self) -> bool {
        self.tag == Tag::Null
    }

    pub(crate) fn null(self) -> Result<(), ParseError> {
        if self.data.is_empty() {
            Ok(())
        } else {
            Err(ParseError::Literal)
        }
    }

    pub(crate) fn bool(self) -> Result<bool, ParseError> {
        match (self.tag, self.data) {
            (Tag::Bool, b"true") => Ok(true),
            (Tag::Bool, b"false") => Ok(false),
            _ => Err(ParseError::Literal),
        }
    }

    pub(crate) fn text(self) -> Result<&'a str, ParseError> {
        match self.tag {
            Tag::Text => str::from_utf8(self.data).map_err(|_| ParseError::Literal),
            _ => Err(ParseError::Literal),
        }
    }

    pub(crate) fn integer(self) -> Result<Integer<'a>, ParseError> {
        let digits = match self.data {
            [b'-', digits @ ..] => digits,
            digits => digits,
        };
        let valid = self.tag == Tag::Int
            && (1..=MAX_INT_DIGITS).contains(&digits.len())
            && digits.iter().all(u8::is_ascii_digit);
        if !valid {
            return Err(ParseError::Literal);
        }
        let text = str::from_utf8(self.data).map_err(|_| ParseError::Literal)?;
        Ok(match text.parse() {
            Ok(n) => Integer::Small(n),
            Err(_) => Integer::Big(text),
        })
    }

    pub(crate) fn float(self) -> Result<f64, ParseError> {
        if self.tag != Tag::Float {
            return Err(ParseError::Literal);
        }
        let text = str::from_utf8(self.data).map_err(|_| ParseError::Literal)?;
        text.parse().map_err(|_| ParseError::Literal)
    }

    /// The whole value. `bytes` makes owned bytes of a piece of the input; `depth` levels are still allowed.
    pub(crate) fn to_value(
        self,
        bytes: &dyn Fn(&[u8]) -> Bytes,
        depth: usize,
    ) -> Result<Value, ParseError> {
        Ok(match self.tag {
            Tag::Bytes => Value::Bytes(bytes(self.data)),
            Tag::Text => Value::Text(self.text()?.to_owned()),
            Tag::Int => match self.integer()? {
                Integer::Small(n) => Value::Int(n),
                Integer::Big(digits) => Value::BigInt(digits.to_owned()),
            },
            Tag::Float => Value::Float(self.float()?),
            Tag::Bool => Value::Bool(self.bool()?),
            Tag::Null => {
                self.null()?;
                Value::Null
            }
            Tag::List => {
                let depth = depth.checked_sub(1).ok_or(ParseError::Depth)?;
                let items: Result<_, _> = self
                    .list()?
                    .map(|item| item?.to_value(bytes, depth))
                    .collect();
                Value::List(items?)
            }
            Tag::Dict => {
                let depth = depth.checked_sub(1).ok_or(ParseError::Depth)?;
                let mut raws: Vec<(Raw<'_>, Raw<'_>)> = self.dict()?.collect::<Result<_, _>>()?;
                // The bytes have the pairs in reverse; of equal keys the last one in the bytes counts.
                raws.reverse();
                let mut seen = HashSet::new();
                if raws.len() > 1 {
                    raws.retain(|(key, _)| seen.insert((key.tag as u8, key.data)));
                }
                let pairs: Result<_, ParseError> = raws
                    .into_iter()
                    .map(|(k, v)| Ok((k.to_value(bytes, depth)?, v.to_value(bytes, depth)?)))
                    .collect();
                Value::Dict(pairs?)
            }
        })
    }
}

struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Raw<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match Raw::pop(self.rest) {
            Ok((raw, rest)) => {
                self.rest = rest;
                Some(Ok(raw))
            }
            Err(error) => {
                self.rest = &[];
                // Inside of a list or dict more bytes will not come.
                Some(Err(match error {
                    ParseError::Incomplete => ParseError::Length,
                    other => other,
                }))
            }
        }
    }
}

impl Value {
    /// Reads the first value of `input`; gives it and the number of bytes that it took.
    ///
    /// Dict pairs come in the order of insertion, the reverse of the bytes. At most [`MAX_DEPTH`] levels are read.
    ///
    /// # Errors
    /// [`ParseError::Incomplete`] if bytes that follow may complete the value, another error if nothing can.
    pub fn parse(input: &[u8]) -> Result<(Self, usize), ParseError> {
        let (raw, rest) = Raw::pop(input)?;
        let value = raw.to_value(&Bytes::copy_from_slice, MAX_DEPTH)?;
        Ok((value, input.len() - rest.len()))
    }
}
