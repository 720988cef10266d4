//! A chunk: the 256 slots of one prefix as a struct of arrays, each column behind its own `Arc`.
//!
//! It keeps its parity row and per-slot checksums true to the fingerprint bytes that are there,
//! pending or not, and `parity` finds and repairs what is damaged; what a change means for names, edges and
//! indexes is the state's business.

pub mod parity;

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use super::address::Address;
use super::column::{Column, SlotSet};
use super::fields::Fields;
use super::marks::{Qualia, Truth};
use super::page::Fingerprints;
use super::retained::Piece;
use super::sketches::Sketches;
use crate::fingerprint::{Fingerprint, sketch};

/// When a node that never expires expires.
pub const NEVER: i64 = i64::MAX;

/// Slots before one that are asked for kinds to share.
const KINDS_NEAR: u8 = 4;

/// How many of a chunk's pieces follow from its fingerprints: parity, fingerprints, checksums, and outlines and rests of sketches.
const FINGERPRINT_PIECES: usize = 5;

/// Shared kinds of a node, sorted.
pub type Kinds = Arc<[Arc<str>]>;

/// How a slot's fingerprint comes about, as stored in the `source` column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Source {
    /// Encoded from the content when somebody reads it: text or exact from the value, record from
    /// the fields, text from the name.
    Content = 0,
    /// Given as bits.
    Given = 1,
    /// Given as a vector of floats, hashed to bits.
    Vector = 2,
    /// A reified edge's: source ⊕ ρ(verb) ⊕ ρ²(target).
    Edge = 3,
}

impl Source {
    /// The source of a stored code.
    pub fn of_code(code: u8) -> Option<Self> {
        [Self::Content, Self::Given, Self::Vector, Self::Edge]
            .into_iter()
            .find(|source| *source as u8 == code)
    }

    /// Whether the bits follow from other data and are encoded lazily.
    pub const fn is_derived(self) -> bool {
        matches!(self, Self::Content | Self::Edge)
    }
}

/// The columns of one prefix. Slots outside `occupied` hold leftovers that mean nothing.
#[derive(Clone)]
pub struct Chunk {
    /// Slots that hold a node or a reified edge.
    pub occupied: SlotSet,
    /// Occupied slots whose fingerprint is to be encoded before it is read.
    pub pending: SlotSet,
    /// Occupied slots that hold a reified edge.
    pub edges: SlotSet,
    /// Occupied slots at whose node reified edges begin or end.
    pub bound: SlotSet,
    /// ⊕ of all 256 fingerprints.
    pub parity: Arc<Fingerprint>,
    fingerprints: Fingerprints,
    sketches: Sketches,
    checksums: Column<u64>,
    /// Node and edge ids.
    pub id: Column<u64>,
    /// Truth's frequency.
    pub frequency: Column<f32>,
    /// Truth's confidence.
    pub confidence: Column<f32>,
    /// Qualia.
    pub qualia: Column<[f32; 8]>,
    /// Rung, 0..=9.
    pub rung: Column<u8>,
    /// Distance from the root of the tree, 0 for a root.
    pub depth: Column<u8>,
    /// Id of the parent, 0 for none.
    pub parent: Column<u64>,
    /// Address of the first child, of the next and of the previous sibling; 0 for none.
    pub first_child: Column<u16>,
    /// See `first_child`.
    pub next_sibling: Column<u16>,
    /// See `first_child`.
    pub previous_sibling: Column<u16>,
    /// Creation, microseconds since the epoch.
    pub created: Column<i64>,
    /// Expiry, microseconds since the epoch, or [`NEVER`].
    pub expires: Column<i64>,
    /// Version of the commit that last changed the slot.
    pub version: Column<u64>,
    /// After how many accesses a fluid node becomes permanent, 0 for never.
    pub promotion: Column<u32>,
    /// [`Source`] codes.
    pub source: Column<u8>,
    /// Names.
    pub name: Column<Option<Arc<[u8]>>>,
    /// Values.
    pub value: Column<Option<Arc<[u8]>>>,
    /// Fields.
    pub fields: Column<Option<Arc<Fields>>>,
    /// Kinds.
    pub kinds: Column<Option<Kinds>>,
    /// Ids of the evidence that the truth stands on.
    pub evidence: Column<Option<Arc<[u64]>>>,
}

/// The chunk that nobody has written to. All others begin as copies of it, so that what is the same
/// everywhere, as qualia, rungs and kinds are in most memories, is there once.
static EMPTY: LazyLock<Chunk> = LazyLock::new(Chunk::empty);

impl Default for Chunk {
    fn default() -> Self {
        Self::unwritten().clone()
    }
}

impl Chunk {
    /// The chunk whose columns all others share until they write to them.
    pub(super) fn unwritten() -> &'static Self {
        &EMPTY
    }

    fn empty() -> Self {
        Self {
            occupied: SlotSet::EMPTY,
            pending: SlotSet::EMPTY,
            edges: SlotSet::EMPTY,
            bound: SlotSet::EMPTY,
            parity: Arc::new(Fingerprint::ZERO),
            fingerprints: Fingerprints::zeroed(),
            sketches: Sketches::filled(sketch(&Fingerprint::ZERO)),
            checksums: Column::filled(Fingerprint::ZERO.checksum()),
            id: Column::filled(0),
            frequency: Column::filled(Truth::DEFAULT.frequency()),
            confidence: Column::filled(Truth::DEFAULT.confidence()),
            qualia: Column::filled(Qualia::default().values()),
            rung: Column::filled(0),
            depth: Column::filled(0),
            parent: Column::filled(0),
            first_child: Column::filled(0),
            next_sibling: Column::filled(0),
            previous_sibling: Column::filled(0),
            created: Column::filled(0),
            expires: Column::filled(NEVER),
            version: Column::filled(0),
            promotion: Column::filled(0),
            source: Column::filled(Source::Content as u8),
            name: Column::filled(None),
            value: Column::filled(None),
            fields: Column::filled(None),
            kinds: Column::filled(None),
            evidence: Column::filled(None),
        }
    }

    /// A chunk whose fingerprints lie in a checkpoint. Parity and checksums are those that the
    /// checkpoint recorded, not recomputed, so that damage shows.
    pub fn from_checkpoint(
        fingerprints: Fingerprints,
        parity: Fingerprint,
        occupied: SlotSet,
        recorded_checksum: impl Fn(u8) -> u64,
    ) -> Self {
        let mut chunk = Self {
            occupied,
            parity: Arc::new(parity),
            ..Self::default()
        };
        for slot in occupied.iter() {
            chunk.sketches.set(slot, sketch(fingerprints.get(slot)));
            *chunk.checksums.get_mut(slot) = recorded_checksum(slot);
        }
        chunk.fingerprints = fingerprints;
        chunk
    }

    /// The fingerprint bytes of a slot, pending or not.
    pub fn fingerprint(&self, slot: u8) -> &Fingerprint {
        self.fingerprints.get(slot)
    }

    /// The fingerprints of all slots.
    pub fn fingerprints(&self) -> &Fingerprints {
        &self.fingerprints
    }

    /// The sketches of all slots.
    pub fn sketches(&self) -> &Sketches {
        &self.sketches
    }

    /// Puts kinds into a slot and returns what was there. If a slot just before has the same ones, both share them: nodes
    /// that were made together have the same kinds mostly, and who looks at many of them looks at those once.
    pub fn put_kinds(&mut self, slot: u8, kinds: Option<Kinds>) -> Option<Kinds> {
        let shared = kinds.map(|kinds| {
            let near = (1..=KINDS_NEAR).map(|back| self.kinds.get(slot.wrapping_sub(back)));
            let same = near.flatten().find(|there| **there == kinds).cloned();
            same.unwrap_or(kinds)
        });
        self.kinds.put(slot, shared)
    }

    /// The recorded checksum of a slot's fingerprint.
    pub fn checksum(&self, slot: u8) -> u64 {
        *self.checksums.get(slot)
    }

    /// Writes a slot's fingerprint with its sketch, its checksum and the parity, and takes it off
    /// the pending ones. Damage to what was there does not get into the parity, if parity can tell what it was.
    pub fn set_fingerprint(&mut self, slot: u8, fingerprint: &Fingerprint) {
        self.pending.set(slot, false);
        let is_damaged = self.is_damaged(slot);
        let there = self.fingerprints.get(slot);
        if there == fingerprint && !is_damaged {
            return;
        }
        let checksum = fingerprint.checksum();
        // The bits that a damaged slot had come back: the parity has counted them all the time.
        if !is_damaged || checksum != self.checksum(slot) {
            let rebuilt = is_damaged.then(|| self.rebuilt(slot)).flatten();
            let mut change = rebuilt.unwrap_or_else(|| there.clone());
            change.xor_assign(fingerprint);
            Arc::make_mut(&mut self.parity).xor_assign(&change);
        }
        self.write(slot, fingerprint, checksum);
    }

    fn write(&mut self, slot: u8, fingerprint: &Fingerprint, checksum: u64) {
        *self.fingerprints.get_mut(slot) = fingerprint.clone();
        self.sketches.set(slot, sketch(fingerprint));
        *self.checksums.get_mut(slot) = checksum;
    }

    /// Writes the fingerprint of a slot that has had none so far, not even of a node that is gone.
    pub(super) fn stage(&mut self, slot: u8, fingerprint: &Fingerprint) {
        debug_assert_eq!(*self.fingerprint(slot), Fingerprint::ZERO);
        Arc::make_mut(&mut self.parity).xor_assign(fingerprint);
        self.write(slot, fingerprint, fingerprint.checksum());
    }

    /// Writes a slot's fingerprint as it was staged in a slot of another chunk. If none was written here so far and the
    /// slots are the same, all of that chunk's are taken over: those whose slots are not in use mean nothing.
    pub(super) fn take_staged(&mut self, slot: u8, staged: &Self, staged_slot: u8) {
        if slot == staged_slot && self.fingerprints.is_unwritten() {
            self.fingerprints = staged.fingerprints.clone();
            self.parity = Arc::clone(&staged.parity);
            self.checksums = staged.checksums.clone();
            self.sketches = staged.sketches.clone();
        }
        match slot == staged_slot && self.fingerprints.shares_memory(&staged.fingerprints) {
            true => self.pending.set(slot, false),
            false => self.set_fingerprint(slot, staged.fingerprint(staged_slot)),
        }
    }

    /// Where each column lies and how many bytes it takes, in the same order for every chunk: first what
    /// [`FINGERPRINT_PIECES`] counts.
    pub(super) fn pieces(&self) -> [Piece; 25] {
        let [outlines, rest_of_sketches] = self.sketches.pieces();
        [
            Piece::of(&self.parity, 0),
            self.fingerprints.piece(),
            self.checksums.piece(),
            outlines,
            rest_of_sketches,
            self.id.piece(),
            self.frequency.piece(),
            self.confidence.piece(),
            self.qualia.piece(),
            self.rung.piece(),
            self.depth.piece(),
            self.parent.piece(),
            self.first_child.piece(),
            self.next_sibling.piece(),
            self.previous_sibling.piece(),
            self.created.piece(),
            self.expires.piece(),
            self.version.piece(),
            self.promotion.piece(),
            self.source.piece(),
            self.name.piece(),
            self.value.piece(),
            self.fields.piece(),
            self.kinds.piece(),
            self.evidence.piece(),
        ]
    }

    /// Whether this is the other chunk with other fingerprints at most: things were encoded, and nobody wrote.
    pub(super) fn is_encoding_of(&self, other: &Self) -> bool {
        let sets = |chunk: &Self| [chunk.occupied, chunk.edges, chunk.bound];
        let (pieces, others) = (self.pieces(), other.pieces());
        sets(self) == sets(other) && pieces[FINGERPRINT_PIECES..] == others[FINGERPRINT_PIECES..]
    }

    /// Slots with a node that is no reified edge.
    pub fn nodes(&self) -> SlotSet {
        self.occupied.without(&self.edges)
    }
}

/// A node or reified edge as a reader sees it: a chunk and a slot of it.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    chunk: &'a Chunk,
    address: Address,
}

impl<'a> Node<'a> {
    /// The node at `address` of its chunk, which the caller knows to be occupied.
    pub(super) fn new(chunk: &'a Chunk, address: Address) -> Self {
        debug_assert!(chunk.occupied.contains(address.slot()));
        Self { chunk, address }
    }

    fn slot(self) -> u8 {
        self.address.slot()
    }

    /// Where it lives.
    pub fn address(self) -> Address {
        self.address
    }

    /// Its id, never reused.
    pub fn id(self) -> u64 {
        *self.chunk.id.get(self.slot())
    }

    /// Its unique key.
    pub fn name(self) -> Option<&'a Arc<[u8]>> {
        self.chunk.name.get(self.slot()).as_ref()
    }

    /// Its value, if `SET` gave it one.
    pub fn value(self) -> Option<&'a Arc<[u8]>> {
        self.chunk.value.get(self.slot()).as_ref()
    }

    /// Its fields, if it has any.
    pub fn fields(self) -> Option<&'a Arc<Fields>> {
        self.chunk.fields.get(self.slot()).as_ref()
    }

    /// Its kinds, sorted.
    pub fn kinds(self) -> &'a [Arc<str>] {
        self.chunk.kinds.get(self.slot()).as_deref().unwrap_or(&[])
    }

    /// Its truth.
    pub fn truth(self) -> Truth {
        let slot = self.slot();
        Truth::new(
            *self.chunk.frequency.get(slot),
            *self.chunk.confidence.get(slot),
        )
        .expect("truths are checked where they enter")
    }

    /// The ids of the evidence its truth stands on.
    pub fn evidence(self) -> &'a [u64] {
        self.chunk
            .evidence
            .get(self.slot())
            .as_deref()
            .unwrap_or(&[])
    }

    /// Its qualia.
    pub fn qualia(self) -> Qualia {
        Qualia::new(*self.chunk.qualia.get(self.slot()))
            .expect("qualia are checked where they enter")
    }

    /// The clearance needed to see it, 0..=9.
    pub fn rung(self) -> u8 {
        *self.chunk.rung.get(self.slot())
    }

    /// Steps from the root of its tree.
    pub fn depth(self) -> u8 {
        *self.chunk.depth.get(self.slot())
    }

    /// The id of its parent.
    pub fn parent(self) -> Option<u64> {
        Some(*self.chunk.parent.get(self.slot())).filter(|id| *id != 0)
    }

    /// When it was made, microseconds since the epoch.
    pub fn created(self) -> i64 {
        *self.chunk.created.get(self.slot())
    }

    /// When it will be gone, microseconds since the epoch.
    pub fn expires(self) -> Option<i64> {
        Some(*self.chunk.expires.get(self.slot())).filter(|at| *at != NEVER)
    }

    /// The version of the commit that last changed it.
    pub fn version(self) -> u64 {
        *self.chunk.version.get(self.slot())
    }

    /// After how many accesses it becomes permanent, if it is fluid; 0 for never.
    pub fn promotion(self) -> u32 {
        *self.chunk.promotion.get(self.slot())
    }

    /// How its fingerprint comes about.
    pub fn source(self) -> Source {
        Source::of_code(*self.chunk.source.get(self.slot())).expect("codes are checked at entry")
    }

    /// Its fingerprint, unless it is still to be encoded.
    pub fn fingerprint(self) -> Option<&'a Fingerprint> {
        let slot = self.slot();
        (!self.chunk.pending.contains(slot)).then(|| self.chunk.fingerprint(slot))
    }

    /// Its fingerprint as it was written, though its memory may be damaged, unless it is still to be encoded
    /// or is lost.
    pub fn whole_fingerprint(self) -> Option<Cow<'a, Fingerprint>> {
        let slot = self.slot();
        let is_readable = !self.chunk.pending.contains(slot);
        is_readable.then(|| self.chunk.whole(slot)).flatten()
    }

    /// Whether it is a reified edge.
    pub fn is_edge(self) -> bool {
        self.chunk.edges.contains(self.slot())
    }
}
