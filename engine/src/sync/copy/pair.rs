//! Two words in one register, which are compared at once.

#[cfg(any(miri, not(target_arch = "x86_64")))]
pub(super) use portable::{Pair, Watcher};
#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(super) use x86_64::{Pair, Watcher};

/// By SSE2.
#[cfg(all(target_arch = "x86_64", not(miri)))]
mod x86_64 {
    use core::arch::asm;
    use core::arch::x86_64::{
        __m128i, _mm_castsi128_pd, _mm_cmpeq_epi32, _mm_cvtsi64_si128, _mm_movemask_pd,
        _mm_or_si128, _mm_set1_epi32, _mm_setzero_si128, _mm_unpacklo_epi64,
    };

    #[derive(Clone, Copy)]
    #[repr(transparent)]
    pub(in crate::sync::copy) struct Pair(__m128i);

    impl Pair {
        /// Two words, loaded one by one.
        #[inline(always)]
        pub(in crate::sync::copy) fn of(words: &[[u8; 8]; 2]) -> Pair {
            let half = |word: &[u8; 8]| {
                // SAFETY: SSE2 is part of every x86-64.
                let mut half = unsafe { _mm_cvtsi64_si128(i64::from_le_bytes(*word)) };
                // SAFETY: no instruction at all. Without it the compiler joins the two loads.
                unsafe {
                    asm!("/* {} */", inout(xmm_reg) half,
                        options(pure, nomem, nostack, preserves_flags));
                }
                half
            };
            // SAFETY: SSE2 is part of every x86-64.
            Pair(unsafe { _mm_unpacklo_epi64(half(&words[0]), half(&words[1])) })
        }

        /// Stores the pair into the ring.
        ///
        /// # Safety
        ///
        /// `into` is valid for writes of 16 bytes.
        #[inline(always)]
        pub(in crate::sync::copy) unsafe fn store(self, into: *mut u8) {
            // SAFETY: valid by the caller; one store that asks for no alignment.
            unsafe {
                asm!("movups [{into}], {pair}", into = in(reg) into, pair = in(xmm_reg) self.0,
                    options(nostack, preserves_flags));
            }
        }

        /// Stores the pair into the ring, the second word first.
        ///
        /// # Safety
        ///
        /// `into` is valid for writes of 16 bytes.
        #[inline(always)]
        pub(in crate::sync::copy) unsafe fn store_by_words(self, into: *mut u8) {
            // SAFETY: valid by the caller; two stores that ask for no alignment.
            unsafe {
                asm!("movhps [{into} + 8], {pair}", "movlps [{into}], {pair}", into = in(reg) into,
                    pair = in(xmm_reg) self.0, options(nostack, preserves_flags));
            }
        }
    }

    /// Compares words with a stamp, two at a time.
    pub(in crate::sync::copy) struct Watcher {
        stamps: __m128i,
        found: __m128i,
    }

    impl Watcher {
        #[inline(always)]
        pub(in crate::sync::copy) fn of(stamp: u32) -> Watcher {
            // SAFETY: SSE2 is part of every x86-64.
            let stamps = unsafe { _mm_set1_epi32(stamp as i32) };
            // SAFETY: as above.
            Watcher { stamps, found: unsafe { _mm_setzero_si128() } }
        }

        #[inline(always)]
        pub(in crate::sync::copy) fn watch(&mut self, words: Pair) {
            // SAFETY: SSE2 is part of every x86-64.
            let equal = unsafe { _mm_cmpeq_epi32(words.0, self.stamps) };
            // SAFETY: as above.
            self.found = unsafe { _mm_or_si128(self.found, equal) };
        }

        /// Lower halves were compared too: only the upper one of each word counts, which has the
        /// top bit of its lane.
        #[inline(always)]
        pub(in crate::sync::copy) fn has_found(&self) -> bool {
            // SAFETY: SSE2 is part of every x86-64.
            let lanes = unsafe { _mm_castsi128_pd(self.found) };
            // SAFETY: as above.
            unsafe { _mm_movemask_pd(lanes) != 0 }
        }
    }
}

/// For processors whose registers nobody has named yet, and for Miri.
#[cfg(any(miri, not(target_arch = "x86_64")))]
mod portable {
    use super::super::{Unaligned, is_borne};

    #[derive(Clone, Copy)]
    #[repr(transparent)]
    pub(in crate::sync::copy) struct Pair([u64; 2]);

    impl Pair {
        /// Two words, loaded one by one.
        #[inline(always)]
        pub(in crate::sync::copy) fn of(words: &[[u8; 8]; 2]) -> Pair {
            Pair(words.map(u64::from_ne_bytes))
        }

        /// Stores the pair into the ring.
        ///
        /// # Safety
        ///
        /// `into` is valid for writes of 16 bytes.
        #[inline(always)]
        pub(in crate::sync::copy) unsafe fn store(self, into: *mut u8) {
            // SAFETY: valid by the caller, and packed.
            unsafe { into.cast::<Unaligned<Pair>>().write_volatile(Unaligned(self)) };
        }

        /// Stores the pair into the ring, the second word first.
        ///
        /// # Safety
        ///
        /// `into` is valid for writes of 16 bytes.
        #[inline(always)]
        pub(in crate::sync::copy) unsafe fn store_by_words(self, into: *mut u8) {
            let [first, second] = self.0.map(Unaligned);
            // SAFETY: the second of the 16 bytes' two words, and packed.
            unsafe { into.wrapping_add(8).cast::<Unaligned<u64>>().write_volatile(second) };
            // SAFETY: the first of them.
            unsafe { into.cast::<Unaligned<u64>>().write_volatile(first) };
        }
    }

    /// Compares words with a stamp.
    pub(in crate::sync::copy) struct Watcher {
        stamp: u32,
        found: bool,
    }

    impl Watcher {
        #[inline(always)]
        pub(in crate::sync::copy) fn of(stamp: u32) -> Watcher {
            Watcher { stamp, found: false }
        }

        #[inline(always)]
        pub(in crate::sync::copy) fn watch(&mut self, words: Pair) {
            self.found |= words.0.iter().any(|word| is_borne(u64::from_le(*word), self.stamp));
        }

        #[inline(always)]
        pub(in crate::sync::copy) fn has_found(&self) -> bool {
            self.found
        }
    }
}
