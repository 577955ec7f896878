//! Messages that are values of one type: received into a value and not into bytes.
//!
//! As `recv_array` does it, and by the same ways: a type's size is known to the compiler, but
//! cannot be written as the length of an array.

use super::find::Found;
use super::recv::Short;
use super::tally::Moved;
use super::{Consumer, Producer, Record, View};
use crate::error::{RecvError, SendError};
use crate::ring::area::Place;
use crate::ring::word;
use crate::sync::{Deadline, Memory};
use zerocopy::{FromBytes, Immutable, IntoBytes};

impl<M: Memory> Producer<M> {
    /// As [`Producer::send_batch`], for values.
    #[inline]
    pub(crate) fn send_values<T: IntoBytes + Immutable>(
        &mut self,
        values: &[T],
        deadline: Deadline,
    ) -> Result<(), (usize, SendError)> {
        self.send_batch_of(values, T::as_bytes, deadline)
    }
}

impl<M: Memory> Consumer<M> {
    /// As [`Consumer::try_recv_array`], for a value.
    #[inline(always)]
    pub(crate) fn try_recv_value<T: FromBytes + IntoBytes>(&mut self) -> Result<T, RecvError> {
        let place = self.try_pass_of(size_of::<T>())?;
        Ok(self.value(place))
    }

    /// As [`Consumer::recv_array`], for a value.
    #[inline(always)]
    pub(crate) fn recv_value<T: FromBytes + IntoBytes>(
        &mut self,
        deadline: Deadline,
    ) -> Result<T, RecvError> {
        let place = self.pass_of(size_of::<T>(), deadline)?;
        Ok(self.value(place))
    }

    /// As [`Consumer::peek`], for a message of `len` bytes only. Another one stays in the ring.
    #[inline(always)]
    pub(crate) fn peek_of(
        &mut self,
        len: usize,
        deadline: Deadline,
    ) -> Result<View<'_, M>, RecvError> {
        if let Some(short) = self.find_short(len, deadline != Deadline::PASSED) {
            return Ok(View::of_run(self, short, len));
        }
        let found = self.find_until(deadline)?.of_len(len)?;
        Ok(View::new(self, found))
    }

    /// As [`Consumer::try_peek`], for a message of `len` bytes only. Another one stays in the ring.
    #[inline(always)]
    pub(crate) fn try_peek_of(&mut self, len: usize) -> Result<View<'_, M>, RecvError> {
        if let Some(short) = self.find_short(len, false) {
            return Ok(View::of_run(self, short, len));
        }
        let found = self.try_find()?.of_len(len)?;
        Ok(View::new(self, found))
    }

    /// As [`Consumer::drain`], for messages of `len` bytes only. It ends at another one, which
    /// stays in the ring, and is the error `OtherLength` if it is the first.
    #[inline]
    pub(crate) fn drain_of(
        &mut self,
        len: usize,
        limit: usize,
        mut each: impl FnMut(Record<'_, M>),
    ) -> Result<usize, RecvError> {
        for count in 0..limit {
            if let Some(short) = self.find_short(len, false) {
                each(Record::new(&self.area, short.position, len));
                self.pass_short_to(short.position, short.end);
                continue;
            }
            match self.try_find().and_then(|found| found.of_len(len)) {
                Ok(found) => {
                    each(self.record(found));
                    self.advance(found.end, Moved::one(len));
                }
                Err(error) if count == 0 => return Err(error),
                Err(_) => return Ok(count),
            }
        }
        Ok(limit)
    }

    /// The value of the record at `place`, which was just passed.
    #[inline(always)]
    fn value<T: FromBytes + IntoBytes>(&self, place: Place) -> T {
        let mut value = T::new_zeroed();
        self.area.read_value(place.plus(word::BYTES), value.as_mut_bytes());
        value
    }
}

impl<'c, M: Memory> View<'c, M> {
    /// A short message of `len` bytes.
    #[inline(always)]
    pub(super) fn of_run(consumer: &'c mut Consumer<M>, short: Short, len: usize) -> Self {
        let found = Found { position: short.position, end: short.end, len };
        View { consumer, found, is_of_run: true }
    }
}

impl Found {
    /// This record, if its message has `len` bytes.
    #[inline(always)]
    fn of_len(self, len: usize) -> Result<Found, RecvError> {
        if self.len == len {
            Ok(self)
        } else {
            Err(RecvError::OtherLength { len: self.len as u32 })
        }
    }
}

impl<M: Memory> Record<'_, M> {
    /// The message as a value.
    ///
    /// # Panics
    ///
    /// If it has another length.
    #[inline(always)]
    pub(crate) fn value<T: FromBytes + IntoBytes>(&self) -> T {
        let mut value = T::new_zeroed();
        self.read(0, value.as_mut_bytes());
        value
    }
}
