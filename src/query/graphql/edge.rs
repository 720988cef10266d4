//! `Edge`.

use std::sync::Arc;

use async_graphql::Error;
use async_graphql::dynamic::{Field, FieldValue, InputValue, Object, ResolverContext, TypeRef};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::graph::{Direction, Edge, EdgeLink};
use ladybug_engine::space::rows::verb_text;
use ladybug_engine::space::state::View;

use super::input::there;
use super::moment::Moment;
use super::node::{NodeAt, fields_value, ids};
use super::request::Request;
use super::value::{Answer, Shown, field, float, id, item, maybe, request, shortest, some, string};

/// An edge at a moment.
#[derive(Clone)]
pub struct EdgeAt {
    pub moment: Arc<Moment>,
    pub link: EdgeLink,
}

impl Shown for EdgeAt {
    fn shown(self, _: &Request) -> FieldValue<'static> {
        FieldValue::owned_any(self)
    }
}

impl EdgeAt {
    /// The edges of a node, by id, as the arguments `verb` and `direction` choose.
    pub fn of_node<'a>(
        ctx: &ResolverContext<'a>,
        moment: &'a Arc<Moment>,
        node: Node<'a>,
    ) -> Result<impl Iterator<Item = Self> + use<'a>, Error> {
        let view = moment.view();
        let verb = match there(&ctx.args, "verb") {
            None => None,
            Some(word) => Some(find_verb(&view, word.string()?)?),
        };
        let graph = view.state.graph();
        let mut edges: Vec<EdgeLink> = match read_direction(ctx)? {
            Direction::Incoming => graph.incoming(node.address(), verb).collect(),
            Direction::Outgoing => {
                let edges = graph.outgoing(node.address(), verb);
                edges.map(|edge| edge.link()).collect()
            }
        };
        edges.retain(|edge| view.node(edge.source).is_some() && view.node(edge.target).is_some());
        edges.sort_unstable_by_key(|edge| edge.id);
        Ok(edges.into_iter().map(|link| Self {
            moment: Arc::clone(moment),
            link,
        }))
    }
}

/// The slot of a verb.
pub fn find_verb(view: &View<'_>, word: &str) -> Result<u8, Error> {
    let slot = view.state.verbs().slot(word);
    slot.ok_or_else(|| EngineError::NoSuchVerb(word.to_owned()).into())
}

/// The argument `direction`.
pub fn direction_argument() -> InputValue {
    InputValue::new("direction", TypeRef::named_nn("Direction")).default_value(item("OUTGOING"))
}

/// Reads the argument `direction`.
pub fn read_direction(ctx: &ResolverContext<'_>) -> Result<Direction, Error> {
    Ok(match ctx.args.try_get("direction")?.enum_name()? {
        "INCOMING" => Direction::Incoming,
        _ => Direction::Outgoing,
    })
}

fn of_edge(
    name: &'static str,
    ty: TypeRef,
    read: impl for<'a> Fn(&'a Request, &'a EdgeAt, Edge) -> Answer<'a> + Send + Sync + 'static,
) -> Field {
    field(name, ty, move |ctx| {
        let request = request(ctx)?;
        let at = ctx.parent_value.try_downcast_ref::<EdgeAt>()?;
        let edge = at
            .moment
            .view()
            .state
            .graph()
            .get(at.link.source, at.link.id);
        let edge = edge.ok_or_else(|| EngineError::NoSuchEdge(format!("#{}", at.link.id)))?;
        read(request, at, edge)
    })
}

/// `Edge`.
pub fn object() -> Object {
    Object::new("Edge")
        .field(of_edge("id", id(), |_, _, edge| some(edge.id.to_string())))
        .field(of_edge("verb", string(), |_, at, edge| {
            some(verb_text(at.moment.view().state, edge.verb))
        }))
        .field(of_edge(
            "source",
            TypeRef::named_nn("Node"),
            |request, at, edge| Ok(Some(NodeAt::new(&at.moment, edge.source).shown(request))),
        ))
        .field(of_edge(
            "target",
            TypeRef::named_nn("Node"),
            |request, at, edge| Ok(Some(NodeAt::new(&at.moment, edge.target).shown(request))),
        ))
        .field(of_edge("weight", float(), |_, _, edge| {
            some(shortest(edge.weight))
        }))
        .field(of_edge(
            "truth",
            TypeRef::named_nn("Truth"),
            |_, _, edge| {
                let truth = [edge.frequency, edge.confidence];
                Ok(Some(FieldValue::owned_any(truth)))
            },
        ))
        .field(of_edge(
            "evidence",
            TypeRef::named_nn_list_nn(TypeRef::ID),
            |request, _, edge| ids(request, edge.evidence.as_deref().unwrap_or_default()),
        ))
        .field(of_edge(
            "properties",
            TypeRef::named("JSON"),
            |request, _, edge| fields_value(request, edge.properties.as_deref()),
        ))
        .field(of_edge(
            "address",
            TypeRef::named(TypeRef::STRING),
            |_, at, _| maybe(at.moment.address_of_edge(at.link)),
        ))
}
