//! A client of Flight that costs little: streams a ticket, drops the bytes, and prints how many there were and the
//! seconds it took, once for each round.
//!
//! `flight_drain PORT TICKET ROUNDS`

use std::error::Error;
use std::time::Instant;

use arrow_flight::Ticket;
use arrow_flight::flight_service_client::FlightServiceClient;

/// Windows as large as a batch or several, as C++ clients have.
const WINDOW_BYTES: u32 = 64 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, port, ticket, rounds] = arguments.as_slice() else {
        return Err("expected PORT TICKET ROUNDS".into());
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(drain(port, ticket, rounds.parse()?))
}

async fn drain(port: &str, ticket: &str, rounds: u32) -> Result<(), Box<dyn Error>> {
    let endpoint = tonic::transport::Endpoint::new(format!("http://127.0.0.1:{port}"))?
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .tcp_nodelay(true);
    let channel = endpoint.connect().await?;
    let mut client = FlightServiceClient::new(channel).max_decoding_message_size(usize::MAX);
    for _ in 0..rounds {
        let begun = Instant::now();
        let mut stream = client
            .do_get(Ticket::new(ticket.to_owned()))
            .await?
            .into_inner();
        let mut bytes = 0;
        while let Some(message) = stream.message().await? {
            bytes += message.data_body.len();
        }
        println!("{bytes} {}", begun.elapsed().as_secs_f64());
    }
    Ok(())
}
