//! Measures how long a new filter takes over many stored flows: `cargo run --release --example list_speed [FLOWS]`.

#![allow(clippy::print_stdout)]

use std::sync::Arc;
use std::time::Instant;

use midwire_core::store::{Cancel, Judge, Placing, SortKey, Store};
use midwire_flow::filter::Filter;
use midwire_flow::{Flow, FlowInfo, HttpFlow, Request, Response};
use midwire_wire::Fields;

fn flow(n: usize) -> Option<Flow> {
    let url = format!(
        "http://host{}.example/api/v1/users/{n}?page={}",
        n % 50,
        n % 7
    );
    let fields = Fields::from_pairs([
        ("Host", "host.example"),
        ("User-Agent", "speed"),
        ("Accept", "*/*"),
    ]);
    let request = Request::make("GET", &url, "", fields).ok()?;
    let fields = Fields::from_pairs([("Content-Type", "application/json"), ("Server", "x")]);
    let mut info = FlowInfo::new(Arc::default(), Arc::default());
    info.live = false;
    Some(Flow::Http(Box::new(HttpFlow {
        info,
        request,
        response: Some(Response::make(200, "{}", fields)),
        websocket: None,
    })))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::args()
        .nth(1)
        .map_or(Ok(100_000), |count| count.parse())?;
    let store = Store::new();
    let started = Instant::now();
    for n in 0..count {
        if let Some(flow) = flow(n) {
            store.add(flow);
        }
    }
    println!("{count} flows stored in {:?}", started.elapsed());
    for text in [
        "~u users/123",
        "~d host7 & ~c 200",
        "~b nothing",
        "~h speed",
        "users/77",
        "~c 500",
    ] {
        let filter = Filter::parse(text)?;
        let judge: Judge = Arc::new(move |stored| Placing {
            key: SortKey::Number(stored.number),
            shown: filter.matches(&stored.flow),
        });
        let started = Instant::now();
        let list = store
            .list(judge, false, &Cancel::default())
            .ok_or("cancelled")?;
        let rows = list.window(0, 50).len();
        println!(
            "{text:>20}: {:?} to {rows} rows of {}",
            started.elapsed(),
            list.len()
        );
    }
    Ok(())
}
