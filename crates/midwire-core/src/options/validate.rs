//! Checks of values that need no running component.

use std::net::IpAddr;

use super::{
    paths::expand_home,
    store::Changed,
    table::{CURVES, Options},
};

/// Checks the new values of the options that changed; the message goes to the user.
pub(super) fn check(options: &Options, changed: &Changed) -> Result<(), String> {
    for (name, hosts) in [
        ("allow_hosts", &options.allow_hosts),
        ("ignore_hosts", &options.ignore_hosts),
        ("tcp_hosts", &options.tcp_hosts),
        ("udp_hosts", &options.udp_hosts),
    ] {
        if changed.contains(name) {
            host_patterns(name, hosts)?;
        }
    }
    if changed.contains("connect_addr")
        && let Some(addr) = &options.connect_addr
        && addr.parse::<IpAddr>().is_err()
    {
        return Err(format!(
            "Invalid value for connect_addr: '{addr}'. Specify a valid IP address."
        ));
    }
    if changed.contains("client_certs")
        && let Some(path) = &options.client_certs
        && !expand_home(path).exists()
    {
        return Err(format!("Client certificate path does not exist: {path}"));
    }
    if changed.contains("client_replay_concurrency")
        && !matches!(options.client_replay_concurrency, -1 | 1)
    {
        return Err(
            "Currently the only valid client_replay_concurrency values are -1 and 1.".to_owned(),
        );
    }
    if options.add_upstream_certs_to_client_chain
        && !options.upstream_cert
        && (changed.contains("add_upstream_certs_to_client_chain")
            || changed.contains("upstream_cert"))
    {
        return Err(
            "add_upstream_certs_to_client_chain requires the upstream_cert option to be enabled."
                .to_owned(),
        );
    }
    for (name, curve) in [
        ("tls_ecdh_curve_client", &options.tls_ecdh_curve_client),
        ("tls_ecdh_curve_server", &options.tls_ecdh_curve_server),
    ] {
        if changed.contains(name)
            && let Some(curve) = curve
            && !CURVES.contains(&curve.as_str())
        {
            let valid = CURVES.join(", ");
            return Err(format!(
                "Invalid ECDH curve: '{curve}'. Valid curves are: {valid}"
            ));
        }
    }
    ports(options, changed)?;
    amounts(options, changed)
}

/// More processes than this only take memory from each other.
const MAX_SCRIPT_WORKERS: i64 = 64;

/// Host patterns are matched without regard to case against `host:port`.
fn host_patterns(name: &str, patterns: &[String]) -> Result<(), String> {
    for pattern in patterns {
        // Look-around and back references are valid in mitmproxy, so the larger engine decides.
        let Err(error) = fancy_regex::Regex::new(pattern) else {
            continue;
        };
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim();
        return Err(format!(
            "Invalid regular expression in {name}: '{pattern}' ({reason})"
        ));
    }
    Ok(())
}

/// Ports that no socket can have would only fail later and elsewhere.
fn ports(options: &Options, changed: &Changed) -> Result<(), String> {
    for (name, port) in [
        ("listen_port", options.listen_port),
        ("web_port", Some(options.web_port)),
    ] {
        if changed.contains(name)
            && let Some(port) = port
            && u16::try_from(port).is_err()
        {
            return Err(format!("Invalid value for {name}: {port} is not a port."));
        }
    }
    Ok(())
}

/// Counts and times of midwire's own options are never negative.
fn amounts(options: &Options, changed: &Changed) -> Result<(), String> {
    if changed.contains("script_workers")
        && !(1..=MAX_SCRIPT_WORKERS).contains(&options.script_workers)
    {
        return Err(format!(
            "Invalid value for script_workers: {} is not between 1 and {MAX_SCRIPT_WORKERS}.",
            options.script_workers
        ));
    }
    for (name, amount) in [
        ("client_header_timeout", options.client_header_timeout),
        ("client_idle_timeout", options.client_idle_timeout),
        ("client_tls_timeout", options.client_tls_timeout),
        ("header_count_limit", options.header_count_limit),
        (
            "http2_max_concurrent_streams",
            options.http2_max_concurrent_streams,
        ),
        ("http2_max_resets", options.http2_max_resets),
        ("max_connections", options.max_connections),
        ("script_timeout", options.script_timeout),
        ("server_connect_timeout", options.server_connect_timeout),
        ("server_response_timeout", options.server_response_timeout),
        ("view_flow_limit", options.view_flow_limit),
    ] {
        if changed.contains(name) && u32::try_from(amount).is_err() {
            return Err(format!(
                "Invalid value for {name}: {amount} is not between 0 and {}.",
                u32::MAX
            ));
        }
    }
    Ok(())
}
