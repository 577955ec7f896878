//! The receiving handle: what it hands out, and what it still holds.
//!
//! A message that was copied out is released by the *next* call: had the call that copies it
//! released it too, a kill between that store and the return would lose it.

use super::error::RecvError;
use super::geometry::Geometry;
use super::pace::Pace;
use super::sleeper::Sleeper;
use super::slots::{Place, Slots};
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
    pub(super) next: Position,
    hand: Hand,
    /// Whether all slots are to be looked at before the next message is taken (rules 6 and 7).
    pub(super) scan_is_due: bool,
    pub(super) pace: Pace,
    /// Whether the last scan saw a slot in somebody else's hands.
    pub(super) others_hold: bool,
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

/// A message in hand, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hand {
    pub(super) position: Position,
    pub(super) place: Place,
    /// As it stands in the slot.
    pub(super) word: Word,
    /// Whether its caller has it: then it is released by the next call.
    pub(super) is_done: bool,
}

impl Hand {
    /// None: no slot's word is ever zero.
    const EMPTY: Hand =
        Hand { position: 0, place: Place::NONE, word: Word::from_bits(0), is_done: true };

    #[inline(always)]
    fn is_empty(&self) -> bool {
        self.word == Hand::EMPTY.word
    }
}

/// What a receive gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The message's position, a number that rises by one with each message of the ring.
    pub position: Position,
    /// The message's length in bytes.
    pub len: usize,
    /// How often it was delivered before, to consumers that are gone or gave it back. Where it is
    /// not 0 the message may have had its effect: the position tells.
    pub attempt: u32,
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
        let next = who.slots().hint(Role::Consumer);
        let sleeper = Sleeper::of(who.slots(), Role::Consumer, who.index());
        Ok(Consumer {
            who,
            next,
            hand: Hand::EMPTY,
            scan_is_due: true,
            pace: Pace::default(),
            others_hold: false,
            vain_tries: 0,
            asks: 0,
            asked_ns: 0,
            orphans: 0,
            cadence,
            sleeper,
            poison: None,
        })
    }

    /// Copies the next message into `buffer`, if there is one now.
    #[inline]
    pub fn try_recv(&mut self, buffer: &mut [u8]) -> Result<Received, RecvError> {
        self.recv(buffer, Deadline::PASSED)
    }

    /// Copies the next message into `buffer`; waits for one until `deadline`. It is released by
    /// the next call of this handle, or when that is dropped; a process that is killed before has
    /// it delivered again, to another one.
    ///
    /// Until then its slot is not free. One that also sends to this ring, or does not receive for
    /// long, calls [`Consumer::flush`] first: a lap later it would wait for itself.
    #[inline]
    pub fn recv(&mut self, buffer: &mut [u8], deadline: Deadline) -> Result<Received, RecvError> {
        let hand = self.take_until(deadline)?;
        let Some(len) = self.who.slots().len(hand.place) else {
            self.hand = hand;
            return Err(self.corrupted(What::Word, hand.position));
        };
        let Some(into) = buffer.get_mut(..len as usize) else {
            self.hand = hand;
            return Err(RecvError::TooSmall { needed: len });
        };
        self.who.slots().read(hand.place, 0, into);
        self.hand = Hand { is_done: true, ..hand };
        // What was copied is the message if its slot is still ours, and not if the mapping was cut
        // off meanwhile, which the handler of this thread's own fault has done by then.
        // ORDERING: Relaxed: only we write it. The compiler's fence keeps it behind the copy.
        self.who.slots().memory().compiler_fence();
        if self.who.slots().word_at(hand.place, Ordering::Relaxed) != hand.word {
            return Err(self.corrupted(What::Slot, hand.position));
        }
        let Hand { position, word, .. } = hand;
        Ok(Received { position, len: len as usize, attempt: word.attempts() })
    }

    /// Takes the next message, if there is one now, to be read in place.
    pub fn try_take(&mut self) -> Result<Taken<'_, M>, RecvError> {
        self.take(Deadline::PASSED)
    }

    /// Takes the next message, to be read in place; waits for one until `deadline`.
    pub fn take(&mut self, deadline: Deadline) -> Result<Taken<'_, M>, RecvError> {
        let hand = self.take_until(deadline)?;
        self.hand = hand;
        let Some(len) = self.who.slots().len(hand.place) else {
            return Err(self.corrupted(What::Word, hand.position));
        };
        // One that was shown before may have been cut off since.
        // ORDERING: Relaxed: only we write it. The compiler's fence keeps it behind the length.
        self.who.slots().memory().compiler_fence();
        if self.who.slots().word_at(hand.place, Ordering::Relaxed) != hand.word {
            return Err(self.corrupted(What::Slot, hand.position));
        }
        Ok(Taken::new(self, hand, len))
    }

    /// Releases what was copied out by the last call, as the next one would.
    #[inline]
    pub fn flush(&mut self) {
        if !self.hand.is_empty() && self.hand.is_done {
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

    /// Messages that this handle gave up for good: where they come at most once, or after fifteen
    /// deaths and returns over one.
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
        if !self.hand.is_empty() {
            // To another one: as a repair would, if we were gone.
            let (next, is_lost) = self.who.slots().given_back(self.hand.word);
            // ORDERING: Release: what we read is read.
            self.who.slots().set_word_at(self.hand.place, next, Ordering::Release);
            self.hand = Hand::EMPTY;
            if is_lost {
                self.who.count_lost();
            } else {
                // Before our leaving is told, which wakes all.
                self.who.slots().count_orphan();
            }
        }
    }

    /// The next message: the one in hand, or a new one, which is not in `hand` yet.
    #[inline(always)]
    fn take_until(&mut self, deadline: Deadline) -> Result<Hand, RecvError> {
        if !self.hand.is_empty() {
            if let Some((poison, _)) = self.poison {
                return Err(poison);
            }
            if !self.hand.is_done {
                return Ok(self.hand);
            }
            self.release(self.hand);
        }
        self.find_until(deadline)
    }

    /// Frees the slot of a message that is ours.
    #[inline(always)]
    pub(super) fn release(&mut self, hand: Hand) {
        self.hand = Hand::EMPTY;
        // ORDERING: Release, edge F: who claims the slot writes after we have read.
        self.who.slots().set_word_at(hand.place, hand.word.released(), Ordering::Release);
        self.who.published(Role::Producer);
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
