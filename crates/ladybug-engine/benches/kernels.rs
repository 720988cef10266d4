//! Every kernel that this processor runs, and the operators of the algebra.
//!
//! `cargo bench -p ladybug-engine --bench kernels [FILTER]`. Times are of one pair or one candidate; in cache, and
//! streamed over 65,536 candidates beside a read of the same bytes, which no scan can be faster than.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ladybug_engine::fingerprint::bundle::bundle;
use ladybug_engine::fingerprint::encode;
use ladybug_engine::fingerprint::kernel::{Kernels, available};
use ladybug_engine::fingerprint::{
    Fingerprint, GROUP, LAYER_BYTES, LAYER_WORDS, LAYERS, Layer, OUTLINES, WORDS, sketch,
};

/// Candidates of a streamed scan: a full space.
const STREAMED: usize = 65_536;
/// Candidates of a scan in cache.
const CACHED: usize = 16;
/// Queries of a block.
const QUERIES: usize = 64;
/// Candidates that a block of queries meets at once.
const BLOCK: usize = 64;

/// English text, as packages describe themselves.
const SYNOPSES: [&str; 8] = [
    "small, powerful, scalable web/proxy server",
    "interactive, high-level object-oriented language",
    "tools for manipulating, converting and viewing images",
    "Chess playing program for the terminal",
    "secure shell (SSH) client, for secure access to remote machines",
    "GNU C++ compiler for the default architecture",
    "daemon that bans hosts that cause multiple authentication errors",
    "database server of the latest version (metapackage)",
];
/// English prose, of which a longer text is taken.
const PROSE: &str = include_str!("../../../docs/design/search.md");
/// Characters of a longer text.
const LONG: usize = 2_000;

/// The text encoder with the best kernel, on short texts and on a long one.
fn texts(criterion: &mut Criterion) {
    let long: String = PROSE.chars().take(LONG).collect();
    let mut group = criterion.benchmark_group("text");
    for (name, texts) in [("short", &SYNOPSES[..]), ("long", &[&*long][..])] {
        let bytes = texts.iter().map(|text| text.len()).sum::<usize>();
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(BenchmarkId::new("encode", name), |bench| {
            bench.iter(|| {
                for text in texts {
                    black_box(encode::text(black_box(text)));
                }
            });
        });
        group.bench_function(BenchmarkId::new("features", name), |bench| {
            bench.iter(|| {
                for text in texts {
                    black_box(encode::text_features(black_box(text)));
                }
            });
        });
    }
}

fn words(count: usize) -> Vec<u64> {
    (0..count.div_ceil(WORDS))
        .flat_map(|seed| *Fingerprint::random(seed as u64).words())
        .take(count)
        .collect()
}

/// Reads all words, a cache line at a time.
fn read_lines(words: &[u64]) -> [u64; 8] {
    words
        .as_chunks::<8>()
        .0
        .iter()
        .fold([0; 8], |so_far, line| {
            std::array::from_fn(|index| so_far[index] | line[index])
        })
}

fn pairs(criterion: &mut Criterion) {
    let (a, b) = (Fingerprint::random(1), Fingerprint::random(2));
    let mut group = criterion.benchmark_group("pair");
    for kernels in available() {
        group.bench_function(BenchmarkId::new("distance", kernels.name), |bench| {
            bench.iter(|| (kernels.distance)(black_box(a.words()), black_box(b.words())));
        });
        group.bench_function(BenchmarkId::new("quarter", kernels.name), |bench| {
            bench.iter(|| (kernels.quarter_distance)(black_box(a.words()), black_box(b.words())));
        });
    }
}

/// Scans in calls of 16 rows, as a search does.
fn scan(kernels: &Kernels, query: &Fingerprint, rows: &[u64], bound: u32) -> u32 {
    let mut distances = [0; CACHED];
    rows.chunks_exact(CACHED * WORDS)
        .map(|rows| {
            (kernels.distances_within)(query.words(), rows, bound, &mut distances);
            distances[0]
        })
        .fold(0, u32::wrapping_add)
}

fn scans(criterion: &mut Criterion) {
    let query = Fingerprint::random(u64::MAX);
    let rows = words(STREAMED * WORDS);
    for (name, count) in [("in cache", CACHED), ("streamed", STREAMED)] {
        let rows = &rows[..count * WORDS];
        let mut group = criterion.benchmark_group(format!("scan {name}"));
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function("read only", |bench| {
            bench.iter(|| read_lines(black_box(rows)))
        });
        for kernels in available() {
            // Never given up, and given up after the first of five parts.
            for bound in [5_000, 500] {
                let id = BenchmarkId::new(kernels.name, format!("within {bound}"));
                group.bench_function(id, |bench| {
                    bench.iter(|| scan(kernels, &query, black_box(rows), bound));
                });
            }
        }
    }
    blocks(criterion, &rows[..BLOCK * WORDS]);
}

fn blocks(criterion: &mut Criterion, rows: &[u64]) {
    let queries: Vec<_> = (0..QUERIES as u64)
        .map(|seed| Fingerprint::random(!seed))
        .collect();
    let block: Vec<_> = queries.iter().map(Fingerprint::words).collect();
    let mut distances = vec![0; QUERIES * BLOCK];
    let mut group = criterion.benchmark_group("block");
    group.throughput(Throughput::Elements((QUERIES * BLOCK) as u64));
    for kernels in available() {
        group.bench_function(kernels.name, |bench| {
            bench.iter(|| {
                let bounds = [5_000; QUERIES];
                (kernels.block_distances_within)(&block, black_box(rows), &bounds, &mut distances);
            });
        });
    }
}

fn sketches(criterion: &mut Criterion) {
    let memory = words(LAYERS * STREAMED * LAYER_WORDS);
    let (layers, _) = memory.as_chunks();
    let [outline, rest @ ..] = sketch(&Fingerprint::random(7));
    let mut distances = vec![0; STREAMED];
    for (name, count) in [("in cache", OUTLINES), ("streamed", STREAMED)] {
        let rests: [&[Layer]; LAYERS - 1] =
            std::array::from_fn(|layer| &layers[layer * count..][..count]);
        let outlines = vec![[[[7; GROUP]; LAYER_BYTES]; OUTLINES / GROUP]; count / OUTLINES];
        let mut group = criterion.benchmark_group(format!("sketches {name}"));
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function("read only", |bench| {
            bench.iter(|| read_lines(black_box(&memory[..LAYERS * count * LAYER_WORDS])))
        });
        for kernels in available() {
            let distances = &mut distances[..count];
            group.bench_function(BenchmarkId::new("outline", kernels.name), |bench| {
                bench.iter(|| {
                    let (rows, _) = distances.as_chunks_mut();
                    for (outlines, distances) in outlines.iter().zip(rows) {
                        (kernels.outline_distances)(&outline, black_box(outlines), distances);
                    }
                });
            });
            group.bench_function(BenchmarkId::new("rest", kernels.name), |bench| {
                bench.iter(|| (kernels.rest_distances)(&rest, black_box(rests), distances));
            });
        }
    }
}

/// What the tables hold of the algebra, and the operators over the kernel in use.
fn algebra(criterion: &mut Criterion) {
    let (a, b) = (Fingerprint::random(1), Fingerprint::random(2));
    let mut group = criterion.benchmark_group("algebra");
    for kernels in available() {
        let name = kernels.name;
        let mut into = [0; WORDS];
        group.bench_function(BenchmarkId::new("expand", name), |bench| {
            bench.iter(|| (kernels.expand)(black_box(7), &mut into));
        });
        let (mut sum, mut carry) = (*a.words(), *b.words());
        group.bench_function(BenchmarkId::new("carry-save add", name), |bench| {
            bench.iter(|| (kernels.carry_save_add)(&mut sum, black_box(b.words()), &mut carry));
        });
        group.bench_function(BenchmarkId::new("rotate", name), |bench| {
            bench.iter(|| (kernels.rotate)(black_box(a.words()), black_box(77)));
        });
        let masks = std::array::from_fn(|index| 0x0100_0100_0001 | u64::from(index % 5 == 0) << 63);
        group.bench_function(BenchmarkId::new("gather", name), |bench| {
            bench.iter(|| (kernels.gather)(black_box(a.words()), black_box(&masks)));
        });
    }
    let operands: Vec<_> = (0..100).map(Fingerprint::random).collect();
    group.bench_function("bind", |bench| {
        bench.iter(|| black_box(&a).bind(black_box(&b)))
    });
    group.bench_function("permute", |bench| {
        bench.iter(|| black_box(&a).permute(black_box(77)))
    });
    group.bench_function("popcount", |bench| bench.iter(|| black_box(&a).popcount()));
    group.bench_function("sketch", |bench| bench.iter(|| sketch(black_box(&a))));
    group.bench_function("bundle of 100", |bench| {
        bench.iter(|| bundle(black_box(&operands)))
    });
}

criterion_group!(benches, pairs, scans, sketches, algebra, texts);
criterion_main!(benches);
