"""`docs/configuration.md` names the settings there are, with their variables and defaults."""

import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_page_on_configuration_names_every_flag_and_its_default():
    binary = os.environ.get("LADYBUG_BIN") or str(ROOT / "target/debug/ladybug")
    text = subprocess.run([binary, "serve", "--help"], capture_output=True, text=True, check=True).stdout
    # "", then a flag's name and its text in turn.
    parts = re.split(r"^ +(?:-\w, )?--([a-z-]+)", text, flags=re.MULTILINE)[1:]
    flags = dict(zip(parts[::2], parts[1::2]))
    del flags["help"]
    page = (ROOT / "docs/configuration.md").read_text()
    documented = dict(re.findall(r"^\| `--([a-z-]+)[^`]*` \| ([^|]+) \|", page, re.MULTILINE))
    assert sorted(documented) == sorted(flags)
    for name, help_text in flags.items():
        assert f"LADYBUG_{name.upper().replace('-', '_')}" in help_text, f"--{name} has no variable"
        default = re.search(r"\[default: ([0-9]+)\]", help_text)
        assert default is None or documented[name] == default[1], name
