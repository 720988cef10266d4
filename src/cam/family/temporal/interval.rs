//! When nodes hold, and how that stands to each other.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use ladybug_engine::commit::transaction::Transaction;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::fields::FieldValue;

use super::super::super::arguments::times;
use super::super::super::batch::{batch, row_columns, time_text};
use super::super::super::call::{Call, Value, rows_sql};
use super::super::super::error::Fault;
use super::super::super::host::{Reading, Row};
use super::super::super::method::Scope;
use super::past::field_text;
use super::{DURING, HOLDS, RELATED};
use crate::mind::allen::{Interval, Relation};
use crate::operand::Reference;

/// The field that says when a node begins to hold.
const FROM: &str = "from";
/// The field that says until when it holds.
const TO: &str = "to";
/// The end of what holds for ever.
const FOREVER: i64 = i64::MAX;

/// Whichever relation holds.
const ANY: &str = "any";

/// The relations by name, and any of them.
pub static RELATIONS: [&str; 14] = {
    let mut names = [ANY; 14];
    let mut at = 0;
    while at < Relation::ALL.len() {
        names[at] = Relation::ALL[at].name();
        at += 1;
    }
    names
};

/// A row, and when it holds.
struct Holding<'r> {
    row: Row<'r>,
    interval: Interval,
}

/// The rows of the call's scope that hold at some time, by address.
fn holding<'r>(
    call: &Call<'_>,
    reading: &'r Reading<'_>,
    only: Option<&HashSet<Address>>,
) -> Vec<Holding<'r>> {
    if call.scope() == Scope::Surface {
        return Vec::new();
    }
    let view = reading.snapshot().view();
    let nodes: Vec<_> = view
        .nodes()
        .filter(|node| call.scope().contains(node.address()))
        .filter(|node| only.is_none_or(|only| only.contains(&node.address())))
        .collect();
    let said = |field: &str| {
        let texts = nodes.iter().map(|node| {
            let fields = node.fields()?;
            field_text(fields.get(field.as_bytes())?)
        });
        let texts: Vec<Option<String>> = texts.collect();
        times(texts.iter().map(Option::as_deref))
    };
    let (from, to) = (said(FROM), said(TO));
    let interval = |((node, from), to): ((&Node<'_>, Option<i64>), Option<i64>)| {
        let from = from.unwrap_or(node.created());
        let to = to.or(node.expires()).unwrap_or(FOREVER);
        Some(Holding {
            row: reading.row(node.address()),
            interval: Interval::new(from, to)?,
        })
    };
    let all = nodes.iter().zip(from.iter()).zip(to.iter());
    all.filter_map(interval).collect()
}

/// In SQL: the same, with the ends as microseconds f and t.
fn holding_sql(call: &Call<'_>) -> String {
    let rows = match call.scope() {
        Scope::Surface => "(SELECT * FROM nodes WHERE false) AS nodes".into(),
        scope => rows_sql(scope),
    };
    format!(
        "(SELECT * FROM (SELECT id, address, name, fingerprint, began, ended, CAST(began AS BIGINT) AS f, \
         coalesce(CAST(ended AS BIGINT), {FOREVER}) AS t FROM (SELECT id, address, name, fingerprint, \
         coalesce(TRY_CAST(field(properties, '{FROM}') AS TIMESTAMP(6)), created) AS began, \
         coalesce(TRY_CAST(field(properties, '{TO}') AS TIMESTAMP(6)), expires) AS ended FROM {rows})) WHERE f < t)"
    )
}

/// The columns of rows with their ends, `first` in front of them and `last` before their fingerprints.
fn columns(rows: &[Holding<'_>], first: Option<ArrayRef>, last: Option<ArrayRef>) -> Vec<ArrayRef> {
    let (begin, bits) = row_columns(rows.iter().map(|holding| &holding.row));
    let mut all: Vec<ArrayRef> = first.into_iter().chain(begin).collect();
    let ended = |holding: &Holding<'_>| Some(holding.interval.to()).filter(|to| *to != FOREVER);
    all.push(Arc::new(TimestampMicrosecondArray::from_iter_values(
        rows.iter().map(|holding| holding.interval.from()),
    )));
    all.push(Arc::new(TimestampMicrosecondArray::from_iter(
        rows.iter().map(ended),
    )));
    all.extend(last);
    all.push(bits);
    all
}

/// The interval of two arguments.
fn given(call: &Call<'_>, from: i64, to: i64) -> Result<Interval, Fault> {
    let (operation, ends) = (call.operation, [from, to].map(Value::Time));
    let refused = || operation.range.refused(operation, &ends[0], &ends[1]);
    Interval::new(from, to).ok_or_else(refused)
}

pub fn set_commands(call: &Call<'_>) -> String {
    let from = call.time(1).unwrap_or_default();
    let to = match call.time(2) {
        Some(to) => cypher_text(&time_text(to)),
        None => "null".to_owned(),
    };
    let node = match &call.values[0] {
        Value::Node(Reference::Key(name), _) => {
            format!("n.name = {}", cypher_text(&String::from_utf8_lossy(name)))
        }
        _ => format!("id(n) = {}", call.place(0).id.unwrap_or_default()),
    };
    format!(
        "MATCH (n) WHERE {node} SET n.{FROM} = {}, n.{TO} = {to}",
        cypher_text(&time_text(from))
    )
}

/// Text as Cypher writes it.
fn cypher_text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

pub fn set(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let address = call.find_again(0, &tx.view())?.address();
    let (from, to) = (call.time(1).unwrap_or_default(), call.time(2));
    let interval = given(call, from, to.unwrap_or(FOREVER))?;
    let text = |time: i64| FieldValue::Bytes(time_text(time).into_bytes().into());
    tx.set_field(address, FROM.as_bytes(), Some(text(from)))?;
    tx.set_field(address, TO.as_bytes(), to.map(text))?;
    let view = tx.view();
    let node = view
        .node(address)
        .expect("invariant: a node was just found there");
    let row = Row::of(&view, node);
    let rows = [Holding { row, interval }];
    Ok(batch(HOLDS, columns(&rows, None, None)))
}

/// In SQL: the relation of `a` to `b` by name.
fn relation_sql() -> String {
    let cases = Relation::ALL.map(|relation| {
        let condition = match relation {
            Relation::Before => "a.t < b.f",
            Relation::Meets => "a.t = b.f",
            Relation::After => "b.t < a.f",
            Relation::MetBy => "b.t = a.f",
            Relation::Overlaps => "a.f < b.f AND b.f < a.t AND a.t < b.t",
            Relation::OverlappedBy => "b.f < a.f AND a.f < b.t AND b.t < a.t",
            Relation::Starts => "a.f = b.f AND a.t < b.t",
            Relation::StartedBy => "a.f = b.f AND b.t < a.t",
            Relation::During => "b.f < a.f AND a.t < b.t",
            Relation::Contains => "a.f < b.f AND b.t < a.t",
            Relation::Finishes => "b.f < a.f AND a.t = b.t",
            Relation::FinishedBy => "a.f < b.f AND a.t = b.t",
            Relation::Equals => "a.f = b.f AND a.t = b.t",
        };
        format!("WHEN {condition} THEN '{}'", relation.name())
    });
    format!("CASE {} END", cases.join(" "))
}

pub fn allen_sql(call: &Call<'_>) -> String {
    let rows = holding_sql(call);
    let other = match call.has(2) {
        true => call.node_sql(2),
        false => "true".to_owned(),
    };
    let (join, asked) = (
        if call.has(2) { "true" } else { "b.id <> a.id" },
        match call.word(0) {
            ANY => "true".to_owned(),
            relation => format!("relation = '{relation}'"),
        },
    );
    format!(
        "SELECT relation, id, address, name, began, ended, fingerprint FROM (SELECT {} AS relation, b.* \
         FROM (SELECT * FROM {rows} WHERE {}) a CROSS JOIN (SELECT * FROM {rows} WHERE {other}) b WHERE {join}) \
         WHERE {asked} ORDER BY address",
        relation_sql(),
        call.node_sql(1),
    )
}

pub fn allen(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let x = call.place(1).address;
    let y = call.has(2).then(|| call.place(2).address);
    let only = y.map(|y| HashSet::from([x, y]));
    let all = holding(call, reading, only.as_ref());
    let own = all.iter().find(|holding| holding.row.address == x);
    let own = own.map(|holding| holding.interval);
    let mut relations = Vec::new();
    let mut rows = Vec::new();
    for holding in all {
        let is_other = match y {
            Some(y) => holding.row.address == y,
            None => holding.row.address != x,
        };
        if let Some(own) = own.filter(|_| is_other) {
            let relation = Relation::of(own, holding.interval).name();
            if call.word(0) == ANY || call.word(0) == relation {
                relations.push(relation);
                rows.push(holding);
            }
        }
    }
    let relations: ArrayRef = Arc::new(StringArray::from(relations));
    Ok(batch(RELATED, columns(&rows, Some(relations), None)))
}

pub fn during_sql(call: &Call<'_>) -> String {
    let (from, to) = (
        call.time(0).unwrap_or_default(),
        call.time(1).unwrap_or_default(),
    );
    format!(
        "SELECT id, address, name, began, ended, f >= {from} AND t <= {to} AS is_within, fingerprint FROM {} \
         WHERE f < {to} AND t > {from} ORDER BY f, address",
        holding_sql(call)
    )
}

pub fn during(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let asked = given(
        call,
        call.time(0).unwrap_or_default(),
        call.time(1).unwrap_or_default(),
    )?;
    let mut rows = holding(call, reading, None);
    rows.retain(|holding| holding.interval.shares(asked));
    rows.sort_by_key(|holding| (holding.interval.from(), holding.row.address));
    let within = rows
        .iter()
        .map(|holding| Some(holding.interval.is_within(asked)));
    let within: ArrayRef = Arc::new(BooleanArray::from_iter(within));
    Ok(batch(DURING, columns(&rows, None, Some(within))))
}

pub fn timeline_sql(call: &Call<'_>) -> String {
    let asked: Vec<_> = (0..call.values.len()).map(|at| call.node_sql(at)).collect();
    let asked = match asked.is_empty() {
        true => "true".to_owned(),
        false => asked.join(" OR "),
    };
    format!(
        "SELECT id, address, name, began, ended, fingerprint FROM {} WHERE {asked} ORDER BY f, t, address",
        holding_sql(call)
    )
}

pub fn timeline(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let asked: HashSet<_> = (0..call.values.len())
        .map(|at| call.place(at).address)
        .collect();
    let only = Some(&asked).filter(|asked| !asked.is_empty());
    let mut rows = holding(call, reading, only);
    rows.sort_by_key(|holding| {
        let interval = holding.interval;
        (interval.from(), interval.to(), holding.row.address)
    });
    Ok(batch(HOLDS, columns(&rows, None, None)))
}
