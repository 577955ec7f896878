//! Messages that are blocks of bytes, read straight into the ring.

use crate::tools::{LONG, assert_refused, noise, received, run, run_fed, start, start_fed};
use annulus_testkit::{Scratch, ScratchDir};
use std::fs;

#[test]
fn files_come_out_byte_for_byte_through_rings_of_all_sizes() {
    let dir = ScratchDir::new();
    let path = dir.file("noise");
    for (capacity, chunk, len) in [
        ("1MiB", "60000", 20_000_003),
        ("1MiB", "458744", 5_000_000),
        ("64KiB", "4096", 3_000_000),
        ("64KiB", "1", 20_000),
        ("4KiB", "1KiB", 700_001),
        ("64", "16", 5_001),
        ("64", "3", 1_000),
    ] {
        let ring = Scratch::new();
        let bytes = noise(len, 99);
        fs::write(&path, &bytes).unwrap();
        let address = format!("shm:{}?capacity={capacity}", ring.name());
        let mut send = start(&["send", "--chunk", chunk, &address, path.to_str().unwrap()]);
        let got = received(&ring, &["--raw"]);
        assert!(got == bytes, "blocks of {chunk} through {capacity} differ");
        send.wait_within(LONG).assert_success();
    }
}

#[test]
fn only_the_last_block_of_each_file_is_shorter() {
    let (ring, dir) = (Scratch::new(), ScratchDir::new());
    for (name, content) in [("a", "abcdefg"), ("b", ""), ("c", "hi"), ("d", "xyz")] {
        fs::write(dir.file(name), content).unwrap();
    }
    let files = ["a", "b", "c", "d"].map(|name| dir.file(name).to_str().unwrap().to_owned());
    let args = [&["send", "--chunk=3", ring.name()], &files.each_ref().map(|f| f.as_str())[..]];
    run(&args.concat()).assert_success();
    assert_eq!(received(&ring, &[]), b"abc\ndef\ng\nhi\nxyz\n");
}

#[test]
fn a_pipe_that_drips_still_fills_whole_blocks() {
    let ring = Scratch::new();
    let mut send = start_fed(&["send", "--chunk", "10", ring.name()]);
    let mut recv = start(&["recv", ring.name()]);
    for piece in ["01", "2345678", "9abcdefghijABCDE"] {
        send.feed(piece.as_bytes()).unwrap();
        // Not to the test's success, but to its point: so that the reads are short.
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(recv.line(LONG, "0123456789"), "");
    assert_eq!(recv.line(LONG, "abcdefghij"), "");
    send.close_stdin();
    send.wait_within(LONG).assert_success();
    let output = recv.wait_within(LONG).assert_success();
    assert_eq!(output.stdout(), "0123456789\nabcdefghij\nABCDE\n");
}

#[test]
fn an_empty_input_is_an_empty_stream_and_no_error() {
    for round in 0..10 {
        let ring = Scratch::new();
        let mut send = start_fed(&["send", "--chunk", "60000", ring.name()]);
        if round % 2 == 0 {
            send.close_stdin();
            send.wait_within(LONG).assert_success();
        }
        let mut recv = start(&["recv", "--raw", ring.name()]);
        send.close_stdin();
        let output = recv.wait_within(LONG).assert_success();
        assert_eq!((output.stdout(), output.stderr()), (String::new(), String::new()));
        assert!(!ring.path().exists());
    }
}

#[test]
fn blocks_over_the_limit_are_refused_with_the_limit_and_a_ring_that_takes_them() {
    let ring = Scratch::new();
    let address = format!("{}?capacity=64KiB", ring.name());
    // Also when there is nothing to send.
    let output = run_fed(&["send", "--chunk", "60000", &address], b"");
    let parts = ["--chunk 60000 is too long", "64KiB takes at most 28664 bytes", "capacity=256KiB"];
    assert_refused(output, 2, &parts);
    assert!(!ring.path().exists(), "a ring that is of no use is not made");

    let other = Scratch::new();
    let output = run(&["send", "--chunk", "1GiB", other.name()]);
    assert_refused(output, 2, &["--chunk 1GiB", "at most 458744 bytes", "no ring takes so much"]);
    assert!(!other.path().exists());

    // A ring that is there is no other matter.
    run_fed(&["send", &address], b"one\n").assert_success();
    let output = run_fed(&["send", "--chunk", "60000", ring.name()], b"");
    assert_refused(output, 2, &["at most 28664 bytes"]);
    assert_eq!(received(&ring, &[]), b"one\n");
}

#[test]
fn a_file_that_ends_while_the_ring_is_full_waits_for_nobody() {
    // Each block of 16 takes 24 of the 64 bytes: two fill the ring, so after the second the sender
    // has no room for a third, and there is none.
    let ring = Scratch::new();
    let address = format!("{}?capacity=64", ring.name());
    run_fed(&["send", "--chunk", "16", "--deadline", "10s", &address], &[b'x'; 32])
        .assert_success();
    assert_eq!(received(&ring, &["--raw"]), [b'x'; 32]);
}
