//! Rings that have one producer at a time, or one consumer.

use super::*;
use crate::ring::mpmc::JoinError;

fn hall(roles: &[Role]) -> Hall {
    Hall::new(roles.iter().fold(geometry(4), |geometry, role| geometry.with_single(*role)))
}

const BOTH: [Role; 2] = [Role::Producer, Role::Consumer];

impl Hall {
    fn second_producer(&mut self) -> Option<JoinError> {
        let geometry = self.geometry;
        // SAFETY: the block was made for that geometry.
        unsafe { Producer::join(self.reach(), geometry) }.err()
    }

    fn second_consumer(&mut self) -> Option<JoinError> {
        let geometry = self.geometry;
        // SAFETY: as above.
        unsafe { Consumer::join(self.reach(), geometry) }.err()
    }
}

#[test]
fn a_second_one_is_refused_until_the_first_leaves_or_dies() {
    let mut hall = hall(&BOTH);
    let (producer, consumer) = (hall.producer(), hall.consumer());
    assert_eq!((producer.participant(), consumer.participant()), (1, 2));
    let busy = |role| Some(JoinError::Busy { role, pid: None });
    assert_eq!(hall.second_producer(), busy(Role::Producer));
    assert_eq!(hall.second_consumer(), busy(Role::Consumer));
    drop(producer);
    hall.kill_consumer(consumer);
    let (producer, consumer) = (hall.producer(), hall.consumer());
    assert_eq!((producer.participant(), consumer.participant()), (1, 2));
}

#[test]
fn others_never_have_the_seat_of_a_single_one() {
    for (role, first) in [(Role::Producer, 2), (Role::Consumer, 2)] {
        let mut hall = hall(&[role]);
        let mut taken = Vec::new();
        let mut consumers = Vec::new();
        for _ in first..=8 {
            match role {
                Role::Producer => consumers.push(hall.consumer()),
                Role::Consumer => taken.push(hall.producer()),
            }
        }
        let full = Some(JoinError::Full { seats: 8 });
        // The single one has its seat all the same.
        match role {
            Role::Producer => {
                assert_eq!(hall.second_consumer(), full);
                assert_eq!(hall.producer().participant(), 1);
            }
            Role::Consumer => {
                assert_eq!(hall.second_producer(), full);
                assert_eq!(hall.consumer().participant(), 1);
            }
        }
    }
}

#[test]
fn messages_go_through_over_many_laps() {
    for roles in [&BOTH[..], &BOTH[..1], &BOTH[1..]] {
        let mut hall = hall(roles);
        let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
        for number in 0..100 {
            send(&mut producer, 2 * number);
            send(&mut producer, 2 * number + 1);
            expect(&mut consumer, 2 * number);
            expect(&mut consumer, 2 * number + 1);
        }
        consumer.flush();
        for number in 0..4 {
            send(&mut producer, number);
        }
        assert_eq!(producer.try_send(&[0; 8]), Err(crate::ring::mpmc::SendError::Full));
        for number in 0..4 {
            expect(&mut consumer, number);
        }
        assert!(recv(&mut consumer).is_err());
    }
}

#[test]
fn what_a_single_consumer_had_in_hand_comes_first_after_its_death() {
    let mut hall = hall(&[Role::Consumer]);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    (0..4).for_each(|number| assert_eq!(send(&mut producer, number), number));
    expect(&mut consumer, 0);
    expect(&mut consumer, 1);
    hall.kill_consumer(consumer);
    let mut successor = hall.consumer();
    let (number, received) = recv(&mut successor).expect("it comes again");
    assert_eq!((number, received.attempt), (1, 1));
    expect(&mut successor, 2);
    expect(&mut successor, 3);
}

#[test]
fn a_single_producer_that_dies_in_a_claim_leaves_nothing_and_one_that_drops_it_a_gap() {
    let mut hall = hall(&[Role::Producer]);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    send(&mut producer, 0);
    producer.try_claim(8).expect("there is room").write(0, &[9; 8]);
    send(&mut producer, 1);
    core::mem::forget(producer.try_claim(8).expect("there is room"));
    hall.kill_producer(producer);
    let mut successor = hall.producer();
    assert_eq!(send(&mut successor, 2), 3);
    expect(&mut consumer, 0);
    assert_eq!(recv(&mut consumer), Err(RecvError::Gap { position: 1, participant: 1 }));
    expect(&mut consumer, 1);
    expect(&mut consumer, 2);
}

#[test]
fn messages_of_one_length_come_by_value_and_others_stay() {
    let mut hall = hall(&BOTH);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    send(&mut producer, 7);
    send(&mut producer, 8);
    assert_eq!(consumer.try_recv_array::<9>(), Err(RecvError::OtherLength { len: 8 }));
    let (received, message) = consumer.try_recv_array::<8>().expect("it is still there");
    assert_eq!((received.position, received.len, received.attempt), (0, 8, 0));
    assert_eq!(u64::from_le_bytes(*message), 7);
    expect(&mut consumer, 8);
    assert_eq!(consumer.try_recv_array::<8>(), Err(RecvError::Empty));
}

#[test]
fn what_came_by_value_comes_again_if_its_consumer_dies_with_it() {
    let mut hall = hall(&[Role::Consumer]);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    send(&mut producer, 7);
    assert!(consumer.try_recv_array::<8>().is_ok());
    hall.kill_consumer(consumer);
    let (number, received) = recv(&mut hall.consumer()).expect("it comes again");
    assert_eq!((number, received.attempt), (7, 1));
}
