//! The grid editor: rows of cells that are edited in place (console.md §6).

use midwire_core::commands::{Args, CommandError, CommandValue, unescape_bytes};
use midwire_core::log::Level;
use midwire_core::options::Value;
use midwire_flow::Id;
use midwire_views::escape_bytes;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::edit::{AfterEdit, EditJob, RowPart, set_rows};
use crate::env::{Effect, Effects, Env, Handled, Nav, Outcome, Screen};
use crate::keymap::Context;
use crate::line_edit::LineEdit;
use crate::screens::list::ListCursor;
use crate::text::{Pen, cut_end, fill, left, line_of, put_clean};
use crate::theme::Role;

/// What a grid shows at first, and where its rows go.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) title: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Vec<u8>>>,
    pub(crate) target: Target,
}

/// Where rows go when the grid is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Flow(Id, RowPart),
    Option(String),
}

/// Rows that a grid may have.
const ROWS: usize = 10_000;

/// The grid.
pub(crate) struct Grid {
    spec: Spec,
    original: Vec<Vec<Vec<u8>>>,
    cursor: ListCursor,
    column: usize,
    editing: Option<LineEdit>,
    area: Rect,
}

impl Grid {
    pub(crate) fn new(spec: Spec) -> Self {
        Self {
            original: spec.rows.clone(),
            spec,
            cursor: ListCursor::default(),
            column: 0,
            editing: None,
            area: Rect::default(),
        }
    }

    fn cell(&self) -> Option<&Vec<u8>> {
        self.spec.rows.get(self.cursor.focus)?.get(self.column)
    }

    fn set_cell(&mut self, data: Vec<u8>) {
        if self.spec.rows.is_empty() {
            self.insert(0);
        }
        let row = self.spec.rows.get_mut(self.cursor.focus);
        if let Some(cell) = row.and_then(|row| row.get_mut(self.column)) {
            *cell = data;
        }
    }

    fn insert(&mut self, at: usize) {
        if self.spec.rows.len() >= ROWS {
            return;
        }
        let at = at.min(self.spec.rows.len());
        self.spec
            .rows
            .insert(at, vec![Vec::new(); self.spec.columns.len()]);
        self.cursor.focus = at;
        self.column = 0;
    }

    /// Begins to edit the present cell, with escapes for what is no text.
    fn begin(&mut self) {
        if self.spec.rows.is_empty() {
            self.insert(0);
        }
        let text = match self.cell().map(|cell| std::str::from_utf8(cell)) {
            Some(Ok(text)) if !text.chars().any(char::is_control) => text.replace('\\', "\\\\"),
            _ => escape_bytes(self.cell().map(Vec::as_slice).unwrap_or_default()),
        };
        self.editing = Some(LineEdit::new(text));
    }

    /// Takes over what was typed; false, with a message, if it is not valid.
    fn finish(&mut self, out: &mut Effects) -> bool {
        let Some(line) = &self.editing else {
            return true;
        };
        let data = match unescape_bytes(line.text()) {
            Ok(data) => data,
            Err(error) => {
                out.push(Effect::Say(Level::Error, format!("Invalid value: {error}")));
                return false;
            }
        };
        if let Err(problem) = self.check(&data) {
            out.push(Effect::Say(Level::Error, problem));
            return false;
        }
        self.editing = None;
        self.set_cell(data);
        true
    }

    /// What must not stand in a cell.
    fn check(&self, data: &[u8]) -> Result<(), String> {
        let is_field = matches!(
            self.spec.target,
            Target::Flow(_, RowPart::RequestFields | RowPart::ResponseFields)
        );
        if is_field && data.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err("a field cannot hold a line end".to_owned());
        }
        if is_field && self.column == 0 && data.iter().any(|byte| matches!(byte, b' ' | b':')) {
            return Err("a field name cannot hold blanks or colons".to_owned());
        }
        if matches!(self.spec.target, Target::Option(_)) && std::str::from_utf8(data).is_err() {
            return Err("options are text in UTF-8".to_owned());
        }
        Ok(())
    }

    fn is_valid(&self) -> bool {
        let line = self
            .editing
            .as_ref()
            .map(LineEdit::text)
            .unwrap_or_default();
        unescape_bytes(line).is_ok_and(|data| self.check(&data).is_ok())
    }

    fn column_width(&self, area: Rect) -> usize {
        let columns = self.spec.columns.len().max(1);
        if columns == 1 {
            return usize::from(area.width).saturating_sub(2);
        }
        let first = usize::from(area.width) / 3;
        let rest = usize::from(area.width).saturating_sub(first + 3) / (columns - 1);
        if self.column == 0 { first } else { rest }
    }

    fn load(&mut self, args: &Args, escaped: bool) -> Outcome {
        /// Bytes that a cell takes from a file.
        const LIMIT: u64 = 16 << 20;
        let path = args.str(0)?;
        let size = std::fs::metadata(path).map_err(CommandError::failed)?.len();
        if size > LIMIT {
            return Err(CommandError::failed("the file is too large for a cell"));
        }
        let mut data = std::fs::read(path).map_err(CommandError::failed)?;
        if escaped {
            let text = String::from_utf8_lossy(&data).into_owned();
            data = unescape_bytes(&text).map_err(CommandError::failed)?;
        }
        self.check(&data).map_err(CommandError::failed)?;
        self.set_cell(data);
        Ok(CommandValue::Null)
    }

    fn save(&self, args: &Args) -> Outcome {
        let mut out = String::new();
        for row in &self.spec.rows {
            let cells: Vec<String> = row
                .iter()
                .map(|cell| {
                    let text = String::from_utf8_lossy(cell);
                    if text.contains(['"', ',', '\n', '\r']) {
                        format!("\"{}\"", text.replace('"', "\"\""))
                    } else {
                        text.into_owned()
                    }
                })
                .collect();
            out.push_str(&cells.join(","));
            out.push_str("\r\n");
        }
        std::fs::write(args.str(0)?, out).map_err(CommandError::failed)?;
        Ok(CommandValue::Null)
    }
}

impl Screen for Grid {
    fn context(&self) -> Context {
        Context::GridEditor
    }

    fn title(&self, _: &Env) -> (String, String) {
        (self.spec.title.clone(), "q keeps the rows".to_owned())
    }

    fn prepare(&mut self, _: &Env, area: Rect, _: &mut Effects) {
        self.area = area;
        let height = usize::from(area.height.saturating_sub(1));
        self.cursor.fit(self.spec.rows.len(), height);
    }

    fn draw(&self, env: &Env, area: Rect, buf: &mut Buffer) {
        let columns = self.spec.columns.len().max(1);
        let first = usize::from(area.width) / 3;
        let rest =
            usize::from(area.width).saturating_sub(first + 3) / columns.max(2).saturating_sub(1);
        let cells = |column: usize| match (columns, column) {
            (1, _) => usize::from(area.width).saturating_sub(2),
            (_, 0) => first,
            _ => rest,
        };
        let mut pen = Pen::new(area, 0);
        for (at, title) in self.spec.columns.iter().enumerate() {
            put_clean(
                buf,
                &mut pen,
                &left(title, cells(at) + 1),
                env.theme.style(Role::HeadingInactive),
            );
        }
        fill(buf, &mut pen, env.theme.style(Role::HeadingInactive));
        if self.spec.rows.is_empty() {
            let mut pen = Pen::new(area, 2);
            put_clean(
                buf,
                &mut pen,
                "  No rows. a adds one.",
                env.theme.style(Role::Dim),
            );
        }
        let window = self.spec.rows.iter().enumerate().skip(self.cursor.offset);
        for (y, (at, row)) in window.take(self.cursor.height).enumerate() {
            let mut pen = Pen::new(area, y as u16 + 1);
            for (column, cell) in row.iter().enumerate() {
                let focused = at == self.cursor.focus && column == self.column;
                let width = cells(column);
                let (text, role) = match &self.editing {
                    Some(line) if focused && self.is_valid() => {
                        (window_of(line, width).0, Role::FieldEdit)
                    }
                    Some(line) if focused => (window_of(line, width).0, Role::FieldError),
                    _ if focused => (
                        cut_end(&line_of(cell), width, env.glyphs.ellipsis).into_owned(),
                        Role::FieldFocus,
                    ),
                    _ if column == 0 && columns > 1 => (
                        cut_end(&line_of(cell), width, env.glyphs.ellipsis).into_owned(),
                        Role::Header,
                    ),
                    _ => (
                        cut_end(&line_of(cell), width, env.glyphs.ellipsis).into_owned(),
                        Role::Text,
                    ),
                };
                put_clean(buf, &mut pen, &left(&text, width), env.theme.style(role));
                put_clean(buf, &mut pen, " ", env.theme.style(Role::Text));
            }
        }
    }

    fn cursor(&self) -> Option<Position> {
        let line = self.editing.as_ref()?;
        let y = self.cursor.focus.checked_sub(self.cursor.offset)?;
        let width = self.column_width(self.area);
        let first = usize::from(self.area.width) / 3 + 1;
        let start = match self.column {
            0 => 0,
            column => first + (column - 1) * (width + 1),
        };
        let x = start + window_of(line, width).1;
        Some(Position::new(
            self.area.x + x as u16,
            self.area.y + 1 + y as u16,
        ))
    }

    fn takes_text(&self) -> bool {
        self.editing.is_some()
    }

    fn paste(&mut self, text: &str) {
        if let Some(line) = &mut self.editing {
            line.insert(text);
        }
    }

    fn key(&mut self, _: &Env, key: &str, out: &mut Effects) -> Handled {
        let Some(line) = &mut self.editing else {
            return Handled::No;
        };
        match key {
            "enter" | "esc" => {
                self.finish(out);
            }
            "tab" => {
                if self.finish(out) {
                    self.column = (self.column + 1) % self.spec.columns.len().max(1);
                    if self.column > 0 {
                        self.begin();
                    }
                }
            }
            _ => {
                line.key(key);
            }
        }
        Handled::Yes
    }

    fn nav(&mut self, _: &Env, nav: Nav, _: &mut Effects) {
        let columns = self.spec.columns.len().max(1);
        match nav {
            Nav::Left => self.column = self.column.saturating_sub(1),
            Nav::Right => self.column = (self.column + 1).min(columns - 1),
            Nav::Next => self.column = (self.column + 1) % columns,
            Nav::Select => self.begin(),
            _ => {
                self.cursor.nav(nav, self.spec.rows.len());
            }
        }
    }

    fn click(&mut self, _: &Env, at: Position, _: &mut Effects) {
        let row = self.cursor.offset + usize::from(at.y.saturating_sub(1));
        if at.y > 0 && row < self.spec.rows.len() {
            self.cursor.focus = row;
        }
    }

    fn call(&mut self, _: &Env, name: &str, args: &Args, out: &mut Effects) -> Option<Outcome> {
        let name = name.strip_prefix("console.grideditor.")?;
        match name {
            "add" => {
                self.insert(self.cursor.focus + usize::from(!self.spec.rows.is_empty()));
                self.begin();
            }
            "insert" => {
                self.insert(self.cursor.focus);
                self.begin();
            }
            "delete" => {
                if self.cursor.focus < self.spec.rows.len() {
                    self.spec.rows.remove(self.cursor.focus);
                }
            }
            "editor" => out.push(Effect::Edit(Box::new(EditJob {
                data: self.cell().cloned().unwrap_or_default(),
                suffix: String::new(),
                then: AfterEdit::Cell,
            }))),
            "load" => return Some(self.load(args, false)),
            "load_escaped" => return Some(self.load(args, true)),
            "save" => return Some(self.save(args)),
            _ => return None,
        }
        Some(Ok(CommandValue::Null))
    }

    fn edited(&mut self, env: &Env, mut text: Vec<u8>, out: &mut Effects) {
        if env.options.console_strip_trailing_newlines
            || matches!(self.spec.target, Target::Flow(..))
        {
            // Editors end the last line; a cell is no line.
            if text.ends_with(b"\n") {
                text.pop();
            }
        }
        match self.check(&text) {
            Ok(()) => self.set_cell(text),
            Err(problem) => out.push(Effect::Say(Level::Error, problem)),
        }
    }

    fn leave(&mut self, env: &Env, out: &mut Effects) {
        self.finish(out);
        // Rows without any text are ones that somebody added and left.
        self.spec
            .rows
            .retain(|row| row.iter().any(|cell| !cell.is_empty()));
        if self.spec.rows == self.original {
            return;
        }
        match &self.spec.target {
            Target::Flow(id, part) => {
                let changed = env
                    .kernel
                    .edit_flow(id, |flow| set_rows(flow, *part, &self.spec.rows));
                match changed {
                    Some(flow) => env.kernel.updated(&[flow]),
                    None => out.push(Effect::Say(
                        Level::Error,
                        "the flow is not there any more".to_owned(),
                    )),
                }
            }
            Target::Option(name) => {
                let texts = self.spec.rows.iter().filter_map(|row| row.first());
                let texts: Vec<String> = texts
                    .map(|cell| String::from_utf8_lossy(cell).into_owned())
                    .collect();
                if let Err(error) = env
                    .kernel
                    .options()
                    .update([(name.clone(), Value::Seq(texts))])
                {
                    out.push(Effect::Say(Level::Error, error.to_string()));
                }
            }
        }
    }
}

/// The part of a line around its cursor that fits, and the cell of the cursor in it.
pub(crate) fn window_of(line: &LineEdit, width: usize) -> (String, usize) {
    let width = width.max(2);
    let before = line.text().get(..line.cursor()).unwrap_or_default();
    let after = line.text().get(line.cursor()..).unwrap_or_default();
    let before = midwire_views::clean_line(before);
    let shown = crate::text::tail(&before, width - 1);
    let at = crate::text::width(shown);
    let rest = midwire_views::clean_line(after);
    (
        format!("{shown}{}", crate::text::head(&rest, width - at)),
        at,
    )
}
