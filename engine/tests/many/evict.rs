//! Participants that live, do not move and hold others up, and are put an end to.

use super::*;
use annulus::ring::mpmc::Stalled;
use annulus::segment::EvictError;
use annulus_testkit::{Child, Test, eventually, this_test};
use common::{LONG, by_name};
use std::time::Duration;

fn attach(name: &str) -> Segment {
    Segment::attach(&by_name(name), &Attach::default()).unwrap()
}

/// Claims a slot, or takes a message, and does not move any more.
fn hold(name: &str, what: &str) {
    let segment = attach(name);
    let (mut producer, mut consumer) = (None, None);
    match what {
        "claims" => {
            let producer = producer.insert(segment.mpmc_producer().unwrap());
            std::mem::forget(producer.try_claim(8).unwrap());
        }
        _ => {
            let consumer = consumer.insert(segment.mpmc_consumer().unwrap());
            assert!(consumer.try_take().is_ok());
        }
    }
    println!("holds");
    // SAFETY: a signal to this very process.
    unsafe { libc::raise(libc::SIGSTOP) };
    panic!("it goes on");
}

fn start(test: &Test, scratch: &Scratch, what: &str) -> Child {
    let mut child = test.spawn("holds", &[scratch.name(), what]);
    child.line(LONG, "holds");
    child
}

#[test]
fn who_is_stopped_in_a_claim_is_ended_when_asked_and_its_claim_is_a_gap() {
    let test = this_test!();
    test.role("holds", |args| hold(&args[0], &args[1]));
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let (mut producer, mut consumer) =
        (segment.mpmc_producer().unwrap(), segment.mpmc_consumer().unwrap());
    let mut stopped = start(&test, &scratch, "claims");
    producer.send(b"behind it", soon()).unwrap();
    let mut buffer = [0; 48];
    let shortly = Deadline::after(Duration::from_millis(50));
    let stalled = match consumer.recv(&mut buffer, shortly) {
        Err(RecvError::PeerStalled(stalled)) => stalled,
        other => panic!("{other:?}"),
    };
    assert_eq!(stalled.pid, stopped.id());
    assert!(stopped.is_running(), "nobody ends it unasked");

    segment.evict(&stalled, Deadline::after(LONG)).unwrap();
    eventually(LONG, || !stopped.is_running());
    let gap = RecvError::Gap { position: 0, participant: stalled.participant };
    assert_eq!(consumer.recv(&mut buffer, soon()), Err(gap));
    assert_eq!(consumer.recv(&mut buffer, soon()).unwrap().position, 1);
    // Once more is no error, as long as its seat is not another one's.
    segment.evict(&stalled, Deadline::PASSED).unwrap();
}

#[test]
fn what_an_evicted_consumer_had_in_hand_comes_to_another_one() {
    let test = this_test!();
    test.role("holds", |args| hold(&args[0], &args[1]));
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let (mut producer, mut consumer) =
        (segment.mpmc_producer().unwrap(), segment.mpmc_consumer().unwrap());
    producer.send(b"held", soon()).unwrap();
    let stopped = start(&test, &scratch, "takes");
    let held_by = segment.attendances().into_iter().find(|seen| seen.attendant.holds == 1).unwrap();
    assert_eq!(held_by.attendant.pid, u64::from(stopped.id()));
    segment.evict(&Stalled::from(&held_by.attendant), Deadline::after(LONG)).unwrap();
    let mut buffer = [0; 48];
    let received = consumer.recv(&mut buffer, Deadline::after(LONG)).unwrap();
    assert_eq!((&buffer[..received.len], received.attempt), (&b"held"[..], 1));
}

#[test]
fn who_is_not_there_or_is_oneself_is_not_evicted() {
    let segment = Segment::create(&Backing::Memfd, &RING).unwrap();
    let producer = segment.mpmc_producer().unwrap();
    let evict = |stalled: Stalled| segment.evict(&stalled, Deadline::PASSED);
    let own = Stalled::from(&segment.attendances()[0].attendant);
    assert_eq!(own.participant, producer.participant());
    assert_eq!(evict(own), Err(EvictError::Oneself));
    for participant in [0, 2, 9, u16::MAX] {
        assert_eq!(evict(Stalled { participant, ..own }), Err(EvictError::NotThere));
    }
    // Another one has its place by now.
    for other in [Stalled { pid: 1, ..own }, Stalled { since_ns: own.since_ns - 1, ..own }] {
        assert_eq!(evict(other), Err(EvictError::NotThere));
    }
    drop(producer);
    assert_eq!(evict(own), Err(EvictError::NotThere));
    let pair = Segment::create(&Backing::Memfd, &Config::spsc(4096)).unwrap();
    assert_eq!(pair.evict(&own, Deadline::PASSED), Err(EvictError::OneToOne));

    // One in another pid namespace: its number says nothing here.
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let producer = segment.mpmc_producer().unwrap();
    let namespace = MPMC_SEATS + offset_of!(annulus::layout::Seat, namespace);
    let file = OpenOptions::new().write(true).open(scratch.path()).unwrap();
    file.write_all_at(&1u64.to_ne_bytes(), namespace as u64).unwrap();
    let pid = std::process::id().into();
    let own = Stalled::from(&segment.attendances()[0].attendant);
    assert_eq!(segment.evict(&own, Deadline::PASSED), Err(EvictError::Elsewhere { pid }));
    drop(producer);
}

/// What a seat says is any peer's to write.
#[test]
fn a_process_that_does_not_have_the_segment_is_not_killed_whatever_a_seat_says() {
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let producer = segment.mpmc_producer().unwrap();
    let mut bystander = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", bystander.id())).unwrap();
    let started: u64 =
        stat.rsplit(") ").next().unwrap().split(' ').nth(19).unwrap().parse().unwrap();
    let file = OpenOptions::new().write(true).open(scratch.path()).unwrap();
    let write = |field: usize, word: u64| {
        file.write_all_at(&word.to_ne_bytes(), (MPMC_SEATS + field) as u64).unwrap();
    };
    write(offset_of!(annulus::layout::Seat, pid), bystander.id().into());
    write(offset_of!(annulus::layout::Seat, started), started);
    let said = Stalled::from(&segment.attendances()[0].attendant);
    let evicted = segment.evict(&said, Deadline::after(Duration::from_millis(20)));
    assert_eq!(evicted, Err(EvictError::Unknown { pid: bystander.id().into() }));
    assert_eq!(bystander.try_wait().unwrap(), None, "it was killed");
    bystander.kill().unwrap();
    bystander.wait().unwrap();
    drop(producer);
}
