//! Narsese, the language of non-axiomatic logic: terms, statements, sentences, their parser and printer.
//!
//! The grammar is Wang's (*Non-Axiomatic Logic*, 2013, tables of the languages Narsese-1 to -6), in ASCII:
//!
//! ```text
//! sentence  = term ("." | "?") [truth]          truth = "%" f [";" c] "%"
//! term      = word | quoted | ("$" | "#" | "?") word | statement | compound | set
//! statement = "<" term copula term ">"
//! copula    = "-->" inheritance | "<->" similarity | "==>" implication | "<=>" equivalence
//!           | "{--" instance | "--]" property | "{-]" instance and property
//! compound  = "(" "--" "," term ")" | "(" ("&&" | "||" | "&" | "|" | "*") "," term {"," term} ")"
//! set       = "{" term {"," term} "}" | "[" term {"," term} "]"
//! ```
//!
//! A word is letters, digits, `_` and inner `-`; any other name is written in double quotes, with `\"` and `\\`.
//! Instance and property are abbreviations: `<a {-- b>` is read as `<{a} --> b>`, `<a --] b>` as `<a --> [b]>`.
//! Terms nest at most [`DEPTH_MAX`] deep and have at most [`LENGTH_MAX`] bytes of text.

use std::fmt;

use thiserror::Error;

use super::cursor::Cursor;
use super::truth::Truth;

/// Deepest nesting of a term.
pub const DEPTH_MAX: usize = 32;
/// Most bytes of a sentence's text.
pub const LENGTH_MAX: usize = 65_536;

/// Where a text is no Narsese.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected {expected} at character {at}, got {found}")]
pub struct ParseError {
    /// Characters before the place, from 0.
    pub at: usize,
    /// What could stand there.
    pub expected: &'static str,
    /// What stands there.
    pub found: String,
}

/// A relation between two terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Copula {
    /// `-->`: the subject is a special case of the predicate.
    Inheritance,
    /// `<->`: inheritance both ways.
    Similarity,
    /// `==>`: if the subject holds, the predicate holds.
    Implication,
    /// `<=>`: implication both ways.
    Equivalence,
}

impl Copula {
    /// As it is written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Inheritance => "-->",
            Self::Similarity => "<->",
            Self::Implication => "==>",
            Self::Equivalence => "<=>",
        }
    }

    /// Whether subject and predicate can change places.
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::Similarity | Self::Equivalence)
    }
}

/// How a compound term combines its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Connector {
    /// `&&`: all of these statements hold.
    Conjunction,
    /// `||`: one of these statements holds.
    Disjunction,
    /// `&`: what is common to the extensions.
    ExtensionalIntersection,
    /// `|`: what is common to the intensions.
    IntensionalIntersection,
    /// `*`: the parts in this order.
    Product,
    /// `{}`: just these instances.
    ExtensionalSet,
    /// `[]`: just these properties.
    IntensionalSet,
}

impl Connector {
    const PREFIXES: [(Self, &'static str); 5] = [
        (Self::Conjunction, "&&"),
        (Self::Disjunction, "||"),
        (Self::ExtensionalIntersection, "&"),
        (Self::IntensionalIntersection, "|"),
        (Self::Product, "*"),
    ];

    /// Whether the order and the repetition of parts mean nothing.
    const fn is_unordered(self) -> bool {
        !matches!(self, Self::Product)
    }
}

/// How far a variable stands for any term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Variable {
    /// `$x`: every term.
    Independent,
    /// `#x`: some term.
    Dependent,
    /// `?x`: the term that is asked for.
    Query,
}

impl Variable {
    const fn symbol(self) -> char {
        match self {
            Self::Independent => '$',
            Self::Dependent => '#',
            Self::Query => '?',
        }
    }
}

/// What a statement speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Term {
    /// A name.
    Atom(String),
    /// A variable of this name.
    Variable(Variable, String),
    /// A statement as a term.
    Statement(Box<Statement>),
    /// `(--, t)`.
    Negation(Box<Term>),
    /// Parts under a connector, made by [`Term::compound`].
    Compound(Connector, Vec<Term>),
}

impl Term {
    /// A name.
    pub fn atom(name: impl Into<String>) -> Self {
        Self::Atom(name.into())
    }

    /// `parts` under `connector`; in sorted order without repetition where the connector has no order.
    pub fn compound(connector: Connector, parts: impl IntoIterator<Item = Self>) -> Self {
        let mut parts: Vec<_> = parts.into_iter().collect();
        if connector.is_unordered() {
            parts.sort_unstable();
            parts.dedup();
        }
        Self::Compound(connector, parts)
    }

    /// `(--, self)`; a double negation is taken away.
    pub fn negated(self) -> Self {
        match self {
            Self::Negation(inner) => *inner,
            other => Self::Negation(Box::new(other)),
        }
    }
}

/// A subject and a predicate under a copula. A symmetric one is kept with its lesser term first, so that equal
/// statements are equal values.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Statement {
    subject: Term,
    copula: Copula,
    predicate: Term,
}

impl Statement {
    /// The statement `subject copula predicate`.
    pub fn new(subject: Term, copula: Copula, predicate: Term) -> Self {
        let (subject, predicate) = if copula.is_symmetric() && predicate < subject {
            (predicate, subject)
        } else {
            (subject, predicate)
        };
        Self {
            subject,
            copula,
            predicate,
        }
    }

    /// The first term.
    pub const fn subject(&self) -> &Term {
        &self.subject
    }

    /// The relation.
    pub const fn copula(&self) -> Copula {
        self.copula
    }

    /// The second term.
    pub const fn predicate(&self) -> &Term {
        &self.predicate
    }
}

/// What a sentence does with its statement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mood {
    /// `.`: it has this truth.
    Judgement(Truth),
    /// `?`: what is its truth?
    Question,
}

/// A term with a mood.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentence {
    /// What is said or asked: a statement, or a term that combines statements.
    pub term: Term,
    /// Said or asked.
    pub mood: Mood,
}

/// Reads a sentence: `<robin --> bird>. %1.0;0.9%` or `<robin --> ?what>?`. Without a truth a judgement has
/// [`Truth::DEFAULT`].
pub fn parse(text: &str) -> Result<Sentence, ParseError> {
    let mut parser = Parser::new(text)?;
    let term = parser.term(0)?;
    let mood = if parser.0.takes("?") {
        Mood::Question
    } else if parser.0.takes(".") {
        Mood::Judgement(parser.truth()?)
    } else {
        return Err(parser.error("'.' or '?'"));
    };
    parser.end()?;
    Ok(Sentence { term, mood })
}

/// Reads a term alone: `<robin --> bird>`.
pub fn parse_term(text: &str) -> Result<Term, ParseError> {
    let mut parser = Parser::new(text)?;
    let term = parser.term(0)?;
    parser.end()?;
    Ok(term)
}

/// Reads a statement alone: a term that is one.
pub fn parse_statement(text: &str) -> Result<Statement, ParseError> {
    match parse_term(text)? {
        Term::Statement(statement) => Ok(*statement),
        _ => Err(ParseError {
            at: 0,
            expected: "a statement '<subject copula predicate>'",
            found: "another term".to_owned(),
        }),
    }
}

struct Parser<'a>(Cursor<'a>);

const COPULAS: [(&str, Copula, bool, bool); 7] = [
    ("-->", Copula::Inheritance, false, false),
    ("<->", Copula::Similarity, false, false),
    ("==>", Copula::Implication, false, false),
    ("<=>", Copula::Equivalence, false, false),
    ("{--", Copula::Inheritance, true, false),
    ("--]", Copula::Inheritance, false, true),
    ("{-]", Copula::Inheritance, true, true),
];

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, ParseError> {
        if text.len() > LENGTH_MAX {
            return Err(ParseError {
                at: 0,
                expected: "at most 65536 bytes",
                found: format!("{} bytes", text.len()),
            });
        }
        Ok(Self(Cursor::new(text)))
    }

    fn error(&self, expected: &'static str) -> ParseError {
        ParseError {
            at: self.0.place(),
            expected,
            found: self.0.found(),
        }
    }

    fn expect(&mut self, symbol: &'static str, expected: &'static str) -> Result<(), ParseError> {
        match self.0.takes(symbol) {
            true => Ok(()),
            false => Err(self.error(expected)),
        }
    }

    fn end(&mut self) -> Result<(), ParseError> {
        match self.0.is_at_end() {
            true => Ok(()),
            false => Err(self.error("the end")),
        }
    }

    fn term(&mut self, depth: usize) -> Result<Term, ParseError> {
        self.0.skip_space();
        if depth == DEPTH_MAX {
            return Err(self.error("at most 32 terms inside each other"));
        }
        match self.0.rest().chars().next() {
            Some('<') => self.statement(depth),
            Some('(') => self.compound(depth),
            Some('{') => {
                self.0.take(1);
                let parts = self.parts("}", "',' or '}'", depth)?;
                Ok(Term::compound(Connector::ExtensionalSet, parts))
            }
            Some('[') => {
                self.0.take(1);
                let parts = self.parts("]", "',' or ']'", depth)?;
                Ok(Term::compound(Connector::IntensionalSet, parts))
            }
            Some('"') => self.quoted().map(Term::Atom),
            Some(sign @ ('$' | '#' | '?')) => {
                self.0.take(1);
                let variable = match sign {
                    '$' => Variable::Independent,
                    '#' => Variable::Dependent,
                    _ => Variable::Query,
                };
                self.word("a variable's name")
                    .map(|name| Term::Variable(variable, name))
            }
            _ => self.word("a term").map(Term::Atom),
        }
    }

    fn statement(&mut self, depth: usize) -> Result<Term, ParseError> {
        self.expect("<", "'<'")?;
        let mut subject = self.term(depth + 1)?;
        self.0.skip_space();
        let Some((symbol, copula, instance, property)) = COPULAS
            .into_iter()
            .find(|(symbol, ..)| self.0.rest().starts_with(symbol))
        else {
            return Err(self.error("a copula: --> <-> ==> <=> {-- --] {-]"));
        };
        self.0.take(symbol.len());
        let mut predicate = self.term(depth + 1)?;
        self.expect(">", "'>'")?;
        if instance {
            subject = Term::compound(Connector::ExtensionalSet, [subject]);
        }
        if property {
            predicate = Term::compound(Connector::IntensionalSet, [predicate]);
        }
        Ok(Term::Statement(Box::new(Statement::new(
            subject, copula, predicate,
        ))))
    }

    fn compound(&mut self, depth: usize) -> Result<Term, ParseError> {
        self.expect("(", "'('")?;
        if self.0.takes("--") {
            self.expect(",", "','")?;
            let inner = self.term(depth + 1)?;
            self.expect(")", "')'")?;
            return Ok(Term::Negation(Box::new(inner)));
        }
        let Some((connector, _)) = Connector::PREFIXES
            .into_iter()
            .find(|(_, symbol)| self.0.takes(symbol))
        else {
            return Err(self.error("a connector: -- && || & | *"));
        };
        self.expect(",", "','")?;
        Ok(Term::compound(
            connector,
            self.parts(")", "',' or ')'", depth)?,
        ))
    }

    /// One or more terms, separated by commas, up to `close`.
    fn parts(
        &mut self,
        close: &str,
        expected: &'static str,
        depth: usize,
    ) -> Result<Vec<Term>, ParseError> {
        let mut parts = vec![self.term(depth + 1)?];
        while !self.0.takes(close) {
            self.expect(",", expected)?;
            parts.push(self.term(depth + 1)?);
        }
        Ok(parts)
    }

    fn word(&mut self, expected: &'static str) -> Result<String, ParseError> {
        let length = word_length(self.0.rest());
        if length == 0 {
            return Err(self.error(expected));
        }
        Ok(self.0.take(length).to_owned())
    }

    fn quoted(&mut self) -> Result<String, ParseError> {
        self.0.take(1);
        let mut name = String::new();
        loop {
            let plain = self.0.take_while(|c| c != '"' && c != '\\');
            name.push_str(plain);
            if self.0.rest().is_empty() {
                return Err(self.error("'\"'"));
            }
            if self.0.take(1) == "\"" {
                return Ok(name);
            }
            if !self.0.rest().starts_with(['"', '\\']) {
                return Err(self.error("'\"' or '\\' after '\\'"));
            }
            name.push_str(self.0.take(1));
        }
    }

    fn truth(&mut self) -> Result<Truth, ParseError> {
        if !self.0.takes("%") {
            return Ok(Truth::DEFAULT);
        }
        let start =
            self.error("a frequency in 0..1 and a confidence between 0 and 1, as in %1.0;0.9%");
        let frequency = self.number()?;
        let confidence = if self.0.takes(";") {
            self.number()?
        } else {
            Truth::DEFAULT.confidence()
        };
        self.expect("%", "';' or '%'")?;
        Truth::new(frequency, confidence).map_err(|_| ParseError {
            found: format!("{frequency};{confidence}"),
            ..start
        })
    }

    fn number(&mut self) -> Result<f64, ParseError> {
        self.0.skip_space();
        let before = self.0.rest();
        let digits = self
            .0
            .take_while(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+'));
        digits.parse().map_err(|_| {
            self.0.back_to(before);
            self.error("a number")
        })
    }
}

/// Bytes of the word at the start of `text`: letters, digits, `_`, and `-` before one of those.
fn word_length(text: &str) -> usize {
    let is_plain = |c: char| c.is_alphanumeric() || c == '_';
    let mut length = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let inner_dash =
            c == '-' && at > 0 && characters.peek().is_some_and(|&(_, next)| is_plain(next));
        if !is_plain(c) && !inner_dash {
            break;
        }
        length = at + c.len_utf8();
    }
    length
}

fn write_name(name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if !name.is_empty() && word_length(name) == name.len() {
        return f.write_str(name);
    }
    write!(f, "\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

fn write_parts(parts: &[Term], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        write!(f, "{}{part}", if index == 0 { "" } else { ", " })?;
    }
    Ok(())
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Atom(name) => write_name(name, f),
            Self::Variable(variable, name) => write!(f, "{}{name}", variable.symbol()),
            Self::Statement(statement) => statement.fmt(f),
            Self::Negation(inner) => write!(f, "(--, {inner})"),
            Self::Compound(connector, parts) => {
                let (open, close) = match connector {
                    Connector::ExtensionalSet => ("{", "}"),
                    Connector::IntensionalSet => ("[", "]"),
                    _ => ("(", ")"),
                };
                f.write_str(open)?;
                if let Some((_, symbol)) =
                    Connector::PREFIXES.iter().find(|(one, _)| one == connector)
                {
                    write!(f, "{symbol}, ")?;
                }
                write_parts(parts, f)?;
                f.write_str(close)
            }
        }
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<{} {} {}>",
            self.subject,
            self.copula.symbol(),
            self.predicate
        )
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mood {
            Mood::Question => write!(f, "{}?", self.term),
            Mood::Judgement(truth) => {
                write!(
                    f,
                    "{}. %{:?};{:?}%",
                    self.term,
                    truth.frequency(),
                    truth.confidence()
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_term() -> impl Strategy<Value = Term> {
        let leaf = prop_oneof![
            "[a-z][a-z0-9_-]{0,6}[a-z]".prop_map(Term::Atom),
            any::<String>().prop_map(Term::Atom),
            "[a-z]{1,4}".prop_map(|name| Term::Variable(Variable::Independent, name)),
            "[a-z]{1,4}".prop_map(|name| Term::Variable(Variable::Dependent, name)),
            "[a-z]{1,4}".prop_map(|name| Term::Variable(Variable::Query, name)),
        ];
        leaf.prop_recursive(5, 40, 4, |inner| {
            let copula = prop::sample::select(vec![
                Copula::Inheritance,
                Copula::Similarity,
                Copula::Implication,
                Copula::Equivalence,
            ]);
            let connector = prop::sample::select(vec![
                Connector::Conjunction,
                Connector::Disjunction,
                Connector::ExtensionalIntersection,
                Connector::IntensionalIntersection,
                Connector::Product,
                Connector::ExtensionalSet,
                Connector::IntensionalSet,
            ]);
            prop_oneof![
                (inner.clone(), copula, inner.clone())
                    .prop_map(|(s, c, p)| Term::Statement(Box::new(Statement::new(s, c, p)))),
                inner
                    .clone()
                    .prop_map(|term| Term::Negation(Box::new(term))),
                (connector, prop::collection::vec(inner, 1..4))
                    .prop_map(|(c, parts)| Term::compound(c, parts)),
            ]
        })
    }

    #[test]
    fn a_judgement_is_read_and_printed() {
        let sentence = parse("<robin --> bird>. %1.0;0.9%").expect("Narsese");
        let bird = Statement::new(Term::atom("robin"), Copula::Inheritance, Term::atom("bird"));
        assert_eq!(sentence.term, Term::Statement(Box::new(bird)));
        assert_eq!(sentence.mood, Mood::Judgement(Truth::DEFAULT));
        assert_eq!(sentence.to_string(), "<robin --> bird>. %1.0;0.9%");
        assert_eq!(parse("<robin-->bird>."), Ok(sentence));
        assert_eq!(
            parse("<robin --> bird>. %0.5%").map(|s| s.to_string()),
            Ok("<robin --> bird>. %0.5;0.9%".to_owned())
        );
    }

    #[test]
    fn every_form_has_its_canonical_text() {
        for (text, canonical) in [
            ("<b<->a>?", "<a <-> b>?"),
            ("<Tweety {-- bird>?", "<{Tweety} --> bird>?"),
            ("<raven --] black>?", "<raven --> [black]>?"),
            ("<Tweety {-] yellow>?", "<{Tweety} --> [yellow]>?"),
            (
                "<(&&,<$x --> b>,<$x --> a>) ==> <$x --> c>>?",
                "<(&&, <$x --> a>, <$x --> b>) ==> <$x --> c>>?",
            ),
            ("<(*,cat,fish) --> eats>?", "<(*, cat, fish) --> eats>?"),
            ("(-- , <a --> b>)?", "(--, <a --> b>)?"),
            ("<\"two words\" --> ?what>?", "<\"two words\" --> ?what>?"),
            ("<{b, a, b} <=> [x]>?", "<{a, b} <=> [x]>?"),
            ("(||, well-known, #y)?", "(||, well-known, #y)?"),
        ] {
            assert_eq!(
                parse(text).map(|sentence| sentence.to_string()),
                Ok(canonical.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn errors_say_where_and_what() {
        for (text, message) in [
            ("", "expected a term at character 0, got the end"),
            (
                "<robin -> bird>.",
                "expected a copula: --> <-> ==> <=> {-- --] {-] at character 7, got '-'",
            ),
            (
                "<robin --> bird",
                "expected '>' at character 15, got the end",
            ),
            (
                "<é --> bird>!",
                "expected '.' or '?' at character 12, got '!'",
            ),
            (
                "<a --> b>. %1.5;0.9%",
                "expected a frequency in 0..1 and a confidence between 0 and 1, as in %1.0;0.9% at character 12, got 1.5;0.9",
            ),
            (
                "<a --> b>. %x%",
                "expected a number at character 12, got 'x'",
            ),
            (
                "<a --> b>? more",
                "expected the end at character 11, got 'm'",
            ),
            (
                "(+, a, b).",
                "expected a connector: -- && || & | * at character 1, got '+'",
            ),
            ("<\"a --> b>.", "expected '\"' at character 11, got the end"),
            (
                "<\"a\\n\" --> b>.",
                "expected '\"' or '\\' after '\\' at character 4, got 'n'",
            ),
            (
                "<$ --> b>.",
                "expected a variable's name at character 2, got ' '",
            ),
        ] {
            assert_eq!(
                parse(text).map_err(|error| error.to_string()),
                Err(message.to_owned()),
                "{text}"
            );
        }
        assert!(parse_statement("a").is_err());
    }

    #[test]
    fn nesting_and_length_are_bounded() {
        let nested = |depth: usize| format!("{}a{}?", "(--,".repeat(depth), ")".repeat(depth));
        assert!(parse(&nested(DEPTH_MAX - 1)).is_ok());
        assert!(parse(&nested(DEPTH_MAX)).is_err());
        assert!(parse(&"<".repeat(LENGTH_MAX)).is_err());
        assert!(parse(&"a".repeat(LENGTH_MAX + 1)).is_err());
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(term in any_term(), f in 0_u32..=100, c in 1_u32..100, asked: bool) {
            let truth = Truth::new(f64::from(f) / 100.0, f64::from(c) / 100.0).expect("in range");
            let mood = if asked { Mood::Question } else { Mood::Judgement(truth) };
            let sentence = Sentence { term, mood };
            prop_assert_eq!(parse(&sentence.to_string()), Ok(sentence));
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn no_text_of_its_own_symbols_panics(text in "[-<>=?.%;(){}\\[\\]&|*,$#\"\\\\a0 é]{0,40}") {
            if let Ok(sentence) = parse(&text) {
                prop_assert_eq!(parse(&sentence.to_string()), Ok(sentence));
            }
        }
    }
}
