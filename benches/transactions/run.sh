#!/usr/bin/env bash
# Compares Ladybug's durable transactions with those of Redis, PostgreSQL and SQLite, and with the disk: same run, same
# transfer between two accounts, results before times. Writes docs/benchmarks/transactions.md.
#
#   benches/transactions/run.sh                          everything (about five minutes)
#   benches/transactions/run.sh --rounds 3 --seconds 1 --output -    a look, printed (a minute)
#   benches/transactions/run.sh --help                   the options
#
# Needs cargo, a C compiler, pkg-config, and Debian's redis-server, postgresql, libsqlite3-dev. It starts servers of its
# own in a temporary directory, PostgreSQL as "nobody" if root runs this. The directory (TMPDIR) must be on a real
# disk. A quiet machine: times of a busy one mean little.
#
#   LADYBUG_BIN   the server; otherwise `cargo build --release` makes it
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
if [[ -z "${LADYBUG_BIN:-}" ]]; then
  cargo build --release --quiet --bin ladybug
  LADYBUG_BIN="$(realpath "$target/release/ladybug")"
fi
export LADYBUG_BIN
cargo build --release --quiet --locked --manifest-path benches/transactions/Cargo.toml --target-dir "$target"
exec "$target/release/ladybug-bench-transactions" "$@"
