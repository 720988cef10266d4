//! Tickets: what a client asks a stream of, and their two forms.
//!
//! ```text
//! ticket  = { option ";" } what
//! option  = "space=" label | "columns=" name { "," name } | "recall=" share
//! what    = "all" | "surface" | "fluid" | "nodes" | "edges" | "prefix:" two-hex-digits
//!         | "search:" distance ":" query | "topk:" count ":" query
//!         | "sql:" statement | "cypher:" statement
//!         | "asof:" version ":" what
//! ```
//!
//! A query or a statement is the rest, whatever it contains. In the value of an option `%` and two hex digits
//! are a byte, so that a name may contain `;`. The opaque form, which FlightInfo hands out, is a mark, its
//! version, a checksum and a serial number before the same text: clients do not read it, and what they change is
//! refused. The serial number tells apart the streams of two clients who asked for the same.

use std::fmt::Write as _;

use ladybug_engine::fingerprint::BITS;
use ladybug_engine::search::{Recall, TopK};
use ladybug_engine::space::address::ADDRESSES;
use xxhash_rust::xxh3::xxh3_64;

use super::error::FlightError;

/// What an opaque ticket begins with: bytes that begin no text, and the form's version.
const OPAQUE: [u8; 4] = [0xF5, b'L', b'B', 1];
/// Bytes of an opaque ticket's checksum.
const CHECKSUM_BYTES: usize = size_of::<u64>();
/// Bytes of its serial number.
const SERIAL_BYTES: usize = size_of::<u64>();
/// Longest ticket, bytes.
pub const TICKET_BYTES_MAX: usize = 1 << 20;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Ticket {
    /// The space, by number or name; the first unless given.
    pub space: Option<String>,
    /// The columns, in their order; all unless given.
    pub columns: Option<Vec<String>>,
    /// The share of the true nearest that a search must find.
    pub recall: Option<Recall>,
    /// The version to read; the newest unless given.
    pub version: Option<u64>,
    /// What.
    pub what: What,
}

/// What a stream shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The nodes of both zones.
    All,
    /// The verbs, at their surface addresses.
    Surface,
    /// The nodes of the fluid zone.
    Fluid,
    /// The nodes of the node zone.
    Nodes,
    /// The edges.
    Edges,
    /// What lives at one prefix.
    Prefix(u8),
    /// The nodes no further than a distance, nearest first.
    Search {
        /// In bits.
        distance_max: u32,
        /// An operand.
        query: Vec<u8>,
    },
    /// The nearest nodes, nearest first.
    TopK {
        /// How many.
        k: usize,
        /// An operand.
        query: Vec<u8>,
    },
    /// What a statement answers.
    Sql(String),
    /// What an openCypher statement answers.
    Cypher(String),
}

/// Form of the tickets without a query, for errors.
const EXPECTED: &str = "expected all, surface, fluid, nodes, edges, prefix:80, search:<distance>:<query>, \
    topk:<count>:<query>, sql:<statement>, cypher:<statement> or asof:<version>:<ticket>, with space=<space>;, \
    columns=<name>,<name>; or recall=<share>; before it";

impl Ticket {
    /// A ticket for something of the first space.
    pub fn of(what: What) -> Self {
        Self {
            space: None,
            columns: None,
            recall: None,
            version: None,
            what,
        }
    }

    /// Reads either form.
    ///
    /// # Errors
    /// It is neither; the message says what was expected.
    pub fn parse(bytes: &[u8]) -> Result<Self, FlightError> {
        if bytes.len() > TICKET_BYTES_MAX {
            return Err(FlightError::new(
                "TOOLARGE",
                format!(
                    "a ticket has at most {TICKET_BYTES_MAX} bytes, got {}",
                    bytes.len()
                ),
            ));
        }
        match bytes.strip_prefix(&OPAQUE[..3]) {
            Some(rest) => Self::parse_text(opaque_text(rest)?),
            None => Self::parse_text(bytes),
        }
    }

    fn parse_text(bytes: &[u8]) -> Result<Self, FlightError> {
        let (options, rest) = options(bytes, &["space", "columns", "recall"])?;
        let mut ticket = Self::of(What::All);
        for (name, value) in options {
            match name {
                "space" => ticket.space = Some(value),
                "columns" => ticket.columns = Some(columns(&value)?),
                _ => ticket.recall = Some(recall(&value)?),
            }
        }
        ticket.what = ticket.parse_what(rest)?;
        if ticket.recall.is_some()
            && !matches!(ticket.what, What::Search { .. } | What::TopK { .. })
        {
            return Err(FlightError::bad("recall= is for search: and topk: tickets"));
        }
        if ticket.columns.is_some() && matches!(ticket.what, What::Sql(_) | What::Cypher(_)) {
            return Err(FlightError::bad(
                "a statement names its columns itself: columns= is for the others",
            ));
        }
        Ok(ticket)
    }

    fn parse_what(&mut self, rest: &[u8]) -> Result<What, FlightError> {
        let colon = rest.iter().position(|byte| *byte == b':');
        let (word, argument) = match colon {
            Some(colon) => (&rest[..colon], Some(&rest[colon + 1..])),
            None => (rest, None),
        };
        Ok(match (word, argument) {
            (b"all", None) => What::All,
            (b"surface", None) => What::Surface,
            (b"fluid", None) => What::Fluid,
            (b"nodes", None) => What::Nodes,
            (b"edges", None) => What::Edges,
            (b"prefix", Some(digits)) => What::Prefix(prefix(digits)?),
            (b"search", Some(argument)) => {
                let (distance_max, query) =
                    number_and_query(argument, "search:<distance>:<query>", BITS)?;
                let distance_max = u32::try_from(distance_max).unwrap_or(u32::MAX);
                What::Search {
                    distance_max,
                    query,
                }
            }
            (b"topk", Some(argument)) => {
                let (k, query) = number_and_query(argument, "topk:<count>:<query>", ADDRESSES)?;
                if k == 0 {
                    return Err(FlightError::bad("expected a count of at least 1, got 0"));
                }
                What::TopK { k, query }
            }
            (b"sql", Some(text)) => What::Sql(statement("sql", text)?),
            (b"cypher", Some(text)) => What::Cypher(statement("cypher", text)?),
            (b"asof", Some(argument)) => return self.parse_as_of(argument),
            _ => {
                let got = String::from_utf8_lossy(&rest[..rest.len().min(64)]);
                return Err(FlightError::bad(format!("{EXPECTED}; got '{got}'")));
            }
        })
    }

    fn parse_as_of(&mut self, argument: &[u8]) -> Result<What, FlightError> {
        const FORM: &str = "asof:<version>:<ticket>";
        if self.version.is_some() {
            return Err(FlightError::bad("expected one asof: a ticket, got two"));
        }
        let (version, rest) = number_and_rest(argument, FORM)?;
        self.version = Some(version);
        match self.parse_what(rest)? {
            What::Sql(_) => Err(FlightError::bad(
                "a statement says itself which version it reads: FROM nodes VERSION AS OF 3",
            )),
            What::Cypher(_) => Err(FlightError::bad(
                "expected another ticket behind asof:, a Cypher statement reads the newest version",
            )),
            What::Surface => Err(FlightError::bad("the surface has no versions")),
            what => Ok(what),
        }
    }

    /// The text that says the same.
    pub fn text(&self) -> Vec<u8> {
        let mut out = String::new();
        let mut option = |name: &str, value: &str| {
            write!(out, "{name}={value};").expect("invariant: writing to a string succeeds");
        };
        if let Some(space) = &self.space {
            option("space", &escaped(space));
        }
        if let Some(columns) = &self.columns {
            let names: Vec<_> = columns.iter().map(|name| escaped(name)).collect();
            option("columns", &names.join(","));
        }
        if let Some(recall) = self.recall {
            option("recall", &recall.share().to_string());
        }
        if let Some(version) = self.version {
            write!(out, "asof:{version}:").expect("invariant: writing to a string succeeds");
        }
        let mut bytes = out.into_bytes();
        match &self.what {
            What::All => bytes.extend(b"all"),
            What::Surface => bytes.extend(b"surface"),
            What::Fluid => bytes.extend(b"fluid"),
            What::Nodes => bytes.extend(b"nodes"),
            What::Edges => bytes.extend(b"edges"),
            What::Prefix(prefix) => bytes.extend(format!("prefix:{prefix:02X}").as_bytes()),
            What::Search {
                distance_max,
                query,
            } => {
                bytes.extend(format!("search:{distance_max}:").as_bytes());
                bytes.extend(query);
            }
            What::TopK { k, query } => {
                bytes.extend(format!("topk:{k}:").as_bytes());
                bytes.extend(query);
            }
            What::Sql(statement) => bytes.extend([b"sql:", statement.as_bytes()].concat()),
            What::Cypher(statement) => bytes.extend([b"cypher:", statement.as_bytes()].concat()),
        }
        bytes
    }

    /// The form that FlightInfo hands out, with a serial number.
    pub fn opaque(&self, serial: u64) -> Vec<u8> {
        let said = [&serial.to_le_bytes()[..], &self.text()].concat();
        let checksum = xxh3_64(&said).to_le_bytes();
        [&OPAQUE[..], &checksum, &said].concat()
    }
}

/// The text of an opaque ticket, behind its mark.
fn opaque_text(rest: &[u8]) -> Result<&[u8], FlightError> {
    let version = rest.first().copied();
    if version != Some(OPAQUE[3]) {
        return Err(FlightError::bad(format!(
            "expected a ticket of version {}, got version {}: ask for the FlightInfo again",
            OPAQUE[3],
            version.unwrap_or_default()
        )));
    }
    match rest[1..].split_at_checked(CHECKSUM_BYTES) {
        Some((checksum, said))
            if checksum == xxh3_64(said).to_le_bytes() && said.len() >= SERIAL_BYTES =>
        {
            Ok(&said[SERIAL_BYTES..])
        }
        _ => Err(FlightError::bad(
            "the ticket is not the one that FlightInfo handed out: it must be sent back as it came",
        )),
    }
}

/// Options, by name, with their values.
pub type Options = Vec<(&'static str, String)>;

/// The options at the beginning of a text, each at most once, and what follows them.
///
/// # Errors
/// An option is none of `known`, comes twice, or does not end.
pub fn options<'a>(
    mut text: &'a [u8],
    known: &[&'static str],
) -> Result<(Options, &'a [u8]), FlightError> {
    let mut options = Options::new();
    loop {
        let mark = text.iter().position(|byte| b"=:;".contains(byte));
        let Some(equals) = mark.filter(|mark| text[*mark] == b'=') else {
            return Ok((options, text));
        };
        let (name, value) = (&text[..equals], &text[equals + 1..]);
        let name = known
            .iter()
            .find(|known| known.as_bytes() == name)
            .ok_or_else(|| {
                let names: Vec<_> = known.iter().map(|name| format!("{name}=")).collect();
                let got = String::from_utf8_lossy(&name[..name.len().min(64)]);
                FlightError::bad(format!("expected {}, got '{got}='", names.join(" or ")))
            })?;
        if options.iter().any(|(other, _)| other == name) {
            return Err(FlightError::bad(format!(
                "expected {name}= once, got it twice"
            )));
        }
        let end = value
            .iter()
            .position(|byte| *byte == b';')
            .ok_or_else(|| FlightError::bad(format!("expected ; behind the value of {name}=")))?;
        options.push((name, unescaped(name, &value[..end])?));
        text = &value[end + 1..];
    }
}

/// A value in which `%` and two hex digits are a byte.
fn unescaped(name: &str, value: &[u8]) -> Result<String, FlightError> {
    let wrong = || {
        FlightError::bad(format!(
            "expected UTF-8 text as {name}=, in which % and two hex digits are a byte"
        ))
    };
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = rest.split_at_checked(2).ok_or_else(wrong)?;
        bytes.push(hex_byte(digits.0).ok_or_else(wrong)?);
        rest = digits.1;
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '%' | ';' | ',' => write!(out, "%{:02X}", u32::from(character))
                .expect("invariant: writing to a string succeeds"),
            other => out.push(other),
        }
    }
    out
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
}

fn statement(language: &str, text: &[u8]) -> Result<String, FlightError> {
    match std::str::from_utf8(text) {
        Ok(text) if !text.trim().is_empty() => Ok(text.to_owned()),
        Ok(_) => {
            let message = format!("expected {language}:<statement>, got no statement");
            Err(FlightError::bad(message))
        }
        Err(_) => Err(FlightError::bad("a statement is UTF-8 text")),
    }
}

fn columns(value: &str) -> Result<Vec<String>, FlightError> {
    let names: Vec<String> = value.split(',').map(str::to_owned).collect();
    match names.iter().any(String::is_empty) {
        true => Err(FlightError::bad(
            "expected columns=<name>,<name>;, got an empty name",
        )),
        false => Ok(names),
    }
}

/// A share of the true nearest.
///
/// # Errors
/// It is no number from 0.01 to 1.
pub fn recall(value: &str) -> Result<Recall, FlightError> {
    let recall = value.parse().ok().and_then(|share| Recall::new(share).ok());
    recall.ok_or_else(|| {
        FlightError::bad(format!(
            "expected recall= to be a number from 0.01 to 1, got '{value}'"
        ))
    })
}

fn prefix(digits: &[u8]) -> Result<u8, FlightError> {
    hex_byte(digits).ok_or_else(|| {
        let got = String::from_utf8_lossy(&digits[..digits.len().min(64)]);
        FlightError::bad(format!(
            "expected prefix: and two hex digits, such as prefix:80, got '{got}'"
        ))
    })
}

fn number_and_rest<'a>(argument: &'a [u8], form: &str) -> Result<(u64, &'a [u8]), FlightError> {
    let wrong = || {
        let got = String::from_utf8_lossy(&argument[..argument.len().min(64)]);
        FlightError::bad(format!("expected {form}, got '{got}'"))
    };
    let colon = argument
        .iter()
        .position(|byte| *byte == b':')
        .ok_or_else(wrong)?;
    let digits = &argument[..colon];
    let are_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(digits)
        .ok()
        .and_then(|text| text.parse().ok());
    let number = number.filter(|_| are_digits).ok_or_else(wrong)?;
    Ok((number, &argument[colon + 1..]))
}

/// How much a search that brings its queries later is to answer: `topk:<count>` or `search:<distance>`.
///
/// # Errors
/// It is neither.
pub fn search_form(form: &[u8]) -> Result<TopK, FlightError> {
    let with_query = [form, b":-"].concat();
    match Ticket::of(What::All).parse_what(&with_query) {
        Ok(What::TopK { k, query }) if query == b"-" => Ok(TopK::new(k)),
        Ok(What::Search {
            distance_max,
            query,
        }) if query == b"-" => Ok(TopK {
            distance_max,
            ..TopK::new(ADDRESSES)
        }),
        _ => {
            let got = String::from_utf8_lossy(&form[..form.len().min(64)]);
            let message = format!("expected topk:<count> or search:<distance>, got '{got}'");
            Err(FlightError::bad(message))
        }
    }
}

fn number_and_query(
    argument: &[u8],
    form: &str,
    most: usize,
) -> Result<(usize, Vec<u8>), FlightError> {
    let (number, query) = number_and_rest(argument, form)?;
    let number = usize::try_from(number)
        .ok()
        .filter(|number| *number <= most);
    let number = number.ok_or_else(|| {
        FlightError::bad(format!("expected {form} with a number of at most {most}"))
    })?;
    match query.is_empty() {
        true => Err(FlightError::bad(format!("expected {form}, got no query"))),
        false => Ok((number, query.to_vec())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Ticket, String> {
        Ticket::parse(text.as_bytes()).map_err(|error| error.message)
    }

    #[test]
    fn every_ticket_is_read_and_written() {
        for text in [
            "all",
            "surface",
            "fluid",
            "nodes",
            "edges",
            "prefix:8A",
            "search:4000:a red: fox",
            "topk:10:KEY ada:soul=1;2",
            "sql:SELECT ':' FROM nodes",
            "cypher:MATCH (n:A) RETURN n",
            "asof:17:nodes",
            "asof:17:topk:3:fox",
            "space=3;columns=id,name;all",
            "space=what-if%3B%25;recall=1;topk:1:x",
        ] {
            let ticket = parse(text).unwrap();
            assert_eq!(String::from_utf8(ticket.text()).unwrap(), text);
            assert_eq!(Ticket::parse(&ticket.opaque(7)).unwrap(), ticket);
        }
        let ticket = parse("space=what-if%3B;columns=id,name;asof:2:prefix:80").unwrap();
        assert_eq!(ticket.space.as_deref(), Some("what-if;"));
        assert_eq!(ticket.columns.unwrap(), ["id", "name"]);
        assert_eq!((ticket.version, ticket.what), (Some(2), What::Prefix(0x80)));
    }

    #[test]
    fn what_is_none_is_refused_with_the_expected_form() {
        for (text, message) in [
            ("", "expected all, surface"),
            ("everything", "expected all, surface"),
            ("all:1", "expected all, surface"),
            ("prefix", "expected all, surface"),
            ("prefix:8", "expected prefix: and two hex digits"),
            ("prefix:zz", "expected prefix: and two hex digits"),
            ("search:x:fox", "expected search:<distance>:<query>"),
            ("search:10241:fox", "with a number of at most 10240"),
            ("topk:10", "expected topk:<count>:<query>"),
            ("topk:0:fox", "expected a count of at least 1"),
            ("topk:3:", "got no query"),
            ("topk:-1:fox", "expected topk:<count>:<query>"),
            ("sql: ", "got no statement"),
            ("cypher:", "got no statement"),
            ("asof:1:cypher:RETURN 1", "reads the newest version"),
            ("asof:1:asof:2:all", "expected one asof:"),
            ("asof:x:all", "expected asof:<version>:<ticket>"),
            ("asof:1:sql:SELECT 1", "VERSION AS OF"),
            ("space=3", "expected ; behind the value of space="),
            ("space=1;space=2;all", "expected space= once"),
            (
                "zone=3;all",
                "expected space= or columns= or recall=, got 'zone='",
            ),
            ("space=%4;all", "% and two hex digits are a byte"),
            ("columns=id,,name;all", "got an empty name"),
            ("recall=2;topk:1:x", "from 0.01 to 1"),
            ("recall=1;all", "recall= is for"),
            ("columns=id;sql:SELECT 1", "columns= is for the others"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn an_opaque_ticket_that_was_changed_is_refused() {
        let opaque = parse("space=3;topk:10:fox").unwrap().opaque(7);
        for at in 0..opaque.len() {
            let mut changed = opaque.clone();
            changed[at] ^= 1;
            assert!(Ticket::parse(&changed).is_err(), "byte {at}");
        }
        let mut newer = opaque;
        newer[3] = 9;
        let error = Ticket::parse(&newer).unwrap_err();
        assert!(error.message.contains("got version 9"), "{error}");
    }
}
