//! Whatever the text, SQL answers or refuses, and never panics.

use proptest::prelude::*;

use super::Database;

/// Words that SQL is made of, and some that it is not.
const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "nodes",
    "edges",
    "history",
    "spaces",
    "verbs",
    "name",
    "id",
    "fingerprint",
    "address",
    "zone",
    "rung",
    "kinds",
    "*",
    ",",
    "(",
    ")",
    "=",
    "<",
    "+",
    "-",
    "'x'",
    "''",
    "1",
    "0",
    "-1",
    "1e300",
    "NULL",
    "X'00'",
    "AND",
    "OR",
    "NOT",
    "IN",
    "LIKE",
    "BETWEEN",
    "ORDER",
    "BY",
    "LIMIT",
    "OFFSET",
    "GROUP",
    "HAVING",
    "DISTINCT",
    "JOIN",
    "ON",
    "UNION",
    "ALL",
    "VERSION",
    "AS",
    "OF",
    "TIMESTAMP",
    "hamming",
    "encode",
    "resonate",
    "tree",
    "neighbours",
    "as_of",
    "bundle",
    "count",
    "field",
    "permute",
    "INSERT",
    "INTO",
    "VALUES",
    "UPDATE",
    "SET",
    "DELETE",
    "TRUNCATE",
    "EXPLAIN",
    "WITH",
    "CASE",
    "WHEN",
    "END",
    "CAST",
    "::",
    "int",
    "?",
    "$1",
    ";",
    "\"",
    "--",
    "/*",
    "[",
    "]",
    ".",
    "space_1",
    "\u{1F41E}",
    "OVER",
    "PARTITION",
    "EXISTS",
    "unnest",
    "make_array",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn any_words_are_answered_or_refused(words in prop::collection::vec(prop::sample::select(WORDS), 0..24)) {
        thread_local! {
            static DATABASE: std::cell::RefCell<Option<Database>> = const { std::cell::RefCell::new(None) };
        }
        DATABASE.with_borrow_mut(|database| {
            let database = database.get_or_insert_with(Database::new);
            let outcome = database.run(&words.join(" "), Vec::new());
            if let Err(error) = outcome {
                assert!(!error.to_string().contains("could not be run"), "{words:?}: {error}");
            }
        });
    }

    #[test]
    fn any_text_is_answered_or_refused(text in any::<String>()) {
        thread_local! {
            static DATABASE: std::cell::RefCell<Option<Database>> = const { std::cell::RefCell::new(None) };
        }
        DATABASE.with_borrow_mut(|database| {
            let database = database.get_or_insert_with(Database::new);
            if let Err(error) = database.run(&text, Vec::new()) {
                assert!(!error.to_string().contains("could not be run"), "{text:?}: {error}");
            }
        });
    }
}

#[test]
fn deep_statements_are_refused_or_run() {
    let mut database = Database::new();
    for chain in [" + 1", " OR true", " || 'x'", "::int", " AND 1 = 1"] {
        let query = |times: usize| {
            format!(
                "SELECT {}{}",
                if chain.contains("OR") || chain.contains("AND") {
                    "true"
                } else {
                    "1"
                },
                chain.repeat(times)
            )
        };
        database
            .run(&query(400), Vec::new())
            .unwrap_or_else(|error| panic!("{chain}: {error}"));
        assert!(
            database.refusal(&query(50_000)).contains("in a row"),
            "{chain}"
        );
    }
    let unions = |times: usize| format!("SELECT 1, 2{}", " UNION ALL SELECT 1, 2".repeat(times));
    assert_eq!(database.rows(&unions(100)).len(), 101);
    assert!(database.refusal(&unions(50_000)).contains("relations"));
    let list: Vec<String> = (0..20_000).map(|n| n.to_string()).collect();
    assert_eq!(
        database.rows(&format!("SELECT 5 IN ({})", list.join(","))),
        ["true"]
    );
}
