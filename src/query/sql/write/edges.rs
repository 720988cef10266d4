//! Changes of edges.

use std::collections::HashSet;

use arrow::array::RecordBatch;
use ladybug_engine::commit::transaction::{EdgeDraft, Transaction};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::graph::Edge;
use ladybug_engine::space::marks::Truth;
use ladybug_engine::space::verbs::RELATES;

use super::super::error::SqlError;
use super::values::Values;
use super::{Failure, Result, each};

/// Makes an edge of a row, whose ends stand there by id or by address.
pub(super) fn insert(tx: &mut Transaction<'_>, values: &Values<'_>) -> Result<()> {
    values.refuse(&["id", "address", "version"])?;
    let source = end(tx, values, "source", "source_address")?;
    let target = end(tx, values, "target", "target_address")?;
    let verb = match values.text("verb").flatten() {
        None => RELATES,
        Some(name) => {
            let slot = tx.view().state.verbs().slot(name);
            slot.ok_or_else(|| EngineError::NoSuchVerb(name.to_owned()))?
        }
    };
    let draft = EdgeDraft {
        weight: values
            .float("weight")
            .flatten()
            .unwrap_or(EdgeDraft::default().weight),
        truth: values.truth(Truth::DEFAULT)?.unwrap_or_default(),
        reified: false,
        properties: values.properties()?.flatten(),
    };
    let edge = tx.link(source, verb, target, draft)?;
    if let Some(evidence) = values.evidence().flatten() {
        tx.update_edge(Edge {
            evidence: Some(evidence),
            ..edge
        })?;
    }
    Ok(())
}

fn end(tx: &Transaction<'_>, values: &Values<'_>, id: &str, address: &str) -> Result<Address> {
    let view = tx.view();
    let (shown, found) = match (
        values.number(id).flatten(),
        values.address(address).flatten(),
    ) {
        (Some(id), _) => (format!("#{id}"), view.find_id(id)),
        (None, Some(raw)) => (Address(raw).to_string(), view.node(Address(raw))),
        (None, None) => {
            return Err(SqlError::Statement(format!(
                "expected the edge's {id}, a node's id, or {address}, got neither"
            ))
            .into());
        }
    };
    let found = found.map(|node| node.address());
    found.ok_or_else(|| EngineError::NoSuchNode(shown).into())
}

/// The edges of rows, which must still be the versions that were read.
fn edges(tx: &Transaction<'_>, rows: &[RecordBatch]) -> Result<Vec<Edge>> {
    let mut edges = Vec::new();
    each(rows, |values| {
        let id = values.number("id").flatten().unwrap_or_default();
        let graph = tx.view().state.graph();
        let there = graph.link(id).and_then(|link| graph.get(link.source, id));
        match there {
            Some(edge) if Some(edge.version) == values.number("version").flatten() => {
                edges.push(edge)
            }
            _ => return Err(Failure::Stale),
        }
        Ok(())
    })?;
    Ok(edges)
}

/// Removes the edges of rows.
pub(super) fn delete(tx: &mut Transaction<'_>, rows: &[RecordBatch]) -> Result<u64> {
    let mut edges = edges(tx, rows)?;
    edges.sort_unstable_by_key(|edge| edge.id);
    edges.dedup_by_key(|edge| edge.id);
    for edge in &edges {
        tx.unlink(edge.source, edge.id)?;
    }
    Ok(edges.len() as u64)
}

/// Removes all edges.
pub(super) fn truncate(tx: &mut Transaction<'_>) -> Result<u64> {
    let edges: Vec<Edge> = tx.view().state.graph().edges().collect();
    for edge in &edges {
        tx.unlink(edge.source, edge.id)?;
    }
    Ok(edges.len() as u64)
}

/// Changes edges as rows say. An edge that several rows are about changes as the first says.
pub(super) fn update(tx: &mut Transaction<'_>, rows: &[RecordBatch]) -> Result<u64> {
    let mut edges = edges(tx, rows)?.into_iter();
    let mut seen = HashSet::new();
    each(rows, |values| {
        values.refuse_assigned(&["source_address", "target_address", "address"])?;
        if let Some(fixed) = ["source", "verb", "target"]
            .into_iter()
            .find(|name| values.is_assigned(name))
        {
            return Err(SqlError::Statement(format!(
                "expected other columns: an edge's {fixed} never changes; DELETE it and INSERT another"
            ))
            .into());
        }
        let there = edges.next().ok_or(Failure::Stale)?;
        if !seen.insert(there.id) {
            return Ok(());
        }
        let truth = Truth::new(there.frequency, there.confidence).unwrap_or_default();
        let truth = values.truth(truth)?.unwrap_or(truth);
        let edge = Edge {
            weight: values.float("weight").flatten().unwrap_or(there.weight),
            frequency: truth.frequency(),
            confidence: truth.confidence(),
            evidence: values.evidence().unwrap_or_else(|| there.evidence.clone()),
            properties: match values.properties()? {
                Some(properties) => properties,
                None => there.properties.clone(),
            },
            ..there
        };
        tx.update_edge(edge)?;
        Ok(())
    })?;
    Ok(seen.len() as u64)
}
