//! Decides whether a history is one of an isolation level: by the cycles of its dependencies, named as Adya does.
//!
//! | name | what it is |
//! |---|---|
//! | internal, garbage, duplicate, incompatible order | reads that agree with no order of the writes |
//! | lost update | two transactions read one version of a register, and both replaced it |
//! | G1a, G1b | aborted, intermediate read |
//! | G0, G1c | a cycle of write dependencies, of write and read dependencies |
//! | G-single | a cycle with one anti-dependency |
//! | G-nonadjacent | a cycle with several, never two in a row |
//! | G2 | any other cycle: write skew |
//! | …-realtime | the same with "was over before the other began" as a dependency |
//!
//! Without any of them a history is strictly serializable. Snapshot isolation admits G2 alone: each cycle there has two
//! anti-dependencies in a row (Fekete et al., "Making Snapshot Isolation Serializable", 2005).

use std::collections::{HashMap, VecDeque};

use super::dependencies::{Anomaly, Dependencies, Dependency, dependencies};
use super::history::Transaction;

/// An isolation level, both with real time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Serializable,
    Snapshot,
}

/// What the level does not allow, the worst of each kind; nothing if the history is one of the level.
pub fn violations(history: &[Transaction], level: Level) -> Vec<Anomaly> {
    let mut anomalies = anomalies(history);
    anomalies.retain(|anomaly| level == Level::Serializable || !anomaly.name.starts_with("G2"));
    anomalies
}

/// Everything that a serial execution in an order that respects real time would not show.
pub fn anomalies(history: &[Transaction]) -> Vec<Anomaly> {
    let Dependencies {
        mut edges,
        mut anomalies,
    } = dependencies(history);
    if let Some(cycle) = Graph::new(history.len(), &edges).worst_cycle() {
        anomalies.push(explain(history, &cycle, ""));
        return anomalies;
    }
    let nodes = history.len() + real_time(history, &mut edges);
    if let Some(cycle) = Graph::new(nodes, &edges).worst_cycle() {
        anomalies.push(explain(history, &cycle, "-realtime"));
    }
    anomalies
}

/// Adds that whoever was over precedes whoever begins later, by way of a chain of moments, each a node of its own after
/// those of the transactions: as many edges as transactions, not their square. Answers how many moments.
fn real_time(history: &[Transaction], edges: &mut Vec<(usize, usize, Dependency)>) -> usize {
    let committed = || (0..history.len()).filter(|index| history[*index].is_committed);
    let mut ends: Vec<usize> = committed().collect();
    ends.sort_by_key(|index| history[*index].completed);
    let moment = |at: usize| history.len() + at;
    for (at, index) in ends.iter().enumerate() {
        edges.push((*index, moment(at), Dependency::RealTime));
        if at > 0 {
            edges.push((moment(at - 1), moment(at), Dependency::RealTime));
        }
    }
    for index in committed() {
        let over = ends.partition_point(|end| history[*end].completed < history[index].invoked);
        if over > 0 {
            edges.push((moment(over - 1), index, Dependency::RealTime));
        }
    }
    ends.len()
}

/// The kinds of dependencies of a cycle, from the first node back to it.
struct Cycle {
    name: &'static str,
    steps: Vec<(usize, Dependency)>,
}

/// Which cycles are looked for: those whose dependencies a small automaton accepts.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    has_reads: bool,
    /// How many anti-dependencies may follow one another.
    misses_in_a_row_max: usize,
}

/// The worst first. What a shape finds, those before it have not.
const SHAPES: [Shape; 4] = [
    Shape {
        name: "G0",
        has_reads: false,
        misses_in_a_row_max: 0,
    },
    Shape {
        name: "G1c",
        has_reads: true,
        misses_in_a_row_max: 0,
    },
    Shape {
        name: "G-nonadjacent",
        has_reads: true,
        misses_in_a_row_max: 1,
    },
    Shape {
        name: "G2",
        has_reads: true,
        misses_in_a_row_max: usize::MAX,
    },
];

impl Shape {
    /// States a node has: how many anti-dependencies led to it in a row, as far as that matters.
    fn states(self) -> usize {
        if self.misses_in_a_row_max == 1 { 2 } else { 1 }
    }

    /// The state after one more dependency, if that is allowed.
    fn step(self, state: usize, dependency: Dependency) -> Option<usize> {
        match dependency {
            Dependency::Overwritten | Dependency::RealTime => Some(0),
            Dependency::Read => self.has_reads.then_some(0),
            Dependency::Missed if self.states() == 1 => (self.misses_in_a_row_max > 0).then_some(0),
            Dependency::Missed => (state == 0).then_some(1),
        }
    }
}

struct Graph {
    successors: Vec<Vec<(usize, Dependency)>>,
}

impl Graph {
    fn new(nodes: usize, edges: &[(usize, usize, Dependency)]) -> Self {
        let mut successors = vec![Vec::new(); nodes];
        for (from, to, dependency) in edges {
            successors[*from].push((*to, *dependency));
        }
        Self { successors }
    }

    fn worst_cycle(&self) -> Option<Cycle> {
        SHAPES.into_iter().find_map(|shape| self.cycle(shape))
    }

    /// A shortest cycle of a shape, where nodes are pairs of a node and a state.
    fn cycle(&self, shape: Shape) -> Option<Cycle> {
        let states = shape.states();
        let steps = |at: usize| {
            let (node, state) = (at / states, at % states);
            self.successors[node]
                .iter()
                .filter_map(move |(to, dependency)| {
                    Some((to * states + shape.step(state, *dependency)?, *dependency))
                })
        };
        let mut shortest: Option<Vec<(usize, Dependency)>> = None;
        for start in cyclic(self.successors.len() * states, steps) {
            if let Some(path) = path_back(start, steps)
                && shortest
                    .as_ref()
                    .is_none_or(|shortest| path.len() < shortest.len())
            {
                shortest = Some(path);
            }
        }
        let mut steps = shortest?;
        for (at, _) in &mut steps {
            *at /= states;
        }
        let misses = steps
            .iter()
            .filter(|(_, dependency)| *dependency == Dependency::Missed)
            .count();
        let name = if misses == 1 { "G-single" } else { shape.name };
        Some(Cycle { name, steps })
    }
}

/// The nodes that are on a cycle or after one: what remains when those that nothing leads to are taken away, again and
/// again (Kahn, 1962).
fn cyclic<I: Iterator<Item = (usize, Dependency)>>(
    nodes: usize,
    steps: impl Fn(usize) -> I,
) -> Vec<usize> {
    let mut incoming = vec![0_usize; nodes];
    for node in 0..nodes {
        for (to, _) in steps(node) {
            incoming[to] += 1;
        }
    }
    let mut free: Vec<usize> = (0..nodes).filter(|node| incoming[*node] == 0).collect();
    while let Some(node) = free.pop() {
        for (to, _) in steps(node) {
            incoming[to] -= 1;
            if incoming[to] == 0 {
                free.push(to);
            }
        }
    }
    (0..nodes).filter(|node| incoming[*node] > 0).collect()
}

/// A shortest way from a node back to it: each node that it comes through, from `start` on, with how it goes on.
fn path_back<I: Iterator<Item = (usize, Dependency)>>(
    start: usize,
    steps: impl Fn(usize) -> I,
) -> Option<Vec<(usize, Dependency)>> {
    let mut from: HashMap<usize, (usize, Dependency)> = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for (to, dependency) in steps(node) {
            if from.contains_key(&to) {
                continue;
            }
            from.insert(to, (node, dependency));
            if to == start {
                let mut path = Vec::new();
                let mut at = start;
                loop {
                    let (before, dependency) = from[&at];
                    path.push((before, dependency));
                    if before == start {
                        path.reverse();
                        return Some(path);
                    }
                    at = before;
                }
            }
            queue.push_back(to);
        }
    }
    None
}

/// The cycle as text: each transaction, and why it precedes the next. Moments of real time are left out.
fn explain(history: &[Transaction], cycle: &Cycle, suffix: &str) -> Anomaly {
    let mut explanation = String::from("a cycle:");
    for (index, dependency) in &cycle.steps {
        if *index < history.len() {
            let why = match dependency {
                Dependency::Overwritten => "wrote what the next replaced",
                Dependency::Read => "wrote what the next read",
                Dependency::Missed => "did not see what the next wrote",
                Dependency::RealTime => "was over when the next began",
            };
            explanation += &format!("\n  T{index} {}\n    {why}", history[*index]);
        }
    }
    Anomaly {
        name: format!("{}{suffix}", cycle.name),
        explanation,
    }
}
