"""What the server adds to a search: RESONATE over a socket beside the same search within a process, and what Redis adds
to a script that runs as long.
"""

import io
import os
import pathlib
import random
import socket
import subprocess
import tempfile
import time

import data as datasets
import numpy as np
from contenders import Machine, Process

ZONE = 32_768
QUERIES = 64
PINGS = 64
# Received at a time: more than any reply here.
RECEIVED_BYTES = 1 << 16
# How the search is asked for, on the wire and of the driver.
ASKED = {"EXACT": ([b"EXACT"], "exact"), "default": ([], "0.999")}


# Runs for ARGV[1] microseconds, and answers how long it did with something as long as ten rows.
SCRIPT = b"""
local function now() local time = redis.call('TIME') return time[1] * 1000000 + time[2] end
local begun = now()
while now() < begun + ARGV[1] do end
local rows = {}
for row = 1, 10 do rows[row] = ARGV[2] end
return {now() - begun, rows}
"""
ROW = b"r" * 60


class Client:
    """A RESP connection that knows when its replies have come, before it takes them apart."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, *words):
        """Nanoseconds from sending the request to having received the reply, and the reply."""
        message = request(*words)
        begun = time.perf_counter_ns()
        self.socket.sendall(message)
        ended, (reply,) = self.replies(1)
        return ended - begun, reply

    def replies(self, count):
        """When the last bytes of so many replies were received, and the replies."""
        received = b""
        while True:
            some = self.socket.recv(RECEIVED_BYTES)
            ended = time.perf_counter_ns()
            if not some:
                raise RuntimeError("the server closed the connection")
            received += some
            try:
                reader = io.BytesIO(received)
                return ended, [parse(reader) for _ in range(count)]
            except EOFError:
                continue


def parse(reader):
    """The next reply; EOFError if it has not come whole."""
    line = reader.readline()
    if not line.endswith(b"\r\n"):
        raise EOFError
    kind, rest = line[:1], line[1:-2]
    if kind == b"-":
        raise RuntimeError(rest.decode())
    if kind == b"*":
        return [parse(reader) for _ in range(int(rest))]
    if kind == b"$":
        if rest == b"-1":
            return None
        body = reader.read(int(rest) + 2)
        if len(body) < int(rest) + 2:
            raise EOFError
        return body[:-2]
    return int(rest) if kind == b":" else rest


def request(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def run(options, cache, driver, encoder):
    binary = os.environ.get("LADYBUG_BIN")
    if not binary:
        subprocess.run(["cargo", "build", "--release", "--quiet", "--bin", "ladybug"], check=True)
        binary = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target")) / "release" / "ladybug"
    lines = [
        "# What the wire adds to a search",
        "",
        "Written by `benches/search/run.sh wire`: `RESONATE FP … K 10` on a full node zone of 32,768, over one connection to a server",
        "on the same machine, beside the same search by a process of the engine alone, in turn. All threads, best",
        "kernel; microseconds, medians of queries, each of which is the median of its rounds. `FP` is 1,280 raw bytes; the answer is",
        "ten rows of name, address, distance, similarity and z. A round trip ends when the last byte has been received: what the client",
        f"makes of it is its own time. A real Redis ({redis_version()}), asked in the same run to run a script as long as the search took with 1,280 bytes",
        "that it does not read, shows what a round trip adds on this machine.",
        "",
        "| data | search | within the engine | round trip | added | PING | added by Redis to a script as long | its PING |",
        "|---|---|---|---|---|---|---|---|",
    ]
    # Half of the planted data has but half of a query's neighbours.
    data = datasets.load("debian", cache, driver, encoder)
    rows, statement = measure(data, binary, driver, options.rounds)
    lines += [*rows, "", statement]
    text = "\n".join(lines) + "\n"
    print(text)
    (options.output / "search-wire.md").write_text(text)


def redis_version():
    shown = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True).stdout
    return shown.split("v=")[1].split()[0]


def measure(data, binary, driver, rounds):
    with tempfile.TemporaryDirectory() as directory:
        half = pathlib.Path(directory) / "fingerprints"
        data.stored[:ZONE].tofile(half)
        whole, data.paths = data.paths, (half, data.paths[1])
        engine = Process(driver, data, Machine("best", os.cpu_count()))
        data.paths = whole
        port, http = free_port(), free_port()
        command = [binary, "serve", "--port", str(port), "--http-port", str(http), "--data", f"{directory}/data",
                   "--fsync", "never"]
        redis_port = free_port()
        redis_command = ["redis-server", "--port", str(redis_port), "--save", "", "--dir", directory]
        with open(f"{directory}/log", "wb") as log:
            servers = [subprocess.Popen(each, stdout=log, stderr=log) for each in (command, redis_command)]
        try:
            client, redis = connect(port), connect(redis_port)
            return compare(data, engine, client, redis, rounds), compare_sql(data, client, rounds)
        finally:
            for server in servers:
                server.terminate()
                server.wait()
            engine.end()


def compare(data, engine, client, redis, rounds):
    script = redis.ask(b"SCRIPT", b"LOAD", SCRIPT)[1]
    for first in range(0, ZONE, 256):
        rows = range(first, first + 256)
        client.socket.sendall(b"".join(
            request(b"SET", b"row:%d" % row, b"", b"FP", data.stored[row].tobytes()) for row in rows))
        client.replies(len(rows))
    lines = []
    for name, (words, recall) in ASKED.items():
        within, around, pings, redis_added, redis_pings = [], [], [], [], []
        for round_ in range(rounds + 1):
            inside, outside = [], []
            for query in range(QUERIES):
                asked = b"RESONATE", b"FP", data.queries[query].tobytes(), b"K", b"10", *words

                def ask_engine():
                    answer = engine.ask(f"search {recall} {query} 1")
                    inside.append(answer["ns"][0])
                    return [distance for _, distance in answer["found"][0]]

                def ask_server():
                    ns, reply = client.ask(*asked)
                    outside.append(ns)
                    return [row[2] for row in reply]

                # Whoever comes second finds the fingerprints in cache: they take turns.
                turns = [ask_engine, ask_server]
                random.Random(round_ * QUERIES + query).shuffle(turns)
                first, second = (turn() for turn in turns)
                if recall == "exact" and first != second:
                    raise SystemExit(f"server and engine differ on query {query} of {data.name}: {first}, {second}")
                micros = b"%d" % (inside[-1] / 1e3)
                ns, (ran, _) = redis.ask(b"EVALSHA", script, b"0", micros, ROW, data.queries[query].tobytes())
                if round_ > 0:
                    redis_added.append(ns / 1e3 - ran)
            if round_ > 0:
                within.append(inside)
                around.append(outside)
                for pinged, into in (client, pings), (redis, redis_pings):
                    into.append(np.median([pinged.ask(b"PING")[0] for _ in range(PINGS)]))
        within, around = (np.median(rounds_, axis=0) / 1e3 for rounds_ in (within, around))
        ping, redis_ping = float(np.median(pings)) / 1e3, float(np.median(redis_pings)) / 1e3
        lines.append(f"| {data.name} | {name} | {np.median(within):.0f} | {np.median(around):.0f} "
                     f"| {np.median(around - within):.0f} | {ping:.0f} | {np.median(redis_added):.0f} | {redis_ping:.0f} |")
    return lines


def compare_sql(data, client, rounds):
    """The sentence on the ten nearest by SQL beside RESONATE … EXACT, which takes turns with it."""
    ratios, searched, stated = [], [], []
    for round_ in range(rounds + 1):
        for query in range(QUERIES):
            bits = data.queries[query].tobytes()
            statement = f"SELECT name FROM nodes ORDER BY hamming(fingerprint, fingerprint('{bits.hex()}')) LIMIT 10"

            def search():
                ns, reply = client.ask(b"RESONATE", b"FP", bits, b"K", b"10", b"EXACT")
                return ns, [row[2] for row in reply]

            def state():
                ns, reply = client.ask(b"SQL", statement.encode())
                rows = [int(name.removeprefix(b"row:")) for (name,) in reply[1:]]
                return ns, data.distances(query, rows).tolist()

            turns = [search, state]
            if (round_ + query) % 2:
                turns.reverse()
            answers = {turn: turn() for turn in turns}
            (search_ns, near), (state_ns, stated_near) = answers[search], answers[state]
            if near != stated_near:
                raise SystemExit(f"RESONATE and SQL differ on query {query} of {data.name}: {near}, {stated_near}")
            if round_ > 0:
                ratios.append(state_ns / search_ns)
                searched.append(search_ns / 1e3)
                stated.append(state_ns / 1e3)
    return (f"By SQL, `… ORDER BY hamming(fingerprint, fingerprint('…')) LIMIT 10`, the same ten take {np.median(stated):.0f} µs where "
            f"`RESONATE … EXACT` takes {np.median(searched):.0f}: {np.median(ratios):.2f} times as long, the median of pairs in turn.")


def connect(port):
    for _ in range(200):
        try:
            return Client(port)
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise SystemExit("the server did not start")


def free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]
