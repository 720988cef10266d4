//! Every relational operation says the same as its translation: on generated data, with generated arguments, in every
//! scope it has.

use std::collections::HashSet;

use arrow::array::RecordBatch;
use ladybug::cam::{
    Argument, Class, FAMILIES, Family, Form, Kind, Method, Mode, Operation, Range, Reading, Scope,
    prepare,
};
use ladybug_engine::fingerprint::Fingerprint;

use super::{Machine, causal, cells};
use crate::random::Random;

/// Sets of arguments that each operation is tried with in each scope, on each memory.
const TRIES: usize = 3;

/// Names that nodes of a scope have, and addresses that are of it.
pub struct Known {
    /// The newest version.
    version: u64,
    /// Names of nodes that are no more.
    gone: Vec<String>,
    names: Vec<String>,
    addresses: Vec<String>,
    premises: Vec<String>,
    events: Vec<String>,
}

/// Statements of Cypher.
const CYPHER: [&str; 5] = [
    "MATCH (n:Thing) RETURN n.name ORDER BY n.name LIMIT 3",
    "MATCH (n {name: 'nobody-here'}) SET n.seen = 1",
    "MERGE (a:Place {name: 'O\\'Hara'}) ON MATCH SET a.seen = coalesce(a.seen, 0) + 1",
    "MATCH (n:Place) DETACH DELETE n",
    "CREATE (:Place {name: 'Paris', since: date('1815-06-18')})",
];
/// Queries in SQL, and changes.
const QUERIES: [&str; 3] = [
    "SELECT name FROM nodes ORDER BY address LIMIT 3",
    "WITH n AS (SELECT id FROM nodes) SELECT count(*) FROM n",
    "SELECT 'O''Hara' AS name",
];
const CHANGES: [&str; 4] = [
    "INSERT INTO nodes (name, value) SELECT 'copy of ' || name, 'again' FROM nodes WHERE name LIKE 'gear%'",
    "DELETE FROM nodes WHERE name LIKE 'copy of %'",
    "UPDATE nodes SET rung = 3 WHERE name LIKE '%a%'",
    "DELETE FROM edges WHERE verb = 'NO_SUCH_VERB'",
];
/// Patterns that MATCH, CREATE and MERGE take.
const PATTERNS: [&str; 4] = [
    "(a:Person {name: 'Ada', born: 1815})",
    "(:Person {tags: ['x', 'y']})-[:RELATES {since: 1.5}]->(b:Place {name: 'London'})",
    "(a:Person)-[r:CAUSES]->(a)",
    "(`strange name`:`Strange Kind`)",
];
/// Documents of GraphQL that read, and that change something, with variables that both can have.
const DOCUMENTS: [&str; 3] = [
    "{ nodes(first: 3) { edges { cursor node { name ... on Thing { born } } } } }",
    "query Found($words: String = \"bird\") { search(text: $words, k: 2) { nodes { distance node { id } } } }",
    "query One { node(name: \"O'Hara\") { ...Named } } fragment Named on Node { name parent { name } }",
];
const MUTATIONS: [&str; 3] = [
    "mutation { set(node: {name: \"copied; --\"}, value: \"O'Hara\", kinds: [\"Thing\"], fields: {born: 7}) { id } }",
    "mutation Two($words: String = \"said\") { a: set(node: {name: \"gear of two\"}, value: $words, rung: 2) { id } \
     link(source: {name: \"gear of two\"}, verb: \"RELATES\", target: {name: \"gear of two\"}, weight: 0.5) { id } }",
    "mutation { delete(node: {name: \"copied; --\"}) }",
];
const VARIABLES: [&str; 3] = [
    "{}",
    "{\"words\":\"a bird\\n# VARIABLES {}\"}",
    "{\"words\":null,\"other\":[{}]}",
];
/// Properties as SET takes them.
const PROPS: [&str; 4] = [
    "{}",
    "{\"born\":1815,\"of\":null}",
    "{\"o'h`ara\":\"\\\"quoted\\\"\\n\",\"list\":[1,2,3]}",
    "{\"x\":1.5,\"y\":true,\"z\":[]}",
];

/// Columns that every scope has.
const COLUMNS: [&str; 5] = [
    "name",
    "id, name",
    "address,\"name\"",
    "NAME, fingerprint, id",
    "fingerprint",
];
const ORDERS: [&str; 4] = [
    "name",
    "id DESC",
    "fingerprint, name desc",
    "name DESC, id ASC",
];
const AGGREGATES: [&str; 4] = [
    "count(*)",
    "count(name), avg(address)",
    "MIN(id), max(id), count(id), sum(address)",
    "count(*), sum(id)",
];

/// The verbs that premises are, as Narsese writes them.
const COPULAS: [(&str, &str); 3] = [("IS_A", "-->"), ("SIMILAR_TO", "<->"), ("IMPLIES", "==>")];

/// One of several.
pub fn pick<'a, T>(random: &mut Random, of: &'a [T]) -> &'a T {
    &of[random.below(of.len() as u64) as usize]
}

impl Known {
    pub fn new(machine: &Machine, scope: Scope) -> Self {
        let condition = match scope {
            Scope::All => "true".to_owned(),
            _ => format!("zone = '{}'", scope.name()),
        };
        let texts = |query: &str| machine.texts(query);
        let version = machine.engine().state(0).0.version();
        let gone = texts(
            "SELECT DISTINCT name FROM history WHERE operation = 'delete' AND name IS NOT NULL ORDER BY name",
        );
        match scope {
            Scope::Surface => Self {
                version,
                gone,
                names: Vec::new(),
                addresses: vec!["@0704".into(), "@0C20".into(), "@0067".into()],
                premises: Vec::new(),
                events: Vec::new(),
            },
            _ => Self {
                version,
                gone,
                names: texts(&format!(
                    "SELECT name FROM nodes WHERE name IS NOT NULL AND {condition}"
                )),
                addresses: texts(&format!("SELECT address FROM nodes WHERE {condition}"))
                    .iter()
                    .map(|text| format!("@{:04X}", text.parse::<u16>().expect("an address")))
                    .collect(),
                premises: COPULAS
                    .iter()
                    .flat_map(|copula| premises(machine, scope, *copula))
                    .collect(),
                events: texts(&format!(
                    "SELECT DISTINCT variable || '=' || o.value FROM observations o JOIN nodes n ON n.id = o.id \
                     WHERE {condition} ORDER BY 1"
                )),
            },
        }
    }

    /// The same without addresses where there are names: where a node goes depends on what was refused before.
    pub fn by_name(self) -> Self {
        let addresses = match self.names.is_empty() {
            true => self.addresses,
            false => Vec::new(),
        };
        Self { addresses, ..self }
    }

    /// The name of a node.
    pub fn name(&self, random: &mut Random) -> Vec<u8> {
        match self.names.is_empty() {
            true => b"nobody".to_vec(),
            false => pick(random, &self.names).clone().into_bytes(),
        }
    }

    /// A judgement: written out, stored, or an edge.
    fn premise(&self, random: &mut Random) -> Vec<u8> {
        let terms = ["M", "P", "S"];
        let (s, p) = (pick(random, &terms), pick(random, &terms));
        let written = format!(
            "<{s} {} {p}>. %{};{}%",
            pick(random, &COPULAS).1,
            random.below(5) as f64 / 4.0,
            (1 + random.below(9)) as f64 / 10.0
        );
        match self.premises.is_empty() || random.below(3) == 0 {
            true => written.into_bytes(),
            false => pick(random, &self.premises).clone().into_bytes(),
        }
    }

    /// A node that judgements are about, and that rewards were given to.
    fn judged(&self, random: &mut Random) -> Vec<Vec<u8>> {
        let judged: Vec<_> = self
            .names
            .iter()
            .filter(|name| name.contains('_'))
            .collect();
        match judged.is_empty() {
            true => self.stored(random),
            false => vec![b"KEY".to_vec(), pick(random, &judged).as_bytes().to_vec()],
        }
    }

    /// A value of a variable, or of two; or, of the same variable as one before, any.
    fn event(&self, before: Option<&[u8]>, random: &mut Random) -> Vec<u8> {
        let variable = |event: &[u8]| event.split(|byte| *byte == b'=').next().map(<[u8]>::to_vec);
        let same = |event: &&String| match before {
            Some(before) => variable(before) == variable(event.as_bytes()),
            None => true,
        };
        let events: Vec<&String> = self.events.iter().filter(same).collect();
        let one = match events.is_empty() {
            true => "x=1",
            false => pick(random, &events),
        };
        match before.is_none() && !events.is_empty() && random.below(8) == 0 {
            true => format!("{one},{}", pick(random, &events)).into_bytes(),
            false => one.as_bytes().to_vec(),
        }
    }

    fn stored(&self, random: &mut Random) -> Vec<Vec<u8>> {
        let has_names = !self.names.is_empty();
        match !has_names || (!self.addresses.is_empty() && random.below(2) == 0) {
            true => vec![pick(random, &self.addresses).clone().into_bytes()],
            false => vec![
                b"KEY".to_vec(),
                pick(random, &self.names).clone().into_bytes(),
            ],
        }
    }
}

/// The edges of a verb that a scope has, by id and by what they say.
fn premises(machine: &Machine, scope: Scope, (verb, copula): (&str, &str)) -> Vec<String> {
    let condition = match scope {
        Scope::All => "true".to_owned(),
        _ => format!("s.zone = '{0}' AND t.zone = '{0}'", scope.name()),
    };
    let mut all = machine.texts(&format!(
        "SELECT unnest(make_array('#' || e.id, '<' || s.name || ' {copula} ' || t.name || '>')) FROM edges e \
         JOIN nodes s ON s.id = e.source JOIN nodes t ON t.id = e.target WHERE e.verb = '{verb}' AND {condition}"
    ));
    // In an order that joins do not decide.
    all.sort();
    all
}

/// Words for one argument.
pub fn argument(argument: &Argument, known: &Known, random: &mut Random) -> Vec<Vec<u8>> {
    let texts = ["web server", "ada", "O'Hara; --", "a bird and a gear", ""];
    match argument.kind {
        Kind::Query => match random.below(3) {
            0 => vec![b"TEXT".to_vec(), pick(random, &texts).as_bytes().to_vec()],
            1 => vec![
                b"FP".to_vec(),
                Fingerprint::random(random.below(9)).to_bytes().to_vec(),
            ],
            _ => known.stored(random),
        },
        // What was learned, which the memory was filled with.
        Kind::Node if argument.name == "memory" => {
            let learned = known.names.iter().filter(|name| name.starts_with("song "));
            let learned: Vec<_> = learned.collect();
            match learned.is_empty() {
                true => known.stored(random),
                false => vec![b"KEY".to_vec(), pick(random, &learned).as_bytes().to_vec()],
            }
        }
        Kind::Node if ["state", "action"].contains(&argument.name) => known.judged(random),
        Kind::Node if !known.events.is_empty() && random.below(4) > 0 => {
            // What a causal question is about are mostly variables.
            let event = pick(random, &known.events);
            let variable = event.split('=').next().unwrap_or_default();
            vec![variable.as_bytes().to_vec()]
        }
        Kind::Node | Kind::Thing => known.stored(random),
        Kind::Method => vec![
            pick(
                random,
                &["VSA.BIND", "0x0C20", "lance.topk", "VERBS.CAUSES", "0x0804"],
            )
            .as_bytes()
            .to_vec(),
        ],
        Kind::Derivation => {
            let edges = known.premises.iter().filter(|said| said.starts_with('#'));
            let edges: Vec<_> = edges.collect();
            vec![match edges.is_empty() {
                true => b"deduction(#5, #3)".to_vec(),
                false => format!("conversion({})", pick(random, &edges)).into_bytes(),
            }]
        }
        Kind::Past => match known.gone.is_empty() || random.below(3) > 0 {
            true => known.stored(random),
            false => vec![
                b"KEY".to_vec(),
                pick(random, &known.gone).clone().into_bytes(),
            ],
        },
        Kind::Moment => vec![match random.below(5) {
            0 => b"2099-12-31".to_vec(),
            _ => random.below(known.version + 1).to_string().into_bytes(),
        }],
        Kind::Time => {
            let times = match argument.name {
                // The second is some time while the memory was filled.
                "to" => [
                    "2031-05-01T12:00:00.5",
                    "2026-01-01T00:09:30",
                    "2090-01-01",
                    "2027-01-02T00:00:00+02:00",
                ],
                _ => [
                    "2026-01-01",
                    "2026-01-01T00:02:07.25",
                    "2030-02-28T23:59:59",
                    "1969-07-20T20:17:40Z",
                ],
            };
            vec![pick(random, &times).as_bytes().to_vec()]
        }
        Kind::Text if argument.name == "field" => {
            vec![pick(random, &["born", "score", "of"]).as_bytes().to_vec()]
        }
        Kind::Text if argument.name == "cypher" => vec![pick(random, &CYPHER).as_bytes().to_vec()],
        Kind::Text if argument.name == "doc" => vec![pick(random, &DOCUMENTS).as_bytes().to_vec()],
        Kind::Text if argument.name == "variables" => {
            vec![pick(random, &VARIABLES).as_bytes().to_vec()]
        }
        Kind::Text if argument.name == "type" => {
            vec![pick(random, &["Node", "Thing", "Zone"]).as_bytes().to_vec()]
        }
        Kind::Text if argument.name == "kind" => {
            vec![
                pick(random, &["Thing", "Prototype", "O'Hara"])
                    .as_bytes()
                    .to_vec(),
            ]
        }
        Kind::Text if argument.name == "sql" => vec![pick(random, &QUERIES).as_bytes().to_vec()],
        Kind::Text if argument.name == "dml" => vec![pick(random, &CHANGES).as_bytes().to_vec()],
        Kind::Text if argument.name == "pattern" => {
            vec![pick(random, &PATTERNS).as_bytes().to_vec()]
        }
        Kind::Text if argument.name == "props" => vec![pick(random, &PROPS).as_bytes().to_vec()],
        Kind::Verb => {
            let verbs = ["CAUSES", "is_a", "SIMILAR_TO", "@0705", "*"];
            vec![pick(random, &verbs).as_bytes().to_vec()]
        }
        Kind::Name | Kind::Text => vec![pick(random, &texts).as_bytes().to_vec()],
        Kind::Integer(min, max) => {
            // Half of all pairs lie within chance, and those of the surface are more than a result may have.
            let small = match argument.name {
                "radius" => [0, 1, 2, 20, 1000, 2000, 3000, 4000],
                _ => [0, 1, 2, 3, 7, 20, 5000, 5120],
            };
            let number = *pick(random, &small);
            vec![number.clamp(min, max).to_string().into_bytes()]
        }
        Kind::Float(min, max) => {
            let share = random.below(11) as f64 / 10.0;
            let (min, max) = (min.max(-2.0), max.min(2.0));
            vec![(min + share * (max - min)).to_string().into_bytes()]
        }
        Kind::Word(words) => vec![pick(random, words).as_bytes().to_vec()],
        Kind::Floats => vec![b"0.5,-1,0.25,0,0,1,0,1".to_vec()],
        Kind::Statement => vec![
            pick(
                random,
                &[
                    "<robin --> bird>",
                    "<ada ==> gear>. %0.5;0.8%",
                    "<x <-> ?y>?",
                ],
            )
            .as_bytes()
            .to_vec(),
        ],
        Kind::Premise => vec![known.premise(random)],
        Kind::Truth => vec![
            pick(random, &["1.0,0.9", "0,0.5", "0.25,0.125"])
                .as_bytes()
                .to_vec(),
        ],
        Kind::Fields => vec![
            pick(
                random,
                &["{}", "{\"about\":\"O'Hara\"}", "{\"n\":[1,2.5],\"b\":true}"],
            )
            .as_bytes()
            .to_vec(),
        ],
        Kind::Ttl(_) => match random.below(2) {
            0 => vec![b"TTL".to_vec(), b"60".to_vec()],
            _ => vec![b"3600".to_vec()],
        },
        Kind::Event => vec![known.event(None, random)],
        Kind::Observation => {
            let value = |random: &mut Random| random.below(2);
            match random.below(4) {
                0 => vec![
                    b"MECHANISM".to_vec(),
                    pick(random, &["lung", "O'Hara"]).as_bytes().to_vec(),
                    pick(
                        random,
                        &["smoke and not 'a'", "{1: 0.25, 0: 0.75}", "smoke + tar"],
                    )
                    .as_bytes()
                    .to_vec(),
                ],
                _ => vec![
                    format!("smoke={},\"O'Hara\"={}", value(random), value(random)).into_bytes(),
                    pick(random, &["1", "0.5", "87"]).as_bytes().to_vec(),
                ],
            }
        }
        Kind::Raw => vec![pick(random, &["bird", "gear", "3"]).as_bytes().to_vec()],
        Kind::Qualia => {
            let value = |_| random.below(9) as f64 / 8.0;
            let values: Vec<_> = (0..8).map(value).map(|value| value.to_string()).collect();
            vec![values.join(",").into_bytes()]
        }
        Kind::Ids => vec![pick(random, &["1", "3,2,1", "#9,10"]).as_bytes().to_vec()],
        Kind::Cursor => {
            let places = [0, 3, 7, 20, 0x700, 0x1004, 0x800B, u64::MAX];
            vec![format!("{:016x}", pick(random, &places)).into_bytes()]
        }
        Kind::Columns => vec![pick(random, &COLUMNS).as_bytes().to_vec()],
        Kind::Order => vec![pick(random, &ORDERS).as_bytes().to_vec()],
        Kind::Aggregates => vec![pick(random, &AGGREGATES).as_bytes().to_vec()],
        Kind::Predicate => {
            let conditions = [
                "name LIKE '%a%' OR name IS NULL",
                "popcount(fingerprint) > 5100",
                "address % 2 = 0",
                "false",
            ];
            vec![pick(random, &conditions).as_bytes().to_vec()]
        }
    }
}

/// Lets the last two words be the ends of a range: numbers, or times, of which versions are of the past.
fn in_order(words: &mut [Vec<u8>]) {
    let [.., low, high] = words else { return };
    let end = |word: &[u8]| {
        let text = String::from_utf8_lossy(word).into_owned();
        (text.parse::<f64>().unwrap_or(f64::INFINITY), text)
    };
    if end(low) > end(high) {
        std::mem::swap(low, high);
    }
}

/// Words for all arguments of an operation.
pub fn arguments(operation: &Operation, known: &Known, random: &mut Random) -> Vec<Vec<u8>> {
    let declared = operation.arguments;
    let (fixed, repeated) = declared.split_at(declared.len() - operation.repeats.group);
    let mut words: Vec<Vec<u8>> = Vec::new();
    let is_mutation = declared.first().is_some_and(|one| one.name == "doc")
        && matches!(operation.class, Class::Write(_));
    let mut given = 0;
    for one in fixed {
        if is_mutation && words.is_empty() {
            words.push(pick(random, &MUTATIONS).as_bytes().to_vec());
            continue;
        }
        if one.is_optional && random.below(2) == 0 {
            break;
        }
        given += 1;
        // Another value of the same variable.
        let before = words.first().filter(|_| one.name == "x'").cloned();
        match before {
            Some(before) => words.push(known.event(Some(&before), random)),
            None => words.extend(argument(one, known, random)),
        }
    }
    if operation.range != Range::None && given == fixed.len() {
        in_order(&mut words);
    }
    for _ in 0..operation.repeats.min + random.below(4) as usize {
        words.extend(repeated.iter().flat_map(|one| argument(one, known, random)));
    }
    words
}

/// A test a family, so that they run side by side.
macro_rules! families {
    ($($family:ident)*) => {
        /// The families that are compared.
        const COMPARED: &[&str] = &[$(stringify!($family)),*];

        $(
            #[test]
            fn $family() {
                kernels_and_translations_make_the_same_rows_in_every_scope(stringify!($family));
            }
        )*
    };
}

families! {
    causal
    cypher
    graphql
    lance
    learning
    memory
    meta
    nars
    qualia
    quantum
    sql
    temporal
    vsa
}

#[test]
fn every_family_with_translations_is_compared() {
    let relational = |family: &&Family| {
        let mut operations = family.operations.iter();
        operations.any(|operation| operation.class.name() == "relational")
    };
    let there = FAMILIES.iter().flatten().copied().filter(relational);
    let names: HashSet<String> = there.map(|family| family.name.to_lowercase()).collect();
    assert_eq!(
        names,
        COMPARED.iter().map(|name| (*name).to_owned()).collect()
    );
}

fn kernels_and_translations_make_the_same_rows_in_every_scope(family: &str) {
    let mut compared: HashSet<String> = HashSet::new();
    let mut different = Vec::new();
    let seeds = if family == "causal" { 1 } else { 2 };
    for seed in 0..seeds {
        let machine = Machine::filled(seed);
        if family == "temporal" {
            super::temporal::age(&machine);
        }
        if family == "meta" {
            super::meta::prepare_memory(&machine);
        }
        if family == "graphql" {
            super::meta::parents(&machine);
        }
        if family == "causal" {
            causal::fill(&machine);
        }
        let mut random = Random(seed);
        let known = Scope::ALL.map(|scope| Known::new(&machine, scope));
        let methods = Method::all().filter(|method| {
            method.mode.form == Form::Rows && method.family.name.eq_ignore_ascii_case(family)
        });
        for method in methods {
            if method.operation.class.name() != "relational" {
                continue;
            }
            let scope = method.mode.scope;
            if scope != Scope::All && !method.operation.is_scoped {
                continue;
            }
            let known = &known[scope as usize];
            // Of premises taken at random few stand in a rule's figure.
            let is_causal = family == "causal";
            let is_choosy = takes_premises(method.operation) || is_causal;
            let (tries, wanted) = match (is_choosy, is_causal) {
                // A formula with its interval is long SQL, and takes a second to plan.
                (_, true) => (400 * TRIES, 2),
                (true, false) => (400 * TRIES, 4 * TRIES),
                (false, false) => (TRIES, TRIES),
            };
            let mut done = 0;
            for attempt in 0..tries {
                if done == wanted {
                    break;
                }
                let example = match (is_causal && attempt == 0, scope) {
                    (true, Scope::Fluid) => causal::example(method.operation.name, "fluid"),
                    (true, Scope::All | Scope::Node) => {
                        causal::example(method.operation.name, "node")
                    }
                    _ => None,
                };
                let mut words =
                    example.unwrap_or_else(|| arguments(method.operation, known, &mut random));
                if takes_premises(method.operation) && words.len() == 2 && random.below(4) == 0 {
                    words[1] = other_truth(&words[0]);
                }
                let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
                let shown: Vec<_> = words
                    .iter()
                    .map(|word| String::from_utf8_lossy(word))
                    .collect();
                let what = format!("seed {seed}: {method} {shown:?}");
                let made = match machine.call(&method, &words) {
                    Ok(made) => made,
                    Err(error) => {
                        let reasons = [" takes ", "of one statement", "counted twice"];
                        let reasons = reasons.iter().chain(causal::REFUSALS);
                        let is_refused = reasons.into_iter().any(|reason| error.contains(reason));
                        // No word of the surface was learned.
                        let is_none = scope == Scope::Surface && error.contains("memory: expected");
                        assert!((is_refused && is_choosy) || is_none, "{what}: {error}");
                        continue;
                    }
                };
                compared.insert(method.to_string());
                done += 1;
                let sql = sql_of(&machine, &method, &words);
                let said = machine.try_query(&sql);
                let outcome = said.and_then(|said| differences(&made, &said));
                if let Err(error) = outcome {
                    different.push(format!("{what}: {error}\n{sql:.2000}"));
                    break;
                }
            }
            // No variable was observed on the surface.
            let has_no_events = scope == Scope::Surface && takes_events(method.operation);
            assert!(
                compared.contains(&method.to_string()) || has_no_events,
                "{method} was never compared"
            );
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n\n"));
}

/// The translation of a call that is relational.
pub fn sql_of(machine: &Machine, method: &Method, words: &[&[u8]]) -> String {
    let host = machine.host();
    let reading = Reading::new(&host);
    let call = prepare(method, words, &reading).expect("it was prepared");
    let sql = method.operation.class.sql(&call, &reading);
    sql.expect("it was answered").expect("it is relational")
}

/// A premise that is written out, with another truth; what is not written out as it is.
fn other_truth(premise: &[u8]) -> Vec<u8> {
    let written = premise.iter().position(|byte| *byte == b'%');
    match written {
        Some(end) => [&premise[..end], b"%0.5;0.5%"].concat(),
        None => premise.to_vec(),
    }
}

fn takes_events(operation: &Operation) -> bool {
    operation
        .arguments
        .iter()
        .any(|argument| matches!(argument.kind, Kind::Event))
}

fn takes_premises(operation: &Operation) -> bool {
    operation
        .arguments
        .iter()
        .any(|argument| matches!(argument.kind, Kind::Premise))
}

#[test]
fn a_relational_plan_shows_its_sql_and_reads_nothing() {
    let machine = Machine::filled(1);
    causal::fill(&machine);
    let known = Known::new(&machine, Scope::All);
    for family in FAMILIES.iter().flatten() {
        for operation in family.operations {
            let mut random = Random(3);
            let example = match family.name {
                "CAUSAL" => causal::example(operation.name, "node"),
                _ => None,
            };
            let words = example.unwrap_or_else(|| arguments(operation, &known, &mut random));
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            let mode = Mode {
                form: Form::Plan,
                ..Mode::DEFAULT
            };
            let method = Method {
                family,
                operation,
                mode,
            };
            let before = machine.engine().state(0).0.version();
            let plan = cells(
                &machine
                    .call(&method, &words)
                    .unwrap_or_else(|error| panic!("{method}: {error}")),
            );
            assert_eq!(machine.engine().state(0).0.version(), before, "{method}");
            let kinds: Vec<_> = plan.iter().map(|row| row[0].as_str()).collect();
            match operation.class {
                Class::Relational(_) | Class::Derived(_) => {
                    assert_eq!(kinds, ["sql", "logical_plan", "physical_plan"], "{method}")
                }
                Class::Write(_) => assert_eq!(kinds, ["statements"], "{method}"),
                Class::Other(_) => assert_eq!(kinds, ["operators"], "{method}"),
            }
        }
    }
}

/// What is different about rows: names of columns, order, texts; floats to 1e-6.
pub fn differences(made: &RecordBatch, said: &[RecordBatch]) -> Result<(), String> {
    let said_cells: Vec<_> = said.iter().flat_map(cells).collect();
    let made_cells = cells(made);
    if made_cells.len() != said_cells.len() {
        return Err(format!(
            "{} rows and {}",
            made_cells.len(),
            said_cells.len()
        ));
    }
    if let Some(first) = said.first() {
        let names = |batch: &RecordBatch| -> Vec<String> {
            let schema = batch.schema();
            schema
                .fields()
                .iter()
                .map(|field| field.name().clone())
                .collect()
        };
        if names(made) != names(first) {
            return Err(format!("columns {:?} and {:?}", names(made), names(first)));
        }
    }
    for (at, (made_row, said_row)) in made_cells.iter().zip(&said_cells).enumerate() {
        for (column, (a, b)) in made_row.iter().zip(said_row).enumerate() {
            let is_float = made.column(column).data_type().is_floating();
            let same = match (is_float, a.parse::<f64>(), b.parse::<f64>()) {
                (true, Ok(a), Ok(b)) => (a - b).abs() <= 1e-6,
                _ => a == b,
            };
            if !same {
                return Err(format!("row {at}, column {column}: {a:.200} and {b:.200}"));
            }
        }
    }
    Ok(())
}
