//! Programs: what is checked when they are defined, and that running one is one commit or nothing.

use std::thread;

use ladybug::cam::{Called, Host, call};
use ladybug_engine::engine::When;
use ladybug_engine::fingerprint::encode;

use super::{Machine, cells, only};

#[track_caller]
fn row(machine: &Machine, line: &str) -> Vec<String> {
    let mut rows = cells(&machine.line(line));
    assert_eq!(rows.len(), 1, "{line}: {rows:?}");
    rows.remove(0)
}

fn version(machine: &Machine) -> u64 {
    machine.engine().state(0).0.version()
}

/// A definition, whose steps have words in quotes of their own.
fn try_define(machine: &Machine, words: &[&str]) -> Result<Vec<String>, String> {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    let called = Called::parse(b"DEFINE").expect("a method");
    let before = version(machine);
    let rows = machine.called(&called, &words);
    if rows.is_err() {
        assert_eq!(version(machine), before, "a refusal changed something");
    }
    Ok(cells(&rows?).remove(0))
}

#[track_caller]
fn define(machine: &Machine, words: &[&str]) -> Vec<String> {
    try_define(machine, words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

#[test]
fn a_program_is_defined_listed_run_and_undefined() {
    let machine = Machine::new();
    machine.line("LANCE.INSERT ada \"first programmer\"");
    machine.line("LANCE.INSERT alan \"machines that think\"");
    let defined = define(
        &machine,
        &[
            "0x0F12",
            "note",
            "(about",
            "said)",
            "made = LANCE.INSERT 'a note' $said",
            "VERBS.MENTIONS $made.address $about 1.0,0.9",
            "VERBS.MENTIONED_BY $about",
        ],
    );
    assert_eq!(defined[0], 0x0F12.to_string());
    assert_eq!(
        defined[2],
        "about: a node (KEY name, @8042 or #17); said: something to compare with (words, @8042, #17, KEY name, FP \
         hex-or-bytes or VECTOR f32-bytes)"
    );
    assert_eq!(
        defined[3],
        "id, address, name, frequency, confidence, verb, edge, hops"
    );
    assert_eq!(defined[4], "3");
    let listed = row(&machine, "USER");
    assert_eq!(listed, defined);
    let stored = machine.texts("SELECT name, address, doc, hex(fingerprint) FROM programs");
    let text = &defined[5];
    let bits = encode::text(&format!("note: {text}")).to_hex();
    assert_eq!(stored, [format!("note|{}|{text}|{bits}", 0x0F12)]);
    // By id and by name; an operand may say what it is.
    let before = version(&machine);
    let ran = row(&machine, "0x0F12 ada \"she knew\"");
    assert_eq!((&*ran[2], &*ran[5]), ("a note", "MENTIONS"));
    assert_eq!(version(&machine), before + 1, "one commit");
    let refused = machine.refusal("USER.NOTE KEY ada TEXT again");
    assert!(
        refused.starts_with("CAM.USER.NOTE: step 1: LANCE.INSERT: name: ")
            || refused.contains("is there already"),
        "{refused}"
    );
    for (line, message) in [
        (
            "USER.note ada",
            "CAM.USER.note: said: expected something to compare with",
        ),
        (
            "USER.note ada x y",
            "CAM.USER.note: expected nothing after about said, got 'y'",
        ),
        (
            "UNDEFINE 0x0F13",
            "CAM.UNDEFINE: program: expected the id or the name of a program, got '0x0F13'",
        ),
        (
            "0x0F13",
            "0x0F13 is free: CAM.DEFINE 0x0F13 name (arguments) steps… fills it with a program",
        ),
        (
            "USER.nobody",
            "no such program 'nobody'; CAM.DEFINE 0x0F00 nobody (arguments) steps…",
        ),
    ] {
        let refused = machine.refusal(line);
        assert!(refused.starts_with(message), "{line}: {refused}");
    }
    // A fingerprint goes on as one also where another operation reads the arguments.
    define(
        &machine,
        &[
            "0x0F14",
            "round",
            "(q)",
            "QUANTUM.HADAMARD $q 7",
            "back = QUANTUM.ADJOINT HADAMARD $1 7",
            "VSA.DISTANCE $q $back.fingerprint",
        ],
    );
    assert_eq!(row(&machine, "USER.round KEY ada"), ["0"]);
    machine.line("UNDEFINE round");
    assert_eq!(
        row(&machine, "UNDEFINE note"),
        [0x0F12.to_string(), "note".to_owned()]
    );
    assert_eq!(machine.line("USER").num_rows(), 0);
    assert!(
        machine
            .refusal("0x0F12 ada x")
            .starts_with("0x0F12 is free")
    );
}

#[test]
fn a_definition_that_cannot_run_is_refused_with_the_step_and_what_was_expected() {
    let machine = Machine::new();
    let many: Vec<String> = (0..65).map(|_| "LANCE.COUNT".to_owned()).collect();
    let many: Vec<&str> = ["0x0F01", "many", "()"]
        .into_iter()
        .chain(many.iter().map(String::as_str))
        .collect();
    define(&machine, &["0x0F00", "base", "(x)", "LANCE.GET $x"]);
    let cases: &[(&[&str], &str)] = &[
        (
            &["0x0E01", "p", "()", "LANCE.COUNT"][..],
            "CAM.DEFINE: address: expected an id from 0x0F00 to 0x0FFF, got '0x0E01'",
        ),
        (
            &["0x0F00", "p", "()", "LANCE.COUNT"],
            "CAM.DEFINE: address: expected a free slot, and 0x0F00 is base; CAM.UNDEFINE 0x0F00 frees it",
        ),
        (
            &["0x0F01", "BASE", "()", "LANCE.COUNT"],
            "CAM.DEFINE: name: expected one that no program has, and 0x0F00 is BASE",
        ),
        (
            &["0x0F01", "define", "()", "LANCE.COUNT"],
            "CAM.DEFINE: name: expected a word",
        ),
        (
            &["0x0F01", "a b", "()", "LANCE.COUNT"],
            "CAM.DEFINE: name: expected a word",
        ),
        (
            &["0x0F01"],
            "CAM.DEFINE: name: expected an argument of the operation, got nothing more",
        ),
        (&["0x0F01", "p"], "CAM.DEFINE: step: expected"),
        (
            &["0x0F01", "p", "LANCE.COUNT", "LANCE.COUNT"],
            "CAM.DEFINE: arguments: expected them in parentheses",
        ),
        (
            &["0x0F01", "p", "()", "LANCE.NOPE"],
            "CAM.DEFINE: step 1: expected one of SCAN, GET",
        ),
        (
            &["0x0F01", "p", "()", "VERBS.SWIMS @8000"],
            "CAM.DEFINE: step 1: no such verb 'SWIMS'",
        ),
        (
            &["0x0F01", "p", "()", "LANCE.GET"],
            "CAM.DEFINE: step 1: x: expected a node (KEY name, @8042 or #17), got nothing more",
        ),
        (
            &["0x0F01", "p", "()", "LANCE.COUNT 1"],
            "CAM.DEFINE: step 1: expected 0 arguments, got 1 more",
        ),
        (
            &["0x0F01", "p", "()", "LANCE.SAMPLE ten 1"],
            "CAM.DEFINE: step 1: n: expected a whole number from",
        ),
        (
            &["0x0F01", "p", "()", "LANCE.COUNT SCOPE here"],
            "CAM.DEFINE: step 1: SCOPE: expected one of all",
        ),
        (
            &["0x0F01", "p", "()", "LANCE.COUNT", "LANCE.GET $1"],
            "CAM.DEFINE: step 2: x: expected a node (KEY name, @8042 or #17), and $1, which is its column count, is a whole number (of an id, write # before it)",
        ),
        (
            &[
                "0x0F01",
                "p",
                "()",
                "QUANTUM.ADJOINT PHASE a 1",
                "VSA.NOT $1",
            ],
            "CAM.DEFINE: step 2: q: expected something to compare with (words, @8042, #17, KEY name, FP hex-or-bytes or VECTOR \
             f32-bytes), and $1, which is its column place, is a whole number (of an id, write # before it); \
             $1.fingerprint is a fingerprint",
        ),
        (
            &["0x0F01", "p", "()", "LANCE.COUNT", "VSA.DISTANCE a $1.nope"],
            "CAM.DEFINE: step 2: b: expected a column of step 1 (count), got '$1.nope'",
        ),
        (
            &["0x0F01", "p", "(x)", "LANCE.GET $x", "VSA.POPCOUNT $x"],
            "CAM.DEFINE: step 2: q: expected something to compare with",
        ),
        (
            &["0x0F01", "p", "(x y)", "LANCE.GET $x"],
            "CAM.DEFINE: arguments: expected $y in a step, and none uses it",
        ),
        (
            &["0x0F01", "p", "()", "LANCE.GET $2", "LANCE.COUNT"],
            "CAM.DEFINE: step 1: expected $ before an argument",
        ),
        (
            &["0x0F01", "p", "()", "USER.p"],
            "CAM.DEFINE: step 1: no such program 'p'",
        ),
        (
            &["0x0F01", "p", "()", "DEFINE 0x0F02 q () LANCE.COUNT"],
            "CAM.DEFINE: step 1: expected a method that can be part of one commit",
        ),
        (
            &["0x0F01", "p", "()", "USER.base"],
            "CAM.DEFINE: step 1: x: expected a node",
        ),
        (
            &many,
            "CAM.DEFINE: steps: expected at most 64 with those of the programs that it calls, got 65",
        ),
    ];
    for (words, message) in cases {
        let refused = try_define(&machine, words).expect_err(message);
        assert!(refused.starts_with(message), "{words:?}: {refused}");
    }
    // Steps of programs within count; a program that is called stays.
    let calls: Vec<&str> = ["0x0F02", "ten", "(x)"]
        .into_iter()
        .chain(["USER.base $x"; 10])
        .collect();
    assert_eq!(define(&machine, &calls)[4], "10");
    let calls: Vec<&str> = ["0x0F03", "seventy", "(x)"]
        .into_iter()
        .chain(["USER.ten $x"; 7])
        .collect();
    let refused = try_define(&machine, &calls).expect_err("too many");
    assert!(
        refused.contains("expected at most 64") && refused.contains("got 70"),
        "{refused}"
    );
    let refused = machine.refusal("UNDEFINE base");
    assert!(refused.contains("ten calls base"), "{refused}");
}

#[test]
fn values_go_from_step_to_step_as_what_they_are() {
    let machine = Machine::new();
    machine.line("LANCE.INSERT @8042 \"called like an address\"");
    machine.line("LANCE.INSERT \"two words\" \"machines that think\"");
    let run = |words: &[&str], call: &str| {
        define(&machine, &[&["0x0F20", "p"][..], words].concat());
        let rows = machine.line(call);
        machine.line("UNDEFINE 0x0F20");
        cells(&rows)
    };
    // A fingerprint, an address, an id behind #, a name that looks like an address.
    let rows = run(
        &["(a b)", "VSA.BIND $a $b", "VSA.DISTANCE $1 $a"],
        "0x0F20 one \"TEXT\" two",
    );
    let two = encode::text("two").popcount().to_string();
    assert_eq!(rows, [[two]]);
    let rows = run(
        &[
            "()",
            "LANCE.GET 'two words'",
            "LANCE.GET $1.address",
            "LANCE.GET #$2.id",
            "LANCE.GET KEY $3.name",
        ],
        "USER.p",
    );
    assert_eq!(rows[0][2], "two words");
    let rows = run(
        &["()", "LANCE.GET KEY '@8042'", "LANCE.GET $1.name"],
        "USER.p",
    );
    assert_eq!(rows[0][2], "@8042");
    // Numbers, pieces of words, a mode, a truth made of two columns.
    let rows = run(
        &["(n)", "LANCE.COUNT", "LANCE.SAMPLE $1 $n FORM count"],
        "USER.p 3",
    );
    assert_eq!(rows, [["2"]]);
    let rows = run(
        &[
            "(f c)",
            "VERBS.CAUSES 'two words' KEY @8042 $f,$c",
            "VERBS.CAUSES 'two words' KEY @8042",
            "VERBS.KNOWS 'two words' KEY @8042 $2.frequency,$2.confidence",
            "VERBS.KNOWS 'two words' KEY @8042",
        ],
        "USER.p 0.75 0.5",
    );
    assert_eq!((&*rows[0][1], &*rows[0][2]), ("0.75", "0.5"));
    // A value that is not there.
    define(
        &machine,
        &[
            "0x0F21",
            "q",
            "()",
            "VERBS.BEFORE 'two words'",
            "LANCE.GET $1.address",
        ],
    );
    let refused = machine.refusal("USER.q");
    assert_eq!(
        refused,
        "CAM.USER.q: step 2: LANCE.GET: $1.address: step 1 answered no row"
    );
}

#[test]
fn an_error_in_a_step_undoes_the_steps_before() {
    let machine = Machine::new();
    define(
        &machine,
        &[
            "0x0F30",
            "three",
            "(a x)",
            "LANCE.INSERT $a 'made by the first step'",
            "CONCEPTS.DEFINE Made",
            "LANCE.GET $x",
        ],
    );
    let before = (
        version(&machine),
        machine.texts("SELECT count(*) FROM nodes"),
    );
    let refused = machine.refusal("USER.three one nobody");
    assert!(
        refused.starts_with("CAM.USER.three: step 3: LANCE.GET: x: no such node 'nobody'"),
        "{refused}"
    );
    assert_eq!(
        (
            version(&machine),
            machine.texts("SELECT count(*) FROM nodes")
        ),
        before
    );
    assert!(
        machine
            .refusal("CONCEPTS.Made")
            .starts_with("no such concept")
    );
    // A step sees what the steps before have done, by operands and by SQL.
    assert_eq!(row(&machine, "USER.three one one")[2], "one");
    assert_eq!(version(&machine), before.0 + 1);
    assert_eq!(machine.line("CONCEPTS.Made").num_rows(), 0);
    define(
        &machine,
        &[
            "0x0F31",
            "sees",
            "(a)",
            "LANCE.INSERT $a said",
            "LANCE.FILTER said 9 \"name LIKE '%'\" FORM count",
        ],
    );
    assert_eq!(only(&machine.line("USER.sees two")), "2");
    assert!(
        machine.engine().transactions().is_empty(),
        "none is left open"
    );
}

#[test]
fn programs_have_a_past_and_forks_have_their_own() {
    let machine = Machine::new();
    define(&machine, &["0x0F01", "first", "()", "LANCE.COUNT"]);
    let then = version(&machine);
    define(&machine, &["0x0F02", "second", "()", "LANCE.COUNT"]);
    assert_eq!(
        machine.texts("SELECT name FROM programs ORDER BY 1"),
        ["first", "second"]
    );
    assert_eq!(
        machine.texts(&format!("SELECT name FROM programs VERSION AS OF {then}")),
        ["first"]
    );
    let engine = machine.engine();
    engine.fork(0, "fork", None, false).value.expect("a fork");
    machine.line("UNDEFINE first");
    assert_eq!(
        machine.texts("SELECT name FROM fork.programs ORDER BY 1"),
        ["first", "second"]
    );
    let past = engine.state_at(0, When::Version(then)).expect("a past");
    engine.roll_back(0, &past).value.expect("rolled back");
    assert_eq!(machine.texts("SELECT name FROM programs"), ["first"]);
    assert_eq!(only(&machine.line("USER.first")), "0");
}

/// A circle that no definition makes: two halves of it, which were defined apart and merged.
#[test]
fn programs_that_a_merge_lets_call_each_other_are_refused() {
    let machine = Machine::new();
    define(&machine, &["0x0F01", "one", "()", "LANCE.COUNT"]);
    define(&machine, &["0x0F02", "two", "()", "LANCE.COUNT"]);
    machine.line("TEMPORAL.FORK fork");
    machine.line("UNDEFINE one");
    define(&machine, &["0x0F01", "one", "()", "USER.two"]);
    let fork = machine.engine().find_space("fork").expect("a name");
    let host = Host {
        space: fork.expect("a space"),
        ..machine.host()
    };
    for words in [
        &["UNDEFINE", "two"][..],
        &["DEFINE", "0x0F02", "two", "()", "USER.one"],
    ] {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let called = Called::parse(words[0]).expect("a method");
        call(&host, &called, &words[1..])
            .value
            .expect("in the fork");
    }
    machine.line("TEMPORAL.MERGE fork");
    for program in ["USER.one", "USER.two"] {
        let refused = machine.refusal(program);
        let message = "expected no recursion, and USER.";
        assert!(refused.contains(message), "{program}: {refused}");
        assert!(refused.ends_with("calls itself"), "{program}: {refused}");
    }
    assert_eq!(machine.line("USER").num_rows(), 2);
}

#[test]
fn programs_that_run_side_by_side_lose_nothing_and_answer_where_things_are() {
    let machine = Machine::new();
    machine.line("LANCE.INSERT counter start");
    define(
        &machine,
        &[
            "0x0F01",
            "make",
            "(name)",
            "LANCE.INSERT $name said",
            "LANCE.GET KEY $name",
        ],
    );
    let threads = 4;
    thread::scope(|scope| {
        for writer in 0..threads {
            let machine = &machine;
            scope.spawn(move || {
                for n in 0..10 {
                    let name = format!("w{writer}n{n}");
                    let made = row(machine, &format!("USER.make {name}"));
                    let address: u16 = made[1].parse().expect("an address");
                    let there =
                        machine.texts(&format!("SELECT name FROM nodes WHERE address = {address}"));
                    assert_eq!(there, [name]);
                }
            });
        }
    });
    assert_eq!(
        machine.texts("SELECT count(*) FROM nodes"),
        [(1 + 10 * threads).to_string()]
    );
    assert!(machine.engine().transactions().is_empty());
}

/// Cells without what the memory notes of how things were made: of what a program makes, it notes the program.
fn without_notes(rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let notes = regex::Regex::new(r#",?"memory:\w+":\[\[.*?\]\]"#).expect("an expression");
    let without = |cell: String| match &*notes.replace_all(&cell, "") {
        "{}" => "NULL".to_owned(),
        rest => rest.to_owned(),
    };
    let rows = rows.into_iter();
    rows.map(|row| row.into_iter().map(without).collect())
        .collect()
}

/// What the last of some steps answers, in a program or one by one.
fn last_of(steps: &[&str], is_program: bool) -> Vec<Vec<String>> {
    let machine = Machine::new();
    machine.line("LANCE.INSERT ada \"first programmer\"");
    machine.line("LANCE.INSERT alan \"machines that think\"");
    machine.pass(60.0);
    if is_program {
        let words: Vec<&str> = ["0x0F00", "all", "()"]
            .iter()
            .chain(steps)
            .copied()
            .collect();
        define(&machine, &words);
        let before = version(&machine);
        let rows = cells(&machine.line("USER.ALL"));
        assert_eq!(version(&machine), before + 1, "{steps:?}: one commit");
        return rows;
    }
    let mut rows = Vec::new();
    for step in steps {
        rows = cells(&machine.line(&step.replace('\'', "\"")));
    }
    rows
}

#[test]
fn steps_of_every_family_read_what_the_steps_before_have_written() {
    const WRITES: [&str; 8] = [
        "LANCE.INSERT eve 'a gardener of roses'",
        "QUALIA.SET eve 0.5,0.25,0,0,0,0,0,1",
        "CYPHER.QUERY 'MATCH (n) WHERE size(n.name) = 4 SET n:Thinker, n.born = 1912'",
        "CYPHER.CREATE '(:Person {born: 1906})'",
        "VERBS.CAUSES ada eve 0.9,0.8",
        "NARS.JUDGE '<robin --> bird>' 0.9,0.8",
        "LEARNING.TRAIN flower 'a rose'",
        "CAUSAL.OBSERVE rain=yes,wet=yes",
    ];
    for read in [
        "LANCE.COUNT",
        "LANCE.SCAN",
        "LANCE.GET eve",
        "LANCE.TOPK 'gardener of roses' 2",
        "LANCE.NEAR eve 2",
        "LANCE.HYBRID roses 2 roses",
        "LANCE.FILTER roses 3 'rung < 3'",
        "LANCE.STATS",
        "SQL.QUERY 'SELECT name FROM nodes ORDER BY name'",
        "SQL.QUERY 'SELECT verb, confidence FROM edges ORDER BY id'",
        "SQL.PROJECT name,rung",
        "SQL.GROUP zone 'count(*)'",
        "CYPHER.MATCH '(n:Thinker)'",
        "CYPHER.QUERY 'MATCH (n:Thinker) RETURN n.born AS born'",
        "CYPHER.PATH ada eve",
        "CYPHER.DEGREE",
        "NARS.ASK '<robin --> bird>'",
        "CAUSAL.SEE wet=yes rain=yes",
        "META.CONFIDENCE eve",
        "META.GAPS 3",
        "META.PLAN ada eve",
        "VERBS.CAUSES ada",
        "CONCEPTS.PERSON",
        "QUALIA.FEEL eve",
        "QUALIA.INTUIT 0.5,0.25,0,0,0,0,0,1 1",
        "MEMORY.RECALL roses 1",
        "MEMORY.ACTIVATION eve",
        "LEARNING.CLASSIFY 'a rose'",
        "VSA.DISTANCE KEY eve 'a gardener of roses'",
        "TEMPORAL.DURING 2000-01-01 2100-01-01",
        "QUANTUM.FIDELITY KEY eve roses",
    ] {
        let steps: Vec<&str> = WRITES.into_iter().chain([read]).collect();
        let answer = |is_program| without_notes(last_of(&steps, is_program));
        let [program, alone] = [true, false].map(answer);
        assert_eq!(program, alone, "{read}");
        assert!(!program.is_empty(), "{read}");
    }
}

#[test]
fn the_past_in_a_program_ends_with_what_it_has_done_so_far() {
    let run = |steps: &[&str]| last_of(steps, true);
    let column = |rows: &[Vec<String>], at: usize| -> Vec<String> {
        rows.iter().map(|row| row[at].clone()).collect()
    };
    let upsert = "LANCE.UPSERT ada 'a countess'";
    // The two made before, and the program's definition, were versions 1 to 3.
    let history = run(&[upsert, "TEMPORAL.HISTORY ada"]);
    assert_eq!(column(&history, 0), ["4", "1"]);
    assert_eq!(column(&history, 2), ["update", "insert"]);
    assert_eq!(column(&history, 5)[0], history[0][5]);
    assert_ne!(history[0][5], history[1][5]);
    let made = run(&["LANCE.INSERT eve x", "TEMPORAL.HISTORY eve"]);
    assert_eq!(column(&made, 2), ["insert"]);
    assert!(
        made[0][0].parse::<u64>().expect("a version") > 3,
        "{made:?}"
    );
    let gone = run(&[
        "LANCE.DELETE ada",
        "LANCE.INSERT filler x",
        "TEMPORAL.HISTORY ada",
    ]);
    assert_eq!(column(&gone, 0), ["1"]);
    assert_eq!(run(&[upsert, "TEMPORAL.ASOF ada 2100-01-01"])[0][8], "4");
    assert_eq!(run(&[upsert, "TEMPORAL.ASOF ada 3"])[0][8], "1");
    let differs = run(&[upsert, "TEMPORAL.DIFF ada 3 4"]);
    assert_eq!(column(&differs, 0), ["value", "fingerprint"]);
    let blamed = run(&[upsert, "TEMPORAL.BLAME ada"]);
    let of = |part: &str| {
        blamed
            .iter()
            .find(|row| row[0] == part)
            .map(|row| row[2].clone())
    };
    assert_eq!(of("value").as_deref(), Some("4"));
    assert_eq!(of("name").as_deref(), Some("1"));
    let changed = run(&[upsert, "LANCE.INSERT eve x", "TEMPORAL.CHANGED 3"]);
    assert_eq!(column(&changed, 4), ["changed", "created"]);
    let replayed = run(&[upsert, "LANCE.DELETE alan", "TEMPORAL.REPLAY 3 2100-01-01"]);
    assert_eq!(column(&replayed, 2), ["update", "delete"]);
    let explained = run(&[upsert, "META.EXPLAIN ada"]);
    assert!(
        explained.iter().any(|row| row[1] == "commit"),
        "{explained:?}"
    );
    let seen = run(&[upsert, "TEMPORAL.VERSION"]);
    assert_eq!((&*seen[0][0], &*seen[0][3]), ("4", "2"));
}

#[test]
fn the_past_in_a_program_has_nothing_that_others_did_meanwhile() {
    let machine = Machine::new();
    machine.line("LANCE.INSERT ada \"first programmer\"");
    let host = machine.host();
    let id = machine
        .engine()
        .begin(0, Default::default())
        .expect("a transaction");
    machine.line("LANCE.UPSERT ada \"by another\"");
    machine.line("LANCE.INSERT eve \"by another\"");
    let reading = ladybug::cam::Reading::within(&host, id).expect("a reading");
    let read = |line: &[&str]| {
        let words: Vec<&[u8]> = line.iter().map(|word| word.as_bytes()).collect();
        let called = ladybug::cam::Called::parse(words[0]).expect("a method");
        let answer = ladybug::cam::read(&reading, &called, &words[1..]);
        answer
            .map(|answer| cells(&answer.rows))
            .map_err(|error| error.to_string())
    };
    let rows = |line: &[&str]| read(line).expect("rows").len();
    assert_eq!(rows(&["TEMPORAL.HISTORY", "ada"]), 1);
    assert_eq!(rows(&["TEMPORAL.CHANGED", "0"]), 1);
    assert_eq!(rows(&["TEMPORAL.REPLAY", "0", "2100-01-01"]), 1);
    assert_eq!(rows(&["TEMPORAL.ASOF", "ada", "2100-01-01"]), 1);
    assert_eq!(rows(&["TEMPORAL.HISTORY", "eve"]), 0);
    let ahead = read(&["TEMPORAL.ASOF", "ada", "2"]).expect_err("it is yet to come");
    assert!(ahead.contains("yet to come"), "{ahead}");
}
