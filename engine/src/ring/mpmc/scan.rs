//! Finding a message: the next one, or one that a dead consumer left behind; and waiting for it.

use super::consumer::{Consumer, Hand};
use super::error::RecvError;
use super::pace;
use super::presence::{self, Presence};
use super::slots::Cursor;
use super::wait::{Blocked, Step};
use super::word::{State, Word};
use super::{ASK_EVERY_NS, HINT_EVERY, TRIES_PER_ASK};
use crate::error::{Corruption, What};
use crate::ring::spin::Turn;
use crate::ring::{Position, Role};
use crate::sync::{Crowd, Deadline, Ordering, Outside};

/// In a large ring not every asking is a scan: so many slots are looked at for each.
const SLOTS_PER_ASK: u64 = 2048;

/// The same for one who asks every 50 ms, and not every 0.1.
const SLOTS_PER_RARE_ASK: u64 = 1 << 16;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Message(Hand),
    Gap(Position, u16),
}

/// Whether there is something for a consumer in a slot in that lap.
fn is_told(word: Word, lap: u64) -> bool {
    word.lap() == lap && matches!(word.state(), Some(State::Ready | State::Tombstone))
}

impl<M: Crowd> Consumer<M> {
    #[inline(always)]
    pub(super) fn find_until(&mut self, deadline: Deadline) -> Result<(), RecvError> {
        if self.find_now() { Ok(()) } else { self.wait(deadline) }
    }

    /// Takes the next message by the short way, if that is open: whether it did.
    #[inline(always)]
    pub(super) fn find_now(&mut self) -> bool {
        if self.scan_is_due || self.pace.is_close() {
            return false;
        }
        let (slots, at) = (self.who.slots(), self.next);
        // ORDERING: Acquire, edge W: where taking is a swap that would do, too.
        let seen = slots.word_at(at.place, Ordering::Acquire);
        if !slots.is_ready(seen, at.lap) {
            return false;
        }
        let Some(word) = self.who.take_at(at.place, seen) else {
            self.pace.lost(slots.memory());
            return false;
        };
        self.pass(at);
        self.pace.passed(self.who.slots(), at, pace::is_ready);
        self.hold(Hand { position: at.position, place: at.place, word });
        true
    }

    /// Goes on behind `at`, which is over for those who look for the next message.
    #[inline(always)]
    fn pass(&mut self, at: Cursor) {
        let next = self.who.slots().behind(at);
        self.next = next;
        // Rule 3: after the take, and now and then.
        if at.position.is_multiple_of(HINT_EVERY) {
            self.who.slots().set_hint(Role::Consumer, next.position);
        }
        self.who.served(Role::Consumer, &self.next, is_told);
    }

    /// The next message or gap, if it is there. Bounded: a lap or two of steps.
    fn find(&mut self) -> Result<Found, Blocked> {
        if self.scan_is_due
            && let Some(found) = self.scan()?
        {
            return Ok(found);
        }
        let mut at = self.next.position;
        let mut looked_twice = false;
        for _ in 0..2 * self.who.slots().count() + 64 {
            let slots = self.who.slots();
            let here = slots.cursor(at);
            self.next = here;
            let (slots, lap) = (self.who.slots(), here.lap);
            // ORDERING: Acquire, edge W.
            let word = slots.word_at(here.place, Ordering::Acquire);
            let Some(state) = slots.state_of(word) else { return Err(Blocked::Corrupted(at)) };
            if word.lap() == lap {
                match state {
                    State::Ready | State::Orphaned => {
                        if let Some(found) = self.take_found(at, word) {
                            self.pass(here);
                            return Ok(found);
                        }
                        self.pace.lost(self.who.slots().memory());
                    }
                    State::Taken => at = (at + 1).max(slots.hint(Role::Consumer)),
                    // Rule 8.
                    State::Tombstone => {
                        if slots.swap(at, word, word.released()).is_ok() {
                            self.who.published(Role::Producer);
                            self.pass(here);
                            return Ok(Found::Gap(at, word.owner()));
                        }
                    }
                    State::Writing => return Err(Blocked::By(word)),
                    State::Free => return Err(Blocked::Idle(word)),
                }
            } else if word.lap() > lap {
                let Some(passed) = slots.passed(at, word) else {
                    return Err(Blocked::Corrupted(at));
                };
                at = (passed + 1).max(slots.hint(Role::Consumer));
            } else if word.lap() + 1 == lap && state == State::Taken {
                return Err(Blocked::By(word));
            } else if word.lap() + 1 == lap && state == State::Orphaned {
                if let Some(found) = self.take_found(at, word) {
                    return Ok(found);
                }
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

    /// Takes the message that was seen in that slot. A dead letter is put by, and is none.
    fn take_found(&mut self, slot: Position, seen: Word) -> Option<Found> {
        let slots = self.who.slots();
        let (place, position) = (slots.place(slot), slots.position(slot, seen.lap()));
        let word = self.who.take_at(place, seen)?;
        let hand = Hand { position, place, word };
        if word.is_dead_letter() {
            self.put_by(hand);
            return None;
        }
        Some(Found::Message(hand))
    }

    /// Looks at all slots (rules 6 and 7): repairs what the dead hold, then takes the orphan of the
    /// lowest position. If there is none it is not due any more.
    ///
    /// Dead letters are put by on the way.
    ///
    /// In two passes. In one, a word may be of a dead owner when it is read, and when that one is
    /// asked after its index may have a new owner, who lives, since somebody else has repaired the
    /// word meanwhile: then an orphan would be passed over, and come out of order.
    #[cold]
    fn scan(&mut self) -> Result<Option<Found>, Blocked> {
        self.repair_all();
        // Ends: somebody else has taken one each time that it goes on.
        for _ in 0..self.who.slots().count() {
            let Some((slot, word)) = self.lowest_orphan()? else {
                self.scan_is_due = false;
                return Ok(None);
            };
            if let Some(found) = self.take_found(slot, word) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    pub(super) fn lowest_orphan(&mut self) -> Result<Option<(Position, Word)>, Blocked> {
        let mut lowest: Option<(Position, Word)> = None;
        (self.others_hold, self.holder) = (false, None);
        for slot in 0..self.who.slots().count() {
            // ORDERING: Acquire: not older than what the pass before has repaired.
            let word = self.who.slots().word(slot, Ordering::Acquire);
            let slots = self.who.slots();
            match slots.state_of(word) {
                // Nobody waits for it: so the pass goes on.
                Some(State::Orphaned) if word.is_dead_letter() => {
                    self.take_found(slot, word);
                }
                Some(State::Orphaned) => {
                    let position = slots.position(slot, word.lap());
                    if lowest.is_none_or(|(so_far, _)| position < so_far) {
                        lowest = Some((position, word));
                    }
                }
                Some(State::Writing | State::Taken) => {
                    (self.others_hold, self.holder) = (true, self.holder.or(Some(word)));
                }
                // It may be taken by another one before we come to it.
                Some(State::Ready) => self.others_hold = true,
                Some(_) => {}
                None => return Err(Blocked::Corrupted(slot)),
            }
        }
        Ok(lowest)
    }

    /// Repairs every slot whose owner is gone.
    fn repair_all(&mut self) {
        for slot in 0..self.who.slots().count() {
            // ORDERING: Acquire: it is read before its owner is asked after.
            let word = self.who.slots().word(slot, Ordering::Acquire);
            let state = self.who.slots().state_of(word);
            if matches!(state, Some(State::Writing | State::Taken)) {
                self.who.test_owner(slot, word);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn wait(&mut self, deadline: Deadline) -> Result<(), RecvError> {
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

    fn wait_until(&mut self, deadline: Deadline) -> Result<(), RecvError> {
        let mut spin = self.sleeper.spin(deadline);
        // Once: the clock is read elsewhere.
        let mut may_keep = deadline != Deadline::PASSED;
        // Whether, when it was asked last, nothing but a message in another one's hand was left.
        let mut is_end_held = false;
        loop {
            self.hear_of_orphans();
            let blocked = match self.find() {
                Ok(found) => return self.deliver(found),
                Err(Blocked::Corrupted(at)) => return Err(self.corrupted(What::Slot, at)),
                Err(blocked) => blocked,
            };
            self.sleeper.is_held = matches!(blocked, Blocked::By(_));
            if !self.sleeper.is_lying() && self.keep_distance(may_keep) {
                may_keep = false;
                continue;
            }
            let (slots, next) = (self.who.slots(), self.next);
            // ORDERING: Relaxed: only whether to look properly.
            let came = || Some(slots.word_at(next.place, Ordering::Relaxed)) != blocked.word();
            let pauses = self.cadence.empty_pauses;
            match self.sleeper.turn(slots, &mut spin, pauses, came, deadline) {
                Turn::Came | Turn::Vain | Turn::Park => {}
                Turn::TimedOut => {
                    let error = self.timed_out(deadline, blocked, is_end_held);
                    return self.find_before(error).unwrap_or_else(|| {
                        // Nothing else is in the way of the end.
                        let holder = self.holder.map_or(blocked, Blocked::By);
                        Err(self.late(deadline, holder))
                    });
                }
                Turn::Ask => {
                    is_end_held = match self.ask(blocked) {
                        Step::Again => false,
                        Step::End(error) => match self.find_before(error) {
                            Some(found) => return found,
                            None => true,
                        },
                    };
                }
            }
        }
    }

    fn deliver(&mut self, found: Found) -> Result<(), RecvError> {
        match found {
            Found::Message(hand) => {
                self.hold(hand);
                Ok(())
            }
            Found::Gap(position, participant) => Err(RecvError::Gap { position, participant }),
        }
    }

    /// Has all slots looked at if a message has come back, perhaps far behind.
    fn hear_of_orphans(&mut self) {
        let orphans = self.who.slots().orphans();
        self.scan_is_due |= orphans != self.orphans;
        self.orphans = orphans;
    }

    /// Lets the producers of a stream get further on, if there is one and we may wait.
    fn keep_distance(&mut self, may_wait: bool) -> bool {
        let pauses = if may_wait { self.cadence.apart_pauses } else { 0 };
        self.pace.stopped(self.who.slots(), self.next.position, pauses, pace::is_ready)
    }

    /// Looks once more, since a message may have come before its producer went; else `error` it is.
    /// `None` where it is not: as long as a consumer has a message in hand, that may come again.
    fn find_before(&mut self, error: RecvError) -> Option<Result<(), RecvError>> {
        let is_end = matches!(error, RecvError::Closed | RecvError::ProducerDied);
        self.scan_is_due |= is_end;
        match self.find() {
            Ok(found) => Some(self.deliver(found)),
            Err(Blocked::Corrupted(at)) => Some(Err(self.corrupted(What::Slot, at))),
            Err(_) if is_end && self.others_hold => None,
            Err(_) if matches!(error, RecvError::Severed(_)) => Some(Err(self.poisoned(error, 0))),
            Err(_) => Some(Err(error)),
        }
    }

    fn timed_out(&mut self, deadline: Deadline, blocked: Blocked, is_end_held: bool) -> RecvError {
        // Who only tries, or waits too shortly, would never ask otherwise.
        let is_due = if is_end_held {
            true
        } else if deadline == Deadline::PASSED {
            self.vain_tries = self.vain_tries.wrapping_add(1);
            let is_new = presence::changes(self.who.slots()) != self.sleeper.changes;
            is_new || self.vain_tries.is_multiple_of(TRIES_PER_ASK)
        } else {
            self.who.slots().memory().now().saturating_sub(self.asked_ns) >= ASK_EVERY_NS
        };
        if is_due && let Step::End(error) = self.ask(blocked) {
            return error;
        }
        self.late(deadline, blocked)
    }

    /// Whether waiting is in vain. The next look is at all slots, now and then.
    fn ask(&mut self, blocked: Blocked) -> Step<RecvError> {
        if let Outside::Severed(severed) = self.who.slots().memory().outside() {
            return Step::End(RecvError::Severed(severed));
        }
        self.asked_ns = self.who.slots().memory().now();
        self.asks = self.asks.wrapping_add(1);
        let slots_per_ask =
            if self.sleeper.may_sleep() { SLOTS_PER_RARE_ASK } else { SLOTS_PER_ASK };
        let asks_per_scan = self.who.slots().count() / slots_per_ask + 1;
        self.scan_is_due |= u64::from(self.asks).is_multiple_of(asks_per_scan);
        if let Blocked::By(word) = blocked {
            // What a producer holds is a message to come, whoever else is there.
            self.who.test_owner(self.next.position, word);
            return Step::Again;
        }
        let changes = presence::changes(self.who.slots());
        match self.who.presence(Role::Producer) {
            Ok(Presence::There | Presence::NotYet) => {
                self.sleeper.changes = changes;
                Step::Again
            }
            Ok(Presence::Left) => Step::End(RecvError::Closed),
            Ok(Presence::Died) => Step::End(RecvError::ProducerDied),
            Err(Corruption { what, at }) => {
                Step::End(self.poisoned(RecvError::Corrupted(what), at))
            }
        }
    }

    /// What it is called that the time is up.
    fn late(&self, deadline: Deadline, blocked: Blocked) -> RecvError {
        match blocked {
            _ if deadline == Deadline::PASSED => RecvError::Empty,
            Blocked::By(word) => RecvError::PeerStalled(self.who.stalled(word)),
            _ => RecvError::Timeout,
        }
    }
}
