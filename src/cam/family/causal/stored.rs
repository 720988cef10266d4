//! What is stored about variables: the diagram that edges draw around those of a question, what was observed of them,
//! and their mechanisms.

use std::collections::{BTreeMap, BTreeSet};

use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::state::View;

use super::super::super::call::{Call, Place};
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::super::super::method::Scope;
use crate::mind::causal::CausalError;
use crate::mind::causal::diagram::{Diagram, Set, VARIABLES_MAX};
use crate::mind::causal::mechanism::Mechanism;
use crate::mind::causal::observations::Observations;
use crate::query::sql::Observation;

/// The verb of edges from causes to effects.
pub const CAUSES: &str = "CAUSES";
/// The verb of edges between variables that have a cause in common which is not in the diagram.
pub const CONFOUNDED: &str = "CONFOUNDED_WITH";
/// The field of a variable's node that says how it comes about.
pub const MECHANISM: &str = "mechanism";

impl From<CausalError> for Fault {
    fn from(error: CausalError) -> Self {
        Self::Argument(error.to_string())
    }
}

/// How far the diagram of a question reaches from the variables that it names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Only these.
    Named,
    /// And all that cause them.
    Causes,
    /// And all that edges connect them with.
    Connected,
}

/// The edges of a scope, as diagrams see them.
pub struct Edges<'v> {
    view: View<'v>,
    scope: Scope,
    causes: Option<u8>,
    confounded: Option<u8>,
}

impl<'v> Edges<'v> {
    pub fn new(view: View<'v>, scope: Scope) -> Self {
        let slot = |verb| view.state.verbs().slot(verb);
        Self {
            causes: slot(CAUSES),
            confounded: slot(CONFOUNDED),
            view,
            scope,
        }
    }

    fn is_there(&self, address: Address) -> bool {
        self.scope.contains(address) && self.view.node(address).is_some()
    }

    /// The direct causes of a variable.
    pub fn causes(&self, of: Address) -> BTreeSet<Address> {
        self.sources(of, self.causes)
    }

    /// Its direct effects.
    pub fn effects(&self, of: Address) -> BTreeSet<Address> {
        self.targets(of, self.causes)
    }

    /// What it is confounded with.
    fn siblings(&self, of: Address) -> BTreeSet<Address> {
        let mut all = self.sources(of, self.confounded);
        all.extend(self.targets(of, self.confounded));
        all
    }

    fn sources(&self, of: Address, slot: Option<u8>) -> BTreeSet<Address> {
        let links = slot.map(|slot| self.view.state.graph().incoming(of, Some(slot)));
        let sources = links.into_iter().flatten().map(|link| link.source);
        sources.filter(|source| self.is_there(*source)).collect()
    }

    fn targets(&self, of: Address, slot: Option<u8>) -> BTreeSet<Address> {
        let edges = slot.map(|slot| self.view.state.graph().outgoing(of, Some(slot)));
        let targets = edges.into_iter().flatten().map(|edge| edge.target);
        targets.filter(|target| self.is_there(*target)).collect()
    }

    /// The confounding edges from some variables, by id, with the ends.
    pub fn arcs(&self, from: impl Iterator<Item = Address>) -> Vec<(u64, Address, Address)> {
        let Some(slot) = self.confounded else {
            return Vec::new();
        };
        let graph = self.view.state.graph();
        let all = from.flat_map(|source| {
            let edges = graph.outgoing(source, Some(slot));
            edges.map(move |edge| (edge.id, source, edge.target))
        });
        let mut arcs: Vec<_> = all.filter(|(.., end)| self.is_there(*end)).collect();
        arcs.sort_unstable_by_key(|arc| arc.0);
        arcs
    }

    /// The variables that steps lead to, with the least number of steps; the start with none.
    pub fn reached(
        &self,
        start: Address,
        steps_max: u64,
        steps: impl Fn(Address) -> BTreeSet<Address>,
    ) -> BTreeMap<Address, u64> {
        let mut reached = BTreeMap::from([(start, 0)]);
        let mut frontier = vec![start];
        for depth in 1..=steps_max {
            let next: BTreeSet<_> = frontier.iter().flat_map(|at| steps(*at)).collect();
            frontier = next
                .into_iter()
                .filter(|at| !reached.contains_key(at))
                .collect();
            if frontier.is_empty() {
                break;
            }
            reached.extend(frontier.iter().map(|at| (*at, depth)));
        }
        reached
    }
}

/// A node as a variable: its name, or its id if it has none in UTF-8.
pub fn label(node: Node<'_>) -> String {
    let name = node.name().and_then(|name| std::str::from_utf8(name).ok());
    name.map_or_else(|| format!("#{}", node.id()), str::to_owned)
}

/// The variable that the node at a place is; a word of the surface is one without edges.
pub fn variable(view: &View<'_>, place: Place) -> String {
    let node = view.node(place.address);
    node.map_or_else(|| place.address.to_string(), label)
}

/// The observations of a scope.
pub fn seen<'v>(view: &View<'v>, scope: Scope) -> Vec<Observation<'v>> {
    let inside = view.nodes().filter(|node| scope.contains(node.address()));
    inside.filter_map(Observation::of).collect()
}

/// The variables that were observed.
pub fn observed(all: &[Observation<'_>]) -> BTreeSet<String> {
    let names = all.iter().flat_map(|one| &one.values);
    names.map(|(name, _)| name.clone().into_owned()).collect()
}

/// What is stored about the variables of a question.
pub struct Stored {
    /// Them and what they are connected with, as far as the question reaches.
    pub diagram: Diagram,
    /// What was seen of these.
    pub observations: Observations,
    /// Whether anything was seen at all.
    has_observations: bool,
}

impl Stored {
    /// Reads it off the space.
    ///
    /// # Errors
    /// A variable is not there, there are too many, or edges close a cycle.
    pub fn read(
        reading: &Reading<'_>,
        scope: Scope,
        named: &BTreeSet<String>,
        reach: Reach,
    ) -> Result<Self, Fault> {
        let view = reading.view();
        let seen = seen(&view, scope);
        let observed = observed(&seen);
        let edges = Edges::new(view, scope);
        let mut diagram = Diagram::new();
        let mut within = BTreeSet::new();
        for name in named {
            let node = view.find(name.as_bytes());
            match node.filter(|node| scope.contains(node.address())) {
                Some(node) => _ = within.insert(node.address()),
                None if observed.contains(name) || is_label(&view, scope, name, &mut within) => {}
                None => return Err(CausalError::UnknownVariable(name.clone()).into()),
            }
        }
        let mut pending: Vec<Address> = within.iter().copied().collect();
        while let Some(at) = pending.pop() {
            let mut next = BTreeSet::new();
            if reach != Reach::Named {
                next.append(&mut edges.causes(at));
            }
            if reach == Reach::Connected {
                next.append(&mut edges.effects(at));
                next.append(&mut edges.siblings(at));
            }
            pending.extend(next.into_iter().filter(|one| within.insert(*one)));
            if within.len() > VARIABLES_MAX {
                return Err(CausalError::TooManyVariables.into());
            }
        }
        let labelled: BTreeMap<Address, String> = within
            .iter()
            .filter_map(|at| Some((*at, label(view.node(*at)?))))
            .collect();
        for name in labelled.values().chain(named) {
            diagram.variable(name)?;
        }
        for (at, effect) in &labelled {
            for cause in edges.causes(*at).iter().filter_map(|at| labelled.get(at)) {
                connect(&mut diagram, cause, effect)?;
            }
            let siblings = edges.siblings(*at);
            for other in siblings.range(at..).filter_map(|at| labelled.get(at)) {
                if other != effect {
                    diagram.confound(effect, other)?;
                }
            }
        }
        let observations = observations(&diagram, &seen)?;
        Ok(Self {
            diagram,
            observations,
            has_observations: !seen.is_empty(),
        })
    }

    /// The diagram of the variables that can be observed, and of some in any case: those that were, once anything was.
    pub fn observable(&self, kept: Set) -> Diagram {
        let seen = self.observations.observed().union(kept);
        match self.has_observations {
            true => {
                let latent = self.diagram.vertices().minus(seen);
                self.diagram.without_latent(latent)
            }
            false => self.diagram.clone(),
        }
    }
}

/// Whether a name is the label of a node without one, or of a word, which may stand in a diagram too.
fn is_label(view: &View<'_>, scope: Scope, name: &str, within: &mut BTreeSet<Address>) -> bool {
    if scope == Scope::Surface {
        return name.starts_with('@');
    }
    let id = name.strip_prefix('#').and_then(|id| id.parse().ok());
    let node = id.and_then(|id| view.find_id(id));
    let node = node.filter(|node| scope.contains(node.address()) && label(*node) == name);
    node.is_some_and(|node| {
        within.insert(node.address());
        true
    })
}

/// Draws an edge, or says which cycle it closes.
fn connect(diagram: &mut Diagram, cause: &str, effect: &str) -> Result<(), Fault> {
    diagram.cause(cause, effect).map_err(|error| match error {
        CausalError::Cycle(_) => {
            let ends = (diagram.index(effect), diagram.index(cause));
            let path = match ends {
                (Ok(effect), Ok(cause)) => diagram.path(effect, cause).unwrap_or_default(),
                _ => Vec::new(),
            };
            let names: Vec<_> = path.iter().map(|one| diagram.name(*one)).collect();
            Fault::Argument(format!(
                "expected a diagram without cycles, and {CAUSES} edges lead {} → {effect}",
                names.join(" → ")
            ))
        }
        other => other.into(),
    })
}

/// What was seen of a diagram's variables; values in their order as text.
fn observations(diagram: &Diagram, seen: &[Observation<'_>]) -> Result<Observations, Fault> {
    let mut rows: Vec<(Vec<(&str, &str)>, f64)> = Vec::new();
    let mut levels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for one in seen {
        let values = one.values.iter();
        let values = values.filter(|(name, _)| diagram.index(name).is_ok());
        let values: Vec<_> = values
            .map(|(name, value)| (&**name, value.as_str()))
            .collect();
        for (name, value) in &values {
            levels.entry(name).or_default().insert(value);
        }
        if !values.is_empty() {
            rows.push((values, one.weight));
        }
    }
    let mut observations = Observations::new();
    for (name, values) in levels {
        observations.declare(diagram, name, values.into_iter().map(str::to_owned))?;
    }
    for (values, weight) in rows {
        observations.add(diagram, &values, weight)?;
    }
    Ok(observations)
}

/// The mechanisms of some variables, and of all that these follow from.
pub fn mechanisms(
    view: &View<'_>,
    scope: Scope,
    of: impl IntoIterator<Item = String>,
) -> Result<BTreeMap<String, Mechanism>, Fault> {
    let mut found = BTreeMap::new();
    let mut pending: Vec<String> = of.into_iter().collect();
    while let Some(name) = pending.pop() {
        if found.contains_key(&name) {
            continue;
        }
        let Some(text) = mechanism(view, scope, &name) else {
            return Err(Fault::Argument(format!(
                "{name} has no mechanism; give it one with CAM.CAUSAL.OBSERVE MECHANISM {name} expression, where it comes \
                 from elsewhere a distribution such as \"{{1: 0.5, 0: 0.5}}\""
            )));
        };
        let mechanism: Mechanism = text
            .parse()
            .map_err(|error| Fault::of(&name, format!("its mechanism '{text}': {error}")))?;
        pending.extend(mechanism.causes().into_iter().map(str::to_owned));
        found.insert(name, mechanism);
    }
    Ok(found)
}

/// How a variable comes about, as it was given.
pub fn mechanism(view: &View<'_>, scope: Scope, name: &str) -> Option<String> {
    let node = view.find(name.as_bytes())?;
    let fields = node.fields().filter(|_| scope.contains(node.address()))?;
    let text = fields.get(MECHANISM.as_bytes())?.text();
    String::from_utf8(text.to_vec()).ok()
}

/// In SQL: the condition that `observations.id` is of a scope.
pub fn within_sql(call: &Call<'_>) -> String {
    match call.scope() {
        Scope::All => "true".to_owned(),
        Scope::Surface => "false".to_owned(),
        scope => format!(
            "id IN (SELECT id FROM nodes WHERE zone = '{}')",
            scope.name()
        ),
    }
}
