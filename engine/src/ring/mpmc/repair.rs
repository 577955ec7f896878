//! Repair: the word of one who is gone, swapped by whoever is blocked by it (rule 4).
//!
//! It is exact. The word was read, and names its owner; then that owner's byte was found free, so
//! it cannot run any more; and the word never comes again. So the swap changes that claim or
//! nothing. Two who repair at once are both right, and one who is killed in between has changed
//! the word or has not.

use super::slots::Slots;
use super::table::Participant;
use super::word::{State, Word};
use crate::ring::Position;
use crate::sync::Crowd;

impl<M: Crowd> Participant<M> {
    /// Repairs the slot of `position` if the owner of `seen`, which was read there, is gone. Says
    /// whether it is worth looking again.
    #[cold]
    pub(super) fn test_owner(&mut self, position: Position, seen: Word) -> bool {
        if seen.owner() == self.index() || !self.slots().memory().is_gone(seen.owner()) {
            return false;
        }
        self.repair(position, seen);
        true
    }

    /// Swaps the word `seen`, whose owner is gone.
    pub(super) fn repair(&mut self, position: Position, seen: Word) {
        if seen.state() == Some(State::Writing) && !self.judge(position, seen) {
            return;
        }
        let (next, is_given_up) = repaired(self.slots(), seen);
        // One who died as it put a letter by may have left it whole.
        let letter_of = self.slots().position(position, seen.lap());
        let is_lost = is_given_up && !self.slots().has_letter(letter_of);
        if self.slots().swap(position, seen, next).is_ok() {
            if is_lost {
                self.count_lost();
            }
            self.has_repaired(next);
        }
    }
}

/// What becomes of a claim whose owner is gone, and whether a message is given up by that.
fn repaired<M: Crowd>(slots: &Slots<M>, seen: Word) -> (Word, bool) {
    match seen.state() {
        Some(State::Writing) => (Word::tombstone(seen.lap(), seen.owner()), false),
        _ => slots.given_back(seen),
    }
}
