#!/usr/bin/env bash
# Runs every test, from unit tests to real clients, and ends with one line: N passed, N failed.
#
#   ./test.sh              everything
#   ./test.sh rust         one stage: rust, minimal, model or clients
#   ./test.sh hset         every test whose name contains "hset", in the default build and the clients
#
# Stages:
#   rust     unit, integration and doc tests with the default features
#   minimal  the same without features: no SIMD kernels, no threads
#   model    what several locks or none are between, under every schedule that the model checker tries
#   clients  tests/python: redis-py, redis-cli, a differential run against redis-server,
#            the README's session, the container files (see tests/python/README.md)
#
# Needs Rust, a C compiler, python3 with venv, redis-server, redis-tools, shellcheck, and for the kernels of other
# processors the packages and the emulator that tests/python/README.md names; `.ci/run` installs packages on Debian.
set -uo pipefail
cd "$(dirname "$0")" || exit 1

stages=(rust minimal model clients)
filter=""
case "${1:-}" in
  "") ;;
  rust | minimal | model | clients) stages=("$1") ;;
  -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
  *) stages=(rust clients); filter="$1" ;;
esac

passed=0 failed=0 summary=()
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT

# count STAGE PASSED FAILED STATUS: adds a stage's real counts; a stage that failed without
# counting a failed test (it did not compile, say) is one failure of its own.
count() {
  local stage=$1 ok=$2 bad=$3 status=$4
  ((status != 0 && bad == 0)) && bad=1
  passed=$((passed + ok)) failed=$((failed + bad))
  summary+=("$(printf '%-8s %5d passed, %d failed' "$stage" "$ok" "$bad")")
}

# cargo_stage STAGE ARGS...: runs `cargo test ARGS`, and adds up its "test result:" lines.
cargo_stage() {
  local stage=$1; shift
  echo "== $stage: cargo test $*"
  cargo test "$@" 2>&1 | tee "$log/$stage"
  local status=${PIPESTATUS[0]}
  local counts
  counts=$(awk '/^test result:/ { ok += $4; bad += $6 } END { print ok + 0, bad + 0 }' "$log/$stage")
  count "$stage" "${counts% *}" "${counts#* }" "$status"
}

# clients_stage: the Python tests, in an environment kept under ~/.cache and named after its requirements.
clients_stage() {
  echo "== clients: pytest tests/python"
  local tool
  for tool in redis-server redis-cli python3 shellcheck; do
    command -v "$tool" >/dev/null && continue
    echo "$tool is missing: apt-get install redis-server redis-tools python3-venv shellcheck" >&2
    count clients 0 1 1
    return
  done
  local requirements=tests/python/requirements.txt venv
  venv="$HOME/.cache/ladybug-venv-$(cat $requirements <(python3 -VV) | sha256sum | cut -c1-12)"
  if [[ ! -e "$venv/ready" ]]; then
    { python3 -m venv --clear "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check -r "$requirements" &&
      touch "$venv/ready"; } || { count clients 0 1 1; return; }
  fi
  cargo build --bin ladybug || { count clients 0 1 1; return; }
  LADYBUG_BIN="$(realpath "${CARGO_TARGET_DIR:-target}")/debug/ladybug" \
    "$venv/bin/python" -m pytest tests/python -p no:cacheprovider -q -k "$filter" \
    --junitxml "$log/clients.xml" 2>&1 | tee "$log/clients"
  local status=${PIPESTATUS[0]} counts
  ((status == 5)) && status=0 # no test matched the filter
  counts=$(python3 - "$log/clients.xml" <<'PYTHON'
import sys, xml.etree.ElementTree as tree
try:
    suites = list(tree.parse(sys.argv[1]).getroot().iter("testsuite"))
except OSError:
    suites = []
total, bad, skipped = (sum(int(s.get(k, 0)) for s in suites for k in keys)
                       for keys in (("tests",), ("failures", "errors"), ("skipped",)))
print(total - bad - skipped, bad)
PYTHON
  )
  count clients "${counts% *}" "${counts#* }" "$status"
}

for stage in "${stages[@]}"; do
  case "$stage" in
    rust) cargo_stage rust --workspace --features simd,parallel --no-fail-fast ${filter:+"$filter"} ;;
    minimal) cargo_stage minimal --workspace --no-default-features --no-fail-fast ;;
    model) RUSTFLAGS="${RUSTFLAGS:-} --cfg shuttle" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/shuttle" \
      cargo_stage model -p ladybug-engine --lib --no-fail-fast model_of ;;
    clients) clients_stage ;;
  esac
done

echo
printf '%s\n' "${summary[@]}"
echo
if ((passed + failed == 0)); then
  echo "no test matches '$filter'" >&2
  failed=1
fi
echo "$passed passed, $failed failed"
((failed == 0))
