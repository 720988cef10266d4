//! What a commit is made of: the changes that can be applied to a space, logged, and undone.
//!
//! A mutation is resolved: it names addresses and ids, never "the next free one", and absolute
//! times, so that replaying a log yields the same space. The inverse of a mutation is a mutation.

use std::sync::Arc;

use super::address::Address;
use super::chunk::{Kinds, NEVER, Source};
use super::fields::{FieldValue, Fields};
use super::graph::Edge;
use super::marks::{Qualia, Truth};
use super::staging::Staged;
use super::words::Word;
use crate::fingerprint::Fingerprint;

/// What a node says: value, fields, and where its fingerprint comes from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// What `SET` wrote.
    pub value: Option<Arc<[u8]>>,
    /// What `HSET` wrote; never an empty map.
    pub fields: Option<Arc<Fields>>,
    /// The fingerprint.
    pub fingerprint: Bits,
}

/// Where a node's fingerprint comes from.
#[derive(Clone, Debug, Default)]
pub enum Bits {
    /// Encoded from the content.
    #[default]
    Encoded,
    /// Given by the user as bits.
    Given(Box<Fingerprint>),
    /// The same, staged before the commit.
    Staged(Staged),
    /// Given by the user as a vector, already hashed to bits.
    Vector(Box<Fingerprint>),
}

impl Bits {
    /// The code stored with the slot.
    pub fn source(&self) -> Source {
        match self {
            Bits::Encoded => Source::Content,
            Bits::Given(_) | Bits::Staged(_) => Source::Given,
            Bits::Vector(_) => Source::Vector,
        }
    }

    /// The given bits.
    pub fn given(&self) -> Option<&Fingerprint> {
        match self {
            Bits::Encoded => None,
            Bits::Given(bits) | Bits::Vector(bits) => Some(bits),
            Bits::Staged(staged) => Some(staged.fingerprint()),
        }
    }
}

impl PartialEq for Bits {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source() && self.given() == other.given()
    }
}

/// A whole node without its place, parent and edges.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeImage {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: Option<Arc<[u8]>>,
    /// What it says.
    pub content: Content,
    /// Its kinds, sorted.
    pub kinds: Option<Kinds>,
    /// Its truth.
    pub truth: Truth,
    /// The evidence its truth stands on.
    pub evidence: Option<Arc<[u64]>>,
    /// Its qualia.
    pub qualia: Qualia,
    /// Its rung.
    pub rung: u8,
    /// When it was made.
    pub created: i64,
    /// When it expires, or [`NEVER`].
    pub expires: i64,
    /// After how many accesses it becomes permanent, 0 for never.
    pub promotion: u32,
}

impl NodeImage {
    /// A node of nothing but an id, a name and a birth.
    pub fn new(id: u64, name: Option<Arc<[u8]>>, created: i64) -> Self {
        Self {
            id,
            name,
            content: Content::default(),
            kinds: None,
            truth: Truth::DEFAULT,
            evidence: None,
            qualia: Qualia::default(),
            rung: 0,
            created,
            expires: NEVER,
            promotion: 0,
        }
    }
}

/// One change of a space.
#[derive(Clone, Debug, PartialEq)]
pub enum Mutation {
    /// A node comes to a free address. Inverse: `Remove`.
    Insert {
        /// Where.
        address: Address,
        /// What.
        node: Box<NodeImage>,
    },
    /// A node without edges, parent and children goes. Inverse: `Insert`.
    Remove {
        /// Where.
        address: Address,
    },
    /// Value, fields and fingerprint are replaced.
    SetContent {
        /// Whose.
        address: Address,
        /// By what.
        content: Content,
    },
    /// One field is set, or removed.
    SetField {
        /// Whose.
        address: Address,
        /// Which.
        name: Arc<[u8]>,
        /// Its value; `None` removes it.
        value: Option<FieldValue>,
        /// Before how many others a new field goes, so that one which comes back stands where it
        /// stood; `None` for last.
        place: Option<u32>,
    },
    /// The time of expiry changes; [`NEVER`] for none.
    SetExpiry {
        /// Whose.
        address: Address,
        /// Microseconds since the epoch.
        expires: i64,
    },
    /// A node moves to a free address, with everything it has.
    Relocate {
        /// From where.
        from: Address,
        /// To where.
        to: Address,
    },
    /// A node gets another name, or none.
    Rename {
        /// Whose.
        address: Address,
        /// The name, which no other node has.
        name: Option<Arc<[u8]>>,
    },
    /// Kinds are replaced.
    SetKinds {
        /// Whose.
        address: Address,
        /// By what, sorted.
        kinds: Option<Kinds>,
    },
    /// Truth and its evidence are replaced.
    SetTruth {
        /// Whose.
        address: Address,
        /// The truth.
        truth: Truth,
        /// The evidence it stands on.
        evidence: Option<Arc<[u64]>>,
    },
    /// Qualia are replaced.
    SetQualia {
        /// Whose.
        address: Address,
        /// By what.
        qualia: Qualia,
    },
    /// The rung changes.
    SetRung {
        /// Whose.
        address: Address,
        /// 0..=9.
        rung: u8,
    },
    /// The number of accesses that make a fluid node permanent changes.
    SetPromotion {
        /// Whose.
        address: Address,
        /// How many; 0 for never.
        accesses: u32,
    },
    /// The parent changes.
    SetParent {
        /// Whose.
        address: Address,
        /// The parent's address; `None` makes it a root.
        parent: Option<Address>,
    },
    /// An edge comes; with an address it is reified. Inverse: `Unlink`.
    Link {
        /// The edge.
        edge: Box<Edge>,
    },
    /// An edge goes. Inverse: `Link`.
    Unlink {
        /// Where it leaves from.
        source: Address,
        /// Its id.
        id: u64,
    },
    /// An edge's weight, truth, evidence and properties are replaced by those of `edge`, which has
    /// the same id, ends, verb and address.
    UpdateEdge {
        /// The edge as it shall be.
        edge: Box<Edge>,
    },
    /// An open slot of the vocabulary gets a verb, or is freed.
    DefineVerb {
        /// The slot at prefix 0x07.
        slot: u8,
        /// The verb's name; `None` frees the slot.
        name: Option<Arc<str>>,
    },
    /// An open slot of the surface gets a concept or a program, or is freed.
    DefineWord {
        /// The slot at prefix 0x08 or 0x0F.
        address: Address,
        /// The word; `None` frees the slot.
        word: Option<Box<Word>>,
    },
}

/// How to take a mutation back: the opposite change, and the version its slot had before.
#[derive(Clone, Debug, PartialEq)]
pub struct Inverse {
    /// The opposite change.
    pub mutation: Mutation,
    /// The version that the changed slot had.
    pub version: u64,
}
