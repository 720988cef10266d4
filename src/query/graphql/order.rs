//! The order in which nodes come, and cursors that say where in it to go on.

use std::cmp::Ordering;
use std::sync::Arc;

use async_graphql::Error;
use async_graphql::dynamic::{Enum, InputObject, InputValue, ObjectAccessor, TypeRef};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::fields::FieldValue;

use super::input::there;
use super::page::foreign;
use super::value::{input, item};

/// By what nodes are ordered.
enum By {
    Id,
    Name,
    Rung,
    Depth,
    Version,
    Created,
    Field(Arc<[u8]>),
}

/// An order of nodes. Those that are equal in it come by address.
pub struct Order {
    by: By,
    is_descending: bool,
}

/// `NodeKey`.
pub fn key_type() -> Enum {
    let keys = [
        "ADDRESS", "ID", "NAME", "RUNG", "DEPTH", "VERSION", "CREATED",
    ];
    keys.into_iter().fold(Enum::new("NodeKey"), Enum::item)
}

/// `NodeOrder`, from which an [`Order`] is read.
pub fn order_type() -> InputObject {
    InputObject::new("NodeOrder")
        .description(
            "In which order: by one of these, nodes without it last; equal ones by address",
        )
        .field(input("by", "NodeKey"))
        .field(input("field", TypeRef::STRING))
        .field(
            InputValue::new("direction", TypeRef::named_nn("Sort"))
                .default_value(item("ASCENDING")),
        )
}

/// `Sort`.
pub fn sort_type() -> Enum {
    Enum::new("Sort").item("ASCENDING").item("DESCENDING")
}

impl Order {
    /// The argument `orderBy`; none for the order of addresses.
    ///
    /// # Errors
    /// It says both or neither of `by` and `field`.
    pub fn read(arguments: &ObjectAccessor<'_>) -> Result<Option<Self>, Error> {
        let Some(given) = there(arguments, "orderBy") else {
            return Ok(None);
        };
        let given = given.object()?;
        let direction = there(&given, "direction");
        let is_descending = match &direction {
            Some(direction) => direction.enum_name()? == "DESCENDING",
            None => false,
        };
        let by = match (there(&given, "by"), there(&given, "field")) {
            (None, Some(field)) => By::Field(field.string()?.as_bytes().into()),
            (Some(by), None) => match by.enum_name()? {
                "ID" => By::Id,
                "NAME" => By::Name,
                "RUNG" => By::Rung,
                "DEPTH" => By::Depth,
                "VERSION" => By::Version,
                "CREATED" => By::Created,
                _ if !is_descending => return Ok(None),
                _ => {
                    return Err(Error::new(
                        "ADDRESS is ascending only: it is the order without orderBy",
                    ));
                }
            },
            _ => return Err(Error::new("expected exactly one of by, field in orderBy")),
        };
        Ok(Some(Self { by, is_descending }))
    }

    /// Where a node stands.
    pub fn place(&self, node: Node<'_>) -> Place {
        let number = |number: u64| Key::Number(number as f64, i64::try_from(number).ok());
        let key = match &self.by {
            By::Id => number(node.id()),
            By::Version => number(node.version()),
            By::Rung => number(node.rung().into()),
            By::Depth => number(node.depth().into()),
            By::Created => Key::of(&FieldValue::Integer(node.created())),
            By::Name => node
                .name()
                .map_or(Key::Nothing, |name| Key::Text(Arc::clone(name))),
            By::Field(field) => {
                let value = node.fields().and_then(|fields| fields.get(field));
                value.map_or(Key::Nothing, Key::of)
            }
        };
        Place {
            key,
            address: node.address(),
        }
    }

    /// Which of two comes first.
    pub fn compare(&self, one: &Place, other: &Place) -> Ordering {
        let keys = match (&one.key, &other.key) {
            (Key::Nothing, Key::Nothing) => Ordering::Equal,
            (Key::Nothing, _) => Ordering::Greater,
            (_, Key::Nothing) => Ordering::Less,
            (one, other) if self.is_descending => other.compare(one),
            (one, other) => one.compare(other),
        };
        keys.then(one.address.cmp(&other.address))
    }
}

/// What of a node is compared.
#[derive(Clone, Debug, PartialEq)]
enum Key {
    Boolean(bool),
    /// A number, and exactly if it is whole: of two that are the same as floats whole ones come first.
    Number(f64, Option<i64>),
    Text(Arc<[u8]>),
    Nothing,
}

impl Key {
    fn of(value: &FieldValue) -> Self {
        match value {
            FieldValue::Boolean(value) => Self::Boolean(*value),
            FieldValue::Integer(number) => Self::Number(*number as f64, Some(*number)),
            FieldValue::Float(number) => Self::Number(*number, None),
            other => Self::Text(other.text()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Boolean(_) => 0,
            Self::Number(..) => 1,
            Self::Text(_) => 2,
            Self::Nothing => 3,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Boolean(one), Self::Boolean(other)) => one.cmp(other),
            (Self::Number(one, exact), Self::Number(other, others)) => {
                let whole = match (exact, others) {
                    (Some(exact), Some(others)) => exact.cmp(others),
                    (exact, others) => others.is_some().cmp(&exact.is_some()),
                };
                one.total_cmp(other).then(whole)
            }
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

/// Where a node stands in an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    key: Key,
    /// Where it lives.
    pub address: Address,
}

impl Place {
    /// As a cursor.
    pub fn cursor(&self) -> String {
        let mut bytes = self.address.0.to_be_bytes().to_vec();
        bytes.push(self.key.rank());
        match &self.key {
            Key::Boolean(value) => bytes.push(u8::from(*value)),
            Key::Number(number, None) => bytes.extend(number.to_be_bytes()),
            Key::Number(_, Some(exact)) => {
                bytes.push(0);
                bytes.extend(exact.to_be_bytes());
            }
            Key::Text(text) => bytes.extend(&text[..]),
            Key::Nothing => {}
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// From a cursor.
    ///
    /// # Errors
    /// It is none of ours.
    pub fn read(cursor: &str) -> Result<Self, Error> {
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
            let ([high, low, rank], rest) = bytes.split_first_chunk()?;
            let key = match (rank, rest) {
                (0, [value @ (0 | 1)]) => Key::Boolean(*value == 1),
                (1, [0, exact @ ..]) if exact.len() == 8 => {
                    let exact = i64::from_be_bytes(exact.try_into().ok()?);
                    Key::Number(exact as f64, Some(exact))
                }
                (1, number) => Key::Number(f64::from_be_bytes(number.try_into().ok()?), None),
                (2, text) => Key::Text(text.into()),
                (3, []) => Key::Nothing,
                _ => return None,
            };
            let address = Address(u16::from_be_bytes([*high, *low]));
            Some(Self { key, address })
        };
        read().ok_or_else(|| foreign(cursor))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = FieldValue> {
        prop_oneof![
            any::<bool>().prop_map(FieldValue::Boolean),
            any::<i64>().prop_map(FieldValue::Integer),
            (-3i64..3).prop_map(FieldValue::Integer),
            (-3i64..3).prop_map(|n| FieldValue::Float(n as f64)),
            any::<f64>().prop_map(FieldValue::Float),
            any::<Vec<u8>>().prop_map(|bytes| FieldValue::Bytes(bytes.into())),
        ]
    }

    fn place() -> impl Strategy<Value = Place> {
        (prop::option::of(value()), any::<u16>()).prop_map(|(value, address)| Place {
            key: value.as_ref().map_or(Key::Nothing, Key::of),
            address: Address(address),
        })
    }

    proptest! {
        #[test]
        fn cursors_are_read_as_they_were_written(place in place()) {
            let read = Place::read(&place.cursor()).unwrap();
            let order = Order { by: By::Id, is_descending: false };
            prop_assert_eq!(order.compare(&read, &place), Ordering::Equal);
        }

        #[test]
        fn any_text_is_a_cursor_or_refused(text: String) {
            let _ = Place::read(&text);
        }

        #[test]
        fn an_order_is_one(mut places in prop::collection::vec(place(), 0..20), is_descending: bool) {
            let order = Order { by: By::Id, is_descending };
            places.sort_by(|one, other| order.compare(one, other));
            for (at, one) in places.iter().enumerate() {
                for other in &places[at..] {
                    prop_assert_ne!(order.compare(one, other), Ordering::Greater);
                }
            }
        }
    }
}
