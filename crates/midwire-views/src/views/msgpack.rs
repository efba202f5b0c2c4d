//! MessagePack.

use super::fits_media;
use super::hex::to_hex;
use super::reader::Reader;
use crate::yaml::{Dialect, Yaml, scalar, write};
use crate::{ContentView, MAX_DEPTH, Metadata, Out, Syntax, ViewError};

/// Shows MessagePack values as YAML; several values one after the other become several documents.
pub(crate) struct MsgPack;

impl ContentView for MsgPack {
    fn name(&self) -> &'static str {
        "MsgPack"
    }

    fn syntax(&self) -> Syntax {
        Syntax::Yaml
    }

    fn render_priority(&self, data: &[u8], meta: &Metadata<'_>) -> f64 {
        fits_media(
            data,
            meta,
            &["application/msgpack", "application/x-msgpack"],
        )
    }

    fn prettify(&self, data: &[u8], _: &Metadata<'_>) -> Result<String, ViewError> {
        let mut reader = Reader::new(data);
        let mut out = Out::for_input(data.len());
        loop {
            write(&value(&mut reader, 0)?, Dialect::Data, &mut out)?;
            if reader.is_empty() {
                return Ok(out.finish());
            }
            out.push("---\n")?;
        }
    }

    fn is_interactive(&self) -> bool {
        true
    }

    fn reencode(&self, text: &str, _: &Metadata<'_>) -> Result<Vec<u8>, ViewError> {
        let mut data = Vec::new();
        for document in super::edit::documents(text)? {
            encode(&document, &mut data)?;
        }
        Ok(data)
    }
}

const VALUE: &str = "a value";

/// Reads one value. The format is that of github.com/msgpack/msgpack/blob/master/spec.md.
fn value(reader: &mut Reader<'_>, depth: usize) -> Result<Yaml, ViewError> {
    if depth > MAX_DEPTH {
        return Err(ViewError::TooDeep(MAX_DEPTH));
    }
    let at = reader.at();
    let kind = reader.u8(VALUE)?;
    Ok(match kind {
        0x00..=0x7f => Yaml::literal(kind),
        0x80..=0x8f => map(reader, usize::from(kind & 0x0f), depth)?,
        0x90..=0x9f => list(reader, usize::from(kind & 0x0f), depth)?,
        0xa0..=0xbf => text(reader.bytes(usize::from(kind & 0x1f), VALUE)?),
        0xc0 => Yaml::literal("null"),
        0xc2 => Yaml::literal("false"),
        0xc3 => Yaml::literal("true"),
        0xc4..=0xc6 => {
            let len = length(reader, kind - 0xc4)?;
            binary("binary", reader.bytes(len, VALUE)?)
        }
        0xc7..=0xc9 => {
            let len = length(reader, kind - 0xc7)?;
            extension(reader, len)?
        }
        0xca => Yaml::Literal(super::float(f64::from(f32::from_be_bytes(
            reader.array(VALUE)?,
        )))),
        0xcb => Yaml::Literal(super::float(f64::from_be_bytes(reader.array(VALUE)?))),
        0xcc => Yaml::literal(reader.u8(VALUE)?),
        0xcd => Yaml::literal(reader.u16(VALUE)?),
        0xce => Yaml::literal(reader.u32(VALUE)?),
        0xcf => Yaml::literal(u64::from_be_bytes(reader.array(VALUE)?)),
        0xd0 => Yaml::literal(i8::from_be_bytes(reader.array(VALUE)?)),
        0xd1 => Yaml::literal(i16::from_be_bytes(reader.array(VALUE)?)),
        0xd2 => Yaml::literal(i32::from_be_bytes(reader.array(VALUE)?)),
        0xd3 => Yaml::literal(i64::from_be_bytes(reader.array(VALUE)?)),
        0xd4..=0xd8 => extension(reader, 1 << (kind - 0xd4))?,
        0xd9..=0xdb => {
            let len = length(reader, kind - 0xd9)?;
            text(reader.bytes(len, VALUE)?)
        }
        0xdc | 0xdd => {
            let len = length(reader, kind - 0xdc + 1)?;
            list(reader, len, depth)?
        }
        0xde | 0xdf => {
            let len = length(reader, kind - 0xde + 1)?;
            map(reader, len, depth)?
        }
        0xe0..=0xff => Yaml::literal(kind.cast_signed()),
        0xc1 => {
            return Err(ViewError::Expected {
                expected: VALUE,
                at,
            });
        }
    })
}

/// A length of 1, 2 or 4 bytes for `size` 0, 1 or 2.
fn length(reader: &mut Reader<'_>, size: u8) -> Result<usize, ViewError> {
    Ok(match size {
        0 => usize::from(reader.u8(VALUE)?),
        1 => usize::from(reader.u16(VALUE)?),
        _ => reader.u32(VALUE)? as usize,
    })
}

// Lists and maps grow as values are read, so a length that lies costs nothing.
fn list(reader: &mut Reader<'_>, len: usize, depth: usize) -> Result<Yaml, ViewError> {
    let mut items = Vec::new();
    for _ in 0..len {
        items.push(value(reader, depth + 1)?);
    }
    Ok(Yaml::List(items))
}

fn map(reader: &mut Reader<'_>, len: usize, depth: usize) -> Result<Yaml, ViewError> {
    let mut entries = Vec::new();
    for _ in 0..len {
        entries.push((value(reader, depth + 1)?, value(reader, depth + 1)?));
    }
    Ok(Yaml::Map(entries))
}

fn text(bytes: &[u8]) -> Yaml {
    match std::str::from_utf8(bytes) {
        Ok(text) => Yaml::text(text),
        Err(_) => binary("str", bytes),
    }
}

fn extension(reader: &mut Reader<'_>, len: usize) -> Result<Yaml, ViewError> {
    let kind = i8::from_be_bytes(reader.array(VALUE)?);
    Ok(binary(&format!("ext{kind}"), reader.bytes(len, VALUE)?))
}

fn binary(tag: &str, bytes: &[u8]) -> Yaml {
    Yaml::Literal(format!("!{tag} {}", scalar(&to_hex(bytes), Dialect::Data)))
}

/// Writes a value in its shortest form.
fn encode(node: &super::edit::Node, data: &mut Vec<u8>) -> Result<(), ViewError> {
    use super::edit::Node;
    match node {
        Node::Null => data.push(0xc0),
        Node::Bool(value) => data.push(if *value { 0xc3 } else { 0xc2 }),
        Node::Integer(value) => encode_integer(*value, data)?,
        Node::Float(value) => {
            data.push(0xcb);
            data.extend(value.to_be_bytes());
        }
        Node::Text(text) => encode_bytes(Kind::Text, text.as_bytes(), data)?,
        Node::Tagged(tag, text) => {
            let bytes = super::hex::from_hex(text)?;
            match tag.as_str() {
                "binary" => encode_bytes(Kind::Binary, &bytes, data)?,
                "str" => encode_bytes(Kind::Text, &bytes, data)?,
                tag => {
                    let kind = tag.strip_prefix("ext").and_then(|kind| kind.parse().ok());
                    encode_bytes(
                        Kind::Extension(kind.ok_or_else(|| super::edit::unknown_tag(tag))?),
                        &bytes,
                        data,
                    )?;
                }
            }
        }
        Node::List(items) => {
            encode_length([0x90, 0xdc, 0xdd], items.len(), data)?;
            items.iter().try_for_each(|item| encode(item, data))?;
        }
        Node::Map(entries) => {
            encode_length([0x80, 0xde, 0xdf], entries.len(), data)?;
            for (key, value) in entries {
                encode(key, data)?;
                encode(value, data)?;
            }
        }
    }
    Ok(())
}

fn encode_integer(value: i128, data: &mut Vec<u8>) -> Result<(), ViewError> {
    if let Ok(value) = u64::try_from(value) {
        match value {
            ..0x80 => data.push(value as u8),
            0x80..0x100 => data.extend([0xcc, value as u8]),
            0x100..0x1_0000 => data.extend([&[0xcd][..], &(value as u16).to_be_bytes()].concat()),
            0x1_0000..0x1_0000_0000 => {
                data.extend([&[0xce][..], &(value as u32).to_be_bytes()].concat());
            }
            _ => data.extend([&[0xcf][..], &value.to_be_bytes()].concat()),
        }
        return Ok(());
    }
    let value =
        i64::try_from(value).map_err(|_| ViewError::NotApplicable("number beyond 64 bits"))?;
    match value {
        -32..0 => data.push(value as i8 as u8),
        -0x80.. => data.extend([0xd0, value as i8 as u8]),
        -0x8000.. => data.extend([&[0xd1][..], &(value as i16).to_be_bytes()].concat()),
        -0x8000_0000.. => data.extend([&[0xd2][..], &(value as i32).to_be_bytes()].concat()),
        _ => data.extend([&[0xd3][..], &value.to_be_bytes()].concat()),
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Binary,
    Extension(i8),
}

fn encode_bytes(kind: Kind, bytes: &[u8], data: &mut Vec<u8>) -> Result<(), ViewError> {
    let len = u32::try_from(bytes.len()).map_err(|_| ViewError::TooLarge(u32::MAX as usize))?;
    let small = match kind {
        Kind::Text if len < 32 => {
            data.push(0xa0 | len as u8);
            data.extend(bytes);
            return Ok(());
        }
        Kind::Text => 0xd9,
        Kind::Binary => 0xc4,
        Kind::Extension(_) => 0xc7,
    };
    match (kind, len) {
        (Kind::Extension(_), 1 | 2 | 4 | 8 | 16) => data.push(0xd4 + len.trailing_zeros() as u8),
        (_, ..=0xff) => data.extend([small, len as u8]),
        (_, ..=0xffff) => data.extend([&[small + 1][..], &(len as u16).to_be_bytes()].concat()),
        _ => data.extend([&[small + 2][..], &len.to_be_bytes()].concat()),
    }
    if let Kind::Extension(kind) = kind {
        data.push(kind.cast_unsigned());
    }
    data.extend(bytes);
    Ok(())
}

fn encode_length(
    [fixed, short, long]: [u8; 3],
    len: usize,
    data: &mut Vec<u8>,
) -> Result<(), ViewError> {
    match u32::try_from(len).map_err(|_| ViewError::TooLarge(u32::MAX as usize))? {
        len @ ..16 => data.push(fixed | len as u8),
        len @ ..=0xffff => data.extend([&[short][..], &(len as u16).to_be_bytes()].concat()),
        len => data.extend([&[long][..], &len.to_be_bytes()].concat()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(data: &[u8]) -> Result<String, ViewError> {
        MsgPack.prettify(data, &Metadata::default())
    }

    #[test]
    fn values_become_yaml() {
        let check = |data: &[u8], expected: &str| {
            assert_eq!(shown(data).unwrap(), expected, "{data:?}");
            let back = MsgPack.reencode(expected, &Metadata::default()).unwrap();
            assert_eq!(shown(&back).unwrap(), expected);
        };
        check(
            b"\x82\xa1a\x01\xa1b\x93\xc3\xc0\xa1x",
            "a: 1\nb:\n- true\n- null\n- x\n",
        );
        check(
            b"\x92\xff\xcf\x80\0\0\0\0\0\0\0",
            "- -1\n- 9223372036854775808\n",
        );
        check(
            b"\x93\xcb\x3f\xf8\0\0\0\0\0\0\xcb\x7f\xf8\0\0\0\0\0\0\xcb\x7f\xf0\0\0\0\0\0\0",
            "- 1.5\n- .nan\n- .inf\n",
        );
        check(b"\xcb\x7e\x37\xe4\x3c\x88\0\x75\x9c", "1e300\n");
        check(b"\xc4\x02ab", "!binary '6162'\n");
        check(b"\xc7\x03\x05abc", "!ext5 '616263'\n");
        check(b"\xa2\xff\x61", "!str ff61\n");
        check(b"\x01\xa4true\x80", "1\n---\n'true'\n---\n{}\n");
        check(b"\x81\x92\x01\x02\x03", "? - 1\n  - 2\n: 3\n");
        check(b"\xa3a\nb", "|-\n  a\n  b\n");
    }

    #[test]
    fn broken_values_are_refused() {
        for data in [
            &b""[..],
            b"\xc1",
            b"\xa5ab",
            b"\xdd\xff\xff\xff\xff\x01",
            b"\x81\x01",
        ] {
            assert!(shown(data).is_err(), "{data:?}");
        }
        let deep = vec![0x91; MAX_DEPTH + 2];
        assert!(matches!(shown(&deep), Err(ViewError::TooDeep(_))));
    }

    proptest! {
        #[test]
        fn integers_round_trip(value in any::<i64>()) {
            let mut data = Vec::new();
            encode_integer(i128::from(value), &mut data).unwrap();
            prop_assert_eq!(shown(&data).unwrap(), format!("{value}\n"));
        }
    }
}
