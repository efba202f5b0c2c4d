//! Commands that cut values out of flows and export flows.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::sync::Arc;

use midwire_core::Kernel;
use midwire_core::commands::{Args, Cell, CommandError, CommandValue};
use midwire_core::options::expand_home;
use midwire_flow::export::{self, ExportOptions, Format, csv, cut};
use midwire_flow::file::{Mode, Spec};

use super::{Outcome, Registrar, clipboard, flows, io_text, nothing, one_flow, text_list};

pub(super) fn register(to: &Registrar<'_>) -> Result<(), CommandError> {
    to.slow("cut", |kernel, args| {
        let rows = rows(kernel, args)?.into_iter().map(|row| {
            row.into_iter()
                .map(|cell| match cell {
                    export::Cell::Text(text) => Cell::Str(text),
                    export::Cell::Bytes(bytes) => Cell::Bytes(bytes.to_vec()),
                })
                .collect()
        });
        Ok(CommandValue::Table(rows.collect()))
    })?;
    to.slow("cut.save", cut_save)?;
    to.slow("cut.clip", |kernel, args| {
        let rows = rows(kernel, args)?;
        let cuts = args.list(1)?.len();
        let text = match single(&rows) {
            Some(cell) => cell.to_text(),
            None => csv(&rows),
        };
        copy(&text, || {
            if single(&rows).is_some() {
                tracing::info!(alert = true, "Clipped single cut.");
            } else {
                tracing::info!(alert = true, "Clipped {cuts} cuts as CSV.");
            }
        });
        nothing()
    })?;
    to.slow("export", |kernel, args| {
        let exported = exported(kernel, args)?;
        Ok(CommandValue::Str(export::to_text(&exported)))
    })?;
    to.slow("export.clip", |kernel, args| {
        let text = export::to_text(&exported(kernel, args)?);
        copy(&text, || {});
        nothing()
    })?;
    to.slow("export.file", |kernel, args| {
        let exported = exported(kernel, args)?;
        if let Err(error) = std::fs::write(expand_home(args.str(2)?), exported) {
            tracing::error!("cannot write {}: {}", args.str(2)?, io_text(&error));
        }
        nothing()
    })?;
    to.quick("export.formats", |_, _| {
        text_list(Format::ALL.map(|(name, _)| name))
    })
}

type Rows = Vec<Vec<export::Cell>>;

fn rows(kernel: &Kernel, args: &Args) -> Result<Rows, CommandError> {
    let cuts = args.list(1)?;
    let row = |flow: &Arc<midwire_flow::Flow>| cuts.iter().map(|spec| cut(flow, spec)).collect();
    let rows: Result<Rows, _> = flows(kernel, args, 0)?.iter().map(row).collect();
    rows.map_err(CommandError::failed)
}

/// The value of one cut of one flow.
fn single(rows: &Rows) -> Option<&export::Cell> {
    match rows.as_slice() {
        [row] => match row.as_slice() {
            [cell] => Some(cell),
            _ => None,
        },
        _ => None,
    }
}

fn cut_save(kernel: &Arc<Kernel>, args: &Args) -> Outcome {
    let rows = rows(kernel, args)?;
    match write_rows(&rows, args.str(2)?) {
        Err(error) => tracing::error!("cannot write {}: {}", args.str(2)?, io_text(&error)),
        Ok(()) if single(&rows).is_some() => tracing::info!(alert = true, "Saved single cut."),
        Ok(()) => tracing::info!(
            alert = true,
            "Saved {} cuts over {} flows as CSV.",
            args.list(1)?.len(),
            rows.len()
        ),
    }
    nothing()
}

fn write_rows(rows: &Rows, path: &str) -> io::Result<()> {
    let spec = Spec::parse(path);
    let appends = spec.mode == Mode::Append;
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .append(appends)
        .truncate(!appends)
        .open(expand_home(&spec.path.to_string_lossy()))?;
    let Some(cell) = single(rows) else {
        return file.write_all(csv(rows).as_bytes());
    };
    if appends && file.metadata()?.len() > 0 {
        file.write_all(b"\n")?;
    }
    file.write_all(&cell.to_bytes())
}

fn exported(kernel: &Kernel, args: &Args) -> Result<Vec<u8>, CommandError> {
    let format = Format::parse(args.str(0)?).map_err(CommandError::failed)?;
    let options = ExportOptions {
        preserve_original_ip: kernel.options().load().export_preserve_original_ip,
    };
    export::export(&*one_flow(kernel, args, 1)?, format, options).map_err(CommandError::failed)
}

/// Copies a text; failure is only logged, since scripts go on.
fn copy(text: &str, done: impl FnOnce()) {
    match clipboard::copy(text) {
        Ok(()) => done(),
        Err(error) => tracing::error!("{error}"),
    }
}
