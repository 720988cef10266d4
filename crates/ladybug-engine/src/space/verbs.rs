//! The verbs of a space: built-in words at prefix 0x07, and the open slots that a space fills
//! itself.
//!
//! The log and the history name a verb by its slot, checkpoints by its name. So a built-in word keeps its slot for ever:
//! the first ten, which were there before the others, lead, whatever their groups. A space may have had a verb of its own
//! by the name of a word that was built in later; then the space's own is what the name says there, and the built-in
//! word of that name steps back behind it.

use std::fmt;
use std::sync::Arc;

use super::address::Address;

/// The chunk of the surface where verbs live.
pub const VERB_PREFIX: u8 = 0x07;
/// The first slot that a space may fill with a verb of its own.
pub const OPEN_SLOT_FIRST: u8 = 144;
/// Longest name of a verb, bytes.
pub const VERB_BYTES_MAX: usize = 128;
/// The built-in verbs that were there first: these are meant whatever the case also where a new verb would be made.
const FIRST: usize = 10;

/// What a verb is about: twelve groups of twelve words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// What brings about what.
    Causal,
    /// What is when, by Allen's relations.
    Temporal,
    /// What is where.
    Spatial,
    /// What consists of what, and is of what kind.
    PartAndKind,
    /// What follows from what.
    Logical,
    /// Who knows what.
    Epistemic,
    /// Who does what.
    Agentive,
    /// Who says what.
    Communicative,
    /// Who has what.
    Possessive,
    /// What is how, beside another.
    Comparative,
    /// Who is what to whom.
    Social,
    /// Who feels what.
    Affective,
}

impl Group {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Causal,
        Temporal,
        Spatial,
        PartAndKind,
        Logical,
        Epistemic,
        Agentive,
        Communicative,
        Possessive,
        Comparative,
        Social,
        Affective,
    ];
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Causal => "causal",
            Temporal => "temporal",
            Spatial => "spatial",
            PartAndKind => "part and kind",
            Logical => "logical",
            Epistemic => "epistemic",
            Agentive => "agentive",
            Communicative => "communicative",
            Possessive => "possessive",
            Comparative => "comparative",
            Social => "social",
            Affective => "affective",
        })
    }
}

use Group::{
    Affective, Agentive, Causal, Communicative, Comparative, Epistemic, Logical, PartAndKind,
    Possessive, Social, Spatial, Temporal,
};

/// A built-in verb, and what its edges say beside themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// In capitals.
    pub name: &'static str,
    /// What it is about.
    pub group: Group,
    /// The verb that says the same the other way round: itself if it is symmetric.
    pub inverse: &'static str,
    /// Whether x V y and y V z say x V z.
    pub is_transitive: bool,
}

impl BuiltIn {
    /// Whether x V y says y V x.
    pub fn is_symmetric(&self) -> bool {
        self.name == self.inverse
    }

    const fn transitive(self) -> Self {
        Self {
            is_transitive: true,
            ..self
        }
    }
}

const fn paired(group: Group, name: &'static str, inverse: &'static str) -> BuiltIn {
    BuiltIn {
        name,
        group,
        inverse,
        is_transitive: false,
    }
}

const fn symmetric(group: Group, name: &'static str) -> BuiltIn {
    paired(group, name, name)
}

/// The built-in verbs; a verb's slot is its place here, and stays.
pub const BUILT_IN: [BuiltIn; OPEN_SLOT_FIRST as usize] = [
    paired(Causal, "CAUSES", "CAUSED_BY"),
    paired(Causal, "BECOMES", "CAME_FROM"),
    paired(Causal, "ENABLES", "ENABLED_BY"),
    paired(Causal, "PREVENTS", "PREVENTED_BY"),
    paired(Causal, "REQUIRES", "REQUIRED_BY").transitive(),
    paired(Logical, "IMPLIES", "IMPLIED_BY").transitive(),
    paired(PartAndKind, "IS_A", "SUBSUMES").transitive(),
    symmetric(Comparative, "SIMILAR_TO"),
    paired(PartAndKind, "PART_OF", "HAS_PART").transitive(),
    symmetric(Logical, "RELATES"),
    paired(Causal, "CAUSED_BY", "CAUSES"),
    paired(Causal, "CAME_FROM", "BECOMES"),
    paired(Causal, "ENABLED_BY", "ENABLES"),
    paired(Causal, "PREVENTED_BY", "PREVENTS"),
    paired(Causal, "REQUIRED_BY", "REQUIRES").transitive(),
    symmetric(Causal, "CONFOUNDED_WITH"),
    symmetric(Causal, "CORRELATES_WITH"),
    paired(Temporal, "BEFORE", "AFTER").transitive(),
    paired(Temporal, "AFTER", "BEFORE").transitive(),
    paired(Temporal, "MEETS", "MET_BY"),
    paired(Temporal, "MET_BY", "MEETS"),
    paired(Temporal, "OVERLAPS", "OVERLAPPED_BY"),
    paired(Temporal, "OVERLAPPED_BY", "OVERLAPS"),
    paired(Temporal, "STARTS", "STARTED_BY").transitive(),
    paired(Temporal, "STARTED_BY", "STARTS").transitive(),
    paired(Temporal, "FINISHES", "FINISHED_BY").transitive(),
    paired(Temporal, "FINISHED_BY", "FINISHES").transitive(),
    paired(Temporal, "DURING", "SPANS").transitive(),
    paired(Temporal, "SPANS", "DURING").transitive(),
    paired(Spatial, "LOCATED_IN", "LOCATION_OF").transitive(),
    paired(Spatial, "LOCATION_OF", "LOCATED_IN").transitive(),
    paired(Spatial, "CONTAINS", "INSIDE").transitive(),
    paired(Spatial, "INSIDE", "CONTAINS").transitive(),
    paired(Spatial, "ABOVE", "BELOW").transitive(),
    paired(Spatial, "BELOW", "ABOVE").transitive(),
    paired(Spatial, "LEFT_OF", "RIGHT_OF").transitive(),
    paired(Spatial, "RIGHT_OF", "LEFT_OF").transitive(),
    paired(Spatial, "IN_FRONT_OF", "BEHIND").transitive(),
    paired(Spatial, "BEHIND", "IN_FRONT_OF").transitive(),
    symmetric(Spatial, "NEAR"),
    symmetric(Spatial, "ADJACENT_TO"),
    paired(PartAndKind, "SUBSUMES", "IS_A").transitive(),
    paired(PartAndKind, "HAS_PART", "PART_OF").transitive(),
    paired(PartAndKind, "INSTANCE_OF", "HAS_INSTANCE"),
    paired(PartAndKind, "HAS_INSTANCE", "INSTANCE_OF"),
    paired(PartAndKind, "MEMBER_OF", "HAS_MEMBER"),
    paired(PartAndKind, "HAS_MEMBER", "MEMBER_OF"),
    paired(PartAndKind, "MADE_OF", "MATERIAL_OF").transitive(),
    paired(PartAndKind, "MATERIAL_OF", "MADE_OF").transitive(),
    paired(PartAndKind, "HAS_PROPERTY", "PROPERTY_OF"),
    paired(PartAndKind, "PROPERTY_OF", "HAS_PROPERTY"),
    paired(Logical, "IMPLIED_BY", "IMPLIES").transitive(),
    symmetric(Logical, "EQUIVALENT_TO").transitive(),
    symmetric(Logical, "CONTRADICTS"),
    symmetric(Logical, "EXCLUDES"),
    paired(Logical, "SUPPORTS", "SUPPORTED_BY"),
    paired(Logical, "SUPPORTED_BY", "SUPPORTS"),
    paired(Logical, "REFUTES", "REFUTED_BY"),
    paired(Logical, "REFUTED_BY", "REFUTES"),
    paired(Logical, "PRESUPPOSES", "PRESUPPOSED_BY").transitive(),
    paired(Logical, "PRESUPPOSED_BY", "PRESUPPOSES").transitive(),
    paired(Epistemic, "KNOWS", "KNOWN_BY"),
    paired(Epistemic, "KNOWN_BY", "KNOWS"),
    paired(Epistemic, "BELIEVES", "BELIEVED_BY"),
    paired(Epistemic, "BELIEVED_BY", "BELIEVES"),
    paired(Epistemic, "DOUBTS", "DOUBTED_BY"),
    paired(Epistemic, "DOUBTED_BY", "DOUBTS"),
    paired(Epistemic, "EXPECTS", "EXPECTED_BY"),
    paired(Epistemic, "EXPECTED_BY", "EXPECTS"),
    paired(Epistemic, "REMEMBERS", "REMEMBERED_BY"),
    paired(Epistemic, "REMEMBERED_BY", "REMEMBERS"),
    paired(Epistemic, "PERCEIVES", "PERCEIVED_BY"),
    paired(Epistemic, "PERCEIVED_BY", "PERCEIVES"),
    paired(Agentive, "DOES", "DONE_BY"),
    paired(Agentive, "DONE_BY", "DOES"),
    paired(Agentive, "MAKES", "MADE_BY"),
    paired(Agentive, "MADE_BY", "MAKES"),
    paired(Agentive, "USES", "USED_BY"),
    paired(Agentive, "USED_BY", "USES"),
    paired(Agentive, "CHANGES", "CHANGED_BY"),
    paired(Agentive, "CHANGED_BY", "CHANGES"),
    paired(Agentive, "SEEKS", "SOUGHT_BY"),
    paired(Agentive, "SOUGHT_BY", "SEEKS"),
    paired(Agentive, "AVOIDS", "AVOIDED_BY"),
    paired(Agentive, "AVOIDED_BY", "AVOIDS"),
    paired(Communicative, "SAYS", "SAID_BY"),
    paired(Communicative, "SAID_BY", "SAYS"),
    paired(Communicative, "ASKS", "ASKED_BY"),
    paired(Communicative, "ASKED_BY", "ASKS"),
    paired(Communicative, "ANSWERS", "ANSWERED_BY"),
    paired(Communicative, "ANSWERED_BY", "ANSWERS"),
    paired(Communicative, "MENTIONS", "MENTIONED_BY"),
    paired(Communicative, "MENTIONED_BY", "MENTIONS"),
    paired(Communicative, "TEACHES", "TAUGHT_BY"),
    paired(Communicative, "TAUGHT_BY", "TEACHES"),
    paired(Communicative, "PROMISES", "PROMISED_BY"),
    paired(Communicative, "PROMISED_BY", "PROMISES"),
    paired(Possessive, "OWNS", "OWNED_BY"),
    paired(Possessive, "OWNED_BY", "OWNS"),
    paired(Possessive, "HAS", "BELONGS_TO"),
    paired(Possessive, "BELONGS_TO", "HAS"),
    paired(Possessive, "GIVES", "GIVEN_BY"),
    paired(Possessive, "GIVEN_BY", "GIVES"),
    paired(Possessive, "RECEIVES", "RECEIVED_BY"),
    paired(Possessive, "RECEIVED_BY", "RECEIVES"),
    paired(Possessive, "NEEDS", "NEEDED_BY"),
    paired(Possessive, "NEEDED_BY", "NEEDS"),
    paired(Possessive, "LACKS", "LACKED_BY"),
    paired(Possessive, "LACKED_BY", "LACKS"),
    symmetric(Comparative, "SAME_AS").transitive(),
    symmetric(Comparative, "EQUAL_TO").transitive(),
    symmetric(Comparative, "DIFFERENT_FROM"),
    symmetric(Comparative, "OPPOSITE_OF"),
    symmetric(Comparative, "ANALOGOUS_TO"),
    paired(Comparative, "GREATER_THAN", "LESS_THAN").transitive(),
    paired(Comparative, "LESS_THAN", "GREATER_THAN").transitive(),
    paired(Comparative, "BETTER_THAN", "WORSE_THAN").transitive(),
    paired(Comparative, "WORSE_THAN", "BETTER_THAN").transitive(),
    paired(Comparative, "OLDER_THAN", "YOUNGER_THAN").transitive(),
    paired(Comparative, "YOUNGER_THAN", "OLDER_THAN").transitive(),
    paired(Social, "PARENT_OF", "CHILD_OF"),
    paired(Social, "CHILD_OF", "PARENT_OF"),
    paired(Social, "ANCESTOR_OF", "DESCENDANT_OF").transitive(),
    paired(Social, "DESCENDANT_OF", "ANCESTOR_OF").transitive(),
    symmetric(Social, "SIBLING_OF"),
    symmetric(Social, "MARRIED_TO"),
    symmetric(Social, "FRIEND_OF"),
    symmetric(Social, "WORKS_WITH"),
    paired(Social, "LEADS", "FOLLOWS"),
    paired(Social, "FOLLOWS", "LEADS"),
    paired(Social, "HELPS", "HELPED_BY"),
    paired(Social, "HELPED_BY", "HELPS"),
    paired(Affective, "LIKES", "LIKED_BY"),
    paired(Affective, "LIKED_BY", "LIKES"),
    paired(Affective, "LOVES", "LOVED_BY"),
    paired(Affective, "LOVED_BY", "LOVES"),
    paired(Affective, "HATES", "HATED_BY"),
    paired(Affective, "HATED_BY", "HATES"),
    paired(Affective, "FEARS", "FEARED_BY"),
    paired(Affective, "FEARED_BY", "FEARS"),
    paired(Affective, "WANTS", "WANTED_BY"),
    paired(Affective, "WANTED_BY", "WANTS"),
    paired(Affective, "TRUSTS", "TRUSTED_BY"),
    paired(Affective, "TRUSTED_BY", "TRUSTS"),
];

/// The slot of RELATES, the verb of an edge that names none.
pub const RELATES: u8 = 9;

/// The address of a verb.
pub const fn address_of(slot: u8) -> Address {
    Address::new(VERB_PREFIX, slot)
}

/// A space's own verbs, by open slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verbs(Vec<Option<Arc<str>>>);

impl Verbs {
    /// The name of the verb in `slot`, built-in or own.
    pub fn name(&self, slot: u8) -> Option<&str> {
        match BUILT_IN.get(slot as usize) {
            Some(word) => Some(word.name),
            None => self.own(slot).map(|name| &**name),
        }
    }

    /// The slot of a verb: its exact name, else a built-in one whatever the case.
    pub fn slot(&self, name: &str) -> Option<u8> {
        let any_case = || {
            let word = |word: &BuiltIn| word.name.eq_ignore_ascii_case(name);
            let at = BUILT_IN.iter().position(word)?;
            self.canonical(at as u8)
        };
        self.typed(name).or_else(any_case)
    }

    /// The slot of a verb to languages whose types know case: its exact name; only of the built-in verbs that were there
    /// first, any case.
    pub fn typed(&self, name: &str) -> Option<u8> {
        let built_in = || {
            let exact = BUILT_IN.iter().position(|word| word.name == name);
            let first = || {
                let first = &BUILT_IN[..FIRST];
                first
                    .iter()
                    .position(|word| word.name.eq_ignore_ascii_case(name))
            };
            exact.or_else(first).map(|at| at as u8)
        };
        self.own_slot(name).or_else(built_in)
    }

    /// The slot that edges of the verb in `slot` have: that of a space's own verb, if it has one by the name of the
    /// built-in word there.
    pub fn canonical(&self, slot: u8) -> Option<u8> {
        let name = self.name(slot)?;
        Some(self.own_slot(name).unwrap_or(slot))
    }

    /// What a verb's edges say beside themselves, if it is a built-in word, or a space's own by its name.
    pub fn built_in(&self, slot: u8) -> Option<&'static BuiltIn> {
        let name = self.name(slot)?;
        BUILT_IN.iter().find(|word| word.name == name)
    }

    /// The first slot that is open and free.
    pub fn free_slot(&self) -> Option<u8> {
        (OPEN_SLOT_FIRST..=255).find(|slot| self.own(*slot).is_none())
    }

    /// Every verb with its slot; no two have one name.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &str)> {
        let canonical = |slot: &u8| self.canonical(*slot) == Some(*slot);
        let slots = (0..=255).filter(canonical);
        slots.filter_map(|slot| Some((slot, self.name(slot)?)))
    }

    fn own(&self, slot: u8) -> Option<&Arc<str>> {
        let open = slot.checked_sub(OPEN_SLOT_FIRST)?;
        self.0.get(open as usize)?.as_ref()
    }

    /// The slot of a space's own verb of exactly this name.
    pub fn own_slot(&self, name: &str) -> Option<u8> {
        let own = |word: &Option<Arc<str>>| word.as_deref() == Some(name);
        let open = self.0.iter().position(own);
        open.map(|at| OPEN_SLOT_FIRST + at as u8)
    }

    /// Fills or frees an open slot and returns what was there; built-in slots do not change.
    pub(super) fn define(&mut self, slot: u8, name: Option<Arc<str>>) -> Option<Arc<str>> {
        let open = slot
            .checked_sub(OPEN_SLOT_FIRST)
            .expect("only open slots are defined") as usize;
        if self.0.len() <= open {
            self.0.resize(open + 1, None);
        }
        std::mem::replace(&mut self.0[open], name)
    }
}

/// Whether `name` can be a verb's: letters, digits and `_ - . :`, not starting with a digit.
pub fn is_verb_name(name: &str) -> bool {
    name.len() <= VERB_BYTES_MAX
        && name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_slots_take_names_until_there_is_none() {
        let mut verbs = Verbs::default();
        assert_eq!(verbs.slot("causes"), Some(0));
        assert_eq!(verbs.name(RELATES), Some("RELATES"));
        for n in 0..112 {
            let slot = verbs.free_slot().expect("an open slot");
            assert_eq!(slot, OPEN_SLOT_FIRST + n);
            verbs.define(slot, Some(format!("V{n}").into()));
            assert_eq!(verbs.slot(&format!("V{n}")), Some(slot));
        }
        assert_eq!(verbs.free_slot(), None);
        assert_eq!(verbs.iter().count(), BUILT_IN.len() + 112);
        verbs.define(200, None);
        assert_eq!(verbs.free_slot(), Some(200));
    }

    #[test]
    fn the_words_are_twelve_groups_of_twelve_whose_inverses_agree() {
        for group in Group::ALL {
            let words = BUILT_IN.iter().filter(|word| word.group == group);
            assert_eq!(words.count(), 12, "{group}");
        }
        let verbs = Verbs::default();
        for (slot, word) in BUILT_IN.iter().enumerate() {
            assert!(is_verb_name(word.name), "{}", word.name);
            assert_eq!(verbs.slot(word.name), Some(slot as u8), "{}", word.name);
            let inverse = verbs.slot(word.inverse).expect(word.inverse);
            let inverse = BUILT_IN[usize::from(inverse)];
            assert_eq!(inverse.inverse, word.name);
            assert_eq!(inverse.group, word.group);
            assert_eq!(inverse.is_transitive, word.is_transitive, "{}", word.name);
        }
    }

    #[test]
    fn the_first_ten_keep_the_slots_that_stored_edges_name() {
        let first = [
            "CAUSES",
            "BECOMES",
            "ENABLES",
            "PREVENTS",
            "REQUIRES",
            "IMPLIES",
            "IS_A",
            "SIMILAR_TO",
            "PART_OF",
            "RELATES",
        ];
        assert_eq!(first.len(), FIRST);
        for (slot, name) in first.iter().enumerate() {
            assert_eq!(BUILT_IN[slot].name, *name);
        }
    }

    #[test]
    fn an_own_verb_that_was_there_first_is_what_its_name_says() {
        let mut verbs = Verbs::default();
        verbs.define(OPEN_SLOT_FIRST, Some("BEFORE".into()));
        verbs.define(OPEN_SLOT_FIRST + 1, Some("likes".into()));
        let built_in = BUILT_IN.iter().position(|word| word.name == "BEFORE");
        let built_in = built_in.expect("BEFORE") as u8;
        assert_eq!(verbs.slot("BEFORE"), Some(OPEN_SLOT_FIRST));
        assert_eq!(verbs.slot("before"), Some(OPEN_SLOT_FIRST));
        assert_eq!(verbs.canonical(built_in), Some(OPEN_SLOT_FIRST));
        assert_eq!(verbs.name(built_in), Some("BEFORE"));
        let inverse = verbs.built_in(OPEN_SLOT_FIRST).map(|word| word.inverse);
        assert_eq!(inverse, Some("AFTER"));
        let named: Vec<_> = verbs.iter().filter(|verb| verb.1 == "BEFORE").collect();
        assert_eq!(named, [(OPEN_SLOT_FIRST, "BEFORE")]);
        assert_eq!(verbs.slot("likes"), Some(OPEN_SLOT_FIRST + 1));
        assert_ne!(verbs.slot("LIKES"), Some(OPEN_SLOT_FIRST + 1));
        assert_eq!(verbs.typed("Loves"), None);
        assert!(verbs.slot("Loves").is_some());
    }

    #[test]
    fn verb_names_are_words() {
        assert!(is_verb_name("DEPENDS_ON") && is_verb_name("größer-als"));
        for wrong in ["", "1ST", "a b", "x\n", &"v".repeat(129)] {
            assert!(!is_verb_name(wrong), "{wrong}");
        }
    }
}
