//! The ring of many while nobody dies.
#![cfg(loom)]

mod common;

use annulus::ring::mpmc::{RecvError, SendError};
use common::many::{Came, Room, away, recv, send, try_recv};
use common::model;
use loom::thread;

#[test]
fn a_message_is_seen_whole_or_not_at_all() {
    model(|| {
        let room = Room::of(2);
        let (mut producer, mut consumer) = (room.producer(), room.consumer());
        let sender = thread::spawn(move || {
            send(&mut producer, 7);
            away(producer);
        });
        assert_eq!(recv(&mut consumer), Came::Number(7, false));
        away(consumer);
        sender.join().expect("the sender ends");
    });
}

#[test]
fn a_slot_is_written_again_only_after_it_was_read() {
    model(|| {
        let room = Room::of(2);
        let (mut producer, mut consumer) = (room.producer(), room.consumer());
        let sender = thread::spawn(move || {
            (0..3).for_each(|number| send(&mut producer, number));
            away(producer);
        });
        for number in 0..3 {
            assert_eq!(recv(&mut consumer), Came::Number(number, false));
        }
        away(consumer);
        sender.join().expect("the sender ends");
    });
}

#[test]
fn two_producers_share_the_positions_without_a_hole() {
    model(|| {
        let room = Room::with(4, 3);
        let (mut producer, mut other) = (room.producer(), room.producer());
        let mut consumer = room.consumer();
        let sender = thread::spawn(move || {
            send(&mut other, 10);
            away(other);
        });
        send(&mut producer, 20);
        send(&mut producer, 30);
        let mut came = [(); 3].map(|()| recv(&mut consumer));
        came.sort_unstable();
        assert_eq!(came, [10, 20, 30].map(|number| Came::Number(number, false)));
        assert_eq!(try_recv(&mut consumer), None);
        away((producer, consumer));
        sender.join().expect("the sender ends");
    });
}

#[test]
fn two_consumers_share_the_messages_and_none_comes_twice() {
    model(|| {
        let room = Room::of(3);
        let (mut producer, mut consumer) = (room.producer(), room.consumer());
        let mut other = room.consumer();
        send(&mut producer, 1);
        send(&mut producer, 2);
        let reader = thread::spawn(move || {
            let came = recv(&mut other);
            other.flush();
            away(other);
            came
        });
        let mut came = [recv(&mut consumer), Came::Gap(0)];
        consumer.flush();
        away((producer, consumer));
        came[1] = reader.join().expect("the reader ends");
        came.sort_unstable();
        assert_eq!(came, [Came::Number(1, false), Came::Number(2, false)]);
    });
}

#[test]
fn a_producer_and_a_consumer_race_for_the_same_slot_over_two_laps() {
    model(|| {
        let room = Room::of(3);
        let (mut producer, mut other) = (room.producer(), room.producer());
        let mut consumer = room.consumer();
        send(&mut producer, 0);
        send(&mut producer, 1);
        let sender = thread::spawn(move || {
            send(&mut other, 2);
            away(other);
        });
        for number in 0..3 {
            assert_eq!(recv(&mut consumer), Came::Number(number, false));
        }
        away((producer, consumer));
        sender.join().expect("the sender ends");
    });
}

#[test]
fn a_dropped_claim_is_a_gap_and_its_slot_is_used_again() {
    model(|| {
        let room = Room::of(2);
        let (mut producer, mut consumer) = (room.producer(), room.consumer());
        let sender = thread::spawn(move || {
            drop(producer.try_claim(8).expect("there is room"));
            send(&mut producer, 1);
            send(&mut producer, 2);
            away(producer);
        });
        let came = [(); 3].map(|()| recv(&mut consumer));
        assert_eq!(came, [Came::Gap(0), Came::Number(1, false), Came::Number(2, false)]);
        away(consumer);
        sender.join().expect("the sender ends");
    });
}

/// Else one who follows it finds words of a lap that is long past, and calls that a corruption.
#[test]
fn a_hint_is_seen_only_with_the_words_that_it_rests_on() {
    model(|| {
        let room = Room::of(3);
        let (mut producer, mut late) = (room.producer(), room.producer());
        let mut consumer = room.consumer();
        for number in 0..7 {
            send(&mut producer, number);
            assert_eq!(recv(&mut consumer), Came::Number(number, false));
            consumer.flush();
        }
        // Position 8 is the next one after which a hint is stored.
        let going_on = thread::spawn(move || {
            for number in 7..9u64 {
                // The late one may have been first, and then there may be no room.
                let _ = producer.try_send(&number.to_le_bytes());
                let _ = try_recv(&mut consumer);
                consumer.flush();
            }
            away((producer, consumer));
        });
        let sent = late.try_send(&[0; 8]);
        assert!(matches!(sent, Ok(_) | Err(SendError::Full)), "{sent:?}");
        away(late);
        going_on.join().expect("it goes on");
    });
}

#[test]
fn closed_is_told_only_after_the_last_message() {
    model(|| {
        let room = Room::of(2);
        let (mut producer, mut consumer) = (room.producer(), room.consumer());
        let sender = thread::spawn(move || {
            send(&mut producer, 1);
            producer.close();
        });
        let mut buffer = [0; 8];
        let mut came = 0;
        loop {
            match consumer.try_recv(&mut buffer) {
                Ok(_) => came += 1,
                Err(RecvError::Empty) => thread::yield_now(),
                Err(error) => {
                    assert_eq!((error, came), (RecvError::Closed, 1));
                    break;
                }
            }
        }
        away(consumer);
        sender.join().expect("the sender ends");
    });
}

/// Who finds nothing asks who is there: nobody has come, or somebody is there.
#[test]
fn the_end_is_not_told_while_a_producer_joins() {
    model(|| {
        let room = Room::of(3);
        let mut consumer = room.consumer();
        let elsewhere = room.clone();
        let joiner = thread::spawn(move || {
            let mut producer = elsewhere.producer_soon();
            send(&mut producer, 1);
            away(producer);
        });
        let mut buffer = [0; 8];
        loop {
            match consumer.try_recv(&mut buffer) {
                Ok(received) => break assert_eq!((received.position, buffer[0]), (0, 1)),
                Err(error) => assert_eq!(error, RecvError::Empty),
            }
            thread::yield_now();
        }
        away(consumer);
        joiner.join().expect("it joins");
    });
}

#[test]
fn two_who_join_at_once_have_seats_of_their_own() {
    model(|| {
        let room = Room::of(2);
        let other = room.clone();
        let joiner = thread::spawn(move || {
            let producer = other.producer_soon();
            let index = producer.participant();
            away(producer);
            index
        });
        let producer = room.producer_soon();
        assert_ne!(producer.participant(), joiner.join().expect("it joins"));
        away(producer);
    });
}
