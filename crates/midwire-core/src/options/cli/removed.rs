//! Flags of old releases, and what to write instead.

use crate::options::typed::spec;

/// Old spellings with their replacements; empty where nothing replaces them.
const RENAMED: &[(&str, &str)] = &[
    ("-R", "--mode reverse:SPEC"),
    ("--reverse", "--mode reverse:SPEC"),
    ("-T", "--mode transparent"),
    ("--transparent", "--mode transparent"),
    ("-U", "--mode upstream:SPEC"),
    ("--upstream", "--mode upstream:SPEC"),
    ("--socks", "--mode socks5"),
    ("-b", "--listen-host"),
    ("--port", "--listen-port"),
    ("-I", "--ignore-hosts"),
    ("--ignore", "--ignore-hosts"),
    ("--tcp", "--tcp-hosts"),
    ("--cert", "--certs"),
    ("-c", "--client-replay"),
    ("-t", "--stickycookie"),
    ("-u", "--stickyauth"),
    ("-a", "--save-stream-file +PATH"),
    ("--replace", "--modify-body"),
    ("--replacements", "--modify-body or --modify-headers"),
    ("--replace-from-file", "--modify-body with @PATH"),
    ("--setheader", "--modify-headers"),
    ("--setheaders", "--modify-headers"),
    ("-z", "--anticomp"),
    ("-Z", "--set body_size_limit=SIZE"),
    ("--stream", "--set stream_large_bodies=SIZE"),
    ("--singleuser", "--proxyauth USER:PASS"),
    ("--nonanonymous", "--proxyauth any"),
    ("--htpasswd", "--proxyauth @PATH"),
    ("--kill", "--server-replay-extra kill"),
    ("--no-pop", "--server-replay-reuse"),
    ("--norefresh", "--no-server-replay-refresh"),
    ("--host", "--showhost"),
    ("--insecure", "--ssl-insecure"),
    ("--verify-upstream-cert", "--no-ssl-insecure"),
    (
        "--upstream-trusted-ca",
        "--set ssl_verify_upstream_trusted_ca=PATH",
    ),
    (
        "--upstream-trusted-cadir",
        "--set ssl_verify_upstream_trusted_confdir=PATH",
    ),
    (
        "--upstream-trusted-confdir",
        "--set ssl_verify_upstream_trusted_confdir=PATH",
    ),
    (
        "--ssl-version-client",
        "--set tls_version_client_min=VERSION",
    ),
    (
        "--ssl-version-server",
        "--set tls_version_server_min=VERSION",
    ),
    ("--client-certs", "--set client_certs=PATH"),
    ("--no-websocket", "--set websocket=false"),
    ("--no-mouse", "--set console_mouse=false"),
    ("--palette", "--set console_palette=NAME"),
    (
        "--palette-transparent",
        "--set console_palette_transparent=true",
    ),
    ("--follow", "--set console_focus_follow=true"),
    ("--order", "--set view_order=NAME"),
    ("--wport", "--web-port"),
    ("--wiface", "--web-host"),
    ("--wdebug", "--set web_debug=true"),
    ("-e", ""),
    ("--eventlog", ""),
    ("--cadir", "--confdir"),
];

/// Advice about a flag that does not exist.
pub(super) fn hint(arg: &str) -> Option<String> {
    let name = arg.split_once('=').map_or(arg, |(name, _)| name);
    let renamed = RENAMED.iter().find(|(old, _)| *old == name);
    match renamed {
        Some((_, "")) => return Some(format!("{name} is gone and nothing replaces it.")),
        Some((_, new)) => return Some(format!("{name} is gone; please use {new} instead")),
        None => {}
    }
    let option = name.strip_prefix("--")?;
    let (option, value) = match option.strip_prefix("no-") {
        Some(option) => (option, "false"),
        None => (option, "VALUE"),
    };
    let option = option.replace('-', "_");
    spec(&option).map(|spec| {
        format!(
            "There is no flag {name}; please use --set {}={value}",
            spec.name
        )
    })
}
