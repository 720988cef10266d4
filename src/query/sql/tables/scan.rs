//! The plan that reads a table: record batches from an iterator, a partition each.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::compute::{concat_batches, interleave_record_batch};
use arrow::datatypes::SchemaRef;
use datafusion::common::stats::Precision;
use datafusion::common::{Result, Statistics};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use futures::Stream;

/// Rows that small batches are put together to.
pub(in super::super) const BATCH_ROWS: usize = 8192;
/// Bytes of texts and the like from which on a batch takes no more rows, 64 MiB: that and one more part is far below
/// what Arrow's offsets reach, 2 GiB.
const BATCH_VARYING_BYTES: usize = 64 << 20;

/// Batches of one partition.
pub(in super::super) type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// Where a plan's batches come from.
pub(in super::super) trait Source: fmt::Debug + Send + Sync {
    /// The batches of a partition.
    fn batches(&self, partition: usize) -> Result<Batches>;

    /// What EXPLAIN shows: the table, and what of it is read.
    fn describe(&self) -> String;
}

/// A plan that reads.
pub(in super::super) struct Scan {
    source: Arc<dyn Source>,
    properties: Arc<PlanProperties>,
    rows: Precision<usize>,
}

impl Scan {
    /// A plan over so many partitions, of so many rows as far as that is known.
    pub(in super::super) fn new(
        source: Arc<dyn Source>,
        schema: SchemaRef,
        partitions: usize,
        rows: Precision<usize>,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            source,
            properties: Arc::new(properties),
            rows,
        }
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(out)
    }
}

impl DisplayAs for Scan {
    fn fmt_as(&self, _: DisplayFormatType, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.source.describe())
    }
}

impl ExecutionPlan for Scan {
    fn name(&self) -> &str {
        "Scan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        Ok(Box::pin(BatchStream {
            schema: self.schema(),
            batches: self.source.batches(partition)?,
        }))
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema());
        let partitions = self.properties.partitioning.partition_count();
        statistics.num_rows = match partition {
            None => self.rows,
            Some(_) if partitions == 1 => self.rows,
            Some(_) => self.rows.to_inexact(),
        };
        Ok(Arc::new(statistics))
    }
}

/// An iterator as a stream: nothing in it waits.
struct BatchStream {
    schema: SchemaRef,
    batches: Batches,
}

impl Stream for BatchStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.batches.next())
    }
}

impl RecordBatchStream for BatchStream {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

/// Batches put together to some thousands of rows, since what comes after costs by the batch, but to no more bytes than a
/// batch may hold.
pub(in super::super) fn coalesced(mut batches: Batches, schema: SchemaRef) -> Batches {
    Box::new(std::iter::from_fn(move || {
        let mut parts = Vec::new();
        let (mut rows, mut bytes) = (0, 0);
        while rows < BATCH_ROWS && bytes < BATCH_VARYING_BYTES {
            match batches.next() {
                Some(Ok(batch)) => {
                    rows += batch.num_rows();
                    bytes += varying_bytes(&batch);
                    parts.push(batch);
                }
                Some(Err(error)) => return Some(Err(error)),
                None => break,
            }
        }
        match parts.len() {
            0 => None,
            1 => parts.pop().map(Ok),
            _ => Some(concat_batches(&schema, &parts).map_err(Into::into)),
        }
    }))
}

/// Rows of batches in another order, each given by its batch and its place there, in batches that hold no more than one
/// may.
pub(in super::super) fn picked(parts: Vec<RecordBatch>, rows: Vec<(usize, usize)>) -> Batches {
    let all = parts.iter().map(varying_bytes);
    let is_small = all.fold(0, usize::saturating_add) <= BATCH_VARYING_BYTES;
    let mut begin = 0;
    Box::new(std::iter::from_fn(move || {
        let (mut end, mut bytes) = (begin, 0);
        while end < rows.len().min(begin + BATCH_ROWS) && bytes < BATCH_VARYING_BYTES {
            let (part, row) = rows[end];
            if !is_small {
                bytes += varying_bytes(&parts[part].slice(row, 1));
            }
            end += 1;
        }
        let rows = &rows[begin..end];
        begin = end;
        let parts: Vec<_> = parts.iter().collect();
        let batch = || interleave_record_batch(&parts, rows).map_err(Into::into);
        (!rows.is_empty()).then(batch)
    }))
}

/// Bytes of columns whose values differ in length.
fn varying_bytes(batch: &RecordBatch) -> usize {
    let columns = batch.columns().iter();
    let varying = columns.filter(|column| column.data_type().primitive_width().is_none());
    // Where it overflows, it is too many.
    let bytes = varying.map(|column| column.to_data().get_slice_memory_size());
    bytes
        .map(|bytes| bytes.unwrap_or(usize::MAX))
        .fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, AsArray as _, StringArray};

    use super::*;

    #[test]
    fn batches_are_put_together_up_to_a_number_of_rows_and_of_bytes() {
        let batch = |rows: usize, bytes: usize| {
            let texts: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(bytes); rows]));
            RecordBatch::try_from_iter([("text", texts)]).expect("a column")
        };
        let rows = |batches: Vec<RecordBatch>| -> Vec<usize> {
            let schema = batches[0].schema();
            coalesced(Box::new(batches.into_iter().map(Ok)), schema)
                .map(|batch| batch.expect("a batch").num_rows())
                .collect()
        };
        assert_eq!(
            rows(vec![batch(BATCH_ROWS / 4, 1); 6]),
            [BATCH_ROWS, BATCH_ROWS / 2]
        );
        assert_eq!(rows(vec![batch(2, BATCH_VARYING_BYTES / 4); 5]), [4, 4, 2]);
    }

    #[test]
    fn rows_are_picked_up_to_a_number_of_rows_and_of_bytes() {
        let batch = |texts: Vec<String>| {
            let texts: ArrayRef = Arc::new(StringArray::from(texts));
            RecordBatch::try_from_iter([("text", texts)]).expect("a column")
        };
        let lengths = |parts: Vec<RecordBatch>, rows: Vec<(usize, usize)>| -> Vec<Vec<usize>> {
            let batches = picked(parts, rows).map(|batch| batch.expect("a batch"));
            let lengths = batches.map(|batch| {
                let texts = batch.column(0).as_string::<i32>().iter().flatten();
                texts.map(str::len).collect()
            });
            lengths.collect()
        };
        let small = batch(vec!["a".into(), "bb".into()]);
        let third = batch(vec!["ccc".into()]);
        let parts = vec![small.clone(), third];
        assert_eq!(lengths(parts.clone(), vec![]), [[0; 0]; 0]);
        assert_eq!(lengths(parts, vec![(1, 0), (0, 1), (0, 0)]), [[3, 2, 1]]);
        let many = vec![(0, 1); BATCH_ROWS + 1];
        let many: Vec<_> = lengths(vec![small.clone()], many);
        assert_eq!(
            many.iter().map(Vec::len).collect::<Vec<_>>(),
            [BATCH_ROWS, 1]
        );
        let half = BATCH_VARYING_BYTES / 2;
        let large = batch(vec!["x".repeat(half), "y".repeat(half + 1)]);
        assert_eq!(
            lengths(vec![small, large], vec![(1, 1), (1, 0), (0, 0), (0, 1)]),
            [vec![half + 1, half], vec![1, 2]]
        );
    }
}
