//! Records in place as references: for peers that are trusted.
//!
//! For large records, of which little is written or looked at. A record of a line or two is faster
//! by value: that is the ring's short way, which needs no claim and no view.

use super::{Plain, TypedClaim, TypedConsumer, TypedView};
use crate::error::RecvError;
use crate::sync::Trusting;
use core::ops::{Deref, DerefMut};

impl<T: Plain, M: Trusting> TypedConsumer<T, M> {
    /// As [`TypedConsumer::drain`], without copying: `each` looks at the records in the ring.
    #[inline]
    pub fn drain_in_place(
        &mut self,
        limit: usize,
        mut each: impl FnMut(&T),
    ) -> Result<usize, RecvError> {
        self.bytes.drain_of(size_of::<T>(), limit, |record| each(value_at(record.as_bytes())))
    }
}

impl<T: Plain, M: Trusting> Deref for TypedView<'_, T, M> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        value_at(self.bytes.record().as_bytes())
    }
}

impl<T: Plain, M: Trusting> Deref for TypedClaim<'_, T, M> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        value_at(self.bytes.as_bytes())
    }
}

impl<T: Plain, M: Trusting> DerefMut for TypedClaim<'_, T, M> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        let bytes = self.bytes.as_mut_bytes();
        debug_assert_eq!(bytes.len(), size_of::<T>());
        // SAFETY: so many bytes were claimed, aligned to 8, and a `Plain` type is no more aligned
        // (`shape_of`); any bytes are a value of it.
        unsafe { &mut *bytes.as_mut_ptr().cast() }
    }
}

/// The value that `bytes` are, which stand at a record's payload and are as many as it takes.
#[inline(always)]
fn value_at<T: Plain>(bytes: &[u8]) -> &T {
    debug_assert_eq!(bytes.len(), size_of::<T>());
    // SAFETY: as many bytes as a `T` has, as every caller's record or claim was made for; aligned
    // to 8, and a `Plain` type is no more aligned (`shape_of`); any bytes are a value of it.
    unsafe { &*bytes.as_ptr().cast() }
}
