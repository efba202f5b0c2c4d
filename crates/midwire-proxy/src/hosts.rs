//! Which hosts are left alone: `ignore_hosts`, `allow_hosts`, `tcp_hosts`, `udp_hosts` (modes.md §9).

use midwire_core::options::Options;
use midwire_flow::pattern::{Flags, Pattern};

/// The host options, compiled.
#[derive(Default)]
pub(crate) struct HostRules {
    ignore: Vec<Pattern>,
    allow: Vec<Pattern>,
    tcp: Vec<Pattern>,
    udp: Vec<Pattern>,
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
            udp: compile(&options.udp_hosts),
        }
    }

    /// True if connections are judged at all.
    pub(crate) fn judge(&self) -> bool {
        !self.ignore.is_empty() || !self.allow.is_empty()
    }

    /// True if these names alone settle that a connection is passed on: further names could not change it.
    pub(crate) fn passes_surely(&self, names: &[String]) -> bool {
        any(&self.ignore, names)
    }

    /// True if a connection known by these `host:port` names is to be passed on untouched.
    pub(crate) fn passes(&self, names: &[String]) -> bool {
        if names.is_empty() {
            return false;
        }
        (!self.allow.is_empty() && !any(&self.allow, names)) || any(&self.ignore, names)
    }

    /// True if `tcp_hosts` names one of these hosts.
    pub(crate) fn is_tcp_host<'a>(&self, hosts: impl IntoIterator<Item = Option<&'a str>>) -> bool {
        names_one(&self.tcp, hosts)
    }

    /// True if `udp_hosts` names one of these hosts.
    pub(crate) fn is_udp_host<'a>(&self, hosts: impl IntoIterator<Item = Option<&'a str>>) -> bool {
        names_one(&self.udp, hosts)
    }
}

fn any(patterns: &[Pattern], names: &[String]) -> bool {
    names
        .iter()
        .any(|name| patterns.iter().any(|p| p.is_match(name)))
}

fn names_one<'a>(patterns: &[Pattern], hosts: impl IntoIterator<Item = Option<&'a str>>) -> bool {
    hosts
        .into_iter()
        .flatten()
        .any(|host| patterns.iter().any(|p| p.is_match(host)))
}

/// What the first bytes of a client say about the Host field of a plain HTTP request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostField<'a> {
    /// More bytes are needed.
    NeedMore,
    /// They are no request, or one without Host.
    None,
    /// The value of the first Host field.
    Is(&'a [u8]),
}

/// Finds the Host field in the first bytes of a client, which may be anything.
pub(crate) fn host_field(seen: &[u8]) -> HostField<'_> {
    let Some(end) = memchr::memchr(b'\n', seen) else {
        return if could_be_request_line(seen) {
            HostField::NeedMore
        } else {
            HostField::None
        };
    };
    let (line, mut rest) = seen.split_at(end + 1);
    let is_request = line
        .get(..3)
        .is_some_and(|m| m.iter().all(u8::is_ascii_alphabetic))
        && memchr::memmem::find(&line.to_ascii_uppercase(), b" HTTP/").is_some();
    if !is_request {
        return HostField::None;
    }
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let (line, after) = rest.split_at(end + 1);
        rest = after;
        let line = line.trim_ascii_end();
        if line.is_empty() {
            return HostField::None;
        }
        if let Some((name, value)) = line.split_at_checked(5)
            && name.eq_ignore_ascii_case(b"host:")
            && !value.trim_ascii().is_empty()
        {
            return HostField::Is(value.trim_ascii());
        }
    }
    HostField::NeedMore
}

/// True for bytes without a line end that a request line may begin with.
fn could_be_request_line(seen: &[u8]) -> bool {
    let method = seen.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let follows = seen.get(method);
    method > 0 && (follows.is_none() || (method >= 3 && follows == Some(&b' ')))
}

/// `host:port` as candidates are written; the port is that of the destination unless the name has one.
pub(crate) fn candidate(host: &[u8], port: u16) -> String {
    let host = String::from_utf8_lossy(host);
    let has_port = host.rsplit_once(':').is_some_and(|(name, digits)| {
        !digits.is_empty()
            && digits.bytes().all(|b| b.is_ascii_digit())
            && (!name.contains(':') || name.ends_with(']'))
    });
    if has_port {
        host.into_owned()
    } else {
        format!("{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(ignore: &[&str], allow: &[&str]) -> HostRules {
        let list = |patterns: &[&str]| patterns.iter().map(|&p| p.to_owned()).collect();
        let mut options = Options::default();
        options.ignore_hosts = list(ignore);
        options.allow_hosts = list(allow);
        HostRules::new(&options)
    }

    #[test]
    fn names_are_judged() {
        let check = |ignore: &[&str], allow: &[&str], names: &[&str], expected: bool| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let passes = rules(ignore, allow).passes(&names);
            assert_eq!(passes, expected, "{ignore:?} {allow:?} {names:?}");
        };
        check(&[], &[], &["a:1"], false);
        check(&["^a:1$"], &[], &["b:1", "A:1"], true);
        check(&["^a:2$"], &[], &["a:1"], false);
        check(&[], &["a"], &["b:1", "a:1"], false);
        check(&[], &["a"], &["b:1"], true);
        check(&["a"], &["a"], &["a:1"], true);
        check(&[], &["a"], &[], false);
    }

    #[test]
    fn host_fields_are_found() {
        let check = |seen: &str, expected: HostField<'_>| {
            assert_eq!(host_field(seen.as_bytes()), expected, "{seen:?}");
        };
        let found = |host: &'static str| HostField::Is(host.as_bytes());
        check("GET / HTTP/1.1\r\nHost: a.test\r\n", found("a.test"));
        check(
            "get / http/1.1\r\nX: y\r\nhOST:a.test:8 \r\n",
            found("a.test:8"),
        );
        check("GET / HTTP/1.1\nHost: a.test\n", found("a.test"));
        check("GET / HTTP/1.1\r\nHost: a.te", HostField::NeedMore);
        check("GET / HT", HostField::NeedMore);
        check("GE", HostField::NeedMore);
        check("", HostField::None);
        check(
            "GET / HTTP/1.1\r\nX: y\r\n\r\nHost: body\r\n",
            HostField::None,
        );
        check("GET / HTTP/1.1\r\nHost:\r\n\r\n", HostField::None);
        check("GET /\r\nHost: a\r\n", HostField::None);
        check("SSH-2.0-x\r\n", HostField::None);
        check("\0\x01", HostField::None);
        check("HELO\r\nHost: a\r\n", HostField::None);
        check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HostField::None);
    }

    #[test]
    fn candidates_have_a_port() {
        let check = |host: &str, expected: &str| {
            assert_eq!(candidate(host.as_bytes(), 80), expected);
        };
        check("a", "a:80");
        check("a:8", "a:8");
        check("[::1]", "[::1]:80");
        check("[::1]:8", "[::1]:8");
        check("a:", "a::80");
    }

    #[test]
    fn udp_hosts_are_apart_from_tcp_hosts() {
        let mut options = Options::default();
        options.udp_hosts = vec![r"^10\.".to_owned()];
        let rules = HostRules::new(&options);
        assert!(rules.is_udp_host([Some("10.0.0.1"), None]));
        assert!(!rules.is_udp_host([Some("1.10.0.1"), None]));
        assert!(!rules.is_tcp_host([Some("10.0.0.1")]));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_and_answers_are_final(seen: Vec<u8>, more: Vec<u8>) {
            let first = host_field(&seen);
            let whole = [&seen[..], &more[..]].concat();
            // The empty beginning says nothing yet; else an answer does not change with further bytes.
            if first != HostField::NeedMore && !seen.is_empty() {
                proptest::prop_assert_eq!(host_field(&whole), first);
            }
        }
    }
}
