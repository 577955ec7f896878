//! How long a command may take: one point in time for all its waits.
//!
//! The engine's [`Deadline`] cannot be asked how much is left, and poll(2) wants just that; so
//! both forms of the same point are kept side by side.

use annulus::Deadline;
use std::time::{Duration, Instant};

/// A point in time, or never.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    at: Option<Instant>,
    deadline: Deadline,
}

impl Limit {
    /// Never.
    pub(crate) const NEVER: Limit = Limit { at: None, deadline: Deadline::NEVER };

    /// `span` from now; `None` is never, and so is a point past the end of the clock.
    pub(crate) fn after(span: Option<Duration>) -> Limit {
        let Some(span) = span else { return Limit::NEVER };
        match Instant::now().checked_add(span) {
            Some(at) => Limit { at: Some(at), deadline: Deadline::after(span) },
            None => Limit::NEVER,
        }
    }

    /// The sooner one of two.
    pub(crate) fn sooner(self, other: Limit) -> Limit {
        if self.deadline <= other.deadline { self } else { other }
    }

    /// The same point for the engine.
    pub(crate) fn deadline(self) -> Deadline {
        self.deadline
    }

    /// This point, or `span` from now if that is sooner.
    pub(crate) fn within(self, span: Duration) -> Deadline {
        self.deadline.min(Deadline::after(span))
    }

    /// Whether it lies behind.
    pub(crate) fn has_passed(self) -> bool {
        self.at.is_some_and(|at| Instant::now() >= at)
    }

    /// What is left in milliseconds, rounded up, as poll(2) takes it: -1 is for ever.
    pub(crate) fn poll_ms(self) -> i32 {
        let Some(at) = self.at else { return -1 };
        let left = at.saturating_duration_since(Instant::now());
        i32::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
    }
}
