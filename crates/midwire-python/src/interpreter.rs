//! Which Python runs scripts: the option, else the active virtual environment, else `python3` on the path.

use std::path::{Path, PathBuf};

use midwire_core::options::expand_home;

use crate::error::ScriptError;

/// Exit status by which the runtime says that the interpreter is too old.
pub(crate) const TOO_OLD: i32 = 93;

/// The interpreter to run.
pub(crate) fn choose(option: Option<&str>) -> Result<PathBuf, ScriptError> {
    if let Some(named) = option.filter(|named| !named.is_empty()) {
        let path = expand_home(named);
        let found = if path.components().count() > 1 {
            Some(path.clone()).filter(|p| p.is_file())
        } else {
            on_path(named)
        };
        return found.ok_or_else(|| {
            ScriptError::NoPython(format!("script_python is {named}, which does not exist"))
        });
    }
    if let Some(environment) = std::env::var_os("VIRTUAL_ENV").filter(|path| !path.is_empty()) {
        let python = Path::new(&environment).join("bin").join("python");
        if python.is_file() {
            return Ok(python);
        }
    }
    on_path("python3")
        .or_else(|| on_path("python"))
        .ok_or_else(|| ScriptError::NoPython("there is no python3 on the path".to_owned()))
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_interpreter_must_exist() {
        let error = choose(Some("/nonexistent/python")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot run scripts: script_python is /nonexistent/python, which does not exist"
        );
        assert_eq!(choose(Some("sh")).unwrap().file_name().unwrap(), "sh");
    }
}
