//! 0x01 SQL: relational algebra.
//!
//! | file | holds |
//! |---|---|
//! | `language` | statements |
//! | `source` | columns of a scope's rows, as they are in memory |
//! | `choose` | rows that a condition, or an edge, chooses |
//! | `columns` | columns, each set of values once, rows in an order |
//! | `group` | figures of groups |
//! | `window` | ranks within partitions |

mod choose;
mod columns;
mod group;
mod language;
mod source;
mod window;

use ladybug_engine::space::address::ADDRESSES;

use super::super::table::{Argument, Class, Column, ColumnKind, Family, Kernel, Kind, Operation};

const VERB: Argument = Argument::new("verb", Kind::Verb);
const COLUMNS: Argument = Argument::new("columns", Kind::Columns);
const P1: Argument = Argument::new("p1", Kind::Predicate);
const P2: Argument = Argument::new("p2", Kind::Predicate);

const ID: Column = Column::nullable("id", ColumnKind::Count);
const ADDRESS: Column = Column::new("address", ColumnKind::Address);
const NAMED: Column = Column::nullable("name", ColumnKind::Text);
const FINGERPRINT: Column = Column::new("fingerprint", ColumnKind::Fingerprint);

const ROWS: &[Column] = &[ID, ADDRESS, NAMED, FINGERPRINT];
const PLAN: &[Column] = &[
    Column::new("plan_type", ColumnKind::Text),
    Column::new("plan", ColumnKind::Text),
];
const DONE: &[Column] = &[
    Column::new("statement", ColumnKind::Text),
    Column::new("rows", ColumnKind::Count),
];
const JOINED: &[Column] = &[
    Column::new("edge", ColumnKind::Count),
    Column::new("source", ColumnKind::Address),
    Column::nullable("source_name", ColumnKind::Text),
    Column::new("verb", ColumnKind::Text),
    Column::new("target", ColumnKind::Address),
    Column::nullable("target_name", ColumnKind::Text),
    Column::new("weight", ColumnKind::Float),
    Column::new("frequency", ColumnKind::Float),
    Column::new("confidence", ColumnKind::Float),
];
const WINDOW: &[Column] = &[
    ID,
    ADDRESS,
    NAMED,
    Column::new("value", ColumnKind::Count),
    FINGERPRINT,
];
const SCHEMA: &[Column] = &[
    Column::new("table", ColumnKind::Text),
    Column::new("column", ColumnKind::Text),
    Column::new("type", ColumnKind::Text),
    Column::new("nullable", ColumnKind::Boolean),
];

/// Functions of WINDOW.
const FUNCTIONS: &[&str] = &["row_number", "rank", "dense_rank"];

/// The family.
pub static FAMILY: Family = Family {
    prefix: 0x01,
    name: "SQL",
    doc: "Relational algebra over the rows of a scope, and statements of SQL. Columns are those of the table nodes; words \
          of the surface have id, address, name and fingerprint of them",
    operations: &[
        Operation {
            name: "QUERY",
            doc: "The rows of a query in SQL. In a scope the tables nodes and edges have what is of it; where a name \
                  says the space or a version, too, all is there",
            arguments: &[Argument::new("sql", Kind::Text)],
            class: Class::Other(
                "Collect: within the bounds of rows, bytes and time\n  Query: its plan is what EXPLAIN says",
            ),
            kernel: Kernel::Read(language::query),
            ..Operation::DEFAULT
        },
        Operation {
            name: "EXECUTE",
            doc: "Runs INSERT, UPDATE, DELETE or TRUNCATE in one commit, and answers how many rows it has changed. It has \
                  no scope but all",
            arguments: &[Argument::new("dml", Kind::Text)],
            columns: DONE,
            is_single: true,
            class: Class::Write(|call| call.text(0).to_owned()),
            kernel: Kernel::Act(language::execute),
            ..Operation::DEFAULT
        },
        Operation {
            name: "EXPLAIN",
            doc: "The plans of a query in SQL, as QUERY would run it",
            arguments: &[Argument::new("sql", Kind::Text)],
            columns: PLAN,
            class: Class::Other("Explain\n  Query: planned, not run"),
            kernel: Kernel::Read(language::explain),
            ..Operation::DEFAULT
        },
        Operation {
            name: "SELECT",
            doc: "The rows for which a condition holds, by address",
            source: "Selection: Codd 1970",
            arguments: &[Argument::new("predicate", Kind::Predicate)],
            columns: ROWS,
            class: Class::Relational(choose::select_sql),
            kernel: Kernel::Read(choose::select),
            ..Operation::DEFAULT
        },
        Operation {
            name: "PROJECT",
            doc: "Some columns of all rows, by address; * is all that the scope has",
            source: "Projection: Codd 1970",
            arguments: &[COLUMNS],
            class: Class::Relational(columns::project_sql),
            kernel: Kernel::Read(columns::project),
            ..Operation::DEFAULT
        },
        Operation {
            name: "DISTINCT",
            doc: "Every set of values that columns have, once, in their order: nothing comes last",
            arguments: &[COLUMNS],
            class: Class::Relational(columns::distinct_sql),
            kernel: Kernel::Read(columns::distinct),
            ..Operation::DEFAULT
        },
        Operation {
            name: "SORT",
            doc: "The rows in the order of columns, each with DESC behind it or not, then by address; at most so many. \
                  Nothing comes last, with DESC first",
            arguments: &[
                Argument::new("columns", Kind::Order),
                Argument::optional("limit", Kind::Integer(0, ADDRESSES as i64)),
            ],
            columns: ROWS,
            class: Class::Relational(columns::sort_sql),
            kernel: Kernel::Read(columns::sort),
            ..Operation::DEFAULT
        },
        Operation {
            name: "GROUP",
            doc: "Figures of the rows that have the same values in columns, in the order of those; * is one group of all. \
                  A figure is count(*), count, sum, avg, min or max of a column, all but counts of numbers",
            arguments: &[COLUMNS, Argument::new("aggregates", Kind::Aggregates)],
            class: Class::Relational(group::sql),
            kernel: Kernel::Read(group::rows),
            ..Operation::DEFAULT
        },
        Operation {
            name: "JOIN",
            doc: "The edges of a verb, or with * of any, with the nodes at their ends, by id",
            source: "Join: Codd 1970",
            arguments: &[VERB],
            columns: JOINED,
            class: Class::Relational(choose::join_sql),
            kernel: Kernel::Read(choose::join),
            ..Operation::DEFAULT
        },
        Operation {
            name: "SEMIJOIN",
            doc: "The rows that an edge of a verb, or with * of any, leaves, by address",
            arguments: &[VERB],
            columns: ROWS,
            class: Class::Relational(|call| choose::linked_sql(call, "EXISTS")),
            kernel: Kernel::Read(|call, reading| choose::linked(call, reading, true)),
            ..Operation::DEFAULT
        },
        Operation {
            name: "ANTIJOIN",
            doc: "The rows that no edge of a verb, or with * of any, leaves, by address",
            arguments: &[VERB],
            columns: ROWS,
            class: Class::Relational(|call| choose::linked_sql(call, "NOT EXISTS")),
            kernel: Kernel::Read(|call, reading| choose::linked(call, reading, false)),
            ..Operation::DEFAULT
        },
        Operation {
            name: "UNION",
            doc: "The rows for which one of two conditions holds, or both, by address",
            source: "Union: Codd 1970",
            arguments: &[P1, P2],
            columns: ROWS,
            class: Class::Relational(|call| choose::both_sql(call, "UNION")),
            kernel: Kernel::Read(|call, reading| choose::both(call, reading, |a, b| a | b)),
            ..Operation::DEFAULT
        },
        Operation {
            name: "INTERSECT",
            doc: "The rows for which both of two conditions hold, by address",
            source: "Intersection: Codd 1970",
            arguments: &[P1, P2],
            columns: ROWS,
            class: Class::Relational(|call| choose::both_sql(call, "INTERSECT")),
            kernel: Kernel::Read(|call, reading| choose::both(call, reading, |a, b| a & b)),
            ..Operation::DEFAULT
        },
        Operation {
            name: "EXCEPT",
            doc: "The rows for which the first of two conditions holds, and not the second, by address",
            source: "Difference: Codd 1970",
            arguments: &[P1, P2],
            columns: ROWS,
            class: Class::Relational(|call| choose::both_sql(call, "EXCEPT")),
            kernel: Kernel::Read(|call, reading| choose::both(call, reading, |a, b| a & !b)),
            ..Operation::DEFAULT
        },
        Operation {
            name: "WINDOW",
            doc: "The place of each row within its partition, the rows with the same values in columns, or with * all: \
                  row_number counts in the order of columns, then by address, rank gives equal ones the first place of \
                  them, dense_rank leaves no place out. By address",
            arguments: &[
                Argument::new("function", Kind::Word(FUNCTIONS)),
                Argument::new("partition", Kind::Columns),
                Argument::new("order", Kind::Order),
            ],
            columns: WINDOW,
            class: Class::Relational(window::sql),
            kernel: Kernel::Read(window::rows),
            ..Operation::DEFAULT
        },
        Operation {
            name: "SCHEMA",
            doc: "The columns of the tables nodes and edges, in their order, with the types that Arrow has for them",
            columns: SCHEMA,
            is_scoped: false,
            class: Class::Other("Schema: of nodes and edges"),
            kernel: Kernel::Read(language::schema),
            ..Operation::DEFAULT
        },
    ],
};
