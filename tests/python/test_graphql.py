"""GraphQL with the clients of others: graphql-core reads the schema, gql asks over HTTP, redis-py over RESP."""

import http.client
import json
import pathlib

import pytest
from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportQueryError
from gql.transport.requests import RequestsHTTPTransport
from graphql import (
    GraphQLInterfaceType,
    build_client_schema,
    build_schema,
    get_introspection_query,
    lexicographic_sort_schema,
    print_schema,
)

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESPONSE = "application/graphql-response+json"
PEOPLE = """
    mutation People($ada: JSON) {
      ada: set(node: {name: "ada"}, value: "wrote the first program", kinds: ["Person"], fields: $ada) { id }
      bob: set(node: {name: "bob"}, kinds: ["Person"], fields: {born: 1788}) { id }
      link(source: {name: "ada"}, verb: "RELATES", target: {name: "bob"}) { id }
    }
"""


def client_of(server, **options):
    """A client that has read the schema and validates what it sends."""
    transport = RequestsHTTPTransport(url=f"http://127.0.0.1:{server.http_port}/graphql", **options)
    return Client(transport=transport, fetch_schema_from_transport=True)


def ask(client, text, **variables):
    return client.execute(GraphQLRequest(text, variable_values=variables))


def post(server, body, **headers):
    """The status, the content type and the JSON of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=30)
    headers = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
    connection.request("POST", "/graphql", body if isinstance(body, (str, bytes)) else json.dumps(body), headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, response.headers["Content-Type"], answer


@pytest.fixture
def people(server):
    with client_of(server) as session:
        ask(session, PEOPLE, ada={"born": 1815, "first name": "Ada", "tags": ["x", "y"], "big": 1 << 40})
    return server


def canonical(schema):
    return print_schema(lexicographic_sort_schema(schema))


def test_the_schema_is_one_to_others_and_the_same_by_introspection_and_as_text(people):
    answer = post(people, {"query": get_introspection_query()})[2]
    introspected = build_client_schema(answer["data"])
    with people.client() as client:
        written = build_schema(client.execute_command("GRAPHQL.SCHEMA"))
    assert canonical(introspected) == canonical(written)
    node, person = introspected.type_map["Node"], introspected.type_map["Person"]
    assert isinstance(node, GraphQLInterfaceType) and node in person.interfaces
    own = {name: str(field.type) for name, field in person.fields.items() if name not in node.fields}
    assert own == {"big": "Long", "born": "Int", "first_name": "String", "tags": "[String]"}


def test_the_written_schema_is_that_of_an_empty_space(start):
    server = start()
    with server.client() as client:
        text = client.execute_command("GRAPHQL.SCHEMA")
    assert text == (ROOT / "docs/graphql.graphql").read_text()
    build_schema(text)


def test_a_client_that_validates_reads_and_writes(people):
    with client_of(people) as session:
        query = """query($name: String!, $deep: Boolean = false) {
            node(name: $name) { ...Names ... on Person { born first_name tags } parent @include(if: $deep) { name } }
        } fragment Names on Node { __typename name kinds value neighbours { nodes { verb target { name } } } }"""
        assert ask(session, query, name="ada")["node"] == {
            "__typename": "Person", "name": "ada", "kinds": ["Person"], "value": "wrote the first program",
            "neighbours": {"nodes": [{"verb": "RELATES", "target": {"name": "bob"}}]},
            "born": 1815, "first_name": "Ada", "tags": ["x", "y"],
        }
        assert ask(session, query, name="nobody") == {"node": None}
        removed = ask(session, 'mutation { delete(node: {name: "bob"}) }')["delete"]
        assert removed.isdigit()
        assert ask(session, query, name="ada")["node"]["neighbours"] == {"nodes": []}
    with people.client() as client:
        assert client.get("ada") == "wrote the first program"
        assert client.hget("ada", "born") == "1815"
        assert client.exists("bob") == 0


def test_what_commands_write_is_read(server):
    with server.client() as client:
        client.execute_command("SET", "red", "a colour", "KIND", "Colour")
        client.hset("blue", mapping={"hex": "00f"})
        client.execute_command("LINK", "red", "SIMILAR_TO", "blue")
    with client_of(server) as session:
        found = ask(session, '{ search(text: "a colour", k: 1) { nodes { distance node { name } } } }')
        assert found["search"]["nodes"] == [{"distance": 0, "node": {"name": "red"}}]
        path = '{ path(from: {name: "red"}, to: {name: "blue"}) { length edges { nodes { verb } } } }'
        assert ask(session, path)["path"] == {"length": 1, "edges": {"nodes": [{"verb": "SIMILAR_TO"}]}}


def test_pages_lead_to_the_end_in_the_order_that_is_asked_for(server):
    with server.client() as client:
        for n in range(25):
            client.hset(f"n{n:02}", mapping={"text": str(n % 5)})
    query = """query($after: String, $by: NodeOrder) { nodes(first: 7, after: $after, orderBy: $by) {
        edges { cursor node { name } } pageInfo { hasNextPage endCursor } } }"""
    with client_of(server) as session:
        for by, key in ((None, None), ({"field": "text", "direction": "DESCENDING"}, lambda n: -(n % 5))):
            names, after, pages = [], None, 0
            while True:
                page = ask(session, query, after=after, by=by)["nodes"]
                names += [edge["node"]["name"] for edge in page["edges"]]
                pages += 1
                after = page["pageInfo"]["endCursor"]
                assert after == page["edges"][-1]["cursor"]
                if not page["pageInfo"]["hasNextPage"]:
                    break
            assert pages == 4 and sorted(names) == [f"n{n:02}" for n in range(25)]
            if key:
                numbers = [key(int(name[1:])) for name in names]
                assert numbers == sorted(numbers)


def test_the_past_is_read(people):
    with client_of(people) as session:
        before = ask(session, "{ version }")["version"]
        ask(session, 'mutation { set(node: {name: "ada"}, value: "again") { version } }')
        query = """query($then: ID!) { asOf(version: $then) { node(name: "ada") { value } }
            node(name: "ada") { value history { nodes { changed } } } }"""
        answer = ask(session, query, then=before)
    assert answer["asOf"]["node"] == {"value": "wrote the first program"}
    assert answer["node"] == {"value": "again", "history": {"nodes": [{"changed": ["value"]}, {"changed": ["created"]}]}}


def test_a_mutation_that_fails_changes_nothing(server):
    with client_of(server) as session, pytest.raises(TransportQueryError) as failed:
        ask(session, """mutation { set(node: {name: "a"}, value: "v") { id }
            link(source: {name: "a"}, verb: "RELATES", target: {name: "nobody"}) { id } }""")
    assert "no such node 'nobody'" in failed.value.errors[0]["message"]
    assert failed.value.errors[0]["path"] == ["link"]
    with server.client() as client:
        assert client.exists("a") == 0


def test_statuses_and_types_are_those_of_graphql_over_http(server):
    for accept, media_type, refused in ((RESPONSE, RESPONSE, 400), ("application/json", "application/json", 200),
                                        ("*/*", RESPONSE, 400)):
        status, content_type, answer = post(server, {"query": "{ version }"}, Accept=accept)
        assert (status, content_type) == (200, f"{media_type}; charset=utf-8")
        assert list(answer) == ["data"]
        for query in ("{ nope }", "{", "query A { version } query B { version }", "{ nodes(first: \"x\") { nodes { id } } }"):
            status, content_type, answer = post(server, {"query": query}, Accept=accept)
            assert (status, content_type) == (refused, f"{media_type}; charset=utf-8")
            assert list(answer) == ["errors"]
        # A field that fails is no failure of the request.
        status, _, answer = post(server, {"query": "{ node { id } }"}, Accept=accept)
        assert status == 200 and answer["data"] == {"node": None}
        assert answer["errors"][0]["path"] == ["node"] and answer["errors"][0]["locations"] == [{"line": 1, "column": 3}]
    two = {"query": "query A { a: version } query B { b: version }", "operationName": "B", "variables": None}
    assert list(post(server, {**two, "extensions": {}})[2]["data"]) == ["b"]
    for body in ("", "[]", "{}", '{"query": 1}', '{"query": "{ version }", "variables": [1]}', b"\xff"):
        status, _, answer = post(server, body)
        assert status == 400 and "expected" in answer["errors"][0]["message"]
    assert post(server, {"query": "{ version }"}, Content_Type="text/plain")[0] == 415
    assert post(server, {"query": "{ version }"}, Accept="text/html")[0] == 406
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=30)
    connection.request("GET", "/graphql?query=%7Bversion%7D")
    response = connection.getresponse()
    assert response.status == 405 and response.headers["Allow"] == "POST"


def test_a_space_and_a_password_are_given_as_to_commands(start):
    server = start("--password", "s3cret")
    assert post(server, {"query": "{ version }"})[0] == 401
    with client_of(server, headers={"Authorization": "Bearer s3cret"}) as session:
        ask(session, 'mutation { set(node: {name: "a"}) { id } }')
        assert ask(session, '{ node(name: "a") { name } }') == {"node": {"name": "a"}}
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=30)
    body = json.dumps({"query": '{ node(name: "a") { name } }'})
    headers = {"Content-Type": "application/json", "Authorization": "Bearer s3cret"}
    connection.request("POST", "/graphql?space=3", body, headers)
    assert json.loads(connection.getresponse().read()) == {"data": {"node": None}}


def test_limits_are_settings(start):
    server = start("--graphql-depth-max", "3", "--graphql-complexity-max", "4", "--graphql-page-max", "5")
    for query, part in (
        ("{ nodes { nodes { parent { name } } } }", "at most 3 deep, see --graphql-depth-max"),
        ("{ a: version b: version c: version d: version e: version }", "at most 4 fields"),
        ("{ nodes(first: 6) { nodes { id } } }", "from 0 to 5, see --graphql-page-max"),
    ):
        error = post(server, {"query": query})[2]["errors"][0]
        assert part in error["message"] and error["locations"]
    # Clients ask for the schema deeper than people ask for nodes.
    assert "errors" not in post(server, {"query": "{ __schema { types { fields { name } } } }"})[2]


def test_keys_that_change_are_told(start):
    server = start("--notify-keyspace-events", "KEA")
    with server.client() as client, server.client() as other:
        listener = client.pubsub()
        listener.psubscribe("__keyevent@0__:*")
        listener.get_message(timeout=5)
        other.execute_command("GRAPHQL", """mutation { set(node: {name: "k"}, value: "v", fields: {f: 1}, ttlSeconds: 60)
            { id } brief: set(node: {name: "briefly"}) { id } delete(node: {name: "briefly"}) }""")
        other.execute_command("GRAPHQL", 'mutation { delete(node: {name: "k"}) }')
        heard = []
        while (message := listener.get_message(timeout=5)) is not None and len(heard) < 4:
            heard.append((message["channel"].split(":")[-1], message["data"]))
            if len(heard) == 4:
                break
        assert heard == [("set", "k"), ("hset", "k"), ("expire", "k"), ("del", "k")]


def test_a_document_in_multi_is_refused(server):
    with server.client() as client:
        pipe = client.pipeline(transaction=True)
        pipe.set("k", "v")
        pipe.execute_command("GRAPHQL", "{ version }")
        with pytest.raises(Exception, match="not allowed inside a transaction"):
            pipe.execute()
        assert client.exists("k") == 0
