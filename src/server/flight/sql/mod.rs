//! Flight SQL: statements, prepared or not, changes, transactions, and what there is to query.
//!
//! | file | holds |
//! |---|---|
//! | `statements` | statements on their way to the SQL engine, and their rows back |
//! | `metadata` | catalogs, schemas, tables, keys, and what this server is |
//! | `types` | the types of columns, for drivers of ODBC and JDBC |
//!
//! A statement runs when its stream is asked for; FlightInfo has its columns, and a ticket that says all of it. What
//! drivers prepare is kept for them.

mod metadata;
mod statements;
mod types;

use arrow::datatypes::SchemaRef;
use arrow_flight::sql::{
    ActionBeginTransactionRequest, ActionBeginTransactionResult, ActionCancelQueryRequest,
    ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult,
    ActionEndTransactionRequest, Any, Command, DoPutPreparedStatementResult, DoPutUpdateResult,
    EndTransaction, ProstMessageExt, TicketStatementQuery,
};
use arrow_flight::{
    CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightData, FlightDescriptor,
    FlightEndpoint, FlightInfo, PutResult, Ticket as TicketMessage,
};
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::{TransactionId, TransactionOptions};
use prost::Message as _;
use tonic::Streaming;

use super::error::FlightError;
use super::stream::{Outgoing, Stream};
use super::{ipc, put, received};
pub use statements::FlightSql;
use statements::Text;

/// How a packed Flight SQL message begins: the tag of its type's field, which begins no ticket.
const PACKED: u8 = 0x0A;
/// What the types of Flight SQL's messages begin with.
const TYPES: &str = "type.googleapis.com/arrow.flight.protocol.sql.";

/// The actions of Flight SQL that there are, and what they do.
pub const ACTIONS: [(&str, &str); 6] = [
    (
        "CreatePreparedStatement",
        "Keeps a statement for later.\nRequest: ActionCreatePreparedStatementRequest\n\
         Response: ActionCreatePreparedStatementResult",
    ),
    (
        "ClosePreparedStatement",
        "Forgets a statement.\nRequest: ActionClosePreparedStatementRequest\nResponse: none",
    ),
    (
        "BeginTransaction",
        "Begins a serializable transaction of one space.\nRequest: ActionBeginTransactionRequest\n\
         Response: ActionBeginTransactionResult",
    ),
    (
        "EndTransaction",
        "Commits a transaction or rolls it back.\nRequest: ActionEndTransactionRequest\nResponse: none",
    ),
    (
        "CancelFlightInfo",
        "Ends the streams of a FlightInfo that are under way.\nRequest: CancelFlightInfoRequest\n\
         Response: CancelFlightInfoResult",
    ),
    (
        "CancelQuery",
        "Does what CancelFlightInfo does, for older drivers.\nRequest: ActionCancelQueryRequest\n\
         Response: ActionCancelQueryResult",
    ),
];

/// The Flight SQL message in a descriptor's command or a ticket, if it is one.
///
/// # Errors
/// It says that it is one, and cannot be read.
pub fn command(bytes: &[u8]) -> Result<Option<Command>, FlightError> {
    if bytes.first() != Some(&PACKED) {
        return Ok(None);
    }
    let packed = Any::decode(bytes)
        .ok()
        .filter(|any| any.type_url.starts_with(TYPES));
    let Some(packed) = packed else {
        return Err(FlightError::bad(
            "expected a message of Flight SQL, or a ticket in text",
        ));
    };
    match Command::try_from(packed)? {
        Command::Unknown(any) => Err(unsupported(&any.type_url)),
        command => Ok(Some(command)),
    }
}

fn unsupported(what: &str) -> FlightError {
    let message = format!(
        "{} is not served here; statements in SQL, prepared or not, and catalogs, schemas, tables, keys and SQL info are",
        what.strip_prefix(TYPES).unwrap_or(what)
    );
    FlightError::new("UNSUPPORTED", message)
}

/// The transaction of a name.
///
/// # Errors
/// It is over, or never was.
fn transaction(name: Option<&[u8]>) -> Result<Option<TransactionId>, FlightError> {
    let name = name.filter(|name| !name.is_empty());
    let parse = |name: &[u8]| Ok(String::from_utf8_lossy(name).parse::<TransactionId>()?);
    name.map(parse).transpose()
}

impl FlightSql {
    /// The columns of what a command answers.
    ///
    /// # Errors
    /// The command is wrong, or not served.
    pub async fn schema(
        &self,
        command: &Command,
        space: SpaceId,
    ) -> Result<SchemaRef, FlightError> {
        match command {
            Command::CommandStatementQuery(query) => {
                let text = Text::new(&query.query, query.transaction_id.as_deref(), space);
                Ok(self.prepare(&text).await?.schema)
            }
            Command::CommandPreparedStatementQuery(query) => {
                let text = self.statement(&query.prepared_statement_handle)?.text;
                Ok(self.prepare(&text).await?.schema)
            }
            command => Ok(self.metadata(command)?.schema()),
        }
    }

    /// What GetFlightInfo answers.
    ///
    /// # Errors
    /// The command is wrong, or not served.
    pub async fn info(
        &self,
        command: Command,
        descriptor: FlightDescriptor,
        space: SpaceId,
    ) -> Result<FlightInfo, FlightError> {
        let schema = self.schema(&command, space).await?;
        let ticket = match &command {
            Command::CommandStatementQuery(query) => {
                let text = Text::new(&query.query, query.transaction_id.as_deref(), space);
                let ticket = TicketStatementQuery {
                    statement_handle: text.of_call(self.underway.serial()).to_bytes().into(),
                };
                ticket.as_any().encode_to_vec().into()
            }
            _ => descriptor.cmd.clone(),
        };
        let endpoint = FlightEndpoint::new().with_ticket(TicketMessage { ticket });
        Ok(FlightInfo {
            schema: ipc::schema_message(&schema)?,
            flight_descriptor: Some(descriptor),
            endpoint: vec![endpoint],
            total_records: -1,
            total_bytes: -1,
            ordered: true,
            app_metadata: Default::default(),
        })
    }

    /// The stream of a ticket.
    ///
    /// # Errors
    /// The statement is wrong or refused, or the ticket is none.
    pub async fn get(&self, command: Command) -> Result<Stream, FlightError> {
        match command {
            Command::TicketStatementQuery(ticket) => {
                let text = Text::of_bytes(&ticket.statement_handle)?;
                self.rows(&text, Vec::new()).await
            }
            Command::CommandPreparedStatementQuery(query) => {
                let statement = self.statement(&query.prepared_statement_handle)?;
                self.rows(&statement.text, statement.only_row()?).await
            }
            command => {
                let batch = self.metadata(&command)?;
                let schema = batch.schema();
                let made = futures::stream::iter([Ok(Outgoing::of(batch))]);
                Ok(Stream::of_task(schema, Box::pin(made)))
            }
        }
    }

    /// The stream of a statement of no transaction.
    ///
    /// # Errors
    /// It is wrong or refused.
    pub async fn run(&self, statement: &str, space: SpaceId) -> Result<Stream, FlightError> {
        self.rows(&Text::new(statement, None, space), Vec::new())
            .await
    }

    /// Does what DoPut's first message says with the batches that follow.
    ///
    /// # Errors
    /// The statement is wrong or refused, or the batches are not what it takes.
    pub async fn put(
        &self,
        command: Command,
        first: FlightData,
        rest: Streaming<FlightData>,
        space: SpaceId,
    ) -> Result<PutResult, FlightError> {
        let batches = put::collect(received::batches(first, rest)).await?;
        let rows = match command {
            Command::CommandStatementUpdate(update) => {
                let text = Text::new(&update.query, update.transaction_id.as_deref(), space);
                self.update(&text, &batches).await?
            }
            Command::CommandPreparedStatementUpdate(update) => {
                let statement = self.statement(&update.prepared_statement_handle)?;
                let batches = match batches.is_empty() {
                    true => statement.parameters,
                    false => batches,
                };
                self.update(&statement.text, &batches).await?
            }
            Command::CommandPreparedStatementQuery(query) => {
                let handle = query.prepared_statement_handle;
                self.bind(&handle, batches)?;
                let result = DoPutPreparedStatementResult {
                    prepared_statement_handle: Some(handle),
                };
                return Ok(PutResult {
                    app_metadata: result.encode_to_vec().into(),
                });
            }
            Command::CommandStatementIngest(ingest) => self.ingest(ingest, batches, space).await?,
            other => return Err(unsupported(other.type_url())),
        };
        let result = DoPutUpdateResult {
            record_count: i64::try_from(rows).unwrap_or(-1),
        };
        Ok(PutResult {
            app_metadata: result.encode_to_vec().into(),
        })
    }

    /// Executes one of [`ACTIONS`]; answers the body of its result, if it has one. `None` for other actions.
    ///
    /// # Errors
    /// The body is not the action's, or what it does is refused.
    pub async fn action(
        &self,
        name: &str,
        body: &[u8],
        space: SpaceId,
    ) -> Result<Option<Vec<u8>>, FlightError> {
        match name {
            "CreatePreparedStatement" => {
                let request: ActionCreatePreparedStatementRequest = unpack(body)?;
                let text = Text::new(&request.query, request.transaction_id.as_deref(), space);
                let (handle, prepared) = self.keep(text).await?;
                let result = ActionCreatePreparedStatementResult {
                    prepared_statement_handle: handle.into(),
                    dataset_schema: match prepared.is_update {
                        true => Default::default(),
                        false => ipc::schema_message(&prepared.schema)?,
                    },
                    parameter_schema: ipc::schema_message(&statements::parameter_schema(
                        &prepared,
                    ))?,
                };
                Ok(Some(result.as_any().encode_to_vec()))
            }
            "ClosePreparedStatement" => {
                let request: ActionClosePreparedStatementRequest = unpack(body)?;
                self.close(&request.prepared_statement_handle);
                Ok(Some(Vec::new()))
            }
            "BeginTransaction" => {
                let _: ActionBeginTransactionRequest = unpack(body)?;
                let id = self.engine().begin(space, TransactionOptions::default())?;
                let result = ActionBeginTransactionResult {
                    transaction_id: id.to_string().into(),
                };
                Ok(Some(result.as_any().encode_to_vec()))
            }
            "EndTransaction" => {
                let request: ActionEndTransactionRequest = unpack(body)?;
                let id = transaction(Some(&request.transaction_id))?;
                let id = id.ok_or_else(|| FlightError::bad("expected the id of a transaction"))?;
                match EndTransaction::try_from(request.action) {
                    Ok(EndTransaction::Commit) => self.commit(id).await?,
                    Ok(EndTransaction::Rollback) => self.engine().abort_transaction(id)?,
                    _ => return Err(FlightError::bad("expected to commit or to roll back")),
                }
                Ok(Some(Vec::new()))
            }
            "CancelFlightInfo" => {
                let request = CancelFlightInfoRequest::decode(body)
                    .map_err(|_| FlightError::bad("expected a body of CancelFlightInfoRequest"))?;
                let status = self.cancel(request.info.unwrap_or_default())?;
                Ok(Some(CancelFlightInfoResult::new(status).encode_to_vec()))
            }
            "CancelQuery" => {
                let request: ActionCancelQueryRequest = unpack(body)?;
                let info = FlightInfo::decode(request.info)
                    .map_err(|_| FlightError::bad("expected a FlightInfo to cancel"))?;
                let result = ActionCancelQueryResult {
                    // Numbered as those of CancelFlightInfo.
                    result: self.cancel(info)? as i32,
                };
                Ok(Some(result.as_any().encode_to_vec()))
            }
            "CreatePreparedSubstraitPlan"
            | "BeginSavepoint"
            | "EndSavepoint"
            | "RenewFlightEndpoint" => Err(unsupported(name)),
            _ => Ok(None),
        }
    }

    /// Ends the streams of a FlightInfo, if any are under way.
    fn cancel(&self, info: FlightInfo) -> Result<CancelStatus, FlightError> {
        if info.endpoint.is_empty() {
            let message = "expected a FlightInfo with its endpoint, to cancel it";
            return Err(FlightError::bad(message));
        }
        let mut status = CancelStatus::NotCancellable;
        for ticket in info
            .endpoint
            .iter()
            .filter_map(|endpoint| endpoint.ticket.as_ref())
        {
            if self.underway.cancel(&ticket.ticket) {
                status = CancelStatus::Cancelled;
            }
        }
        Ok(status)
    }
}

/// The message of an action's body.
fn unpack<M: ProstMessageExt>(body: &[u8]) -> Result<M, FlightError> {
    let message = Any::decode(body)
        .ok()
        .and_then(|any| any.unpack().ok().flatten());
    message.ok_or_else(|| {
        let name = M::type_url().strip_prefix(TYPES).unwrap_or_default();
        FlightError::bad(format!("expected a body of {name}"))
    })
}

#[cfg(test)]
mod tests {
    use arrow_flight::sql::{CommandGetCatalogs, CommandStatementQuery};

    use super::*;

    #[test]
    fn a_message_is_told_from_a_ticket() {
        let packed = CommandGetCatalogs {}.as_any().encode_to_vec();
        assert!(matches!(
            command(&packed),
            Ok(Some(Command::CommandGetCatalogs(_)))
        ));
        for ticket in [&b"all"[..], b"", &[0xF5, b'L', b'B', 1]] {
            assert_eq!(command(ticket), Ok(None));
        }
        for wrong in [&b"\n"[..], b"\x0a\xff", b"\nnodes"] {
            assert!(command(wrong).is_err());
        }
        let unknown = Any {
            type_url: format!("{TYPES}CommandOfTomorrow"),
            value: Default::default(),
        };
        let error = command(&unknown.encode_to_vec()).expect_err("a refusal");
        assert!(
            error.message.starts_with("CommandOfTomorrow is not served"),
            "{error}"
        );
    }

    #[test]
    fn a_statement_survives_its_ticket() {
        let query = CommandStatementQuery {
            query: "SELECT '\"\n'".into(),
            transaction_id: Some("1-2".into()),
        };
        let text = Text::new(&query.query, query.transaction_id.as_deref(), 7).of_call(3);
        assert_eq!(Text::of_bytes(&text.to_bytes()), Ok(text));
        assert!(Text::of_bytes(b"{}").is_err());
        assert!(transaction(Some(b"x")).is_err());
        assert_eq!(transaction(Some(b"")), Ok(None));
    }
}
