//! Parses arbitrary bytes as a ticket: nothing panics, and what is one says the same when it is written and read
//! again, in both forms.

use ladybug::server::flight::ticket::Ticket;

/// Runs one input. Panics if a promise is broken.
pub fn run(data: &[u8]) {
    let Ok(ticket) = Ticket::parse(data) else {
        return;
    };
    let text = ticket.text();
    assert_eq!(Ticket::parse(&text).as_ref(), Ok(&ticket));
    assert_eq!(Ticket::parse(&ticket.opaque(7)), Ok(ticket));
}
