//! A client of Flight that costs as little as one can: streams a ticket, drops the bytes as HTTP/2 brings them, and prints
//! how many there were and the seconds they took, once for each round.
//!
//! `flight_drain PORT TICKET FRAME_BYTES ROUNDS`: 16,384 bytes a frame is what a client takes that says nothing of it.

use std::error::Error;
use std::time::Instant;

use arrow_flight::Ticket;
use bytes::{BufMut as _, BytesMut};
use h2::client::SendRequest;
use http::Request;
use prost::Message as _;
use tokio::net::TcpStream;

/// Windows as large as a batch or several, as C++ clients have.
const WINDOW_BYTES: u32 = 64 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, port, ticket, frame_bytes, rounds] = arguments.as_slice() else {
        return Err("expected PORT TICKET FRAME_BYTES ROUNDS".into());
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let authority = format!("127.0.0.1:{port}");
    runtime.block_on(async {
        let socket = TcpStream::connect(&authority).await?;
        socket.set_nodelay(true)?;
        let (mut server, connection) = h2::client::Builder::new()
            .initial_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .max_frame_size(frame_bytes.parse()?)
            .handshake(socket)
            .await?;
        tokio::spawn(connection);
        for _ in 0..rounds.parse()? {
            server = server.ready().await?;
            let begun = Instant::now();
            let bytes = drain(&mut server, &authority, ticket).await?;
            println!("{bytes} {}", begun.elapsed().as_secs_f64());
        }
        Ok(())
    })
}

/// Streams a ticket; answers its bytes.
async fn drain(
    server: &mut SendRequest<BytesMut>,
    authority: &str,
    ticket: &str,
) -> Result<usize, Box<dyn Error>> {
    let method = "arrow.flight.protocol.FlightService/DoGet";
    let request = Request::post(format!("http://{authority}/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())?;
    let (response, mut call) = server.send_request(request, false)?;
    let ticket = Ticket::new(ticket.to_owned());
    let mut message = BytesMut::new();
    // Not compressed, and how long it is.
    message.put_u8(0);
    message.put_u32(u32::try_from(ticket.encoded_len())?);
    ticket.encode(&mut message)?;
    call.send_data(message, true)?;

    let mut body = response.await?.into_body();
    let mut total = 0;
    while let Some(bytes) = body.data().await {
        let bytes = bytes?.len();
        total += bytes;
        body.flow_control().release_capacity(bytes)?;
    }
    let trailers = body.trailers().await?;
    let status = trailers
        .as_ref()
        .and_then(|trailers| trailers.get("grpc-status"));
    match status {
        Some(status) if status == "0" => Ok(total),
        other => Err(format!("expected grpc-status 0, got {other:?}").into()),
    }
}
