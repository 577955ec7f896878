//! The sending side: finding room, writing records.

use super::super::area::Area;
use super::super::gate::{Gate, Standing};
use super::super::park::{Bell, ConsumerSleeps, Sleeper};
use super::super::spin::Cadence;
use super::super::waiting::Budget;
use super::super::word::{self, Framed, Tag};
use super::super::{Geometry, POSITION_MAX, Position, Role};
use super::Claim;
use super::ahead::Ahead;
use super::tally::Tally;
use crate::error::{Corruption, SendError, What};
use crate::layout::{CELL, PRODUCER_GATE};
use crate::sync::{Deadline, Memory, Ordering, Outside};
use core::cell::Cell;
use core::marker::PhantomData;

/// Messages up to this many bytes are sent by the short way.
pub(super) const SHORT_MAX: usize = 128;

/// The sending handle of an spsc ring.
///
/// It may move to another thread, but only one thread uses it at a time. Dropping it closes the
/// ring, except while panicking: then the consumer sees a producer that died.
pub struct Producer<M: Memory> {
    pub(super) area: Area<M>,
    /// Where the next record starts.
    pub(super) tail: Position,
    /// The first position that may not be written: `head`, as last read, plus the capacity.
    pub(super) room_end: Position,
    /// Before where a record must end to be sent by the short way: in this lap, and with room.
    pub(super) short_end: Position,
    /// The same where a send needs a fence; one of the two is 0.
    pub(super) fenced_end: Position,
    /// The tag of the lap that `tail` is in.
    pub(super) tag: Tag,
    pub(super) cadence: Cadence,
    pub(super) ahead: Ahead,
    pub(super) tally: Tally,
    /// How long to look at a full ring, where to sleep then, and how a sleeping consumer is woken.
    pub(super) budget: Budget,
    pub(super) sleeper: Sleeper,
    pub(super) bell: Bell<ConsumerSleeps>,
    pub(super) poison: Option<(SendError, u64)>,
    pub(super) not_sync: PhantomData<Cell<()>>,
}

impl<M: Memory> Producer<M> {
    /// Takes over the producer's role: finds the tail by walking the records from `head`, and
    /// opens the gate. Does not block. Costs a look at each unreleased record.
    ///
    /// # Safety
    ///
    /// `memory` has at least `geometry.segment_bytes()` bytes and holds an spsc ring of that
    /// geometry, and nobody else is its producer until this handle is dropped.
    pub unsafe fn attach(memory: M, geometry: Geometry) -> Result<Producer<M>, Corruption> {
        // SAFETY: the size is the caller's promise.
        let area = unsafe { Area::new(memory, geometry) };
        // ORDERING: Acquire, edge H: what `head` frees has been read.
        let head = area.head(Ordering::Acquire);
        let tail = find_tail(&area, head)?;
        // ORDERING: Relaxed: only a producer writes this gate, and the role came to us by a lock.
        match area.gate(Role::Producer, Ordering::Relaxed).standing() {
            Standing::Closed(at) if at != tail => {
                return Err(Corruption { what: What::ClosedPosition, at });
            }
            Standing::Invalid => {
                return Err(Corruption { what: What::Gate, at: PRODUCER_GATE as u64 });
            }
            _ => {}
        }
        // ORDERING: Release, edge J: one who sees us here has us counted.
        area.set_gate(Role::Producer, Gate::joined(tail), Ordering::Release);
        let waiting = geometry.waiting();
        Ok(Producer {
            budget: Budget::of(waiting, || area.memory().is_alone()),
            sleeper: Sleeper::of(&area, Role::Producer, waiting),
            bell: Bell::of(&area, waiting),
            room_end: head + area.capacity(),
            short_end: 0,
            fenced_end: 0,
            tag: area.tag(tail),
            cadence: Cadence::of(area.memory()),
            ahead: Ahead::of(area.capacity()),
            tally: Tally::after(&area, Role::Producer),
            area,
            tail,
            poison: None,
            not_sync: PhantomData,
        })
    }

    /// Sends a copy of `message` if there is room now. Does not block, and makes no system call but
    /// to wake a consumer that sleeps.
    #[inline(always)]
    pub fn try_send(&mut self, message: &[u8]) -> Result<Position, SendError> {
        match self.send_short(message) {
            Some(start) => Ok(start),
            None => aside(message, |message| self.try_send_any(message)),
        }
    }

    /// Sends a copy of `message`, waiting for room until `deadline`, as the ring's
    /// [`Wait`](crate::Wait) says.
    ///
    /// A send that had to wait goes on when a quarter of the ring is free, so that the two sides
    /// do not take each other's lines away for every record.
    #[inline(always)]
    pub fn send(&mut self, message: &[u8], deadline: Deadline) -> Result<Position, SendError> {
        match self.send_short(message) {
            Some(start) => Ok(start),
            None => aside(message, |message| self.send_any(message, deadline)),
        }
    }

    /// Sends copies of all `messages` in order, waiting for room until `deadline`.
    ///
    /// On failure `sent` of them are in the ring and the rest are not.
    pub fn send_all<T: AsRef<[u8]>>(
        &mut self,
        messages: impl IntoIterator<Item = T>,
        deadline: Deadline,
    ) -> Result<usize, (usize, SendError)> {
        let mut sent = 0;
        for message in messages {
            self.send(message.as_ref(), deadline).map_err(|error| (sent, error))?;
            sent += 1;
        }
        Ok(sent)
    }

    /// Claims room for a message of up to `len` bytes if there is room now, to be written in
    /// place and then committed. Does not block. Dropped, it leaves nothing behind.
    #[inline]
    pub fn try_claim(&mut self, len: usize) -> Result<Claim<'_, M>, SendError> {
        if self.has_short_room(len) {
            let start = self.tail;
            return Ok(Claim::new(self, start, len));
        }
        let start = self.find_room(len)?;
        Ok(self.claim_at(start, len))
    }

    /// Claims room for a message of up to `len` bytes, waiting for it until `deadline`.
    #[inline]
    pub fn claim(&mut self, len: usize, deadline: Deadline) -> Result<Claim<'_, M>, SendError> {
        if self.has_short_room(len) {
            let start = self.tail;
            return Ok(Claim::new(self, start, len));
        }
        let start = self.wait_for_room(len, deadline)?;
        Ok(self.claim_at(start, len))
    }

    /// Closes the ring at its present end: the consumer gets every message and then `Closed`.
    pub fn close(self) {}

    /// Where the next record will start.
    pub fn position(&self) -> Position {
        self.tail
    }

    /// The longest message that this ring takes, in bytes.
    pub fn longest_message(&self) -> usize {
        self.area.longest_message()
    }

    /// Asks whether somebody holds the consumer's role: one or two system calls.
    pub fn peer(&self) -> Outside {
        self.area.memory().outside()
    }

    /// Where the ring was found corrupted, if it was.
    pub fn corruption(&self) -> Option<Corruption> {
        match self.poison {
            Some((SendError::Corrupted(what), at)) => Some(Corruption { what, at }),
            _ => None,
        }
    }

    /// The way of most messages: short, and with room by what is known here. Always a part of
    /// the caller, since what a call keeps on the stack waits in the store queue behind the
    /// ring's lines (56 B / 1 MiB, Zen 5: 215 M/s, and 76 M/s as a call).
    #[inline(always)]
    fn send_short(&mut self, message: &[u8]) -> Option<Position> {
        let start = self.tail;
        let end = start + word::record_bytes(message.len() as u64);
        // ORDERING: Relaxed: whether to go on at all; the reasons are looked at elsewhere.
        let open = self.area.gate(Role::Consumer, Ordering::Relaxed).is_open();
        if message.len() > SHORT_MAX || !open {
            return None;
        }
        if end < self.short_end {
            self.write_within(start, message);
            self.bell.published_unfenced(&self.area, end);
            return Some(start);
        }
        if end < self.fenced_end {
            self.write_within(start, message);
            self.bell.published_behind_a_fence(&self.area, end);
            return Some(start);
        }
        None
    }

    /// Whether a message of `len` bytes can be claimed the short way.
    #[inline(always)]
    fn has_short_room(&self, len: usize) -> bool {
        if len > SHORT_MAX {
            return false;
        }
        let end = self.tail + word::record_bytes(len as u64);
        // ORDERING: Relaxed, as in `send_short`.
        let open = self.area.gate(Role::Consumer, Ordering::Relaxed).is_open();
        open && self.is_short_way(end)
    }

    /// Whether a record may end at `end`, which is not before our tail, by the short way.
    #[inline(always)]
    pub(super) fn is_short_way(&self, end: Position) -> bool {
        end < self.short_end.max(self.fenced_end)
    }

    #[inline(never)]
    fn try_send_any(&mut self, message: &[u8]) -> Result<Position, SendError> {
        let start = self.find_room(message.len())?;
        Ok(self.write_any(start, message))
    }

    #[inline(never)]
    fn send_any(&mut self, message: &[u8], deadline: Deadline) -> Result<Position, SendError> {
        let start = self.wait_for_room(message.len(), deadline)?;
        Ok(self.write_any(start, message))
    }

    fn write_any(&mut self, start: Position, message: &[u8]) -> Position {
        self.skip_to(start);
        self.ask_for_next_word(start, message.len());
        self.write_payload(self.area.place(start).plus(word::BYTES), message);
        self.commit(start, message.len() as u64)
    }
}

/// Gives `send` a copy of `message` if that is short. A message whose address is never given away
/// need not be in memory at all, where it is made and sent in one place: so the short way stores
/// it once, into the ring.
#[inline(always)]
fn aside<T>(message: &[u8], send: impl FnOnce(&[u8]) -> T) -> T {
    let mut copy = [0; SHORT_MAX];
    match copy.get_mut(..message.len()) {
        Some(copy) => {
            copy.copy_from_slice(message);
            send(copy)
        }
        None => send(message),
    }
}

impl<M: Memory> Drop for Producer<M> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.publish_counters();
            // ORDERING: Release, edge G: every record comes before the close.
            self.area.close_gate(Role::Producer, self.tail, Ordering::Release);
            self.sleeper.settle(&self.area);
            self.sleeper.rise(&self.area);
            self.bell.ring_anyway(&self.area);
        }
    }
}

/// Rule 7: where the records that stand from `head` on end.
fn find_tail<M: Memory>(area: &Area<M>, head: Position) -> Result<Position, Corruption> {
    if !head.is_multiple_of(CELL) || head > POSITION_MAX {
        return Err(Corruption { what: What::Head, at: head });
    }
    let longest = area.longest_message() as u64;
    let mut tail = head;
    // Ends: each turn moves on by a cell at least, and stops a ring's length past `head`.
    while tail < head + area.capacity() {
        // ORDERING: Relaxed: all producers' stores came to us by the role's lock.
        let word = area.word(tail, Ordering::Relaxed);
        if !area.tag(tail).accepts(word) {
            break;
        }
        let corrupted = Corruption { what: What::Word, at: tail };
        tail += match word::framed(word) {
            Framed::Message(len) if len <= longest => word::record_bytes(len),
            Framed::Padding(bytes) if bytes == area.to_end(tail) => bytes,
            _ => return Err(corrupted),
        };
        if tail > head + area.capacity() {
            return Err(corrupted);
        }
    }
    Ok(tail)
}
