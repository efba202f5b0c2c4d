//! Field names and types from a `.proto` file.

mod field;
mod schema;

use std::path::{Path, PathBuf};

use field::Field;
use schema::Schema;

use crate::{MessageKind, Metadata, ViewError};

/// Largest `.proto` file that is read.
const FILE_BYTES: u64 = 4 << 20;
/// Most files that one definition may import.
const MAX_FILES: usize = 64;

/// What the option `protobuf_definitions` names, or nothing.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    schema: Schema,
}

/// A message type within its definitions.
#[derive(Debug, Clone, Copy)]
pub(super) struct MessageType<'a> {
    schema: &'a Schema,
    message: &'a schema::Message,
}

impl Definitions {
    /// Reads the file that the option names and what it imports from the same folder.
    pub(super) fn load(meta: &Metadata<'_>) -> Result<Self, ViewError> {
        let mut schema = Schema::default();
        let Some(path) = meta.protobuf_definitions.filter(|path| !path.is_empty()) else {
            return Ok(Self { schema });
        };
        let main = PathBuf::from(path);
        let folder = main.parent().map(Path::to_path_buf).unwrap_or_default();
        let mut seen = vec![main.clone()];
        let mut waiting = vec![main];
        while let Some(path) = waiting.pop() {
            for import in schema.add(&read(&path)?)? {
                let path = folder.join(import);
                // The types of Google that are part of every installation need not lie there.
                if seen.contains(&path) || seen.len() >= MAX_FILES || !path.is_file() {
                    continue;
                }
                seen.push(path.clone());
                waiting.push(path);
            }
        }
        Ok(Self { schema })
    }

    /// Type of the messages of a gRPC call: that of the method in the path, else as for other bodies.
    pub(super) fn for_call(&self, meta: &Metadata<'_>) -> Option<MessageType<'_>> {
        self.for_body(meta)
    }

    /// Type of a body: by the path if it names a method, else the type of the first method, else the first message.
    pub(super) fn for_body(&self, meta: &Metadata<'_>) -> Option<MessageType<'_>> {
        let path = meta.path.unwrap_or("").split('?').next().unwrap_or("");
        let method = self
            .schema
            .methods
            .iter()
            .find(|method| method.path == path)
            .or(self.schema.methods.first());
        let message = match method {
            Some(method) if meta.message == MessageKind::Response => {
                self.schema.message(&method.output)
            }
            Some(method) => self.schema.message(&method.input),
            None => self.schema.messages.first(),
        };
        message.map(|message| MessageType {
            schema: &self.schema,
            message,
        })
    }
}

impl<'a> MessageType<'a> {
    pub(super) fn field(self, number: u32) -> Option<Field<'a>> {
        let field = self
            .message
            .fields
            .iter()
            .find(|field| field.number == number)?;
        Some(Field::new(self.schema, self.message, field))
    }

    pub(super) fn field_named(self, name: &str) -> Option<Field<'a>> {
        let field = self
            .message
            .fields
            .iter()
            .find(|field| field.name == name)?;
        Some(Field::new(self.schema, self.message, field))
    }
}

fn read(path: &Path) -> Result<String, ViewError> {
    let fail = |error: std::io::Error| {
        ViewError::Other(format!("cannot read {}: {error}", path.display()))
    };
    if std::fs::metadata(path).map_err(fail)?.len() > FILE_BYTES {
        return Err(ViewError::TooLarge(FILE_BYTES as usize));
    }
    std::fs::read_to_string(path).map_err(fail)
}

#[cfg(test)]
mod tests;
