//! Parses arbitrary bytes as requests: nothing panics, limits hold, every request consumes
//! something, and cutting the bytes up changes nothing.
//!
//! The first byte chooses the length of the pieces and whether the client has authenticated.

use ladybug::server::resp::request::{
    Limits, Progress, ProtocolError, RequestParser, UNAUTHENTICATED_ARGUMENTS_MAX,
};

const LIMITS: Limits = Limits {
    arguments_max: 16,
    argument_bytes_max: 256,
    request_bytes_max: 1024,
};

type Outcome = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>);

/// Runs one input. Panics if a promise is broken.
pub fn run(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else {
        return;
    };
    let is_authenticated = choice >= 0x80;
    let piece = usize::from(choice & 0x7f).max(1);
    let whole = parse(bytes, bytes.len().max(1), is_authenticated);
    let cut = parse(bytes, piece, is_authenticated);
    assert_eq!(whole, cut, "in pieces of {piece}");
}

fn parse(bytes: &[u8], piece: usize, is_authenticated: bool) -> Outcome {
    let mut parser = RequestParser::new(LIMITS);
    parser.set_authenticated(is_authenticated);
    let (mut requests, mut start, mut end) = (Vec::new(), 0, 0);
    loop {
        let input = &bytes[start..end];
        match parser.parse(input) {
            Ok(Progress::Complete(consumed)) => {
                assert!((1..=input.len()).contains(&consumed));
                let arguments = parser.arguments(input);
                let most = if is_authenticated || input[0] != b'*' {
                    LIMITS.arguments_max
                } else {
                    UNAUTHENTICATED_ARGUMENTS_MAX
                };
                assert!(arguments.len() <= most);
                assert!(
                    arguments
                        .iter()
                        .map(|argument| argument.len())
                        .sum::<usize>()
                        <= consumed
                );
                requests.push(arguments.iter().map(|argument| argument.to_vec()).collect());
                start += consumed;
            }
            Ok(Progress::Incomplete) if end == bytes.len() => return (requests, None),
            Ok(Progress::Incomplete) => end = (end + piece).min(bytes.len()),
            Err(error) => return (requests, Some(error)),
        }
    }
}
