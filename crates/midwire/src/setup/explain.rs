//! `midwire explain`: what happened to saved flows, and why.

use std::io::{BufReader, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::Parser;
use midwire_core::explain::account;
use midwire_flow::file::open_flows;
use midwire_flow::filter::Filter;
use midwire_flow::{Flow, HttpFlow};
use midwire_views::{clean_line, show_bytes};

/// Says of saved flows which way they took, what TLS agreed on, what was held back and for whom.
///
/// Flows that were recorded with `--set explain=true` say also which features and scripts changed them, how long scripts
/// took, and which connections were used again.
#[derive(Parser)]
#[command(name = "midwire explain")]
pub(super) struct Args {
    /// A flow file.
    file: PathBuf,
    /// Only flows that match this filter.
    filter: Option<String>,
}

pub(super) fn print(args: &Args) -> anyhow::Result<ExitCode> {
    let filter = args.filter.as_deref().map(Filter::parse).transpose();
    let filter = filter.map_err(|error| anyhow!("{error}"))?;
    let name = args.file.display();
    let file = std::fs::File::open(&args.file).with_context(|| format!("cannot read {name}"))?;
    let mut out = std::io::stdout().lock();
    for flow in open_flows(BufReader::new(file)) {
        let flow = flow.with_context(|| format!("cannot read {name}"))?;
        if filter.as_ref().is_some_and(|filter| !filter.matches(&flow)) {
            continue;
        }
        match out.write_all(text(&flow).as_bytes()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => break,
            written => written?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn text(flow: &Flow) -> String {
    let title = clean_line(&title(flow)).into_owned();
    let lines = account(flow.info());
    let lines = lines
        .iter()
        .map(|line| format!("    | {}", clean_line(line)));
    let lines: Vec<String> = std::iter::once(title).chain(lines).collect();
    lines.join("\n") + "\n"
}

fn title(flow: &Flow) -> String {
    match flow {
        Flow::Http(flow) => exchange(flow),
        Flow::Tcp(flow) => format!("TCP, {} messages", flow.messages.len()),
        Flow::Udp(flow) => format!("UDP, {} messages", flow.messages.len()),
        Flow::Dns(_) => "DNS query".to_owned(),
    }
}

fn exchange(flow: &HttpFlow) -> String {
    let (method, url) = (show_bytes(&flow.request.method), flow.request.url());
    match &flow.response {
        Some(response) => format!("{method} {url}: {}", response.status),
        None => format!("{method} {url}: no response"),
    }
}
