#!/usr/bin/env python3
"""The README's session: its commands, what they must answer, and the execution of both.

    LADYBUG_BIN=target/debug/ladybug tests/python/readme_session.py --write

executes the session against a new server and writes the answers into the README; `test_readme.py` executes it
and compares.
"""

import pathlib
import re
import subprocess
import sys
from dataclasses import dataclass, field

import conftest

README = conftest.ROOT / "README.md"
BLOCK = re.compile(r"(?<=```console\n).*?(?=```)", re.DOTALL)
PROMPT = "127.0.0.1:6379> "
KILL, START = "$ kill -9 $(pidof ladybug)", "$ ladybug &"
# Microseconds since the epoch, and seconds, differ from run to run.
TIMES = re.compile(r"\b1[0-9]{15}\b|\b1[0-9]{9}\b")
# 2,560 digits help no reader: of a fingerprint the first sixteen are shown.
FINGERPRINT = re.compile(r"\b([0-9a-f]{16})[0-9a-f]{2544}\b")


@dataclass
class Step:
    """A line that is entered, and the lines that answer it."""

    line: str
    answer: list = field(default_factory=list)


def steps():
    """The session as the README has it."""
    found = []
    for line in BLOCK.search(README.read_text())[0].splitlines():
        if line.startswith((PROMPT, "$ ")):
            found.append(Step(line))
        else:
            found[-1].answer.append(line)
    return found


def execute(server, line, client):
    """The lines that `client`, an argument vector, prints for one line of the session."""
    if line == KILL:
        server.kill()
        return []
    if line == START:
        server.start()
        return []
    assert line.startswith(PROMPT), f"no rule for '{line}'"
    command = [*client, "-p", str(server.port), "--no-raw"]
    result = subprocess.run(command, input=line.removeprefix(PROMPT) + "\n", capture_output=True, text=True, timeout=60)
    assert not result.stderr, result.stderr
    return FINGERPRINT.sub(r"\1…", result.stdout).rstrip("\n").splitlines()


def without_times(lines):
    return [TIMES.sub("TIME", line) for line in lines]


def main():
    assert sys.argv[1:] == ["--write"], __doc__
    server = conftest.Ladybug()
    try:
        lines = []
        for step in steps():
            lines += [step.line, *execute(server, step.line, ["redis-cli"])]
    finally:
        server.remove()
    text = README.read_text()
    README.write_text(text.replace(BLOCK.search(text)[0], "\n".join(lines) + "\n"))


if __name__ == "__main__":
    main()
