//! Tables that are made row by row, at once: verbs and other words, observations, spaces, checkpoints, and those that do not change.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeBinaryBuilder, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt16Array, UInt32Array, UInt64Array, new_null_array,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::common::stats::Precision;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::When;
use ladybug_engine::fingerprint::BYTES;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::concepts::CONCEPTS;
use ladybug_engine::space::derive;
use ladybug_engine::space::schema::{fingerprint_type, time_type};
use ladybug_engine::space::verbs::{BuiltIn, OPEN_SLOT_FIRST, address_of};

use super::super::catalog::schema_of;
use super::super::statement::Statement;
use super::observations;
use super::scan::{Batches, Scan, Source};

/// The columns of verbs.
pub(super) fn verbs_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("name", DataType::Utf8, false),
        Field::new("address", DataType::UInt16, false),
        Field::new("is_built_in", DataType::Boolean, false),
        Field::new("group", DataType::Utf8, true),
        Field::new("inverse", DataType::Utf8, true),
        Field::new("symmetric", DataType::Boolean, false),
        Field::new("transitive", DataType::Boolean, false),
    ]))
}

/// The columns of concepts, and of programs.
pub(super) fn words_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("name", DataType::Utf8, false),
        Field::new("address", DataType::UInt16, false),
        Field::new("is_built_in", DataType::Boolean, false),
        Field::new("doc", DataType::Utf8, false),
        Field::new("fingerprint", fingerprint_type(), false),
    ]))
}

/// The columns of spaces.
pub(super) fn spaces_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::UInt32, false),
        Field::new("schema", DataType::Utf8, false),
        Field::new("version", DataType::UInt64, false),
        Field::new("committed", time_type(), true),
        Field::new("nodes", DataType::UInt64, false),
        Field::new("edges", DataType::UInt64, false),
        Field::new("forked_from", DataType::Utf8, true),
        Field::new("forked_version", DataType::UInt64, true),
        Field::new("is_checkpoint", DataType::Boolean, false),
        Field::new("oldest_version", DataType::UInt64, false),
    ]))
}

/// The columns of checkpoints.
pub(super) fn checkpoints_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("name", DataType::Utf8, true),
        Field::new("of", DataType::Utf8, true),
        Field::new("version", DataType::UInt64, true),
        Field::new("committed", time_type(), true),
        Field::new("nodes", DataType::UInt64, true),
        Field::new("edges", DataType::UInt64, true),
        Field::new("position", DataType::UInt64, true),
    ]))
}

type Make = dyn Fn() -> Result<RecordBatch> + Send + Sync;

/// A table that is made when it is read.
pub(in super::super) struct Listed {
    name: String,
    schema: SchemaRef,
    make: Box<Make>,
    /// The space whose verbs these are, in the present.
    pub(in super::super) verbs_of: Option<SpaceId>,
}

impl Listed {
    /// Rows that do not change.
    pub(in super::super) fn constant(name: &str, rows: RecordBatch) -> Self {
        let schema = rows.schema();
        Self::new(name, schema, move || Ok(rows.clone()))
    }

    fn new(
        name: &str,
        schema: SchemaRef,
        make: impl Fn() -> Result<RecordBatch> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            schema,
            make: Box::new(make),
            verbs_of: None,
        }
    }

    /// The verbs of a space.
    pub(super) fn verbs(statement: Arc<Statement>, space: SpaceId, when: Option<When>) -> Self {
        let make = move || {
            let snapshot = match when {
                None => statement.snapshot(space)?,
                Some(when) => statement.past(space, when)?,
            };
            let verbs = snapshot.state.verbs();
            let all: Vec<_> = verbs.iter().collect();
            let words: Vec<_> = all.iter().map(|verb| verbs.built_in(verb.0)).collect();
            let text = |of: fn(&BuiltIn) -> String| -> ArrayRef {
                let texts = words.iter().map(|word| word.map(of));
                Arc::new(StringArray::from_iter(texts))
            };
            let is = |of: fn(&BuiltIn) -> bool| -> ArrayRef {
                let flags = words.iter().map(|word| Some(word.is_some_and(of)));
                Arc::new(BooleanArray::from_iter(flags))
            };
            let names = all.iter().map(|verb| verb.1);
            let places = all.iter().map(|verb| address_of(verb.0).0);
            let built_in = all.iter().map(|verb| Some(verb.0 < OPEN_SLOT_FIRST));
            Ok(RecordBatch::try_new(
                verbs_schema(),
                vec![
                    Arc::new(StringArray::from_iter_values(names)),
                    Arc::new(UInt16Array::from_iter_values(places)),
                    Arc::new(BooleanArray::from_iter(built_in)),
                    text(|word| word.group.to_string()),
                    text(|word| word.inverse.to_owned()),
                    is(BuiltIn::is_symmetric),
                    is(|word| word.is_transitive),
                ],
            )?)
        };
        let verbs_of = when.is_none().then_some(space);
        Self {
            verbs_of,
            ..Self::new("verbs", verbs_schema(), make)
        }
    }

    /// The concepts, or the programs, of a space.
    pub(super) fn words(
        statement: Arc<Statement>,
        space: SpaceId,
        when: Option<When>,
        (name, prefix): (&str, u8),
    ) -> Self {
        Self::new(name, words_schema(), move || {
            let snapshot = match when {
                None => statement.snapshot(space)?,
                Some(when) => statement.past(space, when)?,
            };
            let state = &snapshot.state;
            let words = derive::words(state).filter(|word| word.0.prefix() == prefix);
            let words: Vec<(Address, &str)> = words.collect();
            let own = |at: Address| state.words().get(at);
            let doc = |at: Address| match own(at) {
                Some(word) => &*word.text,
                None => CONCEPTS[usize::from(at.slot())].doc,
            };
            let mut bits = FixedSizeBinaryBuilder::new(BYTES as i32);
            for (at, _) in &words {
                let word = derive::word(state, *at).expect("invariant: a word has a fingerprint");
                bits.append_value(word.to_bytes())?;
            }
            Ok(RecordBatch::try_new(
                words_schema(),
                vec![
                    Arc::new(StringArray::from_iter_values(
                        words.iter().map(|word| word.1),
                    )),
                    Arc::new(UInt16Array::from_iter_values(
                        words.iter().map(|word| word.0.0),
                    )),
                    Arc::new(BooleanArray::from_iter(
                        words.iter().map(|word| Some(own(word.0).is_none())),
                    )),
                    Arc::new(StringArray::from_iter_values(
                        words.iter().map(|word| doc(word.0)),
                    )),
                    Arc::new(bits.finish()),
                ],
            )?)
        })
    }

    /// The observations of a space.
    pub(super) fn observations(
        statement: Arc<Statement>,
        space: SpaceId,
        when: Option<When>,
    ) -> Self {
        Self::new("observations", observations::schema(), move || {
            let snapshot = match when {
                None => {
                    statement.note_scan(0..=u8::MAX)?;
                    statement.snapshot(space)?
                }
                Some(when) => statement.past(space, when)?,
            };
            Ok(observations::rows(snapshot.view().nodes()))
        })
    }

    /// The spaces.
    pub(super) fn spaces(statement: Arc<Statement>) -> Self {
        Self::new("spaces", spaces_schema(), move || spaces(&statement))
    }

    /// The checkpoints: those of one space that have a name, and those of everything on disk.
    pub(super) fn checkpoints(statement: Arc<Statement>) -> Self {
        Self::new("checkpoints", checkpoints_schema(), move || {
            checkpoints(&statement)
        })
    }
}

/// A time that there may not be.
fn time(at: i64) -> Option<i64> {
    Some(at).filter(|at| *at > 0)
}

fn spaces(statement: &Statement) -> Result<RecordBatch> {
    let engine = statement.engine();
    let ids = engine.spaces();
    let states = ids.iter().map(|id| statement.state(*id));
    let states = states.collect::<Result<Vec<_>>>()?;
    let origins: Vec<_> = ids.iter().map(|id| engine.origin(*id)).collect();
    let from = origins
        .iter()
        .map(|origin| Some(schema_of(engine, origin.as_ref()?.space)));
    let oldest = ids
        .iter()
        .map(|id| engine.history_stats(*id).oldest.version);
    Ok(RecordBatch::try_new(
        spaces_schema(),
        vec![
            Arc::new(UInt32Array::from(ids.clone())),
            Arc::new(StringArray::from_iter_values(
                ids.iter().map(|id| schema_of(engine, *id)),
            )),
            Arc::new(UInt64Array::from_iter_values(
                states.iter().map(|state| state.version()),
            )),
            Arc::new(TimestampMicrosecondArray::from_iter(
                states.iter().map(|state| time(state.committed())),
            )),
            Arc::new(UInt64Array::from_iter_values(
                states.iter().map(|state| state.nodes_len() as u64),
            )),
            Arc::new(UInt64Array::from_iter_values(
                states.iter().map(|state| state.graph().len() as u64),
            )),
            Arc::new(StringArray::from_iter(from)),
            Arc::new(UInt64Array::from_iter(
                origins.iter().map(|origin| Some(origin.as_ref()?.version)),
            )),
            Arc::new(BooleanArray::from_iter(origins.iter().map(|origin| {
                Some(origin.as_ref().is_some_and(|origin| origin.is_checkpoint))
            }))),
            Arc::new(UInt64Array::from_iter_values(oldest)),
        ],
    )?)
}

fn checkpoints(statement: &Statement) -> Result<RecordBatch> {
    let engine = statement.engine();
    let mut all = engine.forks();
    all.retain(|(_, origin)| origin.is_checkpoint);
    let states: Vec<_> = all.iter().map(|(id, _)| engine.state(*id)).collect();
    states
        .iter()
        .for_each(|(_, position)| statement.reveal(*position));
    let named = RecordBatch::try_new(
        checkpoints_schema(),
        vec![
            Arc::new(StringArray::from_iter_values(
                all.iter().map(|(id, _)| engine.space_label(*id)),
            )),
            Arc::new(StringArray::from_iter_values(
                all.iter()
                    .map(|(_, origin)| schema_of(engine, origin.space)),
            )),
            Arc::new(UInt64Array::from_iter_values(
                all.iter().map(|(_, origin)| origin.version),
            )),
            Arc::new(TimestampMicrosecondArray::from_iter(
                states.iter().map(|(state, _)| time(state.committed())),
            )),
            Arc::new(UInt64Array::from_iter_values(
                states.iter().map(|(state, _)| state.nodes_len() as u64),
            )),
            Arc::new(UInt64Array::from_iter_values(
                states.iter().map(|(state, _)| state.graph().len() as u64),
            )),
            Arc::new(UInt64Array::new_null(all.len())),
        ],
    )?;
    // Of all spaces, by the log position that each holds.
    let positions: ArrayRef = Arc::new(UInt64Array::from(engine.checkpoints()));
    let schema = checkpoints_schema();
    let column = |field: &FieldRef| match field.name().as_str() {
        "position" => Arc::clone(&positions),
        _ => new_null_array(field.data_type(), positions.len()),
    };
    let columns = schema.fields().iter().map(column).collect();
    let on_disk = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    Ok(concat_batches(&schema, [&named, &on_disk])?)
}

impl fmt::Debug for Listed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name)
    }
}

#[async_trait]
impl TableProvider for Listed {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut rows = (self.make)()?;
        if let Some(places) = projection {
            rows = rows.project(places)?;
        }
        rows = rows.slice(0, limit.unwrap_or(usize::MAX).min(rows.num_rows()));
        let (schema, len) = (rows.schema(), rows.num_rows());
        let source = ListedSource {
            name: self.name.clone(),
            rows,
        };
        Ok(Arc::new(Scan::new(
            Arc::new(source),
            schema,
            1,
            Precision::Exact(len),
        )))
    }
}

/// Rows that are there.
#[derive(Debug)]
struct ListedSource {
    name: String,
    rows: RecordBatch,
}

impl Source for ListedSource {
    fn batches(&self, _: usize) -> Result<Batches> {
        Ok(Box::new(std::iter::once(Ok(self.rows.clone()))))
    }

    fn describe(&self) -> String {
        format!("ListedScan: {}", self.name)
    }
}
