//! The payload that every checked case carries: each byte follows from seed and position.

use annulus_benches::payload::Script;

fn every_flipped_bit_is_found<const N: usize>() {
    let script = Script::new(42, None);
    let message = script.message::<N>(7);
    assert!(script.matches(&message, 7));
    for bit in 0..N * 8 {
        let mut spoiled = message;
        spoiled[bit / 8] ^= 1 << (bit % 8);
        assert!(!script.matches(&spoiled, 7), "{N} bytes, bit {bit}");
    }
}

#[test]
fn every_bit_of_a_message_is_checked_also_in_a_partial_word() {
    every_flipped_bit_is_found::<1>();
    every_flipped_bit_is_found::<7>();
    every_flipped_bit_is_found::<8>();
    every_flipped_bit_is_found::<13>();
    every_flipped_bit_is_found::<56>();
    every_flipped_bit_is_found::<63>();
    every_flipped_bit_is_found::<64>();
    every_flipped_bit_is_found::<1024>();
}

#[test]
fn another_position_or_seed_is_another_message() {
    let script = Script::new(42, None);
    let message = script.message::<64>(7);
    assert!(!script.matches(&message, 6));
    assert!(!script.matches(&message, 8));
    assert!(!Script::new(43, None).matches(&message, 7));
    assert!(!script.matches(&[0; 64], 7));
}

#[test]
fn words_within_a_message_differ() {
    let message = Script::new(0, None).message::<64>(0);
    let (words, _) = message.as_chunks::<8>();
    for i in 1..words.len() {
        assert!(!words[..i].contains(&words[i]), "word {i}");
    }
}

#[test]
fn in_place_is_the_same_message_and_checked_as_well() {
    let script = Script::new(9, None);
    let mut place = [0u64; 32];
    // SAFETY: 32 words of our own.
    unsafe { script.write_in_place(place.as_mut_ptr(), 32, 3) };
    let bytes: Vec<u8> = place.iter().flat_map(|word| word.to_ne_bytes()).collect();
    assert!(script.matches(&bytes, 3));
    for word in 0..32 {
        // SAFETY: as above.
        assert!(unsafe { script.matches_in_place(place.as_ptr(), 32, 3) });
        place[word] ^= 1 << word;
        // SAFETY: as above.
        assert!(!unsafe { script.matches_in_place(place.as_ptr(), 32, 3) }, "word {word}");
        place[word] ^= 1 << word;
    }
}

#[test]
fn a_planted_flip_spoils_one_message_and_only_that() {
    let clean = Script::new(5, None);
    let planted = Script::new(5, Some(3));
    for position in 0..6 {
        let matches = clean.matches(&planted.message::<56>(position), position);
        assert_eq!(matches, position != 3, "position {position}");
    }
    let mut place = [0u64; 8];
    // SAFETY: 8 words of our own.
    unsafe { planted.write_in_place(place.as_mut_ptr(), 8, 3) };
    // SAFETY: as above.
    assert!(!unsafe { planted.matches_in_place(place.as_ptr(), 8, 3) });
}
