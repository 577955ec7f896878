//! Messages that are lines.

use crate::tools::{
    LONG, annulus, assert_failed, noise, received, run, run_fed, sent, start, start_fed,
};
use annulus_testkit::{Child, Exit, Scratch, ScratchDir};
use std::fs;

#[test]
fn lines_arrive_as_they_were_sent() {
    for (input, expected) in [
        (&b"one\ntwo\n"[..], &b"one\ntwo\n"[..]),
        (b"the last line may lack its newline", b"the last line may lack its newline\n"),
        (b"\n\nempty\n\n", b"\n\nempty\n\n"),
        (b"\n", b"\n"),
        (b"", b""),
        (b"\0\xff\xfe\r\n\x80\0", b"\0\xff\xfe\r\n\x80\0\n"),
    ] {
        let ring = Scratch::new();
        sent(&ring, input);
        assert_eq!(received(&ring, &[]), expected, "sent {input:?}");
        assert!(!ring.path().exists(), "the last receiver takes the name away");
    }
}

#[test]
fn an_empty_line_is_an_empty_message() {
    let ring = Scratch::new();
    sent(&ring, b"\na\n\n");
    let lines = String::from_utf8(received(&ring, &["--meta"])).unwrap();
    let messages: Vec<&str> =
        lines.lines().map(|line| line.splitn(3, '\t').nth(2).unwrap()).collect();
    assert_eq!(messages, ["", "a", ""]);
}

#[test]
fn files_are_never_joined() {
    let (ring, dir) = (Scratch::new(), ScratchDir::new());
    let files = [("a", "x"), ("b", ""), ("c", "y\n"), ("d", "z")];
    for (name, content) in files {
        fs::write(dir.file(name), content).unwrap();
    }
    let mut command = annulus(&["send", ring.name()]);
    command.args([dir.file("a"), dir.file("b"), "-".into(), dir.file("c"), dir.file("d")]);
    let mut send = Child::spawn_fed(&mut command);
    send.feed(b"from stdin").unwrap();
    send.close_stdin();
    send.wait_within(LONG).assert_success();
    assert_eq!(received(&ring, &[]), b"x\nfrom stdin\ny\nz\n");
}

#[test]
fn lines_of_all_lengths_cross_every_boundary_of_the_buffers() {
    let (ring, dir) = (Scratch::new(), ScratchDir::new());
    let mut input = Vec::new();
    for (number, byte) in noise(4_000, 7).into_iter().enumerate() {
        // Mostly short, some longer than the pieces that files are read in, up to the limit.
        let len = match byte {
            0..3 => 400_000 + number,
            3..10 => 65_530 + number % 12,
            _ => usize::from(byte),
        };
        input.extend(noise(len, number as u64).into_iter().map(|byte| byte.max(b'\n' + 1)));
        input.push(b'\n');
    }
    fs::write(dir.file("lines"), &input).unwrap();
    let path = dir.file("lines");
    let mut send = start(&["send", ring.name(), path.to_str().unwrap()]);
    assert!(received(&ring, &[]) == input, "the lines differ");
    send.wait_within(LONG).assert_success();
}

#[test]
fn a_line_is_sent_as_soon_as_it_is_there() {
    let ring = Scratch::new();
    let mut send = start_fed(&["send", ring.name()]);
    let mut recv = start(&["recv", ring.name()]);
    for word in ["hello", "again"] {
        send.feed(format!("{word}\n").as_bytes()).unwrap();
        assert_eq!(recv.line(LONG, word), "");
    }
    send.close_stdin();
    send.wait_within(LONG).assert_success();
    recv.wait_within(LONG).assert_success();
}

#[test]
fn a_line_over_the_limit_is_refused_with_the_limit_and_the_receiver_learns_that_more_is_missing() {
    for (len, is) in [
        (1_785, "it has 1785 bytes and a ring of 4KiB"),
        (5_000, "it has 5000 bytes and a ring of 4KiB"),
        // Of these the end is not looked for.
        (500_000, "it has at least 65530 bytes and a ring of 4KiB"),
        (5_000_000, "it has at least 65530 bytes and a ring of 4KiB"),
    ] {
        let ring = Scratch::new();
        let address = format!("{}?capacity=4KiB", ring.name());
        let mut input = b"first\n".to_vec();
        input.extend(vec![b'x'; len]);
        input.extend(b"\nnever sent\n");
        let dir = ScratchDir::new();
        fs::write(dir.file("lines"), &input).unwrap();
        let path = dir.file("lines");
        let output = run(&["send", &address, path.to_str().unwrap()]);
        assert_failed(output, 1, &["message 2 is too long", is, "at most 1784 bytes"]);
        let output = run(&["recv", ring.name()]);
        assert_eq!(output.stdout(), "first\n");
        assert_failed(output, 3, &["the sender ended without closing", "1 message"]);
    }
}

#[test]
fn the_longest_line_is_sent() {
    let ring = Scratch::new();
    let mut line = vec![b'x'; 1_784];
    line.push(b'\n');
    run_fed(&["send", &format!("{}?capacity=4KiB", ring.name())], &line).assert_success();
    assert_eq!(received(&ring, &[]), line);
}

#[test]
fn meta_gives_rising_positions_and_the_first_attempt() {
    let ring = Scratch::new();
    sent(&ring, b"one\ntwo\tparts\nthree\n");
    let lines = String::from_utf8(received(&ring, &["--meta"])).unwrap();
    let rows: Vec<Vec<&str>> = lines.lines().map(|line| line.splitn(3, '\t').collect()).collect();
    let positions: Vec<u64> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
    assert!(rows.iter().all(|row| row[1] == "0"), "{rows:?}");
    let messages: Vec<&str> = rows.iter().map(|row| row[2]).collect();
    assert_eq!(messages, ["one", "two\tparts", "three"]);
}

#[test]
fn raw_writes_the_bytes_and_nothing_between() {
    let ring = Scratch::new();
    sent(&ring, b"a\n\nbc\nd");
    assert_eq!(received(&ring, &["--raw"]), b"abcd");
}

#[test]
fn an_unreadable_input_fails_before_a_ring_is_made_or_else_is_told_to_the_receiver() {
    let (ring, dir) = (Scratch::new(), ScratchDir::new());
    let missing = dir.file("missing");
    let output = run(&["send", ring.name(), missing.to_str().unwrap()]);
    assert_failed(output, 1, &["cannot read '", "missing'", "No such file"]);
    assert!(!ring.path().exists());

    // Also if another one is there, and for a folder, which can be opened and not read.
    fs::write(dir.file("there"), "one\n").unwrap();
    let there = dir.file("there");
    let output = run(&["send", ring.name(), there.to_str().unwrap(), missing.to_str().unwrap()]);
    assert_failed(output, 1, &["missing'", "No such file"]);
    assert!(!ring.path().exists());
    let output = run(&["send", ring.name(), dir.path().to_str().unwrap()]);
    assert_failed(output, 1, &["cannot read '", "Is a directory"]);
    assert!(!ring.path().exists());

    // Nothing is mapped at the front of a process's memory.
    let output = run(&["send", ring.name(), "/proc/self/mem"]);
    assert_failed(output, 1, &["cannot read '/proc/self/mem'"]);
    let output = run(&["recv", ring.name()]).assert_exit(Exit::Code(3));
    assert_eq!(output.stdout(), "");
}
