//! Labels of international names (RFC 3490, RFC 3492).

/// The Unicode form of a label, if it is in ASCII form and its Unicode form leads back to the very same bytes.
pub(super) fn label_to_unicode(label: &[u8]) -> Option<String> {
    let encoded = std::str::from_utf8(label.strip_prefix(PREFIX)?).ok()?;
    let text = decode(encoded)?;
    let harmless = |char: char| match char {
        'a'..='z' | '0'..='9' | '-' | '_' => true,
        // Full stops of other scripts would look like, or be taken for, an end of the label.
        '\u{3002}' | '\u{FF0E}' | '\u{FF61}' => false,
        _ => !char.is_ascii() && !char.is_control() && !char.is_whitespace(),
    };
    let same = text.chars().all(harmless) && label_to_ascii(&text)? == label;
    same.then_some(text)
}

/// The ASCII form of a label with characters outside ASCII; `None` if it has none.
pub(super) fn label_to_ascii(label: &str) -> Option<Vec<u8>> {
    let mut mapped = String::new();
    for char in label.chars() {
        match char {
            // As the older rules have it, which is what mitmproxy follows.
            '\u{DF}' => mapped.push_str("ss"),
            '\u{3C2}' => mapped.push('\u{3C3}'),
            _ => mapped.extend(char.to_lowercase()),
        }
    }
    if mapped.is_ascii() {
        return Some(mapped.into_bytes());
    }
    // A longer label is refused anyway, so there is no need to encode it.
    if mapped.chars().count() > 63 {
        return None;
    }
    let mut out = PREFIX.to_vec();
    out.extend(encode(&mapped)?.bytes());
    Some(out)
}

fn decode(encoded: &str) -> Option<String> {
    let (basic, extended) = encoded.rsplit_once('-').unwrap_or(("", encoded));
    let mut out: Vec<char> = basic.chars().collect();
    let mut code = INITIAL_N;
    let mut bias = INITIAL_BIAS;
    let mut position: u32 = 0;
    let mut digits = extended.bytes().peekable();
    while digits.peek().is_some() {
        let before = position;
        let mut weight: u32 = 1;
        for k in (BASE..).step_by(BASE as usize) {
            let digit = digit_value(digits.next()?)?;
            position = position.checked_add(digit.checked_mul(weight)?)?;
            let threshold = threshold(k, bias);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
        }
        let count = out.len() as u32 + 1;
        bias = adapt(position - before, count, before == 0);
        code = code.checked_add(position / count)?;
        position %= count;
        out.insert(position as usize, char::from_u32(code)?);
        position += 1;
    }
    Some(out.into_iter().collect())
}

fn encode(text: &str) -> Option<String> {
    let mut out: String = text.chars().filter(char::is_ascii).collect();
    let basic = out.len() as u32;
    let mut handled = basic;
    if basic > 0 {
        out.push('-');
    }
    let total = text.chars().count() as u32;
    let mut code = INITIAL_N;
    let mut delta: u32 = 0;
    let mut bias = INITIAL_BIAS;
    while handled < total {
        let next = text
            .chars()
            .map(u32::from)
            .filter(|char| *char >= code)
            .min()?;
        delta = delta.checked_add((next - code).checked_mul(handled + 1)?)?;
        code = next;
        for char in text.chars().map(u32::from) {
            if char < code {
                delta = delta.checked_add(1)?;
            }
            if char != code {
                continue;
            }
            push_number(&mut out, delta, bias)?;
            bias = adapt(delta, handled + 1, handled == basic);
            delta = 0;
            handled += 1;
        }
        delta = delta.checked_add(1)?;
        code += 1;
    }
    Some(out)
}

fn push_number(out: &mut String, mut number: u32, bias: u32) -> Option<()> {
    for k in (BASE..).step_by(BASE as usize) {
        let threshold = threshold(k, bias);
        if number < threshold {
            break;
        }
        let span = BASE - threshold;
        out.push(digit(threshold + (number - threshold) % span)?);
        number = (number - threshold) / span;
    }
    out.push(digit(number)?);
    Some(())
}

fn threshold(k: u32, bias: u32) -> u32 {
    k.saturating_sub(bias).clamp(T_MIN, T_MAX)
}

/// The bias for the next number (RFC 3492 §6.1).
fn adapt(delta: u32, count: u32, first: bool) -> u32 {
    let mut delta = if first { delta / DAMP } else { delta / 2 };
    delta += delta / count;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

fn digit_value(byte: u8) -> Option<u32> {
    match byte {
        b'a'..=b'z' => Some(u32::from(byte - b'a')),
        b'A'..=b'Z' => Some(u32::from(byte - b'A')),
        b'0'..=b'9' => Some(u32::from(byte - b'0') + 26),
        _ => None,
    }
}

fn digit(value: u32) -> Option<char> {
    let value = u8::try_from(value).ok()?;
    match value {
        0..=25 => Some(char::from(b'a' + value)),
        26..=35 => Some(char::from(b'0' + value - 26)),
        _ => None,
    }
}

const PREFIX: &[u8] = b"xn--";
const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const INITIAL_BIAS: u32 = 72;
const INITIAL_N: u32 = 0x80;
