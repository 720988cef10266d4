//! Connections as Relay has them: a page of an ordered list, whose cursors are the places of its items.
//!
//! A cursor says where to go on, not what was there: an item that has gone since takes nothing with it.

use async_graphql::Error;
use async_graphql::dynamic::{
    Field, FieldValue, InputValue, Object, ResolverContext, TypeRef, ValueAccessor,
};

use super::input::there;
use super::value::{Answer, Shown, field, input, request};

/// Items of a page, unless the request says how many.
const PAGE_DEFAULT: usize = 100;

/// A page of items, each with its cursor.
pub struct Page<T> {
    items: Vec<(T, String)>,
    has_more: bool,
    goes_on: bool,
}

/// The arguments of a connection.
pub struct Asked<'c> {
    first: usize,
    /// The cursor after which the page begins.
    pub after: Option<&'c str>,
}

impl<'c> Asked<'c> {
    /// Reads `first` and `after`.
    ///
    /// # Errors
    /// The page is larger than it may be.
    pub fn read(ctx: &'c ResolverContext<'_>) -> Result<Self, Error> {
        let page_max = request(ctx)?.limits.page_max;
        let first = match there(&ctx.args, "first") {
            None => PAGE_DEFAULT.min(page_max),
            Some(first) => count(&first, "first", 0, page_max)?,
        };
        let after = there(&ctx.args, "after");
        let after = after.map(|after| after.string()).transpose()?;
        Ok(Self { first, after })
    }

    /// Answers a page of items, which begin after the cursor.
    ///
    /// # Errors
    /// The request answers too much.
    pub fn answer<'a, T: Shown>(
        &self,
        ctx: &ResolverContext<'a>,
        mut items: impl Iterator<Item = (T, String)>,
    ) -> Answer<'a> {
        let page: Vec<(T, String)> = items.by_ref().take(self.first).collect();
        request(ctx)?.answer(page.len())?;
        Ok(Some(FieldValue::owned_any(Page {
            items: page,
            has_more: items.next().is_some(),
            goes_on: self.after.is_some(),
        })))
    }
}

impl<T: Shown> Page<T> {
    /// Answers a page of items at places that rise.
    ///
    /// # Errors
    /// The cursor is none of ours, the page is larger than it may be, or the request answers too much.
    pub fn answer<'a>(
        ctx: &ResolverContext<'a>,
        items: impl Iterator<Item = (T, u64)>,
    ) -> Answer<'a> {
        let asked = Asked::read(ctx)?;
        let after = asked.after.map(read_place).transpose()?;
        let rest = items.filter(|(_, place)| after.is_none_or(|after| *place > after));
        asked.answer(ctx, rest.map(|(item, place)| (item, cursor(place))))
    }
}

/// A number of items.
///
/// # Errors
/// It is out of bounds.
pub fn count(
    value: &ValueAccessor<'_>,
    name: &str,
    least: usize,
    most: usize,
) -> Result<usize, Error> {
    let number = usize::try_from(value.i64()?).ok();
    let number = number.filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| {
        Error::new(format!(
            "{name} is a number from {least} to {most}, see --graphql-page-max"
        ))
    })
}

/// The cursor of a place.
pub fn cursor(place: u64) -> String {
    format!("{place:016x}")
}

/// That a cursor is none of ours.
pub fn foreign(text: &str) -> Error {
    Error::new(format!("after is the cursor of an item; got '{text}'"))
}

/// The place of a cursor.
///
/// # Errors
/// It is none of ours.
pub fn read_place(text: &str) -> Result<u64, Error> {
    let place = u64::from_str_radix(text, 16).ok();
    let is_ours = |place: &u64| cursor(*place) == text;
    place.filter(is_ours).ok_or_else(|| foreign(text))
}

/// The arguments of a connection.
pub fn arguments() -> Vec<InputValue> {
    vec![
        input("first", TypeRef::INT),
        input("after", TypeRef::STRING),
    ]
}

/// A field that answers a connection, with its arguments.
pub fn connection(field: Field) -> Field {
    arguments().into_iter().fold(field, Field::argument)
}

/// The objects of a connection over items of `T`, which the type `node` shows.
pub fn objects<T: Shown>(connection: &str, edge: &str, node: &str) -> [Object; 2] {
    let edges = field("edges", TypeRef::named_nn_list_nn(edge), |ctx| {
        let page = ctx.parent_value.try_downcast_ref::<Page<T>>()?;
        let edges = page.items.iter().cloned().map(FieldValue::owned_any);
        Ok(Some(FieldValue::list(edges)))
    });
    let nodes = field("nodes", TypeRef::named_nn_list_nn(node), |ctx| {
        let page = ctx.parent_value.try_downcast_ref::<Page<T>>()?;
        let request = request(ctx)?;
        let items = page
            .items
            .iter()
            .map(|(item, _)| item.clone().shown(request));
        Ok(Some(FieldValue::list(items)))
    });
    let info = field("pageInfo", TypeRef::named_nn("PageInfo"), |ctx| {
        let page = ctx.parent_value.try_downcast_ref::<Page<T>>()?;
        let place = |item: Option<&(T, String)>| item.map(|(_, cursor)| cursor.clone());
        Ok(Some(FieldValue::owned_any(Info {
            has_more: page.has_more,
            goes_on: page.goes_on,
            start: place(page.items.first()),
            end: place(page.items.last()),
        })))
    });
    let cursor = field("cursor", TypeRef::named_nn(TypeRef::STRING), |ctx| {
        let (_, cursor) = ctx.parent_value.try_downcast_ref::<(T, String)>()?;
        Ok(Some(FieldValue::value(cursor.clone())))
    });
    let item = field("node", TypeRef::named_nn(node), |ctx| {
        let (item, _) = ctx.parent_value.try_downcast_ref::<(T, String)>()?;
        Ok(Some(item.clone().shown(request(ctx)?)))
    });
    [
        Object::new(connection)
            .field(edges)
            .field(nodes)
            .field(info),
        Object::new(edge).field(cursor).field(item),
    ]
}

struct Info {
    has_more: bool,
    goes_on: bool,
    start: Option<String>,
    end: Option<String>,
}

/// Relay's `PageInfo`. Pages only go forward.
pub fn info() -> Object {
    let of = |name: &'static str, ty, read: fn(&Info) -> Option<FieldValue<'static>>| -> Field {
        field(name, ty, move |ctx| {
            Ok(read(ctx.parent_value.try_downcast_ref::<Info>()?))
        })
    };
    Object::new("PageInfo")
        .field(of(
            "hasNextPage",
            TypeRef::named_nn(TypeRef::BOOLEAN),
            |info| Some(FieldValue::value(info.has_more)),
        ))
        .field(of(
            "hasPreviousPage",
            TypeRef::named_nn(TypeRef::BOOLEAN),
            |info| Some(FieldValue::value(info.goes_on)),
        ))
        .field(of("startCursor", TypeRef::named(TypeRef::STRING), |info| {
            info.start.clone().map(FieldValue::value)
        }))
        .field(of("endCursor", TypeRef::named(TypeRef::STRING), |info| {
            info.end.clone().map(FieldValue::value)
        }))
}
