//! From arguments to what the memory takes.

use std::sync::Arc;

use async_graphql::dynamic::{InputObject, InputValue, ObjectAccessor, TypeRef, ValueAccessor};
use async_graphql::{Error, Value};
use ladybug_engine::engine::NodeRef;
use ladybug_engine::error::EngineError;
use ladybug_engine::search::Filter;
use ladybug_engine::space::address::{Address, Zone};
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::fields::{FieldValue, Fields};
use ladybug_engine::space::marks::{Qualia, RUNG_MAX, Truth};
use ladybug_engine::space::state::View;

use super::value::{input, needed};

/// How a node is meant.
#[derive(Debug, Clone)]
pub enum Reference {
    Id(u64),
    Name(Arc<[u8]>),
    Address(Address),
}

impl Reference {
    /// From `id`, `name` and `address`, of which exactly one is given.
    pub fn read(given: &ObjectAccessor<'_>) -> Result<Self, Error> {
        Ok(match only(given, &["id", "name", "address"])? {
            ("id", id) => Self::Id(read_id(id)?),
            ("name", name) => Self::Name(name.as_bytes().into()),
            (_, address) => Self::Address(address.parse()?),
        })
    }

    /// The argument of this name.
    pub fn argument(arguments: &ObjectAccessor<'_>, name: &str) -> Result<Self, Error> {
        Self::read(&arguments.try_get(name)?.object()?)
    }

    /// As the engine takes it.
    pub fn node(&self) -> NodeRef<'_> {
        match self {
            Self::Id(id) => NodeRef::Id(*id),
            Self::Name(name) => NodeRef::Name(name),
            Self::Address(address) => NodeRef::Address(*address),
        }
    }

    /// The node, if it is there.
    pub fn find<'v>(&self, view: &View<'v>) -> Option<Node<'v>> {
        match self {
            Self::Id(id) => view.find_id(*id),
            Self::Name(name) => view.find(name),
            Self::Address(address) => view.node(*address),
        }
    }

    /// The node, which must be there.
    pub fn expect<'v>(&self, view: &View<'v>) -> Result<Node<'v>, Error> {
        self.find(view).ok_or_else(|| self.missing())
    }

    /// That there is no such node.
    pub fn missing(&self) -> Error {
        EngineError::NoSuchNode(match self {
            Self::Id(id) => format!("#{id}"),
            Self::Name(name) => String::from_utf8_lossy(name).into_owned(),
            Self::Address(address) => address.to_string(),
        })
        .into()
    }
}

/// `NodeRef`, from which a [`Reference`] is read.
pub fn reference_type() -> InputObject {
    InputObject::new("NodeRef")
        .description("Which node: exactly one of these")
        .field(input("id", TypeRef::ID))
        .field(input("name", TypeRef::STRING))
        .field(input("address", TypeRef::STRING))
}

/// An id or version as written.
pub fn read_id(text: &str) -> Result<u64, Error> {
    let number = text.parse();
    number.map_err(|_| Error::new(format!("expected an id such as \"17\", got '{text}'")))
}

/// A part of an argument, unless it is left out or null.
pub fn there<'a>(given: &'a ObjectAccessor<'_>, name: &str) -> Option<ValueAccessor<'a>> {
    given.get(name).filter(|value| !value.is_null())
}

/// The one of these that is given, and its text. An id may be written as a number.
pub fn only<'a>(
    given: &'a ObjectAccessor<'_>,
    names: &[&'static str],
) -> Result<(&'static str, &'a str), Error> {
    let wrong = || Error::new(format!("expected exactly one of {}", names.join(", ")));
    let mut there = names
        .iter()
        .filter_map(|name| Some((*name, there(given, name)?)));
    let (name, value) = there.next().ok_or_else(wrong)?;
    if there.next().is_some() {
        return Err(wrong());
    }
    match value.as_value() {
        Value::String(text) => Ok((name, text)),
        _ => Err(Error::new(format!("expected {name} as a string"))),
    }
}

/// `NodeFilter`, from which a [`Filter`] is read.
pub fn filter_type() -> InputObject {
    InputObject::new("NodeFilter")
        .description("Which nodes: those for which all that is given holds")
        .field(input("kind", TypeRef::STRING))
        .field(input("namePrefix", TypeRef::STRING))
        .field(input("zone", "Zone"))
        .field(input("rungMax", TypeRef::INT))
}

/// What the argument `filter` lets through.
pub fn filter(arguments: &ObjectAccessor<'_>) -> Result<Filter, Error> {
    let mut filter = Filter::default();
    let Some(given) = there(arguments, "filter") else {
        return Ok(filter);
    };
    let given = given.object()?;
    if let Some(kind) = there(&given, "kind") {
        filter.kind = Some(kind.string()?.into());
    }
    if let Some(prefix) = there(&given, "namePrefix") {
        filter.name_prefix = Some(prefix.string()?.as_bytes().into());
    }
    if let Some(zone) = there(&given, "zone") {
        filter.zone = Some(match zone.enum_name()? {
            "FLUID" => Zone::Fluid,
            _ => Zone::Node,
        });
    }
    if let Some(rung) = there(&given, "rungMax") {
        filter.rung_max = Some(read_rung(&rung, "rungMax")?);
    }
    Ok(filter)
}

/// A rung.
pub fn read_rung(value: &ValueAccessor<'_>, name: &str) -> Result<u8, Error> {
    let rung = u8::try_from(value.i64()?).ok();
    let rung = rung.filter(|rung| *rung <= RUNG_MAX);
    rung.ok_or_else(|| Error::new(format!("{name} is a number from 0 to {RUNG_MAX}")))
}

/// `TruthInput`, from which a [`Truth`] is read.
pub fn truth_type() -> InputObject {
    InputObject::new("TruthInput")
        .field(needed("frequency", TypeRef::FLOAT))
        .field(needed("confidence", TypeRef::FLOAT))
}

/// A truth.
pub fn read_truth(value: &ValueAccessor<'_>) -> Result<Truth, Error> {
    let given = value.object()?;
    let part = |name| given.try_get(name)?.f32();
    Ok(Truth::new(part("frequency")?, part("confidence")?)?)
}

/// `QualiaInput`, from which [`Qualia`] are read.
pub fn qualia_type() -> InputObject {
    let object = InputObject::new("QualiaInput").description("What is left out stays as it is");
    Qualia::DIMENSIONS.into_iter().fold(object, |object, name| {
        object.field(InputValue::new(name, TypeRef::named(TypeRef::FLOAT)))
    })
}

/// Qualia, with what is there where the argument is silent.
pub fn read_qualia(value: &ValueAccessor<'_>, there_before: Qualia) -> Result<Qualia, Error> {
    let given = value.object()?;
    let mut values = there_before.values();
    for (value, name) in values.iter_mut().zip(Qualia::DIMENSIONS) {
        if let Some(given) = there(&given, name) {
            *value = given.f32()?;
        }
    }
    Ok(Qualia::new(values)?)
}

/// Fields of a JSON object; null is no field.
pub fn read_fields(value: &ValueAccessor<'_>) -> Result<Option<Arc<Fields>>, Error> {
    let Value::Object(object) = value.as_value() else {
        let got = value.as_value();
        return Err(Error::new(format!(
            "expected fields as an object such as {{born: 1815}}, got {got}"
        )));
    };
    let mut fields = Fields::default();
    for (name, value) in object {
        if let Some(value) = read_field(name, value)? {
            fields.insert(name.as_bytes().into(), value);
        }
    }
    Ok((!fields.is_empty()).then(|| Arc::new(fields)))
}

fn read_field(name: &str, value: &Value) -> Result<Option<FieldValue>, Error> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Boolean(value) => FieldValue::Boolean(*value),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => FieldValue::Integer(integer),
            None => FieldValue::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => FieldValue::Bytes(text.as_bytes().into()),
        Value::Enum(word) => FieldValue::Bytes(word.as_bytes().into()),
        Value::List(items) => {
            let items = items.iter().map(|item| read_field(name, item));
            let items: Result<Vec<Option<FieldValue>>, Error> = items.collect();
            FieldValue::List(items?.into_iter().flatten().collect())
        }
        Value::Object(_) | Value::Binary(_) => {
            return Err(Error::new(format!(
                "expected text, numbers, true, false or lists of them in fields, got an object in '{name}'"
            )));
        }
    }))
}
