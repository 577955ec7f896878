//! The spsc ring when one side dies before any of its shared accesses, and a successor takes
//! over while the other side goes on. A role changes hands by a lock; here, by the order of one
//! thread.
#![cfg(loom)]

mod common;

use annulus::{Deadline, RecvError};
use annulus_loom_tests::{Modelled, Ring, crash_point, survived};
use common::{consumer, expect_word, geometry, lookalike, model, producer, ring_at};
use loom::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs a model for every crash point; `run` says whether the victim died in it.
fn at_every_access(run: impl Fn(u32) -> bool + Clone + Send + Sync + 'static) {
    let points = crash_point(|accesses| {
        let died = Arc::new(AtomicBool::new(false));
        let (run, seen) = (run.clone(), died.clone());
        model(move || {
            if run(accesses) {
                seen.store(true, Ordering::Relaxed);
            }
        });
        died.load(Ordering::Relaxed)
    });
    assert!(points > 3, "the victim has died at {points} accesses only");
}

#[test]
fn a_producer_that_dies_in_a_send_leaves_the_message_whole_or_not_at_all() {
    at_every_access(|accesses| {
        let ring = ring_at(0);
        let mut consumer = consumer(Modelled::over(&ring));
        let sender = thread::spawn(move || {
            let memory = Modelled::dying_before(&ring, accesses);
            let done = survived(|| {
                let mut victim = producer(memory);
                let sent = victim.try_send(&1u64.to_le_bytes());
                std::mem::forget(victim);
                sent.expect("there is room");
            });
            let mut successor = producer(Modelled::over(&ring));
            successor.try_send(&2u64.to_le_bytes()).expect("there is room");
            std::mem::forget(successor);
            done.is_none()
        });
        let mut buffer = [0; 16];
        let first = consumer.recv(&mut buffer, Deadline::NEVER).expect("a message comes");
        assert_eq!(first.len, 8);
        let died_before_commit = buffer[..8] == 2u64.to_le_bytes();
        if !died_before_commit {
            assert_eq!(buffer[..8], 1u64.to_le_bytes());
            expect_word(&mut consumer, 2);
        }
        assert_eq!(consumer.try_recv(&mut buffer), Err(RecvError::Empty));
        std::mem::forget(consumer);
        let died = sender.join().expect("the sender ends");
        assert!(died || !died_before_commit, "a send that returned was lost");
        died
    });
}

#[test]
fn a_producer_that_dies_in_a_batch_has_sent_a_beginning_of_it() {
    at_every_access(|accesses| {
        let ring = ring_at(0);
        let mut consumer = consumer(Modelled::over(&ring));
        let sender = thread::spawn(move || {
            let memory = Modelled::dying_before(&ring, accesses);
            let done = survived(|| {
                let mut victim = producer(memory);
                let messages = [1u64, 2, 3].map(u64::to_le_bytes);
                let sent = victim.send_batch(&messages, Deadline::PASSED);
                std::mem::forget(victim);
                sent.expect("there is room");
            });
            let mut successor = producer(Modelled::over(&ring));
            successor.try_send(&4u64.to_le_bytes()).expect("there is room");
            std::mem::forget(successor);
            done.is_none()
        });
        let mut buffer = [0; 16];
        let mut expected = 1;
        loop {
            let received = consumer.recv(&mut buffer, Deadline::NEVER).expect("a message comes");
            assert_eq!(received.len, 8);
            if buffer[..8] == 4u64.to_le_bytes() {
                break;
            }
            assert_eq!(buffer[..8], u64::to_le_bytes(expected));
            expected += 1;
        }
        assert_eq!(consumer.try_recv(&mut buffer), Err(RecvError::Empty));
        std::mem::forget(consumer);
        let died = sender.join().expect("the sender ends");
        assert!(died || expected == 4, "a batch that returned was lost");
        died
    });
}

#[test]
fn a_producer_that_dies_in_a_claim_or_at_the_wrap_leaves_nothing_false_behind() {
    at_every_access(|accesses| {
        let ring = ring_at(48);
        let mut consumer = consumer(Modelled::over(&ring));
        let sender = thread::spawn(move || {
            let memory = Modelled::dying_before(&ring, accesses);
            let done = survived(|| {
                let mut victim = producer(memory);
                let mut claim = victim.try_claim(16).expect("there is room");
                claim.write(0, &lookalike(64, 0).to_le_bytes());
                claim.write(8, &lookalike(64, 0).to_le_bytes());
                claim.commit(8);
                std::mem::forget(victim);
            });
            let mut successor = producer(Modelled::over(&ring));
            successor.try_send(b"").expect("there is room");
            std::mem::forget(successor);
            done.is_none()
        });
        let mut buffer = [0; 16];
        let first = consumer.recv(&mut buffer, Deadline::NEVER).expect("a message comes");
        if first.len == 8 {
            assert_eq!(buffer[..8], lookalike(64, 0).to_le_bytes());
            let second = consumer.recv(&mut buffer, Deadline::NEVER).expect("a message comes");
            assert_eq!(second.len, 0);
        } else {
            assert_eq!(first.len, 0);
        }
        assert_eq!(consumer.try_recv(&mut buffer), Err(RecvError::Empty));
        std::mem::forget(consumer);
        sender.join().expect("the sender ends")
    });
}

#[test]
fn a_consumer_that_dies_loses_nothing_and_repeats_only_what_it_had_not_released() {
    at_every_access(|accesses| {
        let ring = Ring::fresh(geometry());
        let mut producer = producer(Modelled::over(&ring));
        producer.try_send(&1u64.to_le_bytes()).expect("there is room");
        let theirs = ring.clone();
        let receiver = thread::spawn(move || {
            let memory = Modelled::dying_before(&theirs, accesses);
            let mut buffer = [0; 16];
            let mut taken = 0;
            let done = survived(|| {
                let mut victim = consumer(memory);
                victim.release_each();
                for _ in 0..2 {
                    victim.recv(&mut buffer, Deadline::NEVER).expect("a message comes");
                    taken += 1;
                }
                std::mem::forget(victim);
            });
            let mut successor = consumer(Modelled::over(&theirs));
            let mut next = 0;
            while next < 3 {
                let received = successor.recv(&mut buffer, Deadline::NEVER).expect("one comes");
                assert_eq!(received.len, 8);
                let word = u64::from(buffer[0]);
                // In order, from at most one message before where the victim had come.
                assert!(word == next + 1 || next == 0 && word >= taken && word <= taken + 1);
                next = word;
            }
            std::mem::forget(successor);
            done.is_none()
        });
        producer.send(&2u64.to_le_bytes(), Deadline::NEVER).expect("room comes");
        producer.send(&3u64.to_le_bytes(), Deadline::NEVER).expect("room comes");
        std::mem::forget(producer);
        receiver.join().expect("the receiver ends")
    });
}

#[test]
fn a_producer_that_dies_while_it_closes_is_closed_or_not() {
    at_every_access(|accesses| {
        let ring = Ring::fresh(geometry());
        let mut consumer = consumer(Modelled::over(&ring));
        let sender = thread::spawn(move || {
            let memory = Modelled::dying_before(&ring, accesses);
            let done = survived(|| {
                let mut victim = producer(memory);
                victim.try_send(&1u64.to_le_bytes()).expect("there is room");
                victim.close();
            });
            let successor = producer(Modelled::over(&ring));
            successor.close();
            done.is_none()
        });
        let mut messages = 0;
        loop {
            match consumer.recv(&mut [0; 16], Deadline::NEVER) {
                Ok(_) => messages += 1,
                Err(RecvError::Closed) => break,
                Err(other) => panic!("received {other:?}"),
            }
        }
        assert!(messages <= 1);
        std::mem::forget(consumer);
        sender.join().expect("the sender ends")
    });
}
