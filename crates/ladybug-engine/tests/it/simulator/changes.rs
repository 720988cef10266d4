//! Random changes, made to a transaction and to the model alike.

use std::collections::BTreeSet;
use std::sync::Arc;

use ladybug_engine::commit::transaction::{
    Draft, EXPIRED_PER_COMMIT_MAX, EdgeDraft, Savepoint, SpaceId, Transaction, sorted_kinds,
};
use ladybug_engine::error::EngineError;
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::space::address::{Address, Zone};
use ladybug_engine::space::fields::FieldValue;
use ladybug_engine::space::marks::{Qualia, Truth};
use ladybug_engine::space::mutation::{Bits as EngineBits, Content};
use ladybug_engine::space::staging::{Staged, Staging};
use ladybug_engine::space::verbs::is_verb_name;
use ladybug_engine::space::words::Word;

use super::model::{Bits, Edge, Fields, Id, Memory, Node};
use crate::random::{Random, temporal};

/// A commit in the making, in the engine and in the model.
pub struct Attempt<'a, 't, 'r> {
    pub tx: &'a mut Transaction<'t>,
    pub random: &'r mut Random,
    pub memory: Memory,
    /// The locked spaces with the version that the commit would give them.
    pub versions: Vec<(SpaceId, u64)>,
    pub current: SpaceId,
    /// The spaces that changed.
    pub touched: BTreeSet<SpaceId>,
    /// The names of nodes that expired on the way.
    pub gone: Vec<(SpaceId, Vec<u8>)>,
}

/// The same point in both.
struct Mark {
    savepoint: Savepoint,
    memory: Memory,
    current: SpaceId,
    touched: BTreeSet<SpaceId>,
    gone: usize,
}

type Step = Result<(), EngineError>;

impl Attempt<'_, '_, '_> {
    fn mark(&self) -> Mark {
        Mark {
            savepoint: self.tx.savepoint(),
            memory: self.memory.clone(),
            current: self.current,
            touched: self.touched.clone(),
            gone: self.gone.len(),
        }
    }

    fn roll_back_to(&mut self, mark: Mark) {
        self.tx.roll_back_to(&mark.savepoint);
        // Ids are not given out again.
        let id_max = self.memory.id_max;
        self.memory = Memory {
            id_max,
            ..mark.memory
        };
        (self.current, self.touched) = (mark.current, mark.touched);
        self.gone.truncate(mark.gone);
        super::compare::assert_same(self.tx.view().state, &self.expected());
    }

    /// The current space as the transaction should show it: its version rises at the end.
    fn expected(&self) -> super::model::Space {
        (*self.memory.space(self.current)).clone()
    }

    /// Some changes, some of which are refused or taken back; an error fails the commit.
    pub fn changes(&mut self) -> Step {
        let mut marks = Vec::new();
        for _ in 0..self.random.below(9) {
            match self.random.below(12) {
                0 => marks.push(self.mark()),
                1 if !marks.is_empty() => {
                    let at = self.random.below(marks.len() as u64) as usize;
                    let mark = marks.drain(at..).next().expect("a mark");
                    self.roll_back_to(mark);
                }
                2 => {
                    let (space, _) = self.random.pick(&self.versions).expect("a locked space");
                    assert!(self.tx.select(space));
                    self.current = space;
                    assert!(!self.tx.select(SpaceId::MAX));
                    assert_eq!(self.tx.space(), space);
                }
                _ => {
                    let mark = self.mark();
                    if let Err(refused) = self.step() {
                        if self.random.one_in(3) {
                            return Err(refused);
                        }
                        self.roll_back_to(mark);
                    }
                }
            }
        }
        super::compare::assert_same(self.tx.view().state, &self.expected());
        match self.random.one_in(8) {
            true => Err(EngineError::NoSuchNode(String::from("of the caller's"))),
            false => Ok(()),
        }
    }

    fn version(&self) -> u64 {
        let mut versions = self.versions.iter();
        let mine = versions.find(|(space, _)| *space == self.current);
        mine.expect("the current space is locked").1
    }

    fn now(&self) -> i64 {
        self.tx.now()
    }

    fn space(&mut self) -> &mut super::model::Space {
        self.touched.insert(self.current);
        self.memory.space_mut(self.current)
    }

    fn address(&self, id: Id) -> Address {
        let node = self.tx.view().find_id(id);
        node.expect("what is live in the model is visible")
            .address()
    }

    fn live(&mut self) -> Option<(Id, Address)> {
        let live = self.memory.space(self.current).live(self.now());
        let id = self.random.pick(&live)?;
        Some((id, self.address(id)))
    }

    /// A node to be changed, which this commit's version marks.
    fn node(&mut self, id: Id) -> &mut Node {
        let version = self.version();
        let node = self.space().nodes.get_mut(&id).expect("a node");
        node.version = version;
        node
    }

    fn step(&mut self) -> Step {
        let choice = self.random.below(27);
        if choice < 6 {
            return self.create();
        }
        if choice == 6 {
            return self.remove_expired();
        }
        if choice == 7 {
            return self.define_verb();
        }
        if choice == 26 {
            return self.define_word();
        }
        let Some((id, at)) = self.live() else {
            return self.create();
        };
        match choice {
            8 => self.remove(id, at),
            9 if self.random.one_in(6) => self.clear(),
            9..11 => self.set_content(id, at),
            11..14 => self.set_field(id, at),
            14 => self.set_expiry(id, at),
            15 => self.rename(id, at),
            16 => self.set_marks(id, at),
            17 | 18 => self.set_parent(id, at),
            19..23 => self.link(id, at),
            23 => self.unlink(),
            24 => self.update_edge(),
            _ => self.read(id, at),
        }
    }

    fn name(&mut self) -> Vec<u8> {
        match self.random.below(40) {
            0 => vec![0xFF, b'n', self.random.below(3) as u8],
            1 => vec![b'n'; 1023 + self.random.below(3) as usize],
            2 => Vec::new(),
            _ => format!("n{}", self.random.below(20)).into_bytes(),
        }
    }

    fn value(&mut self) -> Vec<u8> {
        const WORDS: [&str; 8] = [
            "web", "server", "mail", "chess", "image", "größe", "", "the",
        ];
        match self.random.below(30) {
            0 => vec![0xC3; self.random.below(9000) as usize],
            _ => {
                let words = (0..self.random.below(3)).map(|_| self.random.below(8));
                let words: Vec<_> = words.map(|at| WORDS[at as usize]).collect();
                words.join(" ").into_bytes()
            }
        }
    }

    fn field_value(&mut self, depth: u64) -> FieldValue {
        match self.random.below(6 + u64::from(depth < 3)) {
            0 => FieldValue::Integer(self.random.next() as i64),
            1 => FieldValue::Float(self.random.eighth().into()),
            2 => FieldValue::Boolean(self.random.one_in(2)),
            5 => FieldValue::Temporal(temporal(self.random).into()),
            6 => {
                let items = (0..self.random.below(3)).map(|_| self.field_value(depth + 1));
                FieldValue::List(items.collect())
            }
            _ => FieldValue::Bytes(self.value().into()),
        }
    }

    fn fields(&mut self) -> Fields {
        let mut node_fields = Fields::new();
        for _ in 0..self.random.below(4) {
            let name = vec![b'a' + self.random.below(5) as u8];
            let value = self.field_value(0);
            node_fields.retain(|(there, _)| *there != name);
            node_fields.push((name, value));
        }
        node_fields
    }

    /// Bits staged behind others, where they will or will not come to lie.
    fn staged(&mut self, bits: &Fingerprint) -> Staged {
        let mut staging = Staging::default();
        for other in 0..self.random.below(6) {
            staging.put(Zone::Node, &Fingerprint::random(other));
        }
        let zone = if self.random.one_in(3) {
            Zone::Fluid
        } else {
            Zone::Node
        };
        let place = staging.put(zone, bits).expect("room for a few");
        staging.finish().at(place)
    }

    /// Value, fields and fingerprint, for the model and for the engine.
    fn content(&mut self) -> (Option<Vec<u8>>, Fields, Bits, Content) {
        let value = (!self.random.one_in(4)).then(|| self.value());
        let fields = match self.random.one_in(3) {
            true => self.fields(),
            false => Fields::new(),
        };
        let (bits, engine_bits) = match self.random.below(8) {
            0 => {
                let bits = Fingerprint::random(self.random.below(4));
                let engine_bits = match self.random.one_in(2) {
                    true => EngineBits::Given(Box::new(bits.clone())),
                    false => EngineBits::Staged(self.staged(&bits)),
                };
                (Bits::Given(bits), engine_bits)
            }
            1 => {
                let bits = Fingerprint::random(self.random.below(4));
                (
                    Bits::Vector(bits.clone()),
                    EngineBits::Vector(Box::new(bits)),
                )
            }
            _ => (Bits::Encoded, EngineBits::Encoded),
        };
        let content = Content {
            value: value.as_deref().map(Into::into),
            fields: Content::of_fields(engine_fields(&fields)).fields,
            fingerprint: engine_bits,
        };
        (value, fields, bits, content)
    }

    fn kinds(&mut self) -> Vec<Arc<str>> {
        let kinds = (0..self.random.below(4)).map(|_| self.random.below(5));
        kinds.map(|kind| format!("Kind{kind}").into()).collect()
    }

    fn truth(&mut self) -> Truth {
        let confidence = 0.0625 + 0.875 * self.random.eighth();
        Truth::new(self.random.eighth(), confidence).expect("in range")
    }

    fn qualia(&mut self) -> Qualia {
        let mut values = [0.0; 8].map(|_: f32| self.random.eighth());
        values[1] = 1.0 - 2.0 * self.random.eighth();
        Qualia::new(values).expect("in range")
    }

    fn evidence(&mut self) -> Option<Arc<[Id]>> {
        let evidence = (0..self.random.below(3)).map(|_| self.random.below(50));
        let evidence: Vec<_> = evidence.collect();
        (!evidence.is_empty()).then(|| evidence.into())
    }

    /// A moment mostly ahead; not even the past is refused.
    fn expiry(&mut self) -> Option<i64> {
        let ahead = self.random.below(3_000_000) as i64;
        let expires = self.now() - 100_000 + ahead;
        self.random.one_in(3).then_some(expires)
    }

    /// What stands under a name and has expired makes room for another.
    fn clear_expired_name(&mut self, name: &[u8]) {
        let space = self.memory.space(self.current);
        if let Some(id) = space.find(name)
            && !space.nodes[&id].is_live(self.now())
        {
            self.remove_gone(id);
        }
    }

    fn remove_gone(&mut self, id: Id) {
        let version = self.version();
        if let Some(name) = self.space().nodes[&id].name.clone() {
            self.gone.push((self.current, name));
        }
        self.space().remove(id, version);
    }

    fn next_id(&mut self, id: Id) {
        assert!(id > self.memory.id_max, "id {id} was given out before");
        self.memory.id_max = id;
    }

    fn create(&mut self) -> Step {
        let (value, fields, bits, content) = self.content();
        let name = (!self.random.one_in(6)).then(|| self.name());
        let parent = match self.random.one_in(3) {
            true => self.live(),
            false => None,
        };
        let draft = Draft {
            name: name.as_deref().map(Into::into),
            content,
            kinds: sorted_kinds(self.kinds()),
            truth: self.truth(),
            qualia: self.qualia(),
            rung: self.random.below(10) as u8,
            expires: self.expiry(),
            promotion: self.random.below(3) as u32,
            parent: parent.map(|(_, at)| at),
        };
        let made = self.tx.create(draft.clone());
        if let Some(name) = &name {
            if name.len() > 1024 {
                assert_eq!(made, Err(EngineError::NameTooLong(name.len())));
                return made.map(drop);
            }
            self.clear_expired_name(name);
            if self.memory.space(self.current).find(name).is_some() {
                assert!(matches!(made, Err(EngineError::NameTaken(_))), "{made:?}");
                return made.map(drop);
            }
        }
        let at = made.expect("nothing stands in the way of a new node");
        let zone = draft.expires.map_or(Zone::Node, |_| Zone::Fluid);
        assert_eq!(at.zone(), zone);
        let id = self.tx.view().state.node(at).expect("just made").id();
        self.next_id(id);
        let kinds = draft.kinds.as_deref().unwrap_or_default();
        let node = Node {
            name,
            value,
            fields,
            bits,
            kinds: kinds.iter().map(|kind| kind.to_string()).collect(),
            truth: (draft.truth.frequency(), draft.truth.confidence()),
            evidence: Vec::new(),
            qualia: draft.qualia.values(),
            rung: draft.rung,
            created: self.now(),
            expires: draft.expires,
            promotion: draft.promotion,
            // The parent may just have made room for the name, had it expired; it is live.
            parent: parent.map(|(id, _)| id),
            version: self.version(),
        };
        self.space().nodes.insert(id, node);
        Ok(())
    }

    fn remove(&mut self, id: Id, at: Address) -> Step {
        self.tx.remove(at).expect("a node can be removed");
        let version = self.version();
        self.space().remove(id, version);
        Ok(())
    }

    fn clear(&mut self) -> Step {
        self.tx.clear().expect("a space can be cleared");
        let space = self.space();
        space.nodes.clear();
        space.edges.clear();
        Ok(())
    }

    fn remove_expired(&mut self) -> Step {
        let limit = match self.random.one_in(2) {
            true => 1 + self.random.below(3) as usize,
            false => EXPIRED_PER_COMMIT_MAX,
        };
        let (now, space) = (self.now(), self.memory.space(self.current));
        let state = Arc::new(self.tx.view().state.clone());
        let due = space.nodes.iter().filter(|(_, node)| !node.is_live(now));
        let mut due: Vec<_> = due
            .map(|(id, node)| (node.expires, state.find_id(*id), *id))
            .collect();
        due.sort_unstable();
        due.truncate(limit);
        let removed = self.tx.remove_expired(limit);
        assert_eq!(removed, Ok(due.len()));
        due.into_iter().for_each(|(_, _, id)| self.remove_gone(id));
        Ok(())
    }

    fn set_content(&mut self, id: Id, at: Address) -> Step {
        let (value, fields, bits, content) = self.content();
        self.tx.set_content(at, content).expect("content is set");
        let node = self.node(id);
        (node.value, node.fields, node.bits) = (value, fields, bits);
        Ok(())
    }

    fn set_field(&mut self, id: Id, at: Address) -> Step {
        let name = [b'a' + self.random.below(5) as u8];
        let value = (!self.random.one_in(3)).then(|| self.field_value(0));
        let set = self.tx.set_field(at, &name, value.clone());
        set.expect("a field is set");
        self.node(id).set_field(&name, value);
        Ok(())
    }

    fn set_expiry(&mut self, id: Id, at: Address) -> Step {
        let expires = self.expiry();
        let there = self.tx.set_expiry(at, expires).expect("an expiry is set");
        let zone = expires.map_or(Zone::Node, |_| Zone::Fluid);
        assert_eq!(there.zone(), zone);
        assert!(there == at || at.zone() != zone, "moved without need");
        self.node(id).expires = expires;
        Ok(())
    }

    fn rename(&mut self, id: Id, at: Address) -> Step {
        let name = (!self.random.one_in(4)).then(|| self.name());
        let renamed = self.tx.rename(at, name.as_deref().map(Into::into));
        if let Some(name) = &name {
            if name.len() > 1024 {
                assert_eq!(renamed, Err(EngineError::NameTooLong(name.len())));
                return renamed;
            }
            self.clear_expired_name(name);
            let there = self.memory.space(self.current).find(name);
            if there.is_some_and(|there| there != id) {
                assert!(
                    matches!(renamed, Err(EngineError::NameTaken(_))),
                    "{renamed:?}"
                );
                return renamed;
            }
        }
        renamed.expect("the name is free");
        self.node(id).name = name;
        Ok(())
    }

    fn set_marks(&mut self, id: Id, at: Address) -> Step {
        match self.random.below(5) {
            0 => {
                let kinds = self.kinds();
                let set = self.tx.set_kinds(at, kinds.clone());
                set.expect("kinds are set");
                let sorted: BTreeSet<_> = kinds.iter().map(|kind| kind.to_string()).collect();
                self.node(id).kinds = sorted.into_iter().collect();
            }
            1 => {
                let (truth, evidence) = (self.truth(), self.evidence());
                let set = self.tx.set_truth(at, truth, evidence.clone());
                set.expect("a truth is set");
                let node = self.node(id);
                node.truth = (truth.frequency(), truth.confidence());
                node.evidence = evidence.as_deref().unwrap_or_default().to_vec();
            }
            2 => {
                let qualia = self.qualia();
                self.tx.set_qualia(at, qualia).expect("qualia are set");
                self.node(id).qualia = qualia.values();
            }
            3 => {
                let rung = self.random.below(10) as u8;
                self.tx.set_rung(at, rung).expect("a rung is set");
                self.node(id).rung = rung;
            }
            _ => {
                let accesses = self.random.next() as u32;
                let set = self.tx.set_promotion(at, accesses);
                set.expect("a promotion is set");
                self.node(id).promotion = accesses;
            }
        }
        Ok(())
    }

    fn set_parent(&mut self, id: Id, at: Address) -> Step {
        let parent = match self.random.one_in(4) {
            true => None,
            false => self.live(),
        };
        let set = self.tx.set_parent(at, parent.map(|(_, at)| at));
        let parent = parent.map(|(parent, _)| parent);
        let space = self.memory.space(self.current);
        if parent.is_some_and(|parent| space.subtree(id).contains(&parent)) {
            assert_eq!(set, Err(EngineError::Cycle));
            return set;
        }
        set.expect("a tree can grow");
        self.node(id).parent = parent;
        Ok(())
    }

    fn link(&mut self, source: Id, at: Address) -> Step {
        let Some((target, target_at)) = self.live() else {
            return Ok(());
        };
        let space = self.memory.space(self.current);
        let own = space.verbs.keys().copied().collect::<Vec<_>>();
        let built_in = self.random.below(3) as u8;
        let verb = match self.random.one_in(3) {
            true => self.random.pick(&own).unwrap_or(built_in),
            false => built_in,
        };
        let properties = self.fields();
        let draft = EdgeDraft {
            weight: self.random.eighth(),
            truth: self.truth(),
            reified: self.random.one_in(2),
            properties: Content::of_fields(engine_fields(&properties)).fields,
        };
        let linked = self.tx.link(at, verb, target_at, draft.clone());
        let linked = linked.expect("two nodes can be linked");
        assert_eq!(linked.address.is_some(), draft.reified);
        self.next_id(linked.id);
        let edge = Edge {
            source,
            verb: space.verb(verb).expect("a verb").to_owned(),
            target,
            weight: draft.weight,
            truth: (draft.truth.frequency(), draft.truth.confidence()),
            evidence: Vec::new(),
            properties,
            reified: draft.reified,
            version: self.version(),
        };
        self.space().edges.insert(linked.id, edge);
        Ok(())
    }

    fn edge(&mut self) -> Option<Id> {
        let space = self.memory.space(self.current);
        let ids: Vec<_> = space.edges.keys().copied().collect();
        self.random.pick(&ids)
    }

    fn unlink(&mut self) -> Step {
        let Some(id) = self.edge() else {
            return Ok(());
        };
        let link = self.tx.view().state.graph().link(id).expect("an edge");
        self.tx
            .unlink(link.source, id)
            .expect("an edge can be unlinked");
        self.space().edges.remove(&id);
        Ok(())
    }

    fn update_edge(&mut self) -> Step {
        let Some(id) = self.edge() else {
            return Ok(());
        };
        let graph = self.tx.view().state.graph();
        let link = graph.link(id).expect("an edge");
        let mut edge = graph.get(link.source, id).expect("an edge");
        let (truth, properties) = (self.truth(), self.fields());
        edge.weight = self.random.eighth();
        (edge.frequency, edge.confidence) = (truth.frequency(), truth.confidence());
        edge.evidence = self.evidence();
        edge.properties = Content::of_fields(engine_fields(&properties)).fields;
        let updated = self.tx.update_edge(edge.clone());
        updated.expect("an edge can be updated");
        let version = self.version();
        let model = self.space().edges.get_mut(&id).expect("an edge");
        model.weight = edge.weight;
        model.truth = (edge.frequency, edge.confidence);
        model.evidence = edge.evidence.as_deref().unwrap_or_default().to_vec();
        model.properties = properties;
        model.version = version;
        Ok(())
    }

    fn define_verb(&mut self) -> Step {
        let name = match self.random.below(10) {
            0 => String::from("no verb"),
            1 => String::from("causes"),
            _ => format!("VERB{}", self.random.below(200)),
        };
        let defined = self.tx.define_verb(&name);
        let space = self.memory.space(self.current);
        if name == "causes" {
            assert_eq!(defined, Ok(0));
        } else if !is_verb_name(&name) {
            assert_eq!(defined, Err(EngineError::VerbSyntax(name)));
            return defined.map(drop);
        } else if let Some((slot, _)) = space.verbs.iter().find(|(_, there)| **there == name) {
            assert_eq!(defined, Ok(*slot));
        } else {
            let slot = (144..=255u8).find(|slot| !space.verbs.contains_key(slot));
            let Some(slot) = slot else {
                assert!(
                    matches!(defined, Err(EngineError::VerbsFull(_))),
                    "{defined:?}"
                );
                return defined.map(drop);
            };
            assert_eq!(defined, Ok(slot));
            self.space().verbs.insert(slot, name);
        }
        Ok(())
    }

    fn define_word(&mut self) -> Step {
        let at = self
            .random
            .pick(&[0x0700, 0x0800, 0x0880, 0x0881, 0x0F00, 0x0FFF]);
        let at: u16 = at.expect("a slot");
        let name = ["A", "B", "no word"][self.random.below(3) as usize];
        let text = "t".repeat([0, 3, (64 << 10) + 1][self.random.below(3) as usize]);
        let word = (!self.random.one_in(3)).then(|| (name.to_owned(), text));
        let defined = word.clone().map(|(name, text)| Word {
            name: name.into(),
            text: text.into(),
        });
        let defined = self.tx.define_word(Address(at), defined);
        let space = self.memory.space(self.current);
        let is_open = at >= 0x0880;
        let fits = word.as_ref().is_none_or(|(name, text)| {
            let mut prefix = space
                .words
                .iter()
                .filter(|(there, _)| *there >> 8 == at >> 8);
            name != "no word"
                && text.len() <= 64 << 10
                && prefix.all(|(there, word)| *there != at && word.0 != *name)
        });
        assert_eq!(
            defined.is_ok(),
            is_open && fits,
            "{at:04X} {word:?}: {defined:?}"
        );
        defined?;
        let space = self.space();
        match word {
            Some(word) => drop(space.words.insert(at, word)),
            None => drop(space.words.remove(&at)),
        }
        Ok(())
    }

    /// A transaction sees its own changes.
    fn read(&mut self, id: Id, at: Address) -> Step {
        let space = self.memory.space(self.current);
        let found = self.tx.view().node(at).map(|node| node.id());
        assert_eq!(found, Some(id));
        let name = self.name();
        let live = |id: &Id| space.nodes[id].is_live(self.tx.now());
        let expected = space.find(&name).filter(live);
        let found = self.tx.find(&name).and_then(|at| self.tx.view().node(at));
        assert_eq!(found.map(|node| node.id()), expected);
        Ok(())
    }
}

fn engine_fields(fields: &Fields) -> ladybug_engine::space::fields::Fields {
    let all = fields.iter();
    all.map(|(name, value)| (name[..].into(), value.clone()))
        .collect()
}
