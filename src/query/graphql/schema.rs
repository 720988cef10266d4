//! The types, and how their fields are read. Ids and versions are 64 bits wide, and so strings.

use std::sync::{Arc, LazyLock};

use async_graphql::dynamic::{
    Enum, EnumItem, Field, FieldFuture, FieldValue, InputObject, InputValue, Object,
    ResolverContext, Scalar, Schema, TypeRef,
};
use async_graphql::{Error, Value};
use ladybug_engine::fingerprint::{Fingerprint, encode, similarity, z};
use ladybug_engine::search::{Filter, Scope, TopK, top_k};
use ladybug_engine::space::address::{Address, Zone};
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::fields::fields_json;
use ladybug_engine::space::graph::EdgeLink;
use ladybug_engine::space::marks::{Qualia, RUNG_MAX};
use ladybug_engine::space::rows::verb_text;
use ladybug_engine::space::state::View;

use super::page::{self, Asked, PAGE_MAX};
use super::request::Request;

/// Deepest nesting of a request's fields.
pub const DEPTH_MAX: usize = 24;
/// Most fields of a request, fragments spread out.
pub const COMPLEXITY_MAX: usize = 1000;
/// Results of a search, unless `k` says otherwise.
const K_DEFAULT: usize = 10;

type Answer<'a> = Result<Option<FieldValue<'a>>, Error>;

/// The schema of every space.
pub static SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| build().expect("invariant: the types are those that tests have built"));

/// The schema in its definition language.
pub fn sdl() -> String {
    SCHEMA.sdl()
}

/// A field that is read at once: what it needs is in memory.
pub fn field(
    name: &'static str,
    ty: TypeRef,
    read: impl for<'a> Fn(&ResolverContext<'a>) -> Answer<'a> + Send + Sync + 'static,
) -> Field {
    Field::new(name, ty, move |ctx| {
        FieldFuture::new(std::future::ready(read(&ctx)))
    })
}

fn request<'a>(ctx: &ResolverContext<'a>) -> Result<&'a Request, Error> {
    Ok(&**ctx.data::<Arc<Request>>()?)
}

/// A field of a node.
fn of_node(
    name: &'static str,
    ty: TypeRef,
    read: impl for<'a> Fn(&ResolverContext<'a>, View<'a>, Node<'a>) -> Answer<'a>
    + Send
    + Sync
    + 'static,
) -> Field {
    field(name, ty, move |ctx| {
        let view = request(ctx)?.snapshot.view();
        let address = *ctx.parent_value.try_downcast_ref::<Address>()?;
        match view.node(address) {
            Some(node) => read(ctx, view, node),
            None => Err(Error::new(format!("no such node '{address}'"))),
        }
    })
}

/// A node as its fields find it.
fn node_value<'a>(node: Node<'_>) -> FieldValue<'a> {
    FieldValue::owned_any(node.address())
}

fn some<'a>(value: impl Into<Value>) -> Answer<'a> {
    Ok(Some(FieldValue::value(value)))
}

fn maybe<'a>(value: Option<impl Into<Value>>) -> Answer<'a> {
    Ok(value.map(FieldValue::value))
}

/// The double whose shortest decimal is that of the float.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

fn json(value: serde_json::Value) -> Result<Value, Error> {
    Value::from_json(value).map_err(|error| Error::new(error.to_string()))
}

fn text(bytes: Option<&Arc<[u8]>>) -> Option<&str> {
    bytes.and_then(|bytes| std::str::from_utf8(bytes).ok())
}

fn zone_name(zone: Zone) -> Value {
    Value::Enum(async_graphql::Name::new(zone.name().to_uppercase()))
}

fn int() -> TypeRef {
    TypeRef::named_nn(TypeRef::INT)
}

fn string() -> TypeRef {
    TypeRef::named_nn(TypeRef::STRING)
}

fn connection(field: Field) -> Field {
    field
        .argument(InputValue::new("first", TypeRef::named(TypeRef::INT)))
        .argument(InputValue::new("after", TypeRef::named(TypeRef::STRING)))
}

fn build() -> Result<Schema, async_graphql::dynamic::SchemaError> {
    let mut schema = Schema::build("Query", None, None)
        .limit_depth(DEPTH_MAX)
        .limit_complexity(COMPLEXITY_MAX)
        .register(Scalar::new("JSON").description("Any JSON value"))
        .register(
            Enum::new("Zone")
                .item(EnumItem::new("FLUID"))
                .item(EnumItem::new("NODE")),
        )
        .register(
            Enum::new("Direction")
                .item(EnumItem::new("OUTGOING"))
                .item(EnumItem::new("INCOMING")),
        )
        .register(filter_type())
        .register(truth())
        .register(qualia())
        .register(node())
        .register(edge())
        .register(hit())
        .register(page::info())
        .register(query());
    for object in page::objects::<Address>("NodeConnection", "NodeItem", "Node") {
        schema = schema.register(object);
    }
    for object in page::objects::<EdgeLink>("EdgeConnection", "EdgeItem", "Edge") {
        schema = schema.register(object);
    }
    schema.finish()
}

fn truth() -> Object {
    let part = |name, at: usize| {
        field(name, TypeRef::named_nn(TypeRef::FLOAT), move |ctx| {
            some(shortest(
                ctx.parent_value.try_downcast_ref::<[f32; 2]>()?[at],
            ))
        })
    };
    Object::new("Truth")
        .field(part("frequency", 0))
        .field(part("confidence", 1))
}

fn qualia() -> Object {
    let dimensions = Qualia::DIMENSIONS.into_iter().enumerate();
    dimensions.fold(Object::new("Qualia"), |object, (at, name)| {
        object.field(field(name, TypeRef::named_nn(TypeRef::FLOAT), move |ctx| {
            some(shortest(
                ctx.parent_value.try_downcast_ref::<[f32; 8]>()?[at],
            ))
        }))
    })
}

fn node() -> Object {
    let ids = |ids: &[u64]| Value::List(ids.iter().map(|id| id.to_string().into()).collect());
    let children = of_node(
        "children",
        TypeRef::named_nn("NodeConnection"),
        |ctx, view, node| {
            let mut children: Vec<Address> =
                view.children(node).map(|child| child.address()).collect();
            children.sort_unstable();
            nodes_page(ctx, children.into_iter())
        },
    );
    let ancestors = of_node(
        "ancestors",
        TypeRef::named_nn_list_nn("Node"),
        |ctx, view, node| {
            let above = std::iter::successors(view.parent(node), |node| view.parent(*node));
            let above: Vec<FieldValue<'_>> = above.map(node_value).collect();
            request(ctx)?.answer(above.len())?;
            Ok(Some(FieldValue::list(above)))
        },
    );
    Object::new("Node")
        .field(of_node(
            "id",
            TypeRef::named_nn(TypeRef::ID),
            |_, _, node| some(node.id().to_string()),
        ))
        .field(of_node("address", string(), |_, _, node| {
            some(node.address().to_string())
        }))
        .field(of_node("zone", TypeRef::named_nn("Zone"), |_, _, node| {
            some(zone_name(node.address().zone()))
        }))
        .field(of_node(
            "name",
            TypeRef::named(TypeRef::STRING),
            |_, _, node| maybe(text(node.name())),
        ))
        .field(of_node(
            "kinds",
            TypeRef::named_nn_list_nn(TypeRef::STRING),
            |_, _, node| {
                some(Value::List(
                    node.kinds()
                        .iter()
                        .map(|kind| kind.to_string().into())
                        .collect(),
                ))
            },
        ))
        .field(of_node(
            "value",
            TypeRef::named(TypeRef::STRING),
            |_, _, node| maybe(text(node.value())),
        ))
        .field(of_node("fields", TypeRef::named("JSON"), |_, _, node| {
            maybe(
                node.fields()
                    .map(|fields| json(fields_json(fields)))
                    .transpose()?,
            )
        }))
        .field(of_node("fingerprint", string(), |ctx, _, node| {
            let bits = request(ctx)?.snapshot.fingerprint(node.address());
            maybe(bits.map(Fingerprint::to_hex))
        }))
        .field(of_node(
            "truth",
            TypeRef::named_nn("Truth"),
            |_, _, node| {
                let truth = node.truth();
                Ok(Some(FieldValue::owned_any([
                    truth.frequency(),
                    truth.confidence(),
                ])))
            },
        ))
        .field(of_node(
            "evidence",
            TypeRef::named_nn_list_nn(TypeRef::ID),
            move |_, _, node| some(ids(node.evidence())),
        ))
        .field(of_node(
            "qualia",
            TypeRef::named_nn("Qualia"),
            |_, _, node| Ok(Some(FieldValue::owned_any(node.qualia().values()))),
        ))
        .field(of_node("rung", int(), |_, _, node| some(node.rung())))
        .field(of_node("depth", int(), |_, _, node| some(node.depth())))
        .field(of_node(
            "version",
            TypeRef::named_nn(TypeRef::ID),
            |_, _, node| some(node.version().to_string()),
        ))
        .field(of_node(
            "parent",
            TypeRef::named("Node"),
            |_, view, node| Ok(view.parent(node).map(node_value)),
        ))
        .field(connection(children))
        .field(ancestors)
        .field(
            connection(of_node(
                "neighbours",
                TypeRef::named_nn("EdgeConnection"),
                neighbours,
            ))
            .argument(InputValue::new("verb", TypeRef::named(TypeRef::STRING)))
            .argument(
                InputValue::new("direction", TypeRef::named_nn("Direction"))
                    .default_value(Value::Enum(async_graphql::Name::new("OUTGOING"))),
            ),
        )
}

/// A page of nodes by address.
fn nodes_page<'a>(
    ctx: &ResolverContext<'a>,
    addresses: impl Iterator<Item = Address>,
) -> Answer<'a> {
    let asked = Asked::read(ctx)?;
    let place = |address: &Address| u64::from(address.0);
    let rest = addresses.filter(|address| asked.after.is_none_or(|after| place(address) > after));
    let page = asked.page(rest, place);
    request(ctx)?.answer(page.len())?;
    Ok(Some(FieldValue::owned_any(page)))
}

/// A page of the edges of a node, by id.
fn neighbours<'a>(ctx: &ResolverContext<'a>, view: View<'a>, node: Node<'a>) -> Answer<'a> {
    let asked = Asked::read(ctx)?;
    let verb = match ctx.args.get("verb").filter(|verb| !verb.is_null()) {
        None => None,
        Some(verb) => {
            let word = verb.string()?;
            let slot = view.state.verbs().slot(word);
            Some(slot.ok_or_else(|| Error::new(format!("no such verb '{word}'")))?)
        }
    };
    let graph = view.state.graph();
    let mut edges: Vec<EdgeLink> = match ctx.args.try_get("direction")?.enum_name()? {
        "INCOMING" => graph.incoming(node.address(), verb).collect(),
        _ => graph
            .outgoing(node.address(), verb)
            .map(|edge| edge.link())
            .collect(),
    };
    edges.retain(|edge| {
        let is_there = view.node(edge.source).is_some() && view.node(edge.target).is_some();
        is_there && asked.after.is_none_or(|after| edge.id > after)
    });
    edges.sort_unstable_by_key(|edge| edge.id);
    let page = asked.page(edges.into_iter(), |edge| edge.id);
    request(ctx)?.answer(page.len())?;
    Ok(Some(FieldValue::owned_any(page)))
}

fn edge() -> Object {
    let of = |name, ty, read: fn(View<'_>, EdgeLink) -> Option<FieldValue<'static>>| {
        field(name, ty, move |ctx| {
            let link = *ctx.parent_value.try_downcast_ref::<EdgeLink>()?;
            Ok(read(request(ctx)?.snapshot.view(), link))
        })
    };
    Object::new("Edge")
        .field(of("id", TypeRef::named_nn(TypeRef::ID), |_, link| {
            Some(FieldValue::value(link.id.to_string()))
        }))
        .field(of("verb", string(), |view, link| {
            Some(FieldValue::value(verb_text(view.state, link.verb)))
        }))
        .field(of("source", TypeRef::named_nn("Node"), |_, link| {
            Some(FieldValue::owned_any(link.source))
        }))
        .field(of("target", TypeRef::named_nn("Node"), |_, link| {
            Some(FieldValue::owned_any(link.target))
        }))
        .field(of(
            "weight",
            TypeRef::named_nn(TypeRef::FLOAT),
            |view, link| {
                let edge = view.state.graph().get(link.source, link.id)?;
                Some(FieldValue::value(shortest(edge.weight)))
            },
        ))
        .field(of("truth", TypeRef::named_nn("Truth"), |view, link| {
            let edge = view.state.graph().get(link.source, link.id)?;
            Some(FieldValue::owned_any([edge.frequency, edge.confidence]))
        }))
}

/// What a search found: where, and how far.
type Found = (Address, u32);

fn hit() -> Object {
    let of = |name, ty, read: fn(Found) -> FieldValue<'static>| {
        field(name, ty, move |ctx| {
            Ok(Some(read(*ctx.parent_value.try_downcast_ref::<Found>()?)))
        })
    };
    Object::new("Hit")
        .field(of("node", TypeRef::named_nn("Node"), |hit| {
            FieldValue::owned_any(hit.0)
        }))
        .field(of("distance", int(), |hit| FieldValue::value(hit.1)))
        .field(of("similarity", TypeRef::named_nn(TypeRef::FLOAT), |hit| {
            FieldValue::value(similarity(hit.1))
        }))
        .field(of("z", TypeRef::named_nn(TypeRef::FLOAT), |hit| {
            FieldValue::value(z(hit.1))
        }))
}

fn filter_type() -> InputObject {
    InputObject::new("NodeFilter")
        .field(InputValue::new("kind", TypeRef::named(TypeRef::STRING)))
        .field(InputValue::new(
            "namePrefix",
            TypeRef::named(TypeRef::STRING),
        ))
        .field(InputValue::new("zone", TypeRef::named("Zone")))
        .field(InputValue::new("rungMax", TypeRef::named(TypeRef::INT)))
}

/// What `filter` lets through.
fn filter(ctx: &ResolverContext<'_>) -> Result<Filter, Error> {
    let mut filter = Filter::default();
    let Some(given) = ctx.args.get("filter").filter(|filter| !filter.is_null()) else {
        return Ok(filter);
    };
    let given = given.object()?;
    let there = |name| given.get(name).filter(|value| !value.is_null());
    if let Some(kind) = there("kind") {
        filter.kind = Some(kind.string()?.into());
    }
    if let Some(prefix) = there("namePrefix") {
        filter.name_prefix = Some(prefix.string()?.as_bytes().into());
    }
    if let Some(zone) = there("zone") {
        filter.zone = Some(match zone.enum_name()? {
            "FLUID" => Zone::Fluid,
            _ => Zone::Node,
        });
    }
    if let Some(rung) = there("rungMax") {
        let rung = u8::try_from(rung.i64()?)
            .ok()
            .filter(|rung| *rung <= RUNG_MAX);
        let rung =
            rung.ok_or_else(|| Error::new(format!("rungMax is a number from 0 to {RUNG_MAX}")))?;
        filter.rung_max = Some(rung);
    }
    Ok(filter)
}

fn query() -> Object {
    let input = |name, ty| InputValue::new(name, TypeRef::named(ty));
    let nodes = field("nodes", TypeRef::named_nn("NodeConnection"), |ctx| {
        let filter = filter(ctx)?;
        let nodes = request(ctx)?.snapshot.view().nodes();
        let passes = |node: &Node<'_>| {
            let name = node.name().map(|name| &name[..]).unwrap_or_default();
            filter.zone.is_none_or(|zone| node.address().zone() == zone)
                && filter.rung_max.is_none_or(|max| node.rung() <= max)
                && filter
                    .kind
                    .as_ref()
                    .is_none_or(|kind| node.kinds().contains(kind))
                && filter
                    .name_prefix
                    .as_ref()
                    .is_none_or(|start| node.name().is_some() && name.starts_with(start))
        };
        nodes_page(ctx, nodes.filter(passes).map(|node| node.address()))
    });
    Object::new("Query")
        .field(
            field("node", TypeRef::named("Node"), find)
                .argument(input("id", TypeRef::ID))
                .argument(input("name", TypeRef::STRING))
                .argument(input("address", TypeRef::STRING)),
        )
        .field(connection(nodes).argument(input("filter", "NodeFilter")))
        .field(
            field("search", TypeRef::named_nn_list_nn("Hit"), search)
                .argument(input("text", TypeRef::STRING))
                .argument(input("fingerprint", TypeRef::STRING))
                .argument(input("k", TypeRef::INT))
                .argument(input("filter", "NodeFilter")),
        )
        .field(field("version", TypeRef::named_nn(TypeRef::ID), |ctx| {
            some(request(ctx)?.snapshot.state.version().to_string())
        }))
}

/// The one of these arguments that is given, and its text.
fn only<'c>(
    ctx: &'c ResolverContext<'_>,
    names: &[&'static str],
) -> Result<(&'static str, &'c str), Error> {
    let wrong = || Error::new(format!("expected exactly one of {}", names.join(", ")));
    let mut given = names
        .iter()
        .filter_map(|name| Some((*name, ctx.args.get(name)?)));
    let (name, value) = given
        .find(|(_, value)| !value.is_null())
        .ok_or_else(wrong)?;
    if given.any(|(_, value)| !value.is_null()) {
        return Err(wrong());
    }
    match value.as_value() {
        Value::String(text) => Ok((name, text)),
        _ => Err(Error::new(format!("expected {name} as a string"))),
    }
}

fn find<'a>(ctx: &ResolverContext<'a>) -> Answer<'a> {
    let view = request(ctx)?.snapshot.view();
    let node = match only(ctx, &["id", "name", "address"])? {
        ("id", id) => {
            let id = id
                .parse()
                .map_err(|_| Error::new(format!("expected an id such as \"17\", got '{id}'")))?;
            view.find_id(id)
        }
        ("name", name) => view.find(name.as_bytes()),
        (_, address) => view.node(address.parse::<Address>()?),
    };
    request(ctx)?.answer(1)?;
    Ok(node.map(node_value))
}

fn search<'a>(ctx: &ResolverContext<'a>) -> Answer<'a> {
    let query = match only(ctx, &["text", "fingerprint"])? {
        ("text", words) => encode::text(words),
        (_, hex) => Fingerprint::from_bytes_or_hex(hex.as_bytes())?,
    };
    let k = match ctx.args.get("k").filter(|k| !k.is_null()) {
        None => K_DEFAULT,
        Some(k) => usize::try_from(k.i64()?)
            .ok()
            .filter(|k| (1..=PAGE_MAX).contains(k))
            .ok_or_else(|| Error::new(format!("k is a number from 1 to {PAGE_MAX}")))?,
    };
    let filter = filter(ctx)?;
    let request = request(ctx)?;
    request.answer(k)?;
    let scope = Scope {
        snapshot: &request.snapshot,
        filter: &filter,
    };
    let hits = top_k(&[scope], &[&query], TopK::new(k))
        .into_iter()
        .flatten();
    let hits = hits.map(|hit| FieldValue::owned_any((hit.address, hit.distance)));
    Ok(Some(FieldValue::list(hits)))
}
