//! Deadlines: each wait has one, and each says that it passed.

use crate::tools::{LONG, assert_refused, numbered, run, run_fed, start, start_fed};
use annulus_testkit::{Child, Output, Scratch};
use std::time::{Duration, Instant};

/// That it gives up after `span`, and neither before nor long after.
#[track_caller]
fn ended_after(span: Duration, start: impl FnOnce() -> Child) -> Output {
    let begun = Instant::now();
    let output = start().wait_within(LONG);
    let took = begun.elapsed();
    assert!(took >= span, "ended after {took:?}, before {span:?}: {output:?}");
    assert!(took < span + Duration::from_secs(5), "ended after {took:?}: {output:?}");
    output
}

#[test]
fn a_receiver_waits_for_a_ring_as_long_as_it_is_told() {
    let ring = Scratch::new();
    let parts = ["nothing to receive came in time", ring.name()];
    for (option, time, ms) in
        [("--wait-for", "250ms", 250), ("--wait-for", "0s", 0), ("--deadline", "100ms", 100)]
    {
        let output =
            ended_after(Duration::from_millis(ms), || start(&["recv", option, time, ring.name()]));
        assert_refused(output, 4, &parts);
        assert!(!ring.path().exists());
    }
}

#[test]
fn a_receiver_waits_ten_seconds_for_a_ring_unless_told_otherwise() {
    let ring = Scratch::new();
    let output = ended_after(Duration::from_secs(10), || start(&["recv", ring.name()]));
    assert_refused(output, 4, &["nothing to receive came in time"]);
}

#[test]
fn a_receiver_waits_for_a_message_as_long_as_it_is_told() {
    let ring = Scratch::new();
    let mut send = start_fed(&["send", ring.name()]);
    send.feed(b"one\n").unwrap();
    let output = ended_after(Duration::from_millis(300), || {
        start(&["recv", "--deadline", "300ms", ring.name()])
    });
    assert_eq!(output.stdout(), "one\n");
    assert!(output.stderr().contains("the deadline passed while the ring was empty"));
    output.assert_exit(annulus_testkit::Exit::Code(4));
}

#[test]
fn a_sender_waits_for_room_as_long_as_it_is_told() {
    let ring = Scratch::new();
    let address = format!("{}?capacity=4KiB", ring.name());
    let args = ["send", "--deadline", "250ms", &address];
    let begun = Instant::now();
    let output = run_fed(&args, &numbered(1_000));
    assert!(begun.elapsed() >= Duration::from_millis(250));
    assert_refused(output, 4, &["deadline passed while the ring was full", "messages sent before"]);

    let blocks = ["send", "--deadline", "250ms", "--chunk", "1000", &address];
    assert_refused(run_fed(&blocks, &numbered(1_000)), 4, &["while the ring was full"]);
}

#[test]
fn a_sender_waits_for_its_input_as_long_as_it_is_told() {
    for options in [&[][..], &["--chunk", "10"]] {
        let ring = Scratch::new();
        let args = [&["send", "--deadline", "250ms", ring.name()], options].concat();
        let mut send = start_fed(&args);
        send.feed(b"one\n").unwrap();
        let output = ended_after(Duration::ZERO, || send);
        assert_refused(output, 4, &["deadline passed", "standard input"]);
    }
}

#[test]
fn a_sender_is_done_when_the_ring_holds_all_although_nobody_receives() {
    let ring = Scratch::new();
    run_fed(&["send", "--deadline", "10s", ring.name()], &numbered(1_000)).assert_success();
    let output = run(&["recv", "--deadline", "10s", ring.name()]).assert_success();
    assert_eq!(output.stdout, numbered(1_000));
}
