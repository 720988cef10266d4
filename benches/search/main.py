"""The command line of run.sh."""

import argparse
import json
import os
import pathlib
import platform

import contenders
import data as datasets
import growth
import measure
import report
import wire

DATA = ["planted", "spread", "debian"]


def main():
    parser = argparse.ArgumentParser(prog="benches/search/run.sh")
    parser.add_argument("what", nargs="?", default="all", choices=["all", "peers", "wire", "growth"])
    parser.add_argument("--rounds", type=int, default=5, help="rounds of everything, after one to warm up")
    parser.add_argument("--data", nargs="+", choices=DATA, default=DATA, help="which data peers are compared on")
    parser.add_argument("--spaces", type=int, default=64, help="how far growth goes (90 MB of memory each)")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("docs/benchmarks"))
    parser.add_argument("--build", action="store_true", help="only make the data and the peers' indexes")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    examples = pathlib.Path(os.environ["LADYBUG_EXAMPLES"])
    driver, encoder = examples / "search_driver", examples / "encode_text"
    cache = datasets.cache_directory(os.environ)

    if options.what in ("all", "peers"):
        peers(options, cache, driver, encoder)
    if options.what in ("all", "wire"):
        wire.run(options, cache, driver, encoder)
    if options.what in ("all", "growth"):
        growth.run(options, driver)


def peers(options, cache, driver, encoder):
    results = {"versions": contenders.versions(), "processor": processor(), "data": []}
    for name in options.data:
        data = datasets.load(name, cache, driver, encoder)
        # Where neighbours lie at many distances, graphs and lists fare as where they lie at one.
        graphs = name != "spread"
        if options.build:
            if graphs:
                contenders.graph_peers(data, cache, lambda: measure.machines()[0])
            continue
        results["data"].append(measure.measure(data, cache, driver, options.rounds, graphs))
    if not options.build:
        (options.output / "search.json").write_text(json.dumps(results, indent=1) + "\n")
        report.write(results, options.output)


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return f"{line.split(': ')[1]}, {os.cpu_count()} cores"
    return platform.processor()


if __name__ == "__main__":
    main()
