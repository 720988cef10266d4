//! Three-way merge: what a fork or a transaction made of a common base comes into a space that has gone on from that
//! base too. Rolling back is the same, with the past as the fork and the present as the base.
//!
//! First everything is compared and planned; only if nothing clashes, or the policy decides what does, it is applied.

use std::collections::HashMap;
use std::sync::Arc;

use super::difference::{Change, Difference};
use super::history::id_key;
use super::transaction::Transaction;
use crate::error::{Clash, EngineError};
use crate::fingerprint::Fingerprint;
use crate::space::address::Address;
use crate::space::chunk::{NEVER, Node};
use crate::space::fields::Fields;
use crate::space::graph::Edge;
use crate::space::mutation::{Bits, NodeImage};
use crate::space::state::State;
use crate::space::words::{CONCEPT_PREFIX, Word};

type Result<T> = std::result::Result<T, EngineError>;

/// What becomes of something that both sides changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// Nothing is merged if both changed the same node or edge.
    #[default]
    Abort,
    /// Different parts of a node, different fields, and different bits of a given fingerprint merge; nothing is merged if
    /// both changed the same.
    Merge,
    /// As `Merge`, and of what both changed the fork's or transaction's stays.
    Mine,
    /// As `Merge`, and of what both changed the others' stays.
    Theirs,
}

/// Most clashes that are told.
const CLASHES_MAX: usize = 16;

/// Brings into the current space of `tx` what leads from `base` to `mine`.
///
/// # Errors
/// [`EngineError::Conflict`] if the policy does not decide what clashes, and whatever keeps a change from being made: then
/// the caller takes back what was done.
pub fn merge(
    tx: &mut Transaction<'_>,
    base: &State,
    mine: &State,
    policy: OnConflict,
) -> Result<()> {
    let difference = Difference::between(base, mine);
    let mut merge = Merge {
        base,
        mine,
        policy,
        clashes: Vec::new(),
        same: HashMap::new(),
    };
    let live = tx.view().state;
    let nodes = difference.nodes.iter();
    let mut nodes: Vec<NodePlan> = nodes
        .filter_map(|change| merge.plan_node(tx, change))
        .collect();
    let edges = difference.edges.iter();
    let edges: Vec<EdgePlan> = edges
        .filter_map(|change| merge.plan_edge(live, change))
        .collect();
    let words: Vec<WordPlan> = difference
        .words
        .iter()
        .flat_map(|change| merge.plan_word(live, change))
        .collect();
    if !merge.clashes.is_empty() {
        return Err(EngineError::Conflict {
            clashes: merge.clashes,
            hint: "nothing was changed; repeat it from what is there now",
        });
    }
    for name in difference
        .verbs
        .iter()
        .filter_map(|verb| verb.after.as_ref())
    {
        tx.define_verb(name)?;
    }
    apply_words(tx, words)?;
    // Parents come before their children.
    nodes.sort_by_key(|plan| match plan {
        NodePlan::Insert { depth, .. } => *depth,
        _ => 0,
    });
    merge.apply(tx, nodes, edges)
}

/// What is to be done about a node.
enum NodePlan {
    Insert {
        image: Box<NodeImage>,
        address: Address,
        parent: Option<u64>,
        depth: u8,
    },
    Remove {
        id: u64,
    },
    Change {
        id: u64,
        there: Box<NodeImage>,
        wanted: Box<NodeImage>,
        /// The new parent, if that changes.
        parent: Option<Option<u64>>,
    },
}

/// What is to be done about an edge.
enum EdgePlan {
    /// With the ids of its ends.
    Link {
        edge: Edge,
        ends: (u64, u64),
    },
    Unlink {
        id: u64,
    },
    Update {
        edge: Edge,
    },
}

/// What is to be done about a concept or a program.
struct WordPlan {
    at: Address,
    /// What is there now, and goes.
    there: Option<Word>,
    /// What shall be there.
    wanted: Option<Word>,
}

struct Merge<'s> {
    base: &'s State,
    mine: &'s State,
    policy: OnConflict,
    clashes: Vec<Clash>,
    /// Nodes that both sides made under one name: mine, and the one that is there.
    same: HashMap<u64, u64>,
}

impl Merge<'_> {
    /// Something was changed by both: `theirs` or `mine` if the policy decides, else a clash and nothing.
    fn decide<T>(
        &mut self,
        place: String,
        version: u64,
        mine: impl FnOnce() -> Option<T>,
    ) -> Option<T> {
        match self.policy {
            OnConflict::Mine => mine(),
            OnConflict::Theirs => None,
            OnConflict::Abort | OnConflict::Merge => {
                if self.clashes.len() < CLASHES_MAX {
                    self.clashes.push(Clash { place, version });
                }
                None
            }
        }
    }

    fn plan_node(&mut self, tx: &Transaction<'_>, change: &Change<Address>) -> Option<NodePlan> {
        let (live, id) = (tx.view().state, change.id);
        let node =
            |state: &'_ State, at: Option<Address>| at.and_then(|at| state.node(at)).map(Was::of);
        let (before, after) = (
            node(self.base, change.before),
            node(self.mine, change.after),
        );
        let there = node(live, live.find_id(id));
        let removed_by = || {
            tx.history()
                .last_departure(id_key(id))
                .unwrap_or(live.version())
        };
        match (before, after, there) {
            (None, None, _) => None,
            (None, Some(after), Some(there)) => {
                (after.image != there.image).then_some(())?;
                let (place, version) = (there.place(), there.version);
                self.decide(place, version, || Some(change_to(there, after)))
            }
            (None, Some(after), None) => self.plan_new(live, after),
            // What had expired may have been cleared away by both.
            (Some(before), None, None) if before.image.expires <= tx.now() => None,
            (Some(_), None, None) => match self.policy {
                OnConflict::Abort => self.decide(format!("#{id}"), removed_by(), || None),
                _ => None,
            },
            (Some(before), None, Some(there)) => {
                let remove = || Some(NodePlan::Remove { id });
                match there.version == before.version {
                    true => remove(),
                    false => self.decide(there.place(), there.version, remove),
                }
            }
            (Some(before), Some(after), None) => {
                self.decide(before.place(), removed_by(), || Some(insert(after)))
            }
            (Some(before), Some(after), Some(there)) => {
                if there.version == before.version {
                    return Some(change_to(there, after));
                }
                let (place, version) = (there.place(), there.version);
                if self.policy == OnConflict::Abort {
                    return self.decide(place, version, || None);
                }
                let prefer = match self.policy {
                    OnConflict::Mine => Some(Side::Mine),
                    OnConflict::Theirs => Some(Side::Theirs),
                    OnConflict::Abort | OnConflict::Merge => None,
                };
                match three_way(&before, &after, &there, prefer) {
                    Some(wanted) => Some(change_to(there, wanted)),
                    None => self.decide(place, version, || None),
                }
            }
        }
    }

    /// A node that is new in mine, and whose name somebody may have taken.
    fn plan_new(&mut self, live: &State, after: Was) -> Option<NodePlan> {
        let name = after.image.name.clone();
        let holder = name.as_deref().and_then(|name| live.find(name));
        let holder = holder.and_then(|at| live.node(at)).map(Was::of);
        // Who has it may give it up on my side.
        let keeps = |holder: &Was| {
            let mine = self
                .mine
                .find_id(holder.image.id)
                .and_then(|at| self.mine.node(at));
            let in_base = self.base.find_id(holder.image.id).is_some();
            !in_base || mine.is_some_and(|mine| mine.name() == name.as_ref())
        };
        match holder.filter(keeps) {
            None => Some(insert(after)),
            Some(there) => {
                self.same.insert(after.image.id, there.image.id);
                let (place, version) = (there.place(), there.version);
                self.decide(place, version, || Some(change_to(there, after)))
            }
        }
    }

    fn plan_edge(&mut self, live: &State, change: &Change<Edge>) -> Option<EdgePlan> {
        let id = change.id;
        let link = live.graph().link(id);
        let there = link.and_then(|link| live.graph().get(link.source, id));
        let place = || format!("edge #{id}");
        match (&change.before, &change.after, there) {
            (None, None, _) | (None, Some(_), Some(_)) => None,
            (None, Some(edge), None) => {
                let end = |at| self.mine.node(at).map(|node| node.id());
                let ends = (end(edge.source)?, end(edge.target)?);
                let edge = edge.clone();
                Some(EdgePlan::Link { edge, ends })
            }
            (Some(_), _, None) => match self.policy {
                OnConflict::Abort => self.decide(place(), live.version(), || None),
                _ => None,
            },
            (Some(before), after, Some(there)) => {
                let version = there.version;
                let plan = match after {
                    None => EdgePlan::Unlink { id },
                    Some(after) => EdgePlan::Update {
                        edge: Edge {
                            weight: after.weight,
                            frequency: after.frequency,
                            confidence: after.confidence,
                            evidence: after.evidence.clone(),
                            properties: after.properties.clone(),
                            ..there
                        },
                    },
                };
                match version == before.version {
                    true => Some(plan),
                    false => self.decide(place(), version, || Some(plan)),
                }
            }
        }
    }

    /// A concept is its name, whose slot says nothing; a program is what is at its address, and both have one name once.
    fn plan_word(&mut self, live: &State, change: &Change<Word>) -> Vec<WordPlan> {
        let at = Address(change.id as u16);
        let is_concept = at.prefix() == CONCEPT_PREFIX;
        let words = live.words();
        let (before, wanted) = (change.before.as_ref(), change.after.as_ref());
        let there = words.get(at);
        if there == wanted {
            return Vec::new();
        }
        let mut plans = vec![WordPlan {
            at,
            // Where only the slot of a concept is another's, mine takes another.
            there: there.filter(|_| !is_concept || before.is_some()).cloned(),
            wanted: wanted.cloned(),
        }];
        let is_mine = |address: &Address| {
            let word = words.get(*address);
            let was = self.base.words().get(*address);
            *address != at && (word != was || word == self.mine.words().get(*address))
        };
        let namesake = wanted.and_then(|word| words.find(at.prefix(), &word.name));
        let namesake = namesake.filter(is_mine);
        if is_concept && namesake.is_some_and(|other| words.get(other) == wanted) {
            return Vec::new();
        }
        let is_free = there == before || (is_concept && before.is_none());
        let place = match (namesake, is_free) {
            (None, true) => return plans,
            (None, false) => at,
            (Some(other), _) => {
                plans.push(WordPlan {
                    at: other,
                    there: words.get(other).cloned(),
                    wanted: None,
                });
                other
            }
        };
        let decided = self.decide(place.to_string(), live.version(), || Some(plans));
        decided.unwrap_or_default()
    }

    fn apply(
        &self,
        tx: &mut Transaction<'_>,
        nodes: Vec<NodePlan>,
        edges: Vec<EdgePlan>,
    ) -> Result<()> {
        for plan in &edges {
            if let EdgePlan::Unlink { id } = plan {
                let source = tx.view().state.graph().source_of(*id);
                tx.unlink(source.expect(PLANNED), *id)?;
            }
        }
        for plan in &nodes {
            match plan {
                NodePlan::Remove { id } => tx.remove(find(tx, *id)?)?,
                // Names are free before others take them.
                NodePlan::Change {
                    id, there, wanted, ..
                } if there.name != wanted.name => {
                    tx.rename(find(tx, *id)?, None)?;
                }
                _ => {}
            }
        }
        let mut moves = Vec::new();
        for plan in nodes {
            match plan {
                NodePlan::Insert {
                    image,
                    address,
                    parent,
                    ..
                } => {
                    let parent = parent
                        .map(|parent| self.find_here(tx, parent))
                        .transpose()?;
                    tx.restore(*image, address, parent)?;
                }
                NodePlan::Remove { .. } => {}
                NodePlan::Change {
                    id,
                    there,
                    wanted,
                    parent,
                } => {
                    change(tx, find(tx, id)?, &there, *wanted)?;
                    moves.extend(parent.map(|parent| (id, parent)));
                }
            }
        }
        for (id, parent) in moves {
            let parent = parent
                .map(|parent| self.find_here(tx, parent))
                .transpose()?;
            tx.set_parent(find(tx, id)?, parent)?;
        }
        for plan in edges {
            match plan {
                EdgePlan::Unlink { .. } => {}
                EdgePlan::Update { edge } => tx.update_edge(edge)?,
                EdgePlan::Link { mut edge, ends } => {
                    let verb = self
                        .mine
                        .verbs()
                        .name(edge.verb)
                        .expect("invariant: an edge has a verb");
                    edge.verb = tx.define_verb(verb)?;
                    edge.source = self.find_here(tx, ends.0)?;
                    edge.target = self.find_here(tx, ends.1)?;
                    tx.restore_edge(edge)?;
                }
            }
        }
        Ok(())
    }

    /// Where a node of mine is in the space that it came into.
    fn find_here(&self, tx: &Transaction<'_>, id: u64) -> Result<Address> {
        let here = self.same.get(&id).copied().unwrap_or(id);
        find(tx, here)
    }
}

const PLANNED: &str = "invariant: it was there when this was planned, under the same lock";

/// First what goes, so that names and slots are free.
fn apply_words(tx: &mut Transaction<'_>, plans: Vec<WordPlan>) -> Result<()> {
    for plan in plans.iter().filter(|plan| plan.there.is_some()) {
        tx.define_word(plan.at, None)?;
    }
    for plan in plans {
        let Some(word) = plan.wanted else { continue };
        let words = tx.view().state.words();
        let place = match words.get(plan.at) {
            None => plan.at,
            Some(_) => words
                .free(plan.at.prefix())
                .ok_or(EngineError::ConceptsFull)?,
        };
        tx.define_word(place, Some(word))?;
    }
    Ok(())
}

/// Where a node is, which others may have removed.
fn find(tx: &Transaction<'_>, id: u64) -> Result<Address> {
    let at = tx.view().state.find_id(id);
    at.ok_or_else(|| EngineError::Conflict {
        clashes: vec![Clash {
            place: format!("#{id}"),
            version: tx.history().last_departure(id_key(id)).unwrap_or(0),
        }],
        hint: "it is gone, and something refers to it; nothing was changed",
    })
}

/// A node on one side.
struct Was {
    image: Box<NodeImage>,
    address: Address,
    version: u64,
    parent: Option<u64>,
    depth: u8,
}

impl Was {
    fn of(node: Node<'_>) -> Self {
        Self {
            image: Box::new(NodeImage::of(node)),
            address: node.address(),
            version: node.version(),
            parent: node.parent(),
            depth: node.depth(),
        }
    }

    fn place(&self) -> String {
        match &self.image.name {
            Some(name) => format!("{} '{}'", self.address, String::from_utf8_lossy(name)),
            None => self.address.to_string(),
        }
    }
}

fn insert(after: Was) -> NodePlan {
    NodePlan::Insert {
        image: after.image,
        address: after.address,
        parent: after.parent,
        depth: after.depth,
    }
}

fn change_to(there: Was, wanted: Was) -> NodePlan {
    NodePlan::Change {
        id: there.image.id,
        parent: (there.parent != wanted.parent).then_some(wanted.parent),
        there: there.image,
        wanted: wanted.image,
    }
}

/// Makes a node what it is wanted to be. Its name is free already if it differs.
fn change(
    tx: &mut Transaction<'_>,
    address: Address,
    there: &NodeImage,
    wanted: NodeImage,
) -> Result<()> {
    if there.name != wanted.name {
        tx.rename(address, wanted.name)?;
    }
    if there.content != wanted.content {
        tx.set_content(address, wanted.content)?;
    }
    if there.kinds != wanted.kinds {
        let kinds = wanted.kinds.as_deref().unwrap_or_default();
        tx.set_kinds(address, kinds.to_vec())?;
    }
    if (there.truth, &there.evidence) != (wanted.truth, &wanted.evidence) {
        tx.set_truth(address, wanted.truth, wanted.evidence)?;
    }
    if there.qualia != wanted.qualia {
        tx.set_qualia(address, wanted.qualia)?;
    }
    if there.rung != wanted.rung {
        tx.set_rung(address, wanted.rung)?;
    }
    if there.promotion != wanted.promotion {
        tx.set_promotion(address, wanted.promotion)?;
    }
    if there.expires != wanted.expires {
        let expires = Some(wanted.expires).filter(|at| *at != NEVER);
        tx.set_expiry(address, expires)?;
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Mine,
    Theirs,
}

/// What one part becomes: whose it is if only one side changed it, else what the preferred side has; `None` without one.
fn part<T: PartialEq + Clone>(base: &T, mine: &T, theirs: &T, prefer: Option<Side>) -> Option<T> {
    if mine == base || mine == theirs {
        return Some(theirs.clone());
    }
    match (theirs == base, prefer) {
        (true, _) | (_, Some(Side::Mine)) => Some(mine.clone()),
        (_, Some(Side::Theirs)) => Some(theirs.clone()),
        (_, None) => None,
    }
}

/// A node that both sides changed, part by part.
fn three_way(base: &Was, mine: &Was, theirs: &Was, prefer: Option<Side>) -> Option<Was> {
    let (b, m, t) = (&*base.image, &*mine.image, &*theirs.image);
    let (bc, mc, tc) = (&b.content, &m.content, &t.content);
    let mut image = Box::new(t.clone());
    image.name = part(&b.name, &m.name, &t.name, prefer)?;
    image.kinds = part(&b.kinds, &m.kinds, &t.kinds, prefer)?;
    let truth = |image: &NodeImage| (image.truth, image.evidence.clone());
    (image.truth, image.evidence) = part(&truth(b), &truth(m), &truth(t), prefer)?;
    image.qualia = part(&b.qualia, &m.qualia, &t.qualia, prefer)?;
    image.rung = part(&b.rung, &m.rung, &t.rung, prefer)?;
    image.promotion = part(&b.promotion, &m.promotion, &t.promotion, prefer)?;
    image.expires = part(&b.expires, &m.expires, &t.expires, prefer)?;
    image.content.value = part(&bc.value, &mc.value, &tc.value, prefer)?;
    image.content.fields = fields(&bc.fields, &mc.fields, &tc.fields, prefer)?;
    image.content.fingerprint = bits(&bc.fingerprint, &mc.fingerprint, &tc.fingerprint, prefer)?;
    Some(Was {
        image,
        parent: part(&base.parent, &mine.parent, &theirs.parent, prefer)?,
        ..*theirs
    })
}

type SomeFields = Option<Arc<Fields>>;

/// Field by field: theirs in their order, then what is new in mine.
fn fields(
    base: &SomeFields,
    mine: &SomeFields,
    theirs: &SomeFields,
    prefer: Option<Side>,
) -> Option<SomeFields> {
    let get = |fields: &SomeFields, name: &[u8]| fields.as_ref()?.get(name).cloned();
    let mut merged = Fields::new();
    let names = [theirs, mine]
        .into_iter()
        .flatten()
        .flat_map(|fields| fields.keys());
    for name in names {
        let value = part(
            &get(base, name),
            &get(mine, name),
            &get(theirs, name),
            prefer,
        )?;
        if let Some(value) = value {
            merged.insert(Arc::clone(name), value);
        }
    }
    Some((!merged.is_empty()).then(|| Arc::new(merged)))
}

/// Different bits of a given fingerprint merge.
fn bits(base: &Bits, mine: &Bits, theirs: &Bits, prefer: Option<Side>) -> Option<Bits> {
    if let Some(whole) = part(base, mine, theirs, None) {
        return Some(whole);
    }
    if let (Bits::Given(base), Bits::Given(mine), Bits::Given(theirs)) = (base, mine, theirs) {
        let (by_me, by_them) = (base.bind(mine), base.bind(theirs));
        if is_disjoint(&by_me, &by_them) {
            return Some(Bits::Given(Box::new(theirs.bind(&by_me))));
        }
    }
    part(base, mine, theirs, prefer)
}

fn is_disjoint(a: &Fingerprint, b: &Fingerprint) -> bool {
    a.words().iter().zip(b.words()).all(|(a, b)| a & b == 0)
}
