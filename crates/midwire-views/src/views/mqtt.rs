//! MQTT packets.

use super::NEVER;
use super::reader::Reader;
use crate::text::printable;
use crate::{ContentView, Metadata, Out, ViewError};

/// Shows the control packets of MQTT 3.1.1 and the connect packet of MQTT 5.
pub(crate) struct Mqtt;

impl ContentView for Mqtt {
    fn name(&self) -> &'static str {
        "MQTT"
    }

    fn render_priority(&self, _: &[u8], _: &Metadata<'_>) -> f64 {
        NEVER
    }

    fn prettify(&self, data: &[u8], _: &Metadata<'_>) -> Result<String, ViewError> {
        let mut reader = Reader::new(data);
        let mut out = Out::for_input(data.len());
        out.push(&packet(&mut reader)?)?;
        while !reader.is_empty() {
            out.push("\n")?;
            match packet(&mut reader) {
                Ok(text) => out.push(&text)?,
                Err(error) => {
                    out.push(&format!("({error})"))?;
                    break;
                }
            }
        }
        Ok(out.finish())
    }
}

/// Names by packet type (MQTT 3.1.1 §2.2.1, MQTT 5 §2.1.2).
const NAMES: [&str; 16] = [
    "RESERVED",
    "CONNECT",
    "CONNACK",
    "PUBLISH",
    "PUBACK",
    "PUBREC",
    "PUBREL",
    "PUBCOMP",
    "SUBSCRIBE",
    "SUBACK",
    "UNSUBSCRIBE",
    "UNSUBACK",
    "PINGREQ",
    "PINGRESP",
    "DISCONNECT",
    "AUTH",
];

fn packet(reader: &mut Reader<'_>) -> Result<String, ViewError> {
    let first = reader.u8("the packet type")?;
    let length = variable_length(reader)?;
    let body = reader.bytes(length, "a packet")?;
    let name = NAMES
        .get(usize::from(first >> 4))
        .copied()
        .unwrap_or("RESERVED");
    let mut body = Reader::new(body);
    match name {
        "CONNECT" => connect(&mut body),
        "PUBLISH" => publish(first, &mut body),
        "SUBSCRIBE" | "UNSUBSCRIBE" => subscribe(name, &mut body),
        _ => Ok(format!("[{name}]")),
    }
}

fn connect(body: &mut Reader<'_>) -> Result<String, ViewError> {
    string(body, "the protocol name")?;
    let level = body.u8("the protocol level")?;
    let flags = body.u8("the connect flags")?;
    body.u16("the keep-alive time")?;
    let properties = |body: &mut Reader<'_>| -> Result<(), ViewError> {
        if level >= 5 {
            let length = variable_length(body)?;
            body.bytes(length, "the properties")?;
        }
        Ok(())
    };
    properties(body)?;
    let client = string(body, "the client id")?;
    let (mut topic, mut message) = (None, None);
    if flags & 0x04 != 0 {
        properties(body)?;
        topic = Some(string(body, "the will topic")?);
        message = Some(string(body, "the will message")?);
    }
    let user = (flags & 0x80 != 0)
        .then(|| string(body, "the user name"))
        .transpose()?;
    let password = (flags & 0x40 != 0)
        .then(|| string(body, "the password"))
        .transpose()?;
    let shown = |value: Option<&[u8]>| value.map_or_else(|| "None".to_owned(), printable);
    Ok(format!(
        "[CONNECT]\n\nClient Id: {}\nWill Topic: {}\nWill Message: {}\nUser Name: {}\nPassword: {}\n",
        printable(client),
        shown(topic),
        shown(message),
        shown(user),
        shown(password),
    ))
}

fn publish(first: u8, body: &mut Reader<'_>) -> Result<String, ViewError> {
    let topic = string(body, "the topic")?;
    if first & 0x06 != 0 {
        body.u16("the packet id")?;
    }
    Ok(format!(
        "[PUBLISH] '{}' to topic '{}'",
        printable(body.rest()),
        printable(topic)
    ))
}

fn subscribe(name: &str, body: &mut Reader<'_>) -> Result<String, ViewError> {
    body.u16("the packet id")?;
    let mut filters = Vec::new();
    while !body.is_empty() {
        filters.push(format!("'{}'", printable(string(body, "a topic filter")?)));
        if name == "SUBSCRIBE" {
            body.u8("the quality of service")?;
        }
    }
    Ok(format!(
        "[{name}] sent topic filters: {}",
        filters.join(", ")
    ))
}

fn string<'a>(reader: &mut Reader<'a>, what: &'static str) -> Result<&'a [u8], ViewError> {
    let length = reader.u16(what)?;
    reader.bytes(usize::from(length), what)
}

/// A length of one to four bytes, seven bits each (MQTT 3.1.1 §2.2.3).
fn variable_length(reader: &mut Reader<'_>) -> Result<usize, ViewError> {
    let mut length = 0;
    for shift in [0, 7, 14, 21] {
        let byte = reader.u8("the length")?;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(length);
        }
    }
    Err(ViewError::Expected {
        expected: "a length of at most four bytes",
        at: reader.at(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_shown() {
        let check = |data: &[u8], expected: &str| {
            assert_eq!(
                Mqtt.prettify(data, &Metadata::default()).unwrap(),
                expected,
                "{data:?}"
            );
        };
        check(
            b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a",
            "[CONNECT]\n\nClient Id: a\nWill Topic: None\nWill Message: None\nUser Name: None\nPassword: None\n",
        );
        check(
            b"\x10\x1e\0\x04MQTT\x04\xc6\0\x3c\0\x01a\0\x01t\0\x02ms\0\x01u\0\x05passw",
            "[CONNECT]\n\nClient Id: a\nWill Topic: t\nWill Message: ms\nUser Name: u\nPassword: passw\n",
        );
        check(
            b"\x10\x10\0\x04MQTT\x05\x02\0\x3c\x02\x22\x01\0\x01a",
            "[CONNECT]\n\nClient Id: a\nWill Topic: None\nWill Message: None\nUser Name: None\nPassword: None\n",
        );
        check(b"\x30\x07\0\x03a/bhi", "[PUBLISH] 'hi' to topic 'a/b'");
        check(
            b"\x32\x09\0\x03a/b\0\x01hi",
            "[PUBLISH] 'hi' to topic 'a/b'",
        );
        check(
            b"\x30\x07\0\x03a/b\xff\0",
            "[PUBLISH] '\\xff\\x00' to topic 'a/b'",
        );
        check(
            b"\x82\x0e\0\x01\0\x03a/b\0\0\x03c/d\x01",
            "[SUBSCRIBE] sent topic filters: 'a/b', 'c/d'",
        );
        check(
            b"\xa2\x07\0\x01\0\x03a/b",
            "[UNSUBSCRIBE] sent topic filters: 'a/b'",
        );
        check(
            b"\xc0\0\xd0\0\x30",
            "[PINGREQ]\n[PINGRESP]\n(input ends inside the length)",
        );
    }

    #[test]
    fn cut_packets_are_refused() {
        for data in [
            &b""[..],
            b"x",
            b"\xc0",
            b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\x01",
            b"\xc0\xff\xff\xff\xff\x01",
        ] {
            assert!(
                Mqtt.prettify(data, &Metadata::default()).is_err(),
                "{data:?}"
            );
        }
    }
}
