//! d-separation, with bidirected edges (m-separation: Richardson 2003), and all minimal separating sets.

use std::collections::{BTreeSet, VecDeque};

use super::CausalError;
use super::diagram::{Diagram, Set};

/// Most minimal separating sets that are listed.
pub const SEPARATORS_MAX: usize = 4_096;

/// Whether `given` blocks every path between `x` and `y`: a path is blocked at a non-collider that is given, or a
/// collider that is no ancestor of what is given (Pearl 2009, definition 1.2.3). The sets are disjoint.
pub fn separated(diagram: &Diagram, x: Set, y: Set, given: Set) -> bool {
    let opening = diagram.ancestors(given);
    // A variable, reached by an edge that has an arrowhead at it, or not.
    let mut seen = [Set::EMPTY; 2];
    let mut queue: Vec<(usize, bool)> = Vec::new();
    let leave = |variable: usize, head: Option<bool>, queue: &mut Vec<(usize, bool)>| {
        let chain = head.is_none() || !given.contains(variable);
        let collider = match head {
            None => true,
            Some(true) => opening.contains(variable),
            Some(false) => chain,
        };
        if chain {
            queue.extend(diagram.children(variable).iter().map(|child| (child, true)));
        }
        if collider {
            queue.extend(
                diagram
                    .parents(variable)
                    .iter()
                    .map(|parent| (parent, false)),
            );
            queue.extend(
                diagram
                    .siblings(variable)
                    .iter()
                    .map(|sibling| (sibling, true)),
            );
        }
    };
    for start in x.iter() {
        leave(start, None, &mut queue);
    }
    while let Some((variable, head)) = queue.pop() {
        let seen = &mut seen[usize::from(head)];
        if seen.contains(variable) {
            continue;
        }
        *seen = seen.union(Set::one(variable));
        if y.contains(variable) {
            return false;
        }
        leave(variable, Some(head), &mut queue);
    }
    true
}

/// Every inclusion-minimal subset of `allowed` that separates `x` from `y`, smallest first.
///
/// A minimal separating set consists of ancestors of `x` and `y`, and is a minimal vertex separator of the moral graph
/// of these (van der Zander, Liśkiewicz & Textor 2014). Those are enumerated as by Shen & Liang (1997): from a
/// separator the next is the boundary of what remains on the side of `y` when one of its vertices joins the side
/// of `x`.
pub fn minimal_separators(
    diagram: &Diagram,
    x: usize,
    y: usize,
    allowed: Set,
) -> Result<Vec<Set>, CausalError> {
    let ends = Set::one(x).union(Set::one(y));
    let mut moral = moral(&diagram.restricted(diagram.ancestors(ends)));
    let vertices = diagram.ancestors(ends);
    let allowed = allowed.intersection(vertices).minus(ends);
    for hidden in vertices.minus(allowed).minus(ends).iter() {
        let neighbours = moral[hidden];
        for neighbour in neighbours.iter() {
            moral[neighbour] = moral[neighbour]
                .union(neighbours)
                .minus(Set::one(neighbour).union(Set::one(hidden)));
        }
        moral[hidden] = Set::EMPTY;
    }
    if moral[x].contains(y) {
        return Ok(Vec::new());
    }
    let boundary = |set: Set| {
        set.iter()
            .fold(Set::EMPTY, |all, one| all.union(moral[one]))
            .minus(set)
    };
    let component = |start: usize, without: Set| {
        let mut reached = Set::one(start);
        loop {
            let more = boundary(reached).minus(without);
            if more.is_empty() {
                return reached;
            }
            reached = reached.union(more);
        }
    };
    let nearest = |side: Set| boundary(component(y, side.union(boundary(side))));
    let first = nearest(Set::one(x));
    let (mut found, mut queue) = (BTreeSet::from([first]), VecDeque::from([first]));
    while let Some(separator) = queue.pop_front() {
        let side = component(x, separator);
        for vertex in separator
            .iter()
            .filter(|&vertex| !moral[vertex].contains(y))
        {
            let next = nearest(side.union(Set::one(vertex)));
            if found.insert(next) {
                if found.len() > SEPARATORS_MAX {
                    return Err(CausalError::TooLarge {
                        what: "the number of minimal sets",
                        limit: SEPARATORS_MAX,
                    });
                }
                queue.push_back(next);
            }
        }
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by_key(|set| (set.len(), *set));
    Ok(found)
}

/// The neighbours of each vertex in the moral graph: a C-component with its parents is complete.
fn moral(diagram: &Diagram) -> Vec<Set> {
    let mut neighbours = vec![Set::EMPTY; super::diagram::VARIABLES_MAX];
    for component in diagram.components() {
        // Joined by collider paths: all members, and all their parents.
        let clique = component
            .iter()
            .fold(component, |all, one| all.union(diagram.parents(one)));
        for vertex in clique.iter() {
            neighbours[vertex] = neighbours[vertex].union(clique).minus(Set::one(vertex));
        }
    }
    neighbours
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A random diagram of `count` variables: an edge a pair, which is none, directed, bidirected or both.
    pub fn any_diagram(count: usize) -> impl Strategy<Value = Diagram> {
        prop::collection::vec(
            prop::sample::select(vec![0_u8, 0, 1, 1, 2, 3]),
            count * (count - 1) / 2,
        )
        .prop_map(move |edges| {
            let mut diagram = Diagram::new();
            let name = |index: usize| format!("v{index}");
            for index in 0..count {
                diagram.variable(&name(index)).expect("room");
            }
            let pairs = (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b)));
            for ((a, b), kind) in pairs.zip(edges) {
                if kind & 1 == 1 {
                    diagram.cause(&name(a), &name(b)).expect("acyclic");
                }
                if kind & 2 == 2 {
                    diagram.confound(&name(a), &name(b)).expect("distinct");
                }
            }
            diagram
        })
    }

    pub fn subsets(of: Set) -> impl Iterator<Item = Set> {
        let members: Vec<_> = of.iter().collect();
        (0_u32..1 << members.len()).map(move |chosen| {
            members
                .iter()
                .enumerate()
                .filter(|(index, _)| chosen >> index & 1 == 1)
                .map(|(_, &one)| one)
                .collect()
        })
    }

    /// The definition: every simple path, edge by edge, with its arrowheads.
    fn open_path(
        diagram: &Diagram,
        at: usize,
        head: Option<bool>,
        y: usize,
        given: Set,
        passed: Set,
    ) -> bool {
        if at == y {
            return true;
        }
        let steps = diagram
            .children(at)
            .iter()
            .map(|next| (false, next, true))
            .chain(diagram.parents(at).iter().map(|next| (true, next, false)))
            .chain(diagram.siblings(at).iter().map(|next| (true, next, true)))
            .collect::<Vec<_>>();
        steps.into_iter().any(|(head_here, next, head_there)| {
            let open = match head {
                None => true,
                Some(head) if head && head_here => {
                    !diagram.descendants(Set::one(at)).is_disjoint(given)
                }
                Some(_) => !given.contains(at),
            };
            open && !passed.contains(next)
                && open_path(
                    diagram,
                    next,
                    Some(head_there),
                    y,
                    given,
                    passed.union(Set::one(next)),
                )
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn separation_is_that_no_path_is_open(diagram in any_diagram(5)) {
            for (x, y) in [(0, 4), (1, 3), (3, 1), (0, 1)] {
                let rest = diagram.vertices().minus(Set::one(x)).minus(Set::one(y));
                for given in subsets(rest) {
                    let open = open_path(&diagram, x, None, y, given, Set::one(x));
                    prop_assert_eq!(separated(&diagram, Set::one(x), Set::one(y), given), !open);
                }
            }
        }

        #[test]
        fn minimal_separators_are_all_and_only_the_minimal_ones(diagram in any_diagram(6), hidden in 0_usize..6) {
            let (x, y) = (Set::one(1), Set::one(4));
            let allowed = diagram.vertices().minus(x).minus(y).minus(Set::one(hidden));
            let separating: Vec<_> = subsets(allowed).filter(|&given| separated(&diagram, x, y, given)).collect();
            let mut minimal: Vec<_> = separating.iter().copied()
                .filter(|&set| !separating.iter().any(|&other| other != set && other.is_subset(set)))
                .collect();
            minimal.sort_by_key(|set| (set.len(), *set));
            prop_assert_eq!(minimal_separators(&diagram, 1, 4, allowed), Ok(minimal));
        }

        #[test]
        fn projection_keeps_separations(diagram in any_diagram(6), latent in 0_usize..6) {
            let projected = diagram.without_latent(Set::one(latent));
            let rest: Vec<_> = projected.vertices().iter().collect();
            let (x, y) = (Set::one(rest[0]), Set::one(rest[4]));
            for given in subsets(projected.vertices().minus(x).minus(y)) {
                prop_assert_eq!(separated(&projected, x, y, given), separated(&diagram, x, y, given));
            }
        }
    }
}
