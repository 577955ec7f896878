//! Participants that are gone, wherever they were.

use super::*;
use crate::ring::mpmc::word::ATTEMPTS_MAX;

#[test]
fn a_producer_that_dies_in_its_claim_leaves_a_gap_that_is_told_once() {
    let mut hall = Hall::of(4);
    let (mut alive, mut consumer) = (hall.producer(), hall.consumer());
    let mut other = hall.consumer();
    let mut victim = hall.producer();
    let participant = victim.participant();
    core::mem::forget(victim.try_claim(8).expect("there is room"));
    hall.kill_producer(victim);
    send(&mut alive, 1);
    assert_eq!(
        consumer.recv(&mut [0; 8], soon()),
        Err(RecvError::Gap { position: 0, participant })
    );
    let (number, received) = recv(&mut other).expect("it is behind the gap");
    assert_eq!((number, received.position), (1, 1));
    assert_eq!(recv(&mut consumer), Err(RecvError::Empty));
}

#[test]
fn one_that_had_to_wait_for_room_claims_in_its_own_name() {
    let mut hall = Hall::of(2);
    let (mut alive, mut consumer) = (hall.producer(), hall.consumer());
    let mut victim = hall.producer();
    let participant = victim.participant();
    (0..2).for_each(|number| assert_eq!(send(&mut alive, number), number));
    assert!(victim.try_claim(8).is_err());
    expect(&mut consumer, 0);
    consumer.flush();
    core::mem::forget(victim.try_claim(8).expect("there is room"));
    hall.kill_producer(victim);
    expect(&mut consumer, 1);
    let found = consumer.recv(&mut [0; 8], soon());
    assert_eq!(found, Err(RecvError::Gap { position: 2, participant }));
}

/// Each call is over before one that waits would ask.
#[test]
fn one_whose_waits_are_short_repairs_as_well() {
    let mut hall = Hall::of(4);
    let (mut alive, mut consumer) = (hall.producer(), hall.consumer());
    assert_eq!(recv(&mut consumer), Err(RecvError::Empty), "so its first scan is over");
    let mut victim = hall.producer();
    let participant = victim.participant();
    core::mem::forget(victim.try_claim(8).expect("there is room"));
    hall.kill_producer(victim);
    send(&mut alive, 1);
    let shortly = || Deadline::after(Duration::from_micros(20));
    let told = (0..1000).map(|_| consumer.recv(&mut [0; 8], shortly()));
    let told = told.into_iter().find(|told| !matches!(told, Err(RecvError::PeerStalled(_))));
    assert_eq!(told, Some(Err(RecvError::Gap { position: 0, participant })));
}

/// Its index is given to another one, so nobody would ever repair it.
#[test]
fn a_claim_that_is_forgotten_is_given_up_by_the_next_one_or_with_its_handle() {
    let mut hall = Hall::of(4);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    let participant = producer.participant();
    core::mem::forget(producer.try_claim(8).expect("there is room"));
    core::mem::forget(producer.try_claim(8).expect("there is room"));
    assert_eq!(recv(&mut consumer), Err(RecvError::Gap { position: 0, participant }));
    producer.close();
    let successor = hall.producer();
    assert_eq!(successor.participant(), participant);
    assert_eq!(recv(&mut consumer), Err(RecvError::Gap { position: 1, participant }));
    successor.close();
    assert_eq!(recv(&mut consumer), Err(RecvError::Closed));
}

#[test]
fn one_that_leaves_says_what_it_gave_up() {
    let mut hall = Hall::new(geometry(4).delivering(Delivery::AtMostOnce));
    let mut producer = hall.producer();
    send(&mut producer, 0);
    let mut consumer = hall.consumer();
    assert_eq!(consumer.try_take().map(|taken| taken.position()), Ok(0));
    assert_eq!(consumer.close(), 1);
}

#[test]
fn a_dropped_claim_is_a_gap() {
    let mut hall = Hall::of(4);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    drop(producer.try_claim(8).expect("there is room"));
    send(&mut producer, 1);
    let participant = producer.participant();
    assert_eq!(recv(&mut consumer), Err(RecvError::Gap { position: 0, participant }));
    expect(&mut consumer, 1);
}

/// Hole 10 and 11 of the first drawing: a producer took such a slot over, and the gap was not told.
#[test]
fn a_gap_is_full_to_producers_until_a_consumer_has_told_of_it() {
    let mut hall = Hall::of(2);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    drop(producer.try_claim(8).expect("there is room"));
    send(&mut producer, 1);
    assert!(producer.try_send(&[0; 8]).is_err(), "the gap's slot is not free");
    let participant = producer.participant();
    assert_eq!(recv(&mut consumer), Err(RecvError::Gap { position: 0, participant }));
    assert_eq!(send(&mut producer, 2), 2);
    expect(&mut consumer, 1);
    expect(&mut consumer, 2);
}

#[test]
fn what_a_dead_consumer_had_in_hand_comes_again_and_says_so() {
    let mut hall = Hall::of(4);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    send(&mut producer, 0);
    let mut victim = hall.consumer();
    // Copied out, but its next call had not come.
    expect(&mut victim, 0);
    hall.kill_consumer(victim);
    send(&mut producer, 1);
    let (number, received) = recv(&mut consumer).expect("the first scan finds it");
    assert_eq!((number, received.position, received.attempt), (0, 0, 1));
    expect(&mut consumer, 1);
}

#[test]
fn what_a_dead_consumer_had_released_does_not_come_again() {
    let mut hall = Hall::of(4);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    send(&mut producer, 0);
    let mut victim = hall.consumer();
    expect(&mut victim, 0);
    victim.flush();
    hall.kill_consumer(victim);
    assert_eq!(consumer.recv(&mut [0; 8], soon()), Err(RecvError::Timeout));
}

/// Hole 6 of the first drawing.
#[test]
fn an_orphan_far_behind_is_found_by_one_who_waits_though_it_blocks_nobody() {
    let mut hall = Hall::of(8);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    assert_eq!(recv(&mut consumer), Err(RecvError::Empty), "so its first scan is over");
    let mut victim = hall.consumer();
    send(&mut producer, 0);
    expect(&mut victim, 0);
    (1..4).for_each(|number| {
        send(&mut producer, number);
        expect(&mut consumer, number);
    });
    hall.kill_consumer(victim);
    let mut buffer = [0; 8];
    let received = consumer.recv(&mut buffer, soon()).expect("it is found while waiting");
    assert_eq!((received.position, received.attempt, buffer), (0, 1, 0u64.to_le_bytes()));
}

/// The same for one who never waits.
#[test]
fn an_orphan_far_behind_is_found_by_one_who_only_tries() {
    let mut hall = Hall::of(8);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    let mut victim = hall.consumer();
    assert_eq!(recv(&mut consumer), Err(RecvError::Empty));
    send(&mut producer, 0);
    expect(&mut victim, 0);
    hall.kill_consumer(victim);
    let found = (0..1000).find_map(|_| recv(&mut consumer).ok());
    assert_eq!(found.map(|(number, received)| (number, received.attempt)), Some((0, 1)));
}

/// Hole 6, too: it is pending on a slow producer that lives.
#[test]
fn an_orphan_is_found_by_one_who_waits_for_a_producer_that_is_slow() {
    let mut hall = Hall::of(8);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    assert_eq!(recv(&mut consumer), Err(RecvError::Empty));
    let mut victim = hall.consumer();
    send(&mut producer, 0);
    expect(&mut victim, 0);
    let claim = producer.try_claim(8).expect("there is room");
    hall.kill_consumer(victim);
    let received = consumer.recv(&mut [0; 8], soon()).expect("it is found while waiting");
    assert_eq!((received.position, received.attempt), (0, 1));
    drop(claim);
}

/// Hole 8 of the first drawing.
#[test]
fn a_successor_takes_what_the_dead_left_first_and_the_lowest_position_before_others() {
    let mut hall = Hall::of(8);
    let mut producer = hall.producer();
    (0..4).for_each(|number| {
        send(&mut producer, number);
    });
    let mut victims = [hall.consumer(), hall.consumer()];
    expect(&mut victims[1], 0);
    expect(&mut victims[0], 1);
    victims.into_iter().for_each(|victim| hall.kill_consumer(victim));
    let mut successor = hall.consumer();
    let seen = [(); 4].map(|()| recv(&mut successor).expect("it is there"));
    let seen = seen.map(|(number, received)| (number, received.attempt));
    assert_eq!(seen, [(0, 1), (1, 1), (2, 0), (3, 0)]);
}

/// Hole 9 of the first drawing: what is given up is free, and not something that a consumer would
/// come upon a lap later.
#[test]
fn a_message_over_which_consumers_die_again_and_again_is_given_up_and_counted() {
    let mut hall = Hall::of(2);
    let mut producer = hall.producer();
    send(&mut producer, 7);
    for attempt in 0..=ATTEMPTS_MAX {
        let mut victim = hall.consumer();
        let (number, received) = recv(&mut victim).expect("it comes again");
        assert_eq!((number, received.attempt), (7, attempt));
        hall.kill_consumer(victim);
    }
    let mut consumer = hall.consumer();
    assert_eq!(recv(&mut consumer), Err(RecvError::Empty));
    assert_eq!(consumer.lost(), 1);
    for number in 0..8 {
        send(&mut producer, number);
        expect(&mut consumer, number);
    }
}

#[test]
fn where_messages_come_at_most_once_that_of_a_dead_consumer_is_given_up() {
    let mut hall = Hall::new(geometry(4).delivering(Delivery::AtMostOnce));
    let mut producer = hall.producer();
    let mut victim = hall.consumer();
    send(&mut producer, 0);
    send(&mut producer, 1);
    expect(&mut victim, 0);
    hall.kill_consumer(victim);
    let mut consumer = hall.consumer();
    expect(&mut consumer, 1);
    assert_eq!((recv(&mut consumer), consumer.lost()), (Err(RecvError::Empty), 1));
}

#[test]
fn a_producer_at_a_full_ring_repairs_the_slot_that_a_dead_consumer_holds() {
    let mut hall = Hall::of(2);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    let mut victim = hall.consumer();
    send(&mut producer, 0);
    send(&mut producer, 1);
    expect(&mut victim, 0);
    expect(&mut consumer, 1);
    consumer.flush();
    hall.kill_consumer(victim);
    // The orphan is full for the producer; the consumer meets it before anything new.
    assert!(producer.send(&[0; 8], soon()).is_err());
    let (number, received) = recv(&mut consumer).expect("it is there");
    assert_eq!((number, received.attempt), (0, 1));
    consumer.flush();
    assert_eq!(send(&mut producer, 2), 2);
}

#[test]
fn a_consumer_that_leaves_with_a_message_in_hand_gives_it_to_another_one() {
    let mut hall = Hall::of(4);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    send(&mut producer, 0);
    assert_eq!(consumer.try_take().map(|taken| taken.position()), Ok(0));
    consumer.close();
    let (number, received) = recv(&mut hall.consumer()).expect("it is there");
    assert_eq!((number, received.attempt), (0, 1));
}

#[test]
fn a_message_that_came_back_is_found_at_once_however_far_behind() {
    let mut hall = Hall::of(4);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    let mut leaver = hall.consumer();
    (0..2).for_each(|number| assert_eq!(send(&mut producer, number), number));
    assert_eq!(leaver.try_take().map(|taken| taken.position()), Ok(0));
    expect(&mut consumer, 1);
    // By the second look it knows who has come.
    (0..2).for_each(|_| assert_eq!(recv(&mut consumer), Err(RecvError::Empty)));
    drop(leaver);
    let (number, received) = recv(&mut consumer).expect("it came back");
    assert_eq!((number, received.position, received.attempt), (0, 0, 1));
}
