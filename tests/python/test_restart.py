"""What was acknowledged is there again: after SIGTERM, which writes a checkpoint, and after SIGKILL, which cannot."""

import pathlib
import shlex
import signal
import threading

import pytest
import redis


def fill(client):
    client.mset({f"key:{n}": f"value {n}" for n in range(500)})
    client.hset("hash", mapping={"a": "1", "b": "two"})
    client.set("fluid", "for a while", ex=1000)
    client.execute_command("SET", "ada", "a poet of numbers", "KIND", "Person", "TRUTH", "0.9,0.8", "RUNG", "2")
    client.execute_command("DN.SET", "ada:soul:identity", "curious")
    client.execute_command("CAM.VERBS.DEFINE", "KNOWS")
    client.execute_command("LINK", "ada", "KNOWS", "key:1", "WEIGHT", "0.5")
    client.execute_command("BIND", "ada", "hash")
    client.delete("key:9")
    client.select(3)
    client.set("three", b"\x00\xff")
    client.select("what-if")
    client.set("named", "x")
    client.select(0)


def picture(client):
    """All that is there, but for what time and looking change."""
    client.select(0)
    node = client.execute_command("GET", "ada", "FEEL")
    fields = dict(zip(node[::2], node[1::2])) if isinstance(node, list) else dict(node)
    seen = {
        "keys": {name: client.type(name) for name in client.keys()},
        "values": client.mget([f"key:{n}" for n in range(500)]),
        "hash": client.hgetall("hash"),
        "fluid": client.expiretime("fluid"),
        "ada": {key: value for key, value in fields.items() if key not in ("times", "accesses")},
        "fanout": client.execute_command("FANOUT", "ada"),
        "traverse": client.execute_command("TRAVERSE", "ada", "VIA", "KNOWS"),
        "tree": client.execute_command("DN.TREE", "ada"),
        "found": client.execute_command("RESONATE", "a poet", "K", "3"),
    }
    client.select(3)
    seen["three"] = client.strlen("three")
    client.select("what-if")
    seen["named"] = client.get("named")
    client.select(0)
    return seen


@pytest.mark.parametrize("fsync", ["always", "everysec", "never"])
@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL], ids=["sigterm", "sigkill"])
def test_everything_is_there_again(start, fsync, sig):
    server = start("--fsync", fsync)
    with server.client(single_connection_client=True) as client:
        fill(client)
        before = picture(client)
    assert server.stop(sig) == (0 if sig == signal.SIGTERM else -signal.SIGKILL)
    checkpoints = list((pathlib.Path(server.data) / "checkpoints").glob("*"))
    assert bool(checkpoints) == (sig == signal.SIGTERM)
    server.start()
    with server.client(single_connection_client=True) as client:
        assert picture(client) == before
        client.set("after", "x")
    server.kill()
    server.start()
    with server.client() as client:
        assert client.get("after") == "x" and client.get("key:1") == "value 1"


# What each writing command is shown by: lines that end with it, and with the commit of its transaction. Every space begins with
# what PREPARED leaves, and has the name of its command; `{txn}` is a transaction that has begun in it.
PREPARED = ["SET k 10", "HSET h f 1 g 2", "SET fluid x EX 1000", "LINK k RELATES h", "DN.SET a:b x"]
WRITES = {
    "append": ["APPEND k 5"],
    "bind": ["BIND k h"],
    "copy": ["COPY k other"],
    "crystallize": ["CRYSTALLIZE fluid"],
    "cypher": ["CYPHER 'CREATE (:Person {age: 7})'"],
    "dag.checkpoint": ["DAG.CHECKPOINT kept"],
    "dag.commit": ["DAG.WRITE {txn} k 11", "DAG.COMMIT {txn}"],
    "dag.delete": ["DAG.DELETE {txn} k", "DAG.COMMIT {txn}"],
    "dag.drop": ["DAG.FORK dropped", "DAG.DROP dropped"],
    "dag.fork": ["DAG.FORK forked"],
    "dag.link": ["DAG.LINK {txn} h RELATES k", "DAG.COMMIT {txn}"],
    "dag.merge": ["DAG.FORK merged", "SELECT merged", "SET k 11", "SELECT dag.merge", "DAG.MERGE merged"],
    "dag.rollback": ["DAG.CHECKPOINT before", "SET k 11", "DAG.ROLLBACK before"],
    "dag.unlink": ["DAG.UNLINK {txn} k RELATES h", "DAG.COMMIT {txn}"],
    "dag.write": ["DAG.WRITE {txn} new x", "DAG.COMMIT {txn}"],
    "decr": ["DECR k"],
    "decrby": ["DECRBY k 3"],
    "del": ["DEL k"],
    "dn.del": ["DN.DEL a:b"],
    "dn.move": ["DN.MOVE a:b c"],
    "dn.set": ["DN.SET d:e y RUNG 2"],
    "evaporate": ["EVAPORATE k 1000"],
    "expire": ["EXPIRE k 1000"],
    "expireat": ["EXPIREAT k 9999999999"],
    "flushall": ["FLUSHALL"],
    "flushdb": ["FLUSHDB"],
    "forget": ["FORGET k"],
    "getdel": ["GETDEL k"],
    "getex": ["GETEX k EX 1000"],
    "getset": ["GETSET k 11"],
    "graph.delete": ["GRAPH.QUERY graph 'CREATE (:A)'", "GRAPH.DELETE graph"],
    "graph.query": ["GRAPH.QUERY graph.query 'CREATE (:A)'"],
    "graphql": ["GRAPHQL 'mutation { set(node: {name: \"k\"}, rung: 3) { id } }'"],
    "hdel": ["HDEL h f"],
    "hincrby": ["HINCRBY h f 3"],
    "hincrbyfloat": ["HINCRBYFLOAT h f 0.5"],
    "hmset": ["HMSET h f 3 i 4"],
    "hset": ["HSET h f 3 i 4"],
    "hsetnx": ["HSETNX h i 4"],
    "incr": ["INCR k"],
    "incrby": ["INCRBY k 3"],
    "incrbyfloat": ["INCRBYFLOAT k 0.5"],
    "judge": ["JUDGE '<k --> h>' 1,0.9"],
    "link": ["LINK h REQUIRES k WEIGHT 0.5"],
    "move": ["MOVE k 9"],
    "mset": ["MSET k 11 l 12"],
    "msetnx": ["MSETNX l 11 m 12"],
    "persist": ["PERSIST fluid"],
    "pexpire": ["PEXPIRE k 1000000"],
    "pexpireat": ["PEXPIREAT k 9999999999999"],
    "psetex": ["PSETEX k 1000000 11"],
    "remember": ["REMEMBER 'a thing'"],
    "rename": ["RENAME k l"],
    "renamenx": ["RENAMENX k l"],
    "set": ["SET k 11 KIND Number TRUTH 0.5,0.5 RUNG 2 QUALIA 0.5,0,0,0,0,0,0,1"],
    "setex": ["SETEX k 1000 11"],
    "setnx": ["SETNX l 11"],
    "setrange": ["SETRANGE k 1 xyz"],
    "sql": ["SQL \"INSERT INTO nodes (name, value) VALUES ('l', 'x')\""],
    "unlink": ["UNLINK k RELATES h"],
}


def tables(client):
    """What SQL shows of the selected space but for accesses, which are counted in memory, and the spaces and named checkpoints."""
    tables = ["nodes", "edges", "verbs", "spaces", "checkpoints WHERE name IS NOT NULL"]
    columns = {"nodes": "* EXCEPT (accesses, accessed)"}
    return [client.execute_command("SQL", f"SELECT {columns.get(table, '*')} FROM {table} ORDER BY 1, 2")
            for table in tables]


def test_what_each_writing_command_did_is_there_again(start):
    server = start("--fsync", "always")
    after = {}
    with server.client(single_connection_client=True, encoding_errors="surrogateescape") as client:
        commands = client.execute_command("COMMAND")
        writing = {name for name, about in commands.items() if "write" in about["flags"]}
        assert {name for name in writing if not name.startswith("cam")} == set(WRITES)
        # FLUSHALL first, which leaves nothing of the others.
        for name in ["flushall", *(name for name in WRITES if name != "flushall")]:
            client.select(name)
            for line in PREPARED:
                client.execute_command(*shlex.split(line))
            txn = client.execute_command("DAG.BEGIN")
            *first, last = WRITES[name]
            for line in first:
                client.execute_command(*shlex.split(line.format(txn=txn) if "{txn}" in line else line))
            before = tables(client)
            client.execute_command(*shlex.split(last.format(txn=txn) if "{txn}" in last else last))
            assert tables(client) != before, f"{name} did nothing"
        for name in WRITES:
            client.select(name)
            after[name] = tables(client)
    for sig in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        server.stop(sig)
        server.start()
        with server.client(single_connection_client=True, encoding_errors="surrogateescape") as client:
            for name in WRITES:
                client.select(name)
                assert tables(client) == after[name], f"{name}, after {sig.name}"


def test_a_transaction_is_there_whole_or_not_at_all_whenever_the_process_dies(start):
    server = start("--fsync", "everysec")
    acknowledged = 0
    for _ in range(4):
        with server.client() as client:
            first = int(client.get("left") or 0)
            assert first >= acknowledged and client.get("left") == client.get("right")
            killer = threading.Timer(0.3, server.process.kill)
            killer.start()
            n = first
            try:
                while True:
                    n += 1
                    client.pipeline().set("left", n).set("right", n).execute()
                    acknowledged = n
            except redis.ConnectionError:
                pass
            killer.join()
        server.stop()
        server.start()
    with server.client() as client:
        assert int(client.get("left")) >= acknowledged and client.get("left") == client.get("right")


def test_one_data_directory_is_one_server_s(start):
    server = start()
    with pytest.raises(AssertionError, match="exited with 1"):
        start(data=server.data)
    assert server.data in server.log_text()
