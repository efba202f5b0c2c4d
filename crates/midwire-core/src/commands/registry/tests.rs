use super::*;
use crate::{
    commands::{DECLARED, register_option_commands},
    options::{OptionStore, Tool},
};

fn echo(registry: &CommandRegistry, name: &str, params: &str) {
    let signature = Signature::parse(name, params, "str").unwrap();
    let handler: Handler = Arc::new(|_, args: Args| {
        let text = args.0.iter().map(|value| format!("{value:?}"));
        let text = text.collect::<Vec<_>>().join(" ");
        Box::pin(async move { Ok(CommandValue::Str(text)) })
    });
    registry.add(signature, handler);
}

fn registry() -> (CommandRegistry, OptionStore) {
    let registry = CommandRegistry::new();
    let store = OptionStore::new(Tool::Dump);
    register_option_commands(&registry, &store).unwrap();
    echo(&registry, "t.two", "a:str b:int");
    echo(&registry, "t.opt", "a:str b:bool=true");
    echo(&registry, "t.star", "a:str *b:str");
    echo(&registry, "t.cmd", "a:cmd *b:arg");
    echo(&registry, "t.flow", "a:flow");
    echo(&registry, "t.flows", "a:flow[]");
    echo(&registry, "t.choice", "a:choice(t.formats)");
    let formats = Signature::parse("t.formats", "", "str[]").unwrap();
    let handler: Handler = Arc::new(|_, _| {
        Box::pin(async { Ok(CommandValue::StrList(vec!["raw".into(), "curl".into()])) })
    });
    registry.add(formats, handler);
    (registry, store)
}

fn run(registry: &CommandRegistry, line: &str) -> Result<String, String> {
    match block_on(registry.execute(line)) {
        Ok(CommandValue::Str(text)) => Ok(text),
        Ok(other) => Ok(format!("{other:?}")),
        Err(error) => Err(error.to_string()),
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn words_are_bound_and_read() {
    let (registry, _) = registry();
    let check = |line: &str, expected: &str| {
        assert_eq!(run(&registry, line).as_deref(), Ok(expected), "{line}");
    };
    check("t.two 'a' ' 5 '", r#"Str("a") Int(5)"#);
    check("\"t.two\" a -1", r#"Str("a") Int(-1)"#);
    check("t.opt a", r#"Str("a") Bool(true)"#);
    check("t.opt a false", r#"Str("a") Bool(false)"#);
    check("t.star a", r#"Str("a") StrList([])"#);
    check("t.star a b 'c d'", r#"Str("a") StrList(["b", "c d"])"#);
    check("t.cmd set a\\n", r#"Str("set") StrList(["a\\n"])"#);
    check("t.choice raw", r#"Str("raw")"#);
    check("t.formats", r#"StrList(["raw", "curl"])"#);
}

#[test]
fn errors_have_the_known_texts() {
    let (registry, _) = registry();
    let check = |line: &str, expected: &str| {
        assert_eq!(run(&registry, line).unwrap_err(), expected, "{line}");
    };
    check("", "Invalid command: ''");
    check("  ", "Invalid command: ''");
    check("nope a", "Unknown command: nope");
    check(
        "t.two a",
        "Command argument mismatch: \n    Expected: a: str, b: int\n    Received: ['a']",
    );
    check(
        "t.opt a true c",
        "Command argument mismatch: \n    Expected: a: str, b?: bool\n    Received: ['a', 'true', 'c']",
    );
    check("t.opt a no", "Booleans are 'true' or 'false', got no");
    check("t.cmd nope", "Unknown command: nope");
    check("t.choice x", "Invalid choice.");
    check("t.flows @all", "Unknown command: view.flows.resolve");
    check("set nope=1", "Unknown option(s): nope");
    check(
        "set http2 true false",
        "Received multiple values for http2: ['true', 'false']",
    );
    check("options.reset.one nope", "No such option: nope");
}

#[test]
fn flows_come_from_the_resolving_command() {
    let (registry, _) = registry();
    registry
        .add_sync(RESOLVE, |args| {
            let flows = match args.str(0)? {
                "@all" => vec!["1".to_owned(), "2".to_owned()],
                "@focus" => vec!["1".to_owned()],
                other => {
                    return Err(CommandError::failed(format!(
                        "Invalid filter expression: '{other}'"
                    )));
                }
            };
            Ok(CommandValue::Flows(flows))
        })
        .unwrap();
    assert_eq!(
        run(&registry, "t.flows @all").unwrap(),
        r#"Flows(["1", "2"])"#
    );
    assert_eq!(run(&registry, "t.flow @focus").unwrap(), r#"Flows(["1"])"#);
    assert_eq!(
        run(&registry, "t.flow @all").unwrap_err(),
        "Command requires one flow, specification matched 2."
    );
    assert_eq!(
        run(&registry, "t.flow ~").unwrap_err(),
        "Invalid filter expression: '~'"
    );
}

#[test]
fn native_calls_are_checked() {
    let (registry, _) = registry();
    let call = |values| block_on(registry.call("t.two", values)).map_err(|e| e.to_string());
    let text = || CommandValue::Str("x".into());
    assert_eq!(
        call(vec![text()]).unwrap_err(),
        "command argument mismatch: missing a required argument: 'b'"
    );
    assert!(call(vec![text(), text()]).is_err());
    assert!(call(vec![text(), CommandValue::Int(1), text()]).is_err());
    assert!(call(vec![text(), CommandValue::Int(1)]).is_ok());
}

#[test]
fn results_are_checked() {
    let (registry, _) = registry();
    registry
        .add_sync("replay.client.count", |_| Ok(CommandValue::Null))
        .unwrap();
    assert_eq!(
        run(&registry, "replay.client.count").unwrap_err(),
        "replay.client.count returned unexpected data - expected int"
    );
}

#[test]
fn option_commands_work() {
    let (registry, store) = registry();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("my options.yaml");
    let path = lexer::quote(path.to_str().unwrap());
    run(&registry, "set http2 false").unwrap();
    run(&registry, "set dns_name_servers 1.1.1.1 8.8.8.8").unwrap();
    assert_eq!(store.load().dns_name_servers, ["1.1.1.1", "8.8.8.8"]);
    run(&registry, &format!("options.save {path}")).unwrap();
    run(&registry, "options.reset").unwrap();
    assert!(store.load().http2);
    run(&registry, &format!("options.load {path}")).unwrap();
    assert!(!store.load().http2);
    run(&registry, "options.reset.one http2").unwrap();
    assert!(store.load().http2);
    assert!(run(&registry, "options.load /no/such/file").is_err());
}

#[test]
fn listing_has_help_signature_and_blank_line() {
    let (registry, _) = registry();
    let text = registry.listing();
    assert!(text.contains("\n# Set all options to their defaults.\noptions.reset \n\n"));
    assert!(text.contains("\nset option *value\n\n"));
    assert!(text.contains("\nt.formats  -> str[]\n\n"));
    assert!(text.ends_with("t.two a b -> str\n\n"));
    for row in DECLARED {
        let registered = registry.contains(row.name);
        let listed = text
            .lines()
            .any(|line| line.starts_with(&format!("{} ", row.name)));
        assert_eq!(registered, listed, "{}", row.name);
    }
}

#[test]
fn commands_come_and_go() {
    let (registry, _) = registry();
    assert!(registry.remove("t.two") && !registry.remove("t.two"));
    assert!(!registry.names().contains(&"t.two".to_owned()));
    assert!(
        registry
            .add_sync("no.such", |_| Ok(CommandValue::Null))
            .is_err()
    );
}

#[test]
fn prompts_get_offers() {
    let (registry, _) = registry();
    let offers = |kind: &str, prefix: &str| {
        block_on(registry.complete(&ParamKind::parse(kind).unwrap(), prefix))
    };
    assert_eq!(offers("bool", "t"), ["true"]);
    assert_eq!(
        offers("cmd", "options.r"),
        ["options.reset", "options.reset.one"]
    );
    assert_eq!(offers("choice(t.formats)", ""), ["raw", "curl"]);
    assert_eq!(offers("cut[]", "a,request.me"), ["a,request.method"]);
    assert_eq!(offers("marker", ":grinning:"), [":grinning:"]);
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("sub")).unwrap();
    let start = format!("{}/s", dir.path().display());
    assert_eq!(offers("path", &start), [format!("{start}ub/")]);

    let partial = block_on(registry.partial("t.two a x"));
    let valid: Vec<bool> = partial.words.iter().map(|word| word.is_valid).collect();
    assert_eq!(valid, [true, true, false]);
    let partial = block_on(registry.partial("t.two "));
    assert_eq!(partial.missing.len(), 2);
    assert_eq!(block_on(registry.partial("nope a")).words.len(), 2);
}
