//! Text output with a bound.

use crate::ViewError;

/// Least bound of a text: 16 MiB.
const FLOOR_BYTES: usize = 16 << 20;
/// Texts may grow to this many times their input; a hex dump needs five.
const GROWTH: usize = 8;

/// Collects the text of a view and refuses to grow beyond a bound, so that deep indentation of a small input
/// cannot fill the memory.
#[derive(Debug)]
pub struct Out {
    text: String,
    limit_bytes: usize,
}

impl Out {
    /// Output for an input of `input_bytes`: at most the larger of 16 MiB and eight times the input.
    pub fn for_input(input_bytes: usize) -> Self {
        Self {
            text: String::new(),
            limit_bytes: input_bytes.saturating_mul(GROWTH).max(FLOOR_BYTES),
        }
    }

    /// Appends text.
    pub fn push(&mut self, text: &str) -> Result<(), ViewError> {
        if self.text.len().saturating_add(text.len()) > self.limit_bytes {
            return Err(ViewError::TooLarge(self.limit_bytes));
        }
        self.text.push_str(text);
        Ok(())
    }

    /// Appends one character.
    pub fn push_char(&mut self, c: char) -> Result<(), ViewError> {
        self.push(c.encode_utf8(&mut [0; 4]))
    }

    /// Appends `levels` times `unit`.
    pub fn indent(&mut self, unit: &str, levels: usize) -> Result<(), ViewError> {
        for _ in 0..levels {
            self.push(unit)?;
        }
        Ok(())
    }

    /// What was written so far.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Removes white space at the end.
    pub fn trim_end(&mut self) {
        self.text.truncate(self.text.trim_end().len());
    }

    /// Removes blanks at the end, but no line ends.
    pub fn trim_blanks(&mut self) {
        self.text
            .truncate(self.text.trim_end_matches([' ', '\t']).len());
    }

    /// The text.
    pub fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_bounded() {
        let mut out = Out::for_input(0);
        out.push(&"x".repeat(FLOOR_BYTES)).unwrap();
        assert!(matches!(
            out.push("x"),
            Err(ViewError::TooLarge(FLOOR_BYTES))
        ));
        assert!(
            Out::for_input(FLOOR_BYTES)
                .push(&"x".repeat(FLOOR_BYTES + 1))
                .is_ok()
        );
    }
}
