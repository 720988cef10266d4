//! `Query`, and `Moment`: what a document begins with, now or as it was.

use std::sync::Arc;

use async_graphql::Error;
use async_graphql::dynamic::{Field, FieldValue, Object, ResolverContext, TypeRef};
use ladybug_engine::fingerprint::{Fingerprint, encode, similarity, z};
use ladybug_engine::search::{Filter, Scope, TopK, top_k};
use ladybug_engine::space::chunk::Node;

use super::edge::direction_argument;
use super::input::{Reference, filter, only, read_id, there};
use super::moment::Moment;
use super::node::{NodeAt, page};
use super::order::{Order, Place};
use super::page::{Asked, Page, connection, count};
use super::path;
use super::request::Request;
use super::value::{
    Answer, Shown, field, float, id, input, int, needed, request, some, string, time,
};

/// Results of a search, unless `k` says otherwise.
const K_DEFAULT: usize = 10;

/// `Query`.
pub fn object() -> Object {
    reads(Object::new("Query")).field(
        field("asOf", TypeRef::named_nn("Moment"), |ctx| {
            let version = read_id(ctx.args.try_get("version")?.string()?)?;
            let moment = request(ctx)?.as_of(version)?;
            Ok(Some(FieldValue::owned_any(moment)))
        })
        .description("The space after the commit of a version")
        .argument(needed("version", TypeRef::ID)),
    )
}

/// `Moment`.
pub fn moment_object() -> Object {
    reads(Object::new("Moment"))
}

/// The moment that a field of `Query` or `Moment` reads.
pub fn moment<'a>(ctx: &ResolverContext<'a>) -> Result<&'a Arc<Moment>, Error> {
    match ctx.parent_value.downcast_ref::<Arc<Moment>>() {
        Some(moment) => Ok(moment),
        None => Ok(&request(ctx)?.now),
    }
}

/// What there is to read at a moment.
fn reads(object: Object) -> Object {
    object
        .field(
            field("node", TypeRef::named("Node"), find)
                .description("One node, by exactly one of these")
                .argument(input("id", TypeRef::ID))
                .argument(input("name", TypeRef::STRING))
                .argument(input("address", TypeRef::STRING)),
        )
        .field(
            connection(field("nodes", TypeRef::named_nn("NodeConnection"), nodes))
                .argument(input("filter", "NodeFilter"))
                .argument(input("orderBy", "NodeOrder")),
        )
        .field(
            connection(field("search", TypeRef::named_nn("HitConnection"), search))
                .description("The k nearest to a text or a fingerprint, nearest first")
                .argument(input("text", TypeRef::STRING))
                .argument(input("fingerprint", TypeRef::STRING))
                .argument(input("k", TypeRef::INT))
                .argument(input("filter", "NodeFilter")),
        )
        .field(
            field("path", TypeRef::named("Path"), path::find)
                .description("One of the shortest ways, along edges of a verb or of any; null if there is none")
                .argument(needed("from", "NodeRef"))
                .argument(needed("to", "NodeRef"))
                .argument(input("verb", TypeRef::STRING))
                .argument(direction_argument())
                .argument(input("lengthMax", TypeRef::INT)),
        )
        .field(
            field("version", id(), |ctx| {
                some(moment(ctx)?.mark.version.to_string())
            })
            .description("The space's version"),
        )
        .field(
            field("committed", string(), |ctx| {
                some(time(moment(ctx)?.mark.committed))
            })
            .description("When that was committed"),
        )
}

fn find<'a>(ctx: &ResolverContext<'a>) -> Answer<'a> {
    let (request, moment) = (request(ctx)?, moment(ctx)?);
    let node = Reference::read(&ctx.args)?.find(&moment.view());
    request.answer(1)?;
    Ok(node.map(|node| NodeAt::new(moment, node.address()).shown(request)))
}

fn passes(filter: &Filter, node: &Node<'_>) -> bool {
    let name = node.name().map(|name| &name[..]);
    let prefix = filter.name_prefix.as_ref();
    let kind = filter.kind.as_ref();
    filter.zone.is_none_or(|zone| node.address().zone() == zone)
        && filter.rung_max.is_none_or(|max| node.rung() <= max)
        && kind.is_none_or(|kind| node.kinds().contains(kind))
        && prefix.is_none_or(|prefix| name.is_some_and(|name| name.starts_with(prefix)))
}

fn nodes<'a>(ctx: &ResolverContext<'a>) -> Answer<'a> {
    let filter = filter(&ctx.args)?;
    let moment = moment(ctx)?;
    let nodes = moment.view().nodes().filter(|node| passes(&filter, node));
    let at = |address| NodeAt::new(moment, address).of_kind(filter.kind.as_ref());
    let Some(order) = Order::read(&ctx.args)? else {
        return page(ctx, nodes.map(|node| at(node.address())));
    };
    let asked = Asked::read(ctx)?;
    let after = asked.after.map(Place::read).transpose()?;
    let is_after = |place: &Place| {
        let after = after.as_ref();
        after.is_none_or(|after| order.compare(place, after).is_gt())
    };
    let places = nodes.map(|node| order.place(node)).filter(is_after);
    let mut places: Vec<Place> = places.collect();
    places.sort_unstable_by(|one, other| order.compare(one, other));
    let items = places.into_iter();
    asked.answer(ctx, items.map(|place| (at(place.address), place.cursor())))
}

/// What a search found: where, and how far.
#[derive(Clone)]
pub struct Found {
    node: NodeAt,
    distance: u32,
}

impl Shown for Found {
    fn shown(self, _: &Request) -> FieldValue<'static> {
        FieldValue::owned_any(self)
    }
}

/// `Hit`.
pub fn hit() -> Object {
    let of = |name, ty, read: fn(u32) -> FieldValue<'static>| -> Field {
        field(name, ty, move |ctx| {
            let found = ctx.parent_value.try_downcast_ref::<Found>()?;
            Ok(Some(read(found.distance)))
        })
    };
    Object::new("Hit")
        .field(field("node", TypeRef::named_nn("Node"), |ctx| {
            let found = ctx.parent_value.try_downcast_ref::<Found>()?;
            Ok(Some(found.node.clone().shown(request(ctx)?)))
        }))
        .field(of("distance", int(), FieldValue::value))
        .field(of("similarity", float(), |distance| {
            FieldValue::value(similarity(distance))
        }))
        .field(of("z", float(), |distance| FieldValue::value(z(distance))))
}

fn search<'a>(ctx: &ResolverContext<'a>) -> Answer<'a> {
    let query = match only(&ctx.args, &["text", "fingerprint"])? {
        ("text", words) => encode::text(words),
        (_, hex) => Fingerprint::from_bytes_or_hex(hex.as_bytes())?,
    };
    let (request, moment) = (request(ctx)?, moment(ctx)?);
    let k = match there(&ctx.args, "k") {
        None => K_DEFAULT.min(request.limits.page_max),
        Some(k) => count(&k, "k", 1, request.limits.page_max)?,
    };
    let filter = filter(&ctx.args)?;
    request.check()?;
    let scope = Scope {
        snapshot: moment.encoded(&request.engine, request.space),
        filter: &filter,
    };
    let hits = top_k(&[scope], &[&query], TopK::new(k));
    let hits = hits.into_iter().flatten().map(|hit| {
        let node = NodeAt::new(moment, hit.address).of_kind(filter.kind.as_ref());
        let distance = hit.distance;
        // Hits come by distance, equal ones by address.
        let place = u64::from(distance) << 16 | u64::from(hit.address.0);
        (Found { node, distance }, place)
    });
    Page::answer(ctx, hits)
}
