//! Nodes whose value is counts of examples, and whose fingerprint is their majority.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt64Array};
use ladybug_engine::commit::transaction::{Draft, Transaction, sorted_kinds};
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::fields::{FieldValue, Fields};
use ladybug_engine::space::mutation::{Bits, Content};

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Row;
use super::super::super::provenance::{Entry, LEARNED, Used, note};
use super::COUNTED;
use crate::mind::learning::prototype::Counts;
use crate::operand::shown;

/// The field that says how many examples were added.
pub const EXAMPLES: &str = "examples";

/// Whether a node is of a kind.
pub fn is_of(node: Node<'_>, kind: &str) -> bool {
    node.kinds().iter().any(|known| **known == *kind)
}

/// A node with its counts.
pub struct Counted {
    address: Address,
    counts: Counts,
    examples: i64,
    /// The version that it had; 0 if it is made now.
    before: u64,
}

impl Counted {
    /// The one that the first argument names; none if that name is free.
    ///
    /// # Errors
    /// It is another node's, or outside the scope.
    pub fn named(call: &Call<'_>, tx: &Transaction<'_>, kind: &str) -> Result<Option<Self>, Fault> {
        let view = tx.view();
        let Some(node) = view.find(call.name(0)) else {
            return Ok(None);
        };
        call.check_written(node.address())?;
        Self::of(node, kind).map(Some)
    }

    /// A node's.
    ///
    /// # Errors
    /// It has none.
    pub fn of(node: Node<'_>, kind: &str) -> Result<Self, Fault> {
        let value = node.value().filter(|_| is_of(node, kind));
        let counts = value.and_then(|value| Counts::from_bytes(value));
        let counts = counts.ok_or_else(|| {
            let name = node.name().map(|name| shown(name));
            Fault::of(
                "name",
                format!(
                    "expected a name that is free or of a node of kind {kind} with its counts, got '{}'",
                    name.unwrap_or_default()
                ),
            )
        })?;
        let examples = node
            .fields()
            .and_then(|fields| fields.get(EXAMPLES.as_bytes()));
        Ok(Self {
            address: node.address(),
            counts,
            before: node.version(),
            examples: match examples {
                Some(FieldValue::Integer(examples)) => *examples,
                _ => 0,
            },
        })
    }

    /// One that is made now, by the name that the first argument is.
    ///
    /// # Errors
    /// The node zone is outside the scope, or full.
    pub fn made(call: &Call<'_>, tx: &mut Transaction<'_>, kind: &str) -> Result<Self, Fault> {
        let address = tx.create(Draft {
            name: Some(call.name(0).into()),
            kinds: sorted_kinds(vec![kind.into()]),
            ..Draft::default()
        })?;
        call.check_written(address)?;
        Ok(Self {
            address,
            counts: Counts::default(),
            examples: 0,
            before: 0,
        })
    }

    /// Adds examples, or takes them away.
    pub fn add<'f>(&mut self, examples: impl IntoIterator<Item = &'f Fingerprint>, times: i32) {
        for example in examples {
            self.counts.add(example, times);
            self.examples = self.examples.saturating_add(times.into());
        }
    }

    /// Writes it down, with what the examples of this call were and how often each was added: those of the calls before
    /// are what it noted then.
    pub fn write(
        &self,
        tx: &mut Transaction<'_>,
        method: &str,
        premises: &[Used],
        times: i32,
    ) -> Result<(), Fault> {
        let entry = Entry::new(
            method,
            self.before,
            premises.to_vec(),
            &[("times", FieldValue::Integer(times.into()))],
        );
        let fields = tx.view().node(self.address).and_then(Node::fields).cloned();
        let mut fields: Fields = fields.as_deref().cloned().unwrap_or_default();
        fields.insert(
            EXAMPLES.as_bytes().into(),
            FieldValue::Integer(self.examples),
        );
        fields.insert(LEARNED.as_bytes().into(), note(&[entry]));
        let content = Content {
            value: Some(self.counts.to_bytes().into()),
            fields: Some(fields.into()),
            fingerprint: Bits::Given(Box::new(self.counts.majority())),
        };
        Ok(tx.set_content(self.address, content)?)
    }

    /// Its row.
    pub fn rows(&self, tx: &Transaction<'_>) -> RecordBatch {
        let view = tx.view();
        let node = view.node(self.address);
        let node = node.expect("invariant: a node was just written there");
        let (mut columns, bits) = row_columns([&Row::of(&view, node)]);
        let examples = u64::try_from(self.examples).unwrap_or_default();
        columns.push(Arc::new(UInt64Array::from(vec![examples])));
        columns.push(bits);
        batch(COUNTED, columns)
    }

    /// Where it is.
    pub fn address(&self) -> Address {
        self.address
    }
}

/// Adds examples, made of the queries behind the name, to the node of a kind that the first argument names, which is made
/// if there is none.
pub fn count(
    call: &Call<'_>,
    tx: &mut Transaction<'_>,
    kind: &str,
    examples: &[Fingerprint],
) -> Result<RecordBatch, Fault> {
    let premises: Vec<Used> = (1..call.values.len()).map(|at| call.used(at)).collect();
    let mut counted = match Counted::named(call, tx, kind)? {
        Some(counted) => counted,
        None => Counted::made(call, tx, kind)?,
    };
    counted.add(examples, 1);
    let method = format!("LEARNING.{}", call.operation.name);
    counted.write(tx, &method, &premises, 1)?;
    Ok(counted.rows(tx))
}
