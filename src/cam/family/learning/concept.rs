//! What several nodes have in common: a concept of them, and what they share.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use ladybug_engine::commit::transaction::{Draft, EdgeDraft, Transaction, sorted_kinds};
use ladybug_engine::fingerprint::bundle::bundle;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::fields::is_note;
use ladybug_engine::space::mutation::{Bits, Content};
use ladybug_engine::space::state::View;

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::{Call, quoted};
use super::super::super::error::Fault;
use super::super::super::host::{Reading, Row};
use super::super::super::method::Scope;
use super::super::super::provenance;
use super::{CONCEPT, SHARED};
use crate::operand::fingerprint_of;

const KIND: &str = "Concept";
const IS_A: &str = "IS_A";
/// The method that a concept is derived by.
const METHOD: &str = "LEARNING.CONCEPT";

/// In SQL: the condition that a row is one of the nodes from a place on.
fn any_sql(call: &Call<'_>, from: usize) -> String {
    let each: Vec<_> = (from..call.values.len())
        .map(|at| format!("({})", call.node_sql(at)))
        .collect();
    each.join(" OR ")
}

pub fn concept_sql(call: &Call<'_>) -> String {
    let name = quoted(&String::from_utf8_lossy(call.name(0)));
    let members = any_sql(call, 1);
    format!(
        "INSERT INTO nodes (name, kinds, fingerprint) SELECT {name} AS name, make_array('{KIND}') AS kinds, \
         bundle(fingerprint) AS fingerprint FROM nodes WHERE {members};\n\
         INSERT INTO edges (source, verb, target) SELECT x.id AS source, '{IS_A}' AS verb, c.id AS target \
         FROM (SELECT id FROM nodes WHERE {members}) x CROSS JOIN (SELECT id FROM nodes WHERE name = {name}) c;\n{}",
        provenance::derive_node_sql(
            &name,
            METHOD,
            &format!("(SELECT id, version FROM nodes WHERE {members})")
        )
    )
}

pub fn concept(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let view = tx.view();
    let mut members: Vec<Address> = Vec::new();
    for at in 1..call.values.len() {
        let address = call.find_again(at, &view)?.address();
        if !members.contains(&address) {
            members.push(address);
        }
    }
    let bits = members.iter().filter_map(|member| view.node(*member));
    let bits: Vec<_> = bits.map(|node| fingerprint_of(&view, node)).collect();
    let prototype = bundle(&bits).expect("invariant: the entry wants at least one member");
    let is_a = view.state.verbs().slot(IS_A);
    let is_a = is_a.expect("invariant: the verb is built in");
    let address = tx.create(Draft {
        name: Some(call.name(0).into()),
        kinds: sorted_kinds(vec![KIND.into()]),
        content: Content {
            fingerprint: Bits::Given(Box::new(prototype)),
            ..Content::default()
        },
        ..Draft::default()
    })?;
    call.check_written(address)?;
    for member in &members {
        tx.link(*member, is_a, address, EdgeDraft::default())?;
    }
    provenance::derive_node(tx, address, METHOD, &members)?;
    let view = tx.view();
    let node = view.node(address);
    let node = node.expect("invariant: a node was just made there");
    let (mut columns, bits) = row_columns([&Row::of(&view, node)]);
    columns.push(Arc::new(UInt64Array::from(vec![members.len() as u64])));
    columns.push(bits);
    Ok(batch(CONCEPT, columns))
}

pub fn generalize_sql(call: &Call<'_>) -> String {
    let rows = call.nodes_sql();
    format!(
        "WITH members AS (SELECT id, kinds, properties FROM {rows} WHERE {}), others AS (SELECT id FROM {rows}), \
         aspects AS (SELECT id, 'kind' AS aspect, unnest(kinds) AS name, CAST(NULL AS VARCHAR) AS value FROM members \
         UNION ALL SELECT id, 'field' AS aspect, name, field(properties, name) AS value \
         FROM (SELECT id, properties, unnest(field_names(properties)) AS name FROM members) WHERE name NOT LIKE 'memory:%' \
         UNION ALL SELECT m.id, 'to' AS aspect, e.verb AS name, concat('#', e.target) AS value \
         FROM members m JOIN edges e ON e.source = m.id JOIN others o ON o.id = e.target \
         UNION ALL SELECT m.id, 'from' AS aspect, e.verb AS name, concat('#', e.source) AS value \
         FROM members m JOIN edges e ON e.target = m.id JOIN others o ON o.id = e.source) \
         SELECT aspect, name, value FROM aspects GROUP BY aspect, name, value \
         HAVING count(DISTINCT id) = (SELECT count(*) FROM members) ORDER BY aspect, name, value",
        any_sql(call, 0)
    )
}

/// Something there is to say of a node: aspect, name, value.
type Aspect = (&'static str, String, Option<String>);
type Aspects = BTreeSet<Aspect>;

fn aspects(view: &View<'_>, scope: Scope, node: Node<'_>) -> Aspects {
    let mut all = Aspects::new();
    all.extend(
        node.kinds()
            .iter()
            .map(|kind| ("kind", kind.to_string(), None)),
    );
    let fields = node.fields().into_iter().flat_map(|fields| fields.iter());
    for (name, value) in fields.filter(|(name, _)| !is_note(name)) {
        let value = match value.json() {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        all.insert((
            "field",
            String::from_utf8_lossy(name).into_owned(),
            Some(value),
        ));
    }
    for link in view.state.graph().incident(node.address()) {
        let verb = view.state.verbs().name(link.verb).unwrap_or_default();
        let ends = [
            (link.source, link.target, "to"),
            (link.target, link.source, "from"),
        ];
        for (own, other, aspect) in ends {
            let other = view
                .node(other)
                .filter(|other| scope.contains(other.address()));
            if let Some(other) = other.filter(|_| own == node.address()) {
                all.insert((aspect, verb.to_owned(), Some(format!("#{}", other.id()))));
            }
        }
    }
    all
}

pub fn generalize(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let (view, scope) = (reading.view(), call.scope());
    let places = (0..call.values.len()).map(|at| call.place(at).address);
    // Of words of the surface nothing is said.
    let nodes = places.filter_map(|place| view.node(place));
    let all = nodes.map(|node| aspects(&view, scope, node));
    let shared = all.reduce(|shared, next| shared.intersection(&next).cloned().collect());
    let shared = shared.unwrap_or_default();
    let text = |of: fn(&Aspect) -> Option<String>| -> ArrayRef {
        Arc::new(shared.iter().map(of).collect::<StringArray>())
    };
    Ok(batch(
        SHARED,
        vec![
            text(|(aspect, ..)| Some((*aspect).to_owned())),
            text(|(_, name, _)| Some(name.clone())),
            text(|(.., value)| value.clone()),
        ],
    ))
}
