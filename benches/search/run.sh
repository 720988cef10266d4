#!/usr/bin/env bash
# Compares Ladybug's search with FAISS and usearch: same run, same data, results before times.
#
#   benches/search/run.sh              everything: peers, the wire, growth (about a quarter of an hour when indexes are built)
#   benches/search/run.sh peers        FAISS and usearch: docs/benchmarks/search.md, .json and plots
#   benches/search/run.sh wire         RESONATE's round trip beside the search within
#   benches/search/run.sh growth       1 to 64 full spaces
#   benches/search/run.sh --help       the options of each, such as --rounds and --look for a short look
#
# Makes its own Python environment, and keeps it, the data and the peers' indexes in ~/.cache/ladybug-bench-search.
# Needs cargo, python3 with venv, redis-server (for the wire), apt (for the catalogue's descriptions), and PyPI and deb.debian.org the first
# time. A quiet machine: times of a busy one mean little.
set -euo pipefail
cd "$(dirname "$0")/../.."

cache="${XDG_CACHE_HOME:-$HOME/.cache}/ladybug-bench-search"
mkdir -p "$cache"
if ! cmp -s benches/search/requirements.txt "$cache/requirements.txt"; then
    python3 -m venv --clear "$cache/venv"
    "$cache/venv/bin/pip" install --quiet --disable-pip-version-check -r benches/search/requirements.txt
    cp benches/search/requirements.txt "$cache/requirements.txt"
fi

cargo build --release --quiet -p ladybug-engine --example search_driver --example encode_text
# The peers' memory lies on huge pages too, as Ladybug's does.
export GLIBC_TUNABLES=glibc.malloc.hugetlb=1
LADYBUG_EXAMPLES="$(realpath "${CARGO_TARGET_DIR:-target}/release/examples")"
export LADYBUG_EXAMPLES
exec "$cache/venv/bin/python" benches/search/main.py "$@"
