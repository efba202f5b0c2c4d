//! Both streams of changes.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value as Json, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::{Fixture, TOKEN};
use crate::testing::exchange;

struct Client(WebSocketStream<TcpStream>);

impl Client {
    async fn open(web: &Fixture, path: &str) -> Self {
        let stream = TcpStream::connect(web.address).await.unwrap();
        let url = format!("ws://{}{path}?token={TOKEN}", web.address);
        Self(
            tokio_tungstenite::client_async(url, stream)
                .await
                .unwrap()
                .0,
        )
    }

    async fn say(&mut self, message: Json) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    /// The next message that is wanted; others are passed over.
    async fn wait(&mut self, wanted: impl Fn(&Json) -> bool) -> Json {
        loop {
            let message = self.0.next().await.expect("a message").unwrap();
            let Message::Text(text) = message else {
                continue;
            };
            let message: Json = serde_json::from_str(&text).unwrap();
            if wanted(&message) {
                return message;
            }
        }
    }

    async fn rows(&mut self, seq: u64, count: usize) -> Json {
        let wanted = |message: &Json| {
            message["type"] == "rows"
                && message["seq"] == json!(seq)
                && message["rows"].as_array().unwrap().len() == count
        };
        self.wait(wanted).await
    }
}

#[tokio::test]
async fn each_connection_has_its_own_view() {
    let web = Fixture::start(&[]).await;
    for n in 0..20 {
        web.kernel
            .store()
            .add(exchange("GET", &format!("http://a/{n}"), 200 + n % 2));
    }
    let mut one = Client::open(&web, "/api/v1/updates").await;
    let mut other = Client::open(&web, "/api/v1/updates").await;
    one.say(json!({ "type": "window", "offset": 0, "count": 5 }))
        .await;
    one.say(json!({ "type": "view", "seq": 1, "filter": "~c 201", "sort": "n", "reverse": true, "highlight": "~u 9$" })).await;
    other
        .say(json!({ "type": "window", "offset": 18, "count": 5 }))
        .await;
    let rows = one.rows(1, 5).await;
    assert_eq!((&rows["total"], &rows["shown"]), (&json!(20), &json!(10)));
    assert_eq!(
        (&rows["rows"][0]["path"], &rows["rows"][0]["highlight"]),
        (&json!("/19"), &json!(true))
    );
    assert!(rows["rows"][1]["highlight"].is_null());
    assert_eq!(other.rows(0, 2).await["rows"][0]["path"], "/18");
    // What comes later is pushed where it shows.
    web.kernel.store().add(exchange("GET", "http://a/new", 201));
    let is_new = |message: &Json| message["rows"][0]["path"] == "/new";
    assert_eq!(one.wait(is_new).await["shown"], 11);
    assert_eq!(other.rows(0, 3).await["total"], 21);
    // A change outside of the window changes counts only.
    web.kernel
        .store()
        .add(exchange("GET", "http://a/even", 200));
    let counts = one.wait(|message| message["type"] == "count").await;
    assert_eq!(
        (&counts["total"], &counts["shown"]),
        (&json!(22), &json!(11))
    );
}

#[tokio::test]
async fn a_bad_filter_leaves_the_good_view() {
    let web = Fixture::start(&[]).await;
    let flow = exchange("GET", "http://a/", 200);
    let id = flow.info().id.clone();
    web.kernel.store().add(flow);
    let mut client = Client::open(&web, "/api/v1/updates").await;
    client
        .say(json!({ "type": "window", "offset": 0, "count": 5 }))
        .await;
    client.rows(0, 1).await;
    client
        .say(json!({ "type": "view", "seq": 7, "filter": "~c x" }))
        .await;
    let error = client.wait(|message| message["type"] == "view_error").await;
    assert_eq!(error["seq"], 7);
    assert!(error["position"].is_number() && error["error"].is_string());
    web.kernel
        .store()
        .edit(&id, |flow| flow.info_mut().comment = "new".to_owned());
    assert_eq!(
        client
            .wait(|message| message["rows"][0]["comment"] == "new")
            .await["seq"],
        0
    );
    client.say(json!({ "type": "nonsense" })).await;
    client.wait(|message| message["type"] == "error").await;
}

#[tokio::test]
async fn flows_are_located_watched_and_searched() {
    let web = Fixture::start(&[]).await;
    let flows: Vec<_> = (0..10)
        .map(|n| exchange("GET", &format!("http://a/{n}"), 200 + n % 2))
        .collect();
    for flow in &flows {
        web.kernel.store().add(flow.clone());
    }
    let id = flows[4].info().id.clone();
    let mut client = Client::open(&web, "/api/v1/updates").await;
    client
        .say(json!({ "type": "view", "seq": 1, "filter": "~c 201" }))
        .await;
    client.wait(|message| message["seq"] == 1).await;
    client
        .say(json!({ "type": "locate", "id": id.to_string() }))
        .await;
    let located = client.wait(|message| message["type"] == "located").await;
    assert_eq!(
        (&located["offset"], &located["near"]),
        (&json!(null), &json!(2))
    );
    client
        .say(json!({ "type": "locate", "id": flows[5].info().id.to_string() }))
        .await;
    assert_eq!(
        client.wait(|message| message["type"] == "located").await["offset"],
        2
    );
    client
        .say(json!({ "type": "watch", "id": id.to_string() }))
        .await;
    client
        .say(json!({ "type": "search", "seq": 3, "text": "HELLO" }))
        .await;
    let mut hits = 0;
    loop {
        let found = client.wait(|message| message["type"] == "search").await;
        hits += found["hits"].as_array().unwrap().len();
        if found["done"] == true {
            assert_eq!(
                (&found["scanned"], &found["undecodable"]),
                (&json!(5), &json!(0))
            );
            break;
        }
    }
    assert_eq!(hits, 5);
    client
        .say(json!({ "type": "search", "seq": 4, "text": "(", "regex": true }))
        .await;
    assert!(client.wait(|message| message["seq"] == 4).await["error"].is_string());
    web.kernel
        .store()
        .edit(&id, |flow| flow.info_mut().comment = "new".to_owned());
    let change = client.wait(|message| message["type"] == "flow").await;
    assert_eq!(change["id"], json!(id.to_string()));
    web.kernel.store().remove([&id]);
    client.wait(|message| message["type"] == "gone").await;
    web.kernel.options().set(&["anticache=true"]).unwrap();
    let options = client.wait(|message| message["type"] == "options").await;
    assert_eq!(options["changed"]["anticache"], true);
    client.wait(|message| message["type"] == "state").await;
}

#[tokio::test]
async fn thousands_of_changes_become_few_pushes() {
    let web = Fixture::start(&[]).await;
    let mut client = Client::open(&web, "/api/v1/updates").await;
    client
        .say(json!({ "type": "window", "offset": 0, "count": 500 }))
        .await;
    client.rows(0, 0).await;
    let store = web.kernel.store().clone();
    let work = move || {
        for n in 0..5000 {
            store.add(exchange("GET", &format!("http://a/{n}"), 200));
        }
    };
    let started = std::time::Instant::now();
    tokio::task::spawn_blocking(work).await.unwrap();
    let mut pushes = 0;
    loop {
        let message = client.wait(|message| message["total"].is_number()).await;
        pushes += 1;
        if message["total"] == 5000 {
            break;
        }
    }
    let most = 10 + started.elapsed().as_millis() / 30;
    assert!(u128::from(pushes as u64) <= most, "{pushes} of {most}");
}

#[tokio::test]
async fn the_stream_of_mitmweb() {
    let web = Fixture::start(&[]).await;
    let mut client = Client::open(&web, "/updates").await;
    let flow = exchange("GET", "http://a/pushed", 200);
    let id = flow.info().id.clone();
    client.say(json!({ "type": "flows/updateFilter", "payload": { "name": "search", "expr": "~u push" } })).await;
    let update = client
        .wait(|message| message["type"] == "flows/filterUpdate")
        .await;
    assert_eq!(
        update["payload"],
        json!({ "name": "search", "matching_flow_ids": [] })
    );
    web.kernel.store().add(flow);
    let added = client.wait(|message| message["type"] == "flows/add").await;
    assert_eq!(added["payload"]["flow"]["id"], json!(id.to_string()));
    assert_eq!(
        added["payload"]["matching_filters"],
        json!({ "search": true })
    );
    web.kernel
        .store()
        .edit(&id, |flow| flow.info_mut().comment = "c".to_owned());
    let updated = client
        .wait(|message| message["type"] == "flows/update")
        .await;
    assert_eq!(updated["payload"]["flow"]["comment"], "c");
    client
        .say(json!({ "type": "flows/updateFilter", "payload": { "name": "search", "expr": "" } }))
        .await;
    let update = client
        .wait(|message| message["type"] == "flows/filterUpdate")
        .await;
    assert!(update["payload"]["matching_flow_ids"].is_null());
    web.kernel.store().remove([&id]);
    let removed = client
        .wait(|message| message["type"] == "flows/remove")
        .await;
    assert_eq!(removed["payload"], json!(id.to_string()));
    web.kernel.options().set(&["anticache=true"]).unwrap();
    let options = client
        .wait(|message| message["type"] == "options/update")
        .await;
    assert_eq!(options["payload"]["anticache"]["value"], true);
    web.kernel.store().clear();
    client
        .wait(|message| message["type"] == "flows/reset")
        .await;
    client.say(json!({ "type": "nonsense" })).await;
    loop {
        if let Message::Close(frame) = client.0.next().await.unwrap().unwrap() {
            assert_eq!(u16::from(frame.unwrap().code), 1011);
            break;
        }
    }
}
