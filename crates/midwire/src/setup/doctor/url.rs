//! The URL that an examination is about.

use anyhow::{Context as _, bail};

/// An http or https URL in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) is_https: bool,
    /// Host name or address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Path and query, never empty.
    pub(super) path: String,
}

impl Url {
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
        let (is_https, default) = match scheme {
            "https" => (true, 443),
            "http" => (false, 80),
            other => bail!("`{text}`: {other} is not http or https"),
        };
        let split = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(split);
        let (host, port) = split_port(authority);
        let port = match port {
            Some(port) => port
                .parse()
                .with_context(|| format!("`{text}`: `{port}` is no port"))?,
            None => default,
        };
        if host.is_empty() || host.contains(|letter: char| letter.is_whitespace() || letter == '@')
        {
            bail!("`{text}` has no host");
        }
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        Ok(Self {
            is_https,
            host: host.to_owned(),
            port,
            path,
        })
    }

    /// `host:port`, with brackets around an IPv6 address.
    pub(super) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    if let Some((host, rest)) = authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        return (host, rest.strip_prefix(':'));
    }
    match authority.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_defaults() {
        for (text, authority, path) in [
            ("example.com", "example.com:443", "/"),
            ("http://example.com?x", "example.com:80", "/?x"),
            ("https://[::1]:8443/a/b", "[::1]:8443", "/a/b"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(
                (url.authority().as_str(), url.path.as_str()),
                (authority, path)
            );
        }
        for bad in ["ftp://x", "https://", "http://x:99999/", "https://a b/"] {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
    }
}
