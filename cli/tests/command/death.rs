//! Killed senders and killed receivers.

use crate::tools::{
    LONG, annulus, assert_failed, assert_refused, numbered, received, run, run_fed, sent, start,
    start_fed,
};
use annulus_testkit::{Child, Scratch, ScratchDir, eventually};
use std::fs;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::process::Stdio;
use std::time::Duration;

#[test]
fn all_that_a_killed_sender_had_sent_is_written_and_then_its_death_is_told() {
    let ring = Scratch::new();
    let mut send = start_fed(&["send", ring.name()]);
    let mut recv = start(&["recv", ring.name()]);
    send.feed(&numbered(1_000)).unwrap();
    recv.line(LONG, "line 1000");
    send.kill();
    let output = recv.wait_within(LONG);
    assert_eq!(output.stdout, numbered(1_000));
    assert_failed(
        output,
        3,
        &["the sender ended without closing", "1000 messages", "more to come"],
    );
}

#[test]
fn a_death_before_the_receiver_came_is_told_to_it_once() {
    let ring = Scratch::new();
    let mut send = start_fed(&["send", ring.name()]);
    send.feed(b"last words\n").unwrap();
    eventually(LONG, || holds(&ring, b"last words"));
    send.kill();
    let output = run(&["recv", ring.name()]);
    assert_eq!(output.stdout(), "last words\n");
    assert_failed(output, 3, &["the sender ended"]);

    // The next receiver has nothing to learn here, until there is a sender again.
    assert_refused(run(&["recv", "--wait-for", "50ms", ring.name()]), 4, &["nothing to receive"]);
    let mut recv = start(&["recv", ring.name()]);
    sent(&ring, b"a new life\n");
    assert_eq!(recv.wait_within(LONG).assert_success().stdout(), "a new life\n");
}

#[test]
fn a_follower_outlives_a_killed_sender() {
    let ring = Scratch::new();
    let mut recv = start(&["recv", "--follow", "--count", "2", ring.name()]);
    let mut send = start_fed(&["send", ring.name()]);
    send.feed(b"one\n").unwrap();
    recv.line(LONG, "one");
    send.kill();
    // What a child has said so far shows in its debug form only.
    eventually(LONG, || format!("{recv:?}").contains("the sender ended without closing"));
    sent(&ring, b"two\n");
    let output = recv.wait_within(LONG).assert_success();
    assert_eq!(output.stdout(), "one\ntwo\n");
}

#[test]
fn after_a_killed_receiver_nothing_is_lost_and_at_most_a_batch_comes_again() {
    for release in ["", "?release=each"] {
        let most = if release.is_empty() { 8 } else { 1 };
        for round in 0..10 {
            let ring = Scratch::new();
            let address = format!("{}{release}", ring.name());
            sent(&ring, &numbered(20_000));
            // It is killed while it waits for this pipe, which holds 64 KiB, to be read.
            let (mut reader, writer) = std::io::pipe().unwrap();
            let mut command = annulus(&["recv", &address]);
            let mut recv = Child::spawn_as_set(command.stdin(Stdio::null()).stdout(writer));
            drop(command);
            let mut first = vec![0; 1_000 * (round + 1)];
            reader.read_exact(&mut first).unwrap();
            recv.kill();
            reader.read_to_end(&mut first).unwrap();

            let first = whole_lines(&first);
            let meta = String::from_utf8(received(&ring, &["--meta"])).unwrap();
            let second: Vec<(bool, u64)> = meta.lines().map(row).collect();
            let next = second[0].1;
            assert!(next <= first + 1, "line {} is lost", first + 1);
            assert!(first + 1 - next <= most, "{} came again", first + 1 - next);
            for (index, (again, number)) in second.iter().enumerate() {
                assert_eq!(*number, next + index as u64, "in order");
                assert!(*again || *number > first, "line {number} came again and has no flag");
            }
            assert_eq!(second.last().unwrap().1, 20_000);
            assert!(!second[8].0, "only a batch may have been written before");
        }
    }
}

#[test]
fn of_long_messages_an_eighth_of_the_ring_comes_again_at_most() {
    let ring = Scratch::new();
    let lines: Vec<u8> =
        (b'a'..b'u').flat_map(|letter| [vec![letter; 3_000], vec![b'\n']].concat()).collect();
    run_fed(&["send", &format!("{}?capacity=64KiB", ring.name())], &lines).assert_success();
    let (mut reader, writer) = std::io::pipe().unwrap();
    // SAFETY: takes no pointer.
    let size = unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETPIPE_SZ, 4096) };
    assert_eq!(size, 4096);
    let mut command = annulus(&["recv", ring.name()]);
    let mut recv = Child::spawn_as_set(command.stdin(Stdio::null()).stdout(writer));
    drop(command);
    // Two lines are an eighth of the ring. A little of the next two has come, so the first two are
    // released; the rest does not fit the pipe.
    let mut first = vec![0; 6_100];
    reader.read_exact(&mut first).unwrap();
    recv.kill();
    reader.read_to_end(&mut first).unwrap();
    assert!(lines.starts_with(&first));
    let second = received(&ring, &[]);
    assert!(lines.ends_with(&second));
    assert_eq!(lines.len() - second.len(), 6_002);
}

#[test]
fn what_is_sent_after_a_receivers_death_is_not_taken_for_a_repetition() {
    let ring = Scratch::new();
    let mut send = start_fed(&["send", ring.name()]);
    let mut recv = start(&["recv", ring.name()]);
    send.feed(b"before\n").unwrap();
    recv.line(LONG, "before");
    recv.kill();
    let mut recv = start(&["recv", "--meta", ring.name()]);
    let mut last = String::new();
    for number in 1..=5 {
        send.feed(format!("{number}\n").as_bytes()).unwrap();
        // Whatever the first few are: the ring has been empty since, and it had time to see that.
        std::thread::sleep(Duration::from_millis(20));
        while !last.ends_with(&format!("\t{number}")) {
            last = recv.line(LONG, "");
        }
    }
    assert!(last.ends_with("\t0\t5"), "{last}");
}

#[test]
fn a_full_ring_with_a_dead_receiver_ends_the_sender() {
    let ring = Scratch::new();
    let mut send = start_fed(&["send", &format!("{}?capacity=4KiB", ring.name())]);
    let mut recv = start(&["recv", ring.name()]);
    send.feed(b"hello\n").unwrap();
    recv.line(LONG, "hello");
    recv.kill();
    let _ = send.feed(&numbered(100_000));
    send.close_stdin();
    assert_refused(send.wait_within(LONG), 3, &["the receiver died", "messages sent before"]);
}

#[test]
fn a_sender_goes_on_with_a_dead_receivers_successor() {
    let ring = Scratch::new();
    let mut send = start_fed(&["send", ring.name()]);
    let mut recv = start(&["recv", ring.name()]);
    send.feed(b"one\n").unwrap();
    recv.line(LONG, "one");
    recv.kill();
    send.feed(b"two\n").unwrap();
    let mut recv = start(&["recv", ring.name()]);
    recv.line(LONG, "two");
    send.close_stdin();
    send.wait_within(LONG).assert_success();
    recv.wait_within(LONG).assert_success();
}

#[test]
fn with_persist_a_receiver_killed_on_a_full_ring_is_followed_by_the_next_and_nothing_is_lost() {
    for (options, form) in [(&[][..], &[][..]), (&["--chunk", "1250"], &["--raw"])] {
        let (ring, dir) = (Scratch::new(), ScratchDir::new());
        // Each line has 1250 bytes, so that it is a block as well; and of eight, which take three
        // pages, the last that a pipe of sixteen takes are torn.
        let line = |number: u64| format!("{number:01249}\n");
        let all: String = (1..=500).map(line).collect();
        fs::write(dir.file("lines"), &all).unwrap();
        let (address, path) = (format!("{}?capacity=128KiB", ring.name()), dir.file("lines"));
        let send = [&["send", "--persist"], options, &[&address, path.to_str().unwrap()]];
        let mut send = start(&send.concat());
        // It is killed while it waits for this pipe to be read, and the ring is full by then.
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut command = annulus(&[&["recv"], form, &[ring.name()]].concat());
        let mut recv = Child::spawn_as_set(command.stdin(Stdio::null()).stdout(writer));
        drop(command);
        let mut first = vec![0; 1];
        reader.read_exact(&mut first).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        recv.kill();
        reader.read_to_end(&mut first).unwrap();
        assert!(all.as_bytes().starts_with(&first));
        // Long enough for the sender to see it dead more than once.
        std::thread::sleep(Duration::from_millis(50));
        assert!(send.is_running(), "{send:?}");

        let meta = String::from_utf8(received(&ring, &["--meta"])).unwrap();
        send.wait_within(LONG).assert_success();
        let rows = meta.lines().filter(|line| !line.is_empty());
        let second: Vec<(bool, u64)> = rows.map(flag_and_number).collect();
        let (whole, next) = (first.len() as u64 / 1250, second[0].1);
        assert!(next <= whole + 1 && whole < next + 8, "after {whole} came {next}");
        for (index, (again, number)) in second.iter().enumerate() {
            assert_eq!(*number, next + index as u64, "in order");
            assert!(*again || *number > whole, "{number} came again and has no flag");
        }
        assert_eq!(second.last().unwrap().1, 500);
    }
}

/// Whether it may have come before, and the number that the message is.
fn flag_and_number(line: &str) -> (bool, u64) {
    let fields: Vec<&str> = line.split('\t').collect();
    (fields[1] == "1", fields[2].parse().unwrap())
}

#[test]
fn a_sender_that_fails_does_not_close_in_good_order() {
    let ring = Scratch::new();
    let address = format!("{}?capacity=4KiB", ring.name());
    let output = run_fed(&["send", "--deadline", "100ms", &address], &numbered(1_000));
    assert_refused(output, 4, &["deadline passed while the ring was full"]);
    let output = run(&["recv", ring.name()]);
    assert!(numbered(1_000).starts_with(&output.stdout) && output.stdout.len() > 1_000);
    assert_failed(output, 3, &["more to come"]);
}

/// Whether these bytes are in the ring. The file is looked at, as anybody may.
fn holds(ring: &Scratch, bytes: &[u8]) -> bool {
    let file = fs::read(ring.path()).unwrap_or_default();
    file.windows(bytes.len()).any(|part| part == bytes)
}

/// How many lines are there, of `line 1`, `line 2` and so on; the last may be torn.
fn whole_lines(bytes: &[u8]) -> u64 {
    let whole = bytes.iter().filter(|byte| **byte == b'\n').count();
    assert!(bytes.starts_with(&numbered(whole)));
    whole as u64
}

/// Whether it may have come before, and the number of a line of `--meta`.
fn row(line: &str) -> (bool, u64) {
    let fields: Vec<&str> = line.split('\t').collect();
    (fields[1] == "1", fields[2].strip_prefix("line ").unwrap().parse().unwrap())
}
