//! Rings of many with more participants than loom can have, of whom some die.

mod common;

use annulus::ring::mpmc::Delivery;
use annulus::ring::{Barrier, Role, Waiting, Wake};
use annulus_shuttle_tests::model;
use common::{Party, Plan};

#[test]
fn what_three_send_comes_to_three_once_and_in_order() {
    model(|| Party::of(Plan::default()).meet());
}

#[test]
fn what_three_send_who_sleep_comes_to_three_who_sleep() {
    let waiting = Waiting::Park { spins: false, barrier: Barrier::Fence, wake: Wake::Futex };
    model(move || Party::of(Plan { waiting, ..Plan::default() }).meet());
}

#[test]
fn a_sender_that_dies_anywhere_leaves_a_gap_at_most() {
    model(|| Party::of(Plan { dying_producers: 1, ..Plan::default() }).meet());
}

#[test]
fn what_a_receiver_has_that_dies_anywhere_comes_to_another_one() {
    model(|| Party::of(Plan { dying_consumers: 1, ..Plan::default() }).meet());
}

#[test]
fn two_of_each_may_die_at_any_time() {
    let plan = Plan { dying_producers: 2, dying_consumers: 2, ..Plan::default() };
    model(move || Party::of(plan).meet());
}

#[test]
fn two_of_each_may_die_at_any_time_while_others_sleep() {
    let waiting = Waiting::Park { spins: false, barrier: Barrier::Fence, wake: Wake::Futex };
    let plan = Plan { waiting, dying_producers: 2, dying_consumers: 2, ..Plan::default() };
    model(move || Party::of(plan).meet());
}

#[test]
fn where_messages_come_at_most_once_none_comes_again() {
    let plan = Plan { delivery: Delivery::AtMostOnce, dying_consumers: 2, ..Plan::default() };
    model(move || Party::of(plan).meet());
}

#[test]
fn seats_of_those_who_died_are_taken_by_those_who_come() {
    // No more seats than participants at one time: each death frees one for a latecomer.
    let plan = Plan { dying_producers: 2, dying_consumers: 2, latecomers: true, ..Plan::default() };
    model(move || Party::of(plan).meet());
}

#[test]
fn one_at_a_time_receives_in_order_whoever_dies() {
    let single = Some(Role::Consumer);
    let plan = Plan {
        single,
        dying_producers: 2,
        dying_consumers: 1,
        latecomers: true,
        ..Plan::default()
    };
    model(move || Party::of(plan).meet());
}

#[test]
fn what_one_sends_comes_to_three_whoever_dies() {
    let single = Some(Role::Producer);
    let plan = Plan { single, dying_producers: 1, dying_consumers: 2, ..Plan::default() };
    model(move || Party::of(plan).meet());
}
