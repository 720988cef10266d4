//! The tables of a space.
//!
//! | file | holds |
//! |---|---|
//! | `scan` | the plan that reads a table, batch by batch |
//! | `condition` | what a WHERE says of addresses, ids, names, kinds and the like |
//! | `nodes`, `edges` | the canonical tables, which answer such conditions and limits themselves |
//! | `history` | every version of every node |
//! | `observations` | what was seen of variables, a row a variable |
//! | `listed` | tables that are made row by row: verbs, spaces, checkpoints |

mod condition;
mod edges;
mod history;
mod listed;
mod nodes;
mod observations;
mod scan;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::When;
use ladybug_engine::space::words::{CONCEPT_PREFIX, PROGRAM_PREFIX};
use ladybug_engine::table::{edge_schema, node_schema};

use super::error::SqlError;
use super::statement::Statement;
pub(super) use edges::EdgesTable;
pub(super) use listed::Listed;
pub(super) use nodes::{Nearest, NodesTable};
pub use observations::{OBSERVATION, Observation};
pub(super) use scan::{Batches, Scan, Source};

/// A table that every space has.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) schema: fn() -> SchemaRef,
    pub(super) is_writable: bool,
    pub(super) primary_key: &'static [&'static str],
}

/// The tables that every space has.
pub(super) const TABLES: &[Table] = &[
    Table {
        name: "nodes",
        schema: node_schema,
        is_writable: true,
        primary_key: &["id"],
    },
    Table {
        name: "edges",
        schema: edge_schema,
        is_writable: true,
        primary_key: &["id"],
    },
    Table {
        name: "verbs",
        schema: listed::verbs_schema,
        is_writable: true,
        primary_key: &["name"],
    },
    Table {
        name: "concepts",
        schema: listed::words_schema,
        is_writable: false,
        primary_key: &["name"],
    },
    Table {
        name: "programs",
        schema: listed::words_schema,
        is_writable: false,
        primary_key: &["name"],
    },
    Table {
        name: "history",
        schema: history::schema,
        is_writable: false,
        primary_key: &[],
    },
    Table {
        name: "observations",
        schema: observations::schema,
        is_writable: false,
        primary_key: &["id", "variable"],
    },
    Table {
        name: "spaces",
        schema: listed::spaces_schema,
        is_writable: false,
        primary_key: &["id"],
    },
    Table {
        name: "checkpoints",
        schema: listed::checkpoints_schema,
        is_writable: false,
        primary_key: &["position"],
    },
];

/// A table by name, at a moment; `None` if there is none of this name.
pub(super) fn make(
    statement: &Arc<Statement>,
    space: SpaceId,
    name: &str,
    when: Option<When>,
) -> Result<Option<Arc<dyn TableProvider>>> {
    let statement = Arc::clone(statement);
    let is_present = when.is_none();
    let has_past = matches!(
        name,
        "nodes" | "edges" | "verbs" | "concepts" | "programs" | "observations"
    );
    let is_constant = |(constant, _): &&(String, _)| constant == name;
    let constant = statement.shared.constants.iter().find(is_constant);
    if !is_present
        && !has_past
        && (constant.is_some() || TABLES.iter().any(|table| table.name == name))
    {
        return Err(SqlError::Statement(format!(
            "expected nodes, edges, verbs, concepts, programs or observations, which have versions; {name} has none"
        ))
        .into());
    }
    if let Some((_, rows)) = constant {
        let rows = rows.clone();
        return Ok(Some(Arc::new(listed::Listed::constant(name, rows))));
    }
    if is_present {
        statement.mention(space);
    }
    let table: Arc<dyn TableProvider> = match name {
        "nodes" => Arc::new(NodesTable::new(statement, space, when)),
        "edges" => Arc::new(EdgesTable::new(statement, space, when)),
        "verbs" => Arc::new(listed::Listed::verbs(statement, space, when)),
        "concepts" | "programs" => {
            let prefix = match name {
                "concepts" => CONCEPT_PREFIX,
                _ => PROGRAM_PREFIX,
            };
            let words = listed::Listed::words(statement, space, when, (name, prefix));
            Arc::new(words)
        }
        "history" => Arc::new(history::HistoryTable::new(statement, space)),
        "observations" => Arc::new(listed::Listed::observations(statement, space, when)),
        "spaces" => Arc::new(listed::Listed::spaces(statement)),
        "checkpoints" => Arc::new(listed::Listed::checkpoints(statement)),
        _ => return Ok(None),
    };
    Ok(Some(table))
}
