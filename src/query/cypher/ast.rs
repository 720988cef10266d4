//! What a statement says, as the parser reads it: names are text, nothing is checked beyond the grammar.

/// A whole statement.
#[derive(Debug)]
pub struct Statement {
    /// Parameters that stand in front of it.
    pub parameters: Vec<(String, Expr)>,
    /// Whether it is to be explained or profiled.
    pub mode: Mode,
    /// The queries that its UNIONs combine; one without any.
    pub queries: Vec<Query>,
    /// For each query but the first: whether it comes behind UNION ALL, and where.
    pub unions: Vec<(bool, usize)>,
}

/// What is wanted of a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Its result.
    #[default]
    Run,
    /// Its plan.
    Explain,
    /// Its plan, with what each step did.
    Profile,
}

/// Clauses in order.
#[derive(Debug)]
pub struct Query {
    /// The clauses.
    pub clauses: Vec<Clause>,
    /// Where it begins.
    pub at: usize,
}

/// A name and where it stands.
#[derive(Clone, Debug)]
pub struct Name {
    /// The name.
    pub text: String,
    /// Byte of the text.
    pub at: usize,
}

/// A clause.
#[derive(Debug)]
pub struct Clause {
    /// Which, and what it says.
    pub kind: ClauseKind,
    /// Where it begins.
    pub at: usize,
}

/// The clauses.
#[derive(Debug)]
pub enum ClauseKind {
    /// MATCH and OPTIONAL MATCH.
    Match {
        optional: bool,
        patterns: Vec<PathPattern>,
        filter: Option<Expr>,
    },
    /// UNWIND.
    Unwind { list: Expr, variable: Name },
    /// WITH.
    With {
        projection: Projection,
        filter: Option<Expr>,
    },
    /// RETURN.
    Return(Projection),
    /// CREATE.
    Create(Vec<PathPattern>),
    /// MERGE.
    Merge {
        pattern: PathPattern,
        on_create: Vec<SetItem>,
        on_match: Vec<SetItem>,
    },
    /// SET.
    Set(Vec<SetItem>),
    /// REMOVE.
    Remove(Vec<RemoveItem>),
    /// DELETE and DETACH DELETE.
    Delete { detach: bool, targets: Vec<Expr> },
    /// FOREACH.
    Foreach {
        variable: Name,
        list: Expr,
        clauses: Vec<Clause>,
    },
    /// CALL.
    Call {
        procedure: String,
        arguments: Option<Vec<Expr>>,
        yields: Option<Yields>,
        filter: Option<Expr>,
    },
}

/// What a CALL yields.
#[derive(Debug)]
pub enum Yields {
    /// Everything: `YIELD *`.
    All,
    /// Some columns, with the names that they get.
    Some(Vec<(Name, Name)>),
}

/// What WITH and RETURN say.
#[derive(Debug)]
pub struct Projection {
    pub distinct: bool,
    /// Whether all variables come first: `*`.
    pub star: bool,
    pub items: Vec<Item>,
    /// What is ordered by, and whether descending.
    pub order: Vec<(Expr, bool)>,
    pub skip: Option<Expr>,
    pub limit: Option<Expr>,
}

/// A column.
#[derive(Debug)]
pub struct Item {
    pub expr: Expr,
    pub alias: Option<Name>,
    /// The expression as it was written: the column's name without an alias.
    pub text: String,
}

/// What SET does.
#[derive(Debug)]
pub enum SetItem {
    /// `n.key = value`.
    Property {
        target: Expr,
        key: String,
        value: Expr,
    },
    /// `n = map` and `n += map`.
    All {
        variable: Name,
        value: Expr,
        is_added: bool,
    },
    /// `n:A:B`.
    Labels { variable: Name, labels: Vec<String> },
}

/// What REMOVE does.
#[derive(Debug)]
pub enum RemoveItem {
    /// `n.key`.
    Property { target: Expr, key: String },
    /// `n:A:B`.
    Labels { variable: Name, labels: Vec<String> },
}

/// A path: a node, and any number of relationships with the nodes that they lead to.
#[derive(Debug)]
pub struct PathPattern {
    pub variable: Option<Name>,
    pub shortest: Shortest,
    pub start: NodePattern,
    pub steps: Vec<(RelationshipPattern, NodePattern)>,
    pub at: usize,
}

/// Whether a path is a shortest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortest {
    No,
    /// `shortestPath(…)`.
    One,
    /// `allShortestPaths(…)`.
    All,
}

/// `(n:A:B {key: value})`.
#[derive(Debug)]
pub struct NodePattern {
    pub variable: Option<Name>,
    pub labels: Vec<String>,
    pub properties: Option<Expr>,
    pub at: usize,
}

/// `-[r:A|B*1..3 {key: value}]->`.
#[derive(Debug)]
pub struct RelationshipPattern {
    pub variable: Option<Name>,
    pub types: Vec<String>,
    pub direction: Direction,
    /// Fewest and most steps, of a path of variable length.
    pub range: Option<(Option<u64>, Option<u64>)>,
    pub properties: Option<Expr>,
    pub at: usize,
}

/// Where a relationship leads, from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Outgoing,
    Incoming,
    Either,
}

impl Direction {
    /// The same, seen from the other end.
    pub fn opposite(self) -> Self {
        match self {
            Self::Outgoing => Self::Incoming,
            Self::Incoming => Self::Outgoing,
            Self::Either => Self::Either,
        }
    }
}

/// An expression.
#[derive(Debug)]
pub struct Expr {
    pub kind: Box<ExprKind>,
    /// Byte of the text where it begins.
    pub at: usize,
    /// How deep it nests, which is bounded.
    pub height: u16,
}

/// Operators of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    In,
    StartsWith,
    EndsWith,
    Contains,
    Matches,
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Whether elements of a list fulfil a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    All,
    Any,
    None,
    Single,
}

/// The expressions.
#[derive(Debug)]
pub enum ExprKind {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    String(String),
    Variable(String),
    Parameter(String),
    List(Vec<Expr>),
    Map(Vec<(String, Expr)>),
    Property(Expr, String),
    Labels(Expr, Vec<String>),
    Index(Expr, Expr),
    Slice(Expr, Option<Expr>, Option<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Xor(Expr, Expr),
    Not(Expr),
    Negate(Expr),
    Plus(Expr),
    IsNull(Expr),
    IsNotNull(Expr),
    Binary(Operator, Expr, Expr),
    /// `a < b <= c`: the first operand, and comparisons with those that follow.
    Compare(Expr, Vec<(Comparison, Expr)>),
    Case {
        subject: Option<Expr>,
        arms: Vec<(Expr, Expr)>,
        otherwise: Option<Expr>,
    },
    Function {
        name: String,
        distinct: bool,
        arguments: Vec<Expr>,
    },
    CountAll,
    ListComprehension {
        variable: Name,
        list: Expr,
        filter: Option<Expr>,
        map: Option<Expr>,
    },
    Quantified {
        quantifier: Quantifier,
        variable: Name,
        list: Expr,
        filter: Expr,
    },
    Reduce {
        accumulator: Name,
        start: Expr,
        variable: Name,
        list: Expr,
        step: Expr,
    },
    PatternComprehension {
        pattern: PathPattern,
        filter: Option<Expr>,
        map: Expr,
    },
    /// A pattern as a condition.
    Pattern(PathPattern),
    /// `shortestPath(…)` as a value.
    ShortestPath(PathPattern),
    /// `EXISTS { pattern WHERE … }`.
    ExistsPattern {
        patterns: Vec<PathPattern>,
        filter: Option<Expr>,
    },
    /// `EXISTS { MATCH … RETURN … }`.
    ExistsQuery(Query),
}
