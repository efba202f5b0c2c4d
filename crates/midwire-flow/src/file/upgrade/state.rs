//! States as dicts to be changed.

use super::Kind;
use crate::Value;

pub(super) fn at<'a>(state: &'a Value, key: &'static str) -> Result<&'a Value, Kind> {
    state.get(key).ok_or(Kind::MissingKey(key))
}

pub(super) fn at_mut<'a>(state: &'a mut Value, key: &'static str) -> Result<&'a mut Value, Kind> {
    find(state, key).ok_or(Kind::MissingKey(key))
}

pub(super) fn find<'a>(state: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    let Value::Dict(pairs) = state else {
        return None;
    };
    pairs
        .iter_mut()
        .find(|(k, _)| k.as_text() == Some(key))
        .map(|(_, v)| v)
}

/// The dict under a key, if there is one that is not null.
pub(super) fn find_dict<'a>(state: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    find(state, key).filter(|value| matches!(value, Value::Dict(pairs) if !pairs.is_empty()))
}

pub(super) fn put(state: &mut Value, key: &str, value: Value) {
    if let Some(old) = find(state, key) {
        *old = value;
    } else if let Value::Dict(pairs) = state {
        pairs.push((key.into(), value));
    }
}

pub(super) fn put_default(state: &mut Value, key: &str, value: Value) {
    if state.get(key).is_none() {
        put(state, key, value);
    }
}

pub(super) fn take(state: &mut Value, key: &str) -> Option<Value> {
    let Value::Dict(pairs) = state else {
        return None;
    };
    let index = pairs.iter().position(|(k, _)| k.as_text() == Some(key))?;
    Some(pairs.remove(index).1)
}

pub(super) fn need(state: &mut Value, key: &'static str) -> Result<Value, Kind> {
    take(state, key).ok_or(Kind::MissingKey(key))
}

pub(super) fn rename(state: &mut Value, from: &'static str, to: &str) -> Result<(), Kind> {
    let value = need(state, from)?;
    put(state, to, value);
    Ok(())
}

/// Like [`rename`], but with null for a key that is not there.
pub(super) fn rename_or_null(state: &mut Value, from: &str, to: &str) {
    let value = take(state, from).unwrap_or(Value::Null);
    put(state, to, value);
}

/// Does something to the server connection, and to the one that it went through if there is one.
pub(super) fn each_server(
    state: &mut Value,
    mut change: impl FnMut(&mut Value) -> Result<(), Kind>,
) -> Result<(), Kind> {
    let server = at_mut(state, "server_conn")?;
    change(server)?;
    find_dict(server, "via").map_or(Ok(()), change)
}

pub(super) fn list_of(value: Value) -> Value {
    Value::List(if value.is_truthy() {
        vec![value]
    } else {
        Vec::new()
    })
}

/// A dict of these pairs.
pub(super) fn dict<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    Value::Dict(pairs.into_iter().map(|(k, v)| (k.into(), v)).collect())
}
