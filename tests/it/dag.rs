//! DAG.*: transactions that last, the past, forks, merges and rollbacks, over the wire and over restarts.

use std::time::{Duration, Instant};

use super::harness::{Connection, Server};

/// The id that DAG.BEGIN answers.
fn begin(client: &mut Connection, options: &str) -> String {
    let id = client.call(format!("DAG.BEGIN {options}").trim_end());
    id.trim_matches('"').to_owned()
}

#[test]
fn a_transaction_sees_its_snapshot_and_its_own_writes_and_commits_at_once() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.connect(), server.connect());
    client.call("SET a 1");
    let txn = begin(&mut client, "");
    assert_eq!(client.call(&format!("DAG.READ {txn} a")), "\"1\"");
    other.call("SET c 3");
    assert_eq!(client.call(&format!("DAG.READ {txn} c")), "nil");
    assert_eq!(client.call(&format!("DAG.WRITE {txn} b 2")), "+OK");
    assert_eq!(client.call(&format!("DAG.WRITE {txn} a 10")), "+OK");
    assert_eq!(client.call(&format!("DAG.READ {txn} b")), "\"2\"");
    assert_eq!(other.call("MGET a b"), "[\"1\", nil]");
    assert_eq!(client.call(&format!("DAG.DELETE {txn} nobody")), ":0");
    // It had looked for c, which came since.
    let refused = client.call(&format!("DAG.COMMIT {txn}"));
    assert!(
        refused.starts_with("-CONFLICT @8001 'c' was changed by version 2"),
        "{refused}"
    );
    assert_eq!(other.call("MGET a b"), "[\"1\", nil]");
    let over = client.call(&format!("DAG.READ {txn} a"));
    assert!(over.starts_with("-NOTXN no transaction"), "{over}");

    let txn = begin(&mut client, "");
    client.call(&format!("DAG.WRITE {txn} a 10"));
    client.call(&format!("DAG.WRITE {txn} b 2"));
    assert_eq!(client.call(&format!("DAG.DELETE {txn} c")), ":1");
    assert_eq!(client.call(&format!("DAG.COMMIT {txn}")), ":3");
    assert_eq!(other.call("MGET a b c"), "[\"10\", \"2\", nil]");
}

#[test]
fn edges_are_linked_and_unlinked_within_a_transaction() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.call("MSET a 1 b 2");
    client.call("LINK a CAUSES b");
    let txn = begin(&mut client, "");
    client.call(&format!("DAG.WRITE {txn} new 3"));
    assert!(
        client
            .call(&format!("DAG.LINK {txn} new IS_A b"))
            .starts_with("\"#")
    );
    assert_eq!(client.call(&format!("DAG.UNLINK {txn} a CAUSES b")), ":1");
    assert_eq!(client.call(&format!("DAG.UNLINK {txn} a CAUSES b")), ":0");
    let missing = client.call(&format!("DAG.LINK {txn} a CAUSES nobody"));
    assert_eq!(missing, "-ERR no such node 'nobody'");
    assert_eq!(
        client.call("TRAVERSE a VIA CAUSES"),
        "[[\"b\", \"@8001\", :1]]"
    );
    assert!(client.call(&format!("DAG.COMMIT {txn}")).starts_with(':'));
    assert_eq!(client.call("TRAVERSE a VIA CAUSES"), "[]");
    assert_eq!(
        client.call("TRAVERSE new VIA IS_A"),
        "[[\"b\", \"@8001\", :1]]"
    );

    // Its end went meanwhile.
    let txn = begin(&mut client, "ISOLATION snapshot");
    client.call(&format!("DAG.LINK {txn} a RELATES b"));
    client.call("DEL b");
    let refused = client.call(&format!("DAG.COMMIT {txn}"));
    assert!(
        refused.starts_with("-CONFLICT #2 was changed by version"),
        "{refused}"
    );
}

#[test]
fn snapshot_isolation_lets_the_policy_decide() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.connect(), server.connect());
    let serializable = client.call("DAG.BEGIN ON CONFLICT mine");
    assert!(
        serializable.contains("need ISOLATION snapshot"),
        "{serializable}"
    );
    for (policy, wins) in [("mine", "\"me\""), ("theirs", "\"them\"")] {
        client.call("SET k base");
        let txn = begin(
            &mut client,
            &format!("ISOLATION snapshot ON CONFLICT {policy}"),
        );
        client.call(&format!("DAG.WRITE {txn} k me"));
        other.call("SET k them");
        assert!(
            client.call(&format!("DAG.COMMIT {txn}")).starts_with(':'),
            "{policy}"
        );
        assert_eq!(client.call("GET k"), wins);
    }
    for policy in ["abort", "merge"] {
        client.call("SET k base");
        let txn = begin(
            &mut client,
            &format!("ISOLATION snapshot ON CONFLICT {policy}"),
        );
        client.call(&format!("DAG.WRITE {txn} k me"));
        other.call("SET k them");
        let refused = client.call(&format!("DAG.COMMIT {txn}"));
        assert!(
            refused.starts_with("-CONFLICT @8000 'k' was changed by version"),
            "{refused}"
        );
        assert_eq!(client.call("GET k"), "\"them\"");
    }
    // Disjoint bits of one given fingerprint both win; the same bit does not.
    let bits = |words: &[(usize, char)]| {
        let mut hex = vec!['0'; 2560];
        words.iter().for_each(|(at, digit)| hex[*at] = *digit);
        hex.into_iter().collect::<String>()
    };
    client.call(&format!("SET f v FP {}", bits(&[])));
    let txn = begin(&mut client, "ISOLATION snapshot ON CONFLICT merge");
    client.call(&format!("DAG.WRITE {txn} f FP {}", bits(&[(0, '1')])));
    other.call(&format!("SET f v FP {}", bits(&[(9, '1')])));
    assert!(client.call(&format!("DAG.COMMIT {txn}")).starts_with(':'));
    let both = client.call(&format!("HAMMING f FP {}", bits(&[(0, '1'), (9, '1')])));
    assert_eq!(both, ":0");
    let txn = begin(&mut client, "ISOLATION snapshot ON CONFLICT merge");
    client.call(&format!(
        "DAG.WRITE {txn} f FP {}",
        bits(&[(0, '3'), (9, '1')])
    ));
    other.call(&format!("SET f v FP {}", bits(&[(0, '7'), (9, '1')])));
    assert!(
        client
            .call(&format!("DAG.COMMIT {txn}"))
            .starts_with("-CONFLICT")
    );
}

#[test]
fn a_scan_is_part_of_what_a_serializable_transaction_read() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.connect(), server.connect());
    client.call("MSET a 1 b 2");
    client.call("SET passing x EX 100");
    let txn = begin(&mut client, "");
    assert_eq!(
        client.call(&format!("DAG.SCAN {txn} node")),
        "[[\"a\", \"@8000\", \"1\"], [\"b\", \"@8001\", \"2\"]]"
    );
    assert_eq!(
        client.call(&format!("DAG.SCAN {txn} 80 LIMIT 1")),
        "[[\"a\", \"@8000\", \"1\"]]"
    );
    assert_eq!(
        client.call(&format!("DAG.SCAN {txn} fluid")),
        "[[\"passing\", \"@1000\", \"x\"]]"
    );
    let wrong = client.call(&format!("DAG.SCAN {txn} 07"));
    assert!(
        wrong.contains("expected fluid, node or a prefix"),
        "{wrong}"
    );
    client.call(&format!("DAG.WRITE {txn} total 3"));
    other.call("SET phantom 4");
    let refused = client.call(&format!("DAG.COMMIT {txn}"));
    assert!(
        refused.starts_with("-CONFLICT @8002 'phantom' was changed"),
        "{refused}"
    );
}

#[test]
fn transactions_are_listed_aborted_and_bounded() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let brief = begin(&mut client, "TIMEOUT 50");
    let txn = begin(&mut client, "ISOLATION snapshot ON CONFLICT theirs");
    client.call(&format!("DAG.READ {txn} nobody"));
    let listed = client.call("DAG.TXNS");
    assert!(
        listed.contains(&format!("[\"{txn}\", \"0\", :0, \"snapshot\", \"theirs\"")),
        "{listed}"
    );
    std::thread::sleep(Duration::from_millis(100));
    assert!(
        client
            .call(&format!("DAG.READ {brief} a"))
            .starts_with("-NOTXN")
    );
    assert_eq!(client.call(&format!("DAG.ABORT {txn}")), "+OK");
    assert!(
        client
            .call(&format!("DAG.ABORT {txn}"))
            .starts_with("-NOTXN")
    );
    assert!(
        client
            .call("DAG.READ nonsense a")
            .starts_with("-NOTXN no transaction 'nonsense'")
    );
    assert_eq!(client.call("DAG.TXNS"), "[]");
    for _ in 0..1024 {
        assert!(client.call("DAG.BEGIN").starts_with('"'));
    }
    let refused = client.call("DAG.BEGIN");
    assert!(
        refused.starts_with("-ERR 1024 transactions are under way"),
        "{refused}"
    );
    for wrong in [
        "DAG.BEGIN ISOLATION none",
        "DAG.BEGIN ON CONFLICT x",
        "DAG.BEGIN TIMEOUT 0",
    ] {
        assert!(client.call(wrong).starts_with("-ERR expected"), "{wrong}");
    }
    client.call("MULTI");
    assert!(
        client.call("DAG.BEGIN").starts_with("-ERR"),
        "no transaction within another"
    );
}

#[test]
fn the_past_of_a_node_is_read_by_version_and_time_also_after_a_restart() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.call("SET k one KIND First");
    client.call("SET k two");
    client.call("HSET h f 1");
    client.call("RENAME k other");
    client.call("SET gone x");
    client.call("DEL gone");
    client.call("HSET h f 2");
    let check = |client: &mut Connection| {
        let then = client.call("DAG.TIMETRAVEL k 1");
        assert!(
            then.starts_with("[:1, :") && then.contains("\"k\", \"@8000\", \"#1\", \"one\", nil"),
            "{then}"
        );
        assert!(client.call("DAG.TIMETRAVEL #1 2").contains("\"two\", nil"));
        assert!(client.call("DAG.TIMETRAVEL other 3").starts_with("nil"));
        assert!(client.call("DAG.TIMETRAVEL other 4").contains("\"other\""));
        assert_eq!(client.call("DAG.TIMETRAVEL k 4"), "nil");
        assert!(client.call("DAG.TIMETRAVEL gone 5").contains("\"x\""));
        assert_eq!(client.call("DAG.TIMETRAVEL gone 6"), "nil");
        let ahead = client.call("DAG.TIMETRAVEL k 99");
        assert_eq!(ahead, "-ERR version 99 is yet to come; the newest is 7");
        let history = client.call("DAG.HISTORY other");
        for part in ["[:4, ", "[\"name\"]", "[\"value\"]", "[\"created\"]"] {
            assert!(history.contains(part), "{part} in {history}");
        }
        assert_eq!(
            client
                .call("DAG.HISTORY other LIMIT 1")
                .matches("[:")
                .count(),
            1
        );
        assert!(client.call("DAG.HISTORY gone").contains("[:5, "));
        assert!(client.call("DAG.HISTORY h").contains("[\"fields\"]"));
        assert_eq!(client.call("DAG.HISTORY nobody"), "[]");
        let diff = client.call("DAG.DIFF h 3 7");
        assert!(diff.ends_with("[\"fields:f\"]]"), "{diff}");
        let diff = client.call("DAG.DIFF #1 1 2");
        assert!(
            diff.ends_with("[\"value\"]]") && !diff.contains(":0,"),
            "{diff}"
        );
        let changed = client.call("DAG.CHANGED 3 6");
        assert_eq!(
            changed,
            "[[\"node\", \"#1\", \"@8000\", \"other\", \"changed\"]]"
        );
    };
    check(&mut client);
    let committed = client.call("DAG.TIMETRAVEL k 2");
    let time = committed
        .split(", :")
        .nth(1)
        .and_then(|rest| rest.split(',').next());
    let time = time.expect("a time").to_owned();
    assert!(
        client
            .call(&format!("DAG.TIMETRAVEL k TIMESTAMP {time}"))
            .contains("\"two\"")
    );
    let (_, data) = server.stop("-KILL");
    let server = Server::start_in(data, &[]);
    let mut client = server.connect();
    check(&mut client);
    // And from a checkpoint.
    client.call("SAVE");
    let (_, data) = server.stop("-TERM");
    let server = Server::start_in(data, &[]);
    check(&mut server.connect());
}

#[test]
fn what_history_no_longer_has_is_version_gone() {
    let server = Server::start(&["--history-bytes", "0"]);
    let mut client = server.connect();
    client.call("SET k one");
    client.call("SET k two");
    client.call("SET k three");
    // What is acknowledged is forgotten once a second at the latest.
    let deadline = Instant::now() + Duration::from_secs(10);
    let gone = loop {
        let gone = client.call("DAG.TIMETRAVEL k 1");
        if gone.starts_with('-') {
            break gone;
        }
        assert!(Instant::now() < deadline, "{gone}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(
        gone.starts_with(
            "-VERSIONGONE version 1 of space 0 is forgotten; the oldest left is version"
        ),
        "{gone}"
    );
    assert!(client.call("DAG.STATS").starts_with("[:3, :"));
}

#[test]
fn forks_are_spaces_of_their_own_that_merge_and_drop_and_survive() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.call("MSET a 1 b 2");
    client.call("LINK a CAUSES b");
    assert_eq!(client.call("DAG.FORK what-if"), ":2");
    assert!(
        client
            .call("DAG.FORK what-if")
            .starts_with("-ERR space 'what-if' is there already")
    );
    assert_eq!(client.call("DAG.FORK before AT 1"), ":1");
    client.call("SET c 3");
    client.call("SELECT what-if");
    assert_eq!(client.call("MGET a b c"), "[\"1\", \"2\", nil]");
    client.call("SET a 10");
    client.call("SET d 4");
    client.call("LINK d RELATES a");
    client.call("SELECT before");
    assert_eq!(client.call("TRAVERSE a VIA CAUSES"), "[]");
    let (_, data) = server.stop("-KILL");
    let server = Server::start_in(data, &[]);
    let mut client = server.connect();
    client.call("SAVE");
    let (_, data) = server.stop("-KILL");
    let server = Server::start_in(data, &[]);
    let mut client = server.connect();
    assert_eq!(client.call("MGET a b c d"), "[\"1\", \"2\", \"3\", nil]");
    client.call("SELECT what-if");
    assert_eq!(client.call("MGET a b c d"), "[\"10\", \"2\", nil, \"4\"]");
    client.call("SELECT 0");
    assert!(client.call("DAG.MERGE what-if").starts_with(':'));
    assert_eq!(client.call("MGET a b c d"), "[\"10\", \"2\", \"3\", \"4\"]");
    assert_eq!(
        client.call("TRAVERSE d VIA RELATES"),
        "[[\"a\", \"@8000\", :1]]"
    );
    client.call("SET a theirs");
    client.call("SELECT what-if");
    client.call("SET a mine");
    client.call("SELECT 0");
    assert!(
        client
            .call("DAG.MERGE what-if")
            .starts_with("-CONFLICT @8000 'a' was changed")
    );
    assert!(
        client
            .call("DAG.MERGE what-if ON CONFLICT mine")
            .starts_with(':')
    );
    assert_eq!(client.call("GET a"), "\"mine\"");
    let mut inside = server.connect();
    inside.call("SELECT what-if");
    assert_eq!(client.call("DAG.DROP what-if"), "+OK");
    assert!(
        inside.call("SET a x").starts_with("-NOSPACE space"),
        "it was dropped"
    );
    assert!(
        client
            .call("DAG.DROP what-if")
            .starts_with("-NOSPACE space 'what-if' is no fork")
    );
    assert!(
        client
            .call("DAG.MERGE 0")
            .starts_with("-NOSPACE space '0' is no fork")
    );
    let (_, data) = server.stop("-KILL");
    let server = Server::start_in(data, &[]);
    let mut client = server.connect();
    assert_eq!(client.call("GET a"), "\"mine\"");
    assert!(client.call("DAG.MERGE what-if").starts_with("-NOSPACE"));
}

#[test]
fn checkpoints_by_name_are_rolled_back_to_and_never_change() {
    let server = Server::start(&["--history-bytes", "0"]);
    let mut client = server.connect();
    client.call("MSET a 1 b 2");
    client.call("LINK a CAUSES b");
    assert_eq!(client.call("DAG.CHECKPOINT good"), ":2");
    client.call("SET a 10");
    client.call("DEL b");
    client.call("SET c 3");
    let (_, data) = server.stop("-KILL");
    let server = Server::start_in(data, &["--history-bytes", "0"]);
    let mut client = server.connect();
    let listed = client.call("DAG.CHECKPOINTS");
    assert!(listed.starts_with("[[\"good\", :2, :"), "{listed}");
    assert_eq!(client.call("DAG.ROLLBACK good"), ":6");
    assert_eq!(client.call("MGET a b c"), "[\"1\", \"2\", nil]");
    assert_eq!(
        client.call("TRAVERSE a VIA CAUSES"),
        "[[\"b\", \"@8001\", :1]]"
    );
    assert!(client.call("DAG.ROLLBACK 1").starts_with("-VERSIONGONE"));
    assert!(
        client
            .call("DAG.ROLLBACK bad")
            .starts_with("-ERR expected a version or a checkpoint")
    );
    assert!(
        client
            .call("DAG.CHECKPOINT 7")
            .starts_with("-ERR expected a name that is no number")
    );
    let unnamed = server.redis_cli(&["dag.checkpoint", ""]);
    assert!(
        unnamed.starts_with("ERR expected a name that is no number"),
        "{unnamed}"
    );
    client.call("SELECT checkpoint:0:good");
    assert_eq!(client.call("GET a"), "\"1\"");
    assert!(
        client
            .call("SET a x")
            .starts_with("-READONLY space 'checkpoint:0:good' is a checkpoint")
    );
    client.call("SELECT 0");
    assert_eq!(client.call("FLUSHALL"), "+OK");
    assert_eq!(client.call("DAG.ROLLBACK good"), ":8");
    assert_eq!(client.call("GET a"), "\"1\"");
    assert_eq!(client.call("DAG.DROP good"), "+OK");
    assert_eq!(client.call("DAG.CHECKPOINTS"), "[]");
}

#[test]
fn rolling_back_to_a_version_restores_nodes_names_edges_and_trees() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.call("DN.SET t:one:leaf first");
    client.call("SET x 1 EX 1000 KIND A");
    client.call("LINK x IS_A t:one:leaf WEIGHT 0.5");
    let stats = client.call("DAG.STATS");
    let version = stats.trim_start_matches("[:").split(',').next();
    let version = version.expect("a version").to_owned();
    client.call("DN.DEL t RECURSIVE");
    client.call("PERSIST x");
    client.call("RENAME x t");
    client.call("SET x other");
    assert!(
        client
            .call(&format!("DAG.ROLLBACK {version}"))
            .starts_with(':')
    );
    assert_eq!(client.call("DN.ANCESTORS t:one:leaf"), "[\"t\", \"t:one\"]");
    assert_eq!(client.call("GET t:one:leaf"), "\"first\"");
    assert_eq!(client.call("GET x"), "\"1\"");
    assert!(client.call("FANOUT x").contains("\"t:one:leaf\""));
    assert_ne!(client.call("TTL x"), ":-1");
    assert_eq!(client.call("DBSIZE"), ":4");
}
