"""The shell scripts pass the linter, and the documents' links lead somewhere."""

import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
SCRIPTS = [path for path in TRACKED if path.endswith(".sh") or path == ".ci/run"]
DOCUMENTS = [path for path in TRACKED if path.endswith(".md")]


@pytest.mark.parametrize("path", SCRIPTS)
def test_script_passes_shellcheck(path):
    result = subprocess.run(["shellcheck", path], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("path", DOCUMENTS)
def test_links_of_document_exist(path):
    text = (ROOT / path).read_text()
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert (ROOT / path).parent.joinpath(target).exists(), f"{path} links to {target}, which is not there"
