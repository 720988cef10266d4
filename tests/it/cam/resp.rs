//! Methods through the real server: ids, names and commands, both protocols, and what survives a restart.

use crate::harness::{Connection, Server};

#[test]
fn one_method_answers_by_its_id_its_name_and_its_command() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let replies: Vec<_> = [
        &["CAM.VSA.DISTANCE", "web server", "web browser"][..],
        &["CAM", "VSA.DISTANCE", "web server", "web browser"],
        &["cam", "cam.vsa.distance", "web server", "web browser"],
        &["CAM", "0x0C00", "web server", "web browser"],
        &["CAM", "@0C00", "web server", "web browser"],
        &["CAM", "3072", "web server", "web browser"],
    ]
    .into_iter()
    .map(|arguments| client.command(arguments))
    .collect();
    assert!(replies[0].starts_with(':'), "{replies:?}");
    assert!(
        replies.iter().all(|reply| *reply == replies[0]),
        "{replies:?}"
    );
    let refused = client.call("CAM 0x0F00 x");
    assert!(
        refused.starts_with("-ERR 0x0F00 is free: CAM.DEFINE 0x0F00 name (arguments)"),
        "{refused}"
    );
    assert!(
        client
            .call("CAM 0x1000")
            .starts_with("-ERR expected a method id")
    );
}

#[test]
fn results_are_scalars_nil_or_tables_in_both_protocols() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.command(&["SET", "ada", "first programmer"]);
    client.command(&["SET", "alan", "machines that think"]);
    assert_eq!(client.call("CAM.LANCE.COUNT"), ":2");
    assert_eq!(client.call("CAM.VSA.BUNDLE"), "nil");
    assert_eq!(
        client.call("CAM.LANCE.TOPK programmer 0 FORM bundle"),
        "nil"
    );
    let pairs = client.call("CAM.LANCE.PAIRS 10240");
    assert!(pairs.starts_with("[[\"x\", \"y\", \"x_name\""), "{pairs}");
    assert!(
        pairs.contains("\"@8000\", \"@8001\", \"ada\", \"alan\""),
        "{pairs}"
    );
    let plan = client.call("CAM.LANCE.COUNT SCOPE node FORM plan");
    assert!(
        plan.contains("SELECT count(*)") && plan.contains("physical_plan"),
        "{plan}"
    );
    client.call("HELLO 3");
    let pairs = client.call("CAM.LANCE.PAIRS 10240");
    assert!(
        pairs.starts_with("[{\"x\": \"@8000\", \"y\": \"@8001\""),
        "{pairs}"
    );
    let listed = client.command(&[
        "SQL",
        "SELECT count(*) FROM methods WHERE operation = 'TOPK'",
    ]);
    assert!(listed.contains(":16"), "{listed}");
}

#[test]
fn methods_are_commands_with_documentation() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let premises = [
        "<bird --> animal>. %1.0;0.9%",
        "<robin --> bird>. %1.0;0.9%",
    ];
    let [long, short] =
        ["CAM.NARS.DEDUCE", "DEDUCE"].map(|name| client.command(&[name, premises[0], premises[1]]));
    assert!(long.contains("<robin --> animal>"), "{long}");
    assert_eq!(long, short);
    let barometer = [
        "MECHANISM",
        "rain",
        "pressure = 'low'",
        "MECHANISM",
        "pressure",
        "{low: 0.3, high: 0.7}",
    ];
    let observed = [&["CAM.CAUSAL.OBSERVE"][..], &barometer].concat();
    assert!(client.command(&observed).contains("\"pressure\""));
    let [long, short] =
        ["CAM.CAUSAL.EFFECTS", "CAUSE"].map(|name| client.command(&[name, "pressure"]));
    assert!(long.contains("\"rain\""), "{long}");
    assert_eq!(long, short);
    let [long, short] = ["CAM.CAUSAL.IMAGINE", "WOULD"]
        .map(|name| client.command(&[name, "rain=1", "pressure=low", "rain=0"]));
    assert!(long.contains("mechanisms"), "{long}");
    assert_eq!(long, short);
    let docs = client.call("COMMAND DOCS cam.vsa.unpermute");
    assert!(
        docs.contains("the inverse of PERMUTE") && docs.contains("\"cam\""),
        "{docs}"
    );
    let info = client.call("COMMAND INFO cam.lance.insert");
    assert!(info.contains("write"), "{info}");
}

#[test]
fn what_a_method_wrote_is_there_after_a_restart() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.command(&["CAM.LANCE.INSERT", "newton", "an apple falls"]);
    client.command(&["CAM.NARS.JUDGE", "<robin --> bird>", "0.9,0.8"]);
    client.command(&["CAM.QUALIA.SET", "newton", "0.5,0,0,0,0,0,0,1"]);
    let judged = client.command(&["CAM.NARS.ASK", "<robin --> bird>"]);
    let felt = client.command(&["CAM.QUALIA.FEEL", "newton"]);
    client.command(&["REMEMBER", "an apple fell", "TTL", "3600"]);
    client.command(&["CAM.MEMORY.REHEARSE", "newton", "newton"]);
    client.command(&["CAM.LEARNING.TRAIN", "fruit", "an apple"]);
    client.command(&["CAM.LEARNING.REWARD", "newton", "fruit", "0.5"]);
    let learned = learned_in(&mut client);
    assert!(
        learned.iter().all(|reply| !reply.starts_with('-')),
        "{learned:?}"
    );
    drop(client);
    let (_, data) = server.stop("-KILL");
    let server = Server::start_in(data, &[]);
    let mut client = server.connect();
    assert_eq!(client.call("GET newton"), "\"an apple falls\"");
    assert_eq!(
        client.command(&["CAM.NARS.ASK", "<robin --> bird>"]),
        judged
    );
    assert_eq!(client.command(&["CAM.QUALIA.FEEL", "newton"]), felt);
    assert_eq!(learned_in(&mut client), learned);
}

/// What was presented, counted and rewarded.
fn learned_in(client: &mut Connection) -> Vec<String> {
    [
        &["SQL", "SELECT properties FROM nodes ORDER BY id"][..],
        &["CAM.LEARNING.CLASSIFY", "an apple"],
        &["CAM.LEARNING.VALUE", "newton", "fruit"],
    ]
    .into_iter()
    .map(|arguments| client.command(arguments))
    .collect()
}

#[test]
fn a_memory_is_kept_called_up_and_forgotten_by_short_names() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.call("HELLO 3");
    client.command(&["SET", "gear", "a gear turns"]);
    let kept = client.command(&["REMEMBER", "a robin is a bird", "{\"about\":\"birds\"}"]);
    assert!(kept.contains("\"presentations\": :1"), "{kept}");
    let recalled = client.command(&["RECALL", "which bird is a robin", "1"]);
    assert!(recalled.contains("a robin is a bird"), "{recalled}");
    assert_eq!(
        client.command(&["FEEL", "gear"]),
        client.command(&["CAM.QUALIA.FEEL", "gear"])
    );
    client.command(&["FORGET", "@8001"]);
    assert_eq!(client.call("DBSIZE"), ":1");
    assert!(
        client
            .call("FORGET nobody")
            .starts_with("-ERR CAM.MEMORY.FORGET: x: no such node")
    );
}

#[test]
fn words_and_programs_are_commands_and_outlive_a_restart() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for name in ["ada", "bob", "eve"] {
        client.command(&["SET", name, name]);
    }
    assert_eq!(client.call("CAM.VERBS.DEFINE DEPENDS_ON"), "\"@0790\"");
    assert_eq!(client.call("CAM VERBS.DEFINE DEPENDS_ON"), "\"@0790\"");
    let asserted = client.call("CAM.VERBS.CAUSES ada bob 1,0.5");
    assert!(asserted.contains("\"is_new\""), "{asserted}");
    client.call("CAM.VERBS.DEPENDS_ON bob eve 1,0.5");
    assert_eq!(client.call("CAM.CONCEPTS.DEFINE Ship"), "\"@0880\"");
    let defined = client.command(&[
        "CAM.DEFINE",
        "0x0F12",
        "chain",
        "(x)",
        "next = VERBS.CAUSES $x",
        "VERBS.DEPENDS_ON $next.address",
    ]);
    assert!(
        defined.contains("\"x: a node (KEY name, @8042 or #17)\""),
        "{defined}"
    );
    let lines = [
        "CAM.VERBS.CAUSES ada",
        "CAM 0x0700 KEY ada",
        "cam.verbs.DEPENDS_ON bob eve",
        "CAM 0x0790 bob",
        "CAM.CONCEPTS.SHIP",
        "CAM.CONCEPTS.PERSON ada",
        "CAM.USER.CHAIN ada",
        "CAM 0x0F12 ada",
        "CAM USER.chain KEY ada",
        "CAM.USER",
        "RESONATE Ship IN surface K 1",
    ];
    let before = lines.map(|line| client.call(line));
    assert_eq!(before[6], before[7]);
    assert!(before[6].contains("eve"), "{}", before[6]);
    assert!(
        before.iter().all(|reply| !reply.starts_with('-')),
        "{before:?}"
    );
    assert!(
        client
            .call("CAM.VERBS.SWIMS ada")
            .contains("no such verb 'SWIMS'")
    );
    for (line, message) in [
        (
            "CAM.VERBSES.SWIMS ada",
            "-ERR unknown command 'CAM.VERBSES.SWIMS': expected ",
        ),
        (
            "cam.vsa.sum a b",
            "-ERR unknown command 'cam.vsa.sum': expected one of DISTANCE, SIMILARITY",
        ),
    ] {
        let refused = client.call(line);
        assert!(refused.starts_with(message), "{refused}");
    }
    let docs = client.call("COMMAND DOCS cam.user");
    assert!(docs.contains("are one commit"), "{docs}");
    drop(client);
    let (_, data) = server.stop("-KILL");
    let server = Server::start_in(data, &[]);
    let mut client = server.connect();
    assert_eq!(lines.map(|line| client.call(line)), before, "from the log");
    assert_eq!(client.call("SAVE"), "+OK");
    drop(client);
    let (_, data) = server.stop("-KILL");
    let server = Server::start_in(data, &[]);
    let mut client = server.connect();
    assert_eq!(
        lines.map(|line| client.call(line)),
        before,
        "from a checkpoint"
    );
    assert!(client.call("CAM.UNDEFINE chain").contains("@0F12"));
    assert!(
        client
            .call("CAM 0x0F12 ada")
            .contains("0x0F12 is free: CAM.DEFINE 0x0F12")
    );
}

/// A shorthand is its method: the same syntax and documentation, the same plan and the same refusals.
#[test]
fn every_shorthand_is_its_method() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.command(&["CAM.CAUSAL.OBSERVE", "rain=1,wet=1", "rain=0,wet=0"]);
    client.call("LINK rain CAUSES wet");
    let (m_p, s_m) = ("<m --> p>. %1;0.9%", "<s --> m>. %1;0.9%");
    let (p_m, m_s) = ("<p --> m>. %1;0.9%", "<m --> s>. %1;0.9%");
    for (short, long, arguments) in [
        ("CAUSE", "CAUSAL.EFFECTS", &["rain"][..]),
        ("WOULD", "CAUSAL.IMAGINE", &["wet=1", "rain=1", "rain=0"]),
        ("DEDUCE", "NARS.DEDUCE", &[m_p, s_m]),
        ("INDUCE", "NARS.INDUCE", &[m_p, m_s]),
        ("ABDUCE", "NARS.ABDUCE", &[p_m, s_m]),
        ("JUDGE", "NARS.JUDGE", &["<robin --> bird>", "1,0.9"]),
        ("INTUIT", "QUALIA.INTUIT", &["0,0,0,0,0,0,0,0", "2"]),
        ("REMEMBER", "MEMORY.REMEMBER", &["a text", "{}", "TTL", "9"]),
        ("RECALL", "MEMORY.RECALL", &["a text", "2"]),
        ("FORGET", "MEMORY.FORGET", &["rain"]),
        ("FEEL", "QUALIA.FEEL", &["rain"]),
    ] {
        let long = format!("CAM.{long}");
        for more in [&["FORM", "plan"][..], &["one", "too", "many"]] {
            let [short, long] = [short, &long].map(|name| {
                let words = [&[name][..], arguments, more].concat();
                let reply = client.command(&words);
                // Plans of the same SQL name what they share as they like.
                let (said, _) = reply.split_once("logical_plan").unwrap_or((&reply, ""));
                said.to_owned()
            });
            assert_eq!(short, long);
            assert_eq!(short.starts_with('-'), more.len() > 2, "{short}");
        }
        let [short, long] = [short, &long].map(|name| {
            let docs = client.call(&format!("COMMAND DOCS {name}"));
            docs.split_once(", ")
                .expect("a name and its documentation")
                .1
                .to_owned()
        });
        assert_eq!(short, long);
    }
}
