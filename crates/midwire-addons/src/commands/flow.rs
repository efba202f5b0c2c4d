//! Commands that change flows: mark, comment, kill, resume, revert, set, encode.

use std::sync::Arc;

use bytes::Bytes;
use midwire_core::Kernel;
use midwire_core::commands::{Args, CommandError, DEFAULT_MARKER};
use midwire_flow::access::{DECODE_LIMIT, status};
use midwire_flow::codec::CodecError;
use midwire_flow::{Flow, HttpFlow, HttpMessage, Id};

use super::{Outcome, Registrar, edit, ids, nothing, text_list};

const CODINGS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];
const ATTRIBUTES: [&str; 6] = ["host", "status_code", "method", "path", "url", "reason"];

pub(super) fn register(to: &Registrar<'_>) -> Result<(), CommandError> {
    to.quick("flow.comment", |kernel, args| {
        let comment = args.str(1)?;
        edit(kernel, &ids(args, 0)?, |flow| {
            comment.clone_into(&mut flow.info_mut().comment);
        });
        nothing()
    })?;
    to.quick("flow.mark", |kernel, args| {
        let marker = args.str(1)?;
        edit(kernel, &ids(args, 0)?, |flow| {
            marker.clone_into(&mut flow.info_mut().marked);
        });
        nothing()
    })?;
    to.quick("flow.mark.toggle", |kernel, args| {
        edit(kernel, &ids(args, 0)?, |flow| {
            let marked = &mut flow.info_mut().marked;
            let marker = if marked.is_empty() {
                DEFAULT_MARKER
            } else {
                ""
            };
            marker.clone_into(marked);
        });
        nothing()
    })?;
    to.quick("flow.kill", kill)?;
    to.quick("flow.resume", resume)?;
    to.slow("flow.revert", revert)?;
    to.quick("flow.set", set)?;
    to.quick("flow.set.options", |_, _| text_list(ATTRIBUTES))?;
    to.quick("flow.encode.options", |_, _| text_list(CODINGS))?;
    to.slow("flow.decode", |kernel, args| {
        let decoded = recode(kernel, args, &Recoding::Decode)?;
        tracing::info!(alert = true, "Decoded {decoded} flows.");
        nothing()
    })?;
    to.slow("flow.encode", |kernel, args| {
        let coding = args.str(2)?.to_owned();
        let encoded = recode(kernel, args, &Recoding::Encode(coding))?;
        tracing::info!(alert = true, "Encoded {encoded} flows.");
        nothing()
    })?;
    to.slow("flow.encode.toggle", |kernel, args| {
        let toggled = recode(kernel, args, &Recoding::Toggle)?;
        tracing::info!(alert = true, "Toggled encoding on {toggled} flows.");
        nothing()
    })
}

/// The present state of these flows, for observers.
fn told(kernel: &Kernel, ids: &[Id]) {
    let flows: Vec<Arc<Flow>> = ids.iter().filter_map(|id| kernel.store().get(id)).collect();
    kernel.updated(&flows);
}

fn kill(kernel: &Arc<Kernel>, args: &Args) -> Outcome {
    let mut killed = ids(args, 0)?;
    killed.retain(|id| kernel.kill_flow(id));
    tracing::info!(alert = true, "Killed {} flows.", killed.len());
    told(kernel, &killed);
    nothing()
}

fn resume(kernel: &Arc<Kernel>, args: &Args) -> Outcome {
    let mut resumed = ids(args, 0)?;
    resumed.retain(|id| kernel.resume_flow(id));
    told(kernel, &resumed);
    nothing()
}

fn revert(kernel: &Arc<Kernel>, args: &Args) -> Outcome {
    let mut modified = ids(args, 0)?;
    modified.retain(|id| kernel.store().get(id).is_some_and(|flow| flow.modified()));
    let reverted = edit(kernel, &modified, |flow| {
        let (live, intercepted) = (flow.info().live, flow.info().intercepted);
        flow.revert();
        let info = flow.info_mut();
        info.live = live;
        info.intercepted = intercepted;
    });
    tracing::info!(alert = true, "Reverted {reverted} flows.");
    nothing()
}

fn set(kernel: &Arc<Kernel>, args: &Args) -> Outcome {
    let (attribute, value) = (args.str(1)?, args.str(2)?);
    let mut status = None;
    if attribute == "status_code" {
        let number: i64 = value
            .trim()
            .parse()
            .map_err(|_| CommandError::failed(format!("Status code is not an integer: {value}")))?;
        let known = u16::try_from(number)
            .map_err(|_| CommandError::failed(format!("Status code is out of range: {value}")))?;
        status = Some(known);
    }
    let mut refused = None;
    let ids = ids(args, 0)?;
    let changed = edit(kernel, &ids, |flow| {
        let Flow::Http(http) = flow else {
            return;
        };
        if let Err(reason) = set_attribute(http, attribute, value, status) {
            refused = Some(reason);
        }
    });
    if let Some(reason) = refused {
        return Err(CommandError::failed(format!(
            "URL '{value}' is invalid: {reason}"
        )));
    }
    // Two blanks, as mitmproxy's users have it in their scripts.
    tracing::info!(alert = true, "Set {attribute} on  {changed} flows.");
    nothing()
}

fn set_attribute(
    http: &mut HttpFlow,
    attribute: &str,
    value: &str,
    status_code: Option<u16>,
) -> Result<(), midwire_flow::access::url::UrlError> {
    let bytes = || Bytes::copy_from_slice(value.as_bytes());
    match attribute {
        "method" => http.request.method = bytes(),
        "host" => http.request.set_host(value),
        "path" => http.request.path = bytes(),
        "url" => http.request.set_url(value)?,
        _ => {}
    }
    let Some(response) = &mut http.response else {
        return Ok(());
    };
    if attribute == "reason" {
        response.reason = bytes();
    }
    if let Some(code) = status_code {
        response.status = code;
        let reason = status::reason(code);
        if !reason.is_empty() {
            response.reason = Bytes::from_static(reason.as_bytes());
        }
    }
    Ok(())
}

enum Recoding {
    Decode,
    Encode(String),
    Toggle,
}

/// Changes the codings of a message of flows; gives how many flows were changed.
fn recode(kernel: &Kernel, args: &Args, how: &Recoding) -> Result<usize, CommandError> {
    let part = args.str(1)?;
    let mut candidates = ids(args, 0)?;
    candidates.retain(|id| {
        let flow = kernel.store().get(id);
        flow.is_some_and(|flow| concerns(&flow, part, how))
    });
    let mut failed = None;
    let mut failures = 0;
    let changed = edit(kernel, &candidates, |flow| {
        let mut copy = flow.clone();
        copy.backup();
        match recode_part(&mut copy, part, how) {
            Ok(()) => *flow = copy,
            Err(error) => {
                failures += 1;
                failed = Some(error);
            }
        }
    });
    match failed {
        // What worked has been done and told; the user learns why the rest was not.
        Some(error) => Err(CommandError::failed(error)),
        None => Ok(changed - failures),
    }
}

fn concerns(flow: &Flow, part: &str, how: &Recoding) -> bool {
    let Flow::Http(http) = flow else {
        return false;
    };
    let plain = match (part, &http.response) {
        ("request", _) => is_plain(&http.request),
        ("response", Some(response)) => is_plain(response),
        _ => return false,
    };
    plain || !matches!(how, Recoding::Encode(_))
}

fn is_plain(message: &impl HttpMessage) -> bool {
    let coding = message.header().get_folded("content-encoding");
    coding.is_none_or(|coding| &*coding == b"identity")
}

fn recode_part(flow: &mut Flow, part: &str, how: &Recoding) -> Result<(), CodecError> {
    let Flow::Http(http) = flow else {
        return Ok(());
    };
    match (part, &mut http.response) {
        ("request", _) => recode_message(&mut http.request, how),
        ("response", Some(response)) => recode_message(response, how),
        _ => Ok(()),
    }
}

fn recode_message(message: &mut impl HttpMessage, how: &Recoding) -> Result<(), CodecError> {
    match how {
        Recoding::Encode(coding) => message.encode(coding, DECODE_LIMIT),
        Recoding::Toggle if is_plain(message) => message.encode("deflate", DECODE_LIMIT),
        Recoding::Decode | Recoding::Toggle => message.decode(DECODE_LIMIT),
    }
}
