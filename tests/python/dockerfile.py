"""Reads a Dockerfile into stages of instructions: as much of its grammar as the project's own files use."""

import json
import re
import shlex
from dataclasses import dataclass, field


@dataclass
class Instruction:
    """One instruction: its keyword, its `--flags`, and the rest of its line."""

    keyword: str
    flags: dict
    text: str

    @property
    def words(self):
        """The arguments, of the JSON form or split as a shell would."""
        return json.loads(self.text) if self.text.startswith("[") else shlex.split(self.text)

    @property
    def command(self):
        """What RUN, CMD, ENTRYPOINT and HEALTHCHECK CMD execute, as an argument vector."""
        text = re.sub(r"^CMD\s+", "", self.text) if self.keyword == "HEALTHCHECK" else self.text
        return json.loads(text) if text.startswith("[") else ["/bin/sh", "-c", text]


@dataclass
class Stage:
    """One build stage: the image it starts from, its name, and its instructions in order."""

    base: str
    name: str
    instructions: list = field(default_factory=list)

    def all(self, keyword):
        return [each for each in self.instructions if each.keyword == keyword]

    def last(self, keyword):
        """The instruction that is in force: the last of its kind."""
        found = self.all(keyword)
        assert found, f"stage {self.name} has no {keyword}"
        return found[-1]

    @property
    def env(self):
        return dict(word.split("=", 1) for each in self.all("ENV") for word in each.words)


def parse(text):
    """The stages of a Dockerfile's text."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    stages = []
    for line in filter(None, map(str.strip, joined.splitlines())):
        keyword, _, rest = line.partition(" ")
        flags = {}
        while match := re.match(r"--([a-z-]+)=(\S+)\s+", rest):
            flags[match[1]] = match[2]
            rest = rest[match.end() :]
        instruction = Instruction(keyword.upper(), flags, rest.strip())
        if instruction.keyword == "FROM":
            base, *alias = rest.split()
            stages.append(Stage(base, alias[1] if alias else str(len(stages))))
        else:
            assert stages, f"{keyword} before the first FROM"
            stages[-1].instructions.append(instruction)
    return stages
