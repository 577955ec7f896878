//! The receiving side: finding records, and releasing what was read.

use super::super::area::{Area, Gate, Standing};
use super::super::spin::{Cadence, Spin, Turn};
use super::super::word::{self, Framed};
use super::super::{Geometry, Position, Role};
use super::{Batch, POSITION_MAX, Record, View};
use crate::error::{Corruption, RecvError, What};
use crate::layout::{CELL, PRODUCER_GATE};
use crate::sync::{Deadline, Memory, Ordering, Outside};
use core::cell::Cell;
use core::marker::PhantomData;

/// Bytes that a run of messages has at least to be called a stream.
const STREAM_BYTES: u64 = 4096;

/// Records after which `head` is released.
const RELEASE_RECORDS: u32 = 8;

/// The receiving handle of an spsc ring.
///
/// It may move to another thread, but only one thread uses it at a time. Dropping it closes the
/// ring at this side, except while panicking: then the producer sees a consumer that died.
pub struct Consumer<M: Memory> {
    pub(super) area: Area<M>,
    /// The next record to be read.
    position: Position,
    /// `head`, as last stored.
    released: Position,
    /// Where the ring was last found empty.
    run_start: Position,
    cadence: Cadence,
    unreleased_records: u32,
    release_records: u32,
    poison: Option<(RecvError, u64)>,
    not_sync: PhantomData<Cell<()>>,
}

/// A message that was copied out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its length in bytes.
    pub len: usize,
    /// Where it stood: rises with every message, and names it for good.
    pub position: Position,
}

impl<M: Memory> Consumer<M> {
    /// Takes over the consumer's role at `head`, and opens the gate. Does not block.
    ///
    /// What a predecessor read but had not released is received again: at most 8 messages or
    /// an eighth of the ring.
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
        // ORDERING: Relaxed: says only that somebody is here; it publishes nothing.
        area.set_gate(Role::Consumer, Gate::joined(head), Ordering::Relaxed);
        Ok(Consumer {
            cadence: Cadence::of(area.memory()),
            area,
            position: head,
            released: head,
            run_start: head,
            unreleased_records: 0,
            release_records: RELEASE_RECORDS,
            poison: None,
            not_sync: PhantomData,
        })
    }

    /// Releases after every message from now on, so that a successor sees at most one again.
    pub fn release_each(&mut self) {
        self.release_records = 1;
    }

    /// Copies the next message to the front of `into` if there is one now. Does not block, makes
    /// no system call; so it does not notice that the producer died, see [`Consumer::peer`].
    #[inline(always)]
    pub fn try_recv(&mut self, into: &mut [u8]) -> Result<Received, RecvError> {
        let found = self.try_find()?;
        self.take(found, into)
    }

    /// Copies the next message to the front of `into`, waiting for it until `deadline`. Spins
    /// while it waits.
    #[inline(always)]
    pub fn recv(&mut self, into: &mut [u8], deadline: Deadline) -> Result<Received, RecvError> {
        let found = self.find_until(deadline)?;
        self.take(found, into)
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
        let mut count = 0;
        while count < limit {
            match self.try_find() {
                Ok(found) => {
                    each(self.record(found));
                    self.advance(found.end, 1);
                    count += 1;
                }
                Err(error) if count == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(count)
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
            self.unreleased_records = 0;
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

    #[inline(always)]
    fn take(&mut self, found: Found, into: &mut [u8]) -> Result<Received, RecvError> {
        let copied = self.record(found).copy_to(into);
        let len = copied.ok_or(RecvError::TooSmall { needed: found.len as u32 })?;
        self.advance(found.end, 1);
        Ok(Received { len, position: found.position })
    }

    /// Moves past `records` records; releases when enough has gathered.
    #[inline(always)]
    pub(super) fn advance(&mut self, end: Position, records: u32) {
        self.position = end;
        self.unreleased_records += records;
        if self.unreleased_records >= self.release_records
            || self.position - self.released >= self.area.capacity() / 8
        {
            self.flush();
        }
    }

    /// What stands at `position`.
    #[inline(always)]
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
    fn glance(&self) -> Option<Found> {
        let position = self.position;
        // ORDERING: Acquire, edge W: the payload is there when the word is.
        let word = self.area.word(position, Ordering::Acquire);
        let len = self.area.tag(position).accepts_message(word)?;
        let record = word::record_bytes(len);
        let fits =
            len <= self.area.longest_message() as u64 && record <= self.area.to_end(position);
        let end = position + record;
        fits.then_some(Found { position, end, len: len as usize })
    }

    #[inline(always)]
    fn try_find(&mut self) -> Result<Found, RecvError> {
        match self.glance() {
            Some(found) => Ok(found),
            None => self.find(),
        }
    }

    #[inline(always)]
    fn find_until(&mut self, deadline: Deadline) -> Result<Found, RecvError> {
        match self.glance() {
            Some(found) => Ok(found),
            None => self.wait(deadline),
        }
    }

    /// The next message, past a padding if there is one, or why there is none.
    #[cold]
    #[inline(never)]
    fn find(&mut self) -> Result<Found, RecvError> {
        let mut closed_at = None;
        // Ends after four turns: padding never follows padding, and the gate is read once.
        loop {
            match (self.look(self.position), closed_at) {
                (Look::Message(found), _) => return Ok(found),
                (Look::Corrupted(corruption), _) => {
                    let Corruption { what, at } = corruption;
                    return Err(self.poisoned(RecvError::Corrupted(what), at));
                }
                (Look::Padding(lap_start), _) => self.position = lap_start,
                (Look::Nothing, None) => closed_at = Some(self.closed_at()?),
                (Look::Nothing, Some(at)) if at == self.position => return Err(RecvError::Closed),
                (Look::Nothing, Some(at)) => {
                    return Err(self.poisoned(RecvError::Corrupted(What::ClosedPosition), at));
                }
            }
        }
    }

    /// Nothing is there. Where the producer closed; its records up to there can be seen now.
    fn closed_at(&mut self) -> Result<Position, RecvError> {
        if let Some((poison, _)) = self.poison {
            return Err(poison);
        }
        // Rule 11: an empty ring holds nothing back.
        self.flush();
        // ORDERING: Acquire, edge G: every record comes before the close.
        match self.area.gate(Role::Producer, Ordering::Acquire).standing() {
            Standing::Vacant | Standing::Joined(_) => Err(RecvError::Empty),
            Standing::Closed(at) => Ok(at),
            Standing::Invalid => Err(self.gate_lost()),
        }
    }

    #[inline(never)]
    fn wait(&mut self, deadline: Deadline) -> Result<Found, RecvError> {
        let mut spin = Spin::until(deadline);
        if self.position - self.run_start >= STREAM_BYTES {
            self.let_it_run();
        }
        loop {
            match self.find() {
                Err(RecvError::Empty) => self.run_start = self.position,
                settled => return settled,
            }
            // ORDERING: Relaxed: only whether to look properly.
            let tag = self.area.tag(self.position);
            let came = || tag.accepts(self.area.word(self.position, Ordering::Relaxed));
            match spin.turns(self.area.memory(), self.cadence.empty_pauses, came) {
                Turn::Came | Turn::Vain => {}
                Turn::TimedOut => return Err(RecvError::Timeout),
                Turn::Ask => {
                    if let Some(end) = self.ask_outside() {
                        // Once more: the peer may have committed before it went.
                        return match self.try_find() {
                            Err(RecvError::Empty) => Err(end),
                            settled => settled,
                        };
                    }
                }
            }
        }
    }

    /// The end of a run: lets the producer get ahead before the next look, since a consumer at
    /// its heels takes each line away that it is about to write (64 B / 1 MiB on a Zen 5: 470 M
    /// lines/s with such a wait, 190 without). A ring that is not streaming never comes here.
    fn let_it_run(&mut self) {
        self.flush();
        for _ in 0..self.cadence.stream_pauses {
            self.area.memory().pause();
        }
    }

    /// Why waiting for a message is in vain, if it is.
    fn ask_outside(&mut self) -> Option<RecvError> {
        // ORDERING: Relaxed: only compared with the second look below.
        let before = self.area.gate(Role::Producer, Ordering::Relaxed);
        match self.area.memory().outside() {
            Outside::PeerAlive => None,
            Outside::Severed(severed) => Some(self.poisoned(RecvError::Severed(severed), 0)),
            // One who joins between the probe and a single look at the gate would be called
            // dead: so it has to have stood there before the probe.
            Outside::PeerGone => {
                // ORDERING: Relaxed, and read after the probe: a closed gate is seen, with its
                // order, by the next look.
                let after = self.area.gate(Role::Producer, Ordering::Relaxed);
                match after.standing() {
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
        self.area.poison();
        error
    }
}

impl<M: Memory> Drop for Consumer<M> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.flush();
            // ORDERING: Relaxed: a closed gate is an answer by itself; nothing is read on its word.
            self.area.set_gate(Role::Consumer, Gate::closed(self.position), Ordering::Relaxed);
        }
    }
}

/// A record that was found and checked: its word is not read again.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) position: Position,
    pub(super) end: Position,
    pub(super) len: usize,
}

/// What one look at a word showed.
#[derive(Clone, Copy)]
pub(super) enum Look {
    Nothing,
    Message(Found),
    /// Padding; the next lap starts here.
    Padding(Position),
    Corrupted(Corruption),
}
