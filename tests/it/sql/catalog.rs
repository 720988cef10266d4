//! Spaces as schemas, forks by name, and what catalogs say of them.

use super::Database;

#[test]
fn a_space_is_a_schema_and_a_fork_one_by_its_name() {
    let mut database = Database::new();
    database.change("INSERT INTO nodes (name) VALUES ('a')");
    database.engine.space("What If").expect("a space");
    database.engine.space("draft").expect("a space");
    database.change("INSERT INTO \"What If\".nodes (name) VALUES ('b'), ('c')");
    database.change("INSERT INTO draft.nodes (name) VALUES ('d')");
    assert_eq!(
        database.rows("SELECT schema, nodes FROM spaces ORDER BY schema"),
        ["What If|2", "draft|1", "space_0|1"]
    );
    assert_eq!(
        database.rows("SELECT count(*) FROM Draft.nodes"),
        ["1"],
        "not quoted: lower case"
    );
    let refused = database.refusal("SELECT * FROM \"what if\".nodes");
    assert!(
        refused.contains("\"What If\"") && refused.contains("draft"),
        "{refused}"
    );
    assert_eq!(database.sql.schemas(), ["space_0", "What If", "draft"]);
    let tables = database.sql.tables();
    assert_eq!(tables.len(), 3 * 9);
    assert!(
        tables
            .iter()
            .any(|table| table.schema == "draft" && table.table == "edges" && table.is_writable)
    );
    assert_eq!(database.sql.space_of("space_7"), Some(7));
    assert_eq!(database.sql.space_of("nope"), None);
}

#[test]
fn the_information_schema_and_show_know_the_tables() {
    let mut database = Database::new();
    let tables = database.rows("SHOW TABLES");
    assert!(
        tables
            .iter()
            .any(|row| row.starts_with("ladybug|space_0|nodes|")),
        "{tables:?}"
    );
    assert_eq!(
        database.rows("SELECT count(*) FROM information_schema.columns WHERE table_schema = 'space_0' AND table_name = 'nodes'"),
        ["20"]
    );
    assert_eq!(database.rows("DESCRIBE nodes").len(), 20);
    assert_eq!(database.rows("SHOW COLUMNS FROM edges").len(), 13);
}

#[test]
fn versions_of_forks_are_read_by_name() {
    let mut database = Database::new();
    database.change("INSERT INTO nodes (name) VALUES ('a')");
    let when = ladybug_engine::engine::When::Version(1);
    let forked = database.engine.state_at(0, when).expect("a version");
    assert_eq!(forked.version, 1);
    assert_eq!(database.rows("SELECT count(*) FROM checkpoints"), ["0"]);
    let written = database.engine.checkpoint().expect("a checkpoint");
    assert_eq!(
        database.rows("SELECT position FROM checkpoints WHERE name IS NULL"),
        [written.position.to_string()]
    );
    assert_eq!(database.rows("SELECT operation FROM history"), ["insert"]);
}
