//! Claiming and taking; and where a role has one participant at a time, both without a locked
//! instruction.
//!
//! A ring may be made for a single producer, a single consumer, or both. A single one's seat is its
//! own, so the seat's life byte keeps a second one out, and who comes after one that died has swept
//! that seat (`table`) before it does anything else.
//!
//! *A single producer claims by looking.* Nobody but a producer changes a free slot's word, and it
//! is the only one. So it writes its message into the slot while that is still free, and commits by
//! a store. Killed before, it leaves a free slot, whose bytes its successor writes over: there is
//! nothing to repair, and no gap.
//!
//! *A single consumer takes by a store.* Nobody but a consumer changes the word of a message that
//! is ready or orphaned; repairs swap the claims of those who are gone, and it is not gone. The
//! word must say Taken before the message is delivered, since a successor has to know: but nobody
//! else can be first, so it need not be swapped. The store releases what the load of the word
//! acquired, so that who repairs the word, and who takes the message then, see its bytes.

use super::slots::{Cursor, Place};
use super::table::Participant;
use super::word::Word;
use crate::sync::{Crowd, Ordering};

impl<M: Crowd> Participant<M> {
    /// Claims the slot `at` a position if it is free: whether it is ours.
    #[inline(always)]
    pub(super) fn claim(&mut self, at: Cursor) -> bool {
        self.is_claiming(at.position);
        let (slots, free) = (self.slots(), Word::free(at.lap));
        let is_ours = if self.is_single() {
            // ORDERING: Acquire, edge F: its consumer has read before we write.
            slots.word_at(at.place, Ordering::Acquire) == free
        } else {
            // The claim, and the record of who claimed.
            slots.swap_at(at.place, free, Word::writing(at.lap, self.index())).is_ok()
        };
        if is_ours {
            self.has_claimed(at.position);
        }
        is_ours
    }

    /// Takes the message at `place`, whose word is `seen`: its word then, if it is ours.
    #[inline(always)]
    pub(super) fn take_at(&self, place: Place, seen: Word) -> Option<Word> {
        let taken = seen.taken_by(self.index());
        if self.is_single() {
            // ORDERING: Release: what `seen` has shown us is shown to who repairs this word.
            self.slots().set_word_at(place, taken, Ordering::Release);
            return Some(taken);
        }
        self.slots().swap_at(place, seen, taken).ok().map(|()| taken)
    }
}
