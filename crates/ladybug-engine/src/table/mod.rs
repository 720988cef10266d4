//! Nodes and edges as Arrow record batches while they live, without a copy where memory is as Arrow has it.
//!
//! | file | holds |
//! |---|---|
//! | `columns` | some slots of a chunk as columns: views where they are one run, gathered where not |
//! | `nodes` | which slots a scan is about, and its batches |
//! | `edges` | the same of edges |
//!
//! A scan reads a [`Snapshot`](crate::engine::Snapshot) and takes no lock. A batch that views a column keeps that
//! column alone; a write meanwhile copies the columns it touches, and they are free when batch and snapshot are.

mod columns;
mod edges;
mod nodes;
#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

use arrow_schema::{Schema, SchemaRef};

use crate::space::schema::{edge_fields, node_fields};
pub use edges::{EdgeBatches, EdgeScan, edge_batches};
pub use nodes::{NodeBatches, NodeScan, RUN_ROWS_MIN, node_batches};

/// Place of `fingerprint` among the columns of a node.
pub const FINGERPRINT: usize = 7;

/// The canonical columns of nodes, see [`crate::space::schema`].
pub fn node_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(Schema::new(node_fields())));
    Arc::clone(&SCHEMA)
}

/// The canonical columns of edges.
pub fn edge_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(Schema::new(edge_fields())));
    Arc::clone(&SCHEMA)
}

/// A schema's columns at these places, in this order; all of them for `None`.
///
/// # Panics
/// If a place is beyond the last column.
fn projected(schema: SchemaRef, projection: Option<&[usize]>) -> SchemaRef {
    match projection {
        None => schema,
        Some(places) => Arc::new(
            schema
                .project(places)
                .expect("places of columns that are there"),
        ),
    }
}

/// The places that are asked for.
fn places(schema: &SchemaRef, projection: Option<&[usize]>) -> Vec<usize> {
    projection.map_or_else(|| (0..schema.fields().len()).collect(), <[usize]>::to_vec)
}
