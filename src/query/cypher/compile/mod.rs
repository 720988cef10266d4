//! Syntax trees to plans: names become slots, and what has no meaning is refused with the standard's errors.
//!
//! `scope` knows variables and types, `expression` values, `pattern` what is matched, `write` what is changed,
//! `projection` WITH and RETURN; here are statements and the order of clauses.

mod expression;
mod pattern;
mod projection;
pub mod scope;
mod write;

use std::sync::Arc;

use super::ast::{self, Clause, ClauseKind, Statement, Yields};
use super::census::Statistics;
use super::error::{CypherError, ErrorType, Result};
use super::operators;
use super::optimize;
use super::plan::{Aggregate, End, Expr, Op, Plan, Query, Slot, Stage, Step};
use super::procedures::Procedures;
use super::value::{Map, Value};
use scope::{Scope, Type};

/// Resolves a statement.
///
/// # Errors
/// What the standard refuses before anything runs.
pub fn compile(
    statement: &Statement,
    parameters: &Map,
    procedures: &dyn Procedures,
    statistics: &dyn Statistics,
) -> Result<Plan> {
    let mut all = parameters.clone();
    for (name, value) in &statement.parameters {
        all.insert(name.as_str().into(), constant(value)?);
    }
    let mut compiler = Compiler {
        parameters: &all,
        procedures,
        statistics,
        scope: Scope::default(),
        slots: 0,
        steps: 0,
        aggregation: Aggregating::Refused,
        writes: false,
        reads_fingerprints: false,
    };
    let (mut queries, mut columns) = (Vec::new(), Vec::new());
    let is_only = statement.queries.len() == 1;
    for (n, query) in statement.queries.iter().enumerate() {
        compiler.scope = Scope::default();
        compiler.slots = 0;
        let (query, names) = compiler.query(query, is_only)?;
        if n > 0 && names != columns {
            let at = statement.unions[n - 1].1;
            return Err(CypherError::syntax(
                "DifferentColumnsInUnion",
                format!(
                    "expected the columns {}, got {}",
                    columns.join(", "),
                    names.join(", ")
                ),
                at,
            ));
        }
        columns = names;
        queries.push(query);
    }
    if let Some(pair) = statement
        .unions
        .windows(2)
        .find(|pair| pair[0].0 != pair[1].0)
    {
        return Err(CypherError::syntax(
            "InvalidClauseComposition",
            "expected either UNION or UNION ALL, got both",
            pair[1].1,
        ));
    }
    Ok(Plan {
        mode: statement.mode,
        queries,
        is_distinct: statement.unions.first().is_some_and(|(is_all, _)| !is_all),
        columns,
        writes: compiler.writes,
        reads_fingerprints: compiler.reads_fingerprints,
        steps: compiler.steps,
    })
}

/// The value of a literal.
fn constant(expr: &ast::Expr) -> Result<Value> {
    use ast::ExprKind;
    Ok(match &*expr.kind {
        ExprKind::Null => Value::Null,
        ExprKind::Boolean(b) => Value::Boolean(*b),
        ExprKind::Integer(n) => Value::Integer(*n),
        ExprKind::Float(x) => Value::Float(*x),
        ExprKind::String(text) => text.as_str().into(),
        ExprKind::List(items) => Value::List(items.iter().map(constant).collect::<Result<_>>()?),
        ExprKind::Map(entries) => {
            let entry =
                |(key, value): &(String, ast::Expr)| Ok((key.as_str().into(), constant(value)?));
            Value::Map(Arc::new(entries.iter().map(entry).collect::<Result<_>>()?))
        }
        ExprKind::Negate(of) => operators::negate(&constant(of)?)?,
        ExprKind::Plus(of) => constant(of)?,
        _ => {
            let message = "expected a literal as the value of a parameter";
            return Err(CypherError::syntax(
                "NonConstantExpression",
                message,
                expr.at,
            ));
        }
    })
}

/// Most steps of a stage, which are loops in one another.
const STEPS_MAX: usize = 384;

/// What aggregating functions may do here.
enum Aggregating {
    /// Nothing: this is no projection.
    Refused,
    /// Be collected.
    Allowed(Vec<Aggregate>),
    /// Nothing: this is the argument of one.
    Inside,
}

struct Compiler<'a> {
    parameters: &'a Map,
    procedures: &'a dyn Procedures,
    statistics: &'a dyn Statistics,
    scope: Scope,
    slots: usize,
    steps: usize,
    aggregation: Aggregating,
    writes: bool,
    reads_fingerprints: bool,
}

/// A stage in the making, and those that are done.
#[derive(Default)]
struct Building {
    stages: Vec<Stage>,
    steps: Vec<Step>,
}

impl Compiler<'_> {
    fn slot(&mut self) -> Slot {
        self.slots += 1;
        self.slots - 1
    }

    fn step(&mut self, op: Op) -> Step {
        self.steps += 1;
        Step {
            op,
            id: self.steps - 1,
            is_counted: false,
        }
    }

    fn declare(&mut self, name: &str, kind: Type) -> Slot {
        let slot = self.slot();
        self.scope.declare(name, slot, kind);
        slot
    }

    fn end(&mut self, building: &mut Building, mut end: End) {
        self.steps += 1;
        let mut steps = std::mem::take(&mut building.steps);
        if let End::Project(projection) = &mut end {
            optimize::prune(&mut steps, projection);
            optimize::count(&mut steps, projection);
        }
        building.stages.push(Stage {
            steps,
            end,
            id: self.steps - 1,
        });
    }

    /// A query in the present scope, and the names of its columns. `is_whole` if it is a statement of its own.
    fn query(&mut self, query: &ast::Query, is_whole: bool) -> Result<(Query, Vec<Arc<str>>)> {
        check_composition(query, is_whole)?;
        let mut building = Building::default();
        let mut columns = Vec::new();
        for clause in &query.clauses {
            if building.steps.len() > STEPS_MAX {
                return Err(too_many_steps(clause.at));
            }
            columns = self.clause(clause, &mut building, query.clauses.len() == 1 && is_whole)?;
        }
        let is_projected = matches!(
            query.clauses.last().map(|c| &c.kind),
            Some(ClauseKind::Return(_))
        );
        if !is_projected && (columns.is_empty() || !building.steps.is_empty()) {
            match columns.is_empty() {
                true => self.end(&mut building, End::Drain),
                false => self.project_call(&mut building, &columns),
            }
        }
        let width = self.slots;
        let stages = building.stages;
        Ok((Query { width, stages }, columns))
    }

    /// The result of a CALL that is a statement of its own: all that it yields.
    fn project_call(&mut self, building: &mut Building, columns: &[Arc<str>]) {
        let slots = columns.iter().map(|name| {
            let variable = self.scope.find(name);
            variable
                .expect("invariant: what a call yields is declared")
                .slot
        });
        let slots: Vec<Slot> = slots.collect();
        let projection = super::plan::Projection {
            items: slots
                .iter()
                .map(|slot| (Expr::Slot(*slot), *slot))
                .collect(),
            columns: slots,
            ..super::plan::Projection::default()
        };
        self.end(building, End::Project(projection));
    }

    /// Compiles a clause and answers the columns of the result, if this is what ends it.
    fn clause(
        &mut self,
        clause: &Clause,
        building: &mut Building,
        is_alone: bool,
    ) -> Result<Vec<Arc<str>>> {
        match &clause.kind {
            ClauseKind::Match {
                optional,
                patterns,
                filter,
            } => {
                let before = self.slots;
                let steps = self.match_steps(patterns, filter.as_ref())?;
                match optional {
                    true => {
                        let nulls = (before..self.slots).collect();
                        let step = self.step(Op::Optional { steps, nulls });
                        building.steps.push(step);
                    }
                    false => building.steps.extend(steps),
                }
            }
            ClauseKind::Unwind { list, variable } => {
                let (list, kind) = self.expr(list)?;
                if self.scope.find(&variable.text).is_some() {
                    return Err(already_bound(&variable.text, variable.at));
                }
                let element = match kind {
                    Type::List(element) => *element,
                    _ => Type::Any,
                };
                let slot = self.declare(&variable.text, element);
                let step = self.step(Op::Unwind { slot, list });
                building.steps.push(step);
            }
            ClauseKind::With { projection, filter } => {
                self.with_clause(projection, filter.as_ref(), building, clause.at)?;
            }
            ClauseKind::Return(projection) => {
                return self.return_clause(projection, building, clause.at);
            }
            ClauseKind::Call {
                procedure,
                arguments,
                yields,
                filter,
            } => {
                let call = (arguments.as_deref(), yields.as_ref());
                let columns = self.call_clause(procedure, call, building, (is_alone, clause.at))?;
                if let Some(filter) = filter {
                    let filter = self.condition(filter)?;
                    let step = self.step(Op::Filter(filter));
                    building.steps.push(step);
                }
                return Ok(columns);
            }
            ClauseKind::Create(_)
            | ClauseKind::Merge { .. }
            | ClauseKind::Set(_)
            | ClauseKind::Remove(_)
            | ClauseKind::Delete { .. }
            | ClauseKind::Foreach { .. } => {
                let write = self.write_clause(&clause.kind)?;
                self.writes = true;
                self.end(building, End::Write(write));
            }
        }
        Ok(Vec::new())
    }

    fn call_clause(
        &mut self,
        name: &str,
        (arguments, yields): (Option<&[ast::Expr]>, Option<&Yields>),
        building: &mut Building,
        (is_alone, at): (bool, usize),
    ) -> Result<Vec<Arc<str>>> {
        let procedure = self.procedures.find(name).ok_or_else(|| {
            let message = format!("expected the name of a procedure, got {name}");
            CypherError::compile(ErrorType::ProcedureError, "ProcedureNotFound", message, at)
        })?;
        self.reads_fingerprints |= procedure.is_similarity;
        let arguments = match arguments {
            Some(given) => {
                if given.len() != procedure.inputs.len() {
                    let (most, got) = (procedure.inputs.len(), given.len());
                    return Err(CypherError::syntax(
                        "InvalidNumberOfArguments",
                        format!("expected {most} arguments of {name}, got {got}"),
                        at,
                    ));
                }
                let mut arguments = Vec::new();
                for (argument, input) in given.iter().zip(&procedure.inputs) {
                    let (value, kind) = self.expr(argument)?;
                    if !input.kind.takes_type(&kind) {
                        let (wanted, got) = (input.kind.name(), kind.name());
                        let message = format!("expected {wanted} for {}, got {got}", input.name);
                        return Err(CypherError::syntax(
                            "InvalidArgumentType",
                            message,
                            argument.at,
                        ));
                    }
                    arguments.push(value);
                }
                arguments
            }
            None if !is_alone => {
                return Err(CypherError::syntax(
                    "InvalidArgumentPassingMode",
                    format!("expected arguments in parentheses after {name}"),
                    at,
                ));
            }
            None => {
                let parameter = |input: &super::procedures::Column| {
                    let value = self.parameters.get(&*input.name).cloned();
                    value
                        .map(Expr::Parameter)
                        .ok_or_else(|| missing_parameter(&input.name, at))
                };
                procedure
                    .inputs
                    .iter()
                    .map(parameter)
                    .collect::<Result<_>>()?
            }
        };
        let mut chosen = Vec::new();
        match yields {
            Some(Yields::All) if !is_alone => {
                return Err(CypherError::syntax(
                    "UnexpectedSyntax",
                    "expected the names of columns after YIELD; * is for a CALL alone",
                    at,
                ));
            }
            Some(Yields::Some(named)) => {
                for (column, name) in named {
                    let index = procedure
                        .outputs
                        .iter()
                        .position(|output| *output.name == *column.text);
                    let index = index.ok_or_else(|| undefined(&column.text, column.at))?;
                    chosen.push((index, name.text.clone(), name.at));
                }
            }
            None if !is_alone && !procedure.outputs.is_empty() => {}
            None | Some(Yields::All) => {
                let all = procedure.outputs.iter().enumerate();
                chosen.extend(all.map(|(index, output)| (index, output.name.to_string(), at)));
            }
        }
        let mut outputs = Vec::new();
        let mut columns = Vec::new();
        for (index, name, at) in chosen {
            if self.scope.find(&name).is_some() {
                return Err(already_bound(&name, at));
            }
            let slot = self.declare(&name, Type::Any);
            outputs.push((index, slot));
            columns.push(Arc::from(name));
        }
        let step = self.step(Op::Call {
            procedure,
            arguments,
            outputs,
        });
        building.steps.push(step);
        Ok(columns)
    }
}

/// Whether clauses stand in an order in which they can.
fn check_composition(query: &ast::Query, is_whole: bool) -> Result<()> {
    let composition =
        |message: &str, at| Err(CypherError::syntax("InvalidClauseComposition", message, at));
    let mut has_written = false;
    let last = query.clauses.len() - 1;
    for (n, clause) in query.clauses.iter().enumerate() {
        match &clause.kind {
            ClauseKind::Return(_) if n < last => {
                return composition("expected nothing after RETURN", query.clauses[n + 1].at);
            }
            ClauseKind::Match { .. } | ClauseKind::Unwind { .. } | ClauseKind::Call { .. }
                if has_written =>
            {
                return composition(
                    "expected WITH between clauses that write and clauses that read",
                    clause.at,
                );
            }
            ClauseKind::With { .. } => has_written = false,
            ClauseKind::Create(_)
            | ClauseKind::Merge { .. }
            | ClauseKind::Set(_)
            | ClauseKind::Remove(_)
            | ClauseKind::Delete { .. }
            | ClauseKind::Foreach { .. } => has_written = true,
            _ => {}
        }
    }
    let end = &query.clauses[last];
    match &end.kind {
        ClauseKind::Match { .. } | ClauseKind::Unwind { .. } | ClauseKind::With { .. }
            if is_whole =>
        {
            composition("expected RETURN or a clause that writes at the end", end.at)
        }
        _ => Ok(()),
    }
}

fn too_many_steps(at: usize) -> CypherError {
    let message = format!(
        "expected at most {STEPS_MAX} nodes, relationships and conditions between two WITHs"
    );
    CypherError::syntax("StatementTooLong", message, at)
}

fn undefined(name: &str, at: usize) -> CypherError {
    let message = format!("expected a variable that is defined, got {name}");
    CypherError::syntax("UndefinedVariable", message, at)
}

fn already_bound(name: &str, at: usize) -> CypherError {
    let message = format!("expected a new variable, got {name}, which is there already");
    CypherError::syntax("VariableAlreadyBound", message, at)
}

fn missing_parameter(name: &str, at: usize) -> CypherError {
    let message = format!("expected the parameter ${name}");
    CypherError::compile(ErrorType::ParameterMissing, "MissingParameter", message, at)
}
