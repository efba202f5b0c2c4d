//! What is asked below the status line: commands, lines of text, yes or no (console.md §8).

use midwire_core::commands::{PartialLine, quote, unquote, words};
use midwire_flow::filter::Filter;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::env::{Effect, Effects, Env, Then};
use crate::line_edit::LineEdit;
use crate::text::{Pen, put, put_clean, width};
use crate::theme::Role;

/// An open prompt.
pub(crate) enum Prompt {
    Command(CommandPrompt),
    Ask {
        prompt: String,
        line: LineEdit,
        then: Then,
    },
    Confirm {
        question: String,
        line: String,
    },
    Quit,
}

/// What a key did to a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It stays open.
    Open,
    /// The user left it.
    Left,
    /// A command line to run.
    Run(String),
    /// A text for whoever asked.
    Text(String, Then),
    /// End the program.
    Quit,
}

/// The command prompt.
#[derive(Default)]
pub(crate) struct CommandPrompt {
    line: LineEdit,
    /// What is known about the line, and which line that was.
    known: (String, PartialLine, Vec<String>),
    /// Completions that are being stepped through: start of the word, offers, which one.
    cycle: Option<(usize, Vec<String>, usize)>,
    /// A completion was asked for before the offers were there.
    waits_for_offers: bool,
    /// A line of the history is shown.
    in_history: bool,
    analysing: bool,
    /// The filter that is previewed.
    preview: Option<String>,
}

impl CommandPrompt {
    pub(crate) fn new(text: String, cursor: Option<usize>, out: &mut Effects) -> Self {
        let mut line = LineEdit::new(text);
        if let Some(cursor) = cursor {
            line.set_cursor(cursor);
        }
        let mut prompt = Self {
            line,
            ..Self::default()
        };
        prompt.changed(out);
        prompt
    }

    /// The expression of `set view_filter EXPRESSION`, while it is typed.
    fn filter(&self) -> Option<String> {
        let words = words(self.line.text());
        match words.as_slice() {
            [set, name] if set == "set" && name == "view_filter" => Some(String::new()),
            [set, name, expression @ ..] if set == "set" && name == "view_filter" => {
                let expression = expression.join(" ");
                // The closing quote is typed last.
                let open = expression.strip_prefix(['\'', '"']).map(str::to_owned);
                Some(open.unwrap_or(expression))
            }
            _ => None,
        }
    }

    /// What is wrong with the filter, and at which character of it.
    fn filter_error(&self) -> Option<(usize, String)> {
        let filter = self.filter().filter(|text| !text.is_empty())?;
        let error = Filter::parse(&filter).err()?;
        let before = filter.get(..error.position).unwrap_or(&filter);
        Some((width(before), error.reason))
    }

    fn changed(&mut self, out: &mut Effects) {
        if !self.analysing {
            self.analysing = true;
            out.push(Effect::Analyse(self.line.text().to_owned()));
        }
        let filter = self.filter();
        if filter.is_some() && filter != self.preview {
            // What does not parse leaves the last good result.
            let good = filter
                .as_deref()
                .is_some_and(|text| text.is_empty() || Filter::parse(text).is_ok());
            if good {
                out.push(Effect::Preview(filter.clone()));
                self.preview = filter;
            }
        }
    }

    /// True if the list shows a filter that is not the option's.
    pub(crate) fn is_previewing(&self) -> bool {
        self.preview.is_some()
    }

    fn key(&mut self, key: &str, out: &mut Effects) -> Answer {
        let before = self.line.text().to_owned();
        match key {
            "enter" => {
                let line = self.line.text().to_owned();
                if line.trim().is_empty() {
                    return Answer::Left;
                }
                // A leading blank keeps a line, with a password say, out of the history.
                if !line.starts_with(' ') {
                    out.push(Effect::Remember(line.clone()));
                }
                return Answer::Run(line);
            }
            "esc" | "ctrl c" => return Answer::Left,
            "up" | "ctrl p" => self.history(true, out),
            "down" | "ctrl n" => self.history(false, out),
            "tab" => self.complete(1),
            "shift tab" => self.complete(-1),
            key => {
                self.line.key(key);
                self.cycle = None;
            }
        }
        if self.line.text() != before {
            if !matches!(key, "tab" | "shift tab") {
                self.in_history = false;
            }
            self.changed(out);
        }
        Answer::Open
    }

    fn history(&mut self, back: bool, out: &mut Effects) {
        let prefix = (!self.in_history).then(|| self.line.text().to_owned());
        self.in_history = true;
        self.cycle = None;
        out.push(Effect::History { back, prefix });
    }

    pub(crate) fn set_from_history(&mut self, line: String, out: &mut Effects) {
        self.line.set(line);
        self.changed(out);
        self.in_history = true;
    }

    fn complete(&mut self, step: isize) {
        if let Some((start, offers, at)) = &mut self.cycle {
            *at = (*at as isize + step).rem_euclid(offers.len().max(1) as isize) as usize;
            let (start, offer) = (*start, offers.get(*at).cloned().unwrap_or_default());
            self.insert_offer(start, &offer);
            return;
        }
        if self.known.0 != self.line.text() {
            self.waits_for_offers = true;
            return;
        }
        let text = self.line.text();
        let last_word = self.known.1.words.last();
        let start = match last_word {
            Some(word) if word.range.end == text.len() => word.range.start,
            _ => text.len(),
        };
        let offers = self.known.2.clone();
        let Some(first) = (if step < 0 {
            offers.last()
        } else {
            offers.first()
        }) else {
            return;
        };
        let first = first.clone();
        let at = if step < 0 { offers.len() - 1 } else { 0 };
        self.insert_offer(start, &first);
        if offers.len() > 1 {
            self.cycle = Some((start, offers, at));
        } else {
            let text = format!("{} ", self.line.text());
            // Folders go on.
            if !first.ends_with('/') {
                self.line.set(text);
            }
        }
    }

    fn insert_offer(&mut self, start: usize, offer: &str) {
        let before = self.line.text().get(..start).unwrap_or_default();
        let text = format!("{before}{}", quote(offer));
        self.line.set(text);
    }

    /// Takes over what was found out about a line.
    pub(crate) fn analysed(
        &mut self,
        line: String,
        (partial, offers): (PartialLine, Vec<String>),
        out: &mut Effects,
    ) {
        self.analysing = false;
        let current = line == self.line.text();
        self.known = (line, partial, offers);
        if !current {
            self.changed(out);
        } else if std::mem::take(&mut self.waits_for_offers) {
            self.complete(1);
            self.changed(out);
        }
    }

    fn draw(&self, env: &Env, area: Rect, buf: &mut Buffer) {
        let style = |role: Role| env.theme.style(role);
        let mut pen = Pen::new(area, 0);
        put_clean(buf, &mut pen, ": ", style(Role::Key));
        let text = self.line.text();
        let (from, shown) = self.window(pen.room());
        let fresh = self.known.0 == text;
        let role_at = |at: usize| {
            let words = &self.known.1.words;
            let word = words
                .iter()
                .enumerate()
                .find(|(_, word)| word.range.contains(&at));
            match word {
                Some((_, word)) if fresh && !word.is_valid => Role::Invalid,
                Some((0, _)) => Role::Command,
                _ => Role::Text,
            }
        };
        for (at, c) in shown.char_indices() {
            put(
                buf,
                &mut pen,
                c.encode_utf8(&mut [0; 4]),
                style(role_at(from + at)),
            );
        }
        if fresh && self.line.cursor() == text.len() {
            let missing: Vec<String> = self
                .known
                .1
                .missing
                .iter()
                .map(|param| param.name.clone())
                .collect();
            let blank = if text.ends_with(' ') || text.is_empty() {
                ""
            } else {
                " "
            };
            put(
                buf,
                &mut pen,
                &format!("{blank}{}", missing.join(" ")),
                style(Role::Hint),
            );
        }
        if area.height > 1 {
            self.second_row(env, area, buf);
        }
    }

    /// The mistake in a filter, or what can be completed.
    fn second_row(&self, env: &Env, area: Rect, buf: &mut Buffer) {
        let mut pen = Pen::new(area, 1);
        if let Some((at, reason)) = self.filter_error() {
            let start = self.line.text().find(['\'', '"']).map_or(16, |at| at + 1);
            pen.skip((2 + start + at).min(usize::from(area.width) / 2));
            put(
                buf,
                &mut pen,
                &format!("^ {reason}"),
                env.theme.style(Role::Error),
            );
            return;
        }
        let (offers, at) = match &self.cycle {
            Some((_, offers, at)) => (offers, Some(*at)),
            None => (&self.known.2, None),
        };
        let skip = at.unwrap_or_default().saturating_sub(2);
        for (number, offer) in offers.iter().enumerate().skip(skip).take(30) {
            let role = if at == Some(number) {
                Role::Focus
            } else {
                Role::Hint
            };
            put(buf, &mut pen, offer, env.theme.style(role));
            put_clean(buf, &mut pen, "  ", Style::new());
        }
    }

    /// Offset and text of the part of the line that fits.
    fn window(&self, room: usize) -> (usize, &str) {
        let text = self.line.text();
        let before = text.get(..self.line.cursor()).unwrap_or_default();
        let from = before.len() - crate::text::tail(before, room.saturating_sub(1)).len();
        (from, text.get(from..).unwrap_or_default())
    }
}

impl Prompt {
    /// Applies a key.
    pub(crate) fn key(&mut self, key: &str, out: &mut Effects) -> Answer {
        match self {
            Self::Command(command) => command.key(key, out),
            Self::Ask { line, then, .. } => match key {
                "enter" => Answer::Text(line.text().to_owned(), then.clone()),
                "esc" | "ctrl c" => Answer::Left,
                key => {
                    line.key(key);
                    Answer::Open
                }
            },
            Self::Confirm { line, .. } => match key {
                "y" | "Y" => Answer::Run(line.clone()),
                "n" | "N" | "esc" | "q" | "ctrl c" => Answer::Left,
                _ => Answer::Open,
            },
            Self::Quit => match key {
                "y" | "Y" => Answer::Quit,
                "n" | "N" | "esc" | "q" | "ctrl c" => Answer::Left,
                _ => Answer::Open,
            },
        }
    }

    /// Inserts pasted text.
    pub(crate) fn paste(&mut self, text: &str, out: &mut Effects) {
        match self {
            Self::Command(command) => {
                command.line.insert(text);
                command.changed(out);
            }
            Self::Ask { line, .. } => line.insert(text),
            Self::Confirm { .. } | Self::Quit => {}
        }
    }

    /// Draws the prompt and gives the place of the cursor.
    pub(crate) fn draw(&self, env: &Env, area: Rect, buf: &mut Buffer) -> Position {
        match self {
            Self::Command(command) => {
                command.draw(env, area, buf);
                let room = usize::from(area.width).saturating_sub(2);
                let (from, _) = command.window(room);
                let before = command
                    .line
                    .text()
                    .get(from..command.line.cursor())
                    .unwrap_or_default();
                Position::new(area.x + 2 + width(before) as u16, area.y)
            }
            Self::Ask { prompt, line, .. } => {
                let mut pen = Pen::new(area, 0);
                put(buf, &mut pen, prompt, env.theme.style(Role::Key));
                let start = pen.x;
                let (text, at) = crate::screens::grid::window_of(line, pen.room());
                put(buf, &mut pen, &text, env.theme.style(Role::Text));
                Position::new(start + at as u16, area.y)
            }
            Self::Confirm { question, .. } => ask(env, area, buf, question),
            Self::Quit => ask(env, area, buf, "Quit"),
        }
    }
}

fn ask(env: &Env, area: Rect, buf: &mut Buffer, question: &str) -> Position {
    let mut pen = Pen::new(area, 0);
    let style = env.theme.style(Role::Text);
    put(buf, &mut pen, question, style);
    for (text, role) in [
        (" (", Role::Text),
        ("y", Role::Key),
        ("es,", Role::Text),
        ("n", Role::Key),
        ("o)?", Role::Text),
    ] {
        put_clean(buf, &mut pen, text, env.theme.style(role));
    }
    Position::new(pen.x + 1, area.y)
}

/// What a completion of the last word of a line is about: its type and its beginning.
pub(crate) fn last_word<'a>(
    line: &'a str,
    partial: &PartialLine,
) -> Option<(midwire_core::commands::ParamKind, &'a str)> {
    if let Some(word) = partial
        .words
        .last()
        .filter(|word| word.range.end == line.len())
    {
        let text = line.get(word.range.clone())?;
        let text = unquote(text).trim_start_matches(['"', '\'']);
        return Some((word.kind.clone()?, text));
    }
    if partial.words.is_empty() {
        return Some((midwire_core::commands::ParamKind::Cmd, ""));
    }
    Some((partial.missing.first()?.kind.clone(), ""))
}
