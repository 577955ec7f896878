//! raw_sync's mutex and event, in memory that two processes share; nothing else here knows the
//! crate. Both are pthread objects with a box around them.
//!
//! What has to be known about raw_sync 0.1.5, from its source:
//!
//! - *No wait with a time in it.* It adds nanoseconds without a carry, so every other such wait is
//!   refused by the C library at once, in the same words as if the time were over. So
//!   [`Event::wait`] has no time, and who waits is ended from outside ([`pair`](crate::pair)).
//! - *Neither survives a death.* The mutex is not a robust one, and the event has such a mutex
//!   inside: if a process dies with it in hand, everybody else waits for ever.
//! - *The return of a wait says nothing.* Callers look again at what they waited for.
//! - *Setting an event takes its mutex* and, if somebody sleeps, a system call.
//! - It makes `&mut` of bytes that another process has too, which Rust does not allow; nothing
//!   outside the crate can mend that. Its errors are texts: they go to stderr.

use std::error::Error;
use std::ptr::{NonNull, null_mut};

use raw_sync::Timeout;
use raw_sync::events::{self, EventImpl, EventInit, EventState};
use raw_sync::locks::{LockGuard, LockImpl, LockInit, Mutex};

use crate::fault::{SideFault, Step};

/// Bytes that either of them has to itself, and its alignment: more than it needs.
pub(super) const ROOM: usize = 256;

/// A mutex.
pub(super) struct Lock(Box<dyn LockImpl>);

/// The lock in hand; dropped, it is given back.
pub(super) struct Held<'a>(#[expect(dead_code, reason = "held, not looked at")] LockGuard<'a>);

/// A flag to sleep on. It stays set until one who waits has seen it.
pub(super) struct Event(Box<dyn EventImpl>);

impl Lock {
    /// Makes a mutex there.
    ///
    /// # Safety
    /// `place` is good for [`ROOM`] bytes, aligned to as many, and nobody else has them yet.
    pub(super) unsafe fn create(place: NonNull<u8>) -> Result<(), SideFault> {
        fits(Mutex::size_of(Some(place.as_ptr())))?;
        // SAFETY: the caller's bytes, as many as it needs by the line above. No data belongs to it.
        unsafe { Mutex::new(place.as_ptr(), null_mut()) }
            .map(drop)
            .map_err(|e| refused(Step::Open, &*e))
    }

    /// The mutex that was made there.
    ///
    /// # Safety
    /// `create` made it, and its bytes are mapped as long as this lives.
    pub(super) unsafe fn open(place: NonNull<u8>) -> Result<Lock, SideFault> {
        // SAFETY: as the caller says.
        let lock = unsafe { Mutex::from_existing(place.as_ptr(), null_mut()) };
        lock.map(|(lock, _)| Lock(lock)).map_err(|e| refused(Step::Open, &*e))
    }

    /// Waits for the lock, for ever if its holder has died.
    #[inline(always)]
    pub(super) fn hold(&self, step: Step) -> Result<Held<'_>, SideFault> {
        self.0.lock().map(Held).map_err(|error| refused(step, &*error))
    }
}

impl Event {
    /// Makes an event there, not set.
    ///
    /// # Safety
    /// As for [`Lock::create`].
    pub(super) unsafe fn create(place: NonNull<u8>) -> Result<(), SideFault> {
        fits(events::Event::size_of(Some(place.as_ptr())))?;
        // SAFETY: the caller's bytes, as many as it needs by the line above.
        unsafe { events::Event::new(place.as_ptr(), true) }
            .map(drop)
            .map_err(|e| refused(Step::Open, &*e))
    }

    /// The event that was made there.
    ///
    /// # Safety
    /// As for [`Lock::open`].
    pub(super) unsafe fn open(place: NonNull<u8>) -> Result<Event, SideFault> {
        // SAFETY: as the caller says.
        let event = unsafe { events::Event::from_existing(place.as_ptr()) };
        event.map(|(event, _)| Event(event)).map_err(|e| refused(Step::Open, &*e))
    }

    /// Sets it: one who waits, or the next who will, goes on.
    #[inline(always)]
    pub(super) fn set(&self, step: Step) -> Result<(), SideFault> {
        self.0.set(EventState::Signaled).map_err(|error| refused(step, &*error))
    }

    /// Sleeps until it is set, and takes that back. Ends when it is set, or when this process is
    /// ended. The caller looks again at what it waited for.
    #[inline(always)]
    pub(super) fn wait(&self, step: Step) -> Result<(), SideFault> {
        self.0.wait(Timeout::Infinite).map_err(|error| refused(step, &*error))
    }
}

/// Whether so many bytes are there for it.
fn fits(bytes: usize) -> Result<(), SideFault> {
    if bytes <= ROOM { Ok(()) } else { Err(SideFault::NoRoom) }
}

#[cold]
fn refused(step: Step, error: &dyn Error) -> SideFault {
    eprintln!("raw_sync: {step:?}: {error}");
    SideFault::Refused(step)
}
