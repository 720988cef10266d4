//! Columns of a scope's rows, as they are in memory.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::row::{RowConverter, Rows, SortField};
use ladybug_engine::space::address::Zone;
use ladybug_engine::table::{NodeScan, node_schema};

use super::super::super::batch::{marked, row_columns};
use super::super::super::call::{Call, rows_sql};
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::super::super::method::Scope;
use super::super::lance::stored;

/// What words of the surface have of a node's columns.
const SURFACE: [&str; 4] = ["id", "address", "name", "fingerprint"];

/// The columns that a scope has.
pub fn all(scope: Scope) -> Vec<String> {
    let schema = node_schema();
    let names = schema.fields().iter().map(|field| field.name().clone());
    let is_there = |name: &String| scope != Scope::Surface || SURFACE.contains(&name.as_str());
    names.filter(is_there).collect()
}

/// Names as SQL writes them.
pub fn listed(names: &[String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    quoted.join(", ")
}

/// The rows of a call's scope as a table to select from.
pub fn from(call: &Call<'_>) -> String {
    rows_sql(call.scope()).into_owned()
}

/// These columns of the rows of a call's scope, by address; `argument` is what they were asked for by.
pub fn read(
    call: &Call<'_>,
    reading: &Reading<'_>,
    argument: &str,
    names: &[String],
) -> Result<RecordBatch, Fault> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let schema = node_schema();
    let fields = names.iter().map(|name| schema.field_with_name(name));
    let fields: Vec<Field> = fields
        .map(|field| {
            field.map(|field| match field.name().as_str() {
                "address" => marked(field.clone()),
                _ => field.clone(),
            })
        })
        .collect::<Result<_, _>>()?;
    if call.scope() != Scope::Surface {
        let prefixes = match call.scope().zone() {
            Some(zone) => zone.prefixes(),
            None => *Zone::Fluid.prefixes().start()..=*Zone::Node.prefixes().end(),
        };
        let host = reading.host();
        let scan = NodeScan {
            prefixes,
            accesses: host.engine().accesses(host.space),
            ..NodeScan::default()
        };
        let columns = stored(reading, scan, &names)?;
        return Ok(RecordBatch::try_new(
            Arc::new(Schema::new(fields)),
            columns,
        )?);
    }
    let rows = reading.rows(Scope::Surface);
    let (mut begin, bits) = row_columns(&rows);
    begin.push(bits);
    let of = |name: &&str| SURFACE.iter().position(|known| known == name);
    let columns: Option<Vec<ArrayRef>> = names
        .iter()
        .map(|name| Some(Arc::clone(&begin[of(name)?])))
        .collect();
    let Some(columns) = columns else {
        let known = SURFACE.join(", ");
        return Err(Fault::of(
            argument,
            format!(
                "expected columns that words of the surface have, {known}, got {}",
                names.join(", ")
            ),
        ));
    };
    let nullable = |field: Field| {
        let is_nullable = field.is_nullable() || field.name() == "id";
        field.with_nullable(is_nullable)
    };
    let fields: Vec<Field> = fields.into_iter().map(nullable).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    Ok(RecordBatch::try_new_with_options(
        Arc::new(Schema::new(fields)),
        columns,
        &options,
    )?)
}

/// Rows in a form that compares as their values do: nothing comes last, where it descends first.
pub fn comparable(columns: &[(ArrayRef, bool)]) -> Result<Rows, Fault> {
    let field = |(column, descends): &(ArrayRef, bool)| {
        let options = SortOptions {
            descending: *descends,
            nulls_first: *descends,
        };
        SortField::new_with_options(column.data_type().clone(), options)
    };
    let converter = RowConverter::new(columns.iter().map(field).collect())?;
    let arrays: Vec<ArrayRef> = columns
        .iter()
        .map(|(column, _)| Arc::clone(column))
        .collect();
    Ok(converter.convert_columns(&arrays)?)
}

/// Refuses columns whose values are lists, which have no order.
pub fn single<'n>(
    argument: &str,
    names: impl IntoIterator<Item = &'n String>,
) -> Result<(), Fault> {
    let schema = node_schema();
    for name in names {
        let field = schema.field_with_name(name)?;
        if matches!(
            field.data_type(),
            DataType::List(_) | DataType::FixedSizeList(..)
        ) {
            return Err(Fault::of(
                argument,
                format!("expected columns of single values, and {name} has lists"),
            ));
        }
    }
    Ok(())
}
