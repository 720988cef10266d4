//! Actions about fingerprints: `encode`, `hamming`, `xor_bind`, `resonate`.

use std::sync::Arc;

use arrow::array::{
    AsArray as _, FixedSizeBinaryBuilder, Float64Builder, RecordBatch, StringBuilder,
    UInt16Builder, UInt32Builder, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Float32Type, Schema};
use ladybug_engine::fingerprint::{BYTES, similarity, z};

use super::calls::{Call, Caller, Request, address, double, fingerprint, integer, items, text};
use super::{Action, Kind, Parameters, Run, SPACE, fingerprint_field, needed, optional};
use crate::server::flight::error::FlightError;
use crate::server::flight::get::ranking_fields;

pub(super) const ENCODE: Action = Action {
    name: "encode",
    summary: "The fingerprint of an operand, of bytes that are equal or unrelated, of named fields, or of a vector: \
              a call says one of them",
    parameters: Parameters::These(&[
        optional(
            "input",
            Kind::Bytes,
            "an operand, text unless it says otherwise",
        ),
        optional("exact", Kind::Bytes, "bytes, to be equal or unrelated"),
        optional("record", Kind::Text, "a JSON object of fields"),
        optional("vector", Kind::FloatList, "a vector of any dimension"),
        SPACE,
    ]),
    results: || vec![fingerprint_field()],
    run: Run::All(encode),
};

pub(super) const HAMMING: Action = Action {
    name: "hamming",
    summary: "How many of the 10,240 bits of two fingerprints differ, and what that means",
    parameters: Parameters::These(&[
        needed(
            "a",
            Kind::Bytes,
            "an operand, a key unless it says otherwise",
        ),
        needed("b", Kind::Bytes, "another"),
        SPACE,
    ]),
    results: || ranking_fields().to_vec(),
    run: Run::All(hamming),
};

pub(super) const XOR_BIND: Action = Action {
    name: "xor_bind",
    summary: "Two fingerprints bound to one, from which either gives the other back",
    parameters: Parameters::These(&[
        needed(
            "a",
            Kind::Bytes,
            "an operand, a key unless it says otherwise",
        ),
        needed("b", Kind::Bytes, "another"),
        SPACE,
    ]),
    results: || vec![fingerprint_field()],
    run: Run::All(xor_bind),
};

pub(super) const RESONATE: Action = Action {
    name: "resonate",
    summary: "The nodes nearest to a query, nearest first; `query` of a row counts the calls of the body. To have \
              the nodes' columns too, ask for a topk: ticket",
    parameters: Parameters::These(&[
        needed(
            "query",
            Kind::Bytes,
            "an operand, text unless it says otherwise",
        ),
        optional("k", Kind::Number, "how many; 10 unless given"),
        optional("threshold", Kind::Number, "the largest distance"),
        optional(
            "recall",
            Kind::Float,
            "the share of the true nearest that is found; 0.999 unless given",
        ),
        optional("exact", Kind::Flag, "all of them for certain"),
        optional("zone", Kind::Text, "only this zone: surface, fluid or node"),
        optional("kind", Kind::Text, "only nodes of this kind"),
        optional("under", Kind::Bytes, "only a node and what is below it"),
        optional("prefix", Kind::Bytes, "only names that begin so"),
        optional("rung", Kind::Number, "only nodes of at most this rung"),
        optional("edges", Kind::Flag, "reified edges too"),
        SPACE,
    ]),
    results: resonate_fields,
    run: Run::All(resonate),
};

fn resonate_fields() -> Vec<Field> {
    let mut fields = vec![
        Field::new("query", DataType::UInt64, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("address", DataType::UInt16, false),
    ];
    fields.extend(ranking_fields());
    fields
}

/// A batch of one column of fingerprints, one of each call.
fn fingerprints(
    calls: &RecordBatch,
    mut of: impl FnMut(Call<'_>) -> Result<[u8; BYTES], FlightError>,
) -> Result<RecordBatch, FlightError> {
    let mut builder = FixedSizeBinaryBuilder::new(BYTES as i32);
    for call in Call::all(calls) {
        builder.append_value(of(call)?)?;
    }
    let schema = Arc::new(Schema::new(vec![fingerprint_field()]));
    Ok(RecordBatch::try_new(
        schema,
        vec![Arc::new(builder.finish())],
    )?)
}

fn encode(caller: &mut Caller, calls: &RecordBatch) -> Result<RecordBatch, FlightError> {
    fingerprints(calls, |call| {
        let vector = call.list("vector").map(|vector| {
            let components = vector.as_primitive::<Float32Type>();
            components
                .iter()
                .flat_map(|x| x.unwrap_or(f32::NAN).to_le_bytes())
                .collect::<Vec<u8>>()
        });
        let request = Request::new("ENCODE");
        let request = match (
            call.bytes("input"),
            call.bytes("exact"),
            call.text("record"),
            vector,
        ) {
            (Some(input), None, None, None) => request.operand(input),
            (None, Some(bytes), None, None) => request.with(&[b"EXACT", bytes]),
            (None, None, Some(json), None) => request.with(&[b"RECORD", json.as_bytes()]),
            (None, None, None, Some(vector)) => request.with(&[b"VECTOR", &vector]),
            _ => {
                let message = "expected one of input, exact, record and vector in every call";
                return Err(FlightError::bad(message));
            }
        };
        let reply = caller.execute(call.text("space"), request.with(&[b"AS", b"RAW"]))?;
        fingerprint(&reply)
    })
}

/// A command about two operands.
fn two(name: &str, call: Call<'_>) -> Request {
    let operand = |parameter| call.bytes(parameter).unwrap_or_default();
    Request::new(name)
        .operand(operand("a"))
        .operand(operand("b"))
}

fn hamming(caller: &mut Caller, calls: &RecordBatch) -> Result<RecordBatch, FlightError> {
    let mut ranking = Ranking::default();
    for call in Call::all(calls) {
        let distance = caller.execute(call.text("space"), two("HAMMING", call))?;
        let distance = u32::try_from(integer(&distance)?).unwrap_or(u32::MAX);
        ranking.push(distance, similarity(distance), z(distance));
    }
    let schema = Arc::new(Schema::new(ranking_fields().to_vec()));
    Ok(RecordBatch::try_new(schema, ranking.finish().to_vec())?)
}

fn xor_bind(caller: &mut Caller, calls: &RecordBatch) -> Result<RecordBatch, FlightError> {
    fingerprints(calls, |call| {
        let request = two("XOR", call).with(&[b"AS", b"RAW"]);
        fingerprint(&caller.execute(call.text("space"), request)?)
    })
}

/// The columns of a ranking.
#[derive(Default)]
struct Ranking {
    distance: UInt32Builder,
    similarity: Float64Builder,
    z: Float64Builder,
}

impl Ranking {
    fn push(&mut self, distance: u32, similarity: f64, z: f64) {
        self.distance.append_value(distance);
        self.similarity.append_value(similarity);
        self.z.append_value(z);
    }

    fn finish(mut self) -> [arrow::array::ArrayRef; 3] {
        [
            Arc::new(self.distance.finish()),
            Arc::new(self.similarity.finish()),
            Arc::new(self.z.finish()),
        ]
    }
}

fn resonate(caller: &mut Caller, calls: &RecordBatch) -> Result<RecordBatch, FlightError> {
    let (mut query, mut name, mut at) = (
        UInt64Builder::new(),
        StringBuilder::new(),
        UInt16Builder::new(),
    );
    let mut ranking = Ranking::default();
    for call in Call::all(calls) {
        let operand = call.bytes("query").unwrap_or_default();
        let mut request = Request::new("RESONATE")
            .operand(operand)
            .option("K", call.number("k"))
            .option("THRESHOLD", call.number("threshold"))
            .option("RECALL", call.float("recall"))
            .word("EXACT", call.flag("exact"))
            .option("IN", call.text("zone"))
            .option("KIND", call.text("kind"))
            .option("RUNG", call.number("rung"))
            .word("EDGES", call.flag("edges"));
        if let Some(prefix) = call.bytes("prefix") {
            request = request.with(&[b"PREFIX", prefix]);
        }
        if let Some(under) = call.bytes("under") {
            request = request.with(&[b"UNDER"]).operand(under);
        }
        let reply = caller.execute(call.text("space"), request)?;
        for row in items(&reply)? {
            let [name_of, address_of, distance, similarity, z] = items(row)? else {
                return Err(FlightError::new(
                    "INTERNAL",
                    "expected rows of five columns",
                ));
            };
            query.append_value(call.row as u64);
            name.append_option(text(name_of)?);
            at.append_value(address(address_of)?);
            let distance = u32::try_from(integer(distance)?).unwrap_or(u32::MAX);
            ranking.push(distance, double(similarity)?, double(z)?);
        }
    }
    let [distance, similarity, z] = ranking.finish();
    let columns: Vec<arrow::array::ArrayRef> = vec![
        Arc::new(query.finish()),
        Arc::new(name.finish()),
        Arc::new(at.finish()),
        distance,
        similarity,
        z,
    ];
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(resonate_fields())),
        columns,
    )?)
}
