//! What the sentences say: which value was wrong, and what to do that really can be done.

use crate::tools::{LONG, annulus, assert_failed, assert_refused, received, run, run_fed, sent};
use annulus_testkit::{Child, Output, Scratch, ScratchDir};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};

/// Runs a line of the shell; `$0` is the command and `$1` what is given.
#[track_caller]
fn shell(script: &str, given: &str) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_annulus"), given]);
    Child::spawn(&mut command).wait_within(LONG)
}

#[test]
fn a_closed_standard_output_is_refused_before_anything_is_received() {
    let ring = Scratch::new();
    sent(&ring, b"one\n");
    for form in ["", "--raw", "--meta"] {
        let output = shell(&format!("exec \"$0\" recv {form} \"$1\" >&-"), ring.name());
        assert_refused(output, 1, &["standard output is closed", "nothing was received"]);
    }
    // Nobody is waited for either.
    let none = Scratch::new();
    let output = shell("exec \"$0\" recv --wait-for forever \"$1\" >&-", none.name());
    assert_refused(output, 1, &["standard output is closed"]);
    assert_eq!(shell("exec \"$0\" recv \"$1\"", ring.name()).assert_success().stdout(), "one\n");
}

#[test]
fn an_answer_that_nobody_could_read_is_refused_before_anything_is_done() {
    let ring = Scratch::new();
    sent(&ring, b"one\n");
    for command in ["ls", "ls --json", "gc", "bench", "--help", "--version", "ls --help"] {
        let output = shell(&format!("exec \"$0\" {command} >&-"), "");
        assert_refused(output, 1, &["standard output is closed", "nothing was done"]);
    }
    assert!(ring.path().exists(), "gc collected it");
    let listed = run(&["ls"]).assert_success();
    assert!(listed.stdout().contains(ring.name()));
}

#[test]
fn a_closed_standard_input_is_refused_if_it_would_be_read_and_before_a_ring_is_made() {
    let (ring, dir) = (Scratch::new(), ScratchDir::new());
    for files in ["", "-", "/dev/null -"] {
        let output = shell(&format!("exec \"$0\" send \"$1\" {files} <&-"), ring.name());
        assert_refused(output, 1, &["standard input is closed", "nothing was sent"]);
        assert!(!ring.path().exists());
    }
    fs::write(dir.file("lines"), "one\n").unwrap();
    let send = format!("exec \"$0\" send \"$1\" '{}' <&- >&-", dir.file("lines").display());
    shell(&send, ring.name()).assert_success();
    assert_eq!(
        shell("exec \"$0\" recv \"$1\" <&-", ring.name()).assert_success().stdout(),
        "one\n"
    );
}

#[test]
fn a_message_that_is_too_long_is_told_with_a_ring_that_takes_it() {
    for (len, capacity) in [(1_785, "8KiB"), (5_000, "16KiB"), (30_000, "128KiB")] {
        let (ring, line) = (Scratch::new(), [&vec![b'x'; len][..], b"\n"].concat());
        let small = format!("{}?capacity=2KiB", ring.name());
        let sentence = format!("make it shorter or make a ring with ?capacity={capacity}\n");
        // From a file it comes in one piece.
        let dir = ScratchDir::new();
        fs::write(dir.file("line"), &line).unwrap();
        let output = run(&["send", &small, dir.file("line").to_str().unwrap()]);
        assert_refused(output, 1, &[&format!("it has {len} bytes"), &sentence]);
        fs::remove_file(ring.path()).unwrap();
        let large = format!("{}?capacity={capacity}", ring.name());
        run_fed(&["send", &large], &line).assert_success();
        assert_eq!(received(&ring, &[]), line);
    }
}

#[test]
fn what_was_damaged_is_removed_as_the_sentence_says() {
    let header = std::mem::offset_of!(annulus::layout::Header, capacity) as u64;
    for (at, len) in [(header, 8), (annulus::layout::HEAD as u64, 256), (4096, 8)] {
        let ring = Scratch::new();
        sent(&ring, b"one\n");
        let file = File::options().write(true).open(ring.path()).unwrap();
        file.write_all_at(&vec![0xff; len], at).unwrap();
        let advice = format!("remove it with 'annulus rm {}' and send anew", ring.name());
        assert_failed(run(&["recv", ring.name()]), 5, &[&advice]);
        run(&["rm", ring.name()]).assert_success();
        sent(&ring, b"two\n");
        assert_eq!(received(&ring, &[]), b"two\n");
    }
}

#[test]
fn what_was_cut_short_is_deleted_as_the_sentence_says() {
    for len in [0, 5, 100] {
        let ring = Scratch::new();
        sent(&ring, b"one\n");
        File::options().write(true).open(ring.path()).unwrap().set_len(len).unwrap();
        let (bytes, advice) =
            (format!("only {len} bytes"), format!("delete the file '{}'", ring.path().display()));
        assert_refused(run(&["recv", ring.name()]), 5, &[&bytes, &advice]);
    }
}

#[test]
fn a_failed_system_call_is_told_with_the_path_the_size_and_what_to_do() {
    let ring = Scratch::new();
    sent(&ring, b"one\n");
    let path = ring.path().to_str().unwrap();
    let output = shell("ulimit -n 4; exec \"$0\" recv \"$1\"", ring.name());
    assert_refused(output, 1, &["open of", path, "Too many open files", "ulimit -n"]);

    let other = Scratch::new();
    let address = format!("{}?capacity=64MiB", other.name());
    let output = shell("ulimit -v 50000; exec \"$0\" send \"$1\"", &address);
    let path = other.path().to_str().unwrap();
    assert_refused(output, 1, &["mmap of", path, "67108864 bytes", "memory", "ulimit -v"]);

    let long = format!("file:/tmp/{}", "n".repeat(300));
    assert_refused(run(&["recv", &long]), 1, &["/nnn", "File name too long", "a shorter path"]);
}

#[test]
fn control_characters_that_were_typed_are_told_in_one_line_and_do_nothing() {
    let (ring, strange) = (Scratch::new(), "a\nb\x1b[31mc");
    let escaped = "a\\nb\\u{1b}[31mc";
    let file = format!("file:/no/{strange}");
    let deadline = format!("--deadline={strange}");
    let scheme = format!("{strange}:x");
    for args in [
        &[strange][..],
        &["recv", strange],
        &["recv", &scheme],
        &["recv", "x", strange],
        &["recv", &deadline, "x"],
        &["send", &file],
        &["rm", &file],
        &["send", ring.name(), strange],
        &["bench", strange],
    ] {
        let output = Child::spawn(annulus(args).stdin(Stdio::null())).wait_within(LONG);
        let said = output.stderr();
        assert!(said.contains(escaped), "{said:?}");
        assert_eq!(said.find(|c: char| c.is_control()), Some(said.len() - 1), "{said:?}");
    }
}
