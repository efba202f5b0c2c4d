//! Parts of a response.

use bytes::Bytes;
use midwire_wire::Fields;

use super::cookies::{self, SetCookie};
use super::{HttpMessage as _, date, status};
use crate::{Content, Number, Response};

impl Response {
    /// A response of our own, made now, with the usual reason phrase.
    pub fn make(status: u16, content: impl Into<Bytes>, fields: Fields) -> Self {
        let mut response = Self {
            version: Bytes::from_static(b"HTTP/1.1"),
            status,
            reason: Bytes::from_static(status::reason(status).as_bytes()),
            fields,
            content: Content::Missing,
            trailers: None,
            timestamp_start: Number::now(),
            timestamp_end: Some(Number::now()),
        };
        response.set_content(content);
        response
    }

    /// The cookies of all Set-Cookie fields.
    pub fn cookies(&self) -> Vec<SetCookie> {
        self.fields
            .get_all("set-cookie")
            .flat_map(cookies::parse_set_cookie)
            .collect()
    }

    /// Replaces all cookies, one Set-Cookie field each.
    pub fn set_cookies(&mut self, cookies: &[SetCookie]) {
        let values = cookies
            .iter()
            .map(|cookie| cookies::format_set_cookie(std::slice::from_ref(cookie)));
        self.fields.set_all("set-cookie", values);
    }

    /// Makes a recorded response look as if it came now: moves its dates and the ends of its cookies by its age.
    ///
    /// `now` is in seconds since the epoch. Returns how many Set-Cookie fields could not be read and stay as they are.
    pub fn refresh(&mut self, now: f64) -> usize {
        let delta = (now - self.timestamp_start.as_f64()).floor() as i64;
        let mut unread = 0;
        let moved: Vec<(Bytes, Bytes)> = self
            .fields
            .iter()
            .map(|(name, value)| {
                let new = if name.eq_ignore_ascii_case(b"set-cookie") {
                    let refreshed = cookies::refresh_set_cookie(value, delta);
                    unread += usize::from(refreshed.is_none());
                    refreshed
                } else if is_date(name) {
                    moved_date(value, delta)
                } else {
                    None
                };
                let new = new.map_or_else(|| Bytes::copy_from_slice(value), Bytes::from);
                (Bytes::copy_from_slice(name), new)
            })
            .collect();
        self.fields = Fields::from_pairs(moved);
        unread
    }
}

fn is_date(name: &[u8]) -> bool {
    [&b"date"[..], b"expires", b"last-modified"]
        .iter()
        .any(|date| name.eq_ignore_ascii_case(date))
}

fn moved_date(value: &[u8], delta: i64) -> Option<Vec<u8>> {
    let time = date::parse(std::str::from_utf8(value).ok()?)?;
    let text = date::format(time.checked_add(delta)?);
    (!text.is_empty()).then(|| text.into_bytes())
}
