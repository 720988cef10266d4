//! The types of a space: the ones that every space has, and one for each kind, with a field for each that nodes of the
//! kind have. The same memory has the same types, whatever came first.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_graphql::dynamic::{FieldValue as Shown, Object, Schema, TypeRef};
use async_graphql::{Error, Value};
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::fields::FieldValue;
use ladybug_engine::space::state::State;
use parking_lot::Mutex;

use super::node::{self, NodeAt};
use super::schema;
use super::shape::{Holds, Kind, Shape, Shapes};
use super::value::{field, json, request};

/// Most kinds that have types of their own; nodes of those after them in the alphabet are shown without.
pub const KINDS_MAX: usize = 256;
/// Most fields of a type beside those of every node; the others are found in `fields`.
pub const FIELDS_MAX: usize = 256;
/// Schemas that are kept at once, of as many spaces.
const SCHEMAS_MAX: usize = 64;

/// The type of nodes that have no kind with a type.
pub const PLAIN: &str = "PlainNode";

/// The schema of a space, and which type a kind has.
pub struct Types {
    shape: Shape,
    names: HashMap<Arc<str>, String>,
    /// The schema.
    pub schema: Schema,
}

impl Types {
    fn new(shape: Shape) -> Self {
        let mut taken: HashSet<String> = schema::reserved();
        let kinds: Vec<(&Arc<str>, &Kind)> = shape.0.iter().take(KINDS_MAX).collect();
        let named = names(&mut taken, kinds.iter().map(|(kind, _)| kind.as_bytes()));
        let names: HashMap<Arc<str>, String> = kinds
            .iter()
            .zip(&named)
            .map(|((kind, _), name)| (Arc::clone(kind), name.clone()))
            .collect();
        let mut shown = kinds
            .iter()
            .flat_map(|(_, fields)| fields.values().take(FIELDS_MAX));
        let has_long = shown.any(Holds::has_long);
        let objects = kinds
            .iter()
            .zip(&named)
            .map(|((kind, fields), name)| object(kind, name, fields));
        let schema = schema::build(objects.collect(), has_long)
            .expect("invariant: names are unique and types those that tests have built");
        Self {
            schema,
            names,
            shape,
        }
    }

    /// Those of a state.
    pub fn of_state(state: &State) -> Self {
        Self::new(Shapes::default().of(state).whole())
    }

    /// The kind whose type has a name.
    pub fn kind(&self, name: &str) -> Option<&Arc<str>> {
        let mut names = self.names.iter();
        names.find_map(|(kind, known)| (known == name).then_some(kind))
    }

    /// The type that a node is shown as: of the kind that was asked for, if it has that, else of its first.
    pub fn of(&self, node: Node<'_>, asked: Option<&Arc<str>>) -> &str {
        let asked = asked.filter(|kind| node.kinds().contains(kind));
        let kinds = asked.into_iter().chain(node.kinds());
        let mut types = kinds.filter_map(|kind| self.names.get(kind));
        types.next().map_or(PLAIN, String::as_str)
    }
}

/// Names as GraphQL has them, in order, each once: what they may not contain becomes `_`, and one that is taken gets
/// more of it at its end. Those that need no change come first.
fn names<'n>(taken: &mut HashSet<String>, given: impl Iterator<Item = &'n [u8]>) -> Vec<String> {
    let given: Vec<&[u8]> = given.collect();
    let mut names = vec![None; given.len()];
    let wanted: Vec<String> = given.iter().map(|given| sanitised(given)).collect();
    for ((name, wanted), given) in names.iter_mut().zip(&wanted).zip(&given) {
        if wanted.as_bytes() == *given && taken.insert(wanted.clone()) {
            *name = Some(wanted.clone());
        }
    }
    let free = |wanted: String| {
        let mut name = wanted;
        while !taken.insert(name.clone()) {
            name.push('_');
        }
        name
    };
    let mut free = free;
    let named = names.into_iter().zip(wanted);
    named
        .map(|(name, wanted)| name.unwrap_or_else(|| free(wanted)))
        .collect()
}

/// A name without what GraphQL's names may not contain; two underscores in front are GraphQL's own.
fn sanitised(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    let valid = |letter: char| match letter.is_ascii_alphanumeric() {
        true => letter,
        false => '_',
    };
    let mut name: String = text.chars().map(valid).collect();
    if name.starts_with(|letter: char| letter.is_ascii_digit()) || name.is_empty() {
        name.insert(0, '_');
    }
    while name.starts_with("__") {
        name.remove(0);
    }
    name
}

/// The type of a kind.
fn object(kind: &Arc<str>, name: &str, fields: &Kind) -> Object {
    let object = node::object(name).description(format!("Nodes of the kind {kind:?}"));
    let fields: Vec<(&Arc<[u8]>, &Holds)> = fields.iter().take(FIELDS_MAX).collect();
    let mut taken = node::field_names();
    let named = names(&mut taken, fields.iter().map(|(name, _)| &name[..]));
    let fields = fields.into_iter().zip(named);
    fields.fold(object, |object, ((stored, holds), name)| {
        let (stored, holds) = (Arc::clone(stored), holds.clone());
        let as_stored = String::from_utf8_lossy(&stored).into_owned();
        let is_same = as_stored == name;
        let own = field(name, type_of(&holds), move |ctx| {
            let at = ctx.parent_value.try_downcast_ref::<NodeAt>()?;
            let view = at.moment.view();
            let node = view.node(at.address);
            let fields = node.and_then(|node| node.fields());
            let Some(value) = fields.and_then(|fields| fields.get(&stored)) else {
                return Ok(None);
            };
            let shown = shown(value, &holds).ok_or_else(|| other(&stored, at))?;
            request(ctx)?.spend(shown.1)?;
            Ok(shown.0.map(Shown::value))
        });
        object.field(match is_same {
            true => own,
            false => own.description(format!("The field {as_stored:?}")),
        })
    })
}

fn other(field: &[u8], at: &NodeAt) -> Error {
    let field = String::from_utf8_lossy(field);
    Error::new(format!(
        "the field '{field}' of {} holds something of another type at this moment; fields has it",
        at.address
    ))
}

fn type_of(holds: &Holds) -> TypeRef {
    TypeRef::named(match holds {
        Holds::Boolean => TypeRef::BOOLEAN,
        Holds::Int => TypeRef::INT,
        Holds::Long => "Long",
        Holds::Float => TypeRef::FLOAT,
        Holds::Text => TypeRef::STRING,
        Holds::Nothing | Holds::Mixed => "JSON",
        Holds::List(items) => return TypeRef::List(Box::new(type_of(items))),
    })
}

/// A stored value as its field's type has it, and how many bytes it takes. Text that is not UTF-8 is null, a number
/// that JSON has none for too; nothing if the value is of another type.
fn shown(value: &FieldValue, holds: &Holds) -> Option<(Option<Value>, usize)> {
    let small = |value: Option<Value>| Some((value, 0));
    match (holds, value) {
        (Holds::Boolean, FieldValue::Boolean(value)) => small(Some((*value).into())),
        (Holds::Int, FieldValue::Integer(value)) => {
            i32::try_from(*value).ok()?;
            small(Some((*value).into()))
        }
        (Holds::Long, FieldValue::Integer(value)) => small(Some(value.to_string().into())),
        (Holds::Float, FieldValue::Integer(value)) => small(Some((*value as f64).into())),
        (Holds::Float, FieldValue::Float(value)) => {
            small(value.is_finite().then(|| (*value).into()))
        }
        (Holds::Text, FieldValue::Bytes(bytes)) => {
            let text = std::str::from_utf8(bytes).ok();
            Some((text.map(Value::from), bytes.len()))
        }
        (Holds::Text, FieldValue::Temporal(value)) => small(Some(value.to_string().into())),
        (Holds::List(holds), FieldValue::List(items)) => {
            let mut bytes = 0;
            let items = items.iter().map(|item| {
                let (item, more) = shown(item, holds)?;
                bytes += more + size_of::<Value>();
                Some(item.unwrap_or(Value::Null))
            });
            let items: Option<Vec<Value>> = items.collect();
            Some((Some(Value::List(items?)), bytes))
        }
        (Holds::Nothing | Holds::Mixed, value) => {
            let bytes = match value {
                FieldValue::Bytes(bytes) => bytes.len(),
                _ => value.text().len(),
            };
            Some((json(value.json()).ok(), bytes))
        }
        _ => None,
    }
}

/// The types of the spaces that were asked for last.
#[derive(Default)]
pub struct Schemas {
    known: Mutex<HashMap<SpaceId, Known>>,
}

struct Known {
    /// Of which state: its version, and when that was committed.
    stamp: (u64, i64),
    shapes: Shapes,
    types: Arc<Types>,
    used: u64,
}

impl Schemas {
    /// The types of a space as it is in a state.
    pub fn of(&self, space: SpaceId, state: &State) -> Arc<Types> {
        let stamp = (state.version(), state.committed());
        let before = {
            let mut known = self.known.lock();
            let tick = known.values().map(|known| known.used).max().unwrap_or(0) + 1;
            let before = known.get_mut(&space);
            if let Some(before) = before {
                before.used = tick;
                if before.stamp == stamp {
                    return Arc::clone(&before.types);
                }
                Some((before.shapes.clone(), Arc::clone(&before.types)))
            } else {
                None
            }
        };
        let (shapes, types) = match before {
            Some((shapes, types)) => (shapes, Some(types)),
            None => (Shapes::default(), None),
        };
        let shapes = shapes.of(state);
        let shape = shapes.whole();
        let types = match types {
            Some(types) if types.shape == shape => types,
            _ => Arc::new(Types::new(shape)),
        };
        self.keep(space, stamp, shapes, &types);
        types
    }

    fn keep(&self, space: SpaceId, stamp: (u64, i64), shapes: Shapes, types: &Arc<Types>) {
        let mut known = self.known.lock();
        let used = known.values().map(|known| known.used).max().unwrap_or(0) + 1;
        let types = Arc::clone(types);
        known.insert(
            space,
            Known {
                stamp,
                shapes,
                types,
                used,
            },
        );
        if known.len() > SCHEMAS_MAX {
            let oldest = known.iter().min_by_key(|(_, known)| known.used);
            if let Some(space) = oldest.map(|(space, _)| *space) {
                known.remove(&space);
            }
        }
    }
}

/// The schema of a space in which there is nothing.
pub fn empty() -> Schema {
    Types::new(Shape::default()).schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_graphql_and_each_is_there_once() {
        let mut taken = HashSet::from(["id".to_owned()]);
        let given = ["a-b", "a_b", "id", "2nd", "", "__x", "größe", "a b"];
        let named = names(&mut taken, given.iter().map(|name| name.as_bytes()));
        let expected = ["a_b_", "a_b", "id_", "_2nd", "_", "_x", "gr__e", "a_b__"];
        assert_eq!(named, expected);
    }
}
