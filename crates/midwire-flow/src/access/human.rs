//! Sizes and durations for people.

/// Writes a number of bytes: `27b`, `1.5k`, `100k`, `2.0m`.
pub fn pretty_size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["k", "m", "g", "t"];
    if bytes < 1024 {
        return format!("{bytes}b");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let unit = UNITS.get(unit).copied().unwrap_or_default();
    if value < 99.95 {
        format!("{value:.1}{unit}")
    } else {
        format!("{value:.0}{unit}")
    }
}

/// Reads a size: digits with an optional `b`, `k`, `m`, `g` or `t` of either case. `None` for anything else.
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, shift) = match text.char_indices().next_back()? {
        (at, unit) if unit.is_ascii_alphabetic() => {
            let shift = match unit.to_ascii_lowercase() {
                'b' => 0,
                'k' => 10,
                'm' => 20,
                'g' => 30,
                't' => 40,
                _ => return None,
            };
            (text.get(..at)?.trim_end(), shift)
        }
        _ => (text, 0),
    };
    let number: u64 = digits.parse().ok()?;
    number.checked_mul(1 << shift)
}

/// Writes a duration in seconds: `12ms`, `1.23s`, `99.9s`, `123s`.
pub fn pretty_duration(seconds: f64) -> String {
    if seconds >= 100.0 {
        format!("{seconds:.0}s")
    } else if seconds >= 10.0 {
        format!("{seconds:.1}s")
    } else if seconds >= 1.0 {
        format!("{seconds:.2}s")
    } else {
        format!("{:.0}ms", seconds * 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let cases = [
            (0, "0b"),
            (1023, "1023b"),
            (1024, "1.0k"),
            (1500, "1.5k"),
            (9999, "9.8k"),
            (10240, "10.0k"),
            (102_350, "100k"),
            (1_048_575, "1024k"),
            (1_048_576, "1.0m"),
            (3_298_534_883_328, "3.0t"),
            (2_251_799_813_685_248, "2048t"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(pretty_size(bytes), expected);
        }
        let parsed = [
            ("1", Some(1)),
            ("1b", Some(1)),
            ("3g", Some(3 << 30)),
            ("2M", Some(2 << 20)),
            (" 1 k ", Some(1024)),
            ("1.5k", None),
            ("", None),
            ("k", None),
            ("1kb", None),
            ("-1", None),
            ("99999999999t", None),
        ];
        for (text, expected) in parsed {
            assert_eq!(parse_size(text), expected, "{text}");
        }
    }

    #[test]
    fn durations() {
        let cases = [
            (0.0, "0ms"),
            (0.0123, "12ms"),
            (0.9999, "1000ms"),
            (1.2345, "1.23s"),
            (9.999, "10.00s"),
            (10.5, "10.5s"),
            (99.9, "99.9s"),
            (123.4, "123s"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(pretty_duration(seconds), expected);
        }
    }
}
