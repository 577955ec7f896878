//! Mistakes that an implementation may make: each must be seen, or the model is blind.

mod common;

use annulus_model::{Property, Rules, Shape};
use common::breaks;

const PROTOCOL: fn() -> Rules = Rules::default;

#[test]
fn a_hint_before_its_claim_leads_to_a_hole() {
    let shape = Shape { hints: true, ..Shape::of(2, 1, 2) };
    let rules = Rules { hint_after_claim: false, ..PROTOCOL() };
    breaks(shape, rules, Property::Contiguous, 6);
}

#[test]
fn a_repair_by_a_store_hits_what_came_after() {
    let shape = Shape { crashes: 1, ..Shape::of(1, 2, 1) };
    let rules = Rules { repair_by_swap: false, ..PROTOCOL() };
    breaks(shape, rules, Property::ExactRepair, 7);
}

#[test]
fn attempts_that_stay_at_the_bound_let_a_word_come_back() {
    let shape = Shape { crashes: 2, restarts: 2, bound: 1, ..Shape::of(1, 2, 1) };
    let rules = Rules { attempts_end: false, ..PROTOCOL() };
    breaks(shape, rules, Property::ExactRepair, 39);
}

#[test]
fn a_consumer_that_passes_a_writer_inverts_the_order() {
    let rules = Rules { waits_for_writers: false, ..PROTOCOL() };
    breaks(Shape::of(2, 1, 1), rules, Property::Order, 10);
}

#[test]
fn a_repair_of_the_word_as_it_is_after_the_test_hits_a_live_claim() {
    let shape = Shape { crashes: 1, restarts: 1, ..Shape::of(2, 1, 2) };
    let rules = Rules { expects_word_before_test: false, ..PROTOCOL() };
    breaks(shape, rules, Property::ExactRepair, 28);
}

#[test]
fn a_join_without_a_sweep_gives_out_an_index_that_a_claim_still_bears() {
    let shape = Shape { crashes: 1, restarts: 1, ..Shape::of(1, 1, 2) };
    let rules = Rules { join_sweeps: false, ..PROTOCOL() };
    breaks(shape, rules, Property::Release, 9);
}

#[test]
fn a_producer_that_goes_on_after_any_lost_swap_leaves_a_hole() {
    let shape = Shape { crashes: 1, ..Shape::of(2, 2, 2) };
    let rules = Rules { looks_again: false, ..PROTOCOL() };
    breaks(shape, rules, Property::Contiguous, 19);
}

#[test]
fn a_consumer_that_goes_on_after_any_lost_swap_forgets_a_message() {
    let shape = Shape { crashes: 1, ..Shape::of(1, 2, 3) };
    let rules = Rules { looks_again: false, ..PROTOCOL() };
    breaks(shape, rules, Property::Progress, 6);
}

#[test]
fn a_producer_that_does_not_wait_writes_over_a_message() {
    let rules = Rules { waits_while_full: false, ..PROTOCOL() };
    breaks(Shape::of(1, 1, 3), rules, Property::Overwrite, 8);
}

#[test]
fn a_dead_producers_claim_that_becomes_an_orphan_is_delivered() {
    let shape = Shape { crashes: 1, ..Shape::of(1, 1, 2) };
    let rules = Rules { buries_writers: false, ..PROTOCOL() };
    breaks(shape, rules, Property::Committed, 8);
}

#[test]
fn a_participant_that_is_repaired_alive_stores_over_what_came_after() {
    let shape = Shape { lost_locks: 1, ..Shape::of(1, 2, 2) };
    let rules = Rules { veto: false, ..PROTOCOL() };
    breaks(shape, rules, Property::OwnClaim, 7);
}

#[test]
fn a_consumer_that_leaves_with_its_message_leaves_a_claim_on_an_index_that_is_free() {
    let shape = Shape { leaves: 1, restarts: 1, ..Shape::of(1, 2, 2) };
    let rules = Rules { gives_back: false, ..PROTOCOL() };
    breaks(shape, rules, Property::Release, 13);
}

#[test]
fn a_message_given_back_without_a_count_comes_again_without_a_flag() {
    let shape = Shape { leaves: 1, ..Shape::of(1, 2, 2) };
    let rules = Rules { giving_back_counts: false, ..PROTOCOL() };
    breaks(shape, rules, Property::Flagged, 8);
}

/// The veto would hide it, where it may look: who leaves still lives.
#[test]
fn a_free_after_the_unlock_hits_the_next_owner_of_the_index() {
    let shape = Shape { leaves: 1, restarts: 2, crashes: 2, ..Shape::of(1, 1, 1) };
    let rules = Rules { frees_before_unlock: false, veto: false, ..PROTOCOL() };
    breaks(shape, rules, Property::Release, 22);
}

/// A ring of one consumer at a time that takes two messages before it acknowledges the first.
const BATCHES: Shape =
    Shape { batch: 2, crashes: 1, restarts: 1, indices: 3, ..Shape::of(1, 1, 3) };

#[test]
fn orphans_taken_as_they_are_met_invert_the_order() {
    let rules = Rules { takes_lowest_first: false, ..PROTOCOL() };
    breaks(BATCHES, rules, Property::TotalOrder, 37);
}

#[test]
fn a_batch_acknowledged_in_any_order_comes_again_inverted() {
    let rules = Rules { acknowledges_in_order: false, ..PROTOCOL() };
    breaks(BATCHES, rules, Property::TotalOrder, 26);
}
