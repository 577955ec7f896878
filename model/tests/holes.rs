//! The holes that the protocol once had, by their numbers: each with the rule that closes it taken
//! out. The shortest way into each is printed with `--nocapture`.
//!
//! Hole 12 is in `tests/waiting.rs`, hole 13 in `tests/detectable.rs`. A search for the position by
//! halving, which would have to count a tombstone ahead of the head as not taken, is not in the
//! protocol: a newcomer begins at the hint or at 0, and walks and jumps.

mod common;

use annulus_model::{Looks, Orphans, Processes, Property, Rules, Shape};
use common::{breaks, keeps};

const PROTOCOL: fn() -> Rules = Rules::default;

/// Two producers that may die twice and come again twice, and a consumer.
const TWO_JOINERS: Shape = Shape { crashes: 2, restarts: 2, ..Shape::of(2, 1, 1) };

#[test]
fn hole_1_a_sweep_that_does_not_keep_joiners_off_repairs_a_live_claim() {
    let rules = Rules { join_under_sweep_byte: false, ..PROTOCOL() };
    breaks(TWO_JOINERS, rules, Property::ExactRepair, 25);
}

#[test]
fn hole_2_a_sweep_that_tests_again_gives_out_an_index_that_a_claim_still_bears() {
    let old = Rules { join_under_sweep_byte: false, ..PROTOCOL() };
    keeps(TWO_JOINERS, old, Property::Release);
    let rules = Rules { sweep_tests_once: false, ..old };
    breaks(TWO_JOINERS, rules, Property::Release, 18);
}

#[test]
fn hole_3_a_joiner_stopped_over_a_dead_claim_wedges_the_ring() {
    let shape = Shape { crashes: 1, restarts: 1, stops: 1, ..Shape::of(2, 1, 1) };
    let rules = Rules { join_under_sweep_byte: false, ..PROTOCOL() };
    breaks(shape, rules, Property::Progress, 6);
}

#[test]
fn hole_4_two_joins_in_one_process_get_one_index() {
    let shape = Shape { cold: true, processes: Processes::One, ..Shape::of(1, 1, 2) };
    let rules = Rules { skips_own_indices: false, ..PROTOCOL() };
    breaks(shape, rules, Property::OneOwner, 8);
}

#[test]
fn hole_5_a_joiner_that_stays_with_a_vetoed_index_never_joins() {
    let shape = Shape { crashes: 1, restarts: 1, lost_locks: 1, ..Shape::of(2, 1, 1) };
    let rules = Rules { next_index_after_veto: false, ..PROTOCOL() };
    breaks(shape, rules, Property::Progress, 4);
}

#[test]
fn without_the_veto_a_lost_lock_lets_a_live_claim_be_repaired() {
    let shape = Shape { crashes: 1, restarts: 1, lost_locks: 1, ..Shape::of(2, 1, 1) };
    let rules = Rules { veto: false, ..PROTOCOL() };
    breaks(shape, rules, Property::ExactRepair, 6);
}

#[test]
fn hole_6_an_orphan_behind_all_heads_is_forgotten_if_nobody_looks() {
    let shape = Shape { crashes: 1, ..Shape::of(1, 2, 2) };
    let rules = Rules { orphans: Orphans::Nobody, ..PROTOCOL() };
    breaks(shape, rules, Property::Progress, 12);
}

#[test]
fn hole_6_an_orphan_is_forgotten_while_a_consumer_waits_for_a_slow_producer() {
    let shape = Shape { crashes: 1, stops: 1, ..Shape::of(1, 2, 2) };
    let rules = Rules { scans_while_pending: false, ..PROTOCOL() };
    breaks(shape, rules, Property::Progress, 9);
}

#[test]
fn hole_7_who_dies_before_it_counts_the_rewind_leaves_an_orphan_that_nobody_finds() {
    let shape = Shape { crashes: 2, restarts: 1, ..Shape::of(1, 2, 2) };
    let rules = Rules { orphans: Orphans::Rewind, ..PROTOCOL() };
    breaks(shape, rules, Property::Progress, 22);
}

#[test]
fn hole_7_who_is_stopped_before_it_counts_the_rewind_does_so_too() {
    let shape = Shape { crashes: 1, restarts: 1, stops: 1, ..Shape::of(1, 2, 2) };
    let rules = Rules { orphans: Orphans::Rewind, ..PROTOCOL() };
    breaks(shape, rules, Property::Progress, 22);
}

#[test]
fn hole_8_a_successor_under_another_index_inverts_the_order() {
    let shape = Shape { crashes: 1, restarts: 1, indices: 3, ..Shape::of(1, 1, 2) };
    let rules = Rules { attach_repairs: false, ..PROTOCOL() };
    breaks(shape, rules, Property::TotalOrder, 26);
}

/// Not among the thirteen: found by this model.
#[test]
fn hole_8_again_where_one_look_through_the_slots_is_to_do_for_the_dead_and_for_orphans() {
    let shape = Shape { crashes: 1, restarts: 1, indices: 3, hints: true, ..Shape::of(1, 1, 3) };
    let rules = Rules { attach_looks: Looks::Once, ..PROTOCOL() };
    breaks(shape, rules, Property::TotalOrder, 34);
}

/// The same where the dead owner's name was given out again in between.
#[test]
fn hole_8_again_where_the_owner_seems_to_live() {
    let shape = Shape { crashes: 2, restarts: 2, indices: 3, hints: true, ..Shape::of(1, 1, 2) };
    let rules = Rules { attach_looks: Looks::OnceWithCare, ..PROTOCOL() };
    breaks(shape, rules, Property::TotalOrder, 39);
}

#[test]
fn hole_9_a_tombstone_behind_the_head_looks_like_corruption() {
    let shape = Shape { crashes: 1, bound: 0, ..Shape::of(1, 2, 3) };
    let rules = Rules { bound_frees: false, ..PROTOCOL() };
    breaks(shape, rules, Property::Stale, 17);
}

#[test]
fn hole_10_a_producer_that_takes_a_tombstone_over_hides_the_gap() {
    let shape = Shape { aborts: 1, ..Shape::of(1, 1, 3) };
    let rules = Rules { tombstone_is_full: false, ..PROTOCOL() };
    breaks(shape, rules, Property::GapReported, 8);
}

#[test]
fn hole_11_a_producer_that_goes_on_after_a_lost_tombstone_leaves_a_hole() {
    let shape = Shape { aborts: 1, ..Shape::of(1, 1, 4) };
    let old = Rules { tombstone_is_full: false, ..PROTOCOL() };
    keeps(shape, old, Property::Contiguous);
    keeps(shape, Rules { looks_again: false, ..PROTOCOL() }, Property::Contiguous);
    let rules = Rules { looks_again: false, ..old };
    breaks(shape, rules, Property::Contiguous, 15);
}
