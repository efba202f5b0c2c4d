//! Which hosts are left alone: `ignore_hosts`, `allow_hosts`, `tcp_hosts` (modes.md §9).

use midwire_core::options::Options;
use midwire_flow::pattern::{Flags, Pattern};

/// The host options, compiled.
#[derive(Default)]
pub(crate) struct HostRules {
    ignore: Vec<Pattern>,
    allow: Vec<Pattern>,
    tcp: Vec<Pattern>,
}

impl HostRules {
    /// Compiles the options; patterns were checked when they were set, so a broken one matches nothing.
    pub(crate) fn new(options: &Options) -> Self {
        let compile = |patterns: &[String]| {
            let flags = Flags {
                ignore_case: true,
                ..Flags::default()
            };
            patterns
                .iter()
                .filter_map(|pattern| Pattern::new(pattern, flags).ok())
                .collect()
        };
        Self {
            ignore: compile(&options.ignore_hosts),
            allow: compile(&options.allow_hosts),
            tcp: compile(&options.tcp_hosts),
        }
    }

    /// True if the decision may depend on the name in a ClientHello.
    pub(crate) fn needs_sni(&self) -> bool {
        !self.allow.is_empty()
    }

    /// True if a connection known by these `host:port` names is to be passed on untouched.
    pub(crate) fn passes(&self, names: &[String]) -> bool {
        let any = |patterns: &[Pattern]| {
            names
                .iter()
                .any(|name| patterns.iter().any(|p| p.is_match(name)))
        };
        if names.is_empty() {
            return false;
        }
        (!self.allow.is_empty() && !any(&self.allow)) || any(&self.ignore)
    }

    /// True if `tcp_hosts` names one of these hosts.
    pub(crate) fn is_tcp_host<'a>(&self, hosts: impl IntoIterator<Item = Option<&'a str>>) -> bool {
        hosts
            .into_iter()
            .flatten()
            .any(|host| self.tcp.iter().any(|p| p.is_match(host)))
    }
}
