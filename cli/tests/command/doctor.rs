//! `doctor` on this machine, whatever it is like.

use crate::tools::{LONG, assert_refused, run};
use annulus_testkit::{Child, Exit, skip, small_shm, small_shm_refused};
use serde_json::Value;
use std::process::Command;

#[test]
fn this_machine_is_told_of_in_both_forms_alike() {
    let text = run(&["doctor"]);
    let json = run(&["doctor", "--json"]);
    assert_eq!((text.exit, text.stderr()), (json.exit, json.stderr()));
    let lines: Vec<Value> =
        json.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() > 15, "{lines:?}");
    for line in &lines {
        assert_eq!(line["schema"], "annulus.doctor/1");
        assert!(["ok", "note", "warn", "fail"].contains(&line["level"].as_str().unwrap()));
        assert_eq!(line["advice"].is_null(), line["level"] == "ok", "{line}");
        assert!(text.stdout().contains(line["name"].as_str().unwrap()), "{line}");
    }
    let fails = lines.iter().any(|line| line["level"] == "fail");
    assert_eq!(text.exit, Exit::Code(i32::from(fails)));
}

#[test]
fn a_shared_memory_that_is_too_small_for_a_ring_is_status_1() {
    if let Some(why) = small_shm_refused() {
        skip!("{why}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_annulus"));
    command.arg("doctor");
    let output = Child::spawn(small_shm(&mut command, 256 << 10)).wait_within(LONG);
    assert!(output.stdout().contains("fail  room for rings"), "{output:?}");
    output.assert_exit(Exit::Code(1));
}

#[test]
fn doctor_takes_no_argument() {
    assert_refused(run(&["doctor", "x"]), 2, &["no place for 'x'"]);
    assert_refused(run(&["doctor", "--fix"]), 2, &["no option --fix"]);
}
