//! One stored flow and what belongs to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use midwire_flow::{Content, Flow, HttpFlow, WebSocketData};

use super::order::Key;
use crate::hooks::FlowRef;

pub(super) struct Entry {
    pub(super) flow: Arc<Flow>,
    /// What the flow is sorted by at present, also while it is hidden.
    pub(super) key: Key,
    pub(super) shown: bool,
    /// Its content was dropped to save memory.
    pub(super) evicted: bool,
    pub(super) weight: Weight,
    /// The number of its last change.
    pub(super) version: u64,
    said: Said,
    pub(super) settings: BTreeMap<String, String>,
}

/// Mark and comment that the owner of a running flow gave last. A user's own are kept until it gives others.
struct Said {
    marked: String,
    comment: String,
}

/// Bytes of content that a flow holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    pub(super) memory: u64,
    pub(super) disk: u64,
    /// Part of `memory` that can be moved to the temporary file.
    pub(super) movable: u64,
}

/// Content smaller than this stays in memory: its place in the file would take about as much.
pub(super) const WORTH_MOVING: u64 = 512;

impl Entry {
    pub(super) fn new(flow: Flow, key: Key) -> Self {
        let info = flow.info();
        let said = Said {
            marked: info.marked.clone(),
            comment: info.comment.clone(),
        };
        Self {
            flow: Arc::new(flow),
            key,
            shown: false,
            evicted: false,
            weight: Weight::default(),
            version: 0,
            said,
            settings: BTreeMap::new(),
        }
    }

    /// Takes over the state of a running flow. Mark and comment of the user stay.
    pub(super) fn absorb(&mut self, new: FlowRef<'_>) {
        let marked = self.flow.info().marked.clone();
        let comment = self.flow.info().comment.clone();
        if !append(&mut self.flow, new) {
            self.flow = Arc::new(new.to_flow());
        }
        let said = new.info();
        let marks_anew = said.marked != self.said.marked;
        let comments_anew = said.comment != self.said.comment;
        if !(marks_anew || said.marked == marked) {
            Arc::make_mut(&mut self.flow).info_mut().marked = marked;
        }
        if !(comments_anew || said.comment == comment) {
            Arc::make_mut(&mut self.flow).info_mut().comment = comment;
        }
        if marks_anew {
            self.said.marked.clone_from(&said.marked);
        }
        if comments_anew {
            self.said.comment.clone_from(&said.comment);
        }
        self.evicted = false;
    }

    /// True if nobody can change the flow any more but through the store.
    pub(super) fn is_finished(&self) -> bool {
        let info = self.flow.info();
        !info.live && !info.intercepted
    }
}

/// A conversation that has only grown gets its new messages; copying all of them each time would be quadratic.
fn append(old: &mut Arc<Flow>, new: FlowRef<'_>) -> bool {
    let Some(old) = Arc::get_mut(old) else {
        return false;
    };
    match (old, new) {
        (Flow::Tcp(old), FlowRef::Tcp(new)) | (Flow::Udp(old), FlowRef::Udp(new)) => {
            let same = |a: usize| {
                let at = |messages: &[midwire_flow::StreamMessage]| {
                    messages.get(a).map(|message| place(&message.content))
                };
                at(&old.messages) == at(&new.messages)
            };
            let Some(rest) = grown(old.messages.len(), &new.messages, same) else {
                return false;
            };
            old.messages.extend_from_slice(rest);
            old.info = new.info.clone();
            true
        }
        (Flow::Http(old), FlowRef::Http(new)) => append_websocket(old, new),
        _ => false,
    }
}

fn append_websocket(old: &mut HttpFlow, new: &HttpFlow) -> bool {
    let (Some(was), Some(now)) = (&mut old.websocket, &new.websocket) else {
        return false;
    };
    let same = |a: usize| {
        let at = |data: &WebSocketData| data.messages.get(a).map(|message| place(&message.content));
        at(was) == at(now)
    };
    let Some(rest) = grown(was.messages.len(), &now.messages, same) else {
        return false;
    };
    let mut messages = std::mem::take(&mut was.messages);
    messages.extend_from_slice(rest);
    *old = HttpFlow {
        info: new.info.clone(),
        request: new.request.clone(),
        response: new.response.clone(),
        websocket: Some(WebSocketData {
            messages,
            closed_by_client: now.closed_by_client,
            close_code: now.close_code,
            close_reason: now.close_reason.clone(),
            timestamp_end: now.timestamp_end,
        }),
    };
    true
}

/// The new ones of messages of which `before` are known; the last known one tells whether they were replaced.
fn grown<T>(before: usize, now: &[T], same: impl Fn(usize) -> bool) -> Option<&[T]> {
    let last = before.checked_sub(1);
    if last.is_some_and(|last| !same(last)) {
        return None;
    }
    now.get(before..)
}

/// Where bytes lie: equal places hold the same bytes.
pub(super) fn place(bytes: &Bytes) -> (*const u8, usize) {
    (bytes.as_ptr(), bytes.len())
}

/// What the content of a flow takes. Bytes that several flows share are counted for each.
pub(super) fn weigh(flow: &Flow) -> Weight {
    let mut weight = Weight::default();
    match flow {
        Flow::Http(http) => {
            for content in contents(http) {
                match content {
                    Content::Memory(bytes) => {
                        let size = bytes.len() as u64;
                        weight.memory += size;
                        weight.movable += if size >= WORTH_MOVING { size } else { 0 };
                    }
                    Content::Spilled(spill) => weight.disk += spill.len(),
                    Content::Missing | Content::Passed { .. } => {}
                }
            }
            let messages = http.websocket.iter().flat_map(|data| &data.messages);
            weight.memory += messages
                .map(|message| message.content.len() as u64)
                .sum::<u64>();
        }
        Flow::Tcp(flow) | Flow::Udp(flow) => {
            let messages = flow.messages.iter();
            weight.memory += messages
                .map(|message| message.content.len() as u64)
                .sum::<u64>();
        }
        Flow::Dns(_) => {}
    }
    weight
}

fn contents(http: &HttpFlow) -> impl Iterator<Item = &Content> {
    let response = http.response.as_ref().map(|response| &response.content);
    std::iter::once(&http.request.content).chain(response)
}

pub(super) fn contents_mut(http: &mut HttpFlow) -> impl Iterator<Item = &mut Content> {
    let response = http.response.as_mut().map(|response| &mut response.content);
    std::iter::once(&mut http.request.content).chain(response)
}

/// Drops all content; of requests and responses the size stays.
pub(super) fn drop_content(flow: &mut Flow) {
    match flow {
        Flow::Http(http) => {
            for content in contents_mut(http) {
                if content.is_present() {
                    *content = Content::Passed {
                        size: content.size().unwrap_or_default(),
                    };
                }
            }
            if let Some(data) = &mut http.websocket {
                data.messages = Vec::new();
            }
        }
        Flow::Tcp(flow) | Flow::Udp(flow) => flow.messages = Vec::new(),
        Flow::Dns(_) => {}
    }
    // A backup shares the content.
    flow.info_mut().backup = None;
}
