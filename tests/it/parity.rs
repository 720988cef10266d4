//! DAG.PARITY through the real server. Damage is done to the file of a checkpoint while the server has it mapped,
//! which is where its fingerprints then lie.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::harness::{Connection, Server};

/// How long anything may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);
/// No scrubbing unless a test asks for it.
const UNSCRUBBED: &[&str] = &["--scrub-bytes-per-second", "0"];

/// Fingerprint number `n`, in hex.
fn fingerprint(n: u8) -> String {
    (0..1_280u32)
        .map(|byte| {
            format!(
                "{:02x}",
                (byte * 7 + 3 * u32::from(n)) as u8 ^ n.wrapping_mul(85)
            )
        })
        .collect()
}

/// A data directory with a checkpoint of two nodes of given fingerprints, `a` and `b`, and one of text.
fn checkpoint() -> TempDir {
    let server = Server::start(UNSCRUBBED);
    let mut client = server.connect();
    for (name, n) in [("a", 1), ("b", 2)] {
        let set = format!("SET {name} v FP {}", fingerprint(n));
        assert_eq!(client.call(&set), "+OK");
    }
    assert_eq!(client.call("SET text words"), "+OK");
    let (status, data) = server.stop("-TERM");
    assert!(status.success());
    data
}

/// The table of nodes of the only checkpoint.
fn table(data: &Path) -> PathBuf {
    let mut checkpoints = std::fs::read_dir(data.join("checkpoints")).expect("a directory");
    let checkpoint = checkpoints.next().expect("a checkpoint").expect("an entry");
    checkpoint.path().join("nodes.arrow")
}

/// Flips a bit of fingerprint number `n` where it lies in the file.
fn flip(data: &Path, n: u8) {
    let path = table(data);
    let bytes = std::fs::read(&path).expect("the table");
    let hex = fingerprint(n);
    let wanted: Vec<u8> = (0..1_280)
        .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex"))
        .collect();
    let at = bytes.windows(1_280).position(|window| window == wanted);
    let at = at.expect("the fingerprint") + 100;
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("the table");
    file.write_at(&[bytes[at] ^ 4], at as u64).expect("written");
}

/// A server that has the checkpoint mapped, and the directory.
fn mapped(flags: &[&str]) -> (Server, PathBuf) {
    let data = checkpoint();
    let path = data.path().to_owned();
    (Server::start_in(data, flags), path)
}

fn is(client: &mut Connection, name: &str, n: u8) -> bool {
    client.call(&format!("ENCODE KEY {name}")) == format!("\"{}\"", fingerprint(n))
}

/// Calls a command until its reply has this text; answers it.
fn wait_for(client: &mut Connection, command: &str, text: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let reply = client.call(command);
        if reply.contains(text) {
            return reply;
        }
        assert!(Instant::now() < deadline, "no {text} in {reply}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn damage_is_named_and_recovered_and_stays_so_after_a_restart() {
    let (server, data) = mapped(UNSCRUBBED);
    let mut client = server.connect();
    assert_eq!(client.call("DAG.PARITY.VERIFY"), "[]");
    flip(&data, 1);
    assert!(!is(&mut client, "a", 1), "the file is mapped");
    let row = "[\"@8000\", \"#1\", \"a\", \"fingerprint\", \"parity\"]";
    assert_eq!(client.call("DAG.PARITY.VERIFY"), format!("[{row}]"));
    let mut third = server.connect();
    third.call("HELLO 3");
    assert_eq!(
        third.call("DAG.PARITY.VERIFY"),
        "[{\"address\": \"@8000\", \"id\": \"#1\", \"name\": \"a\", \"part\": \"fingerprint\", \
         \"remedy\": \"parity\"}]"
    );
    assert_eq!(client.call("SELECT 1"), "+OK");
    assert_eq!(client.call("DAG.PARITY.VERIFY"), "[]", "another space");
    assert_eq!(client.call("SELECT 0"), "+OK");
    let refused = client.call("DAG.PARITY.INIT");
    assert!(
        refused.starts_with("-ERR the parity is not computed anew while"),
        "{refused}"
    );
    assert!(refused.contains("(@8000)"), "{refused}");
    assert_eq!(client.call("DAG.PARITY.RECOVER a"), "\"parity\"");
    assert!(is(&mut client, "a", 1));
    assert_eq!(client.call("DAG.PARITY.VERIFY"), "[]");
    assert_eq!(client.call("DAG.PARITY.INIT"), ":0");
    for same in ["a", "KEY a", "@8000", "#1"] {
        assert_eq!(
            client.call(&format!("DAG.PARITY.RECOVER {same}")),
            "-ERR the fingerprint at @8000 is not damaged: its checksum holds; nothing was changed"
        );
    }
    // The next checkpoint is of memory, where it is whole.
    assert_eq!(client.call("SET more v"), "+OK");
    let (status, data) = server.stop("-TERM");
    assert!(status.success());
    let server = Server::start_in(data, UNSCRUBBED);
    let mut client = server.connect();
    assert!(is(&mut client, "a", 1) && is(&mut client, "b", 2));
    assert_eq!(client.call("DAG.PARITY.VERIFY"), "[]");
    assert!(
        client
            .call("DAG.PARITY.SCRUB STATUS")
            .contains("\"last_time\", nil"),
        "counted anew"
    );
}

#[test]
fn a_checkpoint_that_was_damaged_under_the_server_is_passed_over_by_the_next_start() {
    let (server, data) = mapped(UNSCRUBBED);
    flip(&data, 1);
    let mut client = server.connect();
    assert_eq!(client.call("DAG.PARITY.RECOVER a"), "\"parity\"");
    let (_, data) = server.stop("-TERM");
    let server = Server::start_in(data, UNSCRUBBED);
    assert!(server.log.contains("damaged"), "{}", server.log);
    assert!(is(&mut server.connect(), "a", 1), "the log has it");
}

#[test]
fn of_two_lost_fingerprints_both_are_named_and_one_written_anew_saves_the_other() {
    let (server, data) = mapped(UNSCRUBBED);
    let mut client = server.connect();
    flip(&data, 1);
    flip(&data, 2);
    let refused = client.call("DAG.PARITY.RECOVER a");
    assert_eq!(
        refused,
        "-ERR the fingerprint at @8000 cannot be rebuilt: parity brings one fingerprint a chunk back, and @8001 of \
         this chunk is lost too; write it anew, or take it from the older checkpoint and the log: SHUTDOWN NOSAVE, \
         `ladybug check DIR --repair`, and start"
    );
    let rows = client.call("DAG.PARITY.VERIFY");
    assert_eq!(rows.matches("\"nothing\"").count(), 2, "{rows}");
    client.call("DAG.PARITY.SCRUB");
    let status = wait_for(&mut client, "DAG.PARITY.SCRUB STATUS", "\"running\", :0");
    assert!(
        status.contains("\"last_lost\", [[\"0\", \"@8000\"], [\"0\", \"@8001\"]]"),
        "{status}"
    );
    assert!(client.call("INFO ladybug").contains("scrub_lost:2\\r\\n"));
    assert_eq!(
        client.call(&format!("SET b v FP {}", fingerprint(2))),
        "+OK"
    );
    assert_eq!(client.call("DAG.PARITY.RECOVER a"), "\"parity\"");
    assert!(is(&mut client, "a", 1) && is(&mut client, "b", 2));
    assert_eq!(client.call("DAG.PARITY.VERIFY"), "[]");
}

#[test]
fn a_scrub_repairs_in_the_background_and_says_so() {
    let (server, data) = mapped(UNSCRUBBED);
    let mut client = server.connect();
    client.call("HELLO 3");
    flip(&data, 2);
    let status = client.call("DAG.PARITY.SCRUB STATUS");
    assert_eq!(
        status,
        "{\"running\": :0, \"running_chunks\": :0, \"bytes_per_second\": :0, \"last_time\": nil, \
         \"last_duration_ms\": nil, \"last_chunks\": nil, \"last_repaired\": nil, \"last_lost\": []}"
    );
    assert_eq!(
        client.call("DAG.PARITY.SCRUB"),
        "+Background scrubbing started"
    );
    let status = wait_for(&mut client, "DAG.PARITY.SCRUB STATUS", "\"running\": :0");
    assert!(
        status.contains("\"last_chunks\": :1, \"last_repaired\": :1"),
        "{status}"
    );
    assert!(is(&mut client, "b", 2));
    let info = client.call("INFO ladybug");
    for line in [
        "scrub_chunks:1",
        "scrub_repaired:1",
        "scrub_lost:0",
        "scrub_in_progress:0",
    ] {
        assert!(info.contains(&format!("{line}\\r\\n")), "{line} in {info}");
    }
    assert!(!info.contains("scrub_last_pass_time:0\\r"), "{info}");
    assert_eq!(client.call("CONFIG RESETSTAT"), "+OK");
    assert!(
        client
            .call("INFO ladybug")
            .contains("scrub_repaired:0\\r\\n")
    );
}

#[test]
fn without_being_asked_it_scrubs_at_its_rate_and_who_asks_supersedes_or_shares() {
    let (server, data) = mapped(&[]);
    let mut client = server.connect();
    flip(&data, 2);
    wait_for(&mut client, "INFO ladybug", "scrub_repaired:1\\r\\n");
    assert!(is(&mut client, "b", 2));
    // So slow that it ends only when another rate is set: a pass runs by itself, and then one that was asked for.
    assert_eq!(client.call("CONFIG SET scrub-bytes-per-second 1"), "+OK");
    wait_for(
        &mut client,
        "DAG.PARITY.SCRUB STATUS",
        "\"running_chunks\", :1",
    );
    assert_eq!(
        client.call("DAG.PARITY.SCRUB"),
        "+Background scrubbing started"
    );
    assert_eq!(
        client.call("DAG.PARITY.SCRUB"),
        "+Background scrubbing already in progress"
    );
    assert_eq!(client.call("CONFIG SET scrub-bytes-per-second 0"), "+OK");
    wait_for(&mut client, "DAG.PARITY.SCRUB STATUS", "\"running\", :0");
    assert_eq!(
        client.call("CONFIG GET scrub-bytes-per-second"),
        "[\"scrub-bytes-per-second\", \"0\"]"
    );
    let refused = client.call("CONFIG SET scrub-bytes-per-second -1");
    assert!(
        refused.contains("argument must be between 0 and"),
        "{refused}"
    );
}

#[test]
fn what_is_asked_wrongly_is_refused() {
    let server = Server::start(UNSCRUBBED);
    let mut client = server.connect();
    assert_eq!(client.call("SET k v"), "+OK");
    for (command, expected) in [
        (
            "DAG.PARITY.VERIFY x",
            "wrong number of arguments for 'dag.parity.verify' command",
        ),
        (
            "DAG.PARITY.INIT x",
            "wrong number of arguments for 'dag.parity.init' command",
        ),
        (
            "DAG.PARITY.RECOVER",
            "wrong number of arguments for 'dag.parity.recover' command",
        ),
        ("DAG.PARITY.RECOVER missing", "no such node 'missing'"),
        (
            "DAG.PARITY.RECOVER TEXT words",
            "expected a node (KEY name, @8042 or #17), got 'TEXT'",
        ),
        (
            "DAG.PARITY.RECOVER k more",
            "expected nothing more, got 'more'",
        ),
        (
            "DAG.PARITY.RECOVER @9000",
            "the fingerprint at @9000 is not damaged",
        ),
        (
            "DAG.PARITY.SCRUB NOW",
            "expected STATUS or nothing more, got 'NOW'",
        ),
        ("DAG.PARITY.SCRUB STATUS x", "syntax error"),
    ] {
        let refused = client.call(command);
        assert!(
            refused.starts_with(&format!("-ERR {expected}")),
            "{command}: {refused}"
        );
    }
    assert_eq!(client.call("MULTI"), "+OK");
    let refused = client.call("DAG.PARITY.VERIFY");
    let why =
        "-ERR Command not allowed inside a transaction: DAG.PARITY.VERIFY is about the server";
    assert!(refused.starts_with(why), "{refused}");
    assert_eq!(client.call("DISCARD"), "+OK");
    let docs = client.call("COMMAND DOCS dag.parity.verify");
    assert!(docs.contains("not as it was written"), "{docs}");
}
