//! The receiving side: finding records, and releasing what was read.

use super::super::area::{Area, Gate};
use super::super::spin::Cadence;
use super::super::word::{self, Tag};
use super::super::{Geometry, Position, Role};
use super::find::Found;
use super::{Batch, POSITION_MAX, Record, View, ahead};
use crate::error::{Corruption, RecvError, What};
use crate::layout::CELL;
use crate::sync::{Deadline, Memory, Ordering, Outside};
use core::cell::Cell;
use core::marker::PhantomData;

/// Records after which `head` is released.
const RELEASE_RECORDS: u32 = 8;

/// Messages up to this many bytes are received by the short way, if they fill the buffer.
const SHORT_MAX: usize = 128;

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
    released: Position,
    /// Where a message must end to be received by the short way: in this lap, and before a
    /// release is due by bytes.
    pub(super) short_end: Position,
    /// Where the ring was last found empty.
    pub(super) run_start: Position,
    pub(super) cadence: Cadence,
    /// Records until a release is due.
    until_release: u32,
    release_records: u32,
    /// Whether the producer was well ahead when last looked at.
    pub(super) trailing: bool,
    /// What the record last received took, unless by the short way.
    pub(super) last_record: u64,
    /// How far ahead lines are asked for.
    pub(super) ahead: u64,
    pub(super) poison: Option<(RecvError, u64)>,
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
    /// What a predecessor read but had not released is received again: at most 8 messages, or
    /// an eighth of the ring and one message.
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
        let mut consumer = Consumer {
            cadence: Cadence::of(area.memory()),
            ahead: ahead::distance(area.capacity()),
            area,
            position: head,
            tag: Tag::NEVER,
            lap_end: 0,
            released: head,
            run_start: head,
            short_end: 0,
            until_release: RELEASE_RECORDS,
            release_records: RELEASE_RECORDS,
            trailing: false,
            last_record: 0,
            poison: None,
            not_sync: PhantomData,
        };
        consumer.go_to(head);
        Ok(consumer)
    }

    /// Releases every message from now on before the next is handed out, so that a successor sees
    /// at most one again.
    pub fn release_each(&mut self) {
        self.flush();
        self.release_records = 1;
        self.until_release = 1;
    }

    /// Copies the next message to the front of `into` if there is one now. Does not block, makes
    /// no system call; so it does not notice that the producer died, see [`Consumer::peer`].
    ///
    /// The message is not released before the next call that asks for one: a process that is
    /// killed before this call returned has lost nothing, and its successor receives it.
    #[inline(always)]
    pub fn try_recv(&mut self, into: &mut [u8]) -> Result<Received, RecvError> {
        match self.recv_short(into, false) {
            Some(received) => Ok(received),
            None => self.try_recv_any(into),
        }
    }

    /// Copies the next message to the front of `into`, waiting for it until `deadline`. Spins
    /// while it waits. Releases like [`Consumer::try_recv`].
    ///
    /// Fastest where `into` has the message's length and the compiler knows it.
    #[inline(always)]
    pub fn recv(&mut self, into: &mut [u8], deadline: Deadline) -> Result<Received, RecvError> {
        match self.recv_short(into, deadline != Deadline::PASSED) {
            Some(received) => Ok(received),
            None => self.recv_any(into, deadline),
        }
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
            self.until_release = self.release_records;
            self.set_short_end();
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

    /// The way of messages that fill `into`: the word is compared as a whole, so that where the
    /// next one starts does not have to wait for this one's length to be loaded.
    #[inline(always)]
    fn recv_short(&mut self, into: &mut [u8], may_wait: bool) -> Option<Received> {
        let position = self.position;
        let end = position + word::record_bytes(into.len() as u64);
        if into.len() > SHORT_MAX || end >= self.short_end {
            return None;
        }
        // ORDERING: Acquire, edge W: the payload is there when the word is.
        if self.area.word(position, Ordering::Acquire) != self.tag.message(into.len() as u64) {
            return None;
        }
        if self.until_release == 0 {
            self.flush();
            let has_caught_up = self.look_ahead(end - position);
            if may_wait && has_caught_up {
                self.keep_distance();
            }
        }
        self.ask_ahead(position, end);
        self.area.read(self.area.place(position).plus(word::BYTES), into);
        self.position = end;
        self.until_release -= 1;
        Some(Received { len: into.len(), position })
    }

    #[inline(never)]
    fn try_recv_any(&mut self, into: &mut [u8]) -> Result<Received, RecvError> {
        let found = self.try_find()?;
        self.take(found, into)
    }

    #[inline(never)]
    fn recv_any(&mut self, into: &mut [u8], deadline: Deadline) -> Result<Received, RecvError> {
        let found = self.find_until(deadline)?;
        self.take(found, into)
    }

    #[inline(always)]
    fn take(&mut self, found: Found, into: &mut [u8]) -> Result<Received, RecvError> {
        let copied = self.record(found).copy_to(into);
        let len = copied.ok_or(RecvError::TooSmall { needed: found.len as u32 })?;
        // What earlier calls handed out, and not yet this message: who is killed before this call
        // returns has not received it.
        if self.is_release_due() {
            self.flush();
            let _ = self.look_ahead(found.end - found.position);
        }
        self.pass(found.end, 1);
        Ok(Received { len, position: found.position })
    }

    /// Moves past `records` records that were looked at in place, and releases them when enough
    /// has gathered.
    #[inline(always)]
    pub(super) fn advance(&mut self, end: Position, records: u32) {
        let bytes = end - self.position;
        self.pass(end, records);
        if self.is_release_due() {
            self.flush();
            let _ = self.look_ahead(bytes);
        }
    }

    #[inline(always)]
    fn pass(&mut self, end: Position, records: u32) {
        let start = self.position;
        self.last_record = end - start;
        self.position = end;
        // Beyond it, where several were released together.
        if end >= self.lap_end {
            self.go_to(end);
        }
        self.ask_ahead(start, end);
        self.until_release = self.until_release.saturating_sub(records);
    }

    #[inline(always)]
    fn is_release_due(&self) -> bool {
        self.until_release == 0 || self.position - self.released >= self.area.capacity() / 8
    }

    /// The short way goes on up to the lap's end, or to where a release is due.
    pub(super) fn set_short_end(&mut self) {
        let release_at = self.released + self.area.capacity() / 8;
        let longest_end = self.area.longest_end(self.position);
        self.short_end = self.lap_end.min(release_at).min(longest_end);
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
