//! Edges: LINK, UNLINK, BIND, UNBIND, and the walks along them.

mod bind;

use ladybug_engine::commit::transaction::{EdgeDraft, Transaction};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::address::{ADDRESSES, Address};
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::graph::{Direction, Edge};
use ladybug_engine::space::marks::Truth;
use ladybug_engine::space::state::View;
use ladybug_engine::space::verbs::{self, VERB_PREFIX};

use super::super::command::{Command, Flag, Group, Handler};
use super::super::context::Context;
use super::super::error::CommandError;
use super::super::reply::Reply;
use super::operand::{Arguments, Reading, Reference, row};
use super::paths::name;

/// What the commands of this family share.
const EDGE: Command = Command {
    group: Group::Graph,
    since: "0.1.0",
    ..Command::DEFAULT
};

/// The family. UNLINK is in the table of keys: Redis has a command of that name.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "link",
        syntax: "node verb other [WEIGHT weight] [TRUTH truth]",
        arity: -4,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        summary: "Adds an edge of a verb from one node to another, beside those that are there; answers its id, \
                  written #17. Weight is 1 and truth 1,0.9 unless given",
        handler: Handler::Write(link),
        ..EDGE
    },
    Command {
        name: "bind",
        syntax: "node other [VIA verb]",
        arity: -3,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        summary: "Adds an edge that has an address and a fingerprint of its own, of verb RELATES unless given; \
                  answers the address",
        handler: Handler::Write(bind::bind),
        ..EDGE
    },
    Command {
        name: "unbind",
        syntax: "edge known",
        arity: -3,
        flags: &[Flag::Readonly],
        summary: "From an edge made by BIND and one of its ends, the other: its name, address, id, the distance of \
                  what was recovered from it, and what was recovered, in hex (RESP2: an array in this order; \
                  RESP3: a map)",
        handler: Handler::Query(bind::unbind),
        ..EDGE
    },
    Command {
        name: "fanout",
        syntax: "node [VIA verb]",
        arity: -2,
        flags: &[Flag::Readonly],
        summary: "The edges that leave a node, by verb and address: rows of name and address of the other end, \
                  verb, id, weight and truth (RESP2: arrays in this order; RESP3: maps)",
        complexity: "O(N) where N is the number of edges",
        handler: Handler::Read(fan_out),
        ..EDGE
    },
    Command {
        name: "fanin",
        syntax: "node [VIA verb]",
        arity: -2,
        flags: &[Flag::Readonly],
        summary: "The edges that lead to a node, in the rows of FANOUT",
        complexity: "O(N) where N is the number of edges",
        handler: Handler::Read(fan_in),
        ..EDGE
    },
    Command {
        name: "traverse",
        syntax: "node VIA verb [DEPTH depth] [LIMIT limit]",
        arity: -4,
        flags: &[Flag::Readonly],
        summary: "What a node reaches along a verb, nearest first, each once: rows of name, address and depth \
                  (RESP2: arrays in this order; RESP3: maps). Without DEPTH and LIMIT, everything",
        complexity: "O(N) where N is the number of edges passed",
        handler: Handler::Query(traverse),
        ..EDGE
    },
    Command {
        name: "cam.verbs.define",
        syntax: "verb",
        arity: 2,
        flags: &[Flag::Write, Flag::Fast],
        summary: "Takes an open slot of the vocabulary for a verb of this space, unless it has one of exactly this name, \
                  built-in or its own; answers its address",
        handler: Handler::Write(define_verb),
        ..EDGE
    },
];

/// The slot of a verb: its name, or its address.
pub(super) fn find_verb(view: &View<'_>, word: &[u8]) -> Result<u8, CommandError> {
    let text = String::from_utf8_lossy(word);
    let verbs = view.state.verbs();
    let by_address = text
        .parse()
        .ok()
        .filter(|address: &Address| address.prefix() == VERB_PREFIX)
        .and_then(|address| verbs.canonical(address.slot()));
    by_address
        .or_else(|| verbs.slot(&text))
        .ok_or_else(|| EngineError::NoSuchVerb(text.into_owned()).into())
}

fn link(tx: &mut Transaction<'_>, _: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let source = arguments.reference()?;
    let verb = arguments.take("a verb")?;
    let target = arguments.reference()?;
    let mut draft = EdgeDraft::default();
    while let Some(option) = arguments.option(&["WEIGHT", "TRUTH"])? {
        match option {
            "WEIGHT" => draft.weight = arguments.float("WEIGHT")?,
            _ => {
                let truth = arguments.text("a truth")?.parse();
                draft.truth = truth.map_err(|error| CommandError::err(format!("{error}")))?;
            }
        }
    }
    let view = tx.view();
    let verb = find_verb(&view, verb)?;
    let (source, target) = (source.node(&view)?.address(), target.node(&view)?.address());
    let edge = tx.link(source, verb, target, draft)?;
    Ok(Reply::bulk(format!("#{}", edge.id)))
}

/// What UNLINK does when its arguments are `node verb other`, with the verb written exactly as it is
/// called: removes those edges and answers how many. `None` if the arguments are no such thing, and so
/// keys, as in Redis.
///
/// # Errors
/// A key is called like the verb, so that it could be meant; or a node is not there.
pub(super) fn unlink_edges(
    tx: &mut Transaction<'_>,
    request: &[&[u8]],
) -> Result<Option<Reply>, CommandError> {
    let mut arguments = Arguments::new(request);
    let (Ok(source), Some(word), Ok(target)) = (
        arguments.reference(),
        arguments.take_if_any(),
        arguments.reference(),
    ) else {
        return Ok(None);
    };
    let view = tx.view();
    let is_verb = |verb: &u8| {
        let name = view.state.verbs().name(*verb);
        name.map(str::as_bytes) == Some(word) || word.starts_with(b"@")
    };
    let verb = find_verb(&view, word).ok().filter(is_verb);
    let (Some(verb), true) = (verb, arguments.is_empty()) else {
        return Ok(None);
    };
    if view.find(word).is_some() {
        if word.starts_with(b"@") {
            return Ok(None);
        }
        let word = String::from_utf8_lossy(word);
        return Err(CommandError::err(format!(
            "'{word}' is a verb and a key: write DEL to remove keys, and the verb as {} to remove edges",
            verbs::address_of(verb)
        )));
    }
    let (source, target) = (source.node(&view)?.address(), target.node(&view)?.address());
    let ids: Vec<u64> = view.state.graph().find(source, verb, target).collect();
    for &id in &ids {
        tx.unlink(source, id)?;
    }
    Ok(Some(Reply::count(ids.len())))
}

/// The verb that follows VIA, if it does.
fn via(view: &View<'_>, arguments: &mut Arguments<'_>) -> Result<Option<u8>, CommandError> {
    match arguments.option(&["VIA"])? {
        Some(_) => Ok(Some(find_verb(view, arguments.take("a verb")?)?)),
        None => Ok(None),
    }
}

fn fan_out(view: &View<'_>, context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let node = arguments.reference()?.node(view)?;
    let verb = via(view, &mut arguments)?;
    arguments.end()?;
    let graph = view.state.graph();
    let edges = graph.outgoing(node.address(), verb).filter_map(|edge| {
        Some(edge_row(
            view,
            context,
            &graph.get(edge.source, edge.id)?,
            view.node(edge.target)?,
        ))
    });
    Ok(Reply::Array(edges.collect()))
}

fn fan_in(view: &View<'_>, context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let node = arguments.reference()?.node(view)?;
    let verb = via(view, &mut arguments)?;
    arguments.end()?;
    let graph = view.state.graph();
    let edges = graph.incoming(node.address(), verb).filter_map(|edge| {
        Some(edge_row(
            view,
            context,
            &graph.get(edge.source, edge.id)?,
            view.node(edge.source)?,
        ))
    });
    Ok(Reply::Array(edges.collect()))
}

/// An edge as the end `other` is asked for.
fn edge_row(view: &View<'_>, context: &Context, edge: &Edge, other: Node<'_>) -> Reply {
    let verb = view.state.verbs().name(edge.verb).unwrap_or_default();
    let truth = Truth::new(edge.frequency, edge.confidence);
    let truth = truth.expect("invariant: truths are checked where they enter");
    let columns = vec![
        ("name", name(other)),
        ("address", Reply::bulk(other.address().to_string())),
        ("verb", Reply::copied(verb.as_bytes())),
        ("id", Reply::bulk(format!("#{}", edge.id))),
        ("weight", Reply::Double(shortest(edge.weight))),
        ("truth", Reply::bulk(truth.to_string())),
    ];
    row(context, columns)
}

/// The double whose shortest decimal is that of the float.
fn shortest(value: f32) -> f64 {
    let decimal = value.to_string().parse();
    decimal.unwrap_or(f64::from(value))
}

fn traverse(context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let start = arguments.reference()?;
    let (mut verb, mut depth_max, mut limit) = (None, u64::from(u32::MAX), ADDRESSES as u64);
    while let Some(option) = arguments.option(&["VIA", "DEPTH", "LIMIT"])? {
        match option {
            "VIA" => verb = Some(arguments.take("a verb")?),
            "DEPTH" => depth_max = arguments.number("DEPTH", 1..=u64::from(u32::MAX))?,
            _ => limit = arguments.number("LIMIT", 1..=ADDRESSES as u64)?,
        }
    }
    let verb = verb.ok_or_else(|| CommandError::err("expected VIA and a verb, got none"))?;
    let reading = Reading::new(context);
    let view = &reading.view();
    let verb = find_verb(view, verb)?;
    let start = start.node(view)?.address();
    let depth_max = u32::try_from(depth_max).unwrap_or(u32::MAX);
    let limit = usize::try_from(limit).unwrap_or(ADDRESSES);
    let is_there = |address| view.node(address).is_some();
    let reached = view.state.graph().traverse(
        start,
        Some(verb),
        Direction::Outgoing,
        depth_max,
        limit,
        is_there,
    );
    reading.check()?;
    let rows = reached.into_iter().filter_map(|(address, depth)| {
        let columns = vec![
            ("name", name(view.node(address)?)),
            ("address", Reply::bulk(address.to_string())),
            ("depth", Reply::Integer(depth.into())),
        ];
        Some(row(context, columns))
    });
    Ok(Reply::Array(rows.collect()))
}

fn define_verb(
    tx: &mut Transaction<'_>,
    _: &Context,
    request: &[&[u8]],
) -> Result<Reply, CommandError> {
    let word = String::from_utf8_lossy(request[1]);
    let slot = tx.define_verb(&word)?;
    Ok(Reply::bulk(verbs::address_of(slot).to_string()))
}

/// A reified edge, if both its ends are there.
fn reified(view: &View<'_>, reference: Reference<'_>) -> Result<(Edge, Address), CommandError> {
    let graph = view.state.graph();
    let id = match reference {
        Reference::Id(id) => Some(id),
        other => Some(other.occupant(view)?.id()),
    };
    let edge = id
        .and_then(|id| graph.get(graph.source_of(id)?, id))
        .filter(|edge| view.node(edge.source).is_some() && view.node(edge.target).is_some())
        .ok_or_else(|| EngineError::NoSuchEdge(reference.to_string()))?;
    match edge.address {
        Some(address) => Ok((edge, address)),
        None => Err(CommandError::err(format!(
            "edge {reference} has no fingerprint to unbind; BIND makes edges that have one"
        ))),
    }
}
