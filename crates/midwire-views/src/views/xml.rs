//! XML and HTML.

use super::{FITS, NEVER};
use crate::text::without_mark;
use crate::{ContentView, MAX_DEPTH, Metadata, Out, Syntax, ViewError, show_bytes};

/// Re-indents markup. It reads tags only: nothing is repaired, no entity is expanded.
pub(crate) struct XmlHtml;

impl ContentView for XmlHtml {
    fn name(&self) -> &'static str {
        "XML/HTML"
    }

    fn syntax(&self) -> Syntax {
        Syntax::Xml
    }

    fn render_priority(&self, data: &[u8], meta: &Metadata<'_>) -> f64 {
        if data.is_empty() {
            return NEVER;
        }
        if meta.is_media_type(&["text/xml", "text/html"]) {
            return FITS;
        }
        let data = without_mark(data);
        if data.trim_ascii_start().starts_with(b"<") {
            0.4
        } else {
            NEVER
        }
    }

    fn prettify(&self, data: &[u8], _: &Metadata<'_>) -> Result<String, ViewError> {
        pretty(&show_bytes(without_mark(data)))
    }
}

/// Elements that never have content.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// A piece of markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Open {
        name: &'a str,
        source: &'a str,
    },
    Close {
        name: &'a str,
        source: &'a str,
    },
    /// Anything that stands for itself: void and empty elements, comments, declarations, CDATA.
    Single(&'a str),
}

fn pretty(text: &str) -> Result<String, ViewError> {
    let pieces = split(text);
    let mut out = Out::for_input(text.len());
    let mut open: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some(piece) = pieces.get(at) {
        at += 1;
        let depth = indentation(&open);
        match *piece {
            Piece::Text(text) => lines(text, depth, &mut out)?,
            Piece::Single(source) => lines(source, depth, &mut out)?,
            Piece::Close { name, source } => {
                if let Some(start) = open
                    .iter()
                    .rposition(|element| element.eq_ignore_ascii_case(name))
                {
                    open.truncate(start);
                }
                lines(source, indentation(&open), &mut out)?;
            }
            Piece::Open { name, source } => {
                if let Some((text, close, taken)) = inline(pieces.get(at..).unwrap_or(&[]), name) {
                    at += taken;
                    lines(&format!("{source}{text}{close}"), depth, &mut out)?;
                    continue;
                }
                lines(source, depth, &mut out)?;
                if open.len() >= MAX_DEPTH {
                    return Err(ViewError::TooDeep(MAX_DEPTH));
                }
                open.push(name);
            }
        }
    }
    if out.as_str().is_empty() {
        out.push("\n")?;
    }
    Ok(out.finish())
}

/// The content of `html` is not indented.
fn indentation(open: &[&str]) -> usize {
    open.iter()
        .filter(|name| !name.eq_ignore_ascii_case("html"))
        .count()
}

/// Text and closing tag of an element that fits on one line, and the number of pieces that makes.
fn inline<'a>(next: &[Piece<'a>], element: &str) -> Option<(&'a str, &'a str, usize)> {
    match *next {
        [Piece::Close { name, source }, ..] if name.eq_ignore_ascii_case(element) => {
            Some(("", source, 1))
        }
        [Piece::Text(text), Piece::Close { name, source }, ..]
            if name.eq_ignore_ascii_case(element) =>
        {
            let trimmed = text.trim();
            (trimmed.is_empty() || !text.contains('\n')).then_some((trimmed, source, 2))
        }
        _ => None,
    }
}

/// Writes a piece line by line; lines after the first lose the white space that they share.
fn lines(text: &str, depth: usize, out: &mut Out) -> Result<(), ViewError> {
    let text = text.trim_end();
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let first = first.trim();
    if !first.is_empty() {
        out.indent("  ", depth)?;
        out.push(first)?;
        out.push("\n")?;
    }
    let rest_lines = || rest.lines().filter(|line| !line.trim().is_empty());
    let margin = rest_lines()
        .map(|line| line.len() - line.trim_start_matches([' ', '\t']).len())
        .min()
        .unwrap_or(0);
    for line in rest_lines() {
        out.indent("  ", depth)?;
        out.push(line.get(margin..).unwrap_or(line).trim_end())?;
        out.push("\n")?;
    }
    Ok(())
}

fn split(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let len = markup_len(rest);
        if let Some(len) = len {
            let (source, tail) = rest.split_at_checked(len).unwrap_or((rest, ""));
            rest = tail;
            let piece = classify(source);
            pieces.push(piece);
            if let Piece::Open { name, .. } = piece
                && ["script", "style"]
                    .iter()
                    .any(|raw| raw.eq_ignore_ascii_case(name))
            {
                let (content, tail) = rest
                    .split_at_checked(raw_len(rest, name))
                    .unwrap_or((rest, ""));
                push_text(&mut pieces, content);
                rest = tail;
            }
            continue;
        }
        // Text up to the next character that begins markup.
        let mut end = rest.chars().next().map_or(1, char::len_utf8);
        let len = loop {
            match rest
                .get(end..)
                .and_then(|tail| tail.find('<'))
                .map(|at| at + end)
            {
                None => break rest.len(),
                Some(at) if rest.get(at..).and_then(markup_start).is_some() => break at,
                Some(at) => end = at + 1,
            }
        };
        let (content, tail) = rest.split_at_checked(len).unwrap_or((rest, ""));
        push_text(&mut pieces, content);
        // Markup that never ends is text, too.
        rest = tail;
        if !rest.is_empty() && markup_len(rest).is_none() {
            push_text(&mut pieces, rest);
            break;
        }
    }
    pieces
}

fn push_text<'a>(pieces: &mut Vec<Piece<'a>>, text: &'a str) {
    let has_text = !text.trim().is_empty();
    if has_text {
        pieces.push(Piece::Text(text));
    }
}

fn classify(source: &str) -> Piece<'_> {
    let name_of = |text: &'_ str| {
        text.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/'))
            .unwrap_or(text.len())
    };
    if let Some(inner) = source.strip_prefix("</") {
        return Piece::Close {
            name: inner.get(..name_of(inner)).unwrap_or(""),
            source,
        };
    }
    let inner = source.get(1..).unwrap_or("");
    let name = inner.get(..name_of(inner)).unwrap_or("");
    let is_single = inner.starts_with(['!', '?'])
        || source.ends_with("/>")
        || VOID.iter().any(|void| void.eq_ignore_ascii_case(name));
    if is_single {
        Piece::Single(source)
    } else {
        Piece::Open { name, source }
    }
}

/// The end that belongs to the markup at the start of `text`; `None` for text.
fn markup_start(text: &str) -> Option<&'static str> {
    for (start, end) in [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")] {
        if text.starts_with(start) {
            return Some(end);
        }
    }
    let rest = text.strip_prefix('<')?;
    let name = rest.strip_prefix(['/', '!']).unwrap_or(rest);
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        .then_some(">")
}

/// Length of the markup at the start of `text`; `None` if it is text or does not end.
fn markup_len(text: &str) -> Option<usize> {
    let end = markup_start(text)?;
    if end != ">" {
        return text.find(end).map(|at| at + end.len());
    }
    // A greater-than sign inside a quoted value or the brackets of a document type does not end the tag. Quotes
    // count only where a value can begin.
    let is_declaration = text.starts_with("<!");
    let mut quote = None;
    let mut before = ' ';
    let mut brackets = 0_usize;
    let mut first_end = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), '>') => {
                first_end.get_or_insert(at + 1);
            }
            (Some(_), _) => {}
            (None, '"' | '\'') if before == '=' || (is_declaration && before.is_whitespace()) => {
                quote = Some(c);
            }
            (None, '[') if is_declaration => brackets += 1,
            (None, ']') if is_declaration => brackets = brackets.saturating_sub(1),
            (None, '>') if brackets == 0 => return Some(at + 1),
            _ => {}
        }
        if !c.is_whitespace() || is_declaration {
            before = c;
        }
    }
    // A quote that never closes: the first greater-than sign ends the tag after all. Open brackets are not forgiven:
    // each of them could be searched for up to the end of the text again.
    if brackets == 0 { first_end } else { None }
}

/// Length of the content of a script or style sheet, up to its closing tag.
fn raw_len(text: &str, name: &str) -> usize {
    let closes = |at: usize| {
        let after = text.get(at + 2..)?;
        let candidate = after.get(..name.len())?;
        candidate.eq_ignore_ascii_case(name).then_some(at)
    };
    text.match_indices("</")
        .find_map(|(at, _)| closes(at))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests;
