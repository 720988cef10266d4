//! What is changed: CREATE, MERGE, SET, REMOVE, DELETE, FOREACH.

use super::super::ast::{
    self, ClauseKind, Direction, ExprKind, NodePattern, PathPattern, RemoveItem, SetItem,
};
use super::super::error::{CypherError, Result};
use super::super::plan::{Creation, Element, Expr, Set, Slot, Write};
use super::expression::wrong_type;
use super::pattern::shared;
use super::scope::Type;
use super::{Compiler, already_bound, undefined};

impl Compiler<'_> {
    pub(super) fn write_clause(&mut self, clause: &ClauseKind) -> Result<Write> {
        Ok(match clause {
            ClauseKind::Create(patterns) => Write::Create(self.creation(patterns)?),
            ClauseKind::Merge {
                pattern,
                on_create,
                on_match,
            } => self.merge(pattern, on_create, on_match)?,
            ClauseKind::Set(items) => Write::Set(self.set_items(items)?),
            ClauseKind::Remove(items) => {
                let mut sets = Vec::new();
                for item in items {
                    sets.push(self.remove_item(item)?);
                }
                Write::Set(sets)
            }
            ClauseKind::Delete { detach, targets } => Write::Delete {
                targets: targets
                    .iter()
                    .map(|target| self.delete_target(target))
                    .collect::<Result<_>>()?,
                is_detaching: *detach,
            },
            ClauseKind::Foreach {
                variable,
                list,
                clauses,
            } => {
                let (list, kind) = self.plain(list)?;
                let element = match kind {
                    Type::List(element) => *element,
                    Type::Any => Type::Any,
                    _ => return Err(wrong_type("a list", &kind, variable.at)),
                };
                let scope = self.scope.len();
                let slot = self.declare(&variable.text, element);
                let mut writes = Vec::new();
                for clause in clauses {
                    writes.push(match clause.kind {
                        ClauseKind::Create(_)
                        | ClauseKind::Merge { .. }
                        | ClauseKind::Set(_)
                        | ClauseKind::Remove(_)
                        | ClauseKind::Delete { .. }
                        | ClauseKind::Foreach { .. } => self.write_clause(&clause.kind)?,
                        _ => {
                            return Err(CypherError::syntax(
                                "InvalidClauseComposition",
                                "expected only clauses that write inside FOREACH",
                                clause.at,
                            ));
                        }
                    });
                }
                self.scope.truncate(scope);
                Write::Foreach { slot, list, writes }
            }
            ClauseKind::Match { .. }
            | ClauseKind::Unwind { .. }
            | ClauseKind::With { .. }
            | ClauseKind::Return(_)
            | ClauseKind::Call { .. } => unreachable!("only clauses that write come here"),
        })
    }

    fn creation(&mut self, patterns: &[PathPattern]) -> Result<Creation> {
        let mut creation = Creation::default();
        for pattern in patterns {
            let is_alone = pattern.steps.is_empty();
            let mut left = self.create_node(&pattern.start, is_alone, &mut creation)?;
            let mut slots = vec![left];
            for (relationship, node) in &pattern.steps {
                self.check_new(relationship.variable.as_ref())?;
                let (kind, direction) = self.one_type(relationship, false)?;
                let properties = self.properties(relationship.properties.as_ref())?;
                let right = self.create_node(node, false, &mut creation)?;
                let slot = match &relationship.variable {
                    Some(name) => self.declare(&name.text, Type::Relationship),
                    None => self.slot(),
                };
                let (from, to) = match direction {
                    Direction::Incoming => (right, left),
                    Direction::Outgoing | Direction::Either => (left, right),
                };
                creation.elements.push(Element::Relationship {
                    slot,
                    from,
                    to,
                    kind,
                    properties,
                });
                slots.extend([slot, right]);
                left = right;
            }
            self.check_new(pattern.variable.as_ref())?;
            if let Some(variable) = &pattern.variable {
                let path = self.declare(&variable.text, Type::Path);
                creation.paths.push((Expr::Path(slots), path));
            }
        }
        Ok(creation)
    }

    /// The node of a pattern that is made, or is there already.
    fn create_node(
        &mut self,
        node: &NodePattern,
        is_alone: bool,
        creation: &mut Creation,
    ) -> Result<Slot> {
        if let Some(name) = &node.variable
            && let Some(variable) = self.scope.find(&name.text)
        {
            let says_more = is_alone || !node.labels.is_empty() || node.properties.is_some();
            if says_more {
                return Err(already_bound(&name.text, name.at));
            }
            if variable.kind.is_none_of(&[Type::Node]) {
                return Err(super::pattern::type_conflict(
                    name,
                    "a node",
                    &variable.kind,
                ));
            }
            return Ok(variable.slot);
        }
        let properties = self.properties(node.properties.as_ref())?;
        let slot = match &node.variable {
            Some(name) => self.declare(&name.text, Type::Node),
            None => self.slot(),
        };
        creation.elements.push(Element::Node {
            slot,
            labels: shared(&node.labels),
            properties,
        });
        Ok(slot)
    }

    fn check_new(&self, name: Option<&ast::Name>) -> Result<()> {
        match name.filter(|name| self.scope.find(&name.text).is_some()) {
            Some(name) => Err(already_bound(&name.text, name.at)),
            None => Ok(()),
        }
    }

    /// The one type that a relationship needs to be made, and its direction.
    fn one_type(
        &self,
        relationship: &ast::RelationshipPattern,
        takes_either: bool,
    ) -> Result<(std::sync::Arc<str>, Direction)> {
        let at = relationship.at;
        let [kind] = &relationship.types[..] else {
            let (detail, got) = ("NoSingleRelationshipType", relationship.types.len());
            return Err(CypherError::syntax(
                detail,
                format!("expected one type, got {got}"),
                at,
            ));
        };
        if relationship.range.is_some() {
            return Err(CypherError::syntax(
                "CreatingVarLength",
                "expected one relationship, got a path of variable length",
                at,
            ));
        }
        if relationship.direction == Direction::Either && !takes_either {
            return Err(CypherError::syntax(
                "RequiresDirectedRelationship",
                "expected a direction: --> or <--",
                at,
            ));
        }
        Ok((kind.as_str().into(), relationship.direction))
    }

    fn properties(&mut self, properties: Option<&ast::Expr>) -> Result<Option<Expr>> {
        match properties {
            Some(properties) => Ok(Some(self.plain(properties)?.0)),
            None => Ok(None),
        }
    }

    fn merge(
        &mut self,
        pattern: &PathPattern,
        on_create: &[SetItem],
        on_match: &[SetItem],
    ) -> Result<Write> {
        let nodes =
            std::iter::once(&pattern.start).chain(pattern.steps.iter().map(|(_, node)| node));
        for node in nodes.clone() {
            if let Some(name) = &node.variable
                && self.scope.find(&name.text).is_some()
            {
                let says_more = pattern.steps.is_empty()
                    || !node.labels.is_empty()
                    || node.properties.is_some();
                if says_more {
                    return Err(already_bound(&name.text, name.at));
                }
            }
        }
        // A variable that the pattern itself brings may say more only where it stands first.
        let named = nodes.filter_map(|node| Some((node.variable.as_ref()?, node)));
        let mut seen: Vec<&str> = Vec::new();
        for (name, node) in named {
            let says_more = !node.labels.is_empty() || node.properties.is_some();
            if seen.contains(&name.text.as_str()) && says_more {
                return Err(already_bound(&name.text, name.at));
            }
            seen.push(&name.text);
        }
        for (relationship, _) in &pattern.steps {
            self.check_new(relationship.variable.as_ref())?;
            self.one_type(relationship, true)?;
        }
        let known = self.slots;
        let (steps, mut parts) = self.match_paths(std::slice::from_ref(pattern), None)?;
        let slots = parts.remove(0);
        let mut creation = Creation::default();
        let mut left = slots[0];
        self.merge_node(&pattern.start, left, known, &mut creation)?;
        for ((relationship, node), pair) in pattern.steps.iter().zip(slots[1..].chunks_exact(2)) {
            let (kind, direction) = self.one_type(relationship, true)?;
            let properties = self.properties(relationship.properties.as_ref())?;
            let right = pair[1];
            self.merge_node(node, right, known, &mut creation)?;
            let (from, to) = match direction {
                Direction::Incoming => (right, left),
                Direction::Outgoing | Direction::Either => (left, right),
            };
            creation.elements.push(Element::Relationship {
                slot: pair[0],
                from,
                to,
                kind,
                properties,
            });
            left = right;
        }
        if let Some(variable) = &pattern.variable {
            let path = self
                .scope
                .find(&variable.text)
                .expect("invariant: the path was declared");
            creation.paths.push((Expr::Path(slots), path.slot));
        }
        Ok(Write::Merge {
            steps,
            creation,
            on_create: self.set_items(on_create)?,
            on_match: self.set_items(on_match)?,
        })
    }

    fn merge_node(
        &mut self,
        node: &NodePattern,
        slot: Slot,
        known: Slot,
        creation: &mut Creation,
    ) -> Result<()> {
        let is_made = creation.elements.iter().any(|element| match element {
            Element::Node { slot: there, .. } => *there == slot,
            Element::Relationship { .. } => false,
        });
        if slot < known || is_made {
            return Ok(());
        }
        let properties = self.properties(node.properties.as_ref())?;
        creation.elements.push(Element::Node {
            slot,
            labels: shared(&node.labels),
            properties,
        });
        Ok(())
    }

    pub(super) fn set_items(&mut self, items: &[SetItem]) -> Result<Vec<Set>> {
        items.iter().map(|item| self.set_item(item)).collect()
    }

    fn set_item(&mut self, item: &SetItem) -> Result<Set> {
        Ok(match item {
            SetItem::Property { target, key, value } => {
                let target = self.entity(target)?;
                Set::Property {
                    target,
                    key: key.as_str().into(),
                    value: self.plain(value)?.0,
                }
            }
            SetItem::All {
                variable,
                value,
                is_added,
            } => {
                let slot = self.variable(variable, &[Type::Node, Type::Relationship])?;
                let (value, kind) = self.plain(value)?;
                if kind.is_none_of(&[Type::Map, Type::Node, Type::Relationship]) {
                    return Err(wrong_type("a map", &kind, variable.at));
                }
                Set::All {
                    slot,
                    value,
                    is_added: *is_added,
                }
            }
            SetItem::Labels { variable, labels } => Set::Labels {
                slot: self.variable(variable, &[Type::Node])?,
                labels: shared(labels),
            },
        })
    }

    fn remove_item(&mut self, item: &RemoveItem) -> Result<Set> {
        Ok(match item {
            RemoveItem::Property { target, key } => Set::Property {
                target: self.entity(target)?,
                key: key.as_str().into(),
                value: Expr::Constant(super::super::value::Value::Null),
            },
            RemoveItem::Labels { variable, labels } => Set::NoLabels {
                slot: self.variable(variable, &[Type::Node])?,
                labels: shared(labels),
            },
        })
    }

    fn variable(&self, name: &ast::Name, kinds: &[Type]) -> Result<Slot> {
        let variable = self
            .scope
            .find(&name.text)
            .ok_or_else(|| undefined(&name.text, name.at))?;
        match variable.kind.is_none_of(kinds) {
            true => Err(wrong_type(kinds[0].name(), &variable.kind, name.at)),
            false => Ok(variable.slot),
        }
    }

    /// A node or relationship.
    fn entity(&mut self, target: &ast::Expr) -> Result<Expr> {
        let (value, kind) = self.plain(target)?;
        match kind.is_none_of(&[Type::Node, Type::Relationship]) {
            true => Err(wrong_type("a node or a relationship", &kind, target.at)),
            false => Ok(value),
        }
    }

    fn delete_target(&mut self, target: &ast::Expr) -> Result<Expr> {
        if let ExprKind::Labels(..) = &*target.kind {
            return Err(CypherError::syntax(
                "InvalidDelete",
                "expected a node, a relationship or a path to delete, got labels: REMOVE takes those",
                target.at,
            ));
        }
        let (value, kind) = self.plain(target)?;
        match kind.is_none_of(&[Type::Node, Type::Relationship, Type::Path]) {
            true => Err(wrong_type(
                "a node, a relationship or a path",
                &kind,
                target.at,
            )),
            false => Ok(value),
        }
    }
}
