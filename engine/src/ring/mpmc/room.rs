//! Finding room: claiming the next position, and waiting for it.

use super::error::SendError;
use super::pace;
use super::presence::{self, Presence};
use super::producer::Producer;
use super::slots::Cursor;
use super::wait::{Blocked, Step};
use super::word::{State, Word};
use super::{ASK_EVERY_NS, TRIES_PER_ASK};
use crate::error::Corruption;
use crate::ring::Role;
use crate::ring::spin::{Spin, Turn};
use crate::sync::{Crowd, Deadline, Ordering, Outside};

impl<M: Crowd> Producer<M> {
    #[inline(always)]
    pub(super) fn find_until(&mut self, deadline: Deadline) -> Result<Cursor, SendError> {
        match self.find_now() {
            Some(at) => Ok(at),
            None => self.wait(deadline),
        }
    }

    /// Claims the next position by the short way, if that is open.
    #[inline(always)]
    pub(super) fn find_now(&mut self) -> Option<Cursor> {
        // A claim that was forgotten is given up first.
        if self.blocked.is_some() || self.pace.is_close() || self.open.is_some() {
            return None;
        }
        let at = self.next;
        if !self.who.claim(at) {
            self.pace.lost(self.who.slots().memory());
            return None;
        }
        self.pace.passed(self.who.slots(), at, pace::is_free);
        self.pass(at);
        Some(at)
    }

    /// `at` was claimed: goes on behind it.
    #[inline(always)]
    fn pass(&mut self, at: Cursor) {
        self.next = self.who.slots().behind(at);
        self.who.served(Role::Producer, &self.next, pace::is_free);
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
                self.pace.lost(self.who.slots().memory());
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
        let spin = self.sleeper.spin(deadline);
        self.wait_by(deadline, spin)
    }

    /// As one of many waits that share a deadline: of which, if all are short, none would come to
    /// read the clock.
    #[cold]
    #[inline(never)]
    pub(super) fn wait_on_time(&mut self, deadline: Deadline) -> Result<Cursor, SendError> {
        let spin = self.sleeper.spin_on_time(self.who.slots().memory(), deadline);
        self.wait_by(deadline, spin)
    }

    fn wait_by(&mut self, deadline: Deadline, spin: Spin) -> Result<Cursor, SendError> {
        if let Some((poison, _)) = self.poison {
            return Err(poison);
        }
        self.abort_open();
        if self.pace.is_close() {
            self.keep_distance(spin.may_wait());
        }
        let found = self.wait_until(deadline, spin);
        self.sleeper.rise(self.who.slots(), found.is_ok());
        found
    }

    fn wait_until(&mut self, deadline: Deadline, mut spin: Spin) -> Result<Cursor, SendError> {
        // Once: the clock is read elsewhere.
        let mut may_keep = spin.may_wait();
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
            if !self.sleeper.is_lying() && self.keep_distance(may_keep) {
                may_keep = false;
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
            Blocked::By(word) => SendError::PeerStalled(self.who.stalled(word)),
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
        let changes = presence::changes(self.who.slots());
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
}
