//! The receiving side: finding records, and releasing what was read.

use super::super::area::Area;
use super::super::gate::Gate;
use super::super::park::{Bell, ProducerSleeps, Sleeper};
use super::super::spin::Cadence;
use super::super::waiting::Budget;
use super::super::word::Tag;
use super::super::{Geometry, POSITION_MAX, Position, Role};
use super::ahead::Ahead;
use super::find::Found;
use super::recv::NO_RUN;
use super::tally::{Moved, Tally};
use super::{Batch, Record, View};
use crate::error::{Corruption, RecvError, What};
use crate::layout::CELL;
use crate::sync::{Deadline, Memory, Ordering, Outside};
use core::cell::Cell;
use core::marker::PhantomData;

/// Records after which `head` is released.
const RELEASE_RECORDS: u32 = 8;

/// The receiving handle of an spsc ring.
///
/// It may move to another thread, but only one thread uses it at a time. Dropping it closes the
/// ring at this side, except while panicking: then the producer sees a consumer that died.
pub struct Consumer<M: Memory> {
    pub(super) area: Area<M>,
    /// The next record to be read.
    pub(super) position: Position,
    /// The tag and the end of the lap that `position` is in.
    pub(super) tag: Tag,
    pub(super) lap_end: Position,
    /// `head`, as last stored.
    pub(super) released: Position,
    /// The run that is received by the short way: messages of `run_len` bytes, whose words are
    /// `run_word`, that end before `run_end`, which is in this lap and before a release is due; 0
    /// while there is no run.
    pub(super) run_word: u64,
    pub(super) run_len: usize,
    pub(super) run_end: Position,
    /// Bytes of a run, and one: 8 records, or an eighth of the ring if that is less.
    pub(super) run_bytes: u64,
    /// Where the ring was last found empty.
    pub(super) burst_start: Position,
    /// Where the ring was last found empty, and still so a while later.
    pub(super) stream_start: Position,
    pub(super) cadence: Cadence,
    /// Records until a release is due.
    pub(super) until_release: u32,
    pub(super) release_records: u32,
    /// What one of the last records took.
    pub(super) last_record: u64,
    /// How far ahead lines are asked for while the producer is, and how far now.
    pub(super) ahead: Ahead,
    pub(super) asks: Ahead,
    pub(super) tally: Tally,
    /// How long to look at an empty ring, where to sleep then, and how a producer is woken.
    pub(super) budget: Budget,
    pub(super) sleeper: Sleeper,
    pub(super) bell: Bell<ProducerSleeps>,
    /// From where on the run's messages are not counted yet.
    pub(super) counted: Position,
    pub(super) poison: Option<(RecvError, u64)>,
    not_sync: PhantomData<Cell<()>>,
}

impl<M: Memory> Consumer<M> {
    /// Takes over the consumer's role at `head`, and opens the gate. Does not block.
    ///
    /// What a predecessor read but had not released is received again: at most 8 messages, or
    /// an eighth of the ring and one message; and all that it had gathered in a [`Batch`].
    ///
    /// # Safety
    ///
    /// `memory` has at least `geometry.segment_bytes()` bytes and holds an spsc ring of that
    /// geometry, and nobody else is its consumer until this handle is dropped.
    pub unsafe fn attach(memory: M, geometry: Geometry) -> Result<Consumer<M>, Corruption> {
        // SAFETY: the size is the caller's promise.
        let area = unsafe { Area::new(memory, geometry) };
        // ORDERING: Relaxed: only consumers store it, and the role came to us by a lock.
        let head = area.head(Ordering::Relaxed);
        if head % CELL != 0 || head > POSITION_MAX {
            return Err(Corruption { what: What::Head, at: head });
        }
        // ORDERING: Release, edge J: one who sees us here has us counted.
        area.set_gate(Role::Consumer, Gate::joined(head), Ordering::Release);
        let waiting = geometry.waiting();
        let mut consumer = Consumer {
            budget: Budget::of(waiting, || area.memory().is_alone()),
            sleeper: Sleeper::of(&area, Role::Consumer, waiting),
            bell: Bell::of(&area, waiting),
            cadence: Cadence::of(area.memory()),
            ahead: Ahead::of(area.capacity()),
            tally: Tally::after(&area, Role::Consumer),
            counted: head,
            area,
            position: head,
            tag: Tag::NEVER,
            lap_end: 0,
            released: head,
            burst_start: head,
            stream_start: head,
            run_word: 0,
            run_len: NO_RUN,
            run_end: 0,
            run_bytes: 0,
            until_release: RELEASE_RECORDS,
            release_records: RELEASE_RECORDS,
            asks: Ahead::NOT,
            last_record: 0,
            poison: None,
            not_sync: PhantomData,
        };
        consumer.go_to(head);
        Ok(consumer)
    }

    /// Releases every message from now on before the next is handed out, so that a successor sees
    /// at most one again, and what was gathered in a [`Batch`].
    pub fn release_each(&mut self) {
        self.flush();
        self.release_records = 1;
        self.until_release = 1;
        self.end_run();
    }

    /// Shows the next message in place if there is one now. Does not block.
    #[inline(always)]
    pub fn try_peek(&mut self) -> Result<View<'_, M>, RecvError> {
        let found = self.try_find()?;
        Ok(View::new(self, found))
    }

    /// Shows the next message in place, waiting for it until `deadline`.
    #[inline(always)]
    pub fn peek(&mut self, deadline: Deadline) -> Result<View<'_, M>, RecvError> {
        let found = self.find_until(deadline)?;
        Ok(View::new(self, found))
    }

    /// Hands up to `limit` messages that are there now to `each`, in place and in order. Returns
    /// how many; none there is the error `Empty`. Does not block.
    ///
    /// If `each` panics, the message it was given and those after it stay in the ring.
    #[inline]
    pub fn drain(
        &mut self,
        limit: usize,
        mut each: impl FnMut(Record<'_, M>),
    ) -> Result<usize, RecvError> {
        // Most messages are as long as the one before.
        let mut len = self.run_len;
        for count in 0..limit {
            if let Some(short) = self.find_short(len, false) {
                each(Record::new(&self.area, short.position, len));
                self.pass_short_to(short.position, short.end);
                continue;
            }
            match self.try_find() {
                Ok(found) => {
                    each(self.record(found));
                    self.advance(found.end, Moved::one(found.len));
                    len = found.len;
                }
                Err(error) if count == 0 => return Err(error),
                Err(_) => return Ok(count),
            }
        }
        Ok(limit)
    }

    /// Begins to gather messages that are there, to be released together, waiting for the first
    /// until `deadline`.
    pub fn batch(&mut self, deadline: Deadline) -> Result<Batch<'_, M>, RecvError> {
        self.find_until(deadline)?;
        Ok(Batch::new(self))
    }

    /// Releases everything that was read so far.
    #[inline]
    pub fn flush(&mut self) {
        if self.position != self.released {
            // ORDERING: Release, edge H: our reads come before the producer's next writes.
            self.area.set_head(self.position, Ordering::Release);
            self.released = self.position;
            // What is left of a run is not counted one by one: who comes next releases it.
            self.until_release = if self.run_end == 0 { self.release_records } else { 0 };
            self.bell.published(&self.area, self.released);
        }
    }

    /// Releases what was read and closes this side: the producer's next send gets `PeerClosed`.
    pub fn close(self) {}

    /// Where the next record will be read.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Asks whether somebody holds the producer's role: one or two system calls.
    pub fn peer(&self) -> Outside {
        self.area.memory().outside()
    }

    /// Where the ring was found corrupted, if it was.
    pub fn corruption(&self) -> Option<Corruption> {
        match self.poison {
            Some((RecvError::Corrupted(what), at)) => Some(Corruption { what, at }),
            _ => None,
        }
    }

    #[inline(always)]
    pub(super) fn record(&self, found: Found) -> Record<'_, M> {
        Record::new(&self.area, found.position, found.len)
    }

    /// Moves past records that were looked at in place, counts them, and releases them when enough
    /// has gathered.
    #[inline(always)]
    pub(super) fn advance(&mut self, end: Position, moved: Moved) {
        self.pass(end, moved);
        self.release_if_due();
    }

    #[inline(always)]
    pub(super) fn pass(&mut self, end: Position, moved: Moved) {
        let start = self.position;
        if self.run_end != 0 {
            self.end_run();
        }
        self.last_record = end - start;
        self.position = end;
        // Beyond it, where several were released together.
        if end >= self.lap_end {
            self.go_to(end);
        }
        for place in self.asks.places(self.area.wrap(), start, end) {
            self.area.prefetch_read(place);
        }
        self.until_release = self.until_release.saturating_sub(moved.messages() as u32);
        self.tally.add(moved);
    }

    /// Releases what earlier calls handed out, if that is due (rule 11). A call that copies a
    /// message out does this first and not last: who is killed before it returns has not received.
    #[inline(always)]
    pub(super) fn release_if_due(&mut self) {
        if self.is_release_due() {
            self.flush();
            self.look_ahead(self.last_record.max(CELL));
        }
    }

    #[inline(always)]
    pub(super) fn is_release_due(&self) -> bool {
        self.until_release == 0 || self.position - self.released >= self.area.capacity() / 8
    }
}

impl<M: Memory> Drop for Consumer<M> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.flush();
            self.publish_counters();
            // ORDERING: Relaxed: a closed gate is an answer by itself; nothing is read on its word.
            self.area.close_gate(Role::Consumer, self.position, Ordering::Relaxed);
            self.sleeper.settle(&self.area);
            self.sleeper.rise(&self.area);
            self.bell.ring_anyway(&self.area);
        }
    }
}
