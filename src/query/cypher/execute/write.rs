//! Changes: each clause writes for all of its rows before the next reads.

use std::collections::HashSet;
use std::sync::Arc;

use ladybug_engine::commit::transaction::{Draft, EdgeDraft, Transaction, sorted_kinds};
use ladybug_engine::space::address::Address;
use ladybug_engine::space::fields::{FieldValue, Fields};
use ladybug_engine::space::graph::EdgeLink;
use ladybug_engine::space::mutation::Content;

use super::super::error::{CypherError, ErrorType, Result};
use super::super::plan::{Creation, Element, Expr, Set, Write};
use super::super::value::{Map, NodeRef, Value};
use super::evaluate::invalid_type;
use super::{Access, Executor, Flow};

impl<'t> Executor<'_, 't> {
    /// Writes with each of the rows, which get what is bound; MERGE may make several of one.
    pub(super) fn write(&mut self, write: &Write, rows: &mut Vec<Vec<Value>>) -> Result<()> {
        match write {
            Write::Create(creation) => {
                for row in rows.iter_mut() {
                    self.tick()?;
                    self.create(creation, row)?;
                }
            }
            Write::Merge {
                steps,
                creation,
                on_create,
                on_match,
            } => {
                let mut merged = Vec::with_capacity(rows.len());
                for mut row in std::mem::take(rows) {
                    check_no_nulls(&self.merged_properties(creation, &mut row)?)?;
                    let mut found = Vec::new();
                    let _ = self.run(steps, &mut row, &mut |row| {
                        found.push(row.to_vec());
                        Ok(Flow::Continue(()))
                    })?;
                    if found.is_empty() {
                        self.create(creation, &mut row)?;
                        self.set_all(on_create, &mut row)?;
                        merged.push(row);
                        continue;
                    }
                    for mut row in found {
                        self.hold(&row)?;
                        self.set_all(on_match, &mut row)?;
                        merged.push(row);
                    }
                }
                *rows = merged;
            }
            Write::Set(sets) => {
                for row in rows.iter_mut() {
                    self.tick()?;
                    self.set_all(sets, row)?;
                }
            }
            Write::Delete {
                targets,
                is_detaching,
            } => self.delete(targets, *is_detaching, rows)?,
            Write::Foreach { slot, list, writes } => {
                for row in rows.iter_mut() {
                    let items = match self.eval(list, row)? {
                        Value::Null => continue,
                        Value::List(items) => items,
                        other => return Err(invalid_type("a list", &other)),
                    };
                    for item in items.iter() {
                        let mut inner = row.clone();
                        inner[*slot] = item.clone();
                        let mut inner = vec![inner];
                        for write in writes {
                            self.write(write, &mut inner)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn transaction(&mut self) -> Result<&mut Transaction<'t>> {
        match &mut self.access {
            Access::Write(tx) => Ok(tx),
            Access::Read(_) => Err(CypherError::runtime(
                ErrorType::SemanticError,
                "ReadOnly",
                "expected a statement that only reads",
            )),
        }
    }

    fn create(&mut self, creation: &Creation, row: &mut [Value]) -> Result<()> {
        for element in &creation.elements {
            match element {
                Element::Node {
                    slot,
                    labels,
                    properties,
                } => {
                    let fields = self.fields(properties.as_ref(), row)?;
                    self.counters.properties_set +=
                        fields.as_ref().map_or(0, |fields| fields.len() as u64);
                    self.counters.nodes_created += 1;
                    self.counters.labels_added += labels.len() as u64;
                    let draft = Draft {
                        content: Content {
                            fields: fields.map(Arc::new),
                            ..Content::default()
                        },
                        kinds: sorted_kinds(labels.clone()),
                        ..Draft::default()
                    };
                    let address = self.transaction()?.create(draft)?;
                    row[*slot] = Value::Node(self.node_ref(address));
                }
                Element::Relationship {
                    slot,
                    from,
                    to,
                    kind,
                    properties,
                } => {
                    let properties = self.fields(properties.as_ref(), row)?.map(Arc::new);
                    let (source, target) = (self.end(&row[*from])?, self.end(&row[*to])?);
                    self.counters.properties_set +=
                        properties.as_ref().map_or(0, |fields| fields.len() as u64);
                    self.counters.relationships_created += 1;
                    let tx = self.transaction()?;
                    let verb = tx.define_verb(kind)?;
                    let draft = EdgeDraft {
                        properties,
                        ..EdgeDraft::default()
                    };
                    let edge = tx.link(source, verb, target, draft)?;
                    row[*slot] = Value::Relationship(edge.link());
                }
            }
        }
        for (path, slot) in &creation.paths {
            row[*slot] = self.eval(path, row)?;
        }
        Ok(())
    }

    /// Where a node lives that a relationship is to begin or end at.
    fn end(&self, value: &Value) -> Result<Address> {
        match value {
            Value::Node(node) => Ok(self.node(*node)?.address()),
            other => Err(invalid_type("a node at each end of a relationship", other)),
        }
    }

    fn fields(&self, properties: Option<&Expr>, row: &mut [Value]) -> Result<Option<Fields>> {
        let map = match properties
            .map(|properties| self.eval(properties, row))
            .transpose()?
        {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => self.property_map(&value)?,
        };
        let mut fields = Fields::with_capacity(map.len());
        for (key, value) in map.iter() {
            if !value.is_null() {
                fields.insert(Arc::from(key.as_bytes()), field(value)?);
            }
        }
        Ok((!fields.is_empty()).then_some(fields))
    }

    /// What a map says, or the properties of a node or relationship.
    pub(super) fn property_map(&self, value: &Value) -> Result<Arc<Map>> {
        match value {
            Value::Map(map) => Ok(Arc::clone(map)),
            Value::Node(_) | Value::Relationship(_) => Ok(Arc::new(self.properties(value)?)),
            other => Err(invalid_type("a map", other)),
        }
    }

    /// The properties that a pattern to be merged would give what it makes.
    fn merged_properties(&self, creation: &Creation, row: &mut [Value]) -> Result<Vec<Value>> {
        let properties = creation
            .elements
            .iter()
            .filter_map(|element| match element {
                Element::Node { properties, .. } | Element::Relationship { properties, .. } => {
                    properties.as_ref()
                }
            });
        properties
            .map(|properties| self.eval(properties, row))
            .collect()
    }

    fn set_all(&mut self, sets: &[Set], row: &mut [Value]) -> Result<()> {
        sets.iter().try_for_each(|set| self.set(set, row))
    }

    fn set(&mut self, set: &Set, row: &mut [Value]) -> Result<()> {
        match set {
            Set::Property { target, key, value } => {
                let target = self.eval(target, row)?;
                let value = self.eval(value, row)?;
                self.set_property(&target, key, &value)
            }
            Set::All {
                slot,
                value,
                is_added,
            } => {
                let target = row[*slot].clone();
                if target.is_null() {
                    return Ok(());
                }
                let value = self.eval(value, row)?;
                if value.is_null() && *is_added {
                    return Ok(());
                }
                let map = self.property_map(&value)?;
                if !is_added {
                    for key in self.field_names(&target)? {
                        if !map.contains_key(&key) {
                            self.set_property(&target, &key, &Value::Null)?;
                        }
                    }
                }
                for (key, value) in map.iter() {
                    self.set_property(&target, key, value)?;
                }
                Ok(())
            }
            Set::Labels { slot, labels } => self.set_labels(&row[*slot].clone(), labels, true),
            Set::NoLabels { slot, labels } => self.set_labels(&row[*slot].clone(), labels, false),
        }
    }

    /// The names of the fields that a node or relationship has, its own name and value apart.
    fn field_names(&self, target: &Value) -> Result<Vec<Arc<str>>> {
        let names = |fields: Option<&Arc<Fields>>| {
            let names = fields.into_iter().flat_map(|fields| fields.keys());
            names
                .map(|name| String::from_utf8_lossy(name).into())
                .collect()
        };
        match target {
            Value::Node(node) => Ok(names(self.node(*node)?.fields())),
            Value::Relationship(edge) => Ok(names(self.edge(*edge)?.properties.as_ref())),
            other => Err(invalid_type("a node or a relationship", other)),
        }
    }

    fn set_property(&mut self, target: &Value, key: &str, value: &Value) -> Result<()> {
        let value = match value {
            Value::Null => None,
            value => Some(field(value)?),
        };
        match target {
            Value::Null => return Ok(()),
            Value::Node(node) => {
                let address = self.node(*node)?.address();
                self.transaction()?
                    .set_field(address, key.as_bytes(), value)?;
            }
            Value::Relationship(edge) => {
                let mut edge = self.edge(*edge)?;
                let fields = Arc::make_mut(edge.properties.get_or_insert_default());
                match value {
                    Some(value) => drop(fields.insert(Arc::from(key.as_bytes()), value)),
                    None => drop(fields.shift_remove(key.as_bytes())),
                }
                if fields.is_empty() {
                    edge.properties = None;
                }
                self.transaction()?.update_edge(edge)?;
            }
            other => return Err(invalid_type("a node or a relationship", other)),
        }
        self.counters.properties_set += 1;
        Ok(())
    }

    fn set_labels(&mut self, target: &Value, labels: &[Arc<str>], is_added: bool) -> Result<()> {
        let node = match target {
            Value::Null => return Ok(()),
            Value::Node(node) => self.node(*node)?,
            other => return Err(invalid_type("a node", other)),
        };
        let address = node.address();
        let mut kinds = node.kinds().to_vec();
        let before = kinds.len();
        match is_added {
            true => kinds.extend(
                labels
                    .iter()
                    .filter(|label| !node.kinds().contains(label))
                    .cloned(),
            ),
            false => kinds.retain(|kind| !labels.contains(kind)),
        }
        kinds.sort_unstable();
        kinds.dedup();
        let after = kinds.len();
        self.counters.labels_added += after.saturating_sub(before) as u64;
        self.counters.labels_removed += before.saturating_sub(after) as u64;
        if after != before {
            self.transaction()?.set_kinds(address, kinds)?;
        }
        Ok(())
    }

    /// Relationships first, then nodes, which must have none left unless they are detached.
    fn delete(
        &mut self,
        targets: &[Expr],
        is_detaching: bool,
        rows: &mut [Vec<Value>],
    ) -> Result<()> {
        let (mut nodes, mut edges): (Vec<NodeRef>, Vec<EdgeLink>) = (Vec::new(), Vec::new());
        let (mut seen_nodes, mut seen_edges) = (HashSet::new(), HashSet::new());
        for row in rows {
            for target in targets {
                self.tick()?;
                match self.eval(target, row)? {
                    Value::Null => {}
                    Value::Node(node) => nodes.push(node),
                    Value::Relationship(edge) => edges.push(edge),
                    Value::Path(path) => {
                        nodes.extend(&path.nodes);
                        edges.extend(&path.relationships);
                    }
                    other => return Err(invalid_type("a node, a relationship or a path", &other)),
                }
            }
        }
        edges.retain(|edge| seen_edges.insert(edge.id));
        nodes.retain(|node| seen_nodes.insert(node.id));
        for edge in edges {
            // One that has gone already, as by DETACH DELETE of an end, is gone.
            if self.edge(edge).is_ok() {
                self.transaction()?.unlink(edge.source, edge.id)?;
                self.counters.relationships_deleted += 1;
            }
        }
        for node in nodes {
            let Ok(found) = self.node(node) else {
                continue;
            };
            let address = found.address();
            self.note_lists(address);
            let degree = self.view().state.graph().incident(address).len();
            if degree > 0 && !is_detaching {
                return Err(CypherError::runtime(
                    ErrorType::ConstraintVerificationFailed,
                    "DeleteConnectedNode",
                    format!(
                        "expected a node without relationships; #{} has {degree}: delete them too, or use DETACH DELETE",
                        node.id
                    ),
                ));
            }
            self.transaction()?.remove(address)?;
            self.counters.relationships_deleted += degree as u64;
            self.counters.nodes_deleted += 1;
        }
        Ok(())
    }
}

fn check_no_nulls(maps: &[Value]) -> Result<()> {
    let is_null = |map: &Value| match map {
        Value::Map(map) => map.values().any(Value::is_null),
        _ => false,
    };
    match maps.iter().any(is_null) {
        true => Err(CypherError::runtime(
            ErrorType::SemanticError,
            "MergeReadOwnWrites",
            "expected no null among the properties of MERGE: what it would make it could not find",
        )),
        false => Ok(()),
    }
}

fn field(value: &Value) -> Result<FieldValue> {
    value.field().ok_or_else(|| {
        let what = match value {
            Value::List(_) => "a list with a null, a map or an entity in it",
            other => other.type_name(),
        };
        CypherError::runtime(
            ErrorType::TypeError,
            "InvalidPropertyType",
            format!("expected a boolean, a number, a string, a date or time, or a list of such, got {what}"),
        )
    })
}
