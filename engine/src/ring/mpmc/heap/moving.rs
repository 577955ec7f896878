//! Messages that are moved while all goes well.

use super::*;
use crate::ring::mpmc::SendError;

#[test]
fn messages_of_any_length_come_in_order_over_many_laps_with_consecutive_positions() {
    let mut hall = Hall::of(4);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    let mut buffer = [0; 48];
    for position in 0..100u64 {
        let message = vec![position as u8; (position % 49) as usize];
        assert_eq!(producer.try_send(&message), Ok(position));
        let received = consumer.try_recv(&mut buffer).expect("it is there");
        assert_eq!(received, Received { position, len: message.len(), attempt: 0 });
        assert_eq!(buffer[..message.len()], message);
    }
    assert_eq!(consumer.try_recv(&mut buffer), Err(RecvError::Empty));
}

#[test]
fn a_full_ring_takes_no_more_until_a_message_is_released() {
    let mut hall = Hall::of(4);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    (0..4).for_each(|number| assert_eq!(send(&mut producer, number), number));
    assert_eq!(producer.try_send(&[0; 8]), Err(SendError::Full));
    expect(&mut consumer, 0);
    // It is the caller's until the next call.
    assert_eq!(producer.try_send(&[0; 8]), Err(SendError::Full));
    consumer.flush();
    send(&mut producer, 4);
    assert_eq!(producer.try_send(&[0; 8]), Err(SendError::Full));
    (1..5).for_each(|number| expect(&mut consumer, number));
}

/// A hint that came before the claim would lead others past a place that nobody has.
#[test]
fn a_send_in_vain_leads_nobody_past_the_place_that_is_free_next() {
    let mut hall = Hall::of(4);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    (0..4).for_each(|number| assert_eq!(send(&mut producer, number), number));
    assert_eq!(producer.try_send(&[0; 8]), Err(SendError::Full));
    expect(&mut consumer, 0);
    consumer.flush();
    let mut other = hall.producer();
    assert_eq!(send(&mut other, 4), 4);
    (1..5).for_each(|number| expect(&mut consumer, number));
}

#[test]
fn two_producers_and_two_consumers_share_one_order() {
    let mut hall = Hall::of(8);
    let mut producers = [hall.producer(), hall.producer()];
    let mut consumers = [hall.consumer(), hall.consumer()];
    for number in 0..64 {
        send(&mut producers[number as usize % 2], number);
        if number >= 3 {
            expect(&mut consumers[number as usize / 3 % 2], number - 3);
        }
    }
    (61..64).for_each(|number| expect(&mut consumers[0], number));
}

#[test]
fn one_that_comes_late_finds_where_the_others_are() {
    let mut hall = Hall::of(4);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    for number in 0..21 {
        send(&mut producer, number);
        expect(&mut consumer, number);
    }
    // Hints are stored now and then only, and may be wrong in any way that is behind.
    hall.scribble(crate::layout::MPMC_TAIL, 2);
    hall.scribble(crate::layout::MPMC_HEAD, 5);
    let (mut late_producer, mut late_consumer) = (hall.producer(), hall.consumer());
    assert_eq!(send(&mut late_producer, 21), 21);
    consumer.flush();
    expect(&mut late_consumer, 21);
    assert_eq!(send(&mut producer, 22), 22);
    expect(&mut consumer, 22);
}

#[test]
fn a_claim_is_written_in_place_and_a_message_read_in_place() {
    let mut hall = Hall::of(4);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    let mut claim = producer.try_claim(48).expect("there is room");
    claim.write(0, b"hello, ");
    claim.write(7, b"world");
    assert_eq!((claim.position(), claim.len()), (0, 48));
    assert_eq!(recv(&mut consumer), Err(RecvError::Empty));
    assert_eq!(claim.commit(12), 0);
    let taken = consumer.try_take().expect("it is there");
    let mut bytes = [0; 5];
    taken.read(7, &mut bytes);
    assert_eq!((&bytes, taken.len(), taken.position(), taken.attempt()), (b"world", 12, 0, 0));
    taken.release();
    assert_eq!(recv(&mut consumer), Err(RecvError::Empty));
}

#[test]
fn a_message_that_is_not_released_comes_again_to_the_same_handle() {
    let mut hall = Hall::of(4);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    send(&mut producer, 0);
    send(&mut producer, 1);
    assert_eq!(consumer.try_take().map(|taken| taken.position()), Ok(0));
    assert_eq!(
        consumer.try_recv(&mut [0; 4]),
        Err(RecvError::TooSmall { needed: 8 }),
        "and neither does a buffer that is too small lose it"
    );
    expect(&mut consumer, 0);
    expect(&mut consumer, 1);
}

#[test]
fn messages_of_one_length_keep_none_and_take_56_bytes_of_a_line() {
    let geometry = Geometry::new(4, 56).expect("a good geometry").of_one_length();
    assert_eq!(geometry.stride(), 64);
    let mut hall = Hall::new(geometry);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    let mut buffer = [0; 56];
    for lap in 0..9u8 {
        producer.try_send(&[lap; 56]).expect("there is room");
        assert_eq!(consumer.try_recv(&mut buffer).expect("it is there").len, 56);
        assert_eq!(buffer, [lap; 56]);
    }
    assert_eq!(producer.try_send(&[0; 55]), Err(SendError::OtherLength { len: 56 }));
    assert_eq!(producer.try_send(&[0; 57]), Err(SendError::TooLarge { limit: 56 }));
}
