//! Actions: short calls with a body and an answer. One table has each action's name, parameters, results,
//! documentation and function side by side; DoAction, ListActions and `docs/flight.md` read that.
//!
//! | file | holds |
//! |---|---|
//! | `body` | bodies and answers, in Arrow IPC or JSON |
//! | `calls` | parameters' values, and commands executed for a call |
//! | `cam` | `cam` |
//! | `vectors` | `encode`, `hamming`, `xor_bind`, `resonate` |
//! | `graph` | `bind`, `unbind`, `link` |
//! | `memory` | `read`, `write`, `stats`, `checkpoint`, `fork`, `command` |

mod body;
pub mod calls;
mod cam;
mod graph;
mod memory;
mod vectors;

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use ladybug_engine::space::schema::fingerprint_type;

use super::access::Form;
use super::error::FlightError;
use super::listener::Peer;
use crate::server::resp::server::Server;
use calls::{Call, Caller};

/// An action.
pub struct Action {
    /// Its name.
    pub name: &'static str,
    /// What it does: one or more sentences, the last without a full stop.
    pub summary: &'static str,
    /// What a call may say.
    pub parameters: Parameters,
    /// The columns of the answer; none where a call decides, and has a result of its own.
    pub results: fn() -> Vec<Field>,
    run: Run,
}

/// An action's function.
enum Run {
    /// Executes all calls of a body.
    All(fn(&mut Caller, &RecordBatch) -> Result<RecordBatch, FlightError>),
    /// Executes one.
    Each(fn(&mut Caller, Call<'_>) -> Result<RecordBatch, FlightError>),
}

/// The parameters of an action.
pub enum Parameters {
    /// These.
    These(&'static [Parameter]),
    /// The columns of a node, and `space`.
    OfNode,
}

/// A parameter.
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it can be.
    pub kind: Kind,
    /// Whether a call must say it.
    pub is_needed: bool,
    /// What it means.
    pub summary: &'static str,
}

/// What a parameter can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Bytes, text among them.
    Bytes,
    /// Text.
    Text,
    /// A whole number.
    Number,
    /// A number.
    Float,
    /// True or false.
    Flag,
    /// A list of bytes.
    BytesList,
    /// A list of 32-bit floats.
    FloatList,
}

impl Kind {
    fn data_type(self) -> DataType {
        let list = |item| DataType::List(Arc::new(Field::new_list_field(item, true)));
        match self {
            Self::Bytes => DataType::Binary,
            Self::Text => DataType::Utf8,
            Self::Number => DataType::UInt64,
            Self::Float => DataType::Float64,
            Self::Flag => DataType::Boolean,
            Self::BytesList => list(DataType::Binary),
            Self::FloatList => list(DataType::Float32),
        }
    }
}

/// A parameter that a call must say.
const fn needed(name: &'static str, kind: Kind, summary: &'static str) -> Parameter {
    Parameter {
        name,
        kind,
        is_needed: true,
        summary,
    }
}

/// A parameter that a call may say.
const fn optional(name: &'static str, kind: Kind, summary: &'static str) -> Parameter {
    Parameter {
        is_needed: false,
        ..needed(name, kind, summary)
    }
}

/// The space of a call.
const SPACE: Parameter = optional(
    "space",
    Kind::Text,
    "the space, by number or name; 0 unless given",
);

/// The actions, by name.
pub static ACTIONS: &[Action] = &[
    graph::BIND,
    cam::CAM,
    memory::CHECKPOINT,
    memory::COMMAND,
    vectors::ENCODE,
    memory::FORK,
    vectors::HAMMING,
    graph::LINK,
    memory::READ,
    vectors::RESONATE,
    memory::STATS,
    graph::UNBIND,
    memory::WRITE,
    vectors::XOR_BIND,
];

impl Action {
    /// The action of a name.
    pub fn find(name: &str) -> Option<&'static Self> {
        ACTIONS.iter().find(|action| action.name == name)
    }

    /// The columns of a body.
    pub fn body_schema(&self) -> SchemaRef {
        let fields = match &self.parameters {
            Parameters::These(parameters) => {
                let field = |parameter: &Parameter| {
                    let data_type = parameter.kind.data_type();
                    Field::new(parameter.name, data_type, !parameter.is_needed)
                };
                parameters.iter().map(field).collect()
            }
            Parameters::OfNode => memory::writable_fields(),
        };
        Arc::new(Schema::new(fields))
    }

    /// What ListActions says: what it does, and the columns of body and answer.
    pub fn description(&self) -> String {
        let mut text = format!("{}.\n", self.summary);
        let mut columns = |title: &str, fields: &[Field]| {
            let columns: Vec<_> = fields.iter().map(column).collect();
            writeln!(text, "{title}: {}", columns.join(", "))
                .expect("invariant: writing to a string succeeds");
        };
        let body = self.body_schema();
        let body: Vec<_> = body
            .fields()
            .iter()
            .map(|field| (**field).clone())
            .collect();
        columns("body", &body);
        match &(self.results)()[..] {
            [] => {
                writeln!(text, "answer: {DECIDED}")
                    .expect("invariant: writing to a string succeeds");
            }
            fields => columns("answer", fields),
        }
        text
    }
}

/// What descriptions say of columns that a call decides.
pub const DECIDED: &str = "a result for each call, in the columns that its method answers";

/// A column as descriptions write it; `?` may be null, or absent in a body.
pub fn column(field: &Field) -> String {
    let mark = if field.is_nullable() { "?" } else { "" };
    format!("{}{mark} {}", field.name(), type_name(field.data_type()))
}

/// A type as descriptions write it.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::List(item) => format!("list<{}>", type_name(item.data_type())),
        DataType::FixedSizeList(item, size) => {
            format!("fixed_size_list<{}, {size}>", type_name(item.data_type()))
        }
        DataType::FixedSizeBinary(width) => format!("fixed_size_binary({width})"),
        DataType::Dictionary(_, values) => format!("dictionary<{}>", type_name(values)),
        DataType::Timestamp(_, _) => "timestamp(us)".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}

/// An action under way.
pub struct Running {
    action: &'static Action,
    caller: Caller,
    calls: RecordBatch,
    /// The call that is next.
    next: usize,
    form: Form,
}

/// Begins an action: nothing of it is executed yet.
///
/// # Errors
/// There is no such action, or its body is not as it was expected.
pub fn begin(
    server: &Arc<Server>,
    peer: Option<Peer>,
    name: &str,
    body: &Bytes,
    form: Form,
) -> Result<Running, FlightError> {
    let action = Action::find(name).ok_or_else(|| {
        let names: Vec<_> = ACTIONS.iter().map(|action| action.name).collect();
        let message = format!("no such action '{name}'; there are {}", names.join(", "));
        FlightError::new("UNSUPPORTED", message)
    })?;
    Ok(Running {
        action,
        calls: body::decode(body, &action.body_schema())?,
        caller: Caller::new(Arc::clone(server), peer)?,
        next: 0,
        form,
    })
}

impl Running {
    /// Executes what the next result answers: its body, and what is left; none once all is done. Blocks.
    ///
    /// # Errors
    /// What it does is refused; calls whose results came before stay done.
    pub fn next(mut self) -> Result<Option<(Vec<u8>, Self)>, FlightError> {
        let is_over = match self.action.run {
            Run::All(_) => self.next > 0,
            Run::Each(_) => self.next >= self.calls.num_rows(),
        };
        if is_over {
            return Ok(None);
        }
        let row = self.next;
        self.next += 1;
        let answer = match self.action.run {
            Run::All(run) => run(&mut self.caller, &self.calls)?,
            Run::Each(run) => {
                let calls = &self.calls;
                run(&mut self.caller, Call { calls, row })?
            }
        };
        Ok(Some((body::encode(&answer, self.form)?, self)))
    }
}

/// The column of a fingerprint in an answer.
fn fingerprint_field() -> Field {
    Field::new("fingerprint", fingerprint_type(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_consistent() {
        assert!(ACTIONS.is_sorted_by_key(|action| action.name));
        for action in ACTIONS {
            let Action { name, summary, .. } = action;
            assert!(!summary.is_empty() && !summary.ends_with('.'), "{name}");
            let is_decided = matches!(action.run, Run::Each(_));
            assert_eq!((action.results)().is_empty(), is_decided, "{name}");
            assert!(
                action.body_schema().index_of("space").is_ok() || *name == "stats",
                "{name}"
            );
            let description = action.description();
            assert!(description.contains("body: ") && description.contains("answer: "));
        }
        assert!(Action::find("encode").is_some() && Action::find("ENCODE").is_none());
    }

    #[test]
    fn columns_are_described_with_their_types() {
        let described = |name: &str| Action::find(name).expect("an action").description();
        assert!(described("encode").contains("answer: fingerprint fixed_size_binary(1280)"));
        assert!(described("hamming").contains("body: a binary, b binary, space? utf8"));
        assert!(described("read").contains("qualia fixed_size_list<float32, 8>"));
    }
}
