//! The calls of Flight: each is let in, understood, and handed to its room.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow_flight::flight_descriptor::DescriptorType;
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::sql::{Command, CommandStatementQuery};
use arrow_flight::{
    Action, ActionType, BasicAuth, Criteria, Empty, FlightData, FlightDescriptor, FlightEndpoint,
    FlightInfo, HandshakeRequest, HandshakeResponse, PollInfo, PutResult, Result as ActionResult,
    SchemaResult, Ticket as TicketMessage,
};
use futures::{Stream as FutureStream, StreamExt as _, TryStreamExt as _};
use ladybug_engine::commit::transaction::SpaceId;
use prost::Message as _;
use tokio::time::{Instant, timeout_at};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service as HttpService, http};
use tonic::metadata::MetadataMap;
use tonic::server::NamedService;
use tonic::{Request, Response, Status, Streaming};

use super::access::{self, Form, Tokens};
use super::error::FlightError;
use super::get::{self, Opened};
use super::listener::Peer;
use super::put::{self, Target};
use super::sql::{self, FlightSql};
use super::stream::Stream;
use super::ticket::{Ticket, What};
use super::underway::Underway;
use super::{actions, blocking, cypher, exchange, ipc};
use crate::server::resp::server::Server;

/// What every space has as a flight of its own.
const FLIGHTS: [What; 3] = [What::All, What::Edges, What::Surface];
/// Header of the password, and of the token that is given for it.
const AUTHORIZATION: &str = "authorization";
/// Header that says in which space Flight SQL's statements run, and its transactions begin.
const SPACE_HEADER: &str = "x-ladybug-space";

type Streamed<T> = Pin<Box<dyn FutureStream<Item = Result<T, Status>> + Send>>;

/// The calls.
pub struct Service {
    server: Arc<Server>,
    tokens: Tokens,
    sql: FlightSql,
    underway: Arc<Underway>,
}

impl Service {
    /// The calls behind their paths, with streams of batches sent as they are in memory.
    pub fn routed(server: Arc<Server>) -> Routed {
        let message_bytes_max = server.settings.request_bytes_max;
        let underway = Arc::new(Underway::default());
        let service = Self {
            server: Arc::clone(&server),
            tokens: access::tokens(),
            sql: FlightSql::new(Arc::clone(&server), Arc::clone(&underway)),
            underway,
        };
        Routed {
            calls: FlightServiceServer::new(service)
                .max_decoding_message_size(message_bytes_max)
                .max_encoding_message_size(usize::MAX),
            server,
        }
    }

    /// Whether a call may be made, and in which form it wants answers.
    fn admit<T>(&self, request: &Request<T>) -> Result<Form, FlightError> {
        if self.server.is_stopping() {
            return Err(FlightError::new("STOPPING", "the server is stopping"));
        }
        access::admit(
            &self.server,
            &self.tokens,
            peer(request),
            request.metadata(),
        )
    }

    /// The space of Flight SQL's calls.
    fn space<T>(&self, request: &Request<T>) -> Result<SpaceId, FlightError> {
        let label = request
            .metadata()
            .get(SPACE_HEADER)
            .map(|label| label.to_str());
        let label = label.transpose().map_err(|_| {
            FlightError::bad(format!("expected {SPACE_HEADER} to be a space, in ASCII"))
        })?;
        get::space(&self.server.engine, label)
    }

    /// The stream of a ticket that may be one of Flight SQL.
    async fn stream(&self, ticket: &[u8], peer: Option<Peer>) -> Result<Stream, FlightError> {
        match sql::command(ticket)? {
            Some(command) => self.sql.get(command).await,
            None => self.open(Ticket::parse(ticket)?, peer).await,
        }
    }

    /// The stream of a ticket.
    async fn open(&self, ticket: Ticket, peer: Option<Peer>) -> Result<Stream, FlightError> {
        match ticket.what {
            What::Sql(statement) => {
                let space = get::space(&self.server.engine, ticket.space.as_deref())?;
                return self.sql.run(&statement, space).await;
            }
            What::Cypher(statement) => {
                let (server, space) = (Arc::clone(&self.server), ticket.space);
                let batch =
                    blocking(move || cypher::answer(server, peer, space.as_deref(), &statement));
                let batch = batch.await?;
                let schema = batch.schema();
                return Ok(Stream::of_batches(
                    schema,
                    Box::new(std::iter::once(Ok(batch))),
                ));
            }
            _ => {}
        }
        let engine = Arc::clone(&self.server.engine);
        let Opened { schema, batches } = blocking(move || get::open(&engine, &ticket)).await?;
        Ok(Stream::of_batches(schema, batches))
    }

    /// The columns of a ticket's stream; `None` if they show only once a statement has run that changes something.
    async fn schema(
        &self,
        ticket: &Ticket,
        peer: Option<Peer>,
    ) -> Result<Option<SchemaRef>, FlightError> {
        let space = get::space(&self.server.engine, ticket.space.as_deref())?;
        match &ticket.what {
            What::Sql(statement) => self.sql.schema(&query(statement), space).await.map(Some),
            What::Cypher(statement) => {
                let (server, space) = (Arc::clone(&self.server), ticket.space.clone());
                let statement = statement.clone();
                blocking(move || cypher::schema(server, peer, space.as_deref(), &statement)).await
            }
            _ => get::schema(ticket).map(Some),
        }
    }

    async fn info(
        &self,
        ticket: &Ticket,
        descriptor: FlightDescriptor,
        peer: Option<Peer>,
    ) -> Result<FlightInfo, FlightError> {
        let schema = match self.schema(ticket, peer).await? {
            Some(schema) => ipc::schema_message(&schema)?,
            None => Default::default(),
        };
        let (engine, counted) = (Arc::clone(&self.server.engine), ticket.clone());
        let rows = blocking(move || get::rows(&engine, &counted)).await?;
        let endpoint = FlightEndpoint::new()
            .with_ticket(TicketMessage::new(ticket.opaque(self.underway.serial())));
        let rows = rows.and_then(|rows| i64::try_from(rows).ok()).unwrap_or(-1);
        Ok(FlightInfo {
            schema,
            flight_descriptor: Some(descriptor),
            endpoint: vec![endpoint],
            total_records: rows,
            total_bytes: -1,
            ordered: true,
            app_metadata: Default::default(),
        })
    }
}

/// The message of a statement.
fn query(statement: &str) -> Command {
    Command::CommandStatementQuery(CommandStatementQuery {
        query: statement.to_owned(),
        transaction_id: None,
    })
}

fn peer<T>(request: &Request<T>) -> Option<Peer> {
    request.extensions().get::<Peer>().copied()
}

/// The ticket that a descriptor stands for: its command, or its path, whose last part is the ticket and whose first
/// of two is the space.
fn ticket_of(descriptor: &FlightDescriptor) -> Result<Ticket, FlightError> {
    if descriptor.r#type != DescriptorType::Path as i32 {
        return Ticket::parse(&descriptor.cmd);
    }
    match descriptor.path.as_slice() {
        [what] => Ticket::parse(what.as_bytes()),
        [space, what] => {
            let mut ticket = Ticket::parse(what.as_bytes())?;
            ticket.space = Some(space.clone());
            Ok(ticket)
        }
        other => {
            let message =
                format!("expected a path of a ticket, or a space and a ticket, got {other:?}");
            Err(FlightError::bad(message))
        }
    }
}

/// When a call must be over, if it says so: `grpc-timeout` is up to eight digits and a unit.
fn deadline(headers: &http::HeaderMap) -> Option<Instant> {
    let value = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    let count: u64 = digits.parse().ok()?;
    let duration = match unit {
        "H" => Duration::from_secs(count.checked_mul(3600)?),
        "M" => Duration::from_secs(count.checked_mul(60)?),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    };
    Instant::now().checked_add(duration)
}

/// A stream that ends with an error when its deadline passes.
fn until<T: Send + 'static>(deadline: Option<Instant>, stream: Streamed<T>) -> Streamed<T> {
    let Some(deadline) = deadline else {
        return stream;
    };
    Box::pin(futures::stream::unfold(
        Some(stream),
        move |stream| async move {
            let mut stream = stream?;
            match timeout_at(deadline, stream.next()).await {
                Ok(item) => item.map(|item| (item, Some(stream))),
                Err(_) => {
                    let error =
                        FlightError::new("DEADLINE", "the call's deadline passed before it ended");
                    Some((Err(error.into()), None))
                }
            }
        },
    ))
}

fn deadline_of(metadata: &MetadataMap) -> Option<Instant> {
    deadline(&metadata.clone().into_headers())
}

/// The first message of a stream, which says what it is about.
async fn first_of(messages: &mut Streaming<FlightData>) -> Result<FlightData, FlightError> {
    let first = messages.message().await;
    let first = first.map_err(|status| {
        FlightError::from(arrow_flight::error::FlightError::Tonic(Box::new(status)))
    })?;
    first.ok_or_else(|| {
        FlightError::bad("expected a descriptor in the first message, got no message")
    })
}

#[tonic::async_trait]
impl FlightService for Service {
    type HandshakeStream = Streamed<HandshakeResponse>;
    type ListFlightsStream = Streamed<FlightInfo>;
    // What is sent is the stream that is attached to the response.
    type DoGetStream = futures::stream::Empty<Result<FlightData, Status>>;
    type DoPutStream = Streamed<PutResult>;
    type DoActionStream = Streamed<ActionResult>;
    type ListActionsStream = Streamed<ActionType>;
    type DoExchangeStream = futures::stream::Empty<Result<FlightData, Status>>;

    /// Gives a token for the password of the header or of the payload, which also stands for the form of answers that
    /// the call asks for.
    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let form = access::form(request.metadata())?.unwrap_or_default();
        let peer = peer(&request);
        let header = request.metadata().get(AUTHORIZATION);
        let mut given = header.and_then(|value| crate::server::password::given(value.as_bytes()));
        let mut version = 0;
        if given.is_none()
            && let Some(message) = request.into_inner().message().await?
        {
            version = message.protocol_version;
            let payload = BasicAuth::decode(message.payload).map_err(|_| {
                FlightError::bad(
                    "expected a payload of BasicAuth, or a header authorization: Basic",
                )
            })?;
            given = Some(payload.password.into_bytes()).filter(|password| !password.is_empty());
        }
        access::check_password(&self.server, peer, given.as_deref())?;
        let token = self.tokens.insert(form).map_err(|error| {
            FlightError::new(
                "INTERNAL",
                format!("the system has no random numbers: {error}"),
            )
        })?;
        let answer = HandshakeResponse {
            protocol_version: version,
            payload: token.clone().into(),
        };
        let answers: Self::HandshakeStream = Box::pin(futures::stream::iter([Ok(answer)]));
        let mut response = Response::new(answers);
        let bearer = format!("Bearer {token}").parse();
        let bearer = bearer.expect("invariant: a token is ASCII");
        response.metadata_mut().insert(AUTHORIZATION, bearer);
        Ok(response)
    }

    async fn list_flights(
        &self,
        request: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        self.admit(&request)?;
        let peer = peer(&request);
        let wanted = String::from_utf8(request.into_inner().expression.to_vec())
            .map_err(|_| FlightError::bad("expected a space as criteria, in UTF-8"))?;
        let engine = &self.server.engine;
        let spaces = match &*wanted {
            "" => engine.spaces(),
            label => vec![get::space(engine, Some(label))?],
        };
        let mut flights = Vec::new();
        for space in spaces {
            let label = engine.space_label(space);
            for what in FLIGHTS {
                let ticket = Ticket {
                    space: Some(label.clone()),
                    ..Ticket::of(what)
                };
                let what =
                    String::from_utf8_lossy(&Ticket::of(ticket.what.clone()).text()).into_owned();
                let descriptor = FlightDescriptor::new_path(vec![label.clone(), what]);
                let info = self.info(&ticket, descriptor, peer).await;
                flights.push(info.map_err(Status::from));
            }
        }
        Ok(Response::new(Box::pin(futures::stream::iter(flights))))
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.admit(&request)?;
        let (space, peer) = (self.space(&request)?, peer(&request));
        let descriptor = request.into_inner();
        let info = match sql::command(&descriptor.cmd)? {
            Some(command) => self.sql.info(command, descriptor, space).await?,
            None => {
                self.info(&ticket_of(&descriptor)?, descriptor, peer)
                    .await?
            }
        };
        Ok(Response::new(info))
    }

    async fn poll_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        let info = self.get_flight_info(request).await?.into_inner();
        // Streams are made as they are read: there is nothing to wait for.
        Ok(Response::new(PollInfo::new().with_info(info)))
    }

    async fn get_schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        self.admit(&request)?;
        let (space, peer) = (self.space(&request)?, peer(&request));
        let descriptor = request.into_inner();
        let schema = match sql::command(&descriptor.cmd)? {
            Some(command) => self.sql.schema(&command, space).await?,
            None => {
                let schema = self.schema(&ticket_of(&descriptor)?, peer).await?;
                schema.ok_or_else(|| {
                    FlightError::new(
                        "UNSUPPORTED",
                        "the columns of what a Cypher statement answers that changes something are known once it has run: get it",
                    )
                })?
            }
        };
        let schema = ipc::schema_message(&schema).map_err(FlightError::from)?;
        Ok(Response::new(SchemaResult { schema }))
    }

    async fn do_get(
        &self,
        request: Request<TicketMessage>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        self.admit(&request)?;
        let peer = peer(&request);
        let ticket = request.into_inner().ticket;
        let entry = self.underway.enter(ticket.clone());
        let stream = entry.unless_cancelled(self.stream(&ticket, peer)).await?;
        Ok(stream
            .cancelled_with(entry)
            .attach(futures::stream::empty()))
    }

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        self.admit(&request)?;
        let deadline = deadline_of(request.metadata());
        let space = self.space(&request)?;
        let mut messages = request.into_inner();
        let first = first_of(&mut messages).await?;
        let descriptor = first.flight_descriptor.clone().unwrap_or_default();
        if let Some(command) = sql::command(&descriptor.cmd)? {
            let result = self.sql.put(command, first, messages, space).await?;
            return Ok(Response::new(Box::pin(futures::stream::iter([Ok(result)]))));
        }
        let target = Target::of(&descriptor)?;
        let acknowledgements = put::put(Arc::clone(&self.server), target, first, messages);
        Ok(Response::new(until(deadline, acknowledgements)))
    }

    async fn do_exchange(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        self.admit(&request)?;
        let mut messages = request.into_inner();
        let first = first_of(&mut messages).await?;
        let command = first.flight_descriptor.clone().unwrap_or_default().cmd;
        let stream = exchange::exchange(Arc::clone(&self.server), &command, first, messages)?;
        Ok(stream.attach(futures::stream::empty()))
    }

    async fn do_action(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        let form = self.admit(&request)?;
        let (server, peer) = (Arc::clone(&self.server), peer(&request));
        let space = self.space(&request)?;
        let Action { r#type, body } = request.into_inner();
        if let Some(body) = self.sql.action(&r#type, &body, space).await? {
            // An empty result is none.
            let result = (!body.is_empty()).then(|| Ok(ActionResult { body: body.into() }));
            return Ok(Response::new(Box::pin(futures::stream::iter(result))));
        }
        let begin = move || actions::begin(&server, peer, &r#type, &body, form)?.next();
        let Some((first, running)) = blocking(begin).await? else {
            return Ok(Response::new(Box::pin(futures::stream::empty())));
        };
        // Each is made when the one before was taken.
        let rest = futures::stream::try_unfold(running, |running| blocking(move || running.next()));
        let results = futures::stream::iter([Ok(first)]).chain(rest);
        let results = results
            .map_ok(|body| ActionResult { body: body.into() })
            .map_err(Status::from);
        Ok(Response::new(Box::pin(results)))
    }

    async fn list_actions(
        &self,
        request: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        self.admit(&request)?;
        let ours = actions::ACTIONS
            .iter()
            .map(|action| (action.name, action.description()));
        let of_sql = sql::ACTIONS
            .iter()
            .map(|(name, text)| (*name, (*text).to_owned()));
        let actions = ours.chain(of_sql).map(|(name, description)| {
            Ok(ActionType {
                r#type: name.to_owned(),
                description,
            })
        });
        Ok(Response::new(Box::pin(futures::stream::iter(
            actions.collect::<Vec<_>>(),
        ))))
    }
}

/// The calls behind their paths.
#[derive(Clone)]
pub struct Routed {
    calls: FlightServiceServer<Service>,
    server: Arc<Server>,
}

impl NamedService for Routed {
    const NAME: &'static str = <FlightServiceServer<Service> as NamedService>::NAME;
}

impl HttpService<http::Request<Body>> for Routed {
    type Response = http::Response<Body>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        HttpService::<http::Request<Body>>::poll_ready(&mut self.calls, context)
    }

    /// Answers a call. Where its response has a stream of batches, that is its body: gRPC's encoder would copy it.
    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let deadline = deadline(request.headers());
        let server = Arc::clone(&self.server);
        let answered = self.calls.call(request);
        Box::pin(async move {
            let mut response = answered.await?;
            Ok(match response.extensions_mut().remove::<Stream>() {
                Some(stream) => response.map(|_| Body::new(stream.into_body(&server, deadline))),
                None => response,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_read_in_every_unit() {
        let wait = |value: &str| {
            let mut headers = http::HeaderMap::new();
            headers.insert("grpc-timeout", value.parse().expect("a header"));
            deadline(&headers).map(|at| at.saturating_duration_since(Instant::now()))
        };
        for (value, seconds) in [
            ("2H", 7200),
            ("3M", 180),
            ("4S", 4),
            ("5000m", 5),
            ("6000000u", 6),
        ] {
            let wait = wait(value).expect("a deadline").as_secs_f64();
            assert!((wait - f64::from(seconds)).abs() < 1.0, "{value}: {wait}");
        }
        for other in ["", "5", "S", "5x", "é"] {
            assert_eq!(wait(other), None, "{other}");
        }
    }

    #[test]
    fn a_descriptor_is_a_ticket() {
        let path = |path: &[&str]| {
            ticket_of(&FlightDescriptor::new_path(
                path.iter().map(ToString::to_string).collect(),
            ))
        };
        assert_eq!(path(&["nodes"]), Ok(Ticket::of(What::Nodes)));
        let there = path(&["what-if", "edges"]).expect("a ticket");
        assert_eq!(
            (there.space.as_deref(), there.what),
            (Some("what-if"), What::Edges)
        );
        assert!(path(&[]).is_err() && path(&["a", "b", "c"]).is_err());
        let command = FlightDescriptor::new_cmd("space=3;all");
        assert_eq!(
            ticket_of(&command).expect("a ticket").space.as_deref(),
            Some("3")
        );
    }
}
