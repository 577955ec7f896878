//! What a call takes and leaves at the ring's limits.

use super::ring;
use crate::error::{RecvError, SendError, What};
use crate::layout::DATA;
use crate::ring::Message;
use crate::ring::spin::{Spin, Turn};
use crate::ring::waiting::{Budget, Waiting};
use crate::ring::word;
use crate::sync::{Deadline, Memory, Ordering};
use std::time::Duration;

#[test]
fn send_all_says_how_many_of_its_messages_are_in_the_ring_when_no_more_fit() {
    let (_heap, mut producer, mut consumer) = ring(128);
    let messages: Vec<[u8; 8]> = (0..20u64).map(u64::to_le_bytes).collect();
    assert_eq!(producer.send_all(&messages[..3], Deadline::PASSED), Ok(3));
    // Sixteen cells, two a message: eight messages at most.
    let refused = producer.send_all(&messages[3..], Deadline::PASSED);
    assert_eq!(refused, Err((5, SendError::Timeout)));
    for message in &messages[..8] {
        let mut buffer = [0; 8];
        assert_eq!(consumer.try_recv(&mut buffer).map(|received| received.len), Ok(8));
        assert_eq!(&buffer, message);
    }
    assert_eq!(consumer.try_recv(&mut [0; 8]), Err(RecvError::Empty));
    let too_large = producer.send_all([&[0; 3][..], &[0; 100]], Deadline::NEVER);
    assert_eq!(too_large, Err((1, SendError::TooLarge { limit: 48 })));
}

#[test]
fn send_batch_sends_all_or_says_how_many_whatever_their_lengths() {
    let lens = [8, 0, 56, 129, 64, 3, 300, 128, 200, 1];
    for first in (0..lens.len()).step_by(if cfg!(miri) { 5 } else { 1 }) {
        let (_heap, mut producer, mut consumer) = ring(2048);
        let message = |i: usize| vec![i as u8; lens[(first + i) % lens.len()]];
        let messages: Vec<Vec<u8>> = (0..80).map(message).collect();
        let mut done = 0;
        // Ends: each turn moves the ring's room on.
        while done < messages.len() {
            let sent = match producer.send_batch(&messages[done..], Deadline::PASSED) {
                Ok(()) => messages.len() - done,
                Err((sent, error)) => {
                    assert_eq!(error, SendError::Timeout);
                    sent
                }
            };
            assert!(sent > 0, "an empty ring has room");
            for message in &messages[done..done + sent] {
                let mut buffer = [0; 512];
                let received = consumer.try_recv(&mut buffer).expect("it was sent");
                assert_eq!(buffer[..received.len], message[..]);
            }
            assert_eq!(consumer.try_recv(&mut [0; 512]), Err(RecvError::Empty));
            done += sent;
        }
    }
    let (_heap, mut producer, _consumer) = ring(128);
    let refused = producer.send_batch(&[&[0; 3][..], &[0; 100]], Deadline::NEVER);
    assert_eq!(refused, Err((1, SendError::TooLarge { limit: 48 })));
}

#[test]
fn a_closure_that_panics_in_drain_leaves_its_message_and_those_after_it() {
    let (_heap, mut producer, mut consumer) = ring(256);
    for byte in 0..4u8 {
        producer.try_send(&[byte]).expect("there is room");
    }
    let drained = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        consumer.drain(4, |record| {
            let mut byte = [0];
            record.read(0, &mut byte);
            assert_ne!(byte, [2], "this one is not processed");
        })
    }));
    assert!(drained.is_err());
    let mut left = Vec::new();
    while let Ok(received) = consumer.try_recv(&mut [0; 8]) {
        left.push(received.position);
    }
    assert_eq!(left, [32, 48], "the third and the fourth message");
}

#[test]
fn a_message_over_the_limit_is_refused_wherever_it_would_start() {
    let (_heap, mut producer, mut consumer) = ring(128);
    for _ in 0..if cfg!(miri) { 9 } else { 50 } {
        producer.try_send(b"short").expect("there is room");
        for len in 49..=128 {
            let refused = producer.try_send(&vec![0; len]);
            assert_eq!(refused, Err(SendError::TooLarge { limit: 48 }), "{len} bytes");
        }
        for len in [49, 128, 129, usize::MAX - 8, usize::MAX] {
            let refused = producer.try_claim(len).err();
            assert_eq!(refused, Some(SendError::TooLarge { limit: 48 }), "a claim of {len}");
        }
        assert_eq!(consumer.try_recv(&mut [0; 5]).map(|received| received.len), Ok(5));
        assert_eq!(consumer.try_recv(&mut [0; 5]), Err(RecvError::Empty));
    }
}

/// Rule 11 in numbers, by the short way of receiving, the long one, and by value: 8 records or an
/// eighth of the ring, and never the message that is just handed out.
#[test]
fn receiving_holds_back_eight_records_or_an_eighth_of_the_ring_and_always_the_last() {
    const BY_VALUE: usize = 0;
    for (len, room, each) in [
        (8, 8, false),
        (8, 9, false),
        (100, 100, false),
        (100, 101, false),
        (8, 8, true),
        (200, BY_VALUE, false),
        (200, BY_VALUE, true),
    ] {
        let (_heap, mut producer, mut consumer) = ring(4096);
        if each {
            consumer.release_each();
        }
        let mut held: u64 = 0;
        let mut most: u64 = 0;
        for _ in 0..3 {
            let mut count = 0;
            while count < 24 && producer.try_send(&vec![1; len]).is_ok() {
                count += 1;
            }
            for _ in 0..count {
                let received = match room {
                    BY_VALUE => consumer.try_recv_array::<200>().map(|_| ()),
                    room => consumer.try_recv(&mut vec![0; room]).map(|_| ()),
                };
                received.expect("it is there");
                let position = consumer.position() - word::record_bytes(len as u64);
                // ORDERING: Relaxed: one thread.
                let head = consumer.area.head(Ordering::Relaxed);
                assert!(head <= position, "released before it was returned");
                held = (consumer.position() - head) / word::record_bytes(len as u64);
                most = most.max(held);
            }
        }
        let eighth = 512_u64.div_ceil(word::record_bytes(len as u64));
        assert_eq!(most, if each { 1 } else { eighth.min(8) }, "{len} bytes into {room}");
        assert!(held > 0);
        assert_eq!(consumer.try_recv(&mut []), Err(RecvError::Empty));
        // ORDERING: Relaxed: one thread.
        assert_eq!(consumer.area.head(Ordering::Relaxed), consumer.position());
    }
}

/// Rule 11 once more: the runs of one way of receiving do not add up with those of another.
#[test]
fn receiving_in_many_ways_in_turn_holds_back_eight_records_at_most() {
    const ROOMY: usize = 100;
    // Each is received so often in turn: into its length, by value, into more, in place.
    for (runs, lens) in [([7, 0, 7, 0], [56, 56]), ([3, 0, 0, 0], [56, 8]), ([5, 3, 7, 2], [24, 0])]
    {
        let (_heap, mut producer, mut consumer) = ring(4096);
        let mut ends = std::collections::VecDeque::new();
        for turn in 0..if cfg!(miri) { 12 } else { 60 } {
            let len = lens[turn % 2];
            for (way, count) in runs.into_iter().enumerate() {
                for _ in 0..count {
                    producer.try_send(&vec![1; len]).expect("there is room");
                    let received = match (way, len) {
                        (0, _) => consumer.try_recv(&mut vec![0; len]).map(|_| ()),
                        (1, 24) => consumer.try_recv_array::<24>().map(|_| ()),
                        (1, _) => consumer.try_recv_array::<0>().map(|_| ()),
                        (2, _) => consumer.try_recv(&mut [0; ROOMY]).map(|_| ()),
                        _ => consumer.try_peek().map(|view| view.release()),
                    };
                    received.expect("it is there");
                    ends.push_back(consumer.position());
                    // ORDERING: Relaxed: one thread.
                    let head = consumer.area.head(Ordering::Relaxed);
                    while ends.front().is_some_and(|end| *end <= head) {
                        ends.pop_front();
                    }
                    assert!(ends.len() <= 8, "{} held back, {lens:?} by {runs:?}", ends.len());
                }
            }
        }
    }
}

/// Rule 11 by dice: whatever is received in whichever way, found empty or flushed in between.
#[test]
fn however_it_receives_a_consumer_holds_back_eight_records_at_most() {
    for seed in 1..=if cfg!(miri) { 1 } else { 300_u64 } {
        let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut roll = |sides: u64| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (dice >> 33) % sides
        };
        let (_heap, mut producer, mut consumer) = ring(4096);
        let lens = [[8, 8], [8, 56]][roll(2) as usize];
        let mut ends = std::collections::VecDeque::new();
        for step in 0..200 {
            let way = roll(9);
            if way < 6 {
                let len = lens[roll(2) as usize];
                producer.try_send(&vec![1; len]).expect("there is room");
                let received = match way {
                    0 | 1 => consumer.try_recv(&mut vec![0; len]).map(drop),
                    2 if len == 8 => consumer.try_recv_array::<8>().map(drop),
                    2 => consumer.try_recv_array::<56>().map(drop),
                    3 => consumer.try_recv(&mut [0; 100]).map(drop),
                    4 => consumer.try_peek().map(|view| view.release()),
                    _ => consumer.drain(1, |_| {}).map(drop),
                };
                received.expect("it is there");
                ends.push_back(consumer.position());
            } else {
                match way {
                    6 => assert_eq!(consumer.try_recv(&mut [0; 8]), Err(RecvError::Empty)),
                    7 => consumer.flush(),
                    _ => {
                        let passed = Deadline::at(1);
                        assert_eq!(consumer.recv(&mut [0; 8], passed), Err(RecvError::Timeout));
                    }
                }
            }
            // ORDERING: Relaxed: one thread.
            let head = consumer.area.head(Ordering::Relaxed);
            while ends.front().is_some_and(|end| *end <= head) {
                ends.pop_front();
            }
            assert!(ends.len() <= 8, "{} held back, seed {seed}, step {step}", ends.len());
        }
    }
}

#[test]
fn an_array_takes_only_a_message_of_its_length_wherever_that_stands() {
    let (_heap, mut producer, mut consumer) = ring(1024);
    assert_eq!(consumer.try_recv_array::<8>(), Err(RecvError::Empty));
    let soon = Deadline::after(Duration::from_millis(1));
    assert_eq!(consumer.recv_array::<8>(soon), Err(RecvError::Timeout));
    // Over the lap's end many times; long messages never take the short way.
    for number in 0..if cfg!(miri) { 30 } else { 200u8 } {
        producer.try_send(&[number; 24]).expect("there is room");
        producer.try_send(&[number; 300]).expect("there is room");
        for _ in 0..2 {
            let refused = consumer.try_recv_array::<16>();
            assert_eq!(refused, Err(RecvError::OtherLength { len: 24 }), "message {number}");
            let refused = consumer.recv_array::<32>(Deadline::NEVER);
            assert_eq!(refused, Err(RecvError::OtherLength { len: 24 }), "message {number}");
        }
        match number % 2 {
            0 => assert_eq!(consumer.try_recv_array(), Ok(Message([number; 24]))),
            _ => assert_eq!(consumer.recv_array(Deadline::NEVER), Ok(Message([number; 24]))),
        }
        match number % 3 {
            0 => assert_eq!(consumer.try_recv_array(), Ok(Message([number; 300]))),
            _ => assert_eq!(consumer.recv_array(Deadline::NEVER), Ok(Message([number; 300]))),
        }
    }
    drop(producer);
    assert_eq!(consumer.try_recv_array::<24>(), Err(RecvError::Closed));
}

/// A peer that scribbles: the word is of this lap and frames a message that fills the buffer, but
/// the ring ends before the message does, or the message is longer than any can be.
#[test]
fn a_word_that_frames_too_much_is_corruption_also_for_a_buffer_of_that_length() {
    for (records, framed) in [(62, 32u64), (1, 1000)] {
        let (_heap, mut producer, mut consumer) = ring(1024);
        for _ in 0..records {
            producer.try_send(&[7; 8]).expect("there is room");
            consumer.try_recv(&mut [0; 8]).expect("it is there");
        }
        // So that no release is due, which takes the long way.
        consumer.flush();
        let at = producer.position();
        let word = 0xffff_fffe << 32 | 1 << 31 | framed;
        // SAFETY: a cell of the ring.
        unsafe { consumer.peer_scribbles(DATA + at as usize, word) };
        let mut buffer = vec![0; framed as usize];
        assert_eq!(consumer.try_recv(&mut buffer), Err(RecvError::Corrupted(What::Word)));
        assert_eq!(consumer.try_recv(&mut buffer), Err(RecvError::Corrupted(What::Word)));
        assert_eq!(consumer.corruption().map(|corruption| corruption.at), Some(at));
    }
}

impl super::Consumer<super::Reach> {
    unsafe fn peer_scribbles(&self, at: usize, word: u64) {
        // SAFETY: the caller names a word of the ring.
        unsafe { self.area.memory().store(at, word, Ordering::Relaxed) }
    }
}

/// Records of one size start where those of the lap before started, whose words are still there.
#[test]
fn after_a_batch_over_the_laps_end_an_empty_ring_is_empty() {
    let (_heap, mut producer, mut consumer) = ring(256);
    for lap in 0..3 {
        for _ in 0..4 {
            for _ in 0..4 {
                producer.try_send(&[lap; 8]).expect("there is room");
            }
            // Of 16 records a lap: the batches start at the second, and the last one crosses.
            if consumer.position() == 0 {
                consumer.try_recv(&mut [0; 8]).expect("it is there");
            }
            let mut batch = consumer.batch(Deadline::PASSED).expect("some are there");
            while batch.gather().is_some() {}
            let count = batch.count();
            batch.release(count);
            let soon = Deadline::after(Duration::from_millis(1));
            assert_eq!(consumer.recv(&mut [0; 8], soon), Err(RecvError::Timeout));
            assert_eq!(consumer.tag, consumer.area.tag(consumer.position()));
        }
        // So that the next lap's batches do not end where the lap does.
        producer.try_send(b"").expect("there is room");
        consumer.try_recv(&mut [0; 8]).expect("it is there");
    }
}

/// A sign that something came is neither the end of a sender's patience nor of a deadline.
#[test]
fn whatever_comes_a_wait_stays_patient_and_looks_at_its_clock() {
    let (_heap, _producer, consumer) = ring(64);
    let memory = consumer.area.memory();
    let spinning = Budget::of(Waiting::Spin, || false);
    let mut patient = Spin::until(Deadline::NEVER, spinning);
    for _ in 0..1000 {
        let turn = patient.turns(memory, 0, || true);
        // Asking after the peer is due at times, on a slow machine.
        assert!(matches!(turn, Turn::Came | Turn::Ask), "{turn:?}");
    }
    let mut hurried = Spin::until(Deadline::after(Duration::from_nanos(1)), spinning);
    let mut turns = (0..64).map(|_| hurried.turns(memory, 0, || true));
    assert!(turns.any(|turn| turn == Turn::TimedOut));
}

/// By the short way, by the long way, and in place.
#[test]
fn a_consumer_behind_a_stream_knows_that_it_trails_and_at_its_end_that_it_does_not() {
    for way in 0..3 {
        let (_heap, mut producer, mut consumer) = ring(16 << 10);
        for _ in 0..60 {
            producer.try_send(&[1; 56]).expect("there is room");
        }
        let mut trailed = [false; 60];
        for trailed in &mut trailed {
            match way {
                0 => consumer.try_recv(&mut [0; 56]).map(|_| ()),
                1 => consumer.try_recv(&mut [0; 100]).map(|_| ()),
                _ => consumer.try_peek().map(|view| view.release()),
            }
            .expect("it is there");
            *trailed = consumer.trails();
        }
        // Miri has no glimpse of what the other side may be writing.
        assert_eq!(trailed[20], !cfg!(miri), "way {way}");
        assert!(!trailed[59], "way {way}");
    }
}
