//! Starting: a script stands for the browser.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use midwire_core::log::{Level, LogStream};
use midwire_core::options::Value;

use super::*;
use crate::testing::kernel;

/// A folder with a program that writes its arguments to `said` there.
fn fake(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join(name);
    let script = "#!/bin/sh\nprintf '%s\\n' \"$@\" > \"${0%/*}/said\"\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn browser(folder: &TempDir) -> Browser {
    Browser {
        path: Some(folder.path().into()),
        ..Browser::default()
    }
}

/// The alerts of a call.
fn alerts(run: impl FnOnce()) -> Vec<String> {
    let log = LogStream::default();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lines);
    log.subscribe(Level::Alert, move |entry| {
        seen.lock().unwrap().push(entry.message.clone());
    });
    log.scoped(run);
    let lines = lines.lock().unwrap();
    lines.clone()
}

#[test]
fn chrome_is_pointed_at_the_proxy() {
    let folder = fake("chromium");
    let browser = browser(&folder);
    let kernel = kernel(&[("listen_port", Value::Int(9999))]);
    let options = kernel.options().load();
    assert_eq!(alerts(|| browser.start(&options, "chrome")), [""; 0]);
    let profile = {
        let mut running = browser.running();
        running[0].child.wait().unwrap();
        running[0].profile.path().to_owned()
    };
    let said = fs::read_to_string(folder.path().join("said")).unwrap();
    assert!(said.contains("--proxy-server=127.0.0.1:9999\n"), "{said}");
    assert!(said.contains(&format!("--user-data-dir={}\n", profile.display())));
    assert!(said.ends_with("about:blank\n"));
    browser.done(&kernel);
    assert!(!profile.exists());
}

#[test]
fn firefox_has_its_settings_in_the_profile() {
    let folder = fake("firefox");
    let browser = browser(&folder);
    let kernel = kernel(&[]);
    browser.start(&kernel.options().load(), "firefox");
    {
        let running = browser.running();
        let settings = running[0].profile.path().join("user.js");
        let settings = fs::read_to_string(settings).unwrap();
        for line in [
            "user_pref(\"network.proxy.ssl\", \"127.0.0.1\");\n",
            "user_pref(\"network.proxy.ssl_port\", 8080);\n",
        ] {
            assert!(settings.contains(line), "{settings}");
        }
    }
    browser.done(&kernel);
}

#[test]
fn the_user_is_told_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let browser = browser(&folder);
    let kernel = kernel(&[]);
    let options = kernel.options().load();
    assert_eq!(
        alerts(|| browser.start(&options, "lynx")),
        ["Invalid browser name."]
    );
    let found = alerts(|| browser.start(&options, "firefox"));
    assert!(
        found[0].starts_with("No firefox was found on this machine. Looked for "),
        "{found:?}"
    );
}

#[test]
fn proxies_are_named_as_browsers_read_them() {
    let check = |host: &str, expected: &str| {
        let kernel = kernel(&[("listen_host", Value::from(host))]);
        let proxy = Proxy::of(&kernel.options().load());
        assert_eq!(proxy.authority(), expected);
    };
    check("", "127.0.0.1:8080");
    check("0.0.0.0", "127.0.0.1:8080");
    check("::1", "[::1]:8080");
    check("10.0.0.1", "10.0.0.1:8080");
}
