//! One node's past: its slot's version leads to the commit that last changed it, which says what was there before
//! and which version had made that, and so on. Commits to others are not looked at.

use std::sync::Arc;

use super::{Mark, Past, Place, Segment};
use crate::fingerprint::Fingerprint;
use crate::space::address::Address;
use crate::space::chunk::Node;
use crate::space::derive::Recipe;
use crate::space::fields::put_field;
use crate::space::mutation::{Inverse, Mutation, NodeImage};

/// A node as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct PastNode {
    /// Where it lived.
    pub address: Address,
    /// The version that had last changed it.
    pub version: u64,
    /// What it was.
    pub image: NodeImage,
}

impl PastNode {
    /// A node as it is.
    pub fn of(node: Node<'_>) -> Self {
        Self {
            address: node.address(),
            version: node.version(),
            image: NodeImage::of(node),
        }
    }

    /// Its fingerprint, encoded if it follows from its content.
    pub fn fingerprint(&self) -> Fingerprint {
        let (content, name) = (&self.image.content, self.image.name.as_ref());
        let encoded =
            || Recipe::of_content(content.value.as_ref(), content.fields.as_ref(), name).encode();
        content.fingerprint.given().cloned().unwrap_or_else(encoded)
    }

    /// Which parts differ, by name; a zone that differs is an address that does.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let (a, b) = (&self.image, &other.image);
        let parts = [
            ("address", self.address != other.address),
            ("name", a.name != b.name),
            ("value", a.content.value != b.content.value),
            ("fields", a.content.fields != b.content.fields),
            (
                "fingerprint",
                a.content.fingerprint != b.content.fingerprint,
            ),
            ("kinds", a.kinds != b.kinds),
            ("truth", (a.truth, &a.evidence) != (b.truth, &b.evidence)),
            ("qualia", a.qualia != b.qualia),
            ("rung", a.rung != b.rung),
            ("expires", a.expires != b.expires),
            ("promotion", a.promotion != b.promotion),
        ];
        let differ = parts.into_iter().filter(|(_, differs)| *differs);
        differ.map(|(part, _)| part).collect()
    }
}

/// A commit that changed a node.
#[derive(Clone, Debug)]
pub struct NodeChange {
    /// The commit.
    pub commit: Mark,
    /// What it left.
    pub after: PastNode,
    /// What was there before; `None` if the commit made the node.
    pub before: Option<PastNode>,
}

/// The changes of one node, newest first.
pub struct PastNodes {
    /// Oldest first; what is before them is not told.
    segments: Vec<Arc<Segment>>,
    /// The places of the segment read last, by its index.
    open: Option<(usize, Vec<Place>)>,
    node: Option<PastNode>,
}

impl PastNodes {
    /// Goes back from a node, through the segments of its space.
    pub fn new(segments: Vec<Arc<Segment>>, node: PastNode) -> Self {
        Self {
            segments,
            open: None,
            node: Some(node),
        }
    }

    /// No changes, of nobody.
    pub fn none() -> Self {
        Self {
            segments: Vec::new(),
            open: None,
            node: None,
        }
    }

    /// The node at `version`, if it was there; `version` must not be before the segments.
    pub fn at(mut self, version: u64) -> Option<PastNode> {
        while self.node.as_ref()?.version > version {
            self.next()?;
        }
        self.node
    }

    fn commit(&mut self, version: u64) -> Option<Past> {
        let at = self
            .segments
            .partition_point(|segment| segment.last.version < version);
        let segment = self.segments.get(at)?;
        if self.open.as_ref().is_none_or(|(open, _)| *open != at) {
            self.open = Some((at, segment.places()));
        }
        let (_, places) = self.open.as_ref()?;
        let place = places.binary_search_by_key(&version, |place| place.after.version);
        Some(segment.read(&places[place.ok()?]))
    }
}

impl Iterator for PastNodes {
    type Item = NodeChange;

    fn next(&mut self) -> Option<NodeChange> {
        let after = self.node.clone()?;
        let past = self.commit(after.version)?;
        for inverse in past.inverses.into_iter().rev() {
            self.node = self.node.take().and_then(|node| taken_back(node, inverse));
        }
        Some(NodeChange {
            commit: past.after,
            after,
            before: self.node.clone(),
        })
    }
}

/// The node before a change, which may be another's.
fn taken_back(mut node: PastNode, inverse: Inverse) -> Option<PastNode> {
    let Inverse { mutation, version } = inverse;
    let here = node.address;
    let image = &mut node.image;
    match mutation {
        Mutation::Remove { address } if address == here => return None,
        Mutation::SetContent { address, content } if address == here => image.content = content,
        Mutation::SetField {
            address,
            name,
            value,
            place,
        } if address == here => {
            put_field(&mut image.content.fields, &name, value, place);
        }
        Mutation::SetExpiry { address, expires } if address == here => image.expires = expires,
        Mutation::Rename { address, name } if address == here => image.name = name,
        Mutation::SetKinds { address, kinds } if address == here => image.kinds = kinds,
        Mutation::SetTruth {
            address,
            truth,
            evidence,
        } if address == here => (image.truth, image.evidence) = (truth, evidence),
        Mutation::SetQualia { address, qualia } if address == here => image.qualia = qualia,
        Mutation::SetRung { address, rung } if address == here => image.rung = rung,
        Mutation::SetPromotion { address, accesses } if address == here => {
            image.promotion = accesses;
        }
        Mutation::Relocate { from, to } if from == here => node.address = to,
        Mutation::SetParent { address, .. } if address == here => {}
        _ => return Some(node),
    }
    node.version = version;
    Some(node)
}
