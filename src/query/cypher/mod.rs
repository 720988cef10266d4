//! openCypher over spaces: text to an answer.
//!
//! | room | from | to |
//! |---|---|---|
//! | `lexer`, `parser` | text | `ast` |
//! | `compile` | syntax trees | `plan`: slots, steps, the standard's compile-time errors |
//! | `optimize` | a pattern | the order of its steps |
//! | `execute` | a plan | rows, changes of a transaction |
//! | `value`, `operators`, `functions`, `temporal` | values | values |
//! | `procedures` | what CALL calls | rows |
//! | `memory` | what surrounds a statement | similarity, the past, cancellation |
//! | `index` | a property's value | nodes that may have it |
//! | `census` | a label | nodes that have it, and how much of what there is |
//! | `columns` | an answer | Arrow columns |
//! | `explain` | a plan | text |

mod ast;
pub mod census;
pub mod columns;
mod compile;
pub mod error;
pub mod execute;
mod explain;
mod functions;
pub mod index;
mod lexer;
pub mod memory;
mod operators;
mod optimize;
mod parser;
mod plan;
pub mod procedures;
mod temporal;
pub mod value;

use std::sync::Arc;

pub use ast::Mode;
use ast::{Clause, ClauseKind};
use census::{Statistics, Unknown};
use error::{CypherError, Result};
use execute::output::Answer;
use execute::{Access, Budget, Executor};
pub use lexer::STATEMENT_BYTES_MAX;
use memory::Memory;
use plan::Plan;
use procedures::Procedures;
use value::Map;

/// Stack of a thread that runs statements, bytes: of the deepest and longest that there may be, as a build without
/// optimisation needs it. Only what is used takes memory.
pub const STACK_BYTES: usize = 16 << 20;

/// A clause that is a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternClause {
    /// MATCH, with the WHERE behind it.
    Match,
    /// CREATE.
    Create,
    /// MERGE, with what it sets.
    Merge,
}

impl PatternClause {
    fn before(self) -> &'static str {
        match self {
            Self::Match => "MATCH ",
            Self::Create => "CREATE ",
            Self::Merge => "MERGE ",
        }
    }

    /// The statement that a pattern is with it.
    pub fn statement(self, pattern: &str) -> String {
        let before = self.before();
        match self {
            // Of its own line, since a pattern may end with a comment.
            Self::Match => format!("{before}{pattern}\nRETURN *"),
            Self::Create | Self::Merge => format!("{before}{pattern}"),
        }
    }
}

/// A statement that is understood and can run.
#[derive(Debug)]
pub struct Statement(Plan);

impl Statement {
    /// Reads a statement and resolves what it says, with its parameters, for a space of which something may be known.
    ///
    /// # Errors
    /// What the standard refuses before anything runs.
    pub fn prepare(
        text: &str,
        parameters: &Map,
        procedures: &dyn Procedures,
        statistics: &dyn Statistics,
    ) -> Result<Self> {
        let statement = parser::parse(text)?;
        compile::compile(&statement, parameters, procedures, statistics).map(Self)
    }

    /// Reads a pattern as the one clause that a statement has, beside what MATCH then returns: every variable.
    ///
    /// # Errors
    /// What the standard refuses, and text that says more than this clause.
    pub fn prepare_pattern(
        clause: PatternClause,
        pattern: &str,
        procedures: &dyn Procedures,
    ) -> Result<Self> {
        let before = clause.before();
        let placed = |error: CypherError| CypherError {
            offset: error.offset.map(|at| at.saturating_sub(before.len())),
            ..error
        };
        // Alone first, so that what it lacks is not looked for in what stands behind it.
        let alone = parser::parse(&format!("{before}{pattern}"));
        let statement = alone.and_then(|_| parser::parse(&clause.statement(pattern)));
        let statement = statement.map_err(placed)?;
        let clauses = match &statement.queries[..] {
            [query] => &query.clauses[..],
            _ => &[],
        };
        let is_alone = match clause {
            PatternClause::Match => matches!(
                clauses,
                [
                    Clause {
                        kind: ClauseKind::Match { .. },
                        ..
                    },
                    Clause {
                        kind: ClauseKind::Return(_),
                        ..
                    }
                ]
            ),
            PatternClause::Create | PatternClause::Merge => clauses.len() == 1,
        };
        if !is_alone {
            return Err(CypherError::argument(format!(
                "expected a pattern and no other clause behind {}",
                before.trim()
            )));
        }
        let compiled = compile::compile(&statement, &Map::new(), procedures, &Unknown);
        compiled.map(Self).map_err(|error| match error.detail {
            "NoVariablesInScope" => CypherError {
                message: "expected a pattern that names what it answers, as (n) does".to_owned(),
                offset: None,
                ..error
            },
            _ => placed(error),
        })
    }

    /// Whether it may change anything, so that it needs a commit.
    pub fn writes(&self) -> bool {
        self.0.writes && self.0.mode != Mode::Explain
    }

    /// Whether its result, its plan or both are wanted.
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// The names of its result's columns; none if it has no result.
    pub fn columns(&self) -> &[Arc<str>] {
        &self.0.columns
    }

    /// Whether it reads fingerprints: then it wants a snapshot that has them encoded.
    pub fn reads_fingerprints(&self) -> bool {
        self.0.reads_fingerprints
    }

    /// Its plan, a line a step.
    pub fn plan(&self) -> Vec<String> {
        explain::lines(&self.0, None)
    }

    /// Runs it.
    ///
    /// # Errors
    /// What it does cannot be done, or takes more than it may: then its transaction must be rolled back.
    pub fn run<'e, 't>(
        &self,
        access: Access<'e, 't>,
        memory: &'e dyn Memory,
        budget: impl Into<Budget>,
    ) -> Result<Answer> {
        Executor::run_plan(&self.0, access, memory, budget.into())
    }
}
