//! Who is woken by what. Sleeping itself is left to the models and to real processes: here sleeps
//! are short.

use super::*;
use crate::layout::{CONSUMER_BED, PRODUCER_BED};
use crate::ring::mpmc::SendError;
use crate::ring::{Barrier, Waiting, Wake};

const PARKING: Waiting = Waiting::Park { spins: false, barrier: Barrier::Fence, wake: Wake::Futex };

impl Hall {
    /// Of four slots, whose participants sleep.
    pub(super) fn parking() -> Hall {
        Hall::new(geometry(4).waiting_by(PARKING))
    }

    /// So many lie down in that bed, and sleep. Who was woken before is forgotten.
    pub(super) fn lie_down(&mut self, bed: usize, how_many: u32) {
        let reach = self.reach();
        for _ in 0..how_many {
            // SAFETY: a control word of the block.
            unsafe { reach.count(bed + offset_of!(Bed, asleep)) };
        }
        let mut asleep = reach.table().asleep.lock().expect("nobody panics there");
        (asleep.now, asleep.wakes) = (asleep.now + how_many, 0);
    }

    /// How many still sleep, and how often somebody was to be woken since this was asked last.
    pub(super) fn asleep_and_wakes(&self) -> (u32, u32) {
        let mut asleep = self.table.asleep.lock().expect("nobody panics there");
        (asleep.now, std::mem::take(&mut asleep.wakes))
    }
}

#[test]
fn each_message_wakes_one_as_long_as_somebody_sleeps() {
    let mut hall = Hall::parking();
    let mut producer = hall.producer();
    hall.lie_down(CONSUMER_BED, 0);
    send(&mut producer, 0);
    assert_eq!(hall.asleep_and_wakes(), (0, 0));
    hall.lie_down(CONSUMER_BED, 2);
    send(&mut producer, 1);
    assert_eq!(hall.asleep_and_wakes(), (1, 1));
    send(&mut producer, 2);
    assert_eq!(hall.asleep_and_wakes(), (0, 1));
    // That nobody is left is found out by one call more.
    send(&mut producer, 3);
    assert_eq!(hall.asleep_and_wakes(), (0, 1));
    expect(&mut hall.consumer(), 0);
    hall.asleep_and_wakes();
    send(&mut producer, 4);
    assert_eq!(hall.asleep_and_wakes(), (0, 0));
}

#[test]
fn each_release_wakes_one_sender_and_so_does_a_gap_that_is_passed() {
    let mut hall = Hall::parking();
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    (0..2).for_each(|number| assert_eq!(send(&mut producer, number), number));
    drop(producer.try_claim(8).expect("there is room"));
    hall.lie_down(PRODUCER_BED, 3);
    expect(&mut consumer, 0);
    assert_eq!(hall.asleep_and_wakes(), (3, 0), "it is the caller's until the next call");
    expect(&mut consumer, 1);
    assert_eq!(hall.asleep_and_wakes(), (2, 1));
    consumer.flush();
    assert_eq!(hall.asleep_and_wakes(), (1, 1));
    assert!(matches!(recv(&mut consumer), Err(RecvError::Gap { position: 2, .. })));
    assert_eq!(hall.asleep_and_wakes(), (0, 1));
}

/// The chain: the wake for the second message may have gone to one who could not take it.
#[test]
fn who_is_served_wakes_another_one_if_there_is_more() {
    let mut hall = Hall::parking();
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    (0..3).for_each(|number| assert_eq!(send(&mut producer, number), number));
    hall.lie_down(CONSUMER_BED, 2);
    expect(&mut consumer, 0);
    assert_eq!(hall.asleep_and_wakes(), (1, 1));
    expect(&mut consumer, 1);
    assert_eq!(hall.asleep_and_wakes(), (0, 1));
    hall.lie_down(CONSUMER_BED, 1);
    expect(&mut consumer, 2);
    assert_eq!(hall.asleep_and_wakes(), (1, 0), "there is no more");
}

#[test]
fn who_claims_wakes_another_sender_if_there_is_more_room() {
    let mut hall = Hall::parking();
    let mut producer = hall.producer();
    hall.lie_down(PRODUCER_BED, 4);
    for asleep in [3, 2, 1, 1] {
        send(&mut producer, 0);
        assert_eq!(hall.asleep_and_wakes().0, asleep);
    }
}

/// It is not for one: an orphan is found by any consumer that looks, a free slot by any producer.
#[test]
fn a_repair_a_coming_and_a_leaving_wake_all() {
    let mut hall = Hall::parking();
    let (mut producer, victim) = (hall.producer(), hall.producer());
    let (mut consumer, other) = (hall.consumer(), hall.consumer());
    let all_are_woken = |hall: &mut Hall, what: &dyn Fn(&mut Hall)| {
        for bed in [CONSUMER_BED, PRODUCER_BED] {
            hall.lie_down(bed, 3);
            what(hall);
            assert_eq!(hall.asleep_and_wakes().0, 0);
        }
    };
    all_are_woken(&mut hall, &|hall| core::mem::forget(hall.consumer()));
    hall.lie_down(PRODUCER_BED, 3);
    drop(other);
    assert_eq!(hall.asleep_and_wakes().0, 0);
    let mut victim = victim;
    core::mem::forget(victim.try_claim(8).expect("there is room"));
    hall.kill_producer(victim);
    (1..4).for_each(|number| assert_eq!(send(&mut producer, number), number));
    hall.lie_down(CONSUMER_BED, 3);
    assert_eq!(producer.try_send(&[0; 8]), Err(SendError::Full));
    producer.repair();
    assert_eq!(hall.asleep_and_wakes().0, 0, "there is a gap");
    assert!(matches!(recv(&mut consumer), Err(RecvError::Gap { position: 0, .. })));
}

/// Messages that others take wake one who waits: no slice ever ends by itself. What is in its way
/// is asked after all the same, every 50 ms, which are a thousand of these sleeps.
#[test]
fn one_who_is_rung_again_and_again_asks_after_who_is_in_its_way() {
    let mut hall = Hall::parking();
    let (mut consumer, mut victim) = (hall.consumer(), hall.producer());
    let participant = victim.participant();
    core::mem::forget(victim.try_claim(8).expect("there is room"));
    // It has asked, and the claim stands.
    let late = consumer.recv(&mut [0; 8], soon());
    assert!(matches!(late, Err(RecvError::PeerStalled(by)) if by.participant == participant));
    hall.kill_producer(victim);
    hall.table.asleep.lock().expect("nobody panics there").rings = 20_000;
    let told = consumer.recv(&mut [0; 8], Deadline::NEVER);
    assert_eq!(told, Err(RecvError::Gap { position: 0, participant }));
    assert!(hall.table.asleep.lock().expect("nobody panics there").rings > 0, "it asked by itself");
}

#[test]
fn nobody_is_to_be_woken_where_all_spin() {
    let mut hall = Hall::of(4);
    let (mut producer, mut consumer) = (hall.producer(), hall.consumer());
    // A peer that scribbles.
    hall.lie_down(CONSUMER_BED, 1);
    hall.lie_down(PRODUCER_BED, 1);
    for number in 0..4 {
        send(&mut producer, number);
        expect(&mut consumer, number);
    }
    assert_eq!(hall.asleep_and_wakes(), (2, 0));
}
