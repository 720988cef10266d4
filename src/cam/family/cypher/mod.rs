//! 0x02 CYPHER: the property graph.
//!
//! | file | holds |
//! |---|---|
//! | `language` | statements and patterns, through the engine of Cypher |
//! | `node` | properties that are set and removed, nodes that are deleted |
//! | `links` | the edges of a scope, as kernels walk them and as SQL selects them |
//! | `path` | ways along edges |
//! | `rank` | how much nodes are linked |
//! | `groups` | which nodes belong together |

mod groups;
mod language;
mod links;
mod node;
mod path;
mod rank;

pub use links::{Links, links_sql};

use ladybug_engine::space::address::ADDRESSES;

use super::super::range::Range;
use super::super::table::{
    Argument, Class, Column, ColumnKind, Family, Kernel, Kind, Operation, Repeats,
};

/// Most edges of a walk that EXPAND takes.
const WALK_MAX: i64 = 64;
/// Most edges of a shortest path: it has no node twice.
const PATH_MAX: i64 = 65_535;

const X: Argument = Argument::new("x", Kind::Node);
const Y: Argument = Argument::new("y", Kind::Node);
const VERB: Argument = Argument::optional("verb", Kind::Verb);
const MAX: Argument = Argument::optional("max", Kind::Integer(0, PATH_MAX));
const K: Argument = Argument::optional("k", Kind::Integer(0, ADDRESSES as i64));

const ID: Column = Column::nullable("id", ColumnKind::Count);
const ADDRESS: Column = Column::new("address", ColumnKind::Address);
const NAMED: Column = Column::nullable("name", ColumnKind::Text);
const FINGERPRINT: Column = Column::new("fingerprint", ColumnKind::Fingerprint);
const STEP: Column = Column::new("step", ColumnKind::Count);
const EDGE: Column = Column::nullable("edge", ColumnKind::Count);
const ALONG: Column = Column::nullable("verb", ColumnKind::Text);

/// A plan, a line a step.
const PLAN: &[Column] = &[Column::new("plan", ColumnKind::Text)];
/// What a statement has changed.
const CHANGED: &[Column] = &[
    Column::new("nodes_created", ColumnKind::Count),
    Column::new("nodes_deleted", ColumnKind::Count),
    Column::new("relationships_created", ColumnKind::Count),
    Column::new("relationships_deleted", ColumnKind::Count),
    Column::new("properties_set", ColumnKind::Count),
    Column::new("labels_added", ColumnKind::Count),
    Column::new("labels_removed", ColumnKind::Count),
];
const WRITTEN: &[Column] = &[
    ID,
    ADDRESS,
    NAMED,
    Column::nullable("properties", ColumnKind::Text),
    FINGERPRINT,
];
const DELETED: &[Column] = &[
    ID,
    ADDRESS,
    NAMED,
    Column::new("edges", ColumnKind::Count),
    FINGERPRINT,
];
const PATH: &[Column] = &[STEP, ID, ADDRESS, NAMED, EDGE, ALONG, FINGERPRINT];
const PATHS: &[Column] = &[
    Column::new("path", ColumnKind::Count),
    STEP,
    ID,
    ADDRESS,
    NAMED,
    EDGE,
    ALONG,
    FINGERPRINT,
];
const REACHED: &[Column] = &[
    ID,
    ADDRESS,
    NAMED,
    Column::new("steps", ColumnKind::Count),
    FINGERPRINT,
];
const DEGREE: &[Column] = &[
    ID,
    ADDRESS,
    NAMED,
    Column::new("outgoing", ColumnKind::Count),
    Column::new("incoming", ColumnKind::Count),
    Column::new("degree", ColumnKind::Count),
    FINGERPRINT,
];
const RANKED: &[Column] = &[
    ID,
    ADDRESS,
    NAMED,
    Column::new("rank", ColumnKind::Float),
    FINGERPRINT,
];
const COMPONENTS: &[Column] = &[
    ID,
    ADDRESS,
    NAMED,
    Column::new("component", ColumnKind::Address),
    Column::new("size", ColumnKind::Count),
    FINGERPRINT,
];
const COMMUNITIES: &[Column] = &[
    ID,
    ADDRESS,
    NAMED,
    Column::new("community", ColumnKind::Address),
    Column::new("size", ColumnKind::Count),
    FINGERPRINT,
];
const TRIANGLES: &[Column] = &[
    ID,
    ADDRESS,
    NAMED,
    Column::new("triangles", ColumnKind::Count),
    Column::new("coefficient", ColumnKind::Float),
    FINGERPRINT,
];

/// The family.
pub static FAMILY: Family = Family {
    prefix: 0x02,
    name: "CYPHER",
    doc: "The property graph: statements and patterns of openCypher, ways along edges, figures of the graph. An edge is \
          in scope when both its ends are",
    operations: &[
        Operation {
            name: "QUERY",
            doc: "Runs a statement of openCypher and answers the columns that it returns, or, where it returns none, \
                  what it has changed; EXPLAIN and PROFILE in front of it answer its plan. One that writes is one \
                  commit, and has no scope but all",
            source: "openCypher 9",
            arguments: &[Argument::new("cypher", Kind::Text)],
            class: Class::Write(|call| call.text(0).to_owned()),
            kernel: Kernel::Statement(&language::QUERY),
            ..Operation::DEFAULT
        },
        Operation {
            name: "EXPLAIN",
            doc: "The plan of a statement of openCypher, a line a step, without running it",
            source: "openCypher 9",
            arguments: &[Argument::new("cypher", Kind::Text)],
            columns: PLAN,
            is_scoped: false,
            class: Class::Other("Explain\n  Compile: the statement"),
            kernel: Kernel::Read(language::explain),
            ..Operation::DEFAULT
        },
        Operation {
            name: "MATCH",
            doc: "What matches a pattern of openCypher, with WHERE behind it or not: a row a match, a column a variable. \
                  A column whose values have one type has that; nodes, relationships and paths are JSON",
            source: "openCypher 9",
            arguments: &[Argument::new("pattern", Kind::Text)],
            class: Class::Other(
                "Return: every variable\n  Match: the pattern\n    Scan: nodes and edges of the scope",
            ),
            kernel: Kernel::Read(language::matched),
            ..Operation::DEFAULT
        },
        Operation {
            name: "CREATE",
            doc: "Makes the nodes and edges of a pattern of openCypher, and answers how many of what. It has no scope but \
                  all",
            source: "openCypher 9",
            arguments: &[Argument::new("pattern", Kind::Text)],
            columns: CHANGED,
            is_single: true,
            class: Class::Write(language::create_sql),
            kernel: Kernel::Statement(&language::CREATE),
            ..Operation::DEFAULT
        },
        Operation {
            name: "MERGE",
            doc: "Makes what a pattern of openCypher says unless it is there already, and answers how many of what. ON \
                  CREATE SET and ON MATCH SET may stand behind it. It has no scope but all",
            source: "openCypher 9",
            arguments: &[Argument::new("pattern", Kind::Text)],
            columns: CHANGED,
            is_single: true,
            class: Class::Write(language::merge_sql),
            kernel: Kernel::Statement(&language::MERGE),
            ..Operation::DEFAULT
        },
        Operation {
            name: "SET",
            doc: "Sets properties of a node, given as a JSON object; null removes one, the others stay as they are",
            arguments: &[X, Argument::new("props", Kind::Text)],
            columns: WRITTEN,
            is_single: true,
            class: Class::Write(node::set_cypher),
            kernel: Kernel::Write(node::set),
            ..Operation::DEFAULT
        },
        Operation {
            name: "REMOVE",
            doc: "Removes properties of a node, those of them that it has",
            arguments: &[X, Argument::new("property", Kind::Text)],
            repeats: Repeats::last(1),
            columns: WRITTEN,
            is_single: true,
            class: Class::Write(node::remove_cypher),
            kernel: Kernel::Write(node::remove),
            ..Operation::DEFAULT
        },
        Operation {
            name: "DELETE",
            doc: "Deletes a node with its edges, as DETACH DELETE does, and answers what it was and how many edges it had",
            arguments: &[X],
            columns: DELETED,
            is_single: true,
            class: Class::Write(|call| format!("DELETE FROM nodes WHERE {}", call.node_sql(0))),
            kernel: Kernel::Write(node::delete),
            ..Operation::DEFAULT
        },
        Operation {
            name: "PATH",
            doc: "A shortest path from x to y along outgoing edges, of a verb or of any, of at most max edges: a row a \
                  node, with the edge that leads to it. Of several the one whose nodes, then edges, come first by \
                  address and id; no row if there is none",
            arguments: &[X, Y, VERB, MAX],
            columns: PATH,
            class: Class::Relational(path::path_sql),
            kernel: Kernel::Read(path::path),
            ..Operation::DEFAULT
        },
        Operation {
            name: "PATHS",
            doc: "All shortest paths from x to y along outgoing edges, of a verb or of any, of at most max edges: a row a \
                  node of each, with the edge that leads to it; parallel edges make several paths",
            arguments: &[X, Y, VERB, MAX],
            columns: PATHS,
            class: Class::Relational(path::paths_sql),
            kernel: Kernel::Read(path::paths),
            ..Operation::DEFAULT
        },
        Operation {
            name: "EXPAND",
            doc: "The nodes that walks of min to max outgoing edges of a verb lead to from x, each with the least such \
                  number of edges: nearest first, then by address. A walk may take an edge twice, which a pattern of \
                  openCypher may not: from min 2 on that makes a difference where edges lead in a circle",
            arguments: &[
                X,
                Argument::new("verb", Kind::Verb),
                Argument::new("min", Kind::Integer(0, WALK_MAX)),
                Argument::new("max", Kind::Integer(0, WALK_MAX)),
            ],
            range: Range::Closed,
            columns: REACHED,
            class: Class::Relational(path::expand_sql),
            kernel: Kernel::Read(path::expand),
            ..Operation::DEFAULT
        },
        Operation {
            name: "DEGREE",
            doc: "How many edges, of a verb or of any, leave each node and lead to it, and the sum of both: most first, \
                  then by address, the first k if that is given",
            arguments: &[VERB, K],
            columns: DEGREE,
            class: Class::Relational(rank::degree_sql),
            kernel: Kernel::Read(rank::degree),
            ..Operation::DEFAULT
        },
        Operation {
            name: "PAGERANK",
            doc: "The PageRank of each node: where somebody is who goes along an outgoing edge, each as likely as any \
                  other, with the probability damping (0.85), and otherwise, or where none leaves, to any node; after \
                  so many iterations (100) from everywhere alike, fewer once they change less than 1e-12 together. The \
                  ranks add up to 1: highest first, then by address, the first k if that is given",
            source: "Page, Brin, Motwani & Winograd 1999",
            arguments: &[
                Argument::optional("damping", Kind::Float(0.0, 1.0)),
                Argument::optional("iterations", Kind::Integer(1, 1000)),
                K,
            ],
            columns: RANKED,
            class: Class::Other(
                "PowerIteration: until it is over or nothing changes\n  Scan: nodes and edges of the scope",
            ),
            kernel: Kernel::Read(rank::page_rank),
            ..Operation::DEFAULT
        },
        Operation {
            name: "COMPONENTS",
            doc: "The weakly connected component of each node: nodes are of one if edges lead from one to the other, \
                  whichever way. It is named after its member of least address: largest first, then by that, then by \
                  address, the first k rows if that is given",
            arguments: &[K],
            columns: COMPONENTS,
            class: Class::Relational(groups::components_sql),
            kernel: Kernel::Read(groups::components),
            ..Operation::DEFAULT
        },
        Operation {
            name: "COMMUNITIES",
            doc: "Communities by label propagation: every node begins with a label of its own, and takes, in an order \
                  that the seed (0) decides anew each round, a label that most of its edges lead to, whichever way, \
                  keeping its own if that is one of these, until none changes. A community is named after its member of \
                  least address: largest first, then by that, then by address, the first k rows if that is given",
            source: "Raghavan, Albert & Kumara 2007",
            arguments: &[Argument::optional("seed", Kind::Integer(0, i64::MAX)), K],
            columns: COMMUNITIES,
            class: Class::Other(
                "LabelPropagation: until no label changes\n  Shuffle: by seed\n    Scan: nodes and edges of the scope",
            ),
            kernel: Kernel::Read(groups::communities),
            ..Operation::DEFAULT
        },
        Operation {
            name: "TRIANGLES",
            doc: "How many triangles each node is a corner of, and its clustering coefficient: which share of the pairs \
                  of its neighbours are neighbours. Directions, parallel edges and loops do not count: most first, then \
                  by address, the first k if that is given",
            source: "Watts & Strogatz 1998",
            arguments: &[K],
            columns: TRIANGLES,
            class: Class::Relational(groups::triangles_sql),
            kernel: Kernel::Read(groups::triangles),
            ..Operation::DEFAULT
        },
    ],
};
