//! The spsc ring between two threads, without crashes.
#![cfg(loom)]

mod common;

use annulus::ring::Geometry;
use annulus::ring::spsc::{Consumer, Producer};
use annulus::{Deadline, RecvError, SendError};
use annulus_loom_tests::{Modelled, Ring};
use common::{
    STAMP, consumer, expect_word, geometry, lookalike, model, producer, ring_at, sender_of,
};
use loom::thread;

#[test]
fn a_message_is_seen_whole_or_not_at_all() {
    model(|| {
        let ring = Ring::fresh(geometry());
        let producer = producer(Modelled::over(&ring));
        let mut consumer = consumer(Modelled::over(&ring));
        let sender = sender_of(producer, [1, 2]);
        expect_word(&mut consumer, 1);
        expect_word(&mut consumer, 2);
        std::mem::forget(consumer);
        sender.join().expect("the sender ends");
    });
}

/// The short way of receiving wants a buffer of the message's length, and an eighth of the ring.
#[test]
fn a_message_is_seen_whole_or_not_at_all_also_by_the_short_way() {
    model(|| {
        let geometry = Geometry::new(256, STAMP).expect("a good geometry");
        let ring = Ring::fresh(geometry);
        // SAFETY: the ring has the geometry's size, and one producer and one consumer.
        let producer = unsafe { Producer::attach(Modelled::over(&ring), geometry) };
        let mut producer = producer.expect("nothing is corrupted");
        // SAFETY: as above.
        let consumer = unsafe { Consumer::attach(Modelled::over(&ring), geometry) };
        let mut consumer = consumer.expect("nothing is corrupted");
        // From its second message on a producer knows its room.
        producer.try_send(&1u64.to_le_bytes()).expect("there is room");
        consumer.try_recv(&mut [0; 16]).expect("it is there");
        let sender = thread::spawn(move || {
            producer.try_send(&2u64.to_le_bytes()).expect("there is room");
            std::mem::forget(producer);
        });
        let mut buffer = [0; 8];
        while consumer.try_recv(&mut buffer).is_err() {
            thread::yield_now();
        }
        assert_eq!(buffer, 2u64.to_le_bytes());
        std::mem::forget(consumer);
        sender.join().expect("the sender ends");
    });
}

/// The first goes by itself, since an attached producer does not know its room yet.
#[test]
fn messages_that_are_shown_together_are_seen_in_order_and_whole() {
    model(|| {
        let ring = ring_at(0);
        let mut producer = producer(Modelled::over(&ring));
        let mut consumer = consumer(Modelled::over(&ring));
        let sender = thread::spawn(move || {
            let messages = [1u64, 2, 3].map(u64::to_le_bytes);
            producer.send_batch(&messages, Deadline::PASSED).expect("there is room");
            std::mem::forget(producer);
        });
        for word in 1..=3 {
            expect_word(&mut consumer, word);
        }
        std::mem::forget(consumer);
        sender.join().expect("the sender ends");
    });
}

#[test]
fn padding_at_the_wrap_is_passed_over() {
    model(|| {
        let ring = ring_at(48);
        let mut producer = producer(Modelled::over(&ring));
        let mut consumer = consumer(Modelled::over(&ring));
        let sender = thread::spawn(move || {
            let words = [3u64.to_le_bytes(), 4u64.to_le_bytes()].concat();
            producer.try_send(&words).expect("there is room");
            std::mem::forget(producer);
        });
        let mut buffer = [0; 16];
        let received = consumer.recv(&mut buffer, Deadline::NEVER).expect("a message comes");
        assert_eq!((received.len, received.position), (16, 64));
        assert_eq!(buffer, [3u64.to_le_bytes(), 4u64.to_le_bytes()].concat()[..]);
        std::mem::forget(consumer);
        sender.join().expect("the sender ends");
    });
}

#[test]
fn a_full_ring_is_written_again_only_after_it_was_read() {
    model(|| {
        let ring = ring_at(0);
        let mut producer = producer(Modelled::over(&ring));
        let mut consumer = consumer(Modelled::over(&ring));
        // Room for one more after these: a send waits for the consumer's release.
        for word in 0..3u64 {
            producer.try_send(&word.to_le_bytes()).expect("there is room");
        }
        let sender = thread::spawn(move || {
            // The second of these lies where the first three were.
            producer.send(&3u64.to_le_bytes(), Deadline::NEVER).expect("room comes");
            producer.send(&4u64.to_le_bytes(), Deadline::NEVER).expect("room comes");
            std::mem::forget(producer);
        });
        for word in 0..5 {
            expect_word(&mut consumer, word);
        }
        std::mem::forget(consumer);
        sender.join().expect("the sender ends");
    });
}

#[test]
fn a_record_looked_at_in_place_is_not_overwritten_before_its_release() {
    model(|| {
        let ring = ring_at(0);
        let mut producer = producer(Modelled::over(&ring));
        let mut consumer = consumer(Modelled::over(&ring));
        for word in 0..3u64 {
            producer.try_send(&word.to_le_bytes()).expect("there is room");
        }
        let sender = thread::spawn(move || {
            producer.send(&3u64.to_le_bytes(), Deadline::NEVER).expect("room comes");
            producer.send(&4u64.to_le_bytes(), Deadline::NEVER).expect("room comes");
            std::mem::forget(producer);
        });
        for word in 0..5u64 {
            let mut batch = consumer.batch(Deadline::NEVER).expect("a message comes");
            let mut bytes = [0; 8];
            batch.gather().expect("it is there").read(0, &mut bytes);
            assert_eq!(bytes, word.to_le_bytes());
            batch.release(1);
        }
        std::mem::forget(consumer);
        sender.join().expect("the sender ends");
    });
}

#[test]
fn a_successor_never_overwrites_what_is_still_being_read() {
    model(|| {
        let ring = ring_at(0);
        let mut first = producer(Modelled::over(&ring));
        let mut consumer = consumer(Modelled::over(&ring));
        for word in 0..3u64 {
            first.try_send(&word.to_le_bytes()).expect("there is room");
        }
        std::mem::forget(first);
        let sender = thread::spawn(move || {
            let mut successor = producer(Modelled::over(&ring));
            successor.send(&3u64.to_le_bytes(), Deadline::NEVER).expect("room comes");
            successor.send(&4u64.to_le_bytes(), Deadline::NEVER).expect("room comes");
            std::mem::forget(successor);
        });
        for word in 0..5 {
            expect_word(&mut consumer, word);
        }
        std::mem::forget(consumer);
        sender.join().expect("the sender ends");
    });
}

#[test]
fn a_payload_that_imitates_the_next_lap_is_never_taken_for_a_record() {
    model(|| {
        let ring = ring_at(0);
        let mut producer = producer(Modelled::over(&ring));
        let mut consumer = consumer(Modelled::over(&ring));
        // Words for the cells at 8 and 16, at which the next lap will look for records.
        let imitation = [lookalike(0, 1).to_le_bytes(), lookalike(0, 1).to_le_bytes()].concat();
        producer.try_send(&imitation).expect("there is room");
        consumer.try_recv(&mut [0; 16]).expect("it is there");
        while producer.position() < 64 {
            producer.try_send(b"").expect("there is room");
            consumer.try_recv(&mut []).expect("it is there");
        }
        consumer.flush();
        let sender = thread::spawn(move || {
            producer.send(b"", Deadline::NEVER).expect("there is room");
            producer.send(&5u64.to_le_bytes(), Deadline::NEVER).expect("there is room");
            std::mem::forget(producer);
        });
        let first = consumer.recv(&mut [0; 16], Deadline::NEVER).expect("a message comes");
        assert_eq!((first.len, first.position), (0, 64));
        expect_word(&mut consumer, 5);
        assert_eq!(consumer.try_recv(&mut [0; 16]), Err(RecvError::Empty));
        std::mem::forget(consumer);
        sender.join().expect("the sender ends");
    });
}

#[test]
fn dropped_and_shortened_claims_are_never_seen() {
    model(|| {
        let ring = ring_at(0);
        let mut producer = producer(Modelled::over(&ring));
        let mut consumer = consumer(Modelled::over(&ring));
        let sender = thread::spawn(move || {
            // This lap's word at the cell where the next record's word would be.
            let imitation = lookalike(0, 0).to_le_bytes();
            let mut dropped = producer.try_claim(16).expect("there is room");
            dropped.write(0, &imitation);
            drop(dropped);
            let mut shortened = producer.try_claim(16).expect("there is room");
            shortened.write(0, &6u64.to_le_bytes());
            shortened.write(8, &imitation);
            shortened.commit(8);
            std::mem::forget(producer);
        });
        expect_word(&mut consumer, 6);
        assert_eq!(consumer.try_recv(&mut [0; 16]), Err(RecvError::Empty));
        std::mem::forget(consumer);
        sender.join().expect("the sender ends");
    });
}

#[test]
fn closed_is_reported_only_after_the_last_message() {
    model(|| {
        let ring = Ring::fresh(geometry());
        let mut producer = producer(Modelled::over(&ring));
        let mut consumer = consumer(Modelled::over(&ring));
        let sender = thread::spawn(move || {
            producer.try_send(&7u64.to_le_bytes()).expect("there is room");
            producer.close();
        });
        // By tries, which look at the gate at once where no record is seen; a wait looks at the
        // word alone for so long that the gate is read when all has come.
        let mut buffer = [0; 16];
        let mut received = 0;
        let end = loop {
            match consumer.try_recv(&mut buffer) {
                Ok(_) => received += u64::from_le_bytes(*buffer.first_chunk().expect("a word")),
                Err(RecvError::Empty) => thread::yield_now(),
                Err(end) => break end,
            }
        };
        assert_eq!((received, end), (7, RecvError::Closed));
        std::mem::forget(consumer);
        sender.join().expect("the sender ends");
    });
}

#[test]
fn a_producer_that_waits_for_room_sees_the_consumer_close() {
    model(|| {
        let ring = Ring::fresh(geometry());
        let mut producer = producer(Modelled::over(&ring));
        let mut consumer = consumer(Modelled::over(&ring));
        for word in 0..4u64 {
            producer.try_send(&word.to_le_bytes()).expect("there is room");
        }
        let receiver = thread::spawn(move || {
            expect_word(&mut consumer, 0);
            consumer.close();
        });
        let mut sent = 0;
        let end = loop {
            match producer.send(&9u64.to_le_bytes(), Deadline::NEVER) {
                Ok(_) => sent += 1,
                Err(error) => break error,
            }
        };
        assert!(sent <= 1 && end == SendError::PeerClosed);
        std::mem::forget(producer);
        receiver.join().expect("the receiver ends");
    });
}

#[test]
fn a_ring_is_reopened_under_a_waiting_consumer() {
    model(|| {
        let ring = Ring::fresh(geometry());
        let first = producer(Modelled::over(&ring));
        let mut consumer = consumer(Modelled::over(&ring));
        let sender = thread::spawn(move || {
            let memory = Modelled::over(&ring);
            first.close();
            let mut second = producer(memory);
            second.try_send(&8u64.to_le_bytes()).expect("there is room");
            std::mem::forget(second);
        });
        let mut buffer = [0; 16];
        loop {
            match consumer.recv(&mut buffer, Deadline::NEVER) {
                Ok(received) => break assert_eq!(received.len, 8),
                Err(RecvError::Closed) => thread::yield_now(),
                Err(other) => panic!("received {other:?}"),
            }
        }
        assert_eq!(buffer[..8], 8u64.to_le_bytes());
        std::mem::forget(consumer);
        sender.join().expect("the sender ends");
    });
}
