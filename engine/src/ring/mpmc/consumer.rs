//! The receiving handle: what it hands out in place, and what it still holds.

use super::error::RecvError;
use super::geometry::Geometry;
use super::pace::Pace;
use super::sleeper::Sleeper;
use super::slots::{Cursor, Place, Slots};
use super::table::{JoinError, Participant};
use super::take::Taken;
use super::word::Word;
use crate::error::{Corruption, What};
use crate::ring::spin::Cadence;
use crate::ring::{Position, Role};
use crate::sync::{Crowd, Deadline, Ordering, Outside};

/// One of the consumers of a ring of many.
///
/// It may be moved to another thread, and is not to be used by two at once. Dropped, it leaves:
/// what it copied out is released, and what it took and did not release comes to another one, as
/// after a death: that counts as an attempt, and where messages come at most once it is given up.
pub struct Consumer<M: Crowd> {
    pub(super) who: Participant<M>,
    /// Where to look for a message: all before it was taken, or is nobody's message.
    pub(super) next: Cursor,
    /// What is in hand, if anything is: `holds` says.
    pub(super) hand: Hand,
    pub(super) holds: Holds,
    /// Whether all slots are to be looked at before the next message is taken (rules 6 and 7).
    pub(super) scan_is_due: bool,
    pub(super) pace: Pace,
    /// Whether the last scan saw a slot in somebody else's hands.
    pub(super) others_hold: bool,
    /// The word of one whose owner writes or reads, if there was one.
    pub(super) holder: Option<Word>,
    /// Tries in vain, and times that the world outside was asked.
    pub(super) vain_tries: u32,
    pub(super) asks: u32,
    pub(super) asked_ns: u64,
    /// Messages that had come back when all slots were looked at.
    pub(super) orphans: u64,
    pub(super) cadence: Cadence,
    pub(super) sleeper: Sleeper,
    pub(super) poison: Option<(RecvError, u64)>,
}

/// A message in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hand {
    pub(super) position: Position,
    pub(super) place: Place,
    /// As it stands in the slot.
    pub(super) word: Word,
}

impl Hand {
    const EMPTY: Hand = Hand { position: 0, place: Place::NONE, word: Word::from_bits(0) };
}

/// Whether there is a message in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Nothing,
    /// One that its caller has: it is released by the next call.
    Copied,
    /// One that the next call delivers again.
    Taken,
}

impl<M: Crowd> Consumer<M> {
    /// Joins the ring of `geometry` in `memory`. Does not wait.
    ///
    /// # Safety
    ///
    /// `memory` has at least `geometry.segment_bytes()` bytes, made as a ring of that geometry.
    pub unsafe fn join(memory: M, geometry: Geometry) -> Result<Consumer<M>, JoinError> {
        let cadence = Cadence::of(&memory);
        // SAFETY: the same contract.
        let slots = unsafe { Slots::new(memory, geometry) };
        let who = Participant::join(slots, Role::Consumer)?;
        let next = who.slots().cursor(who.slots().hint(Role::Consumer));
        let sleeper = Sleeper::of(who.slots(), Role::Consumer, who.index());
        Ok(Consumer {
            who,
            next,
            hand: Hand::EMPTY,
            holds: Holds::Nothing,
            scan_is_due: true,
            pace: Pace::default(),
            others_hold: false,
            holder: None,
            vain_tries: 0,
            asks: 0,
            asked_ns: 0,
            orphans: 0,
            cadence,
            sleeper,
            poison: None,
        })
    }

    /// Takes the next message, if there is one now, to be read in place.
    pub fn try_take(&mut self) -> Result<Taken<'_, M>, RecvError> {
        self.take(Deadline::PASSED)
    }

    /// Takes the next message, to be read in place; waits for one until `deadline`.
    pub fn take(&mut self, deadline: Deadline) -> Result<Taken<'_, M>, RecvError> {
        self.take_until(deadline)?;
        let len = self.len()?;
        // One that was shown before may have been cut off since.
        self.check_hand()?;
        Ok(Taken::new(self, self.hand, len))
    }

    /// Releases what was copied out by the last call, as the next one would.
    #[inline]
    pub fn flush(&mut self) {
        if self.holds == Holds::Copied {
            self.release(self.hand);
        }
    }

    /// Has the next call look at all slots, repair those that participants that are gone hold, and
    /// deliver what they left: what one who waits does by itself now and then, for one who only
    /// tries.
    pub fn repair(&mut self) {
        self.scan_is_due = true;
    }

    /// The index by which others know this participant.
    pub fn participant(&self) -> u16 {
        self.who.index()
    }

    /// Messages that this handle gave up for good: where they come at most once, or where there was
    /// no room for a dead letter.
    pub fn lost(&self) -> u64 {
        self.who.lost()
    }

    /// The longest message in bytes; where all have one length, that one.
    pub fn longest_message(&self) -> usize {
        self.who.slots().geometry().payload() as usize
    }

    /// What was found that no correct peer writes, if anything was. The handle stays poisoned.
    pub fn corruption(&self) -> Option<Corruption> {
        match self.poison {
            Some((RecvError::Corrupted(what), at)) => Some(Corruption { what, at }),
            _ => None,
        }
    }

    /// Leaves the ring, as dropping the handle does. Says how many messages it gave up for good,
    /// the one in its hand among them.
    pub fn close(mut self) -> u64 {
        self.leave();
        self.lost()
    }

    /// Gives back what is in hand.
    fn leave(&mut self) {
        self.flush();
        if self.holds != Holds::Nothing {
            // To another one: as a repair would, if we were gone.
            let (next, is_lost) = self.who.slots().given_back(self.hand.word);
            // ORDERING: Release: what we read is read.
            self.who.slots().set_word_at(self.hand.place, next, Ordering::Release);
            self.holds = Holds::Nothing;
            if is_lost {
                self.who.count_lost();
            } else {
                // Before our leaving is told, which wakes all.
                self.who.slots().count_orphan();
            }
        }
    }

    /// Has the next message in hand: the one that is, or a new one.
    #[inline(always)]
    pub(super) fn take_until(&mut self, deadline: Deadline) -> Result<(), RecvError> {
        match self.holds {
            Holds::Nothing => {}
            Holds::Copied => self.release(self.hand),
            Holds::Taken => return self.poison.map_or(Ok(()), |(poison, _)| Err(poison)),
        }
        self.find_until(deadline)
    }

    /// A message is ours.
    #[inline(always)]
    pub(super) fn hold(&mut self, hand: Hand) {
        (self.hand, self.holds) = (hand, Holds::Taken);
    }

    /// How long the message in hand is.
    #[inline(always)]
    pub(super) fn len(&mut self) -> Result<u32, RecvError> {
        match self.who.slots().len(self.hand.place) {
            Some(len) => Ok(len),
            None => Err(self.corrupted(What::Word, self.hand.position)),
        }
    }

    /// What was read was the message in hand if its slot is still ours, and not if the mapping was
    /// cut off meanwhile, which the handler of this thread's own fault has done by then.
    #[inline(always)]
    pub(super) fn check_hand(&mut self) -> Result<(), RecvError> {
        let slots = self.who.slots();
        // ORDERING: Relaxed: only we write it. The compiler's fence keeps it behind what was read.
        slots.memory().compiler_fence();
        if slots.word_at(self.hand.place, Ordering::Relaxed) != self.hand.word {
            return Err(self.corrupted(What::Slot, self.hand.position));
        }
        Ok(())
    }

    /// Frees the slot of a message that is ours.
    #[inline(always)]
    pub(super) fn release(&mut self, hand: Hand) {
        self.free(hand);
        self.who.published(Role::Producer);
    }

    /// The same, of which those who sleep are to be told.
    #[inline(always)]
    pub(super) fn free(&mut self, hand: Hand) {
        self.holds = Holds::Nothing;
        // ORDERING: Release, edge F: who claims the slot writes after we have read.
        self.who.slots().set_word_at(hand.place, hand.word.released(), Ordering::Release);
    }

    /// Remembers for good that the ring is not to be believed, or the mapping was cut off.
    #[cold]
    pub(super) fn corrupted(&mut self, what: What, at: Position) -> RecvError {
        match self.who.slots().memory().outside() {
            Outside::Severed(severed) => self.poisoned(RecvError::Severed(severed), 0),
            _ => self.poisoned(RecvError::Corrupted(what), at),
        }
    }

    pub(super) fn poisoned(&mut self, error: RecvError, at: u64) -> RecvError {
        self.poison = Some((error, at));
        // From here on the short way is closed. What is in hand goes to another one at our end.
        self.scan_is_due = true;
        error
    }
}

impl<M: Crowd> Drop for Consumer<M> {
    fn drop(&mut self) {
        self.leave();
    }
}
