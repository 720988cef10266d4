//! The table of commands as SQL shows it.

use std::sync::Arc;

use arrow::array::{BooleanArray, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::command::{Flag, TABLE};

/// Every command and subcommand: name, syntax, group, summary, arity, whether it writes.
///
/// # Panics
/// Never: the columns are made as the schema says.
pub fn commands_table() -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("name", DataType::Utf8, false),
        Field::new("syntax", DataType::Utf8, false),
        Field::new("group", DataType::Utf8, false),
        Field::new("summary", DataType::Utf8, false),
        Field::new("arity", DataType::Int32, false),
        Field::new("is_write", DataType::Boolean, false),
    ]);
    let entries = TABLE.entries();
    let text = |of: fn(&super::command::Entry) -> &'static str| {
        Arc::new(StringArray::from_iter_values(entries.iter().map(of)))
    };
    let columns = vec![
        text(|entry| entry.full_name) as _,
        text(|entry| entry.command.syntax) as _,
        text(|entry| entry.command.group.name()) as _,
        text(|entry| entry.command.summary) as _,
        Arc::new(Int32Array::from_iter_values(
            entries.iter().map(|entry| entry.command.arity),
        )) as _,
        Arc::new(BooleanArray::from_iter(
            entries
                .iter()
                .map(|entry| Some(entry.command.has(Flag::Write))),
        )) as _,
    ];
    RecordBatch::try_new(Arc::new(schema), columns)
        .expect("invariant: columns are made as the schema says")
}
