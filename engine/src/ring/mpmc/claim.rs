//! A slot that was claimed, to be written in place and then committed.

use super::producer::Producer;
use super::slots::Cursor;
use crate::ring::Position;
use crate::sync::{Crowd, Mapped};

/// Room for one message, until it is committed or dropped.
///
/// Dropped, it is a gap: one consumer is told so. Until then nobody gets past it. What the room
/// holds before it is written is not defined, so commit only what was written.
pub struct Claim<'p, M: Crowd> {
    producer: &'p mut Producer<M>,
    at: Cursor,
    len: u32,
}

impl<'p, M: Crowd> Claim<'p, M> {
    pub(super) fn new(producer: &'p mut Producer<M>, at: Cursor, len: u32) -> Self {
        Claim { producer, at, len }
    }

    /// The bytes that were claimed.
    #[allow(clippy::len_without_is_empty, reason = "an empty claim is a claim like any other")]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// The message's position.
    pub fn position(&self) -> Position {
        self.at.position
    }

    /// Copies `bytes` into the message at byte `offset`.
    ///
    /// # Panics
    ///
    /// If they reach past the claimed bytes.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        let fits = offset.checked_add(bytes.len()).is_some_and(|end| end <= self.len());
        assert!(fits, "{} bytes at {offset} do not fit a claim of {}", bytes.len(), self.len);
        self.producer.who.slots().write(self.at.place, offset, bytes);
    }

    /// Publishes the first `len` bytes as a message; in a ring of messages of one length, all.
    /// Returns its position.
    ///
    /// # Panics
    ///
    /// If `len` is more than was claimed, or not all where all have one length.
    pub fn commit(self, len: usize) -> Position {
        let is_of_one_length = self.producer.who.slots().geometry().is_of_one_length();
        let fits = len == self.len() || len < self.len() && !is_of_one_length;
        assert!(fits, "commit of {len} bytes of a claim of {}", self.len);
        self.producer.commit(self.at, len as u32);
        // Nothing is left for the drop to give up.
        self.producer.open = None;
        self.at.position
    }
}

impl<M: Crowd + Mapped> Claim<'_, M> {
    /// The address of the claimed bytes, aligned to 8, valid for writes of [`Claim::len`] bytes
    /// until the claim ends. For system calls and foreign code; a misbehaving peer may write
    /// these bytes too, so make no reference to them unless every peer is trusted.
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.producer.who.slots().pointer(self.at.place)
    }
}

impl<M: Crowd> Drop for Claim<'_, M> {
    fn drop(&mut self) {
        self.producer.abort_open();
    }
}
