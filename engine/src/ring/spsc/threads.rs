//! The ring between two threads over real memory: what Miri and sanitizers look at.

use super::{Consumer, Producer};
use crate::error::{RecvError, SendError};
use crate::layout::{CONSUMER_GATE, GATE_VACANT, PRODUCER_GATE};
use crate::ring::Geometry;
use crate::sync::{Deadline, Memory, Ordering, Outside, Raw, monotonic_ns};
use core::ptr::NonNull;

/// A segment on the heap, and handles that reach it by its address alone.
struct Heap(Vec<u64>);

#[derive(Clone, Copy)]
struct Reach(Raw);

impl Heap {
    fn new(geometry: Geometry) -> Heap {
        let mut words = vec![0; geometry.segment_bytes() as usize / 8];
        words[PRODUCER_GATE / 8] = GATE_VACANT;
        words[CONSUMER_GATE / 8] = GATE_VACANT;
        Heap(words)
    }

    fn reach(&mut self) -> Reach {
        let bytes = 8 * self.0.len();
        let base = NonNull::new(self.0.as_mut_ptr().cast()).expect("a vector has an address");
        // SAFETY: the block is aligned to words, and the tests drop the handles before it.
        Reach(unsafe { Raw::new(base, bytes) })
    }
}

// SAFETY: `Raw` makes every access an atomic or an opaque one.
unsafe impl Memory for Reach {
    unsafe fn load(&self, at: usize, order: Ordering) -> u64 {
        // SAFETY: the same contract; so likewise below.
        unsafe { self.0.load(at, order) }
    }

    unsafe fn store(&self, at: usize, word: u64, order: Ordering) {
        // SAFETY: as above.
        unsafe { self.0.store(at, word, order) }
    }

    unsafe fn put(&self, at: usize, word: u64) {
        // SAFETY: as above.
        unsafe { self.0.store(at, word, Ordering::Relaxed) }
    }

    unsafe fn read(&self, at: usize, into: &mut [u8]) {
        // SAFETY: as above.
        unsafe { self.0.read(at, into) }
    }

    unsafe fn write(&self, at: usize, from: &[u8]) {
        // SAFETY: as above.
        unsafe { self.0.write(at, from) }
    }

    unsafe fn write_watched(&self, at: usize, words: &[[u8; 8]], stamp: u32) -> bool {
        // SAFETY: as above.
        unsafe { self.0.write_watched(at, words, stamp) }
    }

    fn prefetch_write(&self, at: usize) {
        self.0.prefetch_write(at);
    }

    fn pause(&self) {
        if cfg!(miri) {
            std::thread::yield_now();
        }
        core::hint::spin_loop();
    }

    fn yield_now(&self) {
        std::thread::yield_now();
    }

    fn now(&self) -> u64 {
        monotonic_ns()
    }

    fn outside(&self) -> Outside {
        Outside::PeerAlive
    }
}

/// The message number `number`: its length and its bytes follow from that.
fn message(number: u64, longest: usize) -> Vec<u8> {
    let len = ((number * 2_654_435_761) >> 7) as usize % (longest + 1);
    (0..len).map(|at| (number + at as u64 * 31) as u8).collect()
}

#[test]
fn two_threads_exchange_messages_of_all_lengths_by_every_way_of_sending_and_receiving() {
    const MESSAGES: u64 = if cfg!(miri) { 150 } else { 200_000 };
    let geometry = Geometry::new(1024, 0xffff_fffe).expect("a good geometry");
    let longest = geometry.longest_message();
    let mut heap = Heap::new(geometry);
    let reach = heap.reach();
    // SAFETY: the heap block has the geometry's size; one producer, one consumer.
    let mut producer = unsafe { Producer::attach(reach, geometry) }.expect("a fresh ring");
    // SAFETY: as above.
    let mut consumer = unsafe { Consumer::attach(reach, geometry) }.expect("a fresh ring");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0..MESSAGES {
                let message = message(number, longest);
                if number % 3 == 0 {
                    let mut claim =
                        producer.claim(message.len(), Deadline::NEVER).expect("room comes");
                    claim.write(0, &message);
                    claim.commit(message.len());
                } else {
                    producer.send(&message, Deadline::NEVER).expect("room comes");
                }
            }
        });
        let mut buffer = vec![0; longest];
        let mut number = 0;
        while number < MESSAGES {
            if number % 4 == 0 {
                let view = consumer.peek(Deadline::NEVER).expect("a message comes");
                let mut bytes = vec![0; view.record().len()];
                view.record().read(0, &mut bytes);
                assert_eq!(bytes, message(number, longest));
                view.release();
            } else {
                let received = consumer.recv(&mut buffer, Deadline::NEVER);
                let len = received.expect("a message comes").len;
                assert_eq!(buffer[..len], message(number, longest));
            }
            number += 1;
        }
    });
}

#[test]
fn send_all_says_how_many_of_its_messages_are_in_the_ring_when_no_more_fit() {
    let geometry = Geometry::new(128, 3).expect("a good geometry");
    let mut heap = Heap::new(geometry);
    let reach = heap.reach();
    // SAFETY: the heap block has the geometry's size; one producer, one consumer.
    let mut producer = unsafe { Producer::attach(reach, geometry) }.expect("a fresh ring");
    // SAFETY: as above.
    let mut consumer = unsafe { Consumer::attach(reach, geometry) }.expect("a fresh ring");
    let messages: Vec<[u8; 8]> = (0..20u64).map(u64::to_le_bytes).collect();
    assert_eq!(producer.send_all(&messages[..3], Deadline::PASSED), Ok(3));
    // Sixteen cells, two a message, one kept free: seven messages at most.
    let refused = producer.send_all(&messages[3..], Deadline::PASSED);
    assert_eq!(refused, Err((4, SendError::Timeout)));
    for message in &messages[..7] {
        let mut buffer = [0; 8];
        assert_eq!(consumer.try_recv(&mut buffer).map(|received| received.len), Ok(8));
        assert_eq!(&buffer, message);
    }
    assert_eq!(consumer.try_recv(&mut [0; 8]), Err(RecvError::Empty));
    let too_large = producer.send_all([&[0; 3][..], &[0; 100]], Deadline::NEVER);
    assert_eq!(too_large, Err((1, SendError::TooLarge { limit: 48 })));
}

#[test]
fn a_closure_that_panics_in_drain_leaves_its_message_and_those_after_it() {
    let geometry = Geometry::new(256, 3).expect("a good geometry");
    let mut heap = Heap::new(geometry);
    let reach = heap.reach();
    // SAFETY: the heap block has the geometry's size; one producer, one consumer.
    let mut producer = unsafe { Producer::attach(reach, geometry) }.expect("a fresh ring");
    // SAFETY: as above.
    let mut consumer = unsafe { Consumer::attach(reach, geometry) }.expect("a fresh ring");
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
