//! Cookies in header fields (RFC 6265), with the reading rules of the reference program.

use super::{Pairs, date};

/// A cookie of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetCookie {
    /// Name.
    pub name: Vec<u8>,
    /// Value without quotes; `None` if there is no `=`.
    pub value: Option<Vec<u8>>,
    /// Attributes in order, spelled as written. `None` is a flag such as `Secure`.
    pub attributes: Attributes,
}

/// Attributes of a cookie, found by name without case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(pub Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl Attributes {
    /// The value of the first attribute with this name; the inner `None` is a flag.
    pub fn get(&self, name: &str) -> Option<Option<&[u8]>> {
        self.0
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, v)| v.as_deref())
    }

    /// Sets an attribute in its place, or adds it.
    pub fn set(&mut self, name: &str, value: Option<&[u8]>) {
        let value = value.map(<[u8]>::to_vec);
        match self
            .0
            .iter_mut()
            .find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))
        {
            Some((_, old)) => *old = value,
            None => self.0.push((name.as_bytes().to_vec(), value)),
        }
    }

    /// Removes all attributes with this name.
    pub fn remove(&mut self, name: &str) {
        self.0
            .retain(|(n, _)| !n.eq_ignore_ascii_case(name.as_bytes()));
    }

    /// When the cookie ends, in seconds since the epoch; Max-Age goes before Expires (RFC 6265 §4.1.2.2).
    ///
    /// `None` if it lasts as long as the session, or if the attributes cannot be read.
    pub fn expires_at(&self, now: i64) -> Option<i64> {
        let text = |name| std::str::from_utf8(self.get(name)??).ok();
        if let Some(age) = text("max-age").and_then(|age| age.trim().parse().ok()) {
            return Some(now.saturating_add(age));
        }
        date::parse(text("expires")?)
    }

    /// True if the cookie has ended.
    pub fn is_expired(&self, now: i64) -> bool {
        self.expires_at(now).is_some_and(|end| end <= now)
    }
}

/// Reads the pairs of a Cookie value.
pub fn parse_cookie(value: &[u8]) -> Pairs {
    let mut reader = Reader(value);
    let mut pairs = Vec::new();
    while !reader.0.is_empty() {
        let (name, value) = reader.pair(b";");
        if !name.is_empty() || value.as_ref().is_some_and(|v| !v.is_empty()) {
            pairs.push((name, value.unwrap_or_default()));
        }
        reader.skip_past(b";");
    }
    pairs
}

/// Writes a Cookie value; values with other than plain characters are quoted.
pub fn format_cookie<N: AsRef<[u8]>, V: AsRef<[u8]>>(
    pairs: impl IntoIterator<Item = (N, V)>,
) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.extend_from_slice(b"; ");
        }
        out.extend_from_slice(name.as_ref());
        out.push(b'=');
        write_value(value.as_ref(), &mut out);
    }
    out
}

/// Reads the cookies of a Set-Cookie value. Several may be folded into one, parted by commas.
pub fn parse_set_cookie(value: &[u8]) -> Vec<SetCookie> {
    let mut reader = Reader(value);
    let mut cookies = Vec::new();
    while !reader.0.is_empty() {
        let (name, value) = reader.pair(b";,");
        let mut cookie = SetCookie {
            name,
            value,
            attributes: Attributes::default(),
        };
        while reader.skip_past(b";,") == Some(b';') {
            let (name, value) = reader.attribute();
            if !name.is_empty() || value.is_some() {
                cookie.attributes.0.push((name, value));
            }
        }
        if !cookie.name.is_empty() || cookie.value.is_some() {
            cookies.push(cookie);
        }
    }
    cookies
}

/// Writes cookies as one Set-Cookie value.
pub fn format_set_cookie(cookies: &[SetCookie]) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, cookie) in cookies.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(&cookie.name);
        if let Some(value) = &cookie.value {
            out.push(b'=');
            write_value(value, &mut out);
        }
        for (name, value) in &cookie.attributes.0 {
            out.extend_from_slice(b"; ");
            out.extend_from_slice(name);
            let Some(value) = value else { continue };
            out.push(b'=');
            // User agents read quotes as part of these two.
            if name.eq_ignore_ascii_case(b"expires") || name.eq_ignore_ascii_case(b"path") {
                out.extend_from_slice(value);
            } else {
                write_value(value, &mut out);
            }
        }
    }
    out
}

/// Moves the Expires attribute of the cookies in a Set-Cookie value by `delta` seconds; one that cannot be read goes.
///
/// `None` if a cookie lacks its value.
pub fn refresh_set_cookie(value: &[u8], delta: i64) -> Option<Vec<u8>> {
    let mut cookies = parse_set_cookie(value);
    for cookie in &mut cookies {
        cookie.value.as_ref()?;
        let Some(expires) = cookie.attributes.get("expires") else {
            continue;
        };
        let moved = expires
            .and_then(|text| date::parse(std::str::from_utf8(text).ok()?))
            .and_then(|time| time.checked_add(delta));
        match moved {
            Some(time) => {
                let text = date::format(time);
                cookie.attributes.set("expires", Some(text.as_bytes()));
            }
            None => cookie.attributes.remove("expires"),
        }
    }
    Some(format_set_cookie(&cookies))
}

fn write_value(value: &[u8], out: &mut Vec<u8>) {
    let plain = |b: &u8| matches!(b, b'!'..=b'~') && !b"\",;\\".contains(b);
    if value.iter().all(plain) {
        out.extend_from_slice(value);
        return;
    }
    out.push(b'"');
    for byte in value {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    /// `name[=value]` up to one of `stops`, which is left.
    fn pair(&mut self, stops: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
        let name = self.name(stops);
        let value = self.eat(b'=').then(|| self.value(stops));
        (name, value)
    }

    /// As a pair, but the comma in a date is part of it.
    fn attribute(&mut self) -> (Vec<u8>, Option<Vec<u8>>) {
        let (name, mut value) = self.pair(b";,");
        if name.eq_ignore_ascii_case(b"expires")
            && let Some(value) = &mut value
            && is_weekday(value)
            && self.eat(b',')
        {
            value.push(b',');
            value.extend(self.take_until(b";,"));
        }
        (name, value)
    }

    fn name(&mut self, stops: &[u8]) -> Vec<u8> {
        self.0 = self.0.trim_ascii_start();
        let end = |b: &u8| *b == b'=' || stops.contains(b);
        let at = self.0.iter().position(end).unwrap_or(self.0.len());
        self.split(at)
    }

    fn value(&mut self, stops: &[u8]) -> Vec<u8> {
        if !self.eat(b'"') {
            return self.take_until(stops);
        }
        let mut out = Vec::new();
        while let Some((&byte, rest)) = self.0.split_first() {
            self.0 = rest;
            match byte {
                b'"' => break,
                b'\\' => {
                    if let Some((&escaped, rest)) = self.0.split_first() {
                        self.0 = rest;
                        out.push(escaped);
                    }
                }
                _ => out.push(byte),
            }
        }
        // What follows the closing quote is not part of anything.
        self.take_until(stops);
        out
    }

    fn take_until(&mut self, stops: &[u8]) -> Vec<u8> {
        let at = self.0.iter().position(|b| stops.contains(b));
        self.split(at.unwrap_or(self.0.len()))
    }

    /// Skips to behind the next of `stops` and says which it was.
    fn skip_past(&mut self, stops: &[u8]) -> Option<u8> {
        self.take_until(stops);
        let (&stop, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(stop)
    }

    fn eat(&mut self, byte: u8) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if *first == byte => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn split(&mut self, at: usize) -> Vec<u8> {
        let (head, rest) = self.0.split_at_checked(at).unwrap_or((self.0, b""));
        self.0 = rest;
        head.to_vec()
    }
}

/// Only a date that begins with a day of the week has a comma of its own.
fn is_weekday(value: &[u8]) -> bool {
    const DAYS: [&[u8]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];
    value
        .trim_ascii()
        .get(..3)
        .is_some_and(|start| DAYS.iter().any(|day| day.eq_ignore_ascii_case(start)))
}

#[cfg(test)]
mod tests;
