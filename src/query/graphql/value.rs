//! From what the memory holds to values of an answer. Ids and versions are 64 bits wide, and so strings.

use std::sync::Arc;

use async_graphql::dynamic::{
    Field, FieldFuture, FieldValue, InputValue, ResolverContext, TypeRef,
};
use async_graphql::{Error, Name, Value};
use ladybug_engine::space::address::Zone;
use ladybug_engine::space::temporal::LocalDateTime;

use super::request::Request;

/// What a field answers.
pub type Answer<'a> = Result<Option<FieldValue<'a>>, Error>;

/// Something that is shown by an object of its own.
pub trait Shown: Clone + Send + Sync + 'static {
    /// As the object's fields find it.
    fn shown(self, request: &Request) -> FieldValue<'static>;
}

/// A field that is read at once, what it needs being in memory, if the request may go on.
pub fn field(
    name: impl Into<String>,
    ty: TypeRef,
    read: impl for<'a> Fn(&ResolverContext<'a>) -> Answer<'a> + Send + Sync + 'static,
) -> Field {
    Field::new(name, ty, move |ctx| {
        let answer = request(&ctx)
            .and_then(Request::check)
            .and_then(|()| read(&ctx));
        FieldFuture::new(std::future::ready(answer))
    })
}

/// What the fields of the request share.
pub fn request<'a>(ctx: &ResolverContext<'a>) -> Result<&'a Request, Error> {
    Ok(&**ctx.data::<Arc<Request>>()?)
}

/// A value that is there.
pub fn some<'a>(value: impl Into<Value>) -> Answer<'a> {
    Ok(Some(FieldValue::value(value)))
}

/// A value that may be null.
pub fn maybe<'a>(value: Option<impl Into<Value>>) -> Answer<'a> {
    Ok(value.map(FieldValue::value))
}

/// The double whose shortest decimal is that of the float.
pub fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

/// A JSON value.
pub fn json(value: serde_json::Value) -> Result<Value, Error> {
    Value::from_json(value).map_err(|error| Error::new(error.to_string()))
}

/// Bytes that are UTF-8.
pub fn text(bytes: Option<&Arc<[u8]>>) -> Option<&str> {
    bytes.and_then(|bytes| std::str::from_utf8(bytes).ok())
}

/// An item of an enumeration.
pub fn item(name: &str) -> Value {
    Value::Enum(Name::new(name))
}

/// The enumeration's item of a zone.
pub fn zone(zone: Zone) -> Value {
    item(&zone.name().to_uppercase())
}

/// Microseconds since the epoch as in ISO 8601.
pub fn time(micros: i64) -> String {
    let (seconds, rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let moment = LocalDateTime::of_epoch(seconds, rest * 1000);
    format!("{}T{}Z", moment.date, moment.time)
}

/// `Int!`
pub fn int() -> TypeRef {
    TypeRef::named_nn(TypeRef::INT)
}

/// `Float!`
pub fn float() -> TypeRef {
    TypeRef::named_nn(TypeRef::FLOAT)
}

/// `String!`
pub fn string() -> TypeRef {
    TypeRef::named_nn(TypeRef::STRING)
}

/// `ID!`
pub fn id() -> TypeRef {
    TypeRef::named_nn(TypeRef::ID)
}

/// An argument, or a part of one, that may be left out.
pub fn input(name: &str, ty: &str) -> InputValue {
    InputValue::new(name, TypeRef::named(ty))
}

/// An argument, or a part of one, that must be given.
pub fn needed(name: &str, ty: &str) -> InputValue {
    InputValue::new(name, TypeRef::named_nn(ty))
}
