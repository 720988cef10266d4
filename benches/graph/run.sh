#!/usr/bin/env bash
# Compares Ladybug's Cypher with Kuzu, FalkorDB and NetworkX on the dependencies of Debian's packages: same run, same graph,
# results before times. Writes docs/benchmarks/graph.md.
#
#   benches/graph/run.sh                          everything (a few minutes)
#   benches/graph/run.sh --rounds 3 --creates 1000 --output -    a look, printed
#   benches/graph/run.sh --help                   the options
#
# Makes its own Python environment, and keeps it in ~/.cache/ladybug-bench-graph. Needs cargo, python3 with venv, apt (for
# the catalogue), and PyPI the first time; servers and databases are in a temporary directory (TMPDIR), which must be
# on a real disk. A quiet machine: times of a busy one mean little.
#
#   LADYBUG_BIN   the server; otherwise `cargo build --release` makes it
set -euo pipefail
cd "$(dirname "$0")/../.."

cache="${XDG_CACHE_HOME:-$HOME/.cache}/ladybug-bench-graph"
mkdir -p "$cache"
if ! cmp -s benches/graph/requirements.txt "$cache/requirements.txt"; then
    python3 -m venv --clear "$cache/venv"
    "$cache/venv/bin/pip" install --quiet --disable-pip-version-check -r benches/graph/requirements.txt
    cp benches/graph/requirements.txt "$cache/requirements.txt"
fi
if [[ -z "${LADYBUG_BIN:-}" ]]; then
    cargo build --release --quiet --bin ladybug
    LADYBUG_BIN="$(realpath "${CARGO_TARGET_DIR:-target}/release/ladybug")"
fi
export LADYBUG_BIN
exec "$cache/venv/bin/python" benches/graph/main.py "$@"
