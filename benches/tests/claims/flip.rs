//! A bench that cannot fail proves nothing: every case that carries payload is run with one bit
//! of one message inverted, and must say so; and without, and must not.

use annulus_benches::case::{Case, Stage};
use annulus_benches::fault::{Fault, SideFault};
use annulus_benches::kernel;
use annulus_benches::limit;
use annulus_benches::locked;

use crate::small_stage;

/// Early enough for the shortest round.
const PLANTED: u64 = 1;

/// Short rounds, but longer than one batch.
fn short_stage(flip: Option<u64>) -> Stage {
    Stage { shorten: 10_000, ..small_stage(flip) }
}

fn runs_clean(cases: &[Case]) {
    let stage = short_stage(None);
    for case in cases {
        for variant in &case.variants {
            let round = (variant.run)(&stage);
            assert!(round.is_ok(), "{} {}: {round:?}", case.name, variant.wait);
        }
    }
}

fn finds_the_flip(cases: &[Case]) {
    let stage = short_stage(Some(PLANTED));
    for case in cases {
        for variant in &case.variants {
            let found = match (variant.run)(&stage) {
                Err(Fault::Side { fault: SideFault::Mismatch { position }, .. }) => Some(position),
                _ => None,
            };
            assert_eq!(found, Some(PLANTED), "{} {}", case.name, variant.wait);
        }
    }
}

#[test]
fn a_flip_fails_what_the_kernel_carries() {
    finds_the_flip(&kernel::cases());
    runs_clean(&kernel::cases());
}

#[test]
fn a_flip_fails_what_goes_through_a_ring_under_a_lock() {
    finds_the_flip(&locked::cases());
    runs_clean(&locked::cases());
}

#[test]
fn a_flip_fails_every_case_of_ours() {
    finds_the_flip(&annulus_benches::spsc::cases());
    runs_clean(&annulus_benches::spsc::cases());
}

#[test]
fn a_flip_fails_every_case_of_ours_whose_sides_sleep() {
    finds_the_flip(&annulus_benches::spsc_park::cases());
    runs_clean(&annulus_benches::spsc_park::cases());
}

#[test]
fn the_limits_run() {
    runs_clean(&limit::rtts());
    runs_clean(&limit::handoffs());
    runs_clean(&limit::wakes());
}

#[cfg(feature = "rivals")]
#[test]
fn a_flip_fails_every_rival_in_every_variant() {
    finds_the_flip(&annulus_benches::rivals::cases());
}

#[cfg(feature = "rivals")]
#[test]
fn every_rival_runs_clean_in_every_variant() {
    runs_clean(&annulus_benches::rivals::cases());
}
