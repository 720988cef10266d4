//! What is matched: a pattern's nodes and relationships get slots and conditions, and `optimize` an order.

use std::sync::Arc;

use super::super::ast::{
    self, ExprKind, Name, NodePattern, PathPattern, RelationshipPattern, Shortest,
};
use super::super::error::{CypherError, Result};
use super::super::optimize::{self, Graph, Node, Relationship};
use super::super::plan::{Expr, Slot, Step};
use super::super::value::Value;
use super::expression::wrong_type;
use super::scope::Type;
use super::{Compiler, already_bound, undefined};
use crate::query::cypher::ast::Comparison;

impl Compiler<'_> {
    /// The steps that match patterns under a condition; declares their variables.
    pub(super) fn match_steps(
        &mut self,
        patterns: &[PathPattern],
        filter: Option<&ast::Expr>,
    ) -> Result<Vec<Step>> {
        Ok(self.match_paths(patterns, filter)?.0)
    }

    /// The same, with the slots of each pattern's nodes and relationships, in their order.
    pub(super) fn match_paths(
        &mut self,
        patterns: &[PathPattern],
        filter: Option<&ast::Expr>,
    ) -> Result<(Vec<Step>, Vec<Vec<Slot>>)> {
        let mut graph = Graph {
            first_new: self.slots,
            ..Graph::default()
        };
        let mut parts = Vec::new();
        for pattern in patterns {
            parts.push(self.path(pattern, &mut graph)?);
        }
        // Properties may speak of every variable of the pattern.
        for (pattern, elements) in patterns.iter().zip(&parts) {
            self.path_properties(pattern, elements, &mut graph)?;
        }
        if let Some(filter) = filter {
            let around = std::mem::replace(&mut self.aggregation, super::Aggregating::Refused);
            let condition = self.condition(filter);
            self.aggregation = around;
            match condition? {
                Expr::And(terms) => graph.conditions.extend(terms),
                condition => graph.conditions.push(condition),
            }
        }
        if graph.relationships.len() + graph.nodes.len() + graph.conditions.len() > super::STEPS_MAX
        {
            return Err(super::too_many_steps(
                patterns.first().map_or(0, |pattern| pattern.at),
            ));
        }
        let ops = optimize::order(graph, self.statistics);
        Ok((ops.into_iter().map(|op| self.step(op)).collect(), parts))
    }

    /// Enters a path into the graph; answers the slots of its elements.
    fn path(&mut self, pattern: &PathPattern, graph: &mut Graph) -> Result<Vec<Slot>> {
        let mut left = self.node(&pattern.start, graph)?;
        let mut slots = vec![graph.nodes[left].slot];
        for (relationship, node) in &pattern.steps {
            // A relationship's variable is there before that of the node behind it.
            let slot = self.relationship_slot(relationship, graph)?;
            let right = self.node(node, graph)?;
            graph.relationships.push(Relationship {
                slot: slot.0,
                left,
                right,
                types: shared(&relationship.types),
                direction: relationship.direction,
                range: range(relationship),
                properties: Vec::new(),
                is_bound: slot.1,
                shortest: pattern.shortest,
            });
            slots.extend([slot.0, graph.nodes[right].slot]);
            left = right;
        }
        if let Some(variable) = &pattern.variable {
            if self.scope.find(&variable.text).is_some() {
                return Err(already_bound(&variable.text, variable.at));
            }
            let path = self.declare(&variable.text, Type::Path);
            graph.paths.push((path, slots.clone()));
        }
        Ok(slots)
    }

    fn node(&mut self, node: &NodePattern, graph: &mut Graph) -> Result<usize> {
        let labels = shared(&node.labels);
        if let Some(name) = &node.variable
            && let Some(variable) = self.scope.find(&name.text)
        {
            if variable.kind.is_none_of(&[Type::Node]) {
                return Err(type_conflict(name, "a node", &variable.kind));
            }
            let slot = variable.slot;
            if let Some(there) = graph.nodes.iter().position(|node| node.slot == slot) {
                let more = labels
                    .into_iter()
                    .filter(|label| !graph.nodes[there].labels.contains(label));
                let more: Vec<_> = more.collect();
                graph.nodes[there].labels.extend(more);
                return Ok(there);
            }
            graph.nodes.push(Node {
                slot,
                labels,
                is_bound: slot < graph.first_new,
            });
            return Ok(graph.nodes.len() - 1);
        }
        let slot = match &node.variable {
            Some(name) => self.declare(&name.text, Type::Node),
            None => self.slot(),
        };
        graph.nodes.push(Node {
            slot,
            labels,
            is_bound: false,
        });
        Ok(graph.nodes.len() - 1)
    }

    /// The slot of a relationship's variable, and whether it is bound already.
    fn relationship_slot(
        &mut self,
        relationship: &RelationshipPattern,
        graph: &Graph,
    ) -> Result<(Slot, bool)> {
        let kind = match relationship.range {
            Some(_) => Type::List(Box::new(Type::Relationship)),
            None => Type::Relationship,
        };
        let Some(name) = &relationship.variable else {
            return Ok((self.slot(), false));
        };
        let Some(variable) = self.scope.find(&name.text) else {
            return Ok((self.declare(&name.text, kind), false));
        };
        if variable.kind.is_none_of(std::slice::from_ref(&kind)) {
            return Err(type_conflict(name, kind.name(), &variable.kind));
        }
        let slot = variable.slot;
        if slot >= graph.first_new {
            return Err(CypherError::syntax(
                "RelationshipUniquenessViolation",
                format!(
                    "expected each relationship once in a pattern, got {} twice",
                    name.text
                ),
                name.at,
            ));
        }
        Ok((slot, true))
    }

    fn path_properties(
        &mut self,
        pattern: &PathPattern,
        slots: &[Slot],
        graph: &mut Graph,
    ) -> Result<()> {
        let nodes =
            std::iter::once(&pattern.start).chain(pattern.steps.iter().map(|(_, node)| node));
        for (n, node) in nodes.enumerate() {
            for (key, value) in self.pattern_properties(node.properties.as_ref())? {
                graph
                    .conditions
                    .push(has_property(slots[2 * n], key, value));
            }
        }
        for (n, (relationship, _)) in pattern.steps.iter().enumerate() {
            let slot = slots[2 * n + 1];
            let properties = self.pattern_properties(relationship.properties.as_ref())?;
            match relationship.range {
                None if pattern.shortest == Shortest::No => {
                    let conditions = properties
                        .into_iter()
                        .map(|(key, value)| has_property(slot, key, value));
                    graph.conditions.extend(conditions);
                }
                _ => {
                    let entered = graph
                        .relationships
                        .iter_mut()
                        .rev()
                        .find(|entered| entered.slot == slot);
                    entered
                        .expect("invariant: every relationship was entered")
                        .properties = properties;
                }
            }
        }
        Ok(())
    }

    /// The properties of a pattern that is matched, which are given one by one.
    fn pattern_properties(
        &mut self,
        properties: Option<&ast::Expr>,
    ) -> Result<Vec<(Arc<str>, Expr)>> {
        let Some(properties) = properties else {
            return Ok(Vec::new());
        };
        match &*properties.kind {
            ExprKind::Map(entries) => {
                let around = std::mem::replace(&mut self.aggregation, super::Aggregating::Refused);
                let entries = self.entries(entries);
                self.aggregation = around;
                entries
            }
            _ => Err(CypherError::syntax(
                "InvalidParameterUse",
                "expected a map of properties, got a parameter: a pattern that is matched names its properties",
                properties.at,
            )),
        }
    }

    /// `shortestPath((a)-[*]-(b))` as a value: of nodes that are known.
    pub(super) fn shortest_path(&mut self, pattern: &PathPattern) -> Result<(Expr, Type)> {
        let ends = [&pattern.start, &pattern.steps[0].1];
        for end in ends {
            let is_known = |name: &Name| self.scope.find(&name.text).is_some();
            match &end.variable {
                Some(name) if !is_known(name) => return Err(undefined(&name.text, name.at)),
                Some(_) => {}
                None => {
                    return Err(wrong_type(
                        "a node that is known as an end of a shortest path",
                        &Type::Any,
                        end.at,
                    ));
                }
            }
        }
        let scope = self.scope.len();
        let mut graph = Graph {
            first_new: self.slots,
            ..Graph::default()
        };
        let slots = self.path(pattern, &mut graph)?;
        self.path_properties(pattern, &slots, &mut graph)?;
        self.scope.truncate(scope);
        let ops = optimize::order(graph, self.statistics);
        let steps = ops.into_iter().map(|op| self.step(op)).collect();
        let value = Box::new(Expr::Path(slots));
        Ok(match pattern.shortest {
            Shortest::All => (
                Expr::Collect { steps, value },
                Type::List(Box::new(Type::Path)),
            ),
            _ => (Expr::First { steps, value }, Type::Path),
        })
    }
}

fn has_property(slot: Slot, key: Arc<str>, value: Expr) -> Expr {
    let property = Expr::Property(Box::new(Expr::Slot(slot)), key);
    Expr::Compare(Comparison::Equal, Box::new(property), Box::new(value))
}

/// Fewest and most steps of a path of variable length.
fn range(relationship: &RelationshipPattern) -> Option<(usize, usize)> {
    let length = |length: u64| usize::try_from(length).unwrap_or(usize::MAX);
    let (least, most) = relationship.range?;
    Some((least.map_or(1, length), most.map_or(usize::MAX, length)))
}

pub(super) fn shared(names: &[String]) -> Vec<Arc<str>> {
    names.iter().map(|name| name.as_str().into()).collect()
}

pub(super) fn type_conflict(name: &Name, wanted: &str, got: &Type) -> CypherError {
    CypherError::syntax(
        "VariableTypeConflict",
        format!("expected {} to be {wanted}, got {}", name.text, got.name()),
        name.at,
    )
}

/// Whether an expression is a value that is known before anything runs.
pub(super) fn is_constant(expr: &Expr) -> Option<&Value> {
    match expr {
        Expr::Constant(value) | Expr::Parameter(value) => Some(value),
        _ => None,
    }
}
