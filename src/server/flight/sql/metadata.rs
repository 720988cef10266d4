//! What there is to query, and what this server is, in the tables that Flight SQL prescribes.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{
    Command, CommandGetPrimaryKeys, SqlInfo, SqlNullOrdering, SqlSupportedCaseSensitivity,
    SqlSupportedTransaction,
};

use super::types::TYPES;
use super::{FlightSql, unsupported};
use crate::query::sql::{CATALOG, TableInfo};
use crate::server::flight::error::FlightError;

/// The types of tables: those that can be written, and the others.
const TABLE_TYPES: [&str; 2] = ["TABLE", "SYSTEM TABLE"];
/// The version of Arrow that streams are in.
const ARROW_VERSION: &str = "58.4.1";

/// What this server is.
static INFO: LazyLock<SqlInfoData> = LazyLock::new(|| {
    let mut info = SqlInfoDataBuilder::new();
    info.append(SqlInfo::FlightSqlServerName, "Ladybug");
    info.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    info.append(SqlInfo::FlightSqlServerArrowVersion, ARROW_VERSION);
    info.append(SqlInfo::FlightSqlServerReadOnly, false);
    info.append(SqlInfo::FlightSqlServerSql, true);
    info.append(SqlInfo::FlightSqlServerSubstrait, false);
    info.append(
        SqlInfo::FlightSqlServerTransaction,
        SqlSupportedTransaction::Transaction as i32,
    );
    info.append(SqlInfo::FlightSqlServerCancel, true);
    info.append(SqlInfo::FlightSqlServerBulkIngestion, true);
    info.append(SqlInfo::FlightSqlServerIngestTransactionsSupported, false);
    info.append(SqlInfo::SqlDdlCatalog, false);
    info.append(SqlInfo::SqlDdlSchema, false);
    info.append(SqlInfo::SqlDdlTable, false);
    info.append(
        SqlInfo::SqlIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase as i32,
    );
    info.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    info.append(
        SqlInfo::SqlQuotedIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i32,
    );
    info.append(SqlInfo::SqlAllTablesAreSelectable, true);
    info.append(
        SqlInfo::SqlNullOrdering,
        SqlNullOrdering::SqlNullsSortedHigh as i32,
    );
    info.build()
        .expect("invariant: the values are of the types that the builder knows")
});

impl FlightSql {
    /// The one batch of a command that asks what there is.
    ///
    /// # Errors
    /// It asks for something else.
    pub fn metadata(&self, command: &Command) -> Result<RecordBatch, FlightError> {
        Ok(match command.clone() {
            Command::CommandGetCatalogs(command) => {
                let mut builder = command.into_builder();
                builder.append(CATALOG);
                builder.build()?
            }
            Command::CommandGetDbSchemas(command) => {
                let mut builder = command.into_builder();
                for schema in self.sql().schemas() {
                    builder.append(CATALOG, schema);
                }
                builder.build()?
            }
            Command::CommandGetTables(command) => {
                let mut builder = command.into_builder();
                for table in self.sql().tables() {
                    let kind = TABLE_TYPES[usize::from(!table.is_writable)];
                    builder.append(CATALOG, &table.schema, &table.table, kind, &table.columns)?;
                }
                builder.build()?
            }
            Command::CommandGetTableTypes(command) => {
                let mut builder = command.into_builder();
                for kind in TABLE_TYPES {
                    builder.append(kind);
                }
                builder.build()?
            }
            Command::CommandGetSqlInfo(command) => command.into_builder(&INFO).build()?,
            Command::CommandGetXdbcTypeInfo(command) => command.into_builder(&TYPES).build()?,
            Command::CommandGetPrimaryKeys(command) => self.primary_keys(&command)?,
            // No table points to another by its primary key.
            Command::CommandGetExportedKeys(_)
            | Command::CommandGetImportedKeys(_)
            | Command::CommandGetCrossReference(_) => RecordBatch::new_empty(foreign_keys()),
            other => return Err(unsupported(other.type_url())),
        })
    }

    fn primary_keys(&self, command: &CommandGetPrimaryKeys) -> Result<RecordBatch, FlightError> {
        let is_ours = command
            .catalog
            .as_deref()
            .is_none_or(|catalog| catalog == CATALOG);
        let schema = command.db_schema.as_deref().unwrap_or("space_0");
        let table = self.sql().table(schema, &command.table).filter(|_| is_ours);
        let table = table.ok_or_else(|| {
            let message = format!("no such table '{}'", command.table);
            FlightError::new("NOSUCHFLIGHT", message)
        })?;
        Ok(key_rows(&table)?)
    }
}

fn key_rows(table: &TableInfo) -> Result<RecordBatch, ArrowError> {
    let keys = table.primary_key;
    let texts = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; keys.len()])) };
    let places = (1..).take(keys.len());
    let columns: Vec<ArrayRef> = vec![
        texts(CATALOG),
        texts(&table.schema),
        texts(&table.table),
        Arc::new(StringArray::from(keys.to_vec())),
        Arc::new(Int32Array::from_iter_values(places)),
        Arc::new(StringArray::from(vec![None::<&str>; keys.len()])),
    ];
    RecordBatch::try_new(primary_keys(), columns)
}

/// The columns that Flight SQL prescribes for primary keys.
fn primary_keys() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("catalog_name", DataType::Utf8, true),
        Field::new("db_schema_name", DataType::Utf8, true),
        Field::new("table_name", DataType::Utf8, false),
        Field::new("column_name", DataType::Utf8, false),
        Field::new("key_sequence", DataType::Int32, false),
        Field::new("key_name", DataType::Utf8, true),
    ]))
}

/// Those for foreign keys.
fn foreign_keys() -> SchemaRef {
    let mut fields = Vec::new();
    for side in ["pk", "fk"] {
        fields.push(Field::new(
            format!("{side}_catalog_name"),
            DataType::Utf8,
            true,
        ));
        fields.push(Field::new(
            format!("{side}_db_schema_name"),
            DataType::Utf8,
            true,
        ));
        fields.push(Field::new(
            format!("{side}_table_name"),
            DataType::Utf8,
            false,
        ));
        fields.push(Field::new(
            format!("{side}_column_name"),
            DataType::Utf8,
            false,
        ));
    }
    fields.push(Field::new("key_sequence", DataType::Int32, false));
    fields.push(Field::new("fk_key_name", DataType::Utf8, true));
    fields.push(Field::new("pk_key_name", DataType::Utf8, true));
    fields.push(Field::new("update_rule", DataType::UInt8, false));
    fields.push(Field::new("delete_rule", DataType::UInt8, false));
    Arc::new(Schema::new(fields))
}
