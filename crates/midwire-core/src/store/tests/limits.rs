//! What the store may hold, and what becomes of more.

use super::*;

const MANY: u64 = u64::MAX;

fn limits(flows: usize, memory: u64, disk: u64) -> Limits {
    Limits {
        flows,
        memory,
        disk,
    }
}

fn content(store: &Store, id: &Id) -> Content {
    let flow = store.get(id).unwrap();
    flow.as_http().unwrap().response.clone().unwrap().content
}

#[test]
fn oldest_unmarked_flows_go_beyond_the_limit() {
    let store = Store::new();
    store.set_limits(limits(3, MANY, MANY));
    let mut first = flow(0, "GET", "first", 0);
    first.info_mut().marked = "x".to_owned();
    store.add(first);
    for (at, path) in (1..).zip(["a", "b", "c", "d"]) {
        store.add(flow(at, "GET", path, 0));
    }
    assert_eq!(paths(&store), ["first", "c", "d"]);
    store.set_limits(limits(1, MANY, MANY));
    assert_eq!(paths(&store), ["first"], "marked ones stay");
}

#[test]
fn held_flows_are_not_dropped() {
    let store = Store::new();
    store.set_limits(limits(1, MANY, MANY));
    let mut held = flow(0, "GET", "held", 0);
    held.info_mut().intercepted = true;
    store.add(held);
    store.add(flow(1, "GET", "a", 0));
    assert_eq!(paths(&store), ["held"]);
}

#[test]
fn content_beyond_the_memory_limit_moves_to_the_file() {
    let store = Store::new();
    store.set_limits(limits(0, 3000, MANY));
    let flows: Vec<Flow> = (0..4).map(|at| flow(at, "GET", "a", 1000)).collect();
    for flow in &flows {
        store.add(flow.clone());
    }
    assert!(matches!(
        content(&store, &id(&flows[0])),
        Content::Spilled(_)
    ));
    assert!(matches!(
        content(&store, &id(&flows[3])),
        Content::Memory(_)
    ));
    assert_eq!(content(&store, &id(&flows[0])).bytes().unwrap().len(), 1000);
    let counts = store.counts();
    assert_eq!(
        (counts.memory, counts.disk, counts.evicted),
        (3000, 1000, 0)
    );
}

#[test]
fn backups_do_not_hold_moved_content() {
    let store = Store::new();
    let flow = flow(0, "GET", "a", 5000);
    store.add(flow.clone());
    store.edit(&id(&flow), |flow| {
        flow.backup();
        flow.info_mut().comment = "changed".to_owned();
    });
    store.set_limits(limits(0, 100, MANY));
    let stored = store.get(&id(&flow)).unwrap();
    let backup = stored.info().backup.as_deref().unwrap();
    let response = backup.as_http().unwrap().response.as_ref().unwrap();
    assert!(matches!(response.content, Content::Spilled(_)));
    assert_eq!(response.content.bytes().unwrap(), vec![b'x'; 5000]);
    assert!(stored.modified());
}

#[test]
fn content_beyond_the_disk_limit_is_dropped_oldest_first() {
    let store = Store::new();
    let flows: Vec<Flow> = (0..4).map(|at| flow(at, "GET", "a", 1000)).collect();
    for flow in &flows {
        store.add(flow.clone());
    }
    store.edit(&id(&flows[0]), |flow| {
        flow.info_mut().marked = "x".to_owned();
    });
    store.set_limits(limits(0, 1000, 2000));
    assert!(content(&store, &id(&flows[0])).is_present(), "marked");
    assert_eq!(
        content(&store, &id(&flows[1])),
        Content::Passed { size: 1000 }
    );
    assert!(store.was_evicted(&id(&flows[1])) && !store.was_evicted(&id(&flows[2])));
    let counts = store.counts();
    assert_eq!(
        (counts.memory, counts.disk, counts.evicted),
        (1000, 2000, 1)
    );
}

#[test]
fn running_flows_keep_their_content() {
    let store = Store::new();
    store.set_limits(limits(0, 1000, 0));
    let mut running = flow(0, "GET", "a", 5000);
    running.info_mut().live = true;
    store.add(running.clone());
    assert!(content(&store, &id(&running)).is_present());
    running.info_mut().live = false;
    store.put(FlowRef::from(&running));
    assert_eq!(
        content(&store, &id(&running)),
        Content::Passed { size: 5000 }
    );
}

#[test]
fn messages_of_finished_conversations_are_dropped() {
    let store = Store::new();
    store.set_limits(limits(0, 1000, MANY));
    let mut conversation = MessageFlow {
        info: FlowInfo::new(Arc::default(), Arc::default()),
        messages: vec![
            StreamMessage {
                from_client: true,
                content: Bytes::from(vec![b'x'; 600]),
                timestamp: Number::Int(0),
            };
            2
        ],
    };
    store.put(FlowRef::Tcp(&conversation));
    assert_eq!(store.counts().memory, 1200);
    conversation.info.live = false;
    store.put(FlowRef::Tcp(&conversation));
    assert_eq!(store.counts().memory, 0);
    assert!(store.was_evicted(&conversation.info.id));
}

#[test]
fn accounts_are_settled_when_flows_go() {
    let store = Store::new();
    store.set_limits(limits(0, 2000, MANY));
    for at in 0..5 {
        store.add(flow(at, "GET", "a", 1000));
    }
    let ids = store.resolve("@all").unwrap();
    store.remove(&ids[..3]);
    store.clear();
    let counts = store.counts();
    assert_eq!((counts.memory, counts.disk, counts.total), (0, 0, 0));
}
