//! Receiving records of one type.

use super::Plain;
use crate::error::{Corruption, RecvError};
use crate::ring::{Position, spsc};
use crate::segment::Mapping;
use crate::sync::{Deadline, Memory, Outside};
use core::marker::PhantomData;

/// The receiving handle of a typed ring: [`spsc::Consumer`] for records of type `T`.
///
/// A record of another length, which only a peer that breaks the rules can send, is the error
/// `OtherLength` and stays in the ring.
pub struct TypedConsumer<T, M: Memory = Mapping> {
    pub(super) bytes: spsc::Consumer<M>,
    of: PhantomData<fn() -> T>,
}

impl<T: Plain, M: Memory> TypedConsumer<T, M> {
    pub(super) fn new(bytes: spsc::Consumer<M>) -> Self {
        TypedConsumer { bytes, of: PhantomData }
    }

    /// Takes the next record if there is one now. Does not block, and makes no system call but
    /// to wake a producer that sleeps; so it does not notice that the producer died, see
    /// [`TypedConsumer::peer`].
    ///
    /// It is not released before the next call that asks for one: a process that is killed before
    /// this call returned has lost nothing, and its successor receives it.
    #[inline(always)]
    pub fn try_recv(&mut self) -> Result<T, RecvError> {
        self.bytes.try_recv_value()
    }

    /// Takes the next record, waiting for it until `deadline`, as the segment's
    /// [`Wait`](crate::Wait) says. Releases like [`TypedConsumer::try_recv`].
    #[inline(always)]
    pub fn recv(&mut self, deadline: Deadline) -> Result<T, RecvError> {
        self.bytes.recv_value(deadline)
    }

    /// Hands up to `limit` records that are there now to `each`, in order and by value. Returns how
    /// many; none there is the error `Empty`. Does not block.
    ///
    /// If `each` panics, the record it was given and those after it stay in the ring.
    #[inline]
    pub fn drain(&mut self, limit: usize, mut each: impl FnMut(T)) -> Result<usize, RecvError> {
        self.bytes.drain_of(size_of::<T>(), limit, |record| each(record.value()))
    }

    /// Shows the next record in place if there is one now. Does not block.
    #[inline(always)]
    pub fn try_peek(&mut self) -> Result<TypedView<'_, T, M>, RecvError> {
        self.bytes.try_peek_of(size_of::<T>()).map(TypedView::new)
    }

    /// Shows the next record in place, waiting for it until `deadline`.
    #[inline(always)]
    pub fn peek(&mut self, deadline: Deadline) -> Result<TypedView<'_, T, M>, RecvError> {
        self.bytes.peek_of(size_of::<T>(), deadline).map(TypedView::new)
    }

    /// Releases everything that was read so far.
    #[inline]
    pub fn flush(&mut self) {
        self.bytes.flush();
    }

    /// As [`spsc::Consumer::release_each`].
    pub fn release_each(&mut self) {
        self.bytes.release_each();
    }

    /// Releases what was read and closes this side: the producer's next send gets `PeerClosed`.
    pub fn close(self) {}

    /// Where the next record will be read.
    pub fn position(&self) -> Position {
        self.bytes.position()
    }

    /// Asks whether somebody holds the producer's role: one or two system calls.
    pub fn peer(&self) -> Outside {
        self.bytes.peer()
    }

    /// Where the ring was found corrupted, if it was.
    pub fn corruption(&self) -> Option<Corruption> {
        self.bytes.corruption()
    }
}

/// The next record, in place. Dropped, it stays the next record.
///
/// Where peers are trusted, it is a `&T` by its `Deref`.
pub struct TypedView<'c, T, M: Memory = Mapping> {
    /// Of a message that has the length of a `T`.
    pub(super) bytes: spsc::View<'c, M>,
    of: PhantomData<fn() -> T>,
}

impl<'c, T: Plain, M: Memory> TypedView<'c, T, M> {
    #[inline(always)]
    fn new(bytes: spsc::View<'c, M>) -> Self {
        TypedView { bytes, of: PhantomData }
    }

    /// A copy of the record.
    #[inline(always)]
    pub fn get(&self) -> T {
        self.bytes.record().value()
    }

    /// Where the record stands.
    pub fn position(&self) -> Position {
        self.bytes.record().position()
    }

    /// Takes the record out of the ring.
    #[inline(always)]
    pub fn release(self) {
        self.bytes.release();
    }
}
