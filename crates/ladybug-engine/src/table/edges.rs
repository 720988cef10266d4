//! A scan of edges: which are wanted, and the record batches that show them.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder, UInt64Builder};
use arrow_array::types::{Float32Type, UInt16Type, UInt64Type};
use arrow_array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray, RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;

use super::columns::json_bytes_max;
use super::{edge_schema, places, projected};
use crate::engine::Snapshot;
use crate::error::EngineError;
use crate::space::address::{Address, CHUNKS, SLOTS, Zone};
use crate::space::graph::Edge;
use crate::space::rows::{properties, verb_text};
use crate::space::state::State;

/// Most edges of a batch.
const BATCH_ROWS_MAX: usize = 8192;
/// Properties of a batch take no more than this, but for a single edge of more: 64 MiB.
const BATCH_BYTES_MAX: usize = 64 << 20;

/// What of a space's edges is wanted; the default is everything about every edge.
#[derive(Clone)]
pub struct EdgeScan {
    /// Only those that leave from these chunks.
    pub prefixes: RangeInclusive<u8>,
    /// Only those with these ids, each once, in the order of their sources.
    pub ids: Option<Vec<u64>>,
    /// Only those that leave from the node here.
    pub source: Option<Address>,
    /// Only those that lead to the node here.
    pub target: Option<Address>,
    /// Only those of the verb in this slot.
    pub verb: Option<u8>,
    /// The places of the columns in [`edge_schema`]; all for `None`. No other column is made.
    pub projection: Option<Vec<usize>>,
    /// At most so many rows.
    pub limit: Option<usize>,
}

impl Default for EdgeScan {
    fn default() -> Self {
        Self {
            prefixes: 0..=u8::MAX,
            ids: None,
            source: None,
            target: None,
            verb: None,
            projection: None,
            limit: None,
        }
    }
}

/// The record batches of a scan: by source, then verb, target and id; those of a target alone by verb, source, id.
///
/// # Errors
/// [`EngineError::SnapshotGone`] once the snapshot had to be given up.
///
/// # Panics
/// If the projection names a column that is not there.
pub fn edge_batches(snapshot: Arc<Snapshot>, scan: EdgeScan) -> EdgeBatches {
    let graph = snapshot.state.graph();
    let given = match (&scan.ids, scan.source, scan.target) {
        (Some(ids), ..) => {
            let links = ids.iter().filter_map(|id| graph.link(*id));
            let mut keys: Vec<_> = links
                .map(|link| (link.source, link.verb, link.target, link.id))
                .collect();
            keys.sort_unstable();
            keys.dedup();
            Some(
                keys.into_iter()
                    .map(|(source, .., id)| (source, id))
                    .collect::<Vec<_>>(),
            )
        }
        (None, None, Some(target)) => {
            let links = graph.incoming(target, scan.verb);
            Some(links.map(|link| (link.source, link.id)).collect())
        }
        (None, ..) => None,
    };
    let first = match scan.source {
        Some(source) => source.index(),
        None => usize::from(*scan.prefixes.start()) * SLOTS,
    };
    EdgeBatches {
        schema: projected(edge_schema(), scan.projection.as_deref()),
        places: places(&edge_schema(), scan.projection.as_deref()),
        next: if given.is_some() { (0, 0) } else { (first, 0) },
        left: scan.limit.unwrap_or(usize::MAX),
        given,
        snapshot,
        scan,
    }
}

/// The iterator of [`edge_batches`].
pub struct EdgeBatches {
    snapshot: Arc<Snapshot>,
    scan: EdgeScan,
    schema: SchemaRef,
    places: Vec<usize>,
    /// The edges that were found without a walk through all sources.
    given: Option<Vec<(Address, u64)>>,
    /// The place in `given`; else the source to go on with, and how many of its edges were seen.
    next: (usize, usize),
    /// Rows that may still come.
    left: usize,
}

impl EdgeBatches {
    /// The schema of the batches.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The edges of the next batch.
    fn edges(&mut self) -> Vec<Edge> {
        let snapshot = Arc::clone(&self.snapshot);
        let graph = snapshot.state.graph();
        let rows_max = self.left.min(BATCH_ROWS_MAX);
        let (mut edges, mut bytes) = (Vec::new(), 0);
        let mut take = |scan: &EdgeScan, edge: Edge| {
            if is_wanted(&snapshot, scan, &edge) {
                bytes += edge.properties.as_deref().map_or(0, json_bytes_max);
                edges.push(edge);
            }
            edges.len() >= rows_max || bytes > BATCH_BYTES_MAX
        };
        if let Some(given) = &self.given {
            while let Some((source, id)) = given.get(self.next.0) {
                self.next.0 += 1;
                if graph
                    .get(*source, *id)
                    .is_some_and(|edge| take(&self.scan, edge))
                {
                    break;
                }
            }
            return edges;
        }
        let end = match self.scan.source {
            Some(source) => source.index() + 1,
            None => (usize::from(*self.scan.prefixes.end()) + 1) * SLOTS,
        };
        'sources: while self.next.0 < end.min(CHUNKS * SLOTS) {
            let source = Address(self.next.0 as u16);
            let outgoing = graph.outgoing(source, self.scan.verb);
            for edge in outgoing.skip(self.next.1) {
                self.next.1 += 1;
                if take(&self.scan, graph.whole(edge)) {
                    break 'sources;
                }
            }
            self.next = (self.next.0 + 1, 0);
        }
        edges
    }

    fn column(&self, place: usize, edges: &[Edge]) -> ArrayRef {
        let state = &self.snapshot.state;
        match place {
            0 => numbers::<UInt64Type>(edges, |edge| edge.id),
            1 => numbers::<UInt64Type>(edges, |edge| state.id_at(edge.source)),
            2 => verbs(state, edges),
            3 => numbers::<UInt64Type>(edges, |edge| state.id_at(edge.target)),
            4 => numbers::<UInt16Type>(edges, |edge| edge.source.0),
            5 => numbers::<UInt16Type>(edges, |edge| edge.target.0),
            6 => numbers::<Float32Type>(edges, |edge| edge.weight),
            7 => numbers::<Float32Type>(edges, |edge| edge.frequency),
            8 => numbers::<Float32Type>(edges, |edge| edge.confidence),
            9 => {
                let mut lists = ListBuilder::new(UInt64Builder::new());
                for edge in edges {
                    let evidence = edge.evidence.as_deref().unwrap_or_default();
                    lists.values().append_slice(evidence);
                    lists.append(true);
                }
                Arc::new(lists.finish())
            }
            10 => {
                let mut texts = StringBuilder::new();
                for edge in edges {
                    texts.append_option(properties(edge.properties.as_ref()));
                }
                Arc::new(texts.finish())
            }
            11 => {
                let addresses = edges
                    .iter()
                    .map(|edge| edge.address.map(|address| address.0));
                Arc::new(addresses.collect::<PrimitiveArray<UInt16Type>>())
            }
            12 => numbers::<UInt64Type>(edges, |edge| edge.version),
            _ => unreachable!("invariant: places are checked against the schema"),
        }
    }
}

/// Whether a scan asks for an edge, and both its ends are there.
fn is_wanted(snapshot: &Snapshot, scan: &EdgeScan, edge: &Edge) -> bool {
    let is_there = |at: Address| at.zone() != Zone::Fluid || snapshot.view().node(at).is_some();
    scan.prefixes.contains(&edge.source.prefix())
        && scan.source.is_none_or(|source| edge.source == source)
        && scan.target.is_none_or(|target| edge.target == target)
        && scan.verb.is_none_or(|verb| edge.verb == verb)
        && is_there(edge.source)
        && is_there(edge.target)
}

fn numbers<T: ArrowPrimitiveType>(edges: &[Edge], of: impl Fn(&Edge) -> T::Native) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::from_iter_values(edges.iter().map(of)))
}

fn verbs(state: &State, edges: &[Edge]) -> ArrayRef {
    let mut names = StringBuilder::new();
    for edge in edges {
        match state.verbs().name(edge.verb) {
            Some(name) => names.append_value(name),
            None => names.append_value(verb_text(state, edge.verb)),
        }
    }
    Arc::new(names.finish())
}

impl Iterator for EdgeBatches {
    type Item = Result<RecordBatch, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        let edges = match self.left {
            0 => Vec::new(),
            _ => self.edges(),
        };
        if edges.is_empty() {
            return None;
        }
        self.left -= edges.len();
        if let Err(gone) = self.snapshot.check() {
            self.left = 0;
            return Some(Err(gone));
        }
        let columns = self
            .places
            .iter()
            .map(|place| self.column(*place, &edges))
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(edges.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options);
        Some(Ok(
            batch.expect("invariant: columns are made as the schema says")
        ))
    }
}
