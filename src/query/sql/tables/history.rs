//! The table of history: every version of every node that is remembered, newest first.
//!
//! A row is a node as a commit left it, or, if the commit removed it, as it found it. What was there before the oldest
//! commit that is remembered comes last, as `base`.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::common::stats::Precision;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use ladybug_engine::commit::difference::changed_slots;
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::{Snapshot, Version, Versions};
use ladybug_engine::space::address::Address;
use ladybug_engine::space::schema::{node_fields, time_type};
use ladybug_engine::space::state::State;
use ladybug_engine::table::{NodeScan, node_batches};

use super::super::catalog::schema_of;
use super::super::error::{SqlError, engine};
use super::super::statement::Statement;
use super::scan::{Batches, Scan, Source, coalesced};

/// Columns in front of those of a node.
const OWN: usize = 3;

/// The columns: which commit, when, what it did, and the node.
pub(super) fn schema() -> SchemaRef {
    let mut fields = vec![
        Field::new("commit", DataType::UInt64, false),
        Field::new("committed", time_type(), false),
        Field::new("operation", DataType::Utf8, false),
    ];
    fields.extend(node_fields());
    Arc::new(Schema::new(fields))
}

/// The versions of a space's nodes.
#[derive(Debug)]
pub(super) struct HistoryTable {
    statement: Arc<Statement>,
    space: SpaceId,
}

impl HistoryTable {
    pub(super) fn new(statement: Arc<Statement>, space: SpaceId) -> Self {
        Self { statement, space }
    }
}

#[async_trait]
impl TableProvider for HistoryTable {
    fn schema(&self) -> SchemaRef {
        schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if self.statement.transaction.is_some() {
            return Err(SqlError::Unsupported(
                "history is what others have committed meanwhile too; read it outside of a transaction".into(),
            )
            .into());
        }
        let newest = self.statement.snapshot(self.space)?.state.version();
        let all: Vec<usize> = (0..schema().fields().len()).collect();
        let projection = projection.cloned().unwrap_or(all);
        let projected = Arc::new(schema().project(&projection)?);
        let source = HistorySource {
            text: format!(
                "HistoryScan: {}, version={newest}",
                schema_of(self.statement.engine(), self.space)
            ),
            statement: Arc::clone(&self.statement),
            space: self.space,
            newest,
            schema: Arc::clone(&projected),
            projection,
            limit: limit.unwrap_or(usize::MAX),
        };
        Ok(Arc::new(Scan::new(
            Arc::new(source),
            projected,
            1,
            Precision::Absent,
        )))
    }
}

/// Reads versions.
struct HistorySource {
    text: String,
    statement: Arc<Statement>,
    space: SpaceId,
    /// The version that the statement sees; later ones are left out.
    newest: u64,
    schema: SchemaRef,
    projection: Vec<usize>,
    limit: usize,
}

impl std::fmt::Debug for HistorySource {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.text)
    }
}

impl Source for HistorySource {
    fn batches(&self, _: usize) -> Result<Batches> {
        // What was committed after the statement's moment is left out, and so reveals nothing.
        let (versions, _) = self.statement.engine().versions(self.space);
        let rows = Rows {
            versions: Some(versions),
            newest: self.newest,
            schema: Arc::clone(&self.schema),
            projection: self.projection.clone(),
            left: self.limit,
            parts: VecDeque::new(),
        };
        Ok(coalesced(Box::new(rows), Arc::clone(&self.schema)))
    }

    fn describe(&self) -> String {
        self.text.clone()
    }
}

/// Some nodes of a state that a commit made or found.
struct Part {
    state: Arc<State>,
    addresses: Vec<Address>,
    commit: u64,
    committed: i64,
    operation: &'static str,
}

/// The batches of a history.
struct Rows {
    versions: Option<Versions>,
    newest: u64,
    schema: SchemaRef,
    projection: Vec<usize>,
    left: usize,
    parts: VecDeque<Part>,
}

impl Rows {
    /// What a commit did to nodes.
    fn parts(version: &Version) -> impl Iterator<Item = Part> {
        let (before, after) = (&version.before, &version.after);
        let (mut made, mut changed, mut removed) = (Vec::new(), Vec::new(), Vec::new());
        for prefix in 0..=u8::MAX {
            for slot in changed_slots(before.chunk(prefix), after.chunk(prefix)) {
                let address = Address::new(prefix, slot);
                let id = |state: &State| {
                    let node = state.node(address).filter(|node| !node.is_edge());
                    node.map(|node| node.id())
                };
                match id(after) {
                    Some(id) if before.find_id(id).is_some() => changed.push(address),
                    Some(_) => made.push(address),
                    None => {}
                }
                if id(before).is_some_and(|id| after.find_id(id).is_none()) {
                    removed.push(address);
                }
            }
        }
        let (commit, committed) = (version.mark.version, version.mark.committed);
        let part = move |(state, addresses, operation): (&Arc<State>, _, _)| Part {
            state: Arc::clone(state),
            addresses,
            commit,
            committed,
            operation,
        };
        let parts = [
            (after, made, "insert"),
            (after, changed, "update"),
            (before, removed, "delete"),
        ];
        let parts = parts.map(part);
        parts.into_iter().filter(|part| !part.addresses.is_empty())
    }

    /// The next part, while there is one.
    fn next_part(&mut self) -> Option<Part> {
        loop {
            if let Some(part) = self.parts.pop_front() {
                return Some(part);
            }
            let versions = self.versions.as_mut()?;
            match versions.next() {
                Some(version) if version.mark.version > self.newest => {}
                Some(version) => self.parts.extend(Self::parts(&version)),
                None => {
                    let state = Arc::clone(versions.state());
                    self.versions = None;
                    let all = Snapshot::bare(Arc::clone(&state), i64::MIN);
                    let addresses: Vec<_> = all.view().nodes().map(|node| node.address()).collect();
                    return Some(Part {
                        addresses,
                        commit: state.version(),
                        committed: state.committed(),
                        operation: "base",
                        state,
                    });
                }
            }
        }
    }

    fn batches(&mut self, part: Part) -> Result<VecDeque<RecordBatch>> {
        let of_node = self.projection.iter().filter(|place| **place >= OWN);
        let scan = NodeScan {
            addresses: Some(part.addresses),
            projection: Some(of_node.map(|place| place - OWN).collect()),
            limit: Some(self.left),
            ..NodeScan::default()
        };
        // Whatever had expired: it was there until it was removed.
        let snapshot = Arc::new(Snapshot::bare(part.state, i64::MIN));
        let mut batches = VecDeque::new();
        for batch in node_batches(snapshot, scan) {
            let batch = batch.map_err(engine)?;
            let rows = batch.num_rows();
            let mut of_node = batch.columns().iter();
            let column = |place: &usize| -> ArrayRef {
                match place {
                    0 => Arc::new(UInt64Array::from_value(part.commit, rows)),
                    1 => Arc::new(TimestampMicrosecondArray::from_value(part.committed, rows)),
                    2 => Arc::new(StringArray::from(vec![part.operation; rows])),
                    _ => Arc::clone(of_node.next().expect("invariant: it was projected")),
                }
            };
            let columns = self.projection.iter().map(column).collect();
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            self.left -= rows;
            batches.push_back(RecordBatch::try_new_with_options(
                Arc::clone(&self.schema),
                columns,
                &options,
            )?);
        }
        Ok(batches)
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.left > 0 {
            let part = self.next_part()?;
            match self.batches(part) {
                Ok(mut batches) => match (batches.pop_front(), batches.is_empty()) {
                    (None, _) => {}
                    (Some(batch), true) => return Some(Ok(batch)),
                    (Some(batch), false) => {
                        batches.push_front(batch);
                        let all: Vec<_> = batches.into();
                        let one = arrow::compute::concat_batches(&self.schema, &all);
                        return Some(one.map_err(Into::into));
                    }
                },
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }
}
