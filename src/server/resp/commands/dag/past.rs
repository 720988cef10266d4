//! The past: TIMETRAVEL, HISTORY, DIFF, CHANGED.

use std::sync::Arc;

use ladybug_engine::commit::difference::{Change, Difference};
use ladybug_engine::commit::history::PastNode;
use ladybug_engine::engine::{AsOf, Engine, NodeRef, When};
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::NEVER;
use ladybug_engine::space::state::State;
use ladybug_engine::space::verbs;
use ladybug_engine::space::words::CONCEPT_PREFIX;

use super::super::super::context::Context;
use super::super::super::error::CommandError;
use super::super::super::reply::Reply;
use super::super::expiry::milliseconds;
use super::super::operand::{Arguments, row};
use super::transaction::fields_reply;
use super::{name_of, node_ref, number, version, when};

type Answer = Result<Reply, CommandError>;

/// A node as it was, unless it had expired by then.
fn node_at(
    engine: &Engine,
    context: &Context,
    node: NodeRef<'_>,
    when: When,
) -> Result<AsOf<Option<PastNode>>, CommandError> {
    let mut then = engine.node_at(context.selected(), node, when)?;
    context.reveal(then.position);
    let moment = match when {
        When::Version(_) => then.committed,
        When::Time(time) => time.max(then.committed),
    };
    then.value = then.value.filter(|node| node.image.expires > moment);
    Ok(then)
}

pub(super) fn time_travel(engine: &Engine, context: &Context, request: &[&[u8]]) -> Answer {
    let mut arguments = Arguments::new(request);
    let node = node_ref(arguments.reference()?);
    let when = when(&mut arguments)?;
    arguments.end()?;
    let then = node_at(engine, context, node, when)?;
    let Some(node) = then.value else {
        return Ok(Reply::Nil);
    };
    let image = &node.image;
    let content = &image.content;
    let kinds = image.kinds.iter().flat_map(|kinds| kinds.iter());
    let expires = Some(image.expires).filter(|at| *at != NEVER);
    let columns = vec![
        ("version", number(then.version)),
        ("committed", Reply::Integer(then.committed)),
        ("name", name_of(image.name.as_ref())),
        ("address", Reply::bulk(node.address.to_string())),
        ("id", Reply::bulk(format!("#{}", image.id))),
        (
            "value",
            content.value.clone().map_or(Reply::Nil, Reply::Value),
        ),
        (
            "fields",
            content.fields.as_deref().map_or(Reply::Nil, fields_reply),
        ),
        (
            "kinds",
            Reply::Array(kinds.map(|kind| Reply::copied(kind.as_bytes())).collect()),
        ),
        ("truth", Reply::bulk(image.truth.to_string())),
        ("rung", Reply::Integer(image.rung.into())),
        (
            "expires",
            expires.map_or(Reply::Nil, |at| Reply::Integer(milliseconds(at))),
        ),
    ];
    Ok(row(context, columns))
}

/// Most changes that HISTORY answers if it does not say how many.
const HISTORY_LIMIT_MAX: u64 = 65_536;

pub(super) fn history(engine: &Engine, context: &Context, request: &[&[u8]]) -> Answer {
    let mut arguments = Arguments::new(request);
    let node = node_ref(arguments.reference()?);
    let mut limit = HISTORY_LIMIT_MAX;
    while arguments.option(&["LIMIT"])?.is_some() {
        limit = arguments.number("LIMIT", 0..=HISTORY_LIMIT_MAX)?;
    }
    let (changes, position) = engine.node_changes(context.selected(), node);
    context.reveal(position);
    let rows = changes.take(limit as usize).map(|change| {
        let parts = match &change.before {
            Some(before) => change.after.differences(before),
            None => vec!["created"],
        };
        let columns = vec![
            ("version", number(change.commit.version)),
            ("committed", Reply::Integer(change.commit.committed)),
            (
                "changed",
                Reply::Array(parts.into_iter().map(Reply::text).collect()),
            ),
        ];
        row(context, columns)
    });
    Ok(Reply::Array(rows.collect()))
}

pub(super) fn diff(engine: &Engine, context: &Context, request: &[&[u8]]) -> Answer {
    let mut arguments = Arguments::new(request);
    let node = node_ref(arguments.reference()?);
    let versions = [version(&mut arguments)?, version(&mut arguments)?];
    arguments.end()?;
    let then = |version| node_at(engine, context, node, When::Version(version));
    let [before, after] = [then(versions[0])?.value, then(versions[1])?.value];
    let bits = |node: &Option<PastNode>| {
        node.as_ref()
            .map_or(Fingerprint::ZERO, PastNode::fingerprint)
    };
    let differing = bits(&before).bind(&bits(&after));
    let parts: Vec<Reply> = match (&before, &after) {
        (Some(before), Some(after)) => differing_parts(before, after),
        (None, Some(_)) => vec![Reply::text("created")],
        (Some(_), None) => vec![Reply::text("removed")],
        (None, None) => Vec::new(),
    };
    let columns = vec![
        ("fingerprint", Reply::bulk(differing.to_hex())),
        ("bits", Reply::Integer(differing.popcount().into())),
        ("changed", Reply::Array(parts)),
    ];
    Ok(row(context, columns))
}

/// The parts that differ; of fields, each as `fields:name`.
fn differing_parts(before: &PastNode, after: &PastNode) -> Vec<Reply> {
    let fields = |node: &PastNode| node.image.content.fields.clone().unwrap_or_default();
    let (old, new) = (fields(before), fields(after));
    let names = old
        .keys()
        .chain(new.keys().filter(|name| !old.contains_key(*name)));
    let differ = names.filter(|name| old.get(*name) != new.get(*name));
    let field = |name: &Arc<[u8]>| Reply::bulk([b"fields:", &name[..]].concat());
    let fields: Vec<Reply> = differ.map(field).collect();
    let parts = before
        .differences(after)
        .into_iter()
        .filter(|part| *part != "fields");
    parts.map(Reply::text).chain(fields).collect()
}

pub(super) fn changed(engine: &Engine, context: &Context, request: &[&[u8]]) -> Answer {
    let mut arguments = Arguments::new(request);
    let versions = [version(&mut arguments)?, version(&mut arguments)?];
    let then = |version| {
        let then = engine.state_at(context.selected(), When::Version(version))?;
        context.reveal(then.position);
        Ok::<_, CommandError>(then.value)
    };
    let [before, after] = [then(versions[0])?, then(versions[1])?];
    let difference = Difference::between(&before, &after);
    let place = |kind, id: String, address: Option<String>, named: Reply, how: &'static str| {
        let columns = vec![
            ("what", Reply::text(kind)),
            ("id", Reply::bulk(id)),
            ("address", address.map_or(Reply::Nil, Reply::bulk)),
            ("name", named),
            ("how", Reply::text(how)),
        ];
        row(context, columns)
    };
    let nodes = difference.nodes.iter().map(|change| {
        let (state, address): (&State, _) = match change.after {
            Some(address) => (&after, Some(address)),
            None => (&before, change.before),
        };
        let node = address.and_then(|address| state.node(address));
        let named = name_of(node.and_then(|node| node.name()));
        let address = address.map(|address| address.to_string());
        place(
            "node",
            format!("#{}", change.id),
            address,
            named,
            how(change),
        )
    });
    let edges = difference.edges.iter().map(|change| {
        let edge = change.after.as_ref().or(change.before.as_ref());
        let address = edge.and_then(|edge| edge.address);
        let address = address.map(|address| address.to_string());
        place(
            "edge",
            format!("#{}", change.id),
            address,
            Reply::Nil,
            how(change),
        )
    });
    let verbs = difference.verbs.iter().map(|change| {
        let address = verbs::address_of(change.id as u8).to_string();
        let verb = change.after.as_ref().or(change.before.as_ref());
        let named = verb.map_or(Reply::Nil, |verb| Reply::copied(verb.as_bytes()));
        place("verb", address.clone(), Some(address), named, how(change))
    });
    let words = difference.words.iter().map(|change| {
        let address = Address(change.id as u16);
        let what = match address.prefix() {
            CONCEPT_PREFIX => "concept",
            _ => "program",
        };
        let word = change.after.as_ref().or(change.before.as_ref());
        let named = word.map_or(Reply::Nil, |word| Reply::copied(word.name.as_bytes()));
        let address = address.to_string();
        place(what, address.clone(), Some(address), named, how(change))
    });
    let all = nodes.chain(edges).chain(verbs).chain(words);
    Ok(Reply::Array(all.collect()))
}

fn how<T>(change: &Change<T>) -> &'static str {
    match (&change.before, &change.after) {
        (None, _) => "created",
        (_, None) => "removed",
        _ => "changed",
    }
}
