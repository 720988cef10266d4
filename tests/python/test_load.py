"""`ladybug load`: its three formats, into a server and into a data directory, also when it is interrupted."""

import json
import pathlib
import shutil
import subprocess
import time

import conftest
import pytest

PACKAGES = """\
Package: nginx
Version: 1.22.1
Section: httpd
Installed-Size: 1500
Depends: nginx-common (= 1.22.1), libc6 (>= 2.34), libssl3 | libssl1.1
Suggests: nginx-doc
Provides: httpd, nginx-core
Description: small, powerful, scalable web/proxy server
 Nginx ("engine X") is a high-performance web and reverse proxy server.

Package: nginx-common
Version: 1.22.1
Section: httpd
Depends: debconf (>= 0.5) | debconf-2.0
Description: small, powerful, scalable web/proxy server - common files
 This package contains base configuration files for nginx.

Package: apache2
Version: 2.4
Section: httpd
Depends: libc6
Recommends: ssl-cert
Conflicts: apache2.2-bin
Provides: httpd
Description: Apache HTTP Server
 The Apache HTTP Server is a secure, efficient web server.

Package: awstats
Section: web
Depends: perl:any
Recommends: httpd
Description: powerful and featureful web server log analyzer
 It shows who visited a web site, and when.

Package: gnuchess
Section: games
Depends: libc6, gnuchess
Description: plays a game of chess, either against the user or against itself

Package: xboard
Section: games
Recommends: gnuchess | chess-engine
Depends: libc6, libc6 (>= 2)
Description: X Window System chess board

Package: imagemagick
Section: graphics
Depends: libc6
Description: image manipulation programs, convert between formats

Package: debconf
Section: admin
Description: configuration management system

Package: perl
Section: perl
Depends: libc6
Description: Larry Wall's practical extraction and report language

Package: libc6
Section: libs
Description: GNU C library: shared libraries

Package: libssl3
Section: libs
Depends: libc6
Description: secure sockets layer toolkit

Package: ssl-cert
Section: utils
Depends: debconf
Description: simple wrapper for OpenSSL

Package: nginx
Version: 1.0
Description: an older version
"""

PEOPLE = [
    {"name": "ada", "value": "a poet of numbers", "kinds": ["Person"],
     "fields": {"born": 1815, "alive": False, "tags": ["a", 1], "none": None}, "edges": [["KNOWS", "charles"]]},
    {"name": "charles", "born": 1791.5, "edges": [["KNOWS", "ada"], ["KNOWS", "ada"], ["KNOWS", "nobody"]]},
    {"name": "ünï", "value": {"a": [1]}},
]

# Enough commits that a kill finds the load in the middle.
MANY = 6000


def lines(objects):
    return "".join(json.dumps(each) + "\n" for each in objects)


def many():
    """Nodes in a ring, each with two edges."""
    return lines({"name": f"n{i}", "value": f"node number {i}",
                  "edges": [["NEXT", f"n{(i + 1) % MANY}"], ["SKIPS", f"n{(i + 2) % MANY}"]]} for i in range(MANY))


def load(server, *arguments, text=None, port=True):
    where = ["--port", str(server.port)] if port else []
    return subprocess.run([server.binary, "load", *arguments, *where], input=text, capture_output=True, text=True,
                          timeout=300)


def names(rows):
    """The first column of a reply's rows."""
    return [each[0] for each in rows]


def check_ring(client):
    """The counts are exact: every node, and every edge once."""
    assert client.dbsize() == MANY
    pipeline = client.pipeline(transaction=False)
    for i in range(MANY):
        pipeline.execute_command("FANOUT", f"n{i}")
    for i, edges in enumerate(pipeline.execute()):
        ends = sorted((row[2], row[0]) for row in edges)
        assert ends == [("NEXT", f"n{(i + 1) % MANY}"), ("SKIPS", f"n{(i + 2) % MANY}")], f"n{i}"


@pytest.fixture(params=["server", "directory"])
def loaded(request, start):
    """Loads a text in a format, and answers what the loader said and a client of the server that has it."""
    servers = []

    def run(text, *arguments):
        server = start("--fsync", "never")
        if request.param == "server":
            said = load(server, *arguments, "-", text=text)
        else:
            server.stop()
            said = load(server, *arguments, "-", "--data", server.data, text=text, port=False)
            server.start()
        servers.append(server.client(protocol=2))
        return said, servers[-1]

    yield run
    for each in servers:
        each.close()


def test_json_lines(loaded):
    said, client = loaded(lines(PEOPLE), "jsonl")
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines() == [
        "loaded 3 nodes and 2 edges",
        "dropped 1 edges: the same edge is given twice",
        "dropped 1 edges: their target is not among the loaded nodes",
    ]
    assert sorted(client.keys()) == ["ada", "charles", "ünï"]
    assert client.get("ada") == "a poet of numbers" and json.loads(client.get("ünï")) == {"a": [1]}
    assert client.hget("ada", "born") == "1815" and client.hget("charles", "born") == "1791.5"
    assert client.hexists("ada", "none") == 0
    assert names(client.execute_command("TRAVERSE", "ada", "VIA", "KNOWS")) == ["charles"]
    assert names(client.execute_command("RESONATE", "poet", "KIND", "Person", "K", "1")) == ["ada"]


def test_csv(loaded):
    text = 'id,about,born\nada,"a poet, of ""numbers""",1815\ncharles,,1791\n'
    said, client = loaded(text, "csv", "--name", "id", "--value", "about", "--kind", "Person")
    assert (said.returncode, said.stdout) == (0, "loaded 2 nodes and 0 edges\n"), said.stderr
    assert client.get("ada") == 'a poet, of "numbers"' and client.hgetall("ada") == {"born": "1815"}
    assert client.hgetall("charles") == {"born": "1791"}
    assert names(client.execute_command("RESONATE", "poet", "KIND", "Person", "K", "1")) == ["ada"]


def test_debian_packages(loaded):
    said, client = loaded(PACKAGES, "debian")
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines()[0].startswith("loaded 12 nodes and "), said.stdout
    assert "lead back to their source" in said.stdout and "not among the loaded" in said.stdout
    assert client.dbsize() == 12
    assert client.get("nginx").startswith("small, powerful, scalable web/proxy server\nNginx")
    assert client.hmget("nginx", "version", "section", "installed-size") == ["1.22.1", "httpd", "1500"]
    needs = client.execute_command("TRAVERSE", "nginx", "VIA", "DEPENDS_ON", "DEPTH", "3")
    assert {(row[0], row[2]) for row in needs} == {("nginx-common", 1), ("libc6", 1), ("libssl3", 1), ("debconf", 2)}
    assert names(client.execute_command("FANOUT", "awstats", "VIA", "RECOMMENDS")) in (["nginx"], ["apache2"])
    assert set(names(client.execute_command("RESONATE", "web server", "K", "4"))) == {
        "nginx", "nginx-common", "apache2", "awstats"}
    assert set(names(client.execute_command("RESONATE", "play chess", "K", "2"))) == {"gnuchess", "xboard"}


def test_debian_sections_bring_what_they_need(loaded):
    said, client = loaded(PACKAGES, "debian", "--section", "games")
    assert said.returncode == 0, said.stderr
    assert sorted(client.keys()) == ["gnuchess", "libc6", "xboard"]
    assert "left out 9 nodes" in said.stdout


def test_another_space_and_a_password(start):
    server = start("--password", "s3cret")
    assert load(server, "csv", "--password", "wrong", text="name\na\n").returncode == 1
    said = load(server, "csv", "--password", "s3cret", "--space", "3", text="name,x\na,1\n")
    assert said.returncode == 0, said.stderr
    with server.client(password="s3cret", db=3) as three, server.client(password="s3cret") as zero:
        assert three.hget("a", "x") == "1" and zero.dbsize() == 0


def test_a_load_killed_in_the_middle_goes_on_where_it_was(start, tmp_path):
    server = start("--fsync", "never")
    file = tmp_path / "many.jsonl"
    file.write_text(many())
    command = [server.binary, "load", "jsonl", str(file), "--port", str(server.port)]
    with server.client(protocol=2) as client:
        for share in (0.2, 1.2):  # among the nodes, then among the edges
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            while int(client.hget("ladybug:load:jsonl", "done") or 0) < share * MANY:
                assert process.poll() is None, process.communicate()
                time.sleep(0.002)
            process.kill()
            process.communicate()
            done = int(client.hget("ladybug:load:jsonl", "done"))
            assert share * MANY <= done < 3 * MANY
        other = load(server, "jsonl", text=lines(PEOPLE))
        assert other.returncode == 1 and "an unfinished load is recorded in node 'ladybug:load:jsonl'" in other.stderr
        done = int(client.hget("ladybug:load:jsonl", "done"))
        said = load(server, "jsonl", str(file))
        assert said.stdout == (f"loaded {MANY} nodes and {2 * MANY} edges ({done} of these steps by an earlier run)\n")
        check_ring(client)


def test_a_load_into_a_directory_killed_in_the_middle_goes_on_where_it_was(start, tmp_path):
    file = tmp_path / "many.jsonl"
    file.write_text(many())
    server = start()
    server.stop()
    log = pathlib.Path(server.data) / "log"
    command = [server.binary, "load", "jsonl", str(file), "--data", server.data]

    def log_bytes():
        """What is written; the files are as long as there is room in them."""
        return sum(len(each.read_bytes().rstrip(b"\0")) for each in log.iterdir())

    enough = log_bytes() + MANY * 60  # among the nodes, whose records take more than this
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while log_bytes() < enough:
        assert process.poll() is None, "it was not to end yet"
        time.sleep(0.001)
    process.kill()
    process.wait()
    said = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith(f"loaded {MANY} nodes and {2 * MANY} edges ("), said.stdout
    server.start()
    with server.client(protocol=2) as client:
        check_ring(client)


def test_the_same_load_twice_leaves_the_nodes_as_they_are(server):
    for _ in range(2):
        assert load(server, "csv", text="name,x\na,1\nb,2\n").returncode == 0
    with server.client() as client:
        assert sorted(client.keys()) == ["a", "b"] and client.hgetall("a") == {"x": "1"}


@pytest.mark.parametrize("arguments, text, message", [
    (["jsonl"], "[1]\n", "line 1: expected a JSON object"),
    (["jsonl"], '{"name": "a"}\n{"value": 1}\n', 'line 2: expected a string "name"'),
    (["jsonl"], '{"name": "a", "edges": [["KNOWS"]]}\n', "[verb, target]"),
    (["jsonl"], "\n", "nothing to load"),
    (["csv"], "id,x\na,1\n", "--name"),
    (["csv"], "name,x\na\n", "line 2"),
    (["csv"], "name\n", "nothing to load"),
    (["debian"], "Package: a\nnonsense\n", "line 2: expected 'Field: value'"),
    (["debian"], "", "nothing to load"),
    (["debian", "--section", "nosuch"], PACKAGES, "--section"),
    (["csv", "/nowhere/at/all"], None, "cannot read /nowhere/at/all"),
], ids=lambda part: part if isinstance(part, str) and part.isprintable() and len(part) < 50 else "")
def test_wrong_input_is_named_and_loads_nothing(server, arguments, text, message):
    said = load(server, *arguments, text=text)
    assert said.returncode == 1 and message in said.stderr, said
    assert said.stdout == ""
    with server.client() as client:
        assert client.dbsize() == 0


def test_a_target_that_is_not_there_or_in_use_is_named(server):
    nobody = load(server, "csv", "--port", "1", text="name\na\n", port=False)
    assert nobody.returncode == 1 and "127.0.0.1:1" in nobody.stderr, nobody
    in_use = load(server, "csv", "--data", server.data, text="name\na\n", port=False)
    assert in_use.returncode == 1 and server.data in in_use.stderr, in_use
    both = load(server, "csv", "--data", server.data, text="name\na\n")
    assert both.returncode == 2 and "cannot be used with" in both.stderr


@pytest.fixture(scope="module")
def catalogue():
    """Debian's own catalogue, where there is one."""
    if not shutil.which("apt-cache"):
        pytest.skip("no apt-cache here")
    text = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, check=True).stdout.decode()
    if text.count("\nPackage: ") < 40_000:
        pytest.skip("the catalogue is not loaded: apt-get update")
    return text


@pytest.fixture(scope="module")
def catalogued(catalogue):
    """A server that has loaded as much of it as fits."""
    server = conftest.Ladybug("--fsync", "never")
    try:
        server.stop()
        said = load(server, "debian", "--data", server.data, text=catalogue, port=False)
        assert said.returncode == 0 and "left out" in said.stdout, said
        server.start()
        with server.client(protocol=2, socket_timeout=120) as client:
            yield client
    finally:
        server.remove()


def test_debian_s_whole_catalogue_answers_what_the_readme_asks(catalogued):
    assert 32_000 < catalogued.dbsize() < 32_768
    found = catalogued.execute_command("RESONATE", "web server", "K", "10")
    described = [catalogued.get(row[0]).lower() for row in found]
    assert sum("web" in text or "http" in text for text in described) >= 8, names(found)
    needs = catalogued.execute_command("TRAVERSE", "nginx", "VIA", "DEPENDS_ON", "DEPTH", "3")
    assert {"nginx-common", "libc6"} <= set(names(needs)) and max(row[2] for row in needs) <= 3


def test_of_the_catalogue_as_much_is_found_as_is_asked_for(catalogue, catalogued):
    # Of packages that did not fit.
    texts = [line for line in catalogue.splitlines() if line.startswith("Description: ")][-4_000::40]
    queries = [text.removeprefix("Description: ") for text in texts]

    def distances(query, *how):
        return [row[2] for row in catalogued.execute_command("RESONATE", query, "K", "10", *how)]

    farthest = [distances(query, "EXACT")[-1] for query in queries]

    def found(recall):
        within = [distance <= most
                  for query, most in zip(queries, farthest) for distance in distances(query, "RECALL", recall)]
        assert len(within) == 10 * len(queries)
        return sum(within) / len(within)

    for recall in ["0.01", "0.1", "0.5", "0.9", "0.99", "0.999"]:
        assert found(recall) >= float(recall), recall
    assert found("0.01") < 0.9, "as if everything had been looked at"
