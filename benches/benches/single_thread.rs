//! What a message costs one core, when nobody else is there: both ends of a ring in one thread.
//!
//! No line moves between cores here, so this is not a ring's speed: it is the part of it that is
//! ours. A round fills a part of the ring and empties it again, [`ROUND`] messages at a time, so
//! that the times of both ends add up and neither ever waits. `time` is that of a round, `thrpt`
//! counts messages: each was sent and received. Every length is checked as it arrives, and of each
//! case the last message whole.
//!
//! ```text
//! cargo bench -p annulus-benches                      half a minute, and some to compile
//! cargo bench -p annulus-benches -- send_recv/64      one of them
//! ```
//! Also run as `-- --test`: once each, to see that they work.

use annulus::{Backing, Config, Consumer, Deadline, Producer, Segment, Wait};
use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use std::hint::black_box;
use std::time::Duration;

/// Messages that are sent before they are received.
const ROUND: usize = 32;

/// The ring: a round of the longest messages fills an eighth of it.
const CAPACITY: u64 = 1 << 20;

/// Both ends of a ring, which lives as long as they.
struct Ends {
    producer: Producer,
    consumer: Consumer,
    _segment: Segment,
}

impl Ends {
    fn new() -> Ends {
        let segment = Segment::create(&Backing::Memfd, &Config::spsc(CAPACITY).wait(Wait::Spin));
        let segment = segment.expect("a memfd of a MiB can be made");
        let producer = segment.producer().expect("nobody else sends");
        let consumer = segment.consumer().expect("nobody else receives");
        Ends { producer, consumer, _segment: segment }
    }
}

/// A group whose throughput is that of messages.
fn group<'c>(criterion: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    group.sample_size(50).throughput(Throughput::Elements(ROUND as u64));
    group
}

/// By copy, at a length that the compiler knows.
fn send_recv<const N: usize>(group: &mut BenchmarkGroup<'_, WallTime>) {
    let (mut ends, message) = (Ends::new(), [0x5A; N]);
    group.bench_function(BenchmarkId::from_parameter(N), |bencher| {
        let mut buffer = [0; N];
        bencher.iter(|| {
            for _ in 0..ROUND {
                let sent = ends.producer.send(black_box(&message), Deadline::PASSED);
                sent.expect("there is room");
            }
            for _ in 0..ROUND {
                let received = ends.consumer.recv(&mut buffer, Deadline::PASSED);
                assert_eq!(received.expect("it was sent").len, N);
                black_box(&buffer);
            }
        });
        assert_eq!(buffer, message);
    });
}

/// In place, at both ends.
fn claim_peek(group: &mut BenchmarkGroup<'_, WallTime>, len: usize) {
    let mut ends = Ends::new();
    let message = vec![0x5A; len];
    group.bench_function(BenchmarkId::from_parameter(len), |bencher| {
        let mut buffer = vec![0; len];
        bencher.iter(|| {
            for _ in 0..ROUND {
                let mut claim = ends.producer.try_claim(len).expect("there is room");
                claim.write(0, black_box(&message));
                claim.commit(len);
            }
            for _ in 0..ROUND {
                let view = ends.consumer.try_peek().expect("it was sent");
                assert_eq!(view.record().len(), len);
                view.record().read(0, &mut buffer);
                view.release();
                black_box(&buffer);
            }
        });
        assert_eq!(buffer, message);
    });
}

/// Shown together, and received by value: the fastest for short messages.
fn batch_array<const N: usize>(group: &mut BenchmarkGroup<'_, WallTime>) {
    let (mut ends, messages) = (Ends::new(), [[0x5A; N]; ROUND]);
    group.bench_function(BenchmarkId::from_parameter(N), |bencher| {
        let mut last = [0; N];
        bencher.iter(|| {
            let sent = ends.producer.send_batch(black_box(&messages[..]), Deadline::PASSED);
            sent.expect("there is room");
            for _ in 0..ROUND {
                let message = ends.consumer.try_recv_array::<N>().expect("it was sent");
                last = black_box(message.0);
            }
        });
        assert_eq!(last, messages[0]);
    });
}

/// Sent one by one, and all handed to a closure in place.
fn send_drain<const N: usize>(group: &mut BenchmarkGroup<'_, WallTime>) {
    let (mut ends, message) = (Ends::new(), [0x5A; N]);
    group.bench_function(BenchmarkId::from_parameter(N), |bencher| {
        let mut last = [0; N];
        bencher.iter(|| {
            for _ in 0..ROUND {
                let sent = ends.producer.send(black_box(&message), Deadline::PASSED);
                sent.expect("there is room");
            }
            let drained = ends.consumer.drain(ROUND, |record| {
                last = black_box(record.message::<N>().expect("of this length").0);
            });
            assert_eq!(drained, Ok(ROUND));
        });
        assert_eq!(last, message);
    });
}

fn all(criterion: &mut Criterion) {
    let mut lengths = group(criterion, "send_recv");
    send_recv::<8>(&mut lengths);
    send_recv::<56>(&mut lengths);
    send_recv::<64>(&mut lengths);
    send_recv::<256>(&mut lengths);
    send_recv::<4096>(&mut lengths);
    lengths.finish();
    let mut lengths = group(criterion, "claim_peek");
    for len in [8, 56, 64, 256, 4096] {
        claim_peek(&mut lengths, len);
    }
    lengths.finish();
    let mut lengths = group(criterion, "send_batch_recv_array");
    batch_array::<8>(&mut lengths);
    batch_array::<56>(&mut lengths);
    batch_array::<64>(&mut lengths);
    lengths.finish();
    let mut lengths = group(criterion, "send_drain");
    send_drain::<8>(&mut lengths);
    send_drain::<56>(&mut lengths);
    send_drain::<64>(&mut lengths);
    lengths.finish();
}

criterion_group!(single_thread, all);
criterion_main!(single_thread);

const _: () = assert!(ROUND as u64 * (4096 + 8) <= CAPACITY / 4, "a round fits");
