//! `docs/commands.md`: the reference of all commands, written from the table they are dispatched by.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::command::{Entry, Flag, Group, Handler, TABLE};

/// The page's beginning.
const HEAD: &str = "# Commands\n\n\
    Written from the table that dispatches them; a test compares. In a syntax line, capitals are \
    words to be written as they are (in any case), `[…]` may be left out, `<…>` groups, `|` \
    chooses, and `…` behind an argument says that it may come again. `redis-cli` completes and \
    hints from the same table, and `COMMAND DOCS name` answers it.\n";

/// The page.
pub fn render() -> String {
    let mut groups: BTreeMap<Group, Vec<&Entry>> = BTreeMap::new();
    for entry in TABLE.entries() {
        if !matches!(entry.command.handler, Handler::Container) {
            groups.entry(entry.command.group).or_default().push(entry);
        }
    }
    let mut page = HEAD.to_owned();
    for (group, mut entries) in groups {
        entries.sort_by_key(|entry| entry.full_name);
        line(&mut page, format_args!("\n## {}\n", title(group)));
        for entry in entries {
            describe(entry, &mut page);
        }
    }
    page
}

fn title(group: Group) -> &'static str {
    match group {
        Group::Connection => "Connection",
        Group::Server => "Server",
        Group::Generic => "Keys",
        Group::String => "Values",
        Group::Hash => "Fields",
        Group::Transactions => "Transactions",
        Group::Pubsub => "Publish and subscribe",
        Group::Dag => "Transactions that last, the past, and forks",
        Group::Node => "Nodes",
        Group::Graph => "Edges",
        Group::Search => "Search",
        Group::Query => "Query languages",
        Group::Cam => "The instruction set",
    }
}

fn describe(entry: &Entry, page: &mut String) {
    let command = entry.command;
    let name = entry.full_name.replace('|', " ").to_uppercase();
    let syntax = format!("{name} {}", command.syntax);
    line(page, format_args!("### {name}\n"));
    line(page, format_args!("    {}\n", syntax.trim_end()));
    line(page, format_args!("{}.\n", command.summary));
    let mut facts = vec![format!("Cost: {}.", command.complexity)];
    let kinds = [
        (Flag::Write, "Changes data."),
        (Flag::Admin, "For operators."),
        (Flag::NoMulti, "Not inside MULTI."),
    ];
    facts.extend(
        kinds
            .iter()
            .filter(|(flag, _)| command.has(*flag))
            .map(|(_, fact)| (*fact).to_owned()),
    );
    let place = match command.is_tried {
        true => "Runs on a thread of its own if it takes more than a few steps",
        false => "Runs on a thread of its own",
    };
    facts.extend(match command.handler {
        Handler::Search(_) => Some(format!("{place}; not inside MULTI.")),
        Handler::Statement { .. } => Some(format!(
            "{place}; inside MULTI it is part of the one commit."
        )),
        Handler::Query(_) => Some(format!("{place}.")),
        _ => None,
    });
    facts.push(format!("Since {}.", command.since));
    line(page, format_args!("{}\n", facts.join(" ")));
}

fn line(page: &mut String, arguments: std::fmt::Arguments<'_>) {
    page.write_fmt(arguments)
        .expect("invariant: writing to a string succeeds");
    page.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_the_table_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md");
        let page = render();
        if std::env::var_os("LADYBUG_REGENERATE").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == page,
            "docs/commands.md is not what the table says: LADYBUG_REGENERATE=1 cargo test --lib reference"
        );
    }
}
