"""The results as Markdown and as plots."""

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams["svg.hashsalt"] = "ladybug"

import matplotlib.pyplot as plt
import numpy as np

BYTES = 1_280
SKETCH_BYTES = 64
BATCH = 64
CANDIDATES = 65_536
# Peers of at least these recalls are set against Ladybug one by one.
RIVALS = [0.95, 0.9, 0.8, 0.0]
TITLES = {
    "planted": "Planted: random, the ten nearest of a query all at 5, 10, … or 45 %",
    "spread": "Spread: random, the ten nearest of a query from 5 to 45 %",
    "debian": "Debian: descriptions of packages",
}


class Results:
    """One data set on one machine."""

    def __init__(self, data, machine):
        self.data, self.machine = data, machine
        self.about = {one["name"]: one for one in data["contenders"]}
        self.times = machine["contenders"]

    def single(self, name):
        """Nanoseconds of the median query."""
        return float(np.median(self.times[name]["query_ns"]))

    def mean(self, name):
        """Nanoseconds of a query on average, of which queries a second follow."""
        return float(np.mean(self.times[name]["query_ns"]))

    def batch(self, name):
        """Nanoseconds of a query in a batch."""
        return float(np.median(self.times[name]["batch_ns"])) / BATCH

    def ratio(self, slow, fast):
        """How many times faster, the median of rounds."""
        slow, fast = (np.array(self.times[name]["round_ns"]) for name in (slow, fast))
        return float(np.median(slow / fast))

    def batch_gain(self, name):
        """Queries a second in batches over those one by one, the median of visits."""
        return float(np.median(self.times[name]["batch_gains"]))

    def share(self, name):
        """Bytes read as a share of what a read-only stream reads in that time; `None` if nobody counted."""
        about = self.about[name]
        if about["kind"] in ("flat", "exact", "index, exact"):
            compared = CANDIDATES
        elif about["kind"] == "IVF":
            settings = about["settings"]
            compared = settings["nlist"] + settings["nprobe"] / settings["nlist"] * CANDIDATES
        elif about["kind"] == "cascade":
            # The sketches, which it always reads, and nothing else.
            compared = CANDIDATES * SKETCH_BYTES / BYTES
        else:
            compared = about.get("compared")
        if compared is None:
            return None
        return compared / CANDIDATES * self.machine["stream_ns"] / self.mean(name)

    def by_group(self, name):
        groups = {}
        for group, ns in zip(self.data["groups"], self.times[name]["query_ns"]):
            groups.setdefault(group, []).append(ns)
        return {group: float(np.median(ns)) for group, ns in groups.items()}


def write(results, output):
    lines = [
        "# Search, beside FAISS and usearch",
        "",
        "Written by `benches/search/run.sh peers`; [`README.md`](README.md) says how to read it, and",
        "[`search.json`](search.json) has every number.",
        "",
        f"Processor: {results['processor']}. "
        + ", ".join(f"{name} {version}" for name, version in results["versions"].items()) + ".",
        "",
        *goals(results),
    ]
    for data in results["data"]:
        lines += [f"## {TITLES[data['data']]}", ""]
        plotted = f"search-{data['data']}.svg"
        every = [Results(data, machine) for machine in data["machines"]]
        plot(every[0], output / plotted)
        lines += [f"![Time against recall]({plotted})", ""]
        lines += distances(every[0])
        for one in every:
            lines += table(one)
    (output / "search.md").write_text("\n".join(lines).rstrip() + "\n")


def goals(results):
    """What must hold with AVX2, one thread, one query at a time."""
    lines = ["## Goals: AVX2, one thread", "", "| what | measured | goal | |", "|---|---|---|---|"]

    def line(what, measured, goal, is_met, unit=""):
        lines.append(f"| {what} | {measured:.2f}{unit} | {goal}{unit} | {'met' if is_met else '**missed**'} |")

    at_least = {"planted": 45, "debian": 10}
    for data in results["data"]:
        one = Results(data, data["machines"][0])
        name, cascade = data["data"], "Ladybug cascade (0.999)"
        stream = one.single("Ladybug exact") / one.machine["stream_ns"]
        line(f"{name}: exact over a read-only stream of the same bytes", stream, "≤ 1.15", stream <= 1.15)
        flat = one.ratio("FAISS flat", "Ladybug exact")
        line(f"{name}: exact, times faster than FAISS flat", flat, "≥ 1.8", flat >= 1.8)
        times = one.ratio("FAISS flat", cascade)
        if name in at_least:
            line(f"{name}: cascade at 0.999, times faster than FAISS flat", times, f"≥ {at_least[name]}",
                 times >= at_least[name])
            for recall in RIVALS:
                least, peer, ours = rivals(one, recall)
                line(f"{name}: {ours}, times faster than any peer of recall {recall} up to its own; closest is {peer}",
                     least, "> 1", least > 1)
        for what, goal in ("Ladybug exact", 2.0), (cascade, 1.3):
            gain = one.batch_gain(what)
            line(f"{name}: {what}, queries a second in batches of {BATCH} over single ones", gain, f"≥ {goal}", gain >= goal)
    pair = float(np.median([data["machines"][0]["pair_ns"] for data in results["data"]]))
    line("a pair in cache", pair, "< 25", pair < 25, " ns")
    return lines + [""]


def rivals(one, recall):
    """Each graph and list of at least this recall, against the fastest of Ladybug's settings that finds as much: the
    closest call."""
    calls = []
    for name, about in one.about.items():
        if about["kind"] in ("HNSW", "IVF") and about["recall"] >= recall and name in one.times:
            ours = [mine for mine, other in one.about.items()
                    if other["library"] == "Ladybug" and other["recall"] >= about["recall"]]
            fastest = min(ours, key=one.single)
            calls.append((one.single(name) / one.single(fastest), f"{name}: {about['recall']:.3f}", fastest))
    return min(calls, default=(float("inf"), "none reaches it", "Ladybug"))


def distances(one):
    """Medians by the kind of query, where there are several."""
    names = [name for name, about in one.about.items() if about["library"] == "Ladybug"] + ["FAISS flat"]
    groups = list(one.by_group(names[0]))
    if len(groups) < 2:
        return []
    lines = [f"Microseconds a query by its kind, {machine_title(one)}:", "",
             "| | " + " | ".join(groups) + " |", "|---|" + "---|" * len(groups)]
    for name in names:
        each = one.by_group(name)
        lines.append(f"| {name} | " + " | ".join(f"{each[group] / 1e3:.0f}" for group in groups) + " |")
    return lines + [""]


def machine_title(one):
    simd, threads = one.machine["simd"], one.machine["threads"]
    kernel = one.data["kernels"][simd]
    title = "AVX2" if simd == "avx2" else f"best instructions (Ladybug's kernel: {kernel})"
    return f"{title}, {'one thread' if threads == 1 else f'{threads} threads'}"


def table(one):
    title = machine_title(one)
    lines = [
        f"### {title[0].upper()}{title[1:]}",
        "",
        f"A read-only stream of the fingerprints takes {one.machine['stream_ns'] / 1e3:.0f} µs, "
        f"{one.machine['stream_ns'] / CANDIDATES:.1f} ns each.",
        "",
        "| | recall@10 | median query, µs | ns a candidate | queries a second | in batches of 64 | bandwidth used | build, s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, about in one.about.items():
        if name not in one.times:
            continue
        share = one.share(name)
        build = about["build"].get("processor_seconds")
        cells = [
            f"**{name}**" if about["library"] == "Ladybug" else name,
            f"{about['recall']:.4f}",
            f"{one.single(name) / 1e3:.0f}",
            f"{one.single(name) / CANDIDATES:.2f}",
            f"{1e9 / one.mean(name):.0f}",
            f"{1e9 / one.batch(name):.0f}",
            f"{share:.0%}" if share is not None else "",
            f"{build:.0f}" if build else "",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines + [""]


def plot(one, path):
    figure, axes = plt.subplots(figsize=(8, 5))
    curves = {}
    for name, about in one.about.items():
        fixed = {key: value for key, value in about["settings"].items() if key not in CHANGING}
        curve = f"{about['library']} {about['kind']}" + "".join(f", {key} {value}" for key, value in fixed.items())
        curves.setdefault(curve, []).append((about["recall"], one.single(name) / 1e3))
    for number, (curve, points) in enumerate(curves.items()):
        recall, microseconds = zip(*sorted(points))
        is_ours = curve.startswith("Ladybug")
        axes.plot(recall, microseconds, label=curve, color="crimson" if is_ours else f"C{number}",
                  marker="D" if is_ours else "os^v<>"[number % 6], markersize=7 if is_ours else 5,
                  linewidth=2 if is_ours else 1, zorder=3 if is_ours else 2)
    axes.axhline(one.machine["stream_ns"] / 1e3, color="grey", linestyle=":", label="reading every fingerprint once")
    axes.set(yscale="log", xlabel="recall@10", ylabel="median query, µs", title=f"{TITLES[one.data['data']]}\n{machine_title(one)}")
    axes.grid(True, which="both", alpha=0.3)
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    save(figure, path)


# Settings that change along a curve.
CHANGING = {"efSearch", "nprobe", "expansion_search", "recall"}


def save(figure, path):
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
