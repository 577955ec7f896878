//! Receivers that leave while the sender has more, and the next ones.

use crate::tools::{LONG, assert_refused, held_role, numbered, received, run, start, start_fed};
use annulus::segment::Name;
use annulus::{Attach, Backing, Segment};
use annulus_testkit::{Child, Scratch, eventually};
use std::time::Duration;

/// A sender that has joined its ring, and the ring.
#[track_caller]
fn joined(ring: &Scratch, options: &[&str]) -> (Child, Segment) {
    let send = start_fed(&[&["send"], options, &[ring.name()]].concat());
    let backing = Backing::Named(Name::new(ring.name()).unwrap());
    eventually(LONG, || ring.path().exists());
    let segment = Segment::attach(&backing, &Attach::default()).unwrap();
    eventually(LONG, || segment.survey().producer.held);
    (send, segment)
}

#[test]
fn a_sender_is_done_when_the_ring_holds_all_although_a_receiver_left_and_took_nothing() {
    for options in [&[][..], &["--chunk", "100"]] {
        let ring = Scratch::new();
        let (mut send, segment) = joined(&ring, options);
        segment.consumer().unwrap().close();
        send.feed(&numbered(1_000)).unwrap();
        send.close_stdin();
        send.wait_within(LONG).assert_success();
        let form: &[&str] = if options.is_empty() { &[] } else { &["--raw"] };
        assert_eq!(received(&ring, form), numbered(1_000));
    }
}

#[test]
fn a_receiver_that_has_closed_is_given_time_to_leave_until_the_deadline() {
    for options in [&[][..], &["--persist"]] {
        let ring = Scratch::new();
        let limit = [&["--deadline", "500ms"], options].concat();
        let (mut send, segment) = joined(&ring, &limit);
        segment.consumer().unwrap().close();
        let leaving = held_role(&ring, 1);
        send.feed(b"one\n").unwrap();
        send.close_stdin();
        assert_refused(send.wait_within(LONG), 4, &["deadline passed", "receiver to leave"]);
        drop(leaving);

        let ring = Scratch::new();
        let (mut send, segment) = joined(&ring, options);
        segment.consumer().unwrap().close();
        let leaving = held_role(&ring, 1);
        send.feed(b"one\n").unwrap();
        send.close_stdin();
        std::thread::sleep(Duration::from_millis(50));
        assert!(send.is_running(), "{send:?}");
        drop(leaving);
        send.wait_within(LONG).assert_success();
    }
}

#[test]
fn with_persist_a_receiver_that_leaves_ends_nothing() {
    for options in [&["--persist"][..], &["--persist", "--chunk", "4"]] {
        let ring = Scratch::new();
        let (mut send, _) = joined(&ring, options);
        for word in ["one", "two", "six"] {
            send.feed(format!("{word}\n").as_bytes()).unwrap();
            let output = run(&["recv", "--count", "1", ring.name()]).assert_success();
            assert_eq!(output.stdout().trim_end(), word);
            assert!(send.is_running(), "{send:?}");
        }
        send.feed(b"end\n").unwrap();
        send.close_stdin();
        send.wait_within(LONG).assert_success();
        assert_eq!(String::from_utf8(received(&ring, &[])).unwrap().trim_end(), "end");
    }
}

#[test]
fn with_persist_a_full_ring_waits_for_the_next_receiver_until_the_deadline() {
    let ring = Scratch::new();
    let address = format!("{}?capacity=4KiB", ring.name());
    let args = ["send", "--persist", "--deadline", "500ms", &address];
    let mut send = start_fed(&args);
    send.feed(b"line 0\n").unwrap();
    assert_eq!(received(&ring, &["--count", "1"]), b"line 0\n");
    let _ = send.feed(&numbered(10_000));
    assert_refused(send.wait_within(LONG), 4, &["deadline passed", "full", "sent before"]);
}

#[test]
fn without_persist_a_receiver_that_took_a_message_and_left_ends_the_sender() {
    let ring = Scratch::new();
    let (mut send, _) = joined(&ring, &[]);
    send.feed(b"one\n").unwrap();
    let mut recv = start(&["recv", "--count", "1", ring.name()]);
    recv.wait_within(LONG).assert_success();
    send.feed(b"two\n").unwrap();
    assert_refused(send.wait_within(LONG), 1, &["the receiver has closed", "1 message sent"]);
}
