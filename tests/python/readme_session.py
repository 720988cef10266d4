#!/usr/bin/env python3
"""Sessions of documents: their commands, what they must answer, and the execution of both.

    LADYBUG_BIN=target/debug/ladybug tests/python/readme_session.py --write

executes the session of each page against a new server and writes the answers into the page; `test_readme.py` executes it
and compares.
"""

import pathlib
import re
import subprocess
import sys
from dataclasses import dataclass, field

import conftest

PAGES = [conftest.ROOT / "README.md", conftest.ROOT / "docs" / "reasoning.md"]
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


def steps(block):
    """The steps of a block of a session."""
    found = []
    for line in block.splitlines():
        if line.startswith((PROMPT, "$ ")):
            found.append(Step(line))
        else:
            found[-1].answer.append(line)
    return found


def session(page):
    """The session as a page has it, in one or several blocks."""
    return [step for block in BLOCK.findall(page.read_text()) for step in steps(block)]


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


def written(block, server):
    """A block with what the server answers."""
    lines = []
    for step in steps(block):
        lines += [step.line, *execute(server, step.line, ["redis-cli"])]
    return "\n".join(lines) + "\n"


def main():
    assert sys.argv[1:] == ["--write"], __doc__
    for page in PAGES:
        server = conftest.Ladybug()
        try:
            page.write_text(BLOCK.sub(lambda block: written(block[0], server), page.read_text()))
        finally:
            server.remove()


if __name__ == "__main__":
    main()
