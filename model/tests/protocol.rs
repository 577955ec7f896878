//! The protocol at rings of many shapes, with every misfortune: nothing is ever broken, and nobody
//! is ever stuck.
//!
//! `ANNULUS_MODEL_DEPTH=deep` searches larger ones, too: README.md says how long, and how much.

mod common;

use annulus_model::{Processes, Shape};
use common::holds;

#[test]
fn one_to_one_three_laps_and_no_misfortune() {
    holds("1p/1c", Shape::of(1, 1, 6), 200, &["sees a full ring", "acknowledges"]);
}

#[test]
fn one_to_one_redelivers_in_order_whoever_succeeds() {
    let shape = Shape { crashes: 2, restarts: 2, indices: 3, hints: true, ..Shape::of(1, 1, 3) };
    holds("1p/1c, 2+2, hints", shape, 80_000, &["takes", "repairs", "fails to repair"]);
}

#[test]
fn two_to_two_and_two_die() {
    let shape = Shape { crashes: 2, ..Shape::of(2, 2, 2) };
    holds("2p/2c, 2+0", shape, 110_000, &["frees a tombstone, reports the gap"]);
}

#[test]
fn two_to_two_and_one_dies_and_comes_again() {
    let shape = Shape { crashes: 1, restarts: 1, ..Shape::of(2, 2, 2) };
    let deeds = ["sweeps a slot", "stores FREE", "finds the index's owner alive"];
    holds("2p/2c, 1+1", shape, 1_200_000, &deeds);
}

#[test]
fn two_to_two_with_hints_of_any_age() {
    let shape = Shape { crashes: 1, hints: true, ..Shape::of(2, 2, 2) };
    let deeds = ["stores the tail's hint", "stores the head's hint", "sees a later lap, jumps"];
    holds("2p/2c, 1+0, hints", shape, 100_000, &deeds);
}

#[test]
fn two_to_two_one_is_stopped_one_dies_one_gives_up() {
    let shape = Shape { crashes: 1, stops: 1, aborts: 1, ..Shape::of(2, 2, 2) };
    holds("2p/2c, 1+0, stop, abort", shape, 700_000, &["is stopped", "gives up its claim"]);
}

#[test]
fn two_to_one_two_die_one_comes_again_one_gives_up() {
    let shape = Shape { crashes: 2, restarts: 1, aborts: 1, ..Shape::of(2, 1, 2) };
    holds("2p/1c, 2+1, abort", shape, 250_000, &["comes again", "gives up its claim"]);
}

#[test]
fn one_to_two_three_laps_with_hints() {
    let shape = Shape { hints: true, ..Shape::of(1, 2, 6) };
    holds("1p/2c, hints, 3 laps", shape, 300_000, &["fails to take"]);
}

#[test]
fn one_to_two_a_message_that_is_lost_at_the_bound_is_counted() {
    let shape = Shape { crashes: 2, restarts: 2, bound: 1, ..Shape::of(1, 2, 2) };
    holds("1p/2c, 2+2, bound 1", shape, 150_000, &["is killed", "comes again"]);
}

#[test]
fn two_to_two_at_most_once() {
    let shape = Shape { crashes: 2, at_most_once: true, ..Shape::of(2, 2, 2) };
    holds("2p/2c, 2+0, at most once", shape, 100_000, &["repairs"]);
}

#[test]
fn two_to_one_at_most_once_and_one_comes_again() {
    let shape =
        Shape { crashes: 1, restarts: 1, aborts: 1, at_most_once: true, ..Shape::of(2, 1, 2) };
    holds("2p/1c, 1+1, abort, at most once", shape, 80_000, &["repairs", "comes again"]);
}

#[test]
fn a_lost_lock_is_vetoed_and_nothing_is_touched() {
    let shape = Shape { crashes: 1, restarts: 1, lost_locks: 1, ..Shape::of(1, 2, 3) };
    holds("1p/2c, 1+1, a lost lock", shape, 250_000, &["loses its lock, and lives"]);
}

#[test]
fn one_to_two_leave_with_a_message_in_hand_and_come_again() {
    let shape = Shape { crashes: 1, restarts: 1, leaves: 1, ..Shape::of(1, 2, 3) };
    let deeds = ["gives back its message, to leave", "stores FREE, to leave"];
    holds("1p/2c, 1+1, a leave", shape, 300_000, &deeds);
}

#[test]
fn two_to_two_leave_and_a_message_given_back_at_the_bound_is_lost() {
    let shape = Shape { restarts: 1, leaves: 2, bound: 0, ..Shape::of(2, 2, 1) };
    holds("2p/2c, 0+1, two leaves, bound 0", shape, 100_000, &["unlocks its byte, to leave"]);
}

#[test]
fn four_slots() {
    let shape = Shape { slots: 4, crashes: 1, aborts: 1, ..Shape::of(1, 2, 6) };
    holds("1p/2c, 1+0, abort, 4 slots", shape, 60_000, &["repairs"]);
}

#[test]
fn all_join_at_once() {
    let shape = Shape { cold: true, crashes: 1, ..Shape::of(2, 2, 1) };
    holds("2p/2c, 1+0, cold", shape, 30_000, &["finds the index's owner dead"]);
}

#[test]
fn all_join_at_once_in_one_process() {
    let shape = Shape { cold: true, processes: Processes::One, ..Shape::of(2, 2, 1) };
    holds("2p/2c, one process", shape, 3_000, &["stores ACTIVE"]);
}

#[test]
fn a_process_with_all_consumers_dies_and_they_come_again() {
    let shape =
        Shape { crashes: 1, restarts: 2, processes: Processes::Roles, ..Shape::of(1, 2, 3) };
    holds("1p/2c, 1+2, roles", shape, 60_000, &["comes again", "sweeps a slot"]);
}

#[test]
fn a_process_with_all_producers_dies_and_they_come_again() {
    let shape =
        Shape { crashes: 1, restarts: 2, processes: Processes::Roles, ..Shape::of(2, 1, 2) };
    holds("2p/1c, 1+2, roles", shape, 100_000, &["comes again", "sweeps a slot"]);
}

#[test]
fn one_process_with_all_dies_and_they_come_again() {
    let shape = Shape { crashes: 1, restarts: 3, processes: Processes::One, ..Shape::of(1, 2, 2) };
    holds("1p/2c, 1+3, one process", shape, 90_000, &["comes again", "sweeps a slot"]);
}

#[test]
fn one_to_one_in_batches_redelivers_in_order_whoever_succeeds() {
    let shape =
        Shape { batch: 2, crashes: 2, restarts: 2, indices: 3, hints: true, ..Shape::of(1, 1, 3) };
    holds("1p/1c, 2+2, hints, batches", shape, 700_000, &["is to take one more"]);
}

#[test]
fn two_to_two_in_batches() {
    let shape = Shape { batch: 2, crashes: 1, aborts: 1, ..Shape::of(2, 2, 2) };
    holds("2p/2c, 1+0, abort, batches", shape, 350_000, &["is to take one more"]);
}

#[test]
fn one_to_two_in_batches_leave_with_messages_in_hand() {
    let shape = Shape { batch: 2, crashes: 1, restarts: 1, leaves: 1, ..Shape::of(1, 2, 3) };
    holds("1p/2c, 1+1, a leave, batches", shape, 700_000, &["gives back its next message"]);
}

/// The larger rings are for those who ask.
fn hold_if_asked_for(deep: &[(&str, Shape)]) {
    if std::env::var("ANNULUS_MODEL_DEPTH").as_deref() == Ok("deep") {
        for (name, shape) in deep {
            holds(name, *shape, 1_000_000, &[]);
        }
    }
}

#[test]
fn larger_rings_of_two_and_three() {
    let one_to_one = Shape { indices: 3, hints: true, ..Shape::of(1, 1, 3) };
    let one_to_two = Shape { crashes: 2, restarts: 2, bound: 1, ..Shape::of(1, 2, 4) };
    let hints = Shape { crashes: 1, restarts: 1, hints: true, ..Shape::of(1, 2, 4) };
    let two_to_one =
        Shape { crashes: 2, restarts: 1, aborts: 1, hints: true, ..Shape::of(2, 1, 2) };
    let at_most_once = Shape { at_most_once: true, ..two_to_one };
    hold_if_asked_for(&[
        ("1p/1c, 3+3, hints", Shape { crashes: 3, restarts: 3, ..one_to_one }),
        ("1p/2c, 1+1, hints", hints),
        ("1p/2c, 2+2, bound 1", one_to_two),
        ("1p/2c, 2+2, bound 1, batches", Shape { batch: 2, messages: 3, ..one_to_two }),
        ("2p/1c, 2+1, abort, hints", two_to_one),
        ("2p/1c, 2+1, abort, hints, at most once", at_most_once),
    ]);
}

#[test]
fn larger_rings_of_four() {
    let once = Shape { crashes: 1, ..Shape::of(2, 2, 2) };
    let back = Shape { restarts: 1, ..once };
    let stop = Shape { stops: 1, ..once };
    hold_if_asked_for(&[
        ("2p/2c, 1+0, abort, 4 slots", Shape { slots: 4, aborts: 1, messages: 3, ..once }),
        ("2p/2c, 1+0, stop, abort, batches", Shape { batch: 2, aborts: 1, ..stop }),
        ("2p/2c, 2+1", Shape { crashes: 2, ..back }),
        ("2p/2c, 1+1, stop", Shape { stops: 1, ..back }),
        ("2p/2c, 1+1, a leave", Shape { leaves: 1, ..back }),
    ]);
}
