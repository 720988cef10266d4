//! Values: what expressions give, how they compare, and how fields hold them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use indexmap::IndexMap;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::fields::FieldValue;
use ladybug_engine::space::graph::EdgeLink;
use ladybug_engine::space::temporal::Temporal;

/// A map, in the order in which its keys were given.
pub type Map = IndexMap<Arc<str>, Value>;

/// A string, or bytes that are no text: shared with the field that they come from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(pub Arc<[u8]>);

impl Text {
    /// As text; what is no UTF-8 becomes replacement characters.
    pub fn as_str(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.as_str(), out)
    }
}

/// A node: its id, and where it lives, or lived before it was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeRef {
    /// Its id.
    pub id: u64,
    /// Its address.
    pub address: Address,
}

/// A path: nodes, and between each two the relationship that leads from one to the other, whatever its direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// One more than relationships.
    pub nodes: Vec<NodeRef>,
    /// The relationships.
    pub relationships: Vec<EdgeLink>,
}

/// A value.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// True or false.
    Boolean(bool),
    /// A 64-bit integer.
    Integer(i64),
    /// A 64-bit float.
    Float(f64),
    /// Text or bytes.
    String(Text),
    /// A list.
    List(Arc<[Value]>),
    /// A map.
    Map(Arc<Map>),
    /// A date, a time, a moment or a duration.
    Temporal(Arc<Temporal>),
    /// A node.
    Node(NodeRef),
    /// A relationship.
    Relationship(EdgeLink),
    /// A path.
    Path(Arc<Path>),
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(Text(value.as_bytes().into()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(Text(value.into_bytes().into()))
    }
}

impl From<Temporal> for Value {
    fn from(value: Temporal) -> Self {
        Self::Temporal(Arc::new(value))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<&FieldValue> for Value {
    fn from(value: &FieldValue) -> Self {
        match value {
            FieldValue::Bytes(bytes) => Self::String(Text(Arc::clone(bytes))),
            FieldValue::Integer(n) => Self::Integer(*n),
            FieldValue::Float(x) => Self::Float(*x),
            FieldValue::Boolean(b) => Self::Boolean(*b),
            FieldValue::List(items) => Self::List(items.iter().map(Self::from).collect()),
            FieldValue::Temporal(value) => Self::Temporal(Arc::clone(value)),
        }
    }
}

impl Value {
    /// A list of what an iterator gives.
    pub fn list(items: impl IntoIterator<Item = Value>) -> Self {
        Self::List(items.into_iter().collect())
    }

    /// Whether there is none.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The name of its type, as errors say it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a float",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Temporal(value) => match **value {
                Temporal::Date(_) => "a date",
                Temporal::LocalTime(_) => "a local time",
                Temporal::Time(_) => "a time",
                Temporal::LocalDateTime(_) => "a local datetime",
                Temporal::DateTime(_) => "a datetime",
                Temporal::Duration(_) => "a duration",
            },
            Self::Node(_) => "a node",
            Self::Relationship(_) => "a relationship",
            Self::Path(_) => "a path",
        }
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(n) => Some(*n as f64),
            Self::Float(x) => Some(*x),
            _ => None,
        }
    }

    /// What a field holds of it; `None` for what no field can.
    pub fn field(&self) -> Option<FieldValue> {
        Some(match self {
            Self::Boolean(b) => FieldValue::Boolean(*b),
            Self::Integer(n) => FieldValue::Integer(*n),
            Self::Float(x) => FieldValue::Float(*x),
            Self::String(text) => FieldValue::Bytes(Arc::clone(&text.0)),
            Self::List(items) => {
                FieldValue::List(items.iter().map(Self::field).collect::<Option<_>>()?)
            }
            Self::Temporal(value) => FieldValue::Temporal(Arc::clone(value)),
            Self::Null | Self::Map(_) | Self::Node(_) | Self::Relationship(_) | Self::Path(_) => {
                return None;
            }
        })
    }

    /// What JSON says; of numbers, whole ones that 64 bits hold are integers.
    pub fn of_json(json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Null,
            Json::Bool(b) => Self::Boolean(*b),
            Json::Number(number) => match number.as_i64() {
                Some(n) => Self::Integer(n),
                None => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => text.as_str().into(),
            Json::Array(items) => Self::list(items.iter().map(Self::of_json)),
            Json::Object(object) => {
                let entry =
                    |(key, json): (&String, &Json)| (key.as_str().into(), Self::of_json(json));
                Self::Map(Arc::new(object.iter().map(entry).collect()))
            }
        }
    }

    /// Whether two values are equal: unknown (`None`) if that hangs on a null.
    pub fn equals(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Null, _) | (_, Self::Null) => None,
            (Self::List(a), Self::List(b)) if a.len() == b.len() => {
                all_equal(a.iter().zip(b.iter()))
            }
            (Self::Map(a), Self::Map(b)) if a.len() == b.len() => {
                match a.keys().all(|key| b.contains_key(key)) {
                    true => all_equal(a.iter().map(|(key, value)| (value, &b[key]))),
                    false => Some(false),
                }
            }
            (Self::Float(x), _) | (_, Self::Float(x)) if x.is_nan() => Some(false),
            (Self::Boolean(a), Self::Boolean(b)) => Some(a == b),
            (Self::Integer(a), Self::Integer(b)) => Some(a == b),
            (Self::String(a), Self::String(b)) => Some(a == b),
            (Self::Integer(_) | Self::Float(_), Self::Integer(_) | Self::Float(_)) => {
                Some(number_order(self, other) == Ordering::Equal)
            }
            (Self::Temporal(a), Self::Temporal(b)) => Some(a == b),
            (Self::Node(a), Self::Node(b)) => Some(a.id == b.id),
            (Self::Relationship(a), Self::Relationship(b)) => Some(a.id == b.id),
            (Self::Path(a), Self::Path(b)) => Some(a == b),
            _ => Some(false),
        }
    }

    /// Which of two values is less: unknown (`None`) between types that have no order, or if that hangs on a null.
    /// Of a NaN and a number neither is: `Some(None)`.
    pub fn compare(&self, other: &Self) -> Option<Option<Ordering>> {
        match (self, other) {
            (Self::Integer(_) | Self::Float(_), Self::Integer(_) | Self::Float(_)) => {
                let is_nan = |value: &Self| matches!(value, Self::Float(x) if x.is_nan());
                let are_ordered = !is_nan(self) && !is_nan(other);
                Some(are_ordered.then(|| number_order(self, other)))
            }
            (Self::String(a), Self::String(b)) => Some(Some(a.cmp(b))),
            (Self::Boolean(a), Self::Boolean(b)) => Some(Some(a.cmp(b))),
            (Self::Temporal(a), Self::Temporal(b)) => match (&**a, &**b) {
                (Temporal::Duration(_), Temporal::Duration(_)) => None,
                (a, b) => temporal_order(a, b).map(Some),
            },
            (Self::List(a), Self::List(b)) => {
                for (a, b) in a.iter().zip(b.iter()) {
                    if !a.equals(b)? {
                        return a.compare(b);
                    }
                }
                Some(Some(a.len().cmp(&b.len())))
            }
            _ => None,
        }
    }

    /// The order in which ORDER BY puts values of any types; what is equal in it is one value to DISTINCT.
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(b),
            (Self::Integer(_) | Self::Float(_), Self::Integer(_) | Self::Float(_)) => {
                number_order(self, other)
            }
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::List(a), Self::List(b)) => order_all(a.iter(), b.iter()),
            (Self::Map(a), Self::Map(b)) => {
                let sorted = |map: &Arc<Map>| {
                    let mut keys: Vec<_> = map.keys().cloned().collect();
                    keys.sort_unstable();
                    keys
                };
                let (keys_a, keys_b) = (sorted(a), sorted(b));
                let values = |map: &Arc<Map>, keys: &[Arc<str>]| {
                    keys.iter().map(|key| map[key].clone()).collect::<Vec<_>>()
                };
                keys_a
                    .cmp(&keys_b)
                    .then_with(|| order_all(values(a, &keys_a).iter(), values(b, &keys_b).iter()))
            }
            (Self::Temporal(a), Self::Temporal(b)) => {
                let unequal = || temporal_rank(a).cmp(&temporal_rank(b));
                temporal_order(a, b).unwrap_or_else(unequal)
            }
            (Self::Node(a), Self::Node(b)) => a.id.cmp(&b.id),
            (Self::Relationship(a), Self::Relationship(b)) => a.id.cmp(&b.id),
            (Self::Path(a), Self::Path(b)) => {
                let ids = |path: &Path| {
                    let nodes: Vec<u64> = path.nodes.iter().map(|node| node.id).collect();
                    let edges: Vec<u64> = path.relationships.iter().map(|edge| edge.id).collect();
                    (nodes, edges)
                };
                ids(a).cmp(&ids(b))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Map(_) => 0,
            Self::Node(_) => 1,
            Self::Relationship(_) => 2,
            Self::List(_) => 3,
            Self::Path(_) => 4,
            Self::Temporal(_) => 5,
            Self::String(_) => 6,
            Self::Boolean(_) => 7,
            Self::Integer(_) | Self::Float(_) => 8,
            Self::Null => 9,
        }
    }

    /// Bytes that it takes beyond itself, so that a statement's memory can be bounded.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::String(text) => text.0.len() + 16,
            Self::List(items) => items
                .iter()
                .map(|item| size_of::<Self>() + item.heap_bytes())
                .sum(),
            Self::Map(map) => map
                .iter()
                .map(|(key, value)| 2 * size_of::<Self>() + key.len() + value.heap_bytes())
                .sum(),
            Self::Path(path) => (path.nodes.len() + path.relationships.len()) * 16,
            Self::Temporal(_) => size_of::<Temporal>(),
            _ => 0,
        }
    }
}

impl PartialEq for Value {
    /// As DISTINCT has it.
    fn eq(&self, other: &Self) -> bool {
        self.order(other) == Ordering::Equal
    }
}

fn all_equal<'a>(pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> Option<bool> {
    let mut is_known = true;
    for (a, b) in pairs {
        match a.equals(b) {
            Some(true) => {}
            Some(false) => return Some(false),
            None => is_known = false,
        }
    }
    is_known.then_some(true)
}

fn order_all<'a>(
    mut a: impl Iterator<Item = &'a Value>,
    mut b: impl Iterator<Item = &'a Value>,
) -> Ordering {
    loop {
        return match (a.next(), b.next()) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match a.order(b) {
                Ordering::Equal => continue,
                unequal => unequal,
            },
        };
    }
}

/// Numbers by size, NaN last.
fn number_order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Integer(a), Value::Float(b)) => integer_order(*a, *b),
        (Value::Float(a), Value::Integer(b)) => integer_order(*b, *a).reverse(),
        (Value::Float(a), Value::Float(b)) => {
            let unordered = || a.is_nan().cmp(&b.is_nan());
            a.partial_cmp(b).unwrap_or_else(unordered)
        }
        _ => unreachable!("only numbers are compared as such"),
    }
}

/// Exactly, also where a float cannot tell integers apart.
fn integer_order(a: i64, b: f64) -> Ordering {
    if b.is_nan() || b >= 9_223_372_036_854_775_808.0 {
        return Ordering::Less;
    }
    if b < -9_223_372_036_854_775_808.0 {
        return Ordering::Greater;
    }
    let whole = b.trunc();
    let fraction = 0.0.partial_cmp(&(b - whole)).unwrap_or(Ordering::Equal);
    a.cmp(&(whole as i64)).then(fraction)
}

fn temporal_rank(value: &Temporal) -> u8 {
    match value {
        Temporal::DateTime(_) => 0,
        Temporal::LocalDateTime(_) => 1,
        Temporal::Date(_) => 2,
        Temporal::Time(_) => 3,
        Temporal::LocalTime(_) => 4,
        Temporal::Duration(_) => 5,
    }
}

/// Earlier first; durations by their usual length. `None` between types.
fn temporal_order(a: &Temporal, b: &Temporal) -> Option<Ordering> {
    Some(match (a, b) {
        (Temporal::Date(a), Temporal::Date(b)) => a.cmp(b),
        (Temporal::LocalTime(a), Temporal::LocalTime(b)) => a.cmp(b),
        (Temporal::Time(a), Temporal::Time(b)) => {
            (a.utc_nanos(), a.offset).cmp(&(b.utc_nanos(), b.offset))
        }
        (Temporal::LocalDateTime(a), Temporal::LocalDateTime(b)) => a.cmp(b),
        (Temporal::DateTime(a), Temporal::DateTime(b)) => {
            let key =
                |value: &ladybug_engine::space::temporal::DateTime| (value.epoch(), value.offset);
            key(a).cmp(&key(b)).then_with(|| a.zone.cmp(&b.zone))
        }
        (Temporal::Duration(a), Temporal::Duration(b)) => {
            // A month of 30.436875 days: 2,629,746 seconds.
            let seconds = |value: &ladybug_engine::space::temporal::Duration| {
                i128::from(value.months) * 2_629_746
                    + i128::from(value.days) * 86_400
                    + i128::from(value.seconds)
            };
            let parts = |value: &ladybug_engine::space::temporal::Duration| {
                (seconds(value), value.nanos, value.months, value.days)
            };
            parts(a).cmp(&parts(b))
        }
        _ => return None,
    })
}

/// Values as a key of DISTINCT and of grouping: null is null, NaN is NaN, 1 is 1.0.
#[derive(Clone, Debug)]
pub struct Key(pub Vec<Value>);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        order_all(self.0.iter(), other.0.iter()) == Ordering::Equal
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|value| hash(value, state));
    }
}

/// A hash under which values that are one to DISTINCT are the same.
pub fn hash<H: Hasher>(value: &Value, state: &mut H) {
    value.rank().hash(state);
    match value {
        Value::Null => {}
        Value::Boolean(b) => b.hash(state),
        Value::Integer(n) => n.hash(state),
        Value::Float(x) => {
            let is_integer = x.trunc() == *x && (-9.2e18..9.2e18).contains(x);
            match is_integer {
                true => (*x as i64).hash(state),
                false if x.is_nan() => f64::NAN.to_bits().hash(state),
                false => x.to_bits().hash(state),
            }
        }
        Value::String(text) => text.hash(state),
        Value::List(items) => items.iter().for_each(|item| hash(item, state)),
        // The order of keys does not count.
        Value::Map(map) => map.len().hash(state),
        Value::Temporal(value) => value.hash(state),
        Value::Node(node) => node.id.hash(state),
        Value::Relationship(edge) => edge.id.hash(state),
        Value::Path(path) => path.nodes.first().map(|node| node.id).hash(state),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_floats_compare_exactly() {
        let big = i64::MAX - 1;
        assert_eq!(
            Value::Integer(big).order(&Value::Float(big as f64)),
            Ordering::Less
        );
        assert_eq!(Value::Integer(1).equals(&Value::Float(1.0)), Some(true));
        assert_eq!(
            Value::Integer(-2).order(&Value::Float(-1.5)),
            Ordering::Less
        );
        assert_eq!(
            Value::Integer(-1).order(&Value::Float(-1.5)),
            Ordering::Greater
        );
        assert_eq!(
            Value::Float(f64::NAN).compare(&Value::Integer(1)),
            Some(None)
        );
        assert!(Key(vec![Value::Float(f64::NAN)]) == Key(vec![Value::Float(f64::NAN)]));
        assert_eq!(size_of::<Value>(), 24);
    }

    #[test]
    fn what_hangs_on_a_null_is_unknown() {
        let list = |items: &[Option<i64>]| Value::list(items.iter().map(|n| Value::from(*n)));
        assert_eq!(list(&[Some(1), None]).equals(&list(&[Some(1), None])), None);
        assert_eq!(
            list(&[Some(1), None]).equals(&list(&[Some(2), None])),
            Some(false)
        );
        assert_eq!(list(&[None]).equals(&list(&[None, None])), Some(false));
        assert!(Key(vec![list(&[None])]) == Key(vec![list(&[None])]));
    }
}
