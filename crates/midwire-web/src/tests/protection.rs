//! Each row of security.md §8.

use midwire_core::options::Value;
use midwire_flow::{Content, Flow};
use serde_json::Value as Json;

use super::{Fixture, TOKEN};
use crate::table::{self, Input};
use crate::testing::exchange;

/// All routes with something in place of their open parts.
fn lines() -> Vec<(&'static table::Route, String)> {
    let fill = |path: &str| {
        let parts = path
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part });
        parts.collect::<Vec<_>>().join("/")
    };
    table::all()
        .map(|route| (route, format!("{} {}", route.method, fill(route.path))))
        .collect()
}

#[tokio::test]
async fn nothing_is_served_without_credentials() {
    let web = Fixture::start(&[]).await;
    for (_, line) in lines() {
        let answer = web
            .send(
                &line,
                &[("Cookie", "_mitmproxy_xsrf=a"), ("X-XSRFToken", "a")],
                b"",
            )
            .await;
        assert_eq!(answer.status, 403, "{line}");
        let is_page = line.ends_with(" /");
        assert_eq!(answer.text().contains("<form"), is_page, "{line}");
    }
    for path in [
        "/index.html",
        "/assets/x.js",
        "/nosuch",
        "/api/nosuch",
        "/..%2fCargo.toml",
    ] {
        assert_eq!(
            web.send(&format!("GET {path}"), &[], b"").await.status,
            403,
            "{path}"
        );
    }
}

#[tokio::test]
async fn wrong_tokens_and_forged_cookies_are_refused_and_soon_not_looked_at() {
    let web = Fixture::start(&[]).await;
    for cookie in ["y", "y.9999999999.00", ""] {
        let cookie = format!("mitmproxy-auth-{}={cookie}", web.address.port());
        let answer = web.send("GET /flows", &[("Cookie", &cookie)], b"").await;
        assert_eq!(answer.status, 403, "{cookie}");
    }
    let mut seen = Vec::new();
    for _ in 0..25 {
        let answer = web
            .send("GET /flows", &[("Authorization", "Bearer wrong")], b"")
            .await;
        seen.push(answer.status);
    }
    assert_eq!(seen.first(), Some(&403));
    assert!(seen.contains(&429), "{seen:?}");
}

#[tokio::test]
async fn the_login_page_takes_the_token_and_gives_a_cookie() {
    let web = Fixture::start(&[]).await;
    let page = web.send("GET /", &[], b"").await;
    assert_eq!(page.status, 403);
    let xsrf = page.field("set-cookie");
    assert!(xsrf.contains("SameSite=Strict"), "{xsrf}");
    let xsrf = xsrf.split(['=', ';']).nth(1).unwrap().to_owned();
    assert!(page.text().contains(&xsrf));
    let cookie = format!("_mitmproxy_xsrf={xsrf}");
    let form = |token: &str, xsrf: &str| format!("token={token}&_xsrf={xsrf}").into_bytes();
    let fields = [
        ("Cookie", cookie.as_str()),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    let wrong = web.send("POST /", &fields, &form("no", &xsrf)).await;
    assert_eq!(wrong.status, 403);
    assert!(wrong.text().contains("not the right token"));
    assert_eq!(
        web.send("POST /", &fields, &form(TOKEN, "other"))
            .await
            .status,
        403
    );
    let cross = [fields[0], fields[1], ("Sec-Fetch-Site", "cross-site")];
    assert_eq!(
        web.send("POST /", &cross, &form(TOKEN, &xsrf)).await.status,
        403
    );
    let right = web.send("POST /", &fields, &form(TOKEN, &xsrf)).await;
    assert_eq!(right.status, 200);
    let login = right.field("set-cookie");
    for part in [
        "HttpOnly",
        "SameSite=Strict",
        "Path=/",
        &format!("mitmproxy-auth-{}=", web.address.port()),
    ] {
        assert!(login.contains(part), "{login}");
    }
    assert!(!login.contains(TOKEN) && !right.text().contains(TOKEN));
    let login = login.split(';').next().unwrap().to_owned();
    assert_eq!(
        web.send("GET /flows", &[("Cookie", &login)], b"")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn changes_need_the_token_of_the_page_and_come_from_it() {
    let web = Fixture::start(&[]).await;
    let bearer = format!("Bearer {TOKEN}");
    for (route, line) in lines() {
        if route.method == "GET" || route.path == "/" {
            continue;
        }
        let credentials = ("Authorization", bearer.as_str());
        let pair = [("Cookie", "_mitmproxy_xsrf=abc"), ("X-XSRFToken", "abc")];
        for fields in [
            vec![credentials],
            vec![credentials, pair[0]],
            vec![credentials, pair[0], ("X-XSRFToken", "abd")],
            vec![
                credentials,
                ("Cookie", "_mitmproxy_xsrf="),
                ("X-XSRFToken", ""),
            ],
            vec![
                credentials,
                pair[0],
                pair[1],
                ("Sec-Fetch-Site", "cross-site"),
            ],
            vec![
                credentials,
                pair[0],
                pair[1],
                ("Sec-Fetch-Site", "same-site"),
            ],
            vec![
                credentials,
                pair[0],
                pair[1],
                ("Origin", "http://evil.example"),
            ],
            vec![credentials, pair[0], pair[1], ("Origin", "null")],
        ] {
            let answer = web.send(&line, &fields, b"").await;
            assert_eq!(answer.status, 403, "{line} {fields:?}");
        }
    }
    let own = format!("http://{}", web.address);
    let fields = [
        ("Authorization", bearer.as_str()),
        ("Cookie", "_mitmproxy_xsrf=abc"),
        ("X-XSRFToken", "abc"),
        ("Origin", own.as_str()),
        ("Sec-Fetch-Site", "same-origin"),
    ];
    assert_eq!(web.send("POST /clear", &fields, b"").await.status, 200);
}

#[tokio::test]
async fn hosts_are_checked_before_anything_else() {
    let web = Fixture::start(&[(
        "web_allowed_hosts",
        Value::Seq(vec!["good.example".to_owned()]),
    )])
    .await;
    let bearer = format!("Bearer {TOKEN}");
    for (host, expected) in [
        ("good.example:8081", 200),
        ("evil.example", 403),
        ("a b", 400),
        ("", 400),
    ] {
        let fields = [("Host", host), ("Authorization", bearer.as_str())];
        assert_eq!(
            web.send("GET /flows", &fields, b"").await.status,
            expected,
            "{host}"
        );
    }
    let open = Fixture::start(&[]).await;
    let fields = [("Host", "any.example"), ("Authorization", bearer.as_str())];
    assert_eq!(open.send("GET /flows", &fields, b"").await.status, 200);
    assert_eq!(
        open.send("GET /flows", &[("Host", "any.example")], b"")
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn websockets_come_from_our_pages_only() {
    let web = Fixture::start(&[]).await;
    let bearer = format!("Bearer {TOKEN}");
    let own = format!("http://{}", web.address);
    let (routes, upgrade) = (
        lines()
            .into_iter()
            .filter(|(route, _)| route.input == Input::WebSocket),
        [
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ],
    );
    for (_, line) in routes {
        for (origin, token, expected) in [
            (Some("http://evil.example"), true, 403),
            (Some("null"), true, 403),
            (Some(own.as_str()), false, 403),
        ] {
            let mut fields = upgrade.to_vec();
            if let Some(origin) = origin {
                fields.push(("Origin", origin));
            }
            if token {
                fields.push(("Authorization", &bearer));
            }
            let answer = web.send(&line, &fields, b"").await;
            assert_eq!(answer.status, expected, "{line} {origin:?} {token}");
        }
        // Without the wish to upgrade it is no WebSocket.
        assert_eq!(web.get(line.split_once(' ').unwrap().1).await.status, 400);
    }
}

#[tokio::test]
async fn every_answer_carries_the_protecting_fields() {
    let web = Fixture::start(&[]).await;
    let answers = [
        web.get("/").await,
        web.get("/flows").await,
        web.get("/nosuch").await,
        web.get("/api/v1/state").await,
        web.get("/api/v1/nosuch").await,
        web.send("GET /", &[], b"").await,
        web.send("GET /flows", &[], b"").await,
        web.send("GET /flows", &[("Host", "a b")], b"").await,
        web.call("PATCH /flows", &Json::Null).await,
    ];
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 200, 404, 200, 404, 403, 403, 400, 405]);
    for answer in &answers {
        assert_eq!(answer.field("x-frame-options"), "DENY");
        assert_eq!(answer.field("x-content-type-options"), "nosniff");
        assert_eq!(answer.field("referrer-policy"), "no-referrer");
        assert_eq!(answer.field("access-control-allow-origin"), "");
        let policy = answer.field("content-security-policy");
        for part in [
            "default-src 'self'",
            "frame-ancestors 'none'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(
            !policy.contains("script-src") && !policy.contains("unsafe-eval"),
            "{policy}"
        );
        assert!(!answer.head.contains(TOKEN) && !answer.text().contains(TOKEN));
    }
}

#[tokio::test]
async fn the_password_is_shown_to_nobody() {
    let web = Fixture::start(&[]).await;
    for path in [
        "/options",
        "/api/v1/options",
        "/api/v1/state",
        "/state",
        "/events",
    ] {
        let answer = web.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.text().contains(TOKEN), "{path}");
    }
}

#[tokio::test]
async fn large_bodies_are_refused_before_they_are_read() {
    let web = Fixture::start(&[]).await;
    for (route, line) in lines() {
        let limit: u64 = if route.input == Input::File {
            256 << 20
        } else {
            1 << 20
        };
        if route.method == "GET" || route.path == "/" {
            continue;
        }
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\
             Cookie: _mitmproxy_xsrf=a\r\nX-XSRFToken: a\r\nContent-Length: {}\r\n\r\n",
            web.address,
            limit + 1
        );
        assert_eq!(web.raw(request.as_bytes()).await.status, 413, "{line}");
    }
    // Without an announcement the limit holds as well.
    let mut request = format!(
        "PUT /options HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\
         Cookie: _mitmproxy_xsrf=a\r\nX-XSRFToken: a\r\nTransfer-Encoding: chunked\r\n\r\n180000\r\n",
        web.address
    )
    .into_bytes();
    request.extend(std::iter::repeat_n(b'x', 0x18_0000));
    request.extend_from_slice(b"\r\n0\r\n\r\n");
    assert_eq!(web.raw(&request).await.status, 413);
}

#[tokio::test]
async fn json_says_that_it_is_json() {
    let web = Fixture::start(&[]).await;
    let bearer = format!("Bearer {TOKEN}");
    let fields = [
        ("Authorization", bearer.as_str()),
        ("Cookie", "_mitmproxy_xsrf=abc"),
        ("X-XSRFToken", "abc"),
        ("Content-Type", "text/plain"),
    ];
    let answer = web
        .send("PUT /options", &fields, br#"{"anticache":true}"#)
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.text(),
        "Invalid Content-Type, expected application/json."
    );
    assert!(!web.kernel.options().load().anticache);
}

#[tokio::test]
async fn captured_content_cannot_act() {
    let web = Fixture::start(&[]).await;
    let bodies: [(&str, &[u8]); 4] = [
        ("text/html", b"<script>alert(1)</script>"),
        (
            "image/svg+xml",
            b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        ),
        ("text/javascript", b"alert(1)"),
        ("image/png", b"\x89PNG\r\n\x1a\n<script>alert(1)</script>"),
    ];
    for (media, body) in bodies {
        let mut flow = exchange("GET", "http://a/x%22%0d%0a;.html?<script>", 200);
        if let Flow::Http(http) = &mut flow {
            let response = http.response.as_mut().unwrap();
            response.fields.set("Content-Type", media);
            response
                .fields
                .set("Content-Disposition", "inline; filename=\"../a<b>.html\"");
            response.content = Content::Memory(body.into());
        }
        let id = flow.info().id.to_string();
        web.kernel.store().add(flow);
        for path in [
            format!("/flows/{id}/response/content.data"),
            format!("/api/v1/flows/{id}/response/content"),
            format!("/api/v1/flows/{id}/response/content?decoded=0&offset=0&length=5"),
        ] {
            let answer = web.get(&path).await;
            assert!(matches!(answer.status, 200 | 206), "{path}");
            assert!(body.starts_with(&answer.body), "{path}");
            assert_eq!(answer.field("content-type"), "application/octet-stream");
            assert_eq!(
                answer.field("content-disposition"),
                "attachment; filename=ab.html"
            );
            assert_eq!(answer.field("x-content-type-options"), "nosniff");
            let policy = answer.field("content-security-policy");
            assert!(
                policy.starts_with("sandbox; default-src 'none'"),
                "{policy}"
            );
        }
        let image = web.get(&format!("/api/v1/flows/{id}/response/image")).await;
        if media == "image/png" {
            assert_eq!(
                (image.status, image.field("content-type")),
                (200, "image/png".to_owned())
            );
            assert!(
                image
                    .field("content-security-policy")
                    .starts_with("sandbox")
            );
        } else {
            assert_eq!(image.status, 415, "{media}");
        }
        for path in [
            "/flows".to_owned(),
            format!("/api/v1/flows/{id}"),
            "/api/v1/flows".to_owned(),
            format!("/flows/{id}/response/content/auto"),
            format!("/api/v1/flows/{id}/response/view"),
            format!("/api/v1/flows/{id}/export?format=raw"),
            "/flows/dump".to_owned(),
            "/api/v1/dump?format=har".to_owned(),
        ] {
            let media = web.get(&path).await.field("content-type");
            let harmless = ["application/json", "text/plain", "application/octet-stream"];
            assert!(
                harmless.iter().any(|one| media.starts_with(one)),
                "{path}: {media}"
            );
        }
    }
}

#[tokio::test]
async fn options_that_run_programs_can_be_shut() {
    let web = Fixture::start(&[("web_restrict_commands", Value::Bool(true))]).await;
    let shut = [
        ("PUT /options", r#"{"scripts":["/tmp/x.py"]}"#),
        ("PUT /api/v1/options", r#"{"web_restrict_commands":false}"#),
        (
            "POST /commands/script.run",
            r#"{"arguments":["@all","/tmp/x.py"]}"#,
        ),
        (
            "POST /api/v1/commands",
            r#"{"line":"set scripts=/tmp/x.py"}"#,
        ),
        (
            "POST /api/v1/commands",
            r#"{"line":"options.load /tmp/x.yaml"}"#,
        ),
    ];
    for (line, body) in shut {
        let body: Json = serde_json::from_str(body).unwrap();
        assert_eq!(web.call(line, &body).await.status, 403, "{line} {body}");
    }
    let body = serde_json::json!({ "anticache": true });
    assert_eq!(web.call("PUT /options", &body).await.status, 200);
}

#[tokio::test]
async fn paths_do_not_leave_the_bundle() {
    let web = Fixture::start(&[]).await;
    for path in [
        "/../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "/..%2fCargo.toml",
        "//etc/passwd",
        "/assets/../../Cargo.toml",
    ] {
        assert_eq!(web.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_taken_port_is_named_with_advice() {
    let web = Fixture::start(&[]).await;
    let taken = i64::from(web.address.port());
    web.kernel
        .options()
        .update([("web_port", Value::Int(taken))])
        .unwrap();
    let host = std::sync::Arc::new(super::Alone(std::sync::Arc::clone(&web.kernel)));
    let error = crate::Web::bind(&web.kernel, host)
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.starts_with(&format!(
            "Web server failed to listen on 127.0.0.1:{taken} with "
        )),
        "{error}"
    );
    assert!(
        error.contains(&format!("web_port={}", taken + 2)),
        "{error}"
    );
}

#[tokio::test]
async fn hashes_that_are_none_are_refused_at_the_start_and_later() {
    let web = Fixture::start(&[]).await;
    let set = web
        .kernel
        .options()
        .update([("web_password", Value::from("$nonsense"))]);
    assert!(set.is_err());
    assert_eq!(
        web.get("/flows").await.status,
        200,
        "the old one is still good"
    );
    web.kernel
        .options()
        .update([("web_password", Value::from("other"))])
        .unwrap();
    assert_eq!(web.get("/flows").await.status, 403);
}
