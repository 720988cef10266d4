//! TEMPORAL: the thirteen relations on worked intervals, and the past as the DAG commands and the table of history have it,
//! through the server.

use super::{Machine, cells};
use crate::harness::{Connection, Server};

/// Gives a memory a past: nodes that change, move, get other names, go and come back.
pub fn age(machine: &Machine) {
    for statement in [
        "UPDATE nodes SET properties = '{\"score\":1,\"of\":\"a\"}' WHERE id % 3 = 0",
        "UPDATE nodes SET properties = '{\"score\":2.5,\"of\":\"a\"}', confidence = 0.25 WHERE id % 6 = 0",
        "UPDATE nodes SET properties = '{\"score\":\"4\",\"of\":\"b\"}', rung = 2 WHERE id % 3 = 0",
        "UPDATE nodes SET name = 'renamed ' || id WHERE name LIKE '%1' AND name NOT LIKE 'given%'",
        "UPDATE nodes SET value = 'another' WHERE id % 7 = 2",
        "UPDATE nodes SET value = X'00ff10' WHERE id % 7 = 2",
        "UPDATE nodes SET expires = now() + INTERVAL '2 hours' WHERE id % 11 = 3",
        "UPDATE nodes SET expires = NULL WHERE id % 13 = 3",
        "DELETE FROM edges WHERE id % 5 = 0",
        "DELETE FROM nodes WHERE name LIKE '%3'",
        "INSERT INTO verbs (name) VALUES ('ADMIRES')",
        "UPDATE nodes SET properties = '{\"from\":\"2026-03-01\",\"to\":\"2030-01-01T12:00:00Z\"}' WHERE id % 8 = 1",
        "UPDATE nodes SET properties = '{\"from\":\"2030-01-01T12:00:00\",\"to\":\"never\"}' WHERE id % 8 = 2",
        "UPDATE nodes SET properties = '{\"from\":\"2031-01-01\",\"to\":\"2030-01-01\"}' WHERE id % 8 = 4",
        "UPDATE nodes SET properties = '{\"to\":\"2026-03-01T00:00:00\",\"from\":\"1999-01-01\"}' WHERE id % 8 = 5",
    ] {
        machine.change(statement);
    }
    let version = machine.engine().state(0).0.version();
    machine.change("DELETE FROM nodes WHERE id % 9 = 1");
    machine.change("UPDATE nodes SET rung = 4 WHERE id % 4 = 1");
    machine.line(&format!("TEMPORAL.ROLLBACK {version}"));
    machine.change("DELETE FROM nodes WHERE id % 10 = 7");
}

#[test]
fn each_of_the_thirteen_relations_holds_where_it_does() {
    let machine = Machine::new();
    let day = |day: u32| format!("2026-01-{day:02}");
    let intervals = [
        ("before", 1, 3),
        ("meets", 2, 10),
        ("overlaps", 5, 12),
        ("starts", 10, 15),
        ("during", 12, 15),
        ("finishes", 15, 20),
        ("equals", 10, 20),
        ("after", 25, 28),
        ("met-by", 20, 25),
        ("overlapped-by", 15, 25),
        ("started-by", 10, 25),
        ("contains", 5, 25),
        ("finished-by", 5, 20),
    ];
    machine.change("INSERT INTO nodes (name) VALUES ('middle')");
    machine.line(&format!("TEMPORAL.INTERVAL middle {} {}", day(10), day(20)));
    for (name, from, to) in intervals {
        machine.change(&format!("INSERT INTO nodes (name) VALUES ('{name}')"));
        let set = machine.line(&format!(
            "TEMPORAL.INTERVAL {name} {} {}",
            day(from),
            day(to)
        ));
        assert_eq!(cells(&set)[0][3], format!("{}T00:00:00", day(from)));
    }
    for (name, ..) in intervals {
        let related = cells(&machine.line(&format!("TEMPORAL.ALLEN any {name} middle")));
        assert_eq!(related.len(), 1, "{name}");
        assert_eq!(related[0][0], name);
        for (relation, ..) in intervals {
            let rows = machine.line(&format!("TEMPORAL.ALLEN {relation} {name} middle"));
            assert_eq!(
                rows.num_rows(),
                usize::from(relation == name),
                "{relation} {name}"
            );
        }
    }
    let before = cells(&machine.line("TEMPORAL.ALLEN before before"));
    let names: Vec<_> = before.iter().map(|row| row[3].as_str()).collect();
    assert!(names.contains(&"middle") && !names.contains(&"before") && !names.contains(&"meets"));
    let line = cells(&machine.line("TEMPORAL.TIMELINE after starts before before"));
    let names: Vec<_> = line.iter().map(|row| row[2].as_str()).collect();
    assert_eq!(names, ["before", "starts", "after"]);
    let rows = cells(&machine.line("TEMPORAL.DURING 2026-01-03 2026-01-05"));
    let names: Vec<_> = rows
        .iter()
        .map(|row| (row[2].as_str(), row[5].as_str()))
        .collect();
    assert_eq!(names, [("meets", "false")]);
    let rows = cells(&machine.line("TEMPORAL.DURING 2026-01-12 2026-01-15"));
    assert!(
        rows.iter()
            .any(|row| row[2] == "during" && row[5] == "true")
    );
    // For ever: from creation, without an end.
    machine.change("INSERT INTO nodes (name) VALUES ('stone')");
    let rows = cells(&machine.line("TEMPORAL.TIMELINE stone"));
    assert_eq!(rows[0][4], "NULL");
    machine.line("TEMPORAL.INTERVAL stone 2020-01-01");
    assert_eq!(
        cells(&machine.line("TEMPORAL.ALLEN contains stone middle")).len(),
        1
    );
}

#[test]
fn what_is_refused_says_what_was_expected() {
    let machine = Machine::new();
    machine.change("INSERT INTO nodes (name) VALUES ('ada')");
    for (line, message) in [
        (
            "TEMPORAL.INTERVAL ada 2026-02-01 2026-01-01",
            "to: expected a time after from (2026-02-01T00:00:00), got 2026-01-01T00:00:00",
        ),
        (
            "TEMPORAL.INTERVAL ada yesterday",
            "from: expected a time such as 2026-11-28T12:00:00, got 'yesterday'",
        ),
        ("TEMPORAL.ASOF ada 99", "version 99"),
        (
            "TEMPORAL.ASOF ada soon",
            "v: expected a version such as 17, or a time such as 2026-11-28T12:00:00, got 'soon'",
        ),
        ("TEMPORAL.REPLAY 0 7", "version 7"),
        (
            "TEMPORAL.ROLLBACK nowhere",
            "to: expected a version or a checkpoint of this space, got 'nowhere'",
        ),
        ("TEMPORAL.ROLLBACK 12", "version 12"),
        (
            "TEMPORAL.CHECKPOINT 7",
            "CAM.TEMPORAL.CHECKPOINT: expected a name that is no number, got '7'",
        ),
        ("TEMPORAL.MERGE nobody", "'nobody' is no fork"),
        ("TEMPORAL.FORK 0", "0"),
        (
            "TEMPORAL.ALLEN beside ada",
            "relation: expected one of before, meets, overlaps",
        ),
        (
            "TEMPORAL.MERGE nobody ours",
            "policy: expected one of abort, merge, mine, theirs, got 'ours'",
        ),
    ] {
        let refused = machine.refusal(line);
        assert!(refused.contains(message), "{line}: {refused}");
    }
}

#[test]
fn blame_names_the_commit_since_which_a_part_reads_so() {
    let machine = Machine::new();
    machine.change("INSERT INTO nodes (name, value, properties) VALUES ('ada', 'a', '{\"born\":1815,\"of\":\"x\"}')");
    machine.change("UPDATE nodes SET properties = '{\"born\":1815,\"of\":\"y\"}'");
    machine.change("UPDATE nodes SET value = 'b'");
    machine.change("UPDATE nodes SET value = 'a'");
    let rows = cells(&machine.line("TEMPORAL.BLAME ada"));
    let version = |part: &str| {
        let row = rows.iter().find(|row| row[0] == part);
        row.map(|row| row[2].as_str())
    };
    let address = rows.iter().find(|row| row[0] == "address");
    assert_eq!(address.map(|row| row[1].as_str()), Some("@8000"));
    assert_eq!(version("name"), Some("1"));
    assert_eq!(version("fields:born"), Some("1"));
    assert_eq!(version("fields:of"), Some("2"));
    assert_eq!(version("value"), Some("4"));
    assert_eq!(version("expires"), None);
}

/// A line through points that lie on one.
#[test]
fn a_trend_is_the_line_through_its_points() {
    let machine = Machine::new();
    machine.change("INSERT INTO nodes (name) VALUES ('stock')");
    for n in 1..=5 {
        machine.pass(2.0);
        machine.change(&format!(
            "UPDATE nodes SET properties = '{{\"price\":{}}}'",
            3 * n
        ));
    }
    let rows = cells(&machine.line("TEMPORAL.TREND stock price"));
    let number = |at: usize| rows[0][at].parse::<f64>().expect("a number");
    assert_eq!(rows[0][0], "5");
    // All points are on the line.
    assert!(number(1) > 0.0 && number(3) > 0.999, "{rows:?}");
    let none = cells(&machine.line("TEMPORAL.TREND stock weight"));
    assert_eq!(none[0], ["0", "NULL", "NULL", "NULL"]);
}

const EVERYTHING: &str =
    "SELECT name, value, properties, rung, confidence FROM nodes ORDER BY name";

/// The same history on a server by methods, and on another by DAG commands.
#[test]
fn checkpoints_forks_merges_and_rollbacks_leave_what_the_commands_do() {
    let servers = [Server::start(&[]), Server::start(&[])];
    let mut clients = servers.each_ref().map(Server::connect);
    let steps: [(&str, &str); 14] = [
        ("SET ada first", "SET ada first"),
        ("CAM.TEMPORAL.CHECKPOINT before", "DAG.CHECKPOINT before"),
        ("SET ada second", "SET ada second"),
        ("SET alan third", "SET alan third"),
        ("CAM.TEMPORAL.FORK what-if", "DAG.FORK what-if"),
        ("SELECT what-if", "SELECT what-if"),
        ("SET ada other", "SET ada other"),
        ("SELECT 0", "SELECT 0"),
        ("CAM.TEMPORAL.MERGE what-if", "DAG.MERGE what-if"),
        ("SET alan fourth", "SET alan fourth"),
        ("CAM.TEMPORAL.ROLLBACK 3", "DAG.ROLLBACK 3"),
        ("CAM.TEMPORAL.FORK old 2", "DAG.FORK old AT 2"),
        ("CAM.TEMPORAL.ROLLBACK before", "DAG.ROLLBACK before"),
        (
            "CAM.TEMPORAL.MERGE old mine",
            "DAG.MERGE old ON CONFLICT mine",
        ),
    ];
    for (method, command) in steps {
        let said = clients[0].call(method);
        let done = clients[1].call(command);
        assert_eq!(
            said.starts_with('-'),
            done.starts_with('-'),
            "{method}: {said}, {done}"
        );
        if method.starts_with("CAM.") && !done.starts_with('-') {
            let version = done.trim_start_matches(':');
            assert!(
                said.ends_with(&format!("{version}]]")),
                "{method}: {said}, {done}"
            );
        }
        let states = clients
            .each_mut()
            .map(|client: &mut Connection| client.command(&["SQL", EVERYTHING]));
        assert_eq!(states[0], states[1], "after {method}");
    }
}

#[test]
fn the_past_is_what_the_commands_of_the_dag_tell() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for command in [
        "SET ada one",
        "HSET grace born 1906 of navy",
        "SET ada two",
        "DEL ada",
        "SET ada three",
        "EXPIRE ada 1000",
        "HSET grace of cobol",
        "LINK ada CAUSES grace",
        "SET gone away",
        "DEL gone",
    ] {
        let reply = client.call(command);
        assert!(!reply.starts_with('-'), "{command}: {reply}");
    }
    let numbers = |reply: &str, column: usize| -> Vec<String> {
        let rows = reply.split("], [").skip(1);
        rows.map(|row| {
            let row = row.trim_matches(|c| c == '[' || c == ']');
            row.split(", ").nth(column).unwrap_or_default().to_owned()
        })
        .collect()
    };
    for name in ["ada", "grace", "gone", "nobody"] {
        let told = client.call(&format!("DAG.HISTORY {name}"));
        let versions = numbers(&format!("[[], {}", &told[1..]), 0);
        let rows = client.call(&format!("CAM.TEMPORAL.HISTORY {name}"));
        assert_eq!(numbers(&rows, 0), versions, "{name}: {told} {rows}");
        for version in 0..=9 {
            let told = client.call(&format!("DAG.TIMETRAVEL {name} {version}"));
            let row = client.call(&format!("CAM.TEMPORAL.ASOF {name} {version}"));
            let is_there = row != "nil";
            assert_eq!(told != "nil", is_there, "{name} {version}: {told} {row}");
            for word in ["one", "two", "three", "cobol", "navy", "away"] {
                assert_eq!(told.contains(word), row.contains(word), "{told} {row}");
            }
        }
    }
    for (from, until) in [(0, 9), (2, 5), (3, 4), (5, 9), (9, 9)] {
        let told = client.call(&format!("DAG.CHANGED {from} {until}"));
        let rows = client.call(&format!("CAM.TEMPORAL.CHANGED {from} {until}"));
        for how in ["created", "changed", "removed"] {
            // The column that says how is not called so.
            assert_eq!(
                told.matches(&format!("\"{how}\"")).count(),
                rows.matches(&format!("\"{how}\"")).count(),
                "{from} {until}: {told} {rows}"
            );
        }
    }
    let told = client.call("DAG.DIFF grace 2 7");
    let rows = client.call("CAM.TEMPORAL.DIFF grace 2 7");
    assert!(
        told.contains("fields:of") && rows.contains("properties"),
        "{told} {rows}"
    );
    let bits = rows
        .split(", ")
        .last()
        .map(|bits| bits.trim_end_matches(']').to_owned());
    assert!(told.contains(&bits.unwrap_or_default()), "{told} {rows}");
}
