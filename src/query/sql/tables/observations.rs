//! Observations: nodes of the kind `Observation`, whose fields are variables with their values, and whose value is how
//! often that was seen; as a table, a row a variable.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::fields::{FieldValue, is_note};

/// The kind of nodes that are observations.
pub const OBSERVATION: &str = "Observation";

/// What was seen, and how often.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation<'v> {
    /// Variables with their values.
    pub values: Vec<(Cow<'v, str>, String)>,
    /// How often: above 0.
    pub weight: f64,
}

impl<'v> Observation<'v> {
    /// What a node says was seen; none if it is of another kind, or its value is no number above 0. No value is once.
    pub fn of(node: Node<'v>) -> Option<Self> {
        if !node.kinds().iter().any(|kind| **kind == *OBSERVATION) {
            return None;
        }
        let weight = match node.value() {
            None => 1.0,
            Some(text) => std::str::from_utf8(text).ok()?.trim().parse().ok()?,
        };
        let fields = node.fields().into_iter().flat_map(|fields| fields.iter());
        // What the memory notes of the node is no variable.
        let fields = fields.filter(|(name, _)| !is_note(name));
        let value = |(name, value): (&'v Arc<[u8]>, &FieldValue)| {
            let text = value.text();
            (
                String::from_utf8_lossy(name),
                String::from_utf8_lossy(&text).into_owned(),
            )
        };
        (weight > 0.0 && f64::is_finite(weight)).then(|| Self {
            values: fields.map(value).collect(),
            weight,
        })
    }
}

/// The columns.
pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::UInt64, false),
        Field::new("variable", DataType::Utf8, false),
        Field::new("value", DataType::Utf8, false),
        Field::new("weight", DataType::Float64, false),
    ]))
}

/// The observations among nodes, as rows.
pub(super) fn rows<'v>(nodes: impl Iterator<Item = Node<'v>>) -> RecordBatch {
    let (mut ids, mut variables, mut values, mut weights) = (vec![], vec![], vec![], vec![]);
    for node in nodes {
        let Some(seen) = Observation::of(node) else {
            continue;
        };
        for (variable, value) in seen.values {
            ids.push(node.id());
            variables.push(variable);
            values.push(value);
            weights.push(seen.weight);
        }
    }
    RecordBatch::try_new(
        schema(),
        vec![
            Arc::new(UInt64Array::from(ids)),
            Arc::new(StringArray::from_iter_values(variables)),
            Arc::new(StringArray::from_iter_values(values)),
            Arc::new(Float64Array::from(weights)),
        ],
    )
    .expect("invariant: the columns are those of the schema, of one length")
}
