//! Seats: taken, left, swept, and never given to two.

use super::*;
use crate::ring::mpmc::JoinError;
use crate::ring::mpmc::presence::Presence;
use crate::ring::mpmc::table::Participant;

#[test]
fn each_participant_has_a_seat_of_its_own_and_the_last_one_is_told_that_all_are_taken() {
    let mut hall = Hall::of(4);
    let producers: Vec<_> = (0..8).map(|_| hall.producer()).collect();
    let indexes: Vec<u16> = producers.iter().map(Producer::participant).collect();
    assert_eq!(indexes, (1..=8).collect::<Vec<u16>>());
    let geometry = hall.geometry;
    // SAFETY: the block was made for that geometry.
    let refused = unsafe { Consumer::join(hall.reach(), geometry) }.err();
    assert_eq!(refused, Some(JoinError::Full { seats: 8 }));
    drop(producers);
    assert_eq!(hall.consumer().participant(), 1);
}

/// Holes 1 to 3 of the first drawing: a seat is given to another one only with no claim standing
/// that bears it.
#[test]
fn who_takes_the_seat_of_one_who_died_repairs_what_it_held_first() {
    let mut hall = Hall::of(4);
    let mut consumer = hall.consumer();
    let mut victim = hall.producer();
    let participant = victim.participant();
    core::mem::forget(victim.try_claim(8).expect("there is room"));
    hall.kill_producer(victim);
    let mut successor = hall.producer();
    assert_eq!(successor.participant(), participant);
    send(&mut successor, 1);
    assert_eq!(recv(&mut consumer), Err(RecvError::Gap { position: 0, participant }));
    expect(&mut consumer, 1);
}

#[test]
fn a_seat_whose_sweep_byte_somebody_has_is_passed_over() {
    let mut hall = Hall::of(4);
    // One who was stopped in its sweep of seat 1.
    assert!(hall.reach().try_lock(Byte::Sweep(1)));
    assert_eq!(hall.producer().participant(), 2);
    hall.free(Byte::Sweep(1));
    assert_eq!(hall.producer().participant(), 1);
}

/// Hole 5: active with a free byte, but vetoed, or free with a byte that is held.
#[test]
fn a_seat_whose_life_byte_is_held_is_passed_over() {
    let mut hall = Hall::of(4);
    assert!(hall.reach().try_lock(Byte::Life(1)));
    assert_eq!(hall.producer().participant(), 2);
}

#[test]
fn presence_says_who_is_there_who_left_and_who_died() {
    let mut hall = Hall::of(4);
    let onlooker = hall.consumer();
    let presence = |onlooker: &Consumer<Reach>| {
        let who: &Participant<Reach> = &onlooker.who;
        who.presence(Role::Producer).expect("nobody scribbles")
    };
    assert_eq!(presence(&onlooker), Presence::NotYet);
    let (first, second) = (hall.producer(), hall.producer());
    assert_eq!(presence(&onlooker), Presence::There);
    first.close();
    assert_eq!(presence(&onlooker), Presence::There);
    hall.kill_producer(second);
    assert_eq!(presence(&onlooker), Presence::Died);
    assert_eq!(who_is(&onlooker), Presence::There);
}

fn who_is(consumer: &Consumer<Reach>) -> Presence {
    consumer.who.presence(Role::Consumer).expect("nobody scribbles")
}
