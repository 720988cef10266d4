#!/usr/bin/env bash
# Streams a full space out of Ladybug beside a C++ Flight server (pyarrow's), to pyarrow and to a client that drops
# the bytes, in alternating pairs; and DoPut with fsync beside writing and syncing the same bytes.
#
#   benches/flight/run.sh              medians, ratios, CPU seconds a GB
#   benches/flight/run.sh --rounds 5   a short look
#
# Needs cargo and python3 with venv, and PyPI the first time. A quiet machine: times of a busy one mean little.
set -euo pipefail
cd "$(dirname "$0")/../.."

cache="${XDG_CACHE_HOME:-$HOME/.cache}/ladybug-bench-flight"
mkdir -p "$cache"
if [[ ! -e "$cache/ready" ]]; then
    python3 -m venv --clear "$cache/venv"
    "$cache/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1
    touch "$cache/ready"
fi
cargo build --release --quiet --bin ladybug --example flight_drain
target="$(realpath "${CARGO_TARGET_DIR:-target}/release")"
exec "$cache/venv/bin/python" benches/flight/main.py --binary "$target/ladybug" --drain "$target/examples/flight_drain" "$@"
