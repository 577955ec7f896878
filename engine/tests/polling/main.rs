//! Handles with a descriptor: readable when a try would find something, and not before.

#[path = "../common/mod.rs"]
mod common;

mod lives;
mod processes;

use annulus::error::Severed;
use annulus::segment::{
    Name, NoBell, NotPollable, PollError, Pollable, Readiness, Removal, remove,
};
use annulus::{
    Backing, Barrier, Config, Consumer, Deadline, Producer, RecvError, Segment, SendError, Wait,
    Wake,
};
use annulus_testkit::Scratch;
use common::{LONG, named, soon};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

const FORMS: [Barrier; 2] = [Barrier::Fence, Barrier::Membarrier];

/// Shorter than a slice, and longer than it takes to fall asleep.
const NAP: Duration = Duration::from_millis(15);

/// The first of those who sleep.
const SLICE: Duration = Duration::from_millis(50);

const RING: Config = Config::spsc(1024).wait(Wait::Park);

fn pollable(config: &Config) -> (Segment, Producer, Pollable<Consumer>) {
    let segment = Segment::create(&Backing::Memfd, config).unwrap();
    let (producer, consumer) = (segment.producer().unwrap(), segment.consumer().unwrap());
    (segment, producer, Pollable::new(consumer).unwrap())
}

/// A producer at a full ring of 16 places.
fn full(config: &Config) -> (Segment, Pollable<Producer>, Consumer) {
    let segment = Segment::create(&Backing::Memfd, config).unwrap();
    let (mut producer, consumer) = (segment.producer().unwrap(), segment.consumer().unwrap());
    while producer.try_send(&[7; 56]).is_ok() {}
    (segment, Pollable::new(producer).unwrap(), consumer)
}

/// Whether the descriptor is readable within `span`, by poll(2).
fn is_readable(fd: &impl AsFd, span: Duration) -> bool {
    let mut entry = libc::pollfd { fd: fd.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry, which the call may read and write.
    let ready = unsafe { libc::poll(&mut entry, 1, span.as_millis() as i32) };
    assert!(ready >= 0, "{}", std::io::Error::last_os_error());
    ready == 1
}

/// Messages that are there now, as one takes them who was told.
fn take_all(consumer: &mut Consumer) -> (usize, RecvError) {
    let mut taken = 0;
    loop {
        match consumer.try_recv(&mut [0; 64]) {
            Ok(_) => taken += 1,
            Err(end) => return (taken, end),
        }
    }
}

fn backstops(segment: &Segment) -> u64 {
    let survey = segment.survey();
    survey.producer.backstop + survey.consumer.backstop
}

#[test]
fn a_message_makes_the_descriptor_readable_until_it_is_armed_again() {
    for barrier in FORMS {
        for wait in [Wait::Park, Wait::SpinThenPark] {
            let config = RING.wait(wait).barrier(barrier);
            let (_segment, mut producer, mut consumer) = pollable(&config);
            for round in 0..20 {
                assert_eq!(consumer.arm(), Ok(Readiness::Pending), "round {round}");
                assert!(!is_readable(&consumer, Duration::ZERO));
                producer.try_send(&[1; 8]).unwrap();
                producer.try_send(&[2; 8]).unwrap();
                let begun = Instant::now();
                assert!(is_readable(&consumer, LONG));
                assert!(begun.elapsed() < Duration::from_secs(5));
                assert!(is_readable(&consumer, Duration::ZERO), "until it is armed again");
                assert_eq!(take_all(&mut consumer), (2, RecvError::Empty));
                assert!(is_readable(&consumer, Duration::ZERO), "or disarmed");
            }
            consumer.disarm();
            assert!(!is_readable(&consumer, NAP));
        }
    }
}

#[test]
fn what_is_there_already_is_said_at_once() {
    let (_segment, mut producer, mut consumer) = pollable(&RING);
    producer.try_send(b"x").unwrap();
    assert_eq!(consumer.arm(), Ok(Readiness::Ready));
    assert!(!is_readable(&consumer, NAP), "it was not armed");
    assert_eq!(take_all(&mut consumer), (1, RecvError::Empty));
    assert_eq!(consumer.arm(), Ok(Readiness::Pending));
    drop(producer);
    assert!(is_readable(&consumer, LONG));
    assert_eq!(consumer.arm(), Ok(Readiness::Ready));
    assert_eq!(consumer.try_recv(&mut [0; 8]), Err(RecvError::Closed));
}

#[test]
fn it_is_not_readable_for_what_came_while_it_was_not_armed() {
    let (_segment, mut producer, mut consumer) = pollable(&RING);
    producer.try_send(b"x").unwrap();
    assert!(!is_readable(&consumer, NAP));
    assert_eq!(take_all(&mut consumer).0, 1);
    assert_eq!(consumer.arm(), Ok(Readiness::Pending));
    consumer.disarm();
    producer.try_send(b"x").unwrap();
    assert!(!is_readable(&consumer, NAP));
}

#[test]
fn room_makes_it_readable_when_a_quarter_is_free() {
    for barrier in FORMS {
        let (_segment, mut producer, mut consumer) = full(&RING.barrier(barrier));
        assert_eq!(producer.arm(56), Ok(Readiness::Pending));
        let armed = Instant::now();
        for place in 1..=4 {
            // On a busy machine the end of a slice may come before, and find what fits.
            let is_too_early = is_readable(&producer, Duration::ZERO) && armed.elapsed() < SLICE;
            assert!(!is_too_early, "at place {place}");
            consumer.recv(&mut [0; 56], Deadline::NEVER).unwrap();
            consumer.flush();
        }
        assert!(is_readable(&producer, LONG));
        assert_eq!(producer.arm(56), Ok(Readiness::Ready));
        producer.try_send(&[7; 56]).unwrap();
        assert_eq!(producer.arm(500), Err(SendError::TooLarge { limit: 440 }));
    }
}

#[test]
fn room_that_is_no_quarter_is_told_when_a_slice_is_over() {
    let (segment, mut producer, mut consumer) = full(&RING);
    assert_eq!(producer.arm(56), Ok(Readiness::Pending));
    consumer.recv(&mut [0; 56], Deadline::NEVER).unwrap();
    consumer.flush();
    assert!(is_readable(&producer, Duration::from_secs(5)));
    assert_eq!(producer.arm(200), Ok(Readiness::Pending), "for a larger one there is none");
    assert_eq!(producer.arm(56), Ok(Readiness::Ready));
    producer.try_send(&[7; 56]).unwrap();
    assert_eq!(backstops(&segment), 0, "a slice that ends so has lost nothing");
}

#[test]
fn a_close_tells_either_side() {
    let (_segment, producer, mut consumer) = pollable(&RING);
    assert_eq!(consumer.arm(), Ok(Readiness::Pending));
    drop(producer);
    assert!(is_readable(&consumer, LONG));
    assert_eq!(consumer.try_recv(&mut [0; 8]), Err(RecvError::Closed));

    let (_segment, mut producer, consumer) = full(&RING);
    assert_eq!(producer.arm(56), Ok(Readiness::Pending));
    drop(consumer);
    assert!(is_readable(&producer, LONG));
    assert_eq!(producer.try_send(&[7; 56]), Err(SendError::PeerClosed));
}

#[test]
fn a_removal_by_force_tells_either_side() {
    let removed = Severed::Removed;
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let (mut producer, consumer) = (segment.producer().unwrap(), segment.consumer().unwrap());
    while producer.try_send(&[7; 56]).is_ok() {}
    let mut producer = Pollable::new(producer).unwrap();
    let mut consumer = Pollable::new(consumer).unwrap();
    assert_eq!(producer.arm(56), Ok(Readiness::Pending));
    assert_eq!(consumer.arm(), Ok(Readiness::Ready));
    remove(&Name::new(scratch.name()).unwrap(), Removal::Forced).unwrap();
    assert!(is_readable(&producer, LONG));
    assert_eq!(producer.try_send(&[7; 56]), Err(SendError::Severed(removed)));
    assert_eq!(take_all(&mut consumer), (16, RecvError::Severed(removed)));
    for _ in 0..3 {
        assert_eq!(consumer.arm(), Ok(Readiness::Ready), "what stays so is said each time");
        assert_eq!(producer.arm(8), Ok(Readiness::Ready));
    }
}

#[test]
fn arming_what_is_armed_changes_nothing_and_costs_no_barrier() {
    let (segment, mut producer, mut consumer) = pollable(&RING);
    let asleep = || bed_word(&segment, 0);
    assert_eq!(consumer.arm(), Ok(Readiness::Pending));
    let lying = asleep();
    assert!(!lying.is_multiple_of(2));
    for _ in 0..100 {
        assert_eq!(consumer.arm(), Ok(Readiness::Pending));
    }
    assert_eq!(asleep(), lying, "it lies on");
    producer.try_send(b"x").unwrap();
    assert!(is_readable(&consumer, LONG));
    assert_eq!(take_all(&mut consumer).0, 1);
    assert_eq!(consumer.arm(), Ok(Readiness::Pending));
    assert_eq!(asleep(), lying + 2, "it was rung, so it lies down anew");
}

/// Word `word` of the consumer's bed.
fn bed_word(segment: &Segment, word: u64) -> u64 {
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::from(segment.share_fd().unwrap());
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, annulus::layout::CONSUMER_BED as u64 + 8 * word).unwrap();
    u64::from_ne_bytes(bytes)
}

#[test]
fn calls_that_wait_may_come_in_between() {
    let (segment, mut producer, mut consumer) = pollable(&RING);
    for _ in 0..3 {
        assert_eq!(consumer.arm(), Ok(Readiness::Pending));
        let timeout = consumer.recv(&mut [0; 8], Deadline::after(Duration::from_millis(70)));
        assert_eq!(timeout, Err(RecvError::Timeout));
        assert_eq!(consumer.arm(), Ok(Readiness::Pending));
        let sender = thread::spawn(move || {
            thread::sleep(NAP);
            producer.send(&[1; 8], Deadline::NEVER).unwrap();
            producer
        });
        consumer.recv(&mut [0; 8], soon()).unwrap();
        producer = sender.join().unwrap();
        assert_eq!(consumer.arm(), Ok(Readiness::Pending));
        producer.try_send(&[2; 8]).unwrap();
        assert!(is_readable(&consumer, LONG));
        assert_eq!(take_all(&mut consumer), (1, RecvError::Empty));
    }
    assert_eq!(backstops(&segment), 0, "nobody had to ring for what a call took");
}

#[test]
fn edges_come_one_for_each_time_it_is_armed() {
    let (_segment, mut producer, mut consumer) = pollable(&RING);
    // SAFETY: takes no pointer.
    let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    // SAFETY: the kernel has just given it to us.
    let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
    let mut event = libc::epoll_event { events: (libc::EPOLLIN | libc::EPOLLET) as u32, u64: 7 };
    // SAFETY: the event is valid for the call to read.
    let added = unsafe {
        let fd = consumer.as_raw_fd();
        libc::epoll_ctl(epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &mut event)
    };
    assert_eq!(added, 0);
    let edges = |ms| {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: room for one event.
        let count = unsafe { libc::epoll_wait(epoll.as_raw_fd(), &mut event, 1, ms) };
        assert!(count == 0 || event.u64 == 7);
        count
    };
    for _ in 0..5 {
        assert_eq!(consumer.arm(), Ok(Readiness::Pending));
        assert_eq!(edges(0), 0);
        for _ in 0..3 {
            producer.try_send(b"x").unwrap();
        }
        assert_eq!(edges(60_000), 1);
        assert_eq!(edges(20), 0);
        assert_eq!(take_all(&mut consumer).0, 3);
    }
}

#[test]
fn where_nobody_rings_it_is_refused_and_the_handle_comes_back() {
    let segment = Segment::create(&Backing::Memfd, &RING.wait(Wait::Spin)).unwrap();
    let refused = Pollable::new(segment.consumer().unwrap()).unwrap_err();
    let NotPollable { mut handle, reason } = refused;
    assert_eq!(reason, PollError::NoBell(NoBell::Spins));
    assert_eq!(reason.code(), 70);
    assert!(reason.to_string().contains("make it with the policy spin-park or park"), "{reason}");
    segment.producer().unwrap().try_send(b"x").unwrap();
    handle.try_recv(&mut [0; 8]).unwrap();

    let segment = Segment::create(&Backing::Memfd, &RING.wake(Wake::PosixSem)).unwrap();
    let reason = Pollable::new(segment.producer().unwrap()).unwrap_err().reason;
    assert_eq!(reason, PollError::NoBell(NoBell::OtherWake { wake: Wake::PosixSem }));
    assert_eq!(reason.code(), 71);
    assert!(reason.to_string().contains("woken by posix-sem"), "{reason}");
}

#[test]
fn two_handles_that_were_swapped_never_wait_for_each_others_messages() {
    let (_first_segment, _first_producer, mut first) = pollable(&RING);
    let (_second_segment, _second_producer, mut second) = pollable(&RING);
    std::mem::swap(&mut *first, &mut *second);
    assert_eq!(first.arm(), Ok(Readiness::Ready));
    assert_eq!(second.arm(), Ok(Readiness::Ready));
    std::mem::swap(&mut *first, &mut *second);
    assert_eq!(first.arm(), Ok(Readiness::Pending));
    assert_eq!(second.arm(), Ok(Readiness::Pending));
}
