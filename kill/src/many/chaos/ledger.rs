//! What all have done, in memory that outlives each of them.
//!
//! ```text
//!   page      one for each lane: whose life it is, and what it counts
//!   message   (lane, number), the last 1024 of each lane: sent? told how often, to whom? released?
//!   place     a position, the last 4096: a message or a gap?
//! ```
//!
//! A *lane* is one producer's, or one consumer's, from life to life. A producer's messages are
//! numbered by lane and sequence, and one that was cut off by a kill is never sent again; whether
//! it took effect is asked by the lane's next life. What is known of a message is written over by
//! the one that comes 1024 later in its lane; by then its slot was claimed anew, so it was
//! delivered, or is lost.
//!
//! A process that is killed has made its stores in order up to some point. A message counts as
//! told from when its taker has said so here, which is after the call that took it.

use super::fate::Fate;
use super::letters::Letters;
use annulus::ring::{Position, Role};
use std::sync::atomic::{AtomicU64, Ordering};

/// Producers, and consumers, at a time.
pub(super) const LANES: usize = 3;

/// The lane of the harness itself, when all others have ended.
pub(super) const LAST_LANE: usize = LANES;

/// Messages of a lane that are known of.
const MESSAGES: usize = 1024;

/// Positions that are known of.
const PLACES: usize = 4096;

/// Bits of a message's number that say which of its lane it is.
const SEQUENCE_BITS: u32 = 40;

/// What a process can find wrong, in the words of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Lost = 1,
    Broken,
    PutBack,
    Unflagged,
    Released,
    Stolen,
    Forgotten,
    Moved,
    Disordered,
    Overtaken,
    Gap,
    Failed,
    Refused,
    Late,
    Itself,
    Mourned,
    Unsent,
    Miscounted,
    Unkept,
    PutBy,
    Kept,
}

/// In the order of [`Fault`].
pub(super) const FAULTS: [&str; 22] = [
    "none",
    "LOST: a message was sent, or was in a dead one's hand, and never came; number",
    "LOST: a message came with other bytes than were sent; position",
    "LOST: what was put back did not come again to the same handle; position",
    "DOUBLED: a message came again, and was told so often already; number",
    "DOUBLED: a message came again that had been released; number",
    "DOUBLED: a message came again whose taker lives; number",
    "DOUBLED: a message came that was over long ago; number",
    "DOUBLED: a message was at two positions; number",
    "DOUBLED: a first delivery or a gap at an earlier position than the one before; position",
    "LOST: a first delivery of an earlier message than the one before; number",
    "DOUBLED: a position was told of twice, as a gap, or as two first deliveries; position",
    "WEDGED: an operation failed with an error that no death brings; code",
    "WEDGED: nobody may join; tries",
    "WEDGED: a call went on after its deadline; milliseconds",
    "WEDGED: one was held up by its own index",
    "WEDGED: all of the other role are gone, it was told, and one lived; lane",
    "DOUBLED: a message came whose send, it was said, took no effect; number",
    "LOST: what is kept of a producer's sends is not what it sent; sends",
    "LOST: a message over which sixteen died is no dead letter; number",
    "DOUBLED: a message is a dead letter that had not worn out, or was over; number",
    "WEDGED: a dead letter cannot be discarded; position",
];

/// What is found wrong, and at what.
pub(super) type Found = Result<(), (Fault, u64)>;

/// The ledger.
pub(super) struct Ledger {
    producers: [Page; LANES],
    consumers: [Page; LANES + 1],
    messages: [Lane; LANES],
    places: Places,
    /// 1 when all are to leave.
    pub(super) is_over: AtomicU64,
}

/// One lane's page.
#[repr(align(128))]
pub(super) struct Page {
    /// 1 while it is in an operation of the ring.
    pub(super) inside: AtomicU64,
    /// For so many nanoseconds it was stopped.
    pub(super) stopped_ns: AtomicU64,
    /// Of a producer: the sequence of the next message.
    pub(super) next: AtomicU64,
    /// Of a producer: twice the sends that have returned, and one more while one has not.
    pub(super) sends: AtomicU64,
    pub(super) counts: Counts,
    fault: AtomicU64,
    fault_at: AtomicU64,
    pub(super) presence: Presence,
}

/// Whose life the lane is, on a line of its own, since others look at it.
#[repr(align(128))]
pub(super) struct Presence {
    /// The number of the life that has joined and not begun to leave; 0 if there is none.
    life: AtomicU64,
    /// The life that is about to be killed.
    doomed: AtomicU64,
}

/// What a lane has seen.
pub(super) struct Counts {
    pub(super) told: AtomicU64,
    pub(super) again: AtomicU64,
    pub(super) gaps: AtomicU64,
    pub(super) given_up: AtomicU64,
    pub(super) letters: AtomicU64,
    pub(super) stalls: AtomicU64,
    pub(super) deaths: AtomicU64,
}

struct Lane([Message; MESSAGES]);

pub(super) struct Message {
    fate: AtomicU64,
    /// One more than its position, if that is known.
    position: AtomicU64,
}

/// For each position itself, shifted by two, and what was told of it.
struct Places([AtomicU64; PLACES]);

/// What is told of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    First = 1,
    Again,
    Gap,
}

/// Who has a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) lane: usize,
    pub(super) life: u64,
}

impl Ledger {
    pub(super) fn page(&self, role: Role, lane: usize) -> &Page {
        match role {
            Role::Producer => &self.producers[lane],
            Role::Consumer => &self.consumers[lane],
        }
    }

    pub(super) fn pages(&self) -> impl Iterator<Item = &Page> {
        self.producers.iter().chain(&self.consumers)
    }

    /// Who of `role` is there.
    pub(super) fn present(&self, role: Role) -> [u64; LANES] {
        std::array::from_fn(|lane| self.page(role, lane).presence.life())
    }

    /// A message is about to be sent; that of so long ago must have come, or be a letter.
    pub(super) fn begin(&self, number: u64, letters: impl Fn() -> Letters) -> Found {
        let (message, sequence) = self.message(number);
        let old = Fate::from_bits(message.fate.load(Ordering::Acquire));
        if old.sequence != sequence {
            old.is_over((number >> SEQUENCE_BITS) as usize, letters)?;
        }
        message.position.store(0, Ordering::Relaxed);
        let new = Fate { sequence, ..Fate::default() };
        message.fate.store(new.to_bits(), Ordering::Release);
        Ok(())
    }

    /// The send has returned.
    pub(super) fn sent(&self, number: u64, position: Position) -> Found {
        let (message, sequence) = self.message(number);
        message.change(sequence, |fate| Ok(Fate { is_sent: true, ..fate }))?;
        message.is_at(position).ok_or((Fault::Moved, number))
    }

    /// The send was cut off, and is said to have taken effect, or not.
    pub(super) fn cut_off(&self, number: u64, took_effect: bool) -> Found {
        let (message, sequence) = self.message(number);
        let known = message.change(sequence, |fate| match took_effect {
            true => Ok(Fate { is_sent: true, ..fate }),
            false if fate.told > 0 => Err((Fault::Unsent, number)),
            false => Ok(Fate { is_unsent: true, ..fate }),
        });
        known.map(drop)
    }

    /// A consumer has it in hand.
    pub(super) fn came(
        &self,
        number: u64,
        position: Position,
        attempt: u32,
        holder: Holder,
    ) -> Found {
        let (message, sequence) = self.message(number);
        let known = message.change(sequence, |fate| {
            if fate.told > attempt {
                return Err((Fault::Unflagged, number));
            }
            if fate.is_unsent {
                return Err((Fault::Unsent, number));
            }
            if fate.is_released {
                return Err((Fault::Released, number));
            }
            let before = &self.consumers[fate.holder.lane].presence;
            let there = before.life();
            let is_there = there != 0 && there & Fate::LIFE == fate.holder.life;
            if fate.told > 0 && is_there {
                return Err((Fault::Stolen, number));
            }
            let holder = Holder { life: holder.life & Fate::LIFE, ..holder };
            Ok(Fate { told: attempt + 1, holder, is_let_go: false, ..fate })
        })?;
        if !known {
            return Err((Fault::Forgotten, number));
        }
        message.is_at(position).ok_or((Fault::Moved, number))?;
        self.tell(position, if attempt == 0 { Told::First } else { Told::Again })
    }

    /// The call that releases it begins: if its taker is killed in it, it may come again or not.
    pub(super) fn let_go(&self, number: u64) -> Found {
        let (message, sequence) = self.message(number);
        message.change(sequence, |fate| Ok(Fate { is_let_go: true, ..fate })).map(drop)
    }

    /// Its release has returned. By now it may be known of no more.
    pub(super) fn released(&self, number: u64) -> Found {
        let (message, sequence) = self.message(number);
        message.change(sequence, |fate| Ok(Fate { is_released: true, ..fate })).map(drop)
    }

    /// A position is told of.
    pub(super) fn tell(&self, position: Position, told: Told) -> Found {
        let place = &self.places.0[position as usize % PLACES];
        let new = position << 2 | told as u64;
        let mut seen = place.load(Ordering::Acquire);
        // Ends: somebody else has told of another position each time that it goes on.
        loop {
            let (at, before) = (seen >> 2, seen & 3);
            // Who was stopped may come so late that the place is another position's.
            if at > position {
                return Ok(());
            }
            let is_gap = before == Told::Gap as u64 || told == Told::Gap;
            if at == position && before != 0 && (is_gap || told == Told::First) {
                return Err((Fault::Gap, position));
            }
            match place.compare_exchange(seen, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(()),
                Err(other) => seen = other,
            }
        }
    }

    /// Whether all have come that were sent, when nothing is left in the ring.
    pub(super) fn all_came(&self, letters: impl Fn() -> Letters) -> Found {
        for (lane, messages) in self.messages.iter().enumerate() {
            for message in &messages.0 {
                Fate::from_bits(message.fate.load(Ordering::Acquire)).is_over(lane, &letters)?;
            }
        }
        Ok(())
    }

    pub(super) fn message(&self, number: u64) -> (&Message, u64) {
        let lane = (number >> SEQUENCE_BITS) as usize % LANES;
        let sequence = number & ((1 << SEQUENCE_BITS) - 1);
        (&self.messages[lane].0[sequence as usize % MESSAGES], sequence)
    }
}

/// The number of a lane's message.
pub(super) fn number(lane: usize, sequence: u64) -> u64 {
    (lane as u64) << SEQUENCE_BITS | sequence
}

/// The lane of a message, if it has one.
pub(super) fn lane_of(number: u64) -> Option<usize> {
    let lane = (number >> SEQUENCE_BITS) as usize;
    (lane < LANES).then_some(lane)
}

impl Message {
    /// Changes what is known of it; says whether it is still known of.
    pub(super) fn change(
        &self,
        sequence: u64,
        next: impl Fn(Fate) -> Result<Fate, (Fault, u64)>,
    ) -> Result<bool, (Fault, u64)> {
        let mut seen = self.fate.load(Ordering::Acquire);
        // Ends: somebody else has changed it each time that it goes on.
        loop {
            let fate = Fate::from_bits(seen);
            if fate.sequence != sequence {
                return Ok(false);
            }
            let new = next(fate)?.to_bits();
            match self.fate.compare_exchange(seen, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(true),
                Err(other) => seen = other,
            }
        }
    }

    /// Whether it is at that position, which it is as of now if none was known.
    fn is_at(&self, position: Position) -> Option<()> {
        let at = position + 1;
        match self.position.compare_exchange(0, at, Ordering::AcqRel, Ordering::Acquire) {
            Err(other) if other != at => None,
            _ => Some(()),
        }
    }
}

impl Page {
    /// Performs an operation of the ring.
    pub(super) fn within<T>(&self, operation: impl FnOnce() -> T) -> T {
        self.inside.store(1, Ordering::SeqCst);
        let result = operation();
        self.inside.store(0, Ordering::SeqCst);
        result
    }

    /// Leaves a fault, if it is the first.
    pub(super) fn found(&self, (fault, at): (Fault, u64)) {
        if self.fault.load(Ordering::Relaxed) == 0 {
            self.fault_at.store(at, Ordering::Relaxed);
            self.fault.store(fault as u64, Ordering::Release);
        }
    }

    /// The fault that was left, in words.
    pub(super) fn take_fault(&self) -> Option<String> {
        let fault = self.fault.swap(0, Ordering::Acquire) as usize;
        let what = FAULTS.get(fault).unwrap_or(&"an unknown fault at");
        (fault != 0).then(|| format!("{what} {}", self.fault_at.load(Ordering::Relaxed)))
    }
}

impl Presence {
    /// The life that is there, and is not being killed; 0 if there is none.
    pub(super) fn life(&self) -> u64 {
        let life = self.life.load(Ordering::SeqCst);
        if life == self.doomed.load(Ordering::SeqCst) { 0 } else { life }
    }

    /// It has joined.
    pub(super) fn joins(&self, life: u64) {
        self.life.store(life, Ordering::SeqCst);
    }

    /// It begins to leave, or is gone.
    pub(super) fn leaves(&self) {
        self.life.store(0, Ordering::SeqCst);
    }

    /// It is about to be killed, whether it has joined or not.
    pub(super) fn is_doomed(&self, life: u64) {
        self.doomed.store(life, Ordering::SeqCst);
    }
}

/// Adds to a count that only its lane writes.
pub(super) fn add(count: &AtomicU64, by: u64) {
    count.store(count.load(Ordering::Relaxed) + by, Ordering::Relaxed);
}
