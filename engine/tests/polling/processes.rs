//! The other side is another process: its messages, and its death.

use super::{RING, is_readable, pollable, take_all};
use crate::common::{LONG, by_name, named};
use annulus::error::Severed;
use annulus::segment::{Pollable, Readiness, guard_truncation};
use annulus::{Attach, Consumer, Deadline, RecvError, Segment, SendError};
use annulus_testkit::{Child, Scratch, Test, eventually, this_test};
use std::fs::OpenOptions;
use std::thread;
use std::time::{Duration, Instant};

/// Two slices of those who have slept for long, and what a busy machine takes.
const TWO_SLICES: Duration = Duration::from_millis(1_000 + 500);

fn attach(name: &str) -> Segment {
    Segment::attach(&by_name(name), &Attach::default()).unwrap()
}

/// Sends what it is told to, and then does nothing.
fn send_and_stay(args: &[String]) {
    let mut producer = attach(&args[0]).producer().unwrap();
    for number in 0..args[1].parse::<u64>().unwrap() {
        producer.send(&number.to_le_bytes(), Deadline::NEVER).unwrap();
    }
    println!("sent");
    thread::sleep(LONG);
}

fn start(test: &Test, scratch: &Scratch, messages: &str) -> Child {
    let mut sender = test.spawn("sender", &[scratch.name(), messages]);
    sender.line(LONG, "sent");
    sender
}

#[test]
fn messages_of_another_process_are_told() {
    let test = this_test!();
    test.role("sender", |args| {
        let mut producer = attach(&args[0]).producer().unwrap();
        println!("joined");
        for number in 0..200_u64 {
            thread::sleep(Duration::from_micros(number * 37 % 3_000));
            producer.send(&number.to_le_bytes(), Deadline::NEVER).unwrap();
        }
    });
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let mut consumer = Pollable::new(segment.consumer().unwrap()).unwrap();
    let mut sender = test.spawn("sender", &[scratch.name()]);
    sender.line(LONG, "joined");
    let (mut next, mut buffer) = (0_u64, [0; 8]);
    let end = loop {
        match consumer.try_recv(&mut buffer) {
            Ok(_) => {
                assert_eq!(u64::from_le_bytes(buffer), next);
                next += 1;
            }
            Err(RecvError::Empty) => {
                if consumer.arm().unwrap() == Readiness::Pending {
                    assert!(is_readable(&consumer, LONG), "after message {next}");
                }
            }
            Err(end) => break end,
        }
    };
    assert_eq!((next, end), (200, RecvError::Closed));
    sender.wait_within(LONG).assert_success();
}

#[test]
fn a_sender_that_is_killed_is_told_after_all_that_it_sent() {
    let test = this_test!();
    test.role("sender", send_and_stay);
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let mut consumer = Pollable::new(segment.consumer().unwrap()).unwrap();
    for idle_ms in [0, 100, 700] {
        let mut sender = start(&test, &scratch, "3");
        assert_eq!(consumer.arm(), Ok(Readiness::Ready));
        assert_eq!(take_all(&mut consumer), (3, RecvError::Empty));
        assert_eq!(consumer.arm(), Ok(Readiness::Pending));
        // Its slices grow meanwhile.
        assert!(!is_readable(&consumer, Duration::from_millis(idle_ms)));
        sender.kill();
        let killed = Instant::now();
        assert!(is_readable(&consumer, TWO_SLICES));
        assert!(killed.elapsed() < TWO_SLICES);
        assert_eq!(consumer.try_recv(&mut [0; 8]), Err(RecvError::Empty), "it cannot know");
        assert_eq!(consumer.arm(), Err(RecvError::ProducerDied));
        assert!(!is_readable(&consumer, Duration::ZERO), "it is not armed");
        // Whoever waits on is told again, or of a successor.
        assert_eq!(consumer.arm(), Ok(Readiness::Pending));
        assert!(is_readable(&consumer, TWO_SLICES));
        assert_eq!(consumer.arm(), Err(RecvError::ProducerDied));
        assert_eq!(consumer.arm(), Ok(Readiness::Pending));
    }
    let _successor = segment.producer().unwrap();
    let joined = Instant::now();
    assert!(is_readable(&consumer, LONG), "a successor rings");
    assert!(joined.elapsed() < Duration::from_secs(5));
    assert_eq!(consumer.arm(), Ok(Readiness::Pending));
}

#[test]
fn a_receiver_that_is_killed_is_told_to_who_waits_for_room() {
    let test = this_test!();
    test.role("receiver", |args| {
        let _consumer = attach(&args[0]).consumer().unwrap();
        println!("sent");
        thread::sleep(LONG);
    });
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let mut producer = Pollable::new(segment.producer().unwrap()).unwrap();
    while producer.try_send(&[7; 56]).is_ok() {}
    let mut receiver = test.spawn("receiver", &[scratch.name()]);
    receiver.line(LONG, "sent");
    assert_eq!(producer.arm(56), Ok(Readiness::Pending));
    receiver.kill();
    assert!(is_readable(&producer, TWO_SLICES));
    assert_eq!(producer.try_send(&[7; 56]), Err(SendError::Full), "it cannot know");
    assert_eq!(producer.arm(56), Err(SendError::PeerDead));
}

/// The victim's bed stays as it lay; its watcher and descriptor are gone with it.
#[test]
fn a_successor_of_one_who_was_killed_armed_goes_on() {
    let test = this_test!();
    test.role("sender", |args| {
        let consumer = attach(&args[0]).consumer().unwrap();
        let mut consumer = Pollable::new(consumer).unwrap();
        assert_eq!(consumer.arm(), Ok(Readiness::Pending));
        println!("sent");
        thread::sleep(LONG);
    });
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let mut producer = segment.producer().unwrap();
    for number in 0..5_u64 {
        start(&test, &scratch, "").kill();
        assert!(!super::bed_word(&segment, 0).is_multiple_of(2), "it died armed");
        let mut consumer = Pollable::new(segment.consumer().unwrap()).unwrap();
        assert!(super::bed_word(&segment, 0).is_multiple_of(2), "its successor got up");
        assert_eq!(consumer.arm(), Ok(Readiness::Pending));
        producer.try_send(&number.to_le_bytes()).unwrap();
        assert!(is_readable(&consumer, LONG));
        assert_eq!(take_all(&mut consumer), (1, RecvError::Empty));
        drop(consumer);
        segment.reopen().unwrap();
    }
}

#[test]
fn a_file_that_is_cut_short_is_told_with_the_guard() {
    let test = this_test!();
    test.role("sender", |args| {
        guard_truncation().unwrap();
        let mut consumer = Pollable::new(attach(&args[0]).consumer().unwrap()).unwrap();
        assert_eq!(consumer.arm(), Ok(Readiness::Pending));
        println!("sent");
        assert!(is_readable(&consumer, LONG));
        let truncated = RecvError::Severed(Severed::Truncated);
        assert_eq!(consumer.try_recv(&mut [0; 8]), Err(truncated));
        assert_eq!(consumer.arm(), Ok(Readiness::Ready));
        drop(consumer);
    });
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let mut receiver = start(&test, &scratch, "");
    let file = OpenOptions::new().write(true).open(scratch.path()).unwrap();
    file.set_len(0).unwrap();
    let cut = Instant::now();
    receiver.wait_within(LONG).assert_success();
    assert!(cut.elapsed() < Duration::from_secs(10));
    std::mem::forget(segment);
}

/// The descriptor and the wait are one process's affair, so the ring may be of any.
#[test]
fn a_killed_pair_leaves_nothing_behind() {
    let test = this_test!();
    test.role("sender", |args| {
        let segment = attach(&args[0]);
        let producer = Pollable::new(segment.producer().unwrap()).unwrap();
        let mut consumer: Pollable<Consumer> = Pollable::new(segment.consumer().unwrap()).unwrap();
        assert_eq!(consumer.arm(), Ok(Readiness::Pending));
        println!("sent");
        thread::sleep(LONG);
        drop(producer);
    });
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    start(&test, &scratch, "").kill();
    let survey = segment.survey();
    assert!(!survey.producer.held && !survey.consumer.held);
    let (_memfd, mut producer, mut consumer) = pollable(&RING);
    assert_eq!(consumer.arm(), Ok(Readiness::Pending));
    producer.try_send(b"x").unwrap();
    eventually(LONG, || is_readable(&consumer, Duration::ZERO));
}
