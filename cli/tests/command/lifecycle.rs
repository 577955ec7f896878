//! Rings from their making to their end, and all the ways to find one half way.

use crate::tools::{
    LONG, annulus, assert_failed, assert_refused, held_role, noise, numbered, received, run,
    run_fed, sent, start, start_fed,
};
use annulus::segment::Name;
use annulus::{Attach, Backing, RecvError, Segment};
use annulus_testkit::{Child, Scratch, ScratchDir, eventually};
use std::fs::{self, File};
use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

#[test]
fn a_receiver_waits_for_the_ring_to_come() {
    let ring = Scratch::new();
    let mut recv = start(&["recv", ring.name()]);
    // Not to the test's success, but to its point: so that it looks before there is a ring.
    std::thread::sleep(Duration::from_millis(50));
    sent(&ring, b"here\n");
    assert_eq!(recv.wait_within(LONG).assert_success().stdout(), "here\n");
}

#[test]
fn the_same_name_serves_one_stream_after_another_without_a_pause() {
    let (ring, dir) = (Scratch::new(), ScratchDir::new());
    for round in 0..50 {
        // From an empty stream to several times the ring.
        let bytes = noise([0, 5, 300_000][round % 3] + round, round as u64);
        let path = dir.file("noise");
        fs::write(&path, &bytes).unwrap();
        let address = format!("shm:{}?capacity=64KiB", ring.name());
        let send = ["send", "--chunk", "10000", &address, path.to_str().unwrap()];
        let (mut send, mut recv) = if round % 2 == 0 {
            (start(&send), start(&["recv", "--raw", ring.name()]))
        } else {
            let recv = start(&["recv", "--raw", ring.name()]);
            (start(&send), recv)
        };
        // The next sender comes as soon as this receiver has gone, whatever this sender does.
        let output = recv.wait_within(LONG).assert_success();
        assert!(output.stdout == bytes, "round {round}: {} bytes", output.stdout.len());
        assert!(!ring.path().exists(), "round {round}");
        if round % 4 < 2 {
            send.wait_within(LONG).assert_success();
        }
    }
}

#[test]
fn a_sender_may_begin_while_the_last_receiver_is_leaving() {
    let (ring, dir) = (Scratch::new(), ScratchDir::new());
    let path = dir.file("lines");
    fs::write(&path, numbered(200)).unwrap();
    let send = ["send", &format!("{}?capacity=4KiB", ring.name()), path.to_str().unwrap()];
    let rounds = 50;
    // All senders one behind the other; receivers as many as it takes, since one that is quick
    // sees the end of each stream, and one that is slow sees several streams as one.
    let recv = ["recv", "--wait-for", "60s", ring.name()];
    let mut receiver = start(&recv);
    let mut got = Vec::new();
    for _ in 0..rounds {
        let mut sender = start(&send);
        while sender.is_running() {
            if !receiver.is_running() {
                got.extend(receiver.wait_within(LONG).assert_success().stdout);
                receiver = start(&recv);
            }
        }
        sender.wait_within(LONG).assert_success();
    }
    // The receiver that is there now gets this, or leaves it to the next one.
    sent(&ring, b"the end\n");
    got.extend(receiver.wait_within(LONG).assert_success().stdout);
    if !got.ends_with(b"the end\n") {
        got.extend(received(&ring, &[]));
    }
    let expected = [&numbered(200).repeat(rounds)[..], b"the end\n"].concat();
    assert!(got == expected, "{} bytes of {}", got.len(), expected.len());
}

#[test]
fn a_sender_that_came_before_the_last_receiver_had_left_waits_for_the_next_one() {
    let ring = Scratch::new();
    sent(&ring, b"the stream before\n");
    let backing = Backing::Named(Name::new(ring.name()).unwrap());
    let segment = Segment::attach(&backing, &Attach::default()).unwrap();
    let mut consumer = segment.consumer().unwrap();
    consumer.try_peek().unwrap().release();
    assert!(matches!(consumer.try_peek(), Err(RecvError::Closed)));

    // It has seen the end and has not left. Now the next sender joins, and then it leaves.
    let mut send = start_fed(&["send", ring.name()]);
    eventually(LONG, || segment.survey().producer.pid == u64::from(send.id()));
    consumer.close();
    send.feed(b"the stream after\n").unwrap();
    send.close_stdin();
    assert_eq!(received(&ring, &[]), b"the stream after\n");
    send.wait_within(LONG).assert_success();
    assert!(!ring.path().exists());
}

#[test]
fn whoever_has_closed_is_given_the_time_to_leave() {
    let ring = Scratch::new();
    sent(&ring, b"one\n");
    // The last sender has closed and its process still runs, by the look of it.
    let leaving = held_role(&ring, 0);
    let mut send = start_fed(&["send", ring.name()]);
    send.feed(b"two\n").unwrap();
    send.close_stdin();
    std::thread::sleep(Duration::from_millis(50));
    assert!(send.is_running(), "{send:?}");
    drop(leaving);
    send.wait_within(LONG).assert_success();

    let leaving = held_role(&ring, 0);
    let mut recv = start(&["recv", ring.name()]);
    recv.line(LONG, "two");
    std::thread::sleep(Duration::from_millis(50));
    assert!(recv.is_running(), "{recv:?}");
    drop(leaving);
    recv.wait_within(LONG).assert_success();
    assert!(!ring.path().exists());
}

#[test]
fn a_ring_closed_with_messages_unread_stays_for_the_next_receiver() {
    let ring = Scratch::new();
    sent(&ring, &numbered(5));
    assert!(ring.path().exists());
    assert_eq!(received(&ring, &["--count", "2"]), b"line 1\nline 2\n");
    assert!(ring.path().exists());
    assert_eq!(received(&ring, &[]), b"line 3\nline 4\nline 5\n");
    assert!(!ring.path().exists());
}

#[test]
fn a_counted_receiver_that_takes_the_last_message_removes_the_ring() {
    let ring = Scratch::new();
    sent(&ring, &numbered(2));
    assert_eq!(received(&ring, &["--count", "2"]), numbered(2));
    assert!(!ring.path().exists());
}

#[test]
fn a_later_sender_adds_to_what_is_unread() {
    let ring = Scratch::new();
    sent(&ring, b"one\n");
    sent(&ring, b"two\n");
    assert_eq!(received(&ring, &[]), b"one\ntwo\n");
}

#[test]
fn a_later_sender_goes_on_after_a_receiver_that_left_early() {
    let ring = Scratch::new();
    sent(&ring, &numbered(3));
    received(&ring, &["--count", "1"]);
    sent(&ring, b"more\n");
    assert_eq!(received(&ring, &[]), b"line 2\nline 3\nmore\n");
}

#[test]
fn keep_leaves_the_ring_which_is_then_not_there_for_receivers_but_open_for_senders() {
    let ring = Scratch::new();
    let address = format!("{}?keep=yes", ring.name());
    for round in 0..3 {
        sent(&ring, format!("round {round}\n").as_bytes());
        let output = run(&["recv", &address]).assert_success();
        assert_eq!(output.stdout(), format!("round {round}\n"));
        assert!(ring.path().exists());
        let output = run(&["recv", "--wait-for", "50ms", ring.name()]);
        assert_refused(output, 4, &["nothing to receive came"]);
    }
    // Also an empty stream has an end that is told once.
    sent(&ring, b"");
    assert_eq!(received(&ring, &[]), b"");
    assert!(!ring.path().exists());
}

#[test]
fn a_running_pair_goes_on_when_the_name_is_taken_away() {
    let ring = Scratch::new();
    let mut send = start_fed(&["send", ring.name()]);
    let mut recv = start(&["recv", ring.name()]);
    send.feed(b"before\n").unwrap();
    recv.line(LONG, "before");
    fs::remove_file(ring.path()).unwrap();
    send.feed(&numbered(100_000)).unwrap();
    send.close_stdin();
    send.wait_within(LONG).assert_success();
    let output = recv.wait_within(LONG).assert_success();
    assert!(output.stdout == [&b"before\n"[..], &numbered(100_000)].concat());
}

#[test]
fn truncation_ends_both_sides_with_a_sentence_and_without_a_signal() {
    for len in [0, 100, 4096, 4096 + 1000] {
        let ring = Scratch::new();
        let mut send = start_fed(&["send", ring.name()]);
        let mut recv = start(&["recv", ring.name()]);
        send.feed(b"before\n").unwrap();
        recv.line(LONG, "before");
        truncate(&ring, len);
        let output = recv.wait_within(LONG);
        assert_failed(output, 5, &["truncated", "delete the file", "received before"]);
        // Without a receiver the ring fills up, and then the sender looks.
        let fed = numbered(200_000);
        let _ = send.feed(&fed);
        send.close_stdin();
        let output = send.wait_within(LONG);
        // What was not received is lost, so nothing stays.
        assert!(!output.stderr().contains("stays in the ring"), "{output:?}");
        assert_failed(output, 5, &["truncated", "lost", "delete the file", "sent before"]);
    }
}

#[test]
fn what_was_sent_and_is_gone_by_truncation_is_told_at_the_end_of_the_input() {
    let ring = Scratch::new();
    let mut send = start_fed(&["send", ring.name()]);
    send.feed(b"one\ntwo\n").unwrap();
    let backing = Backing::Named(Name::new(ring.name()).unwrap());
    let segment = || Segment::attach(&backing, &Attach::default());
    eventually(LONG, || segment().is_ok_and(|ring| ring.survey().producer.messages == 2));
    truncate(&ring, 100);
    send.close_stdin();
    assert_failed(send.wait_within(LONG), 5, &["truncated", "lost", "sent before"]);
}

#[test]
fn truncation_is_the_same_while_the_kernel_writes_into_the_ring() {
    for len in [0, 4096] {
        let ring = Scratch::new();
        let mut send = start_fed(&["send", "--chunk", "1000", ring.name()]);
        send.feed(b"the first part of a block").unwrap();
        // It has been read, so the sender waits for the rest in read(2).
        eventually(LONG, || {
            fs::read(ring.path()).is_ok_and(|bytes| {
                bytes.ends_with(b"\0") && bytes.windows(5).any(|part| part == b"block")
            })
        });
        truncate(&ring, len);
        let _ = send.feed(&[b'x'; 2_000]);
        assert_failed(send.wait_within(LONG), 5, &["truncated"]);
        let output = run(&["recv", "--raw", ring.name()]);
        assert_refused(output, 5, &["truncated", ring.name()]);
    }
}

#[test]
fn truncation_is_the_same_while_the_kernel_reads_from_the_ring() {
    for len in [0, 4096] {
        let ring = Scratch::new();
        sent(&ring, &numbered(20_000));
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut command = annulus(&["recv", ring.name()]);
        let mut recv = Child::spawn_as_set(command.stdin(Stdio::null()).stdout(writer));
        drop(command);
        let mut got = vec![0; 100];
        reader.read_exact(&mut got).unwrap();
        // There is more than the pipe takes: the receiver waits in write(2), or soon will.
        truncate(&ring, len);
        reader.read_to_end(&mut got).unwrap();
        let expected = numbered(20_000);
        let same = got.iter().zip(&expected).take_while(|(a, b)| a == b).count();
        let torn = String::from_utf8_lossy(&got[same.saturating_sub(20)..]);
        assert_eq!(same, got.len(), "of {len}: {torn:?}");
        assert_failed(recv.wait_within(LONG), 5, &["truncated"]);
    }
}

fn truncate(ring: &Scratch, len: u64) {
    File::options().write(true).open(ring.path()).unwrap().set_len(len).unwrap();
}

#[test]
fn there_is_one_sender_and_one_receiver_at_a_time() {
    let ring = Scratch::new();
    let mut send = start_fed(&["send", ring.name()]);
    let mut recv = start(&["recv", ring.name()]);
    send.feed(b"both are here\n").unwrap();
    recv.line(LONG, "both are here");
    let pid = send.id().to_string();
    assert_refused(run_fed(&["send", ring.name()], b"x\n"), 6, &["producer", &pid]);
    let pid = recv.id().to_string();
    assert_refused(run(&["recv", ring.name()]), 6, &["consumer", &pid]);
    send.close_stdin();
    send.wait_within(LONG).assert_success();
    assert_eq!(recv.wait_within(LONG).assert_success().stdout(), "both are here\n");
}

#[test]
fn another_capacity_than_asked_is_refused_by_both_sides() {
    let ring = Scratch::new();
    let with = |capacity| format!("{}?capacity={capacity}", ring.name());
    run_fed(&["send", &with("64KiB")], b"one\n").assert_success();
    let parts = ["capacity of 64KiB", "128KiB was asked for"];
    assert_refused(run_fed(&["send", &with("128KiB")], b"two\n"), 6, &parts);
    assert_refused(run(&["recv", &with("128KiB")]), 6, &parts);
    run_fed(&["send", &with("65536")], b"three\n").assert_success();
    assert_eq!(run(&["recv", &with("64KiB")]).assert_success().stdout(), "one\nthree\n");
}

#[test]
fn a_follower_takes_stream_after_stream() {
    let ring = Scratch::new();
    let mut recv = start(&["recv", "--follow", "--count", "4", ring.name()]);
    for word in ["one", "two", "three", "four"] {
        sent(&ring, format!("{word}\n").as_bytes());
        recv.line(LONG, word);
    }
    recv.wait_within(LONG).assert_success();
}

#[test]
fn a_file_may_hold_a_ring_and_stays() {
    let dir = ScratchDir::new();
    let path = dir.file("ring");
    let address = format!("file:{}?capacity=64KiB", path.display());
    let output = run_fed(&["send", &address], b"kept in a file\n");
    if output.stderr().contains("locks and mappings cannot be relied on")
        || output.stderr().contains("O_TMPFILE")
    {
        annulus_testkit::skip!("{}", output.stderr());
    }
    output.assert_success();
    assert_eq!(run(&["recv", &address]).assert_success().stdout(), "kept in a file\n");
    assert!(path.exists());
    assert_refused(run(&["recv", "--wait-for", "10ms", &address]), 4, &[]);
}
