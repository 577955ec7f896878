//! A message that was taken, to be read in place and then released.

use super::consumer::{Consumer, Hand};
use crate::ring::Position;
use crate::sync::{Crowd, Mapped};

/// A message in a consumer's hand.
///
/// Dropped without being released, it is this handle's next message again. While it is out, its
/// slot is the only one that is held up, for a lap.
pub struct Taken<'c, M: Crowd> {
    consumer: &'c mut Consumer<M>,
    hand: Hand,
    len: u32,
}

impl<'c, M: Crowd> Taken<'c, M> {
    pub(super) fn new(consumer: &'c mut Consumer<M>, hand: Hand, len: u32) -> Self {
        Taken { consumer, hand, len }
    }

    /// The message's position.
    pub fn position(&self) -> Position {
        self.hand.position
    }

    /// How often it was delivered before, to consumers that are gone or gave it back.
    pub fn attempt(&self) -> u32 {
        self.hand.word.attempts()
    }

    /// The message's length in bytes.
    pub fn len(&self) -> usize {
        self.len as usize
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
    pub fn read(&self, offset: usize, into: &mut [u8]) {
        let fits = offset.checked_add(into.len()).is_some_and(|end| end <= self.len());
        assert!(fits, "{} bytes at {offset} of a message of {}", into.len(), self.len);
        self.consumer.who.slots().read(self.hand.place, offset, into);
    }

    /// Done with it: it never comes again, and its slot is free.
    pub fn release(self) {
        self.consumer.release(self.hand);
    }
}

impl<M: Crowd + Mapped> Taken<'_, M> {
    /// The address of the message, aligned to 8, valid for reads of [`Taken::len`] bytes until it
    /// is released. For system calls and foreign code; a misbehaving peer may write these bytes,
    /// so make no reference to them unless every peer is trusted.
    pub fn as_ptr(&self) -> *const u8 {
        self.consumer.who.slots().pointer(self.hand.place)
    }
}
