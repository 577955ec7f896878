//! Sending records of one type.

use super::Plain;
use crate::error::{Corruption, SendError};
use crate::ring::{Position, spsc};
use crate::segment::Mapping;
use crate::sync::{Deadline, Memory, Outside};
use core::marker::PhantomData;

/// The sending handle of a typed ring: [`spsc::Producer`] for records of type `T`.
pub struct TypedProducer<T, M: Memory = Mapping> {
    pub(super) bytes: spsc::Producer<M>,
    of: PhantomData<fn(&T)>,
}

impl<T: Plain, M: Memory> TypedProducer<T, M> {
    pub(super) fn new(bytes: spsc::Producer<M>) -> Self {
        TypedProducer { bytes, of: PhantomData }
    }

    /// Sends a copy of `record` if there is room now. Does not block, and makes no system call but
    /// to wake a consumer that sleeps.
    #[inline(always)]
    pub fn try_send(&mut self, record: &T) -> Result<Position, SendError> {
        self.bytes.try_send(record.as_bytes())
    }

    /// Sends a copy of `record`, waiting for room until `deadline`, as the segment's
    /// [`Wait`](crate::Wait) says.
    #[inline(always)]
    pub fn send(&mut self, record: &T, deadline: Deadline) -> Result<Position, SendError> {
        self.bytes.send(record.as_bytes(), deadline)
    }

    /// Sends copies of all `records` in order, waiting for room until `deadline`; those of up to
    /// 128 bytes are shown together. On failure `sent` of them are in the ring and the rest are
    /// not.
    #[inline]
    pub fn send_batch(
        &mut self,
        records: &[T],
        deadline: Deadline,
    ) -> Result<(), (usize, SendError)> {
        self.bytes.send_values(records, deadline)
    }

    /// Claims room for a record if there is room now, to be written in place and then committed.
    /// Does not block. Dropped, it leaves nothing behind.
    #[inline]
    pub fn try_claim(&mut self) -> Result<TypedClaim<'_, T, M>, SendError> {
        self.bytes.try_claim(size_of::<T>()).map(TypedClaim::new)
    }

    /// Claims room for a record, waiting for it until `deadline`.
    #[inline]
    pub fn claim(&mut self, deadline: Deadline) -> Result<TypedClaim<'_, T, M>, SendError> {
        self.bytes.claim(size_of::<T>(), deadline).map(TypedClaim::new)
    }

    /// Closes the ring at its present end: the consumer gets every record and then `Closed`.
    pub fn close(self) {}

    /// Where the next record will start.
    pub fn position(&self) -> Position {
        self.bytes.position()
    }

    /// Asks whether somebody holds the consumer's role: one or two system calls.
    pub fn peer(&self) -> Outside {
        self.bytes.peer()
    }

    /// Where the ring was found corrupted, if it was.
    pub fn corruption(&self) -> Option<Corruption> {
        self.bytes.corruption()
    }
}

/// Room for one record, until it is committed or dropped.
///
/// What it holds before it is written is not defined. Where peers are trusted, it is a `&mut T` by
/// its `DerefMut`.
pub struct TypedClaim<'p, T, M: Memory = Mapping> {
    pub(super) bytes: spsc::Claim<'p, M>,
    of: PhantomData<fn(&T)>,
}

impl<'p, T: Plain, M: Memory> TypedClaim<'p, T, M> {
    fn new(bytes: spsc::Claim<'p, M>) -> Self {
        TypedClaim { bytes, of: PhantomData }
    }

    /// Copies `record` into the room.
    #[inline]
    pub fn write(&mut self, record: &T) {
        self.bytes.write(0, record.as_bytes());
    }

    /// Publishes the record. Returns its position.
    #[inline]
    pub fn commit(self) -> Position {
        self.bytes.commit(size_of::<T>())
    }

    /// Where the record will start.
    pub fn position(&self) -> Position {
        self.bytes.position()
    }
}
