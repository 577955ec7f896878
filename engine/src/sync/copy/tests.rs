//! The copies copy, and see what they are to see.

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
fn a_stamp_is_seen_in_every_word_of_every_length_and_only_there() {
    const STAMP: u32 = 0x8123_4567;
    for count in 0..=if cfg!(miri) { 4 } else { 40usize } {
        for place in 0..=count {
            let mut words = vec![(u64::from(STAMP)).to_le_bytes(); count];
            if let Some(word) = words.get_mut(place) {
                *word = (u64::from(STAMP) << 32 | 5).to_le_bytes();
            }
            let mut target = vec![0u64; count + 1];
            // SAFETY: the target is longer than the words, and aligned to them.
            let seen = unsafe { into_ring_watched(target.as_mut_ptr().cast(), &words, STAMP) };
            assert_eq!(seen, place < count, "word {place} of {count}");
            words.push([0; 8]);
            assert_eq!(
                target,
                words.iter().map(|&word| u64::from_le_bytes(word)).collect::<Vec<_>>()
            );
        }
    }
}
