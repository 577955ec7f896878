//! Copies between private memory and memory that a peer may write meanwhile.
//!
//! `memcpy` on such bytes is a data race, and a compiler may read its source twice. These copies
//! are volatile accesses: each happens once, in one piece of at most 16 bytes, as it stands. (Only
//! the 16-byte store is an instruction of its own: as a volatile one it would go by the stack.) The
//! need is that of Rust's RFC 3301 (bytewise atomic memcpy), which the language does not have yet.
//! Between correct peers no such access races: edges W and H of the rings order them.
//!
//! Unlike opaque instructions, volatile accesses leave the compiler what it knows of everything
//! else: a ring's fields stay in registers, and a message that is made and sent, or received and
//! looked at, in one place need not pass through private memory on its way.
//!
//! How wide they are is a matter of the store queue, in which a ring's lines wait for the other
//! core:
//!
//! * Stores into the ring are 16 bytes wide, so that half as many wait in the queue.
//! * Loads from a message that the caller has just written are 8 bytes wide. A load wider than
//!   the store it wants cannot be served from the queue, and waits until all before it are done.
//! * What is written is compared with the next lap's stamp while it is in a register. Reading it
//!   back from the ring would wait for the miss.
//! * Stores to the caller's buffer are wide and do not overlap, for the caller's loads likewise
//!   (a 56-byte receive on a Zen 5: 9.9 ns by words, 8.6 ns by overlapping moves, 4.3 ns so).

#[cfg(all(target_arch = "x86_64", not(miri)))]
use pair_x86_64::{Pair, Watcher};

#[cfg(any(miri, not(target_arch = "x86_64")))]
use pair_portable::{Pair, Watcher};

/// Bytes that are moved in one turn of a loop.
const BLOCK: usize = 64;

/// Whether the upper half of any word is `stamp`.
#[inline(always)]
pub(super) fn bears(words: &[[u8; 8]], stamp: u32) -> bool {
    words.iter().fold(false, |found, word| found | is_borne(u64::from_le_bytes(*word), stamp))
}

#[inline(always)]
const fn is_borne(word: u64, stamp: u32) -> bool {
    (word >> 32) as u32 == stamp
}

/// Copies `words` into the ring, and says whether the upper half of any of them is `stamp`.
///
/// # Safety
///
/// `into` is valid for writes of `words`, and aligned to 8.
#[inline(always)]
pub(super) unsafe fn into_ring_watched(into: *mut u8, words: &[[u8; 8]], stamp: u32) -> bool {
    let mut watcher = Watcher::of(stamp);
    let mut into = into;
    let mut put = |words: &[[u8; 8]; 2]| {
        let pair = Pair::of(words);
        // SAFETY: each pair of words has its 16 bytes of the ring, one after the other.
        unsafe { pair.store(into) };
        into = into.wrapping_add(16);
        watcher.watch(pair);
    };
    let (blocks, rest) = words.as_chunks::<{ BLOCK / 8 }>();
    for block in blocks {
        block.as_chunks::<2>().0.iter().for_each(&mut put);
    }
    let (pairs, last) = rest.as_chunks::<2>();
    pairs.iter().for_each(&mut put);
    let [last] = last else { return watcher.has_found() };
    let last = u64::from_le_bytes(*last);
    // SAFETY: eight bytes are left of the ring's, and aligned.
    unsafe { into.cast::<u64>().write_volatile(last.to_le()) };
    watcher.has_found() || is_borne(last, stamp)
}

/// Copies `len` bytes of private memory into the ring, and no byte beside them.
///
/// # Safety
///
/// `from` is valid for reads and `into` for writes of `len` bytes, and they do not overlap.
#[inline(always)]
pub(super) unsafe fn into_ring(into: *mut u8, from: *const u8, len: usize) {
    // SAFETY: the same contract.
    unsafe { copy::<IntoRing>(into, from, len) };
}

/// Copies `len` bytes of the ring to private memory, and no byte beside them.
///
/// # Safety
///
/// As for [`into_ring`].
#[inline(always)]
pub(super) unsafe fn out_of_ring(into: *mut u8, from: *const u8, len: usize) {
    // SAFETY: the same contract.
    unsafe { copy::<OutOfRing>(into, from, len) };
}

/// Which of the two sides is the ring's.
trait Way {
    /// Moves one `T`.
    ///
    /// # Safety
    ///
    /// `from` is valid for reads of a `T`, `into` for writes; neither needs to be aligned.
    unsafe fn step<T: Copy>(into: *mut u8, from: *const u8);
    /// Moves 16 bytes.
    ///
    /// # Safety
    ///
    /// `from` is valid for reads of 16 bytes, `into` for writes.
    unsafe fn pair(into: *mut u8, from: *const u8);
}

struct IntoRing;
struct OutOfRing;

/// A value where no alignment is asked for.
#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Unaligned<T>(T);

impl Way for IntoRing {
    #[inline(always)]
    unsafe fn step<T: Copy>(into: *mut u8, from: *const u8) {
        // SAFETY: valid by the caller, and packed.
        let value = unsafe { from.cast::<Unaligned<T>>().read() };
        // SAFETY: as above.
        unsafe { into.cast::<Unaligned<T>>().write_volatile(value) };
    }

    #[inline(always)]
    unsafe fn pair(into: *mut u8, from: *const u8) {
        // SAFETY: 16 bytes by the caller, and bytes need no alignment.
        let words = unsafe { &*from.cast::<[[u8; 8]; 2]>() };
        // SAFETY: as above.
        unsafe { Pair::of(words).store(into) };
    }
}

impl Way for OutOfRing {
    #[inline(always)]
    unsafe fn step<T: Copy>(into: *mut u8, from: *const u8) {
        // SAFETY: valid by the caller, and packed.
        let value = unsafe { from.cast::<Unaligned<T>>().read_volatile() };
        // SAFETY: as above.
        unsafe { into.cast::<Unaligned<T>>().write(value) };
    }

    #[inline(always)]
    unsafe fn pair(into: *mut u8, from: *const u8) {
        // SAFETY: the same contract.
        unsafe { Self::step::<Pair>(into, from) };
    }
}

/// Copies `len` bytes: in turns of a block, then what the bits of the rest say.
#[inline(always)]
unsafe fn copy<W: Way>(mut into: *mut u8, mut from: *const u8, len: usize) {
    // Each step moves bytes that are left of the two ranges: a turn has 64 of them, and a bit of
    // `len` says that its value is left when all higher bits were served.
    for _ in 0..len / BLOCK {
        for at in [0, 16, 32, 48] {
            // SAFETY: 64 bytes are left.
            unsafe { W::pair(into.wrapping_add(at), from.wrapping_add(at)) };
        }
        (into, from) = (into.wrapping_add(BLOCK), from.wrapping_add(BLOCK));
    }
    if len.is_multiple_of(BLOCK) {
        return;
    }
    if len & 32 != 0 {
        for at in [0, 16] {
            // SAFETY: 32 bytes are left.
            unsafe { W::pair(into.wrapping_add(at), from.wrapping_add(at)) };
        }
        (into, from) = (into.wrapping_add(32), from.wrapping_add(32));
    }
    if len & 16 != 0 {
        // SAFETY: 16 bytes are left.
        unsafe { W::pair(into, from) };
        (into, from) = (into.wrapping_add(16), from.wrapping_add(16));
    }
    if len & 8 != 0 {
        // SAFETY: 8 bytes are left.
        unsafe { W::step::<u64>(into, from) };
        (into, from) = (into.wrapping_add(8), from.wrapping_add(8));
    }
    if len.is_multiple_of(8) {
        return;
    }
    if len & 4 != 0 {
        // SAFETY: 4 bytes are left.
        unsafe { W::step::<u32>(into, from) };
        (into, from) = (into.wrapping_add(4), from.wrapping_add(4));
    }
    if len & 2 != 0 {
        // SAFETY: 2 bytes are left.
        unsafe { W::step::<u16>(into, from) };
        (into, from) = (into.wrapping_add(2), from.wrapping_add(2));
    }
    if len & 1 != 0 {
        // SAFETY: 1 byte is left.
        unsafe { W::step::<u8>(into, from) };
    }
}

/// Sixteen bytes in one register.
#[cfg(all(target_arch = "x86_64", not(miri)))]
mod pair_x86_64 {
    use core::arch::asm;
    use core::arch::x86_64::{
        __m128i, _mm_castsi128_pd, _mm_cmpeq_epi32, _mm_cvtsi64_si128, _mm_movemask_pd,
        _mm_or_si128, _mm_set1_epi32, _mm_setzero_si128, _mm_unpacklo_epi64,
    };

    #[derive(Clone, Copy)]
    #[repr(transparent)]
    pub(super) struct Pair(__m128i);

    impl Pair {
        /// Two words, loaded one by one.
        #[inline(always)]
        pub(super) fn of(words: &[[u8; 8]; 2]) -> Pair {
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
        pub(super) unsafe fn store(self, into: *mut u8) {
            // SAFETY: valid by the caller; one store that asks for no alignment.
            unsafe {
                asm!("movups [{into}], {pair}", into = in(reg) into, pair = in(xmm_reg) self.0,
                    options(nostack, preserves_flags));
            }
        }
    }

    /// Compares words with a stamp, two at a time.
    pub(super) struct Watcher {
        stamps: __m128i,
        found: __m128i,
    }

    impl Watcher {
        #[inline(always)]
        pub(super) fn of(stamp: u32) -> Watcher {
            // SAFETY: SSE2 is part of every x86-64.
            let stamps = unsafe { _mm_set1_epi32(stamp as i32) };
            // SAFETY: as above.
            Watcher { stamps, found: unsafe { _mm_setzero_si128() } }
        }

        #[inline(always)]
        pub(super) fn watch(&mut self, words: Pair) {
            // SAFETY: SSE2 is part of every x86-64.
            let equal = unsafe { _mm_cmpeq_epi32(words.0, self.stamps) };
            // SAFETY: as above.
            self.found = unsafe { _mm_or_si128(self.found, equal) };
        }

        /// Lower halves were compared too: only the upper one of each word counts, which has the
        /// top bit of its lane.
        #[inline(always)]
        pub(super) fn has_found(&self) -> bool {
            // SAFETY: SSE2 is part of every x86-64.
            let lanes = unsafe { _mm_castsi128_pd(self.found) };
            // SAFETY: as above.
            unsafe { _mm_movemask_pd(lanes) != 0 }
        }
    }
}

/// Sixteen bytes for processors whose registers nobody has named yet, and for Miri.
#[cfg(any(miri, not(target_arch = "x86_64")))]
mod pair_portable {
    #[derive(Clone, Copy)]
    #[repr(transparent)]
    pub(super) struct Pair([u64; 2]);

    impl Pair {
        /// Two words, loaded one by one.
        #[inline(always)]
        pub(super) fn of(words: &[[u8; 8]; 2]) -> Pair {
            Pair(words.map(u64::from_ne_bytes))
        }

        /// Stores the pair into the ring.
        ///
        /// # Safety
        ///
        /// `into` is valid for writes of 16 bytes.
        #[inline(always)]
        pub(super) unsafe fn store(self, into: *mut u8) {
            // SAFETY: valid by the caller, and packed.
            unsafe { into.cast::<super::Unaligned<Pair>>().write_volatile(super::Unaligned(self)) };
        }
    }

    /// Compares words with a stamp.
    pub(super) struct Watcher {
        stamp: u32,
        found: bool,
    }

    impl Watcher {
        #[inline(always)]
        pub(super) fn of(stamp: u32) -> Watcher {
            Watcher { stamp, found: false }
        }

        #[inline(always)]
        pub(super) fn watch(&mut self, words: Pair) {
            self.found |=
                words.0.iter().any(|word| super::is_borne(u64::from_le(*word), self.stamp));
        }

        #[inline(always)]
        pub(super) fn has_found(&self) -> bool {
            self.found
        }
    }
}

#[cfg(test)]
mod tests;
