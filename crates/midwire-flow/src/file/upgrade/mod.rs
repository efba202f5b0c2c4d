//! Upgrades of states that older versions wrote, one step per version (flowfile.md §7).

mod state;
mod steps;

use std::collections::{HashMap, VecDeque};

use self::state::{at, put};
use super::FORMAT_VERSION;
use super::ReadErrorKind as Kind;
use crate::value::ParseError;
use crate::{Id, Value};

/// WebSocket handshakes that wait for their messages, at most. The oldest is forgotten for a new one.
const MAX_HANDSHAKES: usize = 4096;

/// Connections whose new identifiers are remembered, at most; then remembering begins anew.
const MAX_CONNECTIONS: usize = 200_000;

/// Steps upgrade one state each; they share what has to be remembered from flow to flow.
#[derive(Default)]
pub(super) struct Upgrader {
    /// New identifiers of connections by side, start and address.
    ids: HashMap<(Side, String), String>,
    /// Handshake flows by identifier, in the order of reading.
    handshakes: VecDeque<(String, Value)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Side {
    Client,
    Server,
}

/// A version as old files have it, cut to two numbers, or as newer files have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Pair(i64, i64),
    Single(i64),
}

type Step = fn(&mut Upgrader, &mut Value) -> Result<(), Kind>;

/// From which version each step upgrades. The next step is that of the version the step leaves behind.
const STEPS: [(Version, Version, Step); 29] = {
    use Version::{Pair, Single};
    use steps::{
        from_0_13, from_0_15, from_0_16, from_0_17, from_0_18, from_1_0, from_2_0, from_4, from_5,
        from_6, from_7, from_8, from_9, from_10, from_11, from_12, from_13, from_14, from_15,
        from_16, from_17, from_18, from_19, from_20, nothing,
    };
    [
        (Pair(0, 11), Pair(0, 12), nothing),
        (Pair(0, 12), Pair(0, 13), nothing),
        (Pair(0, 13), Pair(0, 14), from_0_13),
        (Pair(0, 14), Pair(0, 15), nothing),
        (Pair(0, 15), Pair(0, 16), from_0_15),
        (Pair(0, 16), Pair(0, 17), from_0_16),
        (Pair(0, 17), Pair(0, 18), from_0_17),
        (Pair(0, 18), Pair(0, 19), from_0_18),
        (Pair(0, 19), Pair(1, 0), nothing),
        (Pair(1, 0), Pair(2, 0), from_1_0),
        (Pair(2, 0), Pair(3, 0), from_2_0),
        (Pair(3, 0), Single(4), nothing),
        (Single(4), Single(5), from_4),
        (Single(5), Single(6), from_5),
        (Single(6), Single(7), from_6),
        (Single(7), Single(8), from_7),
        (Single(8), Single(9), from_8),
        (Single(9), Single(10), from_9),
        (Single(10), Single(11), from_10),
        (Single(11), Single(12), from_11),
        (Single(12), Single(13), from_12),
        (Single(13), Single(14), from_13),
        (Single(14), Single(15), from_14),
        (Single(15), Single(16), from_15),
        (Single(16), Single(17), from_16),
        (Single(17), Single(18), from_17),
        (Single(18), Single(19), from_18),
        (Single(19), Single(20), from_19),
        (Single(20), Single(21), from_20),
    ]
};

impl Upgrader {
    /// The state as the current version has it.
    pub(super) fn upgrade(&mut self, mut state: Value) -> Result<Value, Kind> {
        text_keys(&mut state);
        let mut version = version_of(&state)?;
        while version != Version::Single(FORMAT_VERSION) {
            let Some((_, to, step)) = STEPS.iter().find(|(from, _, _)| *from == version) else {
                return Err(match version {
                    Version::Single(n) if n > FORMAT_VERSION => Kind::TooNew(n.to_string()),
                    Version::Single(n) => Kind::UnknownVersion(n.to_string()),
                    Version::Pair(a, b) => Kind::UnknownVersion(format!("({a}, {b})")),
                });
            };
            step(self, &mut state)?;
            version = *to;
        }
        put(&mut state, "version", FORMAT_VERSION.into());
        Ok(state)
    }

    /// The same new identifier for the same connection.
    fn id(&mut self, side: Side, conn: &Value, address: &'static str) -> Result<String, Kind> {
        let start = at(conn, "timestamp_start")?;
        let key = format!(
            "{} {}",
            start.python_repr(64),
            at(conn, address)?.python_repr(1024)
        );
        if self.ids.len() >= MAX_CONNECTIONS {
            self.ids.clear();
        }
        let id = self.ids.entry((side, key));
        Ok(id.or_insert_with(|| Id::random().to_string()).clone())
    }
}

fn version_of(state: &Value) -> Result<Version, Kind> {
    let malformed = Kind::Malformed(ParseError::Literal);
    match state.get("version") {
        Some(Value::Int(n)) => Ok(Version::Single(*n)),
        Some(Value::List(parts)) => match parts.as_slice() {
            [Value::Int(a), Value::Int(b), ..] => Ok(Version::Pair(*a, *b)),
            _ => Err(malformed),
        },
        _ => Err(malformed),
    }
}

/// Makes the keys of dicts in dicts text: files before 0.18 have bytes.
fn text_keys(value: &mut Value) {
    let Value::Dict(pairs) = value else {
        return;
    };
    for (key, value) in pairs {
        if let Value::Bytes(bytes) = key {
            *key = Value::Text(String::from_utf8_lossy(bytes).into_owned());
        }
        text_keys(value);
    }
}
