//! Dead letters between processes' handles: shown, and discarded by one.

use super::{SLOTS, named, soon};
use annulus::error::Severed;
use annulus::ring::mpmc::{Delivery, RecvError};
use annulus::{Attach, Backing, Config, Segment};
use annulus_testkit::Scratch;
use std::fs::OpenOptions;

/// All who take the next message give it back, until nobody gets it any more.
fn spoil(segment: &Segment) {
    for _ in 0..16 {
        let mut consumer = segment.mpmc_consumer().unwrap();
        consumer.take(soon()).unwrap();
        assert_eq!(consumer.close(), 0);
    }
    assert_eq!(segment.mpmc_consumer().unwrap().try_take().map(drop), Err(RecvError::Empty));
}

#[test]
fn a_dead_letter_is_seen_by_all_who_have_the_segment_and_discarded_by_one() {
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &Config::mpmc(SLOTS)).unwrap();
    let other = Segment::attach(&named(&scratch), &Attach::default()).unwrap();
    let mut producer = segment.mpmc_producer().unwrap();
    let messages = [&b""[..], b"seven", &[7; 48]];
    for message in messages {
        producer.send(message, soon()).unwrap();
        spoil(&segment);
    }
    assert_eq!(other.occupancy().unwrap().dead_letters, 3);
    let letters = other.dead_letters().unwrap();
    let seen: Vec<_> = letters.iter().map(|letter| (letter.position, &letter.bytes[..])).collect();
    assert_eq!(seen, [(0, messages[0]), (1, messages[1]), (2, messages[2])]);
    assert_eq!(
        (other.discard_dead_letter(1), segment.discard_dead_letter(1)),
        (Ok(true), Ok(false))
    );
    assert_eq!(segment.dead_letters().unwrap().len(), 2);
    // It takes no part, and what is in the ring is whole.
    producer.send(b"next", soon()).unwrap();
    assert_eq!(segment.mpmc_consumer().unwrap().take(soon()).unwrap().len(), 4);
}

#[test]
fn where_there_is_no_room_for_dead_letters_their_messages_are_lost_and_counted() {
    let none = [SLOTS.dead_letters(0), SLOTS.delivery(Delivery::AtMostOnce)];
    for (slots, attempts) in none.into_iter().zip([16, 1]) {
        let segment = Segment::create(&Backing::Memfd, &Config::mpmc(slots)).unwrap();
        segment.mpmc_producer().unwrap().send(b"7", soon()).unwrap();
        let lost: u64 = (0..attempts)
            .map(|_| {
                let mut consumer = segment.mpmc_consumer().unwrap();
                consumer.take(soon()).unwrap();
                consumer.close()
            })
            .sum();
        assert_eq!((lost, segment.dead_letters()), (1, Ok(Vec::new())));
    }
    let two = Segment::create(&Backing::Memfd, &Config::spsc(4096)).unwrap();
    assert_eq!((two.dead_letters(), two.discard_dead_letter(0)), (Ok(Vec::new()), Ok(false)));
}

#[test]
fn of_a_ring_that_was_cut_short_no_letters_are_told() {
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &Config::mpmc(SLOTS)).unwrap();
    annulus::segment::guard_truncation().unwrap();
    OpenOptions::new().write(true).open(scratch.path()).unwrap().set_len(0).unwrap();
    assert_eq!(segment.dead_letters(), Err(Severed::Truncated));
    assert_eq!(segment.discard_dead_letter(0), Err(Severed::Truncated));
}
