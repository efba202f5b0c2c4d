//! Copying by the terminal where no clipboard program is there (OSC 52).

use base64::Engine as _;
use midwire_core::commands::{Cell, CommandError, CommandValue};

/// What stands before a command line whose result is to be copied.
pub(crate) const MARK: &str = "clip:";

/// Bytes that terminals take by OSC 52, at most.
const LIMIT: usize = 74_994;

/// The command line that gives what a failed copying command would have copied.
pub(crate) fn fallback(line: &str, error: &CommandError) -> Option<String> {
    let args = line
        .strip_prefix("export.clip ")
        .map(|args| format!("{MARK}export {args}"))
        .or_else(|| {
            line.strip_prefix("cut.clip ")
                .map(|args| format!("{MARK}cut {args}"))
        })?;
    error.to_string().starts_with("cannot copy").then_some(args)
}

/// The result of a command as text for the clipboard.
pub(crate) fn text(value: CommandValue) -> String {
    let cell = |cell: Cell| match cell {
        Cell::Str(text) => text,
        Cell::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
    };
    match value {
        CommandValue::Str(text) => text,
        CommandValue::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        CommandValue::StrList(texts) => texts.join("\n"),
        CommandValue::Table(rows) => {
            let rows = rows.into_iter().map(|row| {
                let cells: Vec<String> = row.into_iter().map(cell).collect();
                cells.join(",")
            });
            rows.collect::<Vec<String>>().join("\r\n")
        }
        _ => String::new(),
    }
}

/// The sequence that asks a terminal to copy.
pub(crate) fn sequence(text: &str) -> String {
    let text = crate::text::head_bytes(text, LIMIT);
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    format!("\x1b]52;c;{encoded}\x07")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_copied_as_base64_and_nothing_else() {
        assert_eq!(sequence("a\x1b]"), "\x1b]52;c;YRtd\x07");
        assert!(sequence(&"x".repeat(1 << 20)).len() < 100_010);
        let error = CommandError::failed("cannot copy: no clipboard program was found");
        assert_eq!(
            fallback("cut.clip @focus request.url", &error).as_deref(),
            Some("clip:cut @focus request.url")
        );
        assert_eq!(fallback("cut.clip x y", &CommandError::Empty), None);
    }
}
