//! Expressions: what they read, and which types they can have.

use std::sync::Arc;

use super::super::ast::{self, Comparison, ExprKind, Operator};
use super::super::error::{CypherError, ErrorType, Result};
use super::super::functions::{self, aggregate::AggregateFunction};
use super::super::plan::{Aggregate, Expr};
use super::super::value::Value;
use super::scope::Type;
use super::{Aggregating, Compiler, missing_parameter, undefined};

type Typed = (Expr, Type);

impl Compiler<'_> {
    /// A value. A pattern is none.
    pub(super) fn expr(&mut self, expr: &ast::Expr) -> Result<Typed> {
        let at = expr.at;
        Ok(match &*expr.kind {
            ExprKind::Null => (Expr::Constant(Value::Null), Type::Any),
            ExprKind::Boolean(b) => (Expr::Constant(Value::Boolean(*b)), Type::Boolean),
            ExprKind::Integer(n) => (Expr::Constant(Value::Integer(*n)), Type::Integer),
            ExprKind::Float(x) => (Expr::Constant(Value::Float(*x)), Type::Float),
            ExprKind::String(text) => (Expr::Constant(text.as_str().into()), Type::String),
            ExprKind::Variable(name) => {
                let variable = self.scope.find(name).ok_or_else(|| undefined(name, at))?;
                (Expr::Slot(variable.slot), variable.kind.clone())
            }
            ExprKind::Parameter(name) => {
                let value = self.parameters.get(name.as_str()).cloned();
                let value = value.ok_or_else(|| missing_parameter(name, at))?;
                (Expr::Parameter(value), Type::Any)
            }
            ExprKind::List(items) => {
                let mut element = None;
                let mut values = Vec::new();
                for item in items {
                    let (value, kind) = self.expr(item)?;
                    element = Some(match element {
                        Some(element) => kind.or(element),
                        None => kind,
                    });
                    values.push(value);
                }
                let element = element.unwrap_or(Type::Any);
                (Expr::List(values), Type::List(Box::new(element)))
            }
            ExprKind::Map(entries) => (Expr::Map(self.entries(entries)?), Type::Map),
            ExprKind::Property(of, key) => self.property(of, key, at)?,
            ExprKind::Labels(of, labels) => {
                let (value, kind) = self.expr(of)?;
                if kind.is_none_of(&[Type::Node, Type::Relationship]) {
                    return Err(wrong_type("a node", &kind, at));
                }
                let labels = labels.iter().map(|label| label.as_str().into()).collect();
                (Expr::Labels(Box::new(value), labels), Type::Boolean)
            }
            ExprKind::Index(of, index) => {
                let ((of, kind), (index, _)) = (self.expr(of)?, self.expr(index)?);
                let element = match kind {
                    Type::List(element) => *element,
                    _ => Type::Any,
                };
                (Expr::Index(Box::new(of), Box::new(index)), element)
            }
            ExprKind::Slice(of, from, to) => {
                let (of, kind) = self.expr(of)?;
                let mut end = |end: &Option<ast::Expr>| match end {
                    Some(end) => Ok::<_, CypherError>(Some(Box::new(self.expr(end)?.0))),
                    None => Ok(None),
                };
                let (from, to) = (end(from)?, end(to)?);
                let kind = match kind {
                    Type::List(_) => kind,
                    _ => Type::any_list(),
                };
                (Expr::Slice(Box::new(of), from, to), kind)
            }
            ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Xor(..) | ExprKind::Not(_) => {
                (self.logic(expr, false)?, Type::Boolean)
            }
            ExprKind::Negate(of) | ExprKind::Plus(of) => {
                let (value, kind) = self.expr(of)?;
                if !kind.is_numeric() && kind != Type::Temporal {
                    return Err(wrong_type("a number", &kind, at));
                }
                let value = Box::new(value);
                match &*expr.kind {
                    ExprKind::Negate(_) => (Expr::Negate(value), kind),
                    _ => (Expr::Plus(value), kind),
                }
            }
            ExprKind::IsNull(of) => (Expr::IsNull(Box::new(self.expr(of)?.0)), Type::Boolean),
            ExprKind::IsNotNull(of) => (Expr::IsNotNull(Box::new(self.expr(of)?.0)), Type::Boolean),
            ExprKind::Binary(operator, left, right) => self.binary(*operator, left, right, at)?,
            ExprKind::Compare(first, rest) => (self.comparisons(first, rest)?, Type::Boolean),
            ExprKind::Case {
                subject,
                arms,
                otherwise,
            } => self.case(subject.as_ref(), arms, otherwise.as_ref())?,
            ExprKind::Function {
                name,
                distinct,
                arguments,
            } => self.call(name, *distinct, arguments, at)?,
            ExprKind::CountAll => {
                let aggregate = (AggregateFunction::CountAll, false);
                (self.aggregate(aggregate, Vec::new(), at)?, Type::Integer)
            }
            ExprKind::ListComprehension {
                variable,
                list,
                filter,
                map,
            } => {
                let (list, element) = self.list(list)?;
                let scope = self.scope.len();
                let slot = self.declare(&variable.text, element.clone());
                let filter = match filter {
                    Some(filter) => Some(Box::new(self.condition(filter)?)),
                    None => None,
                };
                let (map, element) = match map {
                    Some(map) => {
                        let (map, kind) = self.expr(map)?;
                        (Some(Box::new(map)), kind)
                    }
                    None => (None, element),
                };
                self.scope.truncate(scope);
                let list = Box::new(list);
                let comprehension = Expr::ListComprehension {
                    slot,
                    list,
                    filter,
                    map,
                };
                (comprehension, Type::List(Box::new(element)))
            }
            ExprKind::Quantified {
                quantifier,
                variable,
                list,
                filter,
            } => {
                let (list, element) = self.list(list)?;
                let scope = self.scope.len();
                let slot = self.declare(&variable.text, element);
                let filter = Box::new(self.condition(filter)?);
                self.scope.truncate(scope);
                let quantified = Expr::Quantified {
                    quantifier: *quantifier,
                    slot,
                    list: Box::new(list),
                    filter,
                };
                (quantified, Type::Boolean)
            }
            ExprKind::Reduce {
                accumulator,
                start,
                variable,
                list,
                step,
            } => {
                let (start, _) = self.expr(start)?;
                let (list, element) = self.list(list)?;
                let scope = self.scope.len();
                let accumulator = self.declare(&accumulator.text, Type::Any);
                let slot = self.declare(&variable.text, element);
                let step = self.expr(step)?.0;
                self.scope.truncate(scope);
                let reduce = Expr::Reduce {
                    accumulator,
                    start: Box::new(start),
                    slot,
                    list: Box::new(list),
                    step: Box::new(step),
                };
                (reduce, Type::Any)
            }
            ExprKind::PatternComprehension {
                pattern,
                filter,
                map,
            } => {
                let scope = self.scope.len();
                let steps = self.match_steps(std::slice::from_ref(pattern), filter.as_ref())?;
                let (value, kind) = self.expr(map)?;
                self.scope.truncate(scope);
                let value = Box::new(value);
                (Expr::Collect { steps, value }, Type::List(Box::new(kind)))
            }
            ExprKind::ShortestPath(pattern) => self.shortest_path(pattern)?,
            ExprKind::Pattern(pattern) => {
                return Err(CypherError::syntax(
                    "UnexpectedSyntax",
                    "expected a value; a pattern is a condition: write it in WHERE, in exists() or in a comprehension",
                    pattern.at,
                ));
            }
            ExprKind::ExistsPattern { patterns, filter } => {
                let scope = self.scope.len();
                let steps = self.match_steps(patterns, filter.as_ref())?;
                self.scope.truncate(scope);
                (Expr::Exists(steps), Type::Boolean)
            }
            ExprKind::ExistsQuery(query) => (self.exists_query(query)?, Type::Boolean),
        })
    }

    /// A value that is no aggregate's, whatever may stand around it.
    pub(super) fn plain(&mut self, expr: &ast::Expr) -> Result<Typed> {
        let around = std::mem::replace(&mut self.aggregation, Aggregating::Refused);
        let result = self.expr(expr);
        self.aggregation = around;
        result
    }

    pub(super) fn entries(
        &mut self,
        entries: &[(String, ast::Expr)],
    ) -> Result<Vec<(Arc<str>, Expr)>> {
        let entry =
            |(key, value): &(String, ast::Expr)| Ok((key.as_str().into(), self.expr(value)?.0));
        entries.iter().map(entry).collect()
    }

    /// A condition, in which patterns may stand.
    pub(super) fn condition(&mut self, expr: &ast::Expr) -> Result<Expr> {
        self.logic(expr, true)
    }

    /// What is true, false or unknown.
    fn logic(&mut self, expr: &ast::Expr, takes_patterns: bool) -> Result<Expr> {
        let mut operand = |operand: &ast::Expr| self.logic(operand, takes_patterns);
        match &*expr.kind {
            ExprKind::And(terms) => {
                Ok(Expr::And(terms.iter().map(operand).collect::<Result<_>>()?))
            }
            ExprKind::Or(terms) => Ok(Expr::Or(terms.iter().map(operand).collect::<Result<_>>()?)),
            ExprKind::Xor(a, b) => Ok(Expr::Xor(Box::new(operand(a)?), Box::new(operand(b)?))),
            ExprKind::Not(of) => Ok(Expr::Not(Box::new(operand(of)?))),
            ExprKind::Pattern(pattern) if takes_patterns => self.pattern_predicate(pattern),
            _ => {
                let (value, kind) = self.expr(expr)?;
                match kind.is_none_of(&[Type::Boolean]) {
                    true => Err(wrong_type("a boolean", &kind, expr.at)),
                    false => Ok(value),
                }
            }
        }
    }

    /// Whether a pattern, of which all variables are known, matches.
    fn pattern_predicate(&mut self, pattern: &ast::PathPattern) -> Result<Expr> {
        let nodes =
            std::iter::once(&pattern.start).chain(pattern.steps.iter().map(|(_, node)| node));
        let relationships = pattern
            .steps
            .iter()
            .map(|(relationship, _)| &relationship.variable);
        let variables = nodes
            .map(|node| &node.variable)
            .chain(relationships)
            .flatten();
        for variable in variables {
            if self.scope.find(&variable.text).is_none() {
                return Err(undefined(&variable.text, variable.at));
            }
        }
        let scope = self.scope.len();
        let steps = self.match_steps(std::slice::from_ref(pattern), None)?;
        self.scope.truncate(scope);
        Ok(Expr::Exists(steps))
    }

    fn exists_query(&mut self, query: &ast::Query) -> Result<Expr> {
        let wrote = self.writes;
        let scope = self.scope.clone();
        let around = std::mem::replace(&mut self.aggregation, Aggregating::Refused);
        let compiled = self.query(query, false);
        self.aggregation = around;
        self.scope = scope;
        let (compiled, _) = compiled?;
        if self.writes && !wrote {
            return Err(CypherError::syntax(
                "InvalidClauseComposition",
                "expected no clause that writes inside EXISTS",
                query.at,
            ));
        }
        Ok(Expr::ExistsQuery(Box::new(compiled)))
    }

    fn property(&mut self, of: &ast::Expr, key: &str, at: usize) -> Result<Typed> {
        let (value, kind) = self.expr(of)?;
        let has_none = [Type::Node, Type::Relationship, Type::Map, Type::Temporal];
        if kind == Type::Path {
            return Err(wrong_type("a node, a relationship or a map", &kind, at));
        }
        if kind.is_none_of(&has_none) {
            let message = format!(
                "expected a node, a relationship or a map, got {}",
                kind.name()
            );
            return Err(CypherError::compile(
                ErrorType::TypeError,
                "InvalidArgumentType",
                message,
                at,
            ));
        }
        Ok((Expr::Property(Box::new(value), key.into()), Type::Any))
    }

    fn list(&mut self, list: &ast::Expr) -> Result<Typed> {
        let (value, kind) = self.expr(list)?;
        match kind {
            Type::List(element) => Ok((value, *element)),
            Type::Any => Ok((value, Type::Any)),
            _ => Err(wrong_type("a list", &kind, list.at)),
        }
    }

    fn binary(
        &mut self,
        operator: Operator,
        left: &ast::Expr,
        right: &ast::Expr,
        at: usize,
    ) -> Result<Typed> {
        let ((left, a), (right, b)) = (self.expr(left)?, self.expr(right)?);
        let kind = match operator {
            Operator::StartsWith | Operator::EndsWith | Operator::Contains | Operator::Matches => {
                Type::Boolean
            }
            Operator::In => {
                if b.is_none_of(&[Type::any_list()]) {
                    return Err(wrong_type("a list after IN", &b, at));
                }
                Type::Boolean
            }
            Operator::Add => {
                sum_type(&a, &b).ok_or_else(|| wrong_type("what can be added", &a, at))?
            }
            Operator::Subtract | Operator::Multiply | Operator::Divide => {
                let takes = |kind: &Type| kind.is_numeric() || *kind == Type::Temporal;
                if let Some(wrong) = [&a, &b].into_iter().find(|kind| !takes(kind)) {
                    return Err(wrong_type("a number", wrong, at));
                }
                match (&a, &b) {
                    (Type::Integer, Type::Integer) => Type::Integer,
                    (Type::Temporal, _) | (_, Type::Temporal) => Type::Temporal,
                    (Type::Any, _) | (_, Type::Any) => Type::Any,
                    _ => Type::Number,
                }
            }
            Operator::Modulo | Operator::Power => {
                if let Some(wrong) = [&a, &b].into_iter().find(|kind| !kind.is_numeric()) {
                    return Err(wrong_type("a number", wrong, at));
                }
                match operator {
                    Operator::Power => Type::Float,
                    _ => Type::Number,
                }
            }
        };
        Ok((
            Expr::Binary(operator, Box::new(left), Box::new(right)),
            kind,
        ))
    }

    /// `a < b <= c` is `a < b AND b <= c`.
    fn comparisons(&mut self, first: &ast::Expr, rest: &[(Comparison, ast::Expr)]) -> Result<Expr> {
        let mut terms = Vec::new();
        let mut left = first;
        for (comparison, right) in rest {
            let (a, b) = (self.expr(left)?.0, self.expr(right)?.0);
            terms.push(Expr::Compare(*comparison, Box::new(a), Box::new(b)));
            left = right;
        }
        Ok(match terms.len() {
            1 => terms.remove(0),
            _ => Expr::And(terms),
        })
    }

    fn case(
        &mut self,
        subject: Option<&ast::Expr>,
        arms: &[(ast::Expr, ast::Expr)],
        otherwise: Option<&ast::Expr>,
    ) -> Result<Typed> {
        let is_simple = subject.is_some();
        let subject = match subject {
            Some(subject) => Some(Box::new(self.expr(subject)?.0)),
            None => None,
        };
        let mut kind: Option<Type> = None;
        let mut both = |this: Type| {
            kind = Some(match kind.take() {
                Some(kind) => kind.or(this),
                None => this,
            });
        };
        let mut compiled = Vec::new();
        for (when, then) in arms {
            let when = match is_simple {
                true => self.expr(when)?.0,
                false => self.condition(when)?,
            };
            let (then, kind) = self.expr(then)?;
            both(kind);
            compiled.push((when, then));
        }
        let otherwise = match otherwise {
            Some(otherwise) => {
                let (otherwise, kind) = self.expr(otherwise)?;
                both(kind);
                Some(Box::new(otherwise))
            }
            None => None,
        };
        let case = Expr::Case {
            subject,
            arms: compiled,
            otherwise,
        };
        Ok((case, kind.unwrap_or(Type::Any)))
    }

    fn call(
        &mut self,
        name: &str,
        distinct: bool,
        arguments: &[ast::Expr],
        at: usize,
    ) -> Result<Typed> {
        if let (true, [argument]) = (name.eq_ignore_ascii_case("exists"), arguments)
            && let ExprKind::Pattern(pattern) = &*argument.kind
        {
            return Ok((self.pattern_predicate(pattern)?, Type::Boolean));
        }
        if let Some(function) = AggregateFunction::find(name) {
            let wanted = function.arguments();
            if arguments.len() != wanted {
                return Err(number_of_arguments(
                    name,
                    wanted,
                    wanted,
                    arguments.len(),
                    at,
                ));
            }
            let kind = function.result();
            let value = self.aggregate((function, distinct), arguments.iter().collect(), at)?;
            return Ok((value, kind));
        }
        let function = functions::find(name).ok_or_else(|| {
            let message = format!("expected the name of a function, got {name}");
            CypherError::syntax("UnknownFunction", message, at)
        })?;
        let count = arguments.len();
        if distinct || !(function.least..=function.most).contains(&count) {
            return Err(number_of_arguments(
                name,
                function.least,
                function.most,
                count,
                at,
            ));
        }
        if !function.is_deterministic && matches!(self.aggregation, Aggregating::Inside) {
            let message = format!("expected nothing random inside an aggregation, got {name}()");
            return Err(CypherError::syntax("NonConstantExpression", message, at));
        }
        self.reads_fingerprints |= function.is_similarity;
        let (mut values, mut kinds) = (Vec::new(), Vec::new());
        for argument in arguments {
            let (value, kind) = self.expr(argument)?;
            values.push(value);
            kinds.push(kind);
        }
        let takes = (function.takes)();
        if let (Some(kind), Some(takes)) = (kinds.first(), takes)
            && kind.is_none_of(&takes)
        {
            let wanted: Vec<_> = takes.iter().map(Type::name).collect();
            return Err(wrong_type(&wanted.join(" or "), kind, at));
        }
        Ok((Expr::Call(function, values), (function.result)(&kinds)))
    }

    fn aggregate(
        &mut self,
        (function, is_distinct): (AggregateFunction, bool),
        arguments: Vec<&ast::Expr>,
        at: usize,
    ) -> Result<Expr> {
        let mut aggregates = match std::mem::replace(&mut self.aggregation, Aggregating::Inside) {
            Aggregating::Allowed(aggregates) => aggregates,
            Aggregating::Refused => {
                self.aggregation = Aggregating::Refused;
                let message = "expected no aggregation here: it belongs in WITH or RETURN";
                return Err(CypherError::syntax("InvalidAggregation", message, at));
            }
            Aggregating::Inside => {
                let message = "expected no aggregation inside another";
                return Err(CypherError::syntax("NestedAggregation", message, at));
            }
        };
        let mut argument = |argument: &ast::Expr| Ok(self.expr(argument)?.0);
        let arguments = arguments
            .into_iter()
            .map(&mut argument)
            .collect::<Result<_>>();
        let slot = self.slot();
        let arguments = match arguments {
            Ok(arguments) => arguments,
            Err(error) => {
                self.aggregation = Aggregating::Allowed(aggregates);
                return Err(error);
            }
        };
        aggregates.push(Aggregate {
            function,
            is_distinct,
            arguments,
            slot,
        });
        self.aggregation = Aggregating::Allowed(aggregates);
        Ok(Expr::Slot(slot))
    }
}

fn sum_type(a: &Type, b: &Type) -> Option<Type> {
    let is_entity = |kind: &Type| {
        matches!(
            kind,
            Type::Node | Type::Relationship | Type::Path | Type::Map
        )
    };
    Some(match (a, b) {
        (Type::List(_), _) | (_, Type::List(_)) => Type::any_list(),
        (Type::Any, _) | (_, Type::Any) => Type::Any,
        (a, b) if is_entity(a) || is_entity(b) => return None,
        (Type::Boolean, _) | (_, Type::Boolean) => return None,
        (Type::String, _) | (_, Type::String) => Type::String,
        (Type::Temporal, _) | (_, Type::Temporal) => Type::Temporal,
        (Type::Integer, Type::Integer) => Type::Integer,
        _ => Type::Number,
    })
}

pub(super) fn wrong_type(wanted: &str, got: &Type, at: usize) -> CypherError {
    let message = format!("expected {wanted}, got {}", got.name());
    CypherError::syntax("InvalidArgumentType", message, at)
}

fn number_of_arguments(
    name: &str,
    least: usize,
    most: usize,
    got: usize,
    at: usize,
) -> CypherError {
    let wanted = match least == most {
        true => least.to_string(),
        false => format!("{least} to {most}"),
    };
    let message = format!("expected {wanted} arguments of {name}, got {got}");
    CypherError::syntax("InvalidNumberOfArguments", message, at)
}
