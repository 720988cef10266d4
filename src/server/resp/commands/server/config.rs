//! CONFIG GET, SET and RESETSTAT.

use super::super::super::command::{Command, Flag, Group, Handler};
use super::super::super::error::CommandError;
use super::super::super::glob;
use super::super::super::parameters::{self, PARAMETERS};
use super::super::super::reply::Reply;
use super::super::super::session::Session;

/// The container.
pub const CONFIG: Command = Command {
    name: "config",
    arity: -2,
    group: Group::Server,
    since: "2.0.0",
    summary: "A container for commands about the server's parameters",
    complexity: "Depends on the subcommand",
    subcommands: &[
        Command {
            name: "get",
            syntax: "parameter [parameter ...]",
            arity: -3,
            summary: "Parameters whose names match the patterns, with their values",
            complexity: "O(N*M) where N is the number of parameters and M of patterns",
            handler: Handler::Connection(get),
            ..SUBCOMMAND
        },
        Command {
            name: "resetstat",
            arity: 2,
            summary: "Sets the counters of INFO to zero",
            handler: Handler::Connection(|session, _| {
                session.server.stats.reset();
                Ok(Reply::OK)
            }),
            ..SUBCOMMAND
        },
        Command {
            name: "set",
            syntax: "parameter value [parameter value ...]",
            arity: -4,
            summary: "Changes parameters, all or none; until the server ends",
            complexity: "O(N) where N is the number of parameters",
            handler: Handler::Connection(set),
            ..SUBCOMMAND
        },
    ],
    ..Command::DEFAULT
};

const SUBCOMMAND: Command = Command {
    flags: &[Flag::Admin, Flag::Loading],
    group: Group::Server,
    since: "2.0.0",
    ..Command::DEFAULT
};

/// A parameter asked for by its plain name is answered under the name as it was asked, as in Redis.
fn get(session: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let asked = &arguments[2..];
    let pairs = PARAMETERS.iter().filter_map(|parameter| {
        let name = parameter.name.as_bytes();
        let pattern = asked
            .iter()
            .find(|pattern| glob::matches(pattern, name, true))?;
        let is_plain = pattern.eq_ignore_ascii_case(name);
        let shown = if is_plain { *pattern } else { name };
        let value = Reply::bulk((parameter.get)(&session.server));
        Some((Reply::copied(shown), value))
    });
    Ok(Reply::Map(pairs.collect()))
}

/// All values are checked before any is changed.
fn set(session: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let pairs = &arguments[2..];
    if !pairs.len().is_multiple_of(2) {
        return Err(CommandError::SYNTAX);
    }
    let mut changes = Vec::with_capacity(pairs.len() / 2);
    let mut names: Vec<&str> = Vec::with_capacity(pairs.len() / 2);
    for pair in pairs.chunks_exact(2) {
        let (name, value) = (pair[0], String::from_utf8_lossy(pair[1]));
        let Some(parameter) = parameters::find(name) else {
            return Err(CommandError::err(format!(
                "Unknown option or number of arguments for CONFIG SET - '{}'",
                String::from_utf8_lossy(name)
            )));
        };
        let failed = |reason: &str| {
            CommandError::err(format!(
                "CONFIG SET failed (possibly related to argument '{}') - {reason}",
                parameter.name
            ))
        };
        if names.contains(&parameter.name) {
            return Err(failed("duplicate parameter"));
        }
        names.push(parameter.name);
        let set = parameter
            .set
            .ok_or_else(|| failed("can't set immutable config"))?;
        changes.push(set(&value).map_err(|reason| failed(&reason))?);
    }
    for change in changes {
        change(&session.server);
    }
    Ok(Reply::OK)
}
