//! What the sides leave to the dice.

use annulus::Deadline;
use annulus_testkit::Random;
use std::time::{Duration, Instant};

/// After how many operations a side leaves in good order, if it lives so long.
pub(super) fn leaves_after(random: &mut Random) -> u64 {
    if random.below(8) == 0 { random.below(4_000) } else { u64::MAX }
}

/// How late a wait may end after its deadline: the longest slice of a sleep, and what a busy
/// machine takes to go on.
const LATE_MAX: Duration = Duration::from_millis(700);

/// A deadline, and what is needed to tell whether it held.
pub(super) struct Limit {
    pub(super) deadline: Deadline,
    begun: Instant,
    span: Duration,
}

impl Limit {
    /// One that has passed, one that passes soon, or none.
    pub(super) fn draw(random: &mut Random) -> Limit {
        let span = match random.below(4) {
            0 => Duration::ZERO,
            1 => Duration::from_micros(random.below(500)),
            _ => Duration::MAX,
        };
        let deadline = if span.is_zero() { Deadline::PASSED } else { Deadline::after(span) };
        Limit { deadline, begun: Instant::now(), span }
    }

    /// By how many milliseconds it was missed, if it was by too many.
    pub(super) fn missed_ms(&self) -> Option<u64> {
        let late = self.begun.elapsed().saturating_sub(self.span);
        (late > LATE_MAX).then_some(late.as_millis() as u64)
    }
}
