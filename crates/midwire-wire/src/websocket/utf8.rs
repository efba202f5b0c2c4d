//! UTF-8 that arrives in pieces (RFC 6455 §8.1).

/// Checks text piece by piece and fails at the first byte that no later byte can make valid.
#[derive(Clone, Debug, Default)]
pub struct Utf8Validator {
    /// The beginning of a character that the last piece cut.
    pending: [u8; 4],
    held: usize,
}

/// The text is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUtf8;

impl Utf8Validator {
    /// Checks the next piece.
    pub fn push(&mut self, mut piece: &[u8]) -> Result<(), NotUtf8> {
        while self.held > 0 {
            let Some((first, rest)) = piece.split_first() else {
                return Ok(());
            };
            let slot = self.pending.get_mut(self.held).ok_or(NotUtf8)?;
            *slot = *first;
            self.held += 1;
            piece = rest;
            let character = self.pending.get(..self.held).unwrap_or_default();
            match std::str::from_utf8(character) {
                Ok(_) => self.held = 0,
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(NotUtf8),
            }
        }
        let Err(error) = std::str::from_utf8(piece) else {
            return Ok(());
        };
        if error.error_len().is_some() {
            return Err(NotUtf8);
        }
        let cut = piece.get(error.valid_up_to()..).unwrap_or_default();
        for (slot, byte) in self.pending.iter_mut().zip(cut) {
            *slot = *byte;
        }
        self.held = cut.len();
        Ok(())
    }

    /// Ends the text, which must not be inside a character.
    pub fn finish(&mut self) -> Result<(), NotUtf8> {
        let cut = std::mem::take(&mut self.held);
        if cut == 0 { Ok(()) } else { Err(NotUtf8) }
    }
}
