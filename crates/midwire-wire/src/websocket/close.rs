//! Contents of close frames (RFC 6455 §5.5.1, §7.4).

use super::WebSocketError;

/// Why a peer closes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Close {
    /// The code; `None` for a close frame without content, which counts as 1005 (RFC 6455 §7.1.5).
    pub code: Option<u16>,
    /// The reason, at most 123 bytes on the wire; hostile text when it comes from a peer.
    pub reason: String,
}

impl Close {
    /// Reads the content of a close frame.
    pub fn decode(content: &[u8]) -> Result<Self, WebSocketError> {
        let (code, reason) = match content {
            [] => return Ok(Self::default()),
            [_] => return Err(WebSocketError::CloseLength),
            [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        };
        if !is_valid_close_code(code) {
            return Err(WebSocketError::CloseCode(code));
        }
        let reason = std::str::from_utf8(reason).map_err(|_| WebSocketError::Utf8)?;
        Ok(Self {
            code: Some(code),
            reason: reason.to_owned(),
        })
    }

    /// Writes the content of a close frame: at most 125 bytes, a longer reason is cut between characters.
    ///
    /// A code that must not stand on the wire gives an empty content, so that "no code" stays that.
    pub fn encode(&self) -> Vec<u8> {
        let Some(code) = self.code.filter(|code| is_valid_close_code(*code)) else {
            return Vec::new();
        };
        let end = self.reason.floor_char_boundary(REASON_LIMIT);
        let reason = self.reason.as_bytes().get(..end).unwrap_or_default();
        [&code.to_be_bytes(), reason].concat()
    }
}

/// Tells whether a close code may stand on the wire: registered ones, and those for libraries and applications.
pub fn is_valid_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

const REASON_LIMIT: usize = 123;
