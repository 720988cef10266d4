//! What a row of an INSERT or UPDATE says, column by column: absent, null, or a value.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Float32Type, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt64Type};
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::space::fields::{FieldValue, Fields};
use ladybug_engine::space::marks::{Qualia, RUNG_MAX, Truth};

use super::super::error::SqlError;
use super::Result;

/// One row. Columns have the types of the table; outer `None` is a column that is not assigned, inner one is NULL.
pub(super) struct Values<'a> {
    pub(super) batch: &'a RecordBatch,
    pub(super) row: usize,
}

/// What is said of a column that nobody may assign.
pub(super) fn set_by_the_space(column: &str) -> String {
    format!("expected other columns: {column} is set by the space; leave it out")
}

impl<'a> Values<'a> {
    fn column(&self, name: &str) -> Option<&'a ArrayRef> {
        self.batch.column_by_name(name)
    }

    fn value<T>(&self, name: &str, of: impl FnOnce(&'a ArrayRef) -> T) -> Option<Option<T>> {
        let column = self.column(name)?;
        Some(column.is_valid(self.row).then(|| of(column)))
    }

    /// Whether the row says anything of a column.
    pub(super) fn is_assigned(&self, name: &str) -> bool {
        self.column(name).is_some()
    }

    /// Refuses values in columns that the space sets.
    pub(super) fn refuse(&self, columns: &[&str]) -> Result<()> {
        let is_given = |name: &&&str| {
            self.column(name)
                .is_some_and(|column| column.is_valid(self.row))
        };
        match columns.iter().find(is_given) {
            None => Ok(()),
            Some(name) => Err(SqlError::Statement(set_by_the_space(name)).into()),
        }
    }

    /// Refuses columns that cannot be assigned, whatever they are assigned.
    pub(super) fn refuse_assigned(&self, columns: &[&str]) -> Result<()> {
        match columns.iter().find(|name| self.column(name).is_some()) {
            None => Ok(()),
            Some(name) => Err(SqlError::Statement(set_by_the_space(name)).into()),
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<Option<&'a str>> {
        self.value(name, |column| column.as_string::<i32>().value(self.row))
    }

    pub(super) fn bytes(&self, name: &str) -> Option<Option<&'a [u8]>> {
        self.value(name, |column| column.as_binary::<i32>().value(self.row))
    }

    pub(super) fn number(&self, name: &str) -> Option<Option<u64>> {
        self.value(name, |column| {
            column.as_primitive::<UInt64Type>().value(self.row)
        })
    }

    pub(super) fn address(&self, name: &str) -> Option<Option<u16>> {
        self.value(name, |column| {
            column.as_primitive::<UInt16Type>().value(self.row)
        })
    }

    pub(super) fn float(&self, name: &str) -> Option<Option<f32>> {
        self.value(name, |column| {
            column.as_primitive::<Float32Type>().value(self.row)
        })
    }

    pub(super) fn time(&self, name: &str) -> Option<Option<i64>> {
        self.value(name, |column| {
            column
                .as_primitive::<TimestampMicrosecondType>()
                .value(self.row)
        })
    }

    pub(super) fn fingerprint(&self) -> Result<Option<Option<Fingerprint>>> {
        let bytes = self.value("fingerprint", |column| {
            column.as_fixed_size_binary().value(self.row)
        });
        let read = |bytes: &[u8]| Fingerprint::from_bytes(bytes);
        let read = bytes.map(|bytes| bytes.map(read).transpose()).transpose();
        read.map_err(|error| SqlError::Statement(error.to_string()).into())
    }

    pub(super) fn kinds(&self) -> Result<Option<Option<Vec<Arc<str>>>>> {
        let Some(Some(list)) =
            self.value("kinds", |column| column.as_list::<i32>().value(self.row))
        else {
            return Ok(self.column("kinds").map(|_| None));
        };
        let kinds = list.as_string::<i32>().iter();
        let kinds: Option<Vec<Arc<str>>> = kinds.map(|kind| kind.map(Arc::from)).collect();
        match kinds {
            Some(kinds) => Ok(Some(Some(kinds))),
            None => Err(SqlError::statement("expected a list of kinds without NULL").into()),
        }
    }

    pub(super) fn evidence(&self) -> Option<Option<Arc<[u64]>>> {
        let list = self.value("evidence", |column| column.as_list::<i32>().value(self.row));
        list.map(|list| {
            let ids: Arc<[u64]> = list?
                .as_primitive::<UInt64Type>()
                .iter()
                .flatten()
                .collect();
            Some(ids).filter(|ids| !ids.is_empty())
        })
    }

    pub(super) fn qualia(&self) -> Result<Option<Option<Qualia>>> {
        let list = self.value("qualia", |column| {
            column.as_fixed_size_list().value(self.row)
        });
        let Some(Some(list)) = list else {
            return Ok(list.map(|_| None));
        };
        let values: Vec<f32> = list
            .as_primitive::<Float32Type>()
            .iter()
            .map(|value| value.unwrap_or(f32::NAN))
            .collect();
        let values = values.try_into().unwrap_or([f32::NAN; 8]);
        match Qualia::new(values) {
            Ok(qualia) => Ok(Some(Some(qualia))),
            Err(error) => Err(SqlError::Statement(error.to_string()).into()),
        }
    }

    pub(super) fn rung(&self) -> Result<Option<Option<u8>>> {
        let rung = self.value("rung", |column| {
            column.as_primitive::<UInt8Type>().value(self.row)
        });
        match rung {
            Some(Some(rung)) if rung > RUNG_MAX => Err(SqlError::Statement(format!(
                "expected a rung from 0 to {RUNG_MAX}, got {rung}"
            ))
            .into()),
            rung => Ok(rung),
        }
    }

    /// The truth that stands in `frequency` and `confidence`, with what is there where they are silent; none if both
    /// are.
    pub(super) fn truth(&self, there: Truth) -> Result<Option<Truth>> {
        let (frequency, confidence) = (self.float("frequency"), self.float("confidence"));
        if frequency.is_none() && confidence.is_none() {
            return Ok(None);
        }
        let frequency = frequency.flatten().unwrap_or(there.frequency());
        let confidence = confidence.flatten().unwrap_or(there.confidence());
        match Truth::new(frequency, confidence) {
            Ok(truth) => Ok(Some(truth)),
            Err(error) => Err(SqlError::Statement(error.to_string()).into()),
        }
    }

    pub(super) fn properties(&self) -> Result<Option<Option<Arc<Fields>>>> {
        match self.text("properties") {
            None => Ok(None),
            Some(None) => Ok(Some(None)),
            Some(Some(json)) => Ok(Some(fields_of_json(json)?)),
        }
    }
}

/// Fields of a JSON object; none of an empty one.
///
/// # Errors
/// It is none, or holds another.
pub fn fields_of_json(json: &str) -> std::result::Result<Option<Arc<Fields>>, SqlError> {
    let wrong = |what: &str| {
        SqlError::Statement(format!(
            "expected properties as a JSON object such as {{\"born\":1815}}, got {what}"
        ))
    };
    let shown: String = json.chars().take(64).collect();
    let json: serde_json::Value =
        serde_json::from_str(json).map_err(|error| wrong(&format!("'{shown}': {error}")))?;
    let serde_json::Value::Object(object) = json else {
        return Err(wrong(&json.to_string()));
    };
    let mut fields = Fields::default();
    for (name, value) in object {
        if let Some(value) = field(&name, value)? {
            fields.insert(name.into_bytes().into(), value);
        }
    }
    Ok((!fields.is_empty()).then(|| Arc::new(fields)))
}

/// A field's value; none for null.
fn field(
    name: &str,
    value: serde_json::Value,
) -> std::result::Result<Option<FieldValue>, SqlError> {
    Ok(Some(match value {
        serde_json::Value::Null => return Ok(None),
        serde_json::Value::Bool(value) => FieldValue::Boolean(value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(integer) => FieldValue::Integer(integer),
            None => FieldValue::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => FieldValue::Bytes(text.into_bytes().into()),
        serde_json::Value::Array(items) => {
            let items = items.into_iter().map(|item| field(name, item));
            let items = items.collect::<std::result::Result<Vec<_>, _>>()?;
            FieldValue::List(items.into_iter().flatten().collect())
        }
        serde_json::Value::Object(_) => {
            return Err(SqlError::Statement(format!(
                "expected text, numbers, true, false or lists of them in properties, got an object in '{name}'"
            )));
        }
    }))
}
