//! Receiving by copy: the short way of most messages, and the long one of all others.

use super::Consumer;
use super::find::Found;
use crate::error::RecvError;
use crate::ring::Position;
use crate::ring::word;
use crate::sync::{Deadline, Memory, Ordering};

/// Messages up to this many bytes are received by the short way, if they fill the buffer.
const SHORT_MAX: usize = 128;

/// A message that was copied out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its length in bytes.
    pub len: usize,
    /// Where it stood: rises with every message, and names it for good.
    pub position: Position,
}

impl<M: Memory> Consumer<M> {
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
    /// Fastest where `into` has the message's length and the compiler knows it; faster still is
    /// [`Consumer::recv_array`].
    #[inline(always)]
    pub fn recv(&mut self, into: &mut [u8], deadline: Deadline) -> Result<Received, RecvError> {
        match self.recv_short(into, deadline != Deadline::PASSED) {
            Some(received) => Ok(received),
            None => self.recv_any(into, deadline),
        }
    }

    /// Takes the next message, of `N` bytes, if there is one now. Does not block. A message of
    /// another length stays in the ring. Releases like [`Consumer::try_recv`].
    #[inline(always)]
    pub fn try_recv_array<const N: usize>(&mut self) -> Result<[u8; N], RecvError> {
        let mut message = [0; N];
        if self.recv_short(&mut message, false).is_none() {
            let position = self.try_pass_one(N)?;
            self.area.read(self.area.place(position).plus(word::BYTES), &mut message);
        }
        Ok(message)
    }

    /// Takes the next message, of `N` bytes, waiting for it until `deadline`. Spins while it
    /// waits. A message of another length stays in the ring. Releases like [`Consumer::try_recv`].
    ///
    /// The fastest way for messages of one length, since a message that is looked at where it is
    /// received need not pass through memory: no address of it is given to any call.
    #[inline(always)]
    pub fn recv_array<const N: usize>(&mut self, deadline: Deadline) -> Result<[u8; N], RecvError> {
        let mut message = [0; N];
        if self.recv_short(&mut message, deadline != Deadline::PASSED).is_none() {
            let position = self.pass_one(N, deadline)?;
            self.area.read(self.area.place(position).plus(word::BYTES), &mut message);
        }
        Ok(message)
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
        // Our fields, before the look: after it the compiler would read each of them again.
        let (wanted, wrap, ahead) =
            (self.tag.message(into.len() as u64), self.area.wrap(), self.ahead);
        let (mut until_release, mut trailing) = (self.until_release, self.trailing);
        let place = wrap.place(position);
        // ORDERING: Acquire, edge W: the payload is there when the word is.
        if self.area.word_at(place, Ordering::Acquire) != wanted {
            return None;
        }
        if until_release == 0 {
            self.flush();
            self.last_record = end - position;
            let has_caught_up = self.look_ahead(end - position);
            if may_wait && has_caught_up {
                self.keep_distance();
            }
            (until_release, trailing) = (self.until_release, self.trailing);
        }
        self.until_release = until_release - 1;
        self.position = end;
        if trailing {
            for place in ahead.places(wrap, position, end) {
                self.area.prefetch_read(place);
            }
        }
        self.area.read(place.plus(word::BYTES), into);
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
        self.release_and_pass(found);
        Ok(Received { len, position: found.position })
    }

    /// Passes a message of `len` bytes that is there now, and says where it stands.
    #[inline(never)]
    fn try_pass_one(&mut self, len: usize) -> Result<Position, RecvError> {
        let found = self.try_find()?;
        self.pass_if_of(found, len)
    }

    /// Waits for a message of `len` bytes, passes it, and says where it stands.
    #[inline(never)]
    fn pass_one(&mut self, len: usize, deadline: Deadline) -> Result<Position, RecvError> {
        let found = self.find_until(deadline)?;
        self.pass_if_of(found, len)
    }

    #[inline(always)]
    fn pass_if_of(&mut self, found: Found, len: usize) -> Result<Position, RecvError> {
        if found.len != len {
            return Err(RecvError::OtherLength { len: found.len as u32 });
        }
        self.release_and_pass(found);
        Ok(found.position)
    }

    /// Releases what earlier calls handed out, if that is due, and passes the message that this
    /// call will hand out: who is killed before it returns has not received it.
    #[inline(always)]
    fn release_and_pass(&mut self, found: Found) {
        if self.is_release_due() {
            self.flush();
            let _ = self.look_ahead(found.end - found.position);
        }
        self.pass(found.end, 1);
    }
}
