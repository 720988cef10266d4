//! Reading a pipelined stream of SET requests: our parser beside `redis-protocol`'s decoders.
//!
//! Before anything is timed, all of them must read the same arguments from the stream.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ladybug::server::resp::request::{Progress, RequestParser};
use redis_protocol::{resp2, resp3};

/// Requests in the stream.
const REQUESTS: usize = 1000;
/// Bytes of a value.
const VALUE_BYTES: usize = 64;

fn stream() -> Bytes {
    let value = "v".repeat(VALUE_BYTES);
    let requests = (0..REQUESTS).map(|index| {
        format!("*3\r\n$3\r\nSET\r\n$16\r\nkey:{index:012}\r\n${VALUE_BYTES}\r\n{value}\r\n")
    });
    Bytes::from(requests.collect::<String>())
}

/// Reads the stream; answers how many bytes the arguments have, which the benchmark must look at.
fn parse(parser: &mut RequestParser, stream: &[u8], mut each: impl FnMut(&[&[u8]])) {
    let mut start = 0;
    while let Ok(Progress::Complete(bytes)) = parser.parse(&stream[start..]) {
        each(&parser.arguments(&stream[start..]));
        start += bytes;
    }
}

fn decode_resp2(stream: &Bytes, mut each: impl FnMut(resp2::types::BytesFrame)) {
    let mut buffer = BytesMut::from(&stream[..]);
    while let Ok(Some((frame, _, _))) = resp2::decode::decode_bytes_mut(&mut buffer) {
        each(frame);
    }
}

fn decode_resp3(stream: &Bytes, mut each: impl FnMut(resp3::types::BytesFrame)) {
    let mut buffer = BytesMut::from(&stream[..]);
    while let Ok(Some((frame, _, _))) = resp3::decode::complete::decode_bytes_mut(&mut buffer) {
        each(frame);
    }
}

/// All three read the same.
fn compare(stream: &Bytes) {
    let mut ours: Vec<Vec<Bytes>> = Vec::new();
    parse(&mut RequestParser::default(), stream, |arguments| {
        ours.push(
            arguments
                .iter()
                .map(|argument| Bytes::copy_from_slice(argument))
                .collect(),
        );
    });
    assert_eq!(ours.len(), REQUESTS);
    let mut theirs: Vec<Vec<Bytes>> = Vec::new();
    decode_resp2(stream, |frame| {
        let resp2::types::BytesFrame::Array(items) = frame else {
            panic!("a request is an array");
        };
        theirs.push(
            items
                .into_iter()
                .filter_map(|item| match item {
                    resp2::types::BytesFrame::BulkString(bytes) => Some(bytes),
                    _ => None,
                })
                .collect(),
        );
    });
    assert_eq!(ours, theirs);
    theirs.clear();
    decode_resp3(stream, |frame| {
        let resp3::types::BytesFrame::Array { data, .. } = frame else {
            panic!("a request is an array");
        };
        theirs.push(
            data.into_iter()
                .filter_map(|item| match item {
                    resp3::types::BytesFrame::BlobString { data, .. } => Some(data),
                    _ => None,
                })
                .collect(),
        );
    });
    assert_eq!(ours, theirs);
}

fn bench(criterion: &mut Criterion) {
    let stream = stream();
    compare(&stream);
    let mut group = criterion.benchmark_group("pipelined SET");
    group.throughput(Throughput::Elements(REQUESTS as u64));
    group.bench_function("ladybug", |bencher| {
        let mut parser = RequestParser::default();
        bencher.iter(|| {
            parse(&mut parser, &stream, |arguments| {
                black_box(arguments);
            })
        });
    });
    group.bench_function("redis-protocol RESP2", |bencher| {
        bencher.iter(|| {
            decode_resp2(&stream, |frame| {
                black_box(frame);
            })
        });
    });
    group.bench_function("redis-protocol RESP3", |bencher| {
        bencher.iter(|| {
            decode_resp3(&stream, |frame| {
                black_box(frame);
            })
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
