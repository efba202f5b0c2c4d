//! Commands of the flow list. The printing tool has none of them.

use std::sync::Arc;

use midwire_core::Kernel;
use midwire_core::commands::{Args, CommandError, CommandValue};
use midwire_core::options::expand_home;
use midwire_core::store::Order;
use midwire_flow::filter::Filter;
use midwire_flow::{
    Address, ClientConn, Connection, Flow, FlowInfo, HttpFlow, Request, ServerConn, file,
};
use midwire_wire::Fields;

use super::{Outcome, Registrar, flows, ids, io_text, nothing, number, text_list};

pub(super) fn register(to: &Registrar<'_>) -> Result<(), CommandError> {
    to.quick("view.clear", |kernel, _| {
        kernel.store().clear();
        nothing()
    })?;
    to.quick("view.clear_unmarked", |kernel, _| {
        kernel.store().clear_unmarked();
        nothing()
    })?;
    to.slow("view.filter.set", set_filter)?;
    to.quick("view.flows.create", create)?;
    to.quick("view.flows.duplicate", duplicate)?;
    to.slow("view.flows.load", load)?;
    to.quick("view.flows.remove", |kernel, args| {
        let ids = ids(args, 0)?;
        kernel.remove_flows(&ids);
        if ids.len() > 1 {
            tracing::info!(alert = true, "Removed {} flows", ids.len());
        }
        nothing()
    })?;
    to.slow("view.flows.resolve", |kernel, args| {
        let found = kernel.store().resolve(args.str(0)?);
        let found = found.map_err(CommandError::failed)?;
        Ok(CommandValue::Flows(
            found.iter().map(ToString::to_string).collect(),
        ))
    })?;
    register_focus(to)?;
    register_order(to)?;
    register_properties(to)?;
    register_settings(to)
}

fn register_focus(to: &Registrar<'_>) -> Result<(), CommandError> {
    to.quick("view.focus.go", |kernel, args| {
        kernel.store().focus_go(args.int(0)?);
        nothing()
    })?;
    to.quick("view.focus.next", |kernel, _| {
        kernel.store().focus_move(1);
        nothing()
    })?;
    to.quick("view.focus.prev", |kernel, _| {
        kernel.store().focus_move(-1);
        nothing()
    })
}

fn register_order(to: &Registrar<'_>) -> Result<(), CommandError> {
    to.quick("view.order", |kernel, _| {
        Ok(CommandValue::Str(
            kernel.store().order().as_str().to_owned(),
        ))
    })?;
    to.quick("view.order.options", |_, _| {
        text_list(Order::ALL.map(|(name, _)| name))
    })?;
    to.quick("view.order.reverse", |kernel, args| {
        kernel.store().set_reversed(args.bool(0)?);
        nothing()
    })?;
    to.slow("view.order.set", |kernel, args| {
        let name = args.str(0)?;
        let unknown = || CommandError::failed(format!("Unknown flow order: {name}"));
        kernel
            .store()
            .set_order(Order::parse(name).ok_or_else(unknown)?);
        nothing()
    })
}

fn register_properties(to: &Registrar<'_>) -> Result<(), CommandError> {
    to.quick("view.properties.inbounds", |kernel, args| {
        let row = usize::try_from(args.int(0)?);
        let shown = kernel.store().counts().shown;
        Ok(CommandValue::Bool(row.is_ok_and(|row| row < shown)))
    })?;
    to.quick("view.properties.length", |kernel, _| {
        number(kernel.store().counts().shown)
    })?;
    to.quick("view.properties.marked", |kernel, _| {
        Ok(CommandValue::Bool(kernel.store().is_marked_only()))
    })?;
    to.slow("view.properties.marked.toggle", |kernel, _| {
        let store = kernel.store();
        store.set_marked_only(!store.is_marked_only());
        nothing()
    })
}

fn register_settings(to: &Registrar<'_>) -> Result<(), CommandError> {
    to.quick("view.settings.getval", |kernel, args| {
        let id = midwire_flow::Id::parse(args.flow(0)?);
        let value = kernel.store().setting(&id, args.str(1)?);
        let default = args.str(2)?;
        Ok(CommandValue::Str(
            value.unwrap_or_else(|| default.to_owned()),
        ))
    })?;
    to.quick("view.settings.setval", |kernel, args| {
        let (key, value) = (args.str(1)?, args.str(2)?);
        for id in ids(args, 0)? {
            kernel.store().set_setting(&id, key, value);
        }
        kernel.updated(&flows(kernel, args, 0)?);
        nothing()
    })?;
    to.quick("view.settings.setval.toggle", |kernel, args| {
        let key = args.str(1)?;
        for id in ids(args, 0)? {
            let on = kernel.store().setting(&id, key).as_deref() == Some("true");
            let value = if on { "false" } else { "true" };
            kernel.store().set_setting(&id, key, value);
        }
        kernel.updated(&flows(kernel, args, 0)?);
        nothing()
    })
}

fn set_filter(kernel: &Arc<Kernel>, args: &Args) -> Outcome {
    let filter = match args.str(0)? {
        "" => None,
        expression => Some(Filter::parse(expression).map_err(CommandError::failed)?),
    };
    kernel.store().set_filter(filter.as_ref());
    nothing()
}

fn create(kernel: &Arc<Kernel>, args: &Args) -> Outcome {
    let method = args.str(0)?.to_uppercase();
    let mut request = Request::make(&method, args.str(1)?, "", Fields::new())
        .map_err(|error| CommandError::failed(format!("Invalid URL: {error}")))?;
    let host = request.host.clone();
    request.fields.set("Host", host.clone());
    let client = ClientConn {
        connection: Connection {
            peername: Some(Address::new("", 0)),
            sockname: Some(Address::new("", 0)),
            timestamp_start: Some(request.timestamp_start.as_f64() - 0.0001),
            ..Connection::default()
        },
        ..ClientConn::default()
    };
    let server = ServerConn {
        address: Some(Address::new(host, request.port)),
        ..ServerConn::default()
    };
    let mut info = FlowInfo::new(Arc::new(client), Arc::new(server));
    info.live = false;
    kernel.store().add(Flow::Http(Box::new(HttpFlow {
        info,
        request,
        response: None,
        websocket: None,
    })));
    nothing()
}

fn duplicate(kernel: &Arc<Kernel>, args: &Args) -> Outcome {
    let copies: Vec<Flow> = flows(kernel, args, 0)?
        .iter()
        .map(|flow| {
            let mut copy = flow.copy();
            copy.info_mut().intercepted = false;
            copy
        })
        .collect();
    let count = copies.len();
    let first = copies.first().map(|flow| flow.info().id.clone());
    for copy in copies {
        kernel.store().add(copy);
    }
    if let Some(first) = first {
        kernel.store().set_focus(&first);
        tracing::info!(alert = true, "Duplicated {count} flows");
    }
    nothing()
}

fn load(kernel: &Arc<Kernel>, args: &Args) -> Outcome {
    let input = match std::fs::File::open(expand_home(args.str(0)?)) {
        Ok(input) => input,
        Err(error) => {
            tracing::error!("{}", io_text(&error));
            return nothing();
        }
    };
    for flow in file::open_flows(input) {
        match flow {
            // A file can be loaded again and again, so the flows get identifiers of their own.
            Ok(flow) => kernel.store().add(flow.copy()),
            Err(error) => {
                tracing::error!("{error} ({})", error.detail());
                break;
            }
        };
    }
    nothing()
}
