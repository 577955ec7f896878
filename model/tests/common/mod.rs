//! How a search is run in a test, and what it must have seen to count.
#![allow(dead_code)] // not all tests need all of it

use annulus_model::{Property, Ring, Rules, Search, Shape};
use std::time::Instant;

/// The most states of one search: what a machine without the optimiser's work does in a moment.
fn limit() -> usize {
    if cfg!(debug_assertions) { 30_000 } else { 60_000_000 }
}

/// Searches all states of this ring under the protocol: there are at least `floor`, nothing is
/// ever broken, and all `deeds` are done.
pub(crate) fn holds(name: &str, shape: Shape, floor: usize, deeds: &[&str]) {
    let begun = Instant::now();
    let report = Search::whole(limit()).run(&Ring { shape, rules: Rules::default() });
    println!("{name}: {report}, {:.1} s", begun.elapsed().as_secs_f64());
    if let Some(breach) = report.breach {
        panic!("{name}: {breach}");
    }
    assert!(report.complete || cfg!(debug_assertions), "{name}: there are more states");
    assert!(report.states >= floor.min(limit()), "{name}: less than {floor} states");
    for deed in deeds {
        let done = report.deeds.contains(deed) || !report.complete;
        assert!(done, "{name}: nobody {deed}");
    }
}

/// Finds `property` broken under `rules`, by a trace of `steps` and no shorter one; and not
/// under the protocol, at the same ring.
pub(crate) fn breaks(shape: Shape, rules: Rules, property: Property, steps: usize) {
    let report = Search::of(property, 1_000_000).run(&Ring { shape, rules });
    let states = report.states;
    let breach = report.breach.unwrap_or_else(|| panic!("{property} holds in {states} states"));
    println!("after {states} states: {breach}");
    assert_eq!(breach.property, property);
    assert_eq!(breach.trace.len(), steps, "the shortest trace has another length");
    holds("with the rule", shape, 40, &[]);
}

/// `property` holds under `rules`, though they are not the protocol: it takes one more to break it.
pub(crate) fn keeps(shape: Shape, rules: Rules, property: Property) {
    let report = Search::of(property, limit()).run(&Ring { shape, rules });
    println!("{property} still holds: {report}");
    if let Some(breach) = report.breach {
        panic!("{breach}");
    }
    assert!(report.complete || cfg!(debug_assertions));
    assert!(report.states >= 40);
}
