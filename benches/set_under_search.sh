#!/usr/bin/env bash
# What continuous searches leave of SET's rate: redis-benchmark's SET, 50 clients, 64-byte values, pipelined
# by 16, over a full node zone, alone and beside clients that search without a pause, in alternating
# pairs. Only medians of paired ratios mean anything on a busy machine.
#
#   benches/set_under_search.sh             with 1 and with 4 searching clients
#   PAIRS=3 SECONDS_A_RUN=1 benches/set_under_search.sh 1
#
# Prints a line a number of searching clients: both rates, their ratio, and the searches a second beside it.
# Exits 1 if a ratio is under 0.5.
#
#   LADYBUG_BIN   the binary; otherwise `cargo build --release` makes it
set -euo pipefail
cd "$(dirname "$0")/.."

pairs=${PAIRS:-11}
run_seconds=${SECONDS_A_RUN:-1.5}
ratio_min=0.5 nodes=32768
searchers=("$@")
(($#)) || searchers=(1 4)

for tool in redis-benchmark redis-cli awk; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install redis-tools" >&2; exit 2; }
done
if [[ -z "${LADYBUG_BIN:-}" ]]; then
  cargo build --release --bin ladybug
  LADYBUG_BIN="${CARGO_TARGET_DIR:-target}/release/ladybug"
fi

data=$(mktemp -d)
server="" searching=""
cleanup() {
  [[ -z "$searching" ]] || kill "$searching" 2>/dev/null || true
  if [[ -n "$server" ]]; then
    if kill "$server"; then wait "$server" || true; fi
  fi
  rm -rf "$data"
}
trap cleanup EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free_port)
"$LADYBUG_BIN" serve --port "$port" --http-port "$(free_port)" --data "$data/memory" --fsync everysec \
  >"$data/log" 2>&1 &
server=$!
for ((i = 0; i < 200; i++)); do
  [[ "$(redis-cli -p "$port" PING 2>/dev/null)" == PONG ]] && break
  sleep 0.05
done

# set_rate REQUESTS: SETs a second.
set_rate() {
  redis-benchmark -p "$port" -t set -P 16 -n "$1" -c 50 -d 64 -r $nodes --csv 2>/dev/null |
    awk -F, 'NR == 2 { gsub(/"/, ""); print $2 }'
}

searches() { redis-cli -p "$port" INFO commandstats | awk -F'[=,]' '/^cmdstat_resonate/ { print $2 }'; }

median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
column() { awk "{ alone = \$1; beside = \$2; searches = \$3; print $1 }" "$data/pairs" | median; }

# Fills the zone, and encodes all of it.
for ((i = 0; i < nodes; i++)); do printf 'SET key:%012d "value number %d of a full node zone"\n' $i $i; done |
  redis-cli -p "$port" --pipe >/dev/null
redis-cli -p "$port" RESONATE "value number 7" K 10 >/dev/null
requests=$(set_rate 200000 | awk -v s="$run_seconds" '{ n = int($1 * s / 800) * 800; print n < 16000 ? 16000 : n }')

echo "$("$LADYBUG_BIN" --version), $(nproc) processors, $pairs pairs of ${run_seconds} s"
printf '%10s | %12s %12s %6s | %12s\n' searchers 'SET/s alone' 'beside them' ratio 'searches/s'
bad=0
for clients in "${searchers[@]}"; do
  rm -f "$data/pairs"
  for ((pair = 0; pair < pairs; pair++)); do
    alone=$(set_rate "$requests")
    redis-benchmark -p "$port" -c "$clients" -n 100000000 -q RESONATE "value number 7" K 10 >/dev/null 2>&1 &
    searching=$!
    before=$(searches) began=$(date +%s.%N)
    beside=$(set_rate "$requests")
    after=$(searches) ended=$(date +%s.%N)
    kill "$searching"
    wait "$searching" 2>/dev/null || true
    searching=""
    awk -v a="$alone" -v b="$beside" -v s="$after" -v t="$before" -v from="$began" -v to="$ended" \
      'BEGIN { print a, b, (s - t) / (to - from) }' >>"$data/pairs"
  done
  ratio=$(column beside/alone) verdict=""
  if awk "BEGIN { exit !($ratio < $ratio_min) }"; then
    verdict="TOO SLOW"
    bad=$((bad + 1))
  fi
  printf '%10d | %12.0f %12.0f %6.2f | %12.1f %s\n' "$clients" "$(column alone)" "$(column beside)" "$ratio" \
    "$(column searches)" "$verdict"
done
((bad == 0))
