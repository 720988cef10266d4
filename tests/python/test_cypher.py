"""Cypher through redis-py: CYPHER, and GRAPH.* in the layout of graph databases over RESP; FalkorDB's own client, which asks
for the compact layout, is told so; and the statements of docs/cypher.md as they stand there."""

import json
import pathlib
import re
import shlex

import falkordb
import pytest
import redis

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "cypher.md"


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def client(server, request):
    with server.client(protocol=request.param) as connected:
        yield connected


def cypher(client, statement, **parameters):
    """The rows of a statement as dictionaries, and what it changed."""
    options = ["PARAMS", json.dumps(parameters)] if parameters else []
    columns, rows, changes = client.execute_command("CYPHER", statement, *options)
    if not isinstance(changes, dict):
        changes = dict(zip(changes[::2], changes[1::2]))
    return [dict(zip(columns, row)) for row in rows], changes


def graph(client, space, statement, *options, command="GRAPH.QUERY"):
    """The rows of a statement in the verbose layout, and its statistics."""
    *result, statistics = client.execute_command(command, space, statement, *options)
    statistics = dict(line.split(": ", 1) for line in statistics)
    if not result:
        return [], statistics
    header, rows = result
    return [dict(zip(header, row)) for row in rows], statistics


def entity(value):
    """A node or relationship of the verbose layout."""
    found = dict(value)
    found["properties"] = dict(found["properties"])
    return found


def test_what_cypher_makes_redis_commands_read_and_back(client):
    client.set("ada", "pioneer")
    rows, changes = cypher(
        client,
        "MATCH (a {name: $name}) CREATE (a)-[:WROTE {year: 1843}]->(n:Note {title: $title, letters: $letters}) RETURN a.value AS of, id(n) > 0 AS made",
        name="ada",
        title="G",
        letters=["A", "G"],
    )
    assert rows[0]["of"] == "pioneer" and rows[0]["made"] in (1, True)
    assert changes == {"nodes_created": 1, "relationships_created": 1, "properties_set": 3, "labels_added": 1}
    cypher(client, "MATCH (a {name: 'ada'}) SET a:Person, a.born = 1815")
    assert client.hget("ada", "born") == "1815"
    rows, changes = cypher(client, "MATCH (p:Person)-[w:WROTE]->(n) RETURN p.born + 28 AS year, w.year AS noted, n.letters AS letters")
    assert rows == [{"year": 1843, "noted": 1843, "letters": ["A", "G"]}] and changes == {}


def test_a_pipeline_is_one_transaction(client):
    with client.pipeline(transaction=True) as pipeline:
        pipeline.set("k", "v")
        pipeline.execute_command("CYPHER", "MATCH (n {name: 'k'}) SET n.seen = n.value RETURN n.seen")
        pipeline.hget("k", "seen")
        assert pipeline.execute()[1][1] == [["v"]]
    with client.pipeline(transaction=True) as pipeline:
        pipeline.execute_command("CYPHER", "CREATE (:Kept)")
        pipeline.execute_command("CYPHER", "CREATE (:Lost) WITH 1 AS one RETURN one / 0")
        made, refused = pipeline.execute(raise_on_error=False)
    assert isinstance(refused, redis.ResponseError) and "DivisionByZero" in str(refused)
    assert cypher(client, "MATCH (n:Kept) RETURN count(n) AS n")[0] == [{"n": 1}]
    assert cypher(client, "MATCH (n:Lost) RETURN count(n) AS n")[0] == [{"n": 0}]


def test_a_statement_joins_a_transaction(client):
    transaction = client.execute_command("DAG.BEGIN")
    client.execute_command("CYPHER", "CREATE (:Draft)", "TXN", transaction)
    assert cypher(client, "MATCH (n:Draft) RETURN count(n) AS n")[0] == [{"n": 0}]
    client.execute_command("DAG.COMMIT", transaction)
    assert cypher(client, "MATCH (n:Draft) RETURN count(n) AS n")[0] == [{"n": 1}]
    with pytest.raises(redis.ResponseError, match="NOTXN"):
        client.execute_command("CYPHER", "RETURN 1", "TXN", transaction)


def test_graph_commands_answer_the_verbose_layout(client):
    rows, statistics = graph(
        client,
        "social",
        "CYPHER name='Ada' year=1833 CREATE (a:Person {name: $name})-[k:KNOWS {since: $year}]->(b:Person {name: 'Babbage'}) RETURN a, k, b",
    )
    assert statistics["Nodes created"] == "2" and statistics["Relationships created"] == "1"
    assert re.fullmatch(r"\d+\.\d+ milliseconds", statistics["Query internal execution time"])
    a, k, b = (entity(rows[0][name]) for name in "akb")
    assert a["labels"] == ["Person"] and a["properties"] == {"name": "Ada"}
    assert k["type"] == "KNOWS" and (k["src_node"], k["dest_node"]) == (a["id"], b["id"]) and k["properties"] == {"since": 1833}
    rows, _ = graph(client, "social", "MATCH (p:Person) RETURN p.name, 1.5, true, null, [1, 'x']", "TIMEOUT", 1000, command="GRAPH.RO_QUERY")
    assert sorted(row["p.name"] for row in rows) == ["Ada", "Babbage"]
    assert [rows[0][name] for name in ("1.5", "true", "null", "[1, 'x']")] == ["1.5", "true", None, [1, "x"]]
    with pytest.raises(redis.ResponseError, match="only reads"):
        graph(client, "social", "CREATE (n)", command="GRAPH.RO_QUERY")
    with pytest.raises(redis.ResponseError, match="name of a space"):
        graph(client, "elsewhere", "RETURN 1", command="GRAPH.RO_QUERY")
    with pytest.raises(redis.ResponseError, match="UndefinedVariable"):
        graph(client, "social", "RETURN nobody")
    assert client.dbsize() == 0


def test_falkordbs_client_is_told_that_its_layout_is_not_spoken(server):
    with server.client() as connected:
        graph(connected, "social", "CREATE (:Person {name: 'Ada'})")
    database = falkordb.FalkorDB(host="127.0.0.1", port=server.port)
    social = database.select_graph("social")
    # What has one layout works.
    assert "Node By Label Scan" in str(social.explain("MATCH (p:Person) RETURN p"))
    for ask in (social.query, social.ro_query):
        with pytest.raises(redis.ResponseError, match="expected a reply in full, got --compact"):
            ask("MATCH (p:Person) RETURN p")
    reply = social.execute_command("GRAPH.QUERY", "social", "MATCH (p:Person) RETURN p.name")
    assert reply[1] in ([["Ada"]], [[b"Ada"]])
    social.delete()
    with server.client() as connected:
        assert graph(connected, "social", "MATCH (n) RETURN count(n) AS n")[0] == [{"n": 0}]


def test_what_takes_too_long_is_stopped_and_the_connection_goes_on(start):
    server = start("--cypher-timeout-ms", "100", "--cypher-rows-max", "1000")
    with server.client() as client:
        for statement in ("UNWIND range(1, 10000000) AS x UNWIND range(1, 10000000) AS y RETURN count(*)", "CREATE (:N) WITH 1 AS n UNWIND range(1, 10000000) AS x UNWIND range(1, 10000000) AS y RETURN count(*)"):
            with pytest.raises(redis.ResponseError, match="TIMEOUT"):
                cypher(client, statement)
        with pytest.raises(redis.ResponseError, match="TooManyRows"):
            cypher(client, "UNWIND range(1, 1001) AS x RETURN x")
        assert cypher(client, "MATCH (n) RETURN count(n) AS n")[0] == [{"n": 0}]


def test_the_documents_statements_run_as_they_stand(client):
    statements = re.findall(r"^    > (CYPHER .*)$", DOCUMENT.read_text(), re.MULTILINE)
    assert statements
    for statement in statements:
        columns, rows, *_ = client.execute_command(*shlex.split(statement))
        assert columns and isinstance(rows, list)
