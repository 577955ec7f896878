//! Where the next message is: looking at words, and waiting for one.

use super::super::gate::Standing;
use super::super::spin::{Spin, Turn};
use super::super::word::{self, Framed, Tag};
use super::super::{Position, Role};
use super::Consumer;
use super::ahead::Ahead;
use crate::error::{Corruption, RecvError, What};
use crate::layout::PRODUCER_GATE;
use crate::sync::{Deadline, Memory, Ordering, Outside};

/// Bytes that a burst of messages has at least to be called a stream.
const STREAM_BYTES: u64 = 4096;

/// Records that a burst has at least to be a part of a long stream.
const STREAM_RECORDS: u64 = 4;

/// A record that was found and checked: its word is not read again.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) position: Position,
    pub(super) end: Position,
    pub(super) len: usize,
}

/// Looks at the beginning of a wait that see nothing but the next word: 0.7 us, in which an answer
/// comes from a core on another chip.
const BURST_LOOKS: u32 = 24;

/// Turns of an empty loop between two of these looks, beside the pauses, which alone are too coarse
/// a measure: looks that are a pause apart fall into step with the answers, and a round trip takes
/// 75 or 110 ns for a whole run. So it takes 80, run for run (ARCHITECTURE, Decisions).
const BURST_GAP: u32 = 16;

/// What one look at a word showed.
#[derive(Clone, Copy)]
pub(super) enum Look {
    Nothing,
    Message(Found),
    /// Padding; the next lap starts here.
    Padding(Position),
    Corrupted(Corruption),
}

impl<M: Memory> Consumer<M> {
    /// The next record is looked for at `position`, perhaps in another lap.
    #[cold]
    pub(super) fn go_to(&mut self, position: Position) {
        self.end_run();
        self.publish_counters();
        self.position = position;
        self.tag = self.area.tag(position);
        self.lap_end = position + self.area.to_end(position);
    }

    /// What stands at `position`.
    pub(super) fn look(&self, position: Position) -> Look {
        // ORDERING: Acquire, edge W: the payload is there when the word is.
        let word = self.area.word(position, Ordering::Acquire);
        if !self.area.tag(position).accepts(word) {
            return Look::Nothing;
        }
        let to_end = self.area.to_end(position);
        match word::framed(word) {
            Framed::Message(len) => {
                let record = word::record_bytes(len);
                let longest = self.area.longest_message() as u64;
                if len > longest || record > to_end {
                    return Look::Corrupted(Corruption { what: What::Word, at: position });
                }
                Look::Message(Found { position, end: position + record, len: len as usize })
            }
            Framed::Padding(bytes) if bytes == to_end && bytes < self.area.capacity() => {
                Look::Padding(position + bytes)
            }
            Framed::Padding(_) => Look::Corrupted(Corruption { what: What::Word, at: position }),
        }
    }

    /// The message at our position, if there is one: the common case of `look`.
    #[inline(always)]
    pub(super) fn glance(&self) -> Option<Found> {
        let position = self.position;
        // ORDERING: Acquire, edge W: the payload is there when the word is.
        let word = self.area.word(position, Ordering::Acquire);
        let len = self.tag.accepts_message(word)?;
        let end = position + word::record_bytes(len);
        let fits = len <= self.area.longest_message() as u64 && end <= self.lap_end;
        fits.then_some(Found { position, end, len: len as usize })
    }

    /// What stands at our position, to be handed out: what earlier calls handed out is released
    /// first if that is due (rule 11): no more can come again than the batch that is held back.
    #[inline(always)]
    pub(super) fn try_find(&mut self) -> Result<Found, RecvError> {
        self.release_if_due();
        match self.glance() {
            Some(found) => Ok(found),
            None => self.find_or_show(),
        }
    }

    #[inline(always)]
    pub(super) fn find_until(&mut self, deadline: Deadline) -> Result<Found, RecvError> {
        self.release_if_due();
        if deadline != Deadline::PASSED {
            self.keep_distance();
        }
        match self.glance() {
            Some(found) => Ok(found),
            None => self.wait(deadline),
        }
    }

    /// As `find`; what was counted is shown when there is none.
    #[cold]
    #[inline(never)]
    pub(super) fn find_or_show(&mut self) -> Result<Found, RecvError> {
        let found = self.find();
        if found.is_err() {
            self.publish_counters();
        }
        found
    }

    /// The next message, past a padding if there is one, or why there is none.
    #[cold]
    #[inline(never)]
    fn find(&mut self) -> Result<Found, RecvError> {
        let mut end = None;
        // Ends after four turns: padding never follows padding, and the gate is read once.
        loop {
            match (self.look(self.position), end) {
                (Look::Message(found), _) => return Ok(found),
                (Look::Corrupted(corruption), _) => {
                    let Corruption { what, at } = corruption;
                    return Err(self.poisoned(RecvError::Corrupted(what), at));
                }
                (Look::Padding(lap_start), _) => self.go_to(lap_start),
                (Look::Nothing, None) => end = Some(self.end()?),
                (Look::Nothing, Some(Some(at))) if at == self.position => {
                    return Err(RecvError::Closed);
                }
                (Look::Nothing, Some(Some(at))) => {
                    return Err(self.poisoned(RecvError::Corrupted(What::ClosedPosition), at));
                }
                (Look::Nothing, Some(None)) => return Err(self.gate_lost()),
            }
        }
    }

    /// Nothing is there. Where the producer closed, or `None` if its gate shows nothing; either way
    /// what it had sent before can be seen now.
    fn end(&mut self) -> Result<Option<Position>, RecvError> {
        if let Some((poison, _)) = self.poison {
            return Err(poison);
        }
        // Rule 11: an empty ring holds nothing back.
        self.flush();
        // ORDERING: Acquire, edge G: every record comes before the close.
        match self.area.gate(Role::Producer, Ordering::Acquire).standing() {
            Standing::Vacant | Standing::Joined(_) => Err(RecvError::Empty),
            Standing::Closed(at) => Ok(Some(at)),
            Standing::Invalid => Ok(None),
        }
    }

    /// The first looks of a wait after a message that came alone, or after a short burst. True when
    /// something came: nothing else is said, so that who waited for it is at once on the way of
    /// most messages.
    #[inline(never)]
    pub(super) fn await_burst(&mut self) -> bool {
        // Who is to sleep at once does not look. A message that is there already is for others: it
        // has another length.
        if self.budget.ns() == 0
            || self.position - self.burst_start >= STREAM_BYTES
            || self.has_come()
        {
            return false;
        }
        // Rule 11, as in `end`.
        self.flush();
        self.asks = Ahead::NOT;
        (self.burst_start, self.stream_start) = (self.position, self.position);
        for _ in 0..BURST_LOOKS {
            for _ in 0..self.cadence.empty_pauses {
                self.area.memory().pause();
            }
            for turn in 0..BURST_GAP {
                core::hint::black_box(turn);
            }
            if self.has_come() {
                return true;
            }
        }
        false
    }

    /// A quick look.
    #[inline(always)]
    fn has_come(&self) -> bool {
        self.ask_for_second_line();
        // ORDERING: Relaxed: only whether to look properly.
        self.tag.accepts(self.area.word(self.position, Ordering::Relaxed))
    }

    #[inline(never)]
    fn wait(&mut self, deadline: Deadline) -> Result<Found, RecvError> {
        let found = self.look_until(deadline);
        self.sleeper.rise(&self.area);
        found
    }

    fn look_until(&mut self, deadline: Deadline) -> Result<Found, RecvError> {
        let mut spin = Spin::until(deadline, self.budget);
        let may_wait = deadline != Deadline::PASSED;
        let mut waits = false;
        loop {
            match self.find() {
                Err(RecvError::Empty) => {}
                Ok(found) => return Ok(found),
                Err(end) => {
                    self.publish_counters();
                    return Err(end);
                }
            }
            self.asks = Ahead::NOT;
            let burst = self.position - self.burst_start;
            self.burst_start = self.position;
            if may_wait && burst >= STREAM_BYTES {
                if burst < STREAM_RECORDS * self.last_record {
                    // Large messages that come one by one are no long stream.
                    self.stream_start = self.position;
                }
                self.let_it_run();
                continue;
            }
            self.stream_start = self.position;
            let came = || self.has_come();
            let mut turn = spin.turns(self.area.memory(), self.cadence.empty_pauses, came);
            if turn == Turn::Came {
                self.budget.was_enough();
            } else {
                // Not before: a round trip has no time for it.
                self.publish_counters();
                if may_wait && !waits {
                    waits = true;
                    self.tally.begin_wait(&self.area, Role::Consumer);
                }
            }
            if turn == Turn::Park {
                turn = self.park(deadline);
            }
            match turn {
                Turn::Came => {
                    if let Some(found) = self.glance() {
                        return Ok(found);
                    }
                }
                Turn::Vain | Turn::Park => {}
                Turn::TimedOut => return Err(RecvError::Timeout),
                Turn::Ask => {
                    if let Some(end) = self.ask_outside() {
                        return self.find_before(end);
                    }
                }
            }
        }
    }

    /// Looks once more, since the peer may have committed before it went; else `end` it is.
    pub(super) fn find_before(&mut self, end: RecvError) -> Result<Found, RecvError> {
        match (self.try_find(), end) {
            (Err(RecvError::Empty), RecvError::Severed(_)) => Err(self.poisoned(end, 0)),
            (Err(RecvError::Empty), _) => Err(end),
            (settled, _) => settled,
        }
    }

    /// Sleeps until a message comes, or as long as is good at once.
    #[cold]
    fn park(&mut self, deadline: Deadline) -> Turn {
        self.budget.was_vain();
        let (area, tag, position) = (&self.area, self.tag, self.position);
        self.sleeper.park(area, 0, deadline, || {
            // ORDERING: Relaxed: only whether to look properly.
            let word = area.word(position, Ordering::Relaxed);
            !tag.accepts(word) && area.is_worth_waiting_for(Role::Producer)
        })
    }

    /// Why waiting for a message is in vain, if it is.
    pub(super) fn ask_outside(&mut self) -> Option<RecvError> {
        let before = self.area.participant(Role::Producer);
        match self.area.memory().outside() {
            Outside::PeerAlive => None,
            Outside::Severed(severed) => Some(RecvError::Severed(severed)),
            // One who joins between the probe and a single look at the gate would be called
            // dead: so it has to have stood there before the probe.
            Outside::PeerGone => {
                // A closed gate is seen, with its order, by the next look.
                let after = self.area.participant(Role::Producer);
                match after.0.standing() {
                    Standing::Joined(_) if after == before => Some(RecvError::ProducerDied),
                    _ => None,
                }
            }
        }
    }

    /// The producer's gate shows nothing: the mapping was cut off, or somebody scribbled.
    fn gate_lost(&mut self) -> RecvError {
        match self.area.memory().outside() {
            Outside::Severed(severed) => self.poisoned(RecvError::Severed(severed), 0),
            _ => self.poisoned(RecvError::Corrupted(What::Gate), PRODUCER_GATE as u64),
        }
    }

    /// Remembers `error` for good.
    fn poisoned(&mut self, error: RecvError, at: u64) -> RecvError {
        self.poison = Some((error, at));
        self.end_run();
        self.area.poison();
        self.tag = Tag::NEVER;
        self.lap_end = 0;
        error
    }
}
