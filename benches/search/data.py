"""The fingerprints and queries that everything is measured on, made once and kept."""

import gzip
import json
import pathlib
import random
import re
import subprocess

import numpy as np

FINGERPRINTS = 65_536  # two full node zones
BYTES = 1_280
DEBIAN_QUERIES = 128  # of either kind


class Data:
    """Fingerprints as rows of bytes, queries alike, and what kind each query is of."""

    def __init__(self, name, directory):
        self.name = name
        self.paths = directory / "fingerprints", directory / "queries"
        self.stored, self.queries = (np.fromfile(path, np.uint8).reshape(-1, BYTES) for path in self.paths)
        self.groups = json.loads((directory / "groups.json").read_text())
        assert len(self.stored) == FINGERPRINTS and len(self.queries) == len(self.groups)

    def distances(self, query, rows):
        """Hamming distances of a query to rows, counted here."""
        return np.bitwise_count(self.stored[rows] ^ self.queries[query]).sum(axis=1, dtype=np.int64)


def load(name, cache, driver, encoder):
    """One of `planted`, `spread` and `debian`."""
    directory = cache / "data" / name
    if not (directory / "groups.json").exists():
        directory.mkdir(parents=True, exist_ok=True)
        groups = debian(cache, directory, encoder) if name == "debian" else planted(name, directory, driver)
        (directory / "groups.json").write_text(json.dumps(groups))
    return Data(name, directory)


def planted(name, directory, driver):
    """Random fingerprints; each query has its ten nearest at one distance, or spread over 5 to 45 %."""
    how = {"planted": "one", "spread": "spread"}[name]
    files = directory / "fingerprints", directory / "queries"
    subprocess.run([driver, "plant", how, *files], check=True)
    queries = files[1].stat().st_size // BYTES
    return [f"{5 + 5 * (query % 9)} %" if how == "one" else "5 to 45 %" for query in range(queries)]


def debian(cache, directory, encoder):
    """The catalogue's synopses, filled up with first paragraphs of long descriptions. Queries are synopses, which
    are stored too, and first sentences of other packages' long descriptions, which are not."""
    packages = catalogue(cache)
    texts = [synopsis for synopsis, _ in packages]
    shuffled = random.Random(2026)
    order = shuffled.sample(range(len(packages)), len(packages))
    paragraphs = [paragraph for package in order for paragraph in packages[package][1][:1]]
    missing = FINGERPRINTS - len(texts)
    texts += paragraphs[:missing]
    sentences = [re.split(r"(?<=[.!?]) ", one)[0] for one in paragraphs[missing:]]
    sentences = [one for one in sentences if 20 <= len(one) <= 200][:DEBIAN_QUERIES]
    synopses = shuffled.sample(texts[: len(packages)], DEBIAN_QUERIES)
    # Alternating, so that every batch holds both kinds.
    queries = [query for pair in zip(synopses, sentences) for query in pair]
    for name, some in ("fingerprints", texts[:FINGERPRINTS]), ("queries", queries):
        given = "".join(text + "\0" for text in some).encode()
        encoded = subprocess.run([encoder, "fingerprints"], input=given, stdout=subprocess.PIPE, check=True)
        (directory / name).write_bytes(encoded.stdout)
    return ["synopsis", "sentence"] * DEBIAN_QUERIES


def catalogue(cache):
    """Each package's synopsis and the paragraphs of its long description, from the archive's English
    translations. apt fetches them into lists of its own; those of the system are left alone."""
    kept = cache / "catalogue.json.gz"
    if kept.exists():
        return json.loads(gzip.decompress(kept.read_bytes()))
    lists = cache / "lists"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    apt = ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={lists}", "-o", "Acquire::Languages=en"]
    subprocess.run(["apt-get", "update", "-qq", *apt], check=True)
    dump = subprocess.run(["apt-cache", "dumpavail", *apt], stdout=subprocess.PIPE, check=True).stdout.decode()
    known = set(re.findall(r"^Package: (.*)$", dump, re.M))
    packages = {}
    for path in sorted(lists.glob("*_main_i18n_Translation-en*")):
        helper = "/usr/lib/apt/apt-helper"
        text = subprocess.run([helper, "cat-file", path], stdout=subprocess.PIPE, check=True).stdout.decode()
        for stanza in text.split("\n\n"):
            name = re.search(r"^Package: (.*)$", stanza, re.M)
            description = re.search(r"^Description-en: (.*)((?:\n .*)*)", stanza, re.M)
            if name and description and name[1] in known and name[1] not in packages:
                paragraphs = re.split(r"\n \.\n", description[2])
                words = [" ".join(paragraph.split()) for paragraph in paragraphs]
                packages[name[1]] = (description[1], [paragraph for paragraph in words if paragraph])
    found = [packages[name] for name in sorted(packages)]
    kept.write_bytes(gzip.compress(json.dumps(found).encode()))
    return found


def cache_directory(environment):
    home = environment.get("XDG_CACHE_HOME") or pathlib.Path(environment["HOME"]) / ".cache"
    return pathlib.Path(home) / "ladybug-bench-search"
