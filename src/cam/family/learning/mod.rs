//! 0x0B LEARNING: weights, rewards, prototypes, sequences, and what is made out of many.
//!
//! | file | holds |
//! |---|---|
//! | `weights` | edges that learn: HEBB, REWARD, VALUE |
//! | `choose` | choices by what was rewarded |
//! | `counted` | nodes whose value is counts of examples |
//! | `classes` | prototypes of classes: train, classify, retrain |
//! | `codes` | sequences and pairs, and what is nearest to a code |
//! | `concept` | what several nodes have in common |

mod choose;
mod classes;
mod codes;
mod concept;
mod counted;
mod weights;

use ladybug_engine::space::address::ADDRESSES;

pub use self::counted::EXAMPLES;

use super::super::table::{
    Argument, Class, Column, ColumnKind, Family, Kernel, Kind, Operation, Repeats,
};

const X: Argument = Argument::new("x", Kind::Node);
const Q: Argument = Argument::new("q", Kind::Query);
const STATE: Argument = Argument::new("state", Kind::Node);
const ACTION: Argument = Argument::new("action", Kind::Node);
const CLASS: Argument = Argument::new("name", Kind::Name);
const K: Argument = Argument::optional("k", Kind::Integer(0, ADDRESSES as i64));
const KANERVA: &str = "Binary spatter code: Kanerva 1996; 2009, Hyperdimensional Computing";

const NEAREST: &[Column] = &[
    Column::nullable("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("distance", ColumnKind::Distance),
    Column::new("similarity", ColumnKind::Float),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const PREDICTED: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::nullable("memory", ColumnKind::Text),
    Column::new("distance", ColumnKind::Distance),
    Column::new("similarity", ColumnKind::Float),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const COUNTED: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("examples", ColumnKind::Count),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const RETRAINED: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::nullable("taken_for", ColumnKind::Text),
    Column::new("is_error", ColumnKind::Boolean),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const WEIGHT: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("weight", ColumnKind::Float),
];
const VALUE: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("value", ColumnKind::Float),
    Column::new("trials", ColumnKind::Count),
    Column::new("confidence", ColumnKind::Float),
];
const CHOICE: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("value", ColumnKind::Float),
    Column::new("trials", ColumnKind::Count),
    Column::new("score", ColumnKind::Float),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const CONCEPT: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("members", ColumnKind::Count),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const FACTORS: &[Column] = &[
    Column::new("codebook", ColumnKind::Text),
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("similarity", ColumnKind::Float),
    Column::new("rounds", ColumnKind::Count),
    Column::new("rests", ColumnKind::Boolean),
    Column::new("distance", ColumnKind::Distance),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const SHARED: &[Column] = &[
    Column::new("aspect", ColumnKind::Text),
    Column::new("name", ColumnKind::Text),
    Column::nullable("value", ColumnKind::Text),
];

/// The family.
pub static FAMILY: Family = Family {
    prefix: 0x0B,
    name: "LEARNING",
    doc: "Learning from what comes together, from rewards and from examples. What is learned lives in edges and nodes: \
          weights of RELATES edges, rewards on ENABLES edges from a state to an action, counts of examples as the values \
          of nodes of kind Prototype, Sequence and Association, whose fingerprints are their majority",
    operations: &[
        Operation {
            name: "HEBB",
            doc: "What is active together is joined together: moves the weight of the RELATES edge from x to y, which is made \
                  with weight 0 if there is none, by the share rate of the way to 1",
            source: "Hebb 1949; bounded as in Oja 1982",
            arguments: &[
                X,
                Argument::new("y", Kind::Node),
                Argument::new("rate", Kind::Float(0.0, 1.0)),
            ],
            columns: WEIGHT,
            is_single: true,
            class: Class::Write(weights::hebb_sql),
            kernel: Kernel::Write(weights::hebb),
            ..Operation::DEFAULT
        },
        Operation {
            name: "REWARD",
            doc: "Rewards an action in a state, from 0 to 1: the ENABLES edge from the state to the action, which is made if \
                  there is none, counts trials and reward; its weight and frequency are the mean, its confidence \
                  trials/(trials + 1)",
            source: "Sample averages: Sutton & Barto 2018, §2.4; confidence: Wang 2013",
            arguments: &[STATE, ACTION, Argument::new("r", Kind::Float(0.0, 1.0))],
            columns: VALUE,
            is_single: true,
            class: Class::Write(weights::reward_sql),
            kernel: Kernel::Write(weights::reward),
            ..Operation::DEFAULT
        },
        Operation {
            name: "VALUE",
            doc: "What an action in a state has brought on the average, in how many trials; no row before the first",
            source: "Sutton & Barto 2018, §2.2",
            arguments: &[STATE, ACTION],
            columns: VALUE,
            is_single: true,
            class: Class::Relational(weights::value_sql),
            kernel: Kernel::Read(weights::value),
            ..Operation::DEFAULT
        },
        Operation {
            name: "CHOOSE",
            doc: "An action for a state, of those that its ENABLES edges lead to: by ucb1 (the value plus √(parameter ln n/n_i), \
                  2 unless given), epsilon-greedy (the best but for the share parameter, 0.1 unless given) or softmax (in proportion \
                  to exp(value/parameter), 0.1 unless given). Scored by the bound or the probability. Without a seed chance follows \
                  from the state and its number of trials",
            source: "Auer, Cesa-Bianchi & Fischer 2002; Sutton & Barto 2018, ch. 2",
            arguments: &[
                STATE,
                Argument::optional("policy", Kind::Word(&choose::POLICIES)),
                Argument::optional("parameter", Kind::Float(0.0, 1e6)),
                Argument::optional("seed", Kind::Integer(0, i64::MAX)),
            ],
            columns: CHOICE,
            is_single: true,
            class: Class::Other("Choose: by the policy\n  Edges: ENABLES, from the state"),
            kernel: Kernel::Read(choose::choose),
            ..Operation::DEFAULT
        },
        Operation {
            name: "BANDIT",
            doc: "The arm to pull next, by Thompson sampling: the highest draw from Beta(1 + reward, 1 + trials - reward), of what \
                  REWARD gave it in any state; an arm that was given twice is one",
            source: "Thompson 1933; Agrawal & Goyal 2012",
            arguments: &[
                Argument::new("seed", Kind::Integer(0, i64::MAX)),
                Argument::new("arm", Kind::Node),
            ],
            repeats: Repeats::last(1),
            columns: CHOICE,
            is_single: true,
            class: Class::Other("Choose: the highest draw\n  Edges: ENABLES, to each arm"),
            kernel: Kernel::Read(choose::bandit),
            ..Operation::DEFAULT
        },
        Operation {
            name: "TRAIN",
            doc: "Adds an example to a class: to the counts of the node of kind Prototype by this name, which is made if there is \
                  none. Its value is the counts, 10240 little-endian i32, its fingerprint their majority",
            source: "Prototypes: Kanerva 2009; Kleyko et al. 2018",
            arguments: &[CLASS, Q],
            columns: COUNTED,
            is_single: true,
            class: Class::Other("Majority\n  Count: by bits\n    Node: of kind Prototype"),
            kernel: Kernel::Write(classes::train),
            ..Operation::DEFAULT
        },
        Operation {
            name: "CLASSIFY",
            doc: "The k classes (1 unless given) whose prototypes are nearest, ties by address",
            source: "Kanerva 2009",
            arguments: &[Q, K],
            columns: NEAREST,
            class: Class::Relational(classes::classify_sql),
            kernel: Kernel::Read(classes::classify),
            ..Operation::DEFAULT
        },
        Operation {
            name: "RETRAIN",
            doc: "Corrects an error: if an example would be taken for another class than its own, it is added to its own and \
                  taken from the other; otherwise nothing changes",
            source: "Perceptron: Rosenblatt 1958; of prototypes: Imani et al. 2019, AdaptHD",
            arguments: &[CLASS, Q],
            columns: RETRAINED,
            is_single: true,
            class: Class::Other(
                "Majority\n  Count: by bits, of both classes\n    Nearest: of kind Prototype",
            ),
            kernel: Kernel::Write(classes::retrain),
            ..Operation::DEFAULT
        },
        Operation {
            name: "CONCEPT",
            doc: "Makes a concept of nodes: a node of kind Concept whose fingerprint is their majority, which each of them IS_A",
            source: KANERVA,
            arguments: &[CLASS, X],
            repeats: Repeats::last(1),
            columns: CONCEPT,
            is_single: true,
            class: Class::Write(concept::concept_sql),
            kernel: Kernel::Write(concept::concept),
            ..Operation::DEFAULT
        },
        Operation {
            name: "ANALOGY",
            doc: "What is to c as b is to a: the k rows (1 unless given) nearest to a⊕b⊕c, without a, b and c themselves; ties by \
                  address",
            source: "Kanerva 2010, What we mean when we say \"What's the dollar of Mexico?\"",
            arguments: &[
                Argument::new("a", Kind::Query),
                Argument::new("b", Kind::Query),
                Argument::new("c", Kind::Query),
                K,
            ],
            columns: NEAREST,
            class: Class::Relational(codes::analogy_sql),
            kernel: Kernel::Read(codes::analogy),
            ..Operation::DEFAULT
        },
        Operation {
            name: "SEQUENCE",
            doc: "Learns a sequence: adds each of its beginnings bound with the element that follows to the node of kind Sequence \
                  by this name, which is made if there is none; about 100 steps fit",
            source: KANERVA,
            arguments: &[CLASS, Q],
            repeats: Repeats::last(2),
            columns: COUNTED,
            is_single: true,
            class: Class::Other(
                "Majority\n  Count: by bits\n    Bind: a beginning and what follows\n      Node: of kind Sequence",
            ),
            kernel: Kernel::Write(codes::sequence),
            ..Operation::DEFAULT
        },
        Operation {
            name: "PREDICT",
            doc: "What follows a beginning in the sequences that were learned: the row nearest to what any node of kind Sequence \
                  has beside it, with the name of that node; a similarity about 0 says that none has it",
            source: KANERVA,
            arguments: &[Q],
            repeats: Repeats::last(1),
            columns: PREDICTED,
            is_single: true,
            class: Class::Relational(codes::predict_sql),
            kernel: Kernel::Read(codes::predict),
            ..Operation::DEFAULT
        },
        Operation {
            name: "ASSOCIATE",
            doc: "Learns that a key leads to a value: adds them, bound, to the node of kind Association by this name, which is \
                  made if there is none; about 100 pairs fit. CLEANUP key 1 name answers the value",
            source: "Hetero-associative memory: Kanerva 2009",
            arguments: &[
                CLASS,
                Argument::new("key", Kind::Query),
                Argument::new("value", Kind::Query),
            ],
            columns: COUNTED,
            is_single: true,
            class: Class::Other(
                "Majority\n  Count: by bits\n    Bind: key and value\n      Node: of kind Association",
            ),
            kernel: Kernel::Write(codes::associate),
            ..Operation::DEFAULT
        },
        Operation {
            name: "CLEANUP",
            doc: "The k rows (1 unless given) nearest to something, or, with a node that ASSOCIATE or SEQUENCE made, nearest to \
                  what that has beside it; ties by address",
            source: KANERVA,
            arguments: &[Q, K, Argument::optional("memory", Kind::Node)],
            columns: NEAREST,
            class: Class::Relational(codes::cleanup_sql),
            kernel: Kernel::Read(codes::cleanup),
            ..Operation::DEFAULT
        },
        Operation {
            name: "FACTOR",
            doc: "Takes a product apart, with a resonator network: one node of each kind named, whose fingerprints bound together \
                  are nearest to it. Says in how many rounds, whether it came to rest, and in how many bits their product \
                  differs; three codebooks of a hundred nodes are within its capacity",
            source: "Frady, Kent, Olshausen & Sommer 2020; Kent et al. 2020",
            arguments: &[Q, Argument::new("codebook", Kind::Text)],
            repeats: Repeats::last(2),
            columns: FACTORS,
            class: Class::Other(
                "Resonate: clean up each guess by turns, at most 200 rounds\n  Codebooks: the nodes of each kind",
            ),
            kernel: Kernel::Read(codes::factor),
            ..Operation::DEFAULT
        },
        Operation {
            name: "GENERALIZE",
            doc: "What nodes share: kinds, fields of one name and value, and the edges that lead from or to each of them, by verb \
                  and the id at the other end. By aspect, name and value",
            arguments: &[X],
            repeats: Repeats::last(1),
            columns: SHARED,
            class: Class::Relational(concept::generalize_sql),
            kernel: Kernel::Read(concept::generalize),
            ..Operation::DEFAULT
        },
    ],
};
