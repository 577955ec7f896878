//! Participants of a ring of many that sleep, and no wake that is lost: a lost one leaves a model
//! in which nobody moves any more, and loom says so.
#![cfg(loom)]

mod common;

use annulus::Deadline;
use annulus::ring::Barrier;
use annulus::ring::mpmc::{Producer, RecvError, SendError};
use annulus_loom_tests::Seated;
use common::many::{Came, Room, away, recv_asleep, send};
use common::model;
use loom::thread;

const FORMS: [Barrier; 2] = [Barrier::Fence, Barrier::Membarrier];

#[test]
fn a_receiver_is_woken_by_each_message() {
    for form in FORMS {
        model(move || {
            let room = Room::parking(2, form);
            let (mut producer, mut consumer) = (room.producer(), room.consumer());
            let sender = thread::spawn(move || {
                send(&mut producer, 1);
                send(&mut producer, 2);
                away(producer);
            });
            assert_eq!(recv_asleep(&mut consumer), Came::Number(1, false));
            assert_eq!(recv_asleep(&mut consumer), Came::Number(2, false));
            away(consumer);
            sender.join().expect("the sender ends");
        });
    }
}

#[test]
fn a_sender_at_a_full_ring_is_woken_by_a_release() {
    for form in FORMS {
        model(move || {
            let room = Room::parking(2, form);
            let (mut producer, mut consumer) = (room.producer(), room.consumer());
            send(&mut producer, 0);
            send(&mut producer, 1);
            let sender = thread::spawn(move || {
                producer.send(&2u64.to_le_bytes(), Deadline::NEVER).expect("room comes");
                away(producer);
            });
            assert_eq!(recv_asleep(&mut consumer), Came::Number(0, false));
            consumer.flush();
            away(consumer);
            sender.join().expect("the sender ends");
        });
    }
}

/// A sender of more than there is room for tells those who could make it, before it waits for it.
#[test]
fn a_batch_and_a_drain_larger_than_the_ring_come_to_their_end() {
    model(|| {
        let room = Room::parking(2, Barrier::Fence);
        let (mut producer, mut consumer) = (room.producer(), room.consumer());
        let sender = thread::spawn(move || {
            let batch = [0u64, 1, 2].map(u64::to_le_bytes);
            producer.send_batch(&batch, Deadline::NEVER).expect("room comes");
            away(producer);
        });
        assert_eq!(recv_asleep(&mut consumer), Came::Number(0, false));
        let mut came = 1;
        while came < 3 {
            match consumer.drain(3, |_| {}) {
                Ok(some) => came += some,
                Err(error) => {
                    assert_eq!(error, RecvError::Empty);
                    thread::yield_now();
                }
            }
        }
        away(consumer);
        sender.join().expect("the sender ends");
    });
}

#[test]
fn a_gap_wakes_a_receiver() {
    model(|| {
        let room = Room::parking(2, Barrier::Fence);
        let (mut producer, mut consumer) = (room.producer(), room.consumer());
        let sender = thread::spawn(move || {
            drop(producer.try_claim(8).expect("there is room"));
            away(producer);
        });
        assert_eq!(recv_asleep(&mut consumer), Came::Gap(0));
        away(consumer);
        sender.join().expect("the sender ends");
    });
}

#[test]
fn a_gap_that_is_passed_wakes_a_sender() {
    model(|| {
        let room = Room::parking(2, Barrier::Fence);
        let (mut producer, mut consumer) = (room.producer(), room.consumer());
        drop(producer.try_claim(8).expect("there is room"));
        send(&mut producer, 1);
        let sender = thread::spawn(move || {
            producer.send(&2u64.to_le_bytes(), Deadline::NEVER).expect("room comes");
            away(producer);
        });
        assert_eq!(recv_asleep(&mut consumer), Came::Gap(0));
        away(consumer);
        sender.join().expect("the sender ends");
    });
}

/// Two receivers that sleep, a message that is being written, and what `behind` puts behind it:
/// that wakes somebody who cannot take it; and the message, when it is there, wakes one only.
fn both_are_woken(behind: fn(&mut Producer<Seated>), wanted: Came) {
    model(move || {
        let room = Room::parking(4, Barrier::Fence);
        let (mut producer, mut other) = (room.producer(), room.producer());
        let consumers = [room.consumer(), room.consumer()];
        let mut claim = producer.try_claim(8).expect("there is room");
        behind(&mut other);
        let receivers = consumers.map(|mut consumer| {
            thread::spawn(move || {
                let came = recv_asleep(&mut consumer);
                away(consumer);
                came
            })
        });
        claim.write(0, &1u64.to_le_bytes());
        claim.commit(8);
        away((producer, other));
        let mut came = receivers.map(|thread| thread.join().expect("it ends"));
        came.sort_unstable();
        assert_eq!(came, [Came::Number(1, false), wanted]);
    });
}

/// Hole 12 of the first drawing.
#[test]
fn a_message_behind_one_that_is_being_written_finds_its_receiver() {
    both_are_woken(|other| send(other, 2), Came::Number(2, false));
}

/// The same for a gap, of which one is told, too.
#[test]
fn a_gap_behind_a_message_that_is_being_written_finds_its_receiver() {
    both_are_woken(|other| drop(other.try_claim(8).expect("there is room")), Came::Gap(1));
}

#[test]
fn the_last_sender_that_leaves_wakes_a_receiver() {
    for form in FORMS {
        model(move || {
            let room = Room::parking(2, form);
            let (producer, mut consumer) = (room.producer(), room.consumer());
            let sender = thread::spawn(move || producer.close());
            let end = consumer.recv(&mut [0; 8], Deadline::NEVER);
            assert_eq!(end, Err(RecvError::Closed));
            away(consumer);
            sender.join().expect("the sender ends");
        });
    }
}

#[test]
fn what_a_receiver_gives_back_wakes_another_one() {
    model(|| {
        let room = Room::parking(3, Barrier::Fence);
        let (mut producer, mut consumer) = (room.producer(), room.consumer());
        let mut other = room.consumer();
        send(&mut producer, 1);
        assert_eq!(consumer.try_take().map(|taken| taken.position()), Ok(0));
        let leaver = thread::spawn(move || drop(consumer));
        assert_eq!(recv_asleep(&mut other), Came::Number(1, true));
        away((producer, other));
        leaver.join().expect("it ends");
    });
}

/// The one who repairs does not receive, and the one who sleeps is blocked elsewhere: by a claim
/// that stands, in the other slot.
#[test]
fn what_a_sender_repairs_wakes_a_receiver_that_finds_it() {
    model(|| {
        let room = Room::parking(4, Barrier::Fence);
        let (mut producer, mut holder) = (room.producer(), room.producer());
        let (mut dead, mut consumer) = (room.consumer(), room.consumer());
        send(&mut producer, 1);
        assert_eq!(dead.try_take().map(|taken| taken.position()), Ok(0));
        let participant = dead.participant();
        away(dead);
        away(holder.try_claim(8).expect("there is room"));
        let elsewhere = room.clone();
        let sender = thread::spawn(move || {
            elsewhere.hall.bury(participant);
            assert_eq!(producer.try_send(&[0; 8]), Err(SendError::Full));
            producer.repair();
            away(producer);
        });
        assert_eq!(recv_asleep(&mut consumer), Came::Number(1, true));
        away((holder, consumer));
        sender.join().expect("the sender ends");
    });
}
