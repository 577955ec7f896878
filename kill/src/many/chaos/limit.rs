//! Deadlines by dice, and whether they held.

use super::ledger::{Fault, Found, Page};
use crate::patience::Patience;
use annulus::Deadline;
use annulus_testkit::Random;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How late a call may end after its deadline, without what was kept from its process.
const LATE_MAX: Duration = Duration::from_millis(700);

/// What a process was kept from, as it sees itself.
pub(super) struct Watch<'l> {
    page: &'l Page,
    patience: Patience,
    since: Instant,
}

/// A deadline, and what is needed to tell whether it held.
pub(super) struct Limit {
    pub(super) deadline: Deadline,
    begun: Instant,
    span: Duration,
    stopped_ns: u64,
}

impl<'l> Watch<'l> {
    pub(super) fn new(page: &'l Page) -> Watch<'l> {
        let patience = Patience::with(std::process::id());
        Watch { page, patience, since: Instant::now() }
    }

    /// One that has passed, one that passes soon, one that passes late, or none.
    pub(super) fn draw(&mut self, random: &mut Random) -> Limit {
        let span = match random.below(8) {
            0..=2 => Duration::ZERO,
            3 | 4 => Duration::from_micros(random.below(500)),
            5 => Duration::from_micros(random.below(40_000)),
            _ => Duration::MAX,
        };
        self.limit(span)
    }

    /// One that has passed.
    pub(super) fn at_once(&mut self) -> Limit {
        self.limit(Duration::ZERO)
    }

    fn limit(&mut self, span: Duration) -> Limit {
        let begun = Instant::now();
        // What was kept long ago is no excuse now.
        if begun - self.since > Duration::from_secs(1) {
            *self = Watch::new(self.page);
        }
        let deadline = if span.is_zero() { Deadline::PASSED } else { Deadline::after(span) };
        let stopped_ns = self.page.stopped_ns.load(Ordering::SeqCst);
        Limit { deadline, begun, span, stopped_ns }
    }

    /// Whether the call that has just ended did so in time.
    pub(super) fn check(&self, limit: &Limit) -> Found {
        let late = limit.begun.elapsed().saturating_sub(limit.span);
        // The kernel is asked only by who seems late.
        if late <= LATE_MAX {
            return Ok(());
        }
        let stopped_ns = self.page.stopped_ns.load(Ordering::SeqCst) - limit.stopped_ns;
        let excuse = self.patience.excuse() + Duration::from_nanos(stopped_ns);
        if late > LATE_MAX + excuse {
            return Err((Fault::Late, late.as_millis() as u64));
        }
        Ok(())
    }
}
