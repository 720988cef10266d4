//! What a command is: its name, arity, flags, keys, documentation and function, side by side in
//! the table of its family. COMMAND, the generated reference and dispatch all read the one table.

use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::FixedState;

use super::commands::{FAMILIES, cam, help};
use ladybug_engine::commit::transaction::{SpaceId, Transaction};
use ladybug_engine::engine::Engine;
use ladybug_engine::space::state::View;

use super::context::Context;
use super::error::CommandError;
use super::reply::Reply;
use super::session::Session;

/// Bytes the longest command name has; a longer one is not looked up.
pub const NAME_BYTES_MAX: usize = 32;

/// One command, or one subcommand of a container such as CLIENT.
#[derive(Debug)]
pub struct Command {
    /// In lower case; a subcommand's own word only.
    pub name: &'static str,
    /// What may follow the name, as Redis's manual writes it: `key [key ...]`, capitals for
    /// words to be written as they are. Read by [`super::syntax`].
    pub syntax: &'static str,
    /// Number of arguments, the name (and the container's) included; negative: at least so many.
    pub arity: i32,
    /// How it behaves.
    pub flags: &'static [Flag],
    /// Which arguments are keys.
    pub keys: Keys,
    /// Which spaces a `Write` command changes: they are locked before it runs.
    pub spaces: Spaces,
    /// The section of the manual.
    pub group: Group,
    /// The version of Redis, or of Ladybug for its own commands, that had it first.
    pub since: &'static str,
    /// One line on what it does.
    pub summary: &'static str,
    /// What it costs.
    pub complexity: &'static str,
    /// Whether it is tried on the thread of its connection, before it goes to one that may take its time: see
    /// [`Context::is_trial`].
    pub is_tried: bool,
    /// Its function.
    pub handler: Handler,
    /// The commands of a container.
    pub subcommands: &'static [Command],
}

impl Command {
    /// What a table's entry leaves out: `..Command::DEFAULT`.
    pub const DEFAULT: Self = Self {
        name: "",
        syntax: "",
        arity: 1,
        flags: &[],
        keys: Keys::NONE,
        spaces: Spaces::Selected,
        group: Group::Generic,
        since: "1.0.0",
        summary: "",
        complexity: "O(1)",
        is_tried: false,
        handler: Handler::Container,
        subcommands: &[],
    };

    /// Whether the command has `flag`.
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// Whether it is Redis's, whose versions begin with 1, and not one of Ladybug's own.
    pub fn is_redis(&self) -> bool {
        !self.since.starts_with("0.")
    }

    /// Whether it begins a conversation, which needs a connection that lasts.
    pub fn is_conversation(&self) -> bool {
        match self.group {
            Group::Transactions => true,
            Group::Pubsub => self.name != "publish" && self.name != "pubsub",
            _ => self.name == "monitor",
        }
    }

    /// Whether `arguments` (names included) are as many as the command takes.
    pub fn takes(&self, arguments: usize) -> bool {
        let needed = self.arity.unsigned_abs() as usize;
        if self.arity < 0 {
            arguments >= needed
        } else {
            arguments == needed
        }
    }
}

/// How a command behaves; the names are those of `COMMAND INFO`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// Changes data.
    Write,
    /// Reads data.
    Readonly,
    /// May use more memory.
    Denyoom,
    /// For operators.
    Admin,
    /// Publish and subscribe.
    Pubsub,
    /// Costs no more than the logarithm of the data.
    Fast,
    /// May be called before authentication.
    NoAuth,
    /// May be called by a RESP2 client that has subscribed to something.
    InSubscription,
    /// Runs at once inside MULTI instead of being queued.
    Unqueued,
    /// Is refused inside MULTI.
    NoMulti,
    /// Is not shown to MONITOR.
    SkipMonitor,
    /// Is not entered in the slow log: its arguments are secrets, or its time is no sign of load.
    SkipSlowlog,
    /// Its keys are found by looking at its arguments.
    Movablekeys,
    /// Is allowed while the server loads or is behind.
    Loading,
}

impl Flag {
    /// As `COMMAND INFO` names it; `None` for flags that are ours alone.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Write => Some("write"),
            Self::Readonly => Some("readonly"),
            Self::Denyoom => Some("denyoom"),
            Self::Admin => Some("admin"),
            Self::Pubsub => Some("pubsub"),
            Self::Fast => Some("fast"),
            Self::NoAuth => Some("no_auth"),
            Self::NoMulti => Some("no_multi"),
            Self::SkipMonitor => Some("skip_monitor"),
            Self::SkipSlowlog => Some("skip_slowlog"),
            Self::Movablekeys => Some("movablekeys"),
            Self::Loading => Some("loading"),
            Self::InSubscription | Self::Unqueued => None,
        }
    }
}

/// Which arguments are keys, as Redis counts them: the name is argument 0, a negative last
/// position counts from the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// Position of the first key; 0 for none.
    pub first: i32,
    /// Position of the last key.
    pub last: i32,
    /// Distance from key to key.
    pub step: i32,
}

impl Keys {
    /// The command names no keys.
    pub const NONE: Self = Self {
        first: 0,
        last: 0,
        step: 0,
    };
    /// The first argument is a key.
    pub const FIRST: Self = Self {
        first: 1,
        last: 1,
        step: 1,
    };
    /// The first two arguments are keys.
    pub const FIRST_TWO: Self = Self {
        first: 1,
        last: 2,
        step: 1,
    };
    /// All arguments are keys.
    pub const ALL: Self = Self {
        first: 1,
        last: -1,
        step: 1,
    };
    /// Keys and values in turn.
    pub const PAIRS: Self = Self {
        first: 1,
        last: -1,
        step: 2,
    };
    /// The argument after the subcommand is a key.
    pub const SECOND: Self = Self {
        first: 2,
        last: 2,
        step: 1,
    };

    /// The positions of the keys among `arguments` arguments, the name included.
    pub fn positions(self, arguments: usize) -> impl Iterator<Item = usize> {
        let count = i64::try_from(arguments).expect("invariant: arguments are limited");
        let last = if self.last < 0 {
            count + i64::from(self.last)
        } else {
            i64::from(self.last)
        };
        let first = i64::from(self.first);
        let end = if first == 0 {
            0
        } else {
            last.min(count - 1) + 1
        };
        (first..end)
            .step_by(usize::try_from(self.step.max(1)).expect("invariant: it is positive"))
            .map(|position| usize::try_from(position).expect("invariant: it is positive"))
    }
}

/// The sections of the manual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Clients and their connections.
    Connection,
    /// The server itself.
    Server,
    /// Keys, whatever they hold.
    Generic,
    /// Values.
    String,
    /// Fields.
    Hash,
    /// Several commands as one.
    Transactions,
    /// Publish and subscribe.
    Pubsub,
    /// Lasting transactions, the past, forks.
    Dag,
    /// Nodes as paths, and what they carry.
    Node,
    /// Edges between nodes.
    Graph,
    /// Fingerprints and search by similarity.
    Search,
    /// Query languages.
    Query,
    /// The instruction set.
    Cam,
}

impl Group {
    /// As `COMMAND DOCS` names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Server => "server",
            Self::Generic => "generic",
            Self::String => "string",
            Self::Hash => "hash",
            Self::Transactions => "transactions",
            Self::Pubsub => "pubsub",
            Self::Dag => "dag",
            Self::Node => "node",
            Self::Graph => "graph",
            Self::Search => "search",
            Self::Query => "query",
            Self::Cam => "cam",
        }
    }
}

/// A command's function, by what it needs.
#[derive(Debug, Clone, Copy)]
pub enum Handler {
    /// Nothing by itself: only its subcommands can be called.
    Container,
    /// Needs the connection and the server, not the memory.
    ///
    /// Inside EXEC these run after the commit, except SELECT.
    Connection(fn(&mut Session, &[&[u8]]) -> Result<Reply, CommandError>),
    /// Reads the selected space under its lock: short, and never waiting.
    Read(ReadFunction),
    /// Changes the selected space, and those of [`Spaces`], in one commit; an error changes
    /// nothing. Short, and never waiting.
    Write(WriteFunction),
    /// Reads the memory through [`Context`] alone, on a thread that may take its time. Inside EXEC it sees
    /// what the commands before it have done.
    Query(QueryFunction),
    /// Does what it likes, on a thread that may take its time, and tells [`Context::reveal`] the
    /// position of what it reads. Refused inside MULTI.
    Search(SearchFunction),
    /// Reads a snapshot, or commits, on a thread that may take its time; inside MULTI it is part of the one commit, or a
    /// query if it only reads.
    Statement {
        /// Runs it by itself, and as a query.
        alone: QueryFunction,
        /// Runs it as a part of the commit.
        in_commit: WriteFunction,
        /// Whether it changes nothing, by its arguments.
        only_reads: fn(&[&[u8]]) -> bool,
        /// Whether it can be part of a commit at all, by its arguments.
        check: fn(&[&[u8]]) -> Result<(), CommandError>,
    },
    /// EXEC itself.
    Exec,
}

/// The function of a [`Handler::Read`] command.
pub type ReadFunction = fn(&View<'_>, &Context, &[&[u8]]) -> Result<Reply, CommandError>;
/// The function of a [`Handler::Write`] command.
pub type WriteFunction =
    fn(&mut Transaction<'_>, &Context, &[&[u8]]) -> Result<Reply, CommandError>;
/// The function of a [`Handler::Query`] command.
pub type QueryFunction = fn(&Context, &[&[u8]]) -> Result<Reply, CommandError>;
/// The function of a [`Handler::Search`] command.
pub type SearchFunction = fn(&Engine, &Context, &[&[u8]]) -> Result<Reply, CommandError>;

/// Which spaces a command changes, or a query looks at.
#[derive(Debug, Clone, Copy)]
pub enum Spaces {
    /// The selected one.
    Selected,
    /// That, and the one that the argument at this position names, if it is given.
    Argument(fn(&[&[u8]]) -> Option<usize>),
    /// That, and those that a query names, as far as they hold something.
    Queried(fn(&Context, &[&[u8]]) -> Vec<SpaceId>),
    /// All that hold something.
    All,
}

/// A command of the table, resolved from the arguments of a request.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The command or subcommand.
    pub command: &'static Command,
    /// Its name in full: `get`, `client|kill`.
    pub full_name: &'static str,
    /// Its place in the table, for statistics.
    pub index: usize,
}

/// All commands, by name.
#[derive(Debug)]
pub struct Table {
    entries: Vec<Entry>,
    /// Index of a command in `entries` by its name; of a subcommand by `container|name`. Nobody can
    /// add names that collide, so the hash is a fast one.
    by_name: HashMap<&'static [u8], usize, FixedState>,
}

/// The one table.
pub static TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(FAMILIES));

impl Table {
    fn new(families: &'static [&'static [Command]]) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        let all = families.iter().copied().flatten();
        for command in all.chain(cam::operations()) {
            entries.push(Entry {
                command,
                full_name: command.name,
                index: entries.len(),
            });
            // The table is built once and lives as long as the process.
            let help: &'static [Command] = match command.subcommands {
                [] => &[],
                _ => Box::leak(Box::new([help::of(command)])),
            };
            for subcommand in command.subcommands.iter().chain(help) {
                let full_name =
                    Box::leak(format!("{}|{}", command.name, subcommand.name).into_boxed_str());
                entries.push(Entry {
                    command: subcommand,
                    full_name,
                    index: entries.len(),
                });
            }
        }
        let by_name = entries
            .iter()
            .map(|entry| (entry.full_name.as_bytes(), entry.index))
            .collect();
        Self { entries, by_name }
    }

    /// Every command and subcommand, family by family.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The commands, without subcommands.
    pub fn commands(&self) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(|entry| !entry.full_name.contains('|'))
    }

    /// The command of this full name (`config|get`), in any case; of a word of a vocabulary, that of the vocabulary.
    pub fn get(&self, name: &[u8]) -> Option<Entry> {
        let word = || self.exactly(cam::word(name)?.as_bytes());
        self.exactly(name).or_else(word)
    }

    fn exactly(&self, name: &[u8]) -> Option<Entry> {
        let mut buffer = [0u8; 2 * NAME_BYTES_MAX + 1];
        let lower = buffer.get_mut(..name.len())?;
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        self.by_name.get(&*lower).map(|&index| self.entries[index])
    }

    /// The command or subcommand that a request calls.
    ///
    /// # Errors
    /// There is no such command or subcommand, or it takes another number of arguments.
    pub fn resolve(&self, arguments: &[&[u8]]) -> Result<Entry, CommandError> {
        let mut entry = self
            .get(arguments[0])
            // The names of subcommands are no commands.
            .filter(|_| !arguments[0].contains(&b'|'))
            .ok_or_else(|| unknown_command(arguments))?;
        if !entry.command.subcommands.is_empty() && arguments.len() > 1 {
            let full_name = [entry.full_name.as_bytes(), b"|", arguments[1]].concat();
            entry = self
                .get(&full_name)
                .ok_or_else(|| unknown_subcommand(entry, arguments[1]))?;
        }
        if !entry.command.takes(arguments.len()) {
            return Err(CommandError::wrong_arity(entry.full_name));
        }
        Ok(entry)
    }
}

/// The name and the arguments are shown up to 128 bytes each, as in Redis.
fn unknown_command(arguments: &[&[u8]]) -> CommandError {
    let name = shown_name(arguments[0]);
    if let Some(error) = cam::unknown(arguments[0]) {
        return CommandError::err(format!("unknown command '{name}': {error}"));
    }
    let mut shown = Vec::new();
    for argument in &arguments[1..] {
        if shown.len() >= 128 {
            break;
        }
        let room = 128 - shown.len();
        shown.push(b'\'');
        shown.extend_from_slice(&argument[..argument.len().min(room)]);
        shown.extend_from_slice(b"' ");
    }
    CommandError::err(format!(
        "unknown command '{name}', with args beginning with: {}",
        String::from_utf8_lossy(&shown)
    ))
}

fn unknown_subcommand(container: Entry, name: &[u8]) -> CommandError {
    CommandError::err(format!(
        "unknown subcommand '{}'. Try {} HELP.",
        shown_name(name),
        container.full_name.to_uppercase()
    ))
}

fn shown_name(name: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(&name[..name.len().min(128)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(arguments: &[&[u8]]) -> String {
        TABLE.resolve(arguments).unwrap_err().to_string()
    }

    #[test]
    fn names_are_found_in_any_case_and_subcommands_below_their_container() {
        assert_eq!(TABLE.resolve(&[b"PiNg"]).unwrap().full_name, "ping");
        assert_eq!(
            TABLE.resolve(&[b"client", b"GETNAME"]).unwrap().full_name,
            "client|getname"
        );
    }

    #[test]
    fn what_cannot_be_resolved_is_refused_in_redis_words() {
        assert_eq!(
            refusal(&[b"nope", b"a", b"b"]),
            "ERR unknown command 'nope', with args beginning with: 'a' 'b' "
        );
        let long = [b'x'; 300];
        assert_eq!(
            refusal(&[&long, &long, b"b"]),
            format!(
                "ERR unknown command '{0}', with args beginning with: '{0}' ",
                "x".repeat(128)
            )
        );
        assert_eq!(
            refusal(&[b"client", b"nope"]),
            "ERR unknown subcommand 'nope'. Try CLIENT HELP."
        );
        assert_eq!(
            refusal(&[b"client"]),
            "ERR wrong number of arguments for 'client' command"
        );
        assert_eq!(
            refusal(&[b"echo"]),
            "ERR wrong number of arguments for 'echo' command"
        );
        assert_eq!(
            refusal(&[b"client", b"getname", b"x"]),
            "ERR wrong number of arguments for 'client|getname' command"
        );
        // A bar in the name is no way to a subcommand.
        assert_eq!(
            refusal(&[b"client|getname"]),
            "ERR unknown command 'client|getname', with args beginning with: "
        );
    }

    #[test]
    fn the_table_is_consistent() {
        for entry in TABLE.entries() {
            let Command {
                name,
                arity,
                keys,
                summary,
                group,
                ..
            } = entry.command;
            assert!(name.len() <= NAME_BYTES_MAX, "{name}");
            assert_eq!(*name, name.to_lowercase());
            assert_ne!(*arity, 0, "{name}");
            assert!(
                !summary.is_empty() && !summary.ends_with('.'),
                "{name}: {summary}"
            );
            assert!(!group.name().is_empty());
            assert!((keys.first == 0) == (keys.step == 0), "{name}");
        }
        assert_eq!(
            TABLE.by_name.len(),
            TABLE.entries.len(),
            "a name is given twice"
        );
    }

    #[test]
    fn key_positions_follow_redis() {
        let positions = |keys: Keys, arguments| keys.positions(arguments).collect::<Vec<_>>();
        assert_eq!(positions(Keys::NONE, 3), [0usize; 0]);
        assert_eq!(positions(Keys::FIRST, 3), [1]);
        assert_eq!(positions(Keys::ALL, 4), [1, 2, 3]);
        assert_eq!(positions(Keys::PAIRS, 5), [1, 3]);
    }
}
