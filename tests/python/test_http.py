"""HTTP: health, readiness, metrics, and commands as JSON."""

import base64
import http.client
import json
import re
import socket
import time

import pytest

JSON = {"Content-Type": "application/json"}


def request(server, method, path, body=None, headers=None):
    """The status, the headers and the body of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=30)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    is_json = response.headers["Content-Type"] == "application/json"
    return response.status, response.headers, json.loads(text) if is_json else text


def command(server, *arguments, query="", **headers):
    status, _, reply = request(server, "POST", f"/command{query}", json.dumps(arguments), {**JSON, **headers})
    return status, reply


def test_health_and_readiness_are_told_to_anybody(start):
    server = start("--password", "s3cret")
    assert request(server, "GET", "/health")[0] == 200
    assert request(server, "GET", "/health")[2]["status"] == "alive"
    status, _, body = request(server, "GET", "/ready")
    assert (status, body) == (200, {"status": "ready"})


def test_commands_and_replies_are_json(server):
    assert command(server, "SET", "k", "v") == (200, "OK")
    assert command(server, "GET", "k") == (200, "v")
    assert command(server, "GET", "absent") == (200, None)
    assert command(server, "INCRBY", "n", 41) == (200, 41)
    assert command(server, "HSET", "h", "f", "1", "g", "2") == (200, 2)
    assert command(server, "HGETALL", "h") == (200, {"f": "1", "g": "2"})
    assert command(server, "MGET", "k", "absent") == (200, ["v", None])


def test_bytes_that_are_no_text_are_hexadecimal(server):
    assert command(server, "SET", "k", {"hex": "00ff"}) == (200, "OK")
    assert command(server, "GET", "k") == (200, {"hex": "00ff"})


def test_what_one_protocol_writes_the_other_reads(server):
    with server.client() as client:
        client.set("from-resp", "1")
        assert command(server, "GET", "from-resp") == (200, "1")
        command(server, "SET", "from-http", "2")
        assert client.get("from-http") == "2"


def test_a_space_is_selected_by_the_query(server):
    command(server, "SET", "k", "three", query="?space=3")
    assert command(server, "GET", "k", query="?space=3") == (200, "three")
    assert command(server, "GET", "k") == (200, None)
    status, reply = command(server, "GET", "k", query="?space=-1")
    assert status == 400 and reply["error"]["code"] == "ERR"
    assert command(server, "PING", query="?spice=3")[0] == 400


def test_errors_have_a_code_a_message_and_a_status(server):
    status, reply = command(server, "NOPE")
    assert status == 400
    assert reply["error"]["code"] == "ERR" and reply["error"]["message"].startswith("unknown command 'NOPE'")
    command(server, "HSET", "h", "f", "v")
    status, reply = command(server, "GET", "h")
    assert (status, reply["error"]["code"]) == (400, "WRONGTYPE")


@pytest.mark.parametrize("body", ["", "{}", "[]", '"PING"', '["PING"', "[null]", "[[]]", '[{"hex":"0"}]', '["PING"] x'])
def test_bodies_that_are_no_command_are_refused(server, body):
    status, _, reply = request(server, "POST", "/command", body, JSON)
    assert status == 400 and reply["error"]["message"]


def test_only_json_is_accepted_so_that_web_pages_cannot_send_it(server):
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        status, _, _ = request(server, "POST", "/command", '["PING"]', {"Content-Type": content_type})
        assert status == 415
    status, _, _ = request(server, "POST", "/command", '["PING"]', {**JSON, "Host": "evil.example"})
    assert status == 403


@pytest.mark.parametrize("name", ["SUBSCRIBE", "PSUBSCRIBE", "MONITOR", "MULTI", "EXEC", "WATCH"])
def test_conversations_are_refused(server, name):
    status, reply = command(server, name, "x")
    assert status == 400 and "needs a connection that lasts" in reply["error"]["message"]


def test_unknown_paths_and_methods_are_refused(server):
    assert request(server, "GET", "/nowhere")[0] == 404
    assert request(server, "GET", "/command")[0] == 405
    assert request(server, "POST", "/health")[0] == 405


def test_a_password_is_asked_for_and_checked(start):
    server = start("--password", "s3:cret")
    basic = base64.b64encode(b"anybody:s3:cret").decode()
    for given in ("Bearer s3:cret", f"Basic {basic}"):
        assert command(server, "PING", Authorization=given) == (200, "PONG")
        assert request(server, "GET", "/metrics", headers={"Authorization": given})[0] == 200
    status, headers, reply = request(server, "POST", "/command", '["PING"]', JSON)
    assert (status, reply["error"]["code"]) == (401, "NOAUTH") and "Bearer" in headers["WWW-Authenticate"]
    assert request(server, "GET", "/metrics")[0] == 401
    for wrong in ("Bearer s3:cre", "Bearer s3:crets", "Basic !", "Bearer"):
        assert command(server, "PING", Authorization=wrong)[0] == 401


def test_a_body_over_the_limit_is_refused(start):
    server = start("--request-bytes-max", "65536")
    assert command(server, "SET", "k", "x" * 60_000)[0] == 200
    assert command(server, "SET", "k", "x" * 70_000)[0] == 413


def test_a_client_that_sends_nothing_stops_nobody(server):
    silent = [socket.create_connection(("127.0.0.1", server.http_port)) for _ in range(50)]
    silent[0].send(b"POST /command HTTP/1.1\r\nContent-Length: 100\r\n")
    assert request(server, "GET", "/health")[0] == 200
    for each in silent:
        each.close()


def sent(server, method, path, body=""):
    """A connection over which one request went."""
    connection = socket.create_connection(("127.0.0.1", server.http_port), timeout=30)
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    return connection


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/health", ""),
        ("GET", "/metrics", ""),
        ("POST", "/command", '["CYPHER", "UNWIND range(1, 20000) AS n RETURN n"]'),
        ("POST", "/graphql", '{"query": "{ version }"}'),
    ],
)
def test_who_has_no_more_to_ask_and_listens_is_answered(server, method, path, body):
    for _ in range(5):
        with sent(server, method, path, body) as connection:
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200 OK"), answer
        length = int(re.search(rb"content-length: (\d+)", answer)[1])
        assert len(answer.split(b"\r\n\r\n", 1)[1]) == length


def test_what_a_client_asked_for_that_leaves_ends(start):
    server = start("--cypher-timeout-ms", "3600000")
    forever = " ".join(f"UNWIND range(1, 10000000) AS {name}" for name in "xyz")
    with server.client() as client:

        def running(count):
            deadline = time.monotonic() + 20
            while sum(each["cmd"] == "cypher" for each in client.client_list()) != count:
                assert time.monotonic() < deadline, client.client_list()
                time.sleep(0.01)

        with sent(server, "POST", "/command", json.dumps(["CYPHER", f"{forever} RETURN count(*)"])):
            running(1)
        running(0)


def test_metrics_tell_the_age_of_the_last_checkpoint(server):
    def age():
        text = request(server, "GET", "/metrics")[2]
        return int(re.search(r"^ladybug_checkpoint_age_seconds (\d+)$", text, re.MULTILINE)[1])

    command(server, "SET", "k", "v")
    command(server, "SAVE")
    assert age() <= 5


def test_metrics_are_prometheus_text_and_count(server):
    command(server, "SET", "k", "v")

    def metrics():
        status, headers, text = request(server, "GET", "/metrics")
        assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
        samples = {}
        for line in text.splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                assert re.fullmatch(r'ladybug_[a-z_]+({[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*})?', name), line
                assert name not in samples, f"{name} twice"
                samples[name] = float(value)
        return samples

    before = metrics()
    for _ in range(3):
        command(server, "GET", "k")
    after = metrics()
    calls = 'ladybug_commands_total{command="get"}'
    assert after[calls] == before.get(calls, 0) + 3
    command(server, "SET", "fluid", "v", "EX", 60)
    grown = metrics()
    assert grown["ladybug_names"] == after["ladybug_names"] + 1
    assert grown['ladybug_addresses_used{zone="fluid"}'] == after['ladybug_addresses_used{zone="fluid"}'] + 1
    assert grown["ladybug_log_acknowledged_position"] > after["ladybug_log_acknowledged_position"]
    assert grown["ladybug_log_failed"] == 0
    assert after["ladybug_memory_resident_bytes"] > 1 << 20
