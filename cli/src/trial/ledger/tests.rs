//! Which orders are right, and what the others are called.

use super::super::message::{Seen, Stamp};
use super::{Counts, Disorder, Ledger};

fn long(seed: u64, number: u64) -> Seen {
    let stamp = Stamp { seed, number, sent_ns: None, last: false };
    Seen { stamp, seed_bits: u64::MAX, number_bits: u64::MAX }
}

fn short(seed: u64, number: u64) -> Seen {
    let Seen { stamp, .. } = long(seed & 0xFFFF, number & 0xFFFF_FFFF);
    Seen { stamp, seed_bits: 0xFFFF, number_bits: 0xFFFF_FFFF }
}

fn last(mut seen: Seen) -> Seen {
    seen.stamp.last = true;
    seen
}

#[track_caller]
fn taken(ledger: &mut Ledger, messages: &[Seen]) {
    for message in messages {
        assert_eq!(ledger.take(message, 10), Ok(()), "{message:?}");
    }
}

#[test]
fn a_run_is_counted_to_its_last_message() {
    let mut ledger = Ledger::new();
    ledger.join(true, 0);
    taken(&mut ledger, &[long(9, 0), long(9, 1)]);
    assert_eq!(ledger.awaits(), Some(2));
    taken(&mut ledger, &[last(long(9, 2))]);
    assert_eq!(ledger.awaits(), None);
    let counts =
        Counts { runs: 1, messages: 3, bytes: 30, repeated: 0, gaps: 0, first: 0, newest: 2 };
    assert_eq!(ledger.counts, counts);
}

#[test]
fn a_number_that_does_not_follow_is_a_gap_or_a_repeat() {
    for form in [long, short] {
        let mut ledger = Ledger::new();
        taken(&mut ledger, &[form(9, 5), form(9, 6)]);
        let gap = Disorder::Gap { number: 8, expected: 7 };
        assert_eq!(ledger.take(&form(9, 8), 10), Err(gap));
        for number in [0, 5, 6] {
            let repeat = Disorder::Repeat { number, expected: 7 };
            assert_eq!(ledger.take(&form(9, number), 10), Err(repeat));
        }
        assert_eq!((ledger.counts.gaps, ledger.counts.messages), (1, 2));
    }
}

#[test]
fn who_receives_first_begins_with_number_0_and_a_successor_anywhere() {
    let mut ledger = Ledger::new();
    ledger.join(true, 0);
    let gap = Disorder::Gap { number: 3, expected: 0 };
    assert_eq!(ledger.take(&long(9, 3), 10), Err(gap));
    let mut ledger = Ledger::new();
    ledger.join(false, 0);
    taken(&mut ledger, &[long(9, 3)]);
    assert_eq!((ledger.counts.first, ledger.counts.newest), (3, 3));
}

#[test]
fn another_run_may_follow_one_that_ended_and_from_its_beginning_only() {
    let mut ledger = Ledger::new();
    taken(&mut ledger, &[long(1, 0)]);
    let other = Disorder::OtherRun { number: 0, expected: 1 };
    assert_eq!(ledger.take(&long(2, 0), 10), Err(other));
    taken(&mut ledger, &[last(long(1, 1))]);
    let gap = Disorder::Gap { number: 1, expected: 0 };
    assert_eq!(ledger.take(&long(2, 1), 10), Err(gap));
    let repeat = Disorder::Repeat { number: 2, expected: 2 };
    assert_eq!(ledger.take(&long(1, 2), 10), Err(repeat), "behind the last one");
    taken(&mut ledger, &[long(2, 0)]);
    assert_eq!(ledger.counts.runs, 2);
}

#[test]
fn short_and_long_messages_of_one_run_mix_and_numbers_go_beyond_32_bits() {
    let (seed, start) = (0xABCD_0000_1234_5678, 0xFFFF_FFFE);
    let mut ledger = Ledger::new();
    taken(&mut ledger, &[short(seed, start), long(seed, start + 1), short(seed, start + 2)]);
    taken(&mut ledger, &[short(seed, start + 3), long(seed, start + 4)]);
    assert_eq!(ledger.counts.newest, start + 4);
    // Of another seed with the same low bits, which the short ones alone would not tell.
    let other = Disorder::OtherRun { number: start + 5, expected: start + 5 };
    assert_eq!(ledger.take(&long(0x5678, start + 5), 10), Err(other));
}

#[test]
fn what_may_have_come_to_a_dead_receiver_is_counted_until_the_ring_is_empty() {
    let messages: Vec<Seen> = (20..40).map(|number| long(9, number)).collect();
    let mut ledger = Ledger::new();
    ledger.join(false, 8);
    taken(&mut ledger, &messages);
    assert_eq!(ledger.counts.repeated, 8);
    let mut ledger = Ledger::new();
    ledger.join(false, 8);
    taken(&mut ledger, &messages[..3]);
    ledger.found_empty();
    taken(&mut ledger, &messages[3..]);
    assert_eq!(ledger.counts.repeated, 3);
}
