//! Tests of the ring over real memory, on the heap: what Miri and sanitizers look at.

use super::{Consumer, Producer};
use crate::layout::{CONSUMER_GATE, GATE_VACANT, PRODUCER_GATE};
use crate::ring::{Geometry, Role};
use crate::sync::{Memory, Outside, Raw, accesses_of_raw, monotonic_ns};
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
    accesses_of_raw!(0);

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
