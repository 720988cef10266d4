//! Changes of nodes.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use ladybug_engine::commit::transaction::{Draft, Transaction, sorted_kinds};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::{Node, Source};
use ladybug_engine::space::marks::{Qualia, Truth};
use ladybug_engine::space::mutation::{Bits, Content};

use super::super::error::SqlError;
use super::values::Values;
use super::{Failure, Result, each};

/// Columns that the space sets.
const SET_BY_THE_SPACE: [&str; 8] = [
    "id", "address", "zone", "depth", "version", "created", "accessed", "accesses",
];

/// Makes a node of a row.
pub(super) fn insert(tx: &mut Transaction<'_>, values: &Values<'_>) -> Result<()> {
    values.refuse(&SET_BY_THE_SPACE)?;
    let bits = values.fingerprint()?.flatten();
    let truth = values.truth(Truth::DEFAULT)?.unwrap_or_default();
    let parent = values.number("parent").flatten();
    let draft = Draft {
        name: values
            .text("name")
            .flatten()
            .map(|name| name.as_bytes().into()),
        content: Content {
            value: values.bytes("value").flatten().map(Arc::from),
            fields: values.properties()?.flatten(),
            fingerprint: bits.map_or(Bits::Encoded, |bits| Bits::Given(Box::new(bits))),
        },
        kinds: values.kinds()?.flatten().and_then(sorted_kinds),
        truth,
        qualia: values.qualia()?.flatten().unwrap_or_default(),
        rung: values.rung()?.flatten().unwrap_or(0),
        expires: values.time("expires").flatten(),
        promotion: 0,
        parent: parent.map(|id| node(tx, id)).transpose()?,
    };
    let address = tx.create(draft)?;
    if let Some(evidence) = values.evidence().flatten() {
        tx.set_truth(address, truth, Some(evidence))?;
    }
    Ok(())
}

/// The address of a node that a row names by its id.
fn node(tx: &Transaction<'_>, id: u64) -> Result<Address> {
    let found = tx.view().find_id(id).map(|node| node.address());
    found.ok_or_else(|| EngineError::NoSuchNode(format!("#{id}")).into())
}

/// Whether all rows are still the versions that were read; each row once.
fn stamps(tx: &Transaction<'_>, rows: &[RecordBatch]) -> Result<Vec<u64>> {
    let mut ids = Vec::new();
    each(rows, |values| {
        let (id, version) = (
            values.number("id").flatten(),
            values.number("version").flatten(),
        );
        let id = id.ok_or_else(|| SqlError::statement("internal error: a row without id"))?;
        let there = tx.view().find_id(id).map(|node| node.version());
        match there.is_some() && there == version {
            true => ids.push(id),
            false => return Err(Failure::Stale),
        }
        Ok(())
    })?;
    Ok(ids)
}

/// Removes the nodes of rows.
pub(super) fn delete(tx: &mut Transaction<'_>, rows: &[RecordBatch]) -> Result<u64> {
    let mut ids = stamps(tx, rows)?;
    ids.sort_unstable();
    ids.dedup();
    for id in &ids {
        let address = node(tx, *id)?;
        tx.remove(address)?;
    }
    Ok(ids.len() as u64)
}

/// Removes all nodes, and edges with them.
pub(super) fn truncate(tx: &mut Transaction<'_>) -> Result<u64> {
    let count = tx.view().nodes().count();
    tx.clear()?;
    Ok(count as u64)
}

/// Changes nodes as rows say. A node that several rows are about changes as the first says.
pub(super) fn update(tx: &mut Transaction<'_>, rows: &[RecordBatch]) -> Result<u64> {
    let ids = stamps(tx, rows)?;
    // Names may change places: all go before the first comes.
    let has_names = rows
        .first()
        .is_some_and(|batch| batch.column_by_name("name").is_some());
    if has_names {
        for id in &ids {
            let address = node(tx, *id)?;
            tx.rename(address, None)?;
        }
    }
    let mut seen = HashSet::new();
    each(rows, |values| {
        let id = values.number("id").flatten().unwrap_or_default();
        match seen.insert(id) {
            true => update_one(tx, id, values),
            false => Ok(()),
        }
    })?;
    Ok(seen.len() as u64)
}

fn update_one(tx: &mut Transaction<'_>, id: u64, values: &Values<'_>) -> Result<()> {
    values.refuse_assigned(&[
        "address", "zone", "depth", "created", "accessed", "accesses",
    ])?;
    let address = node(tx, id)?;
    let view = tx.view();
    let there = view.node(address).ok_or(Failure::Stale)?;
    let content = content(there, values)?;
    let (truth, evidence) = (there.truth(), there.evidence().to_vec());
    if let Some(content) = content {
        tx.set_content(address, content)?;
    }
    if let Some(name) = values.text("name") {
        tx.rename(address, name.map(|name| name.as_bytes().into()))?;
    }
    if let Some(kinds) = values.kinds()? {
        tx.set_kinds(address, kinds.unwrap_or_default())?;
    }
    let new_evidence = values.evidence();
    let new_truth = values.truth(truth)?;
    if new_truth.is_some() || new_evidence.is_some() {
        let kept = Some(evidence)
            .filter(|kept| !kept.is_empty())
            .map(Arc::from);
        tx.set_truth(
            address,
            new_truth.unwrap_or(truth),
            new_evidence.unwrap_or(kept),
        )?;
    }
    if let Some(qualia) = values.qualia()? {
        tx.set_qualia(address, qualia.unwrap_or(Qualia::default()))?;
    }
    if let Some(rung) = values.rung()? {
        tx.set_rung(address, rung.unwrap_or(0))?;
    }
    if let Some(parent) = values.number("parent") {
        let parent = parent.map(|id| node(tx, id)).transpose()?;
        tx.set_parent(address, parent)?;
    }
    if let Some(expires) = values.time("expires") {
        // May move it; whatever was to be done at the old address is done.
        tx.set_expiry(address, expires)?;
    }
    Ok(())
}

/// What a node says after an update, if that says anything of it. Bits that were given stay, those that were encoded
/// follow the content.
fn content(there: Node<'_>, values: &Values<'_>) -> Result<Option<Content>> {
    let (value, fields, bits) = (
        values.bytes("value"),
        values.properties()?,
        values.fingerprint()?,
    );
    if value.is_none() && fields.is_none() && bits.is_none() {
        return Ok(None);
    }
    let kept = || {
        there
            .whole_fingerprint()
            .map(|bits| Box::new(bits.into_owned()))
    };
    let fingerprint = match bits {
        Some(Some(bits)) => Bits::Given(Box::new(bits)),
        Some(None) => Bits::Encoded,
        None => match (there.source(), kept()) {
            (Source::Given, Some(bits)) => Bits::Given(bits),
            (Source::Vector, Some(bits)) => Bits::Vector(bits),
            _ => Bits::Encoded,
        },
    };
    Ok(Some(Content {
        value: match value {
            Some(value) => value.map(Arc::from),
            None => there.value().cloned(),
        },
        fields: match fields {
            Some(fields) => fields,
            None => there.fields().cloned(),
        },
        fingerprint,
    }))
}
