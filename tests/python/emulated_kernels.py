"""Runs the AVX-512 kernels on an emulated processor and compares every result with Python's own.

Started by `test_kernels.py` with the emulator's Python, where `emulate` is importable:
`emulated_kernels.py KERNELS.elf [SEED]`. Prints how many results were compared; exits with 1 on the
first that is wrong.
"""

import random
import sys
from itertools import pairwise, product

from emulate import Machine

WORDS, SKETCH_WORDS, LAYER_WORDS, QUARTER = 160, 8, 2, 40
BITS = WORDS * 64
TABLES = ("avx512", "avx512vpopcnt")

# Where arguments lie on the machine.
PLACES = QUERIES, BOUNDS, RUN, DISTANCES = 0x200000, 0x300000, 0x400000, 0x500000
PLACE_BYTES = 0x10000
GUARD = b"\xa5" * 64

compared = 0


def writable(machine):
    """The emulator maps what was written before, and read-only: with write protection off (CR0.WP) the kernels may write."""
    machine._state.cr0 = int(machine._state.cr0) & ~(1 << 16)
    for place in PLACES:
        machine.write(place, bytes(PLACE_BYTES))
    return machine


def equal(actual, expected, what):
    global compared
    compared += 1
    if actual != expected:
        sys.exit(f"{what}: {actual!r} is not {expected!r}")


def words(value, count=WORDS):
    return value.to_bytes(count * 8, "little")


def fingerprints(rng, count=WORDS):
    """Vectors of every kind: random, sparse, dense, empty, full, one bit, one word, and complements of each other."""
    bits = count * 64
    full = (1 << bits) - 1
    a, b = rng.getrandbits(bits), rng.getrandbits(bits)
    one_word = rng.getrandbits(64) << 64 * rng.randrange(count)
    return [a, full ^ a, a & b, a | b, 0, full, 1 << rng.randrange(bits), full ^ one_word, one_word, a ^ one_word]


def pairs(machine, table, rng):
    everything = fingerprints(rng)
    for (a, b), shift in product(product(everything, repeat=2), (0, 8)):
        machine.write(QUERIES, words(a))
        machine.write(RUN + shift, words(b))
        arguments = (QUERIES, RUN + shift)
        # A function that answers 32 bits leaves the upper half of the register undefined.
        distance = machine.call(f"{table}_distance", *arguments) & 0xFFFF_FFFF
        equal(distance, (a ^ b).bit_count(), f"{table} distance")
        quarter = machine.call(f"{table}_quarter_distance", *arguments) & 0xFFFF_FFFF
        equal(quarter, ((a ^ b) % (1 << QUARTER * 64)).bit_count(), f"{table} quarter distance")


def distances_of(machine, count, size):
    """The distances written, after a check that nothing was written after them."""
    end = DISTANCES + count * size
    equal(machine.read(end, len(GUARD)), GUARD, "what lies after the distances")
    data = machine.read(DISTANCES, count * size)
    return [int.from_bytes(data[at : at + size], "little") for at in range(0, len(data), size)]


def guard(machine, count, size):
    machine.write(DISTANCES, b"\xff" * (count * size) + GUARD)


def exact_within(actual, queries, run, bounds, what):
    exact = [(query ^ candidate).bit_count() for query, candidate in product(queries, run)]
    for at, (distance, truth) in enumerate(zip(actual, exact, strict=True)):
        bound = bounds[at // len(run)]
        if truth <= bound:
            equal(distance, truth, f"{what} within {bound}")
        else:
            equal(distance > bound, True, f"{what}: {distance} beyond {bound}")


def runs(machine, table, rng, count, shift):
    run = [rng.choice(fingerprints(rng)) for _ in range(count)]
    start = RUN + shift
    machine.write(start, b"".join(map(words, run)))
    queries = [*run[:1], *fingerprints(rng)][: rng.choice((1, 2, 8))]
    machine.write(QUERIES, b"".join(map(words, queries)))
    # Every place where a candidate may be given up, and none.
    for bound in (0, 850, 1900, 2900, 3900, 5120, BITS):
        guard(machine, count, 4)
        machine.call(f"{table}_distances_within", QUERIES, start, count, bound, DISTANCES)
        exact_within(distances_of(machine, count, 4), queries[:1], run, [bound], f"{table} distances")
    bounds = [rng.randrange(BITS + 1) for _ in queries]
    machine.write(BOUNDS, b"".join(bound.to_bytes(4, "little") for bound in bounds))
    guard(machine, len(queries) * count, 4)
    machine.call(f"{table}_block_distances_within", QUERIES, len(queries), start, count, BOUNDS, DISTANCES)
    exact_within(distances_of(machine, len(queries) * count, 4), queries, run, bounds, f"{table} block")


def rests(machine, table, rng, count, shift):
    """The three layers of sketches beside the outline, one after the other."""
    runs = [[rng.choice(fingerprints(rng, LAYER_WORDS)) for _ in range(count)] for _ in range(3)]
    start = RUN + shift
    machine.write(start, b"".join(words(layer, LAYER_WORDS) for run in runs for layer in run))
    query = [rng.choice(fingerprints(rng, LAYER_WORDS)) for _ in range(3)]
    machine.write(QUERIES, b"".join(words(layer, LAYER_WORDS) for layer in query))
    guard(machine, count, 2)
    machine.call(f"{table}_rest_distances", QUERIES, start, count, DISTANCES)
    exact = [sum((ours ^ theirs).bit_count() for ours, theirs in zip(query, candidate)) for candidate in zip(*runs)]
    equal(distances_of(machine, count, 2), exact, f"{table} rest distances")


def outlines(machine, table, rng, shift):
    """256 outlines, whose first bytes lie together in groups of 64, then their second ones, and so on."""
    query = rng.choice(fingerprints(rng, LAYER_WORDS))
    others = [rng.choice(fingerprints(rng, LAYER_WORDS)) for _ in range(256)]
    groups = [[words(other, LAYER_WORDS) for other in others[first:first + 64]] for first in range(0, 256, 64)]
    machine.write(RUN + shift, b"".join(bytes(row) for group in groups for row in zip(*group)))
    machine.write(QUERIES, words(query, LAYER_WORDS))
    guard(machine, 256, 2)
    machine.call(f"{table}_outline_distances", QUERIES, RUN + shift, DISTANCES)
    exact = [(query ^ other).bit_count() for other in others]
    equal(distances_of(machine, 256, 2), exact, f"{table} outline distances")


def flags(machine, table, rng):
    """Which of 32 distances lie within a limit."""
    distances = [rng.randrange(1 << 15) for _ in range(32)]
    machine.write(RUN, b"".join(distance.to_bytes(2, "little") for distance in distances))
    for limit in (0, rng.choice(distances), rng.choice(distances), (1 << 15) - 1):
        within = sum((distance <= limit) << place for place, distance in enumerate(distances))
        actual = machine.call(f"{table}_flags_within", RUN, limit) & 0xFFFF_FFFF
        equal(actual, within, f"{table} flags within {limit}")


def sums(machine, table, rng, given):
    """`weigh` adds four seeds to a number of two planes, in each bit."""
    seeds = [rng.getrandbits(64) for _ in range(4)]
    addends = []
    for seed in seeds:
        machine.call("scalar_expand", seed, RUN)
        addends.append(int.from_bytes(machine.read(RUN, WORDS * 8), "little"))
    machine.write(QUERIES, b"".join(seed.to_bytes(8, "little") for seed in seeds))
    machine.write(DISTANCES, b"".join(map(words, (*given, 0))) + GUARD)
    machine.call(f"{table}_weigh", QUERIES, DISTANCES)
    low, high, *bits = (f"{value:0{BITS}b}" for value in (*given, *addends))
    totals = [int(l) + 2 * int(h) + sum(map(int, rest)) for l, h, *rest in zip(low, high, *bits)]
    planes = (int("".join(str(total >> plane & 1) for total in totals), 2) for plane in range(3))
    equal(machine.read(DISTANCES, 3 * WORDS * 8 + len(GUARD)), b"".join(map(words, planes)) + GUARD, f"{table} sum of seeds")


def algebra(machine, table, rng):
    for seed in (0, 1, (1 << 64) - 1, rng.getrandbits(64)):
        machine.call("scalar_expand", seed, RUN)
        machine.call(f"{table}_expand", seed, DISTANCES)
        equal(machine.read(DISTANCES, WORDS * 8), machine.read(RUN, WORDS * 8), f"{table} expand")
    for given in zip(fingerprints(rng), reversed(fingerprints(rng))):
        sums(machine, table, rng, given)
    for a, b in pairwise(fingerprints(rng)):
        c = rng.choice(fingerprints(rng))
        machine.write(QUERIES, words(a))
        machine.write(RUN, words(b))
        machine.write(DISTANCES, words(c))
        machine.call(f"{table}_carry_save_add", QUERIES, RUN, DISTANCES)
        equal(machine.read(QUERIES, WORDS * 8), words(a ^ b ^ c), f"{table} sum")
        equal(machine.read(DISTANCES, WORDS * 8), words(a & b | b & c | a & c), f"{table} carry")
    for places in (range(0, BITS, 20), range(512), range(BITS - 512, BITS), sorted(rng.sample(range(BITS), 512))):
        a = rng.getrandbits(BITS)
        machine.write(QUERIES, words(a))
        machine.write(RUN, words(sum(1 << place for place in places)))
        machine.call(f"{table}_gather", QUERIES, RUN, DISTANCES)
        gathered = sum((a >> place & 1) << index for index, place in enumerate(places))
        equal(machine.read(DISTANCES, SKETCH_WORDS * 8), words(gathered, SKETCH_WORDS), f"{table} gathering")
    for turn in (0, 1, 63, 64, 65, 5120, BITS - 1, rng.randrange(BITS)):
        a = rng.getrandbits(BITS)
        machine.write(QUERIES, words(a))
        machine.call(f"{table}_rotate", QUERIES, turn, DISTANCES)
        rotated = (a << turn | a >> BITS - turn) % (1 << BITS)
        equal(machine.read(DISTANCES, WORDS * 8), words(rotated), f"{table} rotation by {turn}")


def main(elf, seed="0"):
    print(f"seed {seed}")
    rng = random.Random(int(seed))
    machine = writable(Machine(elf))
    for table in TABLES:
        pairs(machine, table, rng)
        algebra(machine, table, rng)
        for _ in range(16):
            flags(machine, table, rng)
        # Rows of a mapped checkpoint start at a multiple of 64 bytes; others at one of 8.
        for count, shift in product(range(21), (0, 8, 24, 56)):
            runs(machine, table, rng, count, shift)
        for count, shift in (*product(range(21), (0, 8, 24, 56)), *product((31, 32, 33, 64, 256), (0,))):
            rests(machine, table, rng, count, shift)
        for shift in (0, 8, 16, 56):
            outlines(machine, table, rng, shift)
    print(f"{compared} results compared")


if __name__ == "__main__":
    main(*sys.argv[1:])
