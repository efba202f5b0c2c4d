//! Commands that save flows.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;

use midwire_core::Kernel;
use midwire_core::commands::{Args, CommandError};
use midwire_core::options::expand_home;
use midwire_flow::access::human::pretty_size;
use midwire_flow::file::{FlowFile, Spec};
use midwire_flow::{Flow, har};

use super::{Outcome, Registrar, flows, io_text, nothing};

pub(super) fn register(to: &Registrar<'_>) -> Result<(), CommandError> {
    to.slow("save.file", save_file)?;
    to.slow("save.har", save_har)
}

fn save_file(kernel: &Arc<Kernel>, args: &Args) -> Outcome {
    let flows = flows(kernel, args, 0)?;
    let path = args.str(1)?;
    write_flows(&flows, path).map_err(|error| failure(path, &error))?;
    let extension = Path::new(path).extension();
    if extension.is_some_and(|extension| extension == "har" || extension == "zhar") {
        tracing::info!(
            alert = true,
            "Saved as mitmproxy dump file. To save HAR files, use the `save.har` command."
        );
    } else {
        tracing::info!(alert = true, "Saved {} flows.", flows.len());
    }
    nothing()
}

fn write_flows(flows: &[Arc<Flow>], path: &str) -> io::Result<()> {
    let mut spec = Spec::parse(path);
    spec.path = expand_home(&spec.path.to_string_lossy());
    let mut file = FlowFile::open(&spec)?;
    for flow in flows {
        file.add(flow)?;
    }
    Ok(())
}

fn save_har(kernel: &Arc<Kernel>, args: &Args) -> Outcome {
    let flows = flows(kernel, args, 0)?;
    let path = args.str(1)?;
    let (size, skipped) =
        write_har(&flows, &expand_home(path)).map_err(|error| failure(path, &error))?;
    if skipped > 0 {
        tracing::info!("Skipped {skipped} flows that weren't HTTP flows.");
    }
    let size = pretty_size(size);
    tracing::info!(alert = true, "HAR file saved ({size} bytes).");
    nothing()
}

fn write_har(flows: &[Arc<Flow>], path: &Path) -> io::Result<(u64, usize)> {
    let mut out = BufWriter::new(File::create(path)?);
    let flows = flows.iter().map(|flow| &**flow);
    let summary = if path
        .extension()
        .is_some_and(|extension| extension == "zhar")
    {
        har::export_compressed(flows, &mut out)?
    } else {
        har::export(flows, &mut out)?
    };
    out.flush()?;
    Ok((out.get_ref().metadata()?.len(), summary.skipped))
}

fn failure(path: &str, error: &io::Error) -> CommandError {
    CommandError::failed(format!("cannot write {path}: {}", io_text(error)))
}
