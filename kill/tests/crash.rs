//! The harness is killed itself: nobody that it made lives on, at work, stopped or traced.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use annulus_testkit::{eventually, is_alive, kill_at_work};
use std::process::Command;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

fn harness(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_annulus-kill"));
    command.args(args);
    command
}

#[track_caller]
fn leaves_nobody(args: &[&str], children: usize) {
    // More than once: each time its children are found at something else.
    for _ in 0..5 {
        let made = kill_at_work(harness(args), children);
        assert!(made.len() >= children);
        eventually(SOON, || !made.iter().any(|pid| is_alive(*pid)));
    }
}

#[test]
fn a_matrix_that_is_killed_leaves_no_victim() {
    leaves_nobody(&["send"], 1);
}

#[test]
fn a_matrix_that_is_killed_leaves_no_sleeper() {
    // In a ring that nobody else has joined yet, where nothing else would end it.
    leaves_nobody(&["wake by join"], 2);
}

#[test]
fn a_chaos_that_is_killed_leaves_no_pair() {
    leaves_nobody(&["chaos", "--seconds", "600"], 2);
}

#[test]
fn a_chaos_of_many_that_is_killed_leaves_nobody() {
    leaves_nobody(&["many-chaos", "--seconds", "600"], 4);
}

#[test]
fn a_measurement_that_is_killed_leaves_nobody() {
    leaves_nobody(&["repair", "--kills", "100000"], 1);
}
