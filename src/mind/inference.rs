//! Syllogistic inference: which rule applies to which two judgements, and answers by backward chaining.
//!
//! Figures are those of Wang, *Non-Axiomatic Logic* (2013): inheritance with similarity (NAL-1, NAL-2), implication
//! with equivalence (NAL-5), whose truth functions are the same. A conclusion stands on the evidence of both its
//! premises; premises that share evidence conclude nothing, so that nothing is counted twice.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

use super::narsese::{Connector, Copula, Statement, Term};
use super::truth::{self, Evidence, Truth, TruthError};

/// Why two judgements give no conclusion.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum InferenceError {
    /// The premises do not stand in the rule's figure.
    #[error("{rule} takes {figure}; got {} and {}{hint}", .premises[0], .premises[1])]
    Figure {
        /// The rule.
        rule: Rule,
        /// Its figure.
        figure: &'static str,
        /// The premises.
        premises: Box<[Statement; 2]>,
        /// What would fit, if something would.
        hint: &'static str,
    },
    /// A rule of one premise that wants another kind of statement.
    #[error("{rule} takes {figure}; got {premise}")]
    Premise {
        /// The rule.
        rule: &'static str,
        /// What it takes.
        figure: &'static str,
        /// The premise.
        premise: Box<Statement>,
    },
    /// Revision and choice are of one statement.
    #[error("both judgements must be of one statement; got {} and {}", .0[0], .0[1])]
    Different(Box<[Statement; 2]>),
    /// Premises that share evidence.
    #[error(transparent)]
    Truth(#[from] TruthError),
}

/// A statement, its truth, and the evidence that stands behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// What is judged.
    pub statement: Statement,
    /// How true it is.
    pub truth: Truth,
    /// What it stands on.
    pub evidence: Evidence,
}

impl Judgement {
    /// Pools the evidence of two judgements of one statement. Refused where they share any.
    pub fn revise(&self, other: &Self) -> Result<Self, InferenceError> {
        self.same_statement(other)?;
        Ok(Self {
            statement: self.statement.clone(),
            evidence: self.evidence.pooled(&other.evidence)?,
            truth: truth::revision(self.truth, other.truth),
        })
    }

    /// The one to believe: of the same statement that of the higher confidence, of different ones (answers to a
    /// question with a variable) that of the higher expectation; `self` at a tie.
    pub fn choose<'a>(&'a self, other: &'a Self) -> &'a Self {
        let better = if self.statement == other.statement {
            other.truth.confidence() > self.truth.confidence()
        } else {
            other.truth.expectation() > self.truth.expectation()
        };
        if better { other } else { self }
    }

    /// P→S ⊢ S→P.
    pub fn convert(&self) -> Result<Option<Self>, InferenceError> {
        if self.statement.copula().is_symmetric() {
            return Err(self.not_for("conversion", "an inheritance or an implication"));
        }
        Ok(truth::conversion(self.truth).map(|truth| {
            self.concluding(
                Statement::new(
                    self.statement.predicate().clone(),
                    self.statement.copula(),
                    self.statement.subject().clone(),
                ),
                truth,
            )
        }))
    }

    /// S⇒P ⊢ ¬P⇒¬S.
    pub fn contrapose(&self) -> Result<Option<Self>, InferenceError> {
        if self.statement.copula() != Copula::Implication {
            return Err(self.not_for("contraposition", "an implication <S ==> P>"));
        }
        Ok(truth::contraposition(self.truth).map(|truth| {
            self.concluding(
                Statement::new(
                    self.statement.predicate().clone().negated(),
                    Copula::Implication,
                    self.statement.subject().clone().negated(),
                ),
                truth,
            )
        }))
    }

    fn concluding(&self, statement: Statement, truth: Truth) -> Self {
        Self {
            statement,
            truth,
            evidence: self.evidence.clone(),
        }
    }

    fn not_for(&self, rule: &'static str, figure: &'static str) -> InferenceError {
        InferenceError::Premise {
            rule,
            figure,
            premise: Box::new(self.statement.clone()),
        }
    }

    fn same_statement(&self, other: &Self) -> Result<(), InferenceError> {
        if self.statement == other.statement {
            return Ok(());
        }
        Err(InferenceError::Different(Box::new([
            self.statement.clone(),
            other.statement.clone(),
        ])))
    }
}

/// A rule of two premises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// {M→P, S→M} ⊢ S→P.
    Deduction,
    /// {M→P, M→S} ⊢ S→P.
    Induction,
    /// {P→M, S→M} ⊢ S→P.
    Abduction,
    /// {P→M, M→S} ⊢ S→P.
    Exemplification,
    /// {M→P, M→S} or {P→M, S→M} ⊢ S↔P.
    Comparison,
    /// {M→P, S↔M} ⊢ S→P; {P→M, S↔M} ⊢ P→S.
    Analogy,
    /// {M↔P, S↔M} ⊢ S↔P.
    Resemblance,
    /// {M→P, M→S} ⊢ M→(S∩P); {P→M, S→M} ⊢ (S∪P)→M.
    Intersection,
    /// {M→P, M→S} ⊢ M→(S∪P); {P→M, S→M} ⊢ (S∩P)→M.
    Union,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Deduction,
        Self::Induction,
        Self::Abduction,
        Self::Exemplification,
        Self::Comparison,
        Self::Analogy,
        Self::Resemblance,
        Self::Intersection,
        Self::Union,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deduction => "deduction",
            Self::Induction => "induction",
            Self::Abduction => "abduction",
            Self::Exemplification => "exemplification",
            Self::Comparison => "comparison",
            Self::Analogy => "analogy",
            Self::Resemblance => "resemblance",
            Self::Intersection => "intersection",
            Self::Union => "union",
        }
    }

    /// The figure of its premises.
    pub const fn figure(self) -> &'static str {
        match self {
            Self::Deduction => "<M --> P> and <S --> M>",
            Self::Induction => "<M --> P> and <M --> S>",
            Self::Abduction => "<P --> M> and <S --> M>",
            Self::Exemplification => "<P --> M> and <M --> S>",
            Self::Comparison | Self::Intersection | Self::Union => {
                "<M --> P> and <M --> S>, or <P --> M> and <S --> M>"
            }
            Self::Analogy => "<M --> P> or <P --> M>, and <S <-> M>",
            Self::Resemblance => "<M <-> P> and <S <-> M>",
        }
    }

    /// The truth of the conclusion from those of the premises.
    pub fn truth(self, first: Truth, second: Truth) -> Option<Truth> {
        match self {
            Self::Deduction => truth::deduction(first, second),
            Self::Induction => truth::induction(first, second),
            Self::Abduction => truth::abduction(first, second),
            Self::Exemplification => truth::exemplification(first, second),
            Self::Comparison => truth::comparison(first, second),
            Self::Analogy => truth::analogy(first, second),
            Self::Resemblance => truth::resemblance(first, second),
            Self::Intersection => truth::intersection(first, second),
            Self::Union => truth::union(first, second),
        }
    }

    /// What it concludes from these statements in this order; `None` where they are not in its figure, or where
    /// the conclusion would say nothing (S = P).
    pub fn conclusion(self, first: &Statement, second: &Statement) -> Option<Statement> {
        let (directed, symmetric) = match first.copula() {
            Copula::Inheritance | Copula::Similarity => (Copula::Inheritance, Copula::Similarity),
            Copula::Implication | Copula::Equivalence => (Copula::Implication, Copula::Equivalence),
        };
        let (a, b) = (
            (first.subject(), first.predicate()),
            (second.subject(), second.predicate()),
        );
        let both = |copula: Copula| first.copula() == copula && second.copula() == copula;
        let distinct = |s: &Term, copula: Copula, p: &Term| {
            (s != p).then(|| Statement::new(s.clone(), copula, p.clone()))
        };
        match self {
            Self::Deduction if both(directed) && a.0 == b.1 => distinct(b.0, directed, a.1),
            Self::Induction if both(directed) && a.0 == b.0 => distinct(b.1, directed, a.1),
            Self::Abduction if both(directed) && a.1 == b.1 => distinct(b.0, directed, a.0),
            Self::Exemplification if both(directed) && a.1 == b.0 => distinct(b.1, directed, a.0),
            Self::Comparison if both(directed) && a.0 == b.0 => distinct(b.1, symmetric, a.1),
            Self::Comparison if both(directed) && a.1 == b.1 => distinct(b.0, symmetric, a.0),
            Self::Analogy if first.copula() == directed && second.copula() == symmetric => {
                if let Some(s) = partner(second, a.0) {
                    distinct(s, directed, a.1)
                } else {
                    partner(second, a.1).and_then(|s| distinct(a.0, directed, s))
                }
            }
            Self::Resemblance if both(symmetric) => [a.0, a.1].into_iter().find_map(|middle| {
                distinct(partner(second, middle)?, symmetric, partner(first, middle)?)
            }),
            Self::Intersection | Self::Union if both(directed) && first != second => {
                compose(self, first, second)
            }
            _ => None,
        }
    }

    /// The conclusion from two judgements, which must stand in the rule's figure and share no evidence; `Ok(None)`
    /// where there is no evidence for it.
    pub fn apply(
        self,
        first: &Judgement,
        second: &Judgement,
    ) -> Result<Option<Judgement>, InferenceError> {
        let Some(statement) = self.conclusion(&first.statement, &second.statement) else {
            let swapped = self
                .conclusion(&second.statement, &first.statement)
                .is_some();
            return Err(InferenceError::Figure {
                rule: self,
                figure: self.figure(),
                premises: Box::new([first.statement.clone(), second.statement.clone()]),
                hint: if swapped { "; swap them" } else { "" },
            });
        };
        let evidence = first.evidence.pooled(&second.evidence)?;
        Ok(self
            .truth(first.truth, second.truth)
            .map(|truth| Judgement {
                statement,
                truth,
                evidence,
            }))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The other end of a symmetric statement.
fn partner<'a>(statement: &'a Statement, end: &Term) -> Option<&'a Term> {
    if statement.subject() == end {
        Some(statement.predicate())
    } else if statement.predicate() == end {
        Some(statement.subject())
    } else {
        None
    }
}

/// The composition rules of NAL-3 (terms) and NAL-5 (statements).
fn compose(rule: Rule, first: &Statement, second: &Statement) -> Option<Statement> {
    use Connector::{Conjunction, Disjunction, ExtensionalIntersection, IntensionalIntersection};
    let copula = first.copula();
    let (meet, join) = match copula {
        Copula::Inheritance => (ExtensionalIntersection, IntensionalIntersection),
        _ => (Conjunction, Disjunction),
    };
    let compound =
        |connector, a: &Term, b: &Term| Term::compound(connector, [a.clone(), b.clone()]);
    if first.subject() == second.subject() {
        let connector = if rule == Rule::Intersection {
            meet
        } else {
            join
        };
        let predicate = compound(connector, first.predicate(), second.predicate());
        return Some(Statement::new(first.subject().clone(), copula, predicate));
    }
    (first.predicate() == second.predicate()).then(|| {
        let connector = if rule == Rule::Intersection {
            join
        } else {
            meet
        };
        let subject = compound(connector, first.subject(), second.subject());
        Statement::new(subject, copula, first.predicate().clone())
    })
}

/// All that two statements conclude, in either order: the rule, whether the premises change places for it, and
/// the conclusion.
pub fn applicable(first: &Statement, second: &Statement) -> Vec<(Rule, bool, Statement)> {
    Rule::ALL
        .into_iter()
        .flat_map(|rule| {
            [(false, first, second), (true, second, first)]
                .into_iter()
                .filter_map(move |(swapped, a, b)| Some((rule, swapped, rule.conclusion(a, b)?)))
        })
        .collect()
}

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
            (!matches!(term, Term::Variable(super::narsese::Variable::Query, _)))
                .then(|| term.clone())
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
    fn answered_by(&self, statement: &Statement) -> bool {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::narsese::{Mood, parse, parse_statement};
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
}
