"""Ladybug's own commands with redis-py: what a program that brings its own embeddings does."""

import struct
from random import Random

import pytest

COLUMNS = ["name", "address", "distance", "similarity", "z"]


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


@pytest.mark.parametrize("protocol", [2, 3])
def test_rows_are_arrays_in_resp2_and_maps_in_resp3(server, protocol):
    client = server.client(protocol=protocol)
    pipeline = client.pipeline(transaction=False)
    pipeline.execute_command("DN.SET", "tools:nginx", "powerful web server")
    pipeline.execute_command("DN.SET", "games:chess", "a game of chess")
    pipeline.execute_command("RESONATE", "web server", "K", 1)
    *_, rows = pipeline.execute()
    row = rows[0] if protocol == 3 else dict(zip(COLUMNS, rows[0], strict=True))
    assert list(row) == COLUMNS
    assert row["name"] == "tools:nginx" and row["address"].startswith("@")
    distance, similarity, z = row["distance"], float(row["similarity"]), float(row["z"])
    assert isinstance(distance, int) and similarity == 1 - 2 * distance / 10_240
    assert z == pytest.approx((5_120 - distance) / 50.6)


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
