//! Published tables, and random models whose effects are known from their parameters.

use proptest::prelude::*;

use super::CausalError;
use super::diagram::{Diagram, Set};
use super::effect::{Bounds, Model, Regretted};
use super::identify::{Formula, effect, general};
use super::observations::{Observations, Quantity};
use super::separation::tests::any_diagram;

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

/// Charig et al. 1986: successful treatments of kidney stones, by treatment and size of the stone.
fn kidney_stones() -> (Diagram, Observations) {
    let diagram = diagram(
        &[
            ("size", "treatment"),
            ("size", "success"),
            ("treatment", "success"),
        ],
        &[],
    );
    let mut observations = Observations::new();
    for (treatment, size, good, all) in [
        ("A", "small", 81, 87),
        ("A", "large", 192, 263),
        ("B", "small", 234, 270),
        ("B", "large", 55, 80),
    ] {
        for (success, count) in [("1", good), ("0", all - good)] {
            let row = [
                ("treatment", treatment),
                ("size", size),
                ("success", success),
            ];
            observations
                .add(&diagram, &row, f64::from(count))
                .expect("known variables");
        }
    }
    (diagram, observations)
}

fn value(model: &Model<'_>, quantity: &Quantity) -> f64 {
    model.estimate(quantity).expect("support").value
}

fn limits(model: &Model<'_>, bounds: &Bounds) -> [f64; 2] {
    model.bounds(bounds).expect("support").map(|one| one.value)
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() < 5e-5,
        "{found}, expected {expected}"
    );
}

#[test]
fn kidney_stones_reverse_when_the_size_is_adjusted_for() {
    let (diagram, observations) = kidney_stones();
    let model = Model::new(&diagram, &observations);
    let seen = |treatment| {
        let seen = model.see(&[("success", "1")], &[("treatment", treatment)]);
        value(&model, &seen.expect("known"))
    };
    close(seen("A"), 0.78);
    close(seen("B"), 0.825_7);
    let size = Set::one(diagram.index("size").expect("known"));
    for (treatment, value) in [("A", 0.832_5), ("B", 0.778_9)] {
        let (done, identified) = model
            .intervene(&[("success", "1")], &[("treatment", treatment)])
            .expect("identifiable");
        let estimate = model.estimate(&done).expect("support");
        close(estimate.value, value);
        assert_eq!(
            (estimate.count, identified.formula),
            (700.0, Formula::BackDoor(size))
        );
        assert_eq!(
            identified.estimand.text(&diagram),
            "Σ{size} P(success | size, treatment) P(size)"
        );
        let (low, high) = estimate.interval.expect("few cells");
        assert!(
            low < value && value < high && high - low < 0.12,
            "{low} {high}"
        );
    }
    let (difference, _) = model
        .contrast("treatment", "A", "B", ("success", "1"))
        .expect("identifiable");
    close(value(&model, &difference), 0.053_7);
    // Σz E[y|B,z] P(z|A) − E[y|A], by hand: (87·234/270 + 263·55/80)/350 − 273/350.
    let (regret, regretted) = model
        .regret(("treatment", "A"), "B", "success")
        .expect("identifiable");
    assert_eq!(regretted, Regretted::BackDoor(size));
    close(
        value(&model, &regret),
        (87.0 * 234.0 / 270.0 + 263.0 * 55.0 / 80.0) / 350.0 - 0.78,
    );
}

/// Bickel, Hammel & O'Connell 1975: the six largest departments of Berkeley, 1973.
#[test]
fn berkeley_admits_fewer_women_but_not_by_their_sex() {
    let diagram = diagram(
        &[
            ("sex", "department"),
            ("sex", "admitted"),
            ("department", "admitted"),
        ],
        &[],
    );
    let mut observations = Observations::new();
    let table = [
        ("A", [512, 313, 89, 19]),
        ("B", [353, 207, 17, 8]),
        ("C", [120, 205, 202, 391]),
        ("D", [138, 279, 131, 244]),
        ("E", [53, 138, 94, 299]),
        ("F", [22, 351, 24, 317]),
    ];
    for (department, counts) in table {
        let columns = [
            ("male", "yes"),
            ("male", "no"),
            ("female", "yes"),
            ("female", "no"),
        ];
        for ((sex, admitted), count) in columns.into_iter().zip(counts) {
            let row = [
                ("sex", sex),
                ("department", department),
                ("admitted", admitted),
            ];
            observations
                .add(&diagram, &row, f64::from(count))
                .expect("known variables");
        }
    }
    let model = Model::new(&diagram, &observations);
    let found = model
        .mediate(
            "sex",
            "female",
            "male",
            ("admitted", "yes"),
            &["department"],
        )
        .expect("unconfounded");
    close(
        value(&model, &found.total),
        557.0 / 1835.0 - 1198.0 / 2691.0,
    );
    // Σd [P(yes|female,d) − P(yes|male,d)] P(d|male), department by department.
    let mut direct = 0.0;
    for (_, [male_yes, male_no, female_yes, female_no]) in table {
        let rate = |yes: i32, no: i32| f64::from(yes) / f64::from(yes + no);
        direct += (rate(female_yes, female_no) - rate(male_yes, male_no))
            * f64::from(male_yes + male_no)
            / 2691.0;
    }
    let [direct_effect, indirect, total] =
        [&found.direct, &found.indirect, &found.total].map(|one| value(&model, one));
    close(direct_effect, direct);
    assert!(direct_effect > 0.0 && indirect < -0.14 && total < -0.14);
    let confounded = self::diagram(
        &[
            ("sex", "department"),
            ("sex", "admitted"),
            ("department", "admitted"),
        ],
        &[("department", "admitted")],
    );
    let refused = Model::new(&confounded, &observations).mediate(
        "sex",
        "female",
        "male",
        ("admitted", "yes"),
        &["department"],
    );
    assert_eq!(
        refused,
        Err(CausalError::Confounded(
            "department".to_owned(),
            "admitted".to_owned()
        ))
    );
}

/// Pearl 2009, table 3.1: smoking, tar in the lungs and cancer, with a latent genotype.
#[test]
fn smoking_is_judged_by_the_front_door() {
    let diagram = diagram(
        &[("smoking", "tar"), ("tar", "cancer")],
        &[("smoking", "cancer")],
    );
    let mut observations = Observations::new();
    for (smoking, tar, share, cancer) in [
        ("0", "0", 47.5, 0.10),
        ("1", "0", 2.5, 0.90),
        ("0", "1", 2.5, 0.05),
        ("1", "1", 47.5, 0.85),
    ] {
        for (value, p) in [("1", cancer), ("0", 1.0 - cancer)] {
            let row = [("smoking", smoking), ("tar", tar), ("cancer", value)];
            observations
                .add(&diagram, &row, 10.0 * share * p)
                .expect("known variables");
        }
    }
    let model = Model::new(&diagram, &observations);
    let tar = Set::one(diagram.index("tar").expect("known"));
    for (smoking, expected) in [("1", 0.4525), ("0", 0.4975)] {
        let (done, identified) = model
            .intervene(&[("cancer", "1")], &[("smoking", smoking)])
            .expect("identifiable");
        close(value(&model, &done), expected);
        assert_eq!(identified.formula, Formula::FrontDoor(tar));
    }
    let seen = model.see(&[("cancer", "1")], &[("smoking", "1")]);
    assert!(value(&model, &seen.expect("known")) > 0.85);
}

/// The tables of Pearl 2009, section 9.3.4: a drug that killed each of those who died with it.
#[test]
fn the_drug_was_necessary_for_the_deaths() {
    let diagram = diagram(&[("drug", "death")], &[("drug", "death")]);
    let mut observations = Observations::new();
    for (drug, death, count) in [
        ("1", "1", 2.0),
        ("1", "0", 998.0),
        ("0", "1", 28.0),
        ("0", "0", 972.0),
    ] {
        let row = [("drug", drug), ("death", death)];
        observations.add(&diagram, &row, count).expect("known");
    }
    let model = Model::new(&diagram, &observations);
    let (x, y) = (("drug", "1"), ("death", "1"));
    assert!(matches!(
        model.necessity(x, y, None),
        Err(CausalError::NotIdentifiable { .. })
    ));
    let necessity = model.necessity(x, y, Some(0.014)).expect("an experiment");
    let [low, high] = limits(&model, &necessity);
    close(low, 1.0);
    close(high, 1.0);
    let sufficiency = model.sufficiency(x, y, Some(0.016)).expect("an experiment");
    let [low, high] = limits(&model, &sufficiency);
    close(low, 0.001 / 0.486);
    close(high, 0.015 / 0.486);
}

#[test]
fn the_bow_has_a_hedge_and_the_napkin_a_formula() {
    let bow = diagram(&[("x", "y")], &[("x", "y")]);
    let error = effect(&bow, Set::one(1), Set::one(0)).expect_err("not identifiable");
    assert_eq!(
        error.to_string(),
        "the effect is not identifiable: {x, y} and {y} form a hedge"
    );
    let napkin = diagram(
        &[("w", "z"), ("z", "x"), ("x", "y")],
        &[("w", "x"), ("w", "y")],
    );
    let found = effect(&napkin, Set::one(3), Set::one(2)).expect("identifiable");
    assert_eq!(found.formula, Formula::General);
    assert!(effect(&bow, Set::EMPTY, Set::one(0)).is_err());
    assert!(effect(&bow, Set::one(0), Set::one(0)).is_err());
    assert!(effect(&bow, Set::one(9), Set::one(0)).is_err());
}

/// A model with its parameters: binary variables; each bidirected edge is a latent fair coin, the parent of both ends.
struct Known {
    diagram: Diagram,
    /// The pair that each latent variable causes.
    latent: Vec<[usize; 2]>,
    /// P(v = 1) for each combination of its parents and latent causes.
    tables: Vec<Vec<f64>>,
}

impl Known {
    fn new(diagram: Diagram, seed: u64) -> Self {
        let count = diagram.vertices().len();
        let latent: Vec<_> = (0..count)
            .flat_map(|a| {
                diagram
                    .siblings(a)
                    .iter()
                    .filter(move |&b| a < b)
                    .map(move |b| [a, b])
                    .collect::<Vec<_>>()
            })
            .collect();
        let mut state = seed;
        let tables = (0..count)
            .map(|v| {
                let causes = diagram.parents(v).len()
                    + latent.iter().filter(|pair| pair.contains(&v)).count();
                (0..1 << causes)
                    .map(|_| {
                        state = state
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1_442_695_040_888_963_407);
                        0.1 + 0.8 * (state >> 11) as f64 / (1_u64 << 53) as f64
                    })
                    .collect()
            })
            .collect();
        Self {
            diagram,
            latent,
            tables,
        }
    }

    /// The truncated factorisation (Pearl 2009, equation 3.10): P of each combination of observed values when `x` has
    /// the values that the combination gives it.
    fn joint(&self, x: Set) -> Vec<f64> {
        let count = self.tables.len();
        (0_usize..1 << count)
            .map(|values| {
                let coins = 1_usize << self.latent.len();
                (0..coins)
                    .map(|hidden| self.given(x, values, hidden))
                    .sum::<f64>()
                    / coins as f64
            })
            .collect()
    }

    fn given(&self, x: Set, values: usize, hidden: usize) -> f64 {
        let factor = |v: usize| {
            let parents = self.diagram.parents(v);
            let bits = parents.iter().map(|parent| values >> parent & 1).chain(
                self.latent
                    .iter()
                    .enumerate()
                    .filter(|(_, pair)| pair.contains(&v))
                    .map(|(l, _)| hidden >> l & 1),
            );
            let p = self.tables[v][bits.fold(0, |row, bit| row << 1 | bit)];
            if values >> v & 1 == 1 { p } else { 1.0 - p }
        };
        (0..self.tables.len())
            .filter(|&v| !x.contains(v))
            .map(factor)
            .product()
    }

    fn observations(&self) -> Observations {
        let mut observations = Observations::new();
        let count = self.tables.len();
        for (values, p) in self.joint(Set::EMPTY).into_iter().enumerate() {
            let names: Vec<_> = (0..count).map(|v| self.diagram.name(v)).collect();
            let row: Vec<_> = (0..count)
                .map(|v| (names[v], ["0", "1"][values >> v & 1]))
                .collect();
            observations
                .add(&self.diagram, &row, 1_000.0 * p)
                .expect("known variables");
        }
        observations
    }

    fn effect(&self, y: Set, x: Set, values: usize) -> f64 {
        let fixed: usize = x.union(y).iter().map(|v| 1 << v).sum();
        let joint = self.joint(x);
        (0..joint.len())
            .filter(|other| other & fixed == values & fixed)
            .map(|other| joint[other])
            .sum()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn identified_effects_are_those_of_the_parameters(
        diagram in any_diagram(5), seed: u64, x in 0_usize..4, more in 0_usize..5, values in 0_usize..32
    ) {
        let known = Known::new(diagram, seed);
        let observations = known.observations();
        let y = Set::one(4);
        let sets = [Set::one(x), Set::one(x).union(Set::one(more)).minus(y)];
        for xs in sets {
            let at: Vec<_> = y.union(xs).iter().map(|v| (v, level(&observations, &known.diagram, v, values))).collect();
            let expected = known.effect(y, xs, values);
            let found = [
                effect(&known.diagram, y, xs).map(|identified| identified.estimand),
                general(&known.diagram, y, xs),
            ];
            prop_assert_eq!(found[0].is_ok(), found[1].is_ok(), "criteria and algorithm differ");
            for estimand in found.into_iter().flatten() {
                let value = observations.evaluate(&estimand, &at, &known.diagram).expect("positive");
                prop_assert!((value - expected).abs() < 1e-9, "{}: {value}, expected {expected}", estimand.text(&known.diagram));
            }
        }
    }

    /// Tian & Pearl 2002, theorem 4: the effect of one variable on all others is identifiable just if no bidirected path
    /// leads from it to a child of it.
    #[test]
    fn effects_on_all_others_are_identified_just_when_they_can_be(diagram in any_diagram(5), x in 0_usize..5) {
        let xs = Set::one(x);
        let component = diagram.components().into_iter().find(|one| one.contains(x)).expect("its own");
        let possible = component.is_disjoint(diagram.children(x));
        prop_assert_eq!(general(&diagram, diagram.vertices().minus(xs), xs).is_ok(), possible);
    }

    /// With x unconfounded, and one of four response types a unit: the truth lies within the bounds.
    #[test]
    fn bounds_hold_the_truth(weights in prop::array::uniform4(1_u32..50), x1 in 1_u32..20) {
        let diagram = diagram(&[("x", "y")], &[]);
        let mut observations = Observations::new();
        // never, complies, defies, always: y for x = 0 and for x = 1.
        let types = [[0, 0], [0, 1], [1, 0], [1, 1]];
        let share = |f: &dyn Fn([usize; 2]) -> bool| -> f64 {
            types.iter().zip(weights).filter(|(one, _)| f(**one)).map(|(_, w)| f64::from(w)).sum()
        };
        for (x, weight) in [("1", x1), ("0", 20 - x1)] {
            for (one, count) in types.iter().zip(weights) {
                let y = ["0", "1"][one[usize::from(x == "1")]];
                observations.add(&diagram, &[("x", x), ("y", y)], f64::from(count * weight)).expect("known");
            }
        }
        let model = Model::new(&diagram, &observations);
        let within = |[low, high]: [f64; 2], truth: f64| low - 1e-9 <= truth && truth <= high + 1e-9;
        let same = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).abs() < 1e-9 && (a[1] - b[1]).abs() < 1e-9;
        let necessity = share(&|one| one == [0, 1]) / share(&|one| one[1] == 1);
        let found = limits(&model, &model.necessity(("x", "1"), ("y", "1"), None).expect("support"));
        prop_assert!(within(found, necessity), "{found:?} {necessity}");
        let imagined = limits(&model, &model.imagine(("y", "0"), ("x", "0"), &[("x", "1"), ("y", "1")]).expect("support"));
        prop_assert!(same(imagined, found));
        let sufficiency = share(&|one| one == [0, 1]) / share(&|one| one[0] == 0);
        let found = limits(&model, &model.sufficiency(("x", "1"), ("y", "1"), None).expect("support"));
        prop_assert!(within(found, sufficiency), "{found:?} {sufficiency}");
        let imagined = limits(&model, &model.imagine(("y", "1"), ("x", "1"), &[("x", "0"), ("y", "0")]).expect("support"));
        prop_assert!(same(imagined, found));
        let exact = model.imagine(("y", "1"), ("x", "1"), &[("x", "1"), ("y", "1")]).expect("support");
        prop_assert_eq!(limits(&model, &exact), [1.0, 1.0]);
    }
}

fn level(observations: &Observations, diagram: &Diagram, variable: usize, values: usize) -> usize {
    observations
        .level(diagram, variable, ["0", "1"][values >> variable & 1])
        .expect("both values occur")
}
