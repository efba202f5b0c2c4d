//! Why scripts do not run.

/// Why scripts cannot be run. The texts of the first two are those that users of mitmproxy know, hence their form.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The file is not there.
    #[error("No such script: {0}")]
    NoSuchScript(String),
    /// The same file twice.
    #[error("Duplicate script")]
    Duplicate,
    /// There is no interpreter.
    #[error("cannot run scripts: {0}")]
    NoPython(String),
    /// The interpreter is there but does not do its work.
    #[error("cannot run scripts with {python}: {reason}")]
    Host {
        /// The interpreter.
        python: String,
        /// One line.
        reason: String,
    },
    /// The system refuses what is needed.
    #[error("cannot run scripts: {0}")]
    Io(#[from] std::io::Error),
}
