//! The Timing tab: phases of a flow as bars with numbers; the words say all that the bars do.

use midwire_flow::access::human::pretty_duration;
use midwire_flow::{Flow, Number};

use crate::doc::Builder;
use crate::glyphs::Glyphs;
use crate::theme::Role;

/// One phase.
struct Phase {
    name: &'static str,
    from: f64,
    to: f64,
    glyph: usize,
    role: Role,
}

/// Adds the bars.
pub(super) fn add(builder: &mut Builder, flow: &Flow, glyphs: &Glyphs) {
    let phases = phases(flow);
    let Some(start) = phases.iter().map(|phase| phase.from).min_by(f64::total_cmp) else {
        builder.line("No times are known yet.", Role::Dim);
        return;
    };
    let end = phases.iter().map(|phase| phase.to).fold(start, f64::max);
    let whole = (end - start).max(1e-6);
    let cells = builder.width().saturating_sub(36).clamp(10, 100);
    for phase in &phases {
        let share = |time: f64| ((time - start) / whole * cells as f64).round() as usize;
        let (from, to) = (share(phase.from), share(phase.to));
        let bar = glyphs.phases.get(phase.glyph).copied().unwrap_or("#");
        builder
            .add(&format!("{:<18}", phase.name), Role::Header)
            .add(
                &format!("{:>8}  ", pretty_duration(phase.to - phase.from)),
                Role::Text,
            )
            .add(&" ".repeat(from.min(cells)), Role::Text)
            .add(&bar.repeat((to - from.min(to)).max(1)), phase.role)
            .end();
    }
    builder.blank();
    builder
        .add("whole              ", Role::Header)
        .add(&pretty_duration(whole), Role::Text)
        .end();
    if is_reused(flow) {
        builder.line("The connection to the server was there already.", Role::Dim);
    }
}

fn is_reused(flow: &Flow) -> bool {
    let server = &flow.info().server_conn;
    match (flow, server.timestamp_start) {
        (Flow::Http(http), Some(start)) => start < http.request.timestamp_start.as_f64(),
        _ => false,
    }
}

fn phases(flow: &Flow) -> Vec<Phase> {
    let info = flow.info();
    let server = &info.server_conn;
    let mut out = Vec::new();
    let mut add = |name, from: Option<f64>, to: Option<f64>, glyph, role| {
        if let (Some(from), Some(to)) = (from, to)
            && to >= from
        {
            out.push(Phase {
                name,
                from,
                to,
                glyph,
                role,
            });
        }
    };
    let client = &info.client_conn;
    match flow {
        Flow::Http(http) => {
            let request = &http.request;
            let begun = Some(request.timestamp_start.as_f64());
            let sent = request.timestamp_end.map(Number::as_f64);
            if !is_reused(flow) {
                add(
                    "client TLS",
                    client.timestamp_start,
                    client.timestamp_tls_setup,
                    1,
                    Role::PhaseTls,
                );
                add(
                    "connect",
                    server.timestamp_start,
                    server.timestamp_tcp_setup,
                    0,
                    Role::PhaseConnect,
                );
                add(
                    "server TLS",
                    server.timestamp_tcp_setup,
                    server.timestamp_tls_setup,
                    1,
                    Role::PhaseTls,
                );
            }
            add("request", begun, sent, 2, Role::PhaseSend);
            if let Some(response) = &http.response {
                let first = Some(response.timestamp_start.as_f64());
                let last = response.timestamp_end.map(Number::as_f64);
                add("waiting", sent.or(begun), first, 3, Role::PhaseWait);
                add("response", first, last, 4, Role::PhaseReceive);
                let closed = http.websocket.as_ref().and_then(|websocket| {
                    let last = websocket
                        .messages
                        .last()
                        .map(|message| message.timestamp.as_f64());
                    websocket.timestamp_end.or(last)
                });
                add("messages", last.or(first), closed, 5, Role::PhaseReceive);
            } else if let Some(error) = &info.error {
                add(
                    "until the error",
                    sent.or(begun),
                    Some(error.timestamp),
                    3,
                    Role::Error,
                );
            }
        }
        Flow::Dns(dns) => {
            let answer = dns.response_timestamp.map(Number::as_f64);
            add(
                "waiting",
                Some(dns.request_timestamp.as_f64()),
                answer,
                3,
                Role::PhaseWait,
            );
        }
        Flow::Tcp(stream) | Flow::Udp(stream) => {
            add(
                "connect",
                server.timestamp_start,
                server.timestamp_tcp_setup,
                0,
                Role::PhaseConnect,
            );
            let first = stream
                .messages
                .first()
                .map(|message| message.timestamp.as_f64());
            let last = stream
                .messages
                .last()
                .map(|message| message.timestamp.as_f64());
            add("messages", first, last, 5, Role::PhaseReceive);
        }
    }
    out
}
