//! Documents, through the engine of GraphQL.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use async_graphql::{PathSegment, ServerError};
use ladybug_engine::engine::{Outcome, When};

use super::super::super::batch::{batch, texts};
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::super::super::method::Scope;
use super::{PLANNED, RESPONSE, WRONG};
use crate::operand::shown;
use crate::query::graphql::{Answered, Document, Planned, Seen};

/// The argument that is a document.
const DOC: usize = 0;
/// The argument that gives its variables values.
const VARIABLES: usize = 1;

/// What a document of the call sees.
pub fn seen(reading: &Reading<'_>, scope: Scope) -> Result<Seen, Fault> {
    let mark = reading.mark();
    let before = reading.base().filter(|base| *base != mark.version);
    let base = before.map(|base| reading.state_at(When::Version(base)));
    Ok(Seen {
        snapshot: reading.glance().clone(),
        mark,
        base: base.transpose()?.map(|then| then.value),
        zone: scope.zone(),
    })
}

/// The values of variables.
fn variables(call: &Call<'_>) -> Result<serde_json::Value, Fault> {
    if !call.has(VARIABLES) {
        return Ok(serde_json::Value::Null);
    }
    let text = call.text(VARIABLES);
    let json = serde_json::from_str(text).ok();
    json.filter(serde_json::Value::is_object).ok_or_else(|| {
        Fault::of(
            "variables",
            format!(
                "expected a JSON object such as {{\"name\":\"ada\"}}, got '{}'",
                shown(text.as_bytes())
            ),
        )
    })
}

fn document(call: &Call<'_>) -> Result<Document, Fault> {
    Ok(Document {
        text: call.text(DOC).to_owned(),
        variables: variables(call)?,
        ..Document::default()
    })
}

/// The command that a mutation is.
pub fn command(call: &Call<'_>) -> String {
    let mut command = format!("GRAPHQL {}", call.text(DOC));
    if let Ok(variables @ serde_json::Value::Object(_)) = variables(call) {
        let _ = write!(command, " VARIABLES {variables}");
    }
    command
}

/// What is wrong with a document, and where.
fn fault(error: &ServerError) -> Fault {
    let mut message = error.message.trim_end_matches('.').to_owned();
    if let Some(place) = error.locations.first() {
        let _ = write!(message, ", at line {}, column {}", place.line, place.column);
    }
    if !error.path.is_empty() {
        let path = error.path.iter().map(|segment| match segment {
            PathSegment::Field(name) => name.clone(),
            PathSegment::Index(index) => index.to_string(),
        });
        let _ = write!(message, ", in {}", path.collect::<Vec<_>>().join("."));
    }
    Fault::of("doc", message)
}

/// The response as a row; an error if there is nothing but errors.
fn response(answered: &Answered) -> Result<RecordBatch, Fault> {
    let json = answered.json();
    match (&json["data"], answered.response.errors.first()) {
        (serde_json::Value::Null, Some(error)) => Err(fault(error)),
        (data, _) => {
            let errors = json.get("errors").map(ToString::to_string);
            let columns: [ArrayRef; 2] = [
                Arc::new(StringArray::from(vec![data.to_string()])),
                Arc::new(StringArray::from(vec![errors])),
            ];
            Ok(batch(RESPONSE, columns.to_vec()))
        }
    }
}

pub fn query(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let document = document(call)?;
    let host = reading.host();
    let seen = seen(reading, call.scope())?;
    let answered = host.graphql.query(host.space, document, seen);
    reading.reveal(answered.position);
    response(&answered)
}

pub fn mutation(call: &Call<'_>, reading: &Reading<'_>) -> Outcome<Result<RecordBatch, Fault>> {
    if call.scope() != Scope::All {
        return Outcome::refused(Fault::of(
            "SCOPE",
            format!(
                "expected all, got {}: a mutation changes what it names",
                call.scope().name()
            ),
        ));
    }
    let document = match document(call) {
        Ok(document) => document,
        Err(fault) => return Outcome::refused(fault),
    };
    let host = reading.host();
    let answered = host.graphql.mutate(host.space, document);
    Outcome {
        value: response(&answered),
        position: answered.position,
        events: answered.events,
    }
}

pub fn validate(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let host = reading.host();
    let seen = seen(reading, call.scope())?;
    let errors = host.graphql.validate(host.space, call.text(DOC), seen);
    let place = |of: fn(&async_graphql::Pos) -> usize| -> ArrayRef {
        let numbers = errors.iter().map(|error| {
            let place = error.locations.first()?;
            Some(of(place) as u64)
        });
        Arc::new(UInt64Array::from_iter(numbers))
    };
    let messages = errors.iter().map(|error| &error.message);
    Ok(batch(
        WRONG,
        vec![
            Arc::new(StringArray::from_iter_values(messages)),
            place(|place| place.line),
            place(|place| place.column),
        ],
    ))
}

pub fn explain(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let host = reading.host();
    let seen = seen(reading, call.scope())?;
    let planned = host.graphql.explain(host.space, call.text(DOC), seen);
    let planned = planned.map_err(|error| fault(&error))?;
    let limits = host.graphql.limits();
    let text = |of: fn(&Planned) -> Option<&str>| -> ArrayRef {
        Arc::new(StringArray::from_iter(planned.iter().map(of)))
    };
    let counts = |of: &dyn Fn(&Planned) -> Option<u64>| -> ArrayRef {
        Arc::new(UInt64Array::from_iter(planned.iter().map(of)))
    };
    let limit = |limit: usize| counts(&|_| Some(limit as u64));
    let timeout = limits.timeout.map(|timeout| timeout.as_millis() as u64);
    Ok(batch(
        PLANNED,
        vec![
            text(|one| Some(one.operation)),
            text(|one| one.name.as_deref()),
            counts(&|one| Some(one.fields.len() as u64)),
            limit(limits.complexity_max),
            counts(&|one| Some(one.depth as u64)),
            limit(limits.depth_max),
            limit(limits.page_max),
            limit(limits.rows_max),
            limit(limits.memory_bytes),
            counts(&|_| timeout),
            texts(planned.iter().map(|one| &one.fields[..])),
        ],
    ))
}
