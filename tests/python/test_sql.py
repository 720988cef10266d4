"""SQL through redis-py: rows in RESP2 (names first, then arrays) and RESP3 (maps), changes, transactions, refusals; and the
statements of docs/sql.md as they stand there."""

import pathlib
import re

import pytest
import redis

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "sql.md"


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def client(server, request):
    with server.client(protocol=request.param) as connected:
        connected.execute_command("SQL", "INSERT INTO nodes (name, value, rung) VALUES ('ada', 'first programmer', 1), ('alan', NULL, 2)")
        yield connected


def rows(client, statement, *parameters):
    """The rows of a query as dictionaries, whichever way they came."""
    reply = client.execute_command("SQL", statement, *parameters)
    if reply and isinstance(reply[0], dict):
        return reply
    if not reply:
        return []
    names, *rest = reply
    return [dict(zip(names, row)) for row in rest]


def test_a_query_answers_rows(client):
    assert rows(client, "SELECT name, value, rung FROM nodes ORDER BY name") == [
        {"name": "ada", "value": "first programmer", "rung": 1},
        {"name": "alan", "value": None, "rung": 2},
    ]
    row = rows(client, "SELECT kinds, qualia[1] + 0.5 AS half, expires IS NULL AS forever, created FROM nodes WHERE name = 'ada'")[0]
    assert row["kinds"] == [] and float(row["half"]) == 0.5 and row["forever"] in (1, True)
    assert re.match(r"\d{4}-\d\d-\d\dT", row["created"])
    assert rows(client, "SELECT name FROM nodes WHERE rung > 8") == []


def test_sql_and_commands_see_the_same_nodes(client):
    assert client.get("ada") == "first programmer"
    client.set("grace", "compilers")
    client.hset("fields", mapping={"a": "x"})
    assert rows(client, "SELECT name, value FROM nodes WHERE name = 'grace'") == [{"name": "grace", "value": "compilers"}]
    assert rows(client, "SELECT field(properties, 'a') AS a FROM nodes WHERE name = 'fields'") == [{"a": "x"}]
    assert client.execute_command("SQL", "UPDATE nodes SET value = 'COBOL' WHERE name = 'grace'") == 1
    assert client.get("grace") == "COBOL"
    assert client.execute_command("SQL", "DELETE FROM nodes WHERE name = 'grace'") == 1
    assert client.get("grace") is None
    client.select(3)
    assert rows(client, "SELECT count(*) AS n FROM nodes") == [{"n": 0}]
    assert rows(client, "SELECT count(*) AS n FROM space_0.nodes") == [{"n": 3}]


def test_parameters_are_values(client):
    assert rows(client, "SELECT name FROM nodes WHERE name = ? AND rung = $2", "ada", 1) == [{"name": "ada"}]
    hostile = "x'; DELETE FROM nodes; --"
    assert client.execute_command("SQL", "INSERT INTO nodes (name, rung) VALUES (?, ?)", hostile, "7") == 1
    assert rows(client, "SELECT rung FROM nodes WHERE name = ?", hostile) == [{"rung": 7}]
    with pytest.raises(redis.ResponseError, match="expected|Cannot cast"):
        client.execute_command("SQL", "INSERT INTO nodes (name, rung) VALUES (?, ?)", "y", "much")


def test_a_connection_s_transaction(server, client):
    with server.client() as other:
        assert client.execute_command("SQL", "BEGIN") in ("OK", True)
        client.execute_command("SQL", "INSERT INTO nodes (name) VALUES ('new')")
        assert rows(client, "SELECT count(*) AS n FROM nodes") == [{"n": 3}]
        assert other.exists("new") == 0
        client.execute_command("SQL", "COMMIT")
        assert other.exists("new") == 1
        client.execute_command("SQL", "BEGIN")
        client.execute_command("SQL", "DELETE FROM nodes")
        client.execute_command("SQL", "ROLLBACK")
        assert other.exists("new") == 1
        # Who goes without COMMIT leaves nothing.
        with server.client(single_connection_client=True) as leaving:
            leaving.execute_command("SQL", "BEGIN")
            leaving.execute_command("SQL", "DELETE FROM nodes")
        assert other.exists("new") == 1
        with pytest.raises(redis.ResponseError, match="expected BEGIN first"):
            client.execute_command("SQL", "COMMIT")


def test_a_conflict_is_told(server, client):
    client.execute_command("SQL", "BEGIN")
    rows(client, "SELECT rung FROM nodes WHERE name = 'ada'")
    client.execute_command("SQL", "UPDATE nodes SET rung = 5 WHERE name = 'alan'")
    with server.client() as other:
        other.set("ada", "changed")
    with pytest.raises(redis.ResponseError, match="CONFLICT|was changed by version"):
        client.execute_command("SQL", "COMMIT")
    assert rows(client, "SELECT rung FROM nodes WHERE name = 'alan'") == [{"rung": 2}]


@pytest.mark.parametrize("statement, says", [
    ("SELECT nope FROM nodes", "nope"),
    ("SELECT * FROM nope", "one of nodes"),
    ("SELEC", "expected"),
    ("SELECT hamming(fingerprint, X'00') FROM nodes", "1280 bytes"),
    ("INSERT INTO nodes (name) VALUES ('ada')", "there already"),
    ("INSERT INTO nodes (name, rung) VALUES ('x', 99)", "from 0 to 9"),
    ("DROP TABLE nodes", "expected SELECT"),
])
def test_what_is_wrong_is_said_and_nothing_written(client, statement, says):
    with pytest.raises(redis.ResponseError, match=says):
        client.execute_command("SQL", statement)
    assert rows(client, "SELECT count(*) AS n FROM nodes") == [{"n": 2}]
    with pytest.raises(redis.ResponseError, match="not allowed inside a transaction"):
        client.execute_command("MULTI")
        client.execute_command("SQL", "SELECT 1")


def test_methods_are_tables_and_functions_of_a_row(client):
    assert rows(client, "SELECT name FROM cam('LANCE.TOPK', ?, ?)", "first programmer", "1") == [{"name": "ada"}]
    distances = rows(client, "SELECT name, cam('VSA.DISTANCE', fingerprint, 'KEY', ?) AS d FROM nodes ORDER BY d", "ada")
    assert distances[0] == {"name": "ada", "d": 0} and distances[1]["d"] > 4000
    with pytest.raises(redis.ResponseError, match="expected a method that only reads here"):
        client.execute_command("SQL", "SELECT * FROM cam('LANCE.DELETE', 'ada')")
    assert rows(client, "SELECT count FROM cam(0x0050)") == [{"count": 2}]


def test_limits_end_what_is_too_much(start):
    server = start("--sql-rows-max", "10", "--sql-timeout-ms", "3000")
    with server.client(protocol=2) as client:
        client.execute_command("SQL", "INSERT INTO nodes (name) SELECT 'n' || value FROM unnest(range(0, 2000)) AS t(value)")
        assert len(client.execute_command("SQL", "SELECT name FROM nodes LIMIT 10")) == 11
        with pytest.raises(redis.ResponseError, match="the 10 rows of --sql-rows-max"):
            client.execute_command("SQL", "SELECT name FROM nodes")
        with pytest.raises(redis.ResponseError, match="longer than 3000 ms"):
            client.execute_command("SQL", "SELECT count(*) FROM nodes a, nodes b, nodes c WHERE a.rung + b.rung + c.rung > 99")
        assert client.ping()


def test_what_sql_wrote_is_there_after_a_restart(start):
    server = start()
    with server.client() as client:
        client.execute_command("SQL", "INSERT INTO nodes (name, value) VALUES ('kept', 'x')")
    server.stop()
    server.start()
    with server.client() as client:
        assert client.get("kept") == "x"


def test_the_document_s_statements_run(start):
    """Every block of SQL of the document, statement by statement, on a new server; a comment `-- n rows` is checked."""
    server = start()
    blocks = re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text(), re.S)
    assert len(blocks) >= 6
    with server.client(protocol=2, single_connection_client=True) as client:
        for statement in re.findall(r"(.*?);[ ]*(?:--[ ]*(\d+) rows?)?\n", "\n".join(blocks) + "\n", re.S):
            text, count = statement[0].strip(), statement[1]
            reply = client.execute_command("SQL", text)
            if count:
                assert len(reply) - 1 == int(count), f"{text}: {reply}"
