//! What the counters say, and when; and what somebody sees of a ring who is neither side.

use super::{Heap, Reach, ring};
use crate::error::{RecvError, SendError, What};
use crate::layout::{HEAD, Participant};
use crate::ring::spsc::{Backlog, Consumer, Producer};
use crate::ring::{Geometry, Role, word};
use crate::sync::{Deadline, Memory, Ordering};
use core::mem::offset_of;
use std::collections::VecDeque;
use std::time::Duration;

/// Messages, bytes and waits of a side, as they are shown.
fn shown(producer: &Producer<Reach>, role: Role) -> [u64; 3] {
    let at = [
        offset_of!(Participant, messages),
        offset_of!(Participant, bytes),
        offset_of!(Participant, waits),
    ];
    at.map(|field| producer.area.noted(role, field))
}

fn geometry(capacity: u64) -> Geometry {
    Geometry::new(capacity, 0xffff_fffe).expect("a good geometry")
}

fn backlog(producer: &Producer<Reach>, capacity: u64) -> Backlog {
    // SAFETY: the memory behind it is the whole segment of a ring of that capacity.
    unsafe { Backlog::of(*producer.area.memory(), geometry(capacity)) }
}

/// The lengths of some messages: runs of one length, single ones, short, long, empty.
fn lens(seed: usize) -> impl Iterator<Item = usize> {
    let lens = [8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 56, 56, 3, 56, 0, 200, 200, 64, 64, 64, 64, 1];
    (0..).map(move |i| lens[(i + seed) % lens.len()])
}

#[test]
fn every_way_of_receiving_counts_the_messages_and_bytes_it_took() {
    let by_recv = |consumer: &mut Consumer<Reach>, len: usize| {
        consumer.try_recv(&mut vec![0; len]).expect("it was sent");
    };
    let by_larger = |consumer: &mut Consumer<Reach>, _: usize| {
        consumer.try_recv(&mut [0; 300]).expect("it was sent");
    };
    let by_peek = |consumer: &mut Consumer<Reach>, _: usize| {
        consumer.try_peek().expect("it was sent").release();
    };
    let by_drain = |consumer: &mut Consumer<Reach>, _: usize| {
        assert_eq!(consumer.drain(1, |_| {}), Ok(1));
    };
    let by_batch = |consumer: &mut Consumer<Reach>, _: usize| {
        let mut batch = consumer.batch(Deadline::PASSED).expect("it was sent");
        while batch.gather().is_some() {}
        batch.release(1);
    };
    let by_array = |consumer: &mut Consumer<Reach>, len: usize| match len {
        8 => drop(consumer.try_recv_array::<8>().expect("it was sent")),
        64 => drop(consumer.try_recv_array::<64>().expect("it was sent")),
        _ => drop(consumer.try_recv(&mut [0; 300]).expect("it was sent")),
    };
    type Way<'w> = &'w dyn Fn(&mut Consumer<Reach>, usize);
    let ways: [Way<'_>; 6] = [&by_recv, &by_larger, &by_peek, &by_drain, &by_batch, &by_array];
    for mixed in 0..=ways.len() {
        for seed in 0..if cfg!(miri) { 1 } else { 23 } {
            let (_heap, mut producer, mut consumer) = ring(1024);
            let (mut messages, mut bytes) = (0, 0);
            let (mut lens, mut sent) = (lens(seed), Vec::new());
            // A dozen laps, in bursts, so that the ring's end falls anywhere.
            for burst in 0..if cfg!(miri) { 12 } else { 60 } {
                for len in (&mut lens).take(burst % 7 + 1) {
                    match producer.try_send(&vec![1; len]) {
                        Ok(_) => sent.push(len),
                        Err(error) => assert_eq!(error, SendError::Full),
                    }
                }
                for (index, len) in sent.drain(..).enumerate() {
                    // The last round takes a way after the other.
                    ways[if mixed < 6 { mixed } else { (index * index + burst) % 6 }](
                        &mut consumer,
                        len,
                    );
                    (messages, bytes) = (messages + 1, bytes + len as u64);
                }
                // An empty ring hides nothing.
                assert_eq!(consumer.try_recv(&mut []), Err(RecvError::Empty));
                let received = shown(&producer, Role::Consumer);
                assert_eq!(received, [messages, bytes, 0], "way {mixed}, seed {seed}");
            }
            producer.publish_counters();
            assert_eq!(shown(&producer, Role::Producer), [messages, bytes, 0]);
        }
    }
}

#[test]
fn every_way_of_sending_counts_what_is_in_the_ring() {
    let (_heap, mut producer, mut consumer) = ring(1024);
    producer.try_send(&[0; 5]).expect("there is room");
    producer.send(&[0; 200], Deadline::NEVER).expect("there is room");
    producer.send_batch(&[[0; 12]; 9], Deadline::NEVER).expect("there is room");
    let claim = producer.try_claim(100).expect("there is room");
    claim.commit(70);
    let _ = producer.try_claim(100).expect("there is room");
    assert_eq!(shown(&producer, Role::Producer), [0; 3], "nothing is stored for a message");
    producer.publish_counters();
    assert_eq!(shown(&producer, Role::Producer), [12, 383, 0]);
    assert_eq!(consumer.drain(100, |_| {}), Ok(12));
}

#[test]
fn what_is_shown_is_behind_by_a_ring_at_most() {
    for len in [0, 8, 40, 300] {
        let (_heap, mut producer, mut consumer) = ring(1024);
        let mut taken = 0;
        for sent in 1..if cfg!(miri) { 30 } else { 2_000 } {
            producer.try_send(&vec![0; len]).expect("there is room");
            // Never empty: a message stays.
            if sent > 1 {
                consumer.try_recv(&mut vec![0; len]).expect("it was sent");
                taken += 1;
            }
            let record = word::record_bytes(len as u64);
            let [told, ..] = shown(&producer, Role::Producer);
            assert!((sent - told) * record <= 1024 + record, "sent {sent}, told {told}");
            let [told, ..] = shown(&producer, Role::Consumer);
            assert!((taken - told) * record <= 1024 + record, "taken {taken}, told {told}");
        }
    }
}

#[test]
fn a_wait_is_shown_at_once_and_one_that_finds_something_is_none() {
    let soon = || Deadline::after(Duration::from_millis(2));
    let (_heap, mut producer, mut consumer) = ring(64);
    for waits in 1..4 {
        assert_eq!(consumer.recv(&mut [0; 8], soon()), Err(RecvError::Timeout));
        assert_eq!(shown(&producer, Role::Consumer)[2], waits);
    }
    assert_eq!(consumer.recv(&mut [0; 8], Deadline::PASSED), Err(RecvError::Timeout));
    while producer.try_send(&[0; 8]).is_ok() {}
    assert_eq!(shown(&producer, Role::Producer), [4, 32, 0], "a full ring hides nothing");
    for waits in 1..4 {
        assert_eq!(producer.send(&[0; 8], soon()), Err(SendError::Timeout));
        assert_eq!(shown(&producer, Role::Producer)[2], waits);
    }
    consumer.recv(&mut [0; 8], soon()).expect("it was sent");
    assert_eq!(shown(&producer, Role::Consumer)[2], 3);
}

#[test]
fn a_successor_goes_on_counting_where_its_predecessor_stopped() {
    let geometry = geometry(1024);
    let mut heap = Heap::new(geometry);
    let reach = heap.reach();
    for round in 1..4 {
        // SAFETY: the heap block has the geometry's size; one producer, one consumer.
        let mut producer = unsafe { Producer::attach(reach, geometry) }.expect("a good ring");
        // SAFETY: as above.
        let mut consumer = unsafe { Consumer::attach(reach, geometry) }.expect("a good ring");
        for _ in 0..3 {
            producer.try_send(&[0; 10]).expect("there is room");
            consumer.try_recv(&mut [0; 16]).expect("it was sent");
        }
        consumer.close();
        producer.publish_counters();
        let totals = [3 * round, 30 * round, 0];
        assert_eq!(shown(&producer, Role::Producer), totals);
        assert_eq!(shown(&producer, Role::Consumer), totals);
        if round == 2 {
            // One that is killed has shown no more than that.
            std::mem::forget(producer);
        }
    }
    // Whatever stands there: nothing rests on it.
    // SAFETY: a word of a participant.
    unsafe { reach.note(crate::layout::PRODUCER + offset_of!(Participant, bytes), u64::MAX) };
    // SAFETY: as above.
    let mut producer = unsafe { Producer::attach(reach, geometry) }.expect("a good ring");
    // SAFETY: as above.
    let _consumer = unsafe { Consumer::attach(reach, geometry) }.expect("a good ring");
    producer.try_send(&[0; 4]).expect("there is room");
    producer.publish_counters();
    assert_eq!(shown(&producer, Role::Producer), [10, 3, 0], "counters wrap");
}

#[test]
fn somebody_else_sees_what_is_unread_to_the_message() {
    let (_heap, mut producer, mut consumer) = ring(1024);
    let mut unread = VecDeque::new();
    for len in lens(0).take(if cfg!(miri) { 50 } else { 500 }) {
        let message = vec![0xa5; len];
        while producer.try_send(&message).is_err() {
            consumer.try_peek().expect("the ring is full").release();
            consumer.flush();
            unread.pop_front();
        }
        unread.push_back(len as u64);
        let seen = backlog(&producer, 1024);
        assert!(seen.exact && seen.corruption.is_none(), "{seen:?}");
        assert_eq!((seen.head, seen.tail), (consumer.position(), producer.position()));
        let (messages, bytes) = (unread.len() as u64, unread.iter().sum());
        assert_eq!((seen.messages, seen.bytes), (messages, bytes));
    }
}

#[test]
fn garbage_ends_the_walk_where_it_stands() {
    let (_heap, mut producer, _consumer) = ring(1024);
    producer.try_send(&[0; 8]).expect("there is room");
    let second = producer.try_send(&[0; 8]).expect("there is room");
    let good = producer.area.word(second, Ordering::Relaxed);
    for (len, wrong) in [(441, true), (0x3fff_ffff, true), (1 << 30, true), (440, false)] {
        let word = good & !0xffff_ffff | 1 << 31 | len;
        producer.area.set_word(second, word, Ordering::Relaxed);
        let seen = backlog(&producer, 1024);
        let found = seen.corruption.map(|corruption| (corruption.what, corruption.at));
        assert_eq!(found, wrong.then_some((What::Word, second)), "{len:#x}");
        assert_eq!(seen.messages, if wrong { 1 } else { 2 });
    }
    for head in [1, 4, u64::MAX, u64::MAX - 7, 1 << 63] {
        // SAFETY: a control word.
        unsafe { producer.area.memory().store(HEAD, head, Ordering::Relaxed) };
        let seen = backlog(&producer, 1024);
        let found = seen.corruption.map(|corruption| (corruption.what, corruption.at));
        assert_eq!(found, Some((What::Head, head)));
    }
}
