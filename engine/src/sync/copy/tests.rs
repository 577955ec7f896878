//! The copies copy what they are to copy, and nothing else.

use super::*;

#[test]
fn every_length_is_copied_whole_and_nothing_beside_it() {
    let source: Vec<u8> = (0..300u32).map(|byte| (byte * 7 + 1) as u8).collect();
    for len in 0..=if cfg!(miri) { 20 } else { 200 } {
        for (offset, copy) in [(0, into_ring as unsafe fn(_, _, _)), (3, out_of_ring)] {
            let mut target = vec![0xee; 300];
            // SAFETY: both vectors reach past `offset + len`.
            unsafe { copy(target[offset..].as_mut_ptr(), source.as_ptr(), len) };
            assert_eq!(target[offset..offset + len], source[..len]);
            assert!(target[..offset].iter().all(|&byte| byte == 0xee));
            assert!(target[offset + len..].iter().all(|&byte| byte == 0xee));
        }
    }
}

#[test]
fn words_go_in_and_values_come_out_whole_and_nothing_beside_them() {
    for count in 0..=if cfg!(miri) { 4 } else { 40usize } {
        let words: Vec<[u8; 8]> = (0..count as u64)
            .map(|word| (word * 0x0102_0304_0506_0708 + 9).to_le_bytes())
            .collect();
        let mut ring = vec![u64::MAX; count + 1];
        // SAFETY: the target is longer than the words, and aligned to them.
        unsafe { words_into_ring(ring.as_mut_ptr().cast(), &words) };
        assert_eq!(ring.pop(), Some(u64::MAX));
        let as_words: Vec<u64> = words.iter().map(|word| u64::from_ne_bytes(*word)).collect();
        assert_eq!(ring, as_words);
        let bytes = words.as_flattened();
        for len in (8 * count).saturating_sub(8)..=8 * count {
            let mut value = vec![0xee; len + 1];
            // SAFETY: the ring has the words, and the value one byte more than is copied.
            unsafe { words_out_of_ring(value.as_mut_ptr(), ring.as_ptr().cast(), len) };
            assert_eq!((&value[..len], value[len]), (&bytes[..len], 0xee));
        }
    }
}
