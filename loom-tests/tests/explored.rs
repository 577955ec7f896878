//! That loom tries every order of the accesses to a word, without which no model here means much.
#![cfg(loom)]

mod common;

use annulus::layout::{HEAD, MPMC_HEAD};
use annulus::ring::mpmc;
use annulus::sync::{Crowd, Memory, Ordering};
use annulus_loom_tests::{Hall, Modelled, Ring, Seated};
use common::model;
use loom::thread;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// All that one thread loads from the word at `at`, which is 0, while another one loads it and
/// then writes 1 by `write`.
fn seen<M: Memory + 'static>(
    at: usize,
    two: impl Fn() -> [M; 2] + Send + Sync + 'static,
    write: impl Fn(&M) + Copy + Send + Sync + 'static,
) -> BTreeSet<u64> {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let all = seen.clone();
    model(move || {
        let [reader, writer] = two();
        let beside = thread::spawn(move || {
            // SAFETY: a control word of the ring.
            unsafe { writer.load(at, Ordering::Acquire) };
            write(&writer);
        });
        // SAFETY: as above.
        let loaded = unsafe { reader.load(at, Ordering::Acquire) };
        all.lock().expect("nobody panics there").insert(loaded);
        beside.join().expect("it ends");
    });
    let seen = seen.lock().expect("nobody panics there");
    seen.clone()
}

#[test]
fn who_loads_before_it_stores_hides_no_order_from_loom() {
    let two = || {
        let ring = Ring::fresh(common::geometry());
        [(); 2].map(|()| Modelled::over(&ring))
    };
    // SAFETY: a control word of the ring.
    let store = |memory: &Modelled| unsafe { memory.store(HEAD, 1, Ordering::Release) };
    assert_eq!(seen(HEAD, two, store), BTreeSet::from([0, 1]));
}

#[test]
fn who_loads_before_it_swaps_hides_no_order_from_loom() {
    let two = || {
        let geometry = mpmc::Geometry::new(2, 8).expect("a small ring").of_one_length();
        let hall = Hall::fresh(geometry.with_seats(2).expect("so many there may be"));
        [(); 2].map(|()| Seated::over(&hall))
    };
    let swap = |memory: &Seated| {
        // SAFETY: a control word of the ring.
        unsafe { memory.compare_exchange(MPMC_HEAD, 0, 1) }.expect("nobody else writes");
    };
    assert_eq!(seen(MPMC_HEAD, two, swap), BTreeSet::from([0, 1]));
}
