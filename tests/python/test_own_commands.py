"""Ladybug's own commands through redis-py's execute_command: the same in RESP2 (arrays) and RESP3 (maps)."""

import struct
import threading
from random import Random

import pytest
import redis

FINGERPRINT_HEX = 2560
# How an address of the node zone begins.
NODE_ZONE = tuple(f"@{digit}" for digit in "89ABCDEF")


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def protocol(request):
    return request.param


@pytest.fixture
def client(server, protocol):
    with server.client(protocol=protocol) as connected:
        connected.execute_command("SET", "apples", "apples are sweet red fruit from an orchard", "KIND", "Fruit")
        connected.execute_command("SET", "pears", "pears are sweet green fruit from an orchard", "KIND", "Fruit")
        connected.execute_command("SET", "trains", "trains leave the main station every hour", "TRUTH", "0.9,0.8")
        yield connected


def run(client, line, **options):
    return client.execute_command(*line.split(), **options)


def row(reply, keys):
    """A row as a tuple: RESP2 answers it in this order, RESP3 as a map of exactly these keys."""
    if isinstance(reply, dict):
        assert set(reply) == set(keys), reply
        return tuple(reply[key] for key in keys)
    assert len(reply) == len(keys), reply
    return tuple(reply)


def rows(reply, *keys):
    return [row(each, keys) for each in reply]


def search(client, *command):
    found = rows(client.execute_command(*command), "name", "address", "distance", "similarity", "z")
    return [(name, address, int(distance), float(similarity), float(z))
            for name, address, distance, similarity, z in found]


def test_resonate_finds_by_words(client):
    found = search(client, "RESONATE", "sweet fruit", "K", "3")
    assert {found[0][0], found[1][0]} == {"apples", "pears"} and found[2][0] == "trains"
    for _, address, distance, similarity, z in found:
        assert address.startswith(NODE_ZONE)
        assert similarity == pytest.approx(1 - 2 * distance / 10_240)
        assert z == pytest.approx((5_120 - distance) / 50.596, rel=1e-3)
    assert [each[2] for each in found] == sorted(each[2] for each in found)


def test_resonate_s_filters(client):
    assert len(search(client, "RESONATE", "sweet fruit", "K", "1")) == 1
    assert {each[0] for each in search(client, "RESONATE", "station", "KIND", "Fruit")} == {"apples", "pears"}
    assert search(client, "RESONATE", "station", "THRESHOLD", "0") == []
    assert search(client, "RESONATE", "station", "IN", "fluid") == []
    assert search(client, "RESONATE", "sweet fruit", "EXACT") == search(client, "RESONATE", "sweet fruit")
    run(client, "DN.SET garden:plums sweet")
    assert {each[0] for each in search(client, "RESONATE", "sweet", "UNDER", "garden")} <= {"garden", "garden:plums"}
    assert run(client, "CONTEXT garden") == "OK" and run(client, "CONTEXT") == "garden"
    assert {each[0] for each in search(client, "RESONATE", "sweet")} <= {"garden", "garden:plums"}
    assert run(client, "CONTEXT NONE") == "OK" and run(client, "CONTEXT") is None


def test_a_recall_is_asked_for(client):
    exact = search(client, "RESONATE", "sweet fruit", "EXACT")
    assert len(exact) == 3
    for recall in ["0.01", "0.1", "0.5", "0.999", "1"]:
        assert search(client, "RESONATE", "sweet fruit", "RECALL", recall) == exact
    for wrong in ["0.005", "1.1", "most"]:
        with pytest.raises(redis.ResponseError, match="RECALL to be a number from 0.01 to 1, got"):
            run(client, f"RESONATE x RECALL {wrong}")
    with pytest.raises(redis.ResponseError, match="EXACT or RECALL, got both"):
        run(client, "SIMILAR apples EXACT RECALL 1")


def test_names_and_rungs_filter(client):
    run(client, "DN.SET garden:plums sweet RUNG 5")
    assert [each[0] for each in search(client, "RESONATE", "sweet", "PREFIX", "garden:")] == ["garden:plums"]
    assert "garden:plums" not in [each[0] for each in search(client, "RESONATE", "sweet", "RUNG", "4")]


def test_a_batch_is_its_queries_one_by_one(client):
    columns = ("name", "address", "distance", "similarity", "z")
    batch = client.execute_command("MRESONATE", 2, "sweet fruit", "KEY", "trains", "TEXT", "exact", "EXACT")
    single = [("RESONATE", "sweet fruit"), ("RESONATE", "KEY", "trains"), ("RESONATE", "TEXT", "exact")]
    assert [rows(each, *columns) for each in batch] == [
        rows(client.execute_command(*command, "K", 2, "EXACT"), *columns) for command in single
    ]
    with pytest.raises(redis.ResponseError, match="or nothing more, got 'K'"):
        run(client, "MRESONATE 2 x EXACT K 2")


def test_spaces_are_searched_together(client, server, protocol):
    space = f"orchard{protocol}"  # FLUSHALL leaves the names of spaces
    with server.client(protocol=protocol) as other:
        other.execute_command("SELECT", space)
        other.set("plums", "plums are sweet blue fruit from an orchard")
    columns = ("name", "address", "distance", "similarity", "z", "space")
    found = rows(run(client, f"RESONATE orchard SPACES 0,{space} KIND Fruit"), *columns)
    assert {(each[0], each[5]) for each in found} == {("apples", "0"), ("pears", "0")}
    found = rows(run(client, f"SIMILAR apples K 2 SPACES 0-3,{space}"), *columns)
    assert {(each[0], each[5]) for each in found} == {("plums", space), ("pears", "0")}
    with pytest.raises(redis.ResponseError, match="no such space 'nowhere'"):
        run(client, "RESONATE x SPACES 0,nowhere")


def test_set_gives_fields_beside_the_value(client):
    command = ["SET", "plums", "sweet", "FIELDS", "2", "colour", "blue", "KIND", "word", "KIND", "Fruit"]
    assert client.execute_command(*command)
    assert client.get("plums") == "sweet" and client.hgetall("plums") == {"colour": "blue", "KIND": "word"}
    assert client.hset("plums", "colour", "green") == 0 and client.get("plums") == "sweet"
    client.set("plums", "sour")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE|wrong kind of value"):
        client.hget("plums", "colour")


def test_similar_leaves_itself_out(client):
    found = search(client, "SIMILAR", "apples", "K", "2")
    assert [each[0] for each in found] == ["pears", "trains"]
    assert run(client, "HAMMING apples pears") == found[0][2]


def test_fingerprints_combine(client):
    bound = run(client, "XOR apples pears")
    assert len(bound) == FINGERPRINT_HEX
    back = client.execute_command("XOR", "FP", bound, "KEY", "apples")
    assert client.execute_command("HAMMING", "FP", back, "KEY", "pears") == 0
    assert client.execute_command("ENCODE", "sweet fruit") == client.execute_command("ENCODE", "TEXT", "sweet fruit")
    assert run(client, "HAMMING apples apples") == 0


def test_edges_are_followed_both_ways(client):
    first = client.execute_command("LINK", "apples", "RELATES", "pears", "WEIGHT", "0.5", "TRUTH", "0.7,0.6")
    second = run(client, "LINK pears RELATES trains")
    assert first.startswith("#") and int(second[1:]) > int(first[1:])
    columns = ("name", "address", "verb", "id", "weight", "truth")
    ((name, address, verb, edge, weight, truth),) = rows(run(client, "FANOUT apples"), *columns)
    assert (name, verb, edge, float(weight)) == ("pears", "RELATES", first, 0.5)
    assert truth == "0.7,0.6" or truth == {"frequency": 0.7, "confidence": 0.6}
    assert [each[0] for each in rows(run(client, "FANIN trains"), *columns)] == ["pears"]
    reached = rows(run(client, "TRAVERSE apples VIA RELATES"), "name", "address", "depth")
    assert [(name, depth) for name, _, depth in reached] == [("pears", 1), ("trains", 2)]
    assert len(run(client, "TRAVERSE apples VIA RELATES DEPTH 1")) == 1
    assert len(run(client, "TRAVERSE apples VIA RELATES LIMIT 1")) == 1
    client.delete("pears")
    assert run(client, "FANOUT apples") == [] and run(client, "TRAVERSE apples VIA RELATES") == []


def test_verbs_of_one_s_own(client, protocol):
    verb = f"LIKES{protocol}"  # FLUSHALL leaves the vocabulary
    with pytest.raises(redis.ResponseError, match=f"CAM.VERBS.DEFINE {verb}"):
        run(client, f"LINK apples {verb} pears")
    address = run(client, f"CAM.VERBS.DEFINE {verb}")
    assert address.startswith("@07") and run(client, f"CAM.VERBS.DEFINE {verb}") == address
    assert run(client, f"LINK apples {verb} pears").startswith("#")


def test_words_of_the_vocabularies_are_called(client):
    row = lambda reply: reply[0] if isinstance(reply[0], dict) else dict(zip(*reply))
    asserted = row(client.execute_command("CAM.VERBS.IS_A", "apples", "pears", "1.0,0.5"))
    assert bool(asserted["is_new"]) and not bool(row(run(client, "CAM.VERBS.IS_A apples pears 1.0,0.75"))["is_new"])
    assert row(run(client, "CAM 0x0706 apples"))["name"] == "pears"
    assert row(run(client, "CAM.VERBS.SUBSUMES pears"))["name"] == "apples"
    holds = row(run(client, "CAM.VERBS.IS_A apples pears"))
    assert float(holds["confidence"]) == 0.75 and holds["verb"] == "IS_A"
    assert run(client, "CAM.CONCEPTS.DEFINE Fruit").startswith("@08")
    assert row(client.execute_command("CAM.CONCEPTS.FRUIT", "apples"))["basis"] == "kind"


def test_a_program_is_one_commit_or_nothing(client, protocol):
    slot, name = f"0x0F1{protocol}", f"note{protocol}"  # FLUSHALL leaves the vocabulary
    steps = ["made = LANCE.INSERT 'a note' $said", "VERBS.MENTIONS $made.address $about 1,0.9", "VERBS.MENTIONED_BY $about"]
    client.execute_command("CAM.DEFINE", slot, name, "(about said)", *steps)
    with pytest.raises(redis.ResponseError, match=f"CAM.USER.{name}: step 2: VERBS.MENTIONS: y: no such node 'nobody'"):
        client.execute_command(f"CAM.USER.{name}", "nobody", "said")
    assert not client.exists("a note")
    reply = client.execute_command("CAM", slot, "apples", "said")
    assert (reply[0] if isinstance(reply[0], dict) else dict(zip(*reply)))["name"] == "a note"
    assert client.get("a note") == "said"
    with pytest.raises(redis.ResponseError, match="expected a free slot"):
        client.execute_command("CAM.DEFINE", slot, "another", "()", "LANCE.COUNT")
    client.execute_command("CAM.UNDEFINE", name)
    with pytest.raises(redis.ResponseError, match=f"{slot} is free: CAM.DEFINE {slot} name"):
        client.execute_command("CAM", slot)


def test_unbind_recovers_the_other_end_also_after_it_changed(client):
    edge = run(client, "BIND apples pears VIA REQUIRES")
    assert edge.startswith("@")
    columns = run(client, f"UNBIND {edge} apples")
    name, address, identity, distance, recovered = columns.values() if isinstance(columns, dict) else columns
    assert (name, int(distance), len(recovered)) == ("pears", 0, FINGERPRINT_HEX)
    back = run(client, f"UNBIND {edge} pears")
    assert (back["name"] if isinstance(back, dict) else back[0]) == "apples"
    client.set("pears", "something else altogether")
    again = run(client, f"UNBIND {edge} apples")
    assert (again["name"] if isinstance(again, dict) else again[0]) == "pears"
    assert client.dbsize() == 3, "an edge is no key"


def test_paths_make_their_parents_and_move_with_what_is_below(client):
    assert client.execute_command("DN.SET", "ada:soul:identity", "curious", "RUNG", "3") == "OK"
    assert run(client, "DN.GET ada:soul:identity") == "curious" and run(client, "DN.GET ada:soul") is None
    assert run(client, "DN.PARENT ada:soul") == "ada" and run(client, "DN.PARENT ada") is None
    assert run(client, "DN.ANCESTORS ada:soul:identity") == ["ada", "ada:soul"]
    run(client, "DN.SET ada:body tall")
    assert run(client, "DN.CHILDREN ada") == ["ada:body", "ada:soul"]
    assert run(client, "DN.SIBLINGS ada:soul") == ["ada:body"]
    assert run(client, "DN.DEPTH ada:soul:identity") == 2 and run(client, "DN.RUNG ada:soul:identity") == 3
    tree = rows(run(client, "DN.TREE ada"), "name", "address", "depth")
    assert [(name, depth) for name, _, depth in tree] == [
        ("ada", 0), ("ada:body", 1), ("ada:soul", 1), ("ada:soul:identity", 2)]
    assert len(run(client, "DN.TREE ada DEPTH 1")) == 3
    assert run(client, "DN.MOVE ada:soul eve:soul") == 2
    assert client.get("eve:soul:identity") == "curious" and client.get("ada:soul:identity") is None
    with pytest.raises(redis.ResponseError, match="RECURSIVE"):
        run(client, "DN.DEL eve")
    assert run(client, "DN.DEL eve RECURSIVE") == 3


def test_a_node_evaporates_and_crystallizes_and_stays_the_same(client):
    edge = run(client, "LINK apples RELATES pears")
    assert not run(client, "EVAPORATE apples 100").startswith(NODE_ZONE) and 0 < client.ttl("apples") <= 100
    assert run(client, "CRYSTALLIZE apples").startswith(NODE_ZONE) and client.ttl("apples") == -1
    (fanout,) = run(client, "FANOUT apples")
    assert edge in (fanout.values() if isinstance(fanout, dict) else fanout)


@pytest.mark.parametrize("line, text", [
    ("RESONATE", "wrong number of arguments for 'resonate' command"),
    ("RESONATE x K 0", "expected K to be a whole number"),
    ("RESONATE x K many", "expected K to be a whole number"),
    ("RESONATE x IN nowhere", "nowhere"),
    ("RESONATE x UNDER nobody", "no such node 'nobody'"),
    ("SIMILAR nobody", "no such node 'nobody'"),
    ("HAMMING apples nobody", "no such node 'nobody'"),
    ("HAMMING apples @8FFF", "no such node '@8FFF'"),
    ("ENCODE FP zz", "a fingerprint is 1280 bytes or 2560 hex digits"),
    ("ENCODE apples AS JSON", "expected AS HEX or AS RAW, got 'JSON'"),
    ("LINK apples RELATES nobody", "no such node 'nobody'"),
    ("LINK nobody RELATES apples", "no such node 'nobody'"),
    ("LINK apples DEVOURS pears", "no such verb 'DEVOURS'"),
    ("LINK apples RELATES pears WEIGHT heavy", "heavy"),
    ("LINK apples RELATES pears TRUTH 2,2", "2,2"),
    ("FANOUT nobody", "no such node 'nobody'"),
    ("FANIN apples VIA DEVOURS", "no such verb 'DEVOURS'"),
    ("TRAVERSE apples", "wrong number of arguments"),
    ("TRAVERSE nobody VIA RELATES", "no such node 'nobody'"),
    ("TRAVERSE apples VIA RELATES DEPTH deep", "deep"),
    ("BIND apples nobody", "no such node 'nobody'"),
    ("UNBIND @1000 apples", "no such"),
    ("UNBIND apples pears", "no such edge"),
    ("DN.SET a::b x", "expected a path"),
    ("DN.SET a:b x RUNG 10", "10"),
    ("DN.PARENT nobody", "no such node 'nobody'"),
    ("DN.MOVE nobody a:b", "no such node 'nobody'"),
    ("DN.DEL apples NOW", "expected RECURSIVE or nothing more, got 'NOW'"),
    ("DN.TREE apples DEPTH x", "expected DEPTH to be a whole number"),
    ("EVAPORATE nobody 10", "no such node 'nobody'"),
    ("EVAPORATE apples 0", "0"),
    ("CRYSTALLIZE nobody", "no such node 'nobody'"),
    ("CONTEXT nobody", "no such node 'nobody'"),
    ("SET k v TRUTH 2,2", "2,2"),
    ("SET k v QUALIA 1,2", "1,2"),
    ("SET k v RUNG 10", "10"),
    ("SET k v FP zz", "a fingerprint is"),
    ("SET k v FIELDS 2 a 1 b", "FIELDS takes how many there are"),
    ("SET k v FIELDS 0", "FIELDS takes how many there are"),
    ("SET k v FIELDS", "syntax error"),
    ("SET k v PROMOTE 0", "PROMOTE takes a number from 1"),
    ("SET k v KIND", "syntax error"),
    ("SET k v VECTOR abc", "a vector is little-endian f32"),
    ("GET apples DECAY fast", "a half-life is a positive number of seconds; got 'fast'"),
    ("GET apples SHOW", "syntax error"),
    ("XOR apples nobody", "no such node 'nobody'"),
    ("XOR FP zz apples", "a fingerprint is 1280 bytes or 2560 hex digits"),
    ("ENCODE VECTOR abc", "a vector is little-endian f32"),
    ("ENCODE RECORD x", "expected a JSON object"),
    ("RESONATE x THRESHOLD -1", "expected THRESHOLD to be a whole number from 0 to 10240"),
    ("RESONATE x RECALL 2", "expected RECALL to be a number from 0.01 to 1"),
    ("RESONATE x KIND", "expected a kind, got nothing more"),
    ("RESONATE x NONSENSE", "expected K, THRESHOLD, RECALL"),
    ("SIMILAR apples K 0", "expected K to be a whole number"),
    ("SIMILAR apples IN nowhere", "a zone is surface, fluid or node; got 'nowhere'"),
    ("MRESONATE 0 x", "expected the count to be a whole number"),
    ("MRESONATE 3", "wrong number of arguments"),
    ("CONTEXT apples pears", "expected nothing more, got 'pears'"),
    ("UNLINK apples RELATES nobody", "no such node 'nobody'"),
    ("LINK apples RELATES pears COLOUR red", "expected WEIGHT, TRUTH or nothing more, got 'COLOUR'"),
    ("BIND apples pears VIA DEVOURS", "no such verb 'DEVOURS'; CAM.VERBS.DEFINE DEVOURS takes an open slot"),
    ("BIND apples pears WITH RELATES", "expected VIA or nothing more, got 'WITH'"),
    ("FANIN nobody", "no such node 'nobody'"),
    ("FANOUT apples VIA DEVOURS", "no such verb 'DEVOURS'"),
    ("TRAVERSE apples VIA DEVOURS", "no such verb 'DEVOURS'"),
    ("TRAVERSE apples VIA RELATES LIMIT 0", "expected LIMIT to be a whole number"),
    ("DN.CHILDREN nobody", "no such node 'nobody'"),
    ("DN.ANCESTORS nobody", "no such node 'nobody'"),
    ("DN.SIBLINGS nobody", "no such node 'nobody'"),
    ("DN.DEPTH nobody", "no such node 'nobody'"),
    ("DN.RUNG nobody", "no such node 'nobody'"),
    ("DN.TREE nobody", "no such node 'nobody'"),
    ("DN.SET a:b", "wrong number of arguments"),
    ("DN.SET a:b x KIND", "expected a kind, got nothing more"),
    ("EVAPORATE apples soon", "expected seconds to be a whole number"),
    ("CRYSTALLIZE apples now", "expected nothing more, got 'now'"),
])
def test_wrong_input_is_named_and_changes_nothing(client, line, text):
    with pytest.raises(redis.ResponseError) as caught:
        client.execute_command(*line.split())
    assert text in str(caught.value)
    assert sorted(client.keys()) == ["apples", "pears", "trains"] and run(client, "FANOUT apples") == []


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def test_embeddings_are_found_by_embeddings(server):
    client = server.client(decode_responses=False, protocol=2)
    random = Random(1)
    east, north = ([random.gauss(0, 1) for _ in range(64)] for _ in range(2))
    between = [a + b for a, b in zip(east, north)]
    for name, vector in {"east": east, "north": north, "between": between}.items():
        client.execute_command("SET", name, "place", "VECTOR", floats(*vector))
    query = [0.7 * a + b for a, b in zip(east, north)]
    rows = client.execute_command("RESONATE", "VECTOR", floats(*query))
    assert [row[0] for row in rows] == [b"between", b"north", b"east"]
    bits = client.execute_command("ENCODE", "VECTOR", floats(*east), "AS", "RAW")
    assert len(bits) == 1_280
    assert client.execute_command("HAMMING", "east", "FP", bits) == 0
    nearest = client.execute_command("RESONATE", "FP", bits, "K", 1)[0]
    assert (nearest[0], nearest[2]) == (b"east", 0)


def test_edges_bind_and_unbind_after_an_end_has_changed_and_after_a_kill(start):
    server = start()
    client = server.client(protocol=2)
    client.mset({"cause": "rain", "effect": "wet streets"})
    edge = client.execute_command("BIND", "cause", "effect", "VIA", "CAUSES")
    client.set("effect", "flood")
    client.execute_command("LINK", "cause", "CAUSES", "effect")
    server.kill()
    server.start()
    client = server.client(protocol=2)
    name, _, _, distance, bits = client.execute_command("UNBIND", edge, "cause")
    assert (name, distance) == ("effect", 0)
    assert bits == client.execute_command("ENCODE", "flood")
    assert client.execute_command("UNLINK", "cause", "CAUSES", "effect") == 2
    assert client.unlink("cause", "effect") == 2


def test_a_read_whose_snapshot_costs_too_much_is_given_up_and_can_be_repeated(start):
    server = start("--fsync", "never", "--snapshot-bytes", str(1 << 20))
    client = server.client()
    for first in range(0, 20_000, 1_000):
        pipeline = client.pipeline(transaction=False)
        for number in range(first, first + 1_000):
            pipeline.execute_command("DN.SET", f"root:{number}", "leaf")
        pipeline.execute()
    done = threading.Event()

    def write():
        with server.client() as writer:
            while not done.is_set():
                writer.mset({f"large:{number}": "x" * 100_000 for number in range(30)})

    writer = threading.Thread(target=write)
    writer.start()
    try:
        refusals = []
        while not refusals:
            try:
                assert len(client.execute_command("DN.TREE", "root")) == 20_001
            except redis.ResponseError as refusal:
                refusals.append(str(refusal))
    finally:
        done.set()
        writer.join()
    assert refusals[0].startswith("SNAPSHOTGONE") and "--snapshot-bytes" in refusals[0]
    assert len(client.execute_command("DN.TREE", "root")) == 20_001
    stats = client.info("ladybug")
    assert stats["snapshots_gone"] >= 1 and stats["snapshots_held"] == 0 and stats["snapshots_bytes"] == 0
