//! What wakes who sleeps: the means that a ring is made with, asked for and found.

use crate::tools::{LONG, assert_refused, numbered, received, run, run_fed, start};
use annulus_testkit::{Scratch, ScratchDir};
use serde_json::{Value, json};
use std::fs;

const MEANS: [&str; 4] = ["futex", "posix-sem", "sysv-sem", "event"];

/// Whether the ring's file names a set of semaphores that is there.
fn names_a_set(ring: &Scratch) -> bool {
    let header = fs::read(ring.path()).unwrap();
    let key = u32::from_ne_bytes(header[88..92].try_into().unwrap());
    let sets = fs::read_to_string("/proc/sysvipc/sem").unwrap();
    key != 0 && sets.lines().any(|set| set.split_whitespace().next() == Some(&key.to_string()))
}

#[test]
fn a_pair_that_is_woken_by_any_means_moves_a_file() {
    for wake in MEANS {
        let (ring, dir) = (Scratch::new(), ScratchDir::new());
        fs::write(dir.file("lines"), numbered(20_000)).unwrap();
        let address = format!("{}?capacity=4KiB", ring.name());
        let file = dir.file("lines");
        let args = ["send", "--wait", "park", "--wake", wake, &address, file.to_str().unwrap()];
        let mut send = start(&args);
        assert!(received(&ring, &["--wake", wake]) == numbered(20_000), "{wake}");
        send.wait_within(LONG).assert_success();
        assert!(!ring.path().exists());
    }
}

#[test]
fn inspect_says_the_means_and_whether_it_survives_a_kill() {
    for wake in MEANS {
        let ring = Scratch::new();
        let address = format!("{}?wait=park&wake={wake}", ring.name());
        run_fed(&["send", &address], b"one\n").assert_success();
        let output = run(&["inspect", "--json", ring.name()]).assert_success();
        let seen: Value = serde_json::from_str(&output.stdout()).unwrap();
        assert_eq!(seen["waking"], json!(wake));
        assert_eq!(seen["crash_safe"], json!(wake != "event"));
        let text = run(&["inspect", ring.name()]).assert_success().stdout();
        assert!(text.contains(&format!("\nwaking      {wake}")), "{text}");
        assert_eq!(text.contains("not crash-safe"), wake == "event", "{text}");
    }
}

#[test]
fn another_means_than_asked_is_refused_by_both_sides_and_inspect() {
    for (found, asked) in [("futex", "posix-sem"), ("sysv-sem", "event"), ("event", "futex")] {
        let ring = Scratch::new();
        let with = |wake| format!("{}?wait=park&wake={wake}", ring.name());
        run_fed(&["send", &with(found)], b"one\n").assert_success();
        let sentence = format!("woken by {found} and not by {asked}: ask for that");
        let parts = [ring.name(), &sentence];
        assert_refused(run_fed(&["send", &with(asked)], b"no\n"), 6, &parts);
        assert_refused(run(&["recv", "--wake", asked, ring.name()]), 6, &parts);
        assert_refused(run(&["inspect", &with(asked)]), 6, &parts);
        assert_eq!(run(&["recv", &with(found)]).assert_success().stdout(), "one\n");
    }
    let ring = Scratch::new();
    run_fed(&["send", "--wait", "spin", ring.name()], b"one\n").assert_success();
    let address = format!("{}?wake=futex", ring.name());
    assert_refused(run(&["recv", &address]), 6, &["nobody is woken by futex: ask for none"]);
}

#[test]
fn waking_that_cannot_be_meant_is_usage_and_makes_nothing() {
    let (ring, folder) = (Scratch::new(), ScratchDir::new());
    let place = ring.name();
    let with = |options| format!("{place}?{options}");
    let file = format!("file:{}?wait=park&wake=sysv-sem", folder.file("ring").display());
    let offered = "with futex, posix-sem, sysv-sem or event";
    for (args, part) in [
        (&["send", "--wait=park", "--wake", "bell", place][..], offered),
        (&["recv", &with("wake=pipe")], offered),
        (&["recv", "--wake", "", place], offered),
        (&["send", &with("wait=spin&wake=futex")], "nobody sleeps where all spin"),
        (&["send", "--wait", "spin", "--wake", "event", place], "which waking goes with"),
        (
            &["send", "--wait=park", "--wake=futex", &with("wake=futex")],
            "--wake and ?wake= exclude each other",
        ),
        (&["send", &file], "this one has none in shared memory"),
    ] {
        assert_refused(run(args), 2, &[part]);
    }
    assert!(!ring.path().exists() && !folder.file("ring").exists());
}

#[test]
fn a_set_of_semaphores_goes_with_its_ring_by_rm_and_by_gc() {
    for remove in [&["rm"][..], &["rm", "--force"], &["gc"]] {
        let ring = Scratch::new();
        let address = format!("{}?wait=park&wake=sysv-sem", ring.name());
        run_fed(&["send", &address], b"one\n").assert_success();
        assert!(names_a_set(&ring));
        let header = fs::read(ring.path()).unwrap();
        let name: &[&str] = if remove == ["gc"] { &[] } else { &[ring.name()] };
        run(&[remove, name].concat()).assert_success();
        assert!(!ring.path().exists());
        fs::write(ring.path(), header).unwrap();
        assert!(!names_a_set(&ring), "{remove:?} left it");
        fs::remove_file(ring.path()).unwrap();
    }
}
