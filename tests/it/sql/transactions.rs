//! BEGIN … COMMIT over several statements of a connection.

use super::Database;

#[test]
fn a_transaction_is_seen_whole_when_it_is_committed() {
    let mut database = Database::new();
    let mut other = database.connect();
    database.change("BEGIN");
    database.change("INSERT INTO nodes (name) VALUES ('a'), ('b')");
    database.change("UPDATE nodes SET rung = 3 WHERE name = 'a'");
    assert_eq!(
        database.rows("SELECT name, rung FROM nodes ORDER BY name"),
        ["a|3", "b|0"]
    );
    let count = "SELECT count(*) FROM nodes";
    let (rows, _) = database
        .run_in(&mut other, count, Vec::new())
        .expect("rows");
    assert_eq!(super::shown(&rows), ["0"], "nobody else sees it");
    database.change("COMMIT");
    let (rows, _) = database
        .run_in(&mut other, count, Vec::new())
        .expect("rows");
    assert_eq!(super::shown(&rows), ["2"]);
    assert_eq!(database.engine.state(0).0.version(), 1, "one commit");
}

#[test]
fn a_rollback_leaves_nothing_and_an_error_leaves_the_transaction() {
    let mut database = Database::new();
    database.change("START TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    database.change("INSERT INTO nodes (name) VALUES ('a')");
    assert!(
        database
            .run("INSERT INTO nodes (name) VALUES ('b'), ('a')", Vec::new())
            .is_err()
    );
    assert_eq!(
        database.rows("SELECT name FROM nodes"),
        ["a"],
        "the statement is undone, the transaction is there"
    );
    database.change("ROLLBACK");
    assert_eq!(database.rows("SELECT count(*) FROM nodes"), ["0"]);
    assert!(database.refusal("COMMIT").contains("expected BEGIN first"));
    assert!(
        database
            .refusal("ROLLBACK")
            .contains("expected BEGIN first")
    );
    database.change("BEGIN");
    assert!(database.refusal("BEGIN").contains("is under way"));
    assert!(
        database
            .refusal("SAVEPOINT s")
            .contains("expected BEGIN, COMMIT or ROLLBACK")
    );
    assert!(
        database
            .refusal("SELECT * FROM space_1.nodes")
            .contains("COMMIT first")
    );
    assert!(
        database
            .refusal("INSERT INTO space_1.nodes (name) VALUES ('x')")
            .contains("COMMIT first")
    );
    assert!(
        database
            .refusal("SELECT * FROM history")
            .contains("outside of a transaction")
    );
    database.change("ROLLBACK");
}

/// What a query reads in a transaction, what somebody else changes meanwhile, and whether that conflicts.
#[test]
fn what_a_serializable_transaction_has_read_must_still_be_so() {
    for (read, meanwhile, conflicts) in [
        (
            "SELECT rung FROM nodes WHERE name = 'a'",
            "UPDATE nodes SET rung = 5 WHERE name = 'a'",
            true,
        ),
        (
            "SELECT rung FROM nodes WHERE name = 'a'",
            "UPDATE nodes SET rung = 5 WHERE name = 'b'",
            false,
        ),
        (
            "SELECT * FROM nodes WHERE name = 'new'",
            "INSERT INTO nodes (name) VALUES ('new')",
            true,
        ),
        (
            "SELECT count(*) FROM nodes",
            "INSERT INTO nodes (name) VALUES ('new')",
            true,
        ),
        (
            "SELECT count(*) FROM nodes WHERE rung > 3",
            "UPDATE nodes SET rung = 5 WHERE name = 'b'",
            true,
        ),
        ("SELECT count(*) FROM edges", "DELETE FROM edges", true),
        (
            "SELECT count(*) FROM edges",
            "UPDATE edges SET weight = 9",
            true,
        ),
        (
            "SELECT * FROM neighbours('a', NULL, 2)",
            "DELETE FROM edges",
            true,
        ),
        (
            "SELECT * FROM resonate('a', 1)",
            "UPDATE nodes SET value = 'z' WHERE name = 'b'",
            true,
        ),
        ("SELECT 1", "DELETE FROM edges", false),
    ] {
        let mut database = Database::new();
        database.change("INSERT INTO nodes (name) VALUES ('a'), ('b'), ('mine')");
        database.change("INSERT INTO edges (source, target) SELECT a.id, b.id FROM nodes a, nodes b WHERE a.name = 'a' AND b.name = 'b'");
        let mut other = database.connect();
        database.change("BEGIN");
        database.rows(read);
        database.change("UPDATE nodes SET rung = 1 WHERE name = 'mine'");
        database
            .run_in(&mut other, meanwhile, Vec::new())
            .expect("a change");
        let committed = database.run("COMMIT", Vec::new());
        assert_eq!(
            committed.is_err(),
            conflicts,
            "{read} / {meanwhile}: {committed:?}"
        );
        let rung = if conflicts { "0" } else { "1" };
        assert_eq!(
            database.rows("SELECT rung FROM nodes WHERE name = 'mine'"),
            [rung]
        );
    }
}

/// In a transaction the past ends where that began: what others commit meanwhile is yet to come.
#[test]
fn the_past_and_the_spaces_are_of_the_transactions_moment() {
    let mut database = Database::new();
    database.change("INSERT INTO nodes (name) VALUES ('a')");
    let mut other = database.connect();
    let told = "SELECT version, nodes FROM spaces WHERE schema = 'space_0'";
    let later = "SELECT name FROM as_of('nodes', '2100-01-01') ORDER BY name";
    database.change("BEGIN ISOLATION LEVEL REPEATABLE READ");
    assert_eq!(database.rows(told), ["1|1"]);
    let add = "INSERT INTO nodes (name) VALUES ('b')";
    database
        .run_in(&mut other, add, Vec::new())
        .expect("a change");
    assert_eq!(database.rows(told), ["1|1"], "the same again");
    assert_eq!(database.rows(later), ["a"]);
    assert_eq!(
        database.rows("SELECT name FROM nodes VERSION AS OF 1"),
        ["a"]
    );
    let refused = database.refusal("SELECT name FROM as_of('nodes', 2)");
    assert!(
        refused.contains("version 2 is yet to come; the newest is 1"),
        "{refused}"
    );
    // What it has made itself is there, for it alone.
    database.change("INSERT INTO nodes (name) VALUES ('c')");
    assert_eq!(database.rows(later), ["a", "c"]);
    let nodes = "SELECT nodes FROM spaces WHERE schema = 'space_0'";
    assert_eq!(database.rows(nodes), ["2"]);
    let (rows, _) = database.run_in(&mut other, told, Vec::new()).expect("rows");
    assert_eq!(super::shown(&rows), ["2|2"]);
    database.change("COMMIT");
    assert_eq!(database.rows(told), ["3|3"]);
    assert_eq!(database.rows(later), ["a", "b", "c"]);
}
