"""Streams a full space out of Ladybug and out of a C++ Flight server, to pyarrow and to a client that drops the bytes, in
alternating pairs; and puts rows with fsync beside writing and syncing their bytes, and beside that server doing so. Prints
medians, the medians of the pairs' ratios, and the CPU seconds a GB of both servers.
"""

import argparse
import functools
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import pyarrow as pa
import pyarrow.flight as flight

HERE = pathlib.Path(__file__).resolve().parent
NODES, FLUID = 32_768, 28_672
TICKET = "columns=id,fingerprint;all"
# What a client takes that says nothing of it, and what costs it less.
FRAMES = 16 << 10, 1 << 20
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the server does not listen")


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def ladybug(binary, directory, *flags):
    port = free_port()
    command = [binary, "serve", "--port", "0", "--http-port", "0", "--flight-port", str(port), "--data", directory, *flags]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    wait_for(port, process)
    return process, port


def cpp_server(file, kept):
    port = free_port()
    process = subprocess.Popen([sys.executable, str(HERE / "peer.py"), str(port), file, kept])
    wait_for(port, process)
    return process, port


def rows(count, prefix, expires=None):
    bits = pa.FixedSizeBinaryArray.from_buffers(pa.binary(1280), count, [None, pa.py_buffer(os.urandom(count * 1280))])
    columns = {"name": [f"{prefix}{n}" for n in range(count)], "fingerprint": bits}
    if expires:
        columns["expires"] = pa.array([expires] * count, pa.timestamp("us"))
    return pa.table(columns)


def put(client, table):
    writer, reader = client.do_put(flight.FlightDescriptor.for_command("nodes"), table.schema)
    with writer:
        writer.write_table(table, max_chunksize=2048)
        writer.done_writing()
        return json.loads(reader.read().to_pybytes())


def read_with_pyarrow(port):
    """Bytes of a stream, and the seconds it took."""
    with flight.FlightClient(f"grpc://127.0.0.1:{port}") as client:
        client.wait_for_available()
        begun = time.perf_counter()
        total = 0
        for chunk in client.do_get(flight.Ticket(TICKET)):
            total += chunk.data.nbytes
        return total, time.perf_counter() - begun


def read_with_drain(drain, frame_bytes, port):
    command = [drain, str(port), TICKET, str(frame_bytes), "1"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(printed[0]), float(printed[1])


def compare(name, read, ours, theirs, rounds):
    """Alternating pairs of streams; prints medians and ratios."""
    seconds, cpu, total = {0: [], 1: []}, [0, 0], [0, 0]
    for round_ in range(rounds + 1):
        for which, (process, port) in enumerate((ours, theirs)) if round_ % 2 else reversed(list(enumerate((ours, theirs)))):
            before = cpu_seconds(process)
            read_bytes, took = read(port)
            if round_:  # the first warms up
                seconds[which].append(took)
                cpu[which] += cpu_seconds(process) - before
                total[which] += read_bytes
    # The same table; what frames and headers add differs by less.
    assert abs(total[0] / total[1] - 1) < 0.01, f"the servers sent {total[0]} and {total[1]} bytes"
    rates = [total[which] / rounds / statistics.median(seconds[which]) / 1e9 for which in (0, 1)]
    ratio = statistics.median(theirs / ours for ours, theirs in zip(*seconds.values()))
    per_gb = [cpu[which] / (total[which] / 1e9) for which in (0, 1)]
    print(f"{name}: ladybug {rates[0]:.2f} GB/s, C++ server {rates[1]:.2f} GB/s, ratio {ratio:.2f}; "
          f"CPU seconds a GB {per_gb[0]:.2f} and {per_gb[1]:.2f}, ratio {per_gb[0] / per_gb[1]:.2f}")


def compare_put(binary, peer_file, rounds):
    """32,768 rows as one commit with fsync, beside a C++ server that keeps them in memory and a file, with fsync, and beside
    their bytes behind what a file has already, with fsync. All files are kept until the end: memory that a removed one
    gives back is faster than fresh one, and only one side would get it."""
    puts, peers, writes = [], [], []
    table = rows(NODES, "n")
    payload = b"".join(column.combine_chunks().buffers()[-1].to_pybytes() for column in table.columns)

    def timed_put(started):
        process, port = started
        try:
            with flight.FlightClient(f"grpc://127.0.0.1:{port}") as client:
                client.wait_for_available()
                begun = time.perf_counter()
                kept = put(client, table)["rows"]
                took = time.perf_counter() - begun
                assert kept == NODES, f"{kept} rows were kept"
                return took
        finally:
            process.kill()
            process.wait()

    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as directory, open(f"{directory}/bytes", "wb") as file:
        for round_ in range(rounds):
            begun = time.perf_counter()
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
            writes.append(time.perf_counter() - begun)
            peers.append(timed_put(cpp_server(peer_file, f"{directory}/kept")))
            puts.append(timed_put(ladybug(binary, f"{directory}/data-{round_}", "--fsync", "always")))
    ours, theirs, bare = (statistics.median(times) for times in (puts, peers, writes))
    print(f"put of {NODES} rows: {ours * 1e3:.0f} ms, C++ server {theirs * 1e3:.0f} ms, ratio {ours / theirs:.2f}; "
          f"write and sync of {len(payload) / 1e6:.0f} MB {bare * 1e3:.0f} ms, ratio {ours / bare:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--drain", required=True)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        ours = ladybug(options.binary, f"{directory}/data", "--fsync", "never")
        theirs = None
        try:
            with flight.FlightClient(f"grpc://127.0.0.1:{ours[1]}") as client:
                put(client, rows(NODES, "n"))
                put(client, rows(FLUID, "f", int((time.time() + 86_400) * 1e6)))
                reader = client.do_get(flight.Ticket(TICKET))
                with pa.ipc.new_file(f"{directory}/space.arrow", reader.schema) as writer:
                    for chunk in reader:
                        writer.write_batch(chunk.data)
            theirs = cpp_server(f"{directory}/space.arrow", f"{directory}/kept")
            compare("pyarrow client", read_with_pyarrow, ours, theirs, options.rounds)
            for frame_bytes in FRAMES:
                read = functools.partial(read_with_drain, options.drain, frame_bytes)
                compare(f"client that drops, frames of {frame_bytes} bytes", read, ours, theirs, options.rounds)
        finally:
            for server in filter(None, (ours, theirs)):
                server[0].kill()
                server[0].wait()
        compare_put(options.binary, f"{directory}/space.arrow", max(3, options.rounds // 3))


if __name__ == "__main__":
    main()
