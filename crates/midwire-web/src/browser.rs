//! Opens the user's browser.

use std::process::{Command, Stdio};

/// Programs that open an address in the browser that the user has chosen.
const OPENERS: &[(&str, &[&str])] = if cfg!(target_os = "macos") {
    &[("open", &[])]
} else if cfg!(windows) {
    &[("rundll32", &["url.dll,FileProtocolHandler"])]
} else {
    &[
        ("xdg-open", &[]),
        ("sensible-browser", &[]),
        ("x-www-browser", &[]),
    ]
};

/// Opens an address; false if nothing can. A system without a display has no browser to see.
pub(crate) fn open(url: &str) -> bool {
    let has_display = cfg!(any(windows, target_os = "macos"))
        || ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    has_display
        && OPENERS
            .iter()
            .any(|(program, args)| start(program, args, url))
}

fn start(program: &str, args: &[&str], url: &str) -> bool {
    let child = Command::new(program)
        .args(args)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else {
        return false;
    };
    // Somebody has to collect it when it ends.
    std::thread::spawn(move || child.wait());
    true
}
