//! CRYSTALLIZE and EVAPORATE: between what lasts and what passes.

use ladybug_engine::commit::transaction::Transaction;

use super::super::command::{Command, Flag, Group, Handler};
use super::super::context::Context;
use super::super::error::CommandError;
use super::super::notify::Class;
use super::super::reply::Reply;
use super::operand::Arguments;

/// The family.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "crystallize",
        syntax: "node",
        arity: -2,
        flags: &[Flag::Write, Flag::Fast],
        group: Group::Node,
        since: "0.1.0",
        summary: "Makes a node permanent: its time to live ends and it moves to the node zone, with id, name, edges \
                  and place in the tree; answers its address",
        complexity: "O(N) where N is the number of its edges and children",
        handler: Handler::Write(crystallize),
        ..Command::DEFAULT
    },
    Command {
        name: "evaporate",
        syntax: "node seconds",
        arity: -3,
        flags: &[Flag::Write, Flag::Fast],
        group: Group::Node,
        since: "0.1.0",
        summary: "Gives a node a time to live: it moves to the fluid zone, with id, name, edges and place in the \
                  tree; answers its address",
        complexity: "O(N) where N is the number of its edges and children",
        handler: Handler::Write(evaporate),
        ..Command::DEFAULT
    },
];

/// The longest time to live: a thousand years.
const SECONDS_MAX: u64 = 1_000 * 365 * 24 * 60 * 60;

fn crystallize(
    tx: &mut Transaction<'_>,
    context: &Context,
    request: &[&[u8]],
) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let reference = arguments.reference()?;
    arguments.end()?;
    let view = tx.view();
    let node = reference.node(&view)?;
    let mut address = node.address();
    if node.expires().is_some() {
        let name = node.name().cloned();
        address = tx.set_expiry(address, None)?;
        if let Some(name) = name {
            context.notify(Class::Generic, "persist", &name);
        }
    }
    Ok(Reply::bulk(address.to_string()))
}

fn evaporate(
    tx: &mut Transaction<'_>,
    context: &Context,
    request: &[&[u8]],
) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let reference = arguments.reference()?;
    let seconds = arguments.number("seconds", 1..=SECONDS_MAX)?;
    arguments.end()?;
    let view = tx.view();
    let node = reference.node(&view)?;
    let (address, name) = (node.address(), node.name().cloned());
    let microseconds =
        i64::try_from(seconds * 1_000_000).expect("invariant: it is below SECONDS_MAX");
    let address = tx.set_expiry(address, Some(tx.now() + microseconds))?;
    if let Some(name) = name {
        context.notify(Class::Generic, "expire", &name);
    }
    Ok(Reply::bulk(address.to_string()))
}
