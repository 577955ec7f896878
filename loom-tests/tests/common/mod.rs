//! What the models share: the smallest ring, and handles of it.
#![allow(dead_code, reason = "each file of models uses its part")]

pub(crate) mod many;

use annulus::Deadline;
use annulus::ring::spsc::{Consumer, Producer};
use annulus::ring::{Barrier, Geometry, Waiting, Wake};
use annulus_loom_tests::{Modelled, Ring};
use loom::thread;
use std::sync::Arc;

/// Eight cells; messages of up to two words.
pub(crate) const CAPACITY: u64 = 64;

/// The stamp of lap 0.
pub(crate) const STAMP: u32 = 7;

pub(crate) fn geometry() -> Geometry {
    Geometry::new(CAPACITY, STAMP).expect("the smallest ring is a ring")
}

/// The same ring, whose sides sleep at once.
pub(crate) fn parking(barrier: Barrier) -> Geometry {
    geometry().waiting_by(Waiting::Park { spins: false, barrier, wake: Wake::Futex })
}

/// Explores a model with the preemption bound of `LOOM_MAX_PREEMPTIONS`, or 3.
pub(crate) fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    // One thread's steps before the others begin count as well.
    builder.max_branches = 10_000;
    builder.check(run);
}

pub(crate) fn producer(memory: Modelled) -> Producer<Modelled> {
    producer_of(memory, geometry())
}

pub(crate) fn consumer(memory: Modelled) -> Consumer<Modelled> {
    consumer_of(memory, geometry())
}

/// As a process that joins: registered where the ring asks for it.
fn joining(memory: Modelled, geometry: Geometry) -> Modelled {
    match geometry.waiting().barrier() {
        Some(Barrier::Membarrier) => memory.registered(),
        _ => memory,
    }
}

pub(crate) fn producer_of(memory: Modelled, geometry: Geometry) -> Producer<Modelled> {
    let memory = joining(memory, geometry);
    // SAFETY: a modelled ring has the geometry's size, and models have one producer at a time.
    unsafe { Producer::attach(memory, geometry) }.expect("nothing is corrupted")
}

pub(crate) fn consumer_of(memory: Modelled, geometry: Geometry) -> Consumer<Modelled> {
    let memory = joining(memory, geometry);
    // SAFETY: as above, for the consumer.
    unsafe { Consumer::attach(memory, geometry) }.expect("nothing is corrupted")
}

/// A ring that has moved on to `position` by empty messages, with nothing in it.
pub(crate) fn ring_at(position: u64) -> Arc<Ring> {
    let ring = Ring::fresh(geometry());
    let mut producer = producer(Modelled::over(&ring));
    let mut consumer = consumer(Modelled::over(&ring));
    while producer.position() < position {
        producer.try_send(b"").expect("there is room");
        consumer.try_recv(&mut []).expect("it is there");
    }
    consumer.flush();
    std::mem::forget((producer, consumer));
    ring
}

/// Sends the one word `word`.
pub(crate) fn send(producer: &mut Producer<Modelled>, word: u64) {
    producer.try_send(&word.to_le_bytes()).expect("there is room");
}

/// A sender of `words`, which leaves its ring open.
pub(crate) fn sender_of(
    mut producer: Producer<Modelled>,
    words: impl IntoIterator<Item = u64> + 'static,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for word in words {
            send(&mut producer, word);
        }
        std::mem::forget(producer);
    })
}

/// Receives one message and checks that it is the one word `wanted`.
pub(crate) fn expect_word(consumer: &mut Consumer<Modelled>, wanted: u64) {
    let mut buffer = [0; 16];
    let received = consumer.recv(&mut buffer, Deadline::NEVER).expect("a message comes");
    assert_eq!(received.len, 8);
    assert_eq!(buffer[..8], wanted.to_le_bytes());
}

/// The word of an empty message in the lap of `position`, `laps` later: what a payload imitates.
pub(crate) fn lookalike(position: u64, laps: u64) -> u64 {
    let stamp = u64::from(STAMP) + position / CAPACITY + laps;
    stamp << 32 | 1 << 31
}
