//! Several messages in one pass.

use super::*;
use crate::layout::{CONSUMER_BED, PRODUCER_BED};
use crate::ring::mpmc::SendError;
use std::panic::{AssertUnwindSafe, catch_unwind};

fn batch(numbers: core::ops::Range<u64>) -> Vec<[u8; 8]> {
    numbers.map(u64::to_le_bytes).collect()
}

/// What a drain of so many gives.
fn drained(consumer: &mut Consumer<Reach>, limit: usize) -> Result<Vec<u64>, RecvError> {
    let mut all = Vec::new();
    let count = consumer.drain(limit, |taken| {
        let mut word = [0; 8];
        taken.read(0, &mut word);
        assert_eq!((taken.len(), taken.attempt()), (8, 0));
        all.push(u64::from_le_bytes(word));
    })?;
    assert_eq!(count, all.len());
    Ok(all)
}

#[test]
fn batches_go_through_over_many_laps_and_end_where_there_is_no_more() {
    let mut hall = Hall::of(64);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    for round in 0..40 {
        let first = 50 * round;
        assert_eq!(producer.send_batch(&batch(first..first + 50), Deadline::PASSED), Ok(()));
        let come = [drained(&mut consumer, 7), drained(&mut consumer, 60)].map(Result::unwrap);
        assert_eq!(come.map(|one| one.len()), [7, 43]);
        assert_eq!(drained(&mut consumer, 1), Err(RecvError::Empty));
    }
    assert_eq!(drained(&mut consumer, 0), Ok(Vec::new()));
    assert_eq!(producer.send_batch::<&[u8]>(&[], Deadline::PASSED), Ok(()));
}

#[test]
fn what_has_no_room_or_does_not_fit_is_told_with_how_many_are_sent() {
    let mut hall = Hall::of(64);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    let sent = producer.send_batch(&batch(0..70), Deadline::PASSED);
    assert_eq!(sent, Err((64, SendError::Full)));
    assert_eq!(drained(&mut consumer, 100).unwrap(), (0..64).collect::<Vec<_>>());
    let sent = producer.send_batch(&[&[1; 8][..], &[2; 49]], Deadline::PASSED);
    assert_eq!(sent, Err((1, SendError::TooLarge { limit: 48 })));
    assert_eq!(drained(&mut consumer, 100).unwrap().len(), 1);
}

#[test]
fn a_drain_ends_before_a_gap_and_the_next_one_tells_it() {
    let mut hall = Hall::of(64);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    producer.send_batch(&batch(0..2), Deadline::PASSED).unwrap();
    drop(producer.try_claim(8).unwrap());
    send(&mut producer, 2);
    assert_eq!(drained(&mut consumer, 9), Ok(vec![0, 1]));
    assert_eq!(drained(&mut consumer, 9), Err(RecvError::Gap { position: 2, participant: 1 }));
    assert_eq!(drained(&mut consumer, 9), Ok(vec![2]));
}

#[test]
fn who_panics_over_a_message_has_it_again_and_its_successor_what_it_died_over() {
    let mut hall = Hall::of(64);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    producer.send_batch(&batch(0..4), Deadline::PASSED).unwrap();
    let mut seen = 0;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        consumer.drain(4, |_| {
            seen += 1;
            assert!(seen < 2, "the second one is too much");
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(drained(&mut consumer, 1), Ok(vec![1]));
    // Killed in the midst of one.
    let death = catch_unwind(AssertUnwindSafe(|| consumer.drain(4, |_| panic!("killed here"))));
    assert!(death.is_err());
    hall.kill_consumer(consumer);
    let mut successor = hall.consumer();
    let (number, received) = recv(&mut successor).unwrap();
    assert_eq!((number, received.attempt), (2, 1));
    expect(&mut successor, 3);
}

#[test]
fn who_is_seen_to_sleep_is_told_of_each_and_others_before_a_wait() {
    let mut hall = Hall::parking();
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    hall.lie_down(CONSUMER_BED, 3);
    producer.send_batch(&batch(0..2), Deadline::PASSED).unwrap();
    assert_eq!(hall.asleep_and_wakes(), (1, 2));
    producer.send_batch(&batch(2..4), Deadline::PASSED).unwrap();
    assert_eq!(hall.asleep_and_wakes().0, 0);
    hall.lie_down(PRODUCER_BED, 2);
    let mut seen = 0;
    let counted = consumer.drain(3, |_| seen += 1);
    assert_eq!((counted, seen), (Ok(3), 3));
    assert_eq!(hall.asleep_and_wakes().0, 0);
}

#[test]
fn a_batch_is_over_at_its_deadline_however_short_its_waits_are() {
    let mut hall = Hall::of(64);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    let mut pauses = 0;
    MEANWHILE.set(Some(Box::new(move || {
        pauses += 1;
        // It passes in the midst of a wait, which is then over by a message.
        if pauses == 500 {
            std::thread::sleep(Duration::from_millis(6));
        }
        let _ = consumer.drain(1, |_| {});
    })));
    let soon = Deadline::after(Duration::from_millis(5));
    let many = if cfg!(miri) { 2_000 } else { 20_000 };
    let sent = producer.send_batch(&batch(0..many), soon);
    MEANWHILE.set(None);
    assert!(matches!(sent, Err((1.., SendError::Timeout))), "{sent:?}");
}

/// One who lies down after the last message is told by the end of the batch, whatever that is.
#[test]
fn who_lies_down_amid_a_batch_is_told_when_it_is_over() {
    let mut hall = Hall::parking();
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    producer.send_batch(&batch(0..2), Deadline::PASSED).unwrap();
    let mut seen = 0;
    let drained = catch_unwind(AssertUnwindSafe(|| {
        consumer.drain(2, |_| {
            seen += 1;
            if seen == 2 {
                hall.lie_down(PRODUCER_BED, 1);
                panic!("over");
            }
        })
    }));
    assert!(drained.is_err());
    assert_eq!(hall.asleep_and_wakes(), (0, 1));
}
