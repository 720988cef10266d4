//! A scan of nodes: which chunks and slots it is about, and the record batches that show them.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;

use super::columns::Rows;
use super::{FINGERPRINT, node_schema, places, projected};
use crate::engine::Snapshot;
use crate::error::EngineError;
use crate::fingerprint::Fingerprint;
use crate::search::{Filter, runs, subtree};
use crate::space::access::Accesses;
use crate::space::address::{Address, CHUNKS, Zone};
use crate::space::chunk::Chunk;
use crate::space::column::SlotSet;
use crate::space::derive::Recipe;

/// Shorter runs of fingerprints are gathered into one batch; longer ones are views, a batch each.
pub const RUN_ROWS_MIN: usize = 16;
/// Names, values and properties of a batch take no more than this, but for a single row of more: 64 MiB.
const BATCH_BYTES_MAX: usize = 64 << 20;

/// What of a space's nodes is wanted; the default is everything about every node.
#[derive(Clone)]
pub struct NodeScan {
    /// Which nodes, as a search filters them.
    pub filter: Filter,
    /// Only in these chunks.
    pub prefixes: RangeInclusive<u8>,
    /// Only at these addresses, each once and in their order whatever order they are given in.
    pub addresses: Option<Vec<Address>>,
    /// The places of the columns in [`node_schema`]; all for `None`. No other column is made.
    pub projection: Option<Vec<usize>>,
    /// At most so many rows.
    pub limit: Option<usize>,
    /// Where `accessed` and `accesses` come from; they are null without.
    pub accesses: Option<Arc<Accesses>>,
}

impl Default for NodeScan {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            prefixes: 0..=u8::MAX,
            addresses: None,
            projection: None,
            limit: None,
            accesses: None,
        }
    }
}

/// The record batches of a scan, in the order of addresses.
///
/// Where fingerprints are wanted, a batch is a run of at least [`RUN_ROWS_MIN`] slots, whose fingerprints and other
/// fixed-width columns are the chunk's own memory, or what lies between such runs, gathered; else it is a chunk's. What is
/// pending is read as the snapshot has it encoded, or else encoded for the batch: a snapshot for a scan of
/// many fingerprints should be [encoded](crate::engine::Engine::encoded), one for few need not.
///
/// # Errors
/// [`EngineError::SnapshotGone`] once the snapshot had to be given up.
///
/// # Panics
/// If the projection names a column that is not there.
pub fn node_batches(snapshot: Arc<Snapshot>, scan: NodeScan) -> NodeBatches {
    let schema = projected(node_schema(), scan.projection.as_deref());
    let only = scan.addresses.as_deref().map(slots_of);
    NodeBatches {
        schema,
        places: places(&node_schema(), scan.projection.as_deref()),
        under: scan.filter.under.map(|root| subtree(snapshot.view(), root)),
        only,
        next_prefix: Some(*scan.prefixes.start()),
        left: scan.limit.unwrap_or(usize::MAX),
        parts: VecDeque::new(),
        snapshot,
        scan,
    }
}

/// Addresses as slots by prefix.
fn slots_of(addresses: &[Address]) -> Vec<SlotSet> {
    let mut slots = vec![SlotSet::EMPTY; CHUNKS];
    for address in addresses {
        slots[usize::from(address.prefix())].set(address.slot(), true);
    }
    slots
}

/// The iterator of [`node_batches`].
pub struct NodeBatches {
    snapshot: Arc<Snapshot>,
    scan: NodeScan,
    schema: SchemaRef,
    places: Vec<usize>,
    /// The slots of the subtree that the scan is limited to, by prefix.
    under: Option<Vec<SlotSet>>,
    /// The slots that the scan asks for, by prefix.
    only: Option<Vec<SlotSet>>,
    next_prefix: Option<u8>,
    /// Rows that may still come.
    left: usize,
    /// Batches of the chunk before `next_prefix` that are still to be made.
    parts: VecDeque<(u8, SlotSet)>,
}

impl NodeBatches {
    /// The schema of the batches.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn wants(&self, place: usize) -> bool {
        self.places.contains(&place)
    }

    /// The slots of the next chunk that has any.
    fn next_chunk(&mut self) -> Option<(u8, SlotSet)> {
        while self.left > 0 {
            let prefix = self
                .next_prefix
                .filter(|next| next <= self.scan.prefixes.end())?;
            self.next_prefix = prefix.checked_add(1);
            let slots = self.slots(prefix);
            if !slots.is_empty() {
                return Some((prefix, slots));
            }
        }
        None
    }

    /// The slots of a chunk that the scan is about.
    fn slots(&self, prefix: u8) -> SlotSet {
        let filter = &self.scan.filter;
        let is_in_zone = filter
            .zone
            .is_none_or(|zone| Zone::of_prefix(prefix) == zone);
        let chunk = self.snapshot.state.chunk(prefix).filter(|_| is_in_zone);
        let Some(chunk) = chunk else {
            return SlotSet::EMPTY;
        };
        let mut slots = match filter.include_edges {
            true => chunk.occupied,
            false => chunk.nodes(),
        };
        for limit in [&self.under, &self.only].into_iter().flatten() {
            slots = slots.and(&limit[usize::from(prefix)]);
        }
        if slots.is_empty() {
            return slots;
        }
        filter.matching(prefix, chunk, slots, self.snapshot.now)
    }

    /// What becomes batches of their own, in order.
    fn divide(&self, rows: &Rows<'_>) -> VecDeque<(u8, SlotSet)> {
        let prefix = rows.prefix;
        let mut parts = VecDeque::new();
        if self.wants(FINGERPRINT) {
            let stored = rows.chunk.fingerprints().rows().1;
            let views = rows.slots.and(&stored).without(&rows.chunk.pending);
            let mut rest = rows.slots;
            for (first, _, len) in runs(views, stored).filter(|run| run.2 >= RUN_ROWS_MIN) {
                let run: SlotSet = (first..=u8::MAX).take(len).collect();
                let before: SlotSet = rest.iter().take_while(|slot| *slot < first).collect();
                rest = rest.without(&before).without(&run);
                parts.extend([before, run].map(|part| (prefix, part)));
            }
            parts.push_back((prefix, rest));
        } else {
            parts.push_back((prefix, rows.slots));
        }
        parts.retain(|(_, slots)| !slots.is_empty());
        // Name, value and properties.
        if [3, 5, 6].into_iter().any(|place| self.wants(place)) {
            let cut = |(prefix, slots): (u8, SlotSet)| {
                cut(rows, slots).into_iter().map(move |part| (prefix, part))
            };
            parts = parts.into_iter().flat_map(cut).collect();
        }
        parts
    }

    fn batch(&self, prefix: u8, slots: SlotSet) -> RecordBatch {
        let chunk = self.snapshot.state.chunk(prefix);
        let chunk = chunk.expect("invariant: what has slots is there");
        let encoded;
        let derived = match self.wants(FINGERPRINT) {
            true => {
                encoded = self.encoded(prefix, chunk, slots);
                encoded.as_deref().unwrap_or(self.snapshot.derived())
            }
            false => &[],
        };
        let accesses = self.scan.accesses.as_deref();
        let rows = Rows {
            prefix,
            chunk,
            slots,
            derived,
            accesses,
        };
        let columns = self
            .places
            .iter()
            .map(|place| rows.column(*place))
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(slots.len()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .expect("invariant: columns are made as the schema says")
    }

    /// Fingerprints of what is pending, where the snapshot has none.
    fn encoded(
        &self,
        prefix: u8,
        chunk: &Chunk,
        slots: SlotSet,
    ) -> Option<Vec<(Address, Fingerprint)>> {
        let pending = slots.and(&chunk.pending);
        if pending.is_empty() || self.snapshot.is_encoded() {
            return None;
        }
        let encode = |slot| {
            let address = Address::new(prefix, slot);
            let node = self.snapshot.state.node(address);
            let node = node.expect("invariant: what is pending is occupied");
            (address, Recipe::of(&self.snapshot.state, node).encode())
        };
        Some(pending.iter().map(encode).collect())
    }
}

/// Slots in parts of which none takes more than [`BATCH_BYTES_MAX`], unless it is one row.
fn cut(rows: &Rows<'_>, slots: SlotSet) -> Vec<SlotSet> {
    let (mut parts, mut part, mut bytes) = (Vec::new(), SlotSet::EMPTY, 0);
    for slot in slots.iter() {
        let more = rows.varying_bytes(slot);
        if bytes + more > BATCH_BYTES_MAX && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        part.set(slot, true);
        bytes += more;
    }
    parts.push(part);
    parts
}

impl Iterator for NodeBatches {
    type Item = Result<RecordBatch, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.parts.is_empty() {
            let (prefix, mut slots) = self.next_chunk()?;
            if slots.len() > self.left {
                slots = slots.iter().take(self.left).collect();
            }
            self.left -= slots.len();
            let chunk = self.snapshot.state.chunk(prefix);
            let chunk = chunk.expect("invariant: what has slots is there");
            let rows = Rows {
                prefix,
                chunk,
                slots,
                derived: &[],
                accesses: None,
            };
            self.parts = self.divide(&rows);
        }
        let (prefix, slots) = self.parts.pop_front()?;
        if let Err(gone) = self.snapshot.check() {
            self.left = 0;
            self.parts.clear();
            return Some(Err(gone));
        }
        Some(Ok(self.batch(prefix, slots)))
    }
}
