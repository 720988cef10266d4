//! The figures and their conclusions, and questions over stored judgements.

use proptest::prelude::*;

use super::super::narsese::{Copula, Mood, Statement, Term, parse, parse_statement};
use super::super::truth::{Evidence, Truth, TruthError};
use super::*;

fn judgement(text: &str, id: u64) -> Judgement {
    let sentence = parse(text).expect("Narsese");
    match (sentence.term, sentence.mood) {
        (Term::Statement(statement), Mood::Judgement(truth)) => Judgement {
            statement: *statement,
            truth,
            evidence: Evidence::new([id]),
        },
        _ => panic!("{text} is no judgement"),
    }
}

struct Stored(Vec<Judgement>);

impl Source for Stored {
    fn matching(
        &self,
        subject: Option<&Term>,
        copula: Copula,
        predicate: Option<&Term>,
    ) -> Vec<Judgement> {
        let question = Question {
            subject: subject.cloned(),
            copula,
            predicate: predicate.cloned(),
        };
        self.0
            .iter()
            .filter(|one| question.answered_by(&one.statement))
            .cloned()
            .collect()
    }
}

fn stored(texts: &[&str]) -> Stored {
    Stored(
        texts
            .iter()
            .zip(1..)
            .map(|(text, id)| judgement(text, id))
            .collect(),
    )
}

#[track_caller]
fn answers(source: &Stored, question: &str, expected: &str, frequency: f64, confidence: f64) {
    let question = Question::from(&parse_statement(question).expect("a statement"));
    let answer = ask(
        source,
        &question,
        Bounds {
            depth: 3,
            steps: 10_000,
        },
    );
    let best = answer.best.expect("an answer");
    let found = best.judgement();
    assert_eq!(found.statement.to_string(), expected);
    assert!(
        (found.truth.frequency() - frequency).abs() < 5e-5,
        "{found:?}"
    );
    assert!(
        (found.truth.confidence() - confidence).abs() < 5e-5,
        "{found:?}"
    );
}

#[test]
fn each_rule_concludes_in_its_figure() {
    for (rule, first, second, conclusion) in [
        (
            Rule::Deduction,
            "<bird --> animal>",
            "<robin --> bird>",
            "<robin --> animal>",
        ),
        (
            Rule::Induction,
            "<swan --> swimmer>",
            "<swan --> bird>",
            "<bird --> swimmer>",
        ),
        (
            Rule::Abduction,
            "<sport --> competition>",
            "<chess --> competition>",
            "<chess --> sport>",
        ),
        (
            Rule::Exemplification,
            "<robin --> bird>",
            "<bird --> animal>",
            "<animal --> robin>",
        ),
        (
            Rule::Comparison,
            "<swan --> swimmer>",
            "<swan --> bird>",
            "<bird <-> swimmer>",
        ),
        (
            Rule::Comparison,
            "<sport --> competition>",
            "<chess --> competition>",
            "<chess <-> sport>",
        ),
        (
            Rule::Analogy,
            "<swan --> swimmer>",
            "<gull <-> swan>",
            "<gull --> swimmer>",
        ),
        (
            Rule::Analogy,
            "<gull --> bird>",
            "<bird <-> fowl>",
            "<gull --> fowl>",
        ),
        (
            Rule::Resemblance,
            "<robin <-> swan>",
            "<gull <-> swan>",
            "<gull <-> robin>",
        ),
        (
            Rule::Intersection,
            "<swan --> bird>",
            "<swan --> swimmer>",
            "<swan --> (&, bird, swimmer)>",
        ),
        (
            Rule::Intersection,
            "<gull --> bird>",
            "<swan --> bird>",
            "<(|, gull, swan) --> bird>",
        ),
        (
            Rule::Union,
            "<swan --> bird>",
            "<swan --> swimmer>",
            "<swan --> (|, bird, swimmer)>",
        ),
        (
            Rule::Union,
            "<gull --> bird>",
            "<swan --> bird>",
            "<(&, gull, swan) --> bird>",
        ),
        (Rule::Deduction, "<b ==> c>", "<a ==> b>", "<a ==> c>"),
        (Rule::Comparison, "<a ==> b>", "<a ==> c>", "<b <=> c>"),
        (Rule::Analogy, "<a ==> b>", "<b <=> c>", "<a ==> c>"),
        (
            Rule::Intersection,
            "<a ==> b>",
            "<a ==> c>",
            "<a ==> (&&, b, c)>",
        ),
        (
            Rule::Intersection,
            "<a ==> c>",
            "<b ==> c>",
            "<(||, a, b) ==> c>",
        ),
        (Rule::Union, "<a ==> c>", "<b ==> c>", "<(&&, a, b) ==> c>"),
    ] {
        let statement = |text| parse_statement(text).expect("a statement");
        let found = rule.conclusion(&statement(first), &statement(second));
        assert_eq!(
            found,
            Some(statement(conclusion)),
            "{rule} of {first} and {second}"
        );
    }
}

#[test]
fn other_figures_are_refused_with_what_is_expected() {
    let (a, b) = (
        judgement("<robin --> bird>.", 1),
        judgement("<bird --> animal>.", 2),
    );
    let error = Rule::Deduction
        .apply(&a, &b)
        .expect_err("the figure of exemplification");
    assert_eq!(
        error.to_string(),
        "deduction takes <M --> P> and <S --> M>; got <robin --> bird> and <bird --> animal>; swap them"
    );
    assert!(Rule::Deduction.apply(&b, &a).is_ok());
    assert!(Rule::Resemblance.apply(&a, &b).is_err());
    let mixed = judgement("<bird ==> animal>.", 3);
    assert!(Rule::ALL.iter().all(|rule| rule.apply(&a, &mixed).is_err()));
    assert!(judgement("<a <-> b>.", 1).convert().is_err());
    assert!(a.contrapose().is_err());
}

#[test]
fn evidence_is_never_counted_twice() {
    let (a, b) = (
        judgement("<bird --> animal>.", 1),
        judgement("<robin --> bird>.", 1),
    );
    assert_eq!(
        Rule::Deduction.apply(&a, &b),
        Err(InferenceError::Truth(TruthError::SharedEvidence(1)))
    );
    assert!(a.revise(&a).is_err());
    let conclusion = Rule::Deduction
        .apply(&a, &judgement("<robin --> bird>.", 2))
        .expect("disjoint evidence")
        .expect("a conclusion");
    assert_eq!(conclusion.evidence.ids(), [1, 2]);
    assert!(
        conclusion
            .revise(&judgement("<robin --> animal>.", 2))
            .is_err()
    );
    let revised = conclusion
        .revise(&judgement("<robin --> animal>. %0.0;0.5%", 3))
        .expect("disjoint");
    assert_eq!(revised.evidence.ids(), [1, 2, 3]);
    assert!(a.revise(&judgement("<robin --> animal>.", 4)).is_err());
}

#[test]
fn conversion_and_contraposition() {
    let converted = judgement("<bird --> swimmer>.", 1)
        .convert()
        .expect("an inheritance")
        .expect("evidence");
    assert_eq!(converted.statement.to_string(), "<swimmer --> bird>");
    let contraposed = judgement("<(--,rain) ==> dry>. %0.1;0.9%", 1)
        .contrapose()
        .expect("an implication")
        .expect("evidence");
    assert_eq!(contraposed.statement.to_string(), "<(--, dry) ==> rain>");
}

#[test]
fn questions_are_answered_by_choice_and_chaining() {
    let source = stored(&[
        "<robin --> bird>.",
        "<bird --> animal>.",
        "<animal --> being>.",
        "<robin --> singer>. %0.8;0.5%",
    ]);
    answers(&source, "<robin --> bird>", "<robin --> bird>", 1.0, 0.9);
    answers(
        &source,
        "<robin --> animal>",
        "<robin --> animal>",
        1.0,
        0.81,
    );
    answers(
        &source,
        "<robin --> being>",
        "<robin --> being>",
        1.0,
        0.729,
    );
    answers(
        &source,
        "<animal --> robin>",
        "<animal --> robin>",
        1.0,
        0.4475,
    );
    answers(&source, "<bird --> robin>", "<bird --> robin>", 1.0, 0.4737);
    answers(&source, "<?what --> animal>", "<bird --> animal>", 1.0, 0.9);
    let rivals = stored(&["<a --> b>. %0.2;0.4%", "<a --> b>. %0.9;0.6%"]);
    answers(&rivals, "<a --> b>", "<a --> b>", 0.9, 0.6);
}

#[test]
fn bounds_hold_on_a_cycle() {
    let source = stored(&[
        "<a --> b>.",
        "<b --> c>.",
        "<c --> a>.",
        "<a <-> c>.",
        "<b <-> d>.",
    ]);
    let question = Question::from(&parse_statement("<d --> a>").expect("a statement"));
    let answer = ask(
        &source,
        &question,
        Bounds {
            depth: 4,
            steps: 50,
        },
    );
    assert!(answer.exhausted);
    assert!(
        !ask(
            &source,
            &question,
            Bounds {
                depth: 2,
                steps: 100_000
            }
        )
        .exhausted
    );
    let none = Question::from(&parse_statement("<d --> z>").expect("a statement"));
    assert_eq!(
        ask(
            &source,
            &none,
            Bounds {
                depth: 3,
                steps: 100_000
            }
        )
        .best,
        None
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is answered can be recomputed from its premises, and no premise is used twice.
    #[test]
    fn every_derivation_can_be_recomputed(
        edges in prop::collection::vec((0_u8..5, 0_u8..5, any::<bool>(), 0_u32..=10), 1..9),
        (from, to) in (0_u8..5, 0_u8..5),
    ) {
        let name = |n: u8| Term::atom(char::from(b'a' + n).to_string());
        let source = Stored(edges.into_iter().filter(|(s, p, ..)| s != p).zip(1..).map(|((s, p, symmetric, f), id)| {
            let copula = if symmetric { Copula::Similarity } else { Copula::Inheritance };
            Judgement {
                statement: Statement::new(name(s), copula, name(p)),
                truth: Truth::new(f64::from(f) / 10.0, 0.9).expect("in range"),
                evidence: Evidence::new([id]),
            }
        }).collect());
        let question = Question { subject: Some(name(from)), copula: Copula::Inheritance, predicate: Some(name(to)) };
        fn check(derivation: &Derivation, source: &Stored) -> Result<usize, TestCaseError> {
            match derivation {
                Derivation::Stored(judgement) => {
                    prop_assert!(source.0.contains(judgement));
                    Ok(1)
                }
                Derivation::Converted(judgement, premise) => {
                    prop_assert_eq!(premise.judgement().convert(), Ok(Some(judgement.clone())));
                    check(premise, source)
                }
                Derivation::Derived(judgement, rule, premises) => {
                    let found = rule.apply(premises[0].judgement(), premises[1].judgement());
                    prop_assert_eq!(found, Ok(Some(judgement.clone())));
                    Ok(check(&premises[0], source)? + check(&premises[1], source)?)
                }
            }
        }
        if let Some(best) = ask(&source, &question, Bounds { depth: 2, steps: 5_000 }).best {
            prop_assert_eq!(check(&best, &source)?, best.judgement().evidence.ids().len());
        }
    }
}
