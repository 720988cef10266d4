//! A commit in the making: reads and changes of locked spaces, its own changes visible to it, and
//! the way back if it fails.
//!
//! Each change is applied in place and its inverse kept; nobody else sees it before the locks go. `allocation` finds
//! addresses for what is new.

mod allocation;

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::{ArcMutexGuard, Mutex, RawMutex};
use smallvec::SmallVec;

pub use allocation::{EXPIRED_PER_COMMIT_MAX, Eviction};

pub(crate) use super::cell::Unlocked;
pub use super::cell::{Cell, SpaceId};
use super::codec::Encoder;
pub use super::draft::{Draft, EdgeDraft, sorted_kinds};
use super::event::{self, NodeEvent, NodeEventKind};
use super::history::{History, HistoryLimits, Mark, name_key, undo};
use super::payload::{self, Payload};
use super::record::Position;
use crate::error::{EngineError, NAME_BYTES_MAX};
use crate::space::address::{Address, Zone};
use crate::space::apply::DEPTH_MAX;
use crate::space::chunk::NEVER;
use crate::space::fields::{FieldValue, Fields, LIST_DEPTH_MAX};
use crate::space::graph::Edge;
use crate::space::marks::{Qualia, RUNG_MAX, Truth};
use crate::space::mutation::{Content, Inverse, Mutation, NodeImage};
use crate::space::state::{State, View};
use crate::space::verbs::is_verb_name;
use crate::space::words::Word;

type Result<T> = std::result::Result<T, EngineError>;

/// Room that a space's mutations get at once: more than those of a `SET` of a usual value need.
const RECORD_BYTES_USUAL: usize = 256;

/// Something of each space that a commit touches: mostly one, which then needs no allocation.
pub(crate) type OfSpaces<T> = SmallVec<[T; 1]>;

/// One locked space of a transaction.
struct Part {
    id: SpaceId,
    name: Option<Arc<str>>,
    guard: ArcMutexGuard<RawMutex, Cell>,
    version: u64,
    record: Payload,
    count: u64,
    inverses: Vec<Inverse>,
}

impl Part {
    /// The version that the commit makes of it, if it changes something there.
    fn version_made(&self) -> u64 {
        match self.count {
            0 => self.guard.space.state().version(),
            _ => self.version,
        }
    }
}

/// What one space contributes to a commit.
pub struct Changes {
    /// The space.
    pub id: SpaceId,
    /// The version it gets.
    pub version: u64,
    /// How many mutations `record` holds.
    pub count: u64,
    /// The mutations, encoded.
    pub record: Payload,
}

/// Locked spaces as a transaction has made them at some point of it.
pub struct Made {
    /// The moment of the transaction, microseconds since the epoch.
    pub(crate) now: i64,
    /// Each with the version that the commit makes of it, or the one that it has found and not changed so far.
    pub(crate) spaces: Vec<(SpaceId, Arc<State>, u64)>,
}

/// A point in a transaction to which it can be rolled back.
pub struct Savepoint {
    parts: Vec<(usize, payload::Mark, u64)>,
    events: usize,
    current: usize,
}

/// The settings of a transaction that come from the engine.
pub struct Terms<'e> {
    /// Makes the next id.
    pub next_id: &'e (dyn Fn() -> u64 + Sync),
    /// What a full fluid zone does.
    pub eviction: Eviction,
    /// The moment at which everything happens, microseconds since the epoch.
    pub now: i64,
    /// Whether anybody listens to reports of what was done.
    pub reports: bool,
}

/// A commit in the making over one or more locked spaces, of which one is current.
pub struct Transaction<'e> {
    terms: Terms<'e>,
    parts: OfSpaces<Part>,
    current: usize,
    events: Vec<NodeEvent>,
}

impl<'e> Transaction<'e> {
    /// Locks the spaces, which come in ascending order of id with their names, if they have any.
    pub(crate) fn begin(
        mut terms: Terms<'e>,
        spaces: impl IntoIterator<Item = Unlocked>,
        current: SpaceId,
    ) -> Self {
        let part = |(id, name, cell): Unlocked| {
            let guard = Mutex::lock_arc(&cell);
            Part {
                id,
                name,
                version: guard.version_max + 1,
                guard,
                record: Payload::with_capacity(RECORD_BYTES_USUAL),
                count: 0,
                inverses: Vec::new(),
            }
        };
        let parts: OfSpaces<_> = spaces.into_iter().map(part).collect();
        debug_assert!(parts.is_sorted_by_key(|part| part.id));
        // Commit times are monotone, whatever the clock does.
        for part in &parts {
            terms.now = terms.now.max(part.guard.space.state().committed());
        }
        let current = parts.iter().position(|part| part.id == current);
        Self {
            terms,
            parts,
            current: current.expect("the current space is one of those locked"),
            events: Vec::new(),
        }
    }

    /// The moment at which everything in this transaction happens, microseconds since the epoch.
    pub fn now(&self) -> i64 {
        self.terms.now
    }

    /// The current space.
    pub fn space(&self) -> SpaceId {
        self.parts[self.current].id
    }

    /// The locked spaces, ascending.
    pub fn spaces(&self) -> Vec<SpaceId> {
        self.parts.iter().map(|part| part.id).collect()
    }

    /// One of the spaces that was dropped before this got its lock.
    pub(crate) fn dropped(&self) -> Option<SpaceId> {
        let dropped = self.parts.iter().find(|part| part.guard.is_dropped);
        dropped.map(|part| part.id)
    }

    /// The version of the current space: the one that this commit makes, if it changes something there.
    pub fn version(&self) -> u64 {
        self.parts[self.current].version_made()
    }

    /// Makes another of the locked spaces current; false if it is not locked.
    pub fn select(&mut self, space: SpaceId) -> bool {
        let part = self.parts.iter().position(|part| part.id == space);
        self.current = part.unwrap_or(self.current);
        part.is_some()
    }

    /// The current space as this transaction has made it so far.
    pub fn view(&self) -> View<'_> {
        self.parts[self.current].guard.space.view(self.terms.now)
    }

    /// The locked spaces as this transaction has made them so far, to be read when it is over.
    pub fn made(&self) -> Made {
        let state = |part: &Part| {
            let state = Arc::clone(part.guard.space.state());
            (part.id, state, part.version_made())
        };
        Made {
            now: self.terms.now,
            spaces: self.parts.iter().map(state).collect(),
        }
    }

    /// Whether a node by this name has gone since a version, or, if history does not reach so far, may have.
    pub fn has_gone_since(&self, name: &[u8], version: u64) -> bool {
        let history = self.history();
        history.oldest().version > version
            || history.departed_after(name_key(name), version).is_some()
    }

    /// Where a name's node is.
    pub fn find(&self, name: &[u8]) -> Option<Address> {
        self.view().find(name).map(|node| node.address())
    }

    /// Has it told what this transaction has done to named nodes, beside those that expired or were evicted, which
    /// always are. Called once, when all is done.
    pub fn report(&mut self) {
        self.report_since(&self.start());
    }

    /// The same of what it has done since a savepoint, when that is done.
    pub fn report_since(&mut self, savepoint: &Savepoint) {
        if !self.terms.reports {
            return;
        }
        let told = |gone: &NodeEvent| (gone.space, Arc::clone(&gone.name));
        let gone: HashSet<_> = self.events[savepoint.events..].iter().map(told).collect();
        for (part, (start, ..)) in self.parts.iter().zip(&savepoint.parts) {
            let end = part.guard.space.view(self.terms.now);
            let events = event::of_commit(part.id, end, &part.inverses[*start..]);
            // That they went is told already.
            let is_new = |event: &NodeEvent| {
                event.kind != NodeEventKind::Removed || !gone.contains(&told(event))
            };
            self.events.extend(events.into_iter().filter(is_new));
        }
    }

    /// What is to be told.
    pub(crate) fn take_events(&mut self) -> Vec<NodeEvent> {
        std::mem::take(&mut self.events)
    }

    /// A point to come back to.
    pub fn savepoint(&self) -> Savepoint {
        let mark = |part: &Part| (part.inverses.len(), part.record.mark(), part.count);
        Savepoint {
            parts: self.parts.iter().map(mark).collect(),
            events: self.events.len(),
            current: self.current,
        }
    }

    /// Takes back everything since the savepoint.
    pub fn roll_back_to(&mut self, savepoint: &Savepoint) {
        self.events.truncate(savepoint.events);
        self.current = savepoint.current;
        for (part, (inverses, record, count)) in self.parts.iter_mut().zip(&savepoint.parts) {
            part.record.truncate(*record);
            part.count = *count;
            for inverse in part.inverses.drain(*inverses..).rev() {
                undo(&mut part.guard.space, inverse);
            }
        }
    }

    /// Takes back everything.
    pub(crate) fn roll_back(&mut self) {
        self.roll_back_to(&self.start());
    }

    /// The point before everything.
    fn start(&self) -> Savepoint {
        Savepoint {
            parts: vec![(0, payload::Mark::START, 0); self.parts.len()],
            events: 0,
            current: self.current,
        }
    }

    /// The highest log position that this transaction's reads revealed.
    pub(crate) fn position(&self) -> Position {
        let positions = self.parts.iter().map(|part| part.guard.position);
        positions.max().unwrap_or_default()
    }

    /// Makes room for a record of so many bytes in the current space, beside those that are lent, so that it does not
    /// move while it grows.
    pub fn reserve(&mut self, bytes: usize) {
        self.parts[self.current].record.reserve(bytes);
    }

    /// How many bytes of mutations the commit's record will hold.
    pub(crate) fn record_bytes(&self) -> usize {
        self.parts.iter().map(|part| part.record.len()).sum()
    }

    /// What the commit consists of, space by space; spaces that did not change are left out.
    pub(crate) fn changes(&mut self) -> OfSpaces<Changes> {
        let changed = |part: &mut Part| Changes {
            id: part.id,
            version: part.version,
            count: part.count,
            record: std::mem::take(&mut part.record),
        };
        let parts = self.parts.iter_mut().filter(|part| part.count > 0);
        parts.map(changed).collect()
    }

    /// Gives the spaces that changed their new version, and remembers what they replaced.
    pub(crate) fn finish(&mut self, position: Position, limits: HistoryLimits) {
        let committed = self.terms.now;
        for part in self.parts.iter_mut().filter(|part| part.count > 0) {
            let inverses = std::mem::take(&mut part.inverses);
            let (cell, version) = (&mut *part.guard, part.version);
            cell.space.set_version(version, committed);
            cell.position = position;
            cell.version_max = version;
            let after = Mark {
                version,
                committed,
                position,
            };
            cell.history.push(after, &inverses);
            cell.history.trim(limits);
        }
    }

    fn apply(&mut self, mutation: Mutation) -> Result<()> {
        let part = &mut self.parts[self.current];
        let start = part.record.mark();
        Encoder(&mut part.record).mutation(&mutation);
        match part.guard.space.apply(mutation, part.version) {
            Ok(inverse) => {
                part.inverses.push(inverse);
                part.count += 1;
                Ok(())
            }
            Err(misfit) => {
                part.record.truncate(start);
                Err(misfit.into())
            }
        }
    }

    /// Makes a node: in the fluid zone if it expires, else in the node zone, as near its parent as
    /// there is room. Its name must be free.
    pub fn create(&mut self, draft: Draft) -> Result<Address> {
        if let Some(name) = &draft.name {
            check_name(name)?;
            if self.clear_expired_name(name)?.is_some() {
                return Err(EngineError::NameTaken(lossy(name)));
            }
        }
        assert!(draft.rung <= RUNG_MAX, "rungs are checked where they enter");
        check_fields(draft.content.fields.as_deref())?;
        let expires = expiry(draft.expires);
        let zone = zone_of_expiry(expires);
        let address = self.allocate(zone, draft.parent, draft.parent.as_slice())?;
        let mut node = NodeImage::new((self.terms.next_id)(), draft.name, self.terms.now);
        node.content = draft.content;
        node.kinds = draft.kinds;
        node.truth = draft.truth;
        node.qualia = draft.qualia;
        node.rung = draft.rung;
        node.expires = expires.unwrap_or(NEVER);
        node.promotion = draft.promotion;
        let node = Box::new(node);
        self.apply(Mutation::Insert { address, node })?;
        if draft.parent.is_some() {
            self.set_parent(address, draft.parent)?;
        }
        Ok(address)
    }

    /// Lets a node come back, or come over from a fork, as `image` says: to `address` if that is free, else near its
    /// parent. Its id and its name must be free.
    pub(super) fn restore(
        &mut self,
        image: NodeImage,
        address: Address,
        parent: Option<Address>,
    ) -> Result<Address> {
        let zone = zone_of_expiry(expiry(Some(image.expires)));
        let state = self.parts[self.current].guard.space.state();
        let address = match state.node(address).is_none() && address.zone() == zone {
            true => address,
            false => self.allocate(zone, parent, parent.as_slice())?,
        };
        let node = Box::new(image);
        self.apply(Mutation::Insert { address, node })?;
        if parent.is_some() {
            self.set_parent(address, parent)?;
        }
        Ok(address)
    }

    /// Lets an edge come back, or come over from a fork. Its id must be free; a reified one gets an address.
    pub(super) fn restore_edge(&mut self, mut edge: Edge) -> Result<()> {
        if edge.address.is_some() {
            let ends = [edge.source, edge.target];
            edge.address = Some(self.allocate(Zone::Fluid, Some(edge.source), &ends)?);
        }
        let edge = Box::new(edge);
        self.apply(Mutation::Link { edge })
    }

    /// The past of the current space.
    pub(crate) fn history(&self) -> &History {
        &self.parts[self.current].guard.history
    }

    /// Removes a node with its edges; its children become roots.
    pub fn remove(&mut self, address: Address) -> Result<()> {
        let state = self.parts[self.current].guard.space.state();
        let edges = state.graph().incident(address);
        for edge in edges {
            self.unlink(edge.source, edge.id)?;
        }
        let state = self.parts[self.current].guard.space.state();
        let all = View::of(state, i64::MIN);
        let node = state.node(address);
        let has_parent = node.is_some_and(|node| node.parent().is_some());
        let children: Vec<Address> = node
            .map(|node| all.children(node).map(|child| child.address()).collect())
            .unwrap_or_default();
        for child in children {
            self.apply(Mutation::SetParent {
                address: child,
                parent: None,
            })?;
        }
        if has_parent {
            self.apply(Mutation::SetParent {
                address,
                parent: None,
            })?;
        }
        self.apply(Mutation::Remove { address })
    }

    /// Removes everything of the current space but its verbs.
    pub fn clear(&mut self) -> Result<()> {
        let state = Arc::clone(self.parts[self.current].guard.space.state());
        for edge in state.graph().edges() {
            self.unlink(edge.source, edge.id)?;
        }
        for node in View::of(&state, i64::MIN).nodes() {
            self.remove(node.address())?;
        }
        Ok(())
    }

    /// Replaces value, fields and fingerprint.
    pub fn set_content(&mut self, address: Address, content: Content) -> Result<()> {
        check_fields(content.fields.as_deref())?;
        self.apply(Mutation::SetContent { address, content })
    }

    /// Sets a field, or removes it.
    pub fn set_field(
        &mut self,
        address: Address,
        name: &[u8],
        value: Option<FieldValue>,
    ) -> Result<()> {
        check_values(value.as_ref())?;
        let name = name.into();
        self.apply(Mutation::SetField {
            address,
            name,
            value,
            place: None,
        })
    }

    /// Sets or removes the time of expiry, and moves the node to the zone whose law that is.
    /// Answers where it lives now.
    pub fn set_expiry(&mut self, address: Address, expires: Option<i64>) -> Result<Address> {
        let expires = expiry(expires);
        let zone = zone_of_expiry(expires);
        let expires = expires.unwrap_or(NEVER);
        if zone == Zone::Node {
            self.apply(Mutation::SetExpiry { address, expires })?;
        }
        let mut to = address;
        if address.zone() != zone {
            let state = self.parts[self.current].guard.space.state();
            let parent = state.node(address).and_then(|node| node.parent());
            let near = parent.and_then(|id| state.find_id(id));
            to = self.allocate(zone, near, near.as_slice())?;
            self.apply(Mutation::Relocate { from: address, to })?;
        }
        if zone == Zone::Fluid {
            self.apply(Mutation::SetExpiry {
                address: to,
                expires,
            })?;
        }
        Ok(to)
    }

    /// Gives a node another name, which must be free, or none.
    pub fn rename(&mut self, address: Address, name: Option<Arc<[u8]>>) -> Result<()> {
        if let Some(name) = &name {
            check_name(name)?;
            let there = self.clear_expired_name(name)?;
            if there.is_some_and(|there| there != address) {
                return Err(EngineError::NameTaken(lossy(name)));
            }
        }
        self.apply(Mutation::Rename { address, name })
    }

    /// Replaces the kinds; they are sorted and deduplicated here.
    pub fn set_kinds(&mut self, address: Address, kinds: Vec<Arc<str>>) -> Result<()> {
        let kinds = sorted_kinds(kinds);
        self.apply(Mutation::SetKinds { address, kinds })
    }

    /// Replaces the truth and its evidence.
    pub fn set_truth(
        &mut self,
        address: Address,
        truth: Truth,
        evidence: Option<Arc<[u64]>>,
    ) -> Result<()> {
        self.apply(Mutation::SetTruth {
            address,
            truth,
            evidence,
        })
    }

    /// Replaces the qualia.
    pub fn set_qualia(&mut self, address: Address, qualia: Qualia) -> Result<()> {
        self.apply(Mutation::SetQualia { address, qualia })
    }

    /// Sets the rung, 0..=9.
    pub fn set_rung(&mut self, address: Address, rung: u8) -> Result<()> {
        assert!(rung <= RUNG_MAX, "rungs are checked where they enter");
        self.apply(Mutation::SetRung { address, rung })
    }

    /// Sets after how many accesses a fluid node becomes permanent, 0 for never.
    pub fn set_promotion(&mut self, address: Address, accesses: u32) -> Result<()> {
        self.apply(Mutation::SetPromotion { address, accesses })
    }

    /// Moves a node, with everything below it, under another parent, or makes it a root.
    pub fn set_parent(&mut self, address: Address, parent: Option<Address>) -> Result<()> {
        if let Some(parent) = parent {
            let view = View::of(self.parts[self.current].guard.space.state(), i64::MIN);
            let mut above = view.node(parent);
            while let Some(node) = above {
                if node.address() == address {
                    return Err(EngineError::Cycle);
                }
                above = view.parent(node);
            }
            if let (Some(node), Some(parent)) = (view.node(address), view.node(parent)) {
                let below = view.subtree(node);
                let height = below.iter().map(|n| n.depth()).max().unwrap_or(0) - node.depth();
                if parent.depth() as usize + height as usize + 1 > DEPTH_MAX as usize {
                    return Err(EngineError::TooDeep);
                }
            }
        }
        self.apply(Mutation::SetParent { address, parent })
    }

    /// Adds an edge and answers it; a reified one got an address.
    pub fn link(
        &mut self,
        source: Address,
        verb: u8,
        target: Address,
        draft: EdgeDraft,
    ) -> Result<Edge> {
        check_fields(draft.properties.as_deref())?;
        let address = match draft.reified {
            true => Some(self.allocate(Zone::Fluid, Some(source), &[source, target])?),
            false => None,
        };
        let verbs = self.view().state.verbs();
        let edge = Edge {
            id: (self.terms.next_id)(),
            source,
            verb: verbs.canonical(verb).unwrap_or(verb),
            target,
            weight: draft.weight,
            frequency: draft.truth.frequency(),
            confidence: draft.truth.confidence(),
            version: self.parts[self.current].version,
            evidence: None,
            properties: draft.properties,
            address,
        };
        let boxed = Box::new(edge.clone());
        self.apply(Mutation::Link { edge: boxed })?;
        Ok(edge)
    }

    /// Removes an edge.
    pub fn unlink(&mut self, source: Address, id: u64) -> Result<()> {
        self.apply(Mutation::Unlink { source, id })
    }

    /// Lets an edge lead between other nodes. It stays what it is, with its id.
    pub fn reattach(&mut self, edge: Edge, source: Address, target: Address) -> Result<()> {
        self.unlink(edge.source, edge.id)?;
        let edge = Box::new(Edge {
            source,
            target,
            ..edge
        });
        self.apply(Mutation::Link { edge })
    }

    /// Replaces weight, truth, evidence and properties of the edge with `edge`'s id.
    pub fn update_edge(&mut self, edge: Edge) -> Result<()> {
        check_fields(edge.properties.as_deref())?;
        let edge = Box::new(edge);
        self.apply(Mutation::UpdateEdge { edge })
    }

    /// The slot of a verb, which takes an open one if it is new: one by exactly this name, but for the built-in verbs that
    /// were there first, which are meant in any case.
    pub fn define_verb(&mut self, name: &str) -> Result<u8> {
        let verbs = self.view().state.verbs();
        if let Some(slot) = verbs.typed(name) {
            return Ok(slot);
        }
        if !is_verb_name(name) {
            return Err(EngineError::VerbSyntax(name.to_owned()));
        }
        let Some(slot) = verbs.free_slot() else {
            let names: Vec<_> = verbs.iter().map(|(_, name)| name).collect();
            return Err(EngineError::VerbsFull(names.join(" ")));
        };
        let name = Some(name.into());
        self.apply(Mutation::DefineVerb { slot, name })?;
        Ok(slot)
    }

    /// Fills a free slot of the surface with a word, whose name no other of its prefix has, or frees it.
    pub fn define_word(&mut self, address: Address, word: Option<Word>) -> Result<()> {
        let word = word.map(Box::new);
        self.apply(Mutation::DefineWord { address, word })
    }
}

impl Drop for Transaction<'_> {
    /// A transaction that was not finished, whatever went wrong, leaves nothing behind.
    fn drop(&mut self) {
        if self.parts.iter().any(|part| !part.inverses.is_empty()) {
            self.roll_back();
        }
    }
}

/// An expiry as it is stored: the end of time is none, and the beginning of time, which stands for the view
/// that sees everything, is a moment later.
fn expiry(expires: Option<i64>) -> Option<i64> {
    let expires = expires.filter(|at| *at != NEVER);
    expires.map(|at| at.max(i64::MIN + 1))
}

/// The zone whose law a node with or without an expiry is under.
fn zone_of_expiry(expires: Option<i64>) -> Zone {
    match expires {
        Some(_) => Zone::Fluid,
        None => Zone::Node,
    }
}

fn check_name(name: &[u8]) -> Result<()> {
    match name.len() {
        0..=NAME_BYTES_MAX => Ok(()),
        len => Err(EngineError::NameTooLong(len)),
    }
}

/// What the log could not be read back with is not written to it.
fn check_values<'a>(values: impl IntoIterator<Item = &'a FieldValue>) -> Result<()> {
    for value in values {
        if value.depth() > LIST_DEPTH_MAX {
            return Err(EngineError::ListTooDeep);
        }
        if !value.is_in_range() {
            return Err(EngineError::TemporalRange);
        }
    }
    Ok(())
}

fn check_fields(fields: Option<&Fields>) -> Result<()> {
    check_values(fields.into_iter().flat_map(|fields| fields.values()))
}

/// A name as errors show it.
pub fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}
