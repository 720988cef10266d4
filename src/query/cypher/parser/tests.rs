//! What no statement is must be an error, whatever its text.

use proptest::prelude::*;

use super::parse;
use crate::query::cypher::STACK_BYTES;

#[test]
fn nesting_is_bounded_before_it_can_hurt() {
    // On a stack as statements have it.
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    let thread = thread.spawn(deep_statements_are_refused).unwrap();
    thread.join().unwrap();
}

fn deep_statements_are_refused() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{a: ", "}"),
        ("NOT (", ")"),
        ("CASE WHEN ", " THEN 1 END"),
    ] {
        let deep = format!("RETURN {}1{}", open.repeat(20_000), close.repeat(20_000));
        let error = parse(&deep).unwrap_err();
        assert_eq!(error.detail, "NestingTooDeep", "{open}");
    }
    for operator in ["+", "-", "*", "^", "XOR"] {
        let long = format!("RETURN 1{}", format!(" {operator} 1").repeat(100_000));
        assert_eq!(
            parse(&long).unwrap_err().detail,
            "NestingTooDeep",
            "{operator}"
        );
    }
    for signs in ["-", "+", "NOT "] {
        let long = format!("RETURN {}true", signs.repeat(100_000));
        assert_eq!(
            parse(&long).unwrap_err().detail,
            "NestingTooDeep",
            "{signs}"
        );
    }
    // These do not nest.
    for operator in ["AND", "OR"] {
        let long = format!("RETURN true{}", format!(" {operator} true").repeat(50_000));
        parse(&long).unwrap();
    }
}

/// Text of the words and symbols that statements are made of.
fn words() -> impl Strategy<Value = String> {
    const WORDS: [&str; 60] = [
        "MATCH",
        "RETURN",
        "WITH",
        "WHERE",
        "UNWIND",
        "AS",
        "CREATE",
        "MERGE",
        "SET",
        "DELETE",
        "ON",
        "IN",
        "NOT",
        "AND",
        "OR",
        "CASE",
        "WHEN",
        "THEN",
        "END",
        "EXISTS",
        "CALL",
        "YIELD",
        "UNION",
        "n",
        "r",
        "p",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "-",
        "->",
        "<-",
        "--",
        "*",
        "..",
        ":",
        "|",
        ",",
        ".",
        "=",
        "+",
        "'a'",
        "1",
        "2.5",
        "$p",
        "null",
        "all(",
        "reduce(",
        "count(*)",
        "shortestPath(",
        "`q`",
        ";",
        "<",
        ">",
        "$",
        "'",
        "/*",
    ];
    prop::collection::vec(prop::sample::select(&WORDS[..]), 0..60).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn random_text_never_panics(text in ".{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn random_words_never_panic(text in words()) {
        let _ = parse(&text);
    }
}
