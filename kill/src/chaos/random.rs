//! Dice, so that a seed means the same for good (xorshift64*).

use annulus::Deadline;
use std::time::Duration;

pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 16) % end
    }

    /// After how many operations a side leaves in good order, if it lives so long.
    pub(super) fn leaves_after(&mut self) -> u64 {
        if self.below(8) == 0 { self.below(4_000) } else { u64::MAX }
    }

    /// One that has passed, one that passes soon, or none.
    pub(super) fn deadline(&mut self) -> Deadline {
        match self.below(4) {
            0 => Deadline::PASSED,
            1 => Deadline::after(Duration::from_micros(self.below(500))),
            _ => Deadline::NEVER,
        }
    }
}
