//! What a caller can get wrong, and what a peer can scribble.

use super::*;
use crate::error::{Corruption, What};
use crate::layout::{MPMC_HEAD, MPMC_TAIL};
use crate::ring::mpmc::word::Word;
use crate::ring::mpmc::{JoinError, SendError};

#[test]
fn a_message_over_the_slot_is_refused_with_the_limit() {
    let mut hall = Hall::of(4);
    let mut producer = hall.producer();
    assert_eq!(producer.try_send(&[0; 49]), Err(SendError::TooLarge { limit: 48 }));
    assert_eq!(producer.try_claim(usize::MAX).err(), Some(SendError::TooLarge { limit: 48 }));
    assert_eq!(producer.longest_message(), 48);
    producer.try_send(&[0; 48]).expect("so much it takes");
}

/// Words that no protocol writes, as the next slot's.
#[test]
fn an_impossible_word_is_told_at_once_and_poisons_the_handle() {
    for word in [0, 7, 1, 2, 3, 5, 6, 1 << 16 | 3, FREE | 1 << 7, FREE | 1 << 3, u64::MAX] {
        let mut hall = Hall::of(4);
        let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
        send(&mut producer, 0);
        expect(&mut consumer, 0);
        let at = hall.slot(1);
        hall.scribble(at, word);
        let corrupted = Some(Corruption { what: What::Slot, at: 1 });
        for _ in 0..2 {
            assert_eq!(recv(&mut consumer), Err(RecvError::Corrupted(What::Slot)), "{word:#x}");
            let sent = producer.try_send(&[0; 8]);
            assert_eq!(sent, Err(SendError::Corrupted(What::Slot)), "{word:#x}");
        }
        assert_eq!((consumer.corruption(), producer.corruption()), (corrupted, corrupted));
    }
}

#[test]
fn a_word_of_a_lap_long_past_is_told() {
    let mut hall = Hall::of(4);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    for number in 0..12 {
        send(&mut producer, number);
        expect(&mut consumer, number);
    }
    let at = hall.slot(0);
    hall.scribble(at, FREE);
    assert_eq!(recv(&mut consumer), Err(RecvError::Corrupted(What::Slot)));
    assert_eq!(producer.try_send(&[0; 8]), Err(SendError::Corrupted(What::Slot)));
}

#[test]
fn a_word_of_a_lap_far_ahead_ends_in_bounded_steps() {
    let mut hall = Hall::of(4);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    let at = hall.slot(0);
    hall.scribble(at, FREE | 1 << 40);
    // It says that all up to there was claimed, and the next slot says that it was not.
    assert_eq!(producer.try_send(&[0; 8]), Err(SendError::Corrupted(What::Slot)));
    assert_eq!(recv(&mut consumer), Err(RecvError::Corrupted(What::Slot)));
}

#[test]
fn a_hint_that_is_not_possible_is_told_by_who_follows_it() {
    for hint in [4, 1 << 20, 1 << 49, 1 << 62, u64::MAX - 1, u64::MAX] {
        let mut hall = Hall::of(4);
        hall.scribble(MPMC_TAIL, hint);
        hall.scribble(MPMC_HEAD, hint);
        let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
        assert!(producer.send(&[0; 8], soon()).is_err(), "{hint:#x}");
        assert!(consumer.recv(&mut [0; 8], soon()).is_err(), "{hint:#x}");
    }
}

/// What would come next does not fit a position.
#[test]
#[cfg_attr(miri, ignore = "a quarter of a million slots take it hours")]
fn a_lap_that_no_ring_comes_to_is_told() {
    const SLOTS: u64 = 1 << 18;
    let mut hall = Hall::of(SLOTS);
    hall.scribble(MPMC_TAIL, SLOTS - 1);
    hall.scribble(MPMC_HEAD, SLOTS - 1);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    let at = hall.slot(SLOTS - 1);
    hall.scribble(at, Word::free(1 << 46).to_bits());
    assert_eq!(producer.try_send(&[0; 8]), Err(SendError::Corrupted(What::Slot)));
    assert_eq!(recv(&mut consumer), Err(RecvError::Corrupted(What::Slot)));
}

#[test]
fn a_length_over_the_slot_is_told() {
    let mut hall = Hall::of(4);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    send(&mut producer, 0);
    let at = hall.slot(0) + 8;
    hall.scribble(at, 49);
    assert_eq!(recv(&mut consumer), Err(RecvError::Corrupted(What::Word)));
    assert_eq!(consumer.corruption(), Some(Corruption { what: What::Word, at: 0 }));
}

#[test]
fn a_seat_that_nobody_can_have_is_told() {
    let mut hall = Hall::of(4);
    hall.scribble(MPMC_SEATS, 0);
    let geometry = hall.geometry;
    // SAFETY: the block was made for that geometry.
    let refused = unsafe { Producer::join(hall.reach(), geometry) }.err();
    let corruption = Corruption { what: What::Seat, at: MPMC_SEATS as u64 };
    assert_eq!(refused, Some(JoinError::Corrupted(corruption)));
}

/// However it goes on: else nobody would get past it.
#[test]
fn a_claim_that_was_forgotten_is_given_up_by_the_next_send() {
    for roles in [&[][..], &[Role::Producer]] {
        for batch in [false, true] {
            let geometry = roles.iter().fold(geometry(4), |all, role| all.with_single(*role));
            let mut hall = Hall::new(geometry);
            let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
            send(&mut producer, 0);
            core::mem::forget(producer.try_claim(8).expect("there is room"));
            let message = 2u64.to_le_bytes();
            match batch {
                false => assert_eq!(producer.try_send(&message), Ok(2)),
                true => assert_eq!(producer.send_batch(&[message], Deadline::PASSED), Ok(())),
            }
            expect(&mut consumer, 0);
            assert!(matches!(recv(&mut consumer), Err(RecvError::Gap { position: 1, .. })));
            expect(&mut consumer, 2);
        }
    }
}
