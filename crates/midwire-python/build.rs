//! Lists the files of the Python packages, so that the program carries them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What scripts can import.
const PACKAGES: &[&str] = &["midwire", "midwire_host", "mitmproxy"];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("python");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    for package in PACKAGES {
        collect(&root.join(package), &mut files)?;
    }
    files.sort();
    let mut source = String::from("&[\n");
    let mut hash = Hash::new();
    for file in &files {
        let name = file.strip_prefix(&root).unwrap_or(file);
        let name = name.to_string_lossy().replace('\\', "/");
        hash.add(name.as_bytes());
        hash.add(&fs::read(file)?);
        let _ = writeln!(
            source,
            "    ({name:?}, include_bytes!({:?})),",
            file.display().to_string()
        );
    }
    source.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("files.rs"), source)?;
    fs::write(out.join("digest.rs"), format!("\"{:016x}\"", hash.0))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            if !path.ends_with("__pycache__") {
                collect(&path, files)?;
            }
        } else if path
            .extension()
            .is_some_and(|e| e == "py" || e == "txt" || e == "json")
        {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    Ok(())
}

/// FNV-1a: tells versions of the packages apart, nothing more.
struct Hash(u64);

impl Hash {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
