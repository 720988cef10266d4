//! Actions about the memory itself: `read`, `write`, `stats`, `checkpoint`, `fork`, `command`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array as _, AsArray as _, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondBuilder,
    UInt64Array, UInt64Builder,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};
use ladybug_engine::space::address::Zone;
use ladybug_engine::space::schema::{node_fields, time_type};
use ladybug_engine::table::{NodeScan, node_batches, node_schema};

use super::body::EXTENSION;
use super::calls::{Call, Caller, Request, integer};
use super::{Action, Kind, Parameters, Run, SPACE, needed, optional};
use crate::server::flight::error::FlightError;
use crate::server::flight::{get, ingest};
use crate::server::resp::commands::operand::Arguments;

pub(super) const READ: Action = Action {
    name: "read",
    summary: "A node with all its columns, one for each call",
    parameters: Parameters::These(&[
        needed("node", Kind::Bytes, "a node: a key, @8042 or #17"),
        SPACE,
    ]),
    results: node_fields,
    run: Run::All(read),
};

pub(super) const WRITE: Action = Action {
    name: "write",
    summary: "Makes or changes nodes, a row each, as DoPut does: all calls as one commit, which must be of one space. \
              Answers how many rows there were, and the version that has them",
    parameters: Parameters::OfNode,
    results: || {
        vec![
            Field::new("rows", DataType::UInt64, false),
            Field::new("version", DataType::UInt64, false),
        ]
    },
    run: Run::All(write),
};

pub(super) const STATS: Action = Action {
    name: "stats",
    summary: "What each space holds: named nodes, nodes of both zones, edges, and its version",
    parameters: Parameters::These(&[]),
    results: stats_fields,
    run: Run::All(stats),
};

pub(super) const CHECKPOINT: Action = Action {
    name: "checkpoint",
    summary: "Writes a checkpoint of all spaces to disk or, with a name, keeps a space as it is under that name. \
              Answers the log position that is durable then",
    parameters: Parameters::These(&[
        optional("name", Kind::Text, "the name of a checkpoint of one space"),
        SPACE,
    ]),
    results: || vec![Field::new("position", DataType::UInt64, false)],
    run: Run::All(checkpoint),
};

pub(super) const FORK: Action = Action {
    name: "fork",
    summary: "Begins a space of a new name as another is, or was; answers the version that it begins with",
    parameters: Parameters::These(&[
        needed("name", Kind::Text, "the new space's name"),
        optional(
            "version",
            Kind::Number,
            "the version to begin with; the newest unless given",
        ),
        SPACE,
    ]),
    results: || vec![Field::new("version", DataType::UInt64, false)],
    run: Run::All(fork),
};

pub(super) const COMMAND: Action = Action {
    name: "command",
    summary: "Executes any command of RESP but those that need a connection that lasts; answers its reply as JSON, \
              in the form that HTTP has it",
    parameters: Parameters::These(&[
        needed(
            "arguments",
            Kind::BytesList,
            "the command's name and arguments",
        ),
        SPACE,
    ]),
    results: command_fields,
    run: Run::All(command),
};

/// The columns of a node, all of which a call may leave out, and the space.
pub(super) fn writable_fields() -> Vec<Field> {
    let mut fields: Vec<Field> = node_fields()
        .into_iter()
        .map(|field| field.with_nullable(true))
        .collect();
    fields.push(Field::new("space", DataType::Utf8, true));
    fields
}

fn read(caller: &mut Caller, calls: &RecordBatch) -> Result<RecordBatch, FlightError> {
    let engine = Arc::clone(&caller.server.engine);
    let mut snapshots = HashMap::new();
    let mut rows = Vec::with_capacity(calls.num_rows());
    for call in Call::all(calls) {
        let space = get::space(&engine, call.text("space"))?;
        let snapshot = snapshots
            .entry(space)
            .or_insert_with(|| Arc::new(engine.glance(space)));
        engine.log().wait(snapshot.position)?;
        let request = get::operand_arguments(call.bytes("node").unwrap_or_default());
        let mut arguments = Arguments::new(&request);
        let reference = arguments.reference()?;
        arguments.end()?;
        let view = snapshot.view();
        let address = reference.node(&view)?.address();
        let accesses = engine.accesses(space);
        if let Some(accesses) = &accesses {
            accesses.touch(address, view.now);
        }
        let scan = NodeScan {
            addresses: Some(vec![address]),
            accesses,
            ..NodeScan::default()
        };
        for batch in node_batches(Arc::clone(snapshot), scan) {
            rows.push(batch?);
        }
    }
    Ok(concat_batches(&node_schema(), &rows)?)
}

fn write(caller: &mut Caller, calls: &RecordBatch) -> Result<RecordBatch, FlightError> {
    let spaces: Vec<Option<&str>> = Call::all(calls).map(|call| call.text("space")).collect();
    let label = spaces.first().copied().flatten();
    if spaces.iter().any(|space| *space != label) {
        return Err(FlightError::bad(
            "expected calls of one space, which become one commit",
        ));
    }
    let engine = &caller.server.engine;
    let space = label.map_or(Ok(0), |label| engine.space(label))?;
    // A parameter that no call says leaves what is there.
    let given = |at: &usize| {
        let column = calls.column(*at);
        column.null_count() < column.len() && calls.schema_ref().field(*at).name() != "space"
    };
    let given: Vec<usize> = (0..calls.num_columns()).filter(given).collect();
    let written = ingest::write(&caller.server, space, &[calls.project(&given)?])?;
    let rows = UInt64Array::from(vec![written.rows as u64]);
    let version = UInt64Array::from(vec![written.version]);
    let schema = Arc::new(Schema::new((WRITE.results)()));
    Ok(RecordBatch::try_new(
        schema,
        vec![Arc::new(rows), Arc::new(version)],
    )?)
}

fn stats_fields() -> Vec<Field> {
    vec![
        Field::new("space", DataType::Utf8, false),
        Field::new("names", DataType::UInt64, false),
        Field::new("node_zone", DataType::UInt64, false),
        Field::new("fluid_zone", DataType::UInt64, false),
        Field::new("edges", DataType::UInt64, false),
        Field::new("version", DataType::UInt64, false),
        Field::new("committed", time_type(), false),
    ]
}

fn stats(caller: &mut Caller, _: &RecordBatch) -> Result<RecordBatch, FlightError> {
    let engine = &caller.server.engine;
    let mut labels = StringBuilder::new();
    let mut counts: [UInt64Builder; 5] = std::array::from_fn(|_| UInt64Builder::new());
    let mut committed = TimestampMicrosecondBuilder::new();
    let mut revealed = 0;
    for space in engine.spaces() {
        let outcome = engine.read(space, |view| {
            let state = view.state;
            let zones = [Zone::Node, Zone::Fluid].map(|zone| state.population(zone) as u64);
            let [node, fluid] = zones;
            let (names, edges) = (state.names_len() as u64, state.graph().len() as u64);
            (
                [names, node, fluid, edges, state.version()],
                state.committed(),
            )
        });
        revealed = revealed.max(outcome.position);
        labels.append_value(engine.space_label(space));
        for (builder, count) in counts.iter_mut().zip(outcome.value.0) {
            builder.append_value(count);
        }
        committed.append_value(outcome.value.1);
    }
    engine.log().wait(revealed)?;
    let mut columns: Vec<arrow::array::ArrayRef> = vec![Arc::new(labels.finish())];
    for mut builder in counts {
        columns.push(Arc::new(builder.finish()));
    }
    columns.push(Arc::new(committed.finish()));
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(stats_fields())),
        columns,
    )?)
}

/// One number for each call.
fn numbers(
    action: &Action,
    calls: &RecordBatch,
    of: impl FnMut(Call<'_>) -> Result<u64, FlightError>,
) -> Result<RecordBatch, FlightError> {
    let numbers = Call::all(calls).map(of).collect::<Result<Vec<_>, _>>()?;
    let schema = Arc::new(Schema::new((action.results)()));
    Ok(RecordBatch::try_new(
        schema,
        vec![Arc::new(UInt64Array::from(numbers))],
    )?)
}

fn checkpoint(caller: &mut Caller, calls: &RecordBatch) -> Result<RecordBatch, FlightError> {
    numbers(&CHECKPOINT, calls, |call| {
        let request = match call.text("name") {
            Some(name) => Request::new("DAG.CHECKPOINT").with(&[name.as_bytes()]),
            None => Request::new("SAVE"),
        };
        caller.execute(call.text("space"), request)?;
        Ok(caller.server.engine.log().durable_position())
    })
}

fn fork(caller: &mut Caller, calls: &RecordBatch) -> Result<RecordBatch, FlightError> {
    numbers(&FORK, calls, |call| {
        let name = call.text("name").unwrap_or_default();
        let request = Request::new("DAG.FORK")
            .with(&[name.as_bytes()])
            .option("AT", call.number("version"));
        integer(&caller.execute(call.text("space"), request)?)
    })
}

fn command_fields() -> Vec<Field> {
    let (name, extension) = EXTENSION;
    let metadata = HashMap::from([(name.to_owned(), extension.to_owned())]);
    vec![Field::new("reply", DataType::Utf8, false).with_metadata(metadata)]
}

fn command(caller: &mut Caller, calls: &RecordBatch) -> Result<RecordBatch, FlightError> {
    let replies = Call::all(calls).map(|call| {
        let arguments = call
            .list("arguments")
            .unwrap_or_else(|| arrow::array::new_empty_array(&DataType::Binary));
        let arguments = arguments.as_binary::<i32>();
        let words: Vec<&[u8]> = arguments.iter().map(Option::unwrap_or_default).collect();
        let Some((name, rest)) = words.split_first() else {
            return Err(FlightError::bad(
                "expected a command's name, got an empty list",
            ));
        };
        caller.command(
            call.text("space"),
            Request::default().with(&[name]).with(rest),
        )
    });
    let replies = replies.collect::<Result<Vec<_>, _>>()?;
    let schema = Arc::new(Schema::new(command_fields()));
    Ok(RecordBatch::try_new(
        schema,
        vec![Arc::new(StringArray::from(replies))],
    )?)
}
