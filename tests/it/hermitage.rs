//! The anomalies of Adya's levels as Hermitage (Kleppmann, github.com/ept/hermitage) acts them out, each at both isolation
//! levels, over connections that overlap. A test has the anomaly's name; it fails if the anomaly happens.
//!
//! Nobody waits for anybody: a transaction reads the space as it was at DAG.BEGIN, with its own writes, and DAG.COMMIT
//! refuses what would be wrong. Under serializable isolation that includes transactions that only read, if what they
//! have read is no longer so.
//!
//! Under snapshot isolation the two tests of G2 show write skew, which that level admits: both transactions commit.

use super::harness::{Connection, Server};

/// The isolation level of a test.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Serializable,
    Snapshot,
}
use Level::{Serializable, Snapshot};

/// A transaction with a connection of its own.
struct Transaction {
    connection: Connection,
    id: String,
}

impl Transaction {
    fn begin(server: &Server, level: Level) -> Self {
        let mut connection = server.connect();
        let isolation = match level {
            Serializable => "serializable",
            Snapshot => "snapshot",
        };
        let reply = connection.call(&format!("DAG.BEGIN ISOLATION {isolation}"));
        let id = reply.trim_matches('"').to_owned();
        assert_ne!(id, reply, "no id");
        Self { connection, id }
    }

    /// A command within it: `READ x` is sent as `DAG.READ id x`.
    fn call(&mut self, command: &str) -> String {
        let (verb, operands) = command.split_once(' ').unwrap_or((command, ""));
        let words = [
            "DAG.".to_owned() + verb,
            self.id.clone(),
            operands.to_owned(),
        ];
        self.connection.call(words.join(" ").trim_end())
    }

    fn read(&mut self, key: &str) -> String {
        self.call(&format!("READ {key}"))
            .trim_matches('"')
            .to_owned()
    }

    fn write(&mut self, key: &str, value: &str) {
        assert_eq!(self.call(&format!("WRITE {key} {value}")), "+OK");
    }

    /// The values of all nodes.
    fn scan(&mut self) -> Vec<String> {
        let rows = self.call("SCAN node");
        let inner = rows.trim_start_matches('[').trim_end_matches(']');
        let rows = inner.split("], [").filter(|row| !row.is_empty());
        let value = |row: &str| {
            row.rsplit(", ")
                .next()
                .map(|value| value.trim_matches('"').to_owned())
        };
        rows.filter_map(value).collect()
    }

    /// Whether it commits; otherwise it says which conflict there was.
    fn commit(mut self) -> bool {
        let reply = self.call("COMMIT");
        assert!(
            reply.starts_with(':') || reply.starts_with("-CONFLICT @"),
            "{reply}"
        );
        assert!(
            self.call("COMMIT").starts_with("-NOTXN "),
            "it is over either way"
        );
        reply.starts_with(':')
    }
}

/// A server with `x` 10 and `y` 20, as Hermitage begins.
fn server() -> Server {
    let server = Server::start(&["--fsync", "never", "--io-threads", "2"]);
    assert_eq!(server.connect().call("MSET x 10 y 20"), "+OK");
    server
}

/// What everybody sees now of `x` and `y`.
fn now(server: &Server) -> String {
    server.connect().call("MGET x y")
}

/// Each of these at both levels, as tests of their names in `serializable` and `snapshot`.
macro_rules! at_both_levels {
    ($($name:ident)*) => {
        mod serializable {
            $(#[test] fn $name() { super::$name(super::Serializable); })*
        }
        mod snapshot {
            $(#[test] fn $name() { super::$name(super::Snapshot); })*
        }
    };
}

at_both_levels! {
    g0_write_cycles
    g0_write_of_what_is_there_already
    g1a_aborted_reads
    g1b_intermediate_reads
    g1c_circular_information_flow
    otv_observed_transaction_vanishes
    pmp_predicate_many_preceders
    p4_lost_update
    g_single_read_skew
    g2_item_write_skew
    g2_anti_dependency_cycles
}

/// Two write both keys, interleaved: one of them wins both.
fn g0_write_cycles(level: Level) {
    let server = server();
    let (mut one, mut two) = (
        Transaction::begin(&server, level),
        Transaction::begin(&server, level),
    );
    one.write("x", "11");
    two.write("x", "12");
    one.write("y", "21");
    assert!(one.commit());
    two.write("y", "22");
    assert!(!two.commit());
    assert_eq!(now(&server), r#"["11", "21"]"#);
}

/// A write counts though it changes nothing: what the third sees is explained by no order in which the first commits.
fn g0_write_of_what_is_there_already(level: Level) {
    let server = server();
    let (mut one, mut two) = (
        Transaction::begin(&server, level),
        Transaction::begin(&server, level),
    );
    one.write("x", "10");
    one.write("y", "21");
    two.write("x", "12");
    assert!(two.commit());
    let mut three = Transaction::begin(&server, level);
    assert_eq!(three.read("x"), "12");
    assert_eq!(three.read("y"), "20");
    assert!(three.commit());
    assert!(!one.commit());
    assert_eq!(now(&server), r#"["12", "20"]"#);
}

/// Nobody sees what is aborted, before or after.
fn g1a_aborted_reads(level: Level) {
    let server = server();
    let (mut one, mut two) = (
        Transaction::begin(&server, level),
        Transaction::begin(&server, level),
    );
    one.write("x", "101");
    assert_eq!(two.read("x"), "10");
    assert_eq!(now(&server), r#"["10", "20"]"#);
    assert_eq!(one.call("ABORT"), "+OK");
    assert_eq!(two.read("x"), "10");
    assert!(two.commit());
    assert_eq!(now(&server), r#"["10", "20"]"#);
}

/// Nobody sees a value that its writer replaces before committing.
fn g1b_intermediate_reads(level: Level) {
    let server = server();
    let (mut one, mut two) = (
        Transaction::begin(&server, level),
        Transaction::begin(&server, level),
    );
    one.write("x", "101");
    assert_eq!(two.read("x"), "10");
    assert_eq!(now(&server), r#"["10", "20"]"#);
    one.write("x", "11");
    assert!(one.commit());
    assert_eq!(two.read("x"), "10");
    assert_eq!(two.commit(), level == Snapshot);
    assert_eq!(now(&server), r#"["11", "20"]"#);
}

/// Two do not each see the other's write.
fn g1c_circular_information_flow(level: Level) {
    let server = server();
    let (mut one, mut two) = (
        Transaction::begin(&server, level),
        Transaction::begin(&server, level),
    );
    one.write("x", "11");
    two.write("y", "22");
    assert_eq!(one.read("y"), "20");
    assert_eq!(two.read("x"), "10");
    assert!(one.commit());
    // Each has missed the other: there is write skew here as well.
    assert_eq!(two.commit(), level == Snapshot);
}

/// What was seen of a transaction does not vanish: a third sees both of its writes, or neither.
fn otv_observed_transaction_vanishes(level: Level) {
    let server = server();
    let (mut one, mut two) = (
        Transaction::begin(&server, level),
        Transaction::begin(&server, level),
    );
    one.write("x", "11");
    one.write("y", "19");
    two.write("x", "12");
    assert!(one.commit());
    let mut three = Transaction::begin(&server, level);
    assert_eq!(three.read("x"), "11");
    two.write("y", "18");
    assert_eq!(three.read("y"), "19");
    assert!(!two.commit());
    assert_eq!(three.read("y"), "19");
    assert_eq!(three.read("x"), "11");
    assert!(three.commit());
}

/// A scan finds the same again, though another has inserted what it looks for; and what a scan led to is
/// not written if another has removed it.
fn pmp_predicate_many_preceders(level: Level) {
    let server = server();
    let (mut one, mut two) = (
        Transaction::begin(&server, level),
        Transaction::begin(&server, level),
    );
    assert_eq!(one.scan(), ["10", "20"]);
    two.write("z", "30");
    assert!(two.commit());
    assert_eq!(one.scan(), ["10", "20"]);
    assert_eq!(one.commit(), level == Snapshot);

    let (mut one, mut two) = (
        Transaction::begin(&server, level),
        Transaction::begin(&server, level),
    );
    for key in ["x", "y", "z"] {
        let more = one.read(key).parse::<i64>().expect("a number") + 10;
        one.write(key, &more.to_string());
    }
    assert!(two.scan().contains(&"20".to_owned()));
    assert_eq!(two.call("DELETE y"), ":1");
    assert!(one.commit());
    assert!(!two.commit());
    assert_eq!(now(&server), r#"["20", "30"]"#);
}

/// Of two that read the same and replace it by what follows from it, one is refused.
fn p4_lost_update(level: Level) {
    let server = server();
    let (mut one, mut two) = (
        Transaction::begin(&server, level),
        Transaction::begin(&server, level),
    );
    assert_eq!(one.read("x"), "10");
    assert_eq!(two.read("x"), "10");
    one.write("x", "11");
    two.write("x", "11");
    assert!(one.commit());
    assert!(!two.commit());
    assert_eq!(now(&server), r#"["11", "20"]"#);
}

/// Nobody sees one key before and the other after a commit of both, nor acts on it.
fn g_single_read_skew(level: Level) {
    let server = server();
    let (mut one, mut two) = (
        Transaction::begin(&server, level),
        Transaction::begin(&server, level),
    );
    assert_eq!(one.read("x"), "10");
    assert_eq!(two.scan(), ["10", "20"]);
    two.write("x", "12");
    two.write("y", "18");
    assert!(two.commit());
    assert_eq!(one.read("y"), "20");
    assert_eq!(one.scan(), ["10", "20"]);
    assert_eq!(one.commit(), level == Snapshot);

    // One that acts on what it sees: it would delete a `y` that is no longer 18.
    let (mut one, mut two) = (
        Transaction::begin(&server, level),
        Transaction::begin(&server, level),
    );
    assert_eq!(one.read("x"), "12");
    two.write("x", "13");
    two.write("y", "17");
    assert!(two.commit());
    assert_eq!(one.read("y"), "18");
    assert_eq!(one.call("DELETE y"), ":1");
    assert!(!one.commit());
    assert_eq!(now(&server), r#"["13", "17"]"#);
}

/// Two read both keys, and each writes another one. Serializable: one is refused. Snapshot: both commit, which is
/// write skew, as no order of the two explains what they read.
fn g2_item_write_skew(level: Level) {
    let server = server();
    let (mut one, mut two) = (
        Transaction::begin(&server, level),
        Transaction::begin(&server, level),
    );
    for transaction in [&mut one, &mut two] {
        assert_eq!(transaction.read("x"), "10");
        assert_eq!(transaction.read("y"), "20");
    }
    one.write("x", "11");
    two.write("y", "21");
    assert!(one.commit());
    assert_eq!(two.commit(), level == Snapshot);
    let y = if level == Snapshot { "21" } else { "20" };
    assert_eq!(now(&server), format!(r#"["11", "{y}"]"#));
}

/// Two look for what is not there, and each inserts something of the kind. Serializable: one is refused, though the
/// two have no key in common. Snapshot: both commit, which is write skew over a predicate.
fn g2_anti_dependency_cycles(level: Level) {
    let server = server();
    let (mut one, mut two) = (
        Transaction::begin(&server, level),
        Transaction::begin(&server, level),
    );
    for transaction in [&mut one, &mut two] {
        assert!(!transaction.scan().iter().any(|value| value.ends_with("30")));
    }
    one.write("z", "30");
    two.write("zz", "130");
    assert!(one.commit());
    assert_eq!(two.commit(), level == Snapshot);
    let found = server.connect().call("EXISTS z zz");
    assert_eq!(found, if level == Snapshot { ":2" } else { ":1" });
}
