//! HAR files (HTTP Archive 1.2): import and export (flowfile.md §8, export.md §5).

mod import;

pub use import::Importer;

/// Why a file is no HAR file.
#[derive(Debug, thiserror::Error)]
pub enum HarError {
    /// Not JSON, or JSON of another shape.
    #[error("{0}")]
    Json(String),
}
