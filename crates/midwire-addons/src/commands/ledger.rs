//! What was not captured: `ledger.show`, `ledger.reset`.

use midwire_core::commands::{Cell, CommandError, CommandValue};

use super::{Registrar, nothing};

pub(super) fn register(registrar: &Registrar<'_>) -> Result<(), CommandError> {
    registrar.quick("ledger.show", |kernel, _| {
        let rows = kernel.ledger().rows().into_iter().map(|row| {
            let ago = row.last.elapsed().unwrap_or_default().as_secs();
            [
                row.host,
                row.reason.text().to_owned(),
                row.count.to_string(),
                ago.to_string(),
            ]
            .map(Cell::Str)
            .to_vec()
        });
        Ok(CommandValue::Table(rows.collect()))
    })?;
    registrar.quick("ledger.reset", |kernel, _| {
        kernel.ledger().reset();
        nothing()
    })
}
