//! How long a side looks before it sleeps.

use super::*;
use crate::sync::{Ordering, Outside};

const SPINS: Waiting = Waiting::Park { spins: true, barrier: Barrier::Fence };
const PARKS: Waiting = Waiting::Park { spins: false, barrier: Barrier::Fence };

/// A process of one processor, or of more, without any memory.
struct Process {
    is_alone: bool,
}

// SAFETY: no access is ever made.
unsafe impl Memory for Process {
    unsafe fn load(&self, _: usize, _: Ordering) -> u64 {
        unreachable!()
    }

    unsafe fn store(&self, _: usize, _: u64, _: Ordering) {
        unreachable!()
    }

    unsafe fn put(&self, _: usize, _: u64) {
        unreachable!()
    }

    unsafe fn read(&self, _: usize, _: &mut [u8]) {
        unreachable!()
    }

    unsafe fn write(&self, _: usize, _: &[u8]) {
        unreachable!()
    }

    fn prefetch_write(&self, _: usize) {}

    fn prefetch_read(&self, _: usize) {}

    fn pause(&self) {}

    fn yield_now(&self) {}

    fn now(&self) -> u64 {
        0
    }

    fn outside(&self) -> Outside {
        Outside::PeerAlive
    }

    fn is_alone(&self) -> bool {
        self.is_alone
    }
}

#[test]
fn looking_in_vain_makes_it_shorter_and_success_as_long_as_before() {
    let mut budget = Budget::of(SPINS, &Process { is_alone: false });
    assert_eq!(budget.ns(), Budget::MOST_NS);
    for _ in 0..20 {
        budget.was_vain();
    }
    assert_eq!(budget.ns(), Budget::LEAST_NS);
    budget.was_enough();
    assert_eq!(budget.ns(), Budget::MOST_NS);
}

#[test]
fn who_parks_and_who_is_alone_does_not_look_and_who_spins_never_stops() {
    for (waiting, is_alone, ns) in
        [(PARKS, false, 0), (PARKS, true, 0), (SPINS, true, 0), (Waiting::Spin, true, u64::MAX)]
    {
        let mut budget = Budget::of(waiting, &Process { is_alone });
        budget.was_vain();
        assert_eq!(budget.ns(), ns);
        budget.was_enough();
        assert_eq!(budget.ns(), ns);
    }
}
