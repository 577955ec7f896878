//! The means by which one side wakes the other: how S5 and the wake of P4 (`ring::park`) are done.
//!
//! A means counts nothing and carries nothing: whether a sleeper was rung is said by its bed's
//! bell, and a means only makes waiting for that cheap. So it may wake for nothing, and it may
//! keep one wake for the next sleep. What it must not do is let somebody sleep on for whom it was
//! rung after [`Means::hush`].
//!
//! | means | a sleeper is | left behind when all are killed |
//! |---|---|---|
//! | [`Futex`] | in the kernel's queue for its bell | nothing |
//! | [`PosixSem`] | in glibc's `sem_clockwait`, on a semaphore in the segment | nothing |
//! | [`SysvSem`] | in semtimedop(2) | the set of semaphores, until the segment is removed |
//! | [`Event`] | in raw_sync's condition variable, under its mutex | the mutex, locked for ever |

#[cfg(feature = "event")]
mod event;
mod futex;
pub(crate) mod futex_waitv;
#[cfg(target_env = "gnu")]
mod posix_sem;
mod sysv_sem;

use crate::layout::{Alarm, Bed, CONSUMER_ALARM, Header, PRODUCER_ALARM};
use crate::ring::area::bed_at;
use crate::ring::{Role, Wake};
use crate::sync::{Ordering, Raw};
use core::fmt::Debug;
use core::mem::offset_of;
use std::time::Duration;

pub(crate) use futex::Futex;
pub(crate) use sysv_sem::{forget as forget_sysv, random_key, room_for_set};

/// A way of sleeping until somebody rings.
pub(crate) trait Means: Debug + Send + Sync {
    /// Before S1: forgets wakes that nobody slept for.
    fn hush(&self, _: Berth) {}

    /// S5: sleeps while the bell is `bell`, for up to `ns` nanoseconds or until it is woken, or
    /// for no reason for less. Says whether the time was up.
    fn sleep(&self, berth: Berth, bell: u32, ns: u64) -> bool;

    /// P4, after the bell was raised: wakes who sleeps there, or keeps it from falling asleep.
    fn wake(&self, berth: Berth);
}

/// Where one side of a mapped segment sleeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Berth {
    raw: Raw,
    role: Role,
}

impl Berth {
    /// The berth of `role` in the segment at `raw`, which stays mapped as long as it is used.
    pub(crate) fn new(raw: Raw, role: Role) -> Berth {
        Berth { raw, role }
    }

    /// The bell's lower half, which comes first.
    pub(crate) fn bell(self) -> *const u32 {
        self.raw.base().wrapping_add(self.bell_at()).cast()
    }

    fn is_bell(self, bell: u32) -> bool {
        // ORDERING: Acquire, edge B of `ring::park`.
        // SAFETY: a control word below `DATA`, aligned by the layout.
        bell == unsafe { self.raw.load(self.bell_at(), Ordering::Acquire) } as u32
    }

    fn bell_at(self) -> usize {
        bed_at(self.role) + offset_of!(Bed, bell)
    }

    /// The first byte of what the means keeps here: an [`Alarm`], aligned to 128 bytes.
    #[cfg_attr(not(target_env = "gnu"), allow(dead_code, reason = "no means there needs it"))]
    fn alarm(self) -> *mut u8 {
        let at = match self.role {
            Role::Producer => PRODUCER_ALARM,
            Role::Consumer => CONSUMER_ALARM,
        };
        debug_assert!(at + size_of::<Alarm>() <= self.raw.len());
        self.raw.base().wrapping_add(at)
    }
}

/// Why a segment's means cannot be used by this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WakeError {
    /// This build does not have it.
    Missing,
    /// What the segment keeps for it is not what this process's C library makes.
    Foreign,
    /// A set of semaphores cannot be had, with this errno.
    NoSet(i32),
    /// The segment's key leads to a set that somebody else made.
    TakenKey(u32),
}

/// Whether this build has the means.
pub(crate) const fn is_built(wake: Wake) -> bool {
    match wake {
        Wake::Futex | Wake::SysvSem => true,
        Wake::PosixSem => cfg!(target_env = "gnu"),
        Wake::Event => cfg!(feature = "event"),
    }
}

/// What stands in a new segment for its means: written by the creator, before anybody else can
/// find the segment.
pub(crate) fn lay_out(wake: Wake, raw: Raw) -> Result<(), WakeError> {
    for role in [Role::Producer, Role::Consumer] {
        let berth = Berth::new(raw, role);
        match wake {
            Wake::Futex | Wake::SysvSem => {}
            #[cfg(target_env = "gnu")]
            Wake::PosixSem => posix_sem::lay_out(berth),
            #[cfg(feature = "event")]
            Wake::Event => event::lay_out(berth)?,
            #[allow(unreachable_patterns, reason = "in a build that has them all")]
            Wake::PosixSem | Wake::Event => {
                let _ = berth;
                return Err(WakeError::Missing);
            }
        }
    }
    Ok(())
}

/// The means of the segment at `raw`, whose header was checked. Whoever calls this has the
/// segment's door.
pub(crate) fn open(wake: Wake, header: &Header, raw: Raw) -> Result<Box<dyn Means>, WakeError> {
    match wake {
        Wake::Futex => Ok(Box::new(Futex)),
        Wake::SysvSem => Ok(Box::new(sysv_sem::SysvSem::open(header)?)),
        #[cfg(target_env = "gnu")]
        Wake::PosixSem => Ok(Box::new(posix_sem::PosixSem::open(raw)?)),
        #[cfg(feature = "event")]
        Wake::Event => Ok(Box::new(event::Event::open(raw)?)),
        #[allow(unreachable_patterns, reason = "in a build that has them all")]
        Wake::PosixSem | Wake::Event => {
            let _ = raw;
            Err(WakeError::Missing)
        }
    }
}

/// How long one sleeps whose means does not work: it looks that often instead.
const INSTEAD: Duration = Duration::from_millis(1);

/// Sleeps [`INSTEAD`], at most `ns`.
fn sleep_instead(ns: u64) {
    std::thread::sleep(INSTEAD.min(Duration::from_nanos(ns)));
}

/// `ns` as the kernel takes it.
fn timespec(ns: u64) -> libc::timespec {
    libc::timespec {
        tv_sec: (ns / 1_000_000_000).cast_signed(),
        tv_nsec: (ns % 1_000_000_000).cast_signed(),
    }
}
