//! `docs/flight.md`: the reference of tickets and actions, written from the tables that serve them.

use std::fmt::Write as _;

use arrow::datatypes::Field;

use super::actions::{ACTIONS, Action, DECIDED, Parameters, column, type_name};

/// The page's beginning: what is no table.
const HEAD: &str = "# Tickets and actions of Arrow Flight\n\n\
    Written from the tables that serve them; a test compares. How to use them is in [`arrow.md`](arrow.md).\n";

/// What a ticket can ask for.
const TICKETS: &[(&str, &str)] = &[
    (
        "all",
        "the nodes of the fluid and the node zone, in the order of their addresses",
    ),
    ("nodes", "the nodes of the node zone"),
    ("fluid", "the nodes of the fluid zone"),
    ("surface", "the verbs, at their surface addresses"),
    ("prefix:80", "what lives at one prefix, two hex digits"),
    ("edges", "the edges, in the columns of an edge"),
    (
        "search:4000:query",
        "the nodes no further than that many bits, nearest first, with `distance`, `similarity` and `z`",
    ),
    (
        "topk:10:query",
        "so many of the nearest nodes, in the same columns",
    ),
    (
        "asof:17:ticket",
        "any of these but `surface`, at a version of the space",
    ),
    (
        "sql:SELECT …",
        "what a statement answers; it says itself which columns and versions",
    ),
    (
        "cypher:MATCH …",
        "what an openCypher statement answers: a column of whole numbers, of numbers, of booleans, of text or of lists of these where \
         all its values are; maps, nodes and relationships as JSON text. GetFlightInfo and GetSchema run a statement that \
         only reads to say its columns; of one that changes something and returns columns GetFlightInfo has no schema, \
         and GetSchema is refused",
    ),
];

/// What can precede a ticket.
const OPTIONS: &[(&str, &str)] = &[
    (
        "space=what-if;",
        "the space, by number or name; 0 unless given",
    ),
    (
        "columns=id,name;",
        "the columns, in their order; all unless given",
    ),
    (
        "recall=1;",
        "of `search:` and `topk:`, the share of the true nearest that is found: 0.01 to 1, 0.999 unless given",
    ),
];

/// The page.
pub fn render() -> String {
    let mut page = HEAD.to_owned();
    line(&mut page, "\n## Tickets\n");
    table(&mut page, ["ticket", "stream"], TICKETS);
    line(
        &mut page,
        "\nA query is an operand, text unless it says otherwise: `@8042`, `#17`, `KEY name`, `TEXT words`, \
         `FP hex-or-bytes`, `VECTOR f32-bytes`, the keyword in capitals. It is the rest of the ticket, whatever it \
         contains.\n\nOptions precede a ticket, each ended by `;`. In their values `%` and two hex digits are a \
         byte.\n",
    );
    table(&mut page, ["option", "meaning"], OPTIONS);
    line(&mut page, "\n## Actions\n");
    line(
        &mut page,
        "A body is Arrow IPC, a row a call, or JSON, an object a call or an array of them; an answer is Arrow IPC, \
         or JSON where Handshake or the header `x-ladybug-format: json` asked for it.",
    );
    for action in ACTIONS {
        describe(action, &mut page);
    }
    page
}

fn table(page: &mut String, [first, second]: [&str; 2], rows: &[(&str, &str)]) {
    line(page, &format!("| {first} | {second} |\n|---|---|"));
    for (code, meaning) in rows {
        line(page, &format!("| `{code}` | {meaning} |"));
    }
}

fn describe(action: &Action, page: &mut String) {
    line(
        page,
        &format!("\n### {}\n\n{}.\n", action.name, action.summary),
    );
    match &action.parameters {
        Parameters::These([]) => line(page, "No parameters.\n"),
        Parameters::These(parameters) => {
            line(page, "| parameter | type | meaning |\n|---|---|---|");
            for (parameter, field) in parameters.iter().zip(action.body_schema().fields()) {
                let mark = if parameter.is_needed { ", needed" } else { "" };
                let data_type = type_name(field.data_type());
                let text = format!(
                    "| `{}` | {data_type}{mark} | {} |",
                    parameter.name, parameter.summary
                );
                line(page, &text);
            }
            line(page, "");
        }
        Parameters::OfNode => line(
            page,
            "Parameters: the columns of a node, any of them but with `name` or `address`, and `space`. A column that \
             one of several calls has is set by all of them.\n",
        ),
    }
    let results = (action.results)();
    let shown = match results.len() {
        0 => DECIDED.to_owned(),
        9.. => "the columns of a node".to_owned(),
        _ => results
            .iter()
            .map(|field: &Field| format!("`{}`", column(field)))
            .collect::<Vec<_>>()
            .join(", "),
    };
    line(page, &format!("Answer: {shown}"));
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("invariant: writing to a string succeeds");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_is_that_of_the_tables() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/flight.md");
        if std::env::var_os("LADYBUG_REGENERATE").is_some() {
            std::fs::write(path, render()).expect("the page can be written");
        }
        let page = std::fs::read_to_string(path).expect("the page is there");
        assert!(
            page == render(),
            "LADYBUG_REGENERATE=1 cargo test --lib reference"
        );
    }

    #[test]
    fn every_ticket_of_the_reference_is_one() {
        for (text, _) in TICKETS {
            let text = text.replace(":ticket", ":all");
            super::super::ticket::Ticket::parse(text.as_bytes()).expect("a ticket");
        }
        for (option, _) in OPTIONS {
            let text = format!("{option}topk:10:query");
            super::super::ticket::Ticket::parse(text.as_bytes()).expect("a ticket");
        }
    }
}
