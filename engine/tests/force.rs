//! A segment that is removed although it is held: both sides are told, and nothing sent is lost.

mod common;

use annulus::error::Severed;
use annulus::ring::Role;
use annulus::segment::{JoinError, Name, Removal, RemoveError, remove};
use annulus::{Attach, Backing, Config, Deadline, RecvError, Segment, SendError};
use annulus_testkit::{Scratch, ScratchDir};
use common::{LONG, named, soon};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::time::Instant;

const RING: Config = Config::spsc(4096);
const REMOVED: Severed = Severed::Removed;

fn by_force(scratch: &Scratch) -> Result<(), RemoveError> {
    remove(&Name::new(scratch.name()).expect("scratch names are names"), Removal::Forced)
}

#[test]
fn the_sender_is_told_and_the_receiver_too_after_all_that_was_sent() {
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let mut producer = segment.producer().unwrap();
    let mut consumer = segment.consumer().unwrap();
    producer.send(b"first", Deadline::NEVER).unwrap();
    producer.send(b"second", Deadline::NEVER).unwrap();

    by_force(&scratch).unwrap();
    assert!(!scratch.path().exists());
    assert_eq!(producer.try_send(b"third"), Err(SendError::Severed(REMOVED)));
    assert_eq!(producer.send(b"third", Deadline::NEVER), Err(SendError::Severed(REMOVED)));
    assert_eq!(producer.claim(5, Deadline::NEVER).map(drop), Err(SendError::Severed(REMOVED)));
    let mut buffer = [0; 16];
    for message in [&b"first"[..], b"second"] {
        let received = consumer.recv(&mut buffer, Deadline::NEVER).unwrap();
        assert_eq!(&buffer[..received.len], message);
    }
    assert_eq!(consumer.try_recv(&mut buffer), Err(RecvError::Severed(REMOVED)));
    assert_eq!(consumer.recv(&mut buffer, Deadline::NEVER), Err(RecvError::Severed(REMOVED)));
    assert!(producer.corruption().is_none() && consumer.corruption().is_none());

    // Nobody comes back to it, and the name is free.
    drop((producer, consumer));
    assert_eq!(segment.producer().map(drop), Err(JoinError::Removed));
    assert_eq!(segment.consumer().map(drop), Err(JoinError::Removed));
    assert_eq!(segment.reopen(), Err(JoinError::Removed));
    Segment::create(&named(&scratch), &RING).unwrap().producer().unwrap();
}

#[test]
fn those_who_wait_are_told_at_once() {
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let begun = Instant::now();
    std::thread::scope(|threads| {
        let mut consumer = segment.consumer().unwrap();
        let waits = threads.spawn(move || consumer.recv(&mut [0; 8], soon()).map(drop));
        std::thread::sleep(std::time::Duration::from_millis(20));
        by_force(&scratch).unwrap();
        assert_eq!(waits.join().unwrap(), Err(RecvError::Severed(REMOVED)));
    });
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    std::thread::scope(|threads| {
        let mut producer = segment.producer().unwrap();
        while producer.try_send(&[0; 100]).is_ok() {}
        let waits = threads.spawn(move || producer.send(&[0; 100], soon()).map(drop));
        std::thread::sleep(std::time::Duration::from_millis(20));
        by_force(&scratch).unwrap();
        assert_eq!(waits.join().unwrap(), Err(SendError::Severed(REMOVED)));
    });
    assert!(begun.elapsed() < LONG, "by their deadlines only");
}

#[test]
fn what_nobody_holds_goes_by_force_too_and_leaves_no_mark_that_is_needed() {
    let scratch = Scratch::new();
    assert_eq!(by_force(&scratch), Err(RemoveError::NotFound));
    drop(Segment::create(&named(&scratch), &RING).unwrap().producer().unwrap());
    by_force(&scratch).unwrap();
    assert!(!scratch.path().exists());
}

#[test]
fn holders_of_another_version_cannot_be_told_so_it_stays() {
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let _producer = segment.producer().unwrap();
    let file = OpenOptions::new().write(true).open(scratch.path()).unwrap();
    file.write_all_at(&99_u32.to_ne_bytes(), 8).unwrap();
    let refused = by_force(&scratch).unwrap_err();
    assert!(matches!(refused, RemoveError::Held { role: Role::Producer, .. }), "{refused:?}");
    assert!(scratch.path().exists());
}

#[test]
fn who_joins_a_segment_that_was_cut_to_nothing_is_told_so_without_a_guard() {
    let dir = ScratchDir::new();
    let path = dir.path().join("ring");
    let segment = Segment::create(&Backing::File(path.clone()), &RING).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    let truncated = JoinError::Severed(Severed::Truncated);
    assert_eq!(segment.producer().map(drop), Err(truncated));
    assert_eq!(segment.consumer().map(drop), Err(truncated));
    let segment = Segment::create(&Backing::File(dir.path().join("other")), &RING).unwrap();
    OpenOptions::new().write(true).open(dir.path().join("other")).unwrap().set_len(0).unwrap();
    assert_eq!(segment.reopen(), Err(truncated));
}

#[test]
fn one_who_attached_before_and_joins_after_is_refused() {
    let scratch = Scratch::new();
    let first = Segment::create(&named(&scratch), &RING).unwrap();
    let _consumer = first.consumer().unwrap();
    let second = Segment::attach(&named(&scratch), &Attach::default()).unwrap();
    by_force(&scratch).unwrap();
    assert_eq!(second.producer().map(drop), Err(JoinError::Removed));
    // One who came by a descriptor knows of no name, but of the mark.
    let third = Segment::from_fd(first.share_fd().unwrap(), &Attach::default()).unwrap();
    assert_eq!(third.producer().map(drop), Err(JoinError::Removed));
}
