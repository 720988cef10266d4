//! The causal diagram: an acyclic directed mixed graph. A directed edge is a cause; a bidirected one says that the
//! two ends share a cause that is not in the diagram.

use std::collections::VecDeque;
use std::fmt;

use super::CausalError;

/// Most variables of a diagram: the bits of a [`Set`].
pub const VARIABLES_MAX: usize = 64;

/// A set of variables, by their numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Set(u64);

impl Set {
    /// No variable.
    pub const EMPTY: Self = Self(0);

    /// Just this one.
    pub const fn one(variable: usize) -> Self {
        Self(1 << variable)
    }

    /// The first `count`.
    pub const fn first(count: usize) -> Self {
        Self(if count >= VARIABLES_MAX {
            u64::MAX
        } else {
            (1 << count) - 1
        })
    }

    /// Whether the variable is in it.
    pub const fn contains(self, variable: usize) -> bool {
        self.0 >> variable & 1 == 1
    }

    /// What is in either.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this one only.
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many are in it.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether all of it is in the other.
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether nothing is in both.
    pub const fn is_disjoint(self, other: Self) -> bool {
        self.0 & other.0 == 0
    }

    /// The variables, ascending.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            (rest != 0).then(|| {
                let variable = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                variable
            })
        })
    }
}

impl FromIterator<usize> for Set {
    fn from_iter<I: IntoIterator<Item = usize>>(variables: I) -> Self {
        variables
            .into_iter()
            .fold(Self::EMPTY, |set, variable| set.union(Self::one(variable)))
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Variables, what causes what, and what is confounded with what.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Diagram {
    names: Vec<String>,
    vertices: Set,
    parents: Vec<Set>,
    children: Vec<Set>,
    /// Ends of bidirected edges.
    siblings: Vec<Set>,
}

impl Diagram {
    /// A diagram without variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// The variable of this name, which is made where there is none.
    pub fn variable(&mut self, name: &str) -> Result<usize, CausalError> {
        if let Some(known) = self.names.iter().position(|known| known == name) {
            return Ok(known);
        }
        let number = self.names.len();
        if number == VARIABLES_MAX {
            return Err(CausalError::TooManyVariables);
        }
        self.names.push(name.to_owned());
        self.vertices = self.vertices.union(Set::one(number));
        for edges in [&mut self.parents, &mut self.children, &mut self.siblings] {
            edges.push(Set::EMPTY);
        }
        Ok(number)
    }

    /// Adds `cause → effect`, and the variables where they are new. Refused where it closes a cycle.
    pub fn cause(&mut self, cause: &str, effect: &str) -> Result<(), CausalError> {
        let (from, to) = (self.variable(cause)?, self.variable(effect)?);
        if self.descendants(Set::one(to)).contains(from) {
            return Err(CausalError::Cycle(cause.to_owned()));
        }
        self.connect(from, to);
        Ok(())
    }

    /// Adds `a ↔ b`, and the variables where they are new.
    pub fn confound(&mut self, a: &str, b: &str) -> Result<(), CausalError> {
        let (a, b) = (self.variable(a)?, self.variable(b)?);
        if a == b {
            return Err(CausalError::Question(format!(
                "{} cannot be confounded with itself",
                self.names[a]
            )));
        }
        self.join(a, b);
        Ok(())
    }

    fn connect(&mut self, from: usize, to: usize) {
        self.children[from] = self.children[from].union(Set::one(to));
        self.parents[to] = self.parents[to].union(Set::one(from));
    }

    fn join(&mut self, a: usize, b: usize) {
        self.siblings[a] = self.siblings[a].union(Set::one(b));
        self.siblings[b] = self.siblings[b].union(Set::one(a));
    }

    /// The number of the variable of this name.
    pub fn index(&self, name: &str) -> Result<usize, CausalError> {
        self.names
            .iter()
            .position(|known| known == name)
            .filter(|&known| self.vertices.contains(known))
            .ok_or_else(|| CausalError::UnknownVariable(name.to_owned()))
    }

    /// The name of a variable.
    pub fn name(&self, variable: usize) -> &str {
        &self.names[variable]
    }

    /// The names of a set, separated by commas.
    pub fn names(&self, set: Set) -> String {
        set.iter()
            .map(|variable| self.name(variable))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// The variables.
    pub const fn vertices(&self) -> Set {
        self.vertices
    }

    /// The direct causes.
    pub fn parents(&self, variable: usize) -> Set {
        self.parents[variable]
    }

    /// The direct effects.
    pub fn children(&self, variable: usize) -> Set {
        self.children[variable]
    }

    /// What shares a latent cause with it.
    pub fn siblings(&self, variable: usize) -> Set {
        self.siblings[variable]
    }

    /// The set and all that is reached from it along `edges`.
    fn closure(set: Set, edges: &[Set]) -> Set {
        let (mut reached, mut frontier) = (set, set);
        while !frontier.is_empty() {
            let next = frontier
                .iter()
                .fold(Set::EMPTY, |next, variable| next.union(edges[variable]));
            frontier = next.minus(reached);
            reached = reached.union(next);
        }
        reached
    }

    /// The set and its causes, direct and indirect.
    pub fn ancestors(&self, set: Set) -> Set {
        Self::closure(set, &self.parents)
    }

    /// The set and its effects, direct and indirect.
    pub fn descendants(&self, set: Set) -> Set {
        Self::closure(set, &self.children)
    }

    /// A directed path between two variables, ends included; none if there is none.
    pub fn path(&self, from: usize, to: usize) -> Option<Vec<usize>> {
        let mut before = vec![None; self.names.len()];
        let mut queue = VecDeque::from([from]);
        while let Some(variable) = queue.pop_front() {
            if variable == to {
                let mut path = vec![to];
                while let Some(&last) = path.last().filter(|&&last| last != from) {
                    path.push(before[last].expect("invariant: it was reached from another"));
                }
                path.reverse();
                return Some(path);
            }
            for next in self.children[variable].iter() {
                if next != from && before[next].is_none() {
                    before[next] = Some(variable);
                    queue.push_back(next);
                }
            }
        }
        None
    }

    /// The maximal sets that bidirected edges connect: the C-components (Tian & Pearl 2002).
    pub fn components(&self) -> Vec<Set> {
        let (mut rest, mut components) = (self.vertices, Vec::new());
        while let Some(first) = rest.iter().next() {
            let component = Self::closure(Set::one(first), &self.siblings);
            components.push(component);
            rest = rest.minus(component);
        }
        components
    }

    /// Causes before their effects; of several possible next ones the lowest number first.
    pub fn topological(&self) -> Vec<usize> {
        let (mut rest, mut order) = (self.vertices, Vec::new());
        while let Some(next) = rest
            .iter()
            .find(|&variable| self.parents[variable].is_disjoint(rest))
        {
            order.push(next);
            rest = rest.minus(Set::one(next));
        }
        order
    }

    fn filtered(
        &self,
        vertices: Set,
        keep: impl Fn(usize, usize) -> bool,
        join: impl Fn(usize, usize) -> bool,
    ) -> Self {
        let mut kept = Self {
            names: self.names.clone(),
            vertices,
            parents: vec![Set::EMPTY; self.names.len()],
            children: vec![Set::EMPTY; self.names.len()],
            siblings: vec![Set::EMPTY; self.names.len()],
        };
        for from in vertices.iter() {
            for to in self.children[from]
                .intersection(vertices)
                .iter()
                .filter(|&to| keep(from, to))
            {
                kept.connect(from, to);
            }
            for to in self.siblings[from]
                .intersection(vertices)
                .iter()
                .filter(|&to| join(from, to))
            {
                kept.join(from, to);
            }
        }
        kept
    }

    /// Only these variables and the edges between them.
    pub fn restricted(&self, vertices: Set) -> Self {
        self.filtered(
            vertices.intersection(self.vertices),
            |_, _| true,
            |_, _| true,
        )
    }

    /// Without the edges into `set`, also bidirected ones: what an intervention on it leaves.
    pub fn without_incoming(&self, set: Set) -> Self {
        self.filtered(
            self.vertices,
            |_, to| !set.contains(to),
            |a, b| !set.contains(a) && !set.contains(b),
        )
    }

    /// Without the edges out of `set`.
    pub fn without_outgoing(&self, set: Set) -> Self {
        self.filtered(self.vertices, |from, _| !set.contains(from), |_, _| true)
    }

    /// The latent projection (Verma & Pearl 1990): the diagram of the other variables, which has the same
    /// separations among them, and where effects are the same.
    pub fn without_latent(&self, latent: Set) -> Self {
        let mut projected = self.clone();
        for hidden in latent.intersection(self.vertices).iter() {
            let (causes, effects) = (projected.parents[hidden], projected.children[hidden]);
            let siblings = projected.siblings[hidden];
            for effect in effects.iter() {
                for cause in causes.iter() {
                    projected.connect(cause, effect);
                }
                for other in effects
                    .union(siblings)
                    .iter()
                    .filter(|&other| other != effect)
                {
                    projected.join(effect, other);
                }
            }
            projected = projected.restricted(projected.vertices.minus(Set::one(hidden)));
        }
        projected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_and_too_many_variables_are_refused() {
        let mut diagram = Diagram::new();
        diagram.cause("a", "b").expect("acyclic");
        diagram.cause("b", "c").expect("acyclic");
        let before = diagram.clone();
        assert_eq!(
            diagram.cause("c", "a"),
            Err(CausalError::Cycle("c".to_owned()))
        );
        assert_eq!(
            diagram.cause("a", "a"),
            Err(CausalError::Cycle("a".to_owned()))
        );
        assert!(diagram.confound("a", "a").is_err());
        assert_eq!(diagram, before);
        assert_eq!(diagram.path(0, 2), Some(vec![0, 1, 2]));
        assert_eq!(diagram.path(0, 0), Some(vec![0]));
        assert_eq!(diagram.path(2, 0), None);
        for index in 3..VARIABLES_MAX {
            diagram.variable(&index.to_string()).expect("room");
        }
        assert_eq!(diagram.variable("more"), Err(CausalError::TooManyVariables));
        assert_eq!(diagram.topological().len(), VARIABLES_MAX);
    }

    #[test]
    fn projection_keeps_paths_and_common_causes() {
        let mut diagram = Diagram::new();
        for (cause, effect) in [("u", "x"), ("u", "y"), ("x", "m"), ("m", "y")] {
            diagram.cause(cause, effect).expect("acyclic");
        }
        let number = |name| diagram.index(name).expect("known");
        let latent = Set::from_iter([number("u"), number("m")]);
        let projected = diagram.without_latent(latent);
        assert_eq!(projected.children(number("x")), Set::one(number("y")));
        assert_eq!(projected.siblings(number("x")), Set::one(number("y")));
        assert_eq!(projected.components().len(), 1);
        assert!(projected.index("u").is_err());
    }
}
