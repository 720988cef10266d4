#!/usr/bin/env python3
"""What a full node zone costs in memory: bytes a node beyond its value, and what an idle server takes.

Starts a server, fills the node zone over RESP with 32,768 text values of 64 bytes, searches once, so that
every fingerprint is encoded, and reads the resident set of the process from /proc. Exits 1 if a node costs
more than 1,700 bytes beyond its value or the idle server more than 60 MiB.

    benches/memory.py              builds the release binary
    LADYBUG_BIN=... benches/memory.py
"""

import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time

NODES = 32_768
VALUE_BYTES = 64
PIPELINE = 256
NODE_BYTES_MAX = 1_700
IDLE_BYTES_MAX = 60 << 20
ROOT = pathlib.Path(__file__).resolve().parent.parent


def binary():
    if path := os.environ.get("LADYBUG_BIN"):
        return path
    subprocess.run(["cargo", "build", "--release", "--bin", "ladybug"], cwd=ROOT, check=True)
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "release", "ladybug")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def connect(port, server):
    for _ in range(200):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            if server.poll() is not None:
                break
            time.sleep(0.05)
    sys.exit("the server did not start")


def request(*arguments):
    parts = [b"*%d\r\n" % len(arguments)]
    parts += [b"$%d\r\n%s\r\n" % (len(argument), argument) for argument in arguments]
    return b"".join(parts)


def reply(stream):
    line = stream.readline().rstrip(b"\r\n")
    kind, rest = line[:1], line[1:]
    if kind == b"*":
        return [reply(stream) for _ in range(int(rest))]
    if kind == b"$":
        return stream.read(int(rest) + 2)[:-2] if int(rest) >= 0 else None
    if kind == b"-":
        sys.exit(f"the server refused: {rest.decode()}")
    return rest


def resident_bytes(pid):
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def values():
    """Texts of as many bytes as asked, the same at every run."""
    source = random.Random(1)
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    words = ["".join(source.choices(letters, k=source.randint(3, 9))) for _ in range(5_000)]
    for _ in range(NODES):
        yield " ".join(source.choices(words, k=VALUE_BYTES // 4 + 1))[:VALUE_BYTES].encode()


def main():
    port = free_port()
    with tempfile.TemporaryDirectory() as data:
        command = [binary(), "serve", "--port", str(port), "--http-port", str(free_port())]
        command += ["--data", data, "--fsync", "never", "--log-level", "warn"]
        server = subprocess.Popen(command)
        try:
            connection = connect(port, server)
            stream = connection.makefile("rb")
            connection.sendall(request(b"PING"))
            reply(stream)
            idle = resident_bytes(server.pid)
            batch = []
            for index, value in enumerate(values(), 1):
                batch.append(request(b"SET", b"key:%012d" % index, value))
                if len(batch) == PIPELINE:
                    connection.sendall(b"".join(batch))
                    for _ in batch:
                        reply(stream)
                    batch.clear()
            filled = resident_bytes(server.pid)
            connection.sendall(request(b"RESONATE", b"a text like no other", b"K", b"10"))
            if len(reply(stream)) != 10:
                sys.exit("the search did not answer ten nodes")
            searched = resident_bytes(server.pid)
        finally:
            server.terminate()
            server.wait()
    a_node = (searched - idle) / NODES - VALUE_BYTES
    print(f"idle                 {idle / 2**20:8.1f} MiB  (at most {IDLE_BYTES_MAX >> 20})")
    print(f"full node zone       {filled / 2**20:8.1f} MiB  {(filled - idle) / NODES - VALUE_BYTES:6.0f} bytes a node beyond its value")
    print(f"after a search       {searched / 2**20:8.1f} MiB  {a_node:6.0f} bytes a node beyond its value (at most {NODE_BYTES_MAX})")
    sys.exit(a_node > NODE_BYTES_MAX or idle > IDLE_BYTES_MAX)


if __name__ == "__main__":
    main()
