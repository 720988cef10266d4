//! `cam(…)`: a method's table after FROM, and as a function of a row the one value that a method answers.
//!
//! After FROM it runs while the statement is planned, as only then its columns show; of a row, where the row is made. Both
//! read the statement's one moment.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, RecordBatchOptions, new_empty_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::catalog::TableProvider;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::Snapshot;
use ladybug_engine::fingerprint::BYTES;
use ladybug_engine::space::address::Address;

use super::super::error::SqlError;
use super::super::handle::Sql;
use super::super::methods::{Here, Methods};
use super::super::relation::Argument;
use super::super::statement::Statement;
use super::super::tables::Listed;

/// The name of the function, after FROM and of a row.
pub(in super::super) const METHODS: &str = "cam";
/// The word before a fingerprint in bytes.
const FINGERPRINT: &[u8] = b"FP";

fn wrong(message: impl Into<String>) -> datafusion::common::DataFusionError {
    SqlError::Statement(message.into()).into()
}

fn methods(statement: &Statement) -> Result<&Arc<dyn Methods>> {
    if statement.is_within_method {
        return Err(wrong(
            "expected a statement without cam(…), as it is part of a method that is called itself",
        ));
    }
    let methods = statement.shared.methods.as_ref();
    methods.ok_or_else(|| wrong("there are no methods here for cam(…) to call"))
}

/// Does something with a space as a statement sees it.
fn within<T>(
    statement: &Arc<Statement>,
    space: SpaceId,
    snapshot: &Snapshot,
    may_query: bool,
    f: impl FnOnce(&Here<'_>) -> std::result::Result<T, SqlError>,
) -> Result<T> {
    let sql = Sql::of(Arc::clone(&statement.shared));
    let here = Here {
        sql: &sql,
        space,
        snapshot,
        transaction: statement.transaction,
        timeout: statement.timeout,
        may_query,
    };
    Ok(f(&here)?)
}

/// In a transaction: remembers that a method may have read all.
fn note(statement: &Statement) -> Result<()> {
    statement.note_scan(0..=u8::MAX)?;
    statement.note_edge_scan(0..=u8::MAX)
}

/// The table that a method answers.
pub(super) fn table(
    statement: &Arc<Statement>,
    space: SpaceId,
    arguments: &[Argument],
) -> Result<Arc<dyn TableProvider>> {
    let mut words = Words::default();
    for argument in arguments {
        match &argument.value {
            Some(value) if value.is_null() => {
                return Err(wrong("cam(…) expected values, got NULL"));
            }
            Some(value) => words.push(value)?,
            None => words.push_unknown(false),
        }
    }
    let methods = methods(statement)?;
    let snapshot = statement.snapshot(space)?;
    note(statement)?;
    let rows = within(statement, space, &snapshot, true, |here| {
        match words.all() {
            Some(words) => methods.call(here, &words),
            // It is only prepared.
            None => Ok(RecordBatch::new_empty(
                methods.columns(here, &words.known())?,
            )),
        }
    })?;
    Ok(Arc::new(Listed::constant(METHODS, plain(rows)?)))
}

/// Rows without what is said of columns beside their types: an address is a number, as in the tables.
fn plain(rows: RecordBatch) -> Result<RecordBatch> {
    let schema = rows.schema();
    let field =
        |field: &FieldRef| Field::new(field.name(), field.data_type().clone(), field.is_nullable());
    let fields: Vec<Field> = schema.fields().iter().map(field).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        Arc::new(Schema::new(fields)),
        rows.columns().to_vec(),
        &options,
    )?)
}

/// The words of a call; none where one is not known yet.
#[derive(Default)]
struct Words(Vec<Option<Vec<u8>>>);

impl Words {
    /// All of them, if they are known.
    fn all(&self) -> Option<Vec<&[u8]>> {
        self.0.iter().map(Option::as_deref).collect()
    }

    /// Those that are known.
    fn known(&self) -> Vec<Option<&[u8]>> {
        self.0.iter().map(Option::as_deref).collect()
    }

    /// Adds one that is not known, which may be a fingerprint by its type.
    fn push_unknown(&mut self, is_fingerprint: bool) {
        if is_fingerprint && !self.says_fingerprint() {
            self.0.push(Some(FINGERPRINT.to_vec()));
        }
        self.0.push(None);
    }

    /// Whether bytes that come next are said to be a fingerprint already.
    fn says_fingerprint(&self) -> bool {
        let last = self.0.last().and_then(Option::as_deref);
        last.is_some_and(|last| last.eq_ignore_ascii_case(FINGERPRINT))
    }

    /// Adds a value that is not null.
    fn push(&mut self, value: &ScalarValue) -> Result<()> {
        let word = match value {
            ScalarValue::FixedSizeBinary(_, Some(bytes))
            | ScalarValue::Binary(Some(bytes))
            | ScalarValue::LargeBinary(Some(bytes))
            | ScalarValue::BinaryView(Some(bytes)) => match (self.0.is_empty(), &bytes[..]) {
                // A method's id in hex is a number of two bytes.
                (true, id) if id.len() <= 2 => {
                    let id = id.iter().fold(0, |id, byte| (id << 8) | u16::from(*byte));
                    id.to_string().into_bytes()
                }
                _ => {
                    if bytes.len() == BYTES && !self.says_fingerprint() {
                        self.0.push(Some(FINGERPRINT.to_vec()));
                    }
                    bytes.clone()
                }
            },
            ScalarValue::UInt16(Some(address)) if !self.0.is_empty() => {
                Address(*address).to_string().into_bytes()
            }
            ScalarValue::List(_) | ScalarValue::LargeList(_) | ScalarValue::FixedSizeList(_) => {
                list(value)?.into_bytes()
            }
            value => text(value)?.into_bytes(),
        };
        self.0.push(Some(word));
        Ok(())
    }
}

fn text(value: &ScalarValue) -> Result<String> {
    match value.cast_to(&DataType::Utf8) {
        Ok(ScalarValue::Utf8(Some(text))) => Ok(text),
        _ => Err(wrong(format!(
            "cam(…) expected text, numbers, bytes, fingerprints or lists of numbers, got {}",
            value.data_type()
        ))),
    }
}

/// The items of a list, with commas between.
fn list(value: &ScalarValue) -> Result<String> {
    let lists = value.to_array_of_size(1)?;
    let items = match lists.data_type() {
        DataType::FixedSizeList(item, _) | DataType::LargeList(item) => {
            cast(&lists, &DataType::List(Arc::clone(item)))?
        }
        _ => lists,
    };
    let items = items.as_list::<i32>().value(0);
    let item = |at: usize| text(&ScalarValue::try_from_array(&items, at)?);
    let items = (0..items.len()).map(item);
    Ok(items.collect::<Result<Vec<_>>>()?.join(","))
}

/// The function of a row, for one statement.
pub(in super::super) fn function(statement: &Arc<Statement>) -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(Function {
        statement: Arc::clone(statement),
        signature: Signature::variadic_any(Volatility::Stable),
    }))
}

#[derive(Debug)]
struct Function {
    statement: Arc<Statement>,
    signature: Signature,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.statement, &other.statement)
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.statement).hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        METHODS
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Err(wrong("expected cam('VSA.POPCOUNT', its arguments, …)"))
    }

    fn return_field_from_args(&self, given: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let mut words = Words::default();
        for (field, value) in given.arg_fields.iter().zip(given.scalar_arguments) {
            match value {
                Some(value) if !value.is_null() => words.push(value)?,
                _ => {
                    let bits = DataType::FixedSizeBinary(BYTES as i32);
                    words.push_unknown(*field.data_type() == bits);
                }
            }
        }
        let statement = &self.statement;
        let methods = methods(statement)?;
        let snapshot = statement.snapshot(statement.space)?;
        let columns = within(statement, statement.space, &snapshot, false, |here| {
            methods.columns(here, &words.known())
        })?;
        match &columns.fields()[..] {
            [column] => Ok(Arc::new(Field::new(
                METHODS,
                column.data_type().clone(),
                true,
            ))),
            several => Err(wrong(format!(
                "cam(…) of a row expected a method that answers one column, got {} columns; FROM cam(…) has them all",
                several.len()
            ))),
        }
    }

    fn invoke_with_args(&self, given: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = given
            .args
            .iter()
            .all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { given.number_rows };
        let wanted = given.return_field.data_type();
        let statement = &self.statement;
        let methods = methods(statement)?;
        // Once for all rows.
        let snapshot = statement.encoded(statement.space)?;
        note(statement)?;
        let values = within(statement, statement.space, &snapshot, false, |here| {
            let value = |row| self.value(&**methods, here, &given.args, row, wanted);
            (0..rows)
                .map(value)
                .collect::<std::result::Result<Vec<_>, _>>()
        })?;
        match is_constant {
            true => Ok(ColumnarValue::Scalar(
                values.into_iter().next().unwrap_or(ScalarValue::Null),
            )),
            false => Ok(ColumnarValue::Array(match values.is_empty() {
                true => new_empty_array(wanted),
                false => ScalarValue::iter_to_array(values)?,
            })),
        }
    }
}

impl Function {
    /// What a method answers to a row's values; null if one of them is.
    fn value(
        &self,
        methods: &dyn Methods,
        here: &Here<'_>,
        arguments: &[ColumnarValue],
        row: usize,
        wanted: &DataType,
    ) -> std::result::Result<ScalarValue, SqlError> {
        let mut words = Words::default();
        for argument in arguments {
            let value = match argument {
                ColumnarValue::Scalar(value) => value.clone(),
                ColumnarValue::Array(column) => ScalarValue::try_from_array(column, row)?,
            };
            if value.is_null() {
                return Ok(ScalarValue::try_from(wanted)?);
            }
            words.push(&value)?;
        }
        let words = words
            .all()
            .expect("invariant: the values of a row are known");
        let rows = methods.call(here, &words)?;
        match rows.num_rows() {
            0 => Ok(ScalarValue::try_from(wanted)?),
            1 if rows.num_columns() == 1 => {
                let value = ScalarValue::try_from_array(rows.column(0), 0)?;
                Ok(value.cast_to(wanted)?)
            }
            several => Err(SqlError::Statement(format!(
                "cam(…) of a row expected a method that answers one row, got {several}; FROM cam(…) has them all"
            ))),
        }
    }
}
