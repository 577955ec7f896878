//! Dead letters: messages that were delivered until no attempt was left, put by for people to see.
//!
//! A message that kills whoever takes it must not go round for ever, and is not to vanish either.
//! When its sixteenth consumer is gone it becomes a dead letter, in its slot: the same word as that
//! of an orphan, but for its state. A consumer that comes upon it takes it as any message, copies
//! it into one of a few cells of the segment, and frees its slot. It is not delivered.
//!
//! ```text
//!   slot  Taken(k, y, 15) --y gone--> Dead(k, a) --take--> Dead(k, z, a) --put by--> Free(k + 1)
//!                                         ^                     | z gone
//!                                         +--------- a + 1 -----+
//!
//!   cell  Free(l) ---claim---> Writing(l, z) ---written---> Ready(l, z) ---discard---> Free(l + 1)
//!            ^                      | z gone                     |
//!            +------- l + 1 --------+                            +--- shown once its slot is free
//! ```
//!
//! One has the message as long as its word bears that one, so there is one letter of each: who is
//! killed after the letter is whole and before the slot is free is followed by one who finds that
//! letter, by its position, and frees the slot. Nobody shows or discards a letter before that.
//!
//! A cell that bears somebody who is gone is freed as a slot is repaired, by whoever finds no other
//! one, and by who takes that one's seat.
//!
//! With no cell free the message is lost, and counted. Who is stopped while it puts a letter by
//! holds up its slot, as with any message, and is found by that slot's word.

use super::consumer::{Consumer, Hand};
use super::geometry::Geometry;
use super::slots::{Place, Slots};
use super::word::{State, Word};
use crate::error::{Corruption, What};
use crate::layout::{LETTER_LEN, LETTER_PAYLOAD, LETTER_POSITION};
use crate::ring::Position;
use crate::sync::{Crowd, Ordering};

/// A message that nobody could be given: sixteen consumers that had it are gone, or gave it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The message's position, by which it is known and [discarded].
    ///
    /// [discarded]: crate::Segment::discard_dead_letter
    pub position: Position,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl DeadLetter {
    /// Those of the ring in `memory`, the lowest position first, without what no participant
    /// writes. Stores nothing.
    ///
    /// # Safety
    ///
    /// `memory` has at least `geometry.segment_bytes()` bytes.
    pub unsafe fn all<M: Crowd>(memory: M, geometry: Geometry) -> Vec<DeadLetter> {
        // SAFETY: the same contract.
        let slots = unsafe { Slots::new(memory, geometry) };
        let mut letters: Vec<_> = slots.letters().filter_map(|cell| slots.letter(cell)).collect();
        letters.sort_by_key(|letter| letter.position);
        letters
    }

    /// Discards the one of that position: whether it was there, and nobody else did.
    ///
    /// # Safety
    ///
    /// As for [`DeadLetter::all`].
    pub unsafe fn discard<M: Crowd>(memory: M, geometry: Geometry, position: Position) -> bool {
        // SAFETY: the same contract.
        unsafe { Slots::new(memory, geometry) }.discard(position)
    }
}

impl<M: Crowd> Consumer<M> {
    /// Puts the dead letter in hand by, or gives it up if there is no room; and frees its slot.
    #[cold]
    pub(super) fn put_by(&mut self, hand: Hand) {
        let is_kept = self.who.slots().put_by(hand, self.who.index());
        self.release(hand);
        // Only then: who is killed before that leaves it to another one, who counts.
        if !is_kept {
            self.who.count_lost();
        }
    }
}

impl<M: Crowd> Slots<M> {
    /// Whether there is a letter of the message at that position, shown or not.
    pub(super) fn has_letter(&self, position: Position) -> bool {
        self.letters().any(|cell| {
            // ORDERING: Acquire: the position is not older.
            let word = self.word_at(cell, Ordering::Acquire);
            let found = self.letter_word(cell, LETTER_POSITION);
            self.state_of(word) == Some(State::Ready) && found == position
        })
    }

    /// Whether there is a letter of that message now.
    pub(super) fn put_by(&self, hand: Hand, owner: u16) -> bool {
        if self.has_letter(hand.position) {
            return true;
        }
        let claim = |cell| self.claim_letter(cell, owner);
        let claimed = self.letters().find_map(claim).or_else(|| {
            self.letters().for_each(|cell| self.free_of_the_dead(cell));
            self.letters().find_map(claim)
        });
        let Some((cell, word)) = claimed else { return false };
        // Whoever sees what we write now sees the claim, too.
        self.memory().fence();
        self.set_letter_word(cell, LETTER_POSITION, hand.position);
        // Whatever a peer wrote there: all bytes that there can be.
        let len = self.len(hand.place).unwrap_or(self.geometry().payload()) as usize;
        self.set_letter_word(cell, LETTER_LEN, len as u64);
        for offset in (0..len).step_by(8) {
            let mut bytes = [0; 8];
            self.read(hand.place, offset, &mut bytes[..(len - offset).min(8)]);
            self.set_letter_word(cell, LETTER_PAYLOAD + offset, u64::from_ne_bytes(bytes));
        }
        // ORDERING: Release: whoever sees it whole sees what is in it.
        self.set_word_at(cell, Word::ready(word.lap(), owner), Ordering::Release);
        true
    }

    /// Claims a cell, if it is free.
    fn claim_letter(&self, cell: Place, owner: u16) -> Option<(Place, Word)> {
        // ORDERING: Relaxed: it is swapped.
        let free = self.word_at(cell, Ordering::Relaxed);
        let word = Word::writing(free.lap(), owner);
        let is_free = self.state_of(free) == Some(State::Free);
        (is_free && self.swap_at(cell, free, word).is_ok()).then_some((cell, word))
    }

    /// Frees a cell whose writer is gone: as in any repair, its word was read before.
    fn free_of_the_dead(&self, cell: Place) {
        // ORDERING: Acquire: it is read before its owner is asked after.
        let word = self.word_at(cell, Ordering::Acquire);
        let is_claim = self.state_of(word) == Some(State::Writing);
        if is_claim && self.memory().is_gone(word.owner()) {
            let _ = self.swap_at(cell, word, word.released());
        }
    }

    /// Frees the cells that `index` was writing, whose participant is gone for good.
    pub(super) fn sweep_letters(&self, index: u16) {
        for cell in self.letters() {
            // ORDERING: Relaxed: it is swapped.
            let word = self.word_at(cell, Ordering::Relaxed);
            if word.owner() == index && word.state() == Some(State::Writing) {
                // Somebody else may have.
                let _ = self.swap_at(cell, word, word.released());
            }
        }
    }

    fn letter(&self, cell: Place) -> Option<DeadLetter> {
        let Shown { word, position, len } = self.shown(cell)?;
        let words = (0..len).step_by(8);
        let read = |offset| self.letter_word(cell, LETTER_PAYLOAD + offset).to_ne_bytes();
        let mut bytes: Vec<u8> = words.flat_map(read).collect();
        bytes.truncate(len);
        // Else it was discarded meanwhile, and another one may have been written.
        self.memory().fence();
        let is_same = self.word_at(cell, Ordering::Relaxed) == word;
        is_same.then_some(DeadLetter { position, bytes })
    }

    /// Makes room where the letter of that position is: whether we did.
    fn discard(&self, wanted: Position) -> bool {
        self.letters().any(|cell| match self.shown(cell) {
            Some(Shown { word, position, .. }) if position == wanted => {
                self.swap_at(cell, word, word.released()).is_ok()
            }
            _ => false,
        })
    }

    /// What is to be seen in that cell. Of what nobody writes, nothing.
    fn shown(&self, cell: Place) -> Option<Shown> {
        look(self.geometry(), self.offset_of(cell), &|at| self.word_in(at)).ok().flatten()
    }
}

/// A letter that is to be seen.
pub(super) struct Shown {
    /// The cell's word.
    word: Word,
    position: Position,
    len: usize,
}

/// Looks at the cell that begins at `cell`, by a `load` that acquires: at none, one that is not to
/// be seen yet, or what no participant writes.
pub(super) fn look(
    geometry: Geometry,
    cell: usize,
    load: &impl Fn(usize) -> u64,
) -> Result<Option<Shown>, Corruption> {
    let word = Word::from_bits(load(cell));
    let (position, len) = (load(cell + LETTER_POSITION), load(cell + LETTER_LEN));
    let is_ready = match geometry.state_of(word) {
        Some(State::Free | State::Writing) => return Ok(None),
        state => state == Some(State::Ready),
    };
    let is_possible = position < geometry.position_max() && len <= geometry.payload().into();
    if is_ready && is_possible {
        let lap = position / geometry.slots();
        let slot = Word::from_bits(load(geometry.slot_at(position)));
        if slot.lap() > lap {
            return Ok(Some(Shown { word, position, len: len as usize }));
        }
        // Its slot is not free yet.
        if slot.lap() == lap && slot.is_dead_letter() {
            return Ok(None);
        }
    }
    // Unless it was written anew meanwhile.
    match load(cell) == word.to_bits() {
        true => Err(Corruption { what: What::Slot, at: cell as u64 }),
        false => Ok(None),
    }
}
