//! What an id or a name calls: an operation in a mode, a word of a vocabulary, a program; and how a space has it.
//!
//! Families 0x07 and 0x08 are vocabularies and 0x0F is the user's: there every slot is a word or a program, not an
//! operation in a mode, and a space fills the open ones.

use std::borrow::Cow;

use ladybug_engine::error::EngineError;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::concepts::{self, CONCEPTS};
use ladybug_engine::space::state::State;
use ladybug_engine::space::verbs::{self, OPEN_SLOT_FIRST, VERB_PREFIX};
use ladybug_engine::space::words::{CONCEPT_PREFIX, PROGRAM_PREFIX};

use super::error::CamError;
use super::method::{METHODS, Method, Mode};
use super::program;
use super::table::Operation;
use super::vocabulary;

/// What an id or a name calls, before it is known what a space has there.
#[derive(Clone, Debug)]
pub enum Called<'a> {
    /// An operation in a mode.
    Method(Method),
    /// What is at an address of a vocabulary or of the user's.
    At(Address),
    /// A word or a program by its name.
    Named(u8, Cow<'a, str>),
    /// Every word of a vocabulary, or every program.
    List(u8),
    /// The definition of a word.
    Define(u8),
    /// The definition of a program.
    DefineProgram,
    /// The end of a program.
    Undefine,
}

/// The prefixes where every slot is a word or a program.
const WORDS: [u8; 3] = [VERB_PREFIX, CONCEPT_PREFIX, PROGRAM_PREFIX];

/// The name of such a prefix.
fn family(prefix: u8) -> &'static str {
    match prefix {
        VERB_PREFIX => "VERBS",
        CONCEPT_PREFIX => "CONCEPTS",
        _ => "USER",
    }
}

impl<'a> Called<'a> {
    /// What a word calls: `VSA.BIND`, `VERBS.CAUSES`, `USER.MINE`, each also behind `CAM.`; or an id as `0x0C20`, `@0C20` or
    /// a decimal number.
    ///
    /// # Errors
    /// There is no such method, or it is no way to write one.
    pub fn parse(word: &'a [u8]) -> Result<Self, CamError> {
        if let Some(id) = id(word)
            && WORDS.contains(&Address(id).prefix())
        {
            return Ok(Self::At(Address(id)));
        }
        let Ok(text) = std::str::from_utf8(word) else {
            return Method::parse(word).map(Self::Method);
        };
        let short = match text.get(..4) {
            Some(start) if start.eq_ignore_ascii_case("CAM.") => &text[4..],
            _ => text,
        };
        let (start, rest) = match short.split_once('.') {
            Some((start, rest)) => (start, Some(rest)),
            None => (short, None),
        };
        let prefix = WORDS
            .into_iter()
            .find(|prefix| start.eq_ignore_ascii_case(family(*prefix)));
        let is = |known: &str| rest.is_some_and(|rest| rest.eq_ignore_ascii_case(known));
        match (prefix, rest) {
            (Some(prefix), None) => Ok(Self::List(prefix)),
            (Some(PROGRAM_PREFIX), _) if is("DEFINE") => Ok(Self::DefineProgram),
            (Some(PROGRAM_PREFIX), _) if is("UNDEFINE") => Ok(Self::Undefine),
            (Some(prefix), _) if is("DEFINE") => Ok(Self::Define(prefix)),
            (Some(prefix), Some(rest)) => Ok(Self::Named(prefix, rest.into())),
            (None, None) if start.eq_ignore_ascii_case("DEFINE") => Ok(Self::DefineProgram),
            (None, None) if start.eq_ignore_ascii_case("UNDEFINE") => Ok(Self::Undefine),
            _ => Method::parse(word).map(Self::Method),
        }
    }

    /// What is called at an id.
    ///
    /// # Errors
    /// There is no such method.
    pub fn of_id(id: u16) -> Result<Self, CamError> {
        match WORDS.contains(&Address(id).prefix()) {
            true => Ok(Self::At(Address(id))),
            false => Method::of_id(id).map(Self::Method),
        }
    }

    /// As it is written, behind `CAM.`.
    pub fn name(&self, state: &State) -> String {
        match self {
            Self::Method(method) => Method {
                mode: Mode::DEFAULT,
                ..*method
            }
            .to_string(),
            Self::At(at) => match word_at(state, *at) {
                Some(name) => format!("{}.{name}", family(at.prefix())),
                None => at.to_string(),
            },
            Self::Named(prefix, name) => {
                format!(
                    "{}.{}",
                    family(*prefix),
                    crate::operand::shown(name.as_bytes())
                )
            }
            Self::List(prefix) => family(*prefix).to_owned(),
            Self::Define(prefix) => format!("{}.DEFINE", family(*prefix)),
            Self::DefineProgram => "DEFINE".to_owned(),
            Self::Undefine => "UNDEFINE".to_owned(),
        }
    }
}

/// The id that a word is, if it is one of a method.
pub fn id(word: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(word).ok()?;
    let hex = ["0x", "0X", "@"]
        .into_iter()
        .find_map(|start| text.strip_prefix(start));
    let id = match hex {
        Some(digits) => u16::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    id.filter(|id| *id < METHODS && !text.contains('+'))
}

/// The name of what a space has at an address of a vocabulary or of the user's.
fn word_at(state: &State, at: Address) -> Option<&str> {
    ladybug_engine::space::derive::word_name(state, at)
}

/// What is called, as a space has it.
#[derive(Clone, Debug)]
pub enum Target {
    /// An operation, of the table or of a vocabulary.
    Operation(Callee),
    /// A program.
    Program(Address),
}

/// An operation that is called.
#[derive(Clone, Copy, Debug)]
pub struct Callee {
    /// The operation.
    pub operation: &'static Operation,
    /// The mode that its id chooses; a word has none.
    pub mode: Option<Mode>,
    /// The word of a vocabulary that it is about.
    pub word: Option<Address>,
}

impl From<&Method> for Callee {
    fn from(method: &Method) -> Self {
        Self {
            operation: method.operation,
            mode: Some(method.mode),
            word: None,
        }
    }
}

impl Target {
    /// The operation that words alone choose, whatever a space has; none is a program. What a word of a vocabulary is
    /// about is not known yet.
    pub fn by_words(called: &Called<'_>, words: &[&[u8]]) -> Option<Callee> {
        let of = |operation| {
            Some(Callee {
                operation,
                mode: None,
                word: None,
            })
        };
        let prefix = match called {
            Called::Method(method) => return Some(method.into()),
            Called::DefineProgram => return of(&program::DEFINE),
            Called::Undefine => return of(&program::UNDEFINE),
            Called::List(prefix) => return of(list(*prefix)),
            Called::Define(prefix) => return of(define(*prefix)),
            Called::At(at) => at.prefix(),
            Called::Named(prefix, _) => *prefix,
        };
        match prefix {
            VERB_PREFIX => of(vocabulary::verb(words)),
            CONCEPT_PREFIX => of(vocabulary::concept(words)),
            _ => None,
        }
    }

    /// What a space has where something is called with these words as arguments.
    ///
    /// # Errors
    /// There is no such word or program; a slot is free.
    pub fn of(called: &Called<'_>, state: &State, words: &[&[u8]]) -> Result<Self, CamError> {
        let word = |operation, word| {
            Ok(Self::Operation(Callee {
                operation,
                mode: None,
                word: Some(word),
            }))
        };
        let at = match called {
            Called::Method(method) => return Ok(Self::Operation(method.into())),
            Called::DefineProgram => {
                return word(&program::DEFINE, Address::new(PROGRAM_PREFIX, 0));
            }
            Called::Undefine => {
                return word(&program::UNDEFINE, Address::new(PROGRAM_PREFIX, 0));
            }
            Called::List(prefix) => {
                return word(list(*prefix), Address::new(*prefix, 0));
            }
            Called::Define(prefix) => {
                return word(define(*prefix), Address::new(*prefix, 0));
            }
            Called::At(at) => match word_at(state, *at) {
                Some(_) => *at,
                None => return Err(CamError::Method(free(*at))),
            },
            Called::Named(prefix, name) => named(state, *prefix, name)?,
        };
        match at.prefix() {
            VERB_PREFIX => {
                let slot = state.verbs().canonical(at.slot()).unwrap_or(at.slot());
                word(vocabulary::verb(words), verbs::address_of(slot))
            }
            CONCEPT_PREFIX => word(vocabulary::concept(words), at),
            _ => Ok(Self::Program(at)),
        }
    }
}

/// What lists the words of a vocabulary, or the programs.
fn list(prefix: u8) -> &'static Operation {
    match prefix {
        VERB_PREFIX => &vocabulary::VERBS,
        CONCEPT_PREFIX => &vocabulary::CONCEPTS,
        _ => &program::LIST,
    }
}

/// What defines a word of a vocabulary.
fn define(prefix: u8) -> &'static Operation {
    match prefix {
        VERB_PREFIX => &vocabulary::DEFINE_VERB,
        _ => &vocabulary::DEFINE_CONCEPT,
    }
}

/// Where a space has a word or a program of this name.
fn named(state: &State, prefix: u8, name: &str) -> Result<Address, CamError> {
    let shown = crate::operand::shown(name.as_bytes());
    match prefix {
        VERB_PREFIX => match state.verbs().slot(name) {
            Some(slot) => Ok(verbs::address_of(slot)),
            None => Err(EngineError::NoSuchVerb(shown.into_owned()).into()),
        },
        CONCEPT_PREFIX => find_concept(state, name).ok_or_else(|| {
            CamError::Method(format!(
                "no such concept '{shown}'; CAM.CONCEPTS.DEFINE {shown} takes an open slot for it, and CAM.CONCEPTS lists \
                 those that are there"
            ))
        }),
        _ => find_program(state, name).ok_or_else(|| {
            CamError::Method(format!(
                "no such program '{shown}'; CAM.DEFINE 0x0F00 {shown} (arguments) steps… fills a slot with it, and CAM.USER \
                 lists those that are there"
            ))
        }),
    }
}

/// The concept of this name: of the space's own exactly, else whatever the case.
pub fn find_concept(state: &State, name: &str) -> Option<Address> {
    let built_in = || concepts::slot(name).map(concepts::address_of);
    let words = state.words();
    words
        .find(CONCEPT_PREFIX, name)
        .or_else(built_in)
        .or_else(|| any_case(state, CONCEPT_PREFIX, name))
}

/// The program of this name: exactly, else whatever the case.
pub fn find_program(state: &State, name: &str) -> Option<Address> {
    let words = state.words();
    let exact = words.find(PROGRAM_PREFIX, name);
    exact.or_else(|| any_case(state, PROGRAM_PREFIX, name))
}

fn any_case(state: &State, prefix: u8, name: &str) -> Option<Address> {
    let mut words = state.words().of(prefix);
    let found = words.find(|(_, word)| word.name.eq_ignore_ascii_case(name));
    found.map(|(at, _)| at)
}

/// That a slot is free, and how it is filled.
fn free(at: Address) -> String {
    let id = format!("0x{:04X}", at.0);
    match at.prefix() {
        VERB_PREFIX => format!(
            "{id} is free: CAM.VERBS.DEFINE name takes the first free slot from 0x07{OPEN_SLOT_FIRST:02X} for a verb"
        ),
        CONCEPT_PREFIX => format!(
            "{id} is free: CAM.CONCEPTS.DEFINE name takes the first free slot from 0x08{:02X} for a concept",
            CONCEPTS.len()
        ),
        _ => {
            format!("{id} is free: CAM.DEFINE {id} name (arguments) steps… fills it with a program")
        }
    }
}
