//! 0x04 NARS: non-axiomatic logic, over judgements that are edges or written out.
//!
//! | file | holds |
//! |---|---|
//! | `rules` | the truth functions as SQL, and conclusions as rows |
//! | `judge` | judgements that are made |
//! | `ask` | questions: choice among what is stored and what follows |

mod ask;
mod judge;
mod rules;

use super::super::table::{Argument, Class, Column, ColumnKind, Family, Kernel, Kind, Operation};
use crate::mind::inference::Rule;

const FIRST: Argument = Argument::new("first", Kind::Premise);
const SECOND: Argument = Argument::new("second", Kind::Premise);
const PREMISE: Argument = Argument::new("premise", Kind::Premise);
const BOOK: &str = "Wang 2013, Non-Axiomatic Logic; evidential horizon k = 1";

const CONCLUSION: &[Column] = &[
    Column::new("statement", ColumnKind::Text),
    Column::new("frequency", ColumnKind::Float),
    Column::new("confidence", ColumnKind::Float),
    Column::new("expectation", ColumnKind::Float),
    Column::new("evidence", ColumnKind::Ids),
];
const JUDGED: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("statement", ColumnKind::Text),
    Column::new("frequency", ColumnKind::Float),
    Column::new("confidence", ColumnKind::Float),
    Column::new("evidence", ColumnKind::Ids),
];
const ANSWER: &[Column] = &[
    Column::new("statement", ColumnKind::Text),
    Column::new("frequency", ColumnKind::Float),
    Column::new("confidence", ColumnKind::Float),
    Column::new("expectation", ColumnKind::Float),
    Column::new("evidence", ColumnKind::Ids),
    Column::new("derivation", ColumnKind::Text),
    Column::new("is_exhausted", ColumnKind::Boolean),
];

/// An operation that is a rule of two premises.
macro_rules! rule {
    ($name:literal, $rule:ident, $doc:literal) => {
        Operation {
            name: $name,
            doc: $doc,
            source: BOOK,
            arguments: &[FIRST, SECOND],
            columns: CONCLUSION,
            is_single: true,
            class: Class::Relational(|call| rules::rule_sql(call, Rule::$rule)),
            kernel: Kernel::Read(|call, _| rules::rule(call, Rule::$rule)),
            ..Operation::DEFAULT
        }
    };
}

/// An operation that is a rule of one premise.
macro_rules! immediate {
    ($name:literal, $function:ident, $sql:ident, $doc:literal) => {
        Operation {
            name: $name,
            doc: $doc,
            source: BOOK,
            arguments: &[PREMISE],
            columns: CONCLUSION,
            is_single: true,
            class: Class::Relational(rules::$sql),
            kernel: Kernel::Read(rules::$function),
            ..Operation::DEFAULT
        }
    };
}

/// The family.
pub static FAMILY: Family = Family {
    prefix: 0x04,
    name: "NARS",
    doc: "Non-axiomatic logic: judgements are edges IS_A (-->), SIMILAR_TO (<->) and IMPLIES (==>) between nodes, whose \
          names are the terms, or Narsese text with a truth. A conclusion carries the evidence of its premises, so that \
          nothing is counted twice; premises without evidence for one conclude nothing, which is no row",
    operations: &[
        Operation {
            name: "JUDGE",
            doc: "Keeps a judgement, a belief with a truth: an edge between the nodes that its terms name, which are made if they are not there. \
                  Its evidence is itself, unless ids of evidence are given, as a conclusion has them. With a derivation as ASK answers \
                  it, or a rule on edges such as deduction(#5, #3), it is kept as derived: truth and evidence are what that comes \
                  to, or it is refused; method, premises and their versions are kept beside it",
            source: BOOK,
            arguments: &[
                Argument::new("statement", Kind::Statement),
                Argument::optional("truth", Kind::Truth),
                Argument::optional("evidence", Kind::Ids),
                Argument::optional("derivation", Kind::Derivation),
            ],
            columns: JUDGED,
            is_single: true,
            class: Class::Write(judge::sql),
            kernel: Kernel::Write(judge::judge),
            ..Operation::DEFAULT
        },
        Operation {
            name: "ASK",
            doc: "The best answer to a statement, or to one with ?what at an end: chosen among what is stored and what \
                  follows from it by at most depth rules one on top of the other and at most steps pairs of premises \
                  (3 and 10000 unless given); with how it was derived, and whether steps ran out",
            source: BOOK,
            arguments: &[
                Argument::new("statement", Kind::Statement),
                Argument::optional("depth", Kind::Integer(0, 8)),
                Argument::optional("steps", Kind::Integer(0, 1_000_000)),
            ],
            columns: ANSWER,
            is_single: true,
            class: Class::Other(
                "Choose: by confidence, between statements by expectation\n  Chain: backward, bounded\n    Edges: IS_A, SIMILAR_TO, IMPLIES",
            ),
            kernel: Kernel::Read(ask::ask),
            ..Operation::DEFAULT
        },
        Operation {
            name: "REVISE",
            doc: "Pools the evidence of two judgements of one statement; refused where they share any",
            source: BOOK,
            arguments: &[FIRST, SECOND],
            columns: CONCLUSION,
            is_single: true,
            class: Class::Relational(rules::revise_sql),
            kernel: Kernel::Read(rules::revise),
            ..Operation::DEFAULT
        },
        Operation {
            name: "CHOOSE",
            doc: "The judgement to believe: of one statement that of the higher confidence, of two statements that of the \
                  higher expectation; the first at a tie",
            source: BOOK,
            arguments: &[FIRST, SECOND],
            columns: CONCLUSION,
            is_single: true,
            class: Class::Relational(rules::choose_sql),
            kernel: Kernel::Read(rules::choose),
            ..Operation::DEFAULT
        },
        rule!(
            "DEDUCE",
            Deduction,
            "Deduction, which concludes what follows: M→P and S→M: S→P, with f = f1 f2 and c = f1 f2 c1 c2"
        ),
        rule!(
            "INDUCE",
            Induction,
            "Induction, which generalizes from an example to a rule: M→P and M→S: S→P, with f = f1 and evidence f2 c1 c2"
        ),
        rule!(
            "ABDUCE",
            Abduction,
            "Abduction, which guesses an explanation: P→M and S→M: S→P, with f = f2 and evidence f1 c1 c2"
        ),
        rule!(
            "EXEMPLIFY",
            Exemplification,
            "Exemplification, the weak converse of deduction: P→M and M→S: S→P, with f = 1 and evidence f1 f2 c1 c2"
        ),
        rule!(
            "COMPARE",
            Comparison,
            "Comparison, which concludes that two things are alike: M→P and M→S, or P→M and S→M: S↔P, with f = f1 f2 / f0 and evidence f0 c1 c2, where f0 = or(f1, f2)"
        ),
        rule!(
            "ANALOGY",
            Analogy,
            "Analogy, which carries over what is true of something alike: M→P, or P→M, and S↔M: S→P, or P→S, with f = f1 f2 and c = f2 c1 c2"
        ),
        rule!(
            "RESEMBLE",
            Resemblance,
            "Resemblance, which chains similarities: M↔P and S↔M: S↔P, with f = f1 f2 and c = or(f1, f2) c1 c2"
        ),
        immediate!(
            "CONVERT",
            convert,
            convert_sql,
            "Conversion, which turns a statement around: P→S: S→P, with f = 1 and evidence f c"
        ),
        immediate!(
            "CONTRAPOSE",
            contrapose,
            contrapose_sql,
            "Contraposition, which turns an implication around with both ends negated: S⇒P: ¬P⇒¬S, with f = 0 and evidence (1 − f) c"
        ),
        immediate!(
            "NEGATE",
            negate,
            negate_sql,
            "Negation, the opposite of a statement: S: ¬S, with f = 1 − f and the same confidence"
        ),
        rule!(
            "INTERSECT",
            Intersection,
            "Intersection, what has both properties: M→P and M→S: M→(P & S), or P→M and S→M: (P | S)→M, with f = f1 f2 and c = c1 c2"
        ),
        rule!(
            "UNION",
            Union,
            "Union, what has either property: M→P and M→S: M→(P | S), or P→M and S→M: (P & S)→M, with f = or(f1, f2) and c = c1 c2"
        ),
    ],
};
