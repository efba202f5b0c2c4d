//! The store against a naive model, and its limits.

mod limits;
mod model;

use std::sync::Arc;

use bytes::Bytes;
use midwire_flow::filter::Filter;
use midwire_flow::{
    ClientConn, Content, Flow, FlowInfo, HttpFlow, Id, MessageFlow, Number, Request, Response,
    ServerConn, StreamMessage,
};
use midwire_wire::Fields;

use super::*;
use crate::hooks::FlowRef;

/// A finished exchange.
pub(super) fn flow(time: i64, method: &str, path: &str, size: usize) -> Flow {
    let mut info = FlowInfo::new(Arc::new(ClientConn::default()), Arc::default());
    info.timestamp_created = Number::Int(time);
    info.live = false;
    let url = format!("http://example.com/{path}");
    let request = Request::make(method, &url, "", Fields::new()).unwrap();
    Flow::Http(Box::new(HttpFlow {
        info,
        request,
        response: Some(Response::make(200, vec![b'x'; size], Fields::new())),
        websocket: None,
    }))
}

fn id(flow: &Flow) -> Id {
    flow.info().id.clone()
}

fn paths(store: &Store) -> Vec<String> {
    let rows = store.rows(0, usize::MAX);
    let path = |flow: &Arc<Flow>| {
        let http = flow.as_http().unwrap();
        String::from_utf8(http.request.path[1..].to_vec()).unwrap()
    };
    rows.iter().map(path).collect()
}

fn filled(paths: &[&str]) -> Store {
    let store = Store::new();
    for (at, path) in (0..).zip(paths) {
        store.add(flow(at, "GET", path, 0));
    }
    store
}

#[test]
fn changes_are_told_with_rows() {
    let store = Store::new();
    let mut changes = store.subscribe();
    let (a, b) = (flow(2, "GET", "a", 0), flow(1, "GET", "b", 0));
    let (ida, idb) = (id(&a), id(&b));
    store.add(a);
    store.add(b.clone());
    assert!(!store.add(b), "added twice");
    store.edit(&idb, |flow| {
        flow.info_mut().timestamp_created = Number::Int(3);
    });
    store.set_filter(Some(&Filter::parse("~u b").unwrap()));
    store.edit(&idb, |flow| flow.info_mut().comment = "x".to_owned());
    store.remove([&idb]);
    let mut seen = Vec::new();
    while let Ok(change) = changes.try_recv() {
        seen.push(change);
    }
    let expected = [
        Change::Added {
            id: ida.clone(),
            row: Some(0),
        },
        Change::Focused(Some(ida.clone())),
        Change::Added {
            id: idb.clone(),
            row: Some(0),
        },
        Change::Updated {
            id: idb.clone(),
            from: Some(0),
            to: Some(1),
        },
        Change::Refreshed,
        Change::Focused(Some(idb.clone())),
        Change::Updated {
            id: idb.clone(),
            from: Some(0),
            to: Some(0),
        },
        Change::Removed {
            id: idb,
            row: Some(0),
        },
        Change::Focused(None),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn windows_run_both_ways() {
    let store = filled(&["a", "b", "c", "d", "e"]);
    let check = |offset, count, expected: &[&str]| {
        let rows = store.rows(offset, count);
        let names: Vec<_> = rows
            .iter()
            .map(|f| f.as_http().unwrap().request.path.clone())
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|p| Bytes::from(format!("/{p}")))
            .collect();
        assert_eq!(names, expected, "{offset} {count}");
    };
    check(1, 2, &["b", "c"]);
    check(4, 9, &["e"]);
    check(9, 9, &[]);
    store.set_reversed(true);
    check(0, 2, &["e", "d"]);
    check(3, 9, &["b", "a"]);
    check(9, 1, &[]);
}

#[test]
fn focus_follows_the_rules() {
    let store = filled(&["a", "b", "c"]);
    let focus = || store.focus_row();
    assert_eq!(focus(), Some(0), "the first flow");
    store.focus_go(-1);
    assert_eq!(focus(), Some(2));
    store.focus_move(1);
    assert_eq!(focus(), Some(2), "there is no further row");
    store.focus_move(-1);
    assert_eq!(focus(), Some(1));
    store.focus_go(-99);
    assert_eq!(focus(), Some(0));
    store.focus_go(99);
    let last = id(&store.focus().unwrap());
    store.remove([&last]);
    assert_eq!(focus(), Some(1), "the row before when the last one goes");
    store.focus_go(0);
    store.set_filter(Some(&Filter::parse("~u b").unwrap()));
    assert_eq!(paths(&store), ["b"]);
    assert_eq!(focus(), Some(0), "the nearest that is left");
    store.set_filter(Some(&Filter::parse("~u nothing").unwrap()));
    assert!(store.focus().is_none());
    store.set_filter(None);
    assert_eq!(focus(), Some(0));
    store.set_follow(true);
    store.add(flow(9, "GET", "z", 0));
    assert_eq!(focus(), Some(2));
    store.clear();
    assert!(store.focus().is_none() && store.counts() == Counts::default());
}

#[test]
fn specifications_name_flows() {
    let store = filled(&["a", "b", "c"]);
    let all: Vec<Id> = store.all().iter().map(|flow| id(flow)).collect();
    store.edit(&all[2], |flow| flow.info_mut().marked = "x".to_owned());
    store.set_filter(Some(&Filter::parse("! ~u b").unwrap()));
    store.set_reversed(true);
    let check = |spec: &str, expected: &[usize]| {
        let expected: Vec<Id> = expected.iter().map(|at| all[*at].clone()).collect();
        assert_eq!(store.resolve(spec).unwrap(), expected, "{spec}");
    };
    check("@all", &[0, 1, 2]);
    check("@focus", &[0]);
    check("@shown", &[2, 0]);
    check("@hidden", &[1]);
    check("@marked", &[2]);
    check("@unmarked", &[0, 1]);
    check(&format!("@{}", all[1]), &[1]);
    check(&format!("@{},{},x", all[2], all[0]), &[0, 2]);
    check("~u b", &[1]);
    check("@foo", &[]);
    let error = |spec: &str| store.resolve(spec).unwrap_err().to_string();
    assert_eq!(error(""), "Empty filter expression");
    assert_eq!(error("~zz"), "Invalid filter expression: '~zz'");
}

#[test]
fn marks_of_users_survive_the_traffic() {
    let store = Store::new();
    let mut running = flow(1, "GET", "a", 0);
    let id = id(&running);
    store.put(FlowRef::from(&running));
    store.edit(&id, |flow| {
        flow.info_mut().marked = ":user:".to_owned();
        flow.info_mut().comment = "mine".to_owned();
    });
    store.put(FlowRef::from(&running));
    let marked = || store.get(&id).unwrap().info().marked.clone();
    assert_eq!(marked(), ":user:");
    running.info_mut().marked = ":script:".to_owned();
    store.put(FlowRef::from(&running));
    assert_eq!(marked(), ":script:");
    store.edit(&id, |flow| flow.info_mut().marked = String::new());
    store.put(FlowRef::from(&running));
    assert_eq!(marked(), "");
    assert_eq!(store.get(&id).unwrap().info().comment, "mine");
}

#[test]
fn growing_conversations_keep_their_messages() {
    let message = |text: &'static str| StreamMessage {
        from_client: true,
        content: Bytes::from_static(text.as_bytes()),
        timestamp: Number::Int(0),
    };
    let store = Store::new();
    let mut running = MessageFlow {
        info: FlowInfo::new(Arc::default(), Arc::new(ServerConn::default())),
        messages: Vec::new(),
    };
    let texts = ["one", "two", "three"];
    for text in texts {
        running.messages.push(message(text));
        store.put(FlowRef::Tcp(&running));
        let stored = store.get(&running.info.id).unwrap();
        assert!(matches!(&*stored, Flow::Tcp(flow) if *flow == running));
    }
    running.messages[2] = message("changed");
    store.put(FlowRef::Tcp(&running));
    running.messages.truncate(1);
    store.put(FlowRef::Tcp(&running));
    let stored = store.get(&running.info.id).unwrap();
    assert!(matches!(&*stored, Flow::Tcp(flow) if *flow == running));
}

#[test]
fn settings_live_as_long_as_their_flow() {
    let store = filled(&["a"]);
    let id = store.resolve("@all").unwrap().remove(0);
    assert!(store.set_setting(&id, "key", "value"));
    assert_eq!(store.setting(&id, "key").as_deref(), Some("value"));
    assert_eq!(store.setting(&id, "other"), None);
    store.clear_unmarked();
    assert_eq!(store.setting(&id, "key"), None);
    assert!(!store.set_setting(&id, "key", "value"));
}

#[test]
fn long_lists_are_judged_in_shares() {
    let store = Store::new();
    for at in 0..20_000 {
        store.add(flow(at, if at % 2 == 0 { "GET" } else { "PUT" }, "a", 0));
    }
    store.set_filter(Some(&Filter::parse("~m PUT").unwrap()));
    store.set_reversed(true);
    assert_eq!(store.counts().shown, 10_000);
    let time = |flow: &Arc<Flow>| flow.info().timestamp_created;
    let rows = store.rows(0, usize::MAX);
    assert!(rows.is_sorted_by(|a, b| time(a) > time(b)));
    store.set_filter(None);
    assert_eq!(store.counts().shown, 20_000);
}
