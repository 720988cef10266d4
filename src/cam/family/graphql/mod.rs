//! 0x03 GRAPHQL: documents, the types that they are about, and what they read as rows.
//!
//! | file | holds |
//! |---|---|
//! | `document` | documents, through the engine of GraphQL |
//! | `schema` | types |
//! | `node` | a node, whole |
//! | `connection` | pages of rows with their cursors |
//! | `figures` | figures of kinds |

mod connection;
mod document;
mod figures;
mod node;
mod schema;

use ladybug_engine::space::address::ADDRESSES;

use super::super::table::{Argument, Class, Column, ColumnKind, Family, Kernel, Kind, Operation};

const DOC: Argument = Argument::new("doc", Kind::Text);
const VARIABLES: Argument = Argument::optional("variables", Kind::Text);
const X: Argument = Argument::new("x", Kind::Node);
const FIRST: Argument = Argument::optional("first", Kind::Integer(0, ADDRESSES as i64));
const AFTER: Argument = Argument::optional("after", Kind::Cursor);

const ID: Column = Column::nullable("id", ColumnKind::Count);
const ADDRESS: Column = Column::new("address", ColumnKind::Address);
const NAMED: Column = Column::nullable("name", ColumnKind::Text);
const FINGERPRINT: Column = Column::new("fingerprint", ColumnKind::Fingerprint);
const CURSOR: Column = Column::new("cursor", ColumnKind::Text);
const HAS_NEXT: Column = Column::new("has_next", ColumnKind::Boolean);
const DESCRIPTION: Column = Column::nullable("description", ColumnKind::Text);

/// The response to a document that was executed.
const RESPONSE: &[Column] = &[
    Column::new("data", ColumnKind::Text),
    Column::nullable("errors", ColumnKind::Text),
];
const SCHEMA: &[Column] = &[Column::new("schema", ColumnKind::Text)];
const WRONG: &[Column] = &[
    Column::new("message", ColumnKind::Text),
    Column::nullable("line", ColumnKind::Count),
    Column::nullable("column", ColumnKind::Count),
];
const PLANNED: &[Column] = &[
    Column::new("operation", ColumnKind::Text),
    NAMED,
    Column::new("complexity", ColumnKind::Count),
    Column::new("complexity_max", ColumnKind::Count),
    Column::new("depth", ColumnKind::Count),
    Column::new("depth_max", ColumnKind::Count),
    Column::new("page_max", ColumnKind::Count),
    Column::new("rows_max", ColumnKind::Count),
    Column::new("bytes_max", ColumnKind::Count),
    Column::nullable("timeout_ms", ColumnKind::Count),
    Column::new("fields", ColumnKind::Texts),
];
const TYPES: &[Column] = &[
    Column::new("type", ColumnKind::Text),
    Column::new("category", ColumnKind::Text),
    Column::nullable("kind", ColumnKind::Text),
    Column::new("fields", ColumnKind::Count),
    DESCRIPTION,
];
const FIELDS: &[Column] = &[
    Column::new("field", ColumnKind::Text),
    Column::nullable("type", ColumnKind::Text),
    Column::new("arguments", ColumnKind::Text),
    DESCRIPTION,
];
const NODE: &[Column] = &[
    ID,
    ADDRESS,
    Column::new("zone", ColumnKind::Text),
    NAMED,
    Column::nullable("kinds", ColumnKind::Texts),
    Column::nullable("value", ColumnKind::Bytes),
    Column::nullable("fields", ColumnKind::Text),
    Column::nullable("frequency", ColumnKind::Float),
    Column::nullable("confidence", ColumnKind::Float),
    Column::nullable("rung", ColumnKind::Count),
    Column::nullable("depth", ColumnKind::Count),
    Column::nullable("parent", ColumnKind::Count),
    Column::nullable("version", ColumnKind::Count),
    Column::nullable("created", ColumnKind::Time),
    Column::nullable("expires", ColumnKind::Time),
    FINGERPRINT,
];
const NODES: &[Column] = &[CURSOR, ID, ADDRESS, NAMED, HAS_NEXT, FINGERPRINT];
const EDGES: &[Column] = &[
    CURSOR,
    Column::new("edge", ColumnKind::Count),
    Column::new("verb", ColumnKind::Text),
    Column::new("target", ColumnKind::Count),
    Column::new("target_address", ColumnKind::Address),
    Column::nullable("target_name", ColumnKind::Text),
    Column::new("weight", ColumnKind::Float),
    Column::new("frequency", ColumnKind::Float),
    Column::new("confidence", ColumnKind::Float),
    HAS_NEXT,
];
const HITS: &[Column] = &[
    CURSOR,
    ID,
    ADDRESS,
    NAMED,
    Column::new("distance", ColumnKind::Distance),
    Column::new("similarity", ColumnKind::Float),
    Column::new("z", ColumnKind::Float),
    FINGERPRINT,
];
const CHILDREN: &[Column] = &[CURSOR, ID, ADDRESS, NAMED, FINGERPRINT];
const ANCESTORS: &[Column] = &[
    CURSOR,
    ID,
    ADDRESS,
    NAMED,
    Column::new("steps", ColumnKind::Count),
    FINGERPRINT,
];
const FIGURES: &[Column] = &[
    Column::new("nodes", ColumnKind::Count),
    Column::new("count", ColumnKind::Count),
    Column::new("distinct", ColumnKind::Count),
    Column::new("numbers", ColumnKind::Count),
    Column::nullable("sum", ColumnKind::Float),
    Column::nullable("avg", ColumnKind::Float),
    Column::nullable("min", ColumnKind::Float),
    Column::nullable("max", ColumnKind::Float),
];
const COUNTS: &[Column] = &[
    Column::nullable("kind", ColumnKind::Text),
    Column::new("count", ColumnKind::Count),
];

/// The family.
pub static FAMILY: Family = Family {
    prefix: 0x03,
    name: "GRAPHQL",
    doc: "GraphQL: documents, the types that they are about, and as rows what they read, pages with the cursors that \
          GraphQL's own connections have. What a document may cost is bounded as everywhere; one that is refused, or of \
          which nothing is left, is an error with its line and column",
    operations: &[
        Operation {
            name: "QUERY",
            doc: "Executes a GraphQL query document, with variables given as a JSON object, and answers its data as JSON; \
                  fields that failed are null there, and errors says why. In a scope other nodes are not there, nor edges \
                  that have an end among them. A mutation is refused before anything is read",
            source: "GraphQL, October 2021",
            arguments: &[DOC, VARIABLES],
            columns: RESPONSE,
            is_single: true,
            class: Class::Other(
                "Execute: field by field, within the limits of a document\n  Validate: in the types of the space\n    \
                 Parse: the document\n  Scan: nodes and edges of the scope, at one moment",
            ),
            kernel: Kernel::Read(document::query),
            ..Operation::DEFAULT
        },
        Operation {
            name: "MUTATION",
            doc: "Executes a GraphQL mutation document, with variables given as a JSON object, and answers its data as \
                  JSON. It is one commit; if a field fails nothing is changed. A query is refused, and it has no scope but \
                  all",
            source: "GraphQL, October 2021",
            arguments: &[DOC, VARIABLES],
            columns: RESPONSE,
            is_single: true,
            class: Class::Write(document::command),
            kernel: Kernel::Act(document::mutation),
            ..Operation::DEFAULT
        },
        Operation {
            name: "SCHEMA",
            doc: "The schema of the space, printed in GraphQL's schema definition language (SDL)",
            source: "GraphQL, October 2021",
            columns: SCHEMA,
            is_scoped: false,
            is_single: true,
            class: Class::Other("Print\n  Types: those of every space, and one for each kind"),
            kernel: Kernel::Read(schema::sdl),
            ..Operation::DEFAULT
        },
        Operation {
            name: "VALIDATE",
            doc: "Checks a GraphQL document without running it: its errors, a row each with line and column; no row if it \
                  is valid",
            source: "GraphQL, October 2021",
            arguments: &[DOC],
            columns: WRONG,
            is_scoped: false,
            class: Class::Other("Validate: in the types of the space\n  Parse: the document"),
            kernel: Kernel::Read(document::validate),
            ..Operation::DEFAULT
        },
        Operation {
            name: "EXPLAIN",
            doc: "What a GraphQL document would do, a row an operation: query or mutation, how many fields (its complexity) \
                  and how deep, the limits of both and of pages, rows, bytes and time, and each field with path, arguments \
                  and type. Nothing is run",
            arguments: &[DOC],
            columns: PLANNED,
            is_scoped: false,
            class: Class::Other(
                "Spread: fragments into fields\n  Validate: in the types of the space\n    Parse: the document",
            ),
            kernel: Kernel::Read(document::explain),
            ..Operation::DEFAULT
        },
        Operation {
            name: "TYPES",
            doc: "The GraphQL types of the space by name, without those that GraphQL itself has: what each is, the kind whose \
                  nodes it shows, and how many fields it has",
            columns: TYPES,
            is_scoped: false,
            class: Class::Other(
                "Sort: by name\n  Types: those of every space, and one for each kind",
            ),
            kernel: Kernel::Read(schema::types),
            ..Operation::DEFAULT
        },
        Operation {
            name: "FIELDS",
            doc: "Which fields a GraphQL type has, in their order, each with its type and arguments; the parts of an input, \
                  the items of an enumeration",
            arguments: &[Argument::new("type", Kind::Text)],
            columns: FIELDS,
            is_scoped: false,
            class: Class::Other(
                "Find: by name\n  Types: those of every space, and one for each kind",
            ),
            kernel: Kernel::Read(schema::fields),
            ..Operation::DEFAULT
        },
        Operation {
            name: "NODE",
            doc: "A node with all that GraphQL's Node has of it alone; a word of the surface has address, name and \
                  fingerprint",
            arguments: &[X],
            columns: NODE,
            is_single: true,
            class: Class::Relational(node::sql),
            kernel: Kernel::Read(node::node),
            ..Operation::DEFAULT
        },
        Operation {
            name: "NODES",
            doc: "The connection of all nodes: the first so many (100) after a cursor, by address, each with its own cursor \
                  and whether another follows",
            source: "GraphQL Cursor Connections (Relay)",
            arguments: &[FIRST, AFTER],
            columns: NODES,
            class: Class::Relational(connection::nodes_sql),
            kernel: Kernel::Read(connection::nodes),
            ..Operation::DEFAULT
        },
        Operation {
            name: "EDGES",
            doc: "The connection of the edges that leave a node: the first so many (100) after a cursor, by id, each with its \
                  own cursor and whether another follows",
            source: "GraphQL Cursor Connections (Relay)",
            arguments: &[X, FIRST, AFTER],
            columns: EDGES,
            class: Class::Relational(connection::edges_sql),
            kernel: Kernel::Read(connection::edges),
            ..Operation::DEFAULT
        },
        Operation {
            name: "SEARCH",
            doc: "The connection of a GraphQL search: the first so many (10) that are nearest to something, nearest first, \
                  then by address, each with its cursor",
            source: "GraphQL Cursor Connections (Relay)",
            arguments: &[Argument::new("q", Kind::Query), FIRST],
            columns: HITS,
            class: Class::Relational(connection::search_sql),
            kernel: Kernel::Read(connection::search),
            ..Operation::DEFAULT
        },
        Operation {
            name: "CHILDREN",
            doc: "The children of a node in the tree, by address, each with its cursor",
            arguments: &[X],
            columns: CHILDREN,
            class: Class::Relational(connection::children_sql),
            kernel: Kernel::Read(connection::children),
            ..Operation::DEFAULT
        },
        Operation {
            name: "ANCESTORS",
            doc: "The ancestors of a node in the tree: its parent, that one's parent and so on up to the root, nearest first, \
                  each with its cursor and how many steps it is above",
            arguments: &[X],
            columns: ANCESTORS,
            class: Class::Relational(connection::ancestors_sql),
            kernel: Kernel::Read(connection::ancestors),
            ..Operation::DEFAULT
        },
        Operation {
            name: "AGGREGATE",
            doc: "Figures of a field of the nodes of a kind: how many such nodes there are, how many of them have the field, \
                  with how many distinct values, how many of those values are numbers, also in text, and sum, average, least \
                  and greatest of these",
            arguments: &[
                Argument::new("kind", Kind::Text),
                Argument::new("field", Kind::Text),
            ],
            columns: FIGURES,
            is_single: true,
            class: Class::Relational(figures::aggregate_sql),
            kernel: Kernel::Read(figures::aggregate),
            ..Operation::DEFAULT
        },
        Operation {
            name: "COUNTS",
            doc: "How many nodes there are of each kind, most first, then by name of the kind; a node of several kinds counts \
                  for each, and those of none have a row without a kind",
            columns: COUNTS,
            class: Class::Relational(figures::counts_sql),
            kernel: Kernel::Read(figures::counts),
            ..Operation::DEFAULT
        },
        Operation {
            name: "INTROSPECT",
            doc: "GraphQL's introspection of the space as JSON: what the usual introspection query of clients and tools \
                  answers",
            source: "GraphQL, October 2021",
            columns: SCHEMA,
            is_scoped: false,
            is_single: true,
            class: Class::Other(
                "Execute: the introspection query\n  Types: those of every space, and one for each kind",
            ),
            kernel: Kernel::Read(schema::introspect),
            ..Operation::DEFAULT
        },
    ],
};
