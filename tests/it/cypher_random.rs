//! Random statements on a real engine: whatever they say, they answer or are refused, nothing panics, and what was
//! refused changed nothing.

use std::sync::Arc;
use std::time::Duration;

use ladybug::query::cypher::Statement;
use ladybug::query::cypher::census::{Census, Unknown};
use ladybug::query::cypher::error::CypherError;
use ladybug::query::cypher::execute::output::Answer;
use ladybug::query::cypher::execute::{Access, Limits};
use ladybug::query::cypher::memory::{Alone, Memory};
use ladybug::query::cypher::procedures::BuiltIn;
use ladybug::query::cypher::value::Map;
use ladybug_engine::engine::{Engine, EngineOptions, SystemClock};
use ladybug_engine::space::state::View;
use ladybug_engine::storage::SimulatedStorage;
use proptest::prelude::*;

/// An expression over the variables a, b, r and x, some of which are there.
fn expression() -> impl Strategy<Value = String> {
    const LEAVES: [&str; 34] = [
        "1",
        "-3",
        "0",
        "2.5",
        "'text'",
        "''",
        "null",
        "true",
        "false",
        "[]",
        "[1, null, 'x']",
        "{k: 1}",
        "a",
        "b",
        "r",
        "x",
        "a.p",
        "b.q",
        "r.w",
        "id(a)",
        "labels(b)",
        "type(r)",
        "count(*)",
        "date('2015-07-21')",
        "duration('P1M')",
        "datetime()",
        "9223372036854775807",
        "1e308",
        "$p",
        "keys(a)",
        "properties(r)",
        "time('10:00Z')",
        "[(a)-->(c) | c.p]",
        "(a)-->(b)",
    ];
    let leaf = prop::sample::select(&LEAVES[..]).prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        const BINARY: [&str; 20] = [
            "+",
            "-",
            "*",
            "/",
            "%",
            "^",
            "=",
            "<>",
            "<",
            ">=",
            "AND",
            "OR",
            "XOR",
            "IN",
            "STARTS WITH",
            "CONTAINS",
            "=~",
            "ENDS WITH",
            "<=",
            ">",
        ];
        const CALLS: [&str; 26] = [
            "size",
            "head",
            "toString",
            "toInteger",
            "toFloat",
            "abs",
            "sum",
            "collect",
            "min",
            "avg",
            "count",
            "nodes",
            "reverse",
            "tail",
            "last",
            "coalesce",
            "exists",
            "date",
            "duration",
            "sqrt",
            "sign",
            "isEmpty",
            "toUpper",
            "stDev",
            "range",
            "substring",
        ];
        prop_oneof![
            (
                inner.clone(),
                prop::sample::select(&BINARY[..]),
                inner.clone()
            )
                .prop_map(|(a, o, b)| format!("({a} {o} {b})")),
            (
                prop::sample::select(&CALLS[..]),
                prop::collection::vec(inner.clone(), 1..3)
            )
                .prop_map(|(f, arguments)| format!("{f}({})", arguments.join(", "))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}[{b}]")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("{a}[{b}..{c}]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[x IN {a} WHERE {b} | x]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("any(x IN {a} WHERE {b})")),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| format!("reduce(y = {a}, x IN {b} | y + x)")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("CASE {a} WHEN {b} THEN {c} END")),
            inner.clone().prop_map(|a| format!("NOT {a}")),
            inner.clone().prop_map(|a| format!("{a} IS NULL")),
            inner.prop_map(|a| format!("{a}.p")),
        ]
    })
}

fn clause() -> impl Strategy<Value = String> {
    const PATTERNS: [&str; 12] = [
        "(a)",
        "(a:A)",
        "(a)-->(b)",
        "(a)-[r:R]->(b)",
        "(a)--(b:B)",
        "(a)-[*1..2]-(b)",
        "(a:A {p: 1})",
        "(a)-[r]-(a)",
        "(b)<-[:R|S]-(a), (b)-->()",
        "p = (a)-[*0..2]->(b)",
        "shortestPath((a)-[*]-(b))",
        "(a), (b)",
    ];
    let pattern = || prop::sample::select(&PATTERNS[..]);
    prop_oneof![
        (pattern(), expression()).prop_map(|(p, e)| format!("MATCH {p} WHERE {e}")),
        pattern().prop_map(|p| format!("MATCH {p}")),
        pattern().prop_map(|p| format!("OPTIONAL MATCH {p}")),
        expression().prop_map(|e| format!("UNWIND {e} AS x")),
        expression().prop_map(|e| format!("WITH *, {e} AS x")),
        (expression(), expression())
            .prop_map(|(a, b)| format!("WITH {a} AS x ORDER BY {b} LIMIT 3")),
        (expression(), expression())
            .prop_map(|(a, b)| format!("WITH DISTINCT a, {a} AS x WHERE {b}")),
        expression().prop_map(|e| format!("CREATE (a)-[r:R {{w: {e}}}]->(b:B)")),
        expression().prop_map(|e| format!(
            "MERGE (c:A {{p: {e}}}) ON CREATE SET c.q = 1 ON MATCH SET c.q = 2"
        )),
        Just("MERGE (a)-[:S]->(b)".to_owned()),
        expression().prop_map(|e| format!("SET a.p = {e}")),
        expression().prop_map(|e| format!("SET b += {e}")),
        Just("SET a:A:C".to_owned()),
        Just("REMOVE a.p, b:B".to_owned()),
        Just("DELETE r".to_owned()),
        Just("DETACH DELETE a".to_owned()),
        expression().prop_map(|e| format!("FOREACH (x IN {e} | CREATE (:A {{p: x}}))")),
        Just("CALL db.labels() YIELD label".to_owned()),
        expression().prop_map(|e| format!("RETURN {e} AS x, count(*) ORDER BY x SKIP 1")),
        Just("RETURN *".to_owned()),
    ]
}

/// What is known of the space that statements run on, kept from one to the next.
struct Known(Arc<Census>);

impl Memory for Known {
    fn census(&self) -> Option<Arc<Census>> {
        Some(Arc::clone(&self.0))
    }
}

fn run(engine: &Engine, known: &Known, text: &str) -> Result<Answer, CypherError> {
    let parameters: Map = [("p".into(), 7.into())].into_iter().collect();
    let statement =
        Statement::prepare(text, &parameters, &BuiltIn, &known.0.of(&engine.state(0).0))?;
    let limits = Limits {
        time: Duration::from_secs(2),
        memory_bytes: 16 << 20,
        rows: 10_000,
    };
    if statement.writes() {
        return engine
            .commit(&[0], |tx| statement.run(Access::Write(tx), known, limits))
            .value;
    }
    let (state, _) = engine.state(0);
    statement.run(Access::Read(View::of(&state, engine.now())), known, limits)
}

/// Everything that is there.
fn picture(engine: &Engine) -> String {
    let state = engine.state(0).0;
    let nodes = View::of(&state, i64::MIN)
        .nodes()
        .map(|node| format!("{} {:?} {:?}", node.id(), node.kinds(), node.fields()));
    let nodes: Vec<String> = nodes.collect();
    let edges: Vec<_> = state.graph().edges().collect();
    format!("{nodes:?} {edges:?}")
}

/// A pattern of up to four nodes and what stands between them, of which some have labels, types, directions and properties.
fn pattern() -> impl Strategy<Value = String> {
    let label = || prop::sample::select(vec!["", ":A", ":B", ":Rare", ":A:B", ":Nowhere"]);
    let property = || prop::sample::select(vec!["", "", " {p: 1}", " {p: 2}"]);
    let node = move |name: &'static str| {
        (label(), property())
            .prop_map(move |(label, property)| format!("({name}{label}{property})"))
    };
    let between = || {
        let types = prop::sample::select(vec!["", ":R", ":S", ":R|S", ":T"]);
        let ends = prop::sample::select(vec![("-", "->"), ("<-", "-"), ("-", "-")]);
        (types, ends).prop_map(|(types, (left, right))| format!("{left}[{types}]{right}"))
    };
    let chain = (node("a"), between(), node("b"), between(), node("c"));
    let more = prop::option::of((between(), node("d")));
    let closing = prop::option::of(between());
    (chain, more, closing).prop_map(|((a, ab, b, bc, c), more, closing)| {
        let more = more.map_or_else(|| ", (d:Rare)".to_owned(), |(cd, d)| format!("{cd}{d}"));
        let closing = closing.map_or_else(String::new, |ca| format!(", (c){ca}(a)"));
        format!("{a}{ab}{b}{bc}{c}{more}{closing}")
    })
}

/// A statement that makes a graph: nodes by their labels, edges between them.
fn graph() -> impl Strategy<Value = String> {
    let labels = prop::sample::select(vec!["", ":A", ":A", ":B", ":A:B", ":Rare"]);
    let nodes = prop::collection::vec((labels, 0..4u8), 2..12);
    let types = prop::sample::select(vec!["R", "R", "S", "T"]);
    let edges = prop::collection::vec(
        (
            any::<prop::sample::Index>(),
            types,
            any::<prop::sample::Index>(),
        ),
        0..20,
    );
    (nodes, edges).prop_map(|(nodes, edges)| {
        let count = nodes.len();
        let nodes = nodes.into_iter().enumerate();
        let nodes = nodes.map(|(n, (labels, p))| format!("(n{n}{labels} {{p: {p}}})"));
        let edges = edges.into_iter().map(|(from, kind, to)| {
            format!("(n{})-[:{kind}]->(n{})", from.index(count), to.index(count))
        });
        let parts: Vec<String> = nodes.chain(edges).collect();
        format!("CREATE {}", parts.join(", "))
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn patterns_find_the_same_whatever_is_known(
        graphs in prop::collection::vec((graph(), prop::collection::vec(pattern(), 6)), 1..4),
    ) {
        let storage = Arc::new(SimulatedStorage::new(1));
        let engine = Engine::open(storage, Arc::new(SystemClock), EngineOptions::default()).expect("an engine");
        let known = Known(Arc::default());
        for (graph, patterns) in graphs {
            run(&engine, &known, &graph).expect("it is right");
            let (state, _) = engine.state(0);
            for pattern in patterns {
                for end in ["RETURN id(a), id(b), id(c), id(d) ORDER BY id(a), id(b), id(c), id(d)", "RETURN count(*)"] {
                    let text = format!("MATCH {pattern} {end}");
                    let counted = run(&engine, &known, &text).expect("an answer").rows;
                    let statement = Statement::prepare(&text, &Map::new(), &BuiltIn, &Unknown).expect("it is right");
                    let view = View::of(&state, engine.now());
                    let plain = statement.run(Access::Read(view), &Alone, Limits::default()).expect("an answer").rows;
                    prop_assert_eq!(format!("{counted:?}"), format!("{plain:?}"), "{}", text);
                }
            }
            run(&engine, &known, "MATCH (n:B) WHERE n.p = 1 DETACH DELETE n").expect("it is right");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn random_statements_answer_or_are_refused(
        statements in prop::collection::vec(prop::collection::vec(clause(), 1..5), 20),
    ) {
        let storage = Arc::new(SimulatedStorage::new(1));
        let engine = Engine::open(storage, Arc::new(SystemClock), EngineOptions::default()).expect("an engine");
        let known = Known(Arc::default());
        run(&engine, &known, "CREATE (a:A {p: 1})-[:R {w: 2}]->(b:B {q: 'x'})-[:S]->(c:A {p: [1, 2]}), (b)-[:R]->(b), (c)-[:R]->(a)")
            .expect("it is right");
        for clauses in statements {
            let before = picture(&engine);
            if run(&engine, &known, &clauses.join(" ")).is_err() {
                prop_assert_eq!(&before, &picture(&engine));
            }
        }
    }
}
