//! Plain addresses: how real memory is touched.
//!
//! Every access is an atomic one or a volatile copy, never a Rust reference to what a peer may
//! write, so bytes that it writes meanwhile can be wrong and nothing worse.

use super::Ordering;
use super::copy;
use core::ptr::NonNull;
use core::sync::atomic::AtomicU64;

/// A block of `len` bytes at `base`, 8-byte aligned: the accesses that [`super::Memory`]
/// describes, without what waiting takes.
#[derive(Clone, Copy, Debug)]
pub struct Raw {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: a `Raw` is only an address; every access through it is an unsafe call whose caller
// answers for the memory, and all of them are atomic or opaque, so threads may share it.
unsafe impl Send for Raw {}
// SAFETY: as above.
unsafe impl Sync for Raw {}

impl Raw {
    /// The block of `len` bytes at `base`.
    ///
    /// # Safety
    ///
    /// The block is valid for reads and writes, aligned to 8 bytes, and outlives every use of
    /// the value and its copies.
    pub unsafe fn new(base: NonNull<u8>, len: usize) -> Raw {
        debug_assert_eq!(base.as_ptr() as usize % 8, 0);
        Raw { base, len }
    }

    /// The address of the first byte.
    pub fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// The number of bytes.
    #[allow(clippy::len_without_is_empty, reason = "no block is empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The address of byte `at`.
    ///
    /// # Safety
    ///
    /// `at + bytes` lies within the block.
    #[inline(always)]
    unsafe fn address(&self, at: usize, bytes: usize) -> *mut u8 {
        debug_assert!(at.checked_add(bytes).is_some_and(|end| end <= self.len));
        // SAFETY: within the block, by the caller.
        unsafe { self.base.as_ptr().add(at) }
    }

    /// The word at byte `at`.
    ///
    /// # Safety
    ///
    /// `at` is a multiple of 8 and `at + 8` lies within the block.
    #[inline(always)]
    unsafe fn word(&self, at: usize) -> &AtomicU64 {
        debug_assert_eq!(at % 8, 0);
        // SAFETY: within the block, by the caller.
        let address = unsafe { self.address(at, 8) };
        // SAFETY: aligned and valid by `new`; peers and this process touch control and payload
        // words by atomics or outside the language's sight, so a shared atomic is all there is.
        unsafe { AtomicU64::from_ptr(address.cast()) }
    }

    /// [`super::Memory::load`].
    ///
    /// # Safety
    ///
    /// As there.
    #[inline(always)]
    pub unsafe fn load(&self, at: usize, order: Ordering) -> u64 {
        // SAFETY: the same contract.
        unsafe { self.word(at) }.load(order)
    }

    /// [`super::Memory::store`].
    ///
    /// # Safety
    ///
    /// As there.
    #[inline(always)]
    pub unsafe fn store(&self, at: usize, word: u64, order: Ordering) {
        // SAFETY: the same contract.
        unsafe { self.word(at) }.store(word, order);
    }

    /// [`super::Crowd::compare_exchange`].
    ///
    /// # Safety
    ///
    /// As there.
    #[inline(always)]
    pub unsafe fn compare_exchange(&self, at: usize, current: u64, new: u64) -> Result<(), u64> {
        // SAFETY: the same contract.
        let word = unsafe { self.word(at) };
        // ORDERING: AcqRel and Acquire, as promised there.
        word.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire).map(drop)
    }

    /// [`super::Crowd::count`].
    ///
    /// # Safety
    ///
    /// As there.
    pub unsafe fn count(&self, at: usize) {
        // ORDERING: AcqRel, as promised there.
        // SAFETY: the same contract.
        unsafe { self.word(at) }.fetch_add(1, Ordering::AcqRel);
    }

    /// [`super::Memory::read`].
    ///
    /// # Safety
    ///
    /// As there.
    #[inline(always)]
    pub unsafe fn read(&self, at: usize, into: &mut [u8]) {
        // SAFETY: the same contract.
        let from = unsafe { self.address(at, into.len()) };
        // SAFETY: both ranges are valid; `into` is private memory, so they do not overlap.
        unsafe { copy::out_of_ring(into.as_mut_ptr(), from, into.len()) };
    }

    /// [`super::Memory::read_value`].
    ///
    /// # Safety
    ///
    /// As there.
    #[inline(always)]
    pub unsafe fn read_value(&self, at: usize, into: &mut [u8]) {
        // SAFETY: the same contract.
        let from = unsafe { self.address(at, into.len()) };
        // SAFETY: both ranges are valid; `into` is private memory, so they do not overlap.
        unsafe { copy::words_out_of_ring(into.as_mut_ptr(), from, into.len()) };
    }

    /// [`super::Memory::write`].
    ///
    /// # Safety
    ///
    /// As there.
    #[inline(always)]
    pub unsafe fn write(&self, at: usize, from: &[u8]) {
        // SAFETY: the same contract.
        let into = unsafe { self.address(at, from.len()) };
        // SAFETY: both ranges are valid; `from` is private memory, so they do not overlap.
        unsafe { copy::into_ring(into, from.as_ptr(), from.len()) };
    }

    /// [`super::Memory::write_words`].
    ///
    /// # Safety
    ///
    /// As there.
    #[inline(always)]
    pub unsafe fn write_words(&self, at: usize, words: &[[u8; 8]]) {
        // SAFETY: the same contract.
        let into = unsafe { self.address(at, 8 * words.len()) };
        // SAFETY: the range is valid; `words` is private memory, so they do not overlap.
        unsafe { copy::words_into_ring(into, words) };
    }

    /// [`super::Memory::glimpse`].
    ///
    /// Out of the language's sight, since payload is not written by atomics. Under Miri, and where
    /// the instruction is not known, a zero: no record of any lap, so nobody trails.
    ///
    /// # Safety
    ///
    /// As there.
    #[inline(always)]
    pub unsafe fn glimpse(&self, at: usize) -> u64 {
        // SAFETY: the same contract.
        let address = unsafe { self.address(at, 8) };
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            let word;
            // SAFETY: a load of eight bytes that are valid, by the caller.
            unsafe {
                core::arch::asm!("mov {}, [{}]", out(reg) word, in(reg) address,
                    options(nostack, preserves_flags, readonly));
            }
            word
        }
        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        {
            let _ = address;
            0
        }
    }

    /// [`super::Memory::prefetch_read`].
    #[allow(clippy::pointers_in_nomem_asm_block, reason = "a prefetch reads and writes nothing")]
    #[inline(always)]
    pub fn prefetch_read(&self, at: usize) {
        debug_assert!(at < self.len);
        let address = self.base.as_ptr().wrapping_add(at);
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        // SAFETY: a prefetch never faults and changes no memory; SSE is part of every x86-64.
        unsafe {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(address.cast());
        }
        #[cfg(all(target_arch = "aarch64", not(miri)))]
        // SAFETY: a prefetch never faults and changes no memory.
        unsafe {
            core::arch::asm!("prfm pldl1keep, [{}]", in(reg) address,
                options(nomem, nostack, preserves_flags));
        }
        #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
        let _ = address;
    }

    /// [`super::Memory::prefetch_write`].
    ///
    /// `prefetchw` by name: `_mm_prefetch::<_MM_HINT_ET0>` compiles to a read prefetch on
    /// baseline x86-64, which costs four fifths of the throughput instead of doubling it.
    #[allow(clippy::pointers_in_nomem_asm_block, reason = "a prefetch reads and writes nothing")]
    #[inline(always)]
    pub fn prefetch_write(&self, at: usize) {
        debug_assert!(at < self.len);
        let address = self.base.as_ptr().wrapping_add(at);
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        // SAFETY: a prefetch never faults and changes no memory; 3DNow! is not needed, every
        // x86-64 processor since 2005 executes the instruction or ignores it.
        unsafe {
            core::arch::asm!("prefetchw [{}]", in(reg) address,
                options(nomem, nostack, preserves_flags));
        }
        #[cfg(all(target_arch = "aarch64", not(miri)))]
        // SAFETY: a prefetch never faults and changes no memory.
        unsafe {
            core::arch::asm!("prfm pstl1keep, [{}]", in(reg) address,
                options(nomem, nostack, preserves_flags));
        }
        #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
        let _ = address;
    }
}

/// The accesses of a [`super::Memory`] that are those of the [`Raw`] in its field `$raw`: what
/// stands in each such implementation, beside its pauses, its time and its world outside.
macro_rules! accesses_of_raw {
    ($raw:tt) => {
        #[inline(always)]
        unsafe fn load(&self, at: usize, order: $crate::sync::Ordering) -> u64 {
            // SAFETY: the same contract; so likewise below.
            unsafe { self.$raw.load(at, order) }
        }

        #[inline(always)]
        unsafe fn store(&self, at: usize, word: u64, order: $crate::sync::Ordering) {
            // SAFETY: as above.
            unsafe { self.$raw.store(at, word, order) }
        }

        #[inline(always)]
        unsafe fn put(&self, at: usize, word: u64) {
            // ORDERING: Relaxed: payload is ordered by the word of its record or slot.
            // SAFETY: as above.
            unsafe { self.$raw.store(at, word, $crate::sync::Ordering::Relaxed) }
        }

        #[inline(always)]
        unsafe fn read(&self, at: usize, into: &mut [u8]) {
            // SAFETY: as above.
            unsafe { self.$raw.read(at, into) }
        }

        #[inline(always)]
        unsafe fn read_value(&self, at: usize, into: &mut [u8]) {
            // SAFETY: as above.
            unsafe { self.$raw.read_value(at, into) }
        }

        #[inline(always)]
        unsafe fn write(&self, at: usize, from: &[u8]) {
            // SAFETY: as above.
            unsafe { self.$raw.write(at, from) }
        }

        #[inline(always)]
        unsafe fn write_words(&self, at: usize, words: &[[u8; 8]]) {
            // SAFETY: as above.
            unsafe { self.$raw.write_words(at, words) }
        }

        #[inline(always)]
        unsafe fn glimpse(&self, at: usize) -> u64 {
            // SAFETY: as above.
            unsafe { self.$raw.glimpse(at) }
        }

        #[inline(always)]
        fn prefetch_write(&self, at: usize) {
            self.$raw.prefetch_write(at);
        }

        #[inline(always)]
        fn prefetch_read(&self, at: usize) {
            self.$raw.prefetch_read(at);
        }
    };
}
pub(crate) use accesses_of_raw;
