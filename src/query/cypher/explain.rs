//! A plan as text: a line a step, with what it did if it was profiled.

use super::execute::Profile;
use super::plan::{Along, End, Op, Plan, Stage, Step, Write};

/// The lines of a plan.
pub fn lines(plan: &Plan, profile: Option<&Profile>) -> Vec<String> {
    let mut lines = Vec::new();
    for (n, query) in plan.queries.iter().enumerate() {
        if n > 0 {
            lines.push(
                if plan.is_distinct {
                    "Union"
                } else {
                    "Union all"
                }
                .to_owned(),
            );
        }
        for stage in &query.stages {
            stage_lines(stage, profile, &mut lines);
        }
    }
    lines
}

fn stage_lines(stage: &Stage, profile: Option<&Profile>, lines: &mut Vec<String>) {
    steps(&stage.steps, 0, profile, lines);
    let end = match &stage.end {
        End::Write(write) => write_name(write).to_owned(),
        End::Drain => "Drain".to_owned(),
        End::Project(projection) => {
            let mut text = match &projection.aggregation {
                Some(aggregation) => format!(
                    "Aggregate | {} keys, {} aggregates",
                    projection.items.len(),
                    aggregation.aggregates.len()
                ),
                None => format!("Project | {} columns", projection.columns.len()),
            };
            let more = [
                (projection.is_distinct, "distinct"),
                (!projection.order.is_empty(), "ordered"),
                (projection.skip.is_some(), "skip"),
                (projection.limit.is_some(), "limit"),
            ];
            for (is_so, word) in more {
                if is_so {
                    text.push_str(", ");
                    text.push_str(word);
                }
            }
            text
        }
    };
    lines.push(with_profile(end, stage.id, profile));
}

fn steps(list: &[Step], depth: usize, profile: Option<&Profile>, lines: &mut Vec<String>) {
    for step in list {
        let counted = if step.is_counted { ", counted" } else { "" };
        let indent = "    ".repeat(depth);
        let line = format!("{indent}{}{counted}", step_text(&step.op));
        lines.push(with_profile(line, step.id, profile));
        if let Op::Optional { steps: inner, .. } = &step.op {
            steps(inner, depth + 1, profile, lines);
        }
    }
}

fn with_profile(line: String, step: usize, profile: Option<&Profile>) -> String {
    match profile.map(|profile| profile.of(step)) {
        Some((rows, time)) => {
            format!(
                "{line} | Records produced: {rows}, Execution time: {:.6} ms",
                time.as_secs_f64() * 1e3
            )
        }
        None => line,
    }
}

fn step_text(op: &Op) -> String {
    match op {
        Op::Nodes { labels, .. } if labels.is_empty() => "All Node Scan".to_owned(),
        Op::Nodes { labels, .. } => format!("Node By Label Scan | {}", labels.join(":")),
        Op::NodeById { .. } => "Node By Id Seek".to_owned(),
        Op::NodesByProperty { labels, key, .. } => {
            format!("Node By Property | {}.{key}", labels.join(":"))
        }
        Op::CheckNode { .. } => "Check Node".to_owned(),
        Op::Expand { along, is_into, .. } => {
            let name = if *is_into {
                "Expand Into"
            } else {
                "Conditional Traverse"
            };
            format!("{name} | {}", along_text(along))
        }
        Op::Intersect { legs, .. } => {
            let legs: Vec<_> = legs.iter().map(|leg| along_text(&leg.along)).collect();
            format!("Intersect | {}", legs.join(", "))
        }
        Op::Ends { along, .. } => format!("Ends | {}", along_text(along)),
        Op::ExpandVariable {
            along,
            least,
            most,
            is_pruning,
            ..
        } => {
            let most = if *most == usize::MAX {
                String::new()
            } else {
                most.to_string()
            };
            let ends = if *is_pruning { ", ends only" } else { "" };
            format!(
                "Variable Length Traverse | {} *{least}..{most}{ends}",
                along_text(along)
            )
        }
        Op::ShortestPaths { along, .. } => format!("Shortest Paths | {}", along_text(along)),
        Op::Filter(_) => "Filter".to_owned(),
        Op::Let { .. } => "Evaluate".to_owned(),
        Op::Unwind { .. } => "Unwind".to_owned(),
        Op::Optional { .. } => "Optional".to_owned(),
        Op::Call { procedure, .. } => format!("Procedure Call | {}", procedure.name),
    }
}

fn along_text(along: &Along) -> String {
    use super::ast::Direction;
    let types = match along.types.is_empty() {
        true => String::new(),
        false => format!(":{}", along.types.join("|")),
    };
    match along.direction {
        Direction::Outgoing => format!("-[{types}]->"),
        Direction::Incoming => format!("<-[{types}]-"),
        Direction::Either => format!("-[{types}]-"),
    }
}

fn write_name(write: &Write) -> &'static str {
    match write {
        Write::Create(_) => "Create",
        Write::Merge { .. } => "Merge",
        Write::Set(_) => "Update",
        Write::Delete { .. } => "Delete",
        Write::Foreach { .. } => "Foreach",
    }
}
