//! Transactions: BEGIN, what is done in them, and COMMIT or ABORT.
//!
//! A transaction belongs to nobody: whoever knows its id can use it, also over another connection.

use std::sync::Arc;
use std::time::Duration;

use ladybug_engine::commit::history::PastNode;
use ladybug_engine::commit::transaction::{Draft, EdgeDraft};
use ladybug_engine::engine::{
    Isolation, LongTransaction, NodeRef, TRANSACTION_IDLE_MAX, TransactionId, TransactionOptions,
};
use ladybug_engine::error::EngineError;
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::space::address::Zone;
use ladybug_engine::space::fields::Fields;
use ladybug_engine::space::mutation::{Bits, Content};

use super::super::super::error::CommandError;
use super::super::super::reply::Reply;
use super::super::super::session::Session;
use super::super::graph::find_verb;
use super::super::operand::{Arguments, Reference, expected, row};
use super::{name_of, node_ref, number, policy, policy_name};

type Answer = Result<Reply, CommandError>;

pub(super) fn begin(session: &mut Session, request: &[&[u8]]) -> Answer {
    let mut arguments = Arguments::new(request);
    let mut options = TransactionOptions::default();
    while let Some(option) = arguments.option(&["ISOLATION", "ON", "TIMEOUT"])? {
        match option {
            "ISOLATION" => {
                let word = arguments.take("serializable or snapshot")?;
                options.isolation = match word.to_ascii_lowercase().as_slice() {
                    b"serializable" => Isolation::Serializable,
                    b"snapshot" => Isolation::Snapshot,
                    _ => return Err(expected("serializable or snapshot", word)),
                };
            }
            "ON" => options.on_conflict = policy(&mut arguments)?,
            _ => {
                let most = TRANSACTION_IDLE_MAX.as_millis() as u64;
                let milliseconds = arguments.number("TIMEOUT", 1..=most)?;
                options.idle = Duration::from_millis(milliseconds);
            }
        }
    }
    let engine = &session.server.engine;
    let id = engine.begin(session.context.selected(), options)?;
    Ok(Reply::bulk(id.to_string()))
}

/// The transaction that comes first among the arguments.
fn transaction(arguments: &mut Arguments<'_>) -> Result<TransactionId, CommandError> {
    let text = arguments.take("a transaction's id")?;
    Ok(String::from_utf8_lossy(text).parse::<TransactionId>()?)
}

/// Does something in a transaction; what it reveals is that of the snapshot it reads.
fn within<R>(
    session: &mut Session,
    id: TransactionId,
    f: impl FnOnce(&mut LongTransaction) -> Result<R, CommandError>,
) -> Result<R, CommandError> {
    let mut position = 0;
    let done = session.server.engine.in_transaction(id, |open| {
        position = open.branch().position();
        f(open)
    });
    session.revealed = session.revealed.max(position);
    done
}

pub(super) fn read(session: &mut Session, request: &[&[u8]]) -> Answer {
    let mut arguments = Arguments::new(request);
    let id = transaction(&mut arguments)?;
    let node = node_ref(arguments.reference()?);
    arguments.end()?;
    let found = within(session, id, |open| Ok(open.read(node)))?;
    Ok(found.map_or(Reply::Nil, |found| content(&found)))
}

/// What a node says: its value, else its fields, else nothing.
fn content(node: &PastNode) -> Reply {
    let content = &node.image.content;
    match (&content.value, &content.fields) {
        (Some(value), _) => Reply::Value(Arc::clone(value)),
        (None, Some(fields)) => fields_reply(fields),
        (None, None) => Reply::Nil,
    }
}

/// Fields as HGETALL shows them.
pub(super) fn fields_reply(fields: &Fields) -> Reply {
    let pairs = fields.iter();
    let pair = |(name, value): (&Arc<[u8]>, &ladybug_engine::space::fields::FieldValue)| {
        (Reply::Value(Arc::clone(name)), Reply::Value(value.text()))
    };
    Reply::Map(pairs.map(pair).collect())
}

/// Most nodes that a scan answers if it does not say how many.
const SCAN_LIMIT_MAX: u64 = 65_536;

pub(super) fn scan(session: &mut Session, request: &[&[u8]]) -> Answer {
    let mut arguments = Arguments::new(request);
    let id = transaction(&mut arguments)?;
    let mut prefixes = Zone::Fluid.prefixes().start().to_owned()..=u8::MAX;
    if let Some(word) = arguments.next_unless(&["LIMIT"]) {
        prefixes = range(word)?;
    }
    let mut limit = SCAN_LIMIT_MAX;
    while arguments.option(&["LIMIT"])?.is_some() {
        limit = arguments.number("LIMIT", 0..=SCAN_LIMIT_MAX)?;
    }
    let nodes = within(session, id, |open| Ok(open.scan(prefixes, limit as usize)))?;
    let rows = nodes.into_iter().map(|node| {
        let columns = vec![
            ("name", name_of(node.image.name.as_ref())),
            ("address", Reply::bulk(node.address.to_string())),
            ("value", content(&node)),
        ];
        row(&session.context, columns)
    });
    Ok(Reply::Array(rows.collect()))
}

/// The prefixes of a zone by its name, or one prefix in hex.
fn range(word: &[u8]) -> Result<std::ops::RangeInclusive<u8>, CommandError> {
    let text = String::from_utf8_lossy(word).to_ascii_lowercase();
    match text.as_str() {
        "fluid" => return Ok(Zone::Fluid.prefixes()),
        "node" => return Ok(Zone::Node.prefixes()),
        _ => {}
    }
    let prefix = u8::from_str_radix(&text, 16).ok();
    let prefix =
        prefix.filter(|prefix| text.len() == 2 && Zone::of_prefix(*prefix) != Zone::Surface);
    prefix
        .map(|prefix| prefix..=prefix)
        .ok_or_else(|| expected("fluid, node or a prefix from 10 to FF", word))
}

pub(super) fn write(session: &mut Session, request: &[&[u8]]) -> Answer {
    let mut arguments = Arguments::new(request);
    let id = transaction(&mut arguments)?;
    let reference = arguments.reference()?;
    let value: Option<Arc<[u8]>> = arguments.next_unless(&["FP"]).map(Arc::from);
    let mut bits = None;
    while arguments.option(&["FP"])?.is_some() {
        let input = arguments.take("a fingerprint")?;
        let given = Fingerprint::from_bytes_or_hex(input);
        bits = Some(given.map_err(|error| CommandError::err(error.to_string()))?);
    }
    if value.is_none() && bits.is_none() {
        return Err(CommandError::err("expected a value, FP bits, or both"));
    }
    let engine = Arc::clone(&session.server.engine);
    within(session, id, |open| {
        engine.change_branch(open.branch(), |tx| {
            let found = node_ref(reference).find(tx.view().state);
            let found = found.filter(|address| tx.view().node(*address).is_some());
            let bits = bits.map(|bits| Bits::Given(Box::new(bits)));
            let Some(address) = found else {
                let Reference::Key(name) = reference else {
                    reference.node(&tx.view())?;
                    unreachable!("invariant: what is there was found");
                };
                let content = Content {
                    value,
                    fields: None,
                    fingerprint: bits.unwrap_or_default(),
                };
                let name = Some(Arc::from(name));
                let draft = Draft {
                    name,
                    content,
                    ..Draft::default()
                };
                return tx.create(draft).map(drop).map_err(CommandError::from);
            };
            let view = tx.view();
            let node = view.node(address).expect("invariant: it was just found");
            // As SET: a value replaces all that the node said. Bits alone leave that.
            let content = match value {
                Some(value) => Content {
                    value: Some(value),
                    fields: None,
                    fingerprint: bits.unwrap_or_default(),
                },
                None => Content {
                    value: node.value().cloned(),
                    fields: node.fields().cloned(),
                    fingerprint: bits.unwrap_or_default(),
                },
            };
            Ok(tx.set_content(address, content)?)
        })
    })?;
    Ok(Reply::OK)
}

pub(super) fn delete(session: &mut Session, request: &[&[u8]]) -> Answer {
    let mut arguments = Arguments::new(request);
    let id = transaction(&mut arguments)?;
    let node = node_ref(arguments.reference()?);
    arguments.end()?;
    let engine = Arc::clone(&session.server.engine);
    let deleted = within(session, id, |open| {
        let Some(found) = open.read(node) else {
            return Ok(0);
        };
        engine.change_branch(open.branch(), |tx| tx.remove(found.address))?;
        Ok::<_, CommandError>(1)
    })?;
    Ok(Reply::Integer(deleted))
}

/// Both ends of an edge, which must be there.
fn ends(
    open: &mut LongTransaction,
    source: Reference<'_>,
    target: Reference<'_>,
) -> Result<(PastNode, PastNode), CommandError> {
    let mut end = |reference: Reference<'_>| {
        let found = open.read(node_ref(reference));
        found.ok_or_else(|| {
            let shown = match node_ref(reference) {
                NodeRef::Name(name) => String::from_utf8_lossy(name).into_owned(),
                NodeRef::Id(id) => format!("#{id}"),
                NodeRef::Address(address) => address.to_string(),
            };
            CommandError::from(EngineError::NoSuchNode(shown))
        })
    };
    Ok((end(source)?, end(target)?))
}

/// The arguments of LINK and UNLINK: transaction, source, verb, target.
fn edge_arguments<'a>(
    request: &'a [&'a [u8]],
) -> Result<(TransactionId, Reference<'a>, &'a [u8], Reference<'a>), CommandError> {
    let mut arguments = Arguments::new(request);
    let id = transaction(&mut arguments)?;
    let source = arguments.reference()?;
    let verb = arguments.take("a verb")?;
    let target = arguments.reference()?;
    arguments.end()?;
    Ok((id, source, verb, target))
}

pub(super) fn link(session: &mut Session, request: &[&[u8]]) -> Answer {
    let (id, source, verb, target) = edge_arguments(request)?;
    let engine = Arc::clone(&session.server.engine);
    let edge = within(session, id, |open| {
        let (source, target) = ends(open, source, target)?;
        engine.change_branch(open.branch(), |tx| {
            let verb = find_verb(&tx.view(), verb)?;
            let edge = tx.link(source.address, verb, target.address, EdgeDraft::default())?;
            Ok::<_, CommandError>(edge.id)
        })
    })?;
    Ok(Reply::bulk(format!("#{edge}")))
}

pub(super) fn unlink(session: &mut Session, request: &[&[u8]]) -> Answer {
    let (id, source, verb, target) = edge_arguments(request)?;
    let engine = Arc::clone(&session.server.engine);
    let removed = within(session, id, |open| {
        let (source, target) = ends(open, source, target)?;
        let verb = open.branch().read(|view| find_verb(view, verb))?;
        open.note_edges(source.address, verb, target.address);
        engine.change_branch(open.branch(), |tx| {
            let graph = tx.view().state.graph();
            let edges: Vec<u64> = graph.find(source.address, verb, target.address).collect();
            for edge in &edges {
                tx.unlink(source.address, *edge)?;
            }
            Ok::<_, CommandError>(edges.len())
        })
    })?;
    Ok(Reply::count(removed))
}

pub(super) fn commit(session: &mut Session, request: &[&[u8]]) -> Answer {
    let id = transaction(&mut Arguments::new(request))?;
    let outcome = session.server.engine.commit_transaction(id);
    session.revealed = session.revealed.max(outcome.position);
    let server = &session.server;
    server.publish_node_events(outcome.events, outcome.position);
    outcome.value.map(number).map_err(CommandError::from)
}

pub(super) fn abort(session: &mut Session, request: &[&[u8]]) -> Answer {
    let id = transaction(&mut Arguments::new(request))?;
    session.server.engine.abort_transaction(id)?;
    Ok(Reply::OK)
}

pub(super) fn list(session: &mut Session, _: &[&[u8]]) -> Answer {
    let engine = &session.server.engine;
    let now = engine.now();
    let rows = engine.transactions().into_iter().map(|open| {
        let isolation = match open.options.isolation {
            Isolation::Serializable => "serializable",
            Isolation::Snapshot => "snapshot",
        };
        let since = |then: i64| Reply::Integer((now - then).max(0) / 1000);
        let columns = vec![
            ("id", Reply::bulk(open.id.to_string())),
            ("space", Reply::bulk(engine.space_label(open.space))),
            ("version", number(open.version)),
            ("isolation", Reply::text(isolation)),
            (
                "on_conflict",
                Reply::text(policy_name(open.options.on_conflict)),
            ),
            ("age_ms", since(open.begun)),
            ("idle_ms", since(open.used)),
            ("reads", Reply::count(open.reads)),
        ];
        row(&session.context, columns)
    });
    Ok(Reply::Array(rows.collect()))
}
