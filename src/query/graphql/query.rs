//! `Query`: what a document begins with.

use async_graphql::Error;
use async_graphql::dynamic::{Field, FieldValue, Object, ResolverContext, TypeRef};
use ladybug_engine::fingerprint::{Fingerprint, encode, similarity, z};
use ladybug_engine::search::{Filter, Scope, TopK, top_k};
use ladybug_engine::space::chunk::Node;

use super::input::{Reference, filter, only, there};
use super::node::{NodeAt, page};
use super::page::{PAGE_MAX, connection};
use super::value::{Answer, Shown, field, float, id, input, int, request, some};

/// Results of a search, unless `k` says otherwise.
const K_DEFAULT: usize = 10;

/// `Query`.
pub fn object() -> Object {
    Object::new("Query")
        .field(
            field("node", TypeRef::named("Node"), find)
                .argument(input("id", TypeRef::ID))
                .argument(input("name", TypeRef::STRING))
                .argument(input("address", TypeRef::STRING)),
        )
        .field(
            connection(field("nodes", TypeRef::named_nn("NodeConnection"), nodes))
                .argument(input("filter", "NodeFilter")),
        )
        .field(
            field("search", TypeRef::named_nn_list_nn("Hit"), search)
                .argument(input("text", TypeRef::STRING))
                .argument(input("fingerprint", TypeRef::STRING))
                .argument(input("k", TypeRef::INT))
                .argument(input("filter", "NodeFilter")),
        )
        .field(field("version", id(), |ctx| {
            let state = &request(ctx)?.now.snapshot.state;
            some(state.version().to_string())
        }))
}

fn find<'a>(ctx: &ResolverContext<'a>) -> Answer<'a> {
    let request = request(ctx)?;
    let moment = &request.now;
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
    let moment = &request(ctx)?.now;
    let nodes = moment.view().nodes().filter(|node| passes(&filter, node));
    page(ctx, moment, nodes.map(|node| node.address()))
}

/// What a search found: where, and how far.
struct Found {
    node: NodeAt,
    distance: u32,
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
    let k = match there(&ctx.args, "k") {
        None => K_DEFAULT,
        Some(k) => usize::try_from(k.i64()?)
            .ok()
            .filter(|k| (1..=PAGE_MAX).contains(k))
            .ok_or_else(|| Error::new(format!("k is a number from 1 to {PAGE_MAX}")))?,
    };
    let filter = filter(&ctx.args)?;
    let request = request(ctx)?;
    request.answer(k)?;
    let moment = &request.now;
    let scope = Scope {
        snapshot: moment.encoded(&request.engine, request.space),
        filter: &filter,
    };
    let hits = top_k(&[scope], &[&query], TopK::new(k));
    let hits = hits.into_iter().flatten().map(|hit| {
        FieldValue::owned_any(Found {
            node: NodeAt::new(moment, hit.address),
            distance: hit.distance,
        })
    });
    Ok(Some(FieldValue::list(hits)))
}
