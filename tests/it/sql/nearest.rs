//! ORDER BY hamming(…) LIMIT k as a search answers what the sort would have.

use proptest::prelude::*;

use super::Database;

/// Nodes whose fingerprints tie often, of two kinds and several rungs.
fn grown(count: usize, removed: usize) -> Database {
    let mut database = Database::new();
    database.change(&format!(
        "INSERT INTO nodes (name, fingerprint, kinds, rung, confidence)
         SELECT 'n' || value, encode_exact('family ' || value % 7), make_array('K' || value % 2), CAST(value % 5 AS TINYINT), 0.5 + (value % 4) / 10.0
         FROM unnest(range(0, {count})) AS t(value)"
    ));
    database.change(&format!(
        "DELETE FROM nodes WHERE CAST(substr(name, 2) AS INT) % 11 = {removed}"
    ));
    database
}

/// The same order, which the rule does not know.
const OPAQUE: &str = "hamming(fingerprint, encode_exact('family 3')) + 0, address";

#[test]
fn more_of_the_nearest_than_a_batch_holds_come_in_order() {
    let mut database = grown(10_000, 0);
    let query = |order: &str| format!("SELECT name FROM nodes ORDER BY {order} LIMIT 9000");
    let nearest = query("hamming(fingerprint, encode_exact('family 3')), address");
    let (batches, _) = database.run(&nearest, Vec::new()).expect("rows");
    let rows: Vec<_> = batches.iter().map(|batch| batch.num_rows()).collect();
    assert_eq!(rows, [8192, 808]);
    assert_eq!(database.rows(&nearest), database.rows(&query(OPAQUE)));
}

#[test]
fn the_rule_is_seen_in_the_plan() {
    let mut database = grown(100, 0);
    for (query, k) in [
        (
            "SELECT name FROM nodes ORDER BY hamming(fingerprint, encode('x')) LIMIT 5",
            5,
        ),
        (
            "SELECT name FROM nodes ORDER BY hamming(encode('x'), fingerprint) ASC LIMIT 5 OFFSET 2",
            7,
        ),
        (
            "SELECT name, hamming(fingerprint, encode('x')) AS d FROM nodes n ORDER BY d LIMIT 5",
            5,
        ),
        (
            "SELECT name, hamming(fingerprint, encode('x')) AS d FROM nodes ORDER BY d, address LIMIT 5",
            5,
        ),
        (
            "SELECT name FROM nodes ORDER BY similarity(fingerprint, encode('x')) DESC LIMIT 5",
            5,
        ),
        (
            "SELECT name FROM nodes WHERE confidence > 0.6 AND rung < 3 ORDER BY hamming(fingerprint, encode('x')) LIMIT 5",
            5,
        ),
        (
            "SELECT * FROM (SELECT name, fingerprint FROM nodes WHERE name LIKE 'n1%') ORDER BY hamming(fingerprint, encode('x')) LIMIT 5",
            5,
        ),
        (
            "SELECT (SELECT name FROM nodes ORDER BY hamming(fingerprint, encode('x')) LIMIT 1)",
            1,
        ),
        (
            "SELECT name FROM nodes VERSION AS OF 1 ORDER BY hamming(fingerprint, encode('x')) LIMIT 5",
            5,
        ),
    ] {
        let plan = database.explain(query);
        assert!(
            plan.contains("NearestScan: space_0, version="),
            "{query}: {plan}"
        );
        assert!(plan.contains(&format!("k={k}")), "{query}: {plan}");
    }
    for query in [
        "SELECT name FROM nodes ORDER BY hamming(fingerprint, encode('x'))",
        "SELECT name FROM nodes ORDER BY hamming(fingerprint, encode('x')) DESC LIMIT 5",
        "SELECT name FROM nodes ORDER BY similarity(fingerprint, encode('x')) LIMIT 5",
        "SELECT name FROM nodes ORDER BY hamming(fingerprint, encode(name)) LIMIT 5",
        "SELECT name FROM nodes ORDER BY hamming(fingerprint, encode('x')), name LIMIT 5",
        "SELECT name FROM nodes WHERE random() < 0.5 ORDER BY hamming(fingerprint, encode('x')) LIMIT 5",
        "SELECT name, 5 AS address FROM nodes ORDER BY hamming(fingerprint, encode('x')), name LIMIT 5",
        "SELECT encode('y') AS fingerprint FROM nodes ORDER BY hamming(fingerprint, encode('x')) LIMIT 5",
    ] {
        let plan = database.explain(query);
        assert!(!plan.contains("NearestScan"), "{query}: {plan}");
    }
}

#[test]
fn there_is_no_sort_where_nothing_can_change_the_order() {
    let mut database = grown(100, 0);
    for query in [
        "SELECT name FROM nodes ORDER BY hamming(fingerprint, encode('x')) LIMIT 5",
        "SELECT n.name AS of, fingerprint FROM nodes n ORDER BY similarity(fingerprint, encode('x')) DESC LIMIT 5 OFFSET 2",
        "SELECT * FROM nodes WHERE rung <= 2 AND zone = 'node' ORDER BY hamming(fingerprint, encode('x')), address LIMIT 5",
        "SELECT upper(name) FROM nodes ORDER BY hamming(fingerprint, encode('x')) LIMIT 5",
        "SELECT name, hamming(fingerprint, encode('x')) AS d FROM nodes WHERE name LIKE 'n%' ORDER BY d LIMIT 5",
    ] {
        let plan = database.explain(query);
        assert!(plan.contains("NearestScan"), "{query}: {plan}");
        assert!(!plan.contains("Sort"), "{query}: {plan}");
    }
    for query in [
        "SELECT upper(name) FROM nodes ORDER BY hamming(fingerprint, encode('x')) LIMIT 10000",
        "SELECT name FROM nodes WHERE length(name) > 2 ORDER BY hamming(fingerprint, encode('x')) LIMIT 5",
        "SELECT count(*) FROM (SELECT name FROM nodes ORDER BY hamming(fingerprint, encode('x')) LIMIT 5) GROUP BY name",
    ] {
        let plan = database.explain(query);
        assert!(plan.contains("NearestScan"), "{query}: {plan}");
        assert!(plan.contains("Sort"), "{query}: {plan}");
    }
}

#[test]
fn what_is_planned_carries_no_constant_of_a_distance() {
    let mut database = grown(100, 0);
    for query in [
        "SELECT name FROM nodes ORDER BY hamming(fingerprint, encode('x')) LIMIT 5",
        "SELECT name FROM nodes WHERE length(name) > 2 ORDER BY hamming(encode('x'), fingerprint) LIMIT 5",
        "SELECT name, similarity(fingerprint, encode('x')) AS near FROM nodes ORDER BY near DESC LIMIT 5",
        "SELECT name FROM nodes WHERE hamming(fingerprint, encode('x')) < 5000",
        "SELECT hamming(fingerprint, encode('x')), count(*) FROM nodes GROUP BY 1",
    ] {
        let plans = database.explain(&format!("VERBOSE {query}"));
        assert!(
            !plans.contains("FixedSizeBinary(1280, "),
            "{query}: {plans}"
        );
        assert!(plans.len() < 64 << 10, "{query}: {plans}");
    }
}

#[test]
fn a_distance_to_a_constant_is_the_distance_and_keeps_its_name() {
    let mut database = grown(20, 0);
    let two = "hamming(fingerprint, encode('x')), similarity(encode('x'), fingerprint)";
    let held = database.rows(&format!("SELECT {two} FROM nodes ORDER BY name"));
    let rows = "(SELECT name, fingerprint, encode(lower('X' || substr(name, 9))) AS x FROM nodes)";
    let two = "hamming(fingerprint, x), similarity(x, fingerprint)";
    let compared = database.rows(&format!("SELECT {two} FROM {rows} ORDER BY name"));
    assert_eq!(held, compared);
    let query = "SELECT hamming(fingerprint, encode('x')) FROM nodes";
    let (batches, _) = database.run(query, Vec::new()).expect("rows");
    let name = "hamming(nodes.fingerprint,encode(Utf8(\"x\")))";
    assert_eq!(batches[0].schema().field(0).name(), name);
    let none = database.rows("SELECT DISTINCT hamming(fingerprint, NULL) FROM nodes");
    assert_eq!(none, [""]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    /// With and without WHERE, whatever k: the same rows as a sort of all of them.
    #[test]
    fn the_rule_answers_what_the_sort_does(
        count in 1usize..600,
        removed in 0usize..11,
        k in 0usize..700,
        skipped in 0usize..3,
        condition in prop::sample::select(vec![
            "",
            "WHERE true",
            "WHERE rung <= 2",
            "WHERE array_has(kinds, 'K1')",
            "WHERE name LIKE 'n1%'",
            "WHERE zone = 'node'",
            "WHERE address BETWEEN 32768 AND 33000",
            "WHERE confidence > 0.6",
            "WHERE confidence > 0.6 AND rung < 3 AND length(name) > 2",
            "WHERE hamming(fingerprint, encode_exact('family 1')) > 100",
            "WHERE name IN ('n1', 'n2', 'n3') OR rung = 4",
            "WHERE name = 'n5'",
            "WHERE false",
        ]),
    ) {
        let mut database = grown(count, removed);
        let by = |order: &str| {
            format!("SELECT name, address, hamming(fingerprint, encode_exact('family 3')) FROM nodes {condition} ORDER BY {order} LIMIT {k}")
        };
        let sorted = database.rows(&by(OPAQUE));
        let searched = database.rows(&by("hamming(fingerprint, encode_exact('family 3')), address"));
        prop_assert_eq!(&sorted, &searched);
        // Nothing is calculated here, so that no sort is left.
        let plain = |order: &str| format!("SELECT name, address FROM nodes {condition} ORDER BY {order} LIMIT {k} OFFSET {skipped}");
        let named: Vec<_> = database.rows(&plain(OPAQUE));
        let in_order = database.rows(&plain("hamming(fingerprint, encode_exact('family 3')), address"));
        prop_assert_eq!(&named, &in_order);
        let alike = database.rows(&plain("similarity(fingerprint, encode_exact('family 3')) DESC, address"));
        prop_assert_eq!(&named, &alike);
        let mut alone = database.rows(&by("hamming(fingerprint, encode_exact('family 3'))"));
        let mut expected = sorted;
        alone.sort();
        expected.sort();
        prop_assert_eq!(expected, alone);
    }
}
