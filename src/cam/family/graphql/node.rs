//! A node, whole.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Float64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray, UInt64Array,
};
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::fields::fields_json;
use ladybug_engine::space::marks::decimal;

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::{Call, decimal_sql};
use super::super::super::error::Fault;
use super::super::super::host::{Reading, Row};
use super::super::super::method::Scope;
use super::super::lance;
use super::NODE;

pub fn sql(call: &Call<'_>) -> String {
    let columns = match call.scope() {
        Scope::Surface => {
            "'surface' AS zone, name, NULL AS kinds, value, properties AS fields, NULL AS frequency, NULL AS confidence, \
             NULL AS rung, NULL AS depth, NULL AS parent, NULL AS version, NULL AS created, NULL AS expires"
                .to_owned()
        }
        _ => format!(
            "zone, name, kinds, value, properties AS fields, {} AS frequency, {} AS confidence, rung, depth, parent, \
             version, created, expires",
            decimal_sql("frequency"),
            decimal_sql("confidence")
        ),
    };
    format!(
        "SELECT id, address, {columns}, fingerprint FROM {} WHERE {}",
        call.rows_sql(),
        call.node_sql(0)
    )
}

pub fn node(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let address = call.place(0).address;
    let view = reading.view();
    let node = view.node(address);
    let rows: Vec<Row<'_>> = match node {
        Some(node) => vec![Row::of(&view, node)],
        None => lance::rows_at(reading, call.scope(), [address].into_iter()),
    };
    let (mut columns, bits) = row_columns(&rows);
    let number = |of: &dyn Fn(Node<'_>) -> Option<u64>| -> ArrayRef {
        Arc::new(UInt64Array::from_iter(
            rows.iter().map(|_| node.and_then(of)),
        ))
    };
    let share = |of: fn(Node<'_>) -> f32| -> ArrayRef {
        let shares = rows.iter().map(|_| node.map(|node| decimal(of(node))));
        Arc::new(Float64Array::from_iter(shares))
    };
    let time = |of: &dyn Fn(Node<'_>) -> Option<i64>| -> ArrayRef {
        let times = rows.iter().map(|_| node.and_then(of));
        Arc::new(TimestampMicrosecondArray::from_iter(times))
    };
    let zones = rows.iter().map(|row| row.address.zone().name());
    columns.insert(2, Arc::new(StringArray::from_iter_values(zones)));
    let mut kinds = ListBuilder::new(StringBuilder::new());
    for _ in &rows {
        for kind in node.iter().flat_map(|node| node.kinds()) {
            kinds.values().append_value(kind);
        }
        kinds.append(node.is_some());
    }
    let value = node.and_then(|node| node.value());
    let value = rows.iter().map(|_| value.map(|value| &value[..]));
    let fields = node.and_then(|node| node.fields());
    let fields = rows
        .iter()
        .map(|_| fields.map(|fields| fields_json(fields).to_string()));
    let rest: [ArrayRef; 11] = [
        Arc::new(kinds.finish()),
        Arc::new(BinaryArray::from_iter(value)),
        Arc::new(StringArray::from_iter(fields)),
        share(|node| node.truth().frequency()),
        share(|node| node.truth().confidence()),
        number(&|node| Some(node.rung().into())),
        number(&|node| Some(node.depth().into())),
        number(&|node| Some(view.parent(node)?.id())),
        number(&|node| Some(node.version())),
        time(&|node| Some(node.created())),
        time(&|node| node.expires()),
    ];
    columns.extend(rest);
    columns.push(bits);
    Ok(batch(NODE, columns))
}
