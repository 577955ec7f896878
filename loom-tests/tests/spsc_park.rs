//! Sides that sleep, and no wake that is lost: a lost one leaves a model in which nobody moves any
//! more, and loom says so.
#![cfg(loom)]

mod common;

use annulus::ring::Barrier;
use annulus::ring::spsc::{Consumer, Producer};
use annulus::{Deadline, RecvError, SendError};
use annulus_loom_tests::{Modelled, Ring, crash_point, survived};
use common::{consumer_of, expect_word, geometry, model, parking, producer_of, sender_of};
use loom::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Both sides of a new ring, by that form of the protocol.
fn pair(form: Barrier) -> (Producer<Modelled>, Consumer<Modelled>) {
    let ring = Ring::fresh(geometry());
    let producer = producer_of(Modelled::over(&ring), parking(form));
    (producer, consumer_of(Modelled::over(&ring), parking(form)))
}

const FORMS: [Barrier; 2] = [Barrier::Fence, Barrier::Membarrier];

#[test]
fn a_receiver_at_an_empty_ring_is_woken_by_the_message() {
    for form in FORMS {
        model(move || {
            let (producer, mut consumer) = pair(form);
            let sender = sender_of(producer, [1]);
            expect_word(&mut consumer, 1);
            std::mem::forget(consumer);
            sender.join().expect("the sender ends");
        });
    }
}

#[test]
fn a_receiver_that_sleeps_twice_is_woken_twice() {
    for form in FORMS {
        model(move || {
            let (producer, mut consumer) = pair(form);
            let sender = sender_of(producer, [1, 2]);
            expect_word(&mut consumer, 1);
            expect_word(&mut consumer, 2);
            std::mem::forget(consumer);
            sender.join().expect("the sender ends");
        });
    }
}

#[test]
fn a_sender_at_a_full_ring_is_woken_by_the_release() {
    for form in FORMS {
        model(move || {
            let (mut producer, mut consumer) = pair(form);
            for word in 0..4u64 {
                producer.try_send(&word.to_le_bytes()).expect("there is room");
            }
            let sender = thread::spawn(move || {
                // Two words: one release is not room enough.
                producer.send(&[4; 16], Deadline::NEVER).expect("room comes");
                std::mem::forget(producer);
            });
            for word in 0..4 {
                expect_word(&mut consumer, word);
            }
            // It may sleep, too.
            let received = consumer.recv(&mut [0; 16], Deadline::NEVER).expect("a message");
            assert_eq!(received.len, 16);
            std::mem::forget(consumer);
            sender.join().expect("the sender ends");
        });
    }
}

#[test]
fn a_close_wakes_a_receiver() {
    for form in FORMS {
        model(move || {
            let (producer, mut consumer) = pair(form);
            let sender = thread::spawn(move || producer.close());
            assert_eq!(consumer.recv(&mut [0; 8], Deadline::NEVER), Err(RecvError::Closed));
            std::mem::forget(consumer);
            sender.join().expect("the sender ends");
        });
    }
}

#[test]
fn a_close_wakes_a_sender() {
    for form in FORMS {
        model(move || {
            let (mut producer, consumer) = pair(form);
            for word in 0..4u64 {
                producer.try_send(&word.to_le_bytes()).expect("there is room");
            }
            let receiver = thread::spawn(move || consumer.close());
            let sent = producer.send(&4u64.to_le_bytes(), Deadline::NEVER);
            assert_eq!(sent, Err(SendError::PeerClosed));
            std::mem::forget(producer);
            receiver.join().expect("the receiver ends");
        });
    }
}

/// Nobody rings for a message whose sender died before it could, but its successor.
#[test]
fn a_sender_that_dies_before_its_ring_has_a_successor_that_rings() {
    let points = crash_point(|accesses| {
        let died = Arc::new(AtomicBool::new(false));
        let has_died = died.clone();
        model(move || {
            let ring = Ring::fresh(geometry());
            let mut consumer = consumer_of(Modelled::over(&ring), parking(Barrier::Fence));
            let has_died = has_died.clone();
            let sender = thread::spawn(move || {
                let dying = || {
                    let memory = Modelled::dying_before(&ring, accesses);
                    let mut victim = producer_of(memory, parking(Barrier::Fence));
                    victim.try_send(&1u64.to_le_bytes()).expect("there is room");
                    std::mem::forget(victim);
                };
                if survived(dying).is_none() {
                    has_died.store(true, Ordering::Relaxed);
                }
                let mut successor = producer_of(Modelled::over(&ring), parking(Barrier::Fence));
                if successor.position() == 0 {
                    successor.try_send(&1u64.to_le_bytes()).expect("there is room");
                }
                std::mem::forget(successor);
            });
            expect_word(&mut consumer, 1);
            std::mem::forget(consumer);
            sender.join().expect("the sender ends");
        });
        died.load(Ordering::Relaxed)
    });
    assert!(points > 8, "only {points} points to die at");
}
