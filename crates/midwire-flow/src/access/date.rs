//! Dates of HTTP and cookies.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Reads a date in any form seen in HTTP (RFC 9110 §5.6.7, RFC 6265 §5.1.1), also with an offset such as `+0200`.
///
/// Seconds since the epoch; `None` if it is no date.
pub fn parse(text: &str) -> Option<i64> {
    let (mut day, mut month, mut year, mut time) = (None, None, None, None);
    let mut offset = 0;
    let is_separator = |c: char| c.is_ascii_whitespace() || c == ',' || c == ';';
    for word in text.split(is_separator).flat_map(split_dashes) {
        if time.is_none() && word.contains(':') {
            time = parse_time(word);
        } else if time.is_some() && word.starts_with(['+', '-']) {
            offset = parse_offset(word)?;
        } else if let Ok(number) = word.parse::<i16>() {
            match day {
                None if word.len() <= 2 => day = Some(i8::try_from(number).ok()?),
                _ if year.is_none() => year = Some(full_year(number, word.len())),
                _ => return None,
            }
        } else if month.is_none() {
            month = parse_month(word);
        }
    }
    let (hour, minute, second) = time?;
    let start = Date::new(year?, month?, day?)
        .ok()?
        .at(hour, minute, 0, 0)
        .to_zoned(TimeZone::UTC)
        .ok()?
        .timestamp();
    start.as_second().checked_add(second)?.checked_sub(offset)
}

/// Writes `Wed, 21 Oct 2015 07:28:00 GMT`. Empty for years that such a date cannot have.
pub fn format(seconds: i64) -> String {
    let Ok(time) = Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_secs(seconds)) else {
        return String::new();
    };
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// `21-Oct-2015` is three words; `-0200` is one.
fn split_dashes(word: &str) -> impl Iterator<Item = &str> {
    let whole = word.starts_with('-');
    let mut once = whole.then_some(word).into_iter();
    let mut parts = (!whole).then(|| word.split('-')).into_iter().flatten();
    std::iter::from_fn(move || once.next().or_else(|| parts.next())).filter(|w| !w.is_empty())
}

fn parse_time(word: &str) -> Option<(i8, i8, i64)> {
    let mut parts = word.split(':');
    let hour = parts.next()?.parse().ok()?;
    let minute = parts.next()?.parse().ok()?;
    let second: u8 = parts.next().unwrap_or("0").parse().ok()?;
    if parts.next().is_some() || second > 60 {
        return None;
    }
    Some((hour, minute, i64::from(second)))
}

fn parse_month(word: &str) -> Option<i8> {
    let start = word.get(..3)?.to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| *month == start)?;
    i8::try_from(at + 1).ok()
}

fn parse_offset(word: &str) -> Option<i64> {
    let sign = if word.starts_with('-') { -1 } else { 1 };
    let digits = word.get(1..)?;
    if digits.len() != 4 {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    Some(sign * (number / 100 * 3600 + number % 100 * 60))
}

fn full_year(number: i16, digits: usize) -> i16 {
    match number {
        0..=69 if digits <= 2 => number + 2000,
        70..=99 if digits <= 2 => number + 1900,
        _ => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_every_form() {
        let cases = [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Wed, 21 Oct 2037 07:28:00 GMT", Some(2_139_722_880)),
            ("Thu, 01-Jan-70 00:00:01 GMT", Some(1)),
            ("Thursday, 01-Jan-70 00:00:01 GMT", Some(1)),
            ("Thu Jan 1 00:00:00 1970", Some(0)),
            (
                "Wed, 21 Oct 2015 07:28:00 +0200",
                Some(1_445_412_480 - 7200),
            ),
            (
                "Wed, 21 Oct 2015 07:28:00 -0230",
                Some(1_445_412_480 + 9000),
            ),
            ("1 Jan 1971 00:00 UTC", Some(31_536_000)),
            ("Sat, 31 Dec 2016 23:59:60 GMT", Some(1_483_228_800)),
            ("foo", None),
            ("", None),
            ("-1", None),
            ("0", None),
            ("32 Jan 1970 00:00:00", None),
            ("1 Jan 1970", None),
            ("1 Jan 99999 00:00:00", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text}");
        }
        assert_eq!(format(1_445_412_480), "Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(format(i64::MAX), "");
    }
}
