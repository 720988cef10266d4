"""MEMORY beside pyactr and ACT-R's equations, on given times of presentation; what was presented survives a kill."""

import json
import math
import signal
import time

import numpy
import pytest
import pyactr.utilities as actr

DECAY = 0.5
# The clock goes on between writing and reading: far less than this, on ages of a hundred seconds and more.
TOLERANCE = 2e-3


def presented(client, name, ages):
    """A memory that was presented so many seconds ago, oldest first; answers now."""
    now = time.time()
    times = [int((now - age) * 1e6) for age in ages]
    note = json.dumps({"memory:presented": [len(times), times[0], *reversed(times[-10:])]})
    client.execute_command("SQL", f"INSERT INTO nodes (name, properties) VALUES ('{name}', '{note}')")
    return now


def connected(server):
    """A client that gets rows as maps, and bytes as bytes, which fingerprints are."""
    return server.client(protocol=3, decode_responses=False)


def row(reply, column):
    """A column of the only row of a reply."""
    [only] = reply
    return only[column.encode()]


@pytest.mark.parametrize("ages", [[100], [5000, 400, 101], [86400, 9000, 4000, 900, 800, 700, 650, 300, 200, 150]])
@pytest.mark.parametrize("decay", [0.0, 0.25, 0.5, 0.8])
def test_base_levels_are_those_of_pyactr(server, ages, decay):
    with connected(server) as client:
        now = presented(client, "memory", ages)
        expected = actr.baselevel_learning(now, numpy.array([now - age for age in ages]), True, decay)
        found = row(client.execute_command("CAM.MEMORY.DECAY", decay), "activation")
    assert float(found) == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("count", [11, 40, 300])
def test_many_presentations_are_near_the_exact_sum(server, count):
    """Only ten times are kept: Petrov's approximation of the rest, on evenly spread ones, within a few hundredths."""
    ages = [100 + 60 * n for n in reversed(range(count))]
    with connected(server) as client:
        now = presented(client, "memory", ages)
        exact = actr.baselevel_learning(now, numpy.array([now - age for age in ages]), True, DECAY)
        found = float(row(client.execute_command("CAM.MEMORY.ACTIVATION", "memory"), "activation"))
    lifetime, oldest = ages[0], ages[-10]
    known = sum(age**-DECAY for age in ages[-10:])
    rest = (count - 10) * (lifetime**0.5 - oldest**0.5) / (0.5 * (lifetime - oldest))
    assert found == pytest.approx(math.log(known + rest), abs=TOLERANCE)
    assert found == pytest.approx(exact, abs=0.03)


def test_recall_is_base_level_and_spreading_less_mismatch(server):
    with connected(server) as client:
        for name, age in [("robin", 400), ("gear", 100)]:
            presented(client, name, [age])
        client.execute_command("SET", "context", "birds", "EX", 1000)
        client.execute_command("LINK", "context", "RELATES", "robin")
        recalled = client.execute_command("CAM.MEMORY.RECALL", "robin", 9)
        found = {each[b"name"]: each for each in recalled}
    for name, age, spreading in [(b"robin", 400, 2.0), (b"gear", 100, 0.0)]:
        each = found[name]
        mismatch = 10 * int(each[b"distance"]) / 5120
        assert float(each[b"base"]) == pytest.approx(-0.5 * math.log(age), abs=TOLERANCE)
        assert float(each[b"spreading"]) == pytest.approx(spreading)
        assert float(each[b"mismatch"]) == pytest.approx(mismatch)
        total = float(each[b"base"]) + spreading - mismatch
        assert float(each[b"activation"]) == pytest.approx(total, abs=1e-6)


def test_presentations_survive_a_kill(start):
    server = start("--fsync", "always")
    with connected(server) as client:
        client.execute_command("REMEMBER", "a robin is a bird", '{"about":"birds"}')
        address = row(client.execute_command("RECALL", "robin", 1), "address")
        for _ in range(12):
            client.execute_command("CAM.MEMORY.TOUCH", address)
        before = client.execute_command("SQL", "SELECT properties FROM nodes")
    server.stop(signal.SIGKILL)
    server.start()
    with connected(server) as client:
        assert client.execute_command("SQL", "SELECT properties FROM nodes") == before
        assert row(client.execute_command("CAM.MEMORY.ACTIVATION", address), "presentations") == 13
        forgotten = client.execute_command("FORGET", address)
        assert row(forgotten, "value") == b"a robin is a bird"
        assert client.execute_command("CAM.LANCE.COUNT") == 0
