//! What differs between two messages: fields by name, content by structure, lines or bytes.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Value as Json, json};

/// Differences that are told, at most.
const CHANGES: usize = 2000;

/// Lines between the common beginning and end that are matched with each other; more are replaced as a whole.
const MATCHED: usize = 1500;

/// Nesting of JSON that is compared by structure; deeper values are compared whole.
const DEPTH: usize = 64;

/// Compares fields by name; the order of different names does not count.
///
/// Gives a list of objects with `op` (`same`, `changed`, `removed`, `added`), `name`, `left` and `right`.
pub fn headers(left: &[(String, String)], right: &[(String, String)]) -> Json {
    let mut rest: Vec<Option<&(String, String)>> = right.iter().map(Some).collect();
    let mut take = |fits: &dyn Fn(&(String, String)) -> bool| {
        let at = rest.iter().position(|one| one.is_some_and(fits))?;
        rest.get_mut(at)?.take()
    };
    let mut out = Vec::new();
    // Equal lines first, so that a changed one is not taken for its neighbour.
    let equal: Vec<bool> = left
        .iter()
        .map(|(name, value)| take(&|(n, v)| n.eq_ignore_ascii_case(name) && v == value).is_some())
        .collect();
    for ((name, value), is_equal) in left.iter().zip(equal) {
        let (op, other) = if is_equal {
            ("same", Some(value.clone()))
        } else {
            match take(&|(n, _)| n.eq_ignore_ascii_case(name)) {
                Some((_, other)) => ("changed", Some(other.clone())),
                None => ("removed", None),
            }
        };
        out.push(json!({ "op": op, "name": name, "left": value, "right": other }));
    }
    for (name, value) in rest.into_iter().flatten() {
        out.push(json!({ "op": "added", "name": name, "left": null, "right": value }));
    }
    Json::Array(out)
}

/// Compares contents: JSON by structure, other text by line, all else by byte.
///
/// Gives `kind`, `changes` (with `op` and `path` or `line`, `left`, `right`), the number of `equal` parts, and whether
/// the changes are `truncated`.
pub fn body(left: Option<Bytes>, right: Option<Bytes>) -> Json {
    let (left, right) = (left.unwrap_or_default(), right.unwrap_or_default());
    let parsed = (
        serde_json::from_slice::<Json>(&left),
        serde_json::from_slice::<Json>(&right),
    );
    if let (Ok(left), Ok(right)) = parsed {
        let mut out = Structure::default();
        out.compare("", Some(&left), Some(&right), 0);
        let truncated = out.changes.len() >= CHANGES;
        return json!({ "kind": "json", "changes": out.changes, "equal": out.equal, "truncated": truncated });
    }
    match (std::str::from_utf8(&left), std::str::from_utf8(&right)) {
        (Ok(left), Ok(right)) => by_line(left, right),
        _ => by_byte(&left, &right),
    }
}

#[derive(Default)]
struct Structure {
    changes: Vec<Json>,
    equal: usize,
}

impl Structure {
    fn compare(&mut self, path: &str, left: Option<&Json>, right: Option<&Json>, depth: usize) {
        if self.changes.len() >= CHANGES {
            return;
        }
        match (left, right) {
            (Some(Json::Object(one)), Some(Json::Object(other))) if depth < DEPTH => {
                let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
                for name in names {
                    let path = format!("{path}.{}", key(name));
                    self.compare(&path, one.get(name), other.get(name), depth + 1);
                }
            }
            (Some(Json::Array(one)), Some(Json::Array(other))) if depth < DEPTH => {
                self.arrays(path, one, other, depth);
            }
            (Some(left), Some(right)) if same(left, right) => self.equal += 1,
            (left, right) => {
                let op = match (left, right) {
                    (None, _) => "added",
                    (_, None) => "removed",
                    _ => "changed",
                };
                let path = if path.is_empty() { "." } else { path };
                self.changes
                    .push(json!({ "op": op, "path": path, "left": left, "right": right }));
            }
        }
    }

    /// Elements with an identifier are matched by it, others by position.
    fn arrays(&mut self, path: &str, left: &[Json], right: &[Json], depth: usize) {
        const NAMES: [&str; 4] = ["id", "_id", "uuid", "key"];
        let by = NAMES.into_iter().find(|name| {
            let unique = |list: &[Json]| {
                let ids = list.iter().map(|one| one.get(name).map(Json::to_string));
                let ids: Option<BTreeSet<String>> = ids.collect();
                ids.is_some_and(|ids| ids.len() == list.len() && !list.is_empty())
            };
            unique(left) && unique(right)
        });
        let Some(name) = by else {
            for at in 0..left.len().max(right.len()) {
                self.compare(
                    &format!("{path}[{at}]"),
                    left.get(at),
                    right.get(at),
                    depth + 1,
                );
            }
            return;
        };
        let id = |one: &Json| one.get(name).map(Json::to_string).unwrap_or_default();
        let others: std::collections::HashMap<String, &Json> =
            right.iter().map(|one| (id(one), one)).collect();
        let known: BTreeSet<String> = left.iter().map(id).collect();
        for one in left {
            let path = format!("{path}[{name}={}]", id(one));
            self.compare(&path, Some(one), others.get(&id(one)).copied(), depth + 1);
        }
        for one in right.iter().filter(|one| !known.contains(&id(one))) {
            self.compare(
                &format!("{path}[{name}={}]", id(one)),
                None,
                Some(one),
                depth + 1,
            );
        }
    }
}

/// Numbers are equal whatever their spelling.
fn same(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(one), Json::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (left, right) => left == right,
    }
}

fn key(name: &str) -> String {
    let is_plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_plain {
        name.to_owned()
    } else {
        Json::from(name).to_string()
    }
}

fn by_line(left: &str, right: &str) -> Json {
    let (one, other): (Vec<&str>, Vec<&str>) = (left.lines().collect(), right.lines().collect());
    let before = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let most = one.len().min(other.len()) - before;
    let after = one
        .iter()
        .rev()
        .zip(other.iter().rev())
        .take(most)
        .take_while(|(a, b)| a == b)
        .count();
    let middle = |lines: &[&str]| {
        let middle = lines.get(before..lines.len() - after).unwrap_or_default();
        middle
            .iter()
            .map(|&line| line.to_owned())
            .collect::<Vec<String>>()
    };
    let (one, other) = (middle(&one), middle(&other));
    let truncated = one.len() > MATCHED || other.len() > MATCHED;
    let pairs = if truncated {
        Vec::new()
    } else {
        common(&one, &other)
    };
    let mut changes = Vec::new();
    let (mut a, mut b) = (0, 0);
    for (next_a, next_b) in pairs.iter().copied().chain([(one.len(), other.len())]) {
        let gone = one.get(a..next_a).unwrap_or_default();
        let new = other.get(b..next_b).unwrap_or_default();
        for at in 0..gone.len().max(new.len()) {
            let (left, right) = (gone.get(at), new.get(at));
            let op = match (left, right) {
                (None, _) => "added",
                (_, None) => "removed",
                _ => "changed",
            };
            let line = before + 1 + if left.is_some() { a + at } else { b + at };
            changes.push(json!({ "op": op, "line": line, "left": left, "right": right }));
        }
        (a, b) = (next_a + 1, next_b + 1);
    }
    let equal = before + after + pairs.len();
    let truncated = truncated || changes.len() > CHANGES;
    changes.truncate(CHANGES);
    json!({ "kind": "lines", "changes": changes, "equal": equal, "truncated": truncated })
}

/// The longest common subsequence, as pairs of positions.
fn common(one: &[String], other: &[String]) -> Vec<(usize, usize)> {
    let width = other.len() + 1;
    let mut lengths = vec![0_u16; (one.len() + 1) * width];
    let at = |lengths: &[u16], a: usize, b: usize| lengths.get(a * width + b).copied().unwrap_or(0);
    for (a, left) in one.iter().enumerate().rev() {
        for (b, right) in other.iter().enumerate().rev() {
            let length = if left == right {
                at(&lengths, a + 1, b + 1) + 1
            } else {
                at(&lengths, a + 1, b).max(at(&lengths, a, b + 1))
            };
            if let Some(cell) = lengths.get_mut(a * width + b) {
                *cell = length;
            }
        }
    }
    let (mut a, mut b) = (0, 0);
    let mut pairs = Vec::new();
    while let (Some(left), Some(right)) = (one.get(a), other.get(b)) {
        if left == right {
            pairs.push((a, b));
            (a, b) = (a + 1, b + 1);
        } else if at(&lengths, a + 1, b) >= at(&lengths, a, b + 1) {
            a += 1;
        } else {
            b += 1;
        }
    }
    pairs
}

fn by_byte(left: &[u8], right: &[u8]) -> Json {
    let equal = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    if left == right {
        return json!({ "kind": "bytes", "changes": [], "equal": equal, "truncated": false });
    }
    let shown = |bytes: &[u8]| {
        let part = bytes.get(equal..).unwrap_or_default();
        hex(part.get(..part.len().min(32)).unwrap_or_default())
    };
    let change = json!({ "op": "changed", "path": format!("byte {equal}"), "left": shown(left), "right": shown(right) });
    json!({ "kind": "bytes", "changes": [change], "equal": equal, "truncated": true })
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = std::fmt::Write::write_fmt(&mut out, format_args!("{byte:02x}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(left: &str, right: &str) -> (String, Vec<(String, String)>, u64) {
        let body = body(Some(left.to_owned().into()), Some(right.to_owned().into()));
        let changes = body["changes"].as_array().unwrap().iter().map(|change| {
            let place = change["path"]
                .as_str()
                .map_or_else(|| change["line"].to_string(), str::to_owned);
            (change["op"].as_str().unwrap().to_owned(), place)
        });
        let changes = changes.collect();
        (
            body["kind"].as_str().unwrap().to_owned(),
            changes,
            body["equal"].as_u64().unwrap(),
        )
    }

    fn check(left: &str, right: &str, kind: &str, expected: &[(&str, &str)], equal: u64) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(op, at)| ((*op).to_owned(), (*at).to_owned()))
            .collect();
        assert_eq!(
            changes(left, right),
            (kind.to_owned(), expected, equal),
            "{left} {right}"
        );
    }

    #[test]
    fn json_is_compared_by_structure() {
        check(
            r#"{"a":1,"b":[1,2]}"#,
            r#"{"b":[1.0,3],"a":1}"#,
            "json",
            &[("changed", ".b[1]")],
            2,
        );
        check(
            r#"{"a":1}"#,
            r#"{"a b":1}"#,
            "json",
            &[("removed", ".a"), ("added", ".\"a b\"")],
            0,
        );
        check(
            r#"[{"id":1,"x":1},{"id":2,"x":2}]"#,
            r#"[{"id":2,"x":3},{"id":1,"x":1}]"#,
            "json",
            &[("changed", "[id=2].x")],
            3,
        );
        check("1", "2", "json", &[("changed", ".")], 0);
    }

    #[test]
    fn text_is_compared_by_line() {
        check("a\nb\nc", "a\nx\nc", "lines", &[("changed", "2")], 2);
        check("a\nb", "a\nn\nb", "lines", &[("added", "2")], 2);
        check(
            "a\nb\nc\nd\ne",
            "b\nx\nd\nf",
            "lines",
            &[("removed", "1"), ("changed", "3"), ("changed", "5")],
            2,
        );
        check("same", "same", "lines", &[], 1);
        let long = |from: usize| {
            (from..from + 3000)
                .map(|n| n.to_string())
                .collect::<Vec<_>>()
                .join("\n")
        };
        let body = body(Some(long(0).into()), Some(long(5000).into()));
        assert_eq!(body["truncated"], json!(true));
        assert!(body["changes"].as_array().unwrap().len() <= CHANGES);
    }

    #[test]
    fn other_bodies_are_compared_by_byte() {
        let body = body(Some(vec![0xff, 1, 2].into()), Some(vec![0xff, 3].into()));
        assert_eq!(
            (&body["kind"], &body["changes"][0]["path"]),
            (&json!("bytes"), &json!("byte 1"))
        );
    }

    #[test]
    fn fields_are_compared_by_name() {
        let list = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect()
        };
        let got = headers(
            &list(&[("A", "1"), ("B", "2"), ("C", "3")]),
            &list(&[("b", "2"), ("a", "9"), ("D", "4")]),
        );
        let ops: Vec<&str> = got
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["op"].as_str().unwrap())
            .collect();
        assert_eq!(ops, ["changed", "same", "removed", "added"]);
    }
}
