//! SIGKILL at any time: what the other side sees, and what a successor finds.

mod common;

use annulus::ring::Standing;
use annulus::segment::JoinError;
use annulus::{Attach, Config, RecvError, Segment, SendError};
use annulus_testkit::{Child, Exit, Scratch, Test, this_test};
use common::{LONG, Messages, by_name, drain, named, soon};
use std::thread;
use std::time::{Duration, Instant};

/// Messages between two releases of the head, which a successor may see again.
const BATCH: u64 = 8;

#[test]
fn after_a_producers_death_all_it_sent_is_drained_and_a_successor_goes_on() {
    let test = this_test!();
    test.role("producer", |args| send_from(&args[0], args[1].parse().unwrap()));
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &Config::spsc(64 << 10)).unwrap();
    let mut consumer = segment.consumer().unwrap();
    let mut next = 0;
    for round in 0..20 {
        let mut producer = start(&test, "producer", &scratch, next);
        let killer = thread::spawn(move || {
            // From the first messages to many laps later, in the middle of anything.
            thread::sleep(Duration::from_micros(300 * round * round));
            assert_eq!(producer.kill(), Exit::Signal(libc::SIGKILL));
            Instant::now()
        });
        let end = drain(&mut consumer, messages(&segment), &mut next);
        let seen = Instant::now();
        assert_eq!(end, RecvError::ProducerDied, "round {round}, message {next}");
        let dead = killer.join().unwrap();
        assert!(seen.saturating_duration_since(dead) < Duration::from_secs(5));
        assert!(!segment.survey().producer.held);
        assert!(matches!(segment.survey().producer.standing, Standing::Joined(_)));
    }
    assert!(next > 0);
}

#[test]
fn a_producer_that_is_killed_while_it_waits_leaves_a_full_ring() {
    let test = this_test!();
    test.role("producer", |args| send_from(&args[0], 0));
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &Config::spsc(4096)).unwrap();
    let mut producer = start(&test, "producer", &scratch, 0);
    thread::sleep(Duration::from_millis(20));
    producer.kill();
    let mut consumer = segment.consumer().unwrap();
    let mut next = 0;
    let end = drain(&mut consumer, messages(&segment), &mut next);
    assert_eq!(end, RecvError::ProducerDied);
    assert!(next > 10);
    // Found out once, it stays so until somebody joins.
    assert_eq!(consumer.recv(&mut [0; 8], soon()), Err(RecvError::ProducerDied));
}

#[test]
fn after_a_consumers_death_a_full_ring_says_so_and_a_successor_sees_at_most_the_batch_again() {
    let test = this_test!();
    test.role("consumer", |args| {
        let segment = attach(&args[0]);
        let mut consumer = segment.consumer().unwrap();
        let mut buffer = vec![0; segment.longest_message()];
        for _ in 0..args[1].parse().unwrap() {
            consumer.recv(&mut buffer, soon()).unwrap();
        }
        println!("received");
        loop {
            thread::park();
        }
    });
    for count in [0, 1, 7, 8, 13, 100] {
        let scratch = Scratch::new();
        let segment = Segment::create(&named(&scratch), &Config::spsc(64 << 10)).unwrap();
        let messages = Messages { seed: count, longest: 100 };
        let mut producer = segment.producer().unwrap();
        let (mut sent, mut message) = (0, Vec::new());
        let mut send_until_full = || {
            loop {
                messages.make(sent, &mut message);
                match producer.send(&message, soon_enough()) {
                    Ok(_) => sent += 1,
                    Err(SendError::Timeout) => return (sent, SendError::Timeout),
                    Err(error) => return (sent, error),
                }
            }
        };
        send_until_full();
        let mut consumer = test.spawn("consumer", &[scratch.name(), &count.to_string()]);
        consumer.line(LONG, "received");
        assert_eq!(send_until_full().1, SendError::Timeout, "alive, but it does not read");
        consumer.kill();
        let (sent, error) = send_until_full();
        assert_eq!(error, SendError::PeerDead);

        let mut successor = segment.consumer().unwrap();
        drop(producer);
        let seen_again = again(&mut successor, messages, count);
        assert!((count.min(1)..=BATCH).contains(&seen_again), "{seen_again} messages came again");
        let mut next = count;
        assert_eq!(drain(&mut successor, messages, &mut next), RecvError::Closed);
        assert_eq!(next, sent, "nothing is lost");
    }
}

#[test]
fn a_killed_consumers_successor_goes_on_while_the_producer_streams() {
    let test = this_test!();
    test.role("producer", |args| send_from(&args[0], 0));
    test.role("consumer", |args| {
        let segment = attach(&args[0]);
        let mut consumer = loop {
            match segment.consumer() {
                Ok(consumer) => break consumer,
                Err(JoinError::Busy { .. }) => thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        };
        let mut next: u64 = args[1].parse().unwrap();
        println!("joined");
        assert_eq!(drain(&mut consumer, messages(&segment), &mut next), RecvError::Closed);
    });
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &Config::spsc(16 << 10)).unwrap();
    let mut producer = start(&test, "producer", &scratch, 0);
    let mut next = 0;
    for round in 0..10 {
        // A consumer that checks from `next` on, killed at any time; then its successor, here,
        // finds a message that stands at most a batch before where that one was.
        let mut consumer = start(&test, "consumer", &scratch, next);
        consumer.line(LONG, "joined");
        thread::sleep(Duration::from_micros(500 * round));
        consumer.kill();
        let mut successor = segment.consumer().unwrap();
        let mut buffer = vec![0; segment.longest_message()];
        let received = successor.recv(&mut buffer, soon()).unwrap();
        next = index_of(messages(&segment), next, &buffer[..received.len]) + 1;
        // In good order: nothing comes again after this.
    }
    producer.kill();
}

#[test]
fn a_stopped_peer_is_not_dead() {
    let test = this_test!();
    test.role("producer", |args| send_from(&args[0], 0));
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &Config::spsc(4096)).unwrap();
    let mut consumer = segment.consumer().unwrap();
    let mut producer = start(&test, "producer", &scratch, 0);
    producer.signal(libc::SIGSTOP);
    let mut buffer = vec![0; segment.longest_message()];
    let end = loop {
        if let Err(end) = consumer.recv(&mut buffer, soon_enough()) {
            break end;
        }
    };
    assert_eq!(end, RecvError::Timeout);
    producer.signal(libc::SIGCONT);
    consumer.recv(&mut buffer, soon()).unwrap();
    producer.kill();
}

#[test]
fn a_panicking_handle_counts_as_dead_and_gives_the_role_up() {
    let segment = Segment::create(&annulus::Backing::Memfd, &Config::spsc(4096)).unwrap();
    let other = segment.clone();
    let panicked = thread::spawn(move || {
        let mut producer = other.producer().unwrap();
        producer.try_send(b"before").unwrap();
        panic!("on purpose");
    });
    panicked.join().unwrap_err();
    let mut consumer = segment.consumer().unwrap();
    let mut buffer = [0; 8];
    assert_eq!(consumer.recv(&mut buffer, soon()).unwrap().len, 6);
    assert_eq!(consumer.recv(&mut buffer, soon()), Err(RecvError::ProducerDied));
    segment.producer().unwrap();
}

/// Long enough for a wait to ask about the peer many times.
fn soon_enough() -> annulus::Deadline {
    annulus::Deadline::after(Duration::from_millis(100))
}

fn start(test: &Test, role: &str, scratch: &Scratch, next: u64) -> Child {
    let mut child = test.spawn(role, &[scratch.name(), &next.to_string()]);
    if role == "producer" {
        child.line(LONG, "joined");
    }
    child
}

fn attach(name: &str) -> Segment {
    Segment::attach(&by_name(name), &Attach::default()).unwrap()
}

fn messages(segment: &Segment) -> Messages {
    Messages { seed: segment.header().segment_id[0], longest: segment.longest_message().min(700) }
}

/// The life of a producer: sends from `index` on until it is killed, whoever reads.
fn send_from(name: &str, mut index: u64) {
    let segment = attach(name);
    let mut producer = segment.producer().unwrap();
    println!("joined");
    let mut message = Vec::new();
    loop {
        messages(&segment).make(index, &mut message);
        match producer.send(&message, soon()) {
            Ok(_) => index += 1,
            // Until the next one joins.
            Err(SendError::PeerDead | SendError::PeerClosed) => thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// How many messages come again that a predecessor had received, which had received `count`:
/// the first one tells, and those after it are checked up to `count`.
fn again(successor: &mut annulus::Consumer, messages: Messages, count: u64) -> u64 {
    let mut buffer = vec![0; messages.longest];
    let mut message = Vec::new();
    let first = {
        let view = successor.peek(soon()).unwrap();
        let len = view.record().len();
        view.record().read(0, &mut buffer[..len]);
        let is = |index: u64, message: &mut Vec<u8>| {
            messages.make(index, message);
            *message == buffer[..len]
        };
        let from = count.saturating_sub(2 * BATCH);
        (from..=count).find(|index| is(*index, &mut message)).expect("one of the last")
    };
    for index in first..count {
        let received = successor.recv(&mut buffer, soon()).unwrap();
        messages.check(index, &buffer[..received.len]);
    }
    count - first
}

/// Which message this is: `from` or a later one.
fn index_of(messages: Messages, from: u64, bytes: &[u8]) -> u64 {
    let mut message = Vec::new();
    let found = (from..from + 100_000_000).find(|index| {
        messages.make(*index, &mut message);
        message == bytes
    });
    found.expect("a message that was sent")
}
