//! Methods through the real server: ids, names and commands, both protocols, and what survives a restart.

use crate::harness::Server;

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
    let refused = client.call("CAM 0x0A00 x");
    assert!(
        refused.starts_with(
            "-ERR this version of the server has no methods in family 0x0A MEMORY; it has those of"
        ),
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
fn methods_are_commands_with_documentation_and_stay_out_of_transactions() {
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
    assert_eq!(client.call("MULTI"), "+OK");
    assert!(client.call("CAM.LANCE.COUNT").starts_with('-'));
    client.call("DISCARD");
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
}
