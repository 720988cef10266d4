"""FAISS, usearch and Ladybug behind one face: search queries one by one or as a batch, and say how long it took."""

import dataclasses
import json
import os
import subprocess
import time

import faiss
import numpy as np
import usearch
import usearch.index

BITS = 10_240
K = 10
# What a call of the library costs from Python at least, measured on so many fingerprints and taken off.
FEW = 10


@dataclasses.dataclass
class Answer:
    """Nanoseconds, of each query or of the batch, and the rows and distances found for each query."""

    ns: list
    rows: list
    distances: list


class Peer:
    """A library's index: `find(queries)` answers (rows, distances), an array of each."""

    def __init__(self, library, kind, settings, find, few=None, build=None):
        self.library, self.kind, self.settings = library, kind, settings
        self.build = build or {}
        self.find, self.few = find, few
        values = ", ".join(f"{name} {value}" for name, value in settings.items())
        self.name = f"{library} {kind}" + (f" ({values})" if values else "")

    def one_by_one(self, data, machine, first, count):
        machine.apply()
        answer = Answer([], [], [])
        overhead = 0
        if self.few:
            overhead = min(timed(self.few, data.queries[:1])[0] for _ in range(9))
        for query in data.queries[first : first + count]:
            ns, (rows, distances) = timed(self.find, query[None])
            answer.ns.append(max(ns - overhead, 0.0))
            answer.rows.append(rows[0].tolist())
            answer.distances.append(distances[0].astype(int).tolist())
        return answer

    def batch(self, data, machine, first, count):
        machine.apply()
        ns, (rows, distances) = timed(self.find, data.queries[first : first + count])
        return Answer([float(ns)], rows.tolist(), distances.astype(int).tolist())


@dataclasses.dataclass(frozen=True)
class Machine:
    """What may be used: instructions (`avx2`, or `best`), and one thread or all."""

    simd: str
    threads: int

    def apply(self):
        faiss.omp_set_num_threads(self.threads)
        faiss.SIMDConfig.set_level(faiss.SIMDLevel_AVX2 if self.simd == "avx2" else faiss_best())


def faiss_best():
    """The highest level that FAISS has and the processor too. What it picks by itself leaves out VPOPCNTDQ."""
    levels = faiss.SIMDConfig
    counting = faiss.SIMDLevel_AVX512_VPOPCNT
    return counting if levels.is_simd_level_available(counting) else levels.auto_detect_simd_level()


class Ladybug:
    """A Ladybug process for each kind of machine, asked over its standard input."""

    def __init__(self, data, recall, processes):
        self.library, self.build = "Ladybug", {}
        self.kind = "exact" if recall == "exact" else "cascade"
        self.settings = {} if recall == "exact" else {"recall": recall}
        self.recall, self.processes = recall, processes
        self.name = "Ladybug exact" if recall == "exact" else f"Ladybug cascade ({recall})"
        self.data = data

    def one_by_one(self, data, machine, first, count):
        return self.ask("search", machine, first, count)

    def batch(self, data, machine, first, count):
        return self.ask("batch", machine, first, count)

    def ask(self, how, machine, first, count):
        answer = self.processes[machine].ask(f"{how} {self.recall} {first} {count}")
        pairs = answer["found"]
        return Answer(answer["ns"], [[row for row, _ in one] for one in pairs],
                      [[distance for _, distance in one] for one in pairs])


class Process:
    """`search_driver serve`, with the data loaded."""

    def __init__(self, driver, data, machine):
        kernel = [machine.simd] if machine.simd != "best" else []
        environment = os.environ | {"RAYON_NUM_THREADS": str(machine.threads)}
        command = [driver, "serve", *data.paths, *kernel]
        self.child = subprocess.Popen(command, env=environment, text=True, stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)
        self.about = self.read()

    def read(self):
        line = self.child.stdout.readline()
        if not line:
            raise RuntimeError(f"search_driver ended with {self.child.wait()}")
        return json.loads(line)

    def ask(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()
        return self.read()

    def end(self):
        self.child.stdin.close()
        self.child.wait()


def timed(f, *arguments):
    begun = time.perf_counter_ns()
    value = f(*arguments)
    return time.perf_counter_ns() - begun, value


def swapped(found):
    """FAISS answers distances first."""
    distances, rows = found
    return rows, distances


def matched(matches):
    """usearch answers one query's matches as vectors."""
    return np.atleast_2d(matches.keys), np.atleast_2d(matches.distances)


class Builder:
    """Builds the peers' indexes of some data, or reads those built before, with the time that it took: processor
    seconds too, for a busy machine stretches the others."""

    def __init__(self, data, cache):
        self.data, self.directory = data, cache / "indexes" / data.name
        self.directory.mkdir(parents=True, exist_ok=True)

    def kept(self, name, build, write, read):
        path = self.directory / name
        about = path.with_suffix(".json")
        if not about.exists():
            print(f"building {name} of {self.data.name}", flush=True)
            faiss.omp_set_num_threads(os.cpu_count())
            wall, processor = time.perf_counter(), time.process_time()
            index = build()
            times = {"seconds": time.perf_counter() - wall, "processor_seconds": time.process_time() - processor}
            write(index, str(path))
            about.write_text(json.dumps(times))
        return read(str(path)), json.loads(about.read_text())

    def faiss_hnsw(self, m, ef_construction):
        def build():
            index = faiss.IndexBinaryHNSW(BITS, m)
            index.hnsw.efConstruction = ef_construction
            index.add(self.data.stored)
            return index

        name = f"faiss-hnsw-{m}-{ef_construction}"
        return self.kept(name, build, faiss.write_index_binary, faiss.read_index_binary)

    def faiss_ivf(self, nlist):
        def build():
            quantizer = faiss.IndexBinaryFlat(BITS)
            index = faiss.IndexBinaryIVF(quantizer, BITS, nlist)
            # The least that FAISS trains with without a warning.
            index.cp.max_points_per_centroid = 39
            index.cp.niter = 10
            index.train(self.data.stored)
            index.add(self.data.stored)
            return index

        return self.kept(f"faiss-ivf-{nlist}", build, faiss.write_index_binary, faiss.read_index_binary)

    def usearch_hnsw(self, connectivity, expansion_add):
        def empty():
            return usearch.index.Index(ndim=BITS, dtype="b1", metric="hamming", connectivity=connectivity,
                                       expansion_add=expansion_add)

        def build():
            index = empty()
            index.add(np.arange(len(self.data.stored)), self.data.stored)
            return index

        def read(path):
            index = empty()
            index.load(path)
            return index

        name = f"usearch-hnsw-{connectivity}-{expansion_add}"
        return self.kept(name, build, lambda index, path: index.save(path), read)


# (M, efConstruction) and (connectivity, expansion_add); FAISS's defaults are 32 and 40, usearch's 16 and 128.
FAISS_HNSW = [(16, 40), (32, 40)]
USEARCH_HNSW = [(16, 128), (32, 64)]
FAISS_IVF = [128, 512]
EXPANSIONS = [16, 64, 256, 1024]
PROBES = [1, 4, 16, 64]


def exact_peers(data, machine_of):
    """Those that compare with everything. `machine_of()` is the machine in use, for usearch's threads."""
    flat, few = faiss.IndexBinaryFlat(BITS), faiss.IndexBinaryFlat(BITS)
    flat.add(data.stored)
    few.add(data.stored[:FEW])

    def packed(stored):
        def find(queries):
            return matched(usearch.index.search(stored, queries, K, "hamming", exact=True,
                                                threads=machine_of().threads))

        return find

    stored, few_usearch = usearch_plain(data.stored), usearch_plain(data.stored[:FEW])

    def scan(index):
        return lambda queries: matched(index.search(queries, K, exact=True, threads=machine_of().threads))

    return [
        Peer("FAISS", "flat", {}, lambda queries: swapped(flat.search(queries, K)),
             lambda queries: few.search(queries, K)),
        Peer("usearch", "exact", {}, packed(data.stored), packed(data.stored[:FEW])),
        Peer("usearch", "index, exact", {}, scan(stored), scan(few_usearch)),
    ]


def usearch_plain(stored):
    """An index that is only scanned: it is built with the least of edges."""
    index = usearch.index.Index(ndim=BITS, dtype="b1", metric="hamming", connectivity=2, expansion_add=1)
    index.add(np.arange(len(stored)), stored)
    return index


def graph_peers(data, cache, machine_of):
    """Those that look at a part, at several settings."""
    builder = Builder(data, cache)
    peers = []
    few = faiss.IndexBinaryHNSW(BITS, 16)
    few.add(data.stored[:FEW])
    for m, construction in FAISS_HNSW:
        index, build = builder.faiss_hnsw(m, construction)
        for expansion in EXPANSIONS:
            def find(queries, index=index, expansion=expansion):
                index.hnsw.efSearch = expansion
                return swapped(index.search(queries, K))

            settings = {"M": m, "efConstruction": construction, "efSearch": expansion}
            peers.append(Peer("FAISS", "HNSW", settings, find, lambda queries: few.search(queries, K), build))
    for nlist in FAISS_IVF:
        index, build = builder.faiss_ivf(nlist)
        for probes in PROBES:
            def find(queries, index=index, probes=probes):
                index.nprobe = probes
                return swapped(index.search(queries, K))

            settings = {"nlist": nlist, "nprobe": probes}
            peers.append(Peer("FAISS", "IVF", settings, find, lambda queries: few.search(queries, K), build))
    few_usearch = usearch_plain(data.stored[:FEW])
    for connectivity, construction in USEARCH_HNSW:
        index, build = builder.usearch_hnsw(connectivity, construction)
        for expansion in EXPANSIONS:
            def find(queries, index=index, expansion=expansion):
                index.expansion_search = expansion
                return matched(index.search(queries, K, threads=machine_of().threads))

            settings = {"connectivity": connectivity, "expansion_add": construction, "expansion_search": expansion}
            peers.append(Peer("usearch", "HNSW", settings, find,
                              lambda queries: few_usearch.search(queries, K, threads=machine_of().threads), build))
    return peers


def versions():
    Machine("best", 1).apply()
    return {
        "faiss-cpu": faiss.__version__,
        "FAISS's best instructions": faiss.SIMDConfig.get_level_name(),
        "usearch": usearch.__version__,
        "usearch's instructions": usearch_plain(np.zeros((1, BITS // 8), np.uint8)).hardware_acceleration,
        "numpy": np.__version__,
    }
