//! Tables for spreadsheets (RFC 4180).

use super::Cell;

/// Writes rows with CRLF ends; bytes appear as Python literals.
///
/// A cell that a spreadsheet would take for a formula gets a leading apostrophe.
pub fn csv(rows: &[Vec<Cell>]) -> String {
    let mut out = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .map(|cell| field(&guard(cell.to_text())))
            .collect();
        let line = cells.join(",");
        // A row of one empty cell would else be no row.
        out.push_str(if line.is_empty() && !row.is_empty() {
            "\"\""
        } else {
            &line
        });
        out.push_str("\r\n");
    }
    out
}

fn guard(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        return format!("'{text}");
    }
    text
}

fn field(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}
