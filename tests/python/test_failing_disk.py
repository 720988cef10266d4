"""A disk that fails under a running server: nothing acknowledged is lost, nothing unacknowledged is claimed."""

import pathlib
import resource
import threading

import pytest
import redis

UNLIMITED = resource.RLIM_INFINITY
VALUE = "x" * 1000


def let_files_grow_to(server, size):
    """The kernel refuses the process any byte of a file past `size`: to the server, a disk that is full."""
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, UNLIMITED))


def log_bytes(server):
    """Size of the newest segment, which grows a mebibyte at a time once something was written."""
    return max(path.stat().st_size for path in pathlib.Path(server.data, "log").iterdir())


def fill_the_disk(server, client):
    """Sets keys until one is refused; answers the acknowledged ones and the refusal."""
    let_files_grow_to(server, log_bytes(server) + 50_000)
    acknowledged = []
    for number in range(1000):
        try:
            client.set(f"key:{number}", VALUE)
        except redis.RedisError as refusal:
            return acknowledged, str(refusal)
        acknowledged.append(f"key:{number}")
    raise AssertionError("the limit had no effect")


@pytest.mark.parametrize("policy", ["always", "everysec", "never"])
def test_a_full_disk_makes_the_server_read_only_until_it_is_told_to_resume(start, policy):
    server = start("--fsync", policy)
    client = server.client()
    client.set("before", "1")
    acknowledged, refusal = fill_the_disk(server, client)
    assert "outcome unknown" in refusal, refusal
    assert len(acknowledged) >= 10

    # Reads go on and show just what was acknowledged; writes say why they are refused.
    assert set(client.keys()) == {"before", *acknowledged}
    with pytest.raises(redis.ReadOnlyError, match="read-only since its log failed"):
        client.set("more", "1")
    assert client.info("persistence")["log_failure"]
    let_files_grow_to(server, UNLIMITED)
    client.execute_command("LOG", "RESUME")
    client.set("after", "1")
    assert "log_failure" not in client.info("persistence")
    expected = {"before", "after", *acknowledged}
    assert set(client.keys()) == expected

    server.kill()
    server.start()
    assert set(server.client().keys()) == expected


def test_of_many_writers_each_knows_what_is_there_and_what_is_unknown(start):
    server = start("--fsync", "always")
    server.client().set("before", "1")
    let_files_grow_to(server, log_bytes(server) + 200_000)
    acknowledged, refused = ["before"], []

    def write(worker):
        with server.client() as client:
            for number in range(400):
                try:
                    client.set(f"key:{worker}:{number}", VALUE)
                    acknowledged.append(f"key:{worker}:{number}")
                except redis.RedisError as refusal:
                    refused.append(str(refusal))

    workers = [threading.Thread(target=write, args=(worker,)) for worker in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(acknowledged) > 10 and refused
    assert all("outcome unknown" in text or "read-only" in text for text in refused), set(refused)
    assert set(server.client().keys()) == set(acknowledged)
    server.kill()
    server.start()
    assert set(server.client().keys()) >= set(acknowledged)


def test_a_checkpoint_that_does_not_fit_is_refused_and_nothing_is_lost(start):
    server = start("--fsync", "always")
    client = server.client()
    client.mset({f"key:{number}": VALUE for number in range(200)})
    let_files_grow_to(server, 100_000)
    with pytest.raises(redis.ResponseError, match="File too large"):
        client.save()
    assert client.dbsize() == 200
    let_files_grow_to(server, UNLIMITED)
    assert client.save()
    server.kill()
    server.start()
    assert server.client().dbsize() == 200
