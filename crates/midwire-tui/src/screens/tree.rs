//! The listed flows by host and path; numbers and identifiers in paths fold (ui.md §3.5).

use std::collections::{BTreeMap, HashSet};

use midwire_flow::Flow;
use midwire_flow::access::human::pretty_size;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::env::{Effect, Effects, Env, Nav, Screen};
use crate::keymap::Context;
use crate::screens::flowlist::row::{is_failed, size};
use crate::screens::gather::{Pace, exactly};
use crate::screens::list::ListCursor;
use crate::text::{Pen, cut_end, fill, left, put, put_clean, right};
use crate::theme::Role;

/// Parts of a path that get nodes of their own; the rest of a longer one is one part.
const DEPTH: usize = 12;

/// A host or a part of a path.
#[derive(Debug, Default)]
struct Node {
    children: BTreeMap<String, Node>,
    count: usize,
    errors: usize,
    bytes: u64,
    methods: BTreeMap<String, usize>,
}

impl Node {
    fn add(&mut self, flow: &Flow) {
        self.count += 1;
        self.errors += usize::from(is_failed(flow));
        self.bytes = self.bytes.saturating_add(size(flow).unwrap_or(0));
        let method = match flow {
            Flow::Http(http) => crate::text::line_of(&http.request.method),
            Flow::Tcp(_) => "TCP".to_owned(),
            Flow::Udp(_) => "UDP".to_owned(),
            Flow::Dns(_) => "DNS".to_owned(),
        };
        // Methods are the client's to choose.
        if self.methods.len() < 20 || self.methods.contains_key(&method) {
            *self.methods.entry(method).or_default() += 1;
        }
    }
}

/// A visible row.
#[derive(Clone, Debug)]
struct Row {
    /// Names from the host on.
    path: Vec<String>,
    has_children: bool,
    is_open: bool,
    count: usize,
    errors: usize,
    bytes: u64,
    methods: String,
}

/// The screen.
#[derive(Default)]
pub(crate) struct Tree {
    root: Node,
    open: HashSet<Vec<String>>,
    rows: Vec<Row>,
    cursor: ListCursor,
    pace: Pace,
}

/// A part of a path, folded if it names one of many.
fn fold(part: &str) -> &str {
    let digits = part.bytes().all(|b| b.is_ascii_digit());
    if digits && !part.is_empty() {
        return "{id}";
    }
    let hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit());
    let groups: Vec<&str> = part.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    if lengths == [8, 4, 4, 4, 12] && groups.iter().all(|group| hex(group)) {
        return "{uuid}";
    }
    // Words such as `facade` are hexadecimal too; those of 16 letters are not.
    if part.len() >= 16 && hex(part) {
        return "{hash}";
    }
    part
}

/// Host, then the parts of the path.
fn names(flow: &Flow) -> Vec<String> {
    let Flow::Http(http) = flow else {
        let address = flow.info().server_conn.address.as_ref();
        let host = match flow {
            Flow::Dns(_) => "DNS".to_owned(),
            _ => address.map_or_else(|| "?".to_owned(), ToString::to_string),
        };
        return vec![host];
    };
    let path = crate::text::line_of(&http.request.path);
    let path = path.split('?').next().unwrap_or_default();
    let mut names = vec![http.request.host.clone()];
    let parts = path.strip_prefix('/').unwrap_or(path).splitn(DEPTH, '/');
    names.extend(parts.map(|part| format!("/{}", fold(part))));
    names
}

fn build<'a>(flows: impl Iterator<Item = &'a Flow>) -> Node {
    let mut root = Node::default();
    for flow in flows {
        let mut node = &mut root;
        node.add(flow);
        for name in names(flow) {
            node = node.children.entry(name).or_default();
            node.add(flow);
        }
    }
    root
}

impl Tree {
    /// Makes the visible rows anew.
    fn flatten(&mut self) {
        let mut rows = Vec::new();
        add_rows(&self.root, &mut Vec::new(), (&self.open, &mut rows));
        self.rows = rows;
    }

    fn set_open(&mut self, open: bool) {
        let Some(row) = self.rows.get(self.cursor.focus) else {
            return;
        };
        let path = row.path.clone();
        if open && row.has_children {
            self.open.insert(path);
        } else if !open && !self.open.remove(&path) {
            // Closed already: goes to the parent.
            let parent = path.split_last().map(|(_, parent)| parent.to_vec());
            let at = self
                .rows
                .iter()
                .position(|row| Some(&row.path) == parent.as_ref());
            self.cursor.focus = at.unwrap_or(self.cursor.focus);
        }
        self.flatten();
    }

    fn filter(row: &Row) -> String {
        let Some((host, parts)) = row.path.split_first() else {
            return String::new();
        };
        if host == "DNS" {
            return "~dns".to_owned();
        }
        let host_only = host
            .rsplit_once(':')
            .filter(|(name, _)| !name.contains(':'));
        let name = host_only.map_or(host.as_str(), |(name, _)| name);
        let mut filter = format!("~d {}", exactly(name));
        if !parts.is_empty() {
            let part = |part: &String| match part.as_str() {
                "/{id}" => "/[0-9]+".to_owned(),
                "/{uuid}" => "/[0-9a-fA-F-]{36}".to_owned(),
                "/{hash}" => "/[0-9a-fA-F]+".to_owned(),
                part => {
                    let word = exactly(part);
                    word.trim_start_matches("\"^")
                        .trim_end_matches("$\"")
                        .to_owned()
                }
            };
            let path: String = parts.iter().map(part).collect();
            let end = if row.has_children { "" } else { "([?]|$)" };
            filter.push_str(&format!(" & ~u \"://[^/]+{path}{end}\""));
        }
        filter
    }
}

fn add_rows(node: &Node, path: &mut Vec<String>, to: (&HashSet<Vec<String>>, &mut Vec<Row>)) {
    let (open, rows) = to;
    for (name, child) in &node.children {
        path.push(name.clone());
        let is_open = open.contains(path);
        let methods: Vec<String> = child
            .methods
            .iter()
            .map(|(method, count)| format!("{method} {count}"))
            .collect();
        rows.push(Row {
            path: path.clone(),
            has_children: !child.children.is_empty(),
            is_open,
            count: child.count,
            errors: child.errors,
            bytes: child.bytes,
            methods: methods.join(" "),
        });
        if is_open {
            add_rows(child, path, (open, rows));
        }
        path.pop();
    }
}

impl Screen for Tree {
    fn context(&self) -> Context {
        Context::Tree
    }

    fn title(&self, _: &Env) -> (String, String) {
        (
            format!("Tree of {} flows", self.root.count),
            "l opens  h closes  enter: filter".to_owned(),
        )
    }

    fn prepare(&mut self, env: &Env, area: Rect, _: &mut Effects) {
        if self.pace.is_due() {
            let focused = self.rows.get(self.cursor.focus).map(|row| row.path.clone());
            self.root = self.pace.look(|| {
                let flows = env.kernel.store().rows(0, usize::MAX);
                build(flows.iter().map(|flow| &**flow))
            });
            self.flatten();
            let same = self
                .rows
                .iter()
                .position(|row| Some(&row.path) == focused.as_ref());
            self.cursor.focus = same.unwrap_or(self.cursor.focus);
        }
        self.cursor.fit(self.rows.len(), area.height.into());
    }

    fn ticks(&self) -> bool {
        self.pace.is_due()
    }

    fn draw(&self, env: &Env, area: Rect, buf: &mut Buffer) {
        let names = (usize::from(area.width) / 2).clamp(10, 60);
        let window = self.rows.iter().enumerate().skip(self.cursor.offset);
        for (y, (at, row)) in window.take(area.height.into()).enumerate() {
            let focused = at == self.cursor.focus;
            let style = |role: Role| env.theme.style(if focused { Role::Focus } else { role });
            let mut pen = Pen::new(area, y as u16);
            let depth = row.path.len().saturating_sub(1);
            let sign = match (row.has_children, row.is_open) {
                (false, _) => ' ',
                (true, true) => 'v',
                (true, false) => '>',
            };
            let name = row.path.last().map_or("", String::as_str);
            let name = format!(" {}{sign} {name}", "  ".repeat(depth));
            let name = midwire_views::clean_line(&name);
            let name = cut_end(&name, names, env.glyphs.ellipsis);
            let role = if depth == 0 {
                Role::UrlDomain
            } else {
                Role::UrlPath
            };
            put(buf, &mut pen, &left(&name, names), style(role));
            let count = right(&row.count.to_string(), 7);
            put_clean(buf, &mut pen, &count, style(Role::Text));
            let errors = if row.errors > 0 {
                format!("{} failed", row.errors)
            } else {
                String::new()
            };
            put_clean(buf, &mut pen, &right(&errors, 13), style(Role::Error));
            put_clean(
                buf,
                &mut pen,
                &right(&pretty_size(row.bytes), 9),
                style(Role::Dim),
            );
            put_clean(buf, &mut pen, "  ", style(Role::Dim));
            put(buf, &mut pen, &row.methods, style(Role::Dim));
            fill(buf, &mut pen, style(Role::Text));
        }
    }

    fn nav(&mut self, _: &Env, nav: Nav, out: &mut Effects) {
        match nav {
            Nav::Right => self.set_open(true),
            Nav::Left => self.set_open(false),
            Nav::Select => {
                if let Some(row) = self.rows.get(self.cursor.focus) {
                    let words = vec!["view_filter".to_owned(), Self::filter(row)];
                    out.push(Effect::Call("set".to_owned(), words));
                    out.push(Effect::Run("console.view.pop".to_owned()));
                }
            }
            _ => {
                self.cursor.nav(nav, self.rows.len());
            }
        }
    }

    fn click(&mut self, _: &Env, at: Position, _: &mut Effects) {
        let row = self.cursor.offset + usize::from(at.y);
        if row < self.rows.len() {
            self.cursor.focus = row;
            let is_open = self.rows.get(row).is_some_and(|row| row.is_open);
            self.set_open(!is_open);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_fold() {
        for (part, expected) in [
            ("users", "users"),
            ("9999", "{id}"),
            ("", ""),
            ("123e4567-e89b-12d3-a456-426614174000", "{uuid}"),
            ("d41d8cd98f00b204e9800998ecf8427e", "{hash}"),
            ("facade", "facade"),
            ("v2", "v2"),
        ] {
            assert_eq!(fold(part), expected);
        }
    }

    #[test]
    fn filters_of_nodes_are_filters() {
        for path in [
            &["a.test"][..],
            &["a.test:443", "/x (1)", "/{id}"],
            &["[::1]", "/\"", "/{uuid}", "/{hash}"],
            &["DNS"],
        ] {
            let row = Row {
                path: path.iter().map(|&name| name.to_owned()).collect(),
                has_children: false,
                is_open: false,
                count: 0,
                errors: 0,
                bytes: 0,
                methods: String::new(),
            };
            let filter = Tree::filter(&row);
            let parsed = midwire_flow::filter::Filter::parse(&filter);
            assert!(parsed.is_ok(), "{filter}");
        }
    }
}
