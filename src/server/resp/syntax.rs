//! The syntax line of a command, such as `key value [NX | XX] [EX seconds]`, read into the tree of
//! arguments that COMMAND DOCS answers and redis-cli's hints are made of.
//!
//! Words in capitals are tokens, others are arguments; `[…]` is optional, `<…>` groups, `|` chooses,
//! `…` behind a repetition (`[key ...]`) says that what stands before, or in it, may come again.

/// One argument, or a group of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// As documentation names it.
    pub name: String,
    /// What is expected.
    pub kind: Kind,
    /// The word that goes before it, or that it is.
    pub token: Option<String>,
    /// Whether it may be left out.
    pub is_optional: bool,
    /// Whether it may be repeated.
    pub is_multiple: bool,
}

/// What an argument is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A key.
    Key,
    /// A glob pattern.
    Pattern,
    /// A whole number.
    Integer,
    /// A number.
    Double,
    /// A time in seconds or milliseconds since the epoch.
    UnixTime,
    /// Any bytes.
    String,
    /// A token alone.
    PureToken,
    /// One of several.
    OneOf(Vec<Argument>),
    /// Several, in order.
    Block(Vec<Argument>),
}

impl Kind {
    /// As COMMAND DOCS names it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Pattern => "pattern",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::UnixTime => "unix-time",
            Self::String => "string",
            Self::PureToken => "pure-token",
            Self::OneOf(_) => "oneof",
            Self::Block(_) => "block",
        }
    }

    /// The arguments of a group.
    pub fn members(&self) -> &[Argument] {
        match self {
            Self::OneOf(members) | Self::Block(members) => members,
            _ => &[],
        }
    }

    /// What an argument's name says of it.
    fn of(name: &str) -> Self {
        match name {
            "key" | "source" | "destination" | "newkey" => Self::Key,
            "pattern" => Self::Pattern,
            "increment-float" | "weight" | "threshold" | "recall" => Self::Double,
            "unix-time-seconds" | "unix-time-milliseconds" => Self::UnixTime,
            "seconds" | "milliseconds" | "count" | "cursor" | "offset" | "start" | "end"
            | "increment" | "decrement" | "index" | "client-id" | "protover" | "depth"
            | "limit" | "rung" => Self::Integer,
            _ => Self::String,
        }
    }
}

impl Argument {
    fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            kind,
            token: None,
            is_optional: false,
            is_multiple: false,
        }
    }
}

/// Reads a syntax line.
///
/// # Errors
/// A bracket is not closed, or closes nothing: the table's test finds it.
pub fn parse(syntax: &str) -> Result<Vec<Argument>, String> {
    let spaced = ["[", "]", "<", ">", "|"]
        .iter()
        .fold(syntax.to_owned(), |text, mark| {
            text.replace(mark, &format!(" {mark} "))
        });
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words };
    let arguments = reader.sequence()?;
    match reader.words {
        [] => Ok(arguments),
        rest => Err(format!("unexpected '{}' in '{syntax}'", rest[0])),
    }
}

struct Reader<'a> {
    words: &'a [&'a str],
}

impl Reader<'_> {
    /// Arguments up to a `|`, a closing bracket or the end.
    fn sequence(&mut self) -> Result<Vec<Argument>, String> {
        let mut arguments: Vec<Argument> = Vec::new();
        while let [word, rest @ ..] = self.words {
            match *word {
                "]" | ">" | "|" => break,
                "..." => {
                    self.words = rest;
                    arguments.last_mut().ok_or("nothing to repeat")?.is_multiple = true;
                }
                "[" | "<" => {
                    self.words = rest;
                    let group = self.group(if *word == "[" { "]" } else { ">" })?;
                    if *word == "[" {
                        add_optional(&mut arguments, group);
                    } else {
                        arguments.push(group);
                    }
                }
                token if is_token(token) => {
                    self.words = rest;
                    arguments.push(self.with_token(token)?);
                }
                name => {
                    self.words = rest;
                    arguments.push(Argument::new(name, Kind::of(name)));
                }
            }
        }
        Ok(arguments)
    }

    /// A token takes the argument behind it, if there is one.
    fn with_token(&mut self, token: &str) -> Result<Argument, String> {
        let mut argument = match self.words {
            ["<", rest @ ..] => {
                self.words = rest;
                self.group(">")?
            }
            [name, rest @ ..] if !is_token(name) && !is_mark(name) => {
                self.words = rest;
                Argument::new(*name, Kind::of(name))
            }
            _ => Argument::new(token.to_lowercase(), Kind::PureToken),
        };
        argument.token = Some(token.to_owned());
        Ok(argument)
    }

    /// The alternatives up to a closing bracket, as one argument.
    fn group(&mut self, closing: &str) -> Result<Argument, String> {
        let mut alternatives = vec![as_one(self.sequence()?)?];
        while let ["|", rest @ ..] = self.words {
            self.words = rest;
            alternatives.push(as_one(self.sequence()?)?);
        }
        match self.words {
            [word, rest @ ..] if *word == closing => self.words = rest,
            _ => return Err(format!("'{closing}' is missing")),
        }
        if alternatives.len() == 1 {
            return Ok(alternatives.remove(0));
        }
        let names: Vec<&str> = alternatives
            .iter()
            .map(|argument| argument.name.as_str())
            .collect();
        Ok(Argument::new(names.join("-or-"), Kind::OneOf(alternatives)))
    }
}

/// `[x ...]` behind the same `x` repeats that; else it is an optional argument of its own.
fn add_optional(arguments: &mut Vec<Argument>, mut group: Argument) {
    let members = match &group.kind {
        Kind::Block(members) if group.token.is_none() => members.clone(),
        _ => vec![Argument {
            is_multiple: false,
            ..group.clone()
        }],
    };
    let is_repeated = group.is_multiple || members.last().is_some_and(|last| last.is_multiple);
    // What is repeated is repeated without its token.
    let plain = |argument: &Argument| Argument {
        is_multiple: false,
        token: None,
        ..argument.clone()
    };
    let before = arguments.len().checked_sub(members.len());
    if let Some(before) = before
        && is_repeated
        && arguments[before..]
            .iter()
            .map(plain)
            .eq(members.iter().map(plain))
    {
        let repeated = arguments.split_off(before);
        let mut block = as_one(repeated).expect("invariant: a group has members");
        block.is_multiple = true;
        arguments.push(block);
        return;
    }
    group.is_optional = true;
    arguments.push(group);
}

fn as_one(mut arguments: Vec<Argument>) -> Result<Argument, String> {
    match arguments.len() {
        0 => Err("an empty group".to_owned()),
        1 => Ok(arguments.remove(0)),
        _ => {
            let names: Vec<&str> = arguments
                .iter()
                .map(|argument| argument.name.as_str())
                .collect();
            Ok(Argument::new(names.join("-"), Kind::Block(arguments)))
        }
    }
}

fn is_mark(word: &str) -> bool {
    matches!(word, "[" | "]" | "<" | ">" | "|" | "...")
}

fn is_token(word: &str) -> bool {
    !is_mark(word) && word.chars().any(char::is_alphabetic) && word == word.to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::super::command::TABLE;
    use super::*;

    /// Writes arguments back, so that a test can be read.
    fn show(arguments: &[Argument]) -> String {
        let one = |argument: &Argument| {
            let members = argument.kind.members();
            let token = argument.token.as_deref().unwrap_or_default();
            let body = match &argument.kind {
                Kind::OneOf(_) => format!("{token}({})", show(members).replace(", ", " | ")),
                Kind::Block(_) => format!("{token}{{{}}}", show(members)),
                Kind::PureToken => token.to_owned(),
                kind if token.is_empty() => format!("{}:{}", argument.name, kind.name()),
                kind => format!("{token} {}:{}", argument.name, kind.name()),
            };
            let optional = if argument.is_optional { "?" } else { "" };
            let multiple = if argument.is_multiple { "*" } else { "" };
            format!("{body}{optional}{multiple}")
        };
        arguments.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn redis_syntax_lines_are_understood() {
        for (syntax, shown) in [
            ("", ""),
            ("key", "key:key"),
            ("key [key ...]", "key:key*"),
            ("key value [key value ...]", "{key:key, value:string}*"),
            (
                "key field value [field value ...]",
                "key:key, {field:string, value:string}*",
            ),
            ("[pattern]", "pattern:pattern?"),
            ("[channel ...]", "channel:string?*"),
            (
                "key value [NX | XX] [GET] [EX seconds | PXAT unix-time-milliseconds | KEEPTTL]",
                "key:key, value:string, (NX | XX)?, GET?, \
                 (EX seconds:integer | PXAT unix-time-milliseconds:unix-time | KEEPTTL)?",
            ),
            (
                "x VIA verb [DEPTH depth]",
                "x:string, VIA verb:string, DEPTH depth:integer?",
            ),
            ("<ON | OFF>", "(ON | OFF)"),
            ("[TYPE <A | B>]", "TYPE(A | B)?"),
            ("[count [WITHVALUES]]", "{count:integer, WITHVALUES?}?"),
            ("[KIND kind [kind ...]]", "KIND kind:string?*"),
        ] {
            assert_eq!(show(&parse(syntax).unwrap()), shown, "{syntax}");
        }
    }

    #[test]
    fn what_is_no_syntax_line_is_refused() {
        for syntax in ["[key", "key]", "...", "[]", "<a | >"] {
            assert!(parse(syntax).is_err(), "{syntax}");
        }
    }

    #[test]
    fn every_command_has_a_syntax_line() {
        for entry in TABLE.entries() {
            let command = entry.command;
            let arguments = parse(command.syntax)
                .unwrap_or_else(|error| panic!("{}: {error}", entry.full_name));
            let names = 1 + usize::from(entry.full_name.contains('|'));
            if command.subcommands.is_empty() && arguments.is_empty() {
                assert_eq!(
                    command.arity.unsigned_abs() as usize,
                    names,
                    "{}",
                    entry.full_name
                );
            }
        }
    }
}
