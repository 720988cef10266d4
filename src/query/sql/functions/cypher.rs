//! `cypher('…')` after FROM: the rows of a Cypher statement that only reads, at the moment of the SQL statement.
//!
//! What columns it has shows when it has run, so that it runs while the SQL statement is planned.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, Result};
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::Snapshot;

use super::super::error::SqlError;
use super::super::statement::Statement;
use super::super::tables::Listed;
use crate::query::cypher;
use crate::query::cypher::census::Unknown;
use crate::query::cypher::error::{CypherError, ErrorType};
use crate::query::cypher::execute::Access;
use crate::query::cypher::memory::Memory;
use crate::query::cypher::procedures::BuiltIn;
use crate::query::cypher::value::Map;

/// The snapshot that a statement reads, and who waits for it.
struct Here<'s> {
    statement: &'s Statement,
    snapshot: Arc<Snapshot>,
    is_encoded: bool,
}

impl Memory for Here<'_> {
    fn check(&self) -> cypher::error::Result<()> {
        if self.statement.is_left() {
            return Err(CypherError::left());
        }
        Ok(self.snapshot.check()?)
    }

    fn snapshot(&self) -> Option<&Snapshot> {
        self.is_encoded.then_some(&self.snapshot)
    }
}

/// The table of a Cypher statement's rows.
pub(super) fn table(
    statement: &Arc<Statement>,
    space: SpaceId,
    text: &str,
) -> Result<Arc<dyn TableProvider>> {
    let prepared =
        cypher::Statement::prepare(text, &Map::new(), &BuiltIn, &Unknown).map_err(refused)?;
    if prepared.writes() {
        return Err(SqlError::statement(
            "expected a Cypher statement that only reads; the command CYPHER runs others",
        )
        .into());
    }
    if prepared.columns().is_empty() {
        return Err(SqlError::statement("expected a Cypher statement that returns columns").into());
    }
    let is_encoded = prepared.reads_fingerprints();
    let snapshot = match is_encoded {
        true => statement.encoded(space)?,
        false => statement.snapshot(space)?,
    };
    statement.note_scan(0..=u8::MAX)?;
    statement.note_edge_scan(0..=u8::MAX)?;
    let memory = Here {
        statement,
        snapshot: Arc::clone(&snapshot),
        is_encoded,
    };
    let access = Access::Read(snapshot.view());
    let mut limits = statement.shared.cypher;
    if let Some(timeout) = statement.timeout {
        limits.time = limits.time.min(timeout);
    }
    let answer = prepared.run(access, &memory, limits).map_err(refused)?;
    let rows = cypher::columns::batch(&answer)?;
    Ok(Arc::new(Listed::constant("cypher", rows)))
}

fn refused(error: CypherError) -> DataFusionError {
    match error.engine {
        Some(engine) => SqlError::Engine(*engine).into(),
        None if error.kind == ErrorType::LimitExceeded => SqlError::Limit(error.to_string()).into(),
        None => SqlError::Statement(error.to_string()).into(),
    }
}
