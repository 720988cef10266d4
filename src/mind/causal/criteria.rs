//! Graphical criteria: which sets to adjust for, which variables stand in for an experiment.

use super::CausalError;
use super::diagram::{Diagram, Set};
use super::separation::{minimal_separators, separated};

/// Most variables between `x` and `y` from which front-door sets are chosen: each subset is looked at.
pub const FRONT_DOOR_CANDIDATES_MAX: usize = 16;

/// The minimal sufficient sets for the back-door criterion (Pearl 2009, definition 3.3.1): no descendant of `x`, and
/// every path into `x` that leads to `y` blocked. Smallest first; empty where there is none.
pub fn back_door(diagram: &Diagram, x: usize, y: usize) -> Result<Vec<Set>, CausalError> {
    let allowed = diagram.vertices().minus(diagram.descendants(Set::one(x)));
    minimal_separators(&diagram.without_outgoing(Set::one(x)), x, y, allowed)
}

/// The minimal sets for the front-door criterion (Pearl 2009, definition 3.3.3): they intercept all directed paths
/// from `x` to `y`, no back-door path leads from `x` to them, and `x` blocks all back-door paths from them to `y`.
pub fn front_door(diagram: &Diagram, x: usize, y: usize) -> Result<Vec<Set>, CausalError> {
    let (x, y) = (Set::one(x), Set::one(y));
    let between = diagram
        .descendants(x)
        .intersection(diagram.ancestors(y))
        .minus(x)
        .minus(y);
    let back = diagram.without_outgoing(x);
    let candidates: Vec<_> = between
        .iter()
        .filter(|&one| separated(&back, x, Set::one(one), Set::EMPTY))
        .collect();
    if candidates.len() > FRONT_DOOR_CANDIDATES_MAX {
        return Err(CausalError::TooLarge {
            what: "the number of variables between cause and effect",
            limit: FRONT_DOOR_CANDIDATES_MAX,
        });
    }
    let mut sets: Vec<Set> = (1_u32..1 << candidates.len())
        .map(|chosen| {
            (0..candidates.len())
                .filter(|bit| chosen >> bit & 1 == 1)
                .map(|bit| candidates[bit])
                .collect()
        })
        .collect();
    sets.sort_by_key(|set: &Set| (set.len(), *set));
    let mut found: Vec<Set> = Vec::new();
    for set in sets {
        if found.iter().any(|smaller| smaller.is_subset(set)) {
            continue;
        }
        let intercepted = !diagram
            .restricted(diagram.vertices().minus(set))
            .descendants(x)
            .contains(y.iter().next().expect("invariant: y is one variable"));
        if intercepted && separated(&diagram.without_outgoing(set), set, y, x) {
            found.push(set);
        }
    }
    Ok(found)
}

/// Variables that move `x` without touching `y` otherwise, each with a minimal set to condition on (Pearl 2009,
/// definition 7.4.1; conditional: Brito & Pearl 2002): separated from `y` by the set once the edges out of `x` are
/// taken away, and not from `x`. The set has no descendants of `x` or `y`.
pub fn instruments(
    diagram: &Diagram,
    x: usize,
    y: usize,
) -> Result<Vec<(usize, Set)>, CausalError> {
    let (cause, effect) = (Set::one(x), Set::one(y));
    let after = diagram.descendants(cause.union(effect));
    let apart = diagram.without_outgoing(cause);
    let mut found = Vec::new();
    for instrument in diagram.vertices().minus(after).iter() {
        let allowed = diagram.vertices().minus(after);
        for set in minimal_separators(&apart, instrument, y, allowed)? {
            if !separated(diagram, Set::one(instrument), cause, set) {
                found.push((instrument, set));
                break;
            }
        }
    }
    Ok(found)
}

/// What makes `x` and `y` go together without the one causing the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confounders {
    /// Variables with a directed path to `x`, and one to `y` that does not lead through `x`.
    pub common_causes: Set,
    /// Whether a latent cause reaches both, `y` not through `x`: a bidirected edge between ancestors of the two.
    pub latent: bool,
}

/// The confounders of `x` and `y`.
pub fn confounders(diagram: &Diagram, x: usize, y: usize) -> Confounders {
    let to_x = diagram.ancestors(Set::one(x));
    let to_y = diagram.without_outgoing(Set::one(x)).ancestors(Set::one(y));
    let latent = to_x
        .iter()
        .any(|one| !diagram.siblings(one).intersection(to_y).is_empty());
    let ends = Set::one(x).union(Set::one(y));
    Confounders {
        common_causes: to_x.intersection(to_y).minus(ends),
        latent,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::separation::tests::{any_diagram, subsets};
    use super::*;

    fn diagram(causes: &[(&str, &str)], confounded: &[(&str, &str)]) -> Diagram {
        let mut diagram = Diagram::new();
        for (cause, effect) in causes {
            diagram.cause(cause, effect).expect("acyclic");
        }
        for (a, b) in confounded {
            diagram.confound(a, b).expect("distinct");
        }
        diagram
    }

    fn names(diagram: &Diagram, sets: &[Set]) -> Vec<String> {
        sets.iter().map(|&set| diagram.names(set)).collect()
    }

    /// Pearl 2009, figure 3.4: back-door sets {X3, X4} and {X4, X5}; X6 is the front door.
    #[test]
    fn the_diagram_of_figure_3_4() {
        let diagram = diagram(
            &[
                ("x1", "x3"),
                ("x1", "x4"),
                ("x2", "x4"),
                ("x2", "x5"),
                ("x3", "xi"),
                ("x4", "xi"),
                ("x4", "xj"),
                ("x5", "xj"),
                ("xi", "x6"),
                ("x6", "xj"),
            ],
            &[],
        );
        let (x, y) = (
            diagram.index("xi").expect("known"),
            diagram.index("xj").expect("known"),
        );
        let sets = names(&diagram, &back_door(&diagram, x, y).expect("few"));
        assert_eq!(sets, ["x1, x4", "x3, x4", "x4, x2", "x4, x5"]);
        assert_eq!(
            names(&diagram, &front_door(&diagram, x, y).expect("few")),
            ["x6"]
        );
        assert_eq!(
            diagram.names(confounders(&diagram, x, y).common_causes),
            "x1, x4, x2"
        );
        assert!(!confounders(&diagram, x, y).latent);
    }

    #[test]
    fn instruments_are_found_with_what_to_condition_on() {
        let plain = diagram(&[("z", "x"), ("x", "m"), ("m", "y")], &[("x", "y")]);
        let number = |name| plain.index(name).expect("known");
        assert_eq!(
            instruments(&plain, number("x"), number("y")),
            Ok(vec![(number("z"), Set::EMPTY)])
        );
        assert!(confounders(&plain, number("x"), number("y")).latent);
        let conditional = diagram(
            &[("w", "z"), ("w", "y"), ("z", "x"), ("x", "y")],
            &[("x", "y")],
        );
        let number = |name| conditional.index(name).expect("known");
        assert_eq!(
            instruments(&conditional, number("x"), number("y")),
            Ok(vec![(number("z"), Set::one(number("w")))])
        );
        let invalid = diagram(&[("z", "x"), ("x", "y"), ("z", "y")], &[("x", "y")]);
        assert_eq!(instruments(&invalid, 1, 2), Ok(Vec::new()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn back_door_sets_are_the_minimal_ones_by_definition(diagram in any_diagram(6)) {
            let (x, y) = (Set::one(2), Set::one(4));
            let back = diagram.without_outgoing(x);
            let allowed = diagram.vertices().minus(diagram.descendants(x)).minus(y);
            let good: Vec<_> = subsets(allowed).filter(|&set| separated(&back, x, y, set)).collect();
            let mut minimal: Vec<_> = good.iter().copied()
                .filter(|&set| !good.iter().any(|&other| other != set && other.is_subset(set)))
                .collect();
            minimal.sort_by_key(|set| (set.len(), *set));
            prop_assert_eq!(back_door(&diagram, 2, 4), Ok(minimal));
        }
    }
}
