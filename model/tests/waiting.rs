//! Hole 12: waking one for each message starves where order is kept; and who wakes may die.

use annulus_model::{Property, Report, Search, Waiting};

const TWO_TO_TWO: Waiting = Waiting {
    producers: 2,
    consumers: 2,
    messages: 2,
    crashes: 0,
    only_wakers_die: false,
    stops: 0,
    chain: true,
    slices: true,
};

fn run(name: &str, machine: Waiting) -> Report {
    let limit = if cfg!(debug_assertions) { 150_000 } else { 20_000_000 };
    let report = Search::whole(limit).run(&machine);
    println!("{name}: {report}");
    report
}

fn holds(name: &str, machine: Waiting, floor: usize) {
    let report = run(name, machine);
    if let Some(breach) = report.breach {
        panic!("{name}: {breach}");
    }
    assert!(report.complete || cfg!(debug_assertions), "{name}: there are more states");
    assert!(report.states >= floor.min(150_000), "{name}: less than {floor} states");
}

fn starves(name: &str, machine: Waiting, steps: usize) {
    let breach = run(name, machine).breach.expect("somebody sleeps for ever");
    println!("{breach}");
    assert_eq!((breach.property, breach.trace.len()), (Property::Progress, steps));
}

#[test]
fn hole_12_without_the_chain_a_message_is_ready_and_its_consumer_sleeps() {
    let machine = Waiting { messages: 1, slices: false, ..TWO_TO_TWO };
    starves("no chain", Waiting { chain: false, ..machine }, 10);
    holds("chain", machine, 10_000);
}

#[test]
fn with_the_chain_and_no_misfortune_nobody_needs_slices() {
    holds("chain, no slices", Waiting { slices: false, ..TWO_TO_TWO }, 500_000);
}

#[test]
fn hole_12_a_wake_dies_with_its_waker() {
    let machine =
        Waiting { producers: 1, messages: 1, crashes: 1, only_wakers_die: true, ..TWO_TO_TWO };
    starves("the waker's death, no slices", Waiting { slices: false, ..machine }, 11);
    holds("the waker's death, slices", machine, 1_000);
}

#[test]
fn hole_12_nobody_is_awake_to_find_a_writer_dead() {
    let machine = Waiting { producers: 1, consumers: 1, messages: 1, crashes: 1, ..TWO_TO_TWO };
    starves("a writer's death, no slices", Waiting { slices: false, ..machine }, 5);
    holds("a writer's death, slices", machine, 40);
}

#[test]
fn hole_12_a_wake_goes_to_a_sleeper_that_is_dead() {
    let machine = Waiting { producers: 1, messages: 1, crashes: 1, ..TWO_TO_TWO };
    starves("a sleeper's death, no slices", Waiting { slices: false, ..machine }, 6);
    holds("a sleeper's death, slices", machine, 1_000);
}

#[test]
fn hole_12_a_wake_goes_to_a_sleeper_that_is_stopped() {
    let machine = Waiting { producers: 1, messages: 1, stops: 1, ..TWO_TO_TWO };
    starves("a sleeper's stop, no slices", Waiting { slices: false, ..machine }, 6);
    holds("a sleeper's stop, slices", machine, 1_000);
}

#[test]
fn with_slices_all_recover_from_a_death_and_a_stop() {
    let machine = Waiting { crashes: 1, stops: 1, messages: 1, ..TWO_TO_TWO };
    holds("2p/2c, a death and a stop", machine, 100_000);
}

#[test]
fn a_longer_traffic_if_asked_for() {
    if std::env::var("ANNULUS_MODEL_DEPTH").as_deref() == Ok("deep") {
        let machine = Waiting { crashes: 1, stops: 1, ..TWO_TO_TWO };
        holds("2p/2c, two each, a death and a stop", machine, 7_000_000);
    }
}
