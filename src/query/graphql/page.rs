//! Connections as Relay has them: a page of an ordered list, whose cursors are the places of its items.
//!
//! A cursor says where to go on, not what was there: an item that has gone since takes nothing with it.

use async_graphql::Error;
use async_graphql::dynamic::{Field, FieldValue, Object, ResolverContext, TypeRef};

use super::value::{Shown, field, input, request};

/// Items of a page, unless the request says how many.
pub const PAGE_DEFAULT: usize = 100;
/// Most items of a page.
pub const PAGE_MAX: usize = 1000;

/// A page of items that stand for nodes or edges.
pub struct Page<T> {
    items: Vec<T>,
    cursor: fn(&T) -> u64,
    has_more: bool,
}

/// The arguments of a connection.
pub struct Asked {
    first: usize,
    /// The place after which the page begins.
    pub after: Option<u64>,
}

impl Asked {
    /// Reads `first` and `after`.
    ///
    /// # Errors
    /// The page is too large, or the cursor none of ours.
    pub fn read(ctx: &ResolverContext<'_>) -> Result<Self, Error> {
        let first = match ctx.args.get("first").filter(|first| !first.is_null()) {
            None => PAGE_DEFAULT,
            Some(first) => usize::try_from(first.i64()?)
                .ok()
                .filter(|first| *first <= PAGE_MAX)
                .ok_or_else(|| Error::new(format!("first is a number from 0 to {PAGE_MAX}")))?,
        };
        let after = match ctx.args.get("after").filter(|after| !after.is_null()) {
            None => None,
            Some(after) => {
                let text = after.string()?;
                let place = u64::from_str_radix(text, 16).ok();
                let is_ours = |place: &u64| cursor_text(*place) == text;
                Some(place.filter(is_ours).ok_or_else(|| {
                    Error::new(format!("after is the cursor of an item; got '{text}'"))
                })?)
            }
        };
        Ok(Self { first, after })
    }

    /// The page of `items`, which begin after the cursor.
    pub fn page<T>(&self, mut items: impl Iterator<Item = T>, cursor: fn(&T) -> u64) -> Page<T> {
        let page = items.by_ref().take(self.first).collect();
        Page {
            items: page,
            cursor,
            has_more: items.next().is_some(),
        }
    }
}

impl<T> Page<T> {
    /// How many items it has.
    pub fn len(&self) -> usize {
        self.items.len()
    }
}

fn cursor_text(place: u64) -> String {
    format!("{place:016x}")
}

/// A field that answers a connection, with its arguments.
pub fn connection(field: Field) -> Field {
    field
        .argument(input("first", TypeRef::INT))
        .argument(input("after", TypeRef::STRING))
}

/// The objects of a connection over items of `T`, which the type `node` shows.
pub fn objects<T: Shown>(connection: &str, edge: &str, node: &str) -> [Object; 2] {
    let edges = field("edges", TypeRef::named_nn_list_nn(edge), |ctx| {
        let page = ctx.parent_value.try_downcast_ref::<Page<T>>()?;
        let edge = |item: &T| FieldValue::owned_any((item.clone(), (page.cursor)(item)));
        Ok(Some(FieldValue::list(page.items.iter().map(edge))))
    });
    let nodes = field("nodes", TypeRef::named_nn_list_nn(node), |ctx| {
        let page = ctx.parent_value.try_downcast_ref::<Page<T>>()?;
        let request = request(ctx)?;
        let items = page.items.iter().map(|item| item.clone().shown(request));
        Ok(Some(FieldValue::list(items)))
    });
    let info = field("pageInfo", TypeRef::named_nn("PageInfo"), |ctx| {
        let page = ctx.parent_value.try_downcast_ref::<Page<T>>()?;
        let place = |item: Option<&T>| item.map(|item| cursor_text((page.cursor)(item)));
        let (start, end) = (place(page.items.first()), place(page.items.last()));
        Ok(Some(FieldValue::owned_any(Info {
            has_more: page.has_more,
            start,
            end,
        })))
    });
    let cursor = field("cursor", TypeRef::named_nn(TypeRef::STRING), |ctx| {
        let (_, place) = ctx.parent_value.try_downcast_ref::<(T, u64)>()?;
        Ok(Some(FieldValue::value(cursor_text(*place))))
    });
    let item = field("node", TypeRef::named_nn(node), |ctx| {
        let (item, _) = ctx.parent_value.try_downcast_ref::<(T, u64)>()?;
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
            |_| Some(FieldValue::value(false)),
        ))
        .field(of("startCursor", TypeRef::named(TypeRef::STRING), |info| {
            info.start.clone().map(FieldValue::value)
        }))
        .field(of("endCursor", TypeRef::named(TypeRef::STRING), |info| {
            info.end.clone().map(FieldValue::value)
        }))
}
