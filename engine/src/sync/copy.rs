//! Copies between private memory and memory that a peer may write meanwhile.
//!
//! `memcpy` on such bytes is a data race, and a compiler may read its source twice. These copies
//! are instructions that the compiler does not look into. The need is that of Rust's RFC 3301
//! (bytewise atomic memcpy), which the language does not have yet.
//!
//! They are plain Rust around opaque moves, so a length known to the compiler leaves nothing but
//! the moves. Which moves is a matter of the store queue, in which a ring's lines wait for the
//! other core:
//!
//! * Stores into the ring are 16 bytes wide, so that half as many wait in the queue.
//! * Loads from a message that the caller has just written are 8 bytes wide. A load wider than
//!   the store it wants cannot be served from the queue, and waits until all before it are done.
//! * What is written is compared with the next lap's stamp while it is in a register. Reading it
//!   back from the ring would wait for the miss.
//! * Stores to the caller's buffer are wide and do not overlap, for the caller's loads likewise
//!   (a 56-byte receive on a Zen 5: 9.9 ns by words, 8.6 ns by overlapping moves, 4.3 ns so).

/// Whether the upper half of any word is `stamp`.
#[inline(always)]
pub(super) fn bears(words: &[[u8; 8]], stamp: u32) -> bool {
    let upper = |word: &[u8; 8]| (u64::from_le_bytes(*word) >> 32) as u32;
    words.iter().fold(false, |found, word| found | (upper(word) == stamp))
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(super) use x86_64::{into_ring, into_ring_watched, out_of_ring};

#[cfg(any(miri, not(target_arch = "x86_64")))]
pub(super) use portable::{into_ring, into_ring_watched, out_of_ring};

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod x86_64 {
    use core::arch::asm;
    use core::arch::x86_64::{
        __m128i, _mm_castsi128_pd, _mm_cmpeq_epi32, _mm_movemask_pd, _mm_or_si128, _mm_set1_epi32,
        _mm_setzero_si128,
    };

    /// Copies `words` into the ring, and says whether the upper half of any of them is `stamp`.
    ///
    /// # Safety
    ///
    /// `into` is valid for writes of `words`.
    #[inline(always)]
    pub(in super::super) unsafe fn into_ring_watched(
        into: *mut u8,
        words: &[[u8; 8]],
        stamp: u32,
    ) -> bool {
        let mut watcher = Watcher::of(stamp);
        let mut watch = |moved| watcher.watch(moved);
        let (blocks, rest) = words.as_chunks::<8>();
        let mut into = into;
        for block in blocks {
            let from = block.as_ptr().cast();
            // SAFETY: the block's first 16 bytes, and as many of the ring; so likewise below.
            watch(unsafe { move_halves::<0>(into, from) });
            // SAFETY: as above.
            watch(unsafe { move_halves::<16>(into, from) });
            // SAFETY: as above.
            watch(unsafe { move_halves::<32>(into, from) });
            // SAFETY: as above.
            watch(unsafe { move_halves::<48>(into, from) });
            into = into.wrapping_add(64);
        }
        let (pairs, last) = rest.as_chunks::<2>();
        for pair in pairs {
            // SAFETY: as above.
            watch(unsafe { move_halves::<0>(into, pair.as_ptr().cast()) });
            into = into.wrapping_add(16);
        }
        if !last.is_empty() {
            // SAFETY: eight bytes are left of both.
            unsafe { move_8(into, last.as_ptr().cast()) };
        }
        watcher.has_found() || super::bears(last, stamp)
    }

    /// Compares words with a stamp, two at a time.
    struct Watcher {
        stamps: __m128i,
        found: __m128i,
    }

    impl Watcher {
        #[inline(always)]
        fn of(stamp: u32) -> Watcher {
            // SAFETY: SSE2 is part of every x86-64.
            let stamps = unsafe { _mm_set1_epi32(stamp as i32) };
            // SAFETY: as above.
            Watcher { stamps, found: unsafe { _mm_setzero_si128() } }
        }

        #[inline(always)]
        fn watch(&mut self, words: __m128i) {
            // SAFETY: SSE2 is part of every x86-64.
            let equal = unsafe { _mm_cmpeq_epi32(words, self.stamps) };
            // SAFETY: as above.
            self.found = unsafe { _mm_or_si128(self.found, equal) };
        }

        /// Lower halves were compared too: only the upper one of each word counts, which has the
        /// top bit of its lane.
        #[inline(always)]
        fn has_found(&self) -> bool {
            // SAFETY: SSE2 is part of every x86-64.
            let lanes = unsafe { _mm_castsi128_pd(self.found) };
            // SAFETY: as above.
            unsafe { _mm_movemask_pd(lanes) != 0 }
        }
    }

    /// Copies `len` bytes of private memory into the ring, and no byte beside them.
    ///
    /// # Safety
    ///
    /// `from` is valid for reads and `into` for writes of `len` bytes, and they do not overlap.
    #[inline(always)]
    pub(in super::super) unsafe fn into_ring(into: *mut u8, from: *const u8, len: usize) {
        // SAFETY: the same contract.
        unsafe { copy::<false>(into, from, len) };
    }

    /// Copies `len` bytes of the ring to private memory, and no byte beside them.
    ///
    /// # Safety
    ///
    /// As for [`into_ring`].
    #[inline(always)]
    pub(in super::super) unsafe fn out_of_ring(into: *mut u8, from: *const u8, len: usize) {
        // SAFETY: the same contract.
        unsafe { copy::<true>(into, from, len) };
    }

    /// Copies `len` bytes: in turns of 64, then what the bits of the rest say.
    #[inline(always)]
    unsafe fn copy<const WIDE: bool>(mut into: *mut u8, mut from: *const u8, len: usize) {
        // Each step moves bytes that are left of the two ranges: a turn has 64 of them, and a bit
        // of `len` says that its value is left when all higher bits were served.
        for _ in 0..len / 64 {
            // SAFETY: 64 bytes are left.
            unsafe { move_16::<WIDE, 0>(into, from) };
            // SAFETY: as above.
            unsafe { move_16::<WIDE, 16>(into, from) };
            // SAFETY: as above.
            unsafe { move_16::<WIDE, 32>(into, from) };
            // SAFETY: as above.
            unsafe { move_16::<WIDE, 48>(into, from) };
            (into, from) = (into.wrapping_add(64), from.wrapping_add(64));
        }
        if len.is_multiple_of(64) {
            return;
        }
        if len & 32 != 0 {
            // SAFETY: 32 bytes are left.
            unsafe { move_16::<WIDE, 0>(into, from) };
            // SAFETY: as above.
            unsafe { move_16::<WIDE, 16>(into, from) };
            (into, from) = (into.wrapping_add(32), from.wrapping_add(32));
        }
        if len & 16 != 0 {
            // SAFETY: 16 bytes are left.
            unsafe { move_16::<WIDE, 0>(into, from) };
            (into, from) = (into.wrapping_add(16), from.wrapping_add(16));
        }
        if len & 8 != 0 {
            // SAFETY: 8 bytes are left.
            unsafe { move_8(into, from) };
            (into, from) = (into.wrapping_add(8), from.wrapping_add(8));
        }
        if len.is_multiple_of(8) {
            return;
        }
        if len & 4 != 0 {
            // SAFETY: 4 bytes are left.
            unsafe { move_4(into, from) };
            (into, from) = (into.wrapping_add(4), from.wrapping_add(4));
        }
        if len & 2 != 0 {
            // SAFETY: 2 bytes are left.
            unsafe { move_2(into, from) };
            (into, from) = (into.wrapping_add(2), from.wrapping_add(2));
        }
        if len & 1 != 0 {
            // SAFETY: 1 byte is left.
            unsafe { move_1(into, from) };
        }
    }

    #[inline(always)]
    unsafe fn move_16<const WIDE: bool, const AT: usize>(into: *mut u8, from: *const u8) {
        if WIDE {
            // SAFETY: the caller vouches for 16 bytes of both at `AT`. SSE2 is part of x86-64.
            unsafe {
                asm!("movups {x}, [{from} + {at}]", "movups [{into} + {at}], {x}",
                    x = out(xmm_reg) _, from = in(reg) from, into = in(reg) into, at = const AT,
                    options(nostack, preserves_flags));
            }
        } else {
            // SAFETY: as above.
            unsafe { move_halves::<AT>(into, from) };
        }
    }

    /// Moves 16 bytes by two loads and one store, and shows them.
    #[inline(always)]
    unsafe fn move_halves<const AT: usize>(into: *mut u8, from: *const u8) -> __m128i {
        let moved;
        // SAFETY: the caller vouches for 16 bytes of both at `AT`. SSE2 is part of x86-64.
        unsafe {
            asm!("movq {x}, [{from} + {at}]", "movhps {x}, [{from} + {at} + 8]",
                "movups [{into} + {at}], {x}",
                x = out(xmm_reg) moved, from = in(reg) from, into = in(reg) into, at = const AT,
                options(nostack, preserves_flags));
        }
        moved
    }

    /// Moves of one register.
    macro_rules! narrow_move {
        ($name:ident, $register:ident, $x:literal) => {
            #[inline(always)]
            unsafe fn $name(into: *mut u8, from: *const u8) {
                // SAFETY: the caller vouches for the bytes of both.
                unsafe {
                    asm!(concat!("mov ", $x, ", [{from}]"), concat!("mov [{into}], ", $x),
                        x = out($register) _, from = in(reg) from, into = in(reg) into,
                        options(nostack, preserves_flags));
                }
            }
        };
    }
    narrow_move!(move_8, reg, "{x}");
    narrow_move!(move_4, reg, "{x:e}");
    narrow_move!(move_2, reg, "{x:x}");
    narrow_move!(move_1, reg_byte, "{x}");
}

/// For processors whose block copy nobody has written yet, one relaxed atomic byte at a time; and
/// for Miri, which then sees every race on payload, by plain accesses.
#[cfg(any(miri, not(target_arch = "x86_64")))]
mod portable {
    use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

    /// Copies `words` into the ring, and says whether the upper half of any of them is `stamp`.
    ///
    /// # Safety
    ///
    /// `into` is valid for writes of `words`.
    pub(in super::super) unsafe fn into_ring_watched(
        into: *mut u8,
        words: &[[u8; 8]],
        stamp: u32,
    ) -> bool {
        let bytes = words.as_flattened();
        // SAFETY: the same contract; a slice is valid for reads.
        unsafe { into_ring(into, bytes.as_ptr(), bytes.len()) };
        super::bears(words, stamp)
    }

    /// Copies `len` bytes of private memory into the ring.
    ///
    /// # Safety
    ///
    /// `from` is valid for reads and `into` for writes of `len` bytes, and they do not overlap.
    pub(in super::super) unsafe fn into_ring(into: *mut u8, from: *const u8, len: usize) {
        if cfg!(miri) {
            // SAFETY: the same contract.
            return unsafe { into.copy_from_nonoverlapping(from, len) };
        }
        for at in 0..len {
            // SAFETY: within the source, by the caller.
            let byte = unsafe { from.add(at).read() };
            // SAFETY: within the target, by the caller.
            let target = unsafe { into.add(at) };
            // SAFETY: valid, and a byte needs no alignment.
            unsafe { AtomicU8::from_ptr(target) }.store(byte, Relaxed);
        }
    }

    /// Copies `len` bytes of the ring to private memory.
    ///
    /// # Safety
    ///
    /// As for [`into_ring`].
    pub(in super::super) unsafe fn out_of_ring(into: *mut u8, from: *const u8, len: usize) {
        if cfg!(miri) {
            // SAFETY: the same contract.
            return unsafe { into.copy_from_nonoverlapping(from, len) };
        }
        for at in 0..len {
            // SAFETY: within the source, by the caller.
            let source = unsafe { from.add(at) };
            // SAFETY: valid, and a byte needs no alignment; only ever loaded from.
            let byte = unsafe { AtomicU8::from_ptr(source.cast_mut()) }.load(Relaxed);
            // SAFETY: within the target, by the caller.
            unsafe { into.add(at).write(byte) };
        }
    }
}

#[cfg(test)]
mod tests;
