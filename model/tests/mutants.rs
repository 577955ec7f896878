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
