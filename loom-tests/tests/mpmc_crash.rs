//! The ring of many when one participant dies before any of its shared accesses, while another
//! one is at work, and when the one who repairs dies in its turn.
#![cfg(loom)]

mod common;

use annulus_loom_tests::{Seated, survived};
use common::many::{Came, Room, at_every_access, away, dies_in, drain, recv, send, try_recv};
use common::model;
use loom::thread;

fn is_gap(came: &Came) -> bool {
    matches!(came, Came::Gap(_))
}

fn count(came: &[Came], what: Came) -> usize {
    came.iter().filter(|came| **came == what).count()
}

#[test]
fn a_producer_that_dies_in_a_send_leaves_a_message_or_a_gap_or_nothing() {
    at_every_access(|accesses| {
        let room = Room::of(3);
        let victim = room.mortal_producer();
        let (mut alive, mut consumer) = (room.producer(), room.consumer());
        let elsewhere = room.clone();
        let dying = thread::spawn(move || {
            dies_in(&elsewhere, 1, victim, accesses, |victim| send(victim, 1))
        });
        send(&mut alive, 2);
        let mut came = vec![recv(&mut consumer)];
        let died = dying.join().expect("it dies or is done");
        came.extend(drain(&mut consumer));
        let (sent, gaps) =
            (count(&came, Came::Number(1, false)), came.iter().filter(|c| is_gap(c)));
        assert!(died || sent == 1, "a send that returned was lost: {came:?}");
        assert_eq!(count(&came, Came::Number(2, false)), 1, "{came:?}");
        assert!(sent + gaps.count() <= 1 && came.len() <= 2, "{came:?}");
        // And the ring goes on.
        send(&mut alive, 3);
        assert_eq!(recv(&mut consumer), Came::Number(3, false));
        away((alive, consumer));
        died
    });
}

/// The same with three at once.
#[test]
fn a_producer_that_dies_beside_another_one_holds_up_neither_that_nor_the_consumer() {
    at_every_access(|accesses| {
        let room = Room::of(3);
        let victim = room.mortal_producer();
        let (mut alive, mut consumer) = (room.producer(), room.consumer());
        let elsewhere = room.clone();
        let dying = thread::spawn(move || {
            dies_in(&elsewhere, 1, victim, accesses, |victim| send(victim, 1))
        });
        let sending = thread::spawn(move || {
            send(&mut alive, 2);
            alive
        });
        let mut came = vec![recv(&mut consumer)];
        let died = dying.join().expect("it dies or is done");
        let alive = sending.join().expect("there is room");
        came.extend(drain(&mut consumer));
        let (sent, gaps) =
            (count(&came, Came::Number(1, false)), came.iter().filter(|c| is_gap(c)));
        assert!(died || sent == 1, "a send that returned was lost: {came:?}");
        assert_eq!(count(&came, Came::Number(2, false)), 1, "{came:?}");
        assert!(sent + gaps.count() <= 1 && came.len() <= 2, "{came:?}");
        away((alive, consumer));
        died
    });
}

#[test]
fn a_producer_that_dies_in_a_claim_that_it_drops_leaves_a_gap_or_nothing() {
    at_every_access(|accesses| {
        let room = Room::of(3);
        let victim = room.mortal_producer();
        let (mut alive, mut consumer) = (room.producer(), room.consumer());
        let elsewhere = room.clone();
        let dying = thread::spawn(move || {
            dies_in(&elsewhere, 1, victim, accesses, |victim| {
                drop(victim.try_claim(8));
            })
        });
        send(&mut alive, 2);
        let mut came = vec![recv(&mut consumer)];
        let died = dying.join().expect("it dies or is done");
        came.extend(drain(&mut consumer));
        let gaps = came.iter().filter(|came| is_gap(came)).count();
        assert!(gaps <= 1 && (died || gaps == 1), "{came:?}");
        assert_eq!(came.len(), 1 + gaps, "{came:?}");
        away((alive, consumer));
        died
    });
}

#[test]
fn a_consumer_that_dies_loses_nothing_and_what_comes_again_says_so() {
    at_every_access(|accesses| {
        let room = Room::of(3);
        let victim = room.mortal_consumer();
        let (mut producer, mut alive) = (room.producer(), room.consumer());
        send(&mut producer, 1);
        send(&mut producer, 2);
        let elsewhere = room.clone();
        let dying = thread::spawn(move || {
            let mut seen = Vec::new();
            let died = dies_in(&elsewhere, 1, victim, accesses, |victim| {
                seen.extend(try_recv(victim));
                seen.extend(try_recv(victim));
                victim.flush();
            });
            (died, seen)
        });
        let mut came: Vec<Came> = try_recv(&mut alive).into_iter().collect();
        let (died, seen) = dying.join().expect("it dies or is done");
        came.extend(drain(&mut alive));
        for number in [1, 2] {
            let by_victim = count(&seen, Came::Number(number, false));
            let plain = count(&came, Came::Number(number, false));
            let again = count(&came, Came::Number(number, true));
            assert!(by_victim + plain + again > 0, "{number} is lost: {seen:?}, {came:?}");
            assert!(by_victim + plain <= 1 && again <= 1, "doubled: {seen:?}, {came:?}");
            assert!(died || again == 0, "{seen:?}, {came:?}");
        }
        // Both slots are free again, in either lap.
        send(&mut producer, 3);
        send(&mut producer, 4);
        assert_eq!(drain(&mut alive), [Came::Number(3, false), Came::Number(4, false)]);
        away((producer, alive));
        died
    });
}

/// The claim of a dead producer is repaired by two consumers at once, one of which dies in it.
#[test]
fn a_consumer_that_dies_in_a_repair_of_a_claim_leaves_it_to_others() {
    at_every_access(|accesses| {
        let room = Room::of(4);
        let (mut dead, mut producer) = (room.producer(), room.producer());
        let (victim, mut alive) = (room.mortal_consumer(), room.consumer());
        away(dead.try_claim(8).expect("there is room"));
        away(dead);
        room.hall.bury(1);
        send(&mut producer, 5);
        let elsewhere = room.clone();
        let dying = thread::spawn(move || {
            let mut seen = Vec::new();
            let died = dies_in(&elsewhere, 3, victim, accesses, |victim| {
                victim.repair();
                seen.extend(try_recv(victim));
                victim.flush();
            });
            (died, seen)
        });
        alive.repair();
        let mut came: Vec<Came> = try_recv(&mut alive).into_iter().collect();
        let (died, seen) = dying.join().expect("it dies or is done");
        came.extend(drain(&mut alive));
        let all = [came.clone(), seen].concat();
        let gaps = all.iter().filter(|came| is_gap(came)).count();
        // Whoever passed it may have died before it could tell.
        assert!(gaps <= 1 && (died || gaps == 1), "{all:?}");
        let fives = [false, true].map(|again| count(&all, Came::Number(5, again)));
        assert!(fives[0] <= 1 && fives[0] + fives[1] >= 1, "{all:?}");
        away((producer, alive));
        died
    });
}

/// A message that a dead consumer had in hand is given out again by one who dies in that, too.
#[test]
fn a_consumer_that_dies_in_the_repair_of_another_one_s_message_leaves_it_to_others() {
    at_every_access(|accesses| {
        let room = Room::of(4);
        let (mut producer, mut dead) = (room.producer(), room.consumer());
        let (victim, mut alive) = (room.mortal_consumer(), room.consumer());
        send(&mut producer, 5);
        assert_eq!(recv(&mut dead), Came::Number(5, false));
        away(dead);
        room.hall.bury(2);
        let elsewhere = room.clone();
        let dying = thread::spawn(move || {
            let mut seen = Vec::new();
            let died = dies_in(&elsewhere, 3, victim, accesses, |victim| {
                victim.repair();
                seen.extend(try_recv(victim));
                victim.flush();
            });
            (died, seen)
        });
        alive.repair();
        let mut came: Vec<Came> = try_recv(&mut alive).into_iter().collect();
        let (died, seen) = dying.join().expect("it dies or is done");
        came.extend(drain(&mut alive));
        let all = [came, seen].concat();
        assert_eq!(count(&all, Came::Number(5, false)), 0, "it was delivered before: {all:?}");
        let again = count(&all, Came::Number(5, true));
        assert!(again == 1 || died && again == 2, "{all:?}");
        away((producer, alive));
        died
    });
}

/// Holes 1 to 4 of the first drawing. The seat of a dead producer with a claim is wanted by two at
/// once, one of which dies in its join.
#[test]
fn one_that_dies_in_its_join_leaves_the_seat_to_others_and_no_claim_is_forgotten() {
    at_every_access(|accesses| {
        let room = Room::of(3);
        let (mut dead, mut consumer) = (room.producer(), room.consumer());
        away(dead.try_claim(8).expect("there is room"));
        away(dead);
        room.hall.bury(1);
        let elsewhere = room.clone();
        let dying = thread::spawn(move || {
            let way = Seated::over(&elsewhere.hall);
            way.life().ends_before(accesses);
            let joined = survived(|| away(elsewhere.producer_by(way)));
            joined.is_none()
        });
        let mut alive = room.producer_soon();
        let own = alive.participant();
        let died = dying.join().expect("it dies or is done");
        room.hall.bury_all_but(&[2, own].map(annulus::sync::Byte::Life));
        // Its seat can be had again, and is had by one who does not know what it held.
        let mut successor = room.producer();
        assert_eq!(drain(&mut consumer), [Came::Gap(0)]);
        send(&mut successor, 1);
        send(&mut alive, 2);
        assert_eq!(drain(&mut consumer), [Came::Number(1, false), Came::Number(2, false)]);
        away((alive, successor, consumer));
        died
    });
}

/// Hole 1 of the first drawing. Two find the same seat of a dead one, and while one of them looks
/// for what that one held, the other one already has a claim by the same index.
#[test]
fn who_joins_late_repairs_no_claim_of_who_has_the_seat_by_now() {
    model(|| {
        let room = Room::of(3);
        away((room.producer(), room.producer()));
        room.hall.bury(1);
        let elsewhere = room.clone();
        let sender = thread::spawn(move || {
            let mut producer = elsewhere.producer_soon();
            send(&mut producer, 1);
            away(producer);
        });
        let mut consumer = room.consumer_soon();
        let mut came: Vec<_> = try_recv(&mut consumer).into_iter().collect();
        sender.join().expect("the sender ends");
        came.extend(drain(&mut consumer));
        assert_eq!(came, [Came::Number(1, false)]);
        away(consumer);
    });
}

#[test]
fn one_that_dies_while_it_leaves_is_gone_and_holds_nothing() {
    at_every_access(|accesses| {
        let room = Room::of(2);
        let ((victim, life), mut consumer) = (room.mortal_producer(), room.consumer());
        let elsewhere = room.clone();
        let dying = thread::spawn(move || {
            let mut victim = victim;
            send(&mut victim, 1);
            life.ends_before(accesses);
            let died = survived(|| victim.close()).is_none();
            elsewhere.hall.bury(1);
            died
        });
        assert_eq!(recv(&mut consumer), Came::Number(1, false));
        let died = dying.join().expect("it dies or is done");
        let mut successor = room.producer();
        send(&mut successor, 2);
        assert_eq!(recv(&mut consumer), Came::Number(2, false));
        away((successor, consumer));
        died
    });
}
