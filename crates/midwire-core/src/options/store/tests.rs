use super::*;
use crate::options::Kind;

fn store() -> OptionStore {
    OptionStore::new(Tool::Dump)
}

fn text(result: Result<Changed, OptionError>) -> String {
    result.unwrap_err().to_string()
}

fn script_option(kind: Kind, default: Value) -> Definition {
    Definition {
        name: "mine".into(),
        kind,
        default,
        help: "help".into(),
        choices: Vec::new(),
    }
}

#[test]
fn updates_are_all_or_nothing() {
    let store = store();
    let result = store.update([
        ("http2", Value::Bool(false)),
        ("listen_port", Value::from("x")),
    ]);
    assert!(result.is_err());
    assert!(store.load().http2);
    let changed = store
        .update([("http2", Value::Bool(false)), ("listen_port", Value::Null)])
        .unwrap();
    assert_eq!(
        changed.names().collect::<Vec<_>>(),
        ["http2", "listen_port"]
    );
    assert!(!store.load().http2);
    assert!(store.has_changed("http2") && !store.has_changed("listen_port"));
}

#[test]
fn refusal_tells_the_old_values_again() {
    let store = store();
    let seen: Arc<Mutex<Vec<bool>>> = Arc::default();
    let log = seen.clone();
    store.listen(move |options, _| {
        log.lock().unwrap().push(options.http2);
        Ok(())
    });
    let guard = store.listen(|options, changed| {
        if changed.contains("http2") && !options.http2 {
            return Err("no".into());
        }
        Ok(())
    });
    let never = seen.clone();
    store.listen(move |options, _| {
        never.lock().unwrap().push(options.http2);
        Ok(())
    });
    assert_eq!(text(store.set(&["http2=false"])), "no");
    assert_eq!(*seen.lock().unwrap(), [false, true]);
    assert!(store.load().http2);
    store.unlisten(guard);
    store.set(&["http2=false"]).unwrap();
    assert!(!store.load().http2);
}

#[test]
fn observers_may_update() {
    let store = store();
    let inner = store.clone();
    store.observe(move |_, changed| {
        if changed.contains("http2") {
            inner.set(&["anticomp"]).unwrap();
        }
    });
    store.set(&["http2=false"]).unwrap();
    assert!(store.load().anticomp);
}

#[test]
fn listener_that_updates_does_not_hang() {
    let store = store();
    let inner = store.clone();
    store.listen(move |_, changed| {
        if changed.contains("http2") && !inner.load().anticomp {
            inner.set(&["anticomp"]).map_err(|e| e.to_string())?;
        }
        Ok(())
    });
    store.set(&["http2=false"]).unwrap();
    assert!(store.load().anticomp && !store.load().http2);
}

#[test]
fn prepared_update_is_published_by_commit_only() {
    let store = store();
    let pending = store.prepare([("http2", Value::Bool(false))]).unwrap();
    assert!(!pending.options().http2 && store.load().http2);
    drop(pending);
    assert!(store.load().http2);
    let pending = store.prepare([("http2", Value::Bool(false))]).unwrap();
    store.set(&["anticache"]).unwrap();
    assert_eq!(pending.commit(), Err(OptionError::Busy));
    let pending = store.prepare([("http2", Value::Bool(false))]).unwrap();
    pending.commit().unwrap();
    assert!(!store.load().http2 && store.load().anticache);
}

#[test]
fn unknown_names_wait_for_scripts() {
    let store = store();
    assert_eq!(
        text(store.set(&["mine=1", "other"])),
        "Unknown option(s): mine, other"
    );
    store.set_defer(&["mine=7", "never=1"]).unwrap();
    assert_eq!(store.deferred(), ["mine", "never"]);
    let definition = script_option(Kind::Int, Value::Int(1));
    assert_eq!(store.declare(&definition), Ok(Registered::New));
    assert_eq!(store.value("mine"), Some(Value::Int(7)));
    assert_eq!(store.deferred(), ["never"]);
    assert_eq!(store.declare(&definition), Ok(Registered::Same));
    assert_eq!(store.value("mine"), Some(Value::Int(7)));
    let other = script_option(Kind::Str, Value::from("x"));
    assert_eq!(store.declare(&other), Ok(Registered::Replaced));
    assert_eq!(store.value("mine"), Some(Value::from("x")));
    store.update([("mine", Value::from("y"))]).unwrap();
    store.reset().unwrap();
    assert_eq!(store.value("mine"), Some(Value::from("x")));
    assert_eq!(
        text(store.update([("mine", Value::Int(1))])),
        "Expected str for mine, but got int."
    );
}

#[test]
fn bad_waiting_value_is_an_error_of_the_declaration() {
    let store = store();
    store
        .update_defer([("mine", Value::from("x")), ("http2", Value::Bool(false))])
        .unwrap();
    assert!(!store.load().http2);
    let result = store.declare(&script_option(Kind::Int, Value::Int(1)));
    assert!(matches!(result, Err(OptionError::Type { .. })));
}

#[test]
fn scripts_may_redefine_but_not_retype_builtin_options() {
    let store = store();
    let mut definition = store.definition("onboarding_host").unwrap();
    definition.default = Value::from("proxy.test");
    assert_eq!(store.declare(&definition), Ok(Registered::Replaced));
    assert_eq!(store.load().onboarding_host, "proxy.test");
    assert!(!store.has_changed("onboarding_host"));
    definition.kind = Kind::Int;
    definition.default = Value::Int(1);
    assert!(store.declare(&definition).is_err());
}

#[test]
fn options_of_other_tools_are_unknown() {
    assert!(!store().knows("web_port"));
    assert!(OptionStore::new(Tool::Web).knows("web_port"));
    assert!(store().set_defer(&["web_port=x"]).is_ok());
}

#[test]
fn toggling_and_resetting() {
    let store = store();
    store.toggle("anticache").unwrap();
    assert!(store.load().anticache);
    store.set(&["anticache=toggle"]).unwrap();
    assert!(!store.load().anticache);
    assert!(store.toggle("mode").is_err());
    store.set(&["mode=socks5"]).unwrap();
    store.reset_one("mode").unwrap();
    assert_eq!(store.load().mode, ["regular"]);
    assert_eq!(text(store.reset_one("x")), "No such option: x");
}

#[test]
fn intercept_sets_its_switch() {
    let store = OptionStore::new(Tool::Console);
    let changed = store.set(&["intercept=~all"]).unwrap();
    assert!(store.load().intercept_active && changed.contains("intercept_active"));
    store.set(&["intercept"]).unwrap();
    assert!(!store.load().intercept_active);
}

#[test]
fn values_are_validated() {
    let check = |spec: &str, expected: &str| {
        let message = text(store().set(&[spec]));
        assert!(message.contains(expected), "{spec}: {message}");
    };
    check("allow_hosts=(", "allow_hosts");
    check("udp_hosts=[", "udp_hosts");
    check("connect_addr=x", "Specify a valid IP address.");
    check("client_certs=/no/such", "does not exist: /no/such");
    check("client_replay_concurrency=3", "-1 and 1.");
}

#[test]
fn own_amounts_and_sizes_are_checked() {
    let store = store();
    for spec in [
        "header_count_limit=-1",
        "listen_port=70000",
        "header_size_limit=2q",
        "body_size_limit=",
        "termlog_verbosity=loud",
        "tls_version_client_min=FOO",
        "tls_ecdh_curve_client=foo",
    ] {
        assert!(store.set(&[spec]).is_err(), "{spec}");
    }
    store
        .set(&[
            "header_size_limit=2k",
            "body_size_limit=3m",
            "ignore_hosts=(?!x)y",
        ])
        .unwrap();
    assert_eq!(store.load().header_size_limit.bytes(), 2048);
    assert_eq!(store.value("body_size_limit"), Some(Value::from("3m")));
    store
        .update([("header_size_limit", Value::Int(9))])
        .unwrap();
    assert_eq!(store.load().header_size_limit.bytes(), 9);
}

#[test]
fn upstream_chain_needs_upstream_certificates() {
    let store = store();
    store.set(&["add_upstream_certs_to_client_chain"]).unwrap();
    let message = text(store.set(&["upstream_cert=false"]));
    assert!(message.contains("requires the upstream_cert option"));
}
