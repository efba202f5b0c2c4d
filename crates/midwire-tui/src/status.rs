//! The status line: position, indicators, listening addresses (console.md §7).

use midwire_core::options::Options;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::env::Env;
use crate::text::{Pen, fill, put, put_right};
use crate::theme::Role;

/// Numbers that stand in the status line, taken before drawing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Numbers {
    /// Focused row, counted from 1; 0 without one.
    pub(crate) focus: usize,
    pub(crate) shown: usize,
    pub(crate) marked_only: bool,
    pub(crate) client_replays: usize,
    pub(crate) server_replays: usize,
    pub(crate) evicted: u64,
}

/// Draws the status line.
pub(crate) fn draw(env: &Env, area: Rect, buf: &mut Buffer, numbers: &Numbers) {
    let style = env.theme.style(Role::Heading);
    let key = env.theme.style(Role::HeadingKey);
    let mut pen = Pen::new(area, 0);
    let arrow = if env.options.view_order_reversed {
        env.glyphs.up
    } else {
        env.glyphs.down
    };
    let marked = if numbers.marked_only { "M" } else { "" };
    let position = format!("{arrow} {marked} [{}/{}]", numbers.focus, numbers.shown);
    put(buf, &mut pen, &format!("{position:<12}"), style);
    for part in indicators(&env.options, numbers) {
        let name_end = part.find(':').filter(|_| !part.starts_with("[W:"));
        let at = name_end.unwrap_or(part.len());
        let (name, rest) = part.split_at_checked(at).unwrap_or((&part, ""));
        let name_style = if rest.is_empty() { style } else { key };
        put(buf, &mut pen, name, name_style);
        put(buf, &mut pen, rest, style);
    }
    let before = pen;
    fill(buf, &mut pen, style);
    put_right(buf, before, &listening(env), style);
}

/// The indicators in their order.
pub(crate) fn indicators(options: &Options, numbers: &Numbers) -> Vec<String> {
    let mut out = Vec::new();
    let mut add = |wanted: bool, text: String| {
        if wanted {
            out.push(text);
        }
    };
    let set = |value: &Option<String>| value.clone().filter(|text| !text.is_empty());
    add(!options.modify_headers.is_empty(), "[Headers]".to_owned());
    let bodies = options.modify_body.len();
    add(bodies > 0, format!("[{bodies} body modifications]"));
    add(
        numbers.client_replays > 0,
        format!("[cplayback:{}]", numbers.client_replays),
    );
    add(
        numbers.server_replays > 0,
        format!("[splayback:{}]", numbers.server_replays),
    );
    let (ignored, allowed) = (options.ignore_hosts.len(), options.allow_hosts.len());
    add(ignored > 0, format!("[Ignore:{ignored}]"));
    add(ignored == 0 && allowed > 0, format!("[Allow:{allowed}]"));
    add(
        !options.tcp_hosts.is_empty(),
        format!("[TCP:{}]", options.tcp_hosts.len()),
    );
    if let Some(filter) = set(&options.intercept) {
        let off = if options.intercept_active { "" } else { "X" };
        add(true, format!("[{off}i:{filter}]"));
    }
    if let Some(filter) = set(&options.view_filter) {
        add(true, format!("[f:{filter}]"));
    }
    if let Some(filter) = set(&options.stickycookie) {
        add(true, format!("[t:{filter}]"));
    }
    if let Some(filter) = set(&options.stickyauth) {
        add(true, format!("[u:{filter}]"));
    }
    let view = &options.console_default_contentview;
    add(view != "auto", format!("[contentview:{view}]"));
    add(
        options.view_order != "time",
        format!("[o:{}]", options.view_order),
    );
    let size = options
        .stream_large_bodies
        .as_ref()
        .map(|size| size.as_str().to_owned());
    let flags: Vec<String> = [
        (options.anticache, "anticache".to_owned()),
        (options.anticomp, "anticomp".to_owned()),
        (options.showhost, "showhost".to_owned()),
        (!options.server_replay_refresh, "norefresh".to_owned()),
        (!options.upstream_cert, "no-upstream-cert".to_owned()),
        (options.console_focus_follow, "following".to_owned()),
        (options.ssl_insecure, "insecure".to_owned()),
        (size.is_some(), size.unwrap_or_default()),
    ]
    .into_iter()
    .filter(|(wanted, _)| *wanted)
    .map(|(_, flag)| flag)
    .collect();
    add(!flags.is_empty(), format!("[{}]", flags.join(":")));
    match options.mode.as_slice() {
        [mode] if mode == "regular" => {}
        [mode] => add(true, format!("[{mode}]")),
        modes => add(true, format!("[modes:{}]", modes.len())),
    }
    add(
        !options.scripts.is_empty(),
        format!("[scripts:{}]", options.scripts.len()),
    );
    if let Some(path) = set(&options.save_stream_file) {
        add(true, format!("[W:{path}]"));
    }
    add(
        numbers.evicted > 0,
        format!("[evicted:{}]", numbers.evicted),
    );
    out
}

/// Where the proxy listens.
fn listening(env: &Env) -> String {
    let listeners = (env.listeners)();
    let addresses = listeners.iter().flat_map(|listener| &listener.addresses);
    let mut places: Vec<String> = addresses
        .map(|address| {
            if address.ip().is_unspecified() {
                format!("*:{}", address.port())
            } else {
                address.to_string()
            }
        })
        .collect();
    // IPv4 and IPv6 of one port.
    places.dedup();
    if places.is_empty() || !env.options.server {
        return planned(&env.options);
    }
    format!("[{}]", places.join(", "))
}

/// Where the proxy is going to listen, as the options say.
fn planned(options: &Options) -> String {
    if !options.server {
        return "[no proxy]".to_owned();
    }
    let host = if options.listen_host.is_empty() {
        "*"
    } else {
        &options.listen_host
    };
    let places: Vec<String> = options
        .mode
        .iter()
        .filter_map(|mode| {
            // `mode@port` and `mode@host:port` say where they listen.
            let (name, at) = match mode.rsplit_once('@') {
                Some((name, at)) => (name, Some(at)),
                None => (mode.as_str(), None),
            };
            let own = match name.split(':').next().unwrap_or_default() {
                "local" | "tun" => return None,
                "wireguard" => 51820,
                "dns" => 53,
                "socks5" => 1080,
                _ => 8080,
            };
            Some(match at {
                Some(place) if place.contains(':') => place.to_owned(),
                Some(port) => format!("{host}:{port}"),
                None => format!("{host}:{}", options.listen_port.unwrap_or(own)),
            })
        })
        .collect();
    format!("[{}]", places.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use midwire_core::options::{OptionStore, Tool};

    fn shown(specs: &[&str]) -> String {
        let options = OptionStore::new(Tool::Console);
        options.set(specs).unwrap();
        indicators(&options.load(), &Numbers::default()).concat()
    }

    #[test]
    fn indicators_say_what_is_set() {
        for (specs, expected) in [
            (&[][..], ""),
            (&["modify_headers=/~q/x/y"], "[Headers]"),
            (
                &["modify_body=/~q/x/y", "modify_body=/~s/x/y"],
                "[2 body modifications]",
            ),
            (&["ignore_hosts=a"], "[Ignore:1]"),
            (&["allow_hosts=a", "allow_hosts=b"], "[Allow:2]"),
            (&["tcp_hosts=a"], "[TCP:1]"),
            (&["intercept=~q"], "[i:~q]"),
            (&["intercept=~q", "intercept_active=false"], "[Xi:~q]"),
            (&["view_filter=~d x"], "[f:~d x]"),
            (&["stickycookie=a", "stickyauth=b"], "[t:a][u:b]"),
            (&["console_default_contentview=hex"], "[contentview:hex]"),
            (&["view_order=size"], "[o:size]"),
            (
                &[
                    "anticache=true",
                    "anticomp=true",
                    "showhost=true",
                    "upstream_cert=false",
                    "console_focus_follow=true",
                    "stream_large_bodies=3m",
                ],
                "[anticache:anticomp:showhost:no-upstream-cert:following:3m]",
            ),
            (&["mode=socks5"], "[socks5]"),
            (&["mode=socks5", "mode=regular"], "[modes:2]"),
            (&["scripts=a.py"], "[scripts:1]"),
            (&["save_stream_file=/tmp/x"], "[W:/tmp/x]"),
        ] {
            assert_eq!(shown(specs), expected, "{specs:?}");
        }
    }

    #[test]
    fn addresses_follow_modes() {
        let check = |specs: &[&str], expected: &str| {
            let options = OptionStore::new(Tool::Console);
            options.set(specs).unwrap();
            assert_eq!(planned(&options.load()), expected);
        };
        check(&[], "[*:8080]");
        check(&["listen_port=9", "listen_host=127.0.0.1"], "[127.0.0.1:9]");
        check(
            &["mode=socks5@1.2.3.4:5", "mode=regular@7"],
            "[1.2.3.4:5, *:7]",
        );
        check(&["server=false"], "[no proxy]");
    }
}
