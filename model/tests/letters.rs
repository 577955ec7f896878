//! Dead letters: one of each message, whoever dies while it is put by.

use annulus_model::{Letters, Property, Report, Search};

const PROTOCOL: Letters = Letters {
    consumers: 3,
    cells: 2,
    messages: 2,
    crashes: 2,
    restarts: 2,
    stops: 0,
    looks_for_letters: true,
    waits_for_slot: true,
    sweeps_cells: true,
    frees_cells_of_the_dead: true,
    has_room: false,
    copies_in_repair: false,
};

fn run(name: &str, machine: Letters) -> Report {
    let limit = if cfg!(debug_assertions) { 150_000 } else { 20_000_000 };
    let report = Search::whole(limit).run(&machine);
    println!("{name}: {report}");
    report
}

fn holds(name: &str, machine: Letters, floor: usize, deeds: &[&str]) {
    let report = run(name, machine);
    if let Some(breach) = report.breach {
        panic!("{name}: {breach}");
    }
    assert!(report.complete || cfg!(debug_assertions), "{name}: there are more states");
    assert!(report.states >= floor.min(150_000), "{name}: less than {floor} states");
    for deed in deeds {
        assert!(report.deeds.contains(deed) || !report.complete, "{name}: nobody {deed}");
    }
}

fn breaks(machine: Letters, property: Property, steps: usize) {
    let breach = run("a rule is out", machine).breach.expect("a letter too many, or too few");
    println!("{breach}");
    assert_eq!((breach.property, breach.trace.len()), (property, steps));
}

#[test]
fn three_put_a_letter_by_and_two_die_and_come_again() {
    let machine = Letters { messages: 1, ..PROTOCOL };
    let deeds = ["finds its letter", "frees a dead one's cell", "discards"];
    holds("3c, 2 cells, 2+2", machine, 100_000, &deeds);
}

#[test]
fn two_put_two_letters_by_and_three_die_and_come_again() {
    let machine = Letters { consumers: 2, crashes: 3, restarts: 3, ..PROTOCOL };
    holds("2c, 2 messages, 3+3", machine, 100_000, &["finds its letter", "fails to take"]);
}

#[test]
fn with_one_cell_what_has_no_room_is_counted() {
    let machine = Letters { consumers: 2, cells: 1, crashes: 3, restarts: 3, ..PROTOCOL };
    holds("2c, 1 cell, 3+3", machine, 50_000, &["sees a cell that is not free"]);
}

/// What the dead were writing is in nobody's way.
#[test]
fn with_one_cell_for_one_message_it_is_never_lost() {
    let machine = Letters { messages: 1, cells: 1, has_room: true, ..PROTOCOL };
    holds("3c, 1 cell, 2+2, never lost", machine, 50_000, &["frees a cell for its own letter"]);
    let machine = Letters { crashes: 1, frees_cells_of_the_dead: false, ..machine };
    breaks(machine, Property::OneLetter, 12);
}

#[test]
fn one_is_stopped_and_one_dies() {
    let machine = Letters { messages: 1, crashes: 1, restarts: 1, stops: 1, ..PROTOCOL };
    holds("3c, 2 cells, 1+1, a stop", machine, 50_000, &["is stopped"]);
}

/// The first drawing: it takes no death to have two letters.
#[test]
fn two_who_copy_what_they_repair_make_two_letters() {
    breaks(Letters { copies_in_repair: true, crashes: 0, ..PROTOCOL }, Property::OneLetter, 15);
}

#[test]
fn one_that_does_not_look_for_the_letter_of_one_who_died_makes_a_second_one() {
    breaks(Letters { looks_for_letters: false, ..PROTOCOL }, Property::OneLetter, 18);
}

#[test]
fn a_letter_that_is_discarded_before_its_slot_is_free_is_written_again() {
    breaks(Letters { waits_for_slot: false, ..PROTOCOL }, Property::OneLetter, 20);
}

#[test]
fn a_cell_that_is_not_swept_bears_the_name_of_who_comes_again() {
    breaks(Letters { sweeps_cells: false, ..PROTOCOL }, Property::Release, 9);
}
