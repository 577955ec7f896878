//! raw_sync's event: a mutex and a condition variable in the segment.
//!
//! **Not crash-safe**: who is killed while it has the mutex leaves it locked, and whoever rings or
//! lies down then waits for ever. It is here for who has neither futexes nor semaphores, and to be
//! measured against. Its defects are held off here as far as that goes:
//!
//! * a timed wait adds its nanoseconds without carry, and fails at once if they pass a second of
//!   the wall clock: no wait here passes one;
//! * it waits by the wall clock: one that is set back lengthens a sleep by as much;
//! * an error and a time-out read the same: the time is asked for.

use super::{Alarm, Berth, Means, WakeError, sleep_instead};
use crate::ring::Role;
use crate::sync::{Raw, monotonic_ns};
use core::fmt;
use raw_sync::Timeout;
use raw_sync::events::{Event as RawEvent, EventImpl, EventInit, EventState};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SECOND_NS: u64 = 1_000_000_000;

/// A wait shorter than that is not worth its system call.
const LEAST_NS: u64 = 2_000;

/// An event for each side.
pub(super) struct Event {
    producers: Box<dyn EventImpl>,
    consumers: Box<dyn EventImpl>,
}

// SAFETY: an event is two addresses in the segment, which stays mapped as long as it is used, and
// no thread's own: what stands there is a mutex and a condition variable that processes share.
unsafe impl Send for Event {}
// SAFETY: as above: all access is under that mutex.
unsafe impl Sync for Event {}

/// Makes an event at the berth of a new segment: one wake for one sleeper.
pub(super) fn lay_out(berth: Berth) -> Result<(), WakeError> {
    if RawEvent::size_of(None) > size_of::<Alarm>() {
        return Err(WakeError::Foreign);
    }
    // SAFETY: mapped, aligned, large enough, and nobody else's yet.
    let made = unsafe { RawEvent::new(berth.alarm(), true) };
    made.map(drop).map_err(|_| WakeError::Foreign)
}

impl Event {
    /// The events of a segment that others have, too.
    pub(super) fn open(raw: Raw) -> Result<Event, WakeError> {
        let existing = |role| {
            // SAFETY: mapped, and an event, as the segment's header says.
            let opened = unsafe { RawEvent::from_existing(Berth::new(raw, role).alarm()) };
            opened.map(|(event, _)| event).map_err(|_| WakeError::Foreign)
        };
        Ok(Event { producers: existing(Role::Producer)?, consumers: existing(Role::Consumer)? })
    }

    fn of(&self, role: Role) -> &dyn EventImpl {
        match role {
            Role::Producer => &*self.producers,
            Role::Consumer => &*self.consumers,
        }
    }
}

impl Means for Event {
    /// An event remembers one wake, and never more.
    fn sleep(&self, berth: Berth, bell: u32, ns: u64) -> bool {
        let end = monotonic_ns().saturating_add(ns);
        while berth.is_bell(bell) {
            let now = monotonic_ns();
            if now >= end {
                return true;
            }
            let wait_ns = (end - now).min(to_next_second());
            if wait_ns < LEAST_NS {
                sleep_instead(wait_ns);
            } else if self.of(berth.role).wait(Timeout::Val(Duration::from_nanos(wait_ns))).is_ok()
            {
                return false;
            }
        }
        false
    }

    fn wake(&self, berth: Berth) {
        // It fails for a mutex that is none, and then a sleeper looks by itself.
        let _ = self.of(berth.role).set(EventState::Signaled);
    }
}

/// How far the wall clock is from its next second, and a microsecond less.
fn to_next_second() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (SECOND_NS - u64::from(now.subsec_nanos())).saturating_sub(1_000)
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Event")
    }
}
