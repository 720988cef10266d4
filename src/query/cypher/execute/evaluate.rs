//! What expressions give for a row.

use std::sync::Arc;

use ladybug_engine::space::chunk::Node;

use super::super::ast::{Operator, Quantifier};
use super::super::error::{CypherError, ErrorType, Result};
use super::super::operators;
use super::super::plan::{Expr, Slot};
use super::super::temporal;
use super::super::value::{Map, NodeRef, Path, Value};
use super::{Executor, Flow};

impl Executor<'_, '_> {
    /// The value of an expression for a row; what the expression binds goes to slots of its own.
    pub fn eval(&self, expr: &Expr, row: &mut [Value]) -> Result<Value> {
        Ok(match expr {
            Expr::Constant(value) | Expr::Parameter(value) => value.clone(),
            Expr::Slot(slot) => row[*slot].clone(),
            Expr::Property(of, key) => match &**of {
                Expr::Slot(slot) => match &row[*slot] {
                    Value::Node(node) => self.node_property(*node, key)?,
                    of => self.property(of, key)?,
                },
                of => self.property(&self.eval(of, row)?, key)?,
            },
            Expr::Labels(of, labels) => {
                let of = self.eval(of, row)?;
                self.has_labels(&of, labels)?
            }
            Expr::Index(of, index) => {
                let (of, index) = (self.eval(of, row)?, self.eval(index, row)?);
                self.index(&of, &index)?
            }
            Expr::Slice(of, from, to) => {
                let of = self.eval(of, row)?;
                self.spend(weight(&of))?;
                let from = from.as_ref().map(|end| self.eval(end, row)).transpose()?;
                let to = to.as_ref().map(|end| self.eval(end, row)).transpose()?;
                operators::slice(&of, from.as_ref(), to.as_ref())?
            }
            Expr::List(items) => {
                let items: Vec<Value> = items
                    .iter()
                    .map(|item| self.eval(item, row))
                    .collect::<Result<_>>()?;
                Value::list(items)
            }
            Expr::Map(entries) => {
                let mut map = Map::with_capacity(entries.len());
                for (key, value) in entries {
                    map.insert(Arc::clone(key), self.eval(value, row)?);
                }
                Value::Map(Arc::new(map))
            }
            Expr::And(terms) => self.all(terms, row)?,
            Expr::Or(terms) => self.any(terms, row)?,
            Expr::Xor(a, b) => {
                let (a, b) = (self.truth_of(a, row)?, self.truth_of(b, row)?);
                a.zip(b).map(|(a, b)| a != b).into()
            }
            Expr::Not(of) => self.truth_of(of, row)?.map(|b| !b).into(),
            Expr::Negate(of) => operators::negate(&self.eval(of, row)?)?,
            Expr::Plus(of) => self.eval(of, row)?,
            Expr::IsNull(of) => self.eval(of, row)?.is_null().into(),
            Expr::IsNotNull(of) => (!self.eval(of, row)?.is_null()).into(),
            Expr::Binary(operator, a, b) => {
                let (a, b) = (self.eval(a, row)?, self.eval(b, row)?);
                self.spend(weight(&a) + weight(&b))?;
                match operator {
                    Operator::Matches => self.matches(&a, &b)?,
                    operator => operators::binary(*operator, &a, &b)?,
                }
            }
            Expr::Compare(comparison, a, b) => {
                let (a, b) = (self.eval(a, row)?, self.eval(b, row)?);
                self.spend(weight(&a) + weight(&b))?;
                operators::compare(*comparison, &a, &b).into()
            }
            Expr::Case {
                subject,
                arms,
                otherwise,
            } => {
                let subject = subject
                    .as_ref()
                    .map(|subject| self.eval(subject, row))
                    .transpose()?;
                for (when, then) in arms {
                    let is_met = match &subject {
                        Some(subject) => subject.equals(&self.eval(when, row)?) == Some(true),
                        None => self.truth_of(when, row)? == Some(true),
                    };
                    if is_met {
                        return self.eval(then, row);
                    }
                }
                match otherwise {
                    Some(otherwise) => self.eval(otherwise, row)?,
                    None => Value::Null,
                }
            }
            Expr::Call(function, arguments) => {
                let arguments: Vec<Value> = arguments
                    .iter()
                    .map(|argument| self.eval(argument, row))
                    .collect::<Result<_>>()?;
                if function.is_strict && arguments.iter().any(Value::is_null) {
                    return Ok(Value::Null);
                }
                self.spend(arguments.iter().map(weight).sum())?;
                (function.run)(self, &arguments)?
            }
            Expr::ListComprehension {
                slot,
                list,
                filter,
                map,
            } => {
                let Some(items) = self.list(list, row)? else {
                    return Ok(Value::Null);
                };
                let mut out = Vec::new();
                for item in items.iter() {
                    self.tick()?;
                    row[*slot] = item.clone();
                    if let Some(filter) = filter
                        && self.truth_of(filter, row)? != Some(true)
                    {
                        continue;
                    }
                    out.push(match map {
                        Some(map) => self.eval(map, row)?,
                        None => item.clone(),
                    });
                }
                Value::list(out)
            }
            Expr::Quantified {
                quantifier,
                slot,
                list,
                filter,
            } => match self.list(list, row)? {
                Some(items) => self.quantified(*quantifier, (*slot, &items), filter, row)?,
                None => Value::Null,
            },
            Expr::Reduce {
                accumulator,
                start,
                slot,
                list,
                step,
            } => {
                let mut so_far = self.eval(start, row)?;
                let Some(items) = self.list(list, row)? else {
                    return Ok(Value::Null);
                };
                for item in items.iter() {
                    self.tick()?;
                    row[*accumulator] = so_far;
                    row[*slot] = item.clone();
                    so_far = self.eval(step, row)?;
                }
                so_far
            }
            Expr::Collect { steps, value } => {
                let mut values = Vec::new();
                let _ = self.run(steps, row, &mut |row| {
                    values.push(self.eval(value, row)?);
                    Ok(Flow::Continue(()))
                })?;
                Value::list(values)
            }
            Expr::First { steps, value } => {
                let mut first = Value::Null;
                let _ = self.run(steps, row, &mut |row| {
                    first = self.eval(value, row)?;
                    Ok(Flow::Break(()))
                })?;
                first
            }
            Expr::Exists(steps) => {
                let flow = self.run(steps, row, &mut |_| Ok(Flow::Break(())))?;
                flow.is_break().into()
            }
            Expr::ExistsQuery(query) => self.has_rows(query, row)?.into(),
            Expr::Path(parts) => self.path(parts, row)?,
        })
    }

    /// Whether a condition is true, false or unknown.
    pub(super) fn truth_of(&self, expr: &Expr, row: &mut [Value]) -> Result<Option<bool>> {
        truth(&self.eval(expr, row)?)
    }

    fn all(&self, terms: &[Expr], row: &mut [Value]) -> Result<Value> {
        let mut is_known = true;
        for term in terms {
            match self.truth_of(term, row)? {
                Some(true) => {}
                Some(false) => return Ok(Value::Boolean(false)),
                None => is_known = false,
            }
        }
        Ok(is_known.then_some(true).into())
    }

    fn any(&self, terms: &[Expr], row: &mut [Value]) -> Result<Value> {
        let mut is_known = true;
        for term in terms {
            match self.truth_of(term, row)? {
                Some(true) => return Ok(Value::Boolean(true)),
                Some(false) => {}
                None => is_known = false,
            }
        }
        Ok(is_known.then_some(false).into())
    }

    fn list(&self, list: &Expr, row: &mut [Value]) -> Result<Option<Arc<[Value]>>> {
        match self.eval(list, row)? {
            Value::Null => Ok(None),
            Value::List(items) => Ok(Some(items)),
            other => Err(invalid_type("a list", &other)),
        }
    }

    fn quantified(
        &self,
        quantifier: Quantifier,
        (slot, items): (Slot, &[Value]),
        filter: &Expr,
        row: &mut [Value],
    ) -> Result<Value> {
        let (mut met, mut unknown) = (0usize, 0usize);
        for item in items {
            self.tick()?;
            row[slot] = item.clone();
            match (self.truth_of(filter, row)?, quantifier) {
                (Some(false), Quantifier::All) | (Some(true), Quantifier::None) => {
                    return Ok(false.into());
                }
                (Some(true), Quantifier::Any) => return Ok(true.into()),
                (Some(true), _) => met += 1,
                (Some(false), _) => {}
                (None, _) => unknown += 1,
            }
        }
        Ok(match quantifier {
            Quantifier::Single if met > 1 => Value::Boolean(false),
            _ if unknown > 0 => Value::Null,
            Quantifier::All | Quantifier::None => Value::Boolean(true),
            Quantifier::Any => Value::Boolean(false),
            Quantifier::Single => Value::Boolean(met == 1),
        })
    }

    /// A property of a node or relationship, a value of a map, a part of a date.
    pub(super) fn property(&self, of: &Value, key: &str) -> Result<Value> {
        match of {
            Value::Null => Ok(Value::Null),
            Value::Node(node) => Ok(node_property(self.node(*node)?, key)),
            Value::Relationship(edge) => {
                let edge = self.edge(*edge)?;
                let properties = edge.properties.as_deref();
                let value = properties.and_then(|properties| properties.get(key.as_bytes()));
                Ok(value.map_or(Value::Null, Value::from))
            }
            Value::Map(map) => Ok(map.get(key).cloned().unwrap_or_default()),
            Value::Temporal(value) => temporal::component(value, key),
            other => Err(invalid_type("a node, a relationship or a map", other)),
        }
    }

    fn node_property(&self, node: NodeRef, key: &Arc<str>) -> Result<Value> {
        let node = self.node(node)?;
        let known = self.known_property(node.address(), key)?;
        Ok(known.unwrap_or_else(|| node_property(node, key)))
    }

    fn has_labels(&self, of: &Value, labels: &[Arc<str>]) -> Result<Value> {
        match of {
            Value::Null => Ok(Value::Null),
            Value::Node(node) => {
                let node = self.node(*node)?;
                Ok(super::has_kinds(node, labels).into())
            }
            Value::Relationship(edge) => {
                let name = self.view().state.verbs().name(edge.verb);
                Ok(labels.iter().all(|label| Some(&**label) == name).into())
            }
            other => Err(invalid_type("a node", other)),
        }
    }

    fn index(&self, of: &Value, index: &Value) -> Result<Value> {
        match (of, index) {
            (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
            (Value::List(items), Value::Integer(n)) => {
                let at = if *n < 0 { items.len() as i64 + n } else { *n };
                let at = usize::try_from(at).ok();
                Ok(at.and_then(|at| items.get(at)).cloned().unwrap_or_default())
            }
            (Value::List(_), other) => Err(CypherError::runtime(
                ErrorType::TypeError,
                "ListElementAccessByNonInteger",
                format!(
                    "expected an integer as the index of a list, got {}",
                    other.type_name()
                ),
            )),
            (Value::Map(_) | Value::Node(_) | Value::Relationship(_), Value::String(key)) => {
                self.property(of, &key.as_str())
            }
            (Value::Map(_) | Value::Node(_) | Value::Relationship(_), other) => {
                Err(CypherError::runtime(
                    ErrorType::TypeError,
                    "MapElementAccessByNonString",
                    format!("expected a string as a key, got {}", other.type_name()),
                ))
            }
            (other, _) => Err(invalid_type("a list or a map", other)),
        }
    }

    /// The path through nodes, relationships and lists of relationships; null if one of them is.
    fn path(&self, parts: &[Slot], row: &[Value]) -> Result<Value> {
        let mut path = Path {
            nodes: Vec::new(),
            relationships: Vec::new(),
        };
        for part in parts {
            match &row[*part] {
                Value::Null => return Ok(Value::Null),
                // A list of relationships has brought along the node that it leads to.
                Value::Node(_) if path.nodes.len() > path.relationships.len() => {}
                Value::Node(node) => path.nodes.push(*node),
                Value::Relationship(edge) => path.relationships.push(*edge),
                Value::List(edges) => {
                    for edge in edges.iter() {
                        let (Value::Relationship(edge), Some(last)) = (edge, path.nodes.last())
                        else {
                            return Err(invalid_type("a relationship", edge));
                        };
                        let next = if edge.source == last.address {
                            edge.target
                        } else {
                            edge.source
                        };
                        path.relationships.push(*edge);
                        path.nodes.push(self.node_ref(next));
                    }
                }
                other => return Err(invalid_type("a part of a path", other)),
            }
        }
        Ok(Value::Path(Arc::new(path)))
    }

    fn matches(&self, text: &Value, pattern: &Value) -> Result<Value> {
        match (text, pattern) {
            (Value::String(text), Value::String(pattern)) => {
                let pattern = pattern.as_str();
                let regex = self.regex(&pattern)?;
                Ok(regex.is_match(&text.as_str()).into())
            }
            _ => Ok(Value::Null),
        }
    }
}

fn node_property(node: Node<'_>, key: &str) -> Value {
    match node.fields().and_then(|fields| fields.get(key.as_bytes())) {
        Some(value) => value.into(),
        None => super::own_property(node, key),
    }
}

/// How many steps it counts for to go through a value: none for those that are small.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.0.len() / BYTES_PER_STEP,
        Value::List(items) => items.len() / ITEMS_PER_STEP,
        _ => 0,
    }
}

/// Bytes of a string that count for a step.
const BYTES_PER_STEP: usize = 256;
/// Elements of a list that count for a step.
const ITEMS_PER_STEP: usize = 16;

/// True, false or unknown.
pub fn truth(value: &Value) -> Result<Option<bool>> {
    match value {
        Value::Boolean(b) => Ok(Some(*b)),
        Value::Null => Ok(None),
        other => Err(invalid_type("a boolean", other)),
    }
}

/// A value of a type that an operator does not take.
pub fn invalid_type(wanted: &str, got: &Value) -> CypherError {
    let message = format!("expected {wanted}, got {}", got.type_name());
    CypherError::runtime(ErrorType::TypeError, "InvalidArgumentType", message)
}
