//! Waiting for any of several rings.

#[path = "../common/mod.rs"]
mod common;

mod fallback;
mod processes;

use annulus::segment::{Name, NoBell, Removal, WaitAnyError, Waitable, remove, wait_any};
use annulus::{
    Backing, Barrier, Config, Consumer, Deadline, Producer, RecvError, Segment, SendError, Wait,
    Wake,
};
use annulus_testkit::Scratch;
use common::{LONG, named, soon};
use std::os::unix::fs::FileExt;
use std::thread;
use std::time::{Duration, Instant};

const RING: Config = Config::spsc(1024).wait(Wait::Park);

/// Shorter than a slice, and longer than it takes to fall asleep.
const NAP: Duration = Duration::from_millis(15);

/// Both sides of a ring, and its segment.
struct Ring {
    segment: Segment,
    producer: Producer,
    consumer: Consumer,
}

impl Ring {
    fn new(config: &Config) -> Ring {
        let segment = Segment::create(&Backing::Memfd, config).unwrap();
        let (producer, consumer) = (segment.producer().unwrap(), segment.consumer().unwrap());
        Ring { segment, producer, consumer }
    }

    fn send(&mut self) {
        self.producer.try_send(b"x").unwrap();
    }

    /// Word `word` of its consumer's bed.
    fn bed_word(&self, word: usize) -> u64 {
        let file = std::fs::File::from(self.segment.share_fd().unwrap());
        let mut bytes = [0; 8];
        let at = annulus::layout::CONSUMER_BED + 8 * word;
        file.read_exact_at(&mut bytes, at as u64).unwrap();
        u64::from_ne_bytes(bytes)
    }
}

/// The words of a bed.
const ASLEEP: usize = 0;
const BELL: usize = 8;

fn rings(count: usize, config: &Config) -> Vec<Ring> {
    (0..count).map(|_| Ring::new(config)).collect()
}

/// Waits for a message in any of `rings`.
fn wait(rings: &mut [Ring], after: usize, deadline: Deadline) -> Result<usize, WaitAnyError> {
    let mut consumers: Vec<&mut dyn Waitable> = Vec::new();
    for ring in rings {
        consumers.push(&mut ring.consumer);
    }
    wait_any(&mut consumers, after, deadline)
}

#[test]
fn whichever_ring_has_a_message_ends_the_sleep() {
    for barrier in [Barrier::Fence, Barrier::Membarrier] {
        for policy in [Wait::Park, Wait::SpinThenPark] {
            let mut rings = rings(5, &RING.wait(policy).barrier(barrier));
            for round in 0..25 {
                let sender = round * 3 % rings.len();
                let Ring { mut producer, segment, consumer } = rings.remove(sender);
                let late = thread::spawn(move || {
                    thread::sleep(NAP);
                    producer.try_send(b"x").unwrap();
                    (producer, Instant::now())
                });
                // Its consumer waits with the others.
                let mut consumer = consumer;
                let mut waits: Vec<&mut dyn Waitable> = Vec::new();
                for ring in &mut rings {
                    waits.push(&mut ring.consumer);
                }
                waits.insert(sender, &mut consumer);
                assert_eq!(wait_any(&mut waits, round, soon()), Ok(sender), "round {round}");
                let woken = Instant::now();
                drop(waits);
                let (producer, sent) = late.join().unwrap();
                let late = woken.saturating_duration_since(sent);
                assert!(late < Duration::from_secs(5), "{late:?}");
                consumer.try_recv(&mut [0; 8]).unwrap();
                rings.insert(sender, Ring { segment, producer, consumer });
            }
        }
    }
}

#[test]
fn none_is_served_again_before_another_that_has_something() {
    let mut rings = rings(3, &RING);
    for _ in 0..4 {
        rings.iter_mut().for_each(Ring::send);
    }
    let (mut ready, mut served) = (0, Vec::new());
    for _ in 0..12 {
        ready = wait(&mut rings, ready, Deadline::PASSED).unwrap();
        rings[ready].consumer.try_recv(&mut [0; 8]).unwrap();
        served.push(ready);
    }
    assert_eq!(served, [1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
    assert_eq!(wait(&mut rings, ready, Deadline::PASSED), Err(WaitAnyError::Timeout));
    // One that always has something, and one that has something now.
    for _ in 0..8 {
        rings[0].send();
    }
    rings[2].send();
    assert_eq!(wait(&mut rings, 0, soon()), Ok(2));
    assert_eq!(wait(&mut rings, usize::MAX, soon()).map(|ready| ready < 3), Ok(true));
}

#[test]
fn deadlines_hold_in_the_past_in_the_first_slice_and_in_later_ones() {
    for count in [1, 2, 128] {
        let mut rings = rings(count, &RING);
        for ms in [0, 1, 30, 180] {
            let span = Duration::from_millis(ms);
            let begun = Instant::now();
            let ready = wait(&mut rings, 0, Deadline::after(span));
            assert_eq!(ready, Err(WaitAnyError::Timeout), "{count} rings, {ms} ms");
            assert!(begun.elapsed() >= span && begun.elapsed() < span + Duration::from_secs(5));
        }
        for deadline in [Deadline::PASSED, Deadline::at(1)] {
            let lain = rings[0].bed_word(ASLEEP);
            assert_eq!(wait(&mut rings, 0, deadline), Err(WaitAnyError::Timeout));
            assert_eq!(rings[0].bed_word(ASLEEP), lain, "who has no time does not lie down");
        }
    }
    assert_eq!(WaitAnyError::Timeout.code(), RecvError::Timeout.code());
}

#[test]
fn it_gets_up_from_every_bed() {
    let mut rings = rings(4, &RING);
    for round in 0..4 {
        assert_eq!(wait(&mut rings, 0, Deadline::after(NAP)), Err(WaitAnyError::Timeout));
        for ring in &rings {
            let asleep = ring.bed_word(ASLEEP);
            assert_eq!(asleep, 2 * (round + 1), "down and up once a wait");
        }
    }
    rings.iter_mut().for_each(Ring::send);
    assert!(rings.iter().all(|ring| ring.bed_word(BELL) == 0), "nobody is rung who is up");
}

#[test]
fn room_and_messages_are_waited_for_together() {
    let mut full = Ring::new(&RING);
    while full.producer.try_send(&[7; 56]).is_ok() {}
    let mut empty = Ring::new(&RING);
    for round in 0..6 {
        let Ring { mut consumer, .. } = full;
        let late = thread::spawn(move || {
            thread::sleep(NAP);
            for _ in 0..4 {
                consumer.recv(&mut [0; 56], Deadline::NEVER).unwrap();
            }
            consumer.flush();
            consumer
        });
        let mut room = full.producer.room_for(56).unwrap();
        let ready = wait_any(&mut [&mut empty.consumer, &mut room], round, soon());
        assert_eq!(ready, Ok(1));
        full.consumer = late.join().unwrap();
        while full.producer.try_send(&[7; 56]).is_ok() {}

        empty.send();
        let mut room = full.producer.room_for(56).unwrap();
        assert_eq!(wait_any(&mut [&mut empty.consumer, &mut room], round, soon()), Ok(0));
        empty.consumer.try_recv(&mut [0; 8]).unwrap();
    }
    assert_eq!(full.producer.room_for(500).err(), Some(SendError::TooLarge { limit: 440 }));
    // What fits and is no quarter is found when a slice is over.
    full.consumer.recv(&mut [0; 56], Deadline::NEVER).unwrap();
    full.consumer.flush();
    let mut room = full.producer.room_for(200).unwrap();
    let deadline = Deadline::after(Duration::from_millis(120));
    assert_eq!(wait_any(&mut [&mut room], 0, deadline), Err(WaitAnyError::Timeout));
    let mut room = full.producer.room_for(56).unwrap();
    assert_eq!(wait_any(&mut [&mut room], 0, soon()), Ok(0));
}

#[test]
fn a_close_and_a_removal_by_force_end_it() {
    let scratch = Scratch::new();
    let removed = Segment::create(&named(&scratch), &RING).unwrap();
    let _producer = removed.producer().unwrap();
    let mut rings = rings(1, &RING);
    let mut consumer = removed.consumer().unwrap();
    let name = Name::new(scratch.name()).unwrap();
    thread::scope(|threads| {
        threads.spawn(|| {
            thread::sleep(NAP);
            remove(&name, Removal::Forced).unwrap();
        });
        let begun = Instant::now();
        let ready = wait_any(&mut [&mut rings[0].consumer, &mut consumer], 0, soon());
        assert_eq!(ready, Ok(1));
        assert!(begun.elapsed() < LONG);
    });
    let error = consumer.try_recv(&mut [0; 8]).unwrap_err();
    assert!(matches!(error, RecvError::Severed(_)), "{error:?}");

    let Ring { producer, mut consumer, segment } = rings.remove(0);
    let late = thread::spawn(move || {
        thread::sleep(NAP);
        drop(producer);
    });
    let mut other = Ring::new(&RING);
    assert_eq!(wait_any(&mut [&mut other.consumer, &mut consumer], 1, soon()), Ok(1));
    assert_eq!(consumer.try_recv(&mut [0; 8]), Err(RecvError::Closed));
    late.join().unwrap();
    drop(segment);
}

#[test]
fn a_ring_that_nobody_rings_in_is_refused_and_so_is_none_at_all() {
    let (mut parks, mut spins) = (Ring::new(&RING), Ring::new(&RING.wait(Wait::Spin)));
    parks.send();
    let error = wait_any(&mut [&mut parks.consumer, &mut spins.consumer], 0, soon()).unwrap_err();
    assert_eq!(error, WaitAnyError::NoBell { index: 1, why: NoBell::Spins });
    assert_eq!(error.code(), 70);
    assert!(error.to_string().starts_with("ring 1: the ring's sides spin"), "{error}");
    let mut posts = Ring::new(&RING.wake(Wake::PosixSem));
    let error = wait_any(&mut [&mut posts.consumer, &mut parks.consumer], 0, soon()).unwrap_err();
    let why = NoBell::OtherWake { wake: Wake::PosixSem };
    assert_eq!(error, WaitAnyError::NoBell { index: 0, why });
    let none = wait_any(&mut [], 0, Deadline::NEVER).unwrap_err();
    assert_eq!((none, none.code()), (WaitAnyError::NoRings, 72));
}
