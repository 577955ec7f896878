//! Looking at a ring whose processes work at full speed, stand still, or are dead.

mod common;

use annulus::ring::Standing;
use annulus::segment::Inspection;
use annulus::{Attach, Config, RecvError, Segment, SendError};
use annulus_testkit::{Scratch, this_test};
use common::{LONG, Messages, by_name, drain, named, soon};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn looks_at_a_busy_ring_find_it_sound_and_its_counters_only_rise() {
    let test = this_test!();
    test.role("producer", |args| send(&args[0]));
    test.role("consumer", |args| receive(&args[0]));
    for capacity in [4096, 1 << 20] {
        let scratch = Scratch::new();
        let segment = Segment::create(&named(&scratch), &Config::spsc(capacity)).unwrap();
        let mut producer = test.spawn("producer", &[scratch.name()]);
        producer.line(LONG, "joined");
        let mut consumer = test.spawn("consumer", &[scratch.name()]);
        consumer.line(LONG, "joined");
        let mut before = segment.inspect();
        let (mut moved, mut exact) = (0, 0);
        let end = Instant::now() + Duration::from_millis(300);
        while Instant::now() < end {
            let seen = segment.inspect();
            assert_eq!((seen.corruption, seen.severed), (None, None), "{seen:?}");
            let backlog = seen.backlog;
            assert!(backlog.head <= backlog.tail && backlog.tail <= backlog.head + capacity);
            assert!(backlog.messages <= capacity / 8 && backlog.bytes <= capacity);
            assert!(backlog.head >= before.backlog.head);
            let now = totals(&seen);
            assert!(totals(&before).iter().zip(now).all(|(before, now)| *before <= now));
            moved += u32::from(totals(&before) != now);
            exact += u32::from(backlog.exact);
            before = seen;
        }
        assert!(moved > 0 && exact > 0, "{moved} looks saw it move, {exact} saw all of it");
        // Both as they were: nobody noticed.
        assert!(before.survey.producer.held && before.survey.consumer.held);
        consumer.kill();
        producer.kill();
        let seen = segment.inspect();
        for side in [seen.survey.producer, seen.survey.consumer] {
            assert!(!side.held && matches!(side.standing, Standing::Joined(_)), "{side:?}");
        }
        assert!(seen.backlog.exact && seen.corruption.is_none());
    }
}

#[test]
fn after_a_kill_the_backlog_is_what_a_successor_receives_to_the_message() {
    let test = this_test!();
    test.role("producer", |args| send(&args[0]));
    for round in 0..10 {
        let scratch = Scratch::new();
        let segment = Segment::create(&named(&scratch), &Config::spsc(64 << 10)).unwrap();
        let mut producer = test.spawn("producer", &[scratch.name()]);
        let pid = producer.id();
        producer.line(LONG, "joined");
        thread::sleep(Duration::from_micros(40 * round * round));
        producer.kill();
        let seen = segment.inspect();
        assert_eq!(seen.survey.producer.pid, u64::from(pid));
        assert!(!seen.survey.producer.held && seen.backlog.exact, "{seen:?}");
        // What it had not shown is missing: never more than is there, of a ring never emptied.
        assert!(seen.survey.producer.messages <= seen.backlog.messages);
        let mut consumer = segment.consumer().unwrap();
        let mut next = 0;
        assert_eq!(drain(&mut consumer, messages(&segment), &mut next), RecvError::ProducerDied);
        assert_eq!(next, seen.backlog.messages, "round {round}");
        assert_eq!(consumer.position(), seen.backlog.tail);
        drop(consumer);
        let after = segment.inspect();
        let received = after.survey.consumer;
        assert_eq!((received.messages, received.bytes), (next, seen.backlog.bytes));
        assert_eq!((after.backlog.messages, after.backlog.head), (0, seen.backlog.tail));
    }
}

/// All counters.
fn totals(seen: &Inspection) -> [u64; 6] {
    let [sent, received] = [seen.survey.producer, seen.survey.consumer];
    let counters = [sent, received].map(|side| [side.messages, side.bytes, side.waits]);
    let [a, b] = counters;
    [a[0], a[1], a[2], b[0], b[1], b[2]]
}

fn attach(name: &str) -> Segment {
    Segment::attach(&by_name(name), &Attach::default()).unwrap()
}

fn messages(segment: &Segment) -> Messages {
    Messages { seed: segment.header().segment_id[0], longest: segment.longest_message().min(700) }
}

/// Sends until it is killed.
fn send(name: &str) {
    let segment = attach(name);
    let mut producer = segment.producer().unwrap();
    println!("joined");
    let mut message = Vec::new();
    for index in 0.. {
        messages(&segment).make(index, &mut message);
        match producer.send(&message, soon()) {
            Ok(_) => {}
            Err(SendError::PeerDead) => stay(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Receives until it is killed.
fn receive(name: &str) {
    let segment = attach(name);
    let mut consumer = segment.consumer().unwrap();
    println!("joined");
    drain(&mut consumer, messages(&segment), &mut 0);
    stay();
}

/// Until it is killed: who returns closes.
fn stay() -> ! {
    loop {
        thread::park();
    }
}
