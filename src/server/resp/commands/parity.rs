//! DAG.PARITY: finding and repairing damage to fingerprints in memory. `docs/parity.md` says what is protected.

use std::sync::atomic::Ordering::Relaxed;

use ladybug_engine::engine::Engine;
use ladybug_engine::engine::parity::{Damage, ParityError, Part, Remedy};

use super::super::command::{Command, Flag, Group, Handler};
use super::super::context::Context;
use super::super::error::CommandError;
use super::super::reply::Reply;
use super::super::scrub::Pass;
use super::super::session::Session;
use super::operand::{Arguments, Reading, Reference, row};

/// What the commands of this family share.
const PARITY: Command = Command {
    flags: &[Flag::Admin],
    group: Group::Server,
    since: "0.1.0",
    ..Command::DEFAULT
};

/// The family.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "dag.parity.init",
        arity: 1,
        summary: "Computes the parity rows of the selected space anew where they are not those of its fingerprints; \
                  answers how many, 0 if all is well. Refused, with nothing changed, while a fingerprint is damaged: \
                  the parity may be what can rebuild it",
        complexity: "O(N) where N is the number of addresses of the chunks in use",
        handler: Handler::Search(init),
        ..PARITY
    },
    Command {
        name: "dag.parity.verify",
        arity: 1,
        flags: &[Flag::Readonly, Flag::Admin],
        summary: "What of the selected space's fingerprints, sketches and parity rows is not as it was written: rows \
                  of address (of a parity row, its chunk's first), id and name of what lives there, part \
                  (fingerprint, sketch or parity) and remedy (parity, encoding, clearing, computing or nothing), in \
                  RESP2 as arrays in this order, in RESP3 as maps. Empty if all is well",
        complexity: "O(N) where N is the number of addresses of the chunks in use",
        handler: Handler::Search(verify),
        ..PARITY
    },
    Command {
        name: "dag.parity.recover",
        syntax: "node",
        arity: -2,
        summary: "Brings a damaged fingerprint back, of a node, a reified edge or a free address; answers the remedy: \
                  parity, encoding (anew, from its content), clearing (of a free address) or computing (of a sketch). \
                  Refused if it is not damaged, or if nothing brings it back",
        complexity: "O(1): a chunk is looked at",
        handler: Handler::Search(recover),
        ..PARITY
    },
    Command {
        name: "dag.parity.scrub",
        syntax: "[STATUS]",
        arity: -1,
        summary: "Begins to verify all spaces in the background, repairing what can be, at the rate of \
                  scrub-bytes-per-second (without a pause if that is 0), and answers at once; whoever asks again \
                  meanwhile shares that pass. STATUS: what runs, and what came of the last full pass",
        handler: Handler::Connection(scrub),
        ..PARITY
    },
];

impl From<ParityError> for CommandError {
    fn from(error: ParityError) -> Self {
        Self::err(error.to_string())
    }
}

fn init(engine: &Engine, context: &Context, _: &[&[u8]]) -> Result<Reply, CommandError> {
    Ok(Reply::count(engine.recompute_parity(context.selected())?))
}

fn verify(engine: &Engine, context: &Context, _: &[&[u8]]) -> Result<Reply, CommandError> {
    let (damages, position) = engine.verify(context.selected())?;
    context.reveal(position);
    let rows = damages
        .into_iter()
        .map(|damage| damage_row(context, damage));
    Ok(Reply::Array(rows.collect()))
}

fn damage_row(context: &Context, damage: Damage) -> Reply {
    let id = damage.id.map(|id| Reply::bulk(format!("#{id}")));
    let columns = vec![
        ("address", Reply::bulk(damage.address.to_string())),
        ("id", id.unwrap_or(Reply::Nil)),
        ("name", damage.name.map_or(Reply::Nil, Reply::Value)),
        ("part", Reply::text(part(damage.part))),
        ("remedy", Reply::text(remedy(damage.remedy))),
    ];
    row(context, columns)
}

fn part(part: Part) -> &'static str {
    match part {
        Part::Fingerprint => "fingerprint",
        Part::Sketch => "sketch",
        Part::Parity => "parity",
    }
}

fn remedy(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::Parity => "parity",
        Remedy::Encoding => "encoding",
        Remedy::Clearing => "clearing",
        Remedy::Computing => "computing",
        Remedy::Nothing => "nothing",
    }
}

fn recover(engine: &Engine, context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let reference = arguments.reference()?;
    arguments.end()?;
    let reading = Reading::new(context);
    let address = match reference {
        // What is left in a free one is in the parity too.
        Reference::Address(address) => address,
        other => other.occupant(&reading.view())?.address(),
    };
    // Let go, so that the chunk is repaired where it lies.
    drop(reading);
    let done = engine.recover(context.selected(), address)?;
    Ok(Reply::text(remedy(done)))
}

fn scrub(session: &mut Session, request: &[&[u8]]) -> Result<Reply, CommandError> {
    match Arguments::new(request).option(&["STATUS"])? {
        Some(_) if request.len() == 2 => Ok(status(session)),
        Some(_) => Err(CommandError::SYNTAX),
        None => Ok(Reply::Simple(match session.server.scrub.ask() {
            true => "Background scrubbing started".into(),
            false => "Background scrubbing already in progress".into(),
        })),
    }
}

/// What runs, and the last full pass; nil where there was none.
fn status(session: &Session) -> Reply {
    let server = &session.server;
    let status = server.scrub.status();
    let integer = |value: u64| Reply::Integer(i64::try_from(value).unwrap_or(i64::MAX));
    let of_last = |value: fn(&Pass) -> i64| {
        let value = status.last.as_ref().map(value);
        value.map_or(Reply::Nil, Reply::Integer)
    };
    let lost = status.last.iter().flat_map(|pass| &pass.lost);
    let lost = lost.map(|(space, address)| {
        let label = server.engine.space_label(*space);
        Reply::Array(vec![Reply::bulk(label), Reply::bulk(address.to_string())])
    });
    let is_running = status.is_asked || status.running.is_some();
    let chunks = status.running.as_ref().map_or(0, |pass| pass.chunks);
    let named = |(name, value)| (Reply::text(name), value);
    let bytes_per_s = server.live.scrub_bytes_per_s.load(Relaxed);
    let fields = vec![
        ("running", Reply::Integer(is_running.into())),
        ("running_chunks", integer(chunks)),
        ("bytes_per_second", integer(bytes_per_s)),
        ("last_time", of_last(|pass| pass.ended_us / 1_000_000)),
        (
            "last_duration_ms",
            of_last(|pass| (pass.ended_us - pass.begun_us) / 1_000),
        ),
        ("last_chunks", of_last(|pass| pass.chunks as i64)),
        ("last_repaired", of_last(|pass| pass.repaired as i64)),
        ("last_lost", Reply::Array(lost.collect())),
    ];
    Reply::Map(fields.into_iter().map(named).collect())
}
