//! Two words in one register.

#[cfg(any(miri, not(target_arch = "x86_64")))]
pub(super) use portable::Pair;
#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(super) use x86_64::Pair;

/// By SSE2.
#[cfg(all(target_arch = "x86_64", not(miri)))]
mod x86_64 {
    use core::arch::asm;
    use core::arch::x86_64::{__m128i, _mm_cvtsi64_si128, _mm_unpacklo_epi64};

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
    }
}

/// For processors whose registers nobody has named yet, and for Miri.
#[cfg(any(miri, not(target_arch = "x86_64")))]
mod portable {
    use super::super::Unaligned;

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
    }
}
