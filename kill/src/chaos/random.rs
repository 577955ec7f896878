//! What the sides leave to the dice.

use annulus::Deadline;
use annulus_testkit::Random;
use std::time::Duration;

/// After how many operations a side leaves in good order, if it lives so long.
pub(super) fn leaves_after(random: &mut Random) -> u64 {
    if random.below(8) == 0 { random.below(4_000) } else { u64::MAX }
}

/// One that has passed, one that passes soon, or none.
pub(super) fn deadline(random: &mut Random) -> Deadline {
    match random.below(4) {
        0 => Deadline::PASSED,
        1 => Deadline::after(Duration::from_micros(random.below(500))),
        _ => Deadline::NEVER,
    }
}
