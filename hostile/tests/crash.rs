//! The harness is killed itself: neither the pair nor the scribbler lives on.
#![cfg(target_os = "linux")]

use annulus_testkit::{eventually, is_alive, kill_at_work};
use std::process::Command;
use std::time::Duration;

#[test]
fn a_scribble_that_is_killed_leaves_nobody() {
    for _ in 0..5 {
        let mut harness = Command::new(env!("CARGO_BIN_EXE_annulus-hostile"));
        harness.args(["scribble", "--seconds", "600"]);
        let made = kill_at_work(harness, 3);
        eventually(Duration::from_secs(20), || !made.iter().any(|pid| is_alive(*pid)));
    }
}
