//! `Node` and what hangs on it.

use std::sync::Arc;

use async_graphql::dynamic::{Field, FieldValue, Object, ResolverContext, TypeRef};
use async_graphql::{Error, Value};
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::fields::fields_json;
use ladybug_engine::space::marks::Qualia;
use ladybug_engine::space::state::View;

use super::edge::{EdgeAt, direction_argument};
use super::moment::Moment;
use super::page::{Asked, connection};
use super::request::Request;
use super::value::{
    Answer, Shown, field, float, id, int, json, maybe, request, shortest, some, string, text, zone,
};

/// A node at a moment.
#[derive(Clone)]
pub struct NodeAt {
    pub moment: Arc<Moment>,
    pub address: Address,
}

impl NodeAt {
    pub fn new(moment: &Arc<Moment>, address: Address) -> Self {
        Self {
            moment: Arc::clone(moment),
            address,
        }
    }
}

impl Shown for NodeAt {
    fn shown(self, _: &Request) -> FieldValue<'static> {
        FieldValue::owned_any(self)
    }
}

/// What a field of a node is read from.
struct Of<'a> {
    request: &'a Request,
    moment: &'a Arc<Moment>,
    view: View<'a>,
    node: Node<'a>,
}

impl<'a> Of<'a> {
    fn at(&self, address: Address) -> FieldValue<'a> {
        NodeAt::new(self.moment, address).shown(self.request)
    }
}

fn of_node(
    name: &'static str,
    ty: TypeRef,
    read: impl for<'a> Fn(&ResolverContext<'a>, Of<'a>) -> Answer<'a> + Send + Sync + 'static,
) -> Field {
    field(name, ty, move |ctx| {
        let request = request(ctx)?;
        let at = ctx.parent_value.try_downcast_ref::<NodeAt>()?;
        let view = at.moment.view();
        let Some(node) = view.node(at.address) else {
            return Err(Error::new(format!("no such node '{}'", at.address)));
        };
        request.read(&at.moment, node)?;
        let moment = &at.moment;
        read(
            ctx,
            Of {
                request,
                moment,
                view,
                node,
            },
        )
    })
}

/// `Node`.
pub fn object() -> Object {
    Object::new("Node")
        .field(of_node("id", id(), |_, of| some(of.node.id().to_string())))
        .field(of_node("address", string(), |_, of| {
            some(of.moment.address_of(of.node))
        }))
        .field(of_node("zone", TypeRef::named_nn("Zone"), |_, of| {
            some(zone(of.node.address().zone()))
        }))
        .field(of_node("name", TypeRef::named(TypeRef::STRING), |_, of| {
            maybe(text(of.node.name()))
        }))
        .field(of_node(
            "kinds",
            TypeRef::named_nn_list_nn(TypeRef::STRING),
            |_, of| {
                let kinds = of.node.kinds().iter();
                some(Value::List(
                    kinds.map(|kind| kind.to_string().into()).collect(),
                ))
            },
        ))
        .field(of_node(
            "value",
            TypeRef::named(TypeRef::STRING),
            |_, of| maybe(text(of.node.value())),
        ))
        .field(of_node("fields", TypeRef::named("JSON"), |_, of| {
            let fields = of.node.fields();
            maybe(fields.map(|fields| json(fields_json(fields))).transpose()?)
        }))
        .field(of_node("fingerprint", string(), |_, of| {
            some(of.moment.fingerprint(of.node).to_hex())
        }))
        .field(of_node("truth", TypeRef::named_nn("Truth"), |_, of| {
            let truth = of.node.truth();
            let parts = [truth.frequency(), truth.confidence()];
            Ok(Some(FieldValue::owned_any(parts)))
        }))
        .field(of_node(
            "evidence",
            TypeRef::named_nn_list_nn(TypeRef::ID),
            |_, of| {
                let ids = of.node.evidence().iter();
                some(Value::List(ids.map(|id| id.to_string().into()).collect()))
            },
        ))
        .field(of_node("qualia", TypeRef::named_nn("Qualia"), |_, of| {
            Ok(Some(FieldValue::owned_any(of.node.qualia().values())))
        }))
        .field(of_node("rung", int(), |_, of| some(of.node.rung())))
        .field(of_node("depth", int(), |_, of| some(of.node.depth())))
        .field(of_node("version", id(), |_, of| {
            some(of.moment.version_of(of.node))
        }))
        .field(of_node("parent", TypeRef::named("Node"), |_, of| {
            let parent = of.view.parent(of.node);
            Ok(parent.map(|parent| of.at(parent.address())))
        }))
        .field(connection(of_node(
            "children",
            TypeRef::named_nn("NodeConnection"),
            children,
        )))
        .field(of_node(
            "ancestors",
            TypeRef::named_nn_list_nn("Node"),
            ancestors,
        ))
        .field(
            connection(of_node(
                "neighbours",
                TypeRef::named_nn("EdgeConnection"),
                neighbours,
            ))
            .argument(super::value::input("verb", TypeRef::STRING))
            .argument(direction_argument()),
        )
}

fn children<'a>(ctx: &ResolverContext<'a>, of: Of<'a>) -> Answer<'a> {
    of.request.read_all(of.moment)?;
    let children = of.view.children(of.node);
    let mut children: Vec<Address> = children.map(|child| child.address()).collect();
    children.sort_unstable();
    page(ctx, of.moment, children.into_iter())
}

fn ancestors<'a>(_: &ResolverContext<'a>, of: Of<'a>) -> Answer<'a> {
    let above = std::iter::successors(of.view.parent(of.node), |node| of.view.parent(*node));
    let above: Vec<Node<'_>> = above.collect();
    of.request.answer(above.len())?;
    for node in &above {
        of.request.read(of.moment, *node)?;
    }
    let above = above.into_iter().map(|node| of.at(node.address()));
    Ok(Some(FieldValue::list(above)))
}

fn neighbours<'a>(ctx: &ResolverContext<'a>, of: Of<'a>) -> Answer<'a> {
    of.request.read_all_edges(of.moment)?;
    let asked = Asked::read(ctx)?;
    let edges = EdgeAt::of_node(ctx, of.moment, of.node)?;
    let rest = edges.filter(|edge| asked.after.is_none_or(|after| edge.link.id > after));
    let page = asked.page(rest, |edge| edge.link.id);
    of.request.answer(page.len())?;
    Ok(Some(FieldValue::owned_any(page)))
}

/// A page of nodes by address.
pub fn page<'a>(
    ctx: &ResolverContext<'a>,
    moment: &Arc<Moment>,
    addresses: impl Iterator<Item = Address>,
) -> Answer<'a> {
    let asked = Asked::read(ctx)?;
    let is_after = |address: &Address| asked.after.is_none_or(|after| u64::from(address.0) > after);
    let rest = addresses
        .filter(is_after)
        .map(|address| NodeAt::new(moment, address));
    let page = asked.page(rest, |node| u64::from(node.address.0));
    request(ctx)?.answer(page.len())?;
    Ok(Some(FieldValue::owned_any(page)))
}

/// `Truth`.
pub fn truth() -> Object {
    let part = |name, at: usize| {
        field(name, float(), move |ctx| {
            let parts = ctx.parent_value.try_downcast_ref::<[f32; 2]>()?;
            some(shortest(parts[at]))
        })
    };
    Object::new("Truth")
        .field(part("frequency", 0))
        .field(part("confidence", 1))
}

/// `Qualia`.
pub fn qualia() -> Object {
    let dimensions = Qualia::DIMENSIONS.into_iter().enumerate();
    dimensions.fold(Object::new("Qualia"), |object, (at, name)| {
        object.field(field(name, float(), move |ctx| {
            let values = ctx.parent_value.try_downcast_ref::<[f32; 8]>()?;
            some(shortest(values[at]))
        }))
    })
}
