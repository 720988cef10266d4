//! HELP, which every container has: its subcommands, from the table that dispatches them.

use super::super::command::{Command, Flag, Handler, TABLE};
use super::super::error::CommandError;
use super::super::reply::Reply;
use super::super::session::Session;

/// The HELP subcommand of a container.
pub fn of(container: &Command) -> Command {
    Command {
        name: "help",
        arity: 2,
        flags: &[Flag::Loading],
        group: container.group,
        since: container.since,
        summary: "What the subcommands do",
        complexity: "O(N) where N is the number of subcommands",
        handler: Handler::Connection(help),
        ..Command::DEFAULT
    }
}

/// In Redis's form: a heading, and two lines a subcommand.
fn help(_: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let container = String::from_utf8_lossy(arguments[0]).to_lowercase();
    let heading = format!(
        "{} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        container.to_uppercase()
    );
    let subcommands = TABLE.entries().iter().filter_map(|entry| {
        let (of, name) = entry.full_name.split_once('|')?;
        let title = format!("{} {}", name.to_uppercase(), entry.command.syntax);
        let lines = [
            title.trim_end().into(),
            format!("    {}", entry.command.summary),
        ];
        (of == container).then_some(lines)
    });
    let lines = std::iter::once(heading).chain(subcommands.flatten());
    Ok(Reply::Array(
        lines.map(|line| Reply::Simple(line.into())).collect(),
    ))
}
