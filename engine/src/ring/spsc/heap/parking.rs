//! Beds and bells, without anybody who really sleeps: the tests lie down in a peer's place.

use super::{Consumer, Heap, Producer, Reach};
use crate::layout::{Bed, CONSUMER, CONSUMER_BED, PRODUCER_BED, Participant};
use crate::ring::{Barrier, Geometry, Waiting, Wake};
use crate::sync::{Deadline, Memory, Ordering};
use core::mem::offset_of;
use std::time::Duration;

const PARKING: Waiting = Waiting::Park { spins: false, barrier: Barrier::Fence, wake: Wake::Futex };

fn geometry(waiting: Waiting) -> Geometry {
    Geometry::new(1024, 7).expect("a good geometry").waiting_by(waiting)
}

fn producer(heap: &mut Heap, waiting: Waiting) -> Producer<Reach> {
    // SAFETY: the heap block has the geometry's size; one producer at a time.
    unsafe { Producer::attach(heap.reach(), geometry(waiting)) }.expect("nothing is corrupted")
}

fn consumer(heap: &mut Heap, waiting: Waiting) -> Consumer<Reach> {
    // SAFETY: as above.
    unsafe { Consumer::attach(heap.reach(), geometry(waiting)) }.expect("nothing is corrupted")
}

fn lie_down(heap: &mut Heap, bed: usize, number: u64, wanted: u64) {
    heap.0[(bed + offset_of!(Bed, wanted)) / 8] = wanted;
    heap.0[(bed + offset_of!(Bed, asleep)) / 8] = number;
}

fn rings(heap: &Heap, bed: usize) -> u64 {
    heap.0[(bed + offset_of!(Bed, bell)) / 8]
}

#[test]
fn a_message_rings_once_for_each_time_that_the_receiver_lies_down() {
    let mut heap = Heap::new(geometry(PARKING));
    let mut producer = producer(&mut heap, PARKING);
    let mut send = || producer.try_send(&[1; 8]).map(|_| ()).expect("there is room");
    send();
    assert_eq!(rings(&heap, CONSUMER_BED), 0, "nobody sleeps");
    for (number, expected) in [(1, 1), (1, 1), (2, 1), (3, 2), (5, 3), (6, 3)] {
        lie_down(&mut heap, CONSUMER_BED, number, 0);
        send();
        send();
        assert_eq!(rings(&heap, CONSUMER_BED), expected, "at {number}");
    }
}

#[test]
fn every_way_to_send_rings() {
    let ways: [fn(&mut Producer<Reach>); 5] = [
        |producer| assert!(producer.try_send(&[1; 8]).is_ok()),
        |producer| assert!(producer.send(&[1; 200], Deadline::PASSED).is_ok()),
        |producer| assert!(producer.send_all([[1; 8]; 2], Deadline::PASSED).is_ok()),
        |producer| assert!(producer.send_batch(&[[1; 8]; 2], Deadline::PASSED).is_ok()),
        |producer| assert!(producer.try_claim(8).map(|claim| claim.commit(8)).is_ok()),
    ];
    for (way, send) in ways.into_iter().enumerate() {
        let mut heap = Heap::new(geometry(PARKING));
        let mut producer = producer(&mut heap, PARKING);
        // The second time room is known.
        for (number, expected) in [(1, 1), (3, 2)] {
            lie_down(&mut heap, CONSUMER_BED, number, 0);
            send(&mut producer);
            assert_eq!(rings(&heap, CONSUMER_BED), expected, "way {way}");
        }
    }
}

#[test]
fn a_release_rings_when_the_position_is_reached_that_the_sender_waits_for_and_not_before() {
    let mut heap = Heap::new(geometry(PARKING));
    let mut producer = producer(&mut heap, PARKING);
    let mut consumer = consumer(&mut heap, PARKING);
    for _ in 0..40 {
        producer.try_send(&[1; 8]).expect("there is room");
    }
    lie_down(&mut heap, PRODUCER_BED, 1, 16 * 20);
    for received in 1..=40 {
        consumer.try_recv(&mut [0; 8]).expect("it is there");
        consumer.flush();
        assert_eq!(rings(&heap, PRODUCER_BED), u64::from(received >= 20), "after {received}");
    }
}

#[test]
fn a_close_rings_whatever_the_sender_waits_for() {
    let mut heap = Heap::new(geometry(PARKING));
    let consumer = consumer(&mut heap, PARKING);
    lie_down(&mut heap, PRODUCER_BED, 1, u64::MAX);
    drop(consumer);
    assert_eq!(rings(&heap, PRODUCER_BED), 1);
}

#[test]
fn who_joins_rings_for_who_sleeps_already() {
    let mut heap = Heap::new(geometry(PARKING));
    lie_down(&mut heap, CONSUMER_BED, 7, 0);
    let _producer = producer(&mut heap, PARKING);
    assert_eq!(rings(&heap, CONSUMER_BED), 1);
}

#[test]
fn a_successor_gets_up_for_one_who_died_asleep() {
    let mut heap = Heap::new(geometry(PARKING));
    lie_down(&mut heap, CONSUMER_BED, 7, 0);
    let _consumer = consumer(&mut heap, PARKING);
    assert_eq!(heap.0[(CONSUMER_BED + offset_of!(Bed, asleep)) / 8], 8);
}

#[test]
fn nobody_rings_in_a_ring_that_spins() {
    let mut heap = Heap::new(geometry(Waiting::Spin));
    let mut producer = producer(&mut heap, Waiting::Spin);
    lie_down(&mut heap, CONSUMER_BED, 1, 0);
    producer.try_send(&[1; 8]).expect("there is room");
    drop(producer);
    assert_eq!(rings(&heap, CONSUMER_BED), 0);
}

/// What the sleepers of a ring count whose slices' ends find three messages, from a sender that
/// thinks its ring is one of `waiting`.
fn backstop_after_three(waiting: Waiting) -> u64 {
    let mut heap = Heap::new(geometry(PARKING));
    let mut producer = producer(&mut heap, waiting);
    let mut consumer = consumer(&mut heap, PARKING);
    let reach = heap.reach();
    let sender = std::thread::spawn(move || {
        for number in [1, 3, 5] {
            // ORDERING: Acquire: whoever lies there looks no more before its slice is over.
            // SAFETY: a word of the bed.
            while unsafe { reach.load(CONSUMER_BED, Ordering::Acquire) } != number {
                std::thread::yield_now();
            }
            std::thread::sleep(Duration::from_millis(20));
            producer.try_send(&[number as u8; 8]).expect("there is room");
        }
        std::mem::forget(producer);
    });
    for number in [1, 3, 5] {
        let mut buffer = [0; 8];
        consumer.recv(&mut buffer, Deadline::NEVER).expect("a message");
        assert_eq!(buffer, [number; 8]);
    }
    drop(consumer);
    sender.join().expect("it ends");
    heap.0[(CONSUMER + offset_of!(Participant, backstop)) / 8]
}

#[test]
#[cfg_attr(miri, ignore = "sleeps")]
fn slices_whose_ends_find_work_are_counted_whether_there_was_no_ring_or_no_wake() {
    assert_eq!(backstop_after_three(Waiting::Spin), 3, "who never rings");
    assert_eq!(backstop_after_three(PARKING), 3, "who rings, and nobody hears it");
}
