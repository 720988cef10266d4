//! SQL over a full node zone, beside what it should not be slower than: DataFusion over an in-memory table of the same rows for
//! groups, the exact search for `ORDER BY hamming(…) LIMIT`, and a millisecond for a look-up by name.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;
use ladybug::query::sql::{Executed, Session, Sql, SqlOptions};
use ladybug_engine::engine::{Engine, EngineOptions, SystemClock};
use ladybug_engine::fingerprint::encode;
use ladybug_engine::search::{Filter, Recall, TopK};
use ladybug_engine::space::address::Zone;
use ladybug_engine::storage::SimulatedStorage;
use tokio::runtime::Runtime;

/// Nearest that are asked for.
const K: usize = 10;

async fn rows(session: &mut Session, statement: &str) -> Vec<arrow::array::RecordBatch> {
    match session.execute(statement, Vec::new()).await.expect("SQL") {
        Executed::Rows(rows) => rows.batches.try_collect().await.expect("rows"),
        Executed::Done(_) => Vec::new(),
    }
}

fn sql(criterion: &mut Criterion) {
    let storage = Arc::new(SimulatedStorage::new(7));
    let engine = Engine::open(storage, Arc::new(SystemClock), EngineOptions::default());
    let engine = Arc::new(engine.expect("an engine"));
    let sql = Sql::new(Arc::clone(&engine), SqlOptions::default()).expect("SQL");
    let mut session = sql.session(0);
    let runtime = Runtime::new().expect("a runtime");
    let count = Zone::Node.capacity();
    let fill = format!(
        "INSERT INTO nodes (name, value, rung, confidence)
         SELECT 'n' || value, 'words of number ' || value, CAST(value % 10 AS TINYINT), 0.1 + (value % 7) / 10.0
         FROM unnest(range(0, {count})) AS t(value)"
    );
    runtime.block_on(rows(&mut session, &fill));

    let grouped = "SELECT rung, count(*), avg(confidence) FROM nodes GROUP BY rung";
    let all = runtime.block_on(rows(&mut session, "SELECT * FROM nodes"));
    let table = MemTable::try_new(all[0].schema(), vec![all]).expect("a table");
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    let peer =
        SessionContext::new_with_config(SessionConfig::new().with_target_partitions(threads));
    peer.register_table("nodes", Arc::new(table))
        .expect("a table");
    let mut group = criterion.benchmark_group("sql");
    group.sample_size(20);
    group.bench_function("group by, live memory", |bencher| {
        bencher.iter(|| black_box(runtime.block_on(rows(&mut session, grouped))));
    });
    group.bench_function("group by, in-memory table", |bencher| {
        let collect = || async {
            peer.sql(grouped)
                .await
                .expect("SQL")
                .collect()
                .await
                .expect("rows")
        };
        bencher.iter(|| black_box(runtime.block_on(collect())));
    });
    let query = encode::text("words of number 12345");
    let filter = Filter::default();
    group.bench_function("nearest, exact search", |bencher| {
        let wanted = TopK::new(K).with_recall(Recall::EXACT);
        bencher.iter(|| black_box(engine.search(0, &query, wanted, &filter).1));
    });
    let nearest = format!(
        "SELECT name FROM nodes ORDER BY hamming(fingerprint, encode('words of number 12345')) LIMIT {K}"
    );
    group.bench_function("nearest, SQL", |bencher| {
        bencher.iter(|| black_box(runtime.block_on(rows(&mut session, &nearest))));
    });
    group.bench_function("by name", |bencher| {
        let by_name = "SELECT name FROM nodes WHERE name = 'n12345'";
        bencher.iter(|| black_box(runtime.block_on(rows(&mut session, by_name))));
    });
    group.finish();
}

criterion_group!(benches, sql);
criterion_main!(benches);
