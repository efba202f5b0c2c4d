//! Numbers by host, status and type over the listed flows (ui.md §4.9).

use std::collections::HashMap;

use midwire_flow::access::human::{pretty_duration, pretty_size};
use midwire_flow::{Flow, HttpMessage as _};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::env::{Effect, Effects, Env, Handled, Nav, Screen};
use crate::keymap::Context;
use crate::screens::flowlist::row::{is_failed, size, took};
use crate::screens::gather::{Pace, exactly};
use crate::screens::list::ListCursor;
use crate::text::{Pen, cut_middle, fill, left, put, put_clean, right};
use crate::theme::Role;

/// By what flows are counted.
const TABS: [&str; 3] = ["Hosts", "Status", "Types"];

/// By what rows are sorted.
const SORTS: [&str; 6] = ["count", "errors", "bytes", "p50", "p95", "name"];

/// A group of flows.
#[derive(Clone, Debug, Default, PartialEq)]
struct Group {
    name: String,
    count: usize,
    errors: usize,
    bytes: u64,
    p50: Option<f64>,
    p95: Option<f64>,
}

/// The screen.
#[derive(Default)]
pub(crate) struct Stats {
    tab: usize,
    sort: usize,
    groups: Vec<Group>,
    flows: usize,
    cursor: ListCursor,
    pace: Pace,
}

/// The value at a share of a sorted list (nearest rank).
fn percentile(sorted: &[f32], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .map(|&value| value.into())
}

/// The name of the group that a flow belongs to.
fn name(flow: &Flow, tab: usize) -> String {
    let kind = match flow {
        Flow::Http(_) => "http",
        Flow::Tcp(_) => "tcp",
        Flow::Udp(_) => "udp",
        Flow::Dns(_) => "dns",
    };
    let Flow::Http(http) = flow else {
        let address = flow.info().server_conn.address.as_ref();
        return match tab {
            0 => address.map_or_else(|| "?".to_owned(), |address| address.host.clone()),
            _ => kind.to_owned(),
        };
    };
    match (tab, &http.response) {
        (0, _) => http.request.host.clone(),
        (1, Some(response)) => response.status.to_string(),
        (1, None) if http.info.error.is_some() => "error".to_owned(),
        (1, None) => "no response".to_owned(),
        (_, Some(response)) => {
            let kind = response.content_type().to_ascii_lowercase();
            let kind = kind.split(';').next().unwrap_or_default().trim();
            if kind.is_empty() {
                "no type".to_owned()
            } else {
                kind.to_owned()
            }
        }
        (_, None) => "no response".to_owned(),
    }
}

fn groups<'a>(flows: impl Iterator<Item = &'a Flow>, tab: usize) -> Vec<Group> {
    let mut found: HashMap<String, (Group, Vec<f32>)> = HashMap::new();
    for flow in flows {
        let (group, times) = found.entry(name(flow, tab)).or_default();
        group.count += 1;
        group.errors += usize::from(is_failed(flow));
        group.bytes = group.bytes.saturating_add(size(flow).unwrap_or(0));
        times.extend(took(flow).map(|seconds| seconds as f32));
    }
    let group = |(name, (mut group, mut times)): (String, (Group, Vec<f32>))| {
        times.sort_unstable_by(f32::total_cmp);
        group.name = name;
        (group.p50, group.p95) = (percentile(&times, 0.5), percentile(&times, 0.95));
        group
    };
    found.into_iter().map(group).collect()
}

fn sort(groups: &mut [Group], by: usize) {
    groups.sort_by(|one, other| {
        let order = match by {
            0 => other.count.cmp(&one.count),
            1 => other.errors.cmp(&one.errors),
            2 => other.bytes.cmp(&one.bytes),
            3 => other
                .p50
                .unwrap_or(-1.0)
                .total_cmp(&one.p50.unwrap_or(-1.0)),
            4 => other
                .p95
                .unwrap_or(-1.0)
                .total_cmp(&one.p95.unwrap_or(-1.0)),
            _ => std::cmp::Ordering::Equal,
        };
        order.then_with(|| one.name.cmp(&other.name))
    });
}

impl Stats {
    fn choose(&mut self, tab: usize) {
        self.tab = tab % TABS.len();
        self.cursor = ListCursor::default();
        self.pace.hurry();
    }

    /// The filter for a group's flows.
    fn filter(&self, group: &Group) -> String {
        match (self.tab, group.name.as_str()) {
            (0, host) => format!("~d {}", exactly(host)),
            (_, "error") => "~e".to_owned(),
            (_, "no response") => "~http & !~s".to_owned(),
            (_, "no type") => "~s & !~t .".to_owned(),
            (_, kind @ ("tcp" | "udp" | "dns")) => format!("~{kind}"),
            (1, code) => format!("~c {code}"),
            (_, kind) => {
                let word = exactly(kind);
                // Parameters follow the type.
                format!("~ts {}", word.replace("$\"", "\""))
            }
        }
    }
}

impl Screen for Stats {
    fn context(&self) -> Context {
        Context::Stats
    }

    fn title(&self, _: &Env) -> (String, String) {
        let sort = SORTS.get(self.sort).copied().unwrap_or_default();
        (
            format!("Stats of {} flows", self.flows),
            format!("tab: next  s: sorted by {sort}  enter: filter"),
        )
    }

    fn prepare(&mut self, env: &Env, area: Rect, _: &mut Effects) {
        if self.pace.is_due() {
            let tab = self.tab;
            let (flows, mut found) = self.pace.look(|| {
                let flows = env.kernel.store().rows(0, usize::MAX);
                let found = groups(flows.iter().map(|flow| &**flow), tab);
                (flows.len(), found)
            });
            sort(&mut found, self.sort);
            (self.flows, self.groups) = (flows, found);
        }
        let height = area.height.saturating_sub(2).into();
        self.cursor.fit(self.groups.len(), height);
    }

    fn ticks(&self) -> bool {
        self.pace.is_due()
    }

    fn draw(&self, env: &Env, area: Rect, buf: &mut Buffer) {
        let mut pen = Pen::new(area, 0);
        for (at, title) in TABS.iter().enumerate() {
            let (role, text) = if at == self.tab {
                (Role::Focus, format!("[{title}]"))
            } else {
                (Role::HeadingInactive, format!(" {title} "))
            };
            put_clean(buf, &mut pen, &text, env.theme.style(role));
        }
        if area.height < 2 {
            return;
        }
        let names = usize::from(area.width).saturating_sub(46).clamp(10, 60);
        let line = |cells: [&str; 6]| {
            let [name, numbers @ ..] = cells;
            let numbers = numbers.map(|number| right(number, 8));
            format!("  {} {}", left(name, names), numbers.join(""))
        };
        let mut pen = Pen::new(area, 1);
        let titles = line(["name", "count", "errors", "bytes", "p50", "p95"]);
        put(buf, &mut pen, &titles, env.theme.style(Role::Heading));
        fill(buf, &mut pen, env.theme.style(Role::Heading));
        let window = self.groups.iter().enumerate().skip(self.cursor.offset);
        for (y, (at, group)) in window.take(self.cursor.height).enumerate() {
            let focused = at == self.cursor.focus;
            let role = if focused {
                Role::Focus
            } else if group.errors > 0 {
                Role::Warn
            } else {
                Role::Text
            };
            let name = midwire_views::clean_line(&group.name);
            let name = cut_middle(&name, names, env.glyphs.ellipsis);
            let time = |time: Option<f64>| time.map_or_else(|| "-".to_owned(), pretty_duration);
            let text = line([
                &name,
                &group.count.to_string(),
                &group.errors.to_string(),
                &pretty_size(group.bytes),
                &time(group.p50),
                &time(group.p95),
            ]);
            let text = if focused {
                text.replacen("  ", "> ", 1)
            } else {
                text
            };
            let mut pen = Pen::new(area, y as u16 + 2);
            put(buf, &mut pen, &text, env.theme.style(role));
            fill(buf, &mut pen, env.theme.style(role));
        }
    }

    fn key(&mut self, _: &Env, key: &str, _: &mut Effects) -> Handled {
        if key != "s" {
            return Handled::No;
        }
        self.sort = (self.sort + 1) % SORTS.len();
        sort(&mut self.groups, self.sort);
        Handled::Yes
    }

    fn nav(&mut self, _: &Env, nav: Nav, out: &mut Effects) {
        match nav {
            Nav::Left => self.choose(self.tab + TABS.len() - 1),
            Nav::Right | Nav::Next => self.choose(self.tab + 1),
            Nav::Select => {
                if let Some(group) = self.groups.get(self.cursor.focus) {
                    let words = vec!["view_filter".to_owned(), self.filter(group)];
                    out.push(Effect::Call("set".to_owned(), words));
                    out.push(Effect::Run("console.view.pop".to_owned()));
                }
            }
            _ => {
                self.cursor.nav(nav, self.groups.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let sorted: Vec<f32> = (1..=20_u8).map(f32::from).collect();
        assert_eq!(percentile(&sorted, 0.5), Some(10.0));
        assert_eq!(percentile(&sorted, 0.95), Some(19.0));
        assert_eq!(percentile(&[3.0], 0.95), Some(3.0));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn filters_of_groups_are_filters() {
        for (tab, name) in [
            (0, "a.b"),
            (0, "[::1]"),
            (1, "200"),
            (1, "error"),
            (1, "no response"),
            (2, "no type"),
            (2, "text/html"),
            (2, "image/svg+xml"),
            (2, "dns"),
        ] {
            let stats = Stats {
                tab,
                ..Stats::default()
            };
            let filter = stats.filter(&Group {
                name: name.to_owned(),
                ..Group::default()
            });
            let parsed = midwire_flow::filter::Filter::parse(&filter);
            assert!(parsed.is_ok(), "{filter}");
        }
    }
}
