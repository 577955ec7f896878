//! Numbered producers, and what is kept of their sends.

use super::*;
use crate::ring::mpmc::JoinError;

fn hall(numbers: u16) -> Hall {
    Hall::new(geometry(4).with_numbered(numbers))
}

impl Hall {
    fn try_numbered(&mut self, number: u16) -> Result<Producer<Reach>, JoinError> {
        let geometry = self.geometry;
        // SAFETY: the block was made for that geometry.
        unsafe { Producer::join_numbered(self.reach(), geometry, number) }
    }

    fn numbered(&mut self, number: u16) -> Producer<Reach> {
        self.try_numbered(number).expect("nobody has the number")
    }
}

#[test]
fn each_number_counts_its_own_sends_over_all_lives() {
    let mut hall = hall(2);
    let (mut one, mut two) = (hall.numbered(1), hall.numbered(2));
    let (mut other, mut consumer) = (hall.producer(), hall.consumer());
    assert_eq!((one.sent(), two.sent(), other.sent()), (Some(0), Some(0), None));
    send(&mut one, 10);
    send(&mut two, 20);
    send(&mut other, 30);
    send(&mut one, 11);
    assert_eq!((one.sent(), two.sent()), (Some(2), Some(1)));
    drop(one);
    hall.kill_producer(two);
    let (mut one, two) = (hall.numbered(1), hall.numbered(2));
    assert_eq!((one.participant(), two.participant()), (1, 2));
    assert_eq!((one.sent(), two.sent()), (Some(2), Some(1)));
    [10, 20, 30, 11].iter().for_each(|number| expect(&mut consumer, *number));
    consumer.flush();
    for number in 0..20 {
        send(&mut one, number);
        expect(&mut consumer, number);
        consumer.flush();
    }
    hall.kill_producer(one);
    assert_eq!(hall.numbered(1).sent(), Some(22));
}

#[test]
fn a_number_is_one_producers_at_a_time_and_has_to_be_there() {
    let mut hall = hall(2);
    let first = hall.numbered(1);
    let busy = JoinError::Busy { role: Role::Producer, pid: None };
    assert_eq!(hall.try_numbered(1).err(), Some(busy));
    assert_eq!(hall.numbered(2).participant(), 2);
    // Others have other seats.
    assert_eq!((hall.producer().participant(), hall.consumer().participant()), (3, 4));
    for nobody in [0, 3, u16::MAX] {
        let refused = JoinError::NoSuchNumber { numbers: 2 };
        assert_eq!(hall.try_numbered(nobody).err(), Some(refused));
    }
    drop(first);
    assert_eq!(hall.numbered(1).sent(), Some(0));
}

#[test]
fn a_claim_that_is_dropped_refused_or_cut_off_was_not_sent() {
    let mut hall = hall(1);
    let (mut producer, mut consumer) = (hall.numbered(1), hall.consumer());
    send(&mut producer, 1);
    drop(producer.try_claim(8).expect("there is room"));
    assert_eq!(producer.sent(), Some(1));
    drop(producer);
    let mut producer = hall.numbered(1);
    assert_eq!(producer.sent(), Some(1), "dropped");
    send(&mut producer, 2);
    send(&mut producer, 3);
    assert!(producer.try_send(&[0; 8]).is_err(), "it is full");
    hall.kill_producer(producer);
    let mut producer = hall.numbered(1);
    assert_eq!(producer.sent(), Some(3), "refused");
    expect(&mut consumer, 1);
    assert!(matches!(recv(&mut consumer), Err(RecvError::Gap { position: 1, .. })));
    expect(&mut consumer, 2);
    core::mem::forget(producer.try_claim(8).expect("there is room"));
    hall.kill_producer(producer);
    let mut producer = hall.numbered(1);
    assert_eq!(producer.sent(), Some(3), "cut off");
    send(&mut producer, 4);
    hall.kill_producer(producer);
    assert_eq!(hall.numbered(1).sent(), Some(4));
}

/// The word says nothing any more when the successor comes: a consumer has repaired it.
#[test]
fn who_repairs_a_claim_leaves_the_verdict() {
    let mut hall = hall(1);
    let (mut producer, mut consumer) = (hall.numbered(1), hall.consumer());
    send(&mut producer, 1);
    core::mem::forget(producer.try_claim(8).expect("there is room"));
    hall.kill_producer(producer);
    expect(&mut consumer, 1);
    consumer.repair();
    assert!(matches!(recv(&mut consumer), Err(RecvError::Gap { position: 1, .. })));
    assert_eq!(hall.numbered(1).sent(), Some(1));
}

#[test]
fn a_single_producers_last_send_is_known_without_a_claim() {
    let mut hall = Hall::new(geometry(4).with_numbered(9).with_single(Role::Producer));
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    send(&mut producer, 1);
    producer.try_claim(8).expect("there is room").commit(8);
    core::mem::forget(producer.try_claim(8).expect("there is room"));
    hall.kill_producer(producer);
    let mut producer = hall.producer();
    assert_eq!(producer.sent(), Some(2));
    send(&mut producer, 3);
    assert_eq!(producer.sent(), Some(3));
    hall.kill_producer(producer);
    let refused = JoinError::NoSuchNumber { numbers: 1 };
    assert_eq!(hall.try_numbered(2).err(), Some(refused));
    assert_eq!(hall.numbered(1).sent(), Some(3));
    let came = [(); 3].map(|()| recv(&mut consumer).map(|(_, received)| received.position));
    assert_eq!(came, [Ok(0), Ok(1), Ok(2)]);
}
