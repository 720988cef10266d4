"""redis-py works unchanged, in RESP2 and RESP3: connections, pipelines, publish/subscribe, scans, expiry, errors."""

import threading
import time

import pytest
import redis

WAIT_SECONDS_MAX = 10


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def protocol(request):
    return request.param


@pytest.fixture
def client(server, protocol):
    with server.client(protocol=protocol) as connected:
        yield connected


def next_message(subscription):
    """The next message that is no confirmation."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < deadline:
        message = subscription.get_message(ignore_subscribe_messages=True, timeout=0.2)
        if message:
            return message
    raise AssertionError("no message came")


def wait_for(condition, what):
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


# Connections


def test_a_connection_has_an_id_a_name_and_a_protocol(client, protocol):
    assert client.ping()
    assert client.echo("hello") == "hello"
    client.client_setname("tester")
    assert client.client_getname() == "tester"
    assert client.client_id() > 0
    assert client.client_info()["resp"] == str(protocol)
    assert "tester" in [each["name"] for each in client.client_list()]


def test_spaces_are_selected_by_number_and_are_apart(server, protocol):
    with server.client(db=7, protocol=protocol) as seven, server.client(protocol=protocol) as zero:
        seven.set("k", "seven")
        assert zero.get("k") is None and zero.dbsize() == 0
        assert zero.select(7) and zero.get("k") == "seven"
        assert seven.move("k", 0) == 1 and seven.get("k") is None
        with pytest.raises(redis.ResponseError, match="DB index is out of range"):
            zero.execute_command("SELECT", "-1")
        seven.flushdb()


def test_a_password_is_asked_for(start, protocol):
    server = start("--password", "s3cret")
    with server.client(protocol=protocol, password="s3cret") as client:
        assert client.set("k", "v")
    with pytest.raises(redis.AuthenticationError), server.client(protocol=protocol, password="wrong") as client:
        client.ping()
    with pytest.raises(redis.AuthenticationError), server.client(protocol=protocol) as client:
        client.get("k")


# Values


def test_strings(client):
    assert client.set("k", "v") is True
    assert client.set("k", "w", nx=True) is None
    assert client.set("k", "w", xx=True, get=True) == "v"
    assert client.getset("k", "x") == "w"
    assert client.append("k", "yz") == 3 and client.strlen("k") == 3
    assert client.getrange("k", 1, -1) == "yz"
    assert client.setrange("k", 1, "__") == 3 and client.get("k") == "x__"
    assert client.mset({"a": 1, "b": 2}) and client.mget("a", "b", "none") == ["1", "2", None]
    assert client.msetnx({"a": 3, "c": 3}) is False and client.get("c") is None
    assert client.incr("a", 41) == 42 and client.decr("a") == 41
    assert client.incrbyfloat("a", "0.5") == 41.5
    assert client.getdel("a") == "41.5" and client.exists("a", "b", "b") == 2


def test_every_byte_survives(server, protocol):
    with server.client(protocol=protocol, decode_responses=False) as client:
        name, value = bytes(range(256)), bytes(reversed(range(256))) * 500
        client.set(name, value)
        client.hset(b"\x00h\r\n", b"\xff\r\n", value)
        assert client.get(name) == value
        assert client.hgetall(b"\x00h\r\n") == {b"\xff\r\n": value}
        assert set(client.keys()) == {name, b"\x00h\r\n"}
        assert client.set(b"empty", b"") and client.get(b"empty") == b""


def test_hashes(client):
    assert client.hset("h", mapping={"a": 1, "b": "two", "c": ""}) == 3
    assert client.hget("h", "b") == "two" and client.hget("h", "none") is None
    assert client.hmget("h", ["a", "none"]) == ["1", None]
    assert client.hgetall("h") == {"a": "1", "b": "two", "c": ""} and client.hgetall("none") == {}
    assert sorted(client.hkeys("h")) == ["a", "b", "c"] and sorted(client.hvals("h")) == ["", "1", "two"]
    assert client.hincrby("h", "a", 4) == 5 and client.hincrbyfloat("h", "a", 0.25) == 5.25
    assert client.hsetnx("h", "a", 1) in (0, False) and client.hstrlen("h", "b") == 3
    assert client.hexists("h", "c") and client.hlen("h") == 3
    assert dict(client.hscan_iter("h")) == {"a": "5.25", "b": "two", "c": ""}
    assert client.hrandfield("h") in {"a", "b", "c"}
    assert dict_of(client.hrandfield("h", 3, withvalues=True)) == client.hgetall("h")
    assert client.hdel("h", "a", "b", "c") == 3 and client.exists("h") == 0


def dict_of(pairs):
    """RESP2 answers fields and values in turn, RESP3 in pairs."""
    if pairs and not isinstance(pairs[0], (list, tuple)):
        pairs = zip(pairs[::2], pairs[1::2])
    return dict(map(tuple, pairs))


def test_keys(client):
    client.mset({"user:1": "a", "user:2": "b", "other": "c"})
    assert sorted(client.keys("user:*")) == ["user:1", "user:2"]
    assert client.rename("user:1", "user:9") and client.get("user:9") == "a"
    assert client.renamenx("user:9", "user:2") in (0, False)
    assert client.copy("other", "copy") and client.get("copy") == "c"
    assert client.type("other") == "string" and client.type("none") == "none"
    assert client.touch("other", "none") == 1 and client.randomkey() in client.keys()
    assert client.delete("other", "none") == 1 and client.unlink("copy") == 1
    assert client.dbsize() == 2


def test_a_scan_answers_every_key_once_while_others_come_and_go(client):
    names = {f"stays:{n}" for n in range(1000)}
    pipeline = client.pipeline(transaction=False)
    for name in names:
        pipeline.set(name, "x")
    pipeline.execute()
    found = []
    for at, name in enumerate(client.scan_iter(match="stays:*", count=50)):
        found.append(name)
        if at % 10 == 0:
            client.set(f"comes:{at}", "x")
            client.delete(f"comes:{at - 50}")
    assert set(found) == names and len(found) == len(names)
    client.hset("h", "f", "v")
    assert list(client.scan_iter(_type="hash")) == ["h"]


def test_what_has_expired_is_gone(client):
    client.set("short", "x", px=60)
    client.set("long", "x", ex=1000)
    assert 0 < client.pttl("short") <= 60 and 990 < client.ttl("long") <= 1000
    assert client.ttl("none") == -2
    wait_for(lambda: client.get("short") is None, "it did not expire")
    assert client.exists("short") == 0
    assert client.persist("long") and client.ttl("long") == -1
    at = int(time.time()) + 500
    assert client.expireat("long", at) and client.expiretime("long") == at
    assert client.expire("long", 600, lt=True) in (0, False) and client.expire("long", 600, gt=True)
    assert client.getex("long", persist=True) == "x" and client.ttl("long") == -1
    assert client.expire("long", -1) and client.exists("long") == 0


# Pipelines and transactions


@pytest.mark.parametrize("transaction", [True, False])
def test_a_pipeline_answers_in_order_and_errors_stay_with_their_command(client, transaction):
    pipeline = client.pipeline(transaction=transaction)
    pipeline.set("k", "text").incr("k").get("k").hset("h", "f", "v").hgetall("h")
    done, error, text, added, fields = pipeline.execute(raise_on_error=False)
    assert (done, text, added, fields) == (True, "text", 1, {"f": "v"})
    assert isinstance(error, redis.ResponseError) and "not an integer" in str(error)


def test_ten_thousand_commands_in_one_pipeline(client):
    pipeline = client.pipeline(transaction=False)
    for n in range(10_000):
        pipeline.incr("n")
    assert pipeline.execute() == list(range(1, 10_001))


def test_a_transaction_with_a_wrong_command_does_nothing(client):
    pipeline = client.pipeline()
    pipeline.set("k", "v").execute_command("GET")
    with pytest.raises(redis.ResponseError, match="wrong number of arguments"):
        pipeline.execute()
    assert client.get("k") is None


def test_a_watched_key_that_changed_aborts(client):
    client.set("n", 1)
    with client.pipeline() as pipeline:
        pipeline.watch("n")
        client.incr("n")
        pipeline.multi()
        pipeline.set("n", "lost")
        with pytest.raises(redis.WatchError):
            pipeline.execute()
        assert client.get("n") == "2"
        pipeline.watch("n")
        pipeline.unwatch()
        client.incr("n")
        pipeline.multi()
        pipeline.get("n")
        assert pipeline.execute() == ["3"]


def test_optimistic_increments_of_many_clients_lose_none(server, protocol):
    def increments():
        with server.client(protocol=protocol) as own:
            for _ in range(25):
                own.transaction(lambda p: (value := int(p.get("n") or 0), p.multi(), p.set("n", value + 1)), "n")

    threads = [threading.Thread(target=increments) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with server.client() as client:
        assert client.get("n") == "100"


def test_the_lock_of_redis_py_needs_scripts_and_fails_saying_so(client):
    """`Lock` releases with a script; there are none here, and the error names the command."""
    lock = client.lock("lock", timeout=5)
    assert lock.acquire(blocking=False)
    with pytest.raises(redis.ResponseError, match="unknown command"):
        lock.release()


# Publish and subscribe


def test_messages_reach_channels_and_patterns(client):
    with client.pubsub() as subscription:
        subscription.subscribe("news")
        subscription.psubscribe("ne?s*")
        wait_for(lambda: client.pubsub_numpat() == 1, "not subscribed")
        assert client.pubsub_channels() == ["news"] and client.pubsub_numsub("news") == [("news", 1)]
        assert client.publish("news", "hello") == 2
        got = [next_message(subscription) for _ in range(2)]
        assert sorted((each["type"], each["data"]) for each in got) == [("message", "hello"), ("pmessage", "hello")]
        subscription.unsubscribe("news")
        subscription.punsubscribe()
        wait_for(lambda: client.publish("news", "late") == 0, "still subscribed")


@pytest.fixture
def notifying(client):
    client.config_set("notify-keyspace-events", "KEA")
    yield client
    client.config_set("notify-keyspace-events", "")


def test_changes_of_keys_are_announced(notifying):
    with notifying.pubsub() as subscription:
        subscription.psubscribe("__keyevent@0__:*")
        wait_for(lambda: notifying.pubsub_numpat() == 1, "not subscribed")
        notifying.set("k", "v")
        notifying.hset("h", "f", "v")
        notifying.delete("k")
        notifying.set("gone", "v", px=30)
        got = [(each["channel"].split(":")[1], each["data"]) for each in (next_message(subscription) for _ in range(6))]
        assert got == [("set", "k"), ("hset", "h"), ("del", "k"), ("set", "gone"), ("expire", "gone"),
                       ("expired", "gone")]


def announced(client, do, count):
    """The first `count` events of some work, as (event, key)."""
    with client.pubsub() as subscription:
        subscription.psubscribe("__keyevent@0__:*")
        wait_for(lambda: client.pubsub_numpat() == 1, "not subscribed")
        do()
        got = [next_message(subscription) for _ in range(count)]
        return [(each["channel"].split(":")[1], each["data"]) for each in got]


def test_what_transactions_and_merges_change_is_announced(notifying):
    def transfer():
        txn = notifying.execute_command("DAG.BEGIN")
        notifying.execute_command("DAG.WRITE", txn, "from", "1")
        notifying.execute_command("DAG.DELETE", txn, "to")
        notifying.execute_command("DAG.COMMIT", txn)

    notifying.set("from", "0")
    notifying.set("to", "0")
    assert sorted(announced(notifying, transfer, 2)) == [("del", "to"), ("set", "from")]
    notifying.execute_command("DAG.CHECKPOINT", "before")
    notifying.set("from", "2")
    roll_back = lambda: notifying.execute_command("DAG.ROLLBACK", "before")  # noqa: E731
    assert announced(notifying, roll_back, 1) == [("set", "from")]
    notifying.execute_command("DAG.DROP", "before")

    def statements():
        notifying.execute_command("SQL", "DELETE FROM nodes WHERE name = 'from'")
        notifying.set("also", "1")
        notifying.execute_command("CYPHER", "MATCH (n {name: 'also'}) SET n.size = 1")
        with notifying.pipeline() as pipeline:
            pipeline.set("more", "1")
            pipeline.execute_command("CYPHER", "MATCH (n {size: 1}) DETACH DELETE n")
            pipeline.execute()

    got = announced(notifying, statements, 5)
    assert got[:3] == [("del", "from"), ("set", "also"), ("hset", "also")]
    assert sorted(got[3:]) == [("del", "also"), ("set", "more")]


# The server


def test_the_server_describes_itself(client):
    info = client.info()
    assert info["redis_version"] and info["connected_clients"] >= 1
    seconds, microseconds = client.time()
    assert abs(seconds - time.time()) < 5 and 0 <= microseconds < 1_000_000
    assert client.command_count() == len(client.command())
    assert client.config_get("maxclients")["maxclients"]
    assert client.object("encoding", "none") is None
    client.set("k", "v")
    assert client.memory_usage("k") > 0


# Errors


@pytest.mark.parametrize("command, text", [
    (["NOPE", "a"], "unknown command 'NOPE'"),
    (["GET"], "wrong number of arguments for 'get' command"),
    (["SET", "k", "v", "EX", "0"], "invalid expire time in 'set' command"),
    (["SET", "k", "v", "NOPE"], "syntax error"),
    (["INCR", "text"], "value is not an integer or out of range"),
    (["INCRBYFLOAT", "text", "1"], "value is not a valid float"),
    (["HGET", "text", "f"], "Operation against a key holding the wrong kind of value"),
    (["GET", "hash"], "Operation against a key holding the wrong kind of value"),
    (["EXPIRE", "text", "x"], "value is not an integer or out of range"),
    (["RENAME", "none", "x"], "no such key"),
    (["SCAN", "x"], "invalid cursor"),
    (["EXEC"], "EXEC without MULTI"),
    (["DISCARD"], "DISCARD without MULTI"),
    (["CONFIG", "SET", "nope", "1"], "Unknown option"),
    (["SETRANGE", "text", "-1", "x"], "offset is out of range"),
], ids=lambda part: " ".join(part) if isinstance(part, list) else "")
def test_errors_are_redis_s(client, command, text):
    client.set("text", "abc")
    client.hset("hash", "f", "v")
    with pytest.raises(redis.ResponseError) as caught:
        client.execute_command(*command)
    assert text in str(caught.value)
    assert client.get("text") == "abc" and client.hgetall("hash") == {"f": "v"}


@pytest.mark.parametrize("container", ["CLIENT", "COMMAND", "CONFIG", "LOG", "MEMORY", "OBJECT", "PUBSUB", "SLOWLOG"])
def test_every_container_has_help_on_its_subcommands(server, container):
    with server.client() as client:
        heading, *lines = client.execute_command(f"{container} HELP")
        assert heading == f"{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
        titles, summaries = lines[::2], lines[1::2]
        assert titles[-1] == "HELP" and all(summary.startswith("    ") for summary in summaries)
        listed = client.execute_command("COMMAND LIST", "FILTERBY", "PATTERN", f"{container.lower()}|*")
        assert sorted(title.split()[0].lower() for title in titles) == sorted(name.split("|")[1] for name in listed)
        with pytest.raises(redis.ResponseError, match=f"Try {container} HELP"):
            client.execute_command(container, "NOPE")


def test_client_list_has_redis_fields(server):
    with server.client() as client:
        own = next(each for each in client.client_list() if each["id"] == str(client.client_id()))
        assert {"id", "addr", "laddr", "fd", "name", "age", "idle", "flags", "db", "sub", "psub", "ssub", "multi", "qbuf",
                "obl", "oll", "omem", "tot-mem", "events", "cmd", "user", "redir", "resp"} <= own.keys()
        assert int(own["fd"]) > 2 and int(own["tot-mem"]) > 0 and own["cmd"] == "client|list"


def test_hits_and_misses_are_counted_as_in_redis(server, redis_port):
    """After each command both servers have counted the same."""
    commands = """
        SET k 1 | HSET h a 1 | GET k | GET none | MGET k none h | EXISTS k none k | TYPE k | TYPE none | TTL k | PTTL none
        STRLEN k | STRLEN none | GETRANGE k 0 1 | HGET h a | HGET h none | HGET none a | HMGET h a b | HGETALL none
        HLEN h | HEXISTS h a | HSTRLEN h a | HKEYS none | HVALS h | HSCAN h 0 | HRANDFIELD h | TOUCH k none
        EXPIRETIME k | GETDEL none | GETEX k | GETSET k 2 | SET k 3 GET | SET none2 3 GET | INCR k | APPEND k x
        SETRANGE k 0 y | HINCRBY h a 1 | DEL none | EXPIRE none 5 | PERSIST k | RENAME k l | COPY l m | GETDEL l
        SETNX m 1 | HSETNX h a 1 | HDEL h zz
    """.replace("\n", "|")
    with server.client() as ours, redis.Redis(port=redis_port, decode_responses=True) as theirs:
        theirs.flushall()
        counts = []
        for client in (ours, theirs):
            client.config_resetstat()
            seen = []
            for command in filter(None, map(str.split, commands.split("|"))):
                try:
                    client.execute_command(*command)
                except redis.ResponseError:
                    pass  # of the wrong kind by now, for both
                stats = client.info("stats")
                seen.append((command, stats["keyspace_hits"], stats["keyspace_misses"]))
            counts.append(seen)
        assert counts[0] == counts[1]
