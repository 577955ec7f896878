//! A segment's memory as one sees it who looks and does nothing: stores go nowhere.

use crate::sync::{Memory, Ordering, Outside, Raw, monotonic_ns};

/// A way to the segment that cannot change it.
pub(super) struct Onlooker(pub(super) Raw);

// SAFETY: loads and reads are those of `Raw`, which are well defined whatever peers do.
unsafe impl Memory for Onlooker {
    unsafe fn load(&self, at: usize, order: Ordering) -> u64 {
        // SAFETY: the same contract.
        unsafe { self.0.load(at, order) }
    }

    unsafe fn store(&self, _: usize, _: u64, _: Ordering) {}

    unsafe fn put(&self, _: usize, _: u64) {}

    unsafe fn read(&self, at: usize, into: &mut [u8]) {
        // SAFETY: the same contract.
        unsafe { self.0.read(at, into) }
    }

    unsafe fn write(&self, _: usize, _: &[u8]) {}

    fn prefetch_write(&self, _: usize) {}

    fn prefetch_read(&self, at: usize) {
        self.0.prefetch_read(at);
    }

    fn pause(&self) {
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
