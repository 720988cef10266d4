//! What an edge is, whole and in the light forms that iteration hands out.

use std::sync::Arc;

use crate::space::address::Address;
use crate::space::fields::Fields;

/// A whole edge: what a checkpoint stores and a mutation carries.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// Unique in its space, never reused.
    pub id: u64,
    /// Where it leaves from.
    pub source: Address,
    /// Its type: the slot of the verb at prefix 0x07.
    pub verb: u8,
    /// Where it leads to.
    pub target: Address,
    /// How much it counts.
    pub weight: f32,
    /// The frequency of its truth, 0..=1.
    pub frequency: f32,
    /// The confidence of its truth, in (0, 1).
    pub confidence: f32,
    /// Version of the commit that last changed it.
    pub version: u64,
    /// Ids of the evidence its truth stands on.
    pub evidence: Option<Arc<[u64]>>,
    /// Named, typed properties.
    pub properties: Option<Arc<Fields>>,
    /// Where a reified edge lives in the fluid zone.
    pub address: Option<Address>,
}

impl Edge {
    /// Its number and ends.
    pub fn link(&self) -> EdgeLink {
        EdgeLink {
            id: self.id,
            source: self.source,
            verb: self.verb,
            target: self.target,
        }
    }

    pub(super) fn strength(&self) -> Strength {
        Strength {
            weight: self.weight,
            frequency: self.frequency,
            confidence: self.confidence,
            version: self.version,
        }
    }

    pub(super) fn rare(&self) -> Rare {
        Rare {
            evidence: self.evidence.clone(),
            properties: self.properties.clone(),
            address: self.address,
        }
    }

    pub(super) fn from_parts(link: EdgeLink, strength: Strength, rare: Rare) -> Self {
        Self {
            id: link.id,
            source: link.source,
            verb: link.verb,
            target: link.target,
            weight: strength.weight,
            frequency: strength.frequency,
            confidence: strength.confidence,
            version: strength.version,
            evidence: rare.evidence,
            properties: rare.properties,
            address: rare.address,
        }
    }
}

/// What of an edge can change while it stays the same edge between the same ends.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgeAttributes {
    /// How much it counts.
    pub weight: f32,
    /// The frequency of its truth, 0..=1.
    pub frequency: f32,
    /// The confidence of its truth, in (0, 1).
    pub confidence: f32,
    /// Version of the commit that last changed it.
    pub version: u64,
    /// Ids of the evidence its truth stands on.
    pub evidence: Option<Arc<[u64]>>,
    /// Named, typed properties.
    pub properties: Option<Arc<Fields>>,
    /// Where a reified edge lives in the fluid zone.
    pub address: Option<Address>,
}

impl EdgeAttributes {
    pub(super) fn from_parts(strength: Strength, rare: Rare) -> Self {
        Self {
            weight: strength.weight,
            frequency: strength.frequency,
            confidence: strength.confidence,
            version: strength.version,
            evidence: rare.evidence,
            properties: rare.properties,
            address: rare.address,
        }
    }

    pub(super) fn into_parts(self) -> (Strength, Rare) {
        let Self {
            weight,
            frequency,
            confidence,
            version,
            evidence,
            properties,
            address,
        } = self;
        (
            Strength {
                weight,
                frequency,
                confidence,
                version,
            },
            Rare {
                evidence,
                properties,
                address,
            },
        )
    }
}

/// An edge as the list of its source shows it, without its rare attributes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EdgeRef {
    /// The edge's id.
    pub id: u64,
    /// Where it leaves from.
    pub source: Address,
    /// Its type: the slot of the verb at prefix 0x07.
    pub verb: u8,
    /// Where it leads to.
    pub target: Address,
    /// How much it counts.
    pub weight: f32,
    /// The frequency of its truth, 0..=1.
    pub frequency: f32,
    /// The confidence of its truth, in (0, 1).
    pub confidence: f32,
    /// Version of the commit that last changed it.
    pub version: u64,
}

impl EdgeRef {
    /// Its number and ends.
    pub fn link(&self) -> EdgeLink {
        EdgeLink {
            id: self.id,
            source: self.source,
            verb: self.verb,
            target: self.target,
        }
    }

    /// The whole edge.
    pub(super) fn with(self, rare: Rare) -> Edge {
        let strength = Strength {
            weight: self.weight,
            frequency: self.frequency,
            confidence: self.confidence,
            version: self.version,
        };
        Edge::from_parts(self.link(), strength, rare)
    }

    pub(super) fn from_parts(link: EdgeLink, strength: Strength) -> Self {
        Self {
            id: link.id,
            source: link.source,
            verb: link.verb,
            target: link.target,
            weight: strength.weight,
            frequency: strength.frequency,
            confidence: strength.confidence,
            version: strength.version,
        }
    }
}

/// An edge's number and ends: all that the list of its target holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeLink {
    /// The edge's id.
    pub id: u64,
    /// Where it leaves from.
    pub source: Address,
    /// Its type: the slot of the verb at prefix 0x07.
    pub verb: u8,
    /// Where it leads to.
    pub target: Address,
}

/// The attributes that every edge has, stored beside the outgoing lists.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strength {
    weight: f32,
    frequency: f32,
    confidence: f32,
    version: u64,
}

impl Strength {
    /// Whether both are the same bits; `==` would take -0.0 for 0.0 and lose the change.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let bits = |s: &Self| [s.weight, s.frequency, s.confidence].map(f32::to_bits);
        bits(self) == bits(other) && self.version == other.version
    }
}

/// The attributes that few edges have, stored by id in the directory.
#[derive(Clone, Debug, Default)]
pub(super) struct Rare {
    pub(super) evidence: Option<Arc<[u64]>>,
    pub(super) properties: Option<Arc<Fields>>,
    address: Option<Address>,
}

impl Rare {
    /// Whether there is nothing to store.
    pub(super) fn is_empty(&self) -> bool {
        self.evidence.is_none() && self.properties.is_none() && self.address.is_none()
    }

    /// Whether both are the very same values, without looking into them.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let pointers = |rare: &Self| {
            (
                rare.evidence.as_ref().map(Arc::as_ptr),
                rare.properties.as_ref().map(Arc::as_ptr),
            )
        };
        pointers(self) == pointers(other) && self.address == other.address
    }
}
