//! Deadlines on the monotonic clock.

use core::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// When to stop waiting: a point on `CLOCK_MONOTONIC`, or never.
///
/// It is a point and not a span, so one deadline can be handed through several calls. A deadline
/// that has passed already means "look once and do not wait".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    at_ns: u64,
}

impl Deadline {
    /// Waits for ever, or until the peer closes or dies.
    pub const NEVER: Deadline = Deadline { at_ns: u64::MAX };

    /// Does not wait at all.
    pub const PASSED: Deadline = Deadline { at_ns: 0 };

    /// The point that lies `span` ahead. A span past the end of the clock means never.
    pub fn after(span: Duration) -> Deadline {
        let span_ns = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Deadline { at_ns: monotonic_ns().saturating_add(span_ns) }
    }

    /// The point `at_ns` on `CLOCK_MONOTONIC`, in nanoseconds.
    pub const fn at(at_ns: u64) -> Deadline {
        Deadline { at_ns }
    }

    /// This point or `ns`, whichever comes first.
    pub(crate) const fn earlier_than(self, ns: u64) -> u64 {
        if self.at_ns < ns { self.at_ns } else { ns }
    }

    /// Whether the deadline lies behind `now_ns`.
    pub const fn has_passed(self, now_ns: u64) -> bool {
        self.at_ns != u64::MAX && now_ns >= self.at_ns
    }
}

/// `CLOCK_MONOTONIC` in nanoseconds. Does not enter the kernel where the vDSO serves it.
pub(crate) fn monotonic_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid timespec for the call to fill.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    debug_assert_eq!(status, 0, "CLOCK_MONOTONIC exists on every Linux");
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// How long the processor's pause takes here, in tenths of a nanosecond. Measured once in a
/// process, in some microseconds: it is 9.5 ns on one machine, 25 on another and 43 on a third. Or
/// twice, by two threads at once: neither waits for the other, who is not there in a child that is
/// forked meanwhile.
pub(crate) fn measured_pause_tenth_ns() -> u64 {
    const PAUSES: u64 = 40;
    const UNKNOWN: u64 = u64::MAX;
    static MEASURED: AtomicU64 = AtomicU64::new(UNKNOWN);
    // ORDERING: Relaxed, both: it says nothing of any other word.
    let known = MEASURED.load(Ordering::Relaxed);
    if known != UNKNOWN {
        return known;
    }
    let span_ns = |_| {
        let begun = monotonic_ns();
        for _ in 0..PAUSES {
            core::hint::spin_loop();
        }
        monotonic_ns() - begun
    };
    // The shortest of a few, since an interrupt only ever adds.
    let measured = (0..4).map(span_ns).min().map_or(super::PAUSE_TENTH_NS, |ns| ns * 10 / PAUSES);
    MEASURED.store(measured, Ordering::Relaxed);
    measured
}
