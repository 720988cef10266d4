//! Result tables: a column each of what an operation's entry declares.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryBuilder, ListBuilder, RecordBatch, StringArray,
    StringBuilder, TimestampMicrosecondArray, UInt16Array, UInt64Array, UInt64Builder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use ladybug_engine::fingerprint::bundle::bundle;
use ladybug_engine::fingerprint::{BYTES, Fingerprint, encode};
use ladybug_engine::space::schema::{fingerprint_type, time_type};

use super::error::Fault;
use super::host::Row;
use super::table::{Column, ColumnKind};

/// What marks an address among the metadata of a field.
const KIND: &str = "ladybug:kind";

/// Whether a column's numbers are addresses, which text writes as `@8042`.
pub fn is_address(field: &Field) -> bool {
    *field.data_type() == DataType::UInt16 && field.metadata().contains_key(KIND)
}

/// A time in ISO 8601.
pub fn time_text(time: i64) -> String {
    text_of(&TimestampMicrosecondArray::from(vec![time])).unwrap_or_default()
}

/// The one value of a column as SQL casts it to text.
pub fn text_of(column: &dyn Array) -> Option<String> {
    let texts = cast(column, &DataType::Utf8).expect("invariant: it is a number or a time");
    let texts = texts.as_string::<i32>();
    texts.is_valid(0).then(|| texts.value(0).to_owned())
}

/// The schema of columns.
pub fn schema(columns: &[Column]) -> SchemaRef {
    let field = |column: &Column| {
        let data_type = match column.kind {
            ColumnKind::Fingerprint => fingerprint_type(),
            ColumnKind::Address => DataType::UInt16,
            ColumnKind::Count => DataType::UInt64,
            ColumnKind::Distance => DataType::UInt32,
            ColumnKind::Float => DataType::Float64,
            ColumnKind::Boolean => DataType::Boolean,
            ColumnKind::Text => DataType::Utf8,
            ColumnKind::Bytes => DataType::Binary,
            ColumnKind::Time => time_type(),
            ColumnKind::Texts => {
                DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))
            }
            ColumnKind::Ids => {
                DataType::List(Arc::new(Field::new_list_field(DataType::UInt64, true)))
            }
        };
        let field = Field::new(column.name, data_type, column.is_nullable);
        match column.kind {
            ColumnKind::Address => marked(field),
            _ => field,
        }
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// A field whose numbers are addresses, marked as that.
pub fn marked(field: Field) -> Field {
    field.with_metadata(HashMap::from([(KIND.to_owned(), "address".to_owned())]))
}

/// A result of these columns.
///
/// # Panics
/// A kernel made other columns than its entry declares.
pub fn batch(columns: &[Column], arrays: Vec<ArrayRef>) -> RecordBatch {
    RecordBatch::try_new(schema(columns), arrays)
        .expect("invariant: a kernel makes the columns that its entry declares")
}

/// A column of fingerprints.
pub fn fingerprints<'a>(bits: impl IntoIterator<Item = &'a Fingerprint>) -> ArrayRef {
    let mut builder = FixedSizeBinaryBuilder::new(BYTES as i32);
    for bits in bits {
        builder
            .append_value(bits.to_bytes())
            .expect("invariant: a fingerprint has as many bytes as the column's values");
    }
    Arc::new(builder.finish())
}

/// A column of lists of ids; none where there is no list.
pub fn ids<'a>(lists: impl IntoIterator<Item = Option<&'a [u64]>>) -> ArrayRef {
    let mut builder = ListBuilder::new(UInt64Builder::new());
    for list in lists {
        builder.values().append_slice(list.unwrap_or_default());
        builder.append(list.is_some());
    }
    Arc::new(builder.finish())
}

/// A column of lists of texts.
pub fn texts<'a>(lists: impl IntoIterator<Item = &'a [String]>) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for list in lists {
        list.iter()
            .for_each(|text| builder.values().append_value(text));
        builder.append(true);
    }
    Arc::new(builder.finish())
}

/// The columns that rows begin with (id, address, name), and their fingerprints, which they end with.
pub fn row_columns<'r>(
    rows: impl IntoIterator<Item = &'r Row<'r>, IntoIter: Clone>,
) -> (Vec<ArrayRef>, ArrayRef) {
    let rows = rows.into_iter();
    let names = rows.clone().map(|row| row.name.as_deref());
    let begin: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter(rows.clone().map(|row| row.id))),
        Arc::new(UInt16Array::from_iter_values(
            rows.clone().map(|row| row.address.0),
        )),
        Arc::new(StringArray::from_iter(names)),
    ];
    (begin, fingerprints(rows.map(|row| &*row.fingerprint)))
}

/// The majority of the rows' fingerprints; without a column of them, of the rows encoded as records. None of no rows.
pub fn bundled(rows: &RecordBatch) -> Result<Option<Fingerprint>, Fault> {
    let column = rows
        .columns()
        .iter()
        .find(|column| *column.data_type() == fingerprint_type());
    let bits: Vec<Fingerprint> = match column {
        Some(column) => {
            let column = column.as_fixed_size_binary();
            let bits = column.iter().flatten().map(Fingerprint::from_bytes);
            bits.collect::<Result<_, _>>()
                .expect("invariant: the column's values have as many bytes as a fingerprint")
        }
        None => records(rows)?,
    };
    Ok(bundle(&bits))
}

/// Each row as a record: a field a column that holds something, its value as text.
fn records(rows: &RecordBatch) -> Result<Vec<Fingerprint>, Fault> {
    let options = FormatOptions::default();
    let columns: Vec<_> = rows
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<_, _>>()?;
    let schema = rows.schema();
    let record = |row: usize| {
        let mut fields = Vec::new();
        for (place, column) in columns.iter().enumerate() {
            if rows.column(place).is_valid(row) {
                let text = column.value(row).try_to_string()?;
                fields.push((schema.field(place).name().as_bytes(), text));
            }
        }
        let fields = fields.iter().map(|(name, text)| (*name, text.as_bytes()));
        Ok(encode::record(fields))
    };
    (0..rows.num_rows()).map(record).collect()
}
