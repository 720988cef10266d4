//! Time of the search operator: `cargo bench -p ladybug-engine --bench search`.
//!
//! Exact and at several recalls, of one query and of batches, with filters that let much and little
//! through, on planted neighbours and on texts, and over several spaces together.

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
        for share in [0.9, 0.99, 0.999] {
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

fn bench(criterion: &mut Criterion) {
    bench_data(
        criterion,
        "planted",
        corpus::planted(1, 4 * ZONE, QUERIES, K, 5.0..=45.0),
    );
    bench_data(criterion, "texts", corpus::texts(2, ZONE, QUERIES));
}

criterion_group!(benches, bench);
criterion_main!(benches);
