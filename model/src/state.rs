//! A state: all shared words and locks, what each participant knows, and what fate each position
//! has met.
//!
//! The shared words are the slots, the table of indices, the two hints, and (with one rule out)
//! the count of rewinds. A lock byte is held by a participant, or free: the kernel's word, which
//! outlives nobody.

use crate::properties::Fates;
use crate::shape::{ACTORS, BATCH, INDICES, SLOTS, Shape};
use crate::word::{Name, Word};

/// Where a repair came up, and where its repairer goes on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) enum Errand {
    /// At one's own position.
    Cursor,
    /// In a look through all slots.
    Scan,
    /// In the sweep of this index, by a joiner.
    Sweep(Name),
}

/// The next step of a participant. What a step has read is in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) enum At {
    /// Dead, or gone.
    Down,
    /// A member with nothing more to send.
    Rest,

    // Joining: see join.rs.
    PickIndex,
    ReadTable(Name),
    TestForSweep(Name),
    SweepLook(Name, u8),
    SweepTest(Name, u8, Word),
    SetFree(Name),
    LockLife(Name),
    Activate(Name),
    UnlockSweep(Name, bool),
    /// The old order: the byte x is held.
    OldReadTable(Name),
    OldUnlock(Name),
    OldLockSweep(Name),
    /// Leaving.
    LeaveTable,
    LeaveByte,

    // Both: see producer.rs, consumer.rs and repair.rs.
    ReadHint,
    Look,
    TestOwner(u8, Word, Errand),
    LookAfterTest(u8, Name, Errand),
    Repair(u8, Word, Errand),
    CountRewind(Errand),

    // Producers.
    Claim(Word),
    Write,

    // Consumers.
    ReadRewind,
    Scan(u8),
    Take(u8, Word, Errand),
    FreeTombstone(Word),
    Process,
    /// Leaving, with messages still in hand.
    GiveBack,
}

/// How far a consumer that has come is with what it found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) enum Attach {
    /// The first look through all slots: dead owners' words are repaired.
    Repairs,
    /// Further ones: orphans are taken, the lowest first, until one look meets none.
    Takes,
    Done,
}

/// What a participant has claimed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Held {
    pub(crate) position: u8,
    pub(crate) attempts: u8,
}

/// All that a participant has claimed, in the order in which it did.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Claims([Option<Held>; BATCH]);

impl Claims {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Held> {
        self.0.into_iter().flatten()
    }

    pub(crate) fn len(&self) -> usize {
        self.iter().count()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn push(&mut self, held: Held) {
        self.0[self.len()] = Some(held);
    }

    pub(crate) fn remove(&mut self, held: Held) {
        let mut rest = Claims::default();
        self.iter().filter(|other| *other != held).for_each(|other| rest.push(other));
        *self = rest;
    }
}

/// A participant: all that it knows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Actor {
    pub(crate) at: At,
    pub(crate) stopped: bool,
    /// Its name, from ACTIVE on.
    pub(crate) index: Option<Name>,
    /// The first position that it has not seen claimed, or taken.
    pub(crate) cursor: u8,
    /// How many claims it is still to make.
    pub(crate) left: u8,
    pub(crate) held: Claims,
    /// Its last claim may be told by a hint.
    pub(crate) hint_due: bool,
    pub(crate) attach: Attach,
    /// The lowest orphan that a look through the slots has met.
    pub(crate) lowest: Option<(u8, Word)>,
    pub(crate) rewinds_seen: u8,
    /// With the count of rewinds: a look through the slots heeds orphans, and not only the dead.
    pub(crate) heeds: bool,
}

impl Actor {
    /// Dead or gone, with `left` claims to make when it comes again.
    pub(crate) fn down(left: u8) -> Actor {
        Actor {
            at: At::Down,
            stopped: false,
            index: None,
            cursor: 0,
            left,
            held: Claims::default(),
            hint_due: false,
            attach: Attach::Done,
            lowest: None,
            rewinds_seen: 0,
            heeds: false,
        }
    }

    /// Whether it exists, running or stopped.
    pub(crate) fn lives(&self) -> bool {
        self.at != At::Down
    }

    /// Whether it exists and runs.
    pub(crate) fn runs(&self) -> bool {
        self.lives() && !self.stopped
    }
}

/// The misfortunes that are left to strike.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Faults {
    pub(crate) crashes: u8,
    pub(crate) restarts: u8,
    pub(crate) stops: u8,
    pub(crate) aborts: u8,
    pub(crate) leaves: u8,
    pub(crate) lost_locks: u8,
}

/// A state of the ring and of all who are at it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct State {
    pub(crate) slots: [Word; SLOTS],
    /// The table: whether an index is ACTIVE.
    pub(crate) active: [bool; INDICES],
    /// Who holds lock byte x: its life.
    pub(crate) life: [Option<u8>; INDICES],
    /// Who holds lock byte P+x.
    pub(crate) sweep: [Option<u8>; INDICES],
    pub(crate) head_hint: u8,
    pub(crate) tail_hint: u8,
    pub(crate) rewinds: u8,
    pub(crate) actors: [Actor; ACTORS],
    pub(crate) faults: Faults,
    /// Seen by nobody but the judge.
    pub(crate) fates: Fates,
}

impl State {
    pub(crate) fn first(shape: &Shape) -> State {
        let mut state = State {
            slots: [Word::Free { lap: 0 }; SLOTS],
            active: [false; INDICES],
            life: [None; INDICES],
            sweep: [None; INDICES],
            head_hint: 0,
            tail_hint: 0,
            rewinds: 0,
            actors: [Actor::down(0); ACTORS],
            faults: Faults {
                crashes: shape.crashes,
                restarts: shape.restarts,
                stops: shape.stops,
                aborts: shape.aborts,
                leaves: shape.leaves,
                lost_locks: shape.lost_locks,
            },
            fates: Fates::new(),
        };
        for who in 0..shape.actors() {
            let actor = &mut state.actors[who];
            if shape.is_producer(who) {
                actor.left = shape.messages;
            }
            if shape.cold {
                actor.at = At::PickIndex;
                continue;
            }
            actor.at = if shape.hints { At::ReadHint } else { At::Look };
            actor.index = Some(who as Name);
            state.active[who] = true;
            state.life[who] = Some(who as u8);
        }
        state
    }

    /// Whether a participant that exists holds this position, by its own belief.
    pub(crate) fn is_held(&self, position: u8) -> bool {
        self.actors
            .iter()
            .any(|actor| actor.lives() && actor.held.iter().any(|held| held.position == position))
    }
}
