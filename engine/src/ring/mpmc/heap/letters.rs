//! Dead letters: one of each message that nobody could be given, and room for the next.

use super::*;
use crate::ring::Position;
use crate::ring::mpmc::consumer::Hand;
use crate::ring::mpmc::slots::Place;
use crate::ring::mpmc::word::{ATTEMPTS_MAX, State, Word};
use crate::ring::mpmc::{DeadLetter, SendError};

/// A hall with room for two.
fn hall_of(slots: u64) -> Hall {
    Hall::new(geometry(slots).with_letters(2))
}

/// The dead letters there, each by its position and number.
fn letters(hall: &mut Hall) -> Vec<(Position, u64)> {
    let geometry = hall.geometry;
    // SAFETY: the block was made for that geometry.
    let letters = unsafe { DeadLetter::all(hall.reach(), geometry) };
    let number = |bytes: &[u8]| bytes.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    letters.iter().map(|letter| (letter.position, number(&letter.bytes))).collect()
}

fn discarded(hall: &mut Hall, position: Position) -> bool {
    let geometry = hall.geometry;
    // SAFETY: the block was made for that geometry.
    unsafe { DeadLetter::discard(hall.reach(), geometry, position) }
}

/// Sixteen consumers die over the next message.
fn kill_all_over(hall: &mut Hall, number: u64) {
    for attempt in 0..=ATTEMPTS_MAX {
        let mut victim = hall.consumer();
        let (found, received) = recv(&mut victim).expect("it comes again");
        assert_eq!((found, received.attempt), (number, attempt));
        hall.kill_consumer(victim);
    }
}

/// A message that is a dead letter, in the hand of a consumer that has done nothing with it.
fn condemned(hall: &mut Hall) -> (Consumer<Reach>, Hand) {
    kill_all_over(hall, 7);
    let consumer = hall.consumer();
    let slots = consumer.who.slots();
    let seen = slots.word(0, Ordering::Acquire);
    assert!(seen.is_dead_letter() && seen.state() == Some(State::Orphaned), "{seen:?}");
    let place = slots.place(0);
    let word = consumer.who.take_at(place, seen).expect("nobody else is there");
    let hand = Hand { position: slots.position(0, word.lap()), place, word };
    (consumer, hand)
}

#[test]
fn a_message_over_which_consumers_die_again_and_again_is_put_by_until_it_is_discarded() {
    for roles in [&[][..], &[Role::Consumer]] {
        let geometry =
            roles.iter().fold(geometry(2).with_letters(2), |all, role| all.with_single(*role));
        let mut hall = Hall::new(geometry);
        let mut producer = hall.producer();
        for number in 5..8 {
            send(&mut producer, number);
            let mut consumer = hall.consumer();
            expect(&mut consumer, number);
        }
        send(&mut producer, 8);
        kill_all_over(&mut hall, 8);
        let mut consumer = hall.consumer();
        assert_eq!(recv(&mut consumer), Err(RecvError::Empty));
        assert_eq!((consumer.lost(), letters(&mut hall)), (0, vec![(3, 8)]));
        for number in 0..8 {
            send(&mut producer, number);
            expect(&mut consumer, number);
        }
        assert_eq!(letters(&mut hall), [(3, 8)]);
        assert!(!discarded(&mut hall, 2) && discarded(&mut hall, 3) && !discarded(&mut hall, 3));
        assert_eq!(letters(&mut hall), []);
    }
}

#[test]
fn one_that_all_give_back_is_put_by_too_and_others_go_on_meanwhile() {
    let mut hall = hall_of(4);
    let mut producer = hall.producer();
    (0..3).for_each(|number| assert_eq!(send(&mut producer, number), number));
    for attempt in 0..=ATTEMPTS_MAX {
        let mut consumer = hall.consumer();
        let taken = consumer.try_take().expect("it came back");
        assert_eq!((taken.position(), taken.attempt()), (0, attempt));
        assert_eq!(consumer.close(), 0);
    }
    let mut consumer = hall.consumer();
    (1..3).for_each(|number| expect(&mut consumer, number));
    assert_eq!(letters(&mut hall), [(0, 0)]);
}

#[test]
fn with_no_room_it_is_given_up_and_counted_and_what_was_there_stays() {
    let mut hall = hall_of(4);
    let mut producer = hall.producer();
    for number in 0..3 {
        send(&mut producer, number);
        kill_all_over(&mut hall, number);
        let mut consumer = hall.consumer();
        assert_eq!(recv(&mut consumer), Err(RecvError::Empty));
        assert_eq!(consumer.lost(), u64::from(number == 2));
    }
    assert_eq!(letters(&mut hall), [(0, 0), (1, 1)]);
    assert!(discarded(&mut hall, 0));
    send(&mut producer, 3);
    kill_all_over(&mut hall, 3);
    assert_eq!(recv(&mut hall.consumer()), Err(RecvError::Empty));
    assert_eq!(letters(&mut hall), [(1, 1), (3, 3)]);
}

/// A claim of a cell, by hand.
fn claim_cell(consumer: &Consumer<Reach>, cell: Place, lap: u64) {
    let word = Word::writing(lap, consumer.participant());
    assert_eq!(consumer.who.slots().swap_at(cell, Word::free(lap), word), Ok(()));
}

fn cell_of(consumer: &Consumer<Reach>, cell: Place) -> Option<State> {
    consumer.who.slots().word_at(cell, Ordering::Relaxed).state()
}

#[test]
fn one_who_dies_while_it_writes_a_letter_is_followed_by_one_who_does() {
    for cells in [1, 2] {
        let mut hall = Hall::new(geometry(2).with_letters(cells));
        let mut producer = hall.producer();
        send(&mut producer, 7);
        let (victim, _) = condemned(&mut hall);
        let cell = victim.who.slots().letters().next().expect("there is room");
        claim_cell(&victim, cell, 0);
        let mut consumer = hall.consumer();
        hall.kill_consumer(victim);
        consumer.repair();
        assert_eq!(recv(&mut consumer), Err(RecvError::Empty));
        assert_eq!((consumer.lost(), letters(&mut hall)), (0, vec![(0, 7)]));
        // As long as there is another one, that of the dead is left to who takes its seat.
        let is_needed = cells == 1;
        let left = if is_needed { State::Ready } else { State::Writing };
        assert_eq!(cell_of(&consumer, cell), Some(left));
        let successor = hall.consumer();
        let left = if is_needed { State::Ready } else { State::Free };
        assert_eq!(cell_of(&successor, cell), Some(left));
    }
}

#[test]
fn one_who_lives_keeps_the_cell_that_it_writes() {
    let mut hall = Hall::new(geometry(2).with_letters(1));
    let mut producer = hall.producer();
    send(&mut producer, 7);
    kill_all_over(&mut hall, 7);
    let (writer, dead) = (hall.consumer(), hall.consumer());
    let cell = writer.who.slots().letters().next().expect("there is room");
    claim_cell(&writer, cell, 0);
    hall.kill_consumer(dead);
    let mut consumer = hall.consumer();
    assert_eq!(cell_of(&consumer, cell), Some(State::Writing));
    assert_eq!((recv(&mut consumer), consumer.lost()), (Err(RecvError::Empty), 1));
    assert_eq!(cell_of(&consumer, cell), Some(State::Writing));
}

/// However many there are: else a scan would take the square of the slots.
#[test]
fn all_dead_letters_are_put_by_in_one_look_at_all_slots() {
    let slots = 64;
    let mut hall = Hall::new(geometry(slots).with_letters(2));
    let mut consumer = hall.consumer();
    for slot in 0..slots {
        let at = hall.slot(slot);
        hall.scribble(at, Word::free(1).dead_letter().to_bits());
    }
    assert!(matches!(consumer.lowest_orphan(), Ok(None)));
    assert_eq!((consumer.lost(), letters(&mut hall).len()), (slots - 2, 2));
}

#[test]
fn one_who_dies_when_the_letter_is_whole_leaves_one_letter_that_nobody_sees_too_early() {
    let mut hall = hall_of(2);
    let mut producer = hall.producer();
    send(&mut producer, 7);
    let (victim, hand) = condemned(&mut hall);
    assert!(victim.who.slots().put_by(hand, victim.participant()));
    assert_eq!((letters(&mut hall), discarded(&mut hall, 0)), (vec![], false));
    hall.kill_consumer(victim);
    assert_eq!((letters(&mut hall), discarded(&mut hall, 0)), (vec![], false));
    let mut consumer = hall.consumer();
    assert_eq!(recv(&mut consumer), Err(RecvError::Empty));
    assert_eq!((consumer.lost(), letters(&mut hall)), (0, vec![(0, 7)]));
}

/// Attempts to put it by count anew, and are not endless either.
#[test]
fn a_letter_over_which_sixteen_more_die_is_given_up_and_counted() {
    let mut hall = hall_of(2);
    let mut producer = hall.producer();
    send(&mut producer, 7);
    let (mut victim, _) = condemned(&mut hall);
    let mut consumer = hall.consumer();
    for _ in 0..ATTEMPTS_MAX {
        hall.kill_consumer(victim);
        let who = &mut consumer.who;
        let place = who.slots().place(0);
        let word = who.slots().word_at(place, Ordering::Acquire);
        assert!(who.test_owner(0, word));
        victim = hall.consumer();
        let seen = victim.who.slots().word_at(place, Ordering::Acquire);
        assert!(seen.is_dead_letter());
        assert!(victim.who.take_at(place, seen).is_some());
    }
    // Unless the last one has left it whole.
    let kept = hall.words.clone();
    for is_whole in [false, true] {
        hall.words.copy_from_slice(&kept);
        if is_whole {
            let word = victim.who.slots().word(0, Ordering::Acquire);
            let hand = Hand { position: 0, place: victim.who.slots().place(0), word };
            assert!(victim.who.slots().put_by(hand, victim.participant()));
        }
        hall.free(Byte::Life(victim.participant()));
        let before = consumer.lost();
        consumer.repair();
        assert_eq!(recv(&mut consumer), Err(RecvError::Empty));
        assert_eq!(consumer.lost() - before, u64::from(!is_whole));
        assert_eq!(letters(&mut hall).len(), usize::from(is_whole));
    }
    core::mem::forget(victim);
    (0..4).for_each(|number| {
        send(&mut producer, number);
        expect(&mut consumer, number);
    });
}

#[test]
fn a_full_ring_has_room_again_when_its_dead_letter_is_put_by() {
    let mut hall = hall_of(2);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    (0..2).for_each(|number| assert_eq!(send(&mut producer, number), number));
    kill_all_over(&mut hall, 0);
    producer.repair();
    assert_eq!(producer.try_send(&[0; 8]), Err(SendError::Full));
    expect(&mut consumer, 1);
    consumer.flush();
    assert_eq!(send(&mut producer, 2), 2);
    assert_eq!(letters(&mut hall), [(0, 0)]);
}

#[test]
fn cells_of_any_value_end_in_an_answer() {
    let owner = 1 << 7;
    let words = [0, 1, 2 | owner, 4, 5 | owner, 7, 7 | owner, u64::MAX, 2 | 900 << 7];
    let words = if cfg!(miri) { &words[..4] } else { &words[..] };
    for &word in words {
        for field in [0, 8, 16] {
            let mut hall = hall_of(2);
            let mut producer = hall.producer();
            send(&mut producer, 7);
            for cell in 0..2 {
                let at = hall.geometry.letter_at(cell);
                hall.scribble(at, if field == 0 { word } else { 2 | owner });
                hall.scribble(at + field, word);
            }
            kill_all_over(&mut hall, 7);
            let mut consumer = hall.consumer();
            assert_eq!(recv(&mut consumer), Err(RecvError::Empty));
            let geometry = hall.geometry;
            // SAFETY: the block was made for that geometry.
            let shown = unsafe { DeadLetter::all(hall.reach(), geometry) };
            assert!(shown.iter().all(|letter| letter.bytes.len() <= 48));
            shown.iter().for_each(|letter| {
                discarded(&mut hall, letter.position);
            });
        }
    }
}
