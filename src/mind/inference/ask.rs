//! Questions, answered by choice among what is stored and what follows from it: backward chaining within bounds.

use std::collections::BTreeMap;

use super::super::narsese::{Copula, Statement, Term, Variable};
use super::judgement::Judgement;
use super::rule::Rule;

/// Stored judgements, to be chained from.
pub trait Source {
    /// The stored judgements under `copula` with this subject and predicate, where given. Of a symmetric copula
    /// those that have the given terms at either end.
    fn matching(
        &self,
        subject: Option<&Term>,
        copula: Copula,
        predicate: Option<&Term>,
    ) -> Vec<Judgement>;
}

/// How far backward chaining goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Most rules applied one on top of the other.
    pub depth: usize,
    /// Most pairs of premises tried.
    pub steps: usize,
}

/// How a judgement came about.
#[derive(Debug, Clone, PartialEq)]
pub enum Derivation {
    /// It is stored.
    Stored(Judgement),
    /// By conversion of another.
    Converted(Judgement, Box<Derivation>),
    /// By a rule from two others, in the order of the rule's figure.
    Derived(Judgement, Rule, Box<[Derivation; 2]>),
}

impl Derivation {
    /// What was concluded.
    pub const fn judgement(&self) -> &Judgement {
        match self {
            Self::Stored(judgement)
            | Self::Converted(judgement, _)
            | Self::Derived(judgement, ..) => judgement,
        }
    }
}

/// The answer to a question, and whether the bounds left premises untried.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The best judgement found, with how it came about.
    pub best: Option<Derivation>,
    /// Whether there was more to try when the steps ran out.
    pub exhausted: bool,
}

/// A statement with an end left open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The subject, or what is asked for.
    pub subject: Option<Term>,
    /// The relation.
    pub copula: Copula,
    /// The predicate, or what is asked for.
    pub predicate: Option<Term>,
}

impl From<&Statement> for Question {
    /// Query variables at the ends are what is asked for.
    fn from(statement: &Statement) -> Self {
        let given = |term: &Term| {
            (!matches!(term, Term::Variable(Variable::Query, _))).then(|| term.clone())
        };
        Self {
            subject: given(statement.subject()),
            copula: statement.copula(),
            predicate: given(statement.predicate()),
        }
    }
}

impl Question {
    /// Whether a statement answers it.
    pub(super) fn answered_by(&self, statement: &Statement) -> bool {
        let fits =
            |asked: &Option<Term>, term: &Term| asked.as_ref().is_none_or(|asked| asked == term);
        let (s, p) = (statement.subject(), statement.predicate());
        statement.copula() == self.copula
            && (fits(&self.subject, s) && fits(&self.predicate, p)
                || self.copula.is_symmetric() && fits(&self.subject, p) && fits(&self.predicate, s))
    }
}

/// Answers a question from what `source` holds and what follows from it within `bounds`: of all answers the one
/// that [`Judgement::choose`] prefers. A question with both ends open has no answer.
pub fn ask(source: &impl Source, question: &Question, bounds: Bounds) -> Answer {
    let mut search = Search {
        source,
        steps: bounds.steps,
        exhausted: false,
        known: BTreeMap::new(),
    };
    let best = search
        .solve(question, bounds.depth)
        .into_iter()
        .reduce(|best, next| {
            if std::ptr::eq(best.judgement().choose(next.judgement()), next.judgement()) {
                next
            } else {
                best
            }
        });
    Answer {
        best,
        exhausted: search.exhausted,
    }
}

struct Search<'a, S> {
    source: &'a S,
    steps: usize,
    exhausted: bool,
    /// Answers of each question to each depth.
    known: BTreeMap<(Question, usize), Vec<Derivation>>,
}

impl<S: Source> Search<'_, S> {
    /// The best answer of each statement that answers `question`, by rules at most `depth` deep.
    fn solve(&mut self, question: &Question, depth: usize) -> Vec<Derivation> {
        if question.subject.is_none() && question.predicate.is_none() {
            return Vec::new();
        }
        let key = (question.clone(), depth);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let mut answers = BTreeMap::new();
        for stored in self.stored(
            question.subject.as_ref(),
            question.copula,
            question.predicate.as_ref(),
        ) {
            keep(&mut answers, question, Derivation::Stored(stored));
        }
        if depth > 0 {
            self.derive(question, depth, &mut answers);
        }
        let answers: Vec<_> = answers.into_values().collect();
        self.known.insert(key, answers.clone());
        answers
    }

    fn stored(
        &self,
        subject: Option<&Term>,
        copula: Copula,
        predicate: Option<&Term>,
    ) -> Vec<Judgement> {
        self.source.matching(subject, copula, predicate)
    }

    /// A stored statement about one end of the question, and an answer about its other end, are the two premises.
    fn derive(
        &mut self,
        question: &Question,
        depth: usize,
        answers: &mut BTreeMap<Statement, Derivation>,
    ) {
        let (directed, symmetric) = match question.copula {
            Copula::Inheritance | Copula::Similarity => (Copula::Inheritance, Copula::Similarity),
            Copula::Implication | Copula::Equivalence => (Copula::Implication, Copula::Equivalence),
        };
        if question.copula == directed {
            let converse = Question {
                subject: question.predicate.clone(),
                copula: directed,
                predicate: question.subject.clone(),
            };
            for premise in self.stored(
                converse.subject.as_ref(),
                directed,
                converse.predicate.as_ref(),
            ) {
                if let Ok(Some(converted)) = premise.convert() {
                    let derivation =
                        Derivation::Converted(converted, Box::new(Derivation::Stored(premise)));
                    keep(answers, question, derivation);
                }
            }
        }
        let ends = [
            (&question.subject, &question.predicate),
            (&question.predicate, &question.subject),
        ];
        for (end, far) in ends {
            let Some(end) = end else { continue };
            let mut near = self.stored(Some(end), directed, None);
            near.extend(self.stored(None, directed, Some(end)));
            near.extend(self.stored(Some(end), symmetric, None));
            for premise in near {
                let other = if premise.statement.subject() == end {
                    premise.statement.predicate()
                } else {
                    premise.statement.subject()
                };
                if other == end || far.as_ref() == Some(other) {
                    continue;
                }
                let middle = Some(other.clone());
                let open = [
                    Question {
                        subject: middle.clone(),
                        copula: directed,
                        predicate: far.clone(),
                    },
                    Question {
                        subject: far.clone(),
                        copula: directed,
                        predicate: middle.clone(),
                    },
                    Question {
                        subject: middle,
                        copula: symmetric,
                        predicate: far.clone(),
                    },
                ];
                for open in open {
                    for answer in self.solve(&open, depth - 1) {
                        if self.steps == 0 {
                            self.exhausted = true;
                            return;
                        }
                        self.steps -= 1;
                        combine(
                            answers,
                            question,
                            &Derivation::Stored(premise.clone()),
                            &answer,
                        );
                    }
                }
            }
        }
    }
}

/// Keeps every conclusion of two premises that answers the question.
fn combine(
    answers: &mut BTreeMap<Statement, Derivation>,
    question: &Question,
    first: &Derivation,
    second: &Derivation,
) {
    for rule in Rule::ALL {
        for (first, second) in [(first, second), (second, first)] {
            let (a, b) = (first.judgement(), second.judgement());
            let fits = rule
                .conclusion(&a.statement, &b.statement)
                .is_some_and(|statement| question.answered_by(&statement));
            if fits && let Ok(Some(conclusion)) = rule.apply(a, b) {
                let premises = Box::new([first.clone(), second.clone()]);
                keep(
                    answers,
                    question,
                    Derivation::Derived(conclusion, rule, premises),
                );
            }
        }
    }
}

/// Keeps an answer where it is the most confident of its statement.
fn keep(answers: &mut BTreeMap<Statement, Derivation>, question: &Question, found: Derivation) {
    if !question.answered_by(&found.judgement().statement) {
        return;
    }
    match answers.entry(found.judgement().statement.clone()) {
        std::collections::btree_map::Entry::Vacant(entry) => {
            entry.insert(found);
        }
        std::collections::btree_map::Entry::Occupied(mut entry) => {
            if found.judgement().truth.confidence() > entry.get().judgement().truth.confidence() {
                entry.insert(found);
            }
        }
    }
}
