//! Tests of the ring over real memory, on the heap: what Miri and sanitizers look at.

use super::{Consumer, Producer};
use crate::layout::{CONSUMER_GATE, GATE_VACANT, PRODUCER_GATE};
use crate::ring::{Geometry, Role};
use crate::sync::{Memory, Ordering, Outside, Raw, monotonic_ns};
use core::ptr::NonNull;

mod again;
mod counters;
mod deaths;
mod elsewhere;
mod in_place;
mod limits;
mod parking;
mod threads;

/// A segment on the heap, and handles that reach it by its address alone.
struct Heap(Vec<u64>);

/// A way to the segment, and what the world outside answers.
#[derive(Clone, Copy)]
struct Reach(Raw, fn(&Raw) -> Outside);

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
        Reach(unsafe { Raw::new(base, bytes) }, |_| Outside::PeerAlive)
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

    unsafe fn read_value(&self, at: usize, into: &mut [u8]) {
        // SAFETY: as above.
        unsafe { self.0.read_value(at, into) }
    }

    unsafe fn write(&self, at: usize, from: &[u8]) {
        // SAFETY: as above.
        unsafe { self.0.write(at, from) }
    }

    unsafe fn write_words(&self, at: usize, words: &[[u8; 8]]) {
        // SAFETY: as above.
        unsafe { self.0.write_words(at, words) }
    }

    unsafe fn glimpse(&self, at: usize) -> u64 {
        // SAFETY: the same contract.
        unsafe { self.0.glimpse(at) }
    }

    fn prefetch_read(&self, at: usize) {
        self.0.prefetch_read(at);
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

    /// Nobody is woken here: a sleep lasts until its time is up.
    fn sleep(&self, _: Role, _: u64, ns: u64) -> bool {
        std::thread::sleep(std::time::Duration::from_nanos(ns));
        true
    }

    fn outside(&self) -> Outside {
        (self.1)(&self.0)
    }
}

/// A ring of `capacity` bytes on the heap, which has to outlive its two handles: bind it first.
fn ring(capacity: u64) -> (Heap, Producer<Reach>, Consumer<Reach>) {
    ring_with(capacity, |_| Outside::PeerAlive)
}

fn ring_with(
    capacity: u64,
    outside: fn(&Raw) -> Outside,
) -> (Heap, Producer<Reach>, Consumer<Reach>) {
    let geometry = Geometry::new(capacity, 0xffff_fffe).expect("a good geometry");
    let mut heap = Heap::new(geometry);
    let reach = Reach(heap.reach().0, outside);
    // SAFETY: the heap block has the geometry's size; one producer, one consumer.
    let producer = unsafe { Producer::attach(reach, geometry) }.expect("a fresh ring");
    // SAFETY: as above.
    let consumer = unsafe { Consumer::attach(reach, geometry) }.expect("a fresh ring");
    (heap, producer, consumer)
}
