//! Dead letters of the ring of many: one of each message, whoever dies while it is put by, and seen
//! whole or not at all.
#![cfg(loom)]

mod common;

use annulus::ring::mpmc::Producer;
use annulus_loom_tests::Seated;
use common::many::{Came, Room, at_every_access, away, dies_in, drain, send, try_recv};
use common::model;
use loom::thread;

/// A dead letter of lap 0, as its slot's word.
const DEAD: u64 = 7;

/// The next lap.
const LAP: u64 = 1 << 17;

/// Sends a number to the first slot, after which all that receive it are gone.
fn spoil(room: &Room, producer: &mut Producer<Seated>, number: u64, lap: u64) {
    send(producer, number);
    room.hall.set_slot(0, lap * LAP | DEAD);
}

/// Sends to both slots of the first lap, likewise.
fn spoil_both(room: &Room, producer: &mut Producer<Seated>) {
    (5..7).for_each(|number| send(producer, number));
    (0..2).for_each(|slot| room.hall.set_slot(slot, DEAD));
}

#[test]
fn a_consumer_that_dies_while_it_puts_a_letter_by_leaves_one_letter() {
    at_every_access(|accesses| {
        // One cell more, since who dies may have claimed one.
        let room = Room::with_letters(3, 2);
        let mut producer = room.producer();
        let (victim, mut alive) = (room.mortal_consumer(), room.consumer());
        spoil(&room, &mut producer, 5, 0);
        let elsewhere = room.clone();
        let dying = thread::spawn(move || {
            dies_in(&elsewhere, 2, victim, accesses, |victim| {
                assert_eq!(try_recv(victim), None);
            })
        });
        assert_eq!(try_recv(&mut alive), None);
        let died = dying.join().expect("it dies or is done");
        assert_eq!(drain(&mut alive), []);
        assert_eq!((room.letters(), alive.lost()), (vec![(0, 5)], 0));
        assert!(room.discard(0) && !room.discard(0));
        // Both slots are free again, in either lap.
        (6..8).for_each(|number| send(&mut producer, number));
        assert_eq!(drain(&mut alive), [Came::Number(6, false), Came::Number(7, false)]);
        away((producer, alive));
        died
    });
}

/// The seat of one who died while it wrote is wanted by a successor, who frees what it had claimed.
#[test]
fn one_that_dies_while_it_joins_after_one_that_wrote_a_letter_leaves_the_cell_to_others() {
    at_every_access(|accesses| {
        let room = Room::with_letters(2, 1);
        let mut producer = room.producer();
        let victim = room.mortal_consumer();
        spoil(&room, &mut producer, 5, 0);
        let died = dies_in(&room, 2, victim, accesses, |victim| {
            assert_eq!(try_recv(victim), None);
        });
        let mut alive = room.consumer();
        assert_eq!(drain(&mut alive), []);
        assert_eq!((room.letters(), alive.lost()), (vec![(0, 5)], 0));
        away((producer, alive));
        died
    });
}

#[test]
fn a_letter_is_seen_whole_or_not_at_all_and_discarded_once() {
    model(|| {
        let room = Room::with_letters(2, 1);
        let (mut producer, mut consumer) = (room.producer(), room.consumer());
        spoil(&room, &mut producer, 5, 0);
        let elsewhere = room.clone();
        let looking = thread::spawn(move || {
            let seen = elsewhere.letters();
            assert!(seen.is_empty() || seen == [(0, 5)], "{seen:?}");
            let discarded = elsewhere.discard(0);
            assert!(discarded || seen.is_empty());
            discarded
        });
        assert_eq!(try_recv(&mut consumer), None);
        let discarded = looking.join().expect("it ends");
        assert_eq!(room.letters().is_empty(), discarded);
        assert!(discarded != room.discard(0));
        away((producer, consumer));
    });
}

#[test]
fn a_letter_in_whose_place_the_next_one_is_written_is_not_seen_as_that() {
    model(|| {
        let room = Room::with_letters(2, 1);
        let (mut producer, mut consumer) = (room.producer(), room.consumer());
        spoil(&room, &mut producer, 5, 0);
        assert_eq!(drain(&mut consumer), []);
        // The other slot first, for this lap to be over.
        send(&mut producer, 6);
        assert_eq!(drain(&mut consumer), [Came::Number(6, false)]);
        spoil(&room, &mut producer, 7, 1);
        let elsewhere = room.clone();
        let looking = thread::spawn(move || {
            let seen = elsewhere.letters();
            assert!(seen.is_empty() || seen == [(0, 5)] || seen == [(2, 7)], "{seen:?}");
        });
        assert!(room.discard(0));
        assert_eq!(drain(&mut consumer), []);
        looking.join().expect("it ends");
        assert_eq!(room.letters(), [(2, 7)]);
        away((producer, consumer));
    });
}

#[test]
fn of_two_that_discard_a_letter_one_is_told_so() {
    model(|| {
        let room = Room::with_letters(2, 1);
        let (mut producer, mut consumer) = (room.producer(), room.consumer());
        spoil(&room, &mut producer, 5, 0);
        assert_eq!(drain(&mut consumer), []);
        let elsewhere = room.clone();
        let other = thread::spawn(move || elsewhere.discard(0));
        let own = room.discard(0);
        assert!(own != other.join().expect("it ends"));
        away((producer, consumer));
    });
}

#[test]
fn two_that_put_letters_by_take_a_cell_each() {
    model(|| {
        let room = Room::with_letters(3, 2);
        let (mut producer, mut consumer) = (room.producer(), room.consumer());
        let mut other = room.consumer();
        spoil_both(&room, &mut producer);
        let putting = thread::spawn(move || {
            assert_eq!(try_recv(&mut other), None);
            other
        });
        assert_eq!(try_recv(&mut consumer), None);
        let other = putting.join().expect("it ends");
        assert_eq!((drain(&mut consumer), room.letters()), (vec![], vec![(0, 5), (1, 6)]));
        away((producer, consumer, other));
    });
}
