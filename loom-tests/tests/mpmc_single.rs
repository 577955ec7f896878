//! The ring of many where a seat is one participant's: a role that has one at a time, which claims
//! by looking and takes by a store, and a numbered producer, of whose sends it is kept how many
//! took effect. While nobody dies, and when it dies before any of its shared accesses.
#![cfg(loom)]

mod common;

use annulus::ring::Role;
use annulus::ring::mpmc::{Consumer, Producer};
use annulus_loom_tests::Seated;
use common::many::{Came, Room, at_every_access, away, dies_in, drain, recv, send, try_recv};
use common::model;
use loom::thread;

const BOTH: &[Role] = &[Role::Producer, Role::Consumer];

/// What the payload says is what its sender wrote, and a slot is written only after it was read.
#[test]
fn one_sends_to_one_over_two_laps() {
    model(|| {
        let room = Room::single(2, BOTH);
        let (mut producer, mut consumer) = (room.producer(), room.consumer());
        let sender = thread::spawn(move || {
            (0..4).for_each(|number| send(&mut producer, number));
            away(producer);
        });
        for number in 0..4 {
            assert_eq!(recv(&mut consumer), Came::Number(number, false));
        }
        away(consumer);
        sender.join().expect("the sender ends");
    });
}

#[test]
fn two_send_to_one() {
    model(|| {
        let room = Room::single(3, &[Role::Consumer]);
        let (mut producer, mut other) = (room.producer(), room.producer());
        let mut consumer = room.consumer();
        let sender = thread::spawn(move || {
            send(&mut other, 10);
            away(other);
        });
        send(&mut producer, 20);
        let mut came = [(); 2].map(|()| recv(&mut consumer));
        came.sort_unstable();
        assert_eq!(came, [Came::Number(10, false), Came::Number(20, false)]);
        assert_eq!(try_recv(&mut consumer), None);
        away((producer, consumer));
        sender.join().expect("the sender ends");
    });
}

#[test]
fn one_sends_to_two() {
    model(|| {
        let room = Room::single(3, &[Role::Producer]);
        let (mut producer, mut consumer) = (room.producer(), room.consumer());
        let mut other = room.consumer();
        let reader = thread::spawn(move || {
            let came = recv(&mut other);
            other.flush();
            away(other);
            came
        });
        (1..4).for_each(|number| send(&mut producer, number));
        let mut came = vec![recv(&mut consumer), recv(&mut consumer)];
        consumer.flush();
        away((producer, consumer));
        came.push(reader.join().expect("the reader ends"));
        came.sort_unstable();
        assert_eq!(came, [1, 2, 3].map(|number| Came::Number(number, false)));
    });
}

/// Its successor has what it held first, says so, and sees its bytes.
#[test]
fn a_single_consumer_that_dies_leaves_all_in_order() {
    at_every_access(|accesses| {
        let room = Room::single(2, &[Role::Consumer]);
        let victim = room.mortal_consumer();
        let mut producer = room.producer();
        send(&mut producer, 1);
        let elsewhere = room.clone();
        let dying = thread::spawn(move || {
            let mut seen = Vec::new();
            let died = dies_in(&elsewhere, 1, victim, accesses, |victim| {
                seen.extend(try_recv(victim));
                seen.extend(try_recv(victim));
            });
            (died, seen)
        });
        send(&mut producer, 2);
        let mut successor = room.consumer_soon();
        let came = drain(&mut successor);
        let (died, seen) = dying.join().expect("it dies or is done");
        let number = |came: &Came| match came {
            Came::Number(number, _) => *number,
            Came::Gap(_) => panic!("nobody died in a claim"),
        };
        assert!(came.iter().map(number).is_sorted(), "{came:?}");
        for number in [1, 2] {
            let of = |all: &[Came], again| {
                all.iter().filter(|came| **came == Came::Number(number, again)).count()
            };
            let (by_victim, plain, again) = (of(&seen, false), of(&came, false), of(&came, true));
            assert!(by_victim + plain + again > 0, "{number} is lost: {seen:?}, {came:?}");
            assert!(by_victim + plain <= 1 && again <= 1, "doubled: {seen:?}, {came:?}");
        }
        send(&mut producer, 3);
        send(&mut producer, 4);
        assert_eq!(drain(&mut successor), [Came::Number(3, false), Came::Number(4, false)]);
        away((producer, successor));
        died
    });
}

/// Its successor writes over what it was writing.
#[test]
fn a_single_producer_that_dies_leaves_a_message_or_nothing() {
    at_every_access(|accesses| {
        let room = Room::single(2, &[Role::Producer]);
        let victim = room.mortal_producer();
        let mut consumer = room.consumer();
        let elsewhere = room.clone();
        let dying = thread::spawn(move || {
            dies_in(&elsewhere, 1, victim, accesses, |victim| {
                send(victim, 1);
            })
        });
        let mut successor = room.producer_soon();
        send(&mut successor, 2);
        let mut came = vec![recv(&mut consumer)];
        let died = dying.join().expect("it dies or is done");
        came.extend(drain(&mut consumer));
        let all = [1, 2].map(|number| Came::Number(number, false));
        assert!(came == all || died && came == all[1..], "{came:?}");
        away((successor, consumer));
        died
    });
}

/// What is said of its sends is what came, be it that a consumer repaired its claim, or looked at
/// it just before it committed and died.
#[test]
fn of_a_numbered_producer_that_dies_it_is_known_what_it_sent() {
    at_every_access(|accesses| {
        let room = Room::numbered(3);
        let victim = room.number_one();
        // Keeps the ring open.
        let (keeper, mut consumer) = (room.producer(), room.consumer());
        let elsewhere = room.clone();
        let dying = thread::spawn(move || {
            dies_in(&elsewhere, 1, victim, accesses, |victim| {
                send(victim, 1);
                send(victim, 2);
            })
        });
        consumer.repair();
        let mut buffer = [0; 8];
        let early = consumer.try_recv(&mut buffer);
        let died = dying.join().expect("it dies or is done");
        let mut came = u64::from(early.is_ok());
        came += drain(&mut consumer).iter().filter(|came| matches!(came, Came::Number(..))).count()
            as u64;
        let (mut successor, _) = room.number_one();
        assert_eq!(successor.sent(), Some(came));
        assert!(died || came == 2, "{came} came");
        send(&mut successor, 3);
        assert_eq!(drain(&mut consumer), [Came::Number(3, false)]);
        assert_eq!(successor.sent(), Some(came + 1));
        away((keeper, successor, consumer));
        died
    });
}

/// The same where its successor comes first, and sweeps its seat.
#[test]
fn who_comes_after_a_numbered_producer_knows_what_it_sent() {
    at_every_access(|accesses| {
        let room = Room::numbered(3);
        let (mut victim, mut consumer) = (room.number_one(), room.consumer());
        // So that what it knows of earlier sends stands where the next ones do.
        for number in [8, 9] {
            send(&mut victim.0, number);
            assert_eq!(drain(&mut consumer), [Came::Number(number, false)]);
        }
        let died = dies_in(&room, 1, victim, accesses, |victim| {
            send(victim, 1);
            drop(victim.try_claim(8));
        });
        let (mut successor, _) = room.number_one();
        let sent = successor.sent().expect("it has a number");
        send_what_fits(&mut successor, &mut consumer);
        let came = drain(&mut consumer);
        let ones = came.iter().filter(|came| **came == Came::Number(1, false)).count();
        assert_eq!(sent, 2 + ones as u64, "{came:?}");
        away((successor, consumer));
        died
    });
}

/// Sends one more if there is room.
fn send_what_fits(producer: &mut Producer<Seated>, consumer: &mut Consumer<Seated>) {
    if producer.try_send(&7u64.to_le_bytes()).is_ok() {
        consumer.repair();
    }
}
