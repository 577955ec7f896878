//! Who is there, has come, has left or died: what one who finds nothing to do asks.

use super::slots::Slots;
use super::standing::Standing;
use super::table::{Participant, standing};
use crate::error::Corruption;
use crate::layout::{Comings, MPMC_COMINGS};
use crate::ring::Role;
use crate::sync::Crowd;
use core::mem::offset_of;

/// Of all who can be of one role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// One is there.
    There,
    /// Nobody has come yet.
    NotYet,
    /// All have left.
    Left,
    /// None is there, and one at least died.
    Died,
}

impl<M: Crowd> Participant<M> {
    /// Whether anybody is there as `role`: asks the kernel of each who seems so, up to one that is.
    pub(super) fn presence(&self, role: Role) -> Result<Presence, Corruption> {
        // Two looks in between which nobody came or left are one look.
        for _ in 0..self.slots().geometry().seats() {
            let before = changes(self.slots());
            let presence = self.look_for(role)?;
            if presence == Presence::There || changes(self.slots()) == before {
                return Ok(presence);
            }
        }
        Ok(Presence::There)
    }

    fn look_for(&self, role: Role) -> Result<Presence, Corruption> {
        // Before the seats: one who is counted by now is seen there, or has left or died since.
        let has_come = has_come(self.slots(), role);
        let mut died = false;
        for index in 1..=self.slots().geometry().seats() {
            if let Standing::Active(_, of) = standing(self.slots(), index)?
                && of == role
            {
                if !self.slots().memory().is_gone(index) {
                    return Ok(Presence::There);
                }
                died = true;
            }
        }
        // After them: it is said before the seat of one who died is free.
        died |= has_died(self.slots(), role);
        Ok(match (has_come, died) {
            (_, true) => Presence::Died,
            (true, false) => Presence::Left,
            (false, false) => Presence::NotYet,
        })
    }
}

const fn came_at(role: Role) -> usize {
    match role {
        Role::Producer => offset_of!(Comings, producer_joined),
        Role::Consumer => offset_of!(Comings, consumer_joined),
    }
}

const fn died_at(role: Role) -> usize {
    match role {
        Role::Producer => offset_of!(Comings, producer_died),
        Role::Consumer => offset_of!(Comings, consumer_died),
    }
}

fn has_come<M: Crowd>(slots: &Slots<M>, role: Role) -> bool {
    slots.coming(came_at(role)) != 0
}

/// One more comes.
pub(super) fn count_coming<M: Crowd>(slots: &Slots<M>, role: Role) {
    // SAFETY: a control word below the seats, aligned by the layout.
    unsafe { slots.memory().count(MPMC_COMINGS + came_at(role)) }
}

fn has_died<M: Crowd>(slots: &Slots<M>, role: Role) -> bool {
    slots.coming(died_at(role)) != 0
}

pub(super) fn set_died<M: Crowd>(slots: &Slots<M>, role: Role) {
    slots.set_coming(died_at(role), 1);
}

/// A word that changes whenever somebody has come or left; those who die change nothing.
pub(super) fn changes<M: Crowd>(slots: &Slots<M>) -> u64 {
    slots.coming(offset_of!(Comings, changes))
}

/// Changes that word: after the seat's state, and before a join returns.
pub(super) fn change<M: Crowd>(slots: &Slots<M>) {
    // SAFETY: a control word below the seats, aligned by the layout.
    unsafe { slots.memory().count(MPMC_COMINGS + offset_of!(Comings, changes)) }
}
