//! The table of edges: ends, verbs and ids of a WHERE are looked up, the rest is read.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::common::stats::Precision;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::{Snapshot, When};
use ladybug_engine::space::address::Address;
use ladybug_engine::table::{EdgeScan, edge_batches, edge_schema};

use super::super::catalog::schema_of;
use super::super::error::engine;
use super::super::statement::Statement;
use super::condition::{self, Condition};
use super::scan::{Batches, Scan, Source};

/// The edges of a space, now or then.
#[derive(Clone, Debug)]
pub(in super::super) struct EdgesTable {
    pub(in super::super) statement: Arc<Statement>,
    pub(in super::super) space: SpaceId,
    pub(in super::super) when: Option<When>,
}

impl EdgesTable {
    pub(in super::super) fn new(
        statement: Arc<Statement>,
        space: SpaceId,
        when: Option<When>,
    ) -> Self {
        Self {
            statement,
            space,
            when,
        }
    }
}

/// The one condition on an edge that a filter is.
fn read(filter: &Expr) -> Option<Condition> {
    // Columns of the same names as those of nodes mean something else here.
    let condition = condition::read(filter)?;
    let is_known = match &condition {
        Condition::Numbers("id", _) => true,
        Condition::Numbers("source" | "target" | "source_address", one) => one.len() == 1,
        Condition::Texts("verb", one) => one.len() == 1,
        _ => false,
    };
    is_known.then_some(condition)
}

/// The scan that conditions lead to; none where they contradict each other or name what is not there.
fn scan_of(snapshot: &Snapshot, conditions: &[Condition]) -> Option<EdgeScan> {
    let mut scan = EdgeScan::default();
    for condition in conditions {
        match condition {
            Condition::Numbers("id", ids) => match &mut scan.ids {
                Some(before) => before.retain(|id| ids.contains(id)),
                None => scan.ids = Some(ids.clone()),
            },
            Condition::Numbers(end, one) => {
                let address = match *end {
                    "source_address" => Address(u16::try_from(one[0]).ok()?),
                    _ => snapshot.state.find_id(one[0])?,
                };
                let place = match *end {
                    "target" => &mut scan.target,
                    _ => &mut scan.source,
                };
                if place.is_some_and(|before| before != address) {
                    return None;
                }
                *place = Some(address);
            }
            Condition::Texts(_, one) => {
                // As it is written: verbs are found in any case, but a comparison is exact.
                let verbs = snapshot.state.verbs();
                let (slot, _) = verbs.iter().find(|(_, name)| *name == one[0])?;
                if scan.verb.is_some_and(|before| before != slot) {
                    return None;
                }
                scan.verb = Some(slot);
            }
            _ => {}
        }
    }
    Some(scan)
}

#[async_trait]
impl TableProvider for EdgesTable {
    fn schema(&self) -> SchemaRef {
        edge_schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let of = |filter: &&Expr| match read(filter) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(of).collect())
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let snapshot = match self.when {
            None => self.statement.snapshot(self.space)?,
            Some(when) => self.statement.past(self.space, when)?,
        };
        let conditions: Vec<_> = filters.iter().filter_map(read).collect();
        let scan = scan_of(&snapshot, &conditions);
        if self.when.is_none() {
            let all = 0..=u8::MAX;
            let of = |source: Address| source.prefix()..=source.prefix();
            let source = scan.as_ref().and_then(|scan| scan.source);
            self.statement.note_edge_scan(source.map_or(all, of))?;
        }
        let schema = match projection {
            None => edge_schema(),
            Some(places) => Arc::new(edge_schema().project(places)?),
        };
        let mut text = format!(
            "EdgesScan: {}, version={}",
            schema_of(self.statement.engine(), self.space),
            snapshot.state.version(),
        );
        let names: Vec<_> = schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        let _ = write!(text, ", columns=[{}]", names.join(", "));
        for condition in &conditions {
            let _ = match condition {
                Condition::Numbers(column, numbers) => write!(text, ", {column}={numbers:?}"),
                Condition::Texts(column, texts) => write!(text, ", {column}={texts:?}"),
                _ => Ok(()),
            };
        }
        if let Some(limit) = limit {
            let _ = write!(text, ", limit={limit}");
        }
        let scan = scan.map(|scan| EdgeScan {
            projection: projection.cloned(),
            limit,
            ..scan
        });
        let edges = snapshot.state.graph().len();
        let rows = Precision::Inexact(limit.map_or(edges, |limit| limit.min(edges)));
        let source = EdgesSource {
            text,
            snapshot,
            scan,
        };
        Ok(Arc::new(Scan::new(Arc::new(source), schema, 1, rows)))
    }
}

/// Reads edges.
struct EdgesSource {
    text: String,
    snapshot: Arc<Snapshot>,
    scan: Option<EdgeScan>,
}

impl std::fmt::Debug for EdgesSource {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.text)
    }
}

impl Source for EdgesSource {
    fn batches(&self, _: usize) -> Result<Batches> {
        let Some(scan) = self.scan.clone() else {
            return Ok(Box::new(std::iter::empty()));
        };
        let batches = edge_batches(Arc::clone(&self.snapshot), scan);
        Ok(Box::new(batches.map(|batch| batch.map_err(engine))))
    }

    fn describe(&self) -> String {
        self.text.clone()
    }
}
