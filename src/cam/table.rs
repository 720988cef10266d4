//! What an operation is, declared once: its arguments, its columns, its documentation, its kernel and its
//! translation side by side in the file of its family.

use ladybug_engine::commit::transaction::Transaction;
use ladybug_engine::space::marks::Qualia;

use super::call::Call;
use super::error::Fault;
use super::event;
use super::family;
use super::host::{Host, Reading};
use super::range::Range;
use super::statement;
use arrow::array::RecordBatch;
use ladybug_engine::engine::Outcome;

/// Sixteen operations that belong together.
#[derive(Debug)]
pub struct Family {
    /// The high byte of its addresses.
    pub prefix: u8,
    /// In capitals.
    pub name: &'static str,
    /// What it is about, as a sentence without its stop.
    pub doc: &'static str,
    /// By code.
    pub operations: &'static [Operation; 16],
}

/// The families of operations, by prefix; at the other prefixes are words and programs.
pub static FAMILIES: [Option<&Family>; 16] = [
    Some(&family::lance::FAMILY),
    Some(&family::sql::FAMILY),
    Some(&family::cypher::FAMILY),
    Some(&family::graphql::FAMILY),
    Some(&family::nars::FAMILY),
    Some(&family::causal::FAMILY),
    Some(&family::meta::FAMILY),
    None,
    None,
    Some(&family::qualia::FAMILY),
    Some(&family::memory::FAMILY),
    Some(&family::learning::FAMILY),
    Some(&family::vsa::FAMILY),
    Some(&family::temporal::FAMILY),
    Some(&family::quantum::FAMILY),
    None,
];

/// One operation.
#[derive(Debug)]
pub struct Operation {
    /// In capitals.
    pub name: &'static str,
    /// What it does, as a sentence without its stop.
    pub doc: &'static str,
    /// Where its formula comes from; empty where it is nobody's in particular.
    pub source: &'static str,
    /// What it takes. Those that may be left out come last.
    pub arguments: &'static [Argument],
    /// Which of them may come again.
    pub repeats: Repeats,
    /// Whether the last two are the ends of a range.
    pub range: Range,
    /// What it answers; none where the call decides.
    pub columns: &'static [Column],
    /// Whether it reads stored rows; otherwise it has no scope but all.
    pub is_scoped: bool,
    /// Whether it answers at most one row; none is then nil.
    pub is_single: bool,
    /// What else says what it does.
    pub class: Class,
    /// What does it.
    pub kernel: Kernel,
}

impl Operation {
    /// What an entry leaves out: `..Operation::DEFAULT`.
    pub const DEFAULT: Self = Self {
        name: "",
        doc: "",
        source: "",
        arguments: &[],
        repeats: Repeats::NONE,
        range: Range::None,
        columns: &[],
        is_scoped: true,
        is_single: false,
        class: Class::Other(""),
        kernel: Kernel::Read(|_, _| {
            Err(Fault::Argument("expected a kernel in the table".to_owned()))
        }),
    };

    /// The declaration of the value at a place: those that come again follow all others.
    pub fn argument(&self, at: usize) -> &Argument {
        let all = self.arguments;
        let first = all.len() - self.repeats.group;
        match all.get(at) {
            Some(argument) => argument,
            None => &all[first + (at - first) % self.repeats.group],
        }
    }

    /// What an argument may be, for documents: its kind, and how it stands to the other end of its range.
    pub fn expected(&self, at: usize) -> String {
        let expected = self.argument(at).kind.expected();
        match self.range.says(self, at) {
            Some(says) => format!("{expected}, {says}"),
            None => expected,
        }
    }

    /// How it is called, as `COMMAND DOCS` writes it, without the words of the mode.
    pub fn syntax(&self) -> String {
        let mut words = Vec::new();
        let (fixed, repeated) = self
            .arguments
            .split_at(self.arguments.len() - self.repeats.group);
        for argument in fixed {
            words.push(match argument.is_optional {
                true => format!("[{}]", argument.syntax()),
                false => argument.syntax(),
            });
        }
        if !repeated.is_empty() {
            let group: Vec<_> = repeated.iter().map(Argument::syntax).collect();
            let group = group.join(" ");
            let again = format!("[{group} ...]");
            words.extend(std::iter::repeat_n(group, self.repeats.min));
            words.push(again);
        }
        words.join(" ")
    }
}

/// How many of the last arguments may come again, as a group.
#[derive(Clone, Copy, Debug)]
pub struct Repeats {
    /// So many arguments; 0 if none repeats.
    pub group: usize,
    /// So often at least.
    pub min: usize,
}

impl Repeats {
    /// Nothing repeats.
    pub const NONE: Self = Self { group: 0, min: 0 };

    /// The last argument may come any number of times from `min`.
    pub const fn last(min: usize) -> Self {
        Self { group: 1, min }
    }

    /// The last two may, as pairs.
    pub const fn pairs(min: usize) -> Self {
        Self { group: 2, min }
    }
}

/// One argument.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// As documents and errors name it.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// Whether it may be left out.
    pub is_optional: bool,
}

impl Argument {
    /// One that must be there.
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            is_optional: false,
        }
    }

    /// One that may be left out.
    pub const fn optional(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            is_optional: true,
        }
    }

    fn syntax(&self) -> String {
        match self.kind {
            Kind::Word(words) => format!("<{}>", words.join(" | ")),
            Kind::Ttl(_) => format!("{TTL} {}", self.name),
            _ => self.name.to_owned(),
        }
    }
}

/// The word before a time to live.
pub const TTL: &str = "TTL";

/// What an argument may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Something to compare with: an operand, bare as text.
    Query,
    /// A node: an operand, bare as a key.
    Node,
    /// A name that a node has or is to have: bytes.
    Name,
    /// A node as it was: an operand, bare as a key, that may be gone.
    Past,
    /// A node or an edge: an operand, bare as a key, or a statement that an edge says.
    Thing,
    /// A method, a word or a program, by name or id.
    Method,
    /// How a judgement was derived from edges.
    Derivation,
    /// A version, or a time.
    Moment,
    /// A time.
    Time,
    /// UTF-8 text.
    Text,
    /// A verb of the vocabulary, or any.
    Verb,
    /// A whole number, ends included.
    Integer(i64, i64),
    /// A number, ends included.
    Float(f64, f64),
    /// One of these words, in any case.
    Word(&'static [&'static str]),
    /// Floats: little-endian f32 bytes behind `VECTOR`, or numbers with commas between.
    Floats,
    /// A condition in SQL on the columns of `nodes`.
    Predicate,
    /// Where a page goes on.
    Cursor,
    /// Columns of `nodes` with commas between, or `*`.
    Columns,
    /// Columns of `nodes` to order by, with commas between.
    Order,
    /// Figures of groups, with commas between.
    Aggregates,
    /// A statement of Narsese.
    Statement,
    /// A judgement: written out, stored, or an edge.
    Premise,
    /// A truth: frequency and confidence with a comma between.
    Truth,
    /// Ids with commas between.
    Ids,
    /// Eight numbers with commas between, in the order of the dimensions.
    Qualia,
    /// Fields, as a JSON object.
    Fields,
    /// Whole seconds, behind the word TTL or not.
    Ttl(i64),
    /// Values of variables.
    Event,
    /// What was observed, with its weight, or a mechanism.
    Observation,
    /// What another operation reads.
    Raw,
}

impl Kind {
    /// Whether a word cannot be meant for an argument of this kind that may be left out, but for a later one.
    pub fn passes(&self, word: &[u8]) -> bool {
        match self {
            Self::Fields => word.eq_ignore_ascii_case(TTL.as_bytes()),
            // A rule has its premises in parentheses.
            Self::Truth | Self::Ids => word.ends_with(b")"),
            _ => false,
        }
    }

    /// What is expected, for documents and errors.
    pub fn expected(&self) -> String {
        match self {
            Self::Query => "something to compare with (words, @8042, #17, KEY name, FP hex-or-bytes or VECTOR f32-bytes)".to_owned(),
            Self::Node => crate::operand::NODE.to_owned(),
            Self::Name => "a name".to_owned(),
            Self::Past => format!("{}, now or once", crate::operand::NODE),
            Self::Thing => format!("{}, an edge, or {} that is stored", crate::operand::NODE, statement::STATEMENT),
            Self::Method => {
                "a method, a word or a program such as VSA.BIND, VERBS.CAUSES or 0x0F12".to_owned()
            }
            Self::Derivation => "a derivation such as deduction(#5, #3), or as ASK answers it".to_owned(),
            Self::Moment => "a version such as 17, or a time such as 2026-11-28T12:00:00".to_owned(),
            Self::Time => "a time such as 2026-11-28T12:00:00".to_owned(),
            Self::Text => "text in UTF-8".to_owned(),
            Self::Verb => "a verb such as CAUSES or @0700, or * for any".to_owned(),
            Self::Integer(min, max) => format!("a whole number from {min} to {max}"),
            Self::Float(min, max) if min.is_finite() && max.is_finite() => {
                format!("a number from {min} to {max}")
            }
            Self::Float(..) => "a finite number".to_owned(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Floats => "numbers with commas between, or VECTOR f32-bytes".to_owned(),
            Self::Predicate => "a condition in SQL such as rung < 3".to_owned(),
            Self::Cursor => "the cursor of an item such as 0000000000008000".to_owned(),
            Self::Columns => "columns of nodes such as name, rung, or *".to_owned(),
            Self::Order => "columns of nodes such as rung DESC, name".to_owned(),
            Self::Aggregates => "figures such as count(*), avg(confidence)".to_owned(),
            Self::Statement => statement::STATEMENT.to_owned(),
            Self::Premise => statement::PREMISE.to_owned(),
            Self::Truth => "a truth f,c: a frequency in 0..1, and a confidence between 0 and 1, both excluded".to_owned(),
            Self::Qualia => format!("qualia: eight numbers {}", Qualia::DIMENSIONS.join(",")),
            Self::Fields => "fields as a JSON object such as {\"about\":\"bird\"}".to_owned(),
            Self::Ttl(max) => format!("TTL and whole seconds from 1 to {max}"),
            Self::Event => event::EVENT.to_owned(),
            Self::Observation => event::OBSERVATION.to_owned(),
            Self::Raw => "an argument of the operation".to_owned(),
            Self::Ids => "ids with commas between, such as 17,23".to_owned(),
        }
    }
}

/// A column of a result.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether it may hold nothing.
    pub is_nullable: bool,
}

impl Column {
    /// One that always holds something.
    pub const fn new(name: &'static str, kind: ColumnKind) -> Self {
        Self {
            name,
            kind,
            is_nullable: false,
        }
    }

    /// One that may hold nothing.
    pub const fn nullable(name: &'static str, kind: ColumnKind) -> Self {
        Self {
            name,
            kind,
            is_nullable: true,
        }
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// A fingerprint.
    Fingerprint,
    /// An address, u16.
    Address,
    /// An id, a version or a count: u64.
    Count,
    /// A distance in bits: u32.
    Distance,
    /// A number: f64.
    Float,
    /// True or false.
    Boolean,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// A time: microseconds since the epoch.
    Time,
    /// A list of ids, u64.
    Ids,
    /// A list of texts.
    Texts,
}

/// What else says what an operation does, beside its kernel.
#[derive(Clone, Copy, Debug)]
pub enum Class {
    /// SQL over the engine's tables and general functions that makes the same rows.
    Relational(fn(&Call<'_>) -> String),
    /// The same where what is stored decides what the SQL is: it is written with a reading.
    Derived(fn(&Call<'_>, &Reading<'_>) -> Result<String, Fault>),
    /// The statements, or commands, that it amounts to. What no statement says, as merging and counting by bits, is
    /// [`Class::Other`].
    Write(fn(&Call<'_>) -> String),
    /// The tree of its operators, below the call itself: the tests hold an independent reference.
    Other(&'static str),
}

impl Class {
    /// The SQL that makes the same rows, if it is relational.
    pub fn sql(&self, call: &Call<'_>, reading: &Reading<'_>) -> Result<Option<String>, Fault> {
        Ok(match self {
            Self::Relational(translation) => Some(translation(call)),
            Self::Derived(translation) => Some(translation(call, reading)?),
            Self::Write(_) | Self::Other(_) => None,
        })
    }

    /// As documents name it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Relational(_) | Self::Derived(_) => "relational",
            Self::Write(_) => "write",
            Self::Other(_) => "other",
        }
    }
}

/// What makes an operation's rows, by what it needs.
#[derive(Clone, Copy, Debug)]
pub enum Kernel {
    /// Reads.
    Read(fn(&Call<'_>, &Reading<'_>) -> Result<RecordBatch, Fault>),
    /// Changes the space in one commit; an error changes nothing.
    Write(fn(&Call<'_>, &mut Transaction<'_>) -> Result<RecordBatch, Fault>),
    /// Acts on the engine by commits of its own: checkpoints, forks. Its rows are few: what is done stays done, whatever
    /// becomes of them.
    Act(fn(&Call<'_>, &Reading<'_>) -> Outcome<Result<RecordBatch, Fault>>),
    /// Runs a statement of a language, which reads, or changes the space in a commit of its own or of others.
    Statement(&'static StatementKernel),
}

/// What runs a statement.
#[derive(Debug)]
pub struct StatementKernel {
    /// Whether a call only reads.
    pub only_reads: fn(&Call<'_>) -> bool,
    /// Runs one that only reads.
    pub read: fn(&Call<'_>, &Reading<'_>) -> Result<RecordBatch, Fault>,
    /// Runs one in a commit.
    pub write: fn(&Call<'_>, &mut Transaction<'_>, &Host<'_>) -> Result<RecordBatch, Fault>,
    /// Runs one by itself.
    pub alone: fn(&Call<'_>, &Reading<'_>) -> Outcome<Result<RecordBatch, Fault>>,
}

impl Kernel {
    /// Whether it changes the memory.
    pub fn writes(&self) -> bool {
        !matches!(self, Self::Read(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_consistent() {
        for (at, family) in FAMILIES.iter().enumerate() {
            let Some(family) = family else { continue };
            assert_eq!(usize::from(family.prefix), at);
            for (code, operation) in family.operations.iter().enumerate() {
                let name = format!("{}.{}", family.name, operation.name);
                assert!(
                    !operation.doc.is_empty() && !operation.doc.ends_with('.'),
                    "{name}"
                );
                let again = family
                    .operations
                    .iter()
                    .position(|o| o.name == operation.name);
                assert_eq!(again, Some(code), "{name} is given twice");
                let optional = operation
                    .arguments
                    .iter()
                    .map(|argument| argument.is_optional);
                assert!(
                    optional.is_sorted(),
                    "{name}: what may be left out comes last"
                );
                let has_optional = operation
                    .arguments
                    .iter()
                    .any(|argument| argument.is_optional);
                assert!(!has_optional || operation.repeats.group == 0, "{name}");
                let is_range = operation.range != Range::None;
                assert!(!is_range || operation.arguments.len() >= 2, "{name}");
                assert!(!is_range || operation.repeats.group == 0, "{name}");
                if let Class::Other(operators) = operation.class {
                    assert!(!operators.is_empty(), "{name} has no operators to show");
                }
                match operation.class {
                    Class::Relational(_) | Class::Derived(_) => {
                        assert!(!operation.kernel.writes(), "{name}")
                    }
                    Class::Write(_) => assert!(operation.kernel.writes(), "{name}"),
                    Class::Other(_) => {}
                }
            }
        }
    }
}
