//! `path`: one of the shortest ways from a node to another.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::Error;
use async_graphql::dynamic::{FieldValue, Object, ResolverContext, TypeRef};
use ladybug_engine::space::address::{ADDRESSES, Address};
use ladybug_engine::space::graph::{Direction, EdgeLink};

use super::edge::{EdgeAt, find_verb, read_direction};
use super::input::{Reference, there};
use super::moment::Moment;
use super::node::NodeAt;
use super::page::{Page, connection};
use super::query::moment;
use super::request::Request;
use super::value::{Answer, field, int, request, some};

/// Most steps of a path: through every node.
const LENGTH_MAX: usize = ADDRESSES;
/// How many nodes are looked at before it is looked whether the request may go on.
const NODES_PER_CHECK: usize = 1024;

/// A way: its edges, and the nodes that they lead through.
struct Way {
    moment: Arc<Moment>,
    nodes: Vec<Address>,
    edges: Vec<EdgeLink>,
}

/// `Path`.
pub fn object() -> Object {
    Object::new("Path")
        .description(
            "A way from one node to another: its nodes, and the edges between them, both in order",
        )
        .field(field("length", int(), |ctx| {
            some(ctx.parent_value.try_downcast_ref::<Way>()?.edges.len())
        }))
        .field(connection(field(
            "nodes",
            TypeRef::named_nn("NodeConnection"),
            |ctx| {
                let way = ctx.parent_value.try_downcast_ref::<Way>()?;
                let nodes = way.nodes.iter();
                let nodes = nodes.map(|address| NodeAt::new(&way.moment, *address));
                Page::answer(ctx, nodes.zip(0..))
            },
        )))
        .field(connection(field(
            "edges",
            TypeRef::named_nn("EdgeConnection"),
            |ctx| {
                let way = ctx.parent_value.try_downcast_ref::<Way>()?;
                let edges = way.edges.iter().map(|link| EdgeAt {
                    moment: Arc::clone(&way.moment),
                    link: *link,
                });
                Page::answer(ctx, edges.zip(0..))
            },
        )))
}

/// Answers a path, or nothing if there is none.
pub fn find<'a>(ctx: &ResolverContext<'a>) -> Answer<'a> {
    let (request, moment) = (request(ctx)?, moment(ctx)?);
    let view = moment.view();
    let end = |name| {
        Ok::<_, Error>(
            Reference::argument(&ctx.args, name)?
                .expect(&view)?
                .address(),
        )
    };
    let (from, to) = (end("from")?, end("to")?);
    let verb = match there(&ctx.args, "verb") {
        None => None,
        Some(word) => Some(find_verb(&view, word.string()?)?),
    };
    let length_max = match there(&ctx.args, "lengthMax") {
        None => LENGTH_MAX,
        Some(length) => {
            let length = length.i64()?;
            usize::try_from(length)
                .map_err(|_| Error::new(format!("lengthMax is a number from 0 on, got {length}")))?
        }
    };
    let asked = Asked {
        from,
        to,
        verb,
        direction: read_direction(ctx)?,
        length_max,
    };
    let edges = asked.walk(request, moment)?;
    Ok(edges.map(|edges| {
        let mut nodes = vec![from];
        nodes.extend(edges.iter().map(|edge| asked.end(edge)));
        FieldValue::owned_any(Way {
            moment: Arc::clone(moment),
            nodes,
            edges,
        })
    }))
}

struct Asked {
    from: Address,
    to: Address,
    verb: Option<u8>,
    direction: Direction,
    length_max: usize,
}

impl Asked {
    /// Where an edge leads to in the direction that is asked for.
    fn end(&self, edge: &EdgeLink) -> Address {
        match self.direction {
            Direction::Outgoing => edge.target,
            Direction::Incoming => edge.source,
        }
    }

    fn begin(&self, edge: &EdgeLink) -> Address {
        match self.direction {
            Direction::Outgoing => edge.source,
            Direction::Incoming => edge.target,
        }
    }

    /// The edges of a shortest path. Breadth first: what was reached is the queue, with the edge that led there.
    fn walk(&self, request: &Request, moment: &Moment) -> Result<Option<Vec<EdgeLink>>, Error> {
        if self.from == self.to {
            return Ok(Some(Vec::new()));
        }
        let view = moment.view();
        let graph = view.state.graph();
        let mut came_by: HashMap<Address, EdgeLink> = HashMap::new();
        let mut level = vec![self.from];
        for _ in 0..self.length_max {
            let mut next = Vec::new();
            for (at, from) in level.iter().enumerate() {
                if at % NODES_PER_CHECK == 0 {
                    request.check()?;
                }
                let edges: Vec<EdgeLink> = match self.direction {
                    Direction::Outgoing => {
                        let edges = graph.outgoing(*from, self.verb);
                        edges.map(|edge| edge.link()).collect()
                    }
                    Direction::Incoming => graph.incoming(*from, self.verb).collect(),
                };
                for edge in edges {
                    let end = self.end(&edge);
                    let is_new = end != self.from && !came_by.contains_key(&end);
                    if !is_new || view.node(end).is_none() {
                        continue;
                    }
                    came_by.insert(end, edge);
                    if end == self.to {
                        return Ok(Some(self.back(&came_by)));
                    }
                    next.push(end);
                }
            }
            if next.is_empty() {
                return Ok(None);
            }
            level = next;
        }
        Ok(None)
    }

    /// The edges that led to the end, from the beginning.
    fn back(&self, came_by: &HashMap<Address, EdgeLink>) -> Vec<EdgeLink> {
        let last = came_by.get(&self.to).copied();
        let edges = std::iter::successors(last, |edge| came_by.get(&self.begin(edge)).copied());
        let mut edges: Vec<EdgeLink> = edges.collect();
        edges.reverse();
        edges
    }
}
