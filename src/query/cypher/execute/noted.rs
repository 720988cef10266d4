//! What a statement that changes things has read, so that its commit can tell whether all of it still is so.
//!
//! A scan is noted by what it looked for, so that others who write nodes that it would not have found are no conflict.

use std::cell::RefCell;
use std::sync::Arc;

use ladybug_engine::engine::Reads;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::Node;

use super::super::value::Value;
use super::has_kinds;
use super::steps::has_property;

/// Most values of one property that are told apart; of more, every value counts.
const VALUES_MAX: usize = 64;

/// What a statement has read.
#[derive(Default)]
pub struct Noted(RefCell<Inner>);

#[derive(Default)]
struct Inner {
    reads: Reads,
    scans: Vec<Scan>,
}

/// Nodes that were looked for.
struct Scan {
    labels: Vec<Arc<str>>,
    property: Option<(Arc<str>, Wanted)>,
}

/// The values of a property that were looked for.
enum Wanted {
    Values(Vec<Value>),
    Any,
}

impl Scan {
    fn finds(&self, node: Node<'_>) -> bool {
        has_kinds(node, &self.labels)
            && match &self.property {
                Some((key, Wanted::Values(values))) => {
                    values.iter().any(|value| has_property(node, key, value))
                }
                Some((_, Wanted::Any)) | None => true,
            }
    }
}

impl Noted {
    /// The node at an address was read.
    pub(super) fn place(&self, address: Address) {
        self.0.borrow_mut().reads.note_place(address);
    }

    /// The edges of the node at an address were read.
    pub(super) fn lists(&self, address: Address) {
        self.0.borrow_mut().reads.note_lists(address);
    }

    /// All nodes and edges were read.
    pub(super) fn all(&self) {
        let reads = &mut self.0.borrow_mut().reads;
        reads.note_chunks(0..=u8::MAX);
        reads.note_edge_chunks(0..=u8::MAX);
    }

    /// There is no node with an id, or this one.
    pub(super) fn id(&self, base: ladybug_engine::space::state::View<'_>, id: u64) {
        let node = ladybug_engine::engine::NodeRef::Id(id);
        self.0.borrow_mut().reads.note(base, node);
    }

    /// All nodes with some labels were looked for.
    pub(super) fn labels(&self, labels: &[Arc<str>]) {
        let scans = &mut self.0.borrow_mut().scans;
        let is_same = |scan: &Scan| scan.property.is_none() && scan.labels == labels;
        if !scans.iter().any(is_same) {
            scans.push(Scan {
                labels: labels.to_vec(),
                property: None,
            });
        }
    }

    /// All nodes with some labels and a property were looked for.
    pub(super) fn property(&self, labels: &[Arc<str>], key: &Arc<str>, value: &Value) {
        let scans = &mut self.0.borrow_mut().scans;
        let found = scans.iter_mut().find_map(|scan| match &mut scan.property {
            Some((of, wanted)) if of == key && scan.labels == labels => Some(wanted),
            _ => None,
        });
        match found {
            None => scans.push(Scan {
                labels: labels.to_vec(),
                property: Some((Arc::clone(key), Wanted::Values(vec![value.clone()]))),
            }),
            Some(Wanted::Any) => {}
            Some(Wanted::Values(values)) if values.contains(value) => {}
            Some(Wanted::Values(values)) if values.len() < VALUES_MAX => values.push(value.clone()),
            Some(wanted) => *wanted = Wanted::Any,
        }
    }

    /// As the engine wants it.
    pub fn into_reads(self) -> Reads {
        let Inner { mut reads, scans } = self.0.into_inner();
        for scan in scans {
            reads.note_scan(Box::new(move |node| scan.finds(node)));
        }
        reads
    }
}
