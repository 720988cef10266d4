//! `Node` and what hangs on it: the interface, and the fields that every type of nodes has.

use std::collections::HashSet;
use std::sync::Arc;

use async_graphql::dynamic::{
    Field, FieldValue, InputValue, Interface, InterfaceField, Object, ResolverContext, TypeRef,
};
use async_graphql::{Error, Value};
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::fields::{Fields, fields_json};
use ladybug_engine::space::marks::Qualia;
use ladybug_engine::space::state::View;

use super::edge::{EdgeAt, direction_argument};
use super::history::history;
use super::moment::Moment;
use super::page::{self, Page};
use super::request::Request;
use super::value::{
    Answer, Shown, field, float, id, input, int, json, maybe, request, shortest, some, string,
    text, time, zone,
};

/// A node at a moment.
#[derive(Clone)]
pub struct NodeAt {
    pub moment: Arc<Moment>,
    pub address: Address,
    /// The kind that it was asked for as.
    kind: Option<Arc<str>>,
}

impl NodeAt {
    pub fn new(moment: &Arc<Moment>, address: Address) -> Self {
        Self {
            moment: Arc::clone(moment),
            address,
            kind: None,
        }
    }

    /// The same, to be shown as of a kind if it has that.
    pub fn of_kind(self, kind: Option<&Arc<str>>) -> Self {
        Self {
            kind: kind.cloned(),
            ..self
        }
    }
}

impl Shown for NodeAt {
    fn shown(self, request: &Request) -> FieldValue<'static> {
        let node = self.moment.view().node(self.address);
        let ty = node.map_or(super::types::PLAIN, |node| {
            request.types.of(node, self.kind.as_ref())
        });
        let ty = ty.to_owned();
        FieldValue::owned_any(self).with_type(ty)
    }
}

/// What a field of a node is read from.
#[derive(Clone, Copy)]
pub struct Of<'a> {
    pub request: &'a Request,
    pub moment: &'a Arc<Moment>,
    pub view: View<'a>,
    pub node: Node<'a>,
}

impl<'a> Of<'a> {
    fn at(&self, address: Address) -> NodeAt {
        NodeAt::new(self.moment, address)
    }

    fn text(&self, bytes: Option<&Arc<[u8]>>) -> Answer<'a> {
        let text = text(bytes);
        self.request.spend(text.map_or(0, str::len))?;
        maybe(text)
    }
}

/// A field that every type of nodes has.
struct Common {
    name: &'static str,
    ty: TypeRef,
    arguments: fn() -> Vec<InputValue>,
    read: for<'a> fn(&ResolverContext<'a>, Of<'a>) -> Answer<'a>,
}

impl Common {
    fn new(
        name: &'static str,
        ty: TypeRef,
        read: for<'a> fn(&ResolverContext<'a>, Of<'a>) -> Answer<'a>,
    ) -> Self {
        Self {
            name,
            ty,
            arguments: Vec::new,
            read,
        }
    }

    fn with(self, arguments: fn() -> Vec<InputValue>) -> Self {
        Self { arguments, ..self }
    }

    fn of_interface(self) -> InterfaceField {
        let field = InterfaceField::new(self.name, self.ty);
        (self.arguments)()
            .into_iter()
            .fold(field, InterfaceField::argument)
    }

    fn of_object(self) -> Field {
        let read = self.read;
        let field = field(self.name, self.ty, move |ctx| {
            let request = request(ctx)?;
            let at = ctx.parent_value.try_downcast_ref::<NodeAt>()?;
            let view = at.moment.view();
            let Some(node) = view.node(at.address) else {
                return Err(Error::new(format!("no such node '{}'", at.address)));
            };
            request.read(&at.moment, node)?;
            let moment = &at.moment;
            let of = Of {
                request,
                moment,
                view,
                node,
            };
            read(ctx, of)
        });
        (self.arguments)().into_iter().fold(field, Field::argument)
    }
}

/// The names of the fields that every type of nodes has.
pub fn field_names() -> HashSet<String> {
    common()
        .into_iter()
        .map(|field| field.name.to_owned())
        .collect()
}

/// `Node`.
pub fn interface() -> Interface {
    let interface = Interface::new("Node");
    let fields = common().into_iter().map(Common::of_interface);
    fields.fold(interface, Interface::field)
}

/// A type of nodes, with the fields that every one has.
pub fn object(name: &str) -> Object {
    let object = Object::new(name).implement("Node");
    let fields = common().into_iter().map(Common::of_object);
    fields.fold(object, Object::field)
}

fn common() -> Vec<Common> {
    let text = || TypeRef::named(TypeRef::STRING);
    let node = || TypeRef::named("Node");
    vec![
        Common::new("id", id(), |_, of| some(of.node.id().to_string())),
        Common::new("address", string(), |_, of| {
            some(of.moment.address_of(of.node))
        }),
        Common::new("zone", TypeRef::named_nn("Zone"), |_, of| {
            some(zone(of.node.address().zone()))
        }),
        Common::new("name", text(), |_, of| of.text(of.node.name())),
        Common::new(
            "kinds",
            TypeRef::named_nn_list_nn(TypeRef::STRING),
            |_, of| {
                let kinds = of.node.kinds().iter();
                of.request
                    .spend(kinds.clone().map(|kind| kind.len()).sum())?;
                some(Value::List(
                    kinds.map(|kind| kind.to_string().into()).collect(),
                ))
            },
        ),
        Common::new("value", text(), |_, of| of.text(of.node.value())),
        Common::new("fields", TypeRef::named("JSON"), |_, of| {
            let fields = of.node.fields();
            fields_value(of.request, fields.map(|fields| &**fields))
        }),
        Common::new("fingerprint", string(), |_, of| {
            let hex = of.moment.fingerprint(of.node).to_hex();
            of.request.spend(hex.len())?;
            some(hex)
        }),
        Common::new("truth", TypeRef::named_nn("Truth"), |_, of| {
            let truth = of.node.truth();
            let parts = [truth.frequency(), truth.confidence()];
            Ok(Some(FieldValue::owned_any(parts)))
        }),
        Common::new(
            "evidence",
            TypeRef::named_nn_list_nn(TypeRef::ID),
            |_, of| ids(of.request, of.node.evidence()),
        ),
        Common::new("qualia", TypeRef::named_nn("Qualia"), |_, of| {
            Ok(Some(FieldValue::owned_any(of.node.qualia().values())))
        }),
        Common::new("rung", int(), |_, of| some(of.node.rung())),
        Common::new("depth", int(), |_, of| some(of.node.depth())),
        Common::new("version", id(), |_, of| some(of.moment.version_of(of.node))),
        Common::new("created", string(), |_, of| some(time(of.node.created()))),
        Common::new("expires", text(), |_, of| {
            maybe(of.node.expires().map(time))
        }),
        Common::new("parent", node(), |_, of| {
            let parent = of.view.parent(of.node);
            Ok(parent.map(|parent| of.at(parent.address()).shown(of.request)))
        }),
        Common::new("children", TypeRef::named_nn("NodeConnection"), children)
            .with(page::arguments),
        Common::new("ancestors", TypeRef::named_nn("NodeConnection"), ancestors)
            .with(page::arguments),
        Common::new(
            "neighbours",
            TypeRef::named_nn("EdgeConnection"),
            neighbours,
        )
        .with(|| {
            let mut arguments = page::arguments();
            arguments.push(input("verb", TypeRef::STRING));
            arguments.push(direction_argument());
            arguments
        }),
        Common::new("history", TypeRef::named_nn("ChangeConnection"), history)
            .with(page::arguments),
    ]
}

/// Ids as a list.
pub fn ids<'a>(request: &Request, ids: &[u64]) -> Answer<'a> {
    request.spend(ids.len() * ID_BYTES)?;
    some(Value::List(
        ids.iter().map(|id| id.to_string().into()).collect(),
    ))
}

/// What an id in a list takes, at most: its value, and twenty digits.
const ID_BYTES: usize = size_of::<Value>() + 20;

/// Fields as JSON.
pub fn fields_value<'a>(request: &Request, fields: Option<&Fields>) -> Answer<'a> {
    let Some(fields) = fields else {
        return Ok(None);
    };
    let sizes = fields
        .iter()
        .map(|(name, value)| name.len() + value.text().len());
    request.spend(sizes.sum())?;
    some(json(fields_json(fields))?)
}

fn children<'a>(ctx: &ResolverContext<'a>, of: Of<'a>) -> Answer<'a> {
    of.request.read_all(of.moment)?;
    let children = of.moment.children(of.node);
    page(ctx, children.into_iter().map(|address| of.at(address)))
}

fn ancestors<'a>(ctx: &ResolverContext<'a>, of: Of<'a>) -> Answer<'a> {
    let above = std::iter::successors(of.view.parent(of.node), |node| of.view.parent(*node));
    let above: Vec<Node<'_>> = above.collect();
    for node in &above {
        of.request.read(of.moment, *node)?;
    }
    // Nearest first; the place is how far above.
    let places = above.into_iter().zip(1..);
    let places = places.map(|(node, place)| (of.at(node.address()), place));
    Page::answer(ctx, places)
}

fn neighbours<'a>(ctx: &ResolverContext<'a>, of: Of<'a>) -> Answer<'a> {
    of.request.read_all_edges(of.moment)?;
    let edges = EdgeAt::of_node(ctx, of.moment, of.node)?;
    let places = edges.map(|edge| {
        let id = edge.link.id;
        (edge, id)
    });
    Page::answer(ctx, places)
}

/// A page of nodes by address.
pub fn page<'a>(ctx: &ResolverContext<'a>, nodes: impl Iterator<Item = NodeAt>) -> Answer<'a> {
    let places = nodes.map(|node| {
        let place = u64::from(node.address.0);
        (node, place)
    });
    Page::answer(ctx, places)
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
