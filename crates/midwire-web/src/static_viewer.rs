//! `web_static_viewer`: the flows of a file as a folder of pages that needs no program behind it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use midwire_core::Kernel;
use midwire_core::options::expand_home;
use midwire_flow::Flow;
use midwire_flow::access::DECODE_LIMIT;
use midwire_flow::file::open_flows;
use midwire_views::Registry;
use serde_json::{Value as Json, json};

use crate::shown::{self, Shown, Side};
use crate::{assets, json};

/// Why the pages cannot be written: what failed, at which file.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the static viewer: {path}: {error}")]
pub struct StaticViewerError {
    path: String,
    error: io::Error,
}

/// Writes the flows of option `rfile` into the folder of option `web_static_viewer`; nothing if either is not set.
///
/// # Errors
/// A file that cannot be read or written.
pub fn write(kernel: &Arc<Kernel>, views: &Registry) -> Result<(), StaticViewerError> {
    let options = kernel.options().load();
    let (Some(folder), Some(file)) = (
        options
            .web_static_viewer
            .as_deref()
            .filter(|dir| !dir.is_empty()),
        options.rfile.as_deref(),
    ) else {
        return Ok(());
    };
    let source = expand_home(file);
    let input = fs::File::open(&source).map_err(|error| failed(&source, error))?;
    let to = Folder(expand_home(folder));
    for (name, bytes) in assets::all() {
        to.put(&name, bytes)?;
    }
    to.put("static/static.js", "MITMWEB_STATIC = true;\n")?;
    let help = json!({ "commands": midwire_flow::filter::help() });
    to.put("filter-help.json", help.to_string())?;
    let mut list = Vec::new();
    for flow in open_flows(input) {
        match flow {
            Ok(flow) => {
                to.flow(&flow, views, &options)?;
                list.push(json::flow(&flow));
            }
            Err(error) => {
                tracing::error!("{error} ({})", error.detail());
                break;
            }
        }
    }
    to.put("flows.json", Json::Array(list).to_string())
}

struct Folder(PathBuf);

impl Folder {
    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<(), StaticViewerError> {
        let path = self.0.join(name);
        let folder = path.parent().unwrap_or(&self.0);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, bytes))
            .map_err(|error| failed(&path, error))
    }

    fn flow(
        &self,
        flow: &Flow,
        views: &Registry,
        options: &midwire_core::options::Options,
    ) -> Result<(), StaticViewerError> {
        let Flow::Http(http) = flow else {
            return Ok(());
        };
        // Identifiers of files can be any text: what is no plain name would leave the folder.
        let id = crate::routes::content::clean_name(&http.info.id.to_string());
        for (name, side) in [("request", Side::Request), ("response", Side::Response)] {
            let Some(message) = shown::message(http, side) else {
                continue;
            };
            let (bytes, _, _) = message.decoded(DECODE_LIMIT);
            let base = format!("flows/{id}/{name}");
            self.put(&format!("{base}/content.data"), bytes.unwrap_or_default())?;
            let limit = options.content_view_size_limit.as_usize();
            if let Some(shown) = Shown::http(http, side, limit) {
                let rendered = shown.render(views, options, "auto");
                let json = json!({
                    "text": rendered.text,
                    "view_name": rendered.view_name,
                    "syntax_highlight": rendered.syntax.as_str(),
                    "description": rendered.description,
                });
                self.put(&format!("{base}/content/Auto.json"), json.to_string())?;
            }
        }
        Ok(())
    }
}

fn failed(path: &Path, error: io::Error) -> StaticViewerError {
    StaticViewerError {
        path: path.display().to_string(),
        error,
    }
}
