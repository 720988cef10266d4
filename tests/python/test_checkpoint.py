"""Checkpoints as others read them: pyarrow and polars open the files as they are; `ladybug check` verifies them."""

import json
import os
import pathlib
import subprocess

import polars
import pyarrow
import pyarrow.ipc
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("LADYBUG_BIN") or str(ROOT / "target/debug/ladybug")

ROWS = [
    {"name": f"package {n}", "value": f"a web server, number {n}", "kinds": ["Package"],
     "fields": {"size": n, "ratio": n / 4, "section": "httpd"},
     "edges": [["DEPENDS_ON", "package 0"]] if n else []}
    for n in range(600)
]


def ladybug(*arguments, **options):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, **options)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data directory with a checkpoint of ROWS."""
    data = tmp_path_factory.mktemp("data")
    lines = "\n".join(json.dumps(row) for row in ROWS)
    done = ladybug("load", "jsonl", "--data", data, input=lines)
    assert done.returncode == 0, done.stderr
    return data


def newest(data):
    return max((data / "checkpoints").iterdir())


def table(data, name):
    with pyarrow.memory_map(str(newest(data) / name)) as source:
        return pyarrow.ipc.open_file(source).read_all()


def test_pyarrow_reads_the_nodes(data):
    with pyarrow.memory_map(str(newest(data) / "nodes.arrow")) as source:
        file = pyarrow.ipc.open_file(source)
        batches = [file.get_batch(n) for n in range(file.num_record_batches)]
        assert len(batches) == 3 and max(batch.num_rows for batch in batches) == 256, "a batch a chunk"
        for batch in batches:
            # Mapped where it lies, and aligned to a cache line in the file.
            address = batch.column("fingerprint").buffers()[1].address
            assert address % 64 == 0
    nodes = table(data, "nodes.arrow")
    assert nodes.schema.field("zone").type == pyarrow.dictionary(pyarrow.uint8(), pyarrow.utf8())
    assert nodes.schema.field("fingerprint").type == pyarrow.binary(1280)
    rows = {row["name"]: row for row in nodes.to_pylist()}
    assert set(rows) == {row["name"] for row in ROWS}
    row = rows["package 7"]
    assert row["value"] == b"a web server, number 7"
    assert row["kinds"] == ["Package"]
    assert json.loads(row["properties"]) == {"size": 7, "ratio": 1.75, "section": "httpd"}
    assert (row["zone"], row["space"], row["rung"], row["depth"]) == ("node", 0, 0, 0)
    assert row["parent"] is None and row["expires"] is None and row["accessed"] is None
    assert (row["frequency"], row["evidence"], row["qualia"]) == (1.0, [], [0.0] * 8)
    assert len({row["id"] for row in rows.values()}) == len(ROWS)


def test_the_fingerprints_are_those_of_the_values(data):
    nodes = table(data, "nodes.arrow").to_pylist()
    bits = [int.from_bytes(row["fingerprint"], "little") for row in nodes]
    near = (bits[1] ^ bits[2]).bit_count()
    assert 0 < near < 4_000, "nothing is pending, and like values are near"
    assert all(4_000 < each.bit_count() < 6_200 for each in bits)


def test_pyarrow_reads_the_edges_and_the_catalogue(data):
    edges = table(data, "edges.arrow").to_pylist()
    ids = {row["id"]: row["name"] for row in table(data, "nodes.arrow").to_pylist()}
    assert len(edges) == len(ROWS) - 1
    assert {row["verb"] for row in edges} == {"DEPENDS_ON"}
    assert {ids[row["target"]] for row in edges} == {"package 0"}
    assert {row["weight"] for row in edges} == {1.0}
    catalogue = table(data, "catalogue.arrow")
    assert int(catalogue.schema.metadata[b"next_id"]) > max(row["id"] for row in edges)
    (space,) = catalogue.to_pylist()
    assert (space["space"], space["name"]) == (0, None)
    assert "DEPENDS_ON" in [verb["name"] for verb in space["verbs"]]
    parity = int.from_bytes(space["chunks"][0]["parity"], "little")
    prefix = space["chunks"][0]["prefix"]
    for row in table(data, "nodes.arrow").to_pylist():
        if row["address"] >> 8 != prefix:
            continue
        parity ^= int.from_bytes(row["fingerprint"], "little")
    assert parity == 0, "the parity row is the sum of its chunk's fingerprints"


def test_polars_reads_the_nodes(data):
    nodes = polars.read_ipc(newest(data) / "nodes.arrow")
    assert nodes.height == len(ROWS)
    assert nodes.filter(polars.col("name") == "package 9")["value"].to_list() == [b"a web server, number 9"]


def test_check_finds_damage_and_repairs_it(data):
    clean = ladybug("check", data)
    assert clean.returncode == 0, clean.stdout + clean.stderr
    assert f"{len(ROWS)} nodes, {len(ROWS) - 1} edges" in clean.stdout
    path = newest(data) / "edges.arrow"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    damaged = ladybug("check", data)
    assert damaged.returncode == 1, damaged.stdout
    assert "edges.arrow" in damaged.stdout and "checksum" in damaged.stdout
    repaired = ladybug("check", data, "--repair")
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    assert "wrote a checkpoint" in repaired.stdout
    assert ladybug("check", data).returncode == 0


def test_check_leaves_alone_what_is_in_use_or_no_data(start, tmp_path):
    server = start()
    for arguments in [("check", server.data), ("check", server.data, "--repair")]:
        refused = ladybug(*arguments)
        assert refused.returncode == 2
        assert "another process" in refused.stderr
    assert ladybug("check", tmp_path).returncode == 2
    assert list(tmp_path.iterdir()) == []
