//! Nodes and edges gathered into Arrow columns of the canonical schema, row by row.

use std::sync::{Arc, LazyLock};

use arrow_array::builder::{
    BinaryBuilder, Float32Builder, ListBuilder, StringBuilder, TimestampMicrosecondBuilder,
    UInt8Builder, UInt16Builder, UInt32Builder, UInt64Builder,
};
use arrow_array::{
    ArrayRef, DictionaryArray, FixedSizeBinaryArray, FixedSizeListArray, Float32Array, StringArray,
};
use arrow_buffer::MutableBuffer;
use arrow_schema::{DataType, Field};

use super::access::Access;
use super::address::Zone;
use super::chunk::Node;
use super::fields::{Fields, fields_json};
use super::graph::Edge;
use super::state::State;
use super::verbs;
use crate::fingerprint::{BYTES, Fingerprint};

/// Properties whose JSON is longer than this are null in Arrow: 64 MiB.
pub const PROPERTIES_BYTES_MAX: usize = 64 << 20;

/// The values of the `zone` column's dictionary, by [`zone_key`].
pub(crate) static ZONES: LazyLock<ArrayRef> = LazyLock::new(|| {
    let zones = [Zone::Surface, Zone::Fluid, Zone::Node].map(Zone::name);
    Arc::new(StringArray::from(zones.to_vec()))
});

/// The key of a zone in that dictionary.
pub(crate) fn zone_key(zone: Zone) -> u8 {
    match zone {
        Zone::Surface => 0,
        Zone::Fluid => 1,
        Zone::Node => 2,
    }
}

/// Fields as the JSON of the `properties` column; null if that is too long.
pub(crate) fn properties(fields: Option<&Arc<Fields>>) -> Option<String> {
    let json = fields_json(fields?).to_string();
    (json.len() <= PROPERTIES_BYTES_MAX).then_some(json)
}

/// Nodes on their way to Arrow.
#[derive(Default)]
pub struct NodeRows {
    id: UInt64Builder,
    address: UInt16Builder,
    zone: UInt8Builder,
    name: StringBuilder,
    kinds: ListBuilder<StringBuilder>,
    value: BinaryBuilder,
    properties: StringBuilder,
    fingerprint: MutableBuffer,
    frequency: Float32Builder,
    confidence: Float32Builder,
    evidence: ListBuilder<UInt64Builder>,
    qualia: Vec<f32>,
    rung: UInt8Builder,
    depth: UInt8Builder,
    parent: UInt64Builder,
    version: UInt64Builder,
    created: TimestampMicrosecondBuilder,
    expires: TimestampMicrosecondBuilder,
    accessed: TimestampMicrosecondBuilder,
    accesses: UInt32Builder,
    len: usize,
    varying_bytes: usize,
}

impl NodeRows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of names, values and properties so far; a column of Arrow holds less than 2 GiB.
    pub fn varying_bytes(&self) -> usize {
        self.varying_bytes
    }

    /// Adds a node, or a reified edge, which has but an id, an address, a fingerprint and a version.
    pub fn push(&mut self, node: Node<'_>, fingerprint: &Fingerprint, access: Option<Access>) {
        self.len += 1;
        self.id.append_value(node.id());
        self.address.append_value(node.address().0);
        self.zone.append_value(zone_key(node.address().zone()));
        for word in fingerprint.words() {
            self.fingerprint.extend_from_slice(&word.to_le_bytes());
        }
        self.version.append_value(node.version());
        let (mut name, mut value, mut json) = (None, None, None);
        if node.is_edge() {
            let truth = super::marks::Truth::DEFAULT;
            self.frequency.append_value(truth.frequency());
            self.confidence.append_value(truth.confidence());
            self.kinds.append(true);
            self.evidence.append(true);
            self.qualia.extend([0.0; 8]);
            self.rung.append_value(0);
            self.depth.append_value(0);
            self.parent.append_null();
            self.created.append_value(0);
            self.expires.append_null();
        } else {
            name = node.name().and_then(|name| std::str::from_utf8(name).ok());
            value = node.value();
            json = properties(node.fields());
            self.frequency.append_value(node.truth().frequency());
            self.confidence.append_value(node.truth().confidence());
            for kind in node.kinds() {
                self.varying_bytes += kind.len();
                self.kinds.values().append_value(kind);
            }
            self.kinds.append(true);
            self.evidence.values().append_slice(node.evidence());
            self.evidence.append(true);
            self.qualia.extend(node.qualia().values());
            self.rung.append_value(node.rung());
            self.depth.append_value(node.depth());
            self.parent.append_option(node.parent());
            self.created.append_value(node.created());
            self.expires.append_option(node.expires());
        }
        self.varying_bytes += name.map_or(0, str::len)
            + value.map_or(0, |value| value.len())
            + json.as_ref().map_or(0, String::len);
        self.name.append_option(name);
        self.value.append_option(value);
        self.properties.append_option(json);
        let access = access.filter(|access| access.count > 0);
        self.accessed
            .append_option(access.map(|access| access.last));
        self.accesses
            .append_option(access.map(|access| access.count));
    }

    /// The columns of [`super::schema::node_fields`], and an empty start for the next.
    pub fn finish(&mut self) -> Vec<ArrayRef> {
        let zones = DictionaryArray::new(self.zone.finish(), Arc::clone(&ZONES));
        let fingerprints = std::mem::take(&mut self.fingerprint);
        let fingerprints = FixedSizeBinaryArray::new(BYTES as i32, fingerprints.into(), None);
        let item = Arc::new(Field::new_list_field(DataType::Float32, true));
        let qualia = Float32Array::from(std::mem::take(&mut self.qualia));
        let qualia = FixedSizeListArray::new(item, 8, Arc::new(qualia), None);
        (self.len, self.varying_bytes) = (0, 0);
        vec![
            Arc::new(self.id.finish()),
            Arc::new(self.address.finish()),
            Arc::new(zones),
            Arc::new(self.name.finish()),
            Arc::new(self.kinds.finish()),
            Arc::new(self.value.finish()),
            Arc::new(self.properties.finish()),
            Arc::new(fingerprints),
            Arc::new(self.frequency.finish()),
            Arc::new(self.confidence.finish()),
            Arc::new(self.evidence.finish()),
            Arc::new(qualia),
            Arc::new(self.rung.finish()),
            Arc::new(self.depth.finish()),
            Arc::new(self.parent.finish()),
            Arc::new(self.version.finish()),
            Arc::new(self.created.finish()),
            Arc::new(self.expires.finish()),
            Arc::new(self.accessed.finish()),
            Arc::new(self.accesses.finish()),
        ]
    }
}

/// How a verb is written in Arrow: by name, or, should it have lost its name, by address.
pub fn verb_text(state: &State, slot: u8) -> String {
    match state.verbs().name(slot) {
        Some(name) => name.to_owned(),
        None => verbs::address_of(slot).to_string(),
    }
}

/// Edges on their way to Arrow.
#[derive(Default)]
pub struct EdgeRows {
    id: UInt64Builder,
    source: UInt64Builder,
    verb: StringBuilder,
    target: UInt64Builder,
    source_address: UInt16Builder,
    target_address: UInt16Builder,
    weight: Float32Builder,
    frequency: Float32Builder,
    confidence: Float32Builder,
    evidence: ListBuilder<UInt64Builder>,
    properties: StringBuilder,
    address: UInt16Builder,
    version: UInt64Builder,
    len: usize,
    varying_bytes: usize,
}

impl EdgeRows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of properties so far.
    pub fn varying_bytes(&self) -> usize {
        self.varying_bytes
    }

    /// Adds an edge of a space.
    pub fn push(&mut self, state: &State, edge: &Edge) {
        self.len += 1;
        self.id.append_value(edge.id);
        self.source.append_value(state.id_at(edge.source));
        self.verb.append_value(verb_text(state, edge.verb));
        self.target.append_value(state.id_at(edge.target));
        self.source_address.append_value(edge.source.0);
        self.target_address.append_value(edge.target.0);
        self.weight.append_value(edge.weight);
        self.frequency.append_value(edge.frequency);
        self.confidence.append_value(edge.confidence);
        let evidence = edge.evidence.as_deref().unwrap_or_default();
        self.evidence.values().append_slice(evidence);
        self.evidence.append(true);
        let json = properties(edge.properties.as_ref());
        self.varying_bytes += json.as_ref().map_or(0, String::len);
        self.properties.append_option(json);
        self.address
            .append_option(edge.address.map(|address| address.0));
        self.version.append_value(edge.version);
    }

    /// The columns of [`super::schema::edge_fields`], and an empty start for the next.
    pub fn finish(&mut self) -> Vec<ArrayRef> {
        (self.len, self.varying_bytes) = (0, 0);
        vec![
            Arc::new(self.id.finish()),
            Arc::new(self.source.finish()),
            Arc::new(self.verb.finish()),
            Arc::new(self.target.finish()),
            Arc::new(self.source_address.finish()),
            Arc::new(self.target_address.finish()),
            Arc::new(self.weight.finish()),
            Arc::new(self.frequency.finish()),
            Arc::new(self.confidence.finish()),
            Arc::new(self.evidence.finish()),
            Arc::new(self.properties.finish()),
            Arc::new(self.address.finish()),
            Arc::new(self.version.finish()),
        ]
    }
}
