"""Arrow Flight with pyarrow's client: streams, puts, actions, exchange, access, errors, cancellation."""

import json
import random
import re
import signal
import threading
import time
import urllib.request

import pyarrow as pa
import pyarrow.flight as flight
import pytest

FINGERPRINT_BYTES = 1280
DISTANCES = {"distance": pa.uint32(), "similarity": pa.float64(), "z": pa.float64()}


def connect(server, **options):
    return flight.FlightClient(f"grpc://127.0.0.1:{server.flight_port}", **options)


@pytest.fixture
def client(server):
    with connect(server) as client:
        yield client


def get(client, ticket, options=None):
    return client.do_get(flight.Ticket(ticket), options).read_all()


def act(client, name, body=b"", options=None):
    """The answer of an action: of a JSON body, or an Arrow table."""
    if isinstance(body, pa.Table):
        body = ipc_bytes(body)
    elif not isinstance(body, bytes):
        body = json.dumps(body).encode()
    (result,) = client.do_action(flight.Action(name, body), options)
    return pa.ipc.open_stream(result.body).read_all()


def ipc_bytes(table):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def put(client, command, table, max_chunksize=None):
    """The acknowledgements of a put."""
    descriptor = command if isinstance(command, flight.FlightDescriptor) else flight.FlightDescriptor.for_command(command)
    writer, reader = client.do_put(descriptor, table.schema)
    acknowledgements = []
    with writer:
        writer.write_table(table, max_chunksize)
        writer.done_writing()
        while (acknowledgement := reader.read()) is not None:
            acknowledgements.append(json.loads(acknowledgement.to_pybytes()))
    return acknowledgements


def fingerprint(n):
    return bytes([n]) * FINGERPRINT_BYTES


def random_fingerprint(n):
    return random.Random(n).randbytes(FINGERPRINT_BYTES)


def some_nodes(count, first=0):
    return pa.table({
        "name": [f"n{n}" for n in range(first, first + count)],
        "value": pa.array([f"value {n}".encode() for n in range(first, first + count)], pa.binary()),
    })


# Streams

def test_flight_streams_nodes_in_the_canonical_schema(server, client):
    with server.client() as redis:
        redis.execute_command("SET", "ada", "a web server", "KIND", "daemon")
        redis.execute_command("SET", "soon", "x", "EX", "600")
        redis.hset("bob", mapping={"age": "7"})
        redis.execute_command("CAM.VERBS.DEFINE", "HELPS")
        redis.execute_command("LINK", "ada", "HELPS", "bob", "WEIGHT", "0.5")
    table = get(client, "all")
    assert table.schema.names == [
        "id", "address", "zone", "name", "kinds", "value", "properties", "fingerprint", "frequency", "confidence",
        "evidence", "qualia", "rung", "depth", "parent", "version", "created", "expires", "accessed", "accesses"]
    assert table.schema.field("fingerprint").type == pa.binary(FINGERPRINT_BYTES)
    assert table.schema.field("zone").type == pa.dictionary(pa.uint8(), pa.string())
    rows = {row["name"]: row for row in table.to_pylist()}
    assert set(rows) == {"ada", "bob", "soon"}
    assert rows["ada"]["kinds"] == ["daemon"] and rows["ada"]["value"] == b"a web server"
    assert json.loads(rows["bob"]["properties"]) == {"age": "7"}
    assert rows["soon"]["zone"] == "fluid" and rows["ada"]["zone"] == "node"
    assert get(client, "nodes")["name"].to_pylist() == ["ada", "bob"]
    assert get(client, "fluid")["name"].to_pylist() == ["soon"]
    prefix = rows["ada"]["address"] >> 8
    assert get(client, f"prefix:{prefix:02x}").num_rows == 2
    (edge,) = get(client, "edges").to_pylist()
    assert (edge["source"], edge["verb"], edge["target"]) == (rows["ada"]["id"], "HELPS", rows["bob"]["id"])
    assert edge["weight"] == 0.5
    surface = get(client, "surface").to_pylist()
    assert "HELPS" in [row["name"] for row in surface] and {row["zone"] for row in surface} == {"surface"}


def test_flight_projects_columns_in_their_order(client):
    put(client, "nodes", some_nodes(3))
    table = get(client, "columns=name,id;all")
    assert table.schema.names == ["name", "id"] and table["name"].to_pylist() == ["n0", "n1", "n2"]
    assert get(client, "columns=weight;edges").schema.names == ["weight"]


def test_flight_reads_other_spaces_and_versions(server, client):
    with server.client() as redis:
        redis.execute_command("SELECT", "3")
        redis.set("k", "old")
    (version,) = [row["version"] for row in act(client, "stats").to_pylist() if row["space"] == "3"]
    with server.client() as redis:
        redis.execute_command("SELECT", "3")
        redis.set("k", "new")
    assert get(client, "space=3;columns=value;all")["value"].to_pylist() == [b"new"]
    assert get(client, f"space=3;columns=value;asof:{version}:nodes")["value"].to_pylist() == [b"old"]
    with pytest.raises(pa.ArrowException, match="yet to come"):
        get(client, "space=3;asof:1000000:nodes")


def test_flight_searches_as_resonate_does(server, client):
    with server.client() as redis:
        for n, text in enumerate(["a web server", "a mail server", "editor of text", "web server"]):
            redis.set(f"k{n}", text)
        expected = redis.execute_command("RESONATE", "web server", "K", "3")
    table = get(client, "topk:3:web server")
    assert table["name"].to_pylist() == [row["name"] for row in expected]
    assert table["distance"].to_pylist() == [row["distance"] for row in expected]
    assert {name: table.schema.field(name).type for name in DISTANCES} == DISTANCES
    ranked = get(client, "columns=distance,name,value;topk:4:KEY k3")
    assert ranked["distance"][0].as_py() == 0 and ranked["name"][0].as_py() == "k3"
    assert ranked["distance"].to_pylist() == sorted(ranked["distance"].to_pylist())
    assert ranked.schema.names == ["distance", "name", "value"]
    most = ranked["distance"][1].as_py()
    assert get(client, f"recall=1;search:{most}:KEY k3")["name"].to_pylist() == ranked["name"].to_pylist()[:2]
    assert get(client, "search:0:nothing is like this").num_rows == 0


def test_flight_lists_flights_and_tells_of_each(client):
    put(client, "space=3;nodes", some_nodes(5))
    flights = {tuple(part.decode() for part in info.descriptor.path): info for info in client.list_flights()}
    info = flights[("3", "all")]
    assert info.total_records == 5 and info.schema == get(client, "all").schema
    ticket = info.endpoints[0].ticket.ticket
    assert not ticket.startswith(b"space"), "it is opaque"
    assert get(client, ticket).num_rows == 5
    assert {info.descriptor.path[0] for info in client.list_flights(b"3")} == {b"3"}
    for descriptor in (flight.FlightDescriptor.for_path("3", "nodes"), flight.FlightDescriptor.for_command("space=3;nodes")):
        info = client.get_flight_info(descriptor)
        assert info.total_records == 5
        assert client.get_schema(descriptor).schema == info.schema
    changed = ticket[:-1] + bytes([ticket[-1] ^ 1])
    with pytest.raises(pa.ArrowInvalid, match="as it came"):
        get(client, changed)


def test_flight_stream_is_of_one_moment_whatever_is_written_meanwhile(server, client):
    put(client, "nodes", some_nodes(5000))
    reader = client.do_get(flight.Ticket("columns=name,value,fingerprint;all"))
    first = reader.read_chunk().data
    assert first["value"][0].as_py() == b"value 0"
    changed = some_nodes(5000).set_column(1, "value", pa.array([b"changed"] * 5000, pa.binary()))
    (acknowledgement,) = put(client, "nodes", changed)
    rest = reader.read_all()
    values = rest["value"].to_pylist()
    assert len(values) + first.num_rows == 5000 and b"changed" not in values
    assert set(get(client, "columns=value;all")["value"].to_pylist()) == {b"changed"}
    assert acknowledgement["rows"] == 5000


# Puts

def test_flight_put_is_one_commit_that_says_rows_and_version(server, client):
    (first,) = put(client, "nodes", some_nodes(1000), max_chunksize=100)
    (second,) = put(client, flight.FlightDescriptor.for_path("nodes"), some_nodes(1000), max_chunksize=100)
    assert first["rows"] == 1000 and second == {"rows": 1000, "version": first["version"] + 1}
    with server.client() as redis:
        assert redis.get("n999") == "value 999" and redis.dbsize() == 1000


def test_flight_put_chunked_commits_each_batch(client):
    acknowledgements = put(client, "mode=chunked;nodes", some_nodes(1000), max_chunksize=100)
    versions = [each["version"] for each in acknowledgements]
    assert [each["rows"] for each in acknowledgements] == [100] * 10
    assert versions == list(range(versions[0], versions[0] + 10))


def test_flight_put_writes_every_column_that_can_be_written(server, client):
    table = pa.table({
        "name": ["root", "child"],
        "id": pa.array([101, 102], pa.int64()),
        "parent": pa.array([None, 101], pa.int64()),
        "value": ["text", None],
        "properties": [None, '{"age": 7, "tags": ["a", "b"]}'],
        "fingerprint": pa.array([fingerprint(3), None], pa.binary(FINGERPRINT_BYTES)),
        "kinds": [["b", "a"], []],
        "frequency": [0.5, 1.0],
        "confidence": [0.25, 0.9],
        "evidence": [[7, 8], None],
        "qualia": [[0.5] * 8, [0.0] * 8],
        "rung": [3, 0],
        "expires": pa.array([None, int((time.time() + 600) * 1e6)], pa.timestamp("us")),
    })
    put(client, "nodes", table)
    root, child = sorted(get(client, "all").to_pylist(), key=lambda row: row["name"], reverse=True)
    assert root["fingerprint"] == fingerprint(3) and root["kinds"] == ["a", "b"] and root["value"] == b"text"
    assert (root["frequency"], root["confidence"], root["evidence"], root["rung"]) == (0.5, 0.25, [7, 8], 3)
    assert root["qualia"] == [0.5] * 8
    assert child["parent"] == root["id"] and child["depth"] == 1 and child["zone"] == "fluid"
    assert json.loads(child["properties"]) == {"age": 7, "tags": ["a", "b"]} and child["value"] is None
    # A subset changes nothing else; a node without a name is known by its address.
    put(client, "nodes", pa.table({"address": pa.array([root["address"]], pa.uint16()), "rung": [5]}))
    with server.client() as redis:
        assert redis.get("root") == "text"
    again = act(client, "read", {"node": "root"}).to_pylist()[0]
    assert (again["rung"], again["kinds"], again["fingerprint"]) == (5, ["a", "b"], fingerprint(3))


def test_flight_put_takes_back_what_was_streamed(client):
    put(client, "nodes", some_nodes(300))
    table = get(client, "all")
    put(client, "space=copy;nodes", table)
    copy = get(client, "space=copy;all")
    kept = ["name", "value", "fingerprint", "kinds", "qualia"]
    assert copy.select(kept).sort_by("name") == table.select(kept).sort_by("name")


def test_flight_put_of_many_batches_keeps_every_row_whatever_was_there(start):
    server = start("--fsync", "always")
    soon = int((time.time() + 600) * 1e6)
    numbers = list(range(3000))
    # Of every kind: given, none, zeros; permanent and expiring ones; and some that stand in the same put twice.
    bits = [None if n % 50 == 3 else bytes(FINGERPRINT_BYTES) if n % 50 == 4 else random_fingerprint(n) for n in numbers]
    expires = [soon if n % 7 == 0 else None for n in numbers]
    wide = pa.table({
        "name": [f"n{n}" for n in numbers] + ["n10", "n2000"],
        "value": pa.array([b"v%d" % n for n in numbers] + [b"again"] * 2, pa.binary()),
        "fingerprint": pa.array(bits + [random_fingerprint(9001), random_fingerprint(9002)], pa.binary(FINGERPRINT_BYTES)),
        "expires": pa.array(expires + [None, None], pa.timestamp("us")),
    })
    expected = {f"n{n}": (b"v%d" % n, bits[n], n % 7 == 0) for n in numbers}
    expected["n10"], expected["n2000"] = (b"again", random_fingerprint(9001), False), (b"again", random_fingerprint(9002), False)

    def check(client, space):
        table = get(client, f"space={space};columns=name,value,fingerprint,zone;all")
        rows = {row["name"]: row for row in table.to_pylist()}
        assert rows.keys() == expected.keys()
        for name, (value, given, is_fluid) in expected.items():
            row = rows[name]
            assert (row["value"], row["zone"]) == (value, "fluid" if is_fluid else "node"), name
            assert row["fingerprint"] == given if given is not None else len(row["fingerprint"]) == FINGERPRINT_BYTES

    # Into a new space, into one that has some of the nodes, and over all of them.
    before = wide.slice(17, 40)
    with connect(server) as client:
        put(client, "space=some;nodes", before)
        for space in ["new", "some", "new"]:
            (acknowledged,) = put(client, f"space={space};nodes", wide, max_chunksize=700)
            assert acknowledged["rows"] == len(wide)
            check(client, space)
        # Streams that end halfway leave no trace in what comes after.
        for space in ["new", "none"]:
            descriptor = flight.FlightDescriptor.for_command(f"space={space};nodes")
            writer, reader = client.do_put(descriptor, wide.schema, flight.FlightCallOptions(timeout=1))
            writer.write_table(wide, 300)
            with pytest.raises((flight.FlightError, pa.ArrowException)):
                reader.read()
                writer.close()
        check(client, "new")
        with pytest.raises((flight.FlightError, pa.ArrowException), match="no such space"):
            get(client, "space=none;all")
    server.kill()
    server.start()
    with connect(server) as client:
        check(client, "new")
        check(client, "some")


def test_flight_put_of_edges_links_nodes_by_name_id_or_address(server, client):
    put(client, "nodes", some_nodes(4))
    nodes = {row["name"]: row for row in get(client, "columns=name,id,address;nodes").to_pylist()}
    by_name = pa.table({
        "source_name": ["n0", "n1"], "target_name": ["n1", "n2"], "verb": ["CAUSES", None], "weight": [0.5, None],
        "frequency": [0.25, None], "confidence": [0.75, None], "properties": ['{"since": 1815}', None],
        "address": pa.array([None, 1], pa.uint16()),
    })
    (linked,) = put(client, "edges", by_name)
    assert linked["rows"] == 2
    ends = [nodes["n2"], nodes["n3"]]
    put(client, "edges", pa.table({"source": [ends[0]["id"]], "target": [ends[1]["id"]]}))
    put(client, "edges", pa.table({"source_address": [ends[0]["address"]], "target_address": [ends[1]["address"]]}))
    edges = get(client, "edges").sort_by("id").to_pylist()
    ids = {row["id"]: name for name, row in nodes.items()}
    assert [(ids[edge["source"]], edge["verb"], ids[edge["target"]]) for edge in edges] == [
        ("n0", "CAUSES", "n1"), ("n1", "RELATES", "n2"), ("n2", "RELATES", "n3"), ("n2", "RELATES", "n3")]
    first = edges[0]
    assert (first["weight"], first["frequency"], first["confidence"]) == (0.5, 0.25, 0.75)
    assert json.loads(first["properties"]) == {"since": 1815}
    assert first["address"] is None and edges[1]["address"] is not None
    with server.client() as redis:
        (edge,) = redis.execute_command("FANOUT", "n0")
        assert edge["name"] == "n1", edge
    back = put(client, flight.FlightDescriptor.for_path("edges"), get(client, "edges"))
    assert back[0]["rows"] == 4 and get(client, "edges").num_rows == 8, "what nobody chooses is let be"


@pytest.mark.parametrize("columns, message", [
    ({"source_name": ["n0"]}, "expected a column 'target_name', 'target' or 'target_address'"),
    ({"source_name": ["n0"], "target_name": ["nobody"]}, "row 0: .*nobody"),
    ({"source_name": ["n0", None], "target_name": ["n1", "n1"]}, "row 1: expected a source by name, id or address"),
    ({"source_name": ["n0"], "target_name": ["n1"], "verb": ["NOPE"]}, "NOPE"),
    ({"source_name": ["n0"], "target_name": ["n1"], "confidence": [1.5]}, "row 0"),
    ({"source_name": ["n0"], "target_name": ["n1"], "nope": [1]}, "no such column 'nope'; an edge has"),
    ({"source": ["x"], "target": ["y"]}, "column 'source': expected UInt64"),
])
def test_flight_put_of_edges_that_cannot_be_writes_nothing(client, columns, message):
    put(client, "nodes", some_nodes(2))
    with pytest.raises((flight.FlightError, pa.ArrowException), match=message):
        put(client, "edges", pa.table(columns))
    assert get(client, "edges").num_rows == 0


def test_flight_ticket_of_a_cypher_statement(server, client):
    answer = get(client, "cypher:CREATE (a:Person {name: 'Ada', born: 1815})-[:KNOWS]->(:Person {name: 'Bob'}) "
                         "RETURN a.name AS name, a.born AS born, [1, 2] AS list, a")
    assert answer.select(["name", "born", "list"]).to_pylist() == [{"name": "Ada", "born": 1815, "list": [1, 2]}]
    assert answer.schema.field("born").type == pa.int64() and answer.schema.field("list").type == pa.list_(pa.int64())
    assert json.loads(answer["a"][0].as_py())["labels"] == ["Person"]
    known = get(client, "cypher:MATCH (a)-[:KNOWS]->(b) RETURN b.name AS name, 0.5 AS half, a.none AS none")
    assert known.to_pylist() == [{"name": "Bob", "half": 0.5, "none": None}]
    plan = get(client, "cypher:EXPLAIN MATCH (n) RETURN n")
    assert plan.schema.names == ["plan"] and plan.num_rows > 0
    assert get(client, "space=other;cypher:CREATE ()").num_rows == 0
    assert get(client, "space=other;all").num_rows == 1
    info = client.get_flight_info(flight.FlightDescriptor.for_command("cypher:RETURN 1 AS one"))
    assert client.do_get(info.endpoints[0].ticket).read_all().to_pylist() == [{"one": 1}]
    with pytest.raises((flight.FlightError, pa.ArrowException), match="(?i)MATCHE"):
        get(client, "cypher:MATCHE (n) RETURN n")


@pytest.mark.parametrize("statement", [
    "MATCH (n:Person) RETURN n.name AS name, n.born AS born, n.height AS height, n, [n.born] AS list, null AS none",
    "MATCH (n:Nobody) RETURN n.name, n.born",
    "MATCH (n:Person) RETURN CASE n.name WHEN 'Ada' THEN 1 ELSE 'one' END AS mixed",
    "PROFILE MATCH (n) RETURN count(n)",
    "EXPLAIN CREATE (n:Other) RETURN n",
    "CREATE (n:Other)",
])
def test_flight_info_of_a_cypher_statement_has_the_columns_of_its_stream(client, statement):
    get(client, "cypher:CREATE (:Person {name: 'Ada', born: 1815, height: 1.5}), (:Person {name: 'Bob'})")
    descriptor = flight.FlightDescriptor.for_command(f"cypher:{statement}")
    info, asked = client.get_flight_info(descriptor), client.get_schema(descriptor).schema
    assert get(client, "all").num_rows == 2, "nothing was changed to find out"
    assert info.schema == asked == client.do_get(info.endpoints[0].ticket).read_all().schema


def test_flight_info_of_a_cypher_statement_that_changes_something_does_not_run_it(client):
    descriptor = flight.FlightDescriptor.for_command("cypher:CREATE (n:Other {name: 'x'}) RETURN n.name AS name")
    info = client.get_flight_info(descriptor)
    assert info.schema is None
    with pytest.raises((flight.FlightError, pa.ArrowException), match="known once it has run"):
        client.get_schema(descriptor)
    assert get(client, "all").num_rows == 0
    assert client.do_get(info.endpoints[0].ticket).read_all().to_pylist() == [{"name": "x"}]
    for wrong in ["cypher:RETURN x", "cypher:MATCHE (n)", "space=nowhere;cypher:RETURN 1"]:
        with pytest.raises((flight.FlightError, pa.ArrowException)):
            client.get_flight_info(flight.FlightDescriptor.for_command(wrong))


@pytest.mark.parametrize("table, message", [
    (pa.table({"nam": ["x"]}), "no such column 'nam'"),
    (pa.table({"value": ["x"]}), "expected a column 'name' or 'address'"),
    (pa.table({"name": ["a", None]}), "row 1: expected a name or an address"),
    (pa.table({"name": ["a", "b"], "fingerprint": pa.array([b"x" * 64] * 2, pa.binary(64))}), "column 'fingerprint'"),
    (pa.table({"name": ["a", "b"], "confidence": [0.5, 1.5]}), "row 1"),
    (pa.table({"name": ["a", "b"], "rung": [1, 10]}), "expected a rung from 0 to 9, got 10"),
    (pa.table({"name": ["a", "b"], "properties": ['{"x": 1}', "[1]"]}), "row 1: expected a JSON object"),
    (pa.table({"name": ["a", "b"], "parent": pa.array([None, 10 ** 9], pa.uint64())}), "no such node '#1000000000'"),
    (pa.table({"name": ["a" * 1025]}), "a name has at most 1024 bytes"),
    (pa.table({"address": pa.array([0x8042], pa.uint16())}), "no such node '@8042'"),
])
def test_flight_put_of_what_cannot_be_written_writes_nothing(server, client, table, message):
    with pytest.raises((flight.FlightError, pa.ArrowException), match="(?s).*" + re.escape(message)):
        put(client, "nodes", table)
    with server.client() as redis:
        assert redis.dbsize() == 0


def test_flight_put_that_ends_halfway_writes_nothing(server):
    with connect(server) as client:
        table = some_nodes(1000)
        descriptor = flight.FlightDescriptor.for_command("nodes")
        writer, reader = client.do_put(descriptor, table.schema, flight.FlightCallOptions(timeout=0.5))
        writer.write_table(table)
        # Not done writing: the deadline ends the call.
        with pytest.raises((flight.FlightError, pa.ArrowException)):
            reader.read()
            writer.close()
    with server.client() as redis:
        assert redis.dbsize() == 0
    with connect(server) as client:
        assert put(client, "nodes", some_nodes(1))[0]["rows"] == 1


def test_flight_put_of_a_full_zone_writes_nothing(server, client):
    with pytest.raises(pa.ArrowException, match="node zone of space 0 holds 32768 of 32768 nodes"):
        put(client, "nodes", pa.table({"name": [f"n{n}" for n in range(40_000)]}))
    with server.client() as redis:
        assert redis.dbsize() == 0


def test_flight_message_over_the_limit_is_refused(start):
    server = start("--request-bytes-max", "100000")
    with connect(server) as client:
        big = pa.table({"name": ["big"], "value": pa.array([b"x" * 200_000], pa.binary())})
        with pytest.raises((flight.FlightError, pa.ArrowException), match="too large|limit"):
            put(client, "nodes", big)
        assert get(client, "all").num_rows == 0


# Actions

def test_flight_actions_are_listed_with_their_columns(client):
    actions = {action.type: action.description for action in client.list_actions()}
    for name in "encode bind unbind read write link resonate hamming xor_bind stats checkpoint fork command cam".split():
        assert "body: " in actions[name] and "answer: " in actions[name]


def test_flight_actions_take_arrow_and_json(server, client):
    by_json = act(client, "encode", {"input": "a web server"})["fingerprint"][0].as_py()
    by_arrow = act(client, "encode", pa.table({"input": ["a web server", "other"]}))
    assert by_arrow["fingerprint"][0].as_py() == by_json and by_arrow.num_rows == 2
    with server.client() as redis:
        assert redis.execute_command("ENCODE", "a web server") == by_json.hex()
    assert act(client, "encode", {"vector": [1.0, -2.0]}).num_rows == 1
    assert act(client, "hamming", {"a": "TEXT x", "b": "TEXT x"})["distance"][0].as_py() == 0
    bound = act(client, "xor_bind", {"a": "TEXT x", "b": "TEXT y"})["fingerprint"][0].as_py()
    back = act(client, "xor_bind", pa.table({"a": [b"FP " + bound], "b": [b"TEXT y"]}))["fingerprint"][0].as_py()
    assert back == act(client, "encode", {"input": "x"})["fingerprint"][0].as_py()


def test_flight_actions_write_read_link_and_search(client):
    written = act(client, "write", [{"name": "a", "value": "a web server"}, {"name": "b", "value": "a mail server"}])
    assert written["rows"][0].as_py() == 2
    (row,) = act(client, "read", {"node": "a"}).to_pylist()
    assert row["value"] == b"a web server"
    edge = act(client, "link", {"source": "a", "verb": "RELATES", "target": "b", "weight": 0.5})["id"][0].as_py()
    assert get(client, "edges")["id"].to_pylist() == [edge]
    address = act(client, "bind", {"source": "a", "target": "b"})["address"][0].as_py()
    recovered = act(client, "unbind", {"edge": f"@{address:04x}", "known": "a"}).to_pylist()[0]
    assert (recovered["name"], recovered["distance"]) == ("b", 0)
    found = act(client, "resonate", [{"query": "web server", "k": 1}, {"query": "mail", "k": 1}])
    assert found["name"].to_pylist() == ["a", "b"] and found["query"].to_pylist() == [0, 1]


def test_flight_actions_fork_checkpoint_stats_and_command(server, client):
    act(client, "write", {"name": "a", "value": "1"})
    act(client, "fork", {"name": f"what-if-{time.time_ns()}"})
    assert act(client, "checkpoint")["position"][0].as_py() > 0
    spaces = act(client, "stats").to_pylist()
    assert next(row for row in spaces if row["space"] == "0")["names"] == 1
    reply = act(client, "command", {"arguments": ["INCR", "a"]})["reply"][0].as_py()
    assert json.loads(reply) == 2
    with pytest.raises(pa.ArrowInvalid, match="needs a connection that lasts"):
        act(client, "command", {"arguments": ["SUBSCRIBE", "x"]})


def test_flight_actions_answer_json_where_it_is_asked_for(server, client):
    act(client, "write", {"name": "a", "value": "text", "rung": 4})
    options = flight.FlightCallOptions(headers=[(b"x-ladybug-format", b"json")])
    (result,) = client.do_action(flight.Action("read", b'{"node": "a"}'), options)
    (row,) = json.loads(result.body.to_pybytes())
    assert (row["name"], row["value"], row["rung"], len(row["fingerprint"])) == ("a", "text", 4, 2560)
    (result,) = client.do_action(flight.Action("command", b'{"arguments": ["CONFIG", "GET", "maxclients"]}'), options)
    assert isinstance(json.loads(result.body.to_pybytes())[0]["reply"], (dict, list))
    # A token remembers what Handshake was asked.
    with connect(server) as other:
        token = other.authenticate_basic_token(b"", b"", options)
        (result,) = other.do_action(flight.Action("stats", b""), flight.FlightCallOptions(headers=[token]))
        assert isinstance(json.loads(result.body.to_pybytes()), list)


@pytest.mark.parametrize("name, body, message", [
    ("nope", b"", "no such action 'nope'; there are bind, cam, checkpoint"),
    ("read", b"", "expected 'node' in every call"),
    ("read", b"hello", "expected a body in Arrow IPC, or in JSON"),
    ("read", b'{"nod": "x"}', "no such parameter 'nod'; there are node, space"),
    ("read", b'{"node": "nobody"}', "no such node 'nobody'"),
    ("read", b'{"node": "x", "space": "nowhere"}', "no such space 'nowhere'"),
    ("encode", b"{}", "expected one of input, exact, record and vector"),
    ("link", b'{"source": "x", "verb": "RELATES", "target": "y"}', "no such node 'x'"),
    ("resonate", b'{"query": "x", "recall": 7}', "RECALL"),
    ("cam", b'{"args": ["a"]}', "expected 'method' in every call"),
    ("cam", b'{"method": "VSA.NOPE"}', "expected one of DISTANCE, SIMILARITY"),
    ("cam", b'{"method": "VSA.DISTANCE", "args": ["a"]}', "CAM.VSA.DISTANCE: b: expected something to compare with"),
    ("cam", b'{"method": "LANCE.GET", "args": ["nobody"]}', "CAM.LANCE.GET: x: no such node 'nobody'"),
    ("cam", b'{"method": "LANCE.COUNT", "scope": "moon"}', "SCOPE: expected one of all, surface, fluid, node, got 'moon'"),
    ("cam", b'{"method": "VERBS.CAUSES", "args": ["x"], "form": "count"}', "expected neither scope nor form"),
    ("cam", b'{"method": "LANCE.COUNT", "args": "KEY x"}', "'args': expected List"),
    ("cam", b'{"method": "USER.NOBODY"}', "no such program 'NOBODY'"),
    ("read", b"\xff\xff\xff\xff\x10\x00\x00\x00junk", ""),
])
def test_flight_actions_refuse_what_they_cannot_do(client, name, body, message):
    with pytest.raises((flight.FlightError, pa.ArrowException)) as refused:
        act(client, name, body)
    assert message in str(refused.value)


def test_flight_action_takes_a_file_and_compressed_bodies(client):
    table = pa.table({"input": ["sweet", "sour"]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    assert act(client, "encode", sink.getvalue().to_pybytes()) == act(client, "encode", table)


def test_flight_body_that_says_it_is_larger_than_memory_is_refused(client):
    table = pa.table({"input": ["x" * 1000]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table)
    body = sink.getvalue().to_pybytes()
    says = (1000).to_bytes(8, "little")
    assert says in body
    with pytest.raises(pa.ArrowException, match="expected at most 1073741824 bytes"):
        act(client, "encode", body.replace(says, (1 << 62).to_bytes(8, "little")))
    stream = ipc_bytes(table)
    schema_end = 8 + int.from_bytes(stream[4:8], "little")
    body_start = schema_end + 8 + int.from_bytes(stream[schema_end + 4:schema_end + 8], "little")
    # Before the 8 bytes that end the stream.
    says = (len(stream) - 8 - body_start).to_bytes(8, "little")
    header = stream[schema_end:body_start]
    assert says in header
    header = header.replace(says, (1 << 52).to_bytes(8, "little"))
    with pytest.raises(pa.ArrowException, match="expected 4503599627370496 more bytes"):
        act(client, "encode", stream[:schema_end] + header + stream[body_start:])
    assert act(client, "encode", table).num_rows == 1


def cam(client, body, options=None):
    """The tables of an action's calls."""
    body = ipc_bytes(body) if isinstance(body, pa.Table) else json.dumps(body).encode()
    return [pa.ipc.open_stream(result.body).read_all() for result in client.do_action(flight.Action("cam", body), options)]


def test_flight_runs_methods_as_the_command_does(server, client):
    with server.client() as redis:
        redis.set("ada", "first programmer")
        redis.set("alan", "machines that think")
        distance = redis.execute_command("CAM.VSA.DISTANCE", "web server", "web browser")
    call = {"method": "VSA.DISTANCE", "args": ["web server", "web browser"]}
    for method in ["VSA.DISTANCE", "cam.vsa.distance", "0x0C00", "@0C00", 0x0C00]:
        (table,) = cam(client, {**call, "method": method})
        assert table.to_pylist() == [{"distance": distance}]
    # Fingerprints as bytes, in Arrow and in JSON; several calls, each with a table of its own columns.
    bits = fingerprint(3)
    words = pa.array([[b"FP", bits, b"FP", bytes(FINGERPRINT_BYTES)], [b"FP", bits], []], pa.list_(pa.binary()))
    tables = cam(client, pa.table({"method": ["VSA.DISTANCE", "3264", "LANCE.SCAN"], "args": words}))
    assert tables[0].to_pylist() == [{"distance": 2 * FINGERPRINT_BYTES}]
    assert tables[1].to_pylist() == [{"popcount": 2 * FINGERPRINT_BYTES}]
    assert tables[2].column_names == ["id", "address", "name", "fingerprint"]
    assert sorted(tables[2]["name"].to_pylist()) == ["ada", "alan"] and tables[2]["address"].type == pa.uint16()
    by_hex = {"method": "VSA.POPCOUNT", "args": ["FP", {"hex": bits.hex()}]}
    assert cam(client, by_hex)[0].to_pylist() == tables[1].to_pylist()
    assert cam(client, []) == []


def test_flight_methods_have_scopes_forms_and_spaces(server, client):
    with server.client() as redis:
        redis.set("ada", "first programmer")
        redis.set("soon", "x", ex=600)
        redis.execute_command("SELECT", "3")
        redis.set("there", "1")
    names = [table["name"].to_pylist() for table in cam(client, [
        {"method": "LANCE.SCAN"}, {"method": "LANCE.SCAN", "scope": "fluid"}, {"method": "LANCE.SCAN", "space": 3}])]
    assert sorted(names[0]) == ["ada", "soon"] and names[1:] == [["soon"], ["there"]]
    count, bundle, plan = cam(client, [{"method": "LANCE.SCAN", "form": form} for form in ["count", "bundle", "plan"]])
    assert count.to_pylist() == [{"count": 2}] and bundle.schema.field("fingerprint").type == pa.binary(FINGERPRINT_BYTES)
    assert "SELECT" in plan["plan"][0].as_py() and plan.column_names == ["plan_type", "plan"]


def test_flight_methods_write_words_and_programs_too(server, client):
    with server.client() as redis:
        before = redis.info("commandstats").get("cmdstat_cam", {"calls": 0})["calls"]
    tables = cam(client, [
        {"method": "LANCE.INSERT", "args": ["ada", "first programmer"]},
        {"method": "LANCE.INSERT", "args": ["engine", "an analytical engine"]},
        {"method": "VERBS.DEFINE", "args": ["DESCRIBES"]},
        {"method": "VERBS.DESCRIBES", "args": ["ada", "engine", "1.0,0.9"]},
        {"method": "VERBS.DESCRIBES", "args": ["ada"]},
        {"method": "CONCEPTS.DEFINE", "args": ["Programmer"]},
        {"method": "DEFINE", "args": ["0x0F01", "note", "(said)", "made = LANCE.INSERT note $said", "LANCE.GET $made.address"]},
        {"method": "USER.NOTE", "args": ["she knew"]},
    ])
    assert tables[4]["name"].to_pylist() == ["engine"]
    assert tables[7]["name"].to_pylist() == ["note"]
    with server.client() as redis:
        assert redis.execute_command("CAM.LANCE.COUNT") == 3
        assert redis.info("commandstats")["cmdstat_cam"]["calls"] == before + 8


def test_flight_methods_before_a_refused_one_stay_done(server, client):
    calls = [{"method": "LANCE.INSERT", "args": ["first", "x"]}, {"method": "LANCE.GET", "args": ["nobody"]},
             {"method": "LANCE.INSERT", "args": ["last", "x"]}]
    results = client.do_action(flight.Action("cam", json.dumps(calls).encode()))
    assert pa.ipc.open_stream(next(results).body).read_all()["name"].to_pylist() == ["first"]
    with pytest.raises(pa.ArrowException, match="no such node 'nobody'"):
        next(results)
    with server.client() as redis:
        assert (redis.exists("first"), redis.exists("last")) == (1, 0)


def test_flight_methods_answer_json_where_it_is_asked_for(server, client):
    with server.client() as redis:
        redis.set("ada", b"\xff\x00")
    options = flight.FlightCallOptions(headers=[(b"x-ladybug-format", b"json")])
    body = json.dumps([{"method": "LANCE.GET", "args": ["ada"]}, {"method": "SQL.QUERY", "args": ["SELECT DATE '2026-11-28' AS d"]}])
    got, day = [json.loads(result.body.to_pybytes()) for result in client.do_action(flight.Action("cam", body.encode()), options)]
    assert got[0]["name"] == "ada" and got[0]["value"] == {"hex": "ff00"} and len(got[0]["fingerprint"]) == 2560
    assert day == [{"d": "2026-11-28"}]


def test_flight_methods_survive_a_kill_once_acknowledged(start):
    server = start("--fsync", "always")
    with connect(server) as client:
        cam(client, [{"method": "MEMORY.REMEMBER", "args": [f"memory {n}"]} for n in range(20)])
    server.kill()
    server.start()
    with server.client() as redis:
        assert redis.execute_command("CAM.LANCE.COUNT") == 20


# Exchange

def exchange(client, command, batches):
    writer, reader = client.do_exchange(flight.FlightDescriptor.for_command(command))
    answers = []
    with writer:
        writer.begin(batches[0].schema)
        for batch in batches:
            writer.write_batch(batch)
            answers.append(reader.read_chunk().data)
        writer.done_writing()
        assert reader.read_all().num_rows == 0
    return answers


def test_flight_exchange_answers_batches_of_queries_as_they_come(client):
    put(client, "nodes", pa.table({"name": ["a", "b", "c"], "value": ["a web server", "a mail server", "an editor"]}))
    batches = [pa.record_batch({"query": ["web server", "mail"]}), pa.record_batch({"query": ["editor"]})]
    first, second = exchange(client, "topk:1", batches)
    assert first.schema.names == ["query", "id", "address", "name", "distance", "similarity", "z"]
    assert (first["query"].to_pylist(), first["name"].to_pylist()) == ([0, 1], ["a", "b"])
    assert (second["query"].to_pylist(), second["name"].to_pylist()) == ([2], ["c"])
    bits = act(client, "encode", {"input": "a web server"})["fingerprint"].combine_chunks()
    (answer,) = exchange(client, "columns=name,value;recall=1;search:0", [pa.record_batch({"fingerprint": bits})])
    assert answer.to_pylist() == [{"query": 0, "name": "a", "value": b"a web server"}]


@pytest.mark.parametrize("command, batch, message", [
    ("nodes", {"query": ["x"]}, "expected topk:<count> or search:<distance>"),
    ("topk:1", {"q": ["x"]}, "expected a column 'query'"),
    ("topk:1", {"query": [None, "x"]}, "without nulls"),
    ("topk:1", {"query": ["x", "KEY nobody"]}, "query 1: no such node 'nobody'"),
    ("columns=nope;topk:1", {"query": ["x"]}, "no such column 'nope'"),
    ("space=nowhere;topk:1", {"query": ["x"]}, "no such space 'nowhere'"),
])
def test_flight_exchange_refuses_what_is_no_search(client, command, batch, message):
    with pytest.raises((flight.FlightError, pa.ArrowException), match="(?s).*" + message):
        exchange(client, command, [pa.record_batch(batch)])


# Access

def test_flight_needs_the_password(start):
    server = start(env={"LADYBUG_PASSWORD": "s3cret"})
    with connect(server) as client:
        for call in (lambda: get(client, "all"), lambda: list(client.list_flights()), lambda: act(client, "stats"),
                     lambda: list(client.list_actions()), lambda: put(client, "nodes", some_nodes(1))):
            with pytest.raises((flight.FlightUnauthenticatedError, flight.FlightError), match="(?s).*Authentication required"):
                call()
        with pytest.raises(flight.FlightUnauthenticatedError, match="invalid username-password") as refused:
            client.authenticate_basic_token(b"default", b"wrong")
        token = client.authenticate_basic_token(b"default", b"s3cret")
        assert b"s3cret" not in token[1]
        for header in (token, (b"authorization", b"Bearer s3cret")):
            options = flight.FlightCallOptions(headers=[header])
            assert get(client, "all", options).num_rows == 0
        with pytest.raises(flight.FlightUnauthenticatedError):
            get(client, "all", flight.FlightCallOptions(headers=[(b"authorization", b"Bearer wrong")]))


class PayloadAuth(flight.ClientAuthHandler):
    """The older way: the handshake's payload, and a token in a header of its own."""

    def __init__(self, password):
        super().__init__()
        self.password, self.token = password, b""

    def authenticate(self, outgoing, incoming):
        outgoing.write(flight.BasicAuth(b"default", self.password).serialize())
        self.token = incoming.read()

    def get_token(self):
        return self.token


def test_flight_takes_the_password_in_a_handshakes_payload(start):
    server = start(env={"LADYBUG_PASSWORD": "s3cret"})
    with connect(server) as client:
        client.authenticate(PayloadAuth(b"s3cret"))
        assert get(client, "all").num_rows == 0
    with connect(server) as client:
        with pytest.raises(flight.FlightUnauthenticatedError):
            client.authenticate(PayloadAuth(b"wrong"))


# Errors, cancellation, limits, the end

@pytest.mark.parametrize("ticket, message", [
    ("everything", "expected all, surface, fluid"),
    ("prefix:8", "two hex digits"),
    ("columns=nope;all", "no such column 'nope'; there are id, address"),
    ("columns=id,id;all", "expected column 'id' once"),
    ("space=nowhere;all", "no such space 'nowhere'"),
    ("topk:10:KEY nobody", "no such node 'nobody'"),
    ("topk:10:FP abc", "a fingerprint is 1280 bytes"),
    (b"\xf5LB\x07junk", "expected a ticket of version 1, got version 7"),
    (b"\x0ajunk", "expected a message of Flight SQL"),
])
def test_flight_refuses_tickets_with_the_expected_form(client, ticket, message):
    with pytest.raises((flight.FlightError, pa.ArrowException)) as refused:
        get(client, ticket)
    assert message in str(refused.value)
    assert get(client, "all").num_rows == 0


def metrics(server):
    text = urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}/metrics").read().decode()
    return {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if line.startswith("ladybug_")}


def wait_until(ready, what):
    deadline = time.monotonic() + 30
    while not ready():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def fill(client, rows=30_000):
    table = pa.table({"name": [f"n{n}" for n in range(rows)],
                      "fingerprint": pa.array([fingerprint(n % 251) for n in range(rows)], pa.binary(FINGERPRINT_BYTES))})
    put(client, "nodes", table)


def test_flight_cancelled_stream_lets_its_snapshot_go(start):
    server = start("--fsync", "never")
    with connect(server) as client:
        fill(client)
        reader = client.do_get(flight.Ticket("all"))
        reader.read_chunk()
        assert metrics(server)["ladybug_snapshots_held"] == 1
        reader.cancel()
        wait_until(lambda: metrics(server)["ladybug_snapshots_held"] == 0, "the snapshot stays")
        assert get(client, "columns=id;all").num_rows == 30_000


def test_flight_client_that_goes_lets_its_snapshot_go(start):
    server = start("--fsync", "never")
    with connect(server) as client:
        fill(client)
        reader = client.do_get(flight.Ticket("all"))
        reader.read_chunk()
        del reader
    wait_until(lambda: metrics(server)["ladybug_snapshots_held"] == 0, "the snapshot stays")
    wait_until(lambda: metrics(server)["ladybug_flight_clients"] == 0, "the client stays")


def test_flight_client_that_stops_reading_loses_its_stream(start):
    server = start("--fsync", "never", "--flight-stall", "1")
    with connect(server) as client:
        fill(client)
        reader = client.do_get(flight.Ticket("all"))
        reader.read_chunk()
        wait_until(lambda: metrics(server)["ladybug_flight_streams_stalled_total"] == 1, "it is never told")
        assert metrics(server)["ladybug_snapshots_held"] == 0
        with pytest.raises((flight.FlightError, pa.ArrowException), match="left the stream unread"):
            reader.read_all()
        assert get(client, "columns=id;all").num_rows == 30_000


def test_flight_info_that_is_cancelled_ends_its_stream(start):
    def message(tag, body):
        length = b""
        rest = len(body)
        while rest >= 0x80:
            length, rest = length + bytes([rest & 0x7F | 0x80]), rest >> 7
        return bytes([tag << 3 | 2]) + length + bytes([rest]) + body

    server = start("--fsync", "never")
    with connect(server) as client:
        fill(client)
        descriptor = flight.FlightDescriptor.for_command("all")
        info, other = client.get_flight_info(descriptor), client.get_flight_info(descriptor)
        reader, untouched = (client.do_get(each.endpoints[0].ticket) for each in (info, other))
        reader.read_chunk()
        body = message(1, info.serialize())
        cancelled, not_cancellable = b"\x08\x01", b"\x08\x03"
        (result,) = client.do_action(flight.Action("CancelFlightInfo", body))
        assert result.body.to_pybytes() == cancelled
        with pytest.raises((flight.FlightError, pa.ArrowException), match="cancelled by CancelFlightInfo"):
            reader.read_all()
        assert untouched.read_all().num_rows == 30_000, "it has a ticket of its own"
        (result,) = client.do_action(flight.Action("CancelFlightInfo", body))
        assert result.body.to_pybytes() == not_cancellable
        wait_until(lambda: metrics(server)["ladybug_snapshots_held"] == 0, "the snapshot stays")
        query = message(1, b"type.googleapis.com/arrow.flight.protocol.sql.ActionCancelQueryRequest") + message(2, body)
        (result,) = client.do_action(flight.Action("CancelQuery", query))
        assert result.body.to_pybytes().endswith(not_cancellable)
        with pytest.raises((flight.FlightError, pa.ArrowException), match="expected a FlightInfo"):
            list(client.do_action(flight.Action("CancelFlightInfo", b"")))


def test_flight_deadline_ends_a_stream(start):
    server = start("--fsync", "never")
    with connect(server) as client:
        fill(client)
        reader = client.do_get(flight.Ticket("all"), flight.FlightCallOptions(timeout=0.5))
        reader.read_chunk()
        wait_until(lambda: metrics(server)["ladybug_snapshots_held"] == 0, "the snapshot stays")
        with pytest.raises(flight.FlightTimedOutError):
            reader.read_all()


def test_flight_is_counted(server, client):
    before = metrics(server)
    put(client, "nodes", some_nodes(100))
    get(client, "all")
    after = metrics(server)
    assert after["ladybug_flight_streams_total"] == before["ladybug_flight_streams_total"] + 1
    assert after["ladybug_flight_output_bytes_total"] > before["ladybug_flight_output_bytes_total"] + 100 * FINGERPRINT_BYTES
    assert after["ladybug_flight_input_bytes_total"] > before["ladybug_flight_input_bytes_total"]
    assert after["ladybug_flight_clients"] >= 1


def test_flight_put_survives_a_kill_once_acknowledged(start):
    server = start("--fsync", "always")
    bits = [random_fingerprint(n) for n in range(500)]
    with connect(server) as client:
        put(client, "nodes", pa.table({"name": [f"n{n}" for n in range(500)], "fingerprint": pa.array(bits, pa.binary(FINGERPRINT_BYTES))}))
    server.kill()
    server.start()
    with connect(server) as client:
        rows = {row["name"]: row["fingerprint"] for row in get(client, "columns=name,fingerprint;all").to_pylist()}
    assert rows == {f"n{n}": bits[n] for n in range(500)}


def test_flight_streams_end_with_the_server(start):
    server = start("--fsync", "never")
    with connect(server) as client:
        fill(client)
        reader = client.do_get(flight.Ticket("all"))
        reader.read_chunk()
        stopping = threading.Thread(target=lambda: server.stop(signal.SIGTERM))
        stopping.start()
        # What has begun is finished.
        assert reader.read_all().num_rows > 29_000
    stopping.join(timeout=30)
    assert server.process.poll() == 0
