"""Growth: a query over 1 to 64 full spaces searched together, on one thread and on all."""

import csv
import io
import os
import subprocess

import report

COLOURS = {"stream": "grey", "exact": "C0", "cascade_0.999": "crimson"}


def run(options, driver):
    """Writes `search-growth.csv` and a plot of nanoseconds a fingerprint."""
    lines = []
    for threads in sorted({1, os.cpu_count()}):
        environment = os.environ | {"RAYON_NUM_THREADS": str(threads)}
        command = [driver, "grow", str(options.spaces), str(options.rounds)]
        print(f"growth to {options.spaces} spaces, {threads} threads", flush=True)
        # At the end of its input the driver begins to measure.
        ends = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        output = subprocess.run(command, env=environment, text=True, check=True, **ends).stdout
        lines += [{"threads": str(threads)} | line for line in csv.DictReader(io.StringIO(output))]
    with (options.output / "search-growth.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, lines[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    plot(lines, options.output / "search-growth.svg")


def plot(lines, path):
    figure, axes = report.plt.subplots(figsize=(8, 4.5))
    curves = {}
    for line in lines:
        point = int(line["fingerprints"]), float(line["ns_per_fingerprint"])
        curves.setdefault((line["what"], line["threads"]), []).append(point)
    for (what, threads), points in curves.items():
        axes.plot(*zip(*sorted(points)), marker="o", color=COLOURS[what], linestyle="-" if threads == "1" else "--",
                  label=f"{what.replace('_', ' at ')}, {threads} thread{'s' * (threads != '1')}")
    axes.set(xscale="log", yscale="log", xlabel="fingerprints searched", ylabel="ns a fingerprint",
             title="A query over 1 to 64 full spaces: medians")
    axes.grid(True, which="both", alpha=0.3)
    axes.legend(fontsize=7)
    report.save(figure, path)
