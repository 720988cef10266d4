//! Actions about edges: `bind`, `unbind`, `link`.

use std::sync::Arc;

use arrow::array::{
    FixedSizeBinaryBuilder, RecordBatch, StringBuilder, UInt16Array, UInt16Builder, UInt32Builder,
    UInt64Array, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Schema};
use ladybug_engine::fingerprint::BYTES;

use super::calls::{Call, Caller, Request, address, fingerprint, id, integer, items, text};
use super::{Action, Kind, Parameters, Run, SPACE, fingerprint_field, needed, optional};
use crate::server::flight::error::FlightError;

pub(super) const BIND: Action = Action {
    name: "bind",
    summary: "Adds an edge that has an address and a fingerprint of its own; answers the address",
    parameters: Parameters::These(&[
        needed("source", Kind::Bytes, "a node: a key, @8042 or #17"),
        needed("target", Kind::Bytes, "another"),
        optional("verb", Kind::Text, "a verb; RELATES unless given"),
        SPACE,
    ]),
    results: || vec![Field::new("address", DataType::UInt16, false)],
    run: Run::All(bind),
};

pub(super) const LINK: Action = Action {
    name: "link",
    summary: "Adds an edge of a verb from one node to another; answers its id",
    parameters: Parameters::These(&[
        needed("source", Kind::Bytes, "a node: a key, @8042 or #17"),
        needed("verb", Kind::Text, "a verb"),
        needed("target", Kind::Bytes, "another node"),
        optional("weight", Kind::Float, "how much it counts; 1 unless given"),
        optional(
            "truth",
            Kind::Text,
            "frequency,confidence; 1,0.9 unless given",
        ),
        SPACE,
    ]),
    results: || vec![Field::new("id", DataType::UInt64, false)],
    run: Run::All(link),
};

pub(super) const UNBIND: Action = Action {
    name: "unbind",
    summary: "From an edge that bind made and one of its ends, the other, and what was recovered of it",
    parameters: Parameters::These(&[
        needed("edge", Kind::Bytes, "the edge: @1042 or #17"),
        needed(
            "known",
            Kind::Bytes,
            "an operand, a key unless it says otherwise",
        ),
        SPACE,
    ]),
    results: unbind_fields,
    run: Run::All(unbind),
};

fn unbind_fields() -> Vec<Field> {
    vec![
        Field::new("id", DataType::UInt64, false),
        Field::new("address", DataType::UInt16, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("distance", DataType::UInt32, false),
        fingerprint_field(),
    ]
}

fn bind(caller: &mut Caller, calls: &RecordBatch) -> Result<RecordBatch, FlightError> {
    let addresses = Call::all(calls).map(|call| {
        let operand = |name| call.bytes(name).unwrap_or_default();
        let request = Request::new("BIND")
            .operand(operand("source"))
            .operand(operand("target"))
            .option("VIA", call.text("verb"));
        address(&caller.execute(call.text("space"), request)?)
    });
    let addresses = addresses.collect::<Result<Vec<_>, _>>()?;
    let schema = Arc::new(Schema::new((BIND.results)()));
    Ok(RecordBatch::try_new(
        schema,
        vec![Arc::new(UInt16Array::from(addresses))],
    )?)
}

fn link(caller: &mut Caller, calls: &RecordBatch) -> Result<RecordBatch, FlightError> {
    let ids = Call::all(calls).map(|call| {
        let operand = |name| call.bytes(name).unwrap_or_default();
        let request = Request::new("LINK")
            .operand(operand("source"))
            .with(&[call.text("verb").unwrap_or_default().as_bytes()])
            .operand(operand("target"))
            .option("WEIGHT", call.float("weight"))
            .option("TRUTH", call.text("truth"));
        id(&caller.execute(call.text("space"), request)?)
    });
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let schema = Arc::new(Schema::new((LINK.results)()));
    Ok(RecordBatch::try_new(
        schema,
        vec![Arc::new(UInt64Array::from(ids))],
    )?)
}

fn unbind(caller: &mut Caller, calls: &RecordBatch) -> Result<RecordBatch, FlightError> {
    let (mut ids, mut addresses) = (UInt64Builder::new(), UInt16Builder::new());
    let (mut names, mut distances) = (StringBuilder::new(), UInt32Builder::new());
    let mut fingerprints = FixedSizeBinaryBuilder::new(BYTES as i32);
    for call in Call::all(calls) {
        let operand = |name| call.bytes(name).unwrap_or_default();
        let request = Request::new("UNBIND")
            .operand(operand("edge"))
            .operand(operand("known"));
        let reply = caller.execute(call.text("space"), request)?;
        let [name, at, id_of, distance, bits] = items(&reply)? else {
            return Err(FlightError::new(
                "INTERNAL",
                "expected a row of five columns",
            ));
        };
        ids.append_value(id(id_of)?);
        addresses.append_value(address(at)?);
        names.append_option(text(name)?);
        distances.append_value(u32::try_from(integer(distance)?).unwrap_or(u32::MAX));
        fingerprints.append_value(fingerprint(bits)?)?;
    }
    let columns: Vec<arrow::array::ArrayRef> = vec![
        Arc::new(ids.finish()),
        Arc::new(addresses.finish()),
        Arc::new(names.finish()),
        Arc::new(distances.finish()),
        Arc::new(fingerprints.finish()),
    ];
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(unbind_fields())),
        columns,
    )?)
}
