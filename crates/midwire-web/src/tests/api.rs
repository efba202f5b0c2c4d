//! The versioned routes, and where mitmweb's answer better than the original.

use midwire_flow::{Flow, FlowInfo, MessageFlow, Number, StreamMessage};
use serde_json::json;
use std::sync::Arc;

use super::Fixture;
use crate::testing::exchange;

async fn filled() -> (Fixture, Vec<String>) {
    let web = Fixture::start(&[]).await;
    let flows = [
        exchange("GET", "http://a.example/users/1", 200),
        exchange("POST", "http://a.example/users/2?x=1", 404),
        exchange("GET", "http://b.example/", 500),
    ];
    let ids = flows
        .iter()
        .map(|flow| flow.info().id.to_string())
        .collect();
    for flow in flows {
        web.kernel.store().add(flow);
    }
    (web, ids)
}

#[tokio::test]
async fn lists_are_windows() {
    let (web, ids) = filled().await;
    let list = web
        .get("/api/v1/flows?sort=status&reverse=1&offset=1&count=1")
        .await
        .json();
    assert_eq!((&list["total"], &list["shown"]), (&json!(3), &json!(3)));
    assert_eq!(list["rows"][0]["id"], json!(ids[1]));
    let row = &list["rows"][0];
    for (name, value) in [
        ("n", json!(2)),
        ("proto", json!("HTTP")),
        ("method", json!("POST")),
        ("status", json!(404)),
        ("kind", json!("html")),
        ("host", json!("a.example")),
        ("size", json!(12)),
    ] {
        assert_eq!(row[name], value, "{name}");
    }
    let list = web
        .get("/api/v1/flows?plain=1&filter=users%20404")
        .await
        .json();
    assert_eq!(
        (&list["shown"], &list["rows"][0]["id"]),
        (&json!(1), &json!(ids[1]))
    );
    let bad = web.get("/api/v1/flows?filter=~d%20a%20%26%20~c%20x").await;
    assert_eq!(bad.status, 400);
    assert!(bad.json()["position"].as_u64().unwrap() > 5 && bad.json()["error"].is_string());
    for query in ["count=1001", "count=x", "sort=colour"] {
        assert_eq!(
            web.get(&format!("/api/v1/flows?{query}")).await.status,
            400,
            "{query}"
        );
    }
}

#[tokio::test]
async fn flows_are_shown_edited_and_reverted() {
    let (web, ids) = filled().await;
    let path = format!("/api/v1/flows/{}", ids[1]);
    let flow = web.get(&path).await.json();
    assert_eq!(flow["response"]["content"]["state"], "memory");
    assert_eq!(flow["request"]["content"]["state"], "none");
    assert!(flow["original"].is_null());
    let edit = json!({ "request": { "path": "/new", "content": "x=1" }, "response": { "code": 201, "reason": "Made" }, "comment": "c" });
    assert_eq!(web.call(&format!("PUT {path}"), &edit).await.status, 200);
    let flow = web.get(&path).await.json();
    assert_eq!(
        (&flow["path"], &flow["status"], &flow["comment"]),
        (&json!("/new"), &json!(201), &json!("c"))
    );
    assert_eq!(flow["response"]["reason"], "Made");
    assert_eq!(flow["original"]["request"]["path"], "/users/2?x=1");
    assert!(flow["state"].as_array().unwrap().contains(&json!("edited")));
    // All or nothing, and a sentence instead of a failure of the server.
    for bad in [
        json!({ "request": { "path": "/other", "port": "many" } }),
        json!({ "request": { "path": "/other", "headers": [["A", "b\r\nC: d"]] } }),
        json!({ "comment": "other", "nothing": 1 }),
        json!({ "response": { "code": 99_999 } }),
        json!([]),
    ] {
        assert_eq!(
            web.call(&format!("PUT /flows/{}", ids[1]), &bad)
                .await
                .status,
            400,
            "{bad}"
        );
    }
    assert_eq!(web.get(&path).await.json()["path"], "/new");
    let diff = web
        .get(&format!(
            "/api/v1/diff?a={}&part=request&original=1",
            ids[1]
        ))
        .await
        .json();
    assert_eq!(diff["head"][1]["op"], "changed");
    let done = web
        .call(
            "POST /api/v1/actions/revert",
            &json!({ "ids": [ids[1], "nosuch"] }),
        )
        .await
        .json();
    assert_eq!(
        (&done["done"], &done["failed"][0]["id"]),
        (&json!(1), &json!("nosuch"))
    );
    assert_eq!(web.get(&path).await.json()["path"], "/users/2?x=1");
    assert_eq!(web.get("/api/v1/flows/nosuch").await.status, 404);
    let unknown = web.get("/flows/nosuch/response/content.data").await;
    assert_eq!(
        (unknown.status, unknown.text()),
        (404, "Flow not found.".to_owned())
    );
}

#[tokio::test]
async fn content_comes_in_ranges_and_views() {
    let (web, ids) = filled().await;
    let path = format!("/api/v1/flows/{}/response", ids[0]);
    let part = web.get(&format!("{path}/content?offset=3&length=5")).await;
    assert_eq!((part.status, part.text()), (206, "hello".to_owned()));
    assert_eq!(part.field("content-range"), "bytes 3-7/12");
    let bearer = format!("Bearer {}", super::TOKEN);
    let fields = [("Authorization", bearer.as_str()), ("Range", "bytes=-4")];
    assert_eq!(
        web.send(&format!("GET {path}/content"), &fields, b"")
            .await
            .text(),
        "</p>"
    );
    let fields = [("Authorization", bearer.as_str()), ("Range", "bytes=50-")];
    assert_eq!(
        web.send(&format!("GET {path}/content"), &fields, b"")
            .await
            .status,
        416
    );
    let view = web.get(&format!("{path}/view")).await.json();
    assert_eq!(
        (&view["name"], &view["truncated"]),
        (&json!("XML/HTML"), &json!(false))
    );
    assert!(view["text"].as_str().unwrap().starts_with("<p>"));
    let view = web.get(&format!("{path}/view?lines=0")).await.json();
    assert_eq!(
        (&view["text"], &view["truncated"]),
        (&json!(""), &json!(true))
    );
    let raw = web.get(&format!("{path}/view?name=raw")).await.json();
    assert_eq!(
        (&raw["text"], &raw["truncated"]),
        (&json!("<p>hello</p>"), &json!(false))
    );
}

#[tokio::test]
async fn messages_come_in_pages() {
    let web = Fixture::start(&[]).await;
    let mut info = FlowInfo::new(Arc::default(), Arc::default());
    info.live = false;
    let id = info.id.to_string();
    let messages = (0..5_i64).map(|n| StreamMessage {
        from_client: n % 2 == 0,
        content: format!("m{n}").into(),
        timestamp: Number::Int(n),
    });
    web.kernel.store().add(Flow::Tcp(MessageFlow {
        info,
        messages: messages.collect(),
    }));
    let page = web
        .get(&format!("/api/v1/flows/{id}/messages?offset=3&count=9"))
        .await
        .json();
    assert_eq!(
        (&page["total"], page["messages"].as_array().unwrap().len()),
        (&json!(5), 2)
    );
    assert_eq!(page["messages"][0]["preview"], "m3");
    assert_eq!(
        web.get(&format!("/api/v1/flows/{id}/messages/4/content"))
            .await
            .text(),
        "m4"
    );
    assert_eq!(
        web.get(&format!("/api/v1/flows/{id}/messages/9/content"))
            .await
            .status,
        404
    );
    assert_eq!(
        web.get(&format!("/api/v1/flows/{id}/messages/4/view?name=raw"))
            .await
            .json()["text"],
        "m4"
    );
    let list = web
        .get(&format!("/flows/{id}/messages/content/raw?lines=2"))
        .await
        .json();
    assert_eq!(list.as_array().unwrap().len(), 2);
    let inject = web
        .call(
            &format!("POST /api/v1/flows/{id}/messages"),
            &json!({ "text": "x" }),
        )
        .await;
    assert_eq!(inject.status, 409, "no proxy runs");
}

#[tokio::test]
async fn rules_are_one_list_over_the_options() {
    let (web, ids) = filled().await;
    let rules = json!({ "rules": [
        { "kind": "block_list", "on": true, "spec": "/~d a.example/404" },
        { "kind": "modify_headers", "on": false, "spec": "/~q/A/b" },
        { "kind": "intercept", "on": true, "spec": "~m POST" },
    ] });
    let answer = web.call("PUT /api/v1/rules", &rules).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let options = web.kernel.options().load();
    assert_eq!(options.block_list, ["/~d a.example/404"]);
    assert!(options.modify_headers.is_empty() && options.intercept_active);
    web.kernel.options().set(&["intercept="]).unwrap();
    let list = web.get("/api/v1/rules").await.json();
    let list = list["rules"].as_array().unwrap();
    let on: Vec<_> = list
        .iter()
        .map(|rule| {
            (
                rule["kind"].as_str().unwrap(),
                rule["on"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(on, [("block_list", true), ("modify_headers", false)]);
    let dry = web
        .call(
            "POST /api/v1/rules/dry-run",
            &json!({ "kind": "map_remote", "spec": "|~m GET|a.example|b.example" }),
        )
        .await
        .json();
    assert_eq!(
        (&dry["matches"], &dry["ids"][0]),
        (&json!(1), &json!(ids[0]))
    );
    let bad = web
        .call(
            "POST /api/v1/rules/dry-run",
            &json!({ "kind": "intercept", "spec": "~zz" }),
        )
        .await;
    assert_eq!(bad.status, 400);
    let bad = json!({ "rules": [{ "kind": "colour", "spec": "x" }] });
    let answer = web.call("PUT /api/v1/rules", &bad).await;
    assert_eq!((answer.status, &answer.json()["index"]), (400, &json!(0)));
}

#[tokio::test]
async fn saved_filters_are_kept_in_a_file() {
    let (web, _) = filled().await;
    assert_eq!(web.get("/api/v1/filters").await.json(), json!([]));
    let filters = json!([{ "name": "errors", "expr": "~c 500", "key": "1" }]);
    assert_eq!(web.call("PUT /api/v1/filters", &filters).await.status, 200);
    assert_eq!(web.get("/api/v1/filters").await.json(), filters);
    let bad = web
        .call(
            "PUT /api/v1/filters",
            &json!([{ "name": "x", "expr": "~zz" }]),
        )
        .await;
    assert_eq!((bad.status, &bad.json()["index"]), (400, &json!(0)));
    assert_eq!(web.get("/api/v1/filters").await.json(), filters);
}

#[tokio::test]
async fn options_tell_where_they_came_from() {
    let (web, _) = filled().await;
    assert_eq!(
        web.call("PUT /api/v1/options", &json!({ "anticache": true }))
            .await
            .status,
        200
    );
    let list = web.get("/api/v1/options").await.json();
    let source = |name: &str| {
        let list = list.as_array().unwrap().iter();
        list.clone().find(|one| one["name"] == name).unwrap()["source"].clone()
    };
    assert_eq!(source("anticache"), "here");
    assert_eq!(source("anticomp"), "default");
    assert_eq!(source("web_port"), "command line");
    for (body, text) in [
        (
            json!({ "anticache": "perhaps" }),
            "Expected <class 'bool'> for anticache, but got <class 'str'>.",
        ),
        (json!({ "nosuch": 1 }), "'Unknown options: nosuch'"),
    ] {
        let answer = web.call("PUT /options", &body).await;
        assert_eq!((answer.status, answer.text().as_str()), (400, text));
    }
    assert_eq!(
        web.call("POST /api/v1/options/save", &serde_json::Value::Null)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn files_are_loaded_as_far_as_they_can_be_read() {
    let (web, _) = filled().await;
    let file = web.get("/api/v1/dump?filter=~m%20GET").await;
    assert_eq!(
        file.field("content-disposition"),
        "attachment; filename=flows"
    );
    let bearer = format!("Bearer {}", super::TOKEN);
    let fields = [
        ("Authorization", bearer.as_str()),
        ("Cookie", "_mitmproxy_xsrf=abc"),
        ("X-XSRFToken", "abc"),
    ];
    let loaded = web
        .send("POST /api/v1/load", &fields, &file.body)
        .await
        .json();
    assert_eq!(
        (&loaded["loaded"], &loaded["error"]),
        (&json!(2), &json!(null))
    );
    assert_eq!(web.kernel.store().counts().total, 5);
    let mut broken = file.body.clone();
    broken.extend_from_slice(b"9999:nonsense");
    let loaded = web.send("POST /api/v1/load", &fields, &broken).await.json();
    assert_eq!(loaded["loaded"], 2);
    assert!(loaded["error"].is_string() && loaded["offset"].is_number());
    let answer = web.send("POST /flows/dump", &fields, &broken).await;
    assert_eq!(answer.status, 400, "the original fails with 500");
    assert_eq!(
        web.kernel.store().counts().total,
        2,
        "what could be read stays"
    );
    let form = [
        &b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n"[..],
        &file.body,
        b"\r\n--b--\r\n",
    ]
    .concat();
    let fields = [
        fields[0],
        fields[1],
        fields[2],
        ("Content-Type", "multipart/form-data; boundary=b"),
    ];
    assert_eq!(
        web.send("POST /flows/dump", &fields, &form).await.status,
        200
    );
    assert_eq!(web.get("/flows").await.json().as_array().unwrap().len(), 2);
    let har = web.get("/api/v1/dump?format=har").await.json();
    assert_eq!(har["log"]["entries"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn overviews_count() {
    let (web, ids) = filled().await;
    let stats = web.get("/api/v1/stats?by=host").await.json();
    assert_eq!(
        (&stats["rows"][0]["key"], &stats["rows"][0]["count"]),
        (&json!("a.example"), &json!(2))
    );
    assert_eq!(stats["rows"][0]["errors"], 1);
    let tree = web.get("/api/v1/tree").await.json();
    assert_eq!(tree[0]["children"][0]["children"][0]["name"], "/{id}");
    assert_eq!(tree[0]["children"][0]["children"][0]["methods"]["POST"], 1);
    let connect = web.get("/api/v1/connect").await.json();
    assert!(connect["qr"].as_str().unwrap().contains("<svg"));
    assert!(
        connect["recipes"][0]["text"]
            .as_str()
            .unwrap()
            .contains("127.0.0.1:8080")
    );
    let state = web.get("/api/v1/state").await.json();
    assert_eq!(
        (&state["total"], &state["servers"][0]["is_running"]),
        (&json!(3), &json!(true))
    );
    let exported = web
        .get(&format!("/api/v1/flows/{}/export?format=curl", ids[0]))
        .await;
    assert!(exported.text().starts_with("curl "));
    assert_eq!(
        web.get(&format!("/api/v1/flows/{}/export?format=x", ids[0]))
            .await
            .status,
        400
    );
    let request = web
        .call(
            "POST /api/v1/compose/curl",
            &json!({ "curl": exported.text() }),
        )
        .await
        .json();
    assert_eq!(
        (&request["method"], &request["url"]),
        (&json!("GET"), &json!("http://a.example/users/1"))
    );
    let ready = web
        .call("POST /api/v1/compose", &json!({ "url": "http://a/" }))
        .await;
    assert_eq!(ready.status, 409, "no replay without its command");
    assert_eq!(web.get("/api/v1/ca/key").await.status, 404);
    assert_eq!(web.get("/executable-icon").await.status, 400);
    assert!(
        web.get("/executable-icon?path=x")
            .await
            .body
            .starts_with(b"\x89PNG")
    );
    assert_eq!(
        web.call("POST /commands/nosuch", &json!({ "arguments": [] }))
            .await
            .json()["error"],
        "Unknown command: nosuch"
    );
    assert_eq!(
        web.call("POST /commands/set", &json!({ "nothing": [] }))
            .await
            .status,
        400
    );
}
