//! What can go wrong with waiting for several things, and what the caller does next. The numbers
//! (`code`) are those of all other errors: the same trouble has the same one.

use super::errors::IO;
use crate::error::{RecvError, Severed};
use crate::ring::Wake;
use core::fmt;
use std::io;

/// Why a handle was not made pollable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollError {
    /// Nobody rings in this ring: make it with another policy.
    NoBell(NoBell),
    /// The mapping was cut off.
    Severed(Severed),
    /// A system call failed.
    Io {
        /// Which.
        call: &'static str,
        /// With this errno.
        errno: i32,
    },
}

/// Why nobody rings for who sleeps elsewhere than at its ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoBell {
    /// The ring's sides spin ([`Wait::Spin`](crate::Wait::Spin)): who sends wakes nobody.
    Spins,
    /// The ring's sleepers are not woken by a futex, and nothing else is heard elsewhere.
    OtherWake {
        /// But by this.
        wake: Wake,
    },
}

/// Why none of several rings is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitAnyError {
    /// The deadline passed.
    Timeout,
    /// The process at the other side of that ring is gone without closing, and what it left was
    /// taken. Goes on being told; wait without this ring, or until there is a successor.
    PeerDied {
        /// Which of the rings.
        index: usize,
    },
    /// Nobody rings in that ring: wait for it alone, or make it with another policy.
    NoBell {
        /// Which of the rings.
        index: usize,
        /// Why.
        why: NoBell,
    },
    /// There is nothing to wait for: give it a ring at least.
    NoRings,
}

/// A handle that was not made pollable, and why.
pub struct NotPollable<H> {
    /// The handle, as it was.
    pub handle: H,
    /// What is in the way.
    pub reason: PollError,
}

impl PollError {
    /// The stable number of this error.
    pub const fn code(self) -> i32 {
        match self {
            PollError::NoBell(why) => why.code(),
            PollError::Severed(severed) => severed.code(),
            PollError::Io { .. } => IO,
        }
    }
}

impl NoBell {
    /// The stable number of this reason.
    pub const fn code(self) -> i32 {
        match self {
            NoBell::Spins => 70,
            NoBell::OtherWake { .. } => 71,
        }
    }
}

impl WaitAnyError {
    /// The stable number of this error.
    pub const fn code(self) -> i32 {
        match self {
            WaitAnyError::Timeout => RecvError::Timeout.code(),
            WaitAnyError::PeerDied { .. } => RecvError::ProducerDied.code(),
            WaitAnyError::NoBell { why, .. } => why.code(),
            WaitAnyError::NoRings => 72,
        }
    }
}

impl fmt::Display for NoBell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoBell::Spins => f.write_str(
                "the ring's sides spin and wake nobody: make it with the policy spin-park or park",
            ),
            NoBell::OtherWake { wake } => write!(
                f,
                "the ring's sleepers are woken by {wake}, which is heard in no other place: make \
                 it to wake by futex"
            ),
        }
    }
}

impl fmt::Display for PollError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            PollError::NoBell(why) => why.fmt(f),
            PollError::Severed(severed) => severed.fmt(f),
            PollError::Io { call, errno } => {
                write!(f, "{call} failed: {}", io::Error::from_raw_os_error(errno))
            }
        }
    }
}

impl fmt::Display for WaitAnyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            WaitAnyError::Timeout => f.write_str("the deadline passed while no ring was ready"),
            WaitAnyError::PeerDied { index } => {
                write!(f, "the process at the other side of ring {index} died without closing it")
            }
            WaitAnyError::NoBell { index, why } => write!(f, "ring {index}: {why}"),
            WaitAnyError::NoRings => f.write_str("there is no ring to wait for: give one at least"),
        }
    }
}

impl<H> fmt::Debug for NotPollable<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotPollable").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<H> fmt::Display for NotPollable<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl std::error::Error for PollError {}
impl std::error::Error for WaitAnyError {}
impl<H> std::error::Error for NotPollable<H> {}
