//! `ls`, `rm`, `gc`, `bench`, and what the program says about itself.

use crate::tools::{
    LONG, assert_failed, assert_refused, noise, received, run, sent, start, start_fed,
};
use annulus::segment::{Name, SegmentError};
use annulus::{Attach, Backing, Segment};
use annulus_testkit::{Child, Output, Scratch, skip, small_shm, small_shm_refused};
use serde_json::Value;
use std::fs;
use std::process::Command;

#[test]
fn help_is_short_complete_and_on_stdout() {
    let all = run(&["--help"]).assert_success().stdout();
    for command in ["send", "recv", "ls", "inspect", "dead-letters", "rm", "gc", "bench"] {
        assert!(all.contains(&format!("\n  {command} ")), "{command}");
        let help = run(&[command, "--help"]).assert_success();
        assert!(help.stdout().starts_with(&format!("usage: annulus {command}")), "{help:?}");
        assert!(help.stderr.is_empty());
        assert_eq!(run(&[command, "-h"]).stdout(), help.stdout());
        assert!(help.stdout().lines().all(|line| line.chars().count() <= 100));
    }
    assert_eq!(run(&["-h"]).stdout(), all);
    assert_eq!(run(&["help"]).stdout(), all);
}

#[test]
fn the_version_names_crate_and_abi() {
    let (version, abi) = (annulus::VERSION, annulus::layout::ABI_VERSION);
    let output = run(&["--version"]).assert_success();
    assert_eq!(output.stdout(), format!("annulus {version} (ABI {abi})\n"));
}

#[test]
fn ls_shows_each_ring_with_its_state_and_who_is_there() {
    let (held, left, text) = (Scratch::new(), Scratch::new(), Scratch::new());
    let mut send = start_fed(&["send", &format!("{}?capacity=64KiB", held.name())]);
    send.feed(b"one\n").unwrap();
    sent(&left, b"one\n");
    fs::write(text.path(), noise(5_000, 1)).unwrap();
    annulus_testkit::eventually(LONG, || row(held.name()).contains("open"));

    assert_eq!(
        row(held.name()).split_whitespace().collect::<Vec<_>>()[2..],
        ["64KiB", "open", &send.id().to_string(), "-"]
    );
    assert_eq!(
        row(left.name()).split_whitespace().collect::<Vec<_>>()[2..],
        ["1MiB", "closed", "-", "-"]
    );
    assert!(row(text.name()).contains("mode") || row(text.name()).contains("not begin"));

    let object = json(held.name());
    assert_eq!(object["schema"], "annulus.ls/1");
    assert_eq!((&object["capacity"], &object["state"]), (&65_536.into(), &"open".into()));
    assert_eq!(object["sender"]["pid"], send.id());
    assert_eq!(object["sender"]["held"], true);
    assert_eq!(object["receiver"]["state"], "none");
    assert!(json(text.name())["error"]["text"].is_string());

    send.kill();
    assert_eq!(json(held.name())["state"], "dead");
    run(&["recv", &format!("{}?keep=yes", left.name())]).assert_success();
    assert_eq!(json(left.name())["state"], "spent");
}

#[test]
fn ls_shows_what_has_a_rings_name_and_is_no_file() {
    let (link, fifo) = (Scratch::new(), Scratch::new());
    std::os::unix::fs::symlink("/nowhere", link.path()).unwrap();
    let made = Command::new("mkfifo").arg(fifo.path()).status().unwrap();
    assert!(made.success());
    for ring in [&link, &fifo] {
        assert!(
            row(ring.name()).contains("a link, folder, FIFO or device"),
            "{}",
            row(ring.name())
        );
        assert_eq!(json(ring.name())["error"]["code"], SegmentError::NotRegular.code());
    }
}

#[test]
fn a_file_that_never_was_a_ring_is_not_removed() {
    for content in ["", "a", "1234567"] {
        let ring = Scratch::new();
        fs::write(ring.path(), content).unwrap();
        let sentence = format!("{} bytes, which is no ring", content.len());
        assert_refused(
            run(&["rm", ring.name()]),
            6,
            &[ring.name(), &sentence, "/dev/shm/annulus."],
        );
        assert!(ring.path().exists());
    }
}

#[test]
fn gc_leaves_files_that_never_were_rings() {
    if let Some(why) = small_shm_refused() {
        skip!("{why}");
    }
    let output = in_own_shm(": >/dev/shm/annulus.empty; \"$0\" gc; ls /dev/shm");
    assert_eq!(output.assert_success().stdout(), "annulus.empty\n");
}

#[test]
fn the_help_of_bench_explains_the_columns_of_its_table() {
    let help = run(&["bench", "--help"]).assert_success().stdout();
    for column in ["value", "ratio", "p50", "p99", "p99.9", "max", "wait", "rounds"] {
        let explained = help.lines().filter(|line| line.starts_with("  "));
        let mut words = explained.flat_map(|line| line.split_whitespace());
        assert!(words.any(|word| word == column), "{column}: {help}");
    }
}

/// The line of `annulus ls` about a ring.
#[track_caller]
fn row(name: &str) -> String {
    let output = run(&["ls"]).assert_success().stdout();
    let found = output.lines().find(|line| line.split_whitespace().next() == Some(name));
    found.unwrap_or_default().to_owned()
}

/// The object of `annulus ls --json` about a ring.
#[track_caller]
fn json(name: &str) -> Value {
    let output = run(&["ls", "--json"]).assert_success().stdout();
    let objects = output.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    objects.into_iter().find(|object| object["name"] == name).expect("it is listed")
}

#[test]
fn rm_refuses_a_ring_in_use_and_removes_it_afterwards() {
    let (ring, other) = (Scratch::new(), Scratch::new());
    sent(&other, b"unread\n");
    let mut send = start_fed(&["send", ring.name()]);
    annulus_testkit::eventually(LONG, || row(ring.name()).contains("open"));
    let output = run(&["rm", ring.name(), &format!("shm:{}", other.name())]);
    assert_refused(output, 6, &[ring.name(), "producer", &send.id().to_string(), "end it first"]);
    assert!(ring.path().exists());
    assert!(!other.path().exists(), "one refusal does not spare the others");

    send.kill();
    run(&["rm", ring.name()]).assert_success();
    assert!(!ring.path().exists());
    assert_refused(run(&["rm", ring.name()]), 1, &[ring.name(), "gone already"]);
}

#[test]
fn gc_removes_what_nobody_holds_says_so_and_leaves_all_else() {
    if let Some(why) = small_shm_refused() {
        skip!("{why}");
    }
    let output = in_own_shm(
        "set -e
        mkfifo /dev/shm/fifo
        \"$0\" send held </dev/shm/fifo & sender=$!
        exec 3>/dev/shm/fifo
        until \"$0\" ls | grep -q 'held .* open'; do :; done
        echo one | \"$0\" send left
        echo 'no ring, but somebody keeps it here' >/dev/shm/annulus.text
        \"$0\" gc
        ls /dev/shm
        exec 3>&-
        wait $sender
        \"$0\" gc",
    );
    assert_eq!(
        output.assert_success().stdout(),
        "removed shm:left, 1052672 bytes\nannulus.held\nannulus.text\nfifo\n\
         removed shm:held, 1052672 bytes\n"
    );
}

#[test]
fn an_empty_shared_memory_lists_as_nothing() {
    if let Some(why) = small_shm_refused() {
        skip!("{why}");
    }
    let output = in_own_shm("\"$0\" ls && \"$0\" ls --json && \"$0\" gc").assert_success();
    assert_eq!((output.stdout(), output.stderr()), (String::new(), String::new()));
}

/// Runs a script with a shared memory of its own; `$0` is the command.
#[track_caller]
pub(crate) fn in_own_shm(script: &str) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_annulus")]);
    Child::spawn(small_shm(&mut command, 16 << 20)).wait_within(LONG)
}

#[test]
fn a_quick_bench_of_one_case_prints_a_table_and_json() {
    let output = run(&["bench", "--quick", "limit/rtt"]);
    if output.stderr().contains("core") {
        skip!("{}", output.stderr());
    }
    assert!(output.assert_success().stdout().contains("\nlimit/rtt "));
    let output = run(&["bench", "--quick", "--json", "limit/rtt"]).assert_success();
    let object: Value = serde_json::from_str(output.stdout().lines().next().unwrap()).unwrap();
    assert_eq!(object["case"], "limit/rtt");
    assert!(object["schema"].is_string());
}

#[test]
fn gc_of_root_leaves_other_users_rings() {
    if let Some(why) = small_shm_refused() {
        skip!("{why}");
    }
    let output = in_own_shm(
        "set -e
        echo one | \"$0\" send theirs
        echo one | \"$0\" send ours
        chown 65534 /dev/shm/annulus.theirs
        \"$0\" gc
        ls /dev/shm",
    );
    assert_eq!(output.assert_success().stdout().lines().last(), Some("annulus.theirs"));
}

#[test]
fn rm_does_not_take_a_condition_for_met() {
    let ring = Scratch::new();
    sent(&ring, b"unread\n");
    for option in ["capacity=128KiB", "owner=any", "keep=no"] {
        let address = format!("{}?{option}", ring.name());
        assert_refused(run(&["rm", &address]), 2, &["no options", "the name alone"]);
    }
    assert!(ring.path().exists());
}

#[test]
fn rm_by_force_ends_both_sides_and_loses_nothing_that_was_sent() {
    let ring = Scratch::new();
    let mut send = start_fed(&["send", ring.name()]);
    let mut recv = start(&["recv", "--follow", ring.name()]);
    send.feed(b"one\ntwo\n").unwrap();
    annulus_testkit::eventually(LONG, || {
        let row = row(ring.name());
        [send.id(), recv.id()].iter().all(|pid| row.contains(&format!(" {pid}")))
    });
    // Both lines were sent, and received: each takes two cells of eight bytes.
    let backing = Backing::Named(Name::new(ring.name()).unwrap());
    let segment = Segment::attach(&backing, &Attach::default()).unwrap();
    annulus_testkit::eventually(LONG, || segment.survey().head == 32);
    run(&["rm", "--force", ring.name()]).assert_success();
    assert!(!ring.path().exists());
    let told = [ring.name(), "removed by `rm --force`", "anew"];
    let output = recv.wait_within(LONG);
    assert_eq!(output.stdout(), "one\ntwo\n");
    assert_failed(output, 6, &told);
    // It is told at its next message.
    send.feed(b"three\n").unwrap();
    assert_failed(send.wait_within(LONG), 6, &told);
    sent(&ring, b"four\n");
    assert_eq!(received(&ring, &[]), b"four\n");
}
