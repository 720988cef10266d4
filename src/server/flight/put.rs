//! DoPut: record batches into nodes or edges, a whole stream as one commit or, with `mode=chunked`, each batch.
//!
//! The descriptor says where: a path such as `nodes` or `3/edges`, or a command `nodes` or `edges` behind options such
//! as `space=3;mode=chunked;`. An acknowledgement is JSON: `{"rows": 512, "version": 7}`, sent when that version is
//! durable under `--fsync`; of rows in one commit all are there or none.

use std::pin::Pin;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow_flight::error::FlightError as StreamError;
use arrow_flight::flight_descriptor::DescriptorType;
use arrow_flight::{FlightData, FlightDescriptor, PutResult};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::space::staging::Staging;
use serde_json::json;
use tonic::{Status, Streaming};

use super::error::FlightError;
use super::ingest::{self, Rows, Written};
use super::received::batches;
use super::ticket::options;
use super::{blocking, edges};
use crate::server::resp::server::Server;

/// Most bytes of a stream that is one commit: what a commit holds.
const STREAM_BYTES_MAX: usize = 1 << 30;

/// Where rows go, and in how many commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    table: Table,
    space: Option<String>,
    is_chunked: bool,
}

/// What rows become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    Nodes,
    Edges,
}

impl Table {
    fn of(name: &[u8]) -> Option<Self> {
        match name {
            b"nodes" => Some(Self::Nodes),
            b"edges" => Some(Self::Edges),
            _ => None,
        }
    }
}

impl Target {
    /// The target that a descriptor says.
    ///
    /// # Errors
    /// It says none.
    pub fn of(descriptor: &FlightDescriptor) -> Result<Self, FlightError> {
        let is_path = descriptor.r#type == DescriptorType::Path as i32;
        let of_path = |space: Option<&String>, table: &str| {
            Some(Self {
                table: Table::of(table.as_bytes())?,
                space: space.cloned(),
                is_chunked: false,
            })
        };
        let target = match (is_path, descriptor.path.as_slice()) {
            (true, [table]) => of_path(None, table),
            (true, [space, table]) => of_path(Some(space), table),
            (true, _) => None,
            (false, _) => Self::parse(&descriptor.cmd)?,
        };
        target.ok_or_else(|| {
            FlightError::bad(
                "expected the path nodes, edges, <space>/nodes or <space>/edges, or the command nodes or edges, \
                 behind space=<space>; or mode=chunked;",
            )
        })
    }

    /// The space, which is made if it is new.
    fn space(&self, server: &Server) -> Result<SpaceId, FlightError> {
        let label = self.space.as_deref();
        Ok(label.map_or(Ok(0), |label| server.engine.space(label))?)
    }

    /// Room to stage rows of the space in, which may be new.
    fn staging(&self, server: &Server) -> Result<Staging, FlightError> {
        let label = self.space.as_deref();
        let space = label.map_or(Ok(Some(0)), |label| server.engine.find_space(label))?;
        let staging = space.map(|space| server.engine.staging(space));
        Ok(staging.unwrap_or_default())
    }

    fn parse(command: &[u8]) -> Result<Option<Self>, FlightError> {
        let (options, rest) = options(command, &["space", "mode"])?;
        let (mut space, mut is_chunked) = (None, false);
        for (name, value) in options {
            match (name, &*value) {
                ("space", _) => space = Some(value),
                (_, "atomic") => is_chunked = false,
                (_, "chunked") => is_chunked = true,
                (_, other) => {
                    let message = format!("expected mode=atomic or mode=chunked, got '{other}'");
                    return Err(FlightError::bad(message));
                }
            }
        }
        let target = |table| Self {
            table,
            space,
            is_chunked,
        };
        Ok(Table::of(rest).map(target))
    }
}

/// The acknowledgements of a call.
pub type Acknowledgements = Pin<Box<dyn Stream<Item = Result<PutResult, Status>> + Send>>;

/// Writes what a client sends; `first` is its first message, which has the descriptor.
///
/// # Errors
/// The descriptor says no target.
pub fn put(
    server: Arc<Server>,
    target: Target,
    first: FlightData,
    rest: Streaming<FlightData>,
) -> Acknowledgements {
    let batches = batches(first, rest);
    match target.is_chunked {
        true => Box::pin(batches.map_err(FlightError::from).then(move |batch| {
            let (server, target) = (Arc::clone(&server), target.clone());
            async move { Ok(write(server, target, vec![batch?]).await?) }
        })),
        false => Box::pin(futures::stream::once(async move {
            Ok(match target.table {
                Table::Nodes => stage_and_write(server, target, batches).await?,
                Table::Edges => write(server, target, collect(batches).await?).await?,
            })
        })),
    }
}

/// Writes a stream as one commit of nodes. While a batch is received, the one before is staged.
async fn stage_and_write(
    server: Arc<Server>,
    target: Target,
    batches: impl Stream<Item = Result<RecordBatch, StreamError>>,
) -> Result<PutResult, FlightError> {
    let mut batches = std::pin::pin!(bounded(batches));
    let mut rows = Rows::new(target.staging(&server)?);
    let mut received = batches.try_next().await?;
    while let Some(batch) = received {
        let staged = blocking(move || {
            rows.add(batch)?;
            Ok(rows)
        });
        let (next, staged) = futures::future::join(batches.try_next(), staged).await;
        (received, rows) = (next?, staged?);
    }
    let written = blocking(move || {
        let space = target.space(&server)?;
        ingest::write_rows(&server, space, rows)
    });
    Ok(acknowledgement(written.await?))
}

async fn write(
    server: Arc<Server>,
    target: Target,
    batches: Vec<RecordBatch>,
) -> Result<PutResult, FlightError> {
    let written = blocking(move || {
        let space = target.space(&server)?;
        match target.table {
            Table::Nodes => ingest::write(&server, space, &batches),
            Table::Edges => edges::write(&server, space, &batches),
        }
    });
    Ok(acknowledgement(written.await?))
}

fn acknowledgement(Written { rows, version }: Written) -> PutResult {
    let metadata = json!({ "rows": rows, "version": version }).to_string();
    PutResult {
        app_metadata: metadata.into(),
    }
}

/// All batches of a stream.
///
/// # Errors
/// It is no stream of batches, ends early, or is too large for one commit.
pub async fn collect(
    batches: impl Stream<Item = Result<RecordBatch, StreamError>>,
) -> Result<Vec<RecordBatch>, FlightError> {
    bounded(batches).try_collect().await
}

/// The batches of a stream that is one commit.
fn bounded(
    batches: impl Stream<Item = Result<RecordBatch, StreamError>>,
) -> impl Stream<Item = Result<RecordBatch, FlightError>> {
    let mut bytes = 0;
    batches.map(move |batch| {
        let batch = batch?;
        bytes += bytes_of(&batch);
        match bytes <= STREAM_BYTES_MAX {
            true => Ok(batch),
            false => {
                let message = format!(
                    "a stream that is one commit has at most {STREAM_BYTES_MAX} bytes; send it with mode=chunked"
                );
                Err(FlightError::new("TOOLARGE", message))
            }
        }
    })
}

/// Bytes of a batch's rows, of buffers that are shared with others the part that it uses.
pub fn bytes_of(batch: &RecordBatch) -> usize {
    let sizes = batch.columns().iter().map(|column| {
        let size = column.to_data().get_slice_memory_size();
        size.unwrap_or_else(|_| column.get_array_memory_size())
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_command(command: &str) -> Result<Target, String> {
        let descriptor = FlightDescriptor::new_cmd(command.as_bytes().to_vec());
        Target::of(&descriptor).map_err(|error| error.message)
    }

    #[test]
    fn columns_that_share_a_message_count_what_they_use_of_it() {
        use arrow::array::UInt64Array;
        use arrow::buffer::{Buffer, ScalarBuffer};
        let message = Buffer::from_vec(vec![7_u64; 1000]);
        let column = |first: usize| -> Arc<dyn Array> {
            Arc::new(UInt64Array::new(
                ScalarBuffer::new(message.clone(), first, 100),
                None,
            ))
        };
        let batch = RecordBatch::try_from_iter([("a", column(0)), ("b", column(500))]);
        assert_eq!(bytes_of(&batch.expect("a batch")), 2 * 100 * 8);
    }

    #[test]
    fn a_target_is_a_path_or_a_command() {
        let first = Target {
            table: Table::Nodes,
            space: None,
            is_chunked: false,
        };
        let third = Target {
            table: Table::Nodes,
            space: Some("3".into()),
            is_chunked: true,
        };
        let of_path = |path: &[&str]| {
            let path = path.iter().map(ToString::to_string).collect();
            Target::of(&FlightDescriptor::new_path(path))
        };
        assert_eq!(of_path(&["nodes"]), Ok(first.clone()));
        assert_eq!(
            of_path(&["3", "nodes"]).unwrap().space.as_deref(),
            Some("3")
        );
        assert_eq!(of_path(&["edges"]).unwrap().table, Table::Edges);
        assert_eq!(of_command("space=3;edges").unwrap().table, Table::Edges);
        assert!(of_path(&["verbs"]).is_err() && of_path(&["1", "2", "nodes"]).is_err());
        assert_eq!(of_command("nodes"), Ok(first.clone()));
        assert_eq!(of_command("mode=atomic;nodes"), Ok(first));
        assert_eq!(of_command("space=3;mode=chunked;nodes"), Ok(third));
        for (command, message) in [
            ("", "expected the path nodes"),
            ("verbs", "expected the path nodes"),
            (
                "mode=fast;nodes",
                "expected mode=atomic or mode=chunked, got 'fast'",
            ),
            ("modes=fast;nodes", "expected space= or mode="),
        ] {
            let error = of_command(command).unwrap_err();
            assert!(error.contains(message), "{command}: {error}");
        }
    }
}
