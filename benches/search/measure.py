"""Runs every contender on the same queries: first whether the answers are right, then, in rounds, how long they take."""

import os
import random

import faiss
import numpy as np
from contenders import K, Ladybug, Machine, Process, exact_peers, graph_peers

BATCH = 64
QUERIES_TIMED = 63  # one by one: seven at each planted distance, and but for one those of a batch
QUICK_NS = 1e6  # Whoever answers a query in this time is visited oftener: one visit of some milliseconds would be noise.
QUICK_VISITS = 8
RECALLS = "exact 0.01 0.03 0.06 0.1 0.12 0.15 0.18 0.22 0.3 0.4 0.5 0.8 0.9 0.99 0.999".split()


def machines():
    return [Machine(simd, threads) for simd in ("avx2", "best") for threads in (1, os.cpu_count())]


def measure(data, cache, driver, rounds, graphs):
    """All results of one data set, as JSON would hold them. Without `graphs`, only what is exact, and Ladybug."""
    used = machines()
    current = {"machine": used[0]}

    def machine_of():
        return current["machine"]

    peers = exact_peers(data, machine_of)
    partial = graph_peers(data, cache, machine_of) if graphs else []
    processes = {machine: Process(driver, data, machine) for machine in used}
    peers += [Ladybug(data, recall, processes) for recall in RECALLS]
    results = {
        "data": data.name,
        "groups": data.groups[:QUERIES_TIMED],
        "kernels": {machine.simd: processes[machine].about["kernel"] for machine in used},
        "contenders": verified(data, partial + peers, machine_of),
        "machines": [],
    }
    for machine in used:
        current["machine"] = machine
        # usearch always runs with the best instructions, so graphs and lists are compared with those, too.
        contenders = partial + peers if machine.simd == "avx2" or machine.threads == 1 else peers
        results["machines"].append(timed_rounds(data, contenders, machine, processes[machine], rounds))
    for process in processes.values():
        process.end()
    return results


def verified(data, contenders, machine_of):
    """Recall of each contender, after checking that what it says is so. Exact ones must agree to the bit: on
    distances, for where several lie equally far the choice among them is free."""
    machine = machine_of()
    count = len(data.queries)
    truth, found = None, []
    for contender in sorted(contenders, key=lambda contender: contender.name != "FAISS flat"):
        faiss.cvar.hnsw_stats.reset()
        rows, distances = [], []
        for first in range(0, count, BATCH):
            answer = contender.batch(data, machine, first, min(BATCH, count - first))
            rows += answer.rows
            distances += answer.distances
        for query, (ours, theirs) in enumerate(zip(rows, distances)):
            # Some find fewer than were asked for.
            ours = [row for row in ours if 0 <= row < len(data.stored)]
            theirs = theirs[: len(ours)]
            if len(set(ours)) != len(ours) or data.distances(query, ours).tolist() != theirs:
                raise SystemExit(f"{contender.name} answers query {query} of {data.name} wrongly: {ours} at {theirs}")
            rows[query], distances[query] = ours, theirs
        if contender.name == "FAISS flat":
            truth = distances
        if contender.kind in ("flat", "exact", "index, exact") and distances != truth:
            wrong = next(query for query in range(count) if distances[query] != truth[query])
            raise SystemExit(f"{contender.name} differs from FAISS flat at query {wrong} of {data.name}: "
                             f"{distances[wrong]}, {truth[wrong]}")
        right = [sum(distance <= exact[K - 1] for distance in near) / K for near, exact in zip(distances, truth)]
        one = {
            "name": contender.name,
            "library": contender.library,
            "kind": contender.kind,
            "settings": contender.settings,
            "build": contender.build,
            "recall": float(np.mean(right)),
            "recall_least": float(np.min(right)),
        }
        compared = faiss.cvar.hnsw_stats.ndis / count
        if compared:
            one["compared"] = compared
        found.append(one)
        print(f"{data.name}: {contender.name}: recall {one['recall']:.4f}", flush=True)
    return found


def timed_rounds(data, contenders, machine, process, rounds):
    """Times of each contender on one machine. A round visits all of them in another order, the quick ones several times, of
    which the median counts; the first round warms up and does not count."""
    single = {contender.name: [] for contender in contenders}
    batch = {contender.name: [] for contender in contenders}
    gains = {contender.name: [] for contender in contenders}
    stream, pair = [], []
    visits = list(contenders)
    for round_ in range(rounds + 1):
        random.Random(round_).shuffle(visits)
        one = {contender.name: [] for contender in contenders}
        all_ = {contender.name: [] for contender in contenders}
        for contender in visits:
            singles = contender.one_by_one(data, machine, 0, QUERIES_TIMED).ns
            whole = contender.batch(data, machine, 0, BATCH).ns[0]
            one[contender.name].append(singles)
            all_[contender.name].append(whole)
            read = process.ask("stream")["ns"][0]
            if round_ > 0:
                gains[contender.name].append(round(float(np.mean(singles) / (whole / BATCH)), 3))
                stream.append(read)
        if round_ > 0:
            pair.append(process.ask("pair")["ns"][0])
            for name in single:
                single[name].append(np.median(one[name], axis=0))
                batch[name].append(float(np.median(all_[name])))
        else:
            quick = [contender for contender in contenders if np.median(one[contender.name]) <= QUICK_NS]
            visits += quick * (QUICK_VISITS - 1)
        print(f"{data.name}: {machine.simd}, {machine.threads} threads: round {round_} of {rounds}", flush=True)
    return {
        "simd": machine.simd,
        "threads": machine.threads,
        "stream_ns": float(np.median(stream)),
        "pair_ns": float(np.median(pair)),
        "contenders": {
            contender.name: {
                # Of each query, over the rounds.
                "query_ns": np.median(single[contender.name], axis=0).tolist(),
                # Of each round, over the queries.
                "round_ns": np.median(single[contender.name], axis=1).tolist(),
                "batch_ns": batch[contender.name],
                # Of each visit, queries a second of the batch over those of the single ones just before it.
                "batch_gains": gains[contender.name],
            }
            for contender in contenders
        },
    }
