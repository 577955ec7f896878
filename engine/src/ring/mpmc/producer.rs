//! The sending handle.

use super::HINT_EVERY;
use super::claim::Claim;
use super::error::SendError;
use super::geometry::Geometry;
use super::pace::Pace;
use super::sleeper::Sleeper;
use super::slots::{Cursor, Slots};
use super::table::{JoinError, Participant};
use super::word::{State, Word};
use crate::error::{Corruption, What};
use crate::ring::spin::Cadence;
use crate::ring::{Position, Role};
use crate::sync::{Crowd, Deadline, Ordering, Outside};

/// One of the producers of a ring of many.
///
/// It may be moved to another thread, and is not to be used by two at once. Dropped, it leaves.
pub struct Producer<M: Crowd> {
    pub(super) who: Participant<M>,
    /// Where to look for a free slot: all before it was claimed.
    pub(super) next: Cursor,
    /// What was in the way there the last time: then it is looked at before it is asked for.
    pub(super) blocked: Option<Word>,
    pub(super) pace: Pace,
    /// A claim that is out; one that was forgotten is given up by whoever comes next.
    pub(super) open: Option<Cursor>,
    /// Tries in vain, one after the other, and when the world outside was asked.
    pub(super) vain_tries: u32,
    pub(super) asked_ns: u64,
    pub(super) cadence: Cadence,
    pub(super) sleeper: Sleeper,
    pub(super) poison: Option<(SendError, u64)>,
}

const ROLE: Role = Role::Producer;

impl<M: Crowd> Producer<M> {
    /// Joins the ring of `geometry` in `memory`. Does not wait.
    ///
    /// # Safety
    ///
    /// `memory` has at least `geometry.segment_bytes()` bytes, made as a ring of that geometry.
    pub unsafe fn join(memory: M, geometry: Geometry) -> Result<Producer<M>, JoinError> {
        // SAFETY: the same contract.
        unsafe { Producer::join_by(memory, geometry, |slots| Participant::join(slots, ROLE)) }
    }

    /// Joins as the producer of that number, from 1 on, of which there is one at a time.
    ///
    /// # Safety
    ///
    /// As for [`Producer::join`].
    pub unsafe fn join_numbered(
        memory: M,
        geometry: Geometry,
        number: u16,
    ) -> Result<Producer<M>, JoinError> {
        let join = |slots| Participant::join_numbered(slots, number);
        // SAFETY: the same contract.
        unsafe { Producer::join_by(memory, geometry, join) }
    }

    /// # Safety
    ///
    /// As for [`Producer::join`].
    unsafe fn join_by(
        memory: M,
        geometry: Geometry,
        join: impl FnOnce(Slots<M>) -> Result<Participant<M>, JoinError>,
    ) -> Result<Producer<M>, JoinError> {
        let cadence = Cadence::of(&memory);
        // SAFETY: the same contract.
        let who = join(unsafe { Slots::new(memory, geometry) })?;
        let next = who.slots().cursor(who.slots().hint(ROLE));
        let sleeper = Sleeper::of(who.slots(), ROLE, who.index());
        Ok(Producer {
            who,
            next,
            blocked: None,
            pace: Pace::default(),
            open: None,
            vain_tries: 0,
            asked_ns: 0,
            cadence,
            sleeper,
            poison: None,
        })
    }

    /// Sends a message if there is room now. Returns its position.
    #[inline(always)]
    pub fn try_send(&mut self, message: &[u8]) -> Result<Position, SendError> {
        self.send(message, Deadline::PASSED)
    }

    /// Sends a message, and waits for room until `deadline`. Returns its position, a number that
    /// rises by one with each message of the ring.
    #[inline(always)]
    pub fn send(&mut self, message: &[u8], deadline: Deadline) -> Result<Position, SendError> {
        let len = self.check_len(message.len())?;
        let at = self.find_until(deadline)?;
        self.who.slots().write(at.place, 0, message);
        self.commit(at, len);
        Ok(at.position)
    }

    /// Claims room for a message of up to `len` bytes, to be written in place.
    #[inline]
    pub fn try_claim(&mut self, len: usize) -> Result<Claim<'_, M>, SendError> {
        self.claim(len, Deadline::PASSED)
    }

    /// Claims room for a message of up to `len` bytes, to be written in place; waits for it until
    /// `deadline`. As long as the claim stands, no consumer gets past it.
    #[inline]
    pub fn claim(&mut self, len: usize, deadline: Deadline) -> Result<Claim<'_, M>, SendError> {
        let len = self.check_len(len)?;
        self.abort_open();
        let at = self.find_until(deadline)?;
        self.open = Some(at);
        Ok(Claim::new(self, at, len))
    }

    /// Repairs the slot that comes next, if a participant that is gone holds it: what one who waits
    /// does by itself, for one who only tries. One system call at most.
    pub fn repair(&mut self) {
        if let Some(word) = self.blocked
            && let Some(State::Writing | State::Taken) = self.who.slots().state_of(word)
        {
            self.who.test_owner(self.next.position, word);
        }
    }

    /// Of a numbered producer, how many sends by its number took effect, whoever had it: send
    /// number n, counted from 1, did if n is no more than this. So one that comes again after it
    /// was killed asks whether its last message is in the ring. `None` without a number.
    pub fn sent(&self) -> Option<u64> {
        self.who.sent()
    }

    /// The index by which others know this participant.
    pub fn participant(&self) -> u16 {
        self.who.index()
    }

    /// Messages of others, dead in their consumers' hands, that this handle gave up for good.
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
            Some((SendError::Corrupted(what), at)) => Some(Corruption { what, at }),
            _ => None,
        }
    }

    /// Leaves the ring. Dropping the handle does the same.
    pub fn close(self) {}

    #[inline(always)]
    pub(super) fn check_len(&self, len: usize) -> Result<u32, SendError> {
        let geometry = self.who.slots().geometry();
        let limit = geometry.payload();
        if len > limit as usize {
            return Err(SendError::TooLarge { limit });
        }
        if geometry.is_of_one_length() && len != limit as usize {
            return Err(SendError::OtherLength { len: limit });
        }
        Ok(len as u32)
    }

    /// Shows a claimed slot as a message of `len` bytes.
    #[inline(always)]
    pub(super) fn commit(&mut self, at: Cursor, len: u32) {
        self.show(at, len);
        self.who.published(Role::Consumer);
    }

    /// The same, of which those who sleep are to be told.
    #[inline(always)]
    pub(super) fn show(&mut self, at: Cursor, len: u32) {
        let slots = self.who.slots();
        slots.set_len(at.place, len);
        let ready = Word::ready(at.lap, self.who.index());
        // ORDERING: Release, edge W: who takes the message sees its bytes.
        slots.set_word_at(at.place, ready, Ordering::Release);
        self.who.has_sent(at.position);
        self.hint(at.position);
    }

    /// Gives up the claim that is out, if one is: dropped, or forgotten, and then nobody gets past
    /// it, and our index would be given to another one with the claim standing.
    pub(super) fn abort_open(&mut self) {
        if let Some(at) = self.open.take() {
            self.who.gives_up();
            let tombstone = Word::tombstone(at.lap, self.who.index());
            // ORDERING: Release, with the consumer that passes it.
            self.who.slots().set_word_at(at.place, tombstone, Ordering::Release);
            self.hint(at.position);
            self.who.published(Role::Consumer);
        }
    }

    /// Rule 3: after the claim, and now and then.
    #[inline(always)]
    fn hint(&self, position: Position) {
        if position.is_multiple_of(HINT_EVERY) {
            self.who.slots().set_hint(Role::Producer, position + 1);
        }
    }

    /// The slot of `at` says what no participant writes, or the mapping was cut off.
    pub(super) fn corrupted(&mut self, at: Position) -> SendError {
        match self.who.slots().memory().outside() {
            Outside::Severed(severed) => self.poisoned(SendError::Severed(severed), 0),
            _ => self.poisoned(SendError::Corrupted(What::Slot), at),
        }
    }

    /// Remembers `error` for good.
    pub(super) fn poisoned(&mut self, error: SendError, at: u64) -> SendError {
        self.poison = Some((error, at));
        // From here on the short way is closed.
        self.blocked = Some(Word::from_bits(0));
        error
    }
}

impl<M: Crowd> Drop for Producer<M> {
    fn drop(&mut self) {
        self.abort_open();
    }
}
