//! How the sides of a ring wait: fixed when its segment is made, and the same for all.

use core::fmt;

/// What a side does that has nothing to do: a receiver at an empty ring, a sender at a full one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// It looks, for as long as it takes: the fastest, and a whole core for each who waits. Nobody
    /// ever sleeps, and nobody has to be woken.
    Spin,
    /// It looks for up to 50 us, less where that was in vain lately, and then sleeps.
    #[default]
    SpinThenPark,
    /// It sleeps at once.
    Park,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wait::Spin => "spin",
            Wait::SpinThenPark => "spin-park",
            Wait::Park => "park",
        })
    }
}

/// By what a sleeper is woken. Whether it is rung is said by shared memory: this is only how the
/// kernel is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wake {
    /// By a futex: the fastest, and nothing is kept anywhere.
    #[default]
    Futex,
    /// By a POSIX semaphore in the segment, of glibc's. A peer that scribbles over it can have
    /// glibc abort the process; it is looked at before each use, but not held.
    PosixSem,
    /// By a System V semaphore, for segments under a name: the set stays until the segment is
    /// removed by this library, and a plain `unlink` leaves it behind.
    SysvSem,
    /// By raw_sync's event, with the feature `event`. **Not crash-safe**: who is killed in it
    /// leaves its mutex locked, and whoever wakes or sleeps then waits for ever, past any
    /// deadline.
    Event,
}

impl fmt::Display for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wake::Futex => "futex",
            Wake::PosixSem => "posix-sem",
            Wake::SysvSem => "sysv-sem",
            Wake::Event => "event",
        })
    }
}

impl Wake {
    /// Whether nothing is lost or stuck when a process is killed that sleeps by it or wakes.
    pub const fn is_crash_safe(self) -> bool {
        !matches!(self, Wake::Event)
    }
}

/// How it is made sure that who publishes sees who is about to sleep, or is seen by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// A fence on both sides: some nanoseconds for each message and each release.
    Fence,
    /// None for who publishes; who is about to sleep pays for both, by membarrier(2): 0.2 us, or
    /// 15 and an interrupt for the other side where that is running.
    Membarrier,
}

/// How the sides of one ring wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// By [`Wait::Spin`].
    Spin,
    /// By sleeping, after looking or at once.
    Park {
        /// Whether it looks first.
        spins: bool,
        /// How sleepers are not missed.
        barrier: Barrier,
        /// How they are woken.
        wake: Wake,
    },
}

impl fmt::Display for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Barrier::Fence => "fence",
            Barrier::Membarrier => "membarrier",
        })
    }
}

impl Waiting {
    /// The policy.
    pub const fn policy(self) -> Wait {
        match self {
            Waiting::Spin => Wait::Spin,
            Waiting::Park { spins: true, .. } => Wait::SpinThenPark,
            Waiting::Park { spins: false, .. } => Wait::Park,
        }
    }

    /// The form of the protocol, if anybody sleeps.
    pub const fn barrier(self) -> Option<Barrier> {
        match self {
            Waiting::Spin => None,
            Waiting::Park { barrier, .. } => Some(barrier),
        }
    }

    /// By what sleepers are woken, if anybody sleeps.
    pub const fn wake(self) -> Option<Wake> {
        match self {
            Waiting::Spin => None,
            Waiting::Park { wake, .. } => Some(wake),
        }
    }
}

/// How long a side looks before it sleeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    ns: u64,
    most_ns: u64,
}

impl Budget {
    /// What a sleep and a wake take together: looking for longer than that is never worth it.
    const MOST_NS: u64 = 50_000;

    /// The least of a side that looks first. The clock is read no sooner.
    const LEAST_NS: u64 = 2_000;

    /// The budget of a new handle. A process that has one processor leaves it to its peer.
    pub(super) fn of(waiting: Waiting, is_alone: impl FnOnce() -> bool) -> Budget {
        let most_ns = match waiting {
            Waiting::Spin => u64::MAX,
            Waiting::Park { spins: true, .. } if !is_alone() => Budget::MOST_NS,
            Waiting::Park { .. } => 0,
        };
        Budget { ns: most_ns, most_ns }
    }

    /// For how long to look this time; `u64::MAX` where nobody sleeps.
    pub(super) const fn ns(self) -> u64 {
        self.ns
    }

    /// What was looked for came in time: looking is worth it.
    #[inline]
    pub(super) fn was_enough(&mut self) {
        self.ns = self.most_ns;
    }

    /// It did not: less the next time.
    pub(super) fn was_vain(&mut self) {
        if self.most_ns != u64::MAX {
            self.ns = (self.ns / 2).max(Budget::LEAST_NS.min(self.most_ns));
        }
    }
}

#[cfg(test)]
mod tests;
