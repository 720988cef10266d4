#!/usr/bin/env bash
# Measures the text encoder on the Debian catalogue: does Hamming distance rank as the cosine it estimates,
# and does it answer questions as well as TF-IDF?
#
#   benches/encoder/run.sh          the catalogue of this machine (`apt-cache dumpavail`, after `apt-get update`)
#   benches/encoder/run.sh FILE     a Packages or Translation-en file
#
# Exits with 1 if a measure falls short of its bar. Needs cargo, python3 with venv, and PyPI the first time.
set -euo pipefail
cd "$(dirname "$0")/../.."

cache="${XDG_CACHE_HOME:-$HOME/.cache}/ladybug-bench-encoder"
mkdir -p "$cache"
if ! cmp -s benches/encoder/requirements.txt "$cache/requirements.txt"; then
    python3 -m venv --clear "$cache/venv"
    "$cache/venv/bin/pip" install --quiet --disable-pip-version-check -r benches/encoder/requirements.txt
    cp benches/encoder/requirements.txt "$cache/requirements.txt"
fi

if [ $# -gt 0 ]; then
    catalogue="$1"
else
    catalogue="$cache/catalogue"
    apt-cache dumpavail >"$catalogue"
fi

cargo build --release --quiet -p ladybug-engine --example encode_text
encoder="${CARGO_TARGET_DIR:-target}/release/examples/encode_text"
exec "$cache/venv/bin/python" benches/encoder/measure.py "$encoder" "$catalogue"
