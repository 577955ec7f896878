//! The end of a stream: who has come, left and died, and who holds the others up.

use super::*;
use crate::ring::mpmc::SendError;

#[test]
fn a_ring_that_no_producer_has_come_to_yet_is_empty_and_not_closed() {
    let mut hall = Hall::of(4);
    let mut consumer = hall.consumer();
    assert_eq!(recv(&mut consumer), Err(RecvError::Empty));
    assert_eq!(consumer.recv(&mut [0; 8], soon()), Err(RecvError::Timeout));
}

#[test]
fn closed_is_told_when_the_last_producer_has_left_and_all_was_received() {
    let mut hall = Hall::of(4);
    let (mut first, mut consumer) = (hall.producer(), hall.consumer());
    let second = hall.producer();
    send(&mut first, 0);
    first.close();
    expect(&mut consumer, 0);
    assert_eq!(recv(&mut consumer), Err(RecvError::Empty), "one is there still");
    second.close();
    assert_eq!(recv(&mut consumer), Err(RecvError::Closed));
    assert_eq!(consumer.recv(&mut [0; 8], Deadline::NEVER), Err(RecvError::Closed));
    let mut third = hall.producer();
    send(&mut third, 1);
    expect(&mut consumer, 1);
}

#[test]
fn a_producer_that_died_is_told_of_when_nobody_else_is_there_and_all_was_received() {
    let mut hall = Hall::of(4);
    let (mut victim, mut consumer) = (hall.producer(), hall.consumer());
    let other = hall.producer();
    send(&mut victim, 0);
    hall.kill_producer(victim);
    other.close();
    expect(&mut consumer, 0);
    assert_eq!(consumer.recv(&mut [0; 8], Deadline::NEVER), Err(RecvError::ProducerDied));
    // Also when somebody else has had its seat since.
    hall.producer().close();
    assert_eq!(consumer.recv(&mut [0; 8], Deadline::NEVER), Err(RecvError::ProducerDied));
}

/// Else a message would be left over, with nobody there, when the one who has it dies.
#[test]
fn nobody_is_told_of_the_end_while_another_consumer_has_a_message_in_hand() {
    let mut hall = Hall::of(4);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    let mut worker = hall.consumer();
    send(&mut producer, 0);
    producer.close();
    expect(&mut worker, 0);
    assert_eq!(recv(&mut consumer), Err(RecvError::Empty));
    // That one is named: nothing else is in the way of the end.
    for _ in 0..2 {
        let late = consumer.recv(&mut [0; 8], soon());
        let named = worker.participant();
        assert!(matches!(late, Err(RecvError::PeerStalled(by)) if by.participant == named));
    }
    let mut producer = hall.producer();
    assert_eq!(consumer.recv(&mut [0; 8], soon()), Err(RecvError::Timeout), "more may come");
    send(&mut producer, 1);
    expect(&mut consumer, 1);
    consumer.flush();
    producer.close();
    hall.kill_consumer(worker);
    let received = consumer.recv(&mut [0; 8], Deadline::NEVER).expect("it comes again");
    assert_eq!((received.position, received.attempt), (0, 1));
    assert_eq!(consumer.recv(&mut [0; 8], Deadline::NEVER), Err(RecvError::Closed));
}

#[test]
fn a_sender_at_a_full_ring_is_told_that_its_receivers_left_or_died() {
    for (dies, error) in [(false, SendError::PeerClosed), (true, SendError::PeerDead)] {
        let mut hall = Hall::of(2);
        let mut producer = hall.producer();
        send(&mut producer, 0);
        send(&mut producer, 1);
        assert_eq!(producer.send(&[0; 8], soon()), Err(SendError::Timeout), "nobody came yet");
        let consumer = hall.consumer();
        if dies {
            hall.kill_consumer(consumer);
        } else {
            consumer.close();
        }
        assert_eq!(producer.send(&[0; 8], Deadline::NEVER), Err(error));
        expect(&mut hall.consumer(), 0);
        assert_eq!(send(&mut producer, 2), 2);
    }
}

#[test]
fn one_that_lives_and_holds_the_next_slot_is_named_at_the_deadline() {
    let mut hall = Hall::of(2);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    let mut stopped = hall.producer();
    let participant = stopped.participant();
    let claim = stopped.try_claim(8).expect("there is room");
    send(&mut producer, 1);
    assert_eq!(recv(&mut consumer), Err(RecvError::Empty));
    let late = consumer.recv(&mut [0; 8], soon());
    assert!(matches!(late, Err(RecvError::PeerStalled(by)) if by.participant == participant));
    let late = producer.send(&[0; 8], soon());
    assert!(matches!(late, Err(SendError::PeerStalled(by)) if by.participant == participant));
    claim.commit(0);
    assert_eq!(consumer.recv(&mut [0; 8], soon()).map(|received| received.position), Ok(0));
    expect(&mut consumer, 1);
}
