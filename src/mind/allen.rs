//! The thirteen relations of intervals: of two intervals exactly one holds (Allen 1983, "Maintaining knowledge about
//! temporal intervals", figure 2).

/// An interval of time: from its beginning up to, and without, its end, which is later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interval {
    from: i64,
    to: i64,
}

impl Interval {
    /// The interval between two times; none if the second is not later.
    pub fn new(from: i64, to: i64) -> Option<Self> {
        (from < to).then_some(Self { from, to })
    }

    /// Its beginning.
    pub const fn from(self) -> i64 {
        self.from
    }

    /// Its end.
    pub const fn to(self) -> i64 {
        self.to
    }

    /// Whether they have some time in common.
    pub const fn shares(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// Whether all of it is in the other.
    pub const fn is_within(self, other: Self) -> bool {
        other.from <= self.from && self.to <= other.to
    }
}

/// How one interval stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// It ends before the other begins.
    Before,
    /// It ends when the other begins.
    Meets,
    /// It begins first, and ends within the other.
    Overlaps,
    /// They begin together, and it ends first.
    Starts,
    /// It begins later and ends first.
    During,
    /// It begins later, and they end together.
    Finishes,
    /// They begin and end together.
    Equals,
    /// The converse of [`Relation::Before`].
    After,
    /// The converse of [`Relation::Meets`].
    MetBy,
    /// The converse of [`Relation::Overlaps`].
    OverlappedBy,
    /// The converse of [`Relation::Starts`].
    StartedBy,
    /// The converse of [`Relation::During`].
    Contains,
    /// The converse of [`Relation::Finishes`].
    FinishedBy,
}

impl Relation {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Before,
        Self::Meets,
        Self::Overlaps,
        Self::Starts,
        Self::During,
        Self::Finishes,
        Self::Equals,
        Self::After,
        Self::MetBy,
        Self::OverlappedBy,
        Self::StartedBy,
        Self::Contains,
        Self::FinishedBy,
    ];

    /// How the first of two intervals stands to the second.
    pub fn of(a: Interval, b: Interval) -> Self {
        use std::cmp::Ordering::{Equal, Greater, Less};
        if a.to <= b.from {
            return if a.to < b.from {
                Self::Before
            } else {
                Self::Meets
            };
        }
        if b.to <= a.from {
            return if b.to < a.from {
                Self::After
            } else {
                Self::MetBy
            };
        }
        match (a.from.cmp(&b.from), a.to.cmp(&b.to)) {
            (Less, Less) => Self::Overlaps,
            (Less, Equal) => Self::FinishedBy,
            (Less, Greater) => Self::Contains,
            (Equal, Less) => Self::Starts,
            (Equal, Equal) => Self::Equals,
            (Equal, Greater) => Self::StartedBy,
            (Greater, Less) => Self::During,
            (Greater, Equal) => Self::Finishes,
            (Greater, Greater) => Self::OverlappedBy,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Meets => "meets",
            Self::Overlaps => "overlaps",
            Self::Starts => "starts",
            Self::During => "during",
            Self::Finishes => "finishes",
            Self::Equals => "equals",
            Self::After => "after",
            Self::MetBy => "met-by",
            Self::OverlappedBy => "overlapped-by",
            Self::StartedBy => "started-by",
            Self::Contains => "contains",
            Self::FinishedBy => "finished-by",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// Each relation by what Allen's figure says about the four ends, on its own.
    fn holds(relation: Relation, (a, b): (i64, i64), (c, d): (i64, i64)) -> bool {
        match relation {
            Relation::Before => b < c,
            Relation::Meets => b == c,
            Relation::Overlaps => a < c && c < b && b < d,
            Relation::Starts => a == c && b < d,
            Relation::During => c < a && b < d,
            Relation::Finishes => c < a && b == d,
            Relation::Equals => a == c && b == d,
            Relation::After => holds(Relation::Before, (c, d), (a, b)),
            Relation::MetBy => holds(Relation::Meets, (c, d), (a, b)),
            Relation::OverlappedBy => holds(Relation::Overlaps, (c, d), (a, b)),
            Relation::StartedBy => holds(Relation::Starts, (c, d), (a, b)),
            Relation::Contains => holds(Relation::During, (c, d), (a, b)),
            Relation::FinishedBy => holds(Relation::Finishes, (c, d), (a, b)),
        }
    }

    /// All intervals with ends from 0 to 7: four different ends are enough for all that ends can be like.
    fn intervals() -> Vec<(i64, i64)> {
        let ends = (0..8).flat_map(|from| (0..8).map(move |to| (from, to)));
        ends.filter(|(from, to)| from < to).collect()
    }

    #[test]
    fn of_two_intervals_exactly_one_relation_holds() {
        let all = intervals();
        let mut met: HashMap<Relation, usize> = HashMap::new();
        for &x in &all {
            for &y in &all {
                let hold: Vec<_> = Relation::ALL
                    .into_iter()
                    .filter(|relation| holds(*relation, x, y))
                    .collect();
                assert_eq!(hold.len(), 1, "{x:?} {y:?}: {hold:?}");
                let [a, b] = [x, y].map(|(from, to)| Interval::new(from, to).expect("later"));
                assert_eq!(Relation::of(a, b), hold[0], "{x:?} {y:?}");
                *met.entry(hold[0]).or_default() += 1;
                let moments = |(from, to): (i64, i64)| from..to;
                let shared = moments(x).filter(|at| moments(y).contains(at)).count();
                assert_eq!(a.shares(b), shared > 0, "{x:?} {y:?}");
                assert_eq!(a.is_within(b), shared as i64 == x.1 - x.0, "{x:?} {y:?}");
            }
        }
        assert_eq!(met.len(), 13);
    }

    #[test]
    fn an_interval_has_an_end_after_its_beginning_and_names_are_all_different() {
        assert_eq!(Interval::new(3, 3), None);
        assert_eq!(Interval::new(4, 3), None);
        let whole = Interval::new(i64::MIN, i64::MAX).expect("later");
        assert_eq!((whole.from(), whole.to()), (i64::MIN, i64::MAX));
        let names: std::collections::HashSet<_> =
            Relation::ALL.map(Relation::name).into_iter().collect();
        assert_eq!(names.len(), 13);
    }
}
