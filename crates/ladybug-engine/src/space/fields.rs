//! Named, typed fields of a node or an edge: what `HSET` writes and the query languages call
//! properties.

use std::sync::Arc;

use indexmap::IndexMap;

use super::temporal::Temporal;

/// Deepest nesting of lists in a field's value.
pub const LIST_DEPTH_MAX: usize = 64;

/// Fields in the order in which they were first set.
pub type Fields = IndexMap<Arc<[u8]>, FieldValue>;

/// What the names of the fields begin with that the memory keeps of a node itself, as when it was presented. They say
/// nothing of what the node is like, so its fingerprint does not follow them.
pub const NOTE_PREFIX: &[u8] = b"memory:";

/// Whether a field is the memory's own.
pub fn is_note(name: &[u8]) -> bool {
    name.starts_with(NOTE_PREFIX)
}

/// Whether there are fields that say what a node is like.
pub fn has_said(fields: &Fields) -> bool {
    fields.keys().any(|name| !is_note(name))
}

/// A field's value with its type; Redis commands write bytes and read text.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue {
    /// Any bytes; text when they are UTF-8.
    Bytes(Arc<[u8]>),
    /// A 64-bit integer.
    Integer(i64),
    /// A 64-bit float.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A list of values.
    List(Arc<[FieldValue]>),
    /// A date, a time, a moment or a duration.
    Temporal(Arc<Temporal>),
}

impl FieldValue {
    /// The value as the bytes that `HGET` answers: integers in decimal, floats in their shortest
    /// form, booleans as `true` and `false`, lists as JSON, dates and times as in ISO 8601.
    pub fn text(&self) -> Arc<[u8]> {
        match self {
            FieldValue::Bytes(bytes) => Arc::clone(bytes),
            FieldValue::Integer(n) => n.to_string().into_bytes().into(),
            FieldValue::Float(x) => x.to_string().into_bytes().into(),
            FieldValue::Boolean(b) => b.to_string().into_bytes().into(),
            FieldValue::List(_) => self.json().to_string().into_bytes().into(),
            FieldValue::Temporal(value) => value.to_string().into_bytes().into(),
        }
    }

    /// How deep lists nest in it: 0 for none.
    pub fn depth(&self) -> usize {
        match self {
            FieldValue::List(items) => 1 + items.iter().map(FieldValue::depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// Whether every date and time in it is in its range.
    pub fn is_in_range(&self) -> bool {
        match self {
            FieldValue::List(items) => items.iter().all(FieldValue::is_in_range),
            FieldValue::Temporal(value) => value.is_in_range(),
            _ => true,
        }
    }

    /// The value as JSON; bytes that are not UTF-8 become text with replacement characters.
    pub fn json(&self) -> serde_json::Value {
        match self {
            FieldValue::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned().into(),
            FieldValue::Integer(n) => (*n).into(),
            FieldValue::Float(x) => (*x).into(),
            FieldValue::Boolean(b) => (*b).into(),
            FieldValue::List(items) => items.iter().map(FieldValue::json).collect(),
            FieldValue::Temporal(value) => value.to_string().into(),
        }
    }
}

/// Sets a field or, without a value, removes it; no fields are no map. A new one goes to `place`, before those that
/// stand there, or last. Answers how that is taken back: the place and the value that were there.
pub fn put_field(
    fields: &mut Option<Arc<Fields>>,
    name: &Arc<[u8]>,
    value: Option<FieldValue>,
    place: Option<u32>,
) -> (Option<u32>, Option<FieldValue>) {
    let map = Arc::make_mut(fields.get_or_insert_default());
    let old = match (value, place) {
        (Some(value), Some(place)) if !map.contains_key(name) => {
            let place = map.len().min(place as usize);
            (None, map.shift_insert(place, Arc::clone(name), value))
        }
        (Some(value), _) => (None, map.insert(Arc::clone(name), value)),
        (None, _) => match map.shift_remove_full(name) {
            Some((place, _, value)) => (Some(place as u32), Some(value)),
            None => (None, None),
        },
    };
    if map.is_empty() {
        *fields = None;
    }
    old
}

/// Fields as one JSON object.
pub fn fields_json(fields: &Fields) -> serde_json::Value {
    fields
        .iter()
        .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.json()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
