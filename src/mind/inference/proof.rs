//! How a conclusion follows from stored judgements, as text that can be read back and worked out again:
//! `deduction(#5, conversion(#3))`.

use std::fmt;

use super::judgement::Judgement;
use super::rule::Rule;

/// Most rules on top of each other.
const DEPTH_MAX: usize = 32;
/// Longest text of a proof, bytes.
const BYTES_MAX: usize = 65_536;

/// What leads from premises to a conclusion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inference {
    /// A rule of two premises.
    Rule(Rule),
    /// P→S ⊢ S→P.
    Conversion,
    /// S⇒P ⊢ ¬P⇒¬S.
    Contraposition,
    /// The pooled evidence of two judgements.
    Revision,
    /// The better of two judgements.
    Choice,
}

impl Inference {
    /// All of them.
    fn all() -> impl Iterator<Item = Self> {
        let rules = Rule::ALL.into_iter().map(Self::Rule);
        rules.chain([
            Self::Conversion,
            Self::Contraposition,
            Self::Revision,
            Self::Choice,
        ])
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.name(),
            Self::Conversion => "conversion",
            Self::Contraposition => "contraposition",
            Self::Revision => "revision",
            Self::Choice => "choice",
        }
    }

    /// How many premises it takes.
    const fn arity(self) -> usize {
        match self {
            Self::Conversion | Self::Contraposition => 1,
            _ => 2,
        }
    }

    /// What follows from its premises.
    ///
    /// # Errors
    /// They are not as it takes them, or nothing follows.
    pub fn conclude(self, premises: &[Judgement]) -> Result<Judgement, String> {
        let concluded = match (self, premises) {
            (Self::Rule(rule), [first, second]) => rule.apply(first, second),
            (Self::Revision, [first, second]) => first.revise(second).map(Some),
            (Self::Choice, [first, second]) => Ok(Some(first.choose(second).clone())),
            (Self::Conversion, [premise]) => premise.convert(),
            (Self::Contraposition, [premise]) => premise.contrapose(),
            _ => return Err(format!("{} takes {} premises", self.name(), self.arity())),
        };
        let concluded = concluded.map_err(|error| error.to_string())?;
        concluded.ok_or_else(|| format!("{} has no evidence to conclude from", self.name()))
    }
}

/// A stored judgement that a proof begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Premise {
    /// What it says; with it `ids` are its evidence, without it the one id of its edge.
    pub statement: Option<String>,
    /// Ids of evidence, or the id of its edge.
    pub ids: Vec<u64>,
}

/// A conclusion with all that leads to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof<L> {
    /// What is stored.
    Premise(L),
    /// What follows from others.
    Step(Inference, Vec<Proof<L>>),
}

impl Proof<Premise> {
    /// Reads a proof: `deduction(#5, #3)`, or with judgements as ASK shows them, `deduction(<bird --> animal> #5, …)`.
    ///
    /// # Errors
    /// It is none: what was expected, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > BYTES_MAX {
            return Err(format!("expected at most {BYTES_MAX} bytes"));
        }
        let mut parser = Parser { text, at: 0 };
        let proof = parser.proof(0)?;
        match parser.rest() {
            "" => Ok(proof),
            _ => Err(parser.expected("the end")),
        }
    }
}

impl<L> Proof<L> {
    /// The same with other premises.
    ///
    /// # Errors
    /// That of the first premise that there is no other for.
    pub fn try_map<M, E>(&self, of: &mut impl FnMut(&L) -> Result<M, E>) -> Result<Proof<M>, E> {
        Ok(match self {
            Self::Premise(premise) => Proof::Premise(of(premise)?),
            Self::Step(inference, below) => {
                let below = below.iter().map(|below| below.try_map(of));
                Proof::Step(*inference, below.collect::<Result<_, E>>()?)
            }
        })
    }

    /// The premises, in their order.
    pub fn premises(&self) -> Vec<&L> {
        match self {
            Self::Premise(premise) => vec![premise],
            Self::Step(_, below) => below.iter().flat_map(Self::premises).collect(),
        }
    }

    /// What it comes to.
    ///
    /// # Errors
    /// A step does not follow.
    pub fn conclude(&self, of: &impl Fn(&L) -> Judgement) -> Result<Judgement, String> {
        match self {
            Self::Premise(premise) => Ok(of(premise)),
            Self::Step(inference, below) => {
                let premises = below.iter().map(|below| below.conclude(of));
                inference.conclude(&premises.collect::<Result<Vec<_>, _>>()?)
            }
        }
    }
}

/// With the ids of edges as premises.
impl fmt::Display for Proof<u64> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Premise(id) => write!(out, "#{id}"),
            Self::Step(inference, below) => {
                write!(out, "{}(", inference.name())?;
                for (at, below) in below.iter().enumerate() {
                    let comma = if at > 0 { ", " } else { "" };
                    write!(out, "{comma}{below}")?;
                }
                out.write_str(")")
            }
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn expected(&self, what: &str) -> String {
        let shown: String = self.rest().chars().take(24).collect();
        format!("expected {what} at byte {}, got '{shown}'", self.at)
    }

    fn take(&mut self, sign: &str) -> bool {
        let is_there = self.rest().starts_with(sign);
        self.at += if is_there { sign.len() } else { 0 };
        is_there
    }

    fn proof(&mut self, depth: usize) -> Result<Proof<Premise>, String> {
        if depth > DEPTH_MAX {
            return Err(format!(
                "expected at most {DEPTH_MAX} rules on top of each other"
            ));
        }
        if self.rest().starts_with(['#', '<']) {
            return self.premise().map(Proof::Premise);
        }
        let named = Inference::all().find(|inference| {
            let after = self.rest().strip_prefix(inference.name());
            after.is_some_and(|after| after.starts_with('('))
        });
        let Some(inference) = named else {
            return Err(self.expected("a rule such as deduction(#5, #3), or a premise #5"));
        };
        self.at += inference.name().len() + 1;
        let mut below = Vec::new();
        loop {
            below.push(self.proof(depth + 1)?);
            if self.take(")") {
                break;
            }
            if !self.take(", ") {
                return Err(self.expected("', ' or ')'"));
            }
        }
        match below.len() == inference.arity() {
            true => Ok(Proof::Step(inference, below)),
            false => Err(format!(
                "expected {} premises of {}, got {}",
                inference.arity(),
                inference.name(),
                below.len()
            )),
        }
    }

    fn premise(&mut self) -> Result<Premise, String> {
        let mut statement = None;
        if self.rest().starts_with('<') {
            let Some(end) = self.rest().find("> #") else {
                return Err(self.expected("a statement and the ids of its evidence"));
            };
            statement = Some(self.rest()[..=end].to_owned());
            self.at += end + 2;
        }
        let mut ids = Vec::new();
        loop {
            if !self.take("#") {
                return Err(self.expected("an id such as #5"));
            }
            let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
            let id = self.rest()[..digits].parse();
            ids.push(id.map_err(|_| self.expected("digits of an id"))?);
            self.at += digits;
            if statement.is_none() || !self.rest().starts_with(" #") {
                return Ok(Premise { statement, ids });
            }
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mind::narsese::parse_statement;
    use crate::mind::truth::{Evidence, Truth};

    fn judgement(id: u64) -> Judgement {
        let text = match id {
            5 => "<bird --> animal>",
            _ => "<robin --> bird>",
        };
        Judgement {
            statement: parse_statement(text).expect("a statement"),
            truth: Truth::new(1.0, 0.9).expect("a truth"),
            evidence: Evidence::new([id]),
        }
    }

    #[test]
    fn a_proof_reads_back_as_it_is_written_and_comes_to_what_its_rules_say() {
        let text = "conversion(deduction(<bird --> animal> #5, <robin --> bird> #3))";
        let proof = Proof::parse(text).expect("a proof");
        let of_edges = proof.try_map(&mut |premise: &Premise| Ok::<u64, ()>(premise.ids[0]));
        let of_edges = of_edges.expect("ids");
        assert_eq!(of_edges.to_string(), "conversion(deduction(#5, #3))");
        let again = Proof::parse(&of_edges.to_string()).expect("a proof");
        assert_eq!(again.premises().len(), 2);
        let concluded = of_edges.conclude(&|id| judgement(*id)).expect("it follows");
        assert_eq!(concluded.statement.to_string(), "<animal --> robin>");
        assert!((concluded.truth.confidence() - 0.81 / 1.81).abs() < 1e-12);
        assert_eq!(concluded.evidence.ids(), [3, 5]);
    }

    #[test]
    fn what_is_no_proof_is_refused_with_what_was_expected() {
        for (text, message) in [
            (
                "",
                "expected a rule such as deduction(#5, #3), or a premise #5 at byte 0",
            ),
            ("guess(#1, #2)", "expected a rule"),
            ("deduction(#5)", "expected 2 premises of deduction, got 1"),
            ("deduction(#5, #3", "expected ', ' or ')'"),
            ("deduction(#5,#3)", "expected ', ' or ')'"),
            ("deduction(#5, #)", "expected digits of an id"),
            ("#18446744073709551616", "expected digits of an id"),
            ("#5 #6", "expected the end"),
            ("<a --> b>", "expected a statement and the ids"),
        ] {
            let refused = Proof::parse(text).expect_err(text);
            assert!(refused.starts_with(message), "{text}: {refused}");
        }
        let deep = format!("{}#1{}", "conversion(".repeat(40), ")".repeat(40));
        assert!(Proof::parse(&deep).is_err());
        let wrong = Proof::<u64>::Step(
            Inference::Revision,
            vec![Proof::Premise(5), Proof::Premise(5)],
        );
        assert!(wrong.conclude(&|id| judgement(*id)).is_err());
    }
}
