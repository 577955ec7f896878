//! Copies between private memory and memory that a peer may write meanwhile.
//!
//! `memcpy` on such bytes is a data race, and a compiler may read its source twice. These copies
//! are volatile accesses: each happens once, in one piece of at most 16 bytes, as it stands. (Only
//! the stores of two words in a register are instructions of their own: as a volatile one it would
//! go by the stack.) The need is that of Rust's RFC 3301 (bytewise atomic memcpy), which the
//! language does not have yet.
//! Between correct peers no such access races: edges W and H of the rings order them.
//!
//! Unlike opaque instructions, volatile accesses leave the compiler what it knows of everything
//! else: a ring's fields stay in registers, and a message that is made and sent, or received and
//! looked at, in one place need not pass through private memory on its way.
//!
//! How wide they are, and in which order, is a matter of the store queue, in which a ring's lines
//! wait for the other core:
//!
//! * A short message goes in word by word, from its end to its start, so that the record's own
//!   word, which comes last, follows stores to the same half of a line. A Zen 4 joins neighbouring
//!   stores to one aligned block of 32 bytes, and each block that it comes to waits once more for
//!   a line that the other core had: 56 bytes and their word by 16-byte stores that straddle
//!   blocks, word last, 11.7 ns; by words from the end, 9.1 ns; the same 16-byte stores from the
//!   end, 16.5 ns. (One thread, 64 KiB, a line the other core has read; a bare line: 7.1 ns.)
//!   A Zen 5 does not care.
//! * Stores of long messages are 16 bytes wide, so that half as many wait in the queue.
//! * Loads from a message that the caller has just written are 8 bytes wide. A load wider than
//!   the store it wants cannot be served from the queue, and waits until all before it are done.
//! * A message that stays in registers comes out word by word: what was loaded two words at a time
//!   has to be taken apart again (64 B on a Zen 5: 3.4 ns so, 2.9 by words).
//! * Stores to the caller's buffer are wide and do not overlap, for the caller's loads likewise
//!   (a 56-byte receive on a Zen 5: 9.9 ns by words, 8.6 ns by overlapping moves, 4.3 ns so).

mod pair;

use pair::Pair;

/// Bytes that are moved in one turn of a loop.
const BLOCK: usize = 64;

/// Messages of up to so many words are copied in word by word.
const SHORT_WORDS: usize = 16;

/// Copies `words` into the ring.
///
/// # Safety
///
/// `into` is valid for writes of `words`, and aligned to 8.
#[inline(always)]
pub(super) unsafe fn words_into_ring(into: *mut u8, words: &[[u8; 8]]) {
    if words.len() <= SHORT_WORDS {
        for (i, word) in words.iter().enumerate().rev() {
            // SAFETY: each word has its 8 bytes of the ring.
            unsafe { word_into_ring(into.wrapping_add(8 * i), word) };
        }
        return;
    }
    let (blocks, rest) = words.as_chunks::<{ BLOCK / 8 }>();
    let (pairs, last) = rest.as_chunks::<2>();
    let all = blocks.iter().flat_map(|block| block.as_chunks::<2>().0).chain(pairs);
    let mut into = into;
    for pair in all {
        // SAFETY: each pair of words has its 16 bytes of the ring, one after the other.
        unsafe { Pair::of(pair).store(into) };
        into = into.wrapping_add(16);
    }
    if let [last] = last {
        // SAFETY: eight bytes are left of the ring's.
        unsafe { word_into_ring(into, last) };
    }
}

/// Copies one word into the ring. As a number: the compiler moves an array by the stack.
///
/// # Safety
///
/// `into` is valid for writes of 8 bytes, and aligned to 8.
#[inline(always)]
unsafe fn word_into_ring(into: *mut u8, word: &[u8; 8]) {
    // SAFETY: the same contract.
    unsafe { into.cast::<u64>().write_volatile(u64::from_ne_bytes(*word)) };
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

/// As [`out_of_ring`], for a message that stays in registers: word by word, since what is loaded
/// two words at a time has to be taken apart again.
///
/// # Safety
///
/// As for [`into_ring`].
#[inline(always)]
pub(super) unsafe fn words_out_of_ring(into: *mut u8, from: *const u8, len: usize) {
    for at in (0..len / 8).map(|i| 8 * i) {
        // SAFETY: each word lies within the `len` bytes.
        unsafe { OutOfRing::step::<u64>(into.wrapping_add(at), from.wrapping_add(at)) };
    }
    let done = len / 8 * 8;
    // SAFETY: less than a word is left of the two ranges.
    unsafe { copy::<OutOfRing>(into.wrapping_add(done), from.wrapping_add(done), len - done) };
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

#[cfg(test)]
mod tests;
