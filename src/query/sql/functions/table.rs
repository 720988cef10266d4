//! Functions that stand after FROM: searches, walks and trees as tables of nodes in the order they were found, and
//! tables as they were.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, RecordBatch, RecordBatchOptions, UInt32Array,
};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt16Type};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{Result, ScalarValue, TableReference};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::Snapshot;
use ladybug_engine::error::EngineError;
use ladybug_engine::fingerprint::{Fingerprint, encode, similarity, z};
use ladybug_engine::search::{Filter, Recall, Scope, TopK, top_k};
use ladybug_engine::space::address::{ADDRESSES, Address};
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::graph::Direction;
use ladybug_engine::space::schema::node_fields;
use ladybug_engine::table::{FINGERPRINT, NodeScan, node_batches, node_schema};

use super::super::catalog;
use super::super::error::{SqlError, engine};
use super::super::relation::{Argument, when};
use super::super::statement::Statement;
use super::super::tables::{Batches, Scan, Source};
use super::arguments::of_bytes;
use super::cam::METHODS;
use super::{cam, cypher};

/// Their names.
pub(in super::super) const TABLE_FUNCTIONS: [&str; 6] =
    ["as_of", METHODS, "cypher", "resonate", "neighbours", "tree"];

/// The table that a function answers.
pub(in super::super) fn make(
    statement: &Arc<Statement>,
    space: SpaceId,
    function: &str,
    arguments: Vec<Argument>,
) -> Result<Arc<dyn TableProvider>> {
    let find = match (function, &arguments[..]) {
        ("as_of", [table, at]) => {
            let name = text(table, "the name of a table, as in as_of('nodes', 3)")?;
            let reference = TableReference::from(name.unwrap_or("nodes"));
            let reference = match reference.schema() {
                Some(_) => reference,
                None => TableReference::partial(
                    catalog::schema_of(statement.engine(), space),
                    reference.table().to_owned(),
                ),
            };
            return catalog::table_at(statement, &reference, Some(when(at)?));
        }
        (METHODS, [_, ..]) => return cam::table(statement, space, &arguments),
        ("cypher", [text_of]) => {
            let wanted =
                "the text of a Cypher statement, not a parameter: its columns show when it has run";
            let text = text(text_of, wanted)?.ok_or_else(|| expected(wanted, text_of))?;
            return cypher::table(statement, space, text);
        }
        ("resonate", [query, k]) => Find::Resonate {
            query: fingerprint(query)?,
            k: count(k, "k", ADDRESSES as u64)?,
            recall: Recall::DEFAULT,
        },
        ("resonate", [query, k, recall]) => Find::Resonate {
            query: fingerprint(query)?,
            k: count(k, "k", ADDRESSES as u64)?,
            recall: share(recall)?,
        },
        ("neighbours", [name, verb, depth]) => Find::Neighbours {
            name: text(name, "a node's name")?.unwrap_or_default().to_owned(),
            verb: match &verb.value {
                Some(value) if value.is_null() => None,
                _ => text(verb, "a verb, or NULL for all")?.map(str::to_owned),
            },
            depth: count(depth, "depth", u32::MAX.into())? as u32,
        },
        ("tree", [path]) => Find::Tree {
            path: text(path, "a node's name")?.unwrap_or_default().to_owned(),
            depth: u8::MAX.into(),
        },
        ("tree", [path, depth]) => Find::Tree {
            path: text(path, "a node's name")?.unwrap_or_default().to_owned(),
            depth: count(depth, "depth", u8::MAX.into())? as u32,
        },
        _ => {
            let syntax = match function {
                "as_of" => "as_of('nodes', a version or a time)",
                METHODS => "cam('VSA.DISTANCE', its arguments, …)",
                "cypher" => "cypher('MATCH (n) RETURN n.name')",
                "resonate" => "resonate(text or fingerprint, k [, recall])",
                "neighbours" => "neighbours(name, verb or NULL, depth)",
                _ => "tree(path [, depth])",
            };
            return Err(SqlError::Statement(format!(
                "expected {syntax}, got {} arguments",
                arguments.len()
            ))
            .into());
        }
    };
    statement.mention(space);
    Ok(Arc::new(FoundTable {
        statement: Arc::clone(statement),
        space,
        find,
    }))
}

fn expected(what: &str, argument: &Argument) -> datafusion::common::DataFusionError {
    SqlError::Statement(format!("expected {what}, got {}", argument.text)).into()
}

/// A text; none while its value is yet to come.
fn text<'a>(argument: &'a Argument, what: &str) -> Result<Option<&'a str>> {
    match &argument.value {
        None => Ok(None),
        Some(
            ScalarValue::Utf8(Some(text))
            | ScalarValue::LargeUtf8(Some(text))
            | ScalarValue::Utf8View(Some(text)),
        ) => Ok(Some(text)),
        Some(_) => Err(expected(what, argument)),
    }
}

fn count(argument: &Argument, what: &str, most: u64) -> Result<usize> {
    let Some(value) = &argument.value else {
        return Ok(1);
    };
    let number = match value.data_type().is_integer() {
        true => value.cast_to(&DataType::UInt64).ok(),
        false => None,
    };
    match number {
        Some(ScalarValue::UInt64(Some(number))) if number <= most => Ok(number as usize),
        _ => Err(expected(
            &format!("{what} to be a number from 0 to {most}"),
            argument,
        )),
    }
}

fn share(argument: &Argument) -> Result<Recall> {
    let Some(value) = &argument.value else {
        return Ok(Recall::DEFAULT);
    };
    let share = match value.cast_to(&DataType::Float64) {
        Ok(ScalarValue::Float64(Some(share))) if value.data_type().is_numeric() => {
            Recall::new(share).ok()
        }
        _ => None,
    };
    share.ok_or_else(|| expected("recall to be a number from 0.01 to 1", argument))
}

/// A fingerprint, or text that is encoded.
fn fingerprint(argument: &Argument) -> Result<Arc<Fingerprint>> {
    let bits = match &argument.value {
        None => Fingerprint::ZERO,
        Some(
            ScalarValue::FixedSizeBinary(_, Some(bytes))
            | ScalarValue::Binary(Some(bytes))
            | ScalarValue::LargeBinary(Some(bytes))
            | ScalarValue::BinaryView(Some(bytes)),
        ) => of_bytes("resonate", bytes)?,
        Some(_) => {
            encode::text(text(argument, "text or a fingerprint to be near to")?.unwrap_or_default())
        }
    };
    Ok(Arc::new(bits))
}

/// What is looked for.
#[derive(Clone, Debug)]
enum Find {
    Resonate {
        query: Arc<Fingerprint>,
        k: usize,
        recall: Recall,
    },
    Neighbours {
        name: String,
        verb: Option<String>,
        depth: u32,
    },
    Tree {
        path: String,
        depth: u32,
    },
}

/// A node that was found, and how far it is: a distance in bits, or steps.
type Found = (Address, u32);

impl Find {
    /// The columns that follow those of a node.
    fn extra(&self) -> Vec<Field> {
        match self {
            Self::Resonate { .. } => vec![
                Field::new("distance", DataType::UInt32, false),
                Field::new("similarity", DataType::Float64, false),
                Field::new("z", DataType::Float64, false),
            ],
            Self::Neighbours { .. } => vec![Field::new("steps", DataType::UInt32, false)],
            Self::Tree { .. } => vec![Field::new("level", DataType::UInt32, false)],
        }
    }

    fn schema(&self) -> SchemaRef {
        let mut fields = node_fields();
        fields.extend(self.extra());
        Arc::new(Schema::new(fields))
    }

    /// One of the columns that follow those of a node.
    fn column(&self, place: usize, found: &[Found]) -> ArrayRef {
        let numbers = found.iter().map(|(_, number)| *number);
        match place {
            0 => Arc::new(UInt32Array::from_iter_values(numbers)),
            1 => Arc::new(Float64Array::from_iter_values(numbers.map(similarity))),
            _ => Arc::new(Float64Array::from_iter_values(numbers.map(z))),
        }
    }

    fn find(&self, snapshot: &Snapshot) -> Result<Vec<Found>> {
        let view = snapshot.view();
        let node = |name: &str| {
            view.find(name.as_bytes())
                .ok_or_else(|| engine(EngineError::NoSuchNode(name.to_owned())))
        };
        Ok(match self {
            Self::Resonate { query, k, recall } => {
                let filter = Filter::default();
                let scope = Scope {
                    snapshot,
                    filter: &filter,
                };
                let hits = top_k(&[scope], &[query], TopK::new(*k).with_recall(*recall));
                hits.into_iter()
                    .flatten()
                    .map(|hit| (hit.address, hit.distance))
                    .collect()
            }
            Self::Neighbours { name, verb, depth } => {
                let start = node(name)?.address();
                let graph = snapshot.state.graph();
                let verb = match verb {
                    None => None,
                    Some(name) => Some(
                        snapshot
                            .state
                            .verbs()
                            .slot(name)
                            .ok_or_else(|| engine(EngineError::NoSuchVerb(name.clone())))?,
                    ),
                };
                let is_there = |address| view.node(address).is_some();
                graph.traverse(
                    start,
                    verb,
                    Direction::Outgoing,
                    *depth,
                    ADDRESSES,
                    is_there,
                )
            }
            Self::Tree { path, depth } => {
                let root = node(path)?;
                let mut found = Vec::new();
                let mut next = vec![root];
                while let Some(node) = next.pop() {
                    let level = u32::from(node.depth() - root.depth());
                    found.push((node.address(), level));
                    if level < *depth {
                        let mut children: Vec<Node<'_>> = view.children(node).collect();
                        children.sort_unstable_by_key(|child| (child.name(), child.address()));
                        next.extend(children.into_iter().rev());
                    }
                }
                found
            }
        })
    }
}

/// A table of what is found.
#[derive(Debug)]
struct FoundTable {
    statement: Arc<Statement>,
    space: SpaceId,
    find: Find,
}

#[async_trait]
impl TableProvider for FoundTable {
    fn schema(&self) -> SchemaRef {
        self.find.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.find.schema().fields().len()).collect();
        let projection = projection.cloned().unwrap_or(all);
        let reads_many =
            projection.contains(&FINGERPRINT) || matches!(self.find, Find::Resonate { .. });
        let snapshot = match reads_many {
            true => self.statement.encoded(self.space)?,
            false => self.statement.snapshot(self.space)?,
        };
        self.statement.note_scan(0..=u8::MAX)?;
        if matches!(self.find, Find::Neighbours { .. }) {
            self.statement.note_edge_scan(0..=u8::MAX)?;
        }
        let schema = Arc::new(self.find.schema().project(&projection)?);
        let mut find = self.find.clone();
        if let (Find::Resonate { k, .. }, Some(limit)) = (&mut find, limit) {
            *k = limit.min(*k);
        }
        let text = format!(
            "{}, version={}, {}",
            catalog::schema_of(self.statement.engine(), self.space),
            snapshot.state.version(),
            described(&find),
        );
        let source = FoundSource {
            text,
            find,
            snapshot,
            projection,
            limit: limit.unwrap_or(usize::MAX),
            schema: Arc::clone(&schema),
        };
        Ok(Arc::new(Scan::new(
            Arc::new(source),
            schema,
            1,
            Precision::Absent,
        )))
    }
}

fn described(find: &Find) -> String {
    match find {
        Find::Resonate { k, recall, .. } => format!("resonate k={k}, recall={recall:?}"),
        Find::Neighbours { name, verb, depth } => {
            let verb = verb.as_deref().unwrap_or("all verbs");
            format!("neighbours of {name:?} by {verb}, depth={depth}")
        }
        Find::Tree { path, depth } => format!("tree of {path:?}, depth={depth}"),
    }
}

/// Finds.
struct FoundSource {
    text: String,
    find: Find,
    snapshot: Arc<Snapshot>,
    projection: Vec<usize>,
    limit: usize,
    schema: SchemaRef,
}

impl std::fmt::Debug for FoundSource {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.describe())
    }
}

impl Source for FoundSource {
    fn batches(&self, _: usize) -> Result<Batches> {
        let mut found = self.find.find(&self.snapshot)?;
        found.truncate(self.limit);
        let batch = self.batch(&found)?;
        Ok(Box::new(std::iter::once(Ok(batch))))
    }

    fn describe(&self) -> String {
        format!("FoundScan: {}", self.text)
    }
}

/// Columns of a node.
static NODE_COLUMNS: LazyLock<usize> = LazyLock::new(|| node_schema().fields().len());

impl FoundSource {
    /// The nodes in the order in which they were found.
    fn batch(&self, found: &[Found]) -> Result<RecordBatch> {
        let is_of_node = |place: &&usize| **place < *NODE_COLUMNS;
        // The address is in front, to put them in order by.
        let of_node = self.projection.iter().filter(is_of_node).copied();
        let projection: Vec<usize> = std::iter::once(1).chain(of_node).collect();
        let scan = NodeScan {
            addresses: Some(found.iter().map(|(address, _)| *address).collect()),
            projection: Some(projection),
            ..NodeScan::default()
        };
        let batches = node_batches(Arc::clone(&self.snapshot), scan);
        let schema = Arc::clone(batches.schema());
        let batches = batches
            .map(|batch| batch.map_err(engine))
            .collect::<Result<Vec<_>>>()?;
        let nodes = concat_batches(&schema, &batches)?;
        let addresses = nodes.column(0).as_primitive::<UInt16Type>();
        let row = |(address, _): &Found| addresses.values().binary_search(&address.0).ok();
        let rows = found.iter().map(|one| row(one).map(|row| row as u32));
        let order: UInt32Array = rows.collect();
        if order.null_count() > 0 {
            return Err(
                SqlError::Statement("internal error: what was found is no node".into()).into(),
            );
        }
        let mut of_node = nodes.columns()[1..].iter();
        let column = |place: &usize| -> Result<ArrayRef> {
            match place.checked_sub(*NODE_COLUMNS) {
                Some(extra) => Ok(self.find.column(extra, found)),
                None => {
                    let column = of_node.next().expect("invariant: it was projected");
                    Ok(take(column, &order, None)?)
                }
            }
        };
        let columns = self
            .projection
            .iter()
            .map(column)
            .collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(found.len()));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            columns,
            &options,
        )?)
    }
}
