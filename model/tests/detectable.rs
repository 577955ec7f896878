//! Hole 13: a verdict on a dead producer's last message that is not true.

use annulus_model::{Detectable, Property, Search};

const PROTOCOL: Detectable =
    Detectable { messages: 2, crashes: 2, repairers_leave_verdicts: true, reads_again: true };

fn run(name: &str, machine: Detectable) -> annulus_model::Report {
    let limit = if cfg!(debug_assertions) { 150_000 } else { 20_000_000 };
    let report = Search::whole(limit).run(&machine);
    println!("{name}: {report}");
    report
}

fn lies(machine: Detectable, steps: usize) {
    let breach = run("a rule is out", machine).breach.expect("a verdict is not true");
    println!("{breach}");
    assert_eq!((breach.property, breach.trace.len()), (Property::Verdict, steps));
}

#[test]
fn every_verdict_is_true_and_all_of_the_dead_get_one() {
    let report = run("detectable send", PROTOCOL);
    if let Some(breach) = report.breach {
        panic!("{breach}");
    }
    assert!(report.complete || cfg!(debug_assertions));
    assert!(report.states >= 100_000);
}

#[test]
fn hole_13_a_repairer_that_leaves_no_verdict_makes_a_lost_message_look_sent() {
    lies(Detectable { repairers_leave_verdicts: false, ..PROTOCOL }, 13);
}

#[test]
fn hole_13_a_repairer_that_does_not_read_again_makes_a_sent_message_look_lost() {
    lies(Detectable { reads_again: false, ..PROTOCOL }, 16);
}
