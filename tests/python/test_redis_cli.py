"""redis-cli in a terminal completes and hints Ladybug's own commands: it asks COMMAND DOCS for them."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

import pytest

SECONDS_MAX = 20
CONTROL_U = "\x15"
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Terminal:
    """redis-cli behind a pseudo terminal of 200 columns."""

    def __init__(self, port):
        self.process, self.file = pty.fork()
        if self.process == 0:
            os.execvpe("redis-cli", ["redis-cli", "-p", str(port)], {**os.environ, "TERM": "xterm"})
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))

    def type(self, text):
        os.write(self.file, text.encode())

    def shows(self, text):
        """Waits until the terminal has shown `text`, colours and cursor movements aside."""
        seen, deadline = "", time.monotonic() + SECONDS_MAX
        while text not in ESCAPES.sub("", seen):
            assert time.monotonic() < deadline, ESCAPES.sub("", seen)
            if select.select([self.file], [], [], 0.1)[0]:
                seen += os.read(self.file, 65536).decode(errors="replace")
        return True

    def close(self):
        os.close(self.file)
        os.waitpid(self.process, 0)


@pytest.fixture
def terminal(server):
    terminal = Terminal(server.port)
    assert terminal.shows(f":{server.port}> ")
    yield terminal
    terminal.close()


def test_it_hints_the_arguments_that_are_left(terminal):
    terminal.type("LINK ")
    assert terminal.shows("LINK node verb other [WEIGHT weight] [TRUTH truth]")
    terminal.type("ada ")
    assert terminal.shows("LINK ada verb other [WEIGHT weight] [TRUTH truth]")


def test_it_completes_a_command_and_runs_it(server, terminal):
    terminal.type("dn.se\t")
    assert terminal.shows("DN.SET path value")
    terminal.type(f"{CONTROL_U}dn.se\t ada:soul curious\r")
    # What is typed before the next prompt is thrown away.
    assert terminal.shows(f"OK\r\n127.0.0.1:{server.port}> ")
    terminal.type("GET ada:soul\r")
    assert terminal.shows('"curious"')
