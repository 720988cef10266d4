//! The fuzz targets, each for a short while on random input that looks like the real thing.

use proptest::prelude::*;

#[path = "../../fuzz/src/cypher.rs"]
mod cypher;
#[path = "../../fuzz/src/graphql_document.rs"]
mod graphql_document;
#[cfg(feature = "flight")]
#[path = "../../fuzz/src/received.rs"]
mod received;
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

    #[test]
    fn the_reader_of_arrow_takes_any_bytes(data in ipc_like()) {
        received::run(&data);
    }
}

/// A stream of batches with columns of many types, in both compressions and without.
#[cfg(feature = "flight")]
fn ipc_streams() -> Vec<Vec<u8>> {
    use arrow::array::{
        ArrayRef, DictionaryArray, FixedSizeBinaryArray, Float64Array, ListArray, NullArray,
        RecordBatch, StringViewArray, StructArray,
    };
    use arrow::datatypes::{Int32Type, UInt8Type};
    use arrow::ipc::CompressionType;
    use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
    use std::sync::Arc;

    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), None, Some(2.0)]));
    let words: DictionaryArray<Int32Type> = ["a", "b", "a"].into_iter().collect();
    let bits = [[7; 40]; 3].into_iter();
    let lists = [Some(vec![Some(1), None]), None, Some(vec![])];
    let columns: [(_, ArrayRef); 7] = [
        ("number", Arc::clone(&numbers)),
        ("word", Arc::new(words)),
        (
            "bits",
            Arc::new(FixedSizeBinaryArray::try_from_iter(bits).expect("as wide as each other")),
        ),
        (
            "list",
            Arc::new(ListArray::from_iter_primitive::<UInt8Type, _, _>(lists)),
        ),
        (
            "text",
            Arc::new(StringViewArray::from(vec![
                "short",
                "longer than twelve bytes",
                "",
            ])),
        ),
        (
            "inner",
            Arc::new(StructArray::try_from(vec![("x", numbers)]).expect("a struct")),
        ),
        ("nothing", Arc::new(NullArray::new(3))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, column)| (name, column, true)),
    );
    let batch = batch.expect("as long as each other");
    let compressions = [
        None,
        Some(CompressionType::LZ4_FRAME),
        Some(CompressionType::ZSTD),
    ];
    let stream = |compression| {
        let options = IpcWriteOptions::default()
            .try_with_compression(compression)
            .expect("a compression");
        let mut writer = StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options)
            .expect("a stream");
        writer
            .write(&batch)
            .and_then(|()| writer.into_inner())
            .expect("a batch")
    };
    compressions.into_iter().map(stream).collect()
}

/// Such streams with a few bytes changed, or without their end.
#[cfg(feature = "flight")]
fn ipc_like() -> impl Strategy<Value = Vec<u8>> {
    let change = (
        any::<prop::sample::Index>(),
        prop_oneof![any::<u8>(), Just(0), Just(0xFF), Just(0x7F)],
        1..9_usize,
    );
    let changes = prop::collection::vec(change, 0..6);
    let kept = prop_oneof![4 => Just(None), 1 => any::<prop::sample::Index>().prop_map(Some)];
    (prop::sample::select(ipc_streams()), changes, kept).prop_map(|(mut stream, changes, kept)| {
        for (place, byte, run) in changes {
            let place = place.index(stream.len());
            stream
                .iter_mut()
                .skip(place)
                .take(run)
                .for_each(|old| *old = byte);
        }
        if let Some(kept) = kept {
            stream.truncate(kept.index(stream.len()));
        }
        stream
    })
}

/// Words that get past the parser of documents more often than any text would, some of them balanced.
fn document_like() -> impl Strategy<Value = String> {
    let words = [
        "{ ",
        "} ",
        "(",
        ") ",
        "[",
        "] ",
        ": ",
        "$a ",
        "@",
        "... ",
        "\"",
        "\"\"\"",
        "\\",
        "#",
        "\n",
        "!",
        "query ",
        "mutation ",
        "fragment F on Node ",
        "fragment G on Query ",
        "...F ",
        "...G ",
        "... on Word ",
        "set",
        "link",
        "unlink",
        "delete",
        "bind",
        "node",
        "nodes ",
        "search",
        "path",
        "asOf",
        "history ",
        "edges ",
        "parent ",
        "children ",
        "neighbours ",
        "ancestors ",
        "pageInfo ",
        "endCursor ",
        "first: 1 ",
        "after: ",
        "orderBy: ",
        "{by: NAME} ",
        "name ",
        "id ",
        "text: \"red\" ",
        "k: 1 ",
        "version: \"1\" ",
        "1 ",
        "-1 ",
        "1e400 ",
        "99999999999999999999 ",
        "null ",
        "true ",
        "@skip(if: true) ",
        "__schema ",
        "__typename ",
        "é",
        "\u{0}",
    ];
    let node = "(node: {name: \"red\"}) ";
    let leaf = prop::sample::select(words.to_vec()).prop_map(str::to_owned);
    let good = prop::sample::select(vec![
        "id ",
        "name ",
        "value ",
        "fields ",
        "kinds ",
        "__typename ",
        "... on Word { n } ",
        "history { nodes { version } } ",
        "fingerprint ",
    ]);
    let fields = good
        .prop_map(str::to_owned)
        .prop_recursive(6, 24, 3, |inner| {
            let set = prop::collection::vec(inner, 1..3).prop_map(|fields| fields.concat());
            (
                prop::sample::select(vec![
                    "parent",
                    "children { nodes",
                    "neighbours { nodes { target",
                ]),
                set,
            )
                .prop_map(|(field, set)| {
                    format!(
                        "{field} {{ {set}{} ",
                        "} ".repeat(1 + field.matches('{').count())
                    )
                })
        });
    let document = (
        prop::sample::select(vec![
            "{ nodes { nodes { ".to_owned(),
            "{ nodes(orderBy: {field: \"n\"}) { edges { node { ".to_owned(),
            "{ asOf(version: \"1\") { nodes { nodes { ".to_owned(),
            format!("mutation {{ set{node}{{ "),
            "mutation { set(node: {name: \"x\"}, fields: {a: 1}) { ".to_owned(),
        ]),
        fields,
        prop::option::of(leaf.clone()),
    );
    prop_oneof![
        prop::collection::vec(leaf, 0..60).prop_map(|words| words.concat()),
        document.prop_map(|(head, fields, noise)| {
            let open = head.matches('{').count() - head.matches('}').count();
            format!(
                "{head}{fields}{}{}",
                noise.unwrap_or_default(),
                "} ".repeat(open)
            )
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn graphql_takes_any_document(text in document_like()) {
        graphql_document::run(text.as_bytes());
    }
}
