//! Sleeping, and waking who sleeps, without a system call while nobody does.
//!
//! Each side has a bed ([`Bed`]): `asleep` is written by the side that sleeps there, `bell` by
//! whoever wakes it. A receiver sleeps at an empty ring and a sender at a full one, by the same
//! steps; what is published is a record's word for the one and `head` for the other.
//!
//! ```text
//!      who sleeps                            who publishes
//!   S1 b = bell                           P1 store it (Release)
//!   S2 asleep += 1, now odd               P2 barrier
//!   S3 barrier                            P3 a = asleep; done if that is what it was last time
//!   S4 look: go to S6 if there is work    P4 if a is odd: bell += 1, then wake
//!   S5 sleep while bell is b
//!   S6 asleep += 1, now even
//! ```
//!
//! **No wake is lost.** Both barriers are full ones, so one of S3 and P2 comes first. If P2 does,
//! S4 sees what P1 stored, and nobody sleeps. If S3 does, P3 sees the odd number of S2, or a later
//! one. Nobody who publishes has seen that number before, since numbers only rise; so P4 is come
//! to. It changes the bell. If S1 had read it changed already, S4 would see what P1 stored. The
//! kernel compares the bell and queues the sleeper under one lock, and a wake takes the same:
//! so at S5 the kernel either finds the bell changed and lets nobody sleep, or the sleeper is in
//! the queue when the wake comes. (The bell would have to be raised 2^32 times between S1 and S5 to
//! look unchanged; a sleeper is rung once for each time it lies down.)
//!
//! That is the futex. Other means (`wake`) remember a wake instead, and the wakes of earlier sleeps
//! are forgotten before S1. A bell that is raised after S1 has its wake after that, so S5 finds it
//! or is ended by it. A wake that comes late, of a bell that S1 saw raised, ends S5 for nothing.
//!
//! **A sender is woken when it is worth it**: it writes the position that `head` has to reach,
//! `wanted`, before S2, and P4 does nothing before that. Then P3 is not "done" either, so that each
//! later release asks again. The release that brings `head` there is seen by S4 or has S2 before
//! it, as above.
//!
//! **The barriers** have two forms ([`Barrier`]). By `Fence` both are fences. By `Membarrier` P2
//! keeps the compiler from moving P3 before P1, and nothing else, and S3 is membarrier(2), global
//! and expedited: each processor that runs a process which is registered executes a full barrier
//! during it, and one that runs none has passed a full barrier in the scheduler. For who publishes
//! that barrier falls before P1, and P3 sees S2; or between the two, and P3 sees S2; or after P3,
//! and S4 sees P1. So whoever publishes must be registered, and one that cannot be keeps a fence of
//! its own: that is its own affair, which no sleeper need know. That membarrier(2) works is asked
//! when a segment is attached to, and its answer is looked at every time all the same: without the
//! barrier sleeps are short.
//!
//! **Death.** A sender killed between P1 and its wake leaves a sleeper that nobody wakes: a
//! successor rings when it joins, and sleeps are sliced, so that without one the sleeper looks by
//! itself, and asks the kernel whether its peer still lives. A side that is killed asleep leaves
//! its bed odd; its successor makes it even. How often a slice's end, and no ring, found work is
//! counted ([`Participant::backstop`]): without kills it stays 0, unless the machine is so busy
//! that a slice ends before there is work and the ring comes before the sleeper runs again.
//!
//! **Sleeping elsewhere.** All steps are the side's own but S5, which somebody else may do in its
//! place: a thread that then makes a descriptor readable, see [`watch`], or a call that sleeps at
//! the bells of several rings at once, see `ring::any`. There one barrier is S3 of all rings, since
//! it comes behind each S2 and before each S4. A side may so lie while its thread does other
//! things, and lies on if it lies down once more, unless it is for other room.
//!
//! **A peer that scribbles** can keep a sleeper from being rung, which costs a slice, or ring it
//! for nothing, which costs a look. Deadlines hold.

mod bell;
pub(super) mod steps;
pub mod watch;

pub(super) use bell::{Bell, ConsumerSleeps, Mode, ProducerSleeps};

use super::area::Area;
use super::gate::Standing;
use super::spin::Turn;
use super::waiting::{Barrier, Waiting};
use super::{Position, Role};
use crate::layout::{Bed, Participant};
use crate::sync::{Deadline, Memory, Ordering};
use core::mem::offset_of;

/// The first slice of a sleep, and the longest. It grows while the peer is found alive and idle,
/// from one wait to the next if nothing comes in between.
pub(super) const SLICE_NS: u64 = 50_000_000;
pub(super) const SLICE_MAX_NS: u64 = 500_000_000;

/// A slice of a sleep whose barrier failed: it may miss a wake.
pub(super) const UNSURE_SLICE_NS: u64 = 1_000_000;

/// A side that may sleep, and its bed.
pub(super) struct Sleeper {
    role: Role,
    barrier: Barrier,
    /// What our `asleep` says: only we write it.
    asleep: u64,
    /// The bell as it was before we lay down.
    bell: u64,
    slice_ns: u64,
    slice_max_ns: u64,
    /// The bell when a slice's end found work and no ring: whether one was on its way is seen
    /// later.
    suspect: Option<u64>,
    backstop: u64,
    /// When it was last asked whether the peer lives, while sides wait for any of several.
    asked_ns: u64,
}

impl Sleeper {
    /// The sleeper of `role`, whose predecessor may have died asleep.
    pub(super) fn of<M: Memory>(area: &Area<M>, role: Role, waiting: Waiting) -> Sleeper {
        let mut sleeper = Sleeper {
            role,
            barrier: waiting.barrier().unwrap_or(Barrier::Fence),
            asleep: 0,
            bell: 0,
            slice_ns: SLICE_NS,
            slice_max_ns: SLICE_MAX_NS,
            suspect: None,
            backstop: area.noted(role, offset_of!(Participant, backstop)),
            asked_ns: 0,
        };
        if waiting != Waiting::Spin {
            // ORDERING: Relaxed: only this role writes it, and the role came to us by a lock.
            sleeper.asleep = area.bed(role, offset_of!(Bed, asleep), Ordering::Relaxed);
            sleeper.rise(area);
        }
        sleeper
    }

    fn is_lying(&self) -> bool {
        self.asleep & 1 != 0
    }

    /// Sleeps until somebody rings, or until a slice or the time till `deadline` is over, unless
    /// `is_idle` says no.
    ///
    /// `Ask`, at the end of either, leaves us lying, so that the next slice costs no barrier; all
    /// else has us up.
    pub(super) fn park<M: Memory>(
        &mut self,
        area: &Area<M>,
        wanted: Position,
        deadline: Deadline,
        is_idle: impl Fn() -> bool,
    ) -> Turn {
        let mut now = area.memory().now();
        if !self.is_lying() {
            // A barrier costs too much for who has no time to sleep.
            if deadline.has_passed(now) {
                return Turn::TimedOut;
            }
            self.lie_down(area, wanted);
        }
        let slice_end = now.saturating_add(self.slice_ns);
        let sleep_end = deadline.earlier_than(slice_end);
        let mut has_slept_out = false;
        // Ends by the clock.
        let turn = loop {
            // S4.
            if !is_idle() {
                break Turn::Came;
            }
            if now >= sleep_end {
                break Turn::Ask;
            }
            // S5.
            has_slept_out = area.memory().sleep(self.role, self.bell, sleep_end - now);
            if self.is_rung(area) {
                if has_slept_out {
                    self.count_backstop(area);
                }
                break Turn::Came;
            }
            now = area.memory().now();
        };
        if turn == Turn::Came && has_slept_out && !self.is_rung(area) {
            self.suspect = Some(self.bell);
        }
        if turn == Turn::Came {
            self.slice_ns = SLICE_NS;
            self.rise(area);
        } else if now >= slice_end {
            self.grow_slice();
        }
        turn
    }

    /// A slice is over, and the peer alive and idle.
    pub(super) fn grow_slice(&mut self) {
        self.slice_ns = (2 * self.slice_ns).min(self.slice_max_ns);
    }

    /// S1 to S3.
    fn lie_down<M: Memory>(&mut self, area: &Area<M>, wanted: Position) {
        self.note_bell(area);
        self.announce(area, wanted);
        let is_sure = area.memory().barrier(self.barrier);
        self.braced(is_sure);
    }

    /// S1.
    fn note_bell<M: Memory>(&mut self, area: &Area<M>) {
        self.settle(area);
        area.memory().hush(self.role);
        // ORDERING: Relaxed: the barrier keeps it before S4.
        self.bell = area.bed(self.role, offset_of!(Bed, bell), Ordering::Relaxed);
    }

    /// S2.
    fn announce<M: Memory>(&mut self, area: &Area<M>, wanted: Position) {
        // ORDERING: Relaxed: shown by the store of `asleep`.
        area.set_bed(self.role, offset_of!(Bed, wanted), wanted, Ordering::Relaxed);
        self.set_asleep(area);
    }

    /// After S3, which worked or did not.
    pub(super) fn braced(&mut self, is_sure: bool) {
        self.slice_max_ns = if is_sure { SLICE_MAX_NS } else { UNSURE_SLICE_NS };
        self.slice_ns = self.slice_ns.min(self.slice_max_ns);
    }

    /// S6, if we lie.
    #[inline]
    pub(super) fn rise<M: Memory>(&mut self, area: &Area<M>) {
        if self.is_lying() {
            self.set_asleep(area);
        }
    }

    fn set_asleep<M: Memory>(&mut self, area: &Area<M>) {
        self.asleep = self.asleep.wrapping_add(1);
        // ORDERING: Release, edge A: `wanted` comes before it.
        area.set_bed(self.role, offset_of!(Bed, asleep), self.asleep, Ordering::Release);
    }

    fn is_rung<M: Memory>(&self, area: &Area<M>) -> bool {
        // ORDERING: Acquire, edge B: what we were rung for is there.
        area.bed(self.role, offset_of!(Bed, bell), Ordering::Acquire) != self.bell
    }

    /// Counts the last sleep whose slice's end found work, if really nobody rang.
    pub(super) fn settle<M: Memory>(&mut self, area: &Area<M>) {
        // ORDERING: Relaxed: a ring that was on its way then has long come.
        if let Some(bell) = self.suspect.take()
            && area.bed(self.role, offset_of!(Bed, bell), Ordering::Relaxed) == bell
        {
            self.count_backstop(area);
        }
    }

    fn count_backstop<M: Memory>(&mut self, area: &Area<M>) {
        self.backstop = self.backstop.wrapping_add(1);
        area.note(self.role, offset_of!(Participant, backstop), self.backstop);
    }
}

impl<M: Memory> Area<M> {
    /// Whether the side `role` says by its gate that there may be something to wait for.
    pub(super) fn is_worth_waiting_for(&self, role: Role) -> bool {
        // ORDERING: Relaxed: whether to look properly.
        let standing = self.gate(role, Ordering::Relaxed).standing();
        matches!(standing, Standing::Vacant | Standing::Joined(_))
    }
}
