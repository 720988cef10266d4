//! Named emotions, and where they lie in valence, arousal and agency.

use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch, StringArray};

use super::super::super::batch::batch;
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::EMOTION;
use super::felt::{AGENCY, AROUSAL, VALENCE, base_sql, felt_at};

/// Where the emotions' places come from.
pub const SOURCE: &str = "Gebhard 2005, ALMA: the emotions of Ortony, Clore & Collins in pleasure, arousal and dominance; \
                          arousal and dominance moved from -1..1 to 0..1";

/// The emotions by name: pleasure, arousal, dominance, each in -1..1.
const EMOTIONS: [(&str, [f64; 3]); 24] = [
    ("admiration", [0.5, 0.3, -0.2]),
    ("anger", [-0.51, 0.59, 0.25]),
    ("disliking", [-0.4, 0.2, 0.1]),
    ("disappointment", [-0.3, 0.1, -0.4]),
    ("distress", [-0.4, -0.2, -0.5]),
    ("fear", [-0.64, 0.6, -0.43]),
    ("fears-confirmed", [-0.5, -0.3, -0.7]),
    ("gloating", [0.3, -0.3, -0.1]),
    ("gratification", [0.6, 0.5, 0.4]),
    ("gratitude", [0.4, 0.2, -0.3]),
    ("happy-for", [0.4, 0.2, 0.2]),
    ("hate", [-0.6, 0.6, 0.3]),
    ("hope", [0.2, 0.2, -0.1]),
    ("joy", [0.4, 0.2, 0.1]),
    ("liking", [0.4, 0.16, -0.24]),
    ("love", [0.3, 0.1, 0.2]),
    ("pity", [-0.4, -0.2, -0.5]),
    ("pride", [0.4, 0.3, 0.3]),
    ("relief", [0.2, -0.3, 0.4]),
    ("remorse", [-0.3, 0.1, -0.6]),
    ("reproach", [-0.3, -0.1, 0.4]),
    ("resentment", [-0.2, -0.3, -0.2]),
    ("satisfaction", [0.3, -0.2, 0.4]),
    ("shame", [-0.3, 0.1, -0.6]),
];

/// Their names.
pub const NAMES: [&str; EMOTIONS.len()] = {
    let mut names = [""; EMOTIONS.len()];
    let mut at = 0;
    while at < EMOTIONS.len() {
        names[at] = EMOTIONS[at].0;
        at += 1;
    }
    names
};

/// Valence, arousal and agency of the emotion at a place.
fn place(at: usize) -> [f64; 3] {
    let [pleasure, arousal, dominance] = EMOTIONS[at].1;
    [pleasure, (arousal + 1.0) / 2.0, (dominance + 1.0) / 2.0]
}

/// Valence, arousal and agency of an emotion by its name.
pub fn named(name: &str) -> [f64; 3] {
    let at = NAMES.iter().position(|known| *known == name);
    place(at.expect("invariant: the entry lets the argument be one of the names"))
}

pub fn sql(call: &Call<'_>) -> String {
    let rows: Vec<_> = (0..EMOTIONS.len())
        .map(|at| {
            let [valence, arousal, agency] = place(at);
            format!(
                "({at}, '{}', {valence:?}, {arousal:?}, {agency:?})",
                NAMES[at]
            )
        })
        .collect();
    format!(
        "SELECT emotion, sqrt((x.valence - e.valence) * (x.valence - e.valence) + \
         (x.arousal - e.arousal) * (x.arousal - e.arousal) + (x.agency - e.agency) * (x.agency - e.agency)) AS distance \
         FROM (SELECT * FROM {} WHERE {}) x \
         CROSS JOIN (VALUES {}) AS e (place, emotion, valence, arousal, agency) ORDER BY distance, place LIMIT 1",
        base_sql(call),
        call.node_sql(0),
        rows.join(", ")
    )
}

pub fn nearest(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let felt = felt_at(reading, call.place(0));
    let x = [felt[VALENCE], felt[AROUSAL], felt[AGENCY]];
    let distance = |at: usize| {
        let squares = place(at).into_iter().zip(x).map(|(e, x)| (x - e) * (x - e));
        squares.sum::<f64>().sqrt()
    };
    let best = (0..EMOTIONS.len())
        .map(|at| (distance(at), at))
        .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (distance, at) = best.expect("invariant: there are emotions");
    Ok(batch(
        EMOTION,
        vec![
            Arc::new(StringArray::from(vec![NAMES[at]])),
            Arc::new(Float64Array::from(vec![distance])),
        ],
    ))
}
