//! Waiting by looking: how often to look, and what else to do in between.
//!
//! A look is cheap for the one who looks and dear for the other side, whose line it takes away;
//! so looks are spaced by pauses. Every 64 looks the clock is read, which is all that a deadline
//! needs; when a wait has become long anyway, the processor is offered to others and the kernel
//! is asked whether the peer still lives.

use super::waiting::Budget;
use crate::sync::{Deadline, Memory};

/// Looks between two readings of the clock.
const LOOKS_PER_CLOCK: u32 = 64;

/// What the looks before the first reading take at least.
const FIRST_LOOKS_NS: u64 = 2_000;

/// How long a wait lasts before it is called long.
const LONG_NS: u64 = 50_000;

/// How often a long wait asks about the peer: one probe costs 0.2 microseconds.
const ASK_EVERY_NS: u64 = 100_000;

/// How long the processor's pause is here, and so how many of them make the waits below. A pause
/// takes 9.5 ns on one machine and 43 on another, and a wait of three is right or ruinous by that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cadence {
    /// Between two looks at an empty ring.
    pub(super) empty_pauses: u32,
    /// Between two looks of a side that lets the other one run: at a full ring, or at the heels
    /// of a stream.
    pub(super) apart_pauses: u32,
}

impl Cadence {
    const EMPTY_NS: u64 = 28;
    const APART_NS: u64 = 300;

    /// The cadence for this machine's pause.
    pub(super) fn of<M: Memory>(memory: &M) -> Cadence {
        let pause_tenth_ns = memory.pause_tenth_ns().max(1);
        let pauses =
            |ns: u64| ((ns * 10 + pause_tenth_ns / 2) / pause_tenth_ns).clamp(1, 1_000) as u32;
        Cadence { empty_pauses: pauses(Cadence::EMPTY_NS), apart_pauses: pauses(Cadence::APART_NS) }
    }
}

/// What a waiting side does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Look at the ring properly: something came.
    Came,
    /// Look at the ring properly: nothing came for a while.
    Vain,
    /// Ask the world outside, then look again.
    Ask,
    /// Sleep: looking has cost enough.
    Park,
    /// Give up.
    TimedOut,
}

/// One wait, from its first vain look to its end.
pub(super) struct Spin {
    deadline: Deadline,
    /// How long to look before it is time to sleep.
    budget_ns: u64,
    /// Whether it is time at once. Not twice: who is woken for nothing looks for a while.
    at_once: bool,
    park_from_ns: u64,
    long_from_ns: u64,
    ask_from_ns: u64,
    /// Quick looks so far.
    looks: u32,
    /// Whether one of them said that something came.
    has_come: bool,
}

impl Spin {
    #[inline]
    pub(super) fn until(deadline: Deadline, budget: Budget) -> Spin {
        Spin {
            deadline,
            budget_ns: budget.ns(),
            at_once: budget.ns() == 0,
            park_from_ns: 0,
            long_from_ns: 0,
            ask_from_ns: 0,
            looks: 0,
            has_come: false,
        }
    }

    /// A wait that ends before it begins if `deadline` has passed, which it reads the clock for:
    /// for looks that are far apart, and for many waits that share one deadline.
    pub(super) fn until_on_time<M: Memory>(memory: &M, deadline: Deadline, budget: Budget) -> Spin {
        let is_late = deadline != Deadline::NEVER && deadline.has_passed(memory.now());
        Spin::until(if is_late { Deadline::PASSED } else { deadline }, budget)
    }

    /// Whether it may wait at all.
    pub(super) fn may_wait(&self) -> bool {
        self.deadline != Deadline::PASSED
    }

    /// After a vain look: quick looks by `came`, `pauses` pauses apart, until it says yes or it
    /// is time for something else. Most waits end here and never see the clock.
    #[inline]
    pub(super) fn turns<M: Memory>(
        &mut self,
        memory: &M,
        pauses: u32,
        came: impl Fn() -> bool,
    ) -> Turn {
        if self.deadline == Deadline::PASSED {
            return Turn::TimedOut;
        }
        if self.at_once {
            self.at_once = false;
            return Turn::Park;
        }
        for _ in 0..LOOKS_PER_CLOCK {
            for _ in 0..pauses {
                memory.pause();
            }
            let came = came();
            self.looks = self.looks.wrapping_add(1);
            // However often a peer makes something come that is then not there, a deadline holds.
            if self.looks.is_multiple_of(LOOKS_PER_CLOCK) {
                let turn = self.clock(memory);
                let is_new = came && !self.has_come;
                if turn != Turn::Vain && !is_new {
                    return turn;
                }
            }
            if came {
                self.has_come = true;
                return Turn::Came;
            }
        }
        Turn::Vain
    }

    #[cold]
    fn clock<M: Memory>(&mut self, memory: &M) -> Turn {
        let now = memory.now();
        if self.deadline.has_passed(now) {
            return Turn::TimedOut;
        }
        if self.long_from_ns == 0 {
            self.long_from_ns = now + LONG_NS;
            self.ask_from_ns = now + ASK_EVERY_NS;
            self.park_from_ns = now.saturating_add(self.budget_ns.saturating_sub(FIRST_LOOKS_NS));
        }
        if now >= self.park_from_ns {
            return Turn::Park;
        }
        if now >= self.ask_from_ns {
            self.ask_from_ns = now + ASK_EVERY_NS;
            return Turn::Ask;
        }
        if now >= self.long_from_ns {
            memory.yield_now();
        }
        Turn::Vain
    }
}
