//! The payload of a log record: what one commit did to each space that it changed, a new space's name, a fork, or a
//! fork's end.

use super::codec::{Decoder, Encoder, Malformed};
use super::payload::Payload;
use super::transaction::{Changes, SpaceId};
use crate::space::mutation::Mutation;

const COMMIT: u8 = 1;
const NAME_SPACE: u8 = 2;
const FORK: u8 = 3;
const DROP: u8 = 4;

/// Appends the encoding of a commit made at `now` (microseconds since the epoch).
pub fn encode_commit(
    now: i64,
    changes: impl IntoIterator<Item = Changes, IntoIter: ExactSizeIterator>,
    payload: &mut Payload,
) {
    let changes = changes.into_iter();
    let mut encoder = Encoder(payload);
    encoder.u8(COMMIT);
    encoder.i64(now);
    encoder.number(changes.len() as u64);
    for change in changes {
        let mut encoder = Encoder(payload);
        encoder.number(change.id.into());
        encoder.number(change.version);
        encoder.number(change.count);
        payload.append(change.record);
    }
}

/// Encodes that the space `id` got a name.
pub fn encode_name(id: SpaceId, name: &str) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut encoder = Encoder(&mut payload);
    encoder.u8(NAME_SPACE);
    encoder.number(id.into());
    encoder.bytes(name.as_bytes());
    payload
}

/// Encodes that a space began as another was.
pub fn encode_fork(fork: &Fork) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut encoder = Encoder(&mut payload);
    encoder.u8(FORK);
    encoder.number(fork.id.into());
    encoder.bytes(fork.name.as_bytes());
    encoder.number(fork.origin.space.into());
    encoder.number(fork.origin.version);
    encoder.u8(fork.origin.is_checkpoint.into());
    payload
}

/// Encodes that a fork is no more.
pub fn encode_drop(id: SpaceId) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut encoder = Encoder(&mut payload);
    encoder.u8(DROP);
    encoder.number(id.into());
    payload
}

/// Where a fork came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The space that it was forked from.
    pub space: SpaceId,
    /// The version that it began with.
    pub version: u64,
    /// Whether it stays what it was then.
    pub is_checkpoint: bool,
}

/// A space that began as another was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// The new space.
    pub id: SpaceId,
    /// Its name.
    pub name: String,
    /// Where it came from.
    pub origin: Origin,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq)]
pub enum Batch {
    /// A commit.
    Commit {
        /// When, microseconds since the epoch.
        now: i64,
        /// What each space got.
        parts: Vec<BatchPart>,
    },
    /// A new space's name.
    Name {
        /// The space.
        id: SpaceId,
        /// Its name.
        name: String,
    },
    /// A space that began as another was.
    Fork(Fork),
    /// A fork that is no more.
    Drop {
        /// The space.
        id: SpaceId,
    },
}

/// What a commit did to one space.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchPart {
    /// The space.
    pub space: SpaceId,
    /// The version that the commit made.
    pub version: u64,
    /// The changes, in order.
    pub mutations: Vec<Mutation>,
}

impl Batch {
    /// Decodes a payload.
    pub fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let mut decoder = Decoder::new(payload);
        let batch = match decoder.u8()? {
            COMMIT => {
                let now = decoder.i64()?;
                let count = decoder.number()?;
                let parts = (0..count).map(|_| decode_part(&mut decoder));
                let parts = parts.collect::<Result<_, _>>()?;
                Batch::Commit { now, parts }
            }
            NAME_SPACE => Batch::Name {
                id: decode_space(&mut decoder)?,
                name: decoder.text()?.to_owned(),
            },
            FORK => Batch::Fork(Fork {
                id: decode_space(&mut decoder)?,
                name: decoder.text()?.to_owned(),
                origin: Origin {
                    space: decode_space(&mut decoder)?,
                    version: decoder.number()?,
                    is_checkpoint: match decoder.u8()? {
                        0 => false,
                        1 => true,
                        _ => return decoder.expected("0 or 1"),
                    },
                },
            }),
            DROP => Batch::Drop {
                id: decode_space(&mut decoder)?,
            },
            _ => return decoder.expected("the tag of a commit, a space's name, a fork or a drop"),
        };
        match decoder.is_at_end() {
            true => Ok(batch),
            false => decoder.expected("the end of the record"),
        }
    }
}

fn decode_space(decoder: &mut Decoder<'_>) -> Result<SpaceId, Malformed> {
    let id = decoder.number()?;
    SpaceId::try_from(id).or_else(|_| decoder.expected("the number of a space"))
}

fn decode_part(decoder: &mut Decoder<'_>) -> Result<BatchPart, Malformed> {
    let space = decode_space(decoder)?;
    let version = decoder.number()?;
    let count = decoder.number()?;
    let mutations = (0..count).map(|_| decoder.mutation());
    Ok(BatchPart {
        space,
        version,
        mutations: mutations.collect::<Result<_, _>>()?,
    })
}
