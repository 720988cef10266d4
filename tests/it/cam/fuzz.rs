//! Every id answers, whatever it is given: a result, or an error that says what was expected.

use ladybug::cam::{Called, Form, Method, Scope};
use ladybug_engine::space::derive;

use super::translations::{Known, arguments, pick};
use super::{Machine, causal};
use crate::random::Random;

/// What may stand anywhere.
const HOSTILE: &[&[u8]] = &[
    b"",
    b"0",
    b"-1",
    b"1e400",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"18446744073709551616",
    b"NaN",
    b"@8000",
    b"@1000",
    b"@0704",
    b"@0CFF",
    b"@",
    b"#1",
    b"#99999999999999999999",
    b"KEY",
    b"TEXT",
    b"FP",
    b"VECTOR",
    b"SCOPE",
    b"FORM",
    b"node",
    b"plan",
    b"\xff\xfe\x00",
    b"1 = 1) UNION SELECT 1 --",
    b"'; DROP TABLE nodes; --",
    b"((((((((",
    b"<robin --> bird>. %1.0;0.9%",
    b"1.0,0.9",
    b"deduction(#5, #3)",
    b"conversion(conversion(#1))",
    b"9999-12-31T23:59:59",
    b"-292275-01-01",
    b"VSA.BIND",
    b"{\"a\":[1,{}]}",
    b"x=1,x=2",
    b"{x: 1, \"success\": 1}",
    b"success=1",
    b"MECHANISM",
    b"{1: 0.5, 0: 0.5}",
    b"SELECT 1",
    b"TTL",
    b"{\"memory:presented\":[1]}",
    b"MATCH (n) RETURN n",
    b"(n) DETACH DELETE n",
    b"(a)-[:CAUSES]->(b) // RETURN",
    b"CAUSES",
    b"@0700",
    b"*",
    b"\0\0\x80\x7f",
    b"{ version }",
    b"mutation { delete(node: {name: \"gear\"}) }",
    b"{ nodes(first: -1) { nodes { id } } }",
    b"{ ...A } fragment A on Query { ...A }",
    b"query($a: [Int!]! = [1, null]) { node(id: $a) { id } }",
    b"{ a: version b: __typename \xf0\x28\x8c\x28 }",
    b"subscription { version }",
    b"query A { version } query B { version }",
    b"\"\"\"",
    b"0000000000008000",
    b"ffffffffffffffff",
    b"Node",
];

/// Documents that nest deep, and long ones.
fn nasty() -> Vec<Vec<u8>> {
    let nested = |open: &str, depth: usize| open.repeat(depth).into_bytes();
    let closed = |depth: usize| {
        let fields = "{ node(id: 1) ".to_owned() + &"{ parent ".repeat(depth) + "{ id }";
        (fields + &"}".repeat(depth + 1)).into_bytes()
    };
    vec![
        nested("{a", 100_000),
        nested("{a(b:[", 30),
        nested("[", 63),
        closed(20),
        closed(30),
        format!("{{ {} }}", "version ".repeat(5000)).into_bytes(),
        vec![b' '; (1 << 20) + 1],
        [b"{ a".repeat(50), vec![0xFF]].concat(),
    ]
}

/// An error says something.
fn sensible(error: &str, call: &str) {
    let lower = error.to_lowercase();
    for word in [
        "not implemented",
        "unimplemented",
        "panicked",
        "internal error",
        "todo",
    ] {
        assert!(!lower.contains(word), "{call}: {error}");
    }
    assert!(error.len() > 10, "{call}: {error}");
}

/// A word, a program or a free slot, with operands that are there and others; whether one of the calls had an answer.
fn word_answers(
    machine: &Machine,
    called: &Called<'_>,
    known: &[Known; 4],
    random: &mut Random,
) -> bool {
    let mut answers = false;
    for round in 0..4 {
        let words: Vec<Vec<u8>> = (0..random.below(5))
            .map(|at| match (round + at) % 3 {
                0 => pick(random, HOSTILE).to_vec(),
                1 if at == 2 => b"0.5,0.5".to_vec(),
                _ => known[0].name(random),
            })
            .collect();
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        match machine.called(called, &words) {
            Ok(_) => answers = true,
            Err(error) => {
                sensible(&error, &format!("{called:?} {words:?}"));
                if let Called::At(at) = called {
                    let (state, _) = machine.engine().state(0);
                    let is_free = derive::word_name(&state, *at).is_none();
                    assert_eq!(error.contains("is free: CAM."), is_free, "{at}: {error}");
                }
            }
        }
    }
    answers
}

#[test]
fn every_id_answers_whatever_it_is_given() {
    let machine = Machine::filled(3);
    machine.line("VERBS.DEFINE DEPENDS_ON");
    machine.line("CONCEPTS.DEFINE Ship");
    machine.line("DEFINE 0x0F12 near (x k) \"LANCE.NEAR $x $k\" \"LANCE.GET $1.address\"");
    machine.line("DEFINE 0x0FFF kept (name q) \"LANCE.INSERT $name $q\" \"USER.near KEY $name 2\"");
    causal::fill(&machine);
    let mut random = Random(11);
    let known = Scope::ALL.map(|scope| Known::new(&machine, scope));
    let nasty = nasty();
    let mut answered = 0;
    for id in 0..=0x0FFF_u16 {
        let method = match Called::of_id(id) {
            Ok(Called::Method(method)) => method,
            Ok(called) => {
                answered += usize::from(word_answers(&machine, &called, &known, &mut random));
                continue;
            }
            Err(error) => panic!("{id:04X}: {error}"),
        };
        let known = &known[method.mode.scope as usize];
        // Arguments are read the same way whatever the form.
        let rounds = if method.mode.form == Form::Rows { 4 } else { 2 };
        for round in 0..rounds {
            let mut words: Vec<Vec<u8>> = match round % 2 {
                0 => (0..random.below(5))
                    .map(|_| pick(&mut random, HOSTILE).to_vec())
                    .collect(),
                _ => arguments(method.operation, known, &mut random),
            };
            // What is nearly right reaches further.
            if round == 3 && !words.is_empty() {
                let at = random.below(words.len() as u64) as usize;
                words[at] = pick(&mut random, HOSTILE).to_vec();
            }
            if method.family.name == "GRAPHQL" && round < 2 && !words.is_empty() {
                words[0] = pick(&mut random, &nasty).clone();
            }
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            match machine.call(&method, &words) {
                Ok(_) => answered += 1,
                Err(error) => sensible(&error, &format!("{method} {words:?}")),
            }
        }
    }
    assert!(answered > 100, "only {answered} calls had an answer");
}

#[test]
fn an_argument_that_is_wrong_is_named_with_what_was_expected() {
    let machine = Machine::filled(1);
    for (line, message) in [
        (
            "LANCE.TOPK",
            "CAM.LANCE.TOPK: q: expected something to compare with (words, @8042, #17, KEY name, FP hex-or-bytes or VECTOR f32-bytes), got nothing more",
        ),
        (
            "LANCE.TOPK bird ten",
            "CAM.LANCE.TOPK: k: expected a whole number from 0 to 65536, got 'ten'",
        ),
        (
            "LANCE.TOPK bird 1 2",
            "CAM.LANCE.TOPK: expected nothing after q k, got '2'",
        ),
        (
            "LANCE.COUNT 1",
            "CAM.LANCE.COUNT: expected no arguments, got '1'",
        ),
        (
            "LANCE.COUNT SCOPE here",
            "CAM.LANCE.COUNT: SCOPE: expected one of all, surface, fluid, node, got 'here'",
        ),
        (
            "LANCE.COUNT FORM heap",
            "CAM.LANCE.COUNT: FORM: expected one of rows, count, bundle, plan, got 'heap'",
        ),
        (
            "0x0052 SCOPE node",
            "CAM.LANCE.COUNT: SCOPE: expected fluid, as the id says, got 'node'",
        ),
        (
            "LANCE.GET nobody-here",
            "CAM.LANCE.GET: x: no such node 'nobody-here'",
        ),
        (
            "VSA.RANDOM 1 SCOPE node",
            "CAM.VSA.RANDOM: SCOPE: expected all, got node: it reads no stored rows",
        ),
        (
            "VSA.POPCOUNT @0704",
            "CAM.VSA.POPCOUNT: q: expected an operand in scope all, which is fluid and node, and @0704 is outside",
        ),
        (
            "VSA.ENCODE morse x",
            "CAM.VSA.ENCODE: encoder: expected one of text, exact, record, vector, got 'morse'",
        ),
        (
            "VSA.PROJECT 1,x",
            "CAM.VSA.PROJECT: vector: expected numbers with commas between, or VECTOR f32-bytes, got '1,x'",
        ),
        (
            "VSA.PROJECT 0,0",
            "CAM.VSA.PROJECT: vector: a vector needs a direction, all of its 2 components are zero",
        ),
        (
            "LANCE.INSERT x y SCOPE fluid",
            "CAM.LANCE.INSERT: SCOPE: expected the scope of what is written, got fluid: it lives in the node zone",
        ),
    ] {
        let refused = machine.refusal(line);
        assert!(refused.starts_with(message), "{line}: {refused}");
    }
    for condition in [
        "rung < 3) OR (1 = 1",
        "1; DELETE FROM nodes",
        "true ORDER BY 1",
        "",
    ] {
        let words: [&[u8]; 3] = [b"bird", b"3", condition.as_bytes()];
        let method = Method::of_name("LANCE.FILTER").expect("a method");
        let refused = machine.call(&method, &words).expect_err(condition);
        assert!(
            refused.starts_with("CAM.LANCE.FILTER: predicate: "),
            "{condition}: {refused}"
        );
    }
}
