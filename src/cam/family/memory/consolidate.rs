//! Near-duplicates that become one. Who goes into whom is found without a lock; the one commit that merges them leaves
//! out whatever has changed since.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt64Array};
use ladybug_engine::commit::transaction::Transaction;
use ladybug_engine::engine::Outcome;
use ladybug_engine::error::EngineError;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::{Node, Source};
use ladybug_engine::space::fields::{FieldValue, Fields, LIST_DEPTH_MAX, is_note};
use ladybug_engine::space::marks::Qualia;

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::{Reading, Row};
use super::super::super::provenance::{self, Entry, Used, note};
use super::MERGED;
use super::kept::{ABSORBED, PRESENTED, field_of, memories, presentations};
use crate::mind::activation::Presentations;
use crate::mind::truth::{Evidence, Truth, choice, revision};

/// The method that merges.
const METHOD: &str = "MEMORY.CONSOLIDATE";
/// Levels of lists that are around a field's value among what was absorbed.
const LISTS_AROUND: usize = 3;
/// Nodes that are looked at between two looks at whether the space may still be read.
const STEP: usize = 1024;

/// A node as it was when it was found.
#[derive(Clone, Copy)]
struct Found {
    id: u64,
    version: u64,
}

/// A node and those that go into it.
struct Group {
    into: Found,
    from: Vec<Found>,
}

pub fn consolidate(call: &Call<'_>, reading: &Reading<'_>) -> Outcome<Result<RecordBatch, Fault>> {
    let groups = match groups(call, reading) {
        Ok(groups) => groups,
        Err(error) => {
            return Outcome {
                value: Err(error),
                position: 0,
                events: Vec::new(),
            };
        }
    };
    let host = reading.host();
    host.engine().commit(&[host.space], |tx| {
        let mut merged = Vec::new();
        for group in &groups {
            let from: Vec<_> = group
                .from
                .iter()
                .filter_map(|from| there(tx, *from))
                .collect();
            let Some(into) = there(tx, group.into).filter(|_| !from.is_empty()) else {
                continue;
            };
            merged.push((merge(tx, into, &from)?, from.len()));
        }
        tx.report();
        Ok(rows(tx, &merged))
    })
}

/// Where a node is, if nobody has changed it.
fn there(tx: &Transaction<'_>, found: Found) -> Option<Address> {
    let node = tx.view().find_id(found.id)?;
    (node.version() == found.version).then(|| node.address())
}

/// Who goes into whom: by id, each into the first within the radius that went nowhere itself.
fn groups(call: &Call<'_>, reading: &Reading<'_>) -> Result<Vec<Group>, Fault> {
    let radius = call.count(0) as u32;
    let view = reading.snapshot().view();
    let mut all = memories(call, reading);
    all.retain(|memory| {
        let node = view.node(memory.row.address);
        node.is_some_and(|node| node.parent().is_none() && view.children(node).next().is_none())
    });
    all.sort_by_key(|memory| memory.row.id);
    let found = |at: usize| {
        let node = view.node(all[at].row.address);
        let node = node.expect("invariant: a memory of the same moment is there");
        Found {
            id: node.id(),
            version: node.version(),
        }
    };
    let mut leaders: Vec<(usize, Vec<Found>)> = Vec::new();
    for at in 0..all.len() {
        if at % STEP == 0 {
            reading.check()?;
        }
        let bits = &all[at].row.fingerprint;
        let near = |leader: &&mut (usize, Vec<Found>)| {
            all[leader.0].row.fingerprint.distance(bits) <= radius
        };
        match leaders.iter_mut().find(near) {
            Some((_, from)) => from.push(found(at)),
            None => leaders.push((at, Vec::new())),
        }
    }
    let group = |(into, from)| Group {
        into: found(into),
        from,
    };
    let with_some = leaders.into_iter().filter(|(_, from)| !from.is_empty());
    Ok(with_some.map(group).collect())
}

/// What a node and those that go into it come to.
struct Pooled {
    presented: Presentations,
    truth: Truth,
    evidence: Evidence,
    kinds: Vec<Arc<str>>,
    qualia: Qualia,
    rung: u8,
    expires: Option<i64>,
    fields: Vec<(Arc<[u8]>, FieldValue)>,
    absorbed: Vec<FieldValue>,
}

impl Pooled {
    fn of(node: Node<'_>) -> Self {
        Self {
            presented: presentations(node),
            truth: node.truth().into(),
            evidence: evidence(node),
            kinds: node.kinds().to_vec(),
            qualia: node.qualia(),
            rung: node.rung(),
            expires: node.expires(),
            fields: Vec::new(),
            absorbed: absorbed(node).to_vec(),
        }
    }

    fn add(&mut self, into: Node<'_>, node: Node<'_>) {
        self.presented = self.presented.pooled(&presentations(node));
        let (truth, evidence) = (node.truth().into(), evidence(node));
        (self.truth, self.evidence) = match self.evidence.pooled(&evidence) {
            Ok(pooled) => (revision(self.truth, truth), pooled),
            // What both stand on counts once: the surer of them is believed.
            Err(_) => {
                let all = self.evidence.ids().iter().chain(evidence.ids()).copied();
                (choice(self.truth, truth), Evidence::new(all))
            }
        };
        self.kinds.extend(node.kinds().iter().cloned());
        if self.qualia == Qualia::default() {
            self.qualia = node.qualia();
        }
        self.rung = self.rung.max(node.rung());
        // The longest of them; without an expiry it stays.
        self.expires = self.expires.zip(node.expires()).map(|(a, b)| a.max(b));
        let said = node.fields().into_iter().flat_map(|fields| fields.iter());
        for (name, value) in said.filter(|(name, _)| !is_note(name)) {
            let has = |fields: &Arc<Fields>| fields.contains_key(name);
            let is_known = into.fields().is_some_and(has);
            if !is_known && !self.fields.iter().any(|(known, _)| known == name) {
                self.fields.push((Arc::clone(name), value.clone()));
            }
        }
        self.absorbed.push(written_down(node));
        self.absorbed.extend_from_slice(absorbed(node));
    }
}

/// What a node's truth stands on: itself, unless it says otherwise.
fn evidence(node: Node<'_>) -> Evidence {
    match node.evidence() {
        [] => Evidence::new([node.id()]),
        ids => Evidence::new(ids.iter().copied()),
    }
}

/// What went into a node before.
fn absorbed<'n>(node: Node<'n>) -> &'n [FieldValue] {
    let field = node
        .fields()
        .and_then(|fields| fields.get(ABSORBED.as_bytes()));
    match field {
        Some(FieldValue::List(items)) => items,
        _ => &[],
    }
}

/// All that a node is by itself, as a list of names and values.
fn written_down(node: Node<'_>) -> FieldValue {
    let text = |text: String| FieldValue::Bytes(text.into_bytes().into());
    let mut parts = vec![
        ("id", FieldValue::Integer(node.id() as i64)),
        ("version", FieldValue::Integer(node.version() as i64)),
        ("created", FieldValue::Integer(node.created())),
        ("truth", text(node.truth().to_string())),
        ("qualia", text(node.qualia().to_string())),
        ("rung", FieldValue::Integer(node.rung().into())),
    ];
    if let Some(name) = node.name() {
        parts.push(("name", FieldValue::Bytes(Arc::clone(name))));
    }
    if let Some(value) = node.value() {
        parts.push(("value", FieldValue::Bytes(Arc::clone(value))));
    }
    if let Some(expires) = node.expires() {
        parts.push(("expires", FieldValue::Integer(expires)));
    }
    if !node.kinds().is_empty() {
        let kinds = node.kinds().iter().map(|kind| text(kind.to_string()));
        parts.push(("kinds", FieldValue::List(kinds.collect())));
    }
    if matches!(node.source(), Source::Given | Source::Vector)
        && let Some(bits) = node.whole_fingerprint()
    {
        parts.push(("fingerprint", text(bits.to_hex())));
    }
    let said = node.fields().into_iter().flat_map(|fields| fields.iter());
    let said: Vec<_> = said.filter(|(name, _)| !is_note(name)).collect();
    if !said.is_empty() {
        let pairs = said.into_iter().flat_map(|(name, value)| {
            // A list that would nest too deep is kept as it is read.
            let value = match value.depth() + LISTS_AROUND > LIST_DEPTH_MAX {
                true => FieldValue::Bytes(value.text()),
                false => value.clone(),
            };
            [FieldValue::Bytes(Arc::clone(name)), value]
        });
        parts.push(("fields", FieldValue::List(pairs.collect())));
    }
    let parts = parts.into_iter();
    FieldValue::List(
        parts
            .flat_map(|(name, value)| [text(name.to_owned()), value])
            .collect(),
    )
}

/// Lets nodes go into one, and answers where that is now.
fn merge(tx: &mut Transaction<'_>, into: Address, from: &[Address]) -> Result<Address, Fault> {
    let view = tx.view();
    let node = |address| {
        let node = view.node(address);
        node.expect("invariant: a node was just found there")
    };
    let mut pooled = Pooled::of(node(into));
    let mut premises = Vec::with_capacity(from.len());
    for address in from {
        let from = node(*address);
        pooled.add(node(into), from);
        premises.push(Used {
            id: from.id(),
            version: from.version(),
        });
    }
    let entry = Entry::new(METHOD, node(into).version(), premises, &[]);
    for address in from {
        lead_on(tx, *address, into)?;
        tx.remove(*address)?;
    }
    let ids = pooled.evidence.ids().into();
    tx.set_truth(into, pooled.truth.into(), Some(ids))?;
    tx.set_kinds(into, pooled.kinds)?;
    tx.set_qualia(into, pooled.qualia)?;
    tx.set_rung(into, pooled.rung)?;
    for (name, value) in pooled.fields {
        tx.set_field(into, &name, Some(value))?;
    }
    let presented = field_of(&pooled.presented);
    tx.set_field(into, PRESENTED.as_bytes(), Some(presented))?;
    let absorbed = FieldValue::List(pooled.absorbed.into());
    tx.set_field(into, ABSORBED.as_bytes(), Some(absorbed))?;
    tx.set_field(into, provenance::MERGED.as_bytes(), Some(note(&[entry])))?;
    // May move it.
    Ok(tx.set_expiry(into, pooled.expires)?)
}

/// Lets the edges of one node lead to and from another.
fn lead_on(tx: &mut Transaction<'_>, from: Address, into: Address) -> Result<(), EngineError> {
    let mut links = tx.view().state.graph().incident(from);
    links.sort_unstable_by_key(|link| link.id);
    links.dedup_by_key(|link| link.id);
    let end = |address| if address == from { into } else { address };
    for link in links {
        let edge = tx.view().state.graph().get(link.source, link.id);
        let edge = edge.expect("invariant: an edge that a node has is in the graph");
        let (source, target) = (end(edge.source), end(edge.target));
        tx.reattach(edge, source, target)?;
    }
    Ok(())
}

fn rows(tx: &Transaction<'_>, merged: &[(Address, usize)]) -> RecordBatch {
    let view = tx.view();
    let node = |address: Address| {
        let node = view.node(address);
        node.expect("invariant: what others went into is there")
    };
    let rows: Vec<_> = merged
        .iter()
        .map(|(address, _)| Row::of(&view, node(*address)))
        .collect();
    let (mut columns, bits) = row_columns(&rows);
    let counts = merged.iter().map(|(_, count)| *count as u64);
    columns.push(Arc::new(UInt64Array::from_iter_values(counts)));
    let presented = merged
        .iter()
        .map(|(address, _)| presentations(node(*address)).count());
    columns.push(Arc::new(UInt64Array::from_iter_values(presented)));
    columns.push(bits);
    batch(MERGED, columns)
}
