//! Held flows, numbers, tree.

use super::flows::{capture, held, http};
use super::harness::Tui;

fn tui() -> Tui {
    let mut tui = Tui::new(110, 30);
    for flow in capture() {
        tui.add(flow);
    }
    tui
}

#[test]
fn held_flows_are_listed_and_decided_about() {
    let mut tui = tui();
    tui.keys(&["p"]).shows("Paused 0").shows("Nothing is held.");
    tui.keys(&["enter"]).shows("Nothing is held.");
    tui.add(held(8)).add(held(9));
    tui.keys(&["j"])
        .shows("Paused 2")
        .shows("#8")
        .shows("request");
    assert_eq!(tui.focused(), "/login");
    tui.shows("user=a&pass=b");
    tui.keys(&["enter"]);
    assert!(
        tui.calls.last().unwrap().starts_with("flow.resume"),
        "{:?}",
        tui.calls
    );
    tui.keys(&["X"]);
    assert!(tui.calls.last().unwrap().starts_with("flow.kill"));
    tui.keys(&["e"])
        .shows("Edit...")
        .keys(&["esc", "q"])
        .shows("Flows 9");
}

#[test]
fn keys_never_mean_a_flow_that_is_not_shown() {
    let mut tui = tui();
    tui.add(held(8));
    tui.command("set view_filter '~d shop.demo.test'")
        .keys(&["p"]);
    tui.shows("Paused 1").shows("hides this flow");
    let before = tui.calls.len();
    tui.keys(&["X"]).shows("hides this flow");
    assert_eq!(tui.calls.len(), before);
}

#[test]
fn numbers_are_counted_and_filter() {
    let mut tui = tui();
    tui.keys(&["s"]).shows("Stats of 7 flows").shows("[Hosts]");
    tui.shows("api.demo.test").shows("shop.demo.test");
    tui.keys(&["tab"]).shows("[Status]").shows("404");
    tui.keys(&["tab"])
        .shows("[Types]")
        .shows("application/json");
    tui.keys(&["s"]).shows("sorted by errors");
    tui.keys(&["h", "h", "g", "enter"]).shows("of 7   f ~d");
}

#[test]
fn the_tree_folds_opens_and_filters() {
    let mut tui = tui();
    tui.keys(&["T"])
        .shows("Tree of 7 flows")
        .shows("> api.demo.test")
        .hides("/graphql");
    tui.keys(&["g", "j", "k"]);
    while !tui.screen().contains("/graphql") {
        tui.keys(&["l", "j"]);
    }
    tui.keys(&["g"]);
    for _ in 0..20 {
        tui.keys(&["l", "j"]);
    }
    tui.shows("/{id}").shows("1 failed").shows("DELETE 1");
    tui.keys(&["g", "enter"]).shows("of 7   f ~d");
}

#[test]
fn flows_are_compared_with_those_before_them() {
    let mut tui = Tui::new(100, 30);
    let price = |at, text: &'static str| {
        let answer = (200, "application/json", text.as_bytes());
        http(at, "GET", "http://api.test/price", answer)
    };
    tui.add(price(0, r#"{"price":1,"same":[1,2]}"#));
    tui.add(price(1, r#"{"price":2,"same":[1,2]}"#));
    tui.keys(&["g", "c"])
        .shows("no flow before it has the same URL");
    tui.keys(&["G", "c"]).shows("Compare: ");
    tui.shows("~ .price  1  ->  2")
        .shows("2 values equal, 1 differ");
    tui.keys(&["n", "N", "q"]).shows("Flows 2");
    tui.command("console.view.compare @all").shows("Compare: ");
    tui.keys(&["q"])
        .command("console.view.compare @marked")
        .shows("name one flow or two");
}
