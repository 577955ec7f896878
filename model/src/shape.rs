//! How large a ring is searched, and what may happen to it.

/// The most slots, participants and indices that a state has room for.
pub(crate) const SLOTS: usize = 4;
pub(crate) const ACTORS: usize = 4;
pub(crate) const INDICES: usize = 4;
/// The most claims of one participant.
pub(crate) const BATCH: usize = 2;
/// The most positions that may be claimed, and passed by where a rule is out.
pub(crate) const POSITIONS: usize = 10;

/// Which participants share a process: its locks do not conflict, and it dies as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Processes {
    /// None do.
    Own,
    /// All producers do, and all consumers.
    Roles,
    /// All do.
    One,
}

/// A ring, who is at it, and how often each misfortune may strike: at any step, to anybody.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// N: at most 4.
    pub slots: u8,
    /// How many send.
    pub producers: u8,
    /// How many receive; with the producers at most 4.
    pub consumers: u8,
    /// P: how many indices there are for them, at most 4.
    pub indices: u8,
    /// How many claims each producer makes; all in all at most 8.
    pub messages: u8,
    /// How many positions a participant may claim before it settles the first: 1 or 2.
    pub batch: u8,
    /// Deaths: all locks go in the same step, no store is undone.
    pub crashes: u8,
    /// Joins of those who died or left, with nothing remembered.
    pub restarts: u8,
    /// Participants that live, keep their locks, and never run again.
    pub stops: u8,
    /// Claims of producers that are given up.
    pub aborts: u8,
    /// Participants that leave in good order, consumers also with a message in hand.
    pub leaves: u8,
    /// Byte locks that are lost though their owner lives and goes on.
    pub lost_locks: u8,
    /// Whether there are hints: each claim's may be stored or not.
    pub hints: bool,
    /// How many failed attempts a message survives.
    pub bound: u8,
    /// Whether a message whose consumer died is lost, and counted, instead of given out again.
    pub at_most_once: bool,
    /// Whether all participants begin by joining, and not as members.
    pub cold: bool,
    /// Which participants are of one process.
    pub processes: Processes,
}

impl Shape {
    /// `producers` and `consumers` at a ring of two slots, and nothing that goes wrong.
    pub const fn of(producers: u8, consumers: u8, messages: u8) -> Shape {
        Shape {
            slots: 2,
            producers,
            consumers,
            indices: producers + consumers,
            messages,
            batch: 1,
            crashes: 0,
            restarts: 0,
            stops: 0,
            aborts: 0,
            leaves: 0,
            lost_locks: 0,
            hints: false,
            bound: 2,
            at_most_once: false,
            cold: false,
            processes: Processes::Own,
        }
    }

    pub(crate) fn actors(&self) -> usize {
        usize::from(self.producers + self.consumers)
    }

    pub(crate) fn is_producer(&self, who: usize) -> bool {
        who < usize::from(self.producers)
    }

    /// Whether two participants are of one process.
    pub(crate) fn is_same_process(&self, one: usize, other: usize) -> bool {
        match self.processes {
            Processes::Own => one == other,
            Processes::Roles => self.is_producer(one) == self.is_producer(other),
            Processes::One => true,
        }
    }

    /// Whether order must also hold between deliveries that are not the first: nobody but one
    /// consumer at a time.
    pub(crate) fn is_totally_ordered(&self) -> bool {
        self.consumers == 1
    }
}
