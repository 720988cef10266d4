"""The command line of run.sh: loads the graph into each contender, compares what they answer, then how long it takes."""

import argparse
import pathlib
import platform
import random
import statistics
import sys
import tempfile
import time

import contenders
import report

SEED = 7
# Round trips without a question, in each round.
PINGS = 100


def main():
    parser = argparse.ArgumentParser(prog="benches/graph/run.sh")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of every question, in turn; medians are told")
    parser.add_argument("--names", type=int, default=20, help="packages that are asked about in a round")
    parser.add_argument("--creates", type=int, default=10_000, help="nodes and edges that are made one by one")
    parser.add_argument("--only", nargs="+", default=["kuzu", "falkordb", "networkx"], help="which others to compare with")
    parser.add_argument("--output", default="docs/benchmarks/graph.md", help="the page to write, - to print it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ladybug-graph-") as temporary:
        found = compare(pathlib.Path(temporary), options)
    page = report.page(found)
    if options.output == "-":
        sys.stdout.write(page)
    else:
        pathlib.Path(options.output).write_text(page)


def compare(directory, options):
    ladybug = contenders.Ladybug(directory)
    nodes, edges = ladybug.graph()
    assert len(set(edges)) == len(edges), "an edge comes twice"
    others = {"kuzu": contenders.Kuzu, "falkordb": contenders.FalkorDB, "networkx": contenders.NetworkX}
    all_of_them = [ladybug, *(others[name](directory, nodes, edges) for name in options.only)]
    try:
        return measure(all_of_them, nodes, edges, options)
    finally:
        for contender in all_of_them:
            contender.stop()


def questions(nodes, edges, names):
    """What is asked: a title, how often a round asks, and what to ask a contender the n-th time."""
    choose = random.Random(SEED)
    sources = sorted({a for a, _ in edges})
    targets = sorted({b for _, b in edges})
    chosen = choose.sample(sources, names)
    pairs = [(a, choose.choice(targets)) for a in chosen]
    everyone = [name for name, _ in choose.sample(nodes, names)]
    return [
        ("neighbourhood, 1 hop", names, lambda one, n: one.hops(chosen[n], 1)),
        ("neighbourhood, 2 hops", names, lambda one, n: one.hops(chosen[n], 2)),
        ("neighbourhood, 3 hops", names, lambda one, n: one.hops(chosen[n], 3)),
        ("all that is reachable", names, lambda one, n: one.reach(chosen[n])),
        ("shortest path", names, lambda one, n: one.shortest(*pairs[n])),
        ("triangles", 1, lambda one, _: one.triangles()),
        ("dependencies by section", 1, lambda one, _: one.degrees()),
        ("lookup by name", names, lambda one, n: one.lookup(everyone[n])),
    ]


def measure(all_of_them, nodes, edges, options):
    asked = questions(nodes, edges, options.names)
    for title, count, ask in asked:
        for n in range(count):
            answers = {one.name: ask(one, n) for one in all_of_them}
            first = answers["ladybug"]
            assert all(answer == first for answer in answers.values()), f"{title}, {n}: {answers}"
    ladybug = all_of_them[0]
    times = {title: {one.name: [] for one in all_of_them} for title, _, _ in asked}
    inside = {title: [] for title, _, _ in asked}
    pings = []
    for _ in range(options.rounds):
        pings += [timed(ladybug.client.ping) for _ in range(PINGS)]
        for title, count, ask in asked:
            for one in all_of_them:
                start, before = time.perf_counter(), ladybug.inside
                for n in range(count):
                    ask(one, n)
                times[title][one.name].append((time.perf_counter() - start) / count)
                if one is ladybug:
                    inside[title].append((ladybug.inside - before) / count)
    reads = {title: {name: statistics.median(of) for name, of in by.items()} for title, by in times.items()}
    return {
        "processor": processor(),
        "rounds": options.rounds,
        "nodes": len(nodes),
        "edges": len(edges),
        "contenders": [(one.name, one.version, one.durability) for one in all_of_them],
        "reads": reads,
        "ping": statistics.median(pings),
        "inside": {title: statistics.median(of) for title, of in inside.items()},
        "writes": writes(all_of_them, options.creates),
        "creates": options.creates,
    }


def timed(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def writes(all_of_them, count):
    choose = random.Random(SEED)
    pairs = [(choose.randrange(count), choose.randrange(count)) for _ in range(4 * count)]
    pairs = list(dict.fromkeys(pairs))[:count]
    titles = {"single-node creates": {}, "edge creates": {}}
    for one in all_of_them:
        start = time.perf_counter()
        for i in range(count):
            one.create_node(i)
        titles["single-node creates"][one.name] = (time.perf_counter() - start) / count
    for one in all_of_them:
        start = time.perf_counter()
        for a, b in pairs:
            one.create_edge(a, b)
        titles["edge creates"][one.name] = (time.perf_counter() - start) / count
    for one in all_of_them:
        assert one.created() == (count, count), f"{one.name}: {one.created()}"
    return titles


def processor():
    names = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return f"{len(names)} × {names[0]}" if names else platform.processor()


main()
