//! Who may join, and what a close and a reopening mean.

mod common;

use annulus::ring::{Role, Standing};
use annulus::segment::JoinError;
use annulus::{Attach, Backing, Config, RecvError, Segment, SendError};
use annulus_testkit::{Scratch, ScratchDir, this_test};
use common::{LONG, named, soon};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{process, thread};

const RING: Config = Config::spsc(4096);

#[test]
fn a_second_producer_is_busy_in_this_process_and_in_another() {
    let test = this_test!();
    test.role("second", |args| {
        let segment = attach(&args[0]);
        let pid = Some(args[1].parse().unwrap());
        assert_eq!(producer_refused(&segment), JoinError::Busy { role: Role::Producer, pid });
        // The other role is free.
        segment.consumer().unwrap();
    });
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let producer = segment.producer().unwrap();
    let pid = process::id();

    let busy = JoinError::Busy { role: Role::Producer, pid: Some(pid.into()) };
    assert_eq!(producer_refused(&segment), busy);
    assert_eq!(producer_refused(&attach(scratch.name())), busy, "through another mapping");
    let wanted = format!("the ring has a producer, process {pid}: wait until it leaves, or end it");
    assert_eq!(busy.to_string(), wanted);
    let mut second = test.spawn("second", &[scratch.name(), &pid.to_string()]);
    second.wait_within(LONG).assert_success();

    drop(producer);
    segment.producer().unwrap();
}

#[test]
fn a_second_consumer_is_busy_in_this_process_and_in_another() {
    let test = this_test!();
    test.role("second", |args| {
        let busy = attach(&args[0]).consumer().map(drop).unwrap_err();
        assert!(matches!(busy, JoinError::Busy { role: Role::Consumer, pid: Some(_) }), "{busy}");
    });
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let consumer = segment.consumer().unwrap();
    assert!(matches!(segment.consumer(), Err(JoinError::Busy { role: Role::Consumer, .. })));
    test.spawn("second", &[scratch.name()]).wait_within(LONG).assert_success();
    drop(consumer);
    segment.consumer().unwrap();
}

#[test]
fn a_memfd_has_roles_like_a_named_segment() {
    let segment = Segment::create(&Backing::Memfd, &RING).unwrap();
    let other = Segment::from_fd(segment.share_fd().unwrap(), &Attach::default()).unwrap();
    let _producer = segment.producer().unwrap();
    assert!(matches!(producer_refused(&other), JoinError::Busy { .. }));
    let file = File::from(segment.share_fd().unwrap());
    assert!(file.set_len(0).is_err() && file.set_len(1 << 20).is_err(), "it is sealed");
}

#[test]
fn nobody_who_comes_and_goes_in_good_order_is_ever_seen_dead() {
    let segment = Segment::create(&Backing::Memfd, &RING).unwrap();
    let stop = Instant::now() + Duration::from_millis(500);
    thread::scope(|scope| {
        scope.spawn(|| {
            while Instant::now() < stop {
                drop(segment.producer().unwrap());
            }
        });
        while Instant::now() < stop {
            let side = segment.survey().producer;
            let dead = !side.held && matches!(side.standing, Standing::Joined(_));
            assert!(!dead, "{side:?}");
        }
    });
    let survey = segment.survey();
    assert_eq!((survey.producer.held, survey.closed_at), (false, Some(0)));
    assert!(survey.producer.generation > 100);
}

#[test]
fn what_was_sent_before_a_close_is_received_and_then_it_is_closed() {
    let segment = Segment::create(&Backing::Memfd, &RING).unwrap();
    let mut producer = segment.producer().unwrap();
    producer.try_send(b"last").unwrap();
    producer.close();
    let mut consumer = segment.consumer().unwrap();
    let mut buffer = [0; 8];
    assert_eq!(consumer.recv(&mut buffer, soon()).unwrap().len, 4);
    assert_eq!(consumer.recv(&mut buffer, soon()), Err(RecvError::Closed));
    assert!(segment.is_spent());
}

#[test]
fn a_reader_that_left_does_not_stop_a_new_sender() {
    let segment = Segment::create(&Backing::Memfd, &RING).unwrap();
    let mut producer = segment.producer().unwrap();
    drop(segment.consumer().unwrap());
    assert_eq!(producer.try_send(b"x"), Err(SendError::PeerClosed));
    drop(producer);

    let mut producer = segment.producer().unwrap();
    producer.try_send(b"y").unwrap();
    assert_eq!(segment.survey().consumer.standing, Standing::Vacant);
    let mut buffer = [0; 8];
    let mut consumer = segment.consumer().unwrap();
    consumer.try_recv(&mut buffer).unwrap();
    assert_eq!(buffer[0], b'y');
}

#[test]
fn a_new_sender_leaves_a_reader_that_is_there_alone() {
    let segment = Segment::create(&Backing::Memfd, &RING).unwrap();
    let mut consumer = segment.consumer().unwrap();
    for message in [b"a", b"b", b"c"] {
        segment.producer().unwrap().try_send(message).unwrap();
        assert!(matches!(segment.survey().consumer.standing, Standing::Joined(_)));
        let mut buffer = [0; 8];
        consumer.recv(&mut buffer, soon()).unwrap();
        assert_eq!(&buffer[..1], message);
        assert_eq!(consumer.recv(&mut buffer, soon()), Err(RecvError::Closed));
    }
}

#[test]
fn a_reopened_ring_keeps_what_is_unread_and_counts_generations() {
    let scratch = Scratch::new();
    let mut positions = Vec::new();
    Segment::create(&named(&scratch), &RING).unwrap();
    for message in [b"one", b"two", b"six"] {
        let segment = attach(scratch.name());
        positions.push(segment.producer().unwrap().try_send(message).unwrap());
    }
    let segment = attach(scratch.name());
    assert_eq!(segment.survey().producer.generation, 3);
    assert!(!segment.is_spent());
    let mut consumer = segment.consumer().unwrap();
    let mut buffer = [0; 8];
    for (message, position) in [b"one", b"two", b"six"].iter().zip(positions) {
        let received = consumer.try_recv(&mut buffer).unwrap();
        assert_eq!((&buffer[..3], received.position), (&message[..], position));
    }
    drop(consumer);
    assert!(segment.is_spent());
}

#[test]
fn a_survey_says_who_is_there_since_when_and_what_the_gates_say() {
    let before = now_ns();
    let segment = Segment::create(&Backing::Memfd, &RING).unwrap();
    let survey = segment.survey();
    assert_eq!(survey.head, 0);
    for side in [survey.producer, survey.consumer] {
        assert_eq!((side.held, side.standing), (false, Standing::Vacant));
        assert_eq!((side.pid, side.since_ns, side.generation), (0, 0, 0));
    }
    let mut producer = segment.producer().unwrap();
    let end = {
        producer.try_send(&[1; 100]).unwrap();
        producer.position()
    };
    let side = segment.survey().producer;
    assert_eq!((side.held, side.standing), (true, Standing::Joined(0)));
    assert_eq!((side.pid, side.generation), (process::id().into(), 1));
    assert!((before..=now_ns()).contains(&side.since_ns));
    drop(producer);
    let survey = segment.survey();
    assert_eq!((survey.producer.held, survey.closed_at), (false, Some(end)));
    assert!(!segment.is_spent(), "a message is unread");
}

#[test]
fn a_plain_unlink_does_not_disturb_a_pair_but_nobody_joins_any_more() {
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let mut producer = segment.producer().unwrap();
    let mut consumer = segment.consumer().unwrap();
    fs::remove_file(scratch.path()).unwrap();
    for _ in 0..1000 {
        producer.send(&[5; 100], soon()).unwrap();
        consumer.recv(&mut [0; 100], soon()).unwrap();
    }
    drop(producer);
    assert_eq!(producer_refused(&segment), JoinError::Removed);
    // The name is free for another, which the old handles do not touch.
    let anew = Segment::create(&named(&scratch), &RING).unwrap();
    let mut buffer = [0; 8];
    anew.producer().unwrap().try_send(b"new").unwrap();
    assert_eq!(consumer.recv(&mut buffer, soon()), Err(RecvError::Closed));
}

#[test]
fn a_file_of_ones_own_is_a_ring_that_outlives_its_processes() {
    let dir = ScratchDir::new();
    let file = Backing::File(dir.file("ring"));
    let segment = Segment::create(&file, &RING).unwrap();
    segment.producer().unwrap().try_send(b"black box").unwrap();
    drop(segment);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing beside it");
    let copy = dir.file("copy");
    fs::copy(dir.file("ring"), &copy).unwrap();
    fs::set_permissions(&copy, Permissions::from_mode(0o600)).unwrap();
    for path in [dir.file("ring"), copy] {
        let segment = Segment::attach(&Backing::File(path), &Attach::default()).unwrap();
        let mut buffer = [0; 16];
        let received = segment.consumer().unwrap().try_recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..received.len], b"black box");
    }
}

fn attach(name: &str) -> Segment {
    Segment::attach(&common::by_name(name), &Attach::default()).unwrap()
}

fn producer_refused(segment: &Segment) -> JoinError {
    segment.producer().map(drop).expect_err("the role should not be had")
}

fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

#[test]
fn a_producer_that_outlives_its_consumers_opens_the_ring_for_the_next() {
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let mut producer = segment.producer().unwrap();
    let consumer = segment.consumer().unwrap();
    // Not while somebody is there.
    segment.reopen().unwrap();
    assert!(matches!(segment.survey().consumer.standing, Standing::Joined(0)));
    drop(consumer);
    assert_eq!(producer.try_send(b"one"), Err(SendError::PeerClosed));
    segment.reopen().unwrap();
    assert_eq!(producer.try_send(b"one"), Ok(0));
    let mut buffer = [0; 3];
    assert_eq!(segment.consumer().unwrap().recv(&mut buffer, soon()).unwrap().position, 0);
    // Closed again, by that one; and one that died.
    assert_eq!(producer.try_send(b"two"), Err(SendError::PeerClosed));
    segment.reopen().unwrap();
    std::mem::forget(segment.consumer().unwrap());
    assert!(producer.try_send(b"two").is_ok());
}
