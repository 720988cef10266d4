#!/usr/bin/env bash
# Compares Ladybug with the redis-server of this machine, in the same run and at equal durability:
# redis-benchmark's SET and GET, 50 clients, 64-byte values, pipelines of 1 and 16, in alternating pairs.
# Only medians of paired ratios mean anything on a busy machine: identical runs spread by a factor of two.
#
#   benches/redis.sh                    every case (about a quarter of an hour)
#   benches/redis.sh always             one durability: never, everysec, always or none
#   PAIRS=3 SECONDS_A_RUN=0.5 benches/redis.sh    shorter, and noisier
#   TESTS=set PIPELINES=1 benches/redis.sh never  one cell of the table
#
# Durability, Redis on the right:
#   never     --fsync never       --appendonly yes --appendfsync no
#   everysec  --fsync everysec    --appendonly yes --appendfsync everysec
#   always    --fsync always      --appendonly yes --appendfsync always
#   none      --fsync never       --appendonly no      (unequal, so it is reported and not judged)
#
# Prints a line a case: medians of throughput and of p99 latency, and of their ratios. Exits 1 if a judged
# throughput ratio is under 0.95 or a judged p99 ratio over 1.5. docs/benchmarks/redis.md is what it prints:
#
#   OUTPUT=docs/benchmarks/redis.md benches/redis.sh
#
#   OUTPUT        a page to write, too
#   LADYBUG_BIN   the binary; otherwise `cargo build --release` makes it
#   DATA          where both keep their files (default: a new directory under TMPDIR); use a real disk
set -euo pipefail
cd "$(dirname "$0")/.."

pairs=${PAIRS:-11}
run_seconds=${SECONDS_A_RUN:-1.5}
read -ra tests <<<"${TESTS:-set get}"
read -ra pipelines <<<"${PIPELINES:-1 16}"
clients=50 value_bytes=64 keys=20000 samples=200
ratio_min=0.95 p99_ratio_max=1.5
policies=("${@:-never}")
(($#)) || policies=(never everysec always none)

for tool in redis-server redis-benchmark redis-cli awk; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install redis-server redis-tools" >&2; exit 2; }
done
if [[ -z "${LADYBUG_BIN:-}" ]]; then
  cargo build --release --bin ladybug
  LADYBUG_BIN="${CARGO_TARGET_DIR:-target}/release/ladybug"
fi

data=${DATA:-$(mktemp -d)}
mkdir -p "$data"
pids=()
cleanup() {
  ((${#pids[@]})) && kill "${pids[@]}" 2>/dev/null && wait "${pids[@]}" 2>/dev/null
  rm -rf "$data/ladybug" "$data/redis" "$data/results"
  [[ -n "${DATA:-}" ]] || rmdir "$data" 2>/dev/null || true
}
trap cleanup EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# await PORT NAME: waits until the server on PORT answers.
await() {
  local i
  for ((i = 0; i < 200; i++)); do
    [[ "$(redis-cli -p "$1" PING 2>/dev/null)" == PONG ]] && return
    sleep 0.05
  done
  echo "$2 did not start; its log:" >&2
  tail -5 "$data/$2/log" >&2
  exit 2
}

# start POLICY: starts both servers, each with an empty directory.
start() {
  local policy=$1 appendonly=yes appendfsync=$1 fsync=$1
  case "$policy" in
    never) appendfsync=no ;;
    none) appendonly=no appendfsync=no fsync=never ;;
  esac
  rm -rf "$data/ladybug" "$data/redis"
  mkdir -p "$data/ladybug/data" "$data/redis"
  ladybug_port=$(free_port)
  "$LADYBUG_BIN" serve --port "$ladybug_port" --http-port "$(free_port)" --data "$data/ladybug/data" \
    --fsync "$fsync" >"$data/ladybug/log" 2>&1 &
  pids=($!)
  redis_port=$(free_port)
  redis-server --port "$redis_port" --dir "$data/redis" --save '' \
    --appendonly "$appendonly" --appendfsync "$appendfsync" >"$data/redis/log" 2>&1 &
  pids+=($!)
  await "$ladybug_port" ladybug
  await "$redis_port" redis
}

stop() {
  kill "${pids[@]}"
  wait "${pids[@]}" || true
  pids=()
}

# measure PORT TEST PIPELINE REQUESTS: prints "requests-per-second p99-milliseconds".
measure() {
  redis-benchmark -p "$1" -t "$2" -P "$3" -n "$4" -c $clients -d $value_bytes -r $keys --csv 2>/dev/null |
    awk -F, 'NR == 2 { gsub(/"/, ""); print $2, $7 }'
}

# requests PORT TEST PIPELINE: how many requests take about run_seconds, from a short trial.
requests() {
  local trial rps
  trial=$((3000 * $3))
  rps=$(measure "$1" "$2" "$3" $trial | cut -d' ' -f1)
  awk -v rps="$rps" -v s="$run_seconds" -v unit=$((clients * $3)) \
    'BEGIN { n = int(rps * s / unit) * unit; print n < 20 * unit ? 20 * unit : n }'
}

# load PORT: gives every key a value, so that no GET asks for what is not there.
load() {
  awk -v keys=$keys -v bytes=$value_bytes \
    'BEGIN { for (i = 0; i < keys; i++) printf "SET key:%012d %0*d\r\n", i, bytes, i }' | redis-cli -p "$1" --pipe >/dev/null
}

# sampled PORT COMMAND: what COMMAND answers for a sample of the keys.
sampled() {
  local i
  for ((i = 0; i < samples; i++)); do printf "$2 key:%012d\n" $((i * keys / samples)); done | redis-cli -p "$1"
}

# same_answers COMMAND EXPECTED: both must answer the same for the sample, of which EXPECTED lines must come.
same_answers() {
  local ladybug redis
  ladybug=$(sampled "$ladybug_port" "$1") redis=$(sampled "$redis_port" "$1")
  [[ "$ladybug" == "$redis" && $(grep -cE "$2" <<<"$ladybug") == "$samples" ]] ||
    { echo "$1 answers differ, or are not all $2: $(diff <(echo "$ladybug") <(echo "$redis") | head -4)" >&2; return 1; }
  compared=$((compared + samples))
}

median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# column EXPRESSION: the median over the pairs of an expression of rps, p99, redis_rps and redis_p99.
column() {
  awk "{ rps = \$1; p99 = \$2; redis_rps = \$3; redis_p99 = \$4; print $1 }" "$data/results/pairs" | median
}

said="$("$LADYBUG_BIN" --version) against redis-server $(redis-server --version | grep -o 'v=[0-9.]*' | cut -c3-), $(nproc) processors, \
$pairs pairs of ${run_seconds} s, $clients clients, $value_bytes-byte values, $keys keys"
echo "$said"
printf '%-9s %-4s %8s | %12s %12s %6s | %10s %10s %6s\n' \
  fsync test pipeline 'ladybug/s' 'redis/s' ratio 'p99 ms' 'redis p99' ratio

bad=0 compared=0
mkdir -p "$data/results"
: >"$data/results/table"
for policy in "${policies[@]}"; do
  start "$policy"
  load "$ladybug_port"
  load "$redis_port"
  same_answers GET "^[0-9]{$value_bytes}\$"
  for pipeline in "${pipelines[@]}"; do
    for test in "${tests[@]}"; do
      count=$(requests "$redis_port" "$test" "$pipeline")
      rm -f "$data/results/pairs"
      for ((pair = 0; pair < pairs; pair++)); do
        # Whoever comes first may meet a colder machine: take turns.
        if ((pair % 2)); then
          ours=$(measure "$ladybug_port" "$test" "$pipeline" "$count") theirs=$(measure "$redis_port" "$test" "$pipeline" "$count")
        else
          theirs=$(measure "$redis_port" "$test" "$pipeline" "$count") ours=$(measure "$ladybug_port" "$test" "$pipeline" "$count")
        fi
        echo "$ours $theirs" >>"$data/results/pairs"
      done
      ratio=$(column rps/redis_rps) p99_ratio=$(column p99/redis_p99)
      verdict=""
      if [[ "$policy" == none ]]; then
        verdict="(not judged)"
      elif awk "BEGIN { exit !($ratio < $ratio_min || $p99_ratio > $p99_ratio_max) }"; then
        verdict="TOO SLOW"
        bad=$((bad + 1))
      fi
      printf '%-9s %-4s %8d | %12.0f %12.0f %6.2f | %10.3f %10.3f %6.2f %s\n' "$policy" "$test" "$pipeline" \
        "$(column rps)" "$(column redis_rps)" "$ratio" "$(column p99)" "$(column redis_p99)" "$p99_ratio" "$verdict" |
        tee -a "$data/results/table"
    done
  done
  # Which keys a run has written is random on each side; the benchmark's values are as long as those of the load.
  same_answers STRLEN "^$value_bytes\$"
  stop
done

echo "$compared answers compared, all the same"
if [[ -n "${OUTPUT:-}" ]]; then
  {
    echo "# SET and GET, beside Redis"
    echo
    echo "Made by \`benches/redis.sh\`; do not edit. redis-benchmark asks both servers in alternating pairs, at equal durability but in"
    echo "the rows \`none\`, where Redis keeps nothing: those are told, and not judged. Medians of the pairs, and of their ratios: of requests"
    echo "a second more is better, of the latency that one request in a hundred exceeds less. The goals are 0.95 and 1.5."
    echo
    echo "${said^}. $compared answers compared, all the same."
    echo
    echo "| fsync | test | pipeline | ladybug/s | redis/s | ratio | p99 ms | redis p99 ms | ratio |"
    echo "|---|---|--:|--:|--:|--:|--:|--:|--:|"
    awk '{ gsub(/\|/, ""); print "| " $1 " | " $2 " | " $3 " | " $4 " | " $5 " | " $6 " | " $7 " | " $8 " | " $9 " |" }' \
      "$data/results/table"
  } >"$OUTPUT"
fi
if ((bad)); then
  echo "$bad cases under $ratio_min of Redis's throughput or over $p99_ratio_max of its p99 latency"
  exit 1
fi
