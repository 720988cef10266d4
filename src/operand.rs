//! Operands: how a command says which node it means, or what it compares with.
//!
//! `@8042`, `#17`, `KEY name`, `TEXT words`, `FP hex-or-bytes` or `VECTOR f32-bytes`. A bare one is taken for an
//! address or an id if it is written like one, else for what the command says: text or a key. Programs write the
//! keyword, and then nothing is taken for anything else.

use std::borrow::Cow;
use std::fmt;

use ladybug_engine::error::EngineError;
use ladybug_engine::fingerprint::{Fingerprint, encode};
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::derive;
use ladybug_engine::space::state::View;

/// The words that may stand before an operand.
pub const KEYWORDS: [&str; 4] = ["KEY", "TEXT", "FP", "VECTOR"];
/// What an operand is, for errors.
pub const OPERAND: &str =
    "an operand (KEY name, @8042, #17, TEXT words, FP hex-or-bytes or VECTOR f32-bytes)";
/// What an operand is that must be in memory, for errors.
pub const NODE: &str = "a node (KEY name, @8042 or #17)";

/// Why an operand is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OperandError {
    /// It is written wrongly, or is not what is wanted here.
    #[error("{0}")]
    Syntax(String),
    /// The memory has no such thing.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl OperandError {
    /// What was expected, and what came.
    pub fn expected(what: &str, got: &[u8]) -> Self {
        Self::Syntax(format!("expected {what}, got '{}'", shown(got)))
    }
}

/// What an operand without a keyword is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bare {
    /// A key.
    Key,
    /// Text.
    Text,
}

/// A node or a reified edge, by one of its three names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference<'a> {
    /// By its unique key.
    Key(&'a [u8]),
    /// By its address.
    Address(Address),
    /// By its id.
    Id(u64),
}

/// What a command is given to compare: something in memory, or a fingerprint of its own.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand<'a> {
    /// Something in memory.
    Stored(Reference<'a>),
    /// The fingerprint of a text or a vector, or one that was given.
    Given(Box<Fingerprint>),
}

/// Bytes of a client's that errors show, of text.
const SHOWN_BYTES_MAX: usize = 64;
/// The same of what is no text, each as `\xff`.
const ESCAPED_BYTES_MAX: usize = 8;

/// Bytes of a client's as errors show them.
pub fn shown(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.len() <= SHOWN_BYTES_MAX => text.into(),
        Ok(text) => format!("{}…", &text[..text.floor_char_boundary(SHOWN_BYTES_MAX)]).into(),
        Err(_) => match bytes.get(..ESCAPED_BYTES_MAX) {
            None => bytes.escape_ascii().to_string().into(),
            Some(first) => format!("{}…", first.escape_ascii()).into(),
        },
    }
}

impl<'a> Operand<'a> {
    /// What follows one of the [`KEYWORDS`].
    ///
    /// # Errors
    /// It is not what the keyword says.
    pub fn with_keyword(keyword: &str, input: &'a [u8]) -> Result<Self, OperandError> {
        let fingerprint = match keyword {
            "KEY" => return Ok(Self::Stored(Reference::Key(input))),
            "TEXT" => text_fingerprint(input)?,
            "FP" => Fingerprint::from_bytes_or_hex(input)
                .map_err(|error| OperandError::Syntax(error.to_string()))?,
            _ => encode::vector_from_bytes(input)
                .map_err(|error| OperandError::Syntax(error.to_string()))?,
        };
        Ok(Self::Given(Box::new(fingerprint)))
    }

    /// One without a keyword.
    ///
    /// # Errors
    /// It begins as an address or an id and is none.
    pub fn bare(input: &'a [u8], bare: Bare) -> Result<Self, OperandError> {
        let text = std::str::from_utf8(input).unwrap_or_default();
        let reference = match (text.as_bytes().first(), bare) {
            (Some(b'@'), Bare::Key) => {
                let address = text.parse().map_err(|error| {
                    OperandError::Syntax(format!(
                        "{error}; write KEY before a key that begins with @"
                    ))
                })?;
                Some(Reference::Address(address))
            }
            (Some(b'#'), Bare::Key) => {
                let id = parse_id(text).ok_or_else(|| {
                    let what = "an id such as #17, or KEY before a key that begins with #";
                    OperandError::expected(what, input)
                })?;
                Some(Reference::Id(id))
            }
            (Some(b'@'), Bare::Text) => text.parse().ok().map(Reference::Address),
            (Some(b'#'), Bare::Text) => parse_id(text).map(Reference::Id),
            _ => None,
        };
        match (reference, bare) {
            (Some(reference), _) => Ok(Self::Stored(reference)),
            (None, Bare::Key) => Ok(Self::Stored(Reference::Key(input))),
            (None, Bare::Text) => Ok(Self::Given(Box::new(text_fingerprint(input)?))),
        }
    }

    /// What it says, as a fingerprint; a word's, at its surface address, is that of its name and
    /// what is said of it.
    ///
    /// # Errors
    /// There is nothing there.
    pub fn fingerprint(&self, view: &View<'_>) -> Result<Fingerprint, OperandError> {
        let reference = match self {
            Self::Given(fingerprint) => return Ok((**fingerprint).clone()),
            Self::Stored(reference) => reference,
        };
        if let Reference::Address(address) = *reference
            && let Some(word) = derive::word(view.state, address)
        {
            return Ok(word);
        }
        Ok(fingerprint_of(view, reference.occupant(view)?))
    }
}

fn parse_id(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('#')?;
    let are_digits = digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|_| are_digits)
}

fn text_fingerprint(input: &[u8]) -> Result<Fingerprint, OperandError> {
    let text = std::str::from_utf8(input).map_err(|_| {
        OperandError::expected(
            "text in UTF-8 (write FP before a fingerprint, VECTOR before floats)",
            input,
        )
    })?;
    Ok(encode::text(text))
}

/// As errors and replies write it.
impl fmt::Display for Reference<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(out, "{}", shown(key)),
            Self::Address(address) => write!(out, "{address}"),
            Self::Id(id) => write!(out, "#{id}"),
        }
    }
}

impl Reference<'_> {
    /// The node or reified edge.
    ///
    /// # Errors
    /// There is none.
    pub fn occupant<'v>(&self, view: &View<'v>) -> Result<Node<'v>, OperandError> {
        let found = match *self {
            Self::Key(key) => view.find(key),
            Self::Address(address) => view.occupant(address),
            Self::Id(id) => view
                .find_id(id)
                .or_else(|| view.occupant(reified(view, id)?)),
        };
        found.ok_or_else(|| EngineError::NoSuchNode(self.to_string()).into())
    }

    /// The node.
    ///
    /// # Errors
    /// There is none, or it is an edge.
    pub fn node<'v>(&self, view: &View<'v>) -> Result<Node<'v>, OperandError> {
        let node = self.occupant(view)?;
        match node.is_edge() {
            false => Ok(node),
            true => Err(OperandError::Syntax(format!(
                "expected {NODE}, and {self} is an edge"
            ))),
        }
    }
}

/// Where the edge with an id lives, if it is reified.
fn reified(view: &View<'_>, id: u64) -> Option<Address> {
    let graph = view.state.graph();
    graph.get(graph.source_of(id)?, id)?.address
}

/// The fingerprint of what is there, encoded here if it was not yet.
pub fn fingerprint_of(view: &View<'_>, node: Node<'_>) -> Fingerprint {
    let encoded = node.fingerprint().cloned();
    encoded.unwrap_or_else(|| derive::derive(view.state, node))
}
