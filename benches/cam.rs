//! What the instruction set adds to an operation: a call from its id to the kernel, and to its result table.
//!
//! The arguments are given fingerprints or integers, so that nothing is looked up; the operation itself is timed beside it,
//! as the peer.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use ladybug::cam::{Host, Method, Reading, prepare, run};
use ladybug::query::graphql::{Graphql, Limits};
use ladybug::query::sql::{Sql, SqlOptions};
use ladybug_engine::engine::{Engine, EngineOptions, SystemClock};
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::storage::SimulatedStorage;

fn dispatch(criterion: &mut Criterion) {
    let storage = Arc::new(SimulatedStorage::new(7));
    let engine = Engine::open(storage, Arc::new(SystemClock), EngineOptions::default());
    let engine = Arc::new(engine.expect("an engine"));
    let graphql = Graphql::new(Arc::clone(&engine), Limits::default());
    let sql = Sql::new(
        engine,
        SqlOptions {
            threads: 1,
            ..SqlOptions::default()
        },
    );
    let sql = sql.expect("SQL");
    let host = Host {
        sql: &sql,
        graphql: &graphql,
        space: 0,
        timeout: None,
        rows_max: 1000,
        bytes_max: 1 << 20,
    };
    let id = |name: &str| Method::of_name(name).expect("a method").id();
    let (distance, random) = (id("VSA.DISTANCE"), id("VSA.RANDOM"));
    let (a, b) = (Fingerprint::random(1), Fingerprint::random(2));
    let (a_bytes, b_bytes) = (a.to_bytes(), b.to_bytes());
    let pair: [&[u8]; 4] = [b"FP", &a_bytes[..], b"FP", &b_bytes[..]];
    let seed: [&[u8]; 1] = [b"7"];

    let mut group = criterion.benchmark_group("cam");
    group.bench_function("from an id to its method", |bencher| {
        bencher.iter(|| Method::of_id(black_box(distance)).expect("a method"));
    });
    for (name, id, arguments) in [
        ("an integer", random, &seed[..]),
        ("two fingerprints", distance, &pair[..]),
    ] {
        group.bench_function(format!("to the kernel, {name}"), |bencher| {
            bencher.iter(|| {
                let method = Method::of_id(black_box(id)).expect("a method");
                let reading = Reading::new(&host);
                let call = prepare(&method, arguments, &reading).expect("a call");
                black_box(&call);
            });
        });
        group.bench_function(format!("to the result table, {name}"), |bencher| {
            bencher.iter(|| {
                let method = Method::of_id(black_box(id)).expect("a method");
                run(&host, &method, arguments).value.expect("rows")
            });
        });
    }
    group.bench_function("the operation alone, an integer", |bencher| {
        bencher.iter(|| Fingerprint::random(black_box(7)));
    });
    group.bench_function("the operation alone, two fingerprints", |bencher| {
        bencher.iter(|| black_box(&a).distance(black_box(&b)));
    });
    group.finish();
}

criterion_group!(benches, dispatch);
criterion_main!(benches);
