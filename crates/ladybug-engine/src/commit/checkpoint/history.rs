//! The table of history: a row a commit, oldest first, with what takes it back encoded as the log encodes changes.

use std::sync::Arc;

use arrow_array::builder::{LargeBinaryBuilder, UInt32Builder, UInt64Builder};
use arrow_array::{
    ArrayRef, LargeBinaryArray, RecordBatch, TimestampMicrosecondArray, UInt64Array,
};
use arrow_schema::{DataType, Field, Schema};

use super::column::{Unreadable, full};
use super::table::TableWriter;
use super::{CheckpointError, SpaceContents};
use crate::commit::history::{History, Mark};
use crate::space::schema::time_type;

/// The schema. `before` columns say what was there before a commit: for all rows but a space's first, the row above.
pub fn schema() -> Schema {
    Schema::new(vec![
        Field::new("space", DataType::UInt32, false),
        Field::new("version", DataType::UInt64, false),
        Field::new("committed", time_type(), false),
        Field::new("position", DataType::UInt64, false),
        Field::new("version_before", DataType::UInt64, false),
        Field::new("committed_before", time_type(), false),
        Field::new("position_before", DataType::UInt64, false),
        Field::new("inverses", DataType::LargeBinary, false),
    ])
}

#[derive(Default)]
struct Marks {
    version: UInt64Builder,
    committed: Vec<i64>,
    position: UInt64Builder,
}

impl Marks {
    fn push(&mut self, mark: Mark) {
        self.version.append_value(mark.version);
        self.committed.push(mark.committed);
        self.position.append_value(mark.position);
    }

    fn finish(mut self) -> [ArrayRef; 3] {
        [
            Arc::new(self.version.finish()),
            Arc::new(TimestampMicrosecondArray::from(self.committed)),
            Arc::new(self.position.finish()),
        ]
    }
}

/// Writes the history of a space, a record batch for each segment that is not empty.
pub fn write(writer: &mut TableWriter, space: &SpaceContents) -> Result<(), CheckpointError> {
    let schema = Arc::new(schema());
    let holds = format!("space {}", space.id);
    for segment in space.history.segments() {
        let mut id = UInt32Builder::new();
        let (mut before, mut after) = (Marks::default(), Marks::default());
        let mut inverses = LargeBinaryBuilder::new();
        for commit in segment.encoded() {
            id.append_value(space.id);
            before.push(commit.before);
            after.push(commit.after);
            inverses.append_value(commit.inverses);
        }
        let id = id.finish();
        if id.is_empty() {
            continue;
        }
        let mut columns: Vec<ArrayRef> = vec![Arc::new(id)];
        columns.extend(after.finish());
        columns.extend(before.finish());
        columns.push(Arc::new(inverses.finish()));
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), columns)?, &holds)?;
    }
    Ok(())
}

/// The history that leads to `newest`, from the batches of its space in order.
pub fn read(batches: &[RecordBatch], newest: Mark) -> Result<History, Unreadable> {
    let mut history: Option<History> = None;
    for batch in batches {
        let marks = |suffix: &str| {
            let version: &UInt64Array = full(batch, &format!("version{suffix}"))?;
            let committed: &TimestampMicrosecondArray = full(batch, &format!("committed{suffix}"))?;
            let position: &UInt64Array = full(batch, &format!("position{suffix}"))?;
            Ok::<_, Unreadable>(move |row| Mark {
                version: version.value(row),
                committed: committed.value(row),
                position: position.value(row),
            })
        };
        let (before, after) = (marks("_before")?, marks("")?);
        let inverses: &LargeBinaryArray = full(batch, "inverses")?;
        for row in 0..batch.num_rows() {
            let history = history.get_or_insert_with(|| History::new(before(row)));
            let pushed = history.restore(after(row), inverses.value(row));
            pushed.map_err(|error| Unreadable(error.to_string()))?;
        }
    }
    let history = history.unwrap_or_else(|| History::new(newest));
    let found = history.newest();
    match (found.version, found.committed) == (newest.version, newest.committed) {
        true => Ok(history),
        false => Err(Unreadable::expected(format_args!(
            "history up to version {}, found {}",
            newest.version, found.version
        ))),
    }
}
