//! Content that passes through a function of a script.

use std::sync::Arc;

use bytes::Bytes;
use midwire_core::BoxFuture;
use midwire_core::hooks::{Part, StreamFilter};
use midwire_flow::{Id, Value};

use crate::frame::Op;
use crate::worker::Worker;

/// Largest piece that crosses at once; larger ones are cut.
const PIECE_MAX: usize = 1 << 20;

/// One message that is streamed through a function.
pub(super) struct ScriptStream {
    pub(super) worker: Arc<Worker>,
    pub(super) flow: Id,
    pub(super) part: Part,
}

impl ScriptStream {
    /// Gives a piece to the function; the empty piece is the end.
    async fn pass(&self, chunk: Bytes) -> Result<Vec<Bytes>, String> {
        let part = match self.part {
            Part::Request => 0,
            Part::Response => 1,
        };
        let id = self.flow.to_string();
        let answer = self
            .worker
            .call_mirrored(Op::Stream, part, |w, _| {
                w.tuple(2);
                w.text(&id);
                w.bytes(&chunk);
            })
            .await
            .map_err(|error| format!("stream function of a script: {error}"))?;
        let Value::List(pieces) = answer else {
            return Err("stream function of a script gave no bytes".to_owned());
        };
        let pieces = pieces.into_iter().filter_map(|piece| match piece {
            Value::Bytes(bytes) if !bytes.is_empty() => Some(bytes),
            _ => None,
        });
        Ok(pieces.collect())
    }
}

impl StreamFilter for ScriptStream {
    fn chunk(&mut self, mut chunk: Bytes) -> BoxFuture<'_, Result<Vec<Bytes>, String>> {
        Box::pin(async move {
            let mut out = Vec::new();
            while !chunk.is_empty() {
                let piece = chunk.split_to(chunk.len().min(PIECE_MAX));
                out.append(&mut self.pass(piece).await?);
            }
            Ok(out)
        })
    }

    fn end(&mut self) -> BoxFuture<'_, Result<Vec<Bytes>, String>> {
        Box::pin(self.pass(Bytes::new()))
    }
}
