//! Waking those who sleep in a ring of many, without a system call while nobody does.
//!
//! All who are of one role sleep in one [bed](crate::layout::Bed), in the kernel's queue for its
//! `bell`. So nobody who is killed asleep leaves anything behind that has to be cleared away.
//!
//! ```text
//!      who sleeps                            who publishes
//!   S1 b = bell                           P1 write the word of a slot
//!   S2 asleep += 1                        P2 barrier
//!   S3 barrier                            P3 a = asleep; done if nobody sleeps of the first a
//!   S4 look: up if there is work          P4 bell += 1, then wake one
//!   S5 sleep while bell is b              P5 if there was none to wake: nobody sleeps of those
//! ```
//!
//! **No wake is lost.** The barriers are those of `ring::park`, in the same two forms: either S4
//! sees what P1 wrote, or P3 sees the count of S2. In the second case P4 is come to, unless P5 has
//! said before that none of the first `a` sleeps. That was true: who had counted itself by then had
//! read the bell even before, so at S5 it found that raised, or was in the queue and would have
//! been woken. Who lies down again has counted itself again, and who lies on has still the bell
//! that it read before.
//!
//! **One message wakes one.** As long as P5 has not said so, each publication wakes another one.
//! But a message is no good to who is woken for it while an earlier one is being written: it sleeps
//! again, and for the earlier one only one is woken, although there are two then. So who takes a
//! message and sees the next one ready wakes one more (the *chain*), and who claims a slot and
//! sees the next one free, likewise. What changes for all wakes all: a coming or a leaving, and a
//! repair.
//!
//! **Death.** Who is killed between P1 and P4, or after it was woken and before it looked, leaves
//! others asleep although there is work. So sleeps are sliced, and who comes wakes all.

use super::slots::Slots;
use crate::ring::park::Mode;
use crate::ring::{Role, Waiting};
use crate::sync::Crowd;

/// How one participant wakes others.
#[derive(Debug)]
pub(super) struct Bells {
    mode: Mode,
    /// By role: nobody sleeps of the first so many who lay down.
    none_of: [u64; 2],
}

impl Bells {
    pub(super) fn of<M: Crowd>(memory: &M, waiting: Waiting) -> Bells {
        Bells { mode: Mode::of(memory, waiting), none_of: [0; 2] }
    }

    /// P2 to P5: one of those who sleep as `role` may have something to do.
    #[inline(always)]
    pub(super) fn published<M: Crowd>(&mut self, slots: &Slots<M>, role: Role) {
        if self.mode == Mode::Fenced {
            slots.memory().fence();
        } else {
            slots.memory().compiler_fence();
        }
        if self.may_sleep(slots, role) {
            self.wake_one(slots, role);
        }
    }

    /// Something changed for all who are `role`.
    #[cold]
    pub(super) fn all<M: Crowd>(&self, slots: &Slots<M>, role: Role) {
        if self.mode != Mode::Silent {
            slots.memory().fence();
            slots.raise_bell(role);
            slots.memory().wake(role);
        }
    }

    /// P3, and the chain's look.
    #[inline(always)]
    pub(super) fn may_sleep<M: Crowd>(&self, slots: &Slots<M>, role: Role) -> bool {
        slots.asleep(role) != self.none_of[role as usize]
    }

    /// P4 and P5.
    #[cold]
    #[inline(never)]
    pub(super) fn wake_one<M: Crowd>(&mut self, slots: &Slots<M>, role: Role) {
        let asleep = slots.asleep(role);
        if self.mode != Mode::Silent {
            slots.raise_bell(role);
            if slots.memory().wake_one(role) {
                return;
            }
        }
        self.none_of[role as usize] = asleep;
    }
}
