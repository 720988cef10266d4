"""What was acknowledged is there again: after SIGTERM, which writes a checkpoint, and after SIGKILL, which cannot."""

import pathlib
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
