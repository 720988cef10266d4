//! Qualia that are set, blended, shifted, decayed.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, UInt64Array};
use ladybug_engine::commit::transaction::Transaction;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::fields::FieldValue;
use ladybug_engine::space::marks::Qualia;

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::{Call, decimal_sql};
use super::super::super::error::Fault;
use super::super::super::host::Row;
use super::super::super::method::Scope;
use super::super::super::provenance::{
    self, Entry, Used, forget_note, note, noted_sql, unnoted_sql,
};
use super::FELT;
use super::emotion::named;
use super::felt::{AGENCY, AROUSAL, Felt, VALENCE, place_of, widened};

/// The least and the most that a dimension may be.
fn range(dimension: usize) -> (f64, f64) {
    match dimension {
        VALENCE => (-1.0, 1.0),
        _ => (0.0, 1.0),
    }
}

/// What a change of qualia notes: what it was made of beside what the node felt like, and its numbers. What is said to be
/// felt notes nothing.
type Why<'w> = Option<(Vec<Used>, Vec<(&'w str, FieldValue)>)>;

/// Sets what the node at the first place feels like, from what it feels like, and answers its row.
fn change(
    call: &Call<'_>,
    tx: &mut Transaction<'_>,
    why: Why<'_>,
    to: impl FnOnce(Felt) -> Felt,
) -> Result<RecordBatch, Fault> {
    let (address, used, felt) = found(call, tx, 0)?;
    let to = to(felt).map(|value| value as f32);
    let qualia = Qualia::new(to).map_err(|error| Fault::of("qualia", error))?;
    tx.set_qualia(address, qualia)?;
    match why {
        Some((premises, numbers)) => {
            let method = format!("QUALIA.{}", call.operation.name);
            let entry = Entry::new(&method, used.version, premises, &numbers);
            tx.set_field(address, provenance::FELT.as_bytes(), Some(note(&[entry])))?;
        }
        None => forget_note(tx, address, provenance::FELT)?,
    }
    let view = tx.view();
    let node = view
        .node(address)
        .expect("invariant: a node was just found there");
    let row = Row::of(&view, node);
    let (mut arrays, bits) = row_columns([&row]);
    for value in widened(qualia) {
        arrays.push(Arc::new(Float64Array::from(vec![value])));
    }
    arrays.push(bits);
    Ok(batch(FELT, arrays))
}

/// Where the node of an argument is as it is now, which it is, and what it feels like.
fn found(call: &Call<'_>, tx: &Transaction<'_>, at: usize) -> Result<(Address, Used, Felt), Fault> {
    let view = tx.view();
    let node = call.find_again(at, &view)?;
    let used = Used {
        id: node.id(),
        version: node.version(),
    };
    Ok((node.address(), used, widened(node.qualia())))
}

/// In SQL: the statement that sets the qualia of the node at a place to eight expressions, and its properties.
fn update_sql(call: &Call<'_>, properties: &str, values: impl Fn(usize) -> String) -> String {
    let values: Vec<_> = (0..Qualia::DIMENSIONS.len())
        .map(|at| format!("CAST({} AS FLOAT)", values(at)))
        .collect();
    format!(
        "UPDATE nodes SET qualia = make_array({}), properties = {properties} WHERE {}",
        values.join(", "),
        call.node_sql(0)
    )
}

/// In SQL: what the row that is changed feels in a dimension.
fn own_sql(at: usize) -> String {
    decimal_sql(&format!("qualia[{}]", at + 1))
}

pub fn set_sql(call: &Call<'_>) -> String {
    update_sql(call, &unnoted_sql(provenance::FELT), |at| {
        format!("{:?}", call.qualia(1).values()[at])
    })
}

pub fn set(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    change(call, tx, None, |_| widened(call.qualia(1)))
}

pub fn blend_sql(call: &Call<'_>) -> String {
    let w = call.float(2);
    let other = call.node_sql(1);
    let of =
        |column: &str| format!("(SELECT y.{column} FROM (SELECT * FROM nodes WHERE {other}) y)");
    let properties = noted_sql(
        provenance::FELT,
        "QUALIA.BLEND",
        Some((&of("id"), &of("version"))),
        &[("w", &format!("{w:?}"))],
    );
    update_sql(call, &properties, |at| {
        format!(
            "{} * {:?} + (SELECT {} FROM (SELECT * FROM nodes WHERE {other}) y) * {w:?}",
            own_sql(at),
            1.0 - w,
            decimal_sql(&format!("y.qualia[{}]", at + 1))
        )
    })
}

pub fn blend(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let w = call.float(2);
    let (_, used, y) = found(call, tx, 1)?;
    let why = (vec![used], vec![("w", FieldValue::Float(w))]);
    change(call, tx, Some(why), |x| {
        std::array::from_fn(|at| x[at] * (1.0 - w) + y[at] * w)
    })
}

pub fn shift_sql(call: &Call<'_>) -> String {
    let (moved, d) = (place_of(call.word(1)), call.float(2));
    let (least, most) = range(moved);
    let properties = noted_sql(
        provenance::FELT,
        "QUALIA.SHIFT",
        None,
        &[
            ("dimension", &format!("\"{}\"", call.word(1))),
            ("d", &format!("{d:?}")),
        ],
    );
    update_sql(call, &properties, |at| match at == moved {
        true => format!(
            "greatest({least:?}, least({most:?}, {} + {d:?}))",
            own_sql(at)
        ),
        false => own_sql(at),
    })
}

pub fn shift(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let (moved, d) = (place_of(call.word(1)), call.float(2));
    let (least, most) = range(moved);
    let dimension = FieldValue::Bytes(call.word(1).as_bytes().into());
    let numbers = vec![("dimension", dimension), ("d", FieldValue::Float(d))];
    change(call, tx, Some((Vec::new(), numbers)), |mut x| {
        x[moved] = (x[moved] + d).clamp(least, most);
        x
    })
}

pub fn embody_sql(call: &Call<'_>) -> String {
    let [valence, arousal, agency] = named(call.word(1));
    update_sql(call, &unnoted_sql(provenance::FELT), |at| match at {
        VALENCE => format!("{valence:?}"),
        AROUSAL => format!("{arousal:?}"),
        AGENCY => format!("{agency:?}"),
        _ => own_sql(at),
    })
}

pub fn embody(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let [valence, arousal, agency] = named(call.word(1));
    change(call, tx, None, |mut x| {
        (x[VALENCE], x[AROUSAL], x[AGENCY]) = (valence, arousal, agency);
        x
    })
}

pub fn decay_sql(call: &Call<'_>) -> String {
    let values: Vec<_> = (0..Qualia::DIMENSIONS.len())
        .map(|at| format!("CAST({} * {:?} AS FLOAT)", own_sql(at), call.float(0)))
        .collect();
    let scope = match call.scope() {
        Scope::All => String::new(),
        scope => format!(" AND zone = '{}'", scope.name()),
    };
    let feels: Vec<_> = (0..Qualia::DIMENSIONS.len())
        .map(|at| format!("abs({}) > 0.0", own_sql(at)))
        .collect();
    let factor = format!("{:?}", call.float(0));
    format!(
        "UPDATE nodes SET qualia = make_array({}), properties = {} WHERE ({}){scope}",
        values.join(", "),
        noted_sql(
            provenance::FELT,
            "QUALIA.DECAY",
            None,
            &[("factor", &factor)]
        ),
        feels.join(" OR ")
    )
}

pub fn decay(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let factor = call.float(0);
    let view = tx.view();
    let feels = view
        .nodes()
        .filter(|node| call.scope().contains(node.address()) && node.qualia() != Qualia::default());
    let all: Vec<_> = feels
        .map(|node| (node.address(), node.version(), widened(node.qualia())))
        .collect();
    let numbers = [("factor", FieldValue::Float(factor))];
    for (address, version, felt) in &all {
        let decayed = Qualia::new(felt.map(|value| (value * factor) as f32));
        let decayed = decayed.expect("invariant: a smaller number is in the range");
        tx.set_qualia(*address, decayed)?;
        let entry = Entry::new("QUALIA.DECAY", *version, Vec::new(), &numbers);
        tx.set_field(*address, provenance::FELT.as_bytes(), Some(note(&[entry])))?;
    }
    let changed: ArrayRef = Arc::new(UInt64Array::from(vec![all.len() as u64]));
    Ok(batch(call.operation.columns, vec![changed]))
}
