//! Fingerprints and search by similarity: ENCODE, HAMMING, XOR, RESONATE, MRESONATE, SIMILAR, CONTEXT.

mod nearest;

use ladybug_engine::fingerprint::{Fingerprint, encode};
use ladybug_engine::space::fields::{FieldValue, Fields};
use ladybug_engine::space::state::View;

use super::super::command::{Command, Flag, Group, Handler, Spaces};
use super::super::context::Context;
use super::super::error::CommandError;
use super::super::reply::Reply;
use super::operand::{Arguments, Bare, Reading, expected};

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
        handler: Handler::Query(encode),
        ..SEARCH
    },
    Command {
        name: "hamming",
        syntax: "operand other",
        arity: -3,
        summary: "How many of the 10,240 bits of two fingerprints differ: 0 same, about 5,120 unrelated",
        handler: Handler::Query(hamming),
        ..SEARCH
    },
    Command {
        name: "xor",
        syntax: "operand other [AS <HEX | RAW>]",
        arity: -3,
        summary: "Two fingerprints bound to one, from which either gives the other back. Answers 2,560 hex \
                  digits, or 1,280 bytes AS RAW",
        handler: Handler::Query(xor),
        ..SEARCH
    },
    Command {
        name: "resonate",
        syntax: "query [K count] [THRESHOLD max-distance] [RECALL recall | EXACT] [SPACES spaces] [IN zone] \
                 [KIND kind] [UNDER path] [PREFIX prefix] [RUNG rung] [EDGES] [WITHFP]",
        arity: -2,
        summary: "The K nodes (10 unless given) nearest to an operand, text unless it says otherwise: rows of \
                  name or nil, address, distance, similarity, z and, with SPACES, the space and, WITHFP, the \
                  fingerprint in hex (RESP2: arrays in this order; RESP3: maps). Of the true nearest a share \
                  of at least RECALL, 0.999 unless given, is found in the mean, or all for certain if EXACT",
        complexity: "O(N) where N is the number of nodes that the filters let through",
        handler: Handler::Query(nearest::resonate),
        spaces: Spaces::Queried(nearest::named_spaces),
        ..SEARCH
    },
    Command {
        name: "mresonate",
        syntax: "count query [query ...] [THRESHOLD max-distance] [RECALL recall | EXACT] [SPACES spaces] \
                 [IN zone] [KIND kind] [UNDER path] [PREFIX prefix] [RUNG rung] [EDGES] [WITHFP]",
        arity: -3,
        summary: "RESONATE of several operands at once, in less time than one by one: for each, in their order, an \
                  array of its rows. The first word of an option ends the operands: write TEXT before a text that \
                  is such a word",
        complexity: "O(N*M) where N is the number of nodes that the filters let through and M that of operands",
        handler: Handler::Query(nearest::mresonate),
        spaces: Spaces::Queried(nearest::named_spaces),
        ..SEARCH
    },
    Command {
        name: "similar",
        syntax: "node [K count] [THRESHOLD max-distance] [RECALL recall | EXACT] [SPACES spaces] [IN zone] \
                 [KIND kind] [UNDER path] [PREFIX prefix] [RUNG rung] [EDGES] [WITHFP]",
        arity: -2,
        summary: "The nodes nearest to one, without itself, in the rows of RESONATE; or to any other operand",
        complexity: "O(N) where N is the number of nodes that the filters let through",
        handler: Handler::Query(nearest::similar),
        spaces: Spaces::Queried(nearest::named_spaces),
        ..SEARCH
    },
    Command {
        name: "context",
        syntax: "[path | NONE]",
        arity: -1,
        flags: &[Flag::Fast],
        summary: "Restricts this connection's searches to a node and what is below it, or no longer; answers OK. \
                  Without an argument, the name of that node or nil",
        handler: Handler::Read(context),
        ..SEARCH
    },
];

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

fn encode(context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
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
    let reading = Reading::new(context);
    Ok(render(&operand.fingerprint(&reading.view())?))
}

/// The fingerprint of a JSON object, the same that a node with these fields has.
fn record(json: &[u8]) -> Result<Fingerprint, CommandError> {
    let fields = fields_of_json(json)?;
    let texts = fields.iter().map(|(name, value)| (name, value.text()));
    let texts: Vec<_> = texts.collect();
    Ok(encode::record(
        texts.iter().map(|(name, text)| (&***name, &**text)),
    ))
}

/// The fields that a JSON object says.
///
/// # Errors
/// It is none, or one of them is null or an object.
pub fn fields_of_json(json: &[u8]) -> Result<Fields, CommandError> {
    let wrong = || {
        expected(
            r#"a JSON object of text, numbers, booleans and lists, such as {"name":"Ada"}"#,
            json,
        )
    };
    let fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(json).map_err(|_| wrong())?;
    let named = |(name, value): (&String, _)| Some((name.as_bytes().into(), field(value)?));
    fields
        .iter()
        .map(named)
        .collect::<Option<_>>()
        .ok_or_else(wrong)
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
    context: &Context,
    request: &'a [&'a [u8]],
) -> Result<(Fingerprint, Fingerprint, Arguments<'a>), CommandError> {
    let mut arguments = Arguments::new(request);
    let first = arguments.operand(Bare::Key)?;
    let second = arguments.operand(Bare::Key)?;
    let reading = Reading::new(context);
    let view = reading.view();
    Ok((
        first.fingerprint(&view)?,
        second.fingerprint(&view)?,
        arguments,
    ))
}

fn hamming(context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let (first, second, arguments) = two(context, request)?;
    arguments.end()?;
    Ok(Reply::Integer(first.distance(&second).into()))
}

fn xor(context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let (first, second, mut arguments) = two(context, request)?;
    Ok(rendering(&mut arguments)?(&first.bind(&second)))
}

fn context(view: &View<'_>, context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    if arguments.is_empty() {
        return Ok(context.subtree().map_or(Reply::Nil, Reply::Value));
    }
    let is_none = matches!(request, [_, word] if word.eq_ignore_ascii_case(b"none"));
    if is_none {
        context.restrict(None);
        return Ok(Reply::OK);
    }
    let reference = arguments.reference()?;
    arguments.end()?;
    let node = reference.node(view)?;
    let name = node.name().cloned().ok_or_else(|| {
        CommandError::err(format!("a context has a name, and {reference} has none"))
    })?;
    context.restrict(Some(name));
    Ok(Reply::OK)
}
