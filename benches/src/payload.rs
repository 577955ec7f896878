//! The bytes of a message, made from (seed, position) and compared where they arrive.
//!
//! Word `i` of message `position` is `seed + position * SPREAD + i * STRIDE`, little-endian,
//! wrapping; a message whose length is no multiple of 8 ends in the first bytes of the word that
//! would follow. That covers every byte, tells neighbours in the stream and in the message
//! apart, and costs one addition a word, which vectorises: the check must not dominate a message
//! that takes 2 ns to move.
//!
//! A *planted flip* is the check's own check: the sender inverts one bit of one message, and
//! the run must fail ([`SideFault::Mismatch`](crate::fault::SideFault::Mismatch)).

/// Odd, and its bits look random: two positions differ in every byte of their words.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
/// What undoes a product by it: each step of Newton's doubles the bits that are right.
const SPREAD_INVERSE: u64 = {
    let mut inverse = SPREAD;
    let mut bits = 3;
    while bits < 64 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(SPREAD.wrapping_mul(inverse)));
        bits *= 2;
    }
    assert!(SPREAD.wrapping_mul(inverse) == 1);
    inverse
};
/// Odd too, for the words within a message. Short, so that eight words' multiples are part of the
/// instructions that add them: as long as `SPREAD` it would cost a message of 64 bytes as much as
/// the ring itself, on either side.
const STRIDE: u64 = 0x0D4B_2AE3;
/// A position that no run reaches: no flip.
const NOWHERE: u64 = u64::MAX;

/// What all messages of a run contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Script {
    seed: u64,
    flip: u64,
}

impl Script {
    /// The messages of `seed`; the sender spoils the one at position `flip`, if any.
    pub fn new(seed: u64, flip: Option<u64>) -> Script {
        Script { seed, flip: flip.unwrap_or(NOWHERE) }
    }

    /// The message at `position`, as the sender sends it.
    #[inline(always)]
    pub fn message<const N: usize>(&self, position: u64) -> [u8; N] {
        let mut bytes = [0; N];
        let mut word = self.first_word(position);
        let (words, rest) = bytes.as_chunks_mut::<8>();
        for place in words {
            *place = word.to_le_bytes();
            word = word.wrapping_add(STRIDE);
        }
        let len = rest.len();
        rest.copy_from_slice(&word.to_le_bytes()[..len]);
        if position == self.flip {
            spoil(&mut bytes);
        }
        bytes
    }

    /// Whether `bytes` are the message at `position`, all of it.
    #[inline(always)]
    pub fn matches(&self, bytes: &[u8], position: u64) -> bool {
        let first = self.first_word(position);
        let (words, rest) = bytes.as_chunks::<8>();
        let (pairs, last) = words.as_chunks::<2>();
        // Two words at a time, which is one instruction for both.
        let mut expected = [first, first.wrapping_add(STRIDE)];
        let mut difference = [0; 2];
        for pair in pairs {
            for lane in 0..2 {
                difference[lane] |= u64::from_le_bytes(pair[lane]) ^ expected[lane];
                expected[lane] = expected[lane].wrapping_add(2 * STRIDE);
            }
        }
        let mut difference = difference[0] | difference[1];
        let mut word = expected[0];
        for found in last {
            difference |= u64::from_le_bytes(*found) ^ word;
            word = expected[1];
        }
        difference == 0 && rest == &word.to_le_bytes()[..rest.len()]
    }

    /// The position of the message of 8 bytes that these are; for other bytes one that no run
    /// reaches.
    #[inline(always)]
    pub fn position(&self, message: [u8; 8]) -> u64 {
        u64::from_le_bytes(message).wrapping_sub(self.seed).wrapping_mul(SPREAD_INVERSE)
    }

    /// Writes the `words` words of the message at `position` in place.
    ///
    /// # Safety
    /// `place` is good for writing `words` words, and nobody reads or writes them meanwhile.
    #[inline(always)]
    pub unsafe fn write_in_place(&self, place: *mut u64, words: usize, position: u64) {
        let flip = u64::from(position == self.flip);
        // One addition a word: a product of `i` costs twice as much as all the rest.
        let mut word = self.first_word(position);
        for i in 0..words {
            // SAFETY: `i` is below `words`, which the caller vouches for.
            let word_place = unsafe { place.add(i) };
            // SAFETY: the caller has these words to itself; unaligned asks nothing more of them.
            unsafe { word_place.write_unaligned((word ^ flip).to_le()) };
            word = word.wrapping_add(STRIDE);
        }
    }

    /// Whether the `words` words at `place` are the message at `position`, all of it.
    ///
    /// # Safety
    /// `place` is good for reading `words` words, and nobody writes them meanwhile.
    #[inline(always)]
    pub unsafe fn matches_in_place(&self, place: *const u64, words: usize, position: u64) -> bool {
        let mut word = self.first_word(position);
        let mut difference = 0;
        for i in 0..words {
            // SAFETY: `i` is below `words`, which the caller vouches for.
            let word_place = unsafe { place.add(i) };
            // SAFETY: nobody writes these words now, says the caller.
            difference |= u64::from_le(unsafe { word_place.read_unaligned() }) ^ word;
            word = word.wrapping_add(STRIDE);
        }
        difference == 0
    }

    #[inline(always)]
    fn first_word(&self, position: u64) -> u64 {
        self.seed.wrapping_add(position.wrapping_mul(SPREAD))
    }
}

/// Inverts the last byte's highest bit: the place that a careless check forgets first.
#[cold]
fn spoil(bytes: &mut [u8]) {
    if let Some(last) = bytes.last_mut() {
        *last ^= 0x80;
    }
}
