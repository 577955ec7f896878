//! Messages in place as Rust references: for memory whose users are trusted, and no other.

use super::{Claim, Record};
use crate::sync::Trusting;

impl<'r, M: Trusting> Record<'r, M> {
    /// The message where it stands, aligned to 8.
    #[inline(always)]
    pub fn as_bytes(&self) -> &'r [u8] {
        // SAFETY: so many bytes of the ring are valid at this address, see `as_ptr`. They stand
        // still: this process releases the record only by `&mut` of the consumer, which the
        // record borrows, and all others keep to the protocol, by `Trusting`.
        unsafe { core::slice::from_raw_parts(self.as_ptr(), self.len()) }
    }
}

impl<M: Trusting> Claim<'_, M> {
    /// The claimed bytes as they stand: old ones, where none were written.
    #[inline(always)]
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: as in `as_mut_bytes`.
        unsafe { core::slice::from_raw_parts(self.address(), self.len()) }
    }

    /// The claimed bytes where they will be read, aligned to 8. Whatever stands there is old.
    #[inline(always)]
    pub fn as_mut_bytes(&mut self) -> &mut [u8] {
        let (bytes, len) = (self.as_mut_ptr(), self.len());
        // SAFETY: so many bytes of the ring are valid at this address, see `as_mut_ptr`, and ours
        // alone: nobody reads what is not committed, by `Trusting`, and the claim is borrowed.
        unsafe { core::slice::from_raw_parts_mut(bytes, len) }
    }
}
