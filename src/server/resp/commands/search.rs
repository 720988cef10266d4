//! Fingerprints and search by similarity: ENCODE, HAMMING, XOR, RESONATE, SIMILAR, CONTEXT.

use std::sync::Arc;

use ladybug_engine::engine::Engine;
use ladybug_engine::fingerprint::{BITS, Fingerprint, encode, similarity, z};
use ladybug_engine::search::Filter;
use ladybug_engine::space::address::{ADDRESSES, Zone};
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::fields::FieldValue;
use ladybug_engine::space::state::View;
use ladybug_engine::space::verbs::VERB_PREFIX;

use super::super::command::{Command, Flag, Group, Handler};
use super::super::context::Context;
use super::super::error::CommandError;
use super::super::reply::Reply;
use super::super::session::Session;
use super::operand::{Arguments, Bare, Operand, Reading, Reference, expected, row};
use super::paths::name;

/// What the commands of this family share.
const SEARCH: Command = Command {
    flags: &[Flag::Readonly],
    group: Group::Search,
    since: "0.1.0",
    ..Command::DEFAULT
};

/// The family.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "encode",
        syntax: "<operand | EXACT bytes | RECORD json-object> [AS <HEX | RAW>]",
        arity: -2,
        summary: "The fingerprint of an operand, text unless it says otherwise; of bytes that are equal or \
                  unrelated; or of named fields. Answers 2,560 hex digits, or 1,280 bytes AS RAW",
        complexity: "O(N) where N is the length of the input",
        handler: Handler::Search(encode),
        ..SEARCH
    },
    Command {
        name: "hamming",
        syntax: "operand other",
        arity: -3,
        summary: "How many of the 10,240 bits of two fingerprints differ: 0 same, about 5,120 unrelated",
        handler: Handler::Search(hamming),
        ..SEARCH
    },
    Command {
        name: "xor",
        syntax: "operand other [AS <HEX | RAW>]",
        arity: -3,
        summary: "Two fingerprints bound to one, from which either gives the other back. Answers 2,560 hex \
                  digits, or 1,280 bytes AS RAW",
        handler: Handler::Search(xor),
        ..SEARCH
    },
    Command {
        name: "resonate",
        syntax: "query [K count] [THRESHOLD max-distance] [IN zone] [KIND kind] [UNDER path] [EDGES] [EXACT] \
                 [WITHFP]",
        arity: -2,
        summary: "The K nodes (10 unless given) nearest to an operand, text unless it says otherwise: rows of \
                  name or nil, address, distance, similarity, z and, WITHFP, the fingerprint in hex (RESP2: \
                  arrays in this order; RESP3: maps)",
        complexity: "O(N) where N is the number of nodes that the filters let through",
        handler: Handler::Search(resonate),
        ..SEARCH
    },
    Command {
        name: "similar",
        syntax: "node [K count] [THRESHOLD max-distance] [IN zone] [KIND kind] [UNDER path] [EDGES] [EXACT] \
                 [WITHFP]",
        arity: -2,
        summary: "The nodes nearest to one, without itself, in the rows of RESONATE; or to any other operand",
        complexity: "O(N) where N is the number of nodes that the filters let through",
        handler: Handler::Search(similar),
        ..SEARCH
    },
    Command {
        name: "context",
        syntax: "[path | NONE]",
        arity: -1,
        flags: &[Flag::Fast],
        summary: "Restricts this connection's searches to a node and what is below it, or no longer; answers OK. \
                  Without an argument, the name of that node or nil",
        handler: Handler::Connection(context),
        ..SEARCH
    },
];

/// Results of a search, unless K says otherwise.
const K_DEFAULT: usize = 10;

/// How a fingerprint is answered: hex, unless `AS RAW` follows. Nothing else may.
fn rendering(arguments: &mut Arguments<'_>) -> Result<fn(&Fingerprint) -> Reply, CommandError> {
    let mut rendering: fn(&Fingerprint) -> Reply = |bits| Reply::bulk(bits.to_hex());
    while arguments.option(&["AS"])?.is_some() {
        let form = arguments.take("HEX or RAW")?;
        rendering = match form {
            form if form.eq_ignore_ascii_case(b"hex") => |bits| Reply::bulk(bits.to_hex()),
            form if form.eq_ignore_ascii_case(b"raw") => |bits| Reply::copied(&bits.to_bytes()),
            form => return Err(expected("AS HEX or AS RAW", form)),
        };
    }
    Ok(rendering)
}

fn encode(engine: &Engine, context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let given = match arguments.keyword(&["EXACT", "RECORD"]) {
        Some(("EXACT", bytes)) => Some(encode::exact(bytes)),
        Some((_, json)) => Some(record(json)?),
        None => None,
    };
    if let Some(bits) = given {
        return Ok(rendering(&mut arguments)?(&bits));
    }
    let operand = arguments.operand(Bare::Text)?;
    let render = rendering(&mut arguments)?;
    let reading = Reading::new(engine, context);
    Ok(render(&operand.fingerprint(&reading.view())?))
}

/// The fingerprint of a JSON object, the same that a node with these fields has.
fn record(json: &[u8]) -> Result<Fingerprint, CommandError> {
    let wrong = || {
        expected(
            r#"a JSON object of text, numbers, booleans and lists, such as {"name":"Ada"}"#,
            json,
        )
    };
    let fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(json).map_err(|_| wrong())?;
    let texts = fields
        .iter()
        .map(|(name, value)| Some((name.as_bytes(), field(value)?.text())))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(wrong)?;
    Ok(encode::record(
        texts.iter().map(|(name, text)| (*name, &**text)),
    ))
}

fn field(json: &serde_json::Value) -> Option<FieldValue> {
    use serde_json::Value;
    Some(match json {
        Value::String(text) => FieldValue::Bytes(text.as_bytes().into()),
        Value::Bool(value) => FieldValue::Boolean(*value),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => FieldValue::Integer(integer),
            None => FieldValue::Float(number.as_f64()?),
        },
        Value::Array(items) => FieldValue::List(items.iter().map(field).collect::<Option<_>>()?),
        Value::Null | Value::Object(_) => return None,
    })
}

/// The two fingerprints that a request begins with.
fn two<'a>(
    engine: &Engine,
    context: &Context,
    request: &'a [&'a [u8]],
) -> Result<(Fingerprint, Fingerprint, Arguments<'a>), CommandError> {
    let mut arguments = Arguments::new(request);
    let first = arguments.operand(Bare::Key)?;
    let second = arguments.operand(Bare::Key)?;
    let reading = Reading::new(engine, context);
    let view = reading.view();
    Ok((
        first.fingerprint(&view)?,
        second.fingerprint(&view)?,
        arguments,
    ))
}

fn hamming(engine: &Engine, context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let (first, second, arguments) = two(engine, context, request)?;
    arguments.end()?;
    Ok(Reply::Integer(first.distance(&second).into()))
}

fn xor(engine: &Engine, context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let (first, second, mut arguments) = two(engine, context, request)?;
    Ok(rendering(&mut arguments)?(&first.bind(&second)))
}

fn resonate(engine: &Engine, context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let query = arguments.operand(Bare::Text)?;
    nearest(engine, context, &query, false, arguments)
}

fn similar(engine: &Engine, context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let query = arguments.operand(Bare::Key)?;
    nearest(engine, context, &query, true, arguments)
}

/// What a search is asked for.
struct Options<'a> {
    k: usize,
    filter: Filter,
    under: Option<Reference<'a>>,
    with_fingerprint: bool,
}

impl<'a> Options<'a> {
    fn read(mut arguments: Arguments<'a>) -> Result<Self, CommandError> {
        let mut options = Self {
            k: K_DEFAULT,
            filter: Filter::default(),
            under: None,
            with_fingerprint: false,
        };
        const WORDS: &[&str] = &[
            "K",
            "THRESHOLD",
            "IN",
            "KIND",
            "UNDER",
            "EDGES",
            "EXACT",
            "WITHFP",
        ];
        while let Some(option) = arguments.option(WORDS)? {
            match option {
                "K" => {
                    let k = arguments.number("K", 1..=ADDRESSES as u64)?;
                    options.k = usize::try_from(k).unwrap_or(ADDRESSES);
                }
                "THRESHOLD" => {
                    let most = arguments.number("THRESHOLD", 0..=BITS as u64)?;
                    options.filter.distance_max = u32::try_from(most).unwrap_or(u32::MAX);
                }
                "IN" => options.filter.zone = Some(arguments.zone()?),
                "KIND" => options.filter.kind = Some(arguments.text("a kind")?.into()),
                "UNDER" => options.under = Some(arguments.reference()?),
                "EDGES" => options.filter.include_edges = true,
                "WITHFP" => options.with_fingerprint = true,
                // Every search is exact.
                _ => {}
            }
        }
        Ok(options)
    }
}

fn nearest(
    engine: &Engine,
    context: &Context,
    query: &Operand<'_>,
    is_similar: bool,
    arguments: Arguments<'_>,
) -> Result<Reply, CommandError> {
    let mut options = Options::read(arguments)?;
    let snapshot = engine.snapshot(context.selected());
    context.reveal(snapshot.position);
    let view = snapshot.view();
    let bits = query.fingerprint(&view)?;
    if let (Operand::Stored(reference), true) = (query, is_similar) {
        options.filter.exclude = reference.occupant(&view).ok().map(|node| node.id());
    }
    // What is on the surface is below no node.
    if options.filter.zone != Some(Zone::Surface) || options.under.is_some() {
        let under = options.under.map(|under| under.node(&view)).transpose()?;
        match restriction(&view, context, under)? {
            Restriction::None => {}
            Restriction::Under(node) => options.filter.under = Some(node.id()),
            Restriction::Nothing => return Ok(Reply::Array(Vec::new())),
        }
    }
    let hits = ladybug_engine::search::top_k(&snapshot, &bits, options.k, &options.filter);
    snapshot.check()?;
    let rows = hits.into_iter().map(|hit| {
        let address = hit.address;
        let verb = || match address.prefix() {
            VERB_PREFIX => snapshot.state.verbs().name(address.slot()),
            _ => None,
        };
        let name = match view.node(address) {
            Some(node) => name(node),
            None => verb().map_or(Reply::Nil, |verb| Reply::copied(verb.as_bytes())),
        };
        let mut columns = vec![
            ("name", name),
            ("address", Reply::bulk(address.to_string())),
            ("distance", Reply::Integer(hit.distance.into())),
            ("similarity", Reply::Double(similarity(hit.distance))),
            ("z", Reply::Double(z(hit.distance))),
        ];
        if options.with_fingerprint {
            let bits = match snapshot.fingerprint(address) {
                Some(bits) => bits.to_hex(),
                None => verb().map_or(String::new(), |verb| encode::text(verb).to_hex()),
            };
            columns.push(("fingerprint", Reply::bulk(bits)));
        }
        row(context, columns)
    });
    Ok(Reply::Array(rows.collect()))
}

/// Which subtree a search looks at.
enum Restriction<'v> {
    None,
    Under(Node<'v>),
    /// UNDER and CONTEXT have nothing in common.
    Nothing,
}

/// The subtree that both UNDER and the connection's CONTEXT allow.
fn restriction<'v>(
    view: &View<'v>,
    context: &Context,
    under: Option<Node<'v>>,
) -> Result<Restriction<'v>, CommandError> {
    let Some(name) = &context.subtree else {
        return Ok(under.map_or(Restriction::None, Restriction::Under));
    };
    let root = view.find(name).ok_or_else(|| {
        let name = String::from_utf8_lossy(name);
        CommandError::err(format!(
            "no such node '{name}', which is this connection's CONTEXT; CONTEXT NONE ends it"
        ))
    })?;
    let Some(under) = under else {
        return Ok(Restriction::Under(root));
    };
    let is_below = |node: Node<'v>, root: Node<'v>| {
        std::iter::successors(Some(node), |node| view.parent(*node))
            .any(|node| node.id() == root.id())
    };
    Ok(match (is_below(under, root), is_below(root, under)) {
        (true, _) => Restriction::Under(under),
        (false, true) => Restriction::Under(root),
        (false, false) => Restriction::Nothing,
    })
}

fn context(session: &mut Session, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    if arguments.is_empty() {
        let subtree = session.context.subtree.clone();
        return Ok(subtree.map_or(Reply::Nil, Reply::Value));
    }
    let is_none = matches!(request, [_, word] if word.eq_ignore_ascii_case(b"none"));
    if is_none {
        session.context.subtree = None;
        return Ok(Reply::OK);
    }
    let reference = arguments.reference()?;
    arguments.end()?;
    let engine = Arc::clone(&session.server.engine);
    let outcome = engine.read(session.context.selected(), |view| {
        let node = reference.node(view)?;
        let name = node.name().cloned();
        name.ok_or_else(|| {
            CommandError::err(format!("a context has a name, and {reference} has none"))
        })
    });
    session.revealed = session.revealed.max(outcome.position);
    session.context.subtree = Some(outcome.value?);
    Ok(Reply::OK)
}
