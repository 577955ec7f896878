//! Receiving by copy: the short way of most messages, and the long one of all others.

use super::Consumer;
use super::find::Found;
use super::tally::Moved;
use crate::error::RecvError;
use crate::ring::area::Place;
use crate::ring::{Message, Position, word};
use crate::sync::{Deadline, Memory, Ordering};

/// Messages up to this many bytes are received by the short way, if they fill the buffer.
const SHORT_MAX: usize = 128;

/// The length of a run's messages while there is no run.
pub(super) const NO_RUN: usize = SHORT_MAX + 1;

/// A record of the run in hand that was found, and where it ends.
#[derive(Clone, Copy)]
pub(super) struct Short {
    pub(super) position: Position,
    pub(super) end: Position,
    place: Place,
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
    /// Copies the next message to the front of `into` if there is one now. Does not block, and
    /// makes no system call but to wake a producer that sleeps; so it does not notice that the
    /// producer died, see [`Consumer::peer`].
    ///
    /// The message is not released before the next call that asks for one: a process that is
    /// killed before this call returned has lost nothing, and its successor receives it.
    #[inline(always)]
    pub fn try_recv(&mut self, into: &mut [u8]) -> Result<Received, RecvError> {
        match self.pass_short(into.len(), false) {
            Some(passed) => Ok(self.copy_short(passed, into)),
            None => self.try_recv_any(into),
        }
    }

    /// Copies the next message to the front of `into`, waiting for it until `deadline`, as the
    /// ring's [`Wait`](crate::Wait) says. Releases like [`Consumer::try_recv`].
    ///
    /// Fastest where `into` has the message's length and the compiler knows it; faster still is
    /// [`Consumer::recv_array`].
    #[inline(always)]
    pub fn recv(&mut self, into: &mut [u8], deadline: Deadline) -> Result<Received, RecvError> {
        match self.wait_and_pass_short(into.len(), deadline) {
            Some(passed) => Ok(self.copy_short(passed, into)),
            None => self.recv_any(into, deadline),
        }
    }

    /// Takes the next message, of `N` bytes, if there is one now. Does not block. A message of
    /// another length stays in the ring. Releases like [`Consumer::try_recv`].
    #[inline(always)]
    pub fn try_recv_array<const N: usize>(&mut self) -> Result<Message<N>, RecvError> {
        let place = self.try_pass_of(N)?;
        Ok(self.message(place))
    }

    /// Takes the next message, of `N` bytes, waiting for it until `deadline`, as the ring's
    /// [`Wait`](crate::Wait) says. A message of another length stays in the ring. Releases like
    /// [`Consumer::try_recv`].
    ///
    /// The fastest way for messages of one length, since a message that is looked at where it is
    /// received need not pass through memory: no address of it is given to any call.
    #[inline(always)]
    pub fn recv_array<const N: usize>(
        &mut self,
        deadline: Deadline,
    ) -> Result<Message<N>, RecvError> {
        let place = self.pass_of(N, deadline)?;
        Ok(self.message(place))
    }

    /// Passes a message of `len` bytes that is there now, and says where it stands.
    #[inline(always)]
    pub(super) fn try_pass_of(&mut self, len: usize) -> Result<Place, RecvError> {
        match self.pass_short(len, false) {
            Some(passed) => Ok(passed.place),
            None => self.try_pass_one(len),
        }
    }

    /// Waits for a message of `len` bytes, passes it, and says where it stands.
    #[inline(always)]
    pub(super) fn pass_of(&mut self, len: usize, deadline: Deadline) -> Result<Place, RecvError> {
        match self.wait_and_pass_short(len, deadline) {
            Some(passed) => Ok(passed.place),
            None => self.pass_one(len, deadline),
        }
    }

    /// Passes a short message of `len` bytes, if it is there or comes soon. What else there is to
    /// waiting is left to others.
    #[inline(always)]
    fn wait_and_pass_short(&mut self, len: usize, deadline: Deadline) -> Option<Short> {
        let may_wait = deadline != Deadline::PASSED;
        let mut has_waited = !may_wait || len > SHORT_MAX;
        loop {
            let passed = self.pass_short(len, may_wait);
            if passed.is_some() || has_waited || !self.await_burst() {
                return passed;
            }
            // Once: what came and is not this message is for others.
            has_waited = true;
        }
    }

    /// Passes a short message of `len` bytes, if it is there.
    #[inline(always)]
    fn pass_short(&mut self, len: usize, may_wait: bool) -> Option<Short> {
        let short = self.find_short(len, may_wait)?;
        self.pass_short_to(short.position, short.end);
        Some(short)
    }

    /// Finds a short message of `len` bytes, if it is there: the word is compared as a whole, so
    /// that where the next one starts does not have to wait for this one's length to be loaded.
    #[inline(always)]
    pub(super) fn find_short(&mut self, len: usize, may_wait: bool) -> Option<Short> {
        let position = self.position;
        let end = position + word::record_bytes(len as u64);
        if len > SHORT_MAX {
            return None;
        }
        let place = self.area.place(position);
        // ORDERING: Acquire, edge W: the payload is there when the word is.
        let word = self.area.word_at(place, Ordering::Acquire);
        // Of the run in hand it is by two compares: with the run's word, and with our length.
        let is_of_run = word == self.run_word && word::is_message_of(word, len as u64);
        if is_of_run && end < self.run_end {
            return Some(Short { position, end, place });
        }
        let is_there = word == self.tag.message(len as u64) && self.begin_run(len, may_wait);
        is_there.then_some(Short { position, end, place })
    }

    /// Passes the short message that was found, from `start` to `end`.
    #[inline(always)]
    pub(super) fn pass_short_to(&mut self, start: Position, end: Position) {
        self.position = end;
        for place in self.asks.places(self.area.wrap(), start, end) {
            self.area.prefetch_read(place);
        }
    }

    /// Releases what earlier calls handed out, and begins a run of messages of `len` bytes that
    /// may be passed before the next release is due. False if that is not even one.
    #[inline(never)]
    fn begin_run(&mut self, len: usize, may_wait: bool) -> bool {
        if len != self.run_len {
            let record = word::record_bytes(len as u64);
            if len > self.area.longest_message() {
                return false;
            }
            self.count_run();
            self.counted = self.position;
            // Rule 11: until 8 records are held back, or an eighth of the ring.
            let most = self.area.capacity() / 8 - 1 + record;
            self.run_bytes = (u64::from(self.release_records) * record).min(most) + 1;
            self.run_len = len;
            self.last_record = record;
            self.run_word = self.tag.message(len as u64);
        }
        self.flush();
        self.look_ahead(self.last_record);
        if may_wait {
            self.keep_distance();
        }
        self.run_end = (self.released + self.run_bytes).min(self.lap_end);
        // Whatever else takes a record after some of the run releases it at once.
        self.until_release = 0;
        self.position + self.last_record < self.run_end
    }

    /// Copies the short message that was passed, which fills `into`.
    #[inline(always)]
    fn copy_short(&self, passed: Short, into: &mut [u8]) -> Received {
        self.area.read(passed.place.plus(word::BYTES), into);
        Received { len: into.len(), position: passed.position }
    }

    /// The message of the record at `place`, which was just passed.
    #[inline(always)]
    fn message<const N: usize>(&self, place: Place) -> Message<N> {
        let mut message = Message([0; N]);
        self.area.read_value(place.plus(word::BYTES), &mut message.0);
        message
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
        self.pass(found.end, Moved::one(found.len));
        Ok(Received { len, position: found.position })
    }

    /// [`Consumer::try_pass_of`], the long way.
    #[inline(never)]
    fn try_pass_one(&mut self, len: usize) -> Result<Place, RecvError> {
        let found = self.try_find()?;
        self.pass_if_of(found, len)
    }

    /// [`Consumer::pass_of`], the long way.
    #[inline(never)]
    fn pass_one(&mut self, len: usize, deadline: Deadline) -> Result<Place, RecvError> {
        let found = self.find_until(deadline)?;
        self.pass_if_of(found, len)
    }

    #[inline(always)]
    fn pass_if_of(&mut self, found: Found, len: usize) -> Result<Place, RecvError> {
        if found.len != len {
            return Err(RecvError::OtherLength { len: found.len as u32 });
        }
        self.pass(found.end, Moved::one(len));
        Ok(self.area.place(found.position))
    }
}
