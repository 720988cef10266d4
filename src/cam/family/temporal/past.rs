//! One node's past: as it was, its versions, how two of them differ, who wrote what, where a field is heading.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BinaryArray, Float32Array, Float64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use ladybug_engine::commit::history::{Mark, PastNode};
use ladybug_engine::engine::{NodeRef, When};
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::space::chunk::NEVER;
use ladybug_engine::space::fields::{FieldValue, fields_json};
use ladybug_engine::space::marks::decimal;

use super::super::super::batch::{batch, fingerprints, text_of, time_text};
use super::super::super::call::{Call, Value, quoted};
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::super::super::method::Scope;
use super::{BLAME, DIFF, HISTORY, THEN, TREND};
use crate::operand::Reference;

/// A moment as `as_of` and comparisons with versions take it.
pub fn moment_sql(when: When) -> String {
    match when {
        When::Version(version) => version.to_string(),
        When::Time(time) => quoted(&time_text(time)),
    }
}

/// In SQL: the condition that a row is of the scope.
pub fn scope_sql(scope: Scope) -> String {
    match scope {
        Scope::All => "true".to_owned(),
        Scope::Surface => "false".to_owned(),
        zone => format!("zone = '{}'", zone.name()),
    }
}

fn reference<'c>(call: &'c Call<'_>, at: usize) -> NodeRef<'c> {
    let reference = match &call.values[at] {
        Value::Node(reference, _) => reference,
        _ => call.past(at),
    };
    match *reference {
        Reference::Key(name) => NodeRef::Name(name),
        Reference::Id(id) => NodeRef::Id(id),
        Reference::Address(address) => NodeRef::Address(address),
    }
}

/// A node as a commit left it.
struct Version {
    commit: Mark,
    operation: &'static str,
    node: PastNode,
}

/// The versions of a node since it was made or came back, newest first, and what was there before history begins.
fn versions(call: &Call<'_>, at: usize, reading: &Reading<'_>) -> Result<Vec<Version>, Fault> {
    let node = reference(call, at);
    let mut all = Vec::new();
    let mut before = None;
    for change in reading.node_changes(node)? {
        let operation = match change.before {
            Some(_) => "update",
            None => "insert",
        };
        all.push(Version {
            commit: change.commit,
            operation,
            node: change.after,
        });
        before = change.before;
    }
    let oldest = reading.host().engine().history_stats(call.space).oldest;
    if all.is_empty() {
        let is_there = match node {
            NodeRef::Address(address) => reading.view().node(address).is_some(),
            _ => true,
        };
        if is_there {
            let then = reading.node_at(node, When::Version(oldest.version))?;
            before = then.value;
        }
    }
    all.extend(before.map(|node| Version {
        commit: oldest,
        operation: "base",
        node,
    }));
    all.retain(|version| call.scope().contains(version.node.address));
    Ok(all)
}

/// In SQL: the same, from the table of history.
fn versions_sql(call: &Call<'_>, at: usize) -> String {
    let condition = match &call.values[at] {
        Value::Past(Reference::Address(address)) => {
            format!("id = (SELECT id FROM nodes WHERE address = {})", address.0)
        }
        Value::Node(_, Some(place)) => match place.id {
            Some(id) => format!("id = {id}"),
            None => "false".to_owned(),
        },
        _ => call.node_sql(at),
    };
    format!(
        "(WITH named AS (SELECT id, commit, operation FROM history WHERE {condition}), \
         last AS (SELECT id, commit FROM named ORDER BY commit DESC, operation = 'delete' LIMIT 1), \
         born AS (SELECT coalesce(max(h.commit), 0) AS commit FROM history h JOIN last ON h.id = last.id \
         AND h.commit <= last.commit WHERE h.operation = 'insert') \
         SELECT h.* FROM history h JOIN last ON h.id = last.id AND h.commit <= last.commit CROSS JOIN born \
         WHERE h.operation <> 'delete' AND h.commit >= born.commit AND {}) AS versions",
        scope_sql(call.scope())
    )
}

/// The columns of nodes as they were that both ASOF and HISTORY have: value, properties, frequency, confidence, rung.
fn contents(nodes: &[&PastNode]) -> Vec<ArrayRef> {
    let images = || nodes.iter().map(|node| &node.image);
    let properties = images().map(|image| {
        let fields = image.content.fields.as_ref()?;
        Some(fields_json(fields).to_string())
    });
    vec![
        Arc::new(BinaryArray::from_iter(
            images().map(|image| image.content.value.as_deref()),
        )),
        Arc::new(StringArray::from_iter(properties)),
        Arc::new(Float64Array::from_iter_values(
            images().map(|image| decimal(image.truth.frequency())),
        )),
        Arc::new(Float64Array::from_iter_values(
            images().map(|image| decimal(image.truth.confidence())),
        )),
        Arc::new(UInt64Array::from_iter_values(
            images().map(|image| u64::from(image.rung)),
        )),
    ]
}

fn addresses(nodes: &[&PastNode]) -> ArrayRef {
    Arc::new(UInt16Array::from_iter_values(
        nodes.iter().map(|node| node.address.0),
    ))
}

fn names(nodes: &[&PastNode]) -> ArrayRef {
    let names = nodes.iter().map(|node| name(node));
    Arc::new(StringArray::from_iter(names))
}

/// A name, if it is text.
fn name(node: &PastNode) -> Option<&str> {
    let name = node.image.name.as_deref()?;
    std::str::from_utf8(name).ok()
}

fn bits(nodes: &[&PastNode]) -> ArrayRef {
    let bits: Vec<Fingerprint> = nodes.iter().map(|node| node.fingerprint()).collect();
    fingerprints(&bits)
}

/// A node as it was at a moment, in the scope, and not expired by then.
fn then(
    call: &Call<'_>,
    at: usize,
    moment: usize,
    reading: &Reading<'_>,
) -> Result<Option<PastNode>, Fault> {
    let when = call.moment(moment).unwrap_or(When::Time(i64::MAX));
    let then = reading.node_at(reference(call, at), when)?;
    let node = then
        .value
        .filter(|node| node.image.expires > then.committed);
    Ok(node.filter(|node| call.scope().contains(node.address)))
}

/// In SQL: the same.
fn then_sql(call: &Call<'_>, at: usize, moment: usize) -> String {
    let when = call.moment(moment).unwrap_or(When::Time(i64::MAX));
    format!(
        "as_of('nodes', {}) WHERE {} AND {}",
        moment_sql(when),
        call.node_sql(at),
        scope_sql(call.scope())
    )
}

pub fn asof_sql(call: &Call<'_>) -> String {
    format!(
        "SELECT id, address, name, value, properties, CAST(frequency AS DOUBLE) AS frequency, \
         CAST(confidence AS DOUBLE) AS confidence, rung, version, fingerprint FROM {}",
        then_sql(call, 0, 1)
    )
}

pub fn asof(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let node = then(call, 0, 1, reading)?;
    let nodes: Vec<&PastNode> = node.iter().collect();
    let count = |of: fn(&&&PastNode) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(
            nodes.iter().map(|node| of(&node)),
        ))
    };
    let mut columns = vec![
        count(|node| node.image.id),
        addresses(&nodes),
        names(&nodes),
    ];
    columns.extend(contents(&nodes));
    columns.push(count(|node| node.version));
    columns.push(bits(&nodes));
    Ok(batch(THEN, columns))
}

pub fn history_sql(call: &Call<'_>) -> String {
    format!(
        "SELECT commit AS version, committed, operation, address, name, value, properties, \
         CAST(frequency AS DOUBLE) AS frequency, CAST(confidence AS DOUBLE) AS confidence, rung, fingerprint \
         FROM {} ORDER BY version DESC",
        versions_sql(call, 0)
    )
}

pub fn history(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let versions = versions(call, 0, reading)?;
    let nodes: Vec<&PastNode> = versions.iter().map(|version| &version.node).collect();
    let operations = versions.iter().map(|version| version.operation);
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(
            versions.iter().map(|version| version.commit.version),
        )),
        Arc::new(TimestampMicrosecondArray::from_iter_values(
            versions.iter().map(|version| version.commit.committed),
        )),
        Arc::new(StringArray::from_iter_values(operations)),
        addresses(&nodes),
        names(&nodes),
    ];
    columns.extend(contents(&nodes));
    columns.push(bits(&nodes));
    Ok(batch(HISTORY, columns))
}

/// Parts of a node: their names, what SQL compares, and how it shows it.
const PARTS: [(&str, &str, &str); 12] = [
    ("id", "id", "CAST({} AS VARCHAR)"),
    (
        "address",
        "address",
        "'@' || lpad(upper(to_hex(CAST({} AS BIGINT))), 4, '0')",
    ),
    ("name", "name", "{}"),
    (
        "value",
        "value",
        "CASE WHEN {} IS NOT NULL THEN coalesce(TRY_CAST({} AS VARCHAR), 'no text') END",
    ),
    ("properties", "properties", "{}"),
    ("kinds", "nullif(array_to_string(kinds, ','), '')", "{}"),
    ("frequency", "frequency", "CAST({} AS VARCHAR)"),
    ("confidence", "confidence", "CAST({} AS VARCHAR)"),
    (
        "evidence",
        "nullif(array_to_string(evidence, ','), '')",
        "{}",
    ),
    (
        "qualia",
        "CAST(qualia[1] AS VARCHAR) || ',' || CAST(qualia[2] AS VARCHAR) || ',' || CAST(qualia[3] AS VARCHAR) || ',' || \
         CAST(qualia[4] AS VARCHAR) || ',' || CAST(qualia[5] AS VARCHAR) || ',' || CAST(qualia[6] AS VARCHAR) || ',' || \
         CAST(qualia[7] AS VARCHAR) || ',' || CAST(qualia[8] AS VARCHAR)",
        "{}",
    ),
    ("rung", "rung", "CAST({} AS VARCHAR)"),
    ("expires", "expires", "CAST({} AS VARCHAR)"),
];

/// A part as it is compared, and as it is shown.
struct Part {
    name: String,
    raw: Vec<u8>,
    shown: String,
}

/// The parts of a node that it has, in the order of [`PARTS`].
fn parts(node: &PastNode) -> Vec<Part> {
    let image = &node.image;
    let float = |value: f32| text_of(&Float32Array::from(vec![value]));
    let list = |items: Vec<String>| Some(items.join(",")).filter(|list| !list.is_empty());
    let kinds = image.kinds.iter().flat_map(|kinds| kinds.iter());
    let evidence = image.evidence.iter().flat_map(|ids| ids.iter());
    let qualia = image
        .qualia
        .values()
        .map(|value| float(value).unwrap_or_default());
    let expires = Some(image.expires).filter(|at| *at != NEVER);
    let value = image.content.value.as_deref();
    let shown_value = |value: &[u8]| match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => "no text".to_owned(),
    };
    let properties = image.content.fields.as_ref();
    let texts = [
        Some(image.id.to_string()),
        Some(node.address.to_string()),
        name(node).map(str::to_owned),
        value.map(shown_value),
        properties.map(|fields| fields_json(fields).to_string()),
        list(kinds.map(ToString::to_string).collect()),
        float(image.truth.frequency()),
        float(image.truth.confidence()),
        list(evidence.map(ToString::to_string).collect()),
        Some(qualia.join(",")),
        Some(image.rung.to_string()),
        expires.map(time_text),
    ];
    let named = PARTS.iter().zip(texts);
    let part = |((name, ..), shown): (&(&str, _, _), Option<String>)| {
        let shown = shown?;
        let raw = match *name {
            "value" => value.unwrap_or_default().to_vec(),
            _ => shown.clone().into_bytes(),
        };
        Some(Part {
            name: (*name).to_owned(),
            raw,
            shown,
        })
    };
    named.filter_map(part).collect()
}

pub fn diff_sql(call: &Call<'_>) -> String {
    let columns: Vec<_> = PARTS
        .iter()
        .map(|(name, raw, _)| format!("{raw} AS p_{name}"))
        .collect();
    let side = |moment: usize| {
        format!(
            "(SELECT 1 AS one, {}, fingerprint FROM {})",
            columns.join(", "),
            then_sql(call, 0, moment)
        )
    };
    let part = |(n, (name, _, shown)): (usize, &(&str, &str, &str))| {
        let show = |side: &str| shown.replace("{}", &format!("{side}_{name}"));
        format!(
            "SELECT {n} AS n, '{name}' AS part, {} AS before, {} AS after, CAST(NULL AS INT UNSIGNED) AS bits FROM both \
             WHERE b_{name} IS DISTINCT FROM a_{name}",
            show("b"),
            show("a")
        )
    };
    let parts: Vec<_> = PARTS.iter().enumerate().map(part).collect();
    let sides: Vec<_> = PARTS
        .iter()
        .map(|(name, ..)| format!("b.p_{name} AS b_{name}, a.p_{name} AS a_{name}"))
        .collect();
    format!(
        "WITH both AS (SELECT {}, b.fingerprint AS b_bits, a.fingerprint AS a_bits FROM {} b FULL JOIN {} a ON b.one = a.one) \
         SELECT part, before, after, bits FROM ({} UNION ALL SELECT {} AS n, 'fingerprint' AS part, CAST(NULL AS VARCHAR) AS before, \
         CAST(NULL AS VARCHAR) AS after, hamming(b_bits, a_bits) AS bits FROM both WHERE hamming(b_bits, a_bits) > 0) ORDER BY n",
        sides.join(", "),
        side(1),
        side(2),
        parts.join(" UNION ALL "),
        PARTS.len(),
    )
}

/// A part that differs: its name, before, after, and bits of the fingerprint.
type Differing<'p> = (&'static str, Option<&'p str>, Option<&'p str>, Option<u32>);

pub fn diff(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let [before, after] = [then(call, 0, 1, reading)?, then(call, 0, 2, reading)?];
    let side = |node: &Option<PastNode>| node.as_ref().map(parts).unwrap_or_default();
    let (old, new) = (side(&before), side(&after));
    let mut rows: Vec<Differing<'_>> = Vec::new();
    for (name, ..) in PARTS {
        let find = |parts: &'_ [Part]| parts.iter().position(|part| part.name == name);
        let (a, b) = (find(&old).map(|at| &old[at]), find(&new).map(|at| &new[at]));
        if a.map(|part| &part.raw) != b.map(|part| &part.raw) {
            let [a, b] = [a, b].map(|part| part.map(|part| part.shown.as_str()));
            rows.push((name, a, b, None));
        }
    }
    if let (Some(before), Some(after)) = (&before, &after) {
        let bits = before.fingerprint().distance(&after.fingerprint());
        if bits > 0 {
            rows.push(("fingerprint", None, None, Some(bits)));
        }
    }
    Ok(batch(
        DIFF,
        vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
            Arc::new(StringArray::from_iter(rows.iter().map(|row| row.1))),
            Arc::new(StringArray::from_iter(rows.iter().map(|row| row.2))),
            Arc::new(UInt32Array::from_iter(rows.iter().map(|row| row.3))),
        ],
    ))
}

/// A field's value as SQL's `field` reads it.
pub fn field_text(value: &FieldValue) -> Option<String> {
    match value.json() {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

/// The parts that BLAME tells of: all but the id and the fields as a whole, and each field.
fn blamed(node: &PastNode) -> Vec<Part> {
    let mut all = parts(node);
    all.retain(|part| !["id", "properties"].contains(&part.name.as_str()));
    let fields = node
        .image
        .content
        .fields
        .iter()
        .flat_map(|fields| fields.iter());
    all.extend(fields.filter_map(|(name, value)| {
        let shown = field_text(value)?;
        Some(Part {
            name: format!("fields:{}", String::from_utf8_lossy(name)),
            raw: shown.clone().into_bytes(),
            shown,
        })
    }));
    all
}

pub fn blame_sql(call: &Call<'_>) -> String {
    let told = PARTS
        .iter()
        .filter(|(name, ..)| !["id", "properties"].contains(name));
    let part = |(name, raw, shown): &(&str, &str, &str)| {
        format!(
            "SELECT '{name}' AS part, commit, committed, CAST({} AS BYTEA) AS raw, {} AS shown FROM versions",
            match *name {
                "value" => "value".to_owned(),
                _ => shown.replace("{}", &format!("({raw})")),
            },
            shown.replace("{}", &format!("({raw})"))
        )
    };
    let parts: Vec<_> = told.map(part).collect();
    let id = call.place(0).id.unwrap_or_default();
    format!(
        "WITH versions AS (SELECT * FROM {versions}), \
         fields AS (SELECT CAST(k AS VARCHAR) AS k FROM cypher('MATCH (n) WHERE id(n) = {id} UNWIND keys(n) AS k RETURN k')), \
         parts AS ({parts} UNION ALL SELECT 'fields:' || k AS part, commit, committed, CAST(field(properties, k) AS BYTEA) AS raw, \
         field(properties, k) AS shown FROM versions CROSS JOIN fields), \
         written AS (SELECT part, commit, committed, raw, lag(raw) OVER (PARTITION BY part ORDER BY commit) AS before, \
         row_number() OVER (PARTITION BY part ORDER BY commit) AS n, \
         first_value(shown) OVER (PARTITION BY part ORDER BY commit DESC) AS value FROM parts) \
         SELECT part, value, max(commit) AS version, max(committed) AS committed FROM written \
         WHERE value IS NOT NULL AND (n = 1 OR raw IS DISTINCT FROM before) GROUP BY part, value ORDER BY part",
        versions = versions_sql(call, 0),
        parts = parts.join(" UNION ALL "),
    )
}

pub fn blame(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let versions = match call.place(0).id {
        Some(_) => versions(call, 0, reading)?,
        None => Vec::new(),
    };
    let all: Vec<Vec<Part>> = versions
        .iter()
        .map(|version| blamed(&version.node))
        .collect();
    let mut rows: Vec<(&Part, Mark)> = Vec::new();
    for part in all.first().into_iter().flatten() {
        let is_same = |older: &&Vec<Part>| {
            let then = older.iter().find(|older| older.name == part.name);
            then.is_some_and(|then| then.raw == part.raw)
        };
        let since = all.iter().take_while(is_same).count();
        rows.push((part, versions[since - 1].commit));
    }
    rows.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    Ok(batch(
        BLAME,
        vec![
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|(part, _)| &part.name),
            )),
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|(part, _)| &part.shown),
            )),
            Arc::new(UInt64Array::from_iter_values(
                rows.iter().map(|(_, commit)| commit.version),
            )),
            Arc::new(TimestampMicrosecondArray::from_iter_values(
                rows.iter().map(|(_, commit)| commit.committed),
            )),
        ],
    ))
}

pub fn trend_sql(call: &Call<'_>) -> String {
    format!(
        "SELECT count(y) AS points, regr_slope(y, x) AS slope, regr_intercept(y, x) AS intercept, regr_r2(y, x) AS r2 \
         FROM (SELECT y, CAST(at - min(at) OVER () AS DOUBLE) / 1000000.0 AS x FROM \
         (SELECT CAST(committed AS BIGINT) AS at, TRY_CAST(field(properties, {}) AS DOUBLE) AS y FROM {}) \
         WHERE abs(y) <= {:?})",
        quoted(call.text(1)),
        versions_sql(call, 0),
        f64::MAX
    )
}

pub fn trend(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let versions = versions(call, 0, reading)?;
    let texts = versions.iter().map(|version| {
        let fields = version.node.image.content.fields.as_ref()?;
        field_text(fields.get(call.text(1).as_bytes())?)
    });
    let numbers = cast(&StringArray::from_iter(texts), &DataType::Float64)?;
    let numbers = numbers.as_primitive::<Float64Type>().iter();
    let points = numbers
        .zip(&versions)
        .filter_map(|(number, version)| Some((version.commit.committed, number?)))
        .filter(|(_, number)| number.is_finite());
    let points: Vec<(i64, f64)> = points.collect();
    let first = points.iter().map(|(at, _)| *at).min().unwrap_or_default();
    let seconds = |at: i64| (at - first) as f64 / 1e6;
    let points: Vec<_> = points
        .into_iter()
        .map(|(at, number)| (seconds(at), number))
        .collect();
    let line = least_squares(&points);
    let float = |value: Option<f64>| -> ArrayRef { Arc::new(Float64Array::from(vec![value])) };
    Ok(batch(
        TREND,
        vec![
            Arc::new(UInt64Array::from(vec![points.len() as u64])),
            float(line.map(|line| line.0)),
            float(line.map(|line| line.1)),
            float(line.and_then(|line| line.2)),
        ],
    ))
}

/// The slope and the intercept of the least-squares line, and the share of the variance that it explains, if there is
/// any; none where all points are at one place.
fn least_squares(points: &[(f64, f64)]) -> Option<(f64, f64, Option<f64>)> {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x_mean, y_mean) = (mean(|point| point.0), mean(|point| point.1));
    let sum = |of: &dyn Fn(f64, f64) -> f64| {
        let points = points.iter();
        points.map(|(x, y)| of(x - x_mean, y - y_mean)).sum::<f64>()
    };
    let (xx, xy, yy) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
    if points.len() < 2 || xx == 0.0 {
        return None;
    }
    let slope = xy / xx;
    let r2 = (yy > 0.0).then(|| xy * xy / (xx * yy));
    Some((slope, y_mean - slope * x_mean, r2))
}
