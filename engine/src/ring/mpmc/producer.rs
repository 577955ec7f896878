//! The sending handle.

use super::claim::Claim;
use super::error::SendError;
use super::geometry::Geometry;
use super::pace::{self, Pace};
use super::sleeper::Sleeper;
use super::slots::{Cursor, Slots};
use super::table::{self, JoinError, Participant, Presence};
use super::wait::{Blocked, Step};
use super::word::{State, Word};
use super::{ASK_EVERY_NS, HINT_EVERY, TRIES_PER_ASK};
use crate::error::{Corruption, What};
use crate::ring::spin::{Cadence, Turn};
use crate::ring::{Position, Role};
use crate::sync::{Crowd, Deadline, Ordering, Outside};

/// One of the producers of a ring of many.
///
/// It may be moved to another thread, and is not to be used by two at once. Dropped, it leaves.
pub struct Producer<M: Crowd> {
    pub(super) who: Participant<M>,
    /// Where to look for a free slot: all before it was claimed.
    next: Cursor,
    /// What was in the way there the last time: then it is looked at before it is asked for.
    blocked: Option<Word>,
    pace: Pace,
    /// A claim that is out; one that was forgotten is given up by whoever comes next.
    pub(super) open: Option<Cursor>,
    /// Tries in vain, one after the other, and when the world outside was asked.
    vain_tries: u32,
    asked_ns: u64,
    cadence: Cadence,
    sleeper: Sleeper,
    poison: Option<(SendError, u64)>,
}

impl<M: Crowd> Producer<M> {
    /// Joins the ring of `geometry` in `memory`. Does not wait.
    ///
    /// # Safety
    ///
    /// `memory` has at least `geometry.segment_bytes()` bytes, made as a ring of that geometry.
    pub unsafe fn join(memory: M, geometry: Geometry) -> Result<Producer<M>, JoinError> {
        let cadence = Cadence::of(&memory);
        // SAFETY: the same contract.
        let slots = unsafe { Slots::new(memory, geometry) };
        let who = Participant::join(slots, Role::Producer)?;
        let next = who.slots().cursor(who.slots().hint(Role::Producer));
        let sleeper = Sleeper::of(who.slots(), Role::Producer, who.index());
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
    fn check_len(&self, len: usize) -> Result<u32, SendError> {
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
        let slots = self.who.slots();
        slots.set_len(at.place, len);
        let ready = Word::ready(at.lap, self.who.index());
        // ORDERING: Release, edge W: who takes the message sees its bytes.
        slots.set_word_at(at.place, ready, Ordering::Release);
        self.hint(at.position);
        self.who.published(Role::Consumer);
    }

    /// Gives up the claim that is out, if one is: dropped, or forgotten, and then nobody gets past
    /// it, and our index would be given to another one with the claim standing.
    pub(super) fn abort_open(&mut self) {
        if let Some(at) = self.open.take() {
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

    #[inline(always)]
    fn find_until(&mut self, deadline: Deadline) -> Result<Cursor, SendError> {
        if self.blocked.is_none() && !self.pace.is_close() {
            let (slots, at) = (self.who.slots(), self.next);
            if self.who.claim(at) {
                self.pace.passed(slots, at, pace::is_free);
                self.pass(at);
                return Ok(at);
            }
            self.pace.lost(slots.memory());
        }
        self.wait(deadline)
    }

    /// `at` was claimed: goes on behind it.
    #[inline(always)]
    fn pass(&mut self, at: Cursor) {
        let next = self.who.slots().behind(at);
        self.next = next;
        if self.who.may_chain(Role::Producer) {
            self.chain();
        }
    }

    /// There may be others who sleep, and were not woken for what we see.
    #[cold]
    #[inline(never)]
    fn chain(&mut self) {
        let next = self.next;
        // ORDERING: Relaxed: only whether to wake another one.
        let word = self.who.slots().word_at(next.place, Ordering::Relaxed);
        if pace::is_free(word, next.lap) {
            self.who.wake_one(Role::Producer);
        }
    }

    /// Claims the next position, if it is free. Bounded: a lap or two of steps.
    fn find(&mut self) -> Result<Cursor, Blocked> {
        let mut at = self.next.position;
        let mut looked_twice = false;
        for _ in 0..2 * self.who.slots().count() + 64 {
            let slots = self.who.slots();
            self.next = slots.cursor(at);
            let lap = self.next.lap;
            // ORDERING: Acquire: what is known of a later lap travels through words.
            let word = slots.word_at(self.next.place, Ordering::Acquire);
            let Some(state) = slots.state_of(word) else { return Err(Blocked::Corrupted(at)) };
            if word == Word::free(lap) {
                let claimed = self.next;
                if self.who.claim(claimed) {
                    self.pass(claimed);
                    return Ok(claimed);
                }
                // Somebody else claimed it: it is looked at again, and then passed.
                self.pace.lost(slots.memory());
            } else if word.lap() >= lap {
                // Rule 1: claimed, this one or all up to one of a later lap.
                let Some(passed) = slots.passed(at, word) else {
                    return Err(Blocked::Corrupted(at));
                };
                at = (passed + 1).max(slots.hint(Role::Producer));
            } else if word.lap() + 1 == lap && state != State::Free {
                return Err(match state {
                    State::Writing | State::Taken => Blocked::By(word),
                    _ => Blocked::Idle(word),
                });
            } else if looked_twice {
                return Err(Blocked::Corrupted(at));
            } else {
                // A hint that was seen before the words that it rests on?
                looked_twice = true;
                slots.memory().fence();
            }
        }
        Err(Blocked::Contended)
    }

    #[cold]
    #[inline(never)]
    fn wait(&mut self, deadline: Deadline) -> Result<Cursor, SendError> {
        if let Some((poison, _)) = self.poison {
            return Err(poison);
        }
        if self.pace.is_close() {
            self.keep_distance(deadline != Deadline::PASSED);
        }
        let found = self.wait_until(deadline);
        self.sleeper.rise(self.who.slots(), found.is_ok());
        found
    }

    fn wait_until(&mut self, deadline: Deadline) -> Result<Cursor, SendError> {
        let mut spin = self.sleeper.spin(deadline);
        loop {
            let blocked = match self.find() {
                Ok(at) => {
                    self.blocked = None;
                    return Ok(at);
                }
                Err(Blocked::Corrupted(at)) => return Err(self.corrupted(at)),
                Err(blocked) => blocked,
            };
            self.blocked = blocked.word();
            if !self.sleeper.is_lying() && self.keep_distance(deadline != Deadline::PASSED) {
                continue;
            }
            let (slots, next) = (self.who.slots(), self.next);
            // ORDERING: Relaxed: only whether to look properly.
            let came = || Some(slots.word_at(next.place, Ordering::Relaxed)) != blocked.word();
            let pauses = self.cadence.apart_pauses;
            match self.sleeper.turn(slots, &mut spin, pauses, came, deadline) {
                Turn::Came | Turn::Vain | Turn::Park => {}
                Turn::TimedOut => {
                    let error = self.timed_out(deadline, blocked);
                    return self.find_before(error);
                }
                Turn::Ask => {
                    if let Step::End(error) = self.ask(blocked) {
                        return self.find_before(error);
                    }
                }
            }
        }
    }

    /// Lets the consumers of a stream get further on, if there is one and we may wait.
    fn keep_distance(&mut self, may_wait: bool) -> bool {
        let pauses = if may_wait { self.cadence.apart_pauses } else { 0 };
        self.pace.stopped(self.who.slots(), self.next.position, pauses, pace::is_free)
    }

    /// Looks once more, since room may have come before the others went; else `error` it is.
    fn find_before(&mut self, error: SendError) -> Result<Cursor, SendError> {
        match self.find() {
            Ok(at) => {
                self.blocked = None;
                Ok(at)
            }
            Err(Blocked::Corrupted(at)) => Err(self.corrupted(at)),
            Err(_) if matches!(error, SendError::Severed(_)) => Err(self.poisoned(error, 0)),
            Err(_) => Err(error),
        }
    }

    fn timed_out(&mut self, deadline: Deadline, blocked: Blocked) -> SendError {
        // Who only tries, or waits too shortly, would never ask otherwise.
        let is_due = if deadline == Deadline::PASSED {
            self.vain_tries = self.vain_tries.wrapping_add(1);
            self.vain_tries.is_multiple_of(TRIES_PER_ASK)
        } else {
            self.who.slots().memory().now().saturating_sub(self.asked_ns) >= ASK_EVERY_NS
        };
        if is_due && let Step::End(error) = self.ask(blocked) {
            return error;
        }
        match blocked {
            _ if deadline == Deadline::PASSED => SendError::Full,
            Blocked::By(word) => SendError::PeerStalled(self.who.slots().stalled(word)),
            _ => SendError::Timeout,
        }
    }

    /// Whether waiting is in vain.
    fn ask(&mut self, blocked: Blocked) -> Step<SendError> {
        self.asked_ns = self.who.slots().memory().now();
        if let Outside::Severed(severed) = self.who.slots().memory().outside() {
            return Step::End(SendError::Severed(severed));
        }
        if let Blocked::By(word) = blocked
            && self.who.test_owner(self.next.position, word)
        {
            return Step::Again;
        }
        let changes = table::changes(self.who.slots());
        match self.who.presence(Role::Consumer) {
            Ok(Presence::There | Presence::NotYet) => {
                self.sleeper.changes = changes;
                Step::Again
            }
            Ok(Presence::Left) => Step::End(SendError::PeerClosed),
            Ok(Presence::Died) => Step::End(SendError::PeerDead),
            Err(Corruption { what, at }) => {
                Step::End(self.poisoned(SendError::Corrupted(what), at))
            }
        }
    }

    /// The slot of `at` says what no participant writes, or the mapping was cut off.
    fn corrupted(&mut self, at: Position) -> SendError {
        match self.who.slots().memory().outside() {
            Outside::Severed(severed) => self.poisoned(SendError::Severed(severed), 0),
            _ => self.poisoned(SendError::Corrupted(What::Slot), at),
        }
    }

    /// Remembers `error` for good.
    fn poisoned(&mut self, error: SendError, at: u64) -> SendError {
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
