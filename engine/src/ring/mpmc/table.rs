//! Who takes part: joining, leaving, and sweeping up after one who died.
//!
//! ```text
//!   seat  Free(g)  Active(g, role)      written by who has the sweep byte, or its life byte
//! ```
//!
//! *Join*: take the sweep byte of a seat (nobody waits: the next seat will do). If the seat is
//! active and its life byte is free, its participant died: sweep. Then take the life byte, write
//! down who we are, say Active, and give the sweep byte back. So a life byte is taken only under
//! the sweep byte and with no claim standing that bears its index (rule 5).
//!
//! *Sweep*: swap each word that bears the dead one's index, as in any repair; free the seat last.
//! Killed anywhere, the seat is still active and the next one starts over. Stopped, it keeps one
//! seat from being used, and nothing else, because repair needs no lock.
//!
//! *Leave*: no claim is left; free the seat; give the life byte back.

use super::bells::Bells;
use super::error::Stalled;
use super::presence::{change, count_coming, set_died};
use super::sends::Sends;
use super::slots::{Cursor, Slots};
use super::standing::Standing;
use super::word::{State, Word};
use crate::error::{Corruption, What};
use crate::layout::{MPMC_SEATS, Seat};
use crate::ring::Role;
use crate::sync::{Byte, Crowd, Identity, Ordering};
use core::fmt;
use core::mem::offset_of;
use core::ops::RangeInclusive;

/// Why one could not join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinError {
    /// All seats are taken: wait until one leaves, or make a ring for more.
    Full {
        /// So many there are.
        seats: u16,
    },
    /// Somebody has the role that one participant has at a time: wait until it leaves, or end it.
    Busy {
        /// The role.
        role: Role,
        /// The process that has it, as it saw itself, unless it is just coming.
        pid: Option<u64>,
    },
    /// The ring has fewer numbered producers, or none.
    NoSuchNumber {
        /// So many.
        numbers: u16,
    },
    /// A peer has scribbled over the ring.
    Corrupted(Corruption),
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Full { seats } => write!(
                f,
                "all {seats} participants of this ring are there: wait until one leaves, or make \
                 a ring for more"
            ),
            JoinError::Busy { role, .. } => {
                let role = match role {
                    Role::Producer => "producer",
                    Role::Consumer => "consumer",
                };
                write!(f, "this ring has a {role}, and one at a time: wait until it leaves")
            }
            JoinError::NoSuchNumber { numbers } => {
                write!(f, "this ring's numbered producers are 1 to {numbers}")
            }
            JoinError::Corrupted(corruption) => corruption.fmt(f),
        }
    }
}

impl std::error::Error for JoinError {}

/// One participant's place in a ring, until it is dropped.
pub(super) struct Participant<M: Crowd> {
    slots: Slots<M>,
    bells: Bells,
    index: u16,
    /// Whether nobody else has its role as long as it lives.
    is_single: bool,
    /// What is kept of its sends, if it has a number.
    pub(super) sends: Option<Sends>,
    generation: u64,
    lost: u64,
}

impl<M: Crowd> Participant<M> {
    /// Takes a seat. Does not wait.
    pub(super) fn join(slots: Slots<M>, role: Role) -> Result<Participant<M>, JoinError> {
        let seats = slots.geometry().seats_of(role);
        Participant::join_one_of(slots, role, seats)
    }

    /// Takes the seat of the producer of that number.
    pub(super) fn join_numbered(slots: Slots<M>, number: u16) -> Result<Participant<M>, JoinError> {
        let numbers = slots.geometry().numbered();
        if !(1..=numbers).contains(&number) {
            return Err(JoinError::NoSuchNumber { numbers });
        }
        Participant::join_one_of(slots, Role::Producer, number..=number)
    }

    fn join_one_of(
        slots: Slots<M>,
        role: Role,
        seats: RangeInclusive<u16>,
    ) -> Result<Participant<M>, JoinError> {
        let geometry = slots.geometry();
        let bells = Bells::of(slots.memory(), geometry.waiting());
        let is_single = geometry.is_single(role);
        let first = *seats.start();
        let is_reserved = first <= geometry.reserved_seats();
        let mut joined =
            Participant { slots, bells, index: 0, is_single, sends: None, generation: 0, lost: 0 };
        for index in seats {
            let sweep = Byte::Sweep(index);
            if !joined.slots.memory().try_lock(sweep) {
                continue;
            }
            let taken = joined.take(index, role);
            joined.slots.memory().unlock(sweep);
            if taken? {
                joined.change();
                joined.publish_lost();
                return Ok(joined);
            }
        }
        if !is_reserved {
            return Err(JoinError::Full { seats: geometry.seats() });
        }
        // ORDERING: Relaxed: for people.
        let pid = joined.slots.seat(first, offset_of!(Seat, pid), Ordering::Relaxed);
        Err(JoinError::Busy { role, pid: (pid != 0).then_some(pid) })
    }

    /// Takes the seat of `index` if nobody lives in it. We have its sweep byte.
    fn take(&mut self, index: u16, role: Role) -> Result<bool, JoinError> {
        let memory = self.slots.memory();
        let generation = match standing(&self.slots, index).map_err(JoinError::Corrupted)? {
            Standing::Free(generation) => generation,
            // Asked once: nobody can take its byte while we have its sweep byte.
            Standing::Active(generation, was) if memory.is_gone(index) => {
                self.sweep(index, was)?;
                let freed = Standing::Free(generation + 1);
                // ORDERING: Release, edge S: whoever sees the seat free sees all repairs.
                set_standing(&self.slots, index, freed);
                generation + 1
            }
            Standing::Active(..) => return Ok(false),
        };
        if !self.slots.memory().try_lock(Byte::Life(index)) {
            return Ok(false);
        }
        (self.index, self.generation) = (index, generation);
        self.sends = self.remember();
        sign_in(&self.slots, index);
        // ORDERING: Release, edge S: who sees us active sees who we are.
        set_standing(&self.slots, index, Standing::Active(generation, role));
        // Only then: who finds us counted, and nobody there, is to be right.
        count_coming(&self.slots, role);
        Ok(true)
    }

    /// Repairs every word that bears `index`, whose participant is gone for good.
    fn sweep(&mut self, index: u16, was: Role) -> Result<(), JoinError> {
        for slot in 0..self.slots.count() {
            // ORDERING: Acquire: what the word says is repaired.
            let word = self.slots.word(slot, Ordering::Acquire);
            if word.owner() == index && matches!(word.state(), Some(State::Writing | State::Taken))
            {
                self.repair(slot, word);
            }
        }
        self.slots.sweep_letters(index);
        set_died(&self.slots, was);
        Ok(())
    }

    pub(super) fn slots(&self) -> &Slots<M> {
        &self.slots
    }

    pub(super) fn index(&self) -> u16 {
        self.index
    }

    pub(super) fn is_single(&self) -> bool {
        self.is_single
    }

    /// One of those who are `role` may have something to do: a slot's word was written.
    #[inline(always)]
    pub(super) fn published(&mut self, role: Role) {
        self.bells.published(&self.slots, role);
    }

    /// We were served as `role`; wakes another one who sleeps, if there is something for it at
    /// `next`, which is where its handle keeps it: a copy would be made for each message.
    #[inline(always)]
    pub(super) fn served(&mut self, role: Role, next: &Cursor, is_next: fn(Word, u64) -> bool) {
        if !self.is_single && self.may_sleep(role) {
            self.chain(role, next, is_next);
        }
    }

    #[cold]
    #[inline(never)]
    fn chain(&mut self, role: Role, next: &Cursor, is_next: fn(Word, u64) -> bool) {
        // ORDERING: Relaxed: only whether to wake another one.
        if is_next(self.slots.word_at(next.place, Ordering::Relaxed), next.lap) {
            self.bells.wake_one(&self.slots, role);
        }
    }

    /// Whether anybody is seen to sleep as `role`.
    #[inline(always)]
    pub(super) fn may_sleep(&self, role: Role) -> bool {
        self.bells.may_sleep(&self.slots, role)
    }

    /// A word was written that says what became of a claim whose owner is gone or left.
    #[cold]
    pub(super) fn has_repaired(&self, word: Word) {
        match word.state() {
            Some(State::Free) => self.bells.all(&self.slots, Role::Producer),
            state => {
                if state == Some(State::Orphaned) {
                    self.slots.count_orphan();
                }
                self.bells.all(&self.slots, Role::Consumer);
            }
        }
    }

    /// The one that has the slot of that word, which a look has found to be a participant's.
    pub(super) fn stalled(&self, word: Word) -> Stalled {
        let participant = word.owner();
        // ORDERING: Relaxed: for people, and its seat was seen taken before.
        let told = |field| self.slots.seat(participant, field, Ordering::Relaxed);
        Stalled {
            participant,
            pid: told(offset_of!(Seat, pid)) as u32,
            since_ns: told(offset_of!(Seat, since_ns)),
        }
    }

    /// Somebody has come or left, and whoever waits is to hear of it. Who comes may also come after
    /// one who died before it could ring.
    fn change(&self) {
        change(&self.slots);
        for role in [Role::Producer, Role::Consumer] {
            self.bells.all(&self.slots, role);
        }
    }

    /// One message more was given up by us.
    pub(super) fn count_lost(&mut self) {
        self.lost += 1;
        self.publish_lost();
    }

    /// Messages that this participant gave up.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    fn publish_lost(&self) {
        if self.index != 0 && self.lost != 0 {
            self.slots.note(self.index, offset_of!(Seat, lost), self.lost);
        }
    }
}

impl<M: Crowd> Drop for Participant<M> {
    fn drop(&mut self) {
        if self.index == 0 {
            return;
        }
        // ORDERING: Release, edge S: no claim of ours is left.
        set_standing(&self.slots, self.index, Standing::Free(self.generation + 1));
        self.change();
        self.slots.memory().unlock(Byte::Life(self.index));
    }
}

pub(super) fn standing<M: Crowd>(slots: &Slots<M>, index: u16) -> Result<Standing, Corruption> {
    // ORDERING: Acquire, edge S.
    let bits = slots.seat(index, offset_of!(Seat, state), Ordering::Acquire);
    let at = (MPMC_SEATS + (index as usize - 1) * size_of::<Seat>()) as u64;
    Standing::from_bits(bits).ok_or(Corruption { what: What::Seat, at })
}

fn set_standing<M: Crowd>(slots: &Slots<M>, index: u16, standing: Standing) {
    // ORDERING: Release, edge S, as each caller says.
    slots.set_seat(index, offset_of!(Seat, state), standing.to_bits(), Ordering::Release);
}

fn sign_in<M: Crowd>(slots: &Slots<M>, index: u16) {
    let Identity { pid, started, namespace, now_ns } = slots.memory().identity();
    for (field, word) in [
        (offset_of!(Seat, pid), pid),
        (offset_of!(Seat, started), started),
        (offset_of!(Seat, namespace), namespace),
        (offset_of!(Seat, since_ns), now_ns),
    ] {
        // ORDERING: Relaxed: shown by the state, which comes after.
        slots.set_seat(index, field, word, Ordering::Relaxed);
    }
    slots.note(index, offset_of!(Seat, lost), 0);
    slots.note(index, offset_of!(Seat, backstop), 0);
}
