#!/usr/bin/env python3
"""Sessions that pages show: their commands, what they must answer, and the execution of both.

    LADYBUG_BIN=target/debug/ladybug tests/python/sessions.py --write

executes the session of each page against a new server and writes the answers into the page; `test_sessions.py`
executes them and compares. What a page shows in several blocks is one session.
"""

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field

import conftest

PAGES = [conftest.ROOT / "README.md", conftest.ROOT / "docs/reasoning.md"]
BLOCK = re.compile(r"(?<=```console\n).*?(?=```)", re.DOTALL)
PROMPT = "127.0.0.1:6379> "
KILL, START = "$ kill -9 $(pidof ladybug)", "$ ladybug &"
LOAD = "$ ladybug load "
# Microseconds since the epoch, and seconds, differ from run to run.
TIMES = re.compile(r"\b1[0-9]{15}\b|\b1[0-9]{9}\b|\b20[0-9]{2}-[0-9-]{5}T[0-9:]{8}\.[0-9]{6}\b")
# So do the values of these columns of a table, whose first row has their names.
AGES = ["lifetime", "base", "activation"]
CELL = re.compile(r" *(?:(?P<row>[0-9]+)\) +)?(?P<place>[0-9]+)\) (?P<value>.*)")
# 2,560 digits help no reader: of a fingerprint the first sixteen are shown.
FINGERPRINT = re.compile(r"\b([0-9a-f]{16})[0-9a-f]{2544}\b")
# And of one in bytes, as redis-cli writes those, the first four.
BYTE = r"""(?:\\x[0-9a-f]{2}|\\.|[^"\\])"""
BYTES = re.compile(rf'"({BYTE}{{4}}){BYTE}{{1276}}"')


@dataclass
class Step:
    """A line that is entered, and the lines that answer it."""

    line: str
    answer: list = field(default_factory=list)


def steps(block):
    """The lines of a block that are entered, with their answers."""
    found = []
    for line in block.splitlines():
        if line.startswith((PROMPT, "$ ")):
            found.append(Step(line))
        else:
            found[-1].answer.append(line)
    return found


def session(page):
    """The session of a page."""
    return [step for block in BLOCK.findall(page.read_text()) for step in steps(block)]


def execute(server, line, client):
    """The lines that `client`, an argument vector, prints for one line of the session."""
    if line == KILL:
        server.kill()
        return []
    if line == START:
        server.start()
        return []
    if line.startswith(LOAD):
        arguments = [*shlex.split(line)[2:], "--port", str(server.port)]
        return run([server.binary, *arguments]).splitlines()
    assert line.startswith(PROMPT), f"no rule for '{line}'"
    command = [*client, "-p", str(server.port), "--no-raw"]
    answer = run(command, line.removeprefix(PROMPT) + "\n")
    return BYTES.sub(r'"\1…"', FINGERPRINT.sub(r"\1…", answer)).rstrip("\n").splitlines()


def run(command, text=None):
    """What a command prints, in the repository's root, when it is given a text."""
    result = subprocess.run(command, input=text, cwd=conftest.ROOT, capture_output=True, text=True, timeout=60)
    assert not result.stderr, result.stderr
    return result.stdout


def without_times(lines):
    """The lines without what differs from run to run: times, and in tables what has become of them since."""
    kept, row, names = [], 0, {}
    for line in lines:
        cell = CELL.match(line)
        if cell:
            row = int(cell["row"] or row)
            # What is nested deeper stands further to the right.
            place = (cell["place"], cell.end("place"))
            if row == 1:
                names[place] = cell["value"].strip('"')
            elif names.get(place) in AGES:
                line = line.replace(cell["value"], "AGE")
        kept.append(TIMES.sub("TIME", line))
    return kept


def answered(server, block):
    """A block with the answers that a server gives."""
    lines = []
    for step in steps(block):
        lines += [step.line, *execute(server, step.line, ["redis-cli"])]
    return "\n".join(lines) + "\n"


def main():
    assert sys.argv[1:] == ["--write"], __doc__
    for page in PAGES:
        server = conftest.Ladybug()
        try:
            page.write_text(BLOCK.sub(lambda block: answered(server, block[0]), page.read_text()))
        finally:
            server.remove()


if __name__ == "__main__":
    main()
