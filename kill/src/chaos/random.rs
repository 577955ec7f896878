//! What the sides leave to the dice.

use crate::patience::Patience;
use annulus::Deadline;
use annulus_testkit::Random;
use std::time::{Duration, Instant};

/// After how many operations a side leaves in good order, if it lives so long.
pub(super) fn leaves_after(random: &mut Random) -> u64 {
    if random.below(8) == 0 { random.below(4_000) } else { u64::MAX }
}

/// How late a wait may end after its deadline, without what was kept from its process: the longest
/// slice of a sleep, and what a busy machine takes to go on.
const LATE_MAX: Duration = Duration::from_millis(700);

/// What a process was kept from, as it sees itself.
pub(super) struct Watch {
    patience: Patience,
    since: Instant,
}

/// A deadline, and what is needed to tell whether it held.
pub(super) struct Limit {
    pub(super) deadline: Deadline,
    begun: Instant,
    span: Duration,
}

impl Watch {
    pub(super) fn new() -> Watch {
        Watch { patience: Patience::with(std::process::id()), since: Instant::now() }
    }

    /// A deadline that has passed, one that passes soon, or none.
    pub(super) fn draw(&mut self, random: &mut Random) -> Limit {
        // What was kept long ago is no excuse now.
        if self.since.elapsed() > Duration::from_secs(1) {
            *self = Watch::new();
        }
        let span = match random.below(4) {
            0 => Duration::ZERO,
            1 => Duration::from_micros(random.below(500)),
            _ => Duration::MAX,
        };
        let deadline = if span.is_zero() { Deadline::PASSED } else { Deadline::after(span) };
        Limit { deadline, begun: Instant::now(), span }
    }

    /// By how many milliseconds it was missed, if it was by too many.
    pub(super) fn missed_ms(&self, limit: &Limit) -> Option<u64> {
        let late = limit.begun.elapsed().saturating_sub(limit.span);
        // The kernel is asked only by who seems late.
        let is_late = late > LATE_MAX && late > LATE_MAX + self.patience.excuse();
        is_late.then_some(late.as_millis() as u64)
    }
}
