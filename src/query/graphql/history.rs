//! `history` of a node: its changes, newest first.

use std::sync::Arc;

use async_graphql::Value;
use async_graphql::dynamic::{Field, FieldValue, Object, ResolverContext, TypeRef};
use ladybug_engine::commit::history::{NodeChange, PastNode};

use super::node::{Of, fields_value};
use super::page::Page;
use super::request::Request;
use super::value::{Answer, Shown, field, id, int, maybe, request, some, string, text, time, zone};

/// A change of a node.
#[derive(Clone)]
pub struct ChangeAt(Arc<NodeChange>);

impl Shown for ChangeAt {
    fn shown(self, _: &Request) -> FieldValue<'static> {
        FieldValue::owned_any(self)
    }
}

/// A node's changes up to its moment, by version, falling.
pub fn history<'a>(ctx: &ResolverContext<'a>, of: Of<'a>) -> Answer<'a> {
    // Of a transaction's changes there is no version yet: what is told is what was before it.
    let there = match of.moment.base() {
        None => Some(PastNode::of(of.node)),
        Some(base) => base
            .find_id(of.node.id())
            .and_then(|address| base.node(address))
            .map(PastNode::of),
    };
    let past = of.request.past();
    let changes = there.into_iter().flat_map(|there| past.changes_of(there));
    let changes = changes.map_while(|change| {
        of.request.check().ok()?;
        Some(change)
    });
    let zone = of.request.zone;
    let changes = changes
        .filter(|change| zone.is_none_or(|zone| change.after.address.zone() == zone))
        .map(|change| {
            let place = u64::MAX - change.commit.version;
            (ChangeAt(Arc::new(change)), place)
        });
    let answer = Page::answer(ctx, changes);
    of.request.check()?;
    answer
}

fn of_change(
    name: &'static str,
    ty: TypeRef,
    read: for<'a> fn(&'a Request, &'a NodeChange) -> Answer<'a>,
) -> Field {
    field(name, ty, move |ctx| {
        let at = ctx.parent_value.try_downcast_ref::<ChangeAt>()?;
        read(request(ctx)?, &at.0)
    })
}

/// `Change`: what a commit left of a node.
pub fn object() -> Object {
    let text_type = || TypeRef::named(TypeRef::STRING);
    Object::new("Change")
        .field(of_change("version", id(), |_, change| {
            some(change.commit.version.to_string())
        }))
        .field(of_change("committed", string(), |_, change| {
            some(time(change.commit.committed))
        }))
        .field(of_change(
            "changed",
            TypeRef::named_nn_list_nn(TypeRef::STRING),
            |_, change| {
                let parts = match &change.before {
                    Some(before) => change.after.differences(before),
                    None => vec!["created"],
                };
                some(Value::List(parts.into_iter().map(Value::from).collect()))
            },
        ))
        .field(of_change("address", string(), |_, change| {
            some(change.after.address.to_string())
        }))
        .field(of_change("zone", TypeRef::named_nn("Zone"), |_, change| {
            some(zone(change.after.address.zone()))
        }))
        .field(of_change("name", text_type(), |_, change| {
            maybe(text(change.after.image.name.as_ref()))
        }))
        .field(of_change("value", text_type(), |request, change| {
            let value = text(change.after.image.content.value.as_ref());
            request.spend(value.map_or(0, str::len))?;
            maybe(value)
        }))
        .field(of_change(
            "fields",
            TypeRef::named("JSON"),
            |request, change| fields_value(request, change.after.image.content.fields.as_deref()),
        ))
        .field(of_change(
            "kinds",
            TypeRef::named_nn_list_nn(TypeRef::STRING),
            |_, change| {
                let kinds = change
                    .after
                    .image
                    .kinds
                    .iter()
                    .flat_map(|kinds| kinds.iter());
                some(Value::List(
                    kinds.map(|kind| kind.to_string().into()).collect(),
                ))
            },
        ))
        .field(of_change(
            "truth",
            TypeRef::named_nn("Truth"),
            |_, change| {
                let truth = change.after.image.truth;
                let parts = [truth.frequency(), truth.confidence()];
                Ok(Some(FieldValue::owned_any(parts)))
            },
        ))
        .field(of_change("rung", int(), |_, change| {
            some(change.after.image.rung)
        }))
}
