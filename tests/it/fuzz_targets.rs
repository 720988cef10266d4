//! The fuzz targets, each for a short while on random input that looks like the real thing.

use proptest::prelude::*;

#[path = "../../fuzz/src/cypher.rs"]
mod cypher;
#[path = "../../fuzz/src/request_parser.rs"]
mod request_parser;
#[cfg(feature = "flight")]
#[path = "../../fuzz/src/ticket.rs"]
mod ticket;

/// Bytes that get deep into the parser more often than any bytes would.
fn resp_like() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        (0u8..20).prop_map(|count| format!("*{count}\r\n").into_bytes()),
        (0usize..300)
            .prop_map(|length| format!("${length}\r\n{}\r\n", "x".repeat(length)).into_bytes()),
        Just(b"$3\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"SET \"a\\x41\" 'b c'\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

/// Text of what statements are made of.
fn cypher_like() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "MATCH ",
        "OPTIONAL MATCH ",
        "RETURN ",
        "WITH ",
        "WHERE ",
        "UNWIND ",
        "CREATE ",
        "MERGE ",
        "SET ",
        "DELETE ",
        "CALL db.labels() YIELD label ",
        "AS x ",
        "(a:A {p: 1})",
        "-[r:R*1..3]->",
        "<-[:S|T]-",
        "(b)",
        "a",
        "r",
        "x",
        "a.p",
        "$p",
        "1",
        "0x1F",
        "1.5e3",
        "'téxt'",
        "[1, 2]",
        "{k: null}",
        " + ",
        " = ",
        " IN ",
        " AND ",
        "NOT ",
        "count(*)",
        "all(y IN x WHERE y)",
        "[y IN x | y]",
        "EXISTS { ",
        "}",
        "CASE WHEN ",
        " THEN ",
        " END",
        ", ",
        ")",
        "(",
        "`q`",
        "// c\n",
        "/* c */",
        "date('2015-01-01')",
        "shortestPath(",
        " ORDER BY ",
        " SKIP ",
        " LIMIT ",
    ]);
    let token = prop_oneof![
        20 => word.prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 5000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_request_parser_takes_any_bytes(choice: u8, data in resp_like()) {
        request_parser::run(&[&[choice], &data[..]].concat());
    }

    #[test]
    fn cypher_takes_any_text(text in cypher_like()) {
        cypher::run(text.as_bytes());
    }
}

/// Bytes that are a ticket, or nearly one, more often than any bytes would be.
#[cfg(feature = "flight")]
fn ticket_like() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        prop::sample::select(vec![
            "space=",
            "columns=",
            "recall=",
            "3",
            "id,name",
            "0.9",
            ";",
            "%3B",
            "%",
            ":",
            "all",
            "nodes",
            "prefix:8A",
            "search:40",
            "topk:3",
            "sql:",
            "asof:7",
            "x",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        Just(vec![0xF5, b'L', b'B', 1]),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(token, 0..8).prop_map(|tokens| tokens.concat())
}

#[cfg(feature = "flight")]
proptest! {
    #![proptest_config(ProptestConfig {
        cases: 20_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_ticket_parser_takes_any_bytes(data in ticket_like()) {
        ticket::run(&data);
    }
}
