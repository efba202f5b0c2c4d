//! Classes of bytes as tables, so that a check costs one load per byte.

/// A byte of a token: method or field name (RFC 9110 §5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

/// True for bytes that may stand in a request target: neither blank nor control; 0x80 to 0xFF pass as they are.
///
/// Looks at all bytes in any case, which the compiler turns into vector instructions.
pub(super) fn is_target(bytes: &[u8]) -> bool {
    let odd = bytes.iter().fold(0, |odd, byte| {
        odd | u8::from(*byte <= 0x20) | u8::from(*byte == 0x7f)
    });
    odd == 0
}

/// A byte of a registered name in a host, without `%` and the comma that a list of hosts would have (RFC 3986 §3.2.2).
pub(super) fn is_host(byte: u8) -> bool {
    HOST[usize::from(byte)]
}

/// Optional white space is SP and HTAB and nothing else (RFC 9110 §5.6.3).
pub(super) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Cuts optional white space off both ends.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && is_blank(*first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is_blank(*last)
    {
        bytes = rest;
    }
    bytes
}

static TOKEN: [bool; 256] = alphanumeric_and(b"!#$%&'*+-.^_`|~");
static HOST: [bool; 256] = alphanumeric_and(b"-._~!$&'()*+;=");

const fn alphanumeric_and(more: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < more.len() {
        table[more[at] as usize] = true;
        at += 1;
    }
    table
}
