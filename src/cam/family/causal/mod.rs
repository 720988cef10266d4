//! 0x05 CAUSAL: Pearl's three rungs, over diagrams of edges and observations.
//!
//! | file | holds |
//! |---|---|
//! | `stored` | the diagram around a question, what was observed, mechanisms |
//! | `observe` | what is observed, written |
//! | `ask` | probabilities: seen, done, imagined, and what follows of them |
//! | `formula` | formulas as SQL over `observations` |
//! | `graph` | causes, effects, confounders, separation |
//! | `criteria` | sets to adjust for, instruments |

mod ask;
mod criteria;
mod formula;
mod graph;
mod observe;
mod stored;

use super::super::table::{
    Argument, Class, Column, ColumnKind, Family, Kernel, Kind, Operation, Repeats,
};
use crate::mind::causal::criteria::{back_door, front_door};
use crate::mind::causal::diagram::VARIABLES_MAX;
use graph::Along;
use stored::Reach;

const X: Argument = Argument::new("x", Kind::Node);
const Y: Argument = Argument::new("y", Kind::Node);
const DEPTH: Argument = Argument::optional("depth", Kind::Integer(1, VARIABLES_MAX as i64));
const EVENT: Argument = Argument::new("y", Kind::Event);
const DO: Argument = Argument::new("x", Kind::Event);
const INSTEAD: Argument = Argument::new("x'", Kind::Event);
const EXPERIMENT: Argument = Argument::optional("experiment", Kind::Float(0.0, 1.0));

const BOOK: &str = "Pearl 2009, Causality, 2nd ed.";
const INTERVALS: &str =
    "intervals at 95 % of Wilson 1927 by the infinitesimal jackknife of Jaeckel 1972";

/// Columns of a number with its interval, and what stands behind them.
macro_rules! number {
    ($name:literal $(, $more:literal)*) => {
        &[
            Column::new($name, ColumnKind::Float),
            Column::nullable("interval_low", ColumnKind::Float),
            Column::nullable("interval_high", ColumnKind::Float),
            Column::new("count", ColumnKind::Float),
            $(Column::new($more, ColumnKind::Text),)*
        ]
    };
}

/// Columns of bounds with their intervals, and what stands behind them.
macro_rules! bounds {
    ($($more:expr),*) => {
        &[
            Column::new("low", ColumnKind::Float),
            Column::new("high", ColumnKind::Float),
            Column::nullable("interval_low", ColumnKind::Float),
            Column::nullable("interval_high", ColumnKind::Float),
            $($more,)*
        ]
    };
}

const MEDIATED: &[Column] = &[
    Column::new("effect", ColumnKind::Text),
    Column::new("value", ColumnKind::Float),
    Column::nullable("interval_low", ColumnKind::Float),
    Column::nullable("interval_high", ColumnKind::Float),
    Column::new("count", ColumnKind::Float),
];
const REACHED: &[Column] = &[
    Column::nullable("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("depth", ColumnKind::Count),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const SETS: &[Column] = &[
    Column::new("variables", ColumnKind::Text),
    Column::new("size", ColumnKind::Count),
];

/// An operation whose answer is quantities of a model, by the reasoning and by SQL.
macro_rules! asked {
    ($ask:ident, $reach:ident) => {
        Operation {
            class: Class::Derived(|call, reading| {
                ask::sql(call, reading, Reach::$reach, ask::$ask)
            }),
            kernel: Kernel::Read(|call, reading| {
                ask::answer(call, reading, Reach::$reach, ask::$ask)
            }),
            source: BOOK,
            is_single: true,
            ..Operation::DEFAULT
        }
    };
}

/// The family.
pub static FAMILY: Family = Family {
    prefix: 0x05,
    name: "CAUSAL",
    doc: "Pearl's three rungs: what is seen, what doing would change, what would have been. Variables are nodes, and their \
          names; CAUSES edges are the diagram, without cycles, and CONFOUNDED_WITH edges its bidirected arcs. \
          Observations are nodes of the kind Observation, their fields variables with values, their value how often that was \
          seen; table observations has a row a variable. A variable that was never observed is latent: its causes \
          become causes of its effects, and these confounded. A probability is of the observations that have all its \
          variables. It comes with an interval at 95 %, unless that would take too long, and with the count of observations \
          that have all variables concerned; one that nothing supports is an error. A question reads the part of the \
          diagram that causes its variables, which may be 64",
    operations: &[
        Operation {
            name: "OBSERVE",
            doc: "Keeps observations, all in one commit: values of variables, and how often they were seen together (once \
                  unless given), which is added to what is there; variables become nodes. MECHANISM y expression keeps how y \
                  follows from other variables, with numbers, 'text', + - * / %, = != < <= > >=, and or xor not, if then else, and \
                  draws CAUSES edges from these that are missing; y may have a distribution {1: 0.3, 0: 0.7} instead, \
                  independent of everything else",
            arguments: &[Argument::new("observation", Kind::Observation)],
            repeats: Repeats::last(1),
            columns: &[
                Column::new("id", ColumnKind::Count),
                Column::new("name", ColumnKind::Text),
                Column::nullable("weight", ColumnKind::Float),
            ],
            class: Class::Write(observe::sql),
            kernel: Kernel::Write(observe::observe),
            ..Operation::DEFAULT
        },
        Operation {
            name: "SEE",
            doc: "P(y | x): how probable values of variables are among what was observed with others, if these are given",
            source: INTERVALS,
            arguments: &[EVENT, Argument::optional("x", Kind::Event)],
            columns: number!("probability", "formula"),
            ..asked!(see, Named)
        },
        Operation {
            name: "DO",
            doc: "P(y | do(x)): how probable values of variables would be were others set, from observations alone where \
                  the diagram allows it; by a back-door set, else by a front-door set, else by the ID algorithm, as method says, \
                  with the formula. Where it is not identifiable the error names the hedge",
            source: "Shpitser & Pearl 2006, Identification of joint interventional distributions; Pearl 2009, theorems 3.3.2 and \
                     3.3.4",
            arguments: &[EVENT, DO],
            columns: number!("probability", "method", "formula"),
            ..asked!(intervene, Causes)
        },
        Operation {
            name: "IMAGINE",
            doc: "P(y would hold, had x been set | evidence). Where y has a mechanism, exactly: what is known of the \
                  exogenous variables by the evidence, x set instead of its mechanism, y as it follows then. \
                  Otherwise within bounds, for which the evidence must say what x was; exact where x was what it is set to",
            source: "Pearl 2009, theorem 7.1.7; bounds: Tian & Pearl 2000",
            arguments: &[EVENT, DO, Argument::optional("evidence", Kind::Event)],
            columns: bounds!(
                Column::nullable("count", ColumnKind::Float),
                Column::new("method", ColumnKind::Text)
            ),
            is_single: true,
            class: Class::Other(
                "Predict: y in what follows\n  Act: x set instead of its mechanism\n    Abduce: exogenous values that the evidence allows\n      Mechanisms: fields of variables, else observations",
            ),
            kernel: Kernel::Read(ask::imagine),
            ..Operation::DEFAULT
        },
        Operation {
            name: "ADJUST",
            doc: "The minimal sets of variables that adjusting for makes the effect of x on y the difference that is seen: \
                  no effect of x among them, and every path into x that leads to y blocked; the smallest first, an empty one \
                  where nothing confounds the two, no row where no set suffices. Before anything was observed, of all variables",
            source: "Pearl 2009, definition 3.3.1; van der Zander, Liśkiewicz & Textor 2014",
            arguments: &[X, Y],
            columns: SETS,
            class: Class::Other(
                "Sort: smallest first\n  Separators: minimal, in the moral graph of the ancestors without edges out of x\n    Diagram: CAUSES, CONFOUNDED_WITH; latent variables projected out",
            ),
            kernel: Kernel::Read(|call, reading| criteria::sets(call, reading, back_door)),
            ..Operation::DEFAULT
        },
        Operation {
            name: "FRONTDOOR",
            doc: "The minimal sets of variables that all effect of x on y passes, unconfounded with x, and with y given x",
            source: "Pearl 2009, definition 3.3.3",
            arguments: &[X, Y],
            columns: SETS,
            class: Class::Other(
                "Sort: smallest first\n  Subsets: of what lies between x and y, minimal\n    Diagram: CAUSES, CONFOUNDED_WITH; latent variables projected out",
            ),
            kernel: Kernel::Read(|call, reading| criteria::sets(call, reading, front_door)),
            ..Operation::DEFAULT
        },
        Operation {
            name: "INSTRUMENTS",
            doc: "Variables that move x and y only through x, each with the variables to condition on",
            source: "Pearl 2009, definition 7.4.1; Brito & Pearl 2002",
            arguments: &[X, Y],
            columns: &[
                Column::new("instrument", ColumnKind::Text),
                Column::new("given", ColumnKind::Text),
            ],
            class: Class::Other(
                "Separators: from y, minimal, without edges out of x, and not from x\n  Variables: no effects of x or y\n    Diagram: CAUSES, CONFOUNDED_WITH; latent variables projected out",
            ),
            kernel: Kernel::Read(criteria::instruments),
            ..Operation::DEFAULT
        },
        Operation {
            name: "CONFOUNDERS",
            doc: "What makes x and y go together without the one causing the other: variables that cause x, and y not \
                  through x alone, with whether they were observed; and CONFOUNDED_WITH edges between a cause of x and one \
                  of y, x and y included, with both ends",
            source: BOOK,
            arguments: &[X, Y],
            columns: &[
                Column::new("id", ColumnKind::Count),
                Column::new("variable", ColumnKind::Text),
                Column::nullable("confounded_with", ColumnKind::Text),
                Column::new("is_observed", ColumnKind::Boolean),
            ],
            class: Class::Relational(graph::confounders_sql),
            kernel: Kernel::Read(graph::confounders),
            ..Operation::DEFAULT
        },
        Operation {
            name: "MEDIATE",
            doc: "Natural effects on y of x instead of x' through mediators: direct, Σm [P(y|x,m) − P(y|x',m)] P(m|x'); \
                  indirect, Σm P(y|x',m) [P(m|x) − P(m|x')]; and total. Refused where x, the mediators and y are confounded",
            arguments: &[DO, INSTEAD, EVENT, Argument::new("via", Kind::Node)],
            repeats: Repeats::last(1),
            columns: MEDIATED,
            is_single: false,
            ..asked!(mediate, Causes)
        },
        Operation {
            name: "ATE",
            doc: "P(y | do(x)) − P(y | do(x')): the average effect on y of one value instead of another",
            arguments: &[DO, INSTEAD, EVENT],
            columns: number!("effect", "method", "formula"),
            ..asked!(contrast, Causes)
        },
        Operation {
            name: "DSEP",
            doc: "Whether the diagram says that x and y are independent given other variables, if any: every path between \
                  them blocked",
            source: "Pearl 2009, definition 1.2.3; with bidirected edges: Richardson 2003",
            arguments: &[X, Y, Argument::new("given", Kind::Node)],
            repeats: Repeats::last(0),
            columns: &[Column::new("is_separated", ColumnKind::Boolean)],
            is_single: true,
            class: Class::Relational(graph::separated_sql),
            kernel: Kernel::Read(graph::separated),
            ..Operation::DEFAULT
        },
        Operation {
            name: "CAUSES",
            doc: "What causes y, directly or through others, nearest first, with how many edges away it is: at most depth (64 \
                  unless given)",
            arguments: &[Y, DEPTH],
            columns: REACHED,
            class: Class::Relational(|call| graph::walk_sql(call, Along::Causes)),
            kernel: Kernel::Read(|call, reading| graph::walk(call, reading, Along::Causes)),
            ..Operation::DEFAULT
        },
        Operation {
            name: "EFFECTS",
            doc: "What x causes, directly or through others, nearest first, with how many edges away it is: at most depth \
                  (64 unless given)",
            arguments: &[X, DEPTH],
            columns: REACHED,
            class: Class::Relational(|call| graph::walk_sql(call, Along::Effects)),
            kernel: Kernel::Read(|call, reading| graph::walk(call, reading, Along::Effects)),
            ..Operation::DEFAULT
        },
        Operation {
            name: "NECESSITY",
            doc: "Bounds on the probability that y would not have come about without x, where both did: [P(y) − \
                  P(y|do x')] / P(x,y) and [P(y'|do x') − P(x',y')] / P(x,y), within 0..1. x has two values; experiment is \
                  P(y|do x') as one found it, else it is identified",
            arguments: &[DO, EVENT, EXPERIMENT],
            columns: bounds!(Column::new("count", ColumnKind::Float)),
            ..asked!(necessity, Causes)
        },
        Operation {
            name: "SUFFICIENCY",
            doc: "Bounds on the probability that x would bring about y, where neither was: [P(y|do x) − P(y)] / P(x',y') \
                  and [P(y|do x) − P(x,y)] / P(x',y'), within 0..1. x has two values; experiment is P(y|do x) as one found \
                  it, else it is identified",
            arguments: &[DO, EVENT, EXPERIMENT],
            columns: bounds!(Column::new("count", ColumnKind::Float)),
            ..asked!(sufficiency, Causes)
        },
        Operation {
            name: "REGRET",
            doc: "E[Y(x') − Y | X = x]: what those who had x would have gained in y, a number, by x' instead; within a \
                  back-door set, else, where x has two values, from the effect of x', as method says",
            arguments: &[DO, INSTEAD, Y],
            columns: number!("regret", "method"),
            ..asked!(regret, Causes)
        },
    ],
};
