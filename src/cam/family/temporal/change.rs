//! What changed between two moments: as a difference, and commit by commit.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray, UInt16Array, UInt64Array,
};
use ladybug_engine::commit::difference::{Difference, changed_slots};
use ladybug_engine::commit::history::Mark;
use ladybug_engine::engine::{Snapshot, Version, When};
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::space::address::{Address, Zone};
use ladybug_engine::space::graph::Edge;
use ladybug_engine::space::state::{State, View};
use ladybug_engine::space::verbs::address_of;

use super::super::super::batch::{batch, fingerprints};
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::super::super::method::Scope;
use super::past::{moment_sql, scope_sql};
use super::{CHANGED, REPLAY};
use crate::operand::fingerprint_of;

/// In SQL: a table at the moment of an argument, or as it is now.
fn table_sql(call: &Call<'_>, table: &str, at: usize) -> String {
    match call.moment(at) {
        Some(when) => format!("as_of('{table}', {})", moment_sql(when)),
        None => table.to_owned(),
    }
}

/// In SQL: what differs between rows that are told apart by `key` and have changed where `stamp` has.
fn difference_sql(before: &str, after: &str, columns: &str, key: &str) -> String {
    let of = |column: &str| {
        format!("CASE WHEN a.{key} IS NULL THEN b.{column} ELSE a.{column} END AS {column}")
    };
    let columns: Vec<_> = columns.split(", ").map(of).collect();
    format!(
        "SELECT {}, CASE WHEN b.{key} IS NULL THEN 'created' WHEN a.{key} IS NULL THEN 'removed' ELSE 'changed' END AS how \
         FROM {before} b FULL JOIN {after} a ON a.{key} = b.{key} WHERE a.stamp IS DISTINCT FROM b.stamp",
        columns.join(", ")
    )
}

pub fn changed_sql(call: &Call<'_>) -> String {
    if call.scope() == Scope::Surface {
        let side = |at| {
            format!(
                "(SELECT address, name, name AS stamp FROM {})",
                table_sql(call, "verbs", at)
            )
        };
        return format!(
            "SELECT 'verb' AS what, CAST(NULL AS BIGINT UNSIGNED) AS id, address, name, how FROM ({}) ORDER BY address",
            difference_sql(&side(0), &side(1), "address, name", "address")
        );
    }
    let nodes = |at| {
        format!(
            "(SELECT id, address, name, zone, version AS stamp FROM {})",
            table_sql(call, "nodes", at)
        )
    };
    let edges = |at| {
        format!(
            "(SELECT id, address, verb, source_address, target_address, version AS stamp FROM {})",
            table_sql(call, "edges", at)
        )
    };
    let within = |column: &str| match call.scope().zone() {
        Some(Zone::Fluid) => format!("{column} < 32768"),
        Some(_) => format!("{column} >= 32768"),
        None => "true".to_owned(),
    };
    format!(
        "SELECT what, id, address, name, how FROM (\
         SELECT 'node' AS what, id, address, name, how FROM ({}) WHERE {} UNION ALL \
         SELECT 'edge' AS what, id, address, verb AS name, how FROM ({}) WHERE {} AND {}) ORDER BY what DESC, id",
        difference_sql(&nodes(0), &nodes(1), "id, address, name, zone", "id"),
        within("address"),
        difference_sql(
            &edges(0),
            &edges(1),
            "id, address, verb, source_address, target_address",
            "id"
        ),
        within("source_address"),
        within("target_address"),
    )
}

/// A row of what changed.
struct Change {
    what: &'static str,
    id: Option<u64>,
    address: Option<Address>,
    name: Option<String>,
    how: &'static str,
}

/// How something changed between two versions of it; not at all if both are the same.
fn how<T: PartialEq>(before: Option<T>, after: Option<T>) -> Option<&'static str> {
    match (before, after) {
        (None, None) => None,
        (None, Some(_)) => Some("created"),
        (Some(_), None) => Some("removed"),
        (Some(before), Some(after)) => (before != after).then_some("changed"),
    }
}

/// Refuses a range of moments that ends before it begins, once it is known what versions they are.
fn in_order(call: &Call<'_>, first: u64, last: u64) -> Result<(), Fault> {
    match first <= last {
        true => Ok(()),
        false => {
            let (operation, values) = (call.operation, &call.values);
            Err(operation.range.refused(operation, &values[0], &values[1]))
        }
    }
}

pub fn changed(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let since = call.moment(0).unwrap_or(When::Version(0));
    let before = reading.glance_at(since)?;
    let after: Snapshot = match call.moment(1) {
        Some(until) => reading.glance_at(until)?,
        None => reading.glance().clone(),
    };
    if call.has(1) {
        in_order(call, before.state.version(), after.state.version())?;
    }
    let rows = match call.scope() {
        Scope::Surface => verbs(&before.state, &after.state),
        scope => {
            let mut rows = Vec::new();
            let difference = Difference::between(&before.state, &after.state);
            nodes(&difference, before.view(), after.view(), scope, &mut rows);
            edges(&difference, before.view(), after.view(), scope, &mut rows);
            rows
        }
    };
    Ok(batch(
        CHANGED,
        vec![
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|row| row.what),
            )),
            Arc::new(UInt64Array::from_iter(rows.iter().map(|row| row.id))),
            Arc::new(UInt16Array::from_iter(
                rows.iter().map(|row| row.address.map(|address| address.0)),
            )),
            Arc::new(StringArray::from_iter(
                rows.iter().map(|row| row.name.as_deref()),
            )),
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|row| row.how),
            )),
        ],
    ))
}

fn verbs(before: &State, after: &State) -> Vec<Change> {
    let difference = Difference::between(before, after);
    let changes = difference.verbs.into_iter().filter_map(|change| {
        let how = how(change.before.as_ref(), change.after.as_ref())?;
        let name = change.after.as_deref().or(change.before.as_deref());
        Some(Change {
            what: "verb",
            id: None,
            address: u8::try_from(change.id).ok().map(address_of),
            name: name.map(str::to_owned),
            how,
        })
    });
    changes.collect()
}

/// Fluid nodes that a state still holds though they have expired by the moment of its view.
fn expired<'v>(view: View<'v>) -> impl Iterator<Item = (u64, Address)> + use<'v> {
    let all = View::of(view.state, i64::MIN).nodes();
    let gone = all.filter(move |node| view.node(node.address()).is_none());
    gone.map(|node| (node.id(), node.address()))
}

fn nodes(
    difference: &Difference,
    before: View<'_>,
    after: View<'_>,
    scope: Scope,
    rows: &mut Vec<Change>,
) {
    let mut ids: BTreeSet<u64> = difference.nodes.iter().map(|change| change.id).collect();
    ids.extend(expired(before).chain(expired(after)).map(|(id, _)| id));
    for id in ids {
        let (old, new) = (before.find_id(id), after.find_id(id));
        let Some(node) = new.or(old) else { continue };
        let how = how(
            old.map(|node| node.version()),
            new.map(|node| node.version()),
        );
        if let Some(how) = how
            && scope.contains(node.address())
        {
            let name = node.name().and_then(|name| std::str::from_utf8(name).ok());
            rows.push(Change {
                what: "node",
                id: Some(id),
                address: Some(node.address()),
                name: name.map(str::to_owned),
                how,
            });
        }
    }
}

/// An edge, if it and both its ends are there.
fn edge(view: View<'_>, id: u64) -> Option<Edge> {
    let graph = view.state.graph();
    let edge = graph.get(graph.source_of(id)?, id)?;
    let is_there = view.node(edge.source).is_some() && view.node(edge.target).is_some();
    is_there.then_some(edge)
}

fn edges(
    difference: &Difference,
    before: View<'_>,
    after: View<'_>,
    scope: Scope,
    rows: &mut Vec<Change>,
) {
    let mut ids: BTreeSet<u64> = difference.edges.iter().map(|change| change.id).collect();
    for view in [before, after] {
        for (_, address) in expired(view) {
            let links = view.state.graph().incident(address);
            ids.extend(links.iter().map(|link| link.id));
        }
    }
    for id in ids {
        let (old, new) = (edge(before, id), edge(after, id));
        let how = how(
            old.as_ref().map(|edge| edge.version),
            new.as_ref().map(|edge| edge.version),
        );
        let view = if new.is_some() { after } else { before };
        if let Some(how) = how
            && let Some(edge) = new.or(old)
            && scope.contains(edge.source)
            && scope.contains(edge.target)
        {
            rows.push(Change {
                what: "edge",
                id: Some(id),
                address: edge.address,
                name: view.state.verbs().name(edge.verb).map(str::to_owned),
                how,
            });
        }
    }
}

pub fn replay_sql(call: &Call<'_>) -> String {
    let bound = |at: usize, comparison: &str| match call.moment(at) {
        Some(When::Time(time)) => format!("CAST(committed AS BIGINT) {comparison} {time}"),
        Some(When::Version(version)) => format!("commit {comparison} {version}"),
        None => "true".to_owned(),
    };
    format!(
        "SELECT commit AS version, committed, operation, id, address, name, fingerprint FROM history \
         WHERE operation <> 'base' AND {} AND {} AND {} ORDER BY version, address, operation, id",
        bound(0, ">"),
        bound(1, "<="),
        scope_sql(call.scope())
    )
}

/// What a commit did to a node.
struct Step {
    commit: Mark,
    operation: &'static str,
    id: u64,
    address: Address,
    name: Option<String>,
    bits: Fingerprint,
}

/// What a commit did to nodes of a scope, by address.
fn steps(version: &Version, scope: Scope) -> Vec<Step> {
    let (before, after) = (&*version.before, &*version.after);
    let node = |state: &State, address| {
        let node = state.node(address).filter(|node| !node.is_edge());
        node.map(|node| node.id())
    };
    let step = |state: &State, address: Address, operation| {
        let view = View::of(state, i64::MIN);
        let node = view.node(address)?;
        let name = node.name().and_then(|name| std::str::from_utf8(name).ok());
        Some(Step {
            commit: version.mark,
            operation,
            id: node.id(),
            address,
            name: name.map(str::to_owned),
            bits: fingerprint_of(&view, node),
        })
    };
    let mut steps = Vec::new();
    for prefix in 0..=u8::MAX {
        for slot in changed_slots(before.chunk(prefix), after.chunk(prefix)) {
            let address = Address::new(prefix, slot);
            if !scope.contains(address) {
                continue;
            }
            if node(before, address).is_some_and(|id| after.find_id(id).is_none()) {
                steps.extend(step(before, address, "delete"));
            }
            match node(after, address) {
                Some(id) if before.find_id(id).is_none() => {
                    steps.extend(step(after, address, "insert"));
                }
                Some(_) => steps.extend(step(after, address, "update")),
                None => {}
            }
        }
    }
    steps
}

pub fn replay(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let mut bounds = [0; 2];
    for (at, bound) in bounds.iter_mut().enumerate() {
        let when = call.moment(at).unwrap_or(When::Time(i64::MAX));
        *bound = reading.state_at(when)?.version;
    }
    let [first, last] = bounds;
    in_order(call, first, last)?;
    let asked = reading
        .versions()?
        .skip_while(|version| version.mark.version > last)
        .take_while(|version| version.mark.version > first);
    let mut commits: Vec<Vec<Step>> = asked.map(|version| steps(&version, call.scope())).collect();
    commits.reverse();
    let steps: Vec<Step> = commits.into_iter().flatten().collect();
    let count = |of: fn(&Step) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(steps.iter().map(of)))
    };
    Ok(batch(
        REPLAY,
        vec![
            count(|step| step.commit.version),
            Arc::new(TimestampMicrosecondArray::from_iter_values(
                steps.iter().map(|step| step.commit.committed),
            )),
            Arc::new(StringArray::from_iter_values(
                steps.iter().map(|step| step.operation),
            )),
            count(|step| step.id),
            Arc::new(UInt16Array::from_iter_values(
                steps.iter().map(|step| step.address.0),
            )),
            Arc::new(StringArray::from_iter(
                steps.iter().map(|step| step.name.as_deref()),
            )),
            fingerprints(steps.iter().map(|step| &step.bits)),
        ],
    ))
}
