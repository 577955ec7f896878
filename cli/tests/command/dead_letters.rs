//! Messages that nobody could be given: they are left in the ring, shown, and discarded.

use crate::many::{attached, many, object};
use crate::tools::{LONG, annulus, assert_failed, assert_refused, received, run, run_fed, sent};
use annulus::layout::{LETTER_LEN, LETTER_POSITION, MPMC_SEATS, Seat};
use annulus::{Deadline, Segment};
use annulus_testkit::{Child, Scratch};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::Stdio;
use std::time::Duration;

/// A ring of many in which `lines` are dead letters, and no sender is there.
fn spoilt(address: &str, ring: &Scratch, lines: &[u8]) {
    run_fed(&["send", address], lines).assert_success();
    let segment = attached(ring);
    lines.iter().filter(|byte| **byte == b'\n').for_each(|_| wear_out(&segment));
    assert!(segment.mpmc_consumer().unwrap().try_take().is_err());
}

#[test]
fn dead_letters_stay_until_they_are_discarded_and_keep_the_ring_there() {
    let ring = Scratch::new();
    spoilt(&many(&ring), &ring, b"one\n\nthree\n");
    run_fed(&["send", &many(&ring)], b"good\n").assert_success();
    let output = run(&["recv", "--meta", ring.name()]);
    assert_eq!(output.stdout(), "3\t0\tgood\n");
    assert_failed(output, 0, &["3 messages left in the ring", "annulus dead-letters"]);
    assert!(ring.path().exists());
    let seen = object(&ring);
    assert_eq!((&seen["dead_letters"], &seen["dead_letters_max"]), (&3.into(), &8.into()));
    let shown = run(&["inspect", ring.name()]).assert_success().stdout();
    assert!(shown.contains("3 of 8 dead letters, 0 to come"), "{shown}");

    let command = |options: &[&str]| {
        let all = [&["dead-letters"], options, &[ring.name()]].concat();
        run(&all).assert_success().stdout()
    };
    assert_eq!(command(&[]), "one\n\nthree\n");
    assert_eq!(command(&["--raw"]), "onethree");
    assert_eq!(command(&["--meta", "--discard"]), "0\t16\tone\n1\t16\t\n2\t16\tthree\n");
    assert!(!ring.path().exists(), "nothing keeps it");
}

/// All who take the next message give it back.
fn wear_out(segment: &Segment) {
    for _ in 0..16 {
        let mut consumer = segment.mpmc_consumer().unwrap();
        consumer.take(Deadline::after(Duration::from_secs(1))).unwrap();
        consumer.close();
    }
}

#[test]
fn what_will_be_a_dead_letter_is_told_of() {
    let ring = Scratch::new();
    run_fed(&["send", &many(&ring)], b"one\n").assert_success();
    wear_out(&attached(&ring));
    let output = run(&["dead-letters", "--discard", ring.name()]);
    assert_eq!(output.stdout(), "");
    assert_failed(output, 0, &["1 message delivered for the last time", "next receiver"]);
    let seen = object(&ring);
    assert_eq!((&seen["dead_letters"], &seen["worn_out"]), (&0.into(), &1.into()));
    assert_failed(run(&["recv", ring.name()]), 0, &["1 message left in the ring"]);
    assert_eq!(run(&["dead-letters", "--discard", ring.name()]).stdout(), "one\n");
    assert!(!ring.path().exists());
}

#[test]
fn cells_that_nobody_writes_are_corruption_and_the_others_are_shown() {
    let ring = Scratch::new();
    spoilt(&many(&ring), &ring, b"one\ntwo\n");
    let file = File::options().write(true).open(ring.path()).unwrap();
    let letters = MPMC_SEATS + 128 * size_of::<Seat>();
    for (field, word) in [(0, 0), (0, u64::MAX), (0, 7), (LETTER_LEN, 257), (LETTER_POSITION, 9)] {
        let at = (letters + field) as u64;
        let mut before = [0; 8];
        File::open(ring.path()).unwrap().read_exact_at(&mut before, at).unwrap();
        file.write_all_at(&u64::to_ne_bytes(word), at).unwrap();
        let output = run(&["dead-letters", "--meta", ring.name()]);
        assert_eq!(output.stdout(), "1\t16\ttwo\n");
        assert_failed(output, 5, &["corrupted"]);
        assert_failed(run(&["inspect", ring.name()]), 5, &["corrupted"]);
        file.write_all_at(&before, at).unwrap();
    }
    let both = run(&["dead-letters", "--discard", ring.name()]).assert_success();
    assert_eq!(both.stdout(), "one\ntwo\n");
}

#[test]
fn what_was_not_written_is_not_discarded() {
    let ring = Scratch::new();
    let address = format!("{}&payload=1MiB&slots=64&dead-letters=2", many(&ring));
    let long = vec![b'x'; 1 << 20];
    spoilt(&address, &ring, &[&long[..], b"\n", b"two\n"].concat());
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = annulus(&["dead-letters", "--discard", "--deadline", "200ms", ring.name()]);
    let mut child = Child::spawn_as_set(command.stdin(Stdio::null()).stdout(writer));
    let output = child.wait_within(LONG);
    assert_failed(output, 4, &["the reader of the output"]);
    drop(reader);
    let all = run(&["dead-letters", ring.name()]).assert_success().stdout();
    assert_eq!(all.len(), (1 << 20) + 1 + 4);
}

#[test]
fn what_cannot_have_dead_letters_is_refused() {
    let ring = Scratch::new();
    assert_refused(run(&["dead-letters", ring.name()]), 1, &["no segment", ring.name()]);
    assert_refused(run(&["dead-letters", "--raw", "--meta", "x"]), 2, &["--raw", "--meta"]);
    assert_refused(run(&["dead-letters"]), 2, &["an address"]);
    let asked = |options: &str| run_fed(&["send", &format!("{}&{options}", many(&ring))], b"");
    assert_refused(asked("dead-letters=1025"), 2, &["1025", "at most 1024"]);
    assert_refused(asked("dead-letters=x"), 2, &["dead-letters=x"]);
    let never = asked("dead-letters=1&delivery=at-most-once");
    assert_refused(never, 2, &["dead-letters=1", "at-least-once"]);
    run_fed(&["send", &format!("{}&dead-letters=0", many(&ring))], b"one\n").assert_success();
    assert_refused(asked("dead-letters=3"), 6, &["dead-letters=0", "dead-letters=3"]);
    received(&ring, &[]);
    sent(&ring, b"one\n");
    assert_refused(run(&["dead-letters", ring.name()]), 6, &["one sender and one receiver"]);
    assert_eq!(received(&ring, &[]), b"one\n");
}
