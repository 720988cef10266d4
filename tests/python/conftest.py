"""Fixtures of the client tests: a real Ladybug, and a real redis-server, each on a free port.

`LADYBUG_BIN` names the binary under test; `./test.sh clients` sets it.
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest
import redis

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_SECONDS_MAX = 30


def free_port():
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(ready, process, what):
    """Waits for `ready()`; fails when `process` ends first or the time is over."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"{what} exited with {process.returncode} while starting")
        try:
            if ready():
                return
        except (OSError, redis.ConnectionError, redis.exceptions.BusyLoadingError):
            pass
        time.sleep(0.02)
    raise AssertionError(f"{what} did not start in {START_SECONDS_MAX} s")


class Ladybug:
    """One server process over a data directory; can be killed and started again."""

    def __init__(self, *flags, data=None, env=None):
        self.binary = os.path.abspath(os.environ.get("LADYBUG_BIN") or ROOT / "target/debug/ladybug")
        self.own_data = data is None
        self.data = data or tempfile.mkdtemp(prefix="ladybug-test-")
        self.flags = flags
        self.env = {**{k: v for k, v in os.environ.items() if not k.startswith("LADYBUG_")}, **(env or {})}
        self.port = self.http_port = self.flight_port = None
        self.process = None
        self.start()

    def start(self):
        self.port, self.http_port, self.flight_port = free_port(), free_port(), free_port()
        self.log = open(pathlib.Path(self.data).with_suffix(".log"), "ab")
        command = [self.binary, "serve", "--port", str(self.port), "--http-port", str(self.http_port)]
        command += ["--flight-port", str(self.flight_port), "--data", self.data, *self.flags]
        # Python ignores SIGXFSZ, and so does its child then: past a size limit a write fails, as on a full disk.
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, env=self.env,
                                        restore_signals=False)
        wait_until(self.listening, self.process, "ladybug")

    def listening(self):
        for port in (self.port, self.http_port, self.flight_port):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True

    def client(self, **options):
        """A redis-py client; text in and out unless asked otherwise."""
        return redis.Redis(port=self.port, **{"decode_responses": True, **options})

    def log_text(self):
        return pathlib.Path(self.log.name).read_text(errors="replace")

    def stop(self, sig=signal.SIGTERM):
        """Ends the process; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        code = self.process.wait(timeout=60)
        self.log.close()
        return code

    def kill(self):
        self.stop(signal.SIGKILL)

    def remove(self):
        if self.process.poll() is None:
            self.kill()
        if self.own_data:
            shutil.rmtree(self.data, ignore_errors=True)
        pathlib.Path(self.log.name).unlink(missing_ok=True)


@pytest.fixture(scope="session")
def shared_server():
    """One server for all tests that do not restart it."""
    server = Ladybug("--fsync", "never")
    yield server
    server.remove()


@pytest.fixture
def server(shared_server):
    """The shared server, empty."""
    with shared_server.client() as client:
        client.flushall()
    return shared_server


@pytest.fixture
def start():
    """Starts servers of the test's own: `start("--fsync", "always")`; they are removed afterwards."""
    servers = []

    def run(*flags, **options):
        servers.append(Ladybug(*flags, **options))
        return servers[-1]

    yield run
    for each in servers:
        each.remove()


@pytest.fixture(scope="session")
def redis_port():
    """The port of a real redis-server, for tests that compare."""
    port = free_port()
    directory = tempfile.mkdtemp(prefix="redis-test-")
    command = ["redis-server", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", directory]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    wait_until(redis.Redis(port=port).ping, process, "redis-server")
    yield port
    process.terminate()
    process.wait()
    shutil.rmtree(directory, ignore_errors=True)
