//! The three layouts of the list (console.md §4, ui.md §3.2 and §3.3).

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::Layout;
use super::row::{Facts, State};
use crate::env::Env;
use crate::text::{Pen, cut_end, cut_middle, cut_start, fill, left, put_clean, right, width};
use crate::theme::Role;

/// Draws the rows; `focus` is the one with the cursor.
pub(super) fn rows(
    env: &Env,
    area: Rect,
    buf: &mut Buffer,
    layout: Layout,
    (rows, focus): (&[Facts], Option<usize>),
) {
    let columns = Columns::new(area.width);
    if layout == Layout::Table {
        columns.titles(env, &mut Pen::new(area, 0), buf);
    }
    for (at, facts) in rows.iter().enumerate() {
        let y = layout.head() + (at * layout.lines()) as u16;
        if y >= area.height {
            break;
        }
        let line = Line {
            env,
            facts,
            focused: focus == Some(at),
        };
        match layout {
            Layout::Table => columns.row(&line, &mut Pen::new(area, y), buf),
            Layout::Narrow => narrow(&line, &mut Pen::new(area, y), buf),
            Layout::List => list(&line, area, y, buf),
        }
    }
}

/// Rows above what an empty list shows.
const HEAD: u16 = 3;

/// The part of an empty list below its head.
pub(super) fn below_head(area: Rect) -> Rect {
    let rows = HEAD.min(area.height);
    Rect {
        y: area.y + rows,
        height: area.height - rows,
        ..area
    }
}

/// The head of an empty list: how to get flows.
pub(super) fn start(env: &Env, area: Rect, buf: &mut Buffer) {
    let keys = "B starts a browser   L loads a file   ? help   ctrl p finds everything";
    for (y, text, role) in [(0, "No flow yet", Role::Title), (1, keys, Role::Dim)] {
        let mut pen = Pen::new(area, y);
        pen.skip(2);
        if y < area.height {
            put_clean(buf, &mut pen, text, env.theme.style(role));
        }
    }
}

/// What stands where filters hide all flows.
pub(super) fn nothing_fits(env: &Env, area: Rect, buf: &mut Buffer, total: usize) {
    let mut lines: Vec<(String, Role)> = Vec::new();
    let filter = env.options.view_filter.clone().unwrap_or_default();
    lines.push((format!("0 of {total} flows match"), Role::Title));
    if !filter.is_empty() {
        lines.push((format!("filter: {filter}"), Role::Text));
    }
    if env.kernel.store().is_marked_only() {
        lines.push((
            "only marked flows are shown (M shows all)".to_owned(),
            Role::Text,
        ));
    }
    lines.push((String::new(), Role::Text));
    lines.push(("f changes the filter".to_owned(), Role::Dim));
    for (at, (text, role)) in lines.iter().enumerate() {
        let mut pen = Pen::new(area, at as u16 + 1);
        pen.skip(2);
        let text = midwire_views::clean_line(text);
        put_clean(buf, &mut pen, &text, env.theme.style(*role));
    }
}

/// One row and how it is to look.
struct Line<'a> {
    env: &'a Env,
    facts: &'a Facts,
    focused: bool,
}

impl Line<'_> {
    fn style(&self, role: Role) -> Style {
        let style = self.env.theme.style(role);
        if !self.focused {
            return style;
        }
        let focus = self.env.theme.style(Role::Focus);
        // The cursor's background, with colours only where they can be read on it.
        match role {
            Role::Text | Role::Dim | Role::UrlPath | Role::UrlQuery => focus,
            _ => Style {
                bg: focus.bg,
                ..style
            }
            .add_modifier(focus.add_modifier),
        }
    }

    /// Glyph and role of the state; readable without colours.
    fn state(&self) -> (String, Role) {
        let facts = self.facts;
        match facts.state {
            State::HeldRequest | State::HeldResponse => ("#".to_owned(), Role::Intercept),
            State::Failed => ("!".to_owned(), Role::Error),
            _ if !facts.marked.is_empty() => (self.env.glyphs.marker(&facts.marked), Role::Mark),
            _ => (" ".to_owned(), Role::Text),
        }
    }

    /// What stands before the text: cursor and state.
    fn gutter(&self, pen: &mut Pen, buf: &mut Buffer) {
        let cursor = if self.focused { ">" } else { " " };
        put_clean(buf, pen, cursor, self.style(Role::Title));
        let (glyph, role) = self.state();
        put_clean(buf, pen, &left(&glyph, 2), self.style(role));
    }

    fn main(&self) -> Role {
        match self.facts.state {
            State::HeldRequest => Role::Intercept,
            State::Running if self.facts.status.0 == "..." => Role::Title,
            _ => Role::UrlPath,
        }
    }

    /// Words after the path: replayed, edited, commented, marked besides another state.
    fn flags(&self) -> String {
        let (facts, glyphs) = (self.facts, &self.env.glyphs);
        let mut flags = String::new();
        if facts.replayed {
            flags.push_str(glyphs.replay);
        }
        if facts.edited {
            flags.push('~');
        }
        if facts.commented {
            flags.push('"');
        }
        let state_hides_mark = matches!(
            facts.state,
            State::HeldRequest | State::HeldResponse | State::Failed
        );
        if state_hides_mark && !facts.marked.is_empty() {
            flags.push_str(&glyphs.marker(&facts.marked));
        }
        flags
    }

    fn held(&self) -> Option<&'static str> {
        match self.facts.state {
            State::HeldRequest => Some("held: request"),
            State::HeldResponse => Some("held: response"),
            _ => None,
        }
    }

    fn url_parts(&self, pen: &mut Pen, buf: &mut Buffer, cells: usize) {
        let mark = self.env.glyphs.ellipsis;
        let (path, query) = (&self.facts.path.0, &self.facts.path.1);
        let whole: Cow<'_, str> = Cow::Owned(format!("{path}{query}"));
        let text = cut_middle(&whole, cells, mark);
        if text.starts_with(path.as_str()) && !query.is_empty() {
            let (path, query) = text.split_at_checked(path.len()).unwrap_or((&text, ""));
            put_clean(buf, pen, path, self.style(self.main()));
            put_clean(buf, pen, query, self.style(Role::UrlQuery));
        } else {
            put_clean(buf, pen, &text, self.style(self.main()));
        }
        let pad = cells.saturating_sub(width(&text));
        put_clean(buf, pen, &" ".repeat(pad), self.style(Role::Text));
    }

    fn took(&self, cells: usize) -> (String, Style) {
        // The scale is logarithmic, as sizes and times are.
        let share = self
            .facts
            .took
            .map_or(0.0, |took| (took * 1000.0).max(1.0).log2() / 12.0);
        let style = self.scaled(share);
        (right(&self.facts.took_text(), cells), style)
    }

    fn size(&self, cells: usize) -> (String, Style) {
        let share = self
            .facts
            .size
            .map_or(0.0, |size| (size as f64).max(1.0).log2() / 20.0);
        (right(&self.facts.size_text(), cells), self.scaled(share))
    }

    fn scaled(&self, share: f64) -> Style {
        if self.focused {
            return self.style(Role::Text);
        }
        self.env.theme.gradient(share)
    }
}

/// Widths of the table's columns.
struct Columns {
    number: usize,
    time: usize,
    proto: usize,
    method: usize,
    host: usize,
    path: usize,
    status: usize,
    kind: usize,
    size: usize,
    took: usize,
}

impl Columns {
    /// Columns give way in the order of ui.md §3.3 as the window gets narrower.
    fn new(width: u16) -> Self {
        let width = usize::from(width);
        let mut columns = Self {
            number: if width >= 110 { 6 } else { 0 },
            time: 9,
            proto: 6,
            method: 8,
            host: (width / 5).clamp(8, 34),
            path: 0,
            status: 8,
            kind: 8,
            size: 7,
            took: 7,
        };
        if width < 90 {
            columns.proto = 0;
        }
        if width < 80 {
            columns.size = 0;
        }
        if width < 72 {
            columns.kind = 0;
        }
        if width < 64 {
            columns.took = 0;
        }
        if width < 56 {
            columns.time = 0;
        }
        let fixed = 3
            + columns.number
            + columns.time
            + columns.proto
            + columns.method
            + columns.host
            + 1
            + columns.status
            + columns.kind
            + columns.size
            + columns.took;
        columns.path = width.saturating_sub(fixed + 1);
        columns
    }

    fn titles(&self, env: &Env, pen: &mut Pen, buf: &mut Buffer) {
        let style = env.theme.style(Role::HeadingInactive);
        let arrow = if env.options.view_order_reversed {
            env.glyphs.up
        } else {
            env.glyphs.down
        };
        let named = |name: &str, order: &str| {
            if env.options.view_order == order {
                format!("{name}{arrow}")
            } else {
                name.to_owned()
            }
        };
        put_clean(buf, pen, "   ", style);
        for (cells, title, to_right) in [
            (self.number, "#".to_owned(), true),
            (self.time, named("time", "time"), false),
            (self.proto, "proto".to_owned(), false),
            (self.method, named("method", "method"), false),
            (self.host, "host".to_owned(), false),
            (1, String::new(), false),
            (self.path, named("path", "url"), false),
            (1, String::new(), false),
            (self.status, "status".to_owned(), false),
            (self.kind, "type".to_owned(), false),
            (self.size, named("size", "size"), true),
            (self.took, "time".to_owned(), true),
        ] {
            let text = match (cells, to_right) {
                (0, _) => continue,
                (_, true) => right(&title, cells.saturating_sub(1)) + " ",
                (_, false) => left(&title, cells),
            };
            put_clean(buf, pen, &text, style);
        }
        fill(buf, pen, style);
    }

    fn row(&self, line: &Line<'_>, pen: &mut Pen, buf: &mut Buffer) {
        let (facts, mark) = (line.facts, line.env.glyphs.ellipsis);
        line.gutter(pen, buf);
        let mut cell = |pen: &mut Pen, text: &str, cells: usize, style: Style| {
            if cells > 0 {
                put_clean(buf, pen, &left(text, cells), style);
            }
        };
        let number = facts
            .number
            .map(|number| number.to_string())
            .unwrap_or_default();
        if self.number > 0 {
            let number = right(&number, self.number - 1);
            cell(pen, &number, self.number, line.style(Role::Dim));
        }
        cell(pen, &facts.time, self.time, line.style(Role::Dim));
        cell(pen, facts.proto.0, self.proto, line.style(facts.proto.1));
        let method = cut_end(&facts.method.0, self.method.saturating_sub(1), mark);
        cell(pen, &method, self.method, line.style(facts.method.1));
        let host = cut_start(&facts.host, self.host, mark);
        cell(pen, &host, self.host, line.style(Role::UrlDomain));
        cell(pen, " ", 1, line.style(Role::Text));
        let flags = line.flags();
        let flags_cells = width(&flags);
        line.url_parts(pen, buf, self.path.saturating_sub(flags_cells + 1));
        let mut cell = |pen: &mut Pen, text: &str, cells: usize, style: Style| {
            if cells > 0 {
                put_clean(buf, pen, &left(text, cells), style);
            }
        };
        cell(pen, " ", 1, line.style(Role::Text));
        cell(pen, &flags, flags_cells, line.style(Role::Replay));
        cell(pen, " ", 1, line.style(Role::Text));
        if let Some(held) = line.held() {
            let cells = self.status + self.kind;
            cell(
                pen,
                &cut_end(held, cells, mark),
                cells,
                line.style(Role::Intercept),
            );
        } else {
            let status = cut_end(&facts.status.0, self.status.saturating_sub(1), mark);
            cell(pen, &status, self.status, line.style(facts.status.1));
            let kind = cut_end(&facts.kind.0, self.kind.saturating_sub(1), mark);
            cell(pen, &kind, self.kind, line.style(facts.kind.1));
        }
        if self.size > 0 {
            let (text, style) = line.size(self.size - 1);
            cell(pen, &text, self.size, style);
        }
        if self.took > 0 {
            let (text, style) = line.took(self.took - 1);
            cell(pen, &text, self.took, style);
        }
        fill(buf, pen, line.style(Role::Text));
    }
}

/// One line for a narrow window: everything but number and protocol, which becomes a letter in front.
fn narrow(line: &Line<'_>, pen: &mut Pen, buf: &mut Buffer) {
    let (facts, mark) = (line.facts, line.env.glyphs.ellipsis);
    let room = pen.room();
    let (time, took, kind, size) = (room >= 56, room >= 50, room >= 64, room >= 72);
    line.gutter(pen, buf);
    if time {
        put_clean(buf, pen, &left(&facts.time, 9), line.style(Role::Dim));
    }
    let method_cells = if room >= 60 { 7 } else { 5 };
    let method = left(
        &cut_end(&facts.method.0, method_cells, mark),
        method_cells + 1,
    );
    put_clean(buf, pen, &method, line.style(facts.method.1));
    let end = 8 + if kind { 7 } else { 0 } + if size { 7 } else { 0 } + if took { 6 } else { 0 };
    let flags = line.flags();
    let room = pen.room().saturating_sub(end + 1 + width(&flags));
    let is_stream = matches!(facts.proto.0, "tcp" | "udp");
    let host = if is_stream {
        &facts.origin
    } else {
        &facts.host
    };
    let path = if is_stream {
        0
    } else {
        width(&facts.path.0) + width(&facts.path.1)
    };
    let host_cells = width(host).min(room.saturating_sub(path).max(room * 2 / 5));
    put_clean(
        buf,
        pen,
        &if is_stream {
            cut_end(host, host_cells, mark)
        } else {
            cut_start(host, host_cells, mark)
        },
        line.style(Role::UrlDomain),
    );
    let room = room.saturating_sub(host_cells);
    if is_stream {
        put_clean(buf, pen, &" ".repeat(room), line.style(Role::Text));
    } else {
        line.url_parts(pen, buf, room);
    }
    put_clean(buf, pen, &flags, line.style(Role::Replay));
    put_clean(buf, pen, " ", line.style(Role::Text));
    if let Some(held) = line.held() {
        let cells = pen.room();
        put_clean(
            buf,
            pen,
            &left(&cut_end(held, cells, mark), cells),
            line.style(Role::Intercept),
        );
        return;
    }
    put_clean(
        buf,
        pen,
        &left(&cut_end(&facts.status.0, 7, mark), 8),
        line.style(facts.status.1),
    );
    if kind {
        put_clean(
            buf,
            pen,
            &left(&cut_end(&facts.kind.0, 6, mark), 7),
            line.style(facts.kind.1),
        );
    }
    if size {
        let (text, style) = line.size(6);
        put_clean(buf, pen, &(text + " "), style);
    }
    if took {
        let (text, style) = line.took(6);
        put_clean(buf, pen, &text, style);
    }
    fill(buf, pen, line.style(Role::Text));
}

/// mitmproxy's two lines: the request, then the response.
fn list(line: &Line<'_>, area: Rect, y: u16, buf: &mut Buffer) {
    let (facts, glyphs) = (line.facts, &line.env.glyphs);
    let mut pen = Pen::new(area, y);
    let cursor = if line.focused { ">> " } else { "   " };
    put_clean(buf, &mut pen, cursor, line.env.theme.style(Role::Title));
    put_clean(
        buf,
        &mut pen,
        &facts.method.0,
        line.env.theme.style(facts.method.1),
    );
    put_clean(buf, &mut pen, " ", Style::new());
    put_clean(
        buf,
        &mut pen,
        &facts.origin,
        line.env.theme.style(Role::UrlDomain),
    );
    let is_stream = matches!(facts.proto.0, "tcp" | "udp");
    if !is_stream {
        let path = format!("{}{}", facts.path.0, facts.path.1);
        put_clean(buf, &mut pen, &path, line.env.theme.style(line.main()));
    }
    if !facts.version.is_empty() {
        put_clean(
            buf,
            &mut pen,
            &format!(" {}", facts.version),
            line.env.theme.style(Role::Dim),
        );
    }
    let mut tail = String::new();
    if facts.replayed {
        tail.push_str(glyphs.replay);
    }
    tail.push_str(&glyphs.marker(&facts.marked));
    crate::text::put_right(buf, pen, &tail, line.env.theme.style(Role::Mark));
    if y + 1 >= area.height {
        return;
    }
    let mut pen = Pen::new(area, y + 1);
    pen.skip(6);
    if let Some(error) = &facts.error {
        let text = format!("{} {error}", glyphs.returned);
        put_clean(buf, &mut pen, &text, line.env.theme.style(Role::Error));
        return;
    }
    let held = facts.state == State::HeldResponse;
    let role = |role: Role| {
        line.env
            .theme
            .style(if held { Role::Intercept } else { role })
    };
    if let Some(held) = line.held() {
        put_clean(
            buf,
            &mut pen,
            &format!("{held} "),
            line.env.theme.style(Role::Intercept),
        );
    }
    if facts.status.0.is_empty() && facts.size.is_none() {
        return;
    }
    put_clean(
        buf,
        &mut pen,
        &format!("{} ", glyphs.returned),
        role(Role::Dim),
    );
    put_clean(
        buf,
        &mut pen,
        &facts.status.0,
        role(facts.status.1).add_modifier(Modifier::BOLD),
    );
    for (text, style) in [
        (facts.kind.0.clone(), role(facts.kind.1)),
        (facts.size_text(), line.env.theme.gradient(0.3)),
        (facts.took_text(), line.env.theme.gradient(0.5)),
    ] {
        if !text.is_empty() {
            put_clean(buf, &mut pen, &format!(" {text}"), style);
        }
    }
}
