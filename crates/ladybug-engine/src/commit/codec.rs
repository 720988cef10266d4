//! Mutations, and what they carry, as bytes: the payload of log records and the typed `fields`
//! column of checkpoints.
//!
//! Little-endian; lengths and counts are LEB128; a tag byte before each variant. The decoder checks
//! everything it reads and never allocates more than the input could fill.

mod temporal;

use std::sync::Arc;

use super::payload::Output;
use crate::fingerprint::{BYTES, Fingerprint};
use crate::space::address::Address;
use crate::space::chunk::Kinds;
use crate::space::fields::{FieldValue, Fields, LIST_DEPTH_MAX};
use crate::space::graph::Edge;
use crate::space::marks::{Qualia, RUNG_MAX, Truth};
use crate::space::mutation::{Bits, Content, Mutation, NodeImage};
use crate::space::words::Word;

/// Bytes that are no encoded mutation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed record: expected {expected} at byte {offset}")]
pub struct Malformed {
    /// What should have come.
    pub expected: &'static str,
    /// Where, from the start of the payload.
    pub offset: usize,
}

/// Appends encoded values.
pub struct Encoder<'a, O: Output = Vec<u8>>(pub &'a mut O);

impl<O: Output> Encoder<'_, O> {
    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.0.write(&[value]);
    }

    /// A length, count or small number: seven bits a byte, least first.
    pub fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.u8(value as u8);
    }

    fn fixed<const N: usize>(&mut self, bytes: [u8; N]) {
        self.0.write(&bytes);
    }

    /// A time.
    pub fn i64(&mut self, value: i64) {
        self.fixed(value.to_le_bytes());
    }

    fn f32(&mut self, value: f32) {
        self.fixed(value.to_le_bytes());
    }

    fn address(&mut self, address: Address) {
        self.fixed(address.0.to_le_bytes());
    }

    /// Bytes with their length.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.write(bytes);
    }

    fn option<T>(&mut self, value: Option<T>, some: impl FnOnce(&mut Self, T)) {
        self.u8(value.is_some() as u8);
        if let Some(value) = value {
            some(self, value);
        }
    }

    fn ids(&mut self, ids: &[u64]) {
        self.number(ids.len() as u64);
        ids.iter().for_each(|id| self.number(*id));
    }

    fn truth(&mut self, truth: Truth) {
        self.f32(truth.frequency());
        self.f32(truth.confidence());
    }

    fn qualia(&mut self, qualia: Qualia) {
        qualia
            .values()
            .into_iter()
            .for_each(|value| self.f32(value));
    }

    fn kinds(&mut self, kinds: &Kinds) {
        self.number(kinds.len() as u64);
        kinds.iter().for_each(|kind| self.bytes(kind.as_bytes()));
    }

    fn fingerprint(&mut self, fingerprint: &Fingerprint) {
        self.fixed(fingerprint.to_bytes());
    }

    fn field_value(&mut self, value: &FieldValue) {
        match value {
            FieldValue::Bytes(bytes) => {
                self.u8(0);
                self.bytes(bytes);
            }
            FieldValue::Integer(n) => {
                self.u8(1);
                self.i64(*n);
            }
            FieldValue::Float(x) => {
                self.u8(2);
                self.fixed(x.to_le_bytes());
            }
            FieldValue::Boolean(b) => {
                self.u8(3);
                self.u8(*b as u8);
            }
            FieldValue::List(items) => {
                self.u8(4);
                self.number(items.len() as u64);
                items.iter().for_each(|item| self.field_value(item));
            }
            FieldValue::Temporal(value) => {
                self.u8(5);
                temporal::encode(self, value);
            }
        }
    }

    /// Fields with their types.
    pub fn fields(&mut self, fields: &Fields) {
        self.number(fields.len() as u64);
        for (name, value) in fields {
            self.bytes(name);
            self.field_value(value);
        }
    }

    fn content(&mut self, content: &Content) {
        self.option(content.value.as_deref(), |e, value| e.bytes(value));
        self.option(content.fields.as_deref(), Self::fields);
        match &content.fingerprint {
            Bits::Encoded => self.u8(0),
            Bits::Given(bits) => {
                self.u8(1);
                self.fingerprint(bits);
            }
            Bits::Staged(staged) => {
                self.u8(1);
                self.0.lend(staged.bytes());
            }
            Bits::Vector(bits) => {
                self.u8(2);
                self.fingerprint(bits);
            }
        }
    }

    fn node(&mut self, node: &NodeImage) {
        self.number(node.id);
        self.option(node.name.as_deref(), |e, name| e.bytes(name));
        self.content(&node.content);
        self.i64(node.created);
        self.i64(node.expires);
        self.u8(node.rung);
        self.number(node.promotion.into());
        self.truth(node.truth);
        self.option(node.kinds.as_ref(), Self::kinds);
        self.option(node.evidence.as_deref(), |e, ids| e.ids(ids));
        let felt = Some(node.qualia).filter(|qualia| *qualia != Qualia::default());
        self.option(felt, Self::qualia);
    }

    fn edge(&mut self, edge: &Edge) {
        self.number(edge.id);
        self.address(edge.source);
        self.u8(edge.verb);
        self.address(edge.target);
        self.f32(edge.weight);
        self.f32(edge.frequency);
        self.f32(edge.confidence);
        self.option(edge.evidence.as_deref(), |e, ids| e.ids(ids));
        self.option(edge.properties.as_deref(), Self::fields);
        self.option(edge.address, Self::address);
    }

    /// One mutation.
    pub fn mutation(&mut self, mutation: &Mutation) {
        match mutation {
            Mutation::Insert { address, node } => {
                self.u8(0);
                self.address(*address);
                self.node(node);
            }
            Mutation::Remove { address } => {
                self.u8(1);
                self.address(*address);
            }
            Mutation::SetContent { address, content } => {
                self.u8(2);
                self.address(*address);
                self.content(content);
            }
            Mutation::SetField {
                address,
                name,
                value,
                place,
            } => {
                self.u8(3);
                self.address(*address);
                self.bytes(name);
                self.option(value.as_ref(), Self::field_value);
                self.option(*place, |e, place| e.number(place.into()));
            }
            Mutation::SetExpiry { address, expires } => {
                self.u8(4);
                self.address(*address);
                self.i64(*expires);
            }
            Mutation::Relocate { from, to } => {
                self.u8(5);
                self.address(*from);
                self.address(*to);
            }
            Mutation::Rename { address, name } => {
                self.u8(6);
                self.address(*address);
                self.option(name.as_deref(), |e, name| e.bytes(name));
            }
            Mutation::SetKinds { address, kinds } => {
                self.u8(7);
                self.address(*address);
                self.option(kinds.as_ref(), Self::kinds);
            }
            Mutation::SetTruth {
                address,
                truth,
                evidence,
            } => {
                self.u8(8);
                self.address(*address);
                self.truth(*truth);
                self.option(evidence.as_deref(), |e, ids| e.ids(ids));
            }
            Mutation::SetQualia { address, qualia } => {
                self.u8(9);
                self.address(*address);
                self.qualia(*qualia);
            }
            Mutation::SetRung { address, rung } => {
                self.u8(10);
                self.address(*address);
                self.u8(*rung);
            }
            Mutation::SetPromotion { address, accesses } => {
                self.u8(16);
                self.address(*address);
                self.number((*accesses).into());
            }
            Mutation::SetParent { address, parent } => {
                self.u8(11);
                self.address(*address);
                self.option(*parent, Self::address);
            }
            Mutation::Link { edge } => {
                self.u8(12);
                self.edge(edge);
            }
            Mutation::Unlink { source, id } => {
                self.u8(13);
                self.address(*source);
                self.number(*id);
            }
            Mutation::UpdateEdge { edge } => {
                self.u8(14);
                self.edge(edge);
            }
            Mutation::DefineVerb { slot, name } => {
                self.u8(15);
                self.u8(*slot);
                self.option(name.as_deref(), |e, name| e.bytes(name.as_bytes()));
            }
            Mutation::DefineWord { address, word } => {
                self.u8(17);
                self.address(*address);
                self.option(word.as_deref(), |e, word| {
                    e.bytes(word.name.as_bytes());
                    e.bytes(word.text.as_bytes());
                });
            }
        }
    }
}

/// Reads encoded values from the front of a slice.
pub struct Decoder<'a> {
    input: &'a [u8],
    offset: usize,
}

type Decoded<T> = Result<T, Malformed>;

impl<'a> Decoder<'a> {
    /// Starts at the first byte.
    pub fn new(input: &'a [u8]) -> Self {
        Self { input, offset: 0 }
    }

    /// How many bytes were read.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Whether everything was read.
    pub fn is_at_end(&self) -> bool {
        self.offset == self.input.len()
    }

    /// Fails, naming what should have come here.
    pub fn expected<T>(&self, expected: &'static str) -> Decoded<T> {
        Err(Malformed {
            expected,
            offset: self.offset,
        })
    }

    fn take(&mut self, len: usize, expected: &'static str) -> Decoded<&'a [u8]> {
        match self.input[self.offset..].get(..len) {
            Some(bytes) => {
                self.offset += len;
                Ok(bytes)
            }
            None => self.expected(expected),
        }
    }

    fn fixed<const N: usize>(&mut self, expected: &'static str) -> Decoded<[u8; N]> {
        let bytes = self.take(N, expected)?;
        Ok(bytes
            .try_into()
            .expect("take answers as many bytes as asked"))
    }

    /// One byte.
    pub fn u8(&mut self) -> Decoded<u8> {
        Ok(self.fixed::<1>("a byte")?[0])
    }

    /// A length, count or small number.
    pub fn number(&mut self) -> Decoded<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = (byte & 0x7F) as u64;
            if bits << shift >> shift != bits {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        self.expected("a number of at most 64 bits")
    }

    fn u32(&mut self) -> Decoded<u32> {
        let number = self.number()?;
        u32::try_from(number).or_else(|_| self.expected("a number of at most 32 bits"))
    }

    /// A count of items of at least `bytes_min` bytes each, which the rest of the input can hold.
    fn count(&mut self, bytes_min: usize) -> Decoded<usize> {
        let count = self.number()? as usize;
        let rest = self.input.len() - self.offset;
        if count <= rest / bytes_min {
            Ok(count)
        } else {
            self.expected("a count of items that are there")
        }
    }

    /// A time.
    pub fn i64(&mut self) -> Decoded<i64> {
        Ok(i64::from_le_bytes(self.fixed("an integer")?))
    }

    fn f32(&mut self) -> Decoded<f32> {
        Ok(f32::from_le_bytes(self.fixed("a float")?))
    }

    fn address(&mut self) -> Decoded<Address> {
        Ok(Address(u16::from_le_bytes(self.fixed("an address")?)))
    }

    /// Bytes with their length.
    pub fn bytes(&mut self) -> Decoded<&'a [u8]> {
        let len = self.count(1)?;
        self.take(len, "as many bytes as announced")
    }

    fn shared_bytes(&mut self) -> Decoded<Arc<[u8]>> {
        Ok(self.bytes()?.into())
    }

    /// Text with its length.
    pub fn text(&mut self) -> Decoded<&'a str> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).or_else(|_| self.expected("UTF-8 text"))
    }

    fn option<T>(&mut self, some: impl FnOnce(&mut Self) -> Decoded<T>) -> Decoded<Option<T>> {
        match self.u8()? {
            0 => Ok(None),
            1 => some(self).map(Some),
            _ => self.expected("0 or 1"),
        }
    }

    fn ids(&mut self) -> Decoded<Arc<[u64]>> {
        let count = self.count(1)?;
        (0..count).map(|_| self.number()).collect()
    }

    fn truth(&mut self) -> Decoded<Truth> {
        let (frequency, confidence) = (self.f32()?, self.f32()?);
        Truth::new(frequency, confidence).or_else(|_| self.expected("a truth"))
    }

    fn qualia(&mut self) -> Decoded<Qualia> {
        let mut values = [0.0; 8];
        for value in &mut values {
            *value = self.f32()?;
        }
        Qualia::new(values).or_else(|_| self.expected("qualia"))
    }

    fn rung(&mut self) -> Decoded<u8> {
        match self.u8()? {
            rung @ 0..=RUNG_MAX => Ok(rung),
            _ => self.expected("a rung of at most 9"),
        }
    }

    fn kinds(&mut self) -> Decoded<Kinds> {
        let count = self.count(1)?;
        (0..count).map(|_| Ok(self.text()?.into())).collect()
    }

    fn fingerprint(&mut self) -> Decoded<Box<Fingerprint>> {
        let bytes = self.take(BYTES, "a fingerprint")?;
        let fingerprint =
            Fingerprint::from_bytes(bytes).expect("as many bytes as a fingerprint has");
        Ok(Box::new(fingerprint))
    }

    fn field_value(&mut self, depth: usize) -> Decoded<FieldValue> {
        match self.u8()? {
            0 => Ok(FieldValue::Bytes(self.shared_bytes()?)),
            1 => Ok(FieldValue::Integer(self.i64()?)),
            2 => Ok(FieldValue::Float(f64::from_le_bytes(
                self.fixed("a float")?,
            ))),
            3 => Ok(FieldValue::Boolean(self.u8()? != 0)),
            4 if depth < LIST_DEPTH_MAX => {
                let count = self.count(1)?;
                let items = (0..count).map(|_| self.field_value(depth + 1));
                Ok(FieldValue::List(items.collect::<Decoded<_>>()?))
            }
            5 => Ok(FieldValue::Temporal(Arc::new(temporal::decode(self)?))),
            _ => self.expected("the type of a field's value"),
        }
    }

    /// Fields with their types.
    pub fn fields(&mut self) -> Decoded<Fields> {
        let count = self.count(2)?;
        (0..count)
            .map(|_| Ok((self.shared_bytes()?, self.field_value(0)?)))
            .collect()
    }

    fn shared_fields(&mut self) -> Decoded<Arc<Fields>> {
        self.fields().map(Arc::new)
    }

    fn content(&mut self) -> Decoded<Content> {
        Ok(Content {
            value: self.option(Self::shared_bytes)?,
            fields: self.option(Self::shared_fields)?,
            fingerprint: match self.u8()? {
                0 => Bits::Encoded,
                1 => Bits::Given(self.fingerprint()?),
                2 => Bits::Vector(self.fingerprint()?),
                _ => return self.expected("how a fingerprint comes about"),
            },
        })
    }

    fn node(&mut self) -> Decoded<NodeImage> {
        Ok(NodeImage {
            id: self.number()?,
            name: self.option(Self::shared_bytes)?,
            content: self.content()?,
            created: self.i64()?,
            expires: self.i64()?,
            rung: self.rung()?,
            promotion: self.u32()?,
            truth: self.truth()?,
            kinds: self.option(Self::kinds)?,
            evidence: self.option(Self::ids)?,
            qualia: self.option(Self::qualia)?.unwrap_or_default(),
        })
    }

    fn edge(&mut self) -> Decoded<Edge> {
        Ok(Edge {
            id: self.number()?,
            source: self.address()?,
            verb: self.u8()?,
            target: self.address()?,
            weight: self.f32()?,
            frequency: self.f32()?,
            confidence: self.f32()?,
            evidence: self.option(Self::ids)?,
            properties: self.option(Self::shared_fields)?,
            address: self.option(Self::address)?,
            version: 0,
        })
    }

    fn word(&mut self) -> Decoded<Word> {
        Ok(Word {
            name: self.text()?.into(),
            text: self.text()?.into(),
        })
    }

    /// One mutation.
    pub fn mutation(&mut self) -> Decoded<Mutation> {
        Ok(match self.u8()? {
            0 => Mutation::Insert {
                address: self.address()?,
                node: Box::new(self.node()?),
            },
            1 => Mutation::Remove {
                address: self.address()?,
            },
            2 => Mutation::SetContent {
                address: self.address()?,
                content: self.content()?,
            },
            3 => Mutation::SetField {
                address: self.address()?,
                name: self.shared_bytes()?,
                value: self.option(|d| d.field_value(0))?,
                place: self.option(Self::u32)?,
            },
            4 => Mutation::SetExpiry {
                address: self.address()?,
                expires: self.i64()?,
            },
            5 => Mutation::Relocate {
                from: self.address()?,
                to: self.address()?,
            },
            6 => Mutation::Rename {
                address: self.address()?,
                name: self.option(Self::shared_bytes)?,
            },
            7 => Mutation::SetKinds {
                address: self.address()?,
                kinds: self.option(Self::kinds)?,
            },
            8 => Mutation::SetTruth {
                address: self.address()?,
                truth: self.truth()?,
                evidence: self.option(Self::ids)?,
            },
            9 => Mutation::SetQualia {
                address: self.address()?,
                qualia: self.qualia()?,
            },
            10 => Mutation::SetRung {
                address: self.address()?,
                rung: self.rung()?,
            },
            11 => Mutation::SetParent {
                address: self.address()?,
                parent: self.option(Self::address)?,
            },
            12 => Mutation::Link {
                edge: Box::new(self.edge()?),
            },
            13 => Mutation::Unlink {
                source: self.address()?,
                id: self.number()?,
            },
            14 => Mutation::UpdateEdge {
                edge: Box::new(self.edge()?),
            },
            15 => Mutation::DefineVerb {
                slot: self.u8()?,
                name: self.option(|d| Ok(d.text()?.into()))?,
            },
            16 => Mutation::SetPromotion {
                address: self.address()?,
                accesses: self.u32()?,
            },
            17 => Mutation::DefineWord {
                address: self.address()?,
                word: self.option(Self::word)?.map(Box::new),
            },
            _ => return self.expected("the tag of a mutation"),
        })
    }
}
