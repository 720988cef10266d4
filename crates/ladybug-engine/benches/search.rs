//! Time of the search operator: `cargo bench -p ladybug-engine --bench search`.
//!
//! Exact and at several recalls, of one query and of batches, with filters that let much and little
//! through, on planted neighbours and on texts, and over several spaces together. Last, beside each other, exact and
//! the default recall on data that sketches tell nothing of: there the cascade is to cost at most 15 % more.

#[path = "../tests/it/corpus.rs"]
mod corpus;
#[path = "../tests/it/random/split_mix.rs"]
mod random;

use std::hint::black_box;
use std::time::Duration;

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use ladybug_engine::engine::Snapshot;
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::search::{Filter, Recall, Scope, TopK, top_k};

use corpus::Filled;
use random::Random;

/// Candidates of a space: its node zone.
const ZONE: usize = 32_768;
const QUERIES: usize = 64;
const K: usize = 10;

fn scopes<'a>(snapshots: &'a [Snapshot], filter: &'a Filter) -> Vec<Scope<'a>> {
    let scope = |snapshot| Scope { snapshot, filter };
    snapshots.iter().map(scope).collect()
}

fn recall(share: f64) -> TopK {
    TopK::new(K).with_recall(Recall::new(share).expect("a recall"))
}

/// One query after the other.
fn single(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    scopes: &[Scope<'_>],
    queries: &[Fingerprint],
    wanted: TopK,
) {
    let mut turn = queries.iter().cycle();
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let query = turn.next().expect("a cycle does not end");
            black_box(top_k(scopes, &[query], wanted))
        });
    });
}

fn bench_data(criterion: &mut Criterion, name: &str, data: (Vec<Fingerprint>, Vec<Fingerprint>)) {
    let (stored, queries) = data;
    let parts: Vec<&[Fingerprint]> = stored.chunks(ZONE).collect();
    let filled = Filled::new(&parts);
    let spaces: Vec<_> = (0..).take(parts.len()).collect();
    let snapshots = filled.engine.snapshots(&spaces);
    let all = Filter::default();
    let batch: Vec<&Fingerprint> = queries.iter().collect();

    let mut group = criterion.benchmark_group(name);
    group
        .measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_millis(500));
    for count in (1..=snapshots.len()).filter(|count| count.is_power_of_two()) {
        let scopes = scopes(&snapshots[..count], &all);
        group.throughput(Throughput::Elements((count * ZONE) as u64));
        let named = |what: &str| format!("{what}, spaces {count}");
        single(&mut group, &named("exact"), &scopes, &queries, recall(1.0));
        for share in [0.5, 0.8, 0.9, 0.99, 0.999] {
            let name = named(&format!("recall {share}"));
            single(&mut group, &name, &scopes, &queries, recall(share));
        }
        group.throughput(Throughput::Elements((count * ZONE * QUERIES) as u64));
        for share in [0.999, 1.0] {
            group.bench_function(named(&format!("batch of 64, recall {share}")), |bencher| {
                bencher.iter(|| black_box(top_k(&scopes, &batch, recall(share))));
            });
        }
    }
    let kind = Filter {
        kind: Some("Eighth".into()),
        ..Filter::default()
    };
    let prefix = Filter {
        name_prefix: Some(b"17:".as_slice().into()),
        ..Filter::default()
    };
    for (name, filter, share) in [
        ("kind of 1 in 8", &kind, 8),
        ("prefix of 1 in 64", &prefix, 64),
    ] {
        group.throughput(Throughput::Elements((ZONE / share) as u64));
        single(
            &mut group,
            name,
            &scopes(&snapshots[..1], filter),
            &queries,
            recall(0.999),
        );
    }
    group.finish();
}

/// The cascade beside the exact scan where it can only lose.
fn bench_untold(
    criterion: &mut Criterion,
    name: &str,
    (stored, queries): (Vec<Fingerprint>, Vec<Fingerprint>),
) {
    let filled = Filled::new(&[&stored]);
    let snapshots = [filled.engine.snapshot(0)];
    let all = Filter::default();
    let scopes = scopes(&snapshots, &all);
    let mut group = criterion.benchmark_group(format!("untold: {name}"));
    group.throughput(Throughput::Elements(ZONE as u64));
    for (name, share) in [("exact", 1.0), ("recall 0.999", 0.999)] {
        single(&mut group, name, &scopes, &queries, recall(share));
    }
    group.finish();
}

fn bench(criterion: &mut Criterion) {
    bench_data(
        criterion,
        "planted",
        corpus::planted(1, 4 * ZONE, QUERIES, K, 5.0..=45.0),
    );
    bench_data(criterion, "texts", corpus::texts(2, ZONE, QUERIES));
    // Nothing is near.
    let random = corpus::planted(3, ZONE, QUERIES, 0, 5.0..=5.0);
    bench_untold(criterion, "random", random);
    let mut random = Random(4);
    let (one, places) = (Fingerprint::random(4), corpus::anywhere());
    let mut drawn = |count: usize, least: u64, most: u64| -> Vec<Fingerprint> {
        let draw = |_| {
            let distance = least + random.below(most - least + 1);
            corpus::at_distance(&mut random, &one, distance as usize, &places)
        };
        (0..count).map(draw).collect()
    };
    let equal = (drawn(ZONE, 300, 300), drawn(1, 0, 0));
    bench_untold(criterion, "all at one distance", equal);
    let near = (drawn(ZONE, 0, 64), drawn(QUERIES, 0, 64));
    bench_untold(criterion, "nearly equal", near);
}

criterion_group!(benches, bench);
criterion_main!(benches);
