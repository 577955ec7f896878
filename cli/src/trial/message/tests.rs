//! That what was written is read, and that no byte of it can change unseen.

use super::{LONG, SHORTEST, Seen, Stamp, Wrong, fill, read, seal};

fn made(len: usize, stamp: &Stamp) -> Vec<u8> {
    let mut message = vec![0; len];
    fill(&mut message, stamp.seed, stamp.number);
    seal(&mut message, stamp);
    message
}

const STAMP: Stamp =
    Stamp { seed: 0xFEDC_BA98_7654_3210, number: 5_000_000_000, sent_ns: Some(77), last: false };

#[test]
fn a_long_message_tells_all_of_its_stamp() {
    for len in [LONG, LONG + 1, 56, 64, 4096, 4099] {
        for last in [false, true] {
            for sent_ns in [None, Some(0), Some(u64::MAX)] {
                let stamp = Stamp { last, sent_ns, ..STAMP };
                let seen = read(&made(len, &stamp)).unwrap();
                assert_eq!(seen, Seen { stamp, seed_bits: u64::MAX, number_bits: u64::MAX });
            }
        }
    }
}

#[test]
fn a_short_message_tells_what_it_has_room_for() {
    for len in SHORTEST..LONG {
        for last in [false, true] {
            let Seen { stamp, seed_bits, number_bits } =
                read(&made(len, &Stamp { last, ..STAMP })).unwrap();
            assert_eq!((seed_bits, number_bits), (0xFFFF, 0xFFFF_FFFF));
            assert_eq!((stamp.seed, stamp.number), (0x3210, 5_000_000_000 & 0xFFFF_FFFF));
            assert_eq!((stamp.sent_ns, stamp.last), (None, last));
        }
    }
}

#[test]
fn a_changed_bit_of_a_long_message_is_seen_wherever_it_stands() {
    let message = made(LONG + 21, &STAMP);
    for bit in 0..message.len() * 8 {
        let mut spoiled = message.clone();
        spoiled[bit / 8] ^= 1 << (bit % 8);
        let wrong = read(&spoiled).expect_err("a changed bit is seen");
        match bit / 8 {
            0..5 => assert_eq!(wrong, Wrong::Foreign),
            5..LONG => assert_eq!(wrong, Wrong::Header, "byte {}", bit / 8),
            at => {
                let (found, sent) = (spoiled[at], message[at]);
                assert_eq!(wrong, Wrong::Byte { number: STAMP.number, at, found, sent });
            }
        }
    }
}

#[test]
fn a_changed_bit_of_a_short_message_is_seen_or_makes_it_another_one() {
    let message = made(21, &STAMP);
    let whole = read(&message).unwrap();
    for bit in 0..message.len() * 8 {
        let mut spoiled = message.clone();
        spoiled[bit / 8] ^= 1 << (bit % 8);
        match (bit / 8, read(&spoiled)) {
            (0, wrong) => assert_eq!(wrong, Err(Wrong::Foreign)),
            // The bit of the last one, which the end of the run shows.
            (1, Ok(seen)) if bit == 15 => assert!(seen.stamp.last && !whole.stamp.last),
            (1, wrong) => assert!(matches!(wrong, Err(Wrong::Length { found: 21, .. }))),
            (_, wrong) => assert!(matches!(wrong, Err(Wrong::Byte { .. })), "bit {bit}: {wrong:?}"),
        }
    }
}

#[test]
fn other_lengths_other_texts_and_zeros_are_refused() {
    for len in [LONG - 1, LONG, 64, 100] {
        let message = made(len, &STAMP);
        for shorter in 0..len {
            assert!(read(&message[..shorter]).is_err(), "{shorter} of {len}");
        }
        let mut longer = message;
        longer.push(0);
        assert!(read(&longer).is_err(), "{len} and one more");
    }
    for len in 0..100 {
        for byte in [0, 1, b'a', 0xFF] {
            assert_eq!(read(&vec![byte; len]), Err(Wrong::Foreign));
        }
    }
}

#[test]
fn neighbours_and_runs_have_different_payloads() {
    let payload = |seed, number| made(64, &Stamp { seed, number, ..STAMP })[LONG..].to_vec();
    let one = payload(1, 1);
    for other in [payload(1, 2), payload(2, 1), payload(1, 1 << 40)] {
        let same = one.iter().zip(&other).filter(|(one, other)| one == other).count();
        assert!(same < 4, "{same} of {} bytes are the same", one.len());
    }
}
