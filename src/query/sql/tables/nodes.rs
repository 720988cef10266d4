//! The table of nodes: what of a WHERE it answers itself, and its plans.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{SchemaRef, UInt16Type};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::{NodeRef, Snapshot, When};
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::search::{Recall, Scope, TopK, top_k};
use ladybug_engine::space::address::{Address, CHUNKS};
use ladybug_engine::space::column::SlotSet;
use ladybug_engine::table::{FINGERPRINT, NodeScan, node_batches, node_schema};

use super::super::error::engine;
use super::super::statement::Statement;
use super::condition::{self, Condition};
use super::scan::{BATCH_ROWS, Batches, Scan, Source, coalesced, picked};

/// From how many nodes on a scan is worth several threads.
const PARALLEL_NODES_MIN: usize = 16_384;
/// Place of `address` among the columns.
const ADDRESS: usize = 1;

/// The nodes of a space, now or then.
#[derive(Clone, Debug)]
pub(in super::super) struct NodesTable {
    pub(in super::super) statement: Arc<Statement>,
    pub(in super::super) space: SpaceId,
    pub(in super::super) when: Option<When>,
    /// Only the nearest of those that the filters let through.
    pub(in super::super) nearest: Option<Nearest>,
}

/// A search in place of a sort.
#[derive(Clone, Debug)]
pub(in super::super) struct Nearest {
    /// What to be near to.
    pub(in super::super) query: Arc<Fingerprint>,
    /// How many.
    pub(in super::super) k: usize,
    /// What must hold of them beside the filters, all of these.
    pub(in super::super) predicates: Vec<Expr>,
}

impl NodesTable {
    pub(in super::super) fn new(
        statement: Arc<Statement>,
        space: SpaceId,
        when: Option<When>,
    ) -> Self {
        Self {
            statement,
            space,
            when,
            nearest: None,
        }
    }

    /// The snapshot to read, encoded if whoever reads it wants many fingerprints.
    fn snapshot(&self, wants_fingerprints: bool) -> Result<Arc<Snapshot>> {
        match (self.when, wants_fingerprints) {
            (Some(when), false) => self.statement.past(self.space, when),
            (Some(when), true) => {
                let then = self.statement.past(self.space, when)?;
                Ok(Arc::new(self.statement.engine().encoded(self.space, &then)))
            }
            (None, false) => self.statement.snapshot(self.space),
            (None, true) => self.statement.encoded(self.space),
        }
    }

    /// Tells the transaction, if there is one, what this scan reads of the present.
    fn note(&self, conditions: &[Condition], scan: &NodeScan) -> Result<()> {
        if self.when.is_some() || self.statement.transaction.is_none() {
            return Ok(());
        }
        for condition in conditions {
            let nodes: Vec<NodeRef<'_>> = match condition {
                Condition::Texts("name", names) => names
                    .iter()
                    .map(|name| NodeRef::Name(name.as_bytes()))
                    .collect(),
                Condition::Numbers("id", ids) => ids.iter().map(|id| NodeRef::Id(*id)).collect(),
                Condition::Numbers(_, addresses) => {
                    let known = addresses.iter().filter_map(|raw| u16::try_from(*raw).ok());
                    known.map(|raw| NodeRef::Address(Address(raw))).collect()
                }
                _ => continue,
            };
            return self.statement.note(&nodes);
        }
        self.statement.note_scan(scan.prefixes.clone())
    }
}

/// The scan that conditions lead to.
fn scan_of(snapshot: &Snapshot, conditions: &[Condition]) -> NodeScan {
    let state = &snapshot.state;
    let mut scan = NodeScan::default();
    let mut only: Option<BTreeSet<Address>> = None;
    let mut narrow = |addresses: BTreeSet<Address>| {
        only = Some(match only.take() {
            None => addresses,
            Some(before) => before.intersection(&addresses).copied().collect(),
        });
    };
    for condition in conditions {
        match condition {
            Condition::Texts(_, names) => {
                narrow(
                    names
                        .iter()
                        .filter_map(|name| state.find(name.as_bytes()))
                        .collect(),
                );
            }
            Condition::Numbers("id", ids) => {
                narrow(ids.iter().filter_map(|id| state.find_id(*id)).collect());
            }
            Condition::Numbers(_, addresses) => {
                let known = addresses.iter().filter_map(|raw| u16::try_from(*raw).ok());
                narrow(known.map(Address).collect());
            }
            Condition::Between(low, high) => {
                let (first, last) = (Address(*low), Address(*high));
                let start = first.prefix().max(*scan.prefixes.start());
                let end = last.prefix().min(*scan.prefixes.end());
                scan.prefixes = start..=end;
                if first.slot() > 0 || last.slot() < u8::MAX || low > high {
                    narrow((*low..=*high).map(Address).collect());
                }
            }
            Condition::Zone(zone) => match (zone, scan.filter.zone) {
                (Some(zone), None) => scan.filter.zone = Some(*zone),
                (Some(zone), Some(before)) if *zone == before => {}
                _ => narrow(BTreeSet::new()),
            },
            Condition::NameBegins(start) => {
                let start = start.as_bytes();
                match &scan.filter.name_prefix {
                    Some(before) if before.starts_with(start) => {}
                    Some(before) if !start.starts_with(before) => narrow(BTreeSet::new()),
                    _ => scan.filter.name_prefix = Some(start.into()),
                }
            }
            Condition::RungMax(max) => {
                let before = scan.filter.rung_max.unwrap_or(u8::MAX);
                scan.filter.rung_max = Some(before.min(*max));
            }
            Condition::Kind(kind) => match &scan.filter.kind {
                None => scan.filter.kind = Some(kind.as_str().into()),
                Some(before) if **before == **kind => {}
                Some(_) => {
                    let has = |node: &ladybug_engine::space::chunk::Node<'_>| {
                        node.kinds().iter().any(|of| **of == **kind)
                    };
                    narrow(
                        snapshot
                            .view()
                            .nodes()
                            .filter(has)
                            .map(|node| node.address())
                            .collect(),
                    );
                }
            },
        }
    }
    scan.addresses = only.map(|only| only.into_iter().collect());
    scan
}

#[async_trait]
impl TableProvider for NodesTable {
    fn schema(&self) -> SchemaRef {
        node_schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters.iter().map(|filter| pushdown(filter)).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let conditions: Vec<_> = filters.iter().filter_map(condition::read).collect();
        let projection = projection.cloned();
        let wants = projection
            .as_ref()
            .is_none_or(|places| places.contains(&FINGERPRINT));
        let is_lookup = |condition: &Condition| {
            matches!(condition, Condition::Texts(..) | Condition::Numbers(..))
        };
        let reads_many = wants && !conditions.iter().any(is_lookup);
        let snapshot = self.snapshot(reads_many || self.nearest.is_some())?;
        let mut scan = scan_of(&snapshot, &conditions);
        self.note(&conditions, &scan)?;
        scan.projection = projection;
        scan.limit = limit.filter(|_| self.nearest.is_none());
        scan.accesses = match self.when {
            None => self.statement.engine().accesses(self.space),
            Some(_) => None,
        };
        let schema = match &scan.projection {
            None => node_schema(),
            Some(places) => Arc::new(node_schema().project(places)?),
        };
        let place = format!(
            "{}, version={}",
            super::super::catalog::schema_of(self.statement.engine(), self.space),
            snapshot.state.version(),
        );
        if let Some(nearest) = &self.nearest {
            let source = NearestSource {
                place,
                conditions,
                predicate: predicate(session, &nearest.predicates)?,
                nearest: nearest.clone(),
                snapshot,
                scan,
            };
            let rows = Precision::Inexact(nearest.k);
            return Ok(Arc::new(Scan::new(Arc::new(source), schema, 1, rows)));
        }
        let nodes = snapshot.state.nodes_len();
        let most = scan
            .addresses
            .as_ref()
            .map_or(nodes, |only| only.len().min(nodes));
        let rows = Precision::Inexact(limit.map_or(most, |limit| limit.min(most)));
        let is_long = scan.limit.is_none() && most >= PARALLEL_NODES_MIN;
        let partitions = if is_long {
            session.config().target_partitions()
        } else {
            1
        };
        let scans = divided(&snapshot, scan, partitions);
        let partitions = scans.len();
        let source = NodesSource {
            place,
            conditions,
            snapshot,
            scans,
        };
        Ok(Arc::new(Scan::new(
            Arc::new(source),
            schema,
            partitions,
            rows,
        )))
    }
}

/// Whether the table answers a filter: exactly, or not at all.
fn pushdown(filter: &Expr) -> TableProviderFilterPushDown {
    match condition::read(filter) {
        Some(_) => TableProviderFilterPushDown::Exact,
        None => TableProviderFilterPushDown::Unsupported,
    }
}

/// A scan in parts of about as many chunks.
fn divided(snapshot: &Snapshot, scan: NodeScan, parts: usize) -> Vec<NodeScan> {
    let used = snapshot.state.chunks().map(|(prefix, _)| prefix);
    let used: Vec<u8> = used
        .filter(|prefix| scan.prefixes.contains(prefix))
        .collect();
    if parts <= 1 || used.len() < parts {
        return vec![scan];
    }
    let size = used.len().div_ceil(parts);
    let part = |prefixes: &[u8]| NodeScan {
        prefixes: prefixes[0]..=prefixes[prefixes.len() - 1],
        ..scan.clone()
    };
    used.chunks(size).map(part).collect()
}

/// Reads nodes.
#[derive(Clone)]
struct NodesSource {
    place: String,
    conditions: Vec<Condition>,
    snapshot: Arc<Snapshot>,
    scans: Vec<NodeScan>,
}

impl std::fmt::Debug for NodesSource {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.describe())
    }
}

impl Source for NodesSource {
    fn batches(&self, partition: usize) -> Result<Batches> {
        let scan = self.scans[partition].clone();
        let wants = scan
            .projection
            .as_ref()
            .is_none_or(|places| places.contains(&FINGERPRINT));
        let batches = node_batches(Arc::clone(&self.snapshot), scan);
        let schema = Arc::clone(batches.schema());
        let batches: Batches = Box::new(batches.map(|batch| batch.map_err(engine)));
        Ok(if wants {
            batches
        } else {
            coalesced(batches, schema)
        })
    }

    fn describe(&self) -> String {
        format!(
            "NodesScan: {}{}",
            self.place,
            described(&self.scans[0], &self.conditions)
        )
    }
}

/// What of the table is read.
fn described(scan: &NodeScan, conditions: &[Condition]) -> String {
    let mut text = String::new();
    if let Some(places) = &scan.projection {
        let schema = node_schema();
        let names: Vec<_> = places
            .iter()
            .map(|place| schema.field(*place).name().as_str())
            .collect();
        let _ = write!(text, ", columns=[{}]", names.join(", "));
    }
    for condition in conditions {
        let _ = match condition {
            Condition::Numbers(column, numbers) => write!(text, ", {column}={numbers:?}"),
            Condition::Texts(column, texts) => write!(text, ", {column}={texts:?}"),
            Condition::Between(low, high) => {
                write!(text, ", address={}..{}", Address(*low), Address(*high))
            }
            Condition::Zone(Some(zone)) => write!(text, ", zone={zone}"),
            Condition::Zone(None) => write!(text, ", zone=none"),
            Condition::NameBegins(start) => write!(text, ", name begins {start:?}"),
            Condition::RungMax(max) => write!(text, ", rung<={max}"),
            Condition::Kind(kind) => write!(text, ", kind={kind:?}"),
        };
    }
    if let Some(limit) = scan.limit {
        let _ = write!(text, ", limit={limit}");
    }
    text
}

/// An expression over some columns of the table, ready to be evaluated.
#[derive(Clone)]
struct Predicate {
    expr: Arc<dyn PhysicalExpr>,
    /// The columns that it is over, of which the last is the address.
    projection: Vec<usize>,
}

/// The conjunction of predicates; none of none.
fn predicate(session: &dyn Session, predicates: &[Expr]) -> Result<Option<Predicate>> {
    let Some(all) = datafusion::logical_expr::utils::conjunction(predicates.iter().cloned()) else {
        return Ok(None);
    };
    let bare = |expr: Expr| match expr {
        Expr::Column(column) => Ok(Transformed::yes(Expr::Column(Column::new_unqualified(
            column.name,
        )))),
        other => Ok(Transformed::no(other)),
    };
    let all = all.transform(bare)?.data;
    let schema = node_schema();
    let mut projection = Vec::new();
    for column in all.column_refs() {
        projection.push(schema.index_of(&column.name)?);
    }
    projection.sort_unstable();
    projection.retain(|place| *place != ADDRESS);
    projection.push(ADDRESS);
    let schema = DFSchema::try_from(schema.project(&projection)?)?;
    let expr = session.create_physical_expr(all, &schema)?;
    Ok(Some(Predicate { expr, projection }))
}

/// Where each address of some batches lies, their last column: which batch, and which row of it.
fn places(batches: &[RecordBatch]) -> HashMap<u16, (usize, usize)> {
    let places = batches.iter().enumerate().flat_map(|(number, batch)| {
        let addresses = batch.column(batch.num_columns() - 1);
        let addresses = addresses.as_primitive::<UInt16Type>().values().iter();
        let rows = addresses.enumerate();
        rows.map(move |(row, address)| (*address, (number, row)))
    });
    places.collect()
}

/// Searches in place of a sort.
struct NearestSource {
    place: String,
    conditions: Vec<Condition>,
    snapshot: Arc<Snapshot>,
    scan: NodeScan,
    nearest: Nearest,
    predicate: Option<Predicate>,
}

impl std::fmt::Debug for NearestSource {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.describe())
    }
}

impl NearestSource {
    /// The slots that may be answered, where the search's own filter does not say it all.
    fn slots(&self) -> Result<Option<Arc<[SlotSet; CHUNKS]>>> {
        let is_whole = self.scan.prefixes == (0..=u8::MAX) && self.scan.addresses.is_none();
        let projection = match &self.predicate {
            None if is_whole => return Ok(None),
            None => vec![ADDRESS],
            Some(predicate) => predicate.projection.clone(),
        };
        let mut slots = [SlotSet::EMPTY; CHUNKS];
        let scan = NodeScan {
            projection: Some(projection),
            ..self.scan.clone()
        };
        for batch in node_batches(Arc::clone(&self.snapshot), scan) {
            let batch = batch.map_err(engine)?;
            self.mark(&batch, &mut slots)?;
        }
        Ok(Some(Arc::new(slots)))
    }

    /// Marks the rows of a batch for which the predicate holds.
    fn mark(&self, batch: &RecordBatch, slots: &mut [SlotSet; CHUNKS]) -> Result<()> {
        let last = batch.num_columns() - 1;
        let addresses = batch.column(last).as_primitive::<UInt16Type>().values();
        let mut mark = |raw: u16| {
            let address = Address(raw);
            slots[usize::from(address.prefix())].set(address.slot(), true);
        };
        let Some(predicate) = &self.predicate else {
            addresses.iter().for_each(|raw| mark(*raw));
            return Ok(());
        };
        let holds = predicate
            .expr
            .evaluate(batch)?
            .into_array(batch.num_rows())?;
        let holds = holds.as_boolean();
        for (row, raw) in addresses.iter().enumerate() {
            if holds.is_valid(row) && holds.value(row) {
                mark(*raw);
            }
        }
        Ok(())
    }
}

impl Source for NearestSource {
    fn batches(&self, _: usize) -> Result<Batches> {
        let mut filter = self.scan.filter.clone();
        filter.slots = self.slots()?;
        let scope = Scope {
            snapshot: &self.snapshot,
            filter: &filter,
        };
        let wanted = TopK::new(self.nearest.k).with_recall(Recall::EXACT);
        let hits = top_k(&[scope], &[&self.nearest.query], wanted);
        let found: Vec<Address> = hits.into_iter().flatten().map(|hit| hit.address).collect();
        let asked = self.scan.projection.clone();
        let columns = asked.unwrap_or_else(|| (0..node_schema().fields().len()).collect());
        let (snapshot, accesses) = (Arc::clone(&self.snapshot), self.scan.accesses.clone());
        let rows = move |found: Vec<Address>| -> Result<Batches> {
            let scan = NodeScan {
                // The last column tells whose a row is.
                projection: Some(columns.iter().copied().chain([ADDRESS]).collect()),
                addresses: Some(found.clone()),
                accesses: accesses.clone(),
                ..NodeScan::default()
            };
            let batches = node_batches(Arc::clone(&snapshot), scan);
            let batches = batches.collect::<std::result::Result<Vec<_>, _>>();
            let batches = batches.map_err(engine)?;
            let places = places(&batches);
            let rows = found.iter().filter_map(|address| places.get(&address.0));
            let asked: Vec<usize> = (0..columns.len()).collect();
            let picked = picked(batches, rows.copied().collect());
            Ok(Box::new(
                picked.map(move |batch| Ok(batch?.project(&asked)?)),
            ))
        };
        let parts: Vec<_> = found.chunks(BATCH_ROWS).map(<[_]>::to_vec).collect();
        let failed = |error| -> Batches { Box::new(std::iter::once(Err(error))) };
        let parts = parts.into_iter();
        Ok(Box::new(
            parts.flat_map(move |found| rows(found).unwrap_or_else(failed)),
        ))
    }

    fn describe(&self) -> String {
        let predicate = self
            .predicate
            .as_ref()
            .map(|all| format!(", where {}", all.expr));
        format!(
            "NearestScan: {}, k={}{}{}",
            self.place,
            self.nearest.k,
            described(&self.scan, &self.conditions),
            predicate.unwrap_or_default(),
        )
    }
}
