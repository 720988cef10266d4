//! Types: printed, listed, and as introspection tells of them.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};

use super::super::super::batch::batch;
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::document::seen;
use super::{FIELDS, SCHEMA, TYPES};
use crate::operand::shown;
use crate::query::graphql::Described;

fn one(text: String) -> RecordBatch {
    batch(SCHEMA, vec![Arc::new(StringArray::from(vec![text]))])
}

fn described(call: &Call<'_>, reading: &Reading<'_>) -> Result<Vec<Described>, Fault> {
    let host = reading.host();
    let types = host
        .graphql
        .describe(host.space, &seen(reading, call.scope())?);
    types.map_err(|error| Fault::Argument(error.message))
}

pub fn sdl(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let host = reading.host();
    let seen = seen(reading, call.scope())?;
    Ok(one(host.graphql.sdl_of(host.space, &seen)))
}

pub fn introspect(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let host = reading.host();
    let seen = seen(reading, call.scope())?;
    let answered = host.graphql.introspect(host.space, seen);
    Ok(one(answered.json()["data"].to_string()))
}

pub fn types(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let types = described(call, reading)?;
    let text = |of: fn(&Described) -> Option<&str>| -> ArrayRef {
        Arc::new(StringArray::from_iter(types.iter().map(of)))
    };
    let fields = types.iter().map(|one| one.fields.len() as u64);
    Ok(batch(
        TYPES,
        vec![
            text(|one| Some(&one.name)),
            text(|one| Some(one.category)),
            text(|one| one.kind.as_deref()),
            Arc::new(UInt64Array::from_iter_values(fields)),
            text(|one| one.description.as_deref()),
        ],
    ))
}

pub fn fields(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let types = described(call, reading)?;
    let name = call.text(0);
    let found = types.iter().find(|one| one.name == name);
    let found = found.ok_or_else(|| {
        Fault::of(
            "type",
            format!(
                "expected one of the {} types of GRAPHQL.TYPES, such as Node, got '{}'",
                types.len(),
                shown(name.as_bytes())
            ),
        )
    })?;
    let fields = || found.fields.iter();
    let all: [ArrayRef; 4] = [
        Arc::new(StringArray::from_iter_values(fields().map(|one| &one.name))),
        Arc::new(StringArray::from_iter(
            fields().map(|one| one.of.as_deref()),
        )),
        Arc::new(StringArray::from_iter_values(
            fields().map(|one| &one.arguments),
        )),
        Arc::new(StringArray::from_iter(
            fields().map(|one| one.description.as_deref()),
        )),
    ];
    Ok(batch(FIELDS, all.to_vec()))
}
