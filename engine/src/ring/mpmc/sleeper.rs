//! Waiting: looking for a while, and then sleeping in the bed of one's role (`bells` has the
//! protocol).

use super::presence;
use super::slots::Slots;
use crate::layout::Seat;
use crate::ring::park::{SLICE_MAX_NS, SLICE_NS, UNSURE_SLICE_NS};
use crate::ring::spin::{Spin, Turn};
use crate::ring::waiting::Budget;
use crate::ring::{Role, Waiting};
use crate::sync::{Crowd, Deadline, Ordering};
use core::mem::offset_of;

/// One participant that waits.
pub(super) struct Sleeper {
    role: Role,
    index: u16,
    waiting: Waiting,
    budget: Budget,
    /// The bell as it was before we lay down, if we lie.
    bell: Option<u64>,
    slice_ns: u64,
    slice_max_ns: u64,
    /// The end of this slice, however often it is interrupted.
    slice_end_ns: u64,
    /// When to ask about the world outside, however often we are rung meanwhile: somebody else's
    /// messages say nothing of the one that is in our way.
    ask_from_ns: u64,
    /// Who had come and left when nobody was missed the last time, and whether that was asked since
    /// we lie.
    pub(super) changes: u64,
    has_heard: bool,
    /// Whether somebody has what we wait for: then it does not matter who else comes or goes.
    pub(super) is_held: bool,
    /// The bell when a slice's end found work and no ring: whether one was on its way is seen
    /// later.
    suspect: Option<u64>,
    has_slept_out: bool,
    /// Whether looking was not enough in this wait.
    has_lain: bool,
    backstop: u64,
}

impl Sleeper {
    /// The one that sits in seat `index`.
    pub(super) fn of<M: Crowd>(slots: &Slots<M>, role: Role, index: u16) -> Sleeper {
        let waiting = slots.geometry().waiting();
        Sleeper {
            role,
            index,
            waiting,
            budget: Budget::of(waiting, || slots.memory().is_alone()),
            bell: None,
            slice_ns: SLICE_NS,
            slice_max_ns: SLICE_MAX_NS,
            slice_end_ns: 0,
            ask_from_ns: 0,
            changes: 0,
            has_heard: false,
            is_held: false,
            suspect: None,
            has_slept_out: false,
            has_lain: false,
            backstop: 0,
        }
    }

    /// A wait begins.
    pub(super) fn spin(&mut self, deadline: Deadline) -> Spin {
        self.has_lain = false;
        Spin::until(deadline, self.budget)
    }

    /// One of many waits begins that share a deadline.
    pub(super) fn spin_on_time<M: Crowd>(&mut self, memory: &M, deadline: Deadline) -> Spin {
        self.has_lain = false;
        Spin::until_on_time(memory, deadline, self.budget)
    }

    /// Whether we lie: then what is looked at next is S4.
    pub(super) fn is_lying(&self) -> bool {
        self.bell.is_some()
    }

    /// After a vain look: waits until it is time for another one, or for something else.
    pub(super) fn turn<M: Crowd>(
        &mut self,
        slots: &Slots<M>,
        spin: &mut Spin,
        pauses: u32,
        came: impl Fn() -> bool,
        deadline: Deadline,
    ) -> Turn {
        if let Some(bell) = self.bell {
            return self.sleep(slots, bell, deadline);
        }
        let never_spins = self.budget.ns() == 0 && deadline != Deadline::PASSED;
        let turn = if never_spins { Turn::Park } else { spin.turns(slots.memory(), pauses, came) };
        if turn != Turn::Park {
            return turn;
        }
        self.budget.was_vain();
        self.has_lain = true;
        let now = slots.memory().now();
        // A barrier costs too much for who has no time to sleep.
        if deadline.has_passed(now) {
            return Turn::TimedOut;
        }
        if now >= self.ask_from_ns {
            self.ask_from_ns = now.saturating_add(SLICE_NS);
            return Turn::Ask;
        }
        self.lie_down(slots);
        self.slice_end_ns = now.saturating_add(self.slice_ns);
        Turn::Vain
    }

    /// S1 to S3.
    fn lie_down<M: Crowd>(&mut self, slots: &Slots<M>) {
        self.settle(slots);
        // ORDERING: Relaxed: S2 keeps it before itself.
        self.bell = Some(slots.bell(self.role, Ordering::Relaxed));
        slots.count_asleep(self.role);
        let is_sure = self.waiting.barrier().is_some_and(|form| slots.memory().barrier(form));
        self.slice_max_ns = if is_sure { SLICE_MAX_NS } else { UNSURE_SLICE_NS };
        self.slice_ns = self.slice_ns.min(self.slice_max_ns);
        (self.has_slept_out, self.has_heard) = (false, false);
    }

    /// S5. `Ask` at a slice's end, or where somebody has come or left; then we still lie.
    fn sleep<M: Crowd>(&mut self, slots: &Slots<M>, bell: u64, deadline: Deadline) -> Turn {
        let memory = slots.memory();
        let now = memory.now();
        if deadline.has_passed(now) {
            return Turn::TimedOut;
        }
        // Once: who comes or goes later rings.
        if !self.has_heard && !self.is_held {
            self.has_heard = true;
            if presence::changes(slots) != self.changes {
                return Turn::Ask;
            }
        }
        let end = deadline.earlier_than(self.slice_end_ns);
        if now < end {
            self.has_slept_out = memory.sleep(self.role, bell, end - now);
        }
        // ORDERING: Acquire, edge B of `ring::park`: what we were rung for is there.
        if slots.bell(self.role, Ordering::Acquire) != bell {
            self.bell = None;
            self.slice_ns = SLICE_NS;
            return Turn::Came;
        }
        let now = memory.now();
        if deadline.has_passed(now) {
            return Turn::TimedOut;
        }
        if now < self.slice_end_ns {
            // For no reason.
            return Turn::Vain;
        }
        self.slice_ns = (2 * self.slice_ns).min(self.slice_max_ns);
        self.slice_end_ns = now.saturating_add(self.slice_ns);
        self.ask_from_ns = now.saturating_add(SLICE_NS);
        Turn::Ask
    }

    /// The wait is over, and found something or not.
    pub(super) fn rise<M: Crowd>(&mut self, slots: &Slots<M>, has_found: bool) {
        match self.bell.take() {
            // ORDERING: Relaxed: a ring that was on its way is seen by `settle`.
            Some(bell) if has_found && self.has_slept_out => {
                let is_rung = slots.bell(self.role, Ordering::Relaxed) != bell;
                self.suspect = (!is_rung).then_some(bell);
            }
            Some(_) => {}
            None if has_found && !self.has_lain => self.budget.was_enough(),
            None => {}
        }
        self.slice_ns = SLICE_NS;
    }

    /// Whether it may sleep, and then asks about the world outside every 50 ms at most.
    pub(super) fn may_sleep(&self) -> bool {
        self.waiting != Waiting::Spin
    }

    /// Counts the last sleep whose slice's end found work, if really nobody rang.
    fn settle<M: Crowd>(&mut self, slots: &Slots<M>) {
        // ORDERING: Relaxed: a ring that was on its way then has long come.
        if let Some(bell) = self.suspect.take()
            && slots.bell(self.role, Ordering::Relaxed) == bell
        {
            self.backstop = self.backstop.wrapping_add(1);
            slots.note(self.index, offset_of!(Seat, backstop), self.backstop);
        }
    }
}
