//! Options and commands as values, both ways.

use std::path::Path;
use std::sync::Arc;

use midwire_core::Kernel;
use midwire_core::commands::{Cell, CommandValue, Param, ParamKind, Signature};
use midwire_core::options::{self, Definition, Kind, Options};
use midwire_flow::Value;

use super::hook_names;
use crate::frame;
use crate::value::Writer;

/// What a new process is told first.
pub(super) struct Greeting<'a> {
    pub(super) kernel: &'a Arc<Kernel>,
    pub(super) scripts: &'a [String],
    pub(super) index: usize,
    pub(super) running: bool,
    pub(super) folder: &'a Path,
}

impl Greeting<'_> {
    pub(super) fn put(&self, w: &mut Writer) {
        let store = self.kernel.options();
        w.dict(|w| {
            w.key("protocol");
            w.int(frame::VERSION);
            w.key("hooks");
            w.list(hook_names().len());
            hook_names().for_each(|name| w.text(name));
            w.key("scripts");
            texts(w, self.scripts);
            w.key("worker");
            w.int(self.index as i64);
            w.key("running");
            w.bool(self.running);
            w.key("folder");
            w.text(&self.folder.to_string_lossy());
            w.key("options");
            let definitions = store.definitions();
            let values = store.load();
            w.list(definitions.len());
            for definition in &definitions {
                w.tuple(6);
                w.text(&definition.name);
                w.text(definition.kind.name());
                option_value(w, &definition.default);
                w.text(&definition.help);
                texts(w, &definition.choices);
                option_value(
                    w,
                    &values
                        .value(&definition.name)
                        .unwrap_or(options::Value::Null),
                );
            }
            w.key("commands");
            let signatures = self.kernel.commands().signatures();
            w.list(signatures.len());
            for signature in &signatures {
                put_signature(w, signature);
            }
        });
    }
}

fn put_signature(w: &mut Writer, signature: &Signature) {
    w.tuple(4);
    w.text(&signature.name);
    w.list(signature.params.len());
    for param in &signature.params {
        w.tuple(3);
        w.text(&param.name);
        w.text(&param.kind.to_string());
        w.text(match (param.is_variadic, &param.default) {
            (true, _) => "variadic",
            (false, Some(_)) => "optional",
            (false, None) => "required",
        });
    }
    w.text(
        &signature
            .returns
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    );
    w.text(&signature.help);
}

/// The named options with their values.
pub(super) fn options(kernel: &Kernel, options: &Options, names: &[&str]) -> Writer {
    let mut w = Writer::default();
    w.dict(|w| {
        for name in names
            .iter()
            .filter(|name| kernel.options().knows(name) || options.definition(name).is_some())
        {
            w.key(name);
            option_value(w, &options.value(name).unwrap_or(options::Value::Null));
        }
    });
    w
}

fn option_value(w: &mut Writer, value: &options::Value) {
    match value {
        options::Value::Null => w.null(),
        options::Value::Bool(b) => w.bool(*b),
        options::Value::Int(n) => w.int(*n),
        options::Value::Str(text) => w.text(text),
        options::Value::Seq(items) => texts(w, items),
    }
}

fn texts(w: &mut Writer, items: &[String]) {
    w.list(items.len());
    for item in items {
        w.text(item);
    }
}

/// A value that a script gives an option.
pub(super) fn to_option(value: &Value) -> Option<options::Value> {
    Some(match value {
        Value::Null => options::Value::Null,
        Value::Bool(b) => options::Value::Bool(*b),
        Value::Int(n) => options::Value::Int(*n),
        Value::Text(text) => options::Value::Str(text.clone()),
        Value::List(items) => {
            let texts = items.iter().map(|item| item.as_text().map(str::to_owned));
            options::Value::Seq(texts.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// An option that a script declares: name, kind, default, help, choices.
pub(super) fn to_definition(value: &Value) -> Option<Definition> {
    let Value::List(parts) = value else {
        return None;
    };
    let [name, kind, default, help, choices] = parts.as_slice() else {
        return None;
    };
    let kinds = [
        Kind::Bool,
        Kind::Int,
        Kind::OptInt,
        Kind::Str,
        Kind::OptStr,
        Kind::Seq,
    ];
    let choices = match choices {
        Value::List(items) => items
            .iter()
            .filter_map(|item| item.as_text().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    };
    Some(Definition {
        name: name.as_text()?.to_owned(),
        kind: kinds
            .into_iter()
            .find(|k| Some(k.name()) == kind.as_text())?,
        default: to_option(default)?,
        help: help.as_text()?.to_owned(),
        choices,
    })
}

/// A command that a script declares: name, parameters, result, help.
pub(super) fn to_signature(value: &Value) -> Option<Signature> {
    let Value::List(parts) = value else {
        return None;
    };
    let [name, Value::List(params), returns, help] = parts.as_slice() else {
        return None;
    };
    let params = params.iter().map(|param| {
        let Value::List(parts) = param else {
            return None;
        };
        let [name, kind, mode] = parts.as_slice() else {
            return None;
        };
        Some(Param {
            name: name.as_text()?.to_owned(),
            kind: ParamKind::parse(kind.as_text()?)?,
            // The script's own default; `None` says that nothing was given.
            default: (mode.as_text()? == "optional").then_some(CommandValue::Null),
            is_variadic: mode.as_text()? == "variadic",
        })
    });
    Some(Signature {
        name: name.as_text()?.to_owned(),
        params: params.collect::<Option<_>>()?,
        returns: match returns.as_text()? {
            "" => None,
            kind => Some(ParamKind::parse(kind)?),
        },
        help: help.as_text()?.to_owned(),
    })
}

/// An argument or result on its way to the host. Flows are `{"flow": id}` or `{"flows": [id, ...]}`.
pub(super) fn put_command_value(w: &mut Writer, value: &CommandValue, kind: Option<&ParamKind>) {
    match value {
        CommandValue::Null => w.null(),
        CommandValue::Bool(b) => w.bool(*b),
        CommandValue::Int(n) => w.int(*n),
        CommandValue::Str(text) => w.text(text),
        CommandValue::Bytes(bytes) => w.bytes(bytes),
        CommandValue::StrList(items) => texts(w, items),
        CommandValue::Flows(ids) => w.dict(|w| {
            if let (Some(ParamKind::Flow), [id]) = (kind, ids.as_slice()) {
                w.key("flow");
                w.text(id);
            } else {
                w.key("flows");
                texts(w, ids);
            }
        }),
        CommandValue::Table(rows) => {
            w.list(rows.len());
            for row in rows {
                w.list(row.len());
                for cell in row {
                    match cell {
                        Cell::Str(text) => w.text(text),
                        Cell::Bytes(bytes) => w.bytes(bytes),
                    }
                }
            }
        }
    }
}

/// An argument or result from the host.
pub(super) fn to_command_value(value: &Value, kind: Option<&ParamKind>) -> Option<CommandValue> {
    Some(match value {
        Value::Null => CommandValue::Null,
        Value::Bool(b) => CommandValue::Bool(*b),
        Value::Int(n) => CommandValue::Int(*n),
        Value::Text(text) => CommandValue::Str(text.clone()),
        Value::Bytes(bytes) => CommandValue::Bytes(bytes.to_vec()),
        Value::List(rows) if kind == Some(&ParamKind::Data) => {
            let rows = rows.iter().map(|row| match row {
                Value::List(cells) => cells.iter().map(cell).collect::<Option<Vec<Cell>>>(),
                _ => None,
            });
            CommandValue::Table(rows.collect::<Option<_>>()?)
        }
        // An empty list has no type of its own: the parameter decides.
        Value::List(items) if items.is_empty() && kind == Some(&ParamKind::FlowSeq) => {
            CommandValue::Flows(Vec::new())
        }
        Value::List(items) => {
            let texts = items.iter().map(|item| item.as_text().map(str::to_owned));
            CommandValue::StrList(texts.collect::<Option<_>>()?)
        }
        Value::Dict(_) => {
            if let Some(id) = value.get("flow") {
                return Some(CommandValue::Flows(vec![id.as_text()?.to_owned()]));
            }
            let Value::List(ids) = value.get("flows")? else {
                return None;
            };
            let ids = ids.iter().map(|id| id.as_text().map(str::to_owned));
            CommandValue::Flows(ids.collect::<Option<_>>()?)
        }
        Value::BigInt(_) | Value::Float(_) => return None,
    })
}

fn cell(value: &Value) -> Option<Cell> {
    Some(match value {
        Value::Text(text) => Cell::Str(text.clone()),
        Value::Bytes(bytes) => Cell::Bytes(bytes.to_vec()),
        Value::Int(n) => Cell::Str(n.to_string()),
        _ => return None,
    })
}
