//! Room in the ring, to be written in place and then committed.

use super::Producer;
use crate::ring::area::Place;
use crate::ring::{Position, word};
use crate::sync::{Mapped, Memory};

/// Room for one message, until it is committed or dropped.
///
/// Nothing of it can be seen before [`Claim::commit`]; dropped, it was never there. What the room
/// holds before it is written is not defined, so commit only what was written.
pub struct Claim<'p, M: Memory> {
    producer: &'p mut Producer<M>,
    start: Position,
    len: usize,
}

impl<'p, M: Memory> Claim<'p, M> {
    pub(super) fn new(producer: &'p mut Producer<M>, start: Position, len: usize) -> Self {
        Claim { producer, start, len }
    }

    /// The bytes that were claimed.
    #[allow(clippy::len_without_is_empty, reason = "an empty claim is a claim like any other")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Where the record will start.
    pub fn position(&self) -> Position {
        self.start
    }

    /// Copies `bytes` into the message at byte `offset`.
    ///
    /// # Panics
    ///
    /// If they reach past the claimed bytes.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        let fits = offset.checked_add(bytes.len()).is_some_and(|end| end <= self.len);
        assert!(fits, "{} bytes at {offset} do not fit a claim of {}", bytes.len(), self.len);
        self.producer.area.write(self.payload().plus(offset), bytes);
    }

    /// Publishes the first `len` bytes as a message. Returns its position.
    ///
    /// # Panics
    ///
    /// If `len` is more than was claimed.
    pub fn commit(self, len: usize) -> Position {
        assert!(len <= self.len, "commit of {len} bytes of a claim of {}", self.len);
        self.producer.commit(self.start, len as u64)
    }

    fn payload(&self) -> Place {
        self.producer.area.place(self.start).plus(word::BYTES)
    }
}

impl<M: Mapped> Claim<'_, M> {
    /// The address of the claimed bytes, aligned to 8, valid for writes of [`Claim::len`] bytes
    /// until the claim ends. For system calls and foreign code; a misbehaving peer may write
    /// these bytes too, so make no reference to them unless every peer is trusted.
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.address()
    }

    pub(super) fn address(&self) -> *mut u8 {
        self.producer.area.pointer(self.payload())
    }
}
