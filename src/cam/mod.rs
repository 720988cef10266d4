//! The instruction set: one table of operations, from which calls, plans, commands and documents are made.
//!
//! | file | holds |
//! |---|---|
//! | `table` | what an operation is, and the families of them |
//! | `method` | ids, names and modes |
//! | `arguments` | arguments as an operation declares them |
//! | `range` | ranges among them, which must hold something |
//! | `call` | a call whose arguments are read and whose operands are found; its pieces of SQL |
//! | `host` | where calls run, and what they read |
//! | `past` | the past as a call sees it |
//! | `dispatch` | a call from its id to its answer: scopes and forms, once for all operations |
//! | `in_sql` | methods as SQL calls them |
//! | `batch` | result tables |
//! | `statement` | statements of logic as arguments |
//! | `target` | what an id or a name calls, and how a space has it |
//! | `vocabulary` | families 0x07 and 0x08: verbs and concepts |
//! | `program` | family 0x0F: the user's programs |
//! | `provenance` | what is derived, and from what |
//! | `event` | values of variables as arguments |
//! | `aggregate` | figures of groups of rows as arguments |
//! | `surface` | methods and words as rows |
//! | `family` | the operations, a file a family |
//! | `reference` | `docs/cam.md` |
//! | `error` | what can go wrong |
//!
//! It calls query languages, reasoning and the engine, and knows no protocol.

mod aggregate;
mod arguments;
mod batch;
mod call;
mod dispatch;
mod error;
mod event;
mod family;
mod host;
mod in_sql;
mod method;
mod past;
mod program;
mod provenance;
mod range;
mod reference;
mod statement;
mod surface;
mod table;
mod target;
mod vocabulary;

pub use batch::is_address;
pub use call::{Call, Query, Value};
pub use dispatch::{Answer, Part, call, mode_of, part, prepare, read, run, within, write};
pub use error::CamError;
pub use host::{Host, Reading};
pub use in_sql::InSql;
pub use method::{Form, Method, Mode, Scope};
pub use range::Range;
pub use surface::methods_table;
pub use table::{
    Argument, Class, Column, ColumnKind, FAMILIES, Family, Kernel, Kind, Operation, Repeats,
};
pub use target::Called;
