//! What a document may cost: settings, and the look at a parsed document that refuses what would cost more.

use std::time::Duration;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, Selection, SelectionSet,
};
use async_graphql::{Pos, Positioned, ServerError};

use super::bounds::NESTING_MAX;

/// Deepest nesting of fields, unless set otherwise.
pub const DEPTH_MAX: usize = 24;
/// Most fields of a document, fragments spread out, unless set otherwise.
pub const COMPLEXITY_MAX: usize = 1000;
/// Most items of a page, unless set otherwise.
pub const PAGE_MAX: usize = 1000;
/// Most nodes and edges of an answer, unless set otherwise.
pub const ROWS_MAX: usize = 100_000;
/// Bytes of an answer, unless set otherwise: 256 MiB.
pub const MEMORY_BYTES: usize = 1 << 28;
/// Milliseconds that a document may run, unless set otherwise.
pub const TIMEOUT_MS: u64 = 10_000;

/// What one document may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Deepest nesting of fields.
    pub depth_max: usize,
    /// Most fields, fragments spread out.
    pub complexity_max: usize,
    /// Most items of a page, and results of a search.
    pub page_max: usize,
    /// Most nodes and edges of an answer, nested ones included.
    pub rows_max: usize,
    /// Bytes of an answer in memory.
    pub memory_bytes: usize,
    /// How long it may run; `None` for as long as it takes.
    pub timeout: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth_max: DEPTH_MAX,
            complexity_max: COMPLEXITY_MAX,
            page_max: PAGE_MAX,
            rows_max: ROWS_MAX,
            memory_bytes: MEMORY_BYTES,
            timeout: Some(Duration::from_millis(TIMEOUT_MS)),
        }
    }
}

impl Limits {
    /// Looks at every operation of a document, before anything of it is validated.
    ///
    /// # Errors
    /// One goes too deep, or has too many fields; or fragments spread in one another without end.
    pub fn check(&self, document: &ExecutableDocument) -> Result<(), ServerError> {
        let operations: Vec<_> = match &document.operations {
            DocumentOperations::Single(operation) => vec![operation],
            DocumentOperations::Multiple(operations) => operations.values().collect(),
        };
        let mut look = Look {
            limits: self,
            document,
            fields: 0,
        };
        for operation in operations {
            look.fields = 0;
            look.set(&operation.node.selection_set, Level::default())?;
        }
        // Fragments that nobody spreads are validated too.
        for fragment in document.fragments.values() {
            look.fields = 0;
            look.set(&fragment.node.selection_set, Level::default())?;
        }
        Ok(())
    }
}

/// How deep a selection is in fields, and in fragments since the operation.
#[derive(Clone, Copy, Default)]
struct Level {
    fields: usize,
    fragments: usize,
    /// Those of introspection count apart: its answer is bounded, and clients ask for it deep.
    is_introspection: bool,
}

struct Look<'d> {
    limits: &'d Limits,
    document: &'d ExecutableDocument,
    fields: usize,
}

impl<'d> Look<'d> {
    fn set(&mut self, set: &'d Positioned<SelectionSet>, level: Level) -> Result<(), ServerError> {
        for selection in &set.node.items {
            match &selection.node {
                Selection::Field(field) => self.field(field, level)?,
                Selection::InlineFragment(fragment) => {
                    let level = self.in_fragment(level, selection.pos)?;
                    self.set(&fragment.node.selection_set, level)?;
                }
                Selection::FragmentSpread(spread) => {
                    let level = self.in_fragment(level, selection.pos)?;
                    // Of one that is not there, validation tells.
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = self.document.fragments.get(name) {
                        self.set(&fragment.node.selection_set, level)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn in_fragment(&self, level: Level, pos: Pos) -> Result<Level, ServerError> {
        if level.fragments == NESTING_MAX {
            return Err(refused(
                format!("fragments nest at most {NESTING_MAX} deep, and never in themselves"),
                pos,
            ));
        }
        Ok(Level {
            fragments: level.fragments + 1,
            ..level
        })
    }

    fn field(&mut self, field: &'d Positioned<Field>, level: Level) -> Result<(), ServerError> {
        let Limits {
            depth_max,
            complexity_max,
            ..
        } = *self.limits;
        let name = field.node.name.node.as_str();
        let level = Level {
            fields: level.fields + 1,
            is_introspection: level.is_introspection || name == "__schema" || name == "__type",
            ..level
        };
        let depth_max = match level.is_introspection {
            true => depth_max.max(NESTING_MAX),
            false => depth_max,
        };
        if level.fields > depth_max {
            let message = format!(
                "fields nest at most {depth_max} deep, see --graphql-depth-max; '{name}' is one deeper"
            );
            return Err(refused(message, field.pos));
        }
        self.fields += 1;
        if self.fields > complexity_max {
            let message = format!(
                "a document has at most {complexity_max} fields, fragments spread out, see --graphql-complexity-max; \
                 '{name}' is one more"
            );
            return Err(refused(message, field.pos));
        }
        self.set(&field.node.selection_set, level)
    }
}

fn refused(message: String, pos: Pos) -> ServerError {
    ServerError::new(message, Some(pos))
}
