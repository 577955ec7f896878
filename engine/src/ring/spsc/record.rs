//! One message in the ring, to be looked at in place.

use crate::ring::Message;
use crate::ring::Position;
use crate::ring::area::{Area, Place};
use crate::ring::word;
use crate::sync::{Mapped, Memory};

/// A committed message, still in the ring and not yet released.
///
/// Its length was read once, checked and kept; nothing here reads it again.
pub struct Record<'r, M: Memory> {
    area: &'r Area<M>,
    position: Position,
    len: usize,
}

impl<M: Memory> Clone for Record<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Memory> Copy for Record<'_, M> {}

impl<'r, M: Memory> Record<'r, M> {
    #[inline(always)]
    pub(super) fn new(area: &'r Area<M>, position: Position, len: usize) -> Self {
        Record { area, position, len }
    }

    /// Where the record stands.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The message's length in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the message has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies the message's bytes from `offset` on into all of `into`.
    ///
    /// # Panics
    ///
    /// If they reach past the message's end.
    #[inline(always)]
    pub fn read(&self, offset: usize, into: &mut [u8]) {
        let fits = offset.checked_add(into.len()).is_some_and(|end| end <= self.len);
        assert!(fits, "{} bytes at {offset} of a message of {}", into.len(), self.len);
        self.area.read(self.payload().plus(offset), into);
    }

    /// The message by value, if it is one of `N` bytes.
    #[inline(always)]
    pub fn message<const N: usize>(&self) -> Option<Message<N>> {
        (self.len == N).then(|| {
            let mut message = Message([0; N]);
            self.area.read_value(self.payload(), &mut message.0);
            message
        })
    }

    /// Copies the message to the front of `into`. Returns its length, or `None` if `into` is
    /// shorter than that.
    #[inline(always)]
    pub(super) fn copy_to(&self, into: &mut [u8]) -> Option<usize> {
        let into = into.get_mut(..self.len)?;
        self.area.read(self.payload(), into);
        Some(self.len)
    }

    #[inline(always)]
    fn payload(&self) -> Place {
        self.area.place(self.position).plus(word::BYTES)
    }
}

impl<M: Mapped> Record<'_, M> {
    /// The address of the message, aligned to 8, valid for reads of [`Record::len`] bytes until
    /// the record is released. For system calls and foreign code; a misbehaving peer may write
    /// these bytes, so make no reference to them unless every peer is trusted.
    #[inline(always)]
    pub fn as_ptr(&self) -> *const u8 {
        self.area.pointer(self.payload())
    }
}
