//! What a fork leaves the child of its parent's segments: nothing but a clear error.

mod common;

use annulus::error::Severed;
use annulus::ring::Standing;
use annulus::segment::JoinError;
use annulus::{Attach, Backing, Config, RecvError, Segment, SendError};
use annulus_testkit::{Scratch, is_alive, this_test};
use common::{LONG, by_name, fork, in_fork, named, soon, wait_for};
use std::thread;
use std::time::Duration;

const RING: Config = Config::spsc(64 << 10);
const FORKED: Severed = Severed::Forked;

#[test]
fn a_forked_childs_handles_say_so_and_the_parents_go_on() {
    let segment = Segment::create(&Backing::Memfd, &RING).unwrap();
    let mut producer = segment.producer().unwrap();
    let mut consumer = segment.consumer().unwrap();
    producer.try_send(b"before").unwrap();
    in_fork(|| {
        let mut buffer = [0; 64];
        assert_eq!(producer.try_send(b"child"), Err(SendError::Severed(FORKED)));
        assert_eq!(producer.send(b"child", soon()), Err(SendError::Severed(FORKED)));
        assert_eq!(producer.try_claim(8).err(), Some(SendError::Severed(FORKED)));
        assert_eq!(consumer.try_recv(&mut buffer), Err(RecvError::Severed(FORKED)));
        assert_eq!(consumer.recv(&mut buffer, soon()), Err(RecvError::Severed(FORKED)));
        assert_eq!(consumer.peek(soon()).err(), Some(RecvError::Severed(FORKED)));
        assert_eq!(consumer.drain(1, |_| ()).err(), Some(RecvError::Severed(FORKED)));
    });
    let mut buffer = [0; 64];
    for message in [&b"before"[..], b"after"] {
        let received = consumer.recv(&mut buffer, soon()).unwrap();
        assert_eq!(&buffer[..received.len], message);
        let _ = producer.try_send(b"after");
    }
}

#[test]
fn what_a_child_drops_is_still_the_parents() {
    let segment = Segment::create(&Backing::Memfd, &RING).unwrap();
    let (producer, consumer) = (segment.producer().unwrap(), segment.consumer().unwrap());
    let (mut producer, mut consumer) = (Some(producer), Some(consumer));
    let mut held = Some(segment);
    in_fork(|| {
        drop(producer.take());
        drop(consumer.take());
        drop(held.take());
    });
    let segment = held.unwrap();
    let survey = segment.survey();
    assert!(survey.producer.held && survey.consumer.held);
    assert_eq!(survey.producer.standing, Standing::Joined(0));
    assert_eq!(survey.consumer.standing, Standing::Joined(0));
    assert!(matches!(segment.producer(), Err(JoinError::Busy { .. })));
    producer.unwrap().try_send(b"x").unwrap();
    consumer.unwrap().try_recv(&mut [0; 8]).unwrap();
}

#[test]
fn a_child_cannot_join_by_the_parents_segment_but_attaches_anew() {
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let shared = segment.share_fd().unwrap();
    let mut producer = Some(segment.producer().unwrap());
    producer.as_mut().unwrap().try_send(b"to the child").unwrap();
    in_fork(|| {
        let error = segment.consumer().map(drop).unwrap_err();
        assert_eq!(error, JoinError::Severed(FORKED));
        assert!(segment.share_fd().is_err());
        assert!(!segment.survey().producer.held);

        let anew = Segment::attach(&named(&scratch), &Attach::default()).unwrap();
        assert!(anew.survey().producer.held, "the parent is there");
        assert!(matches!(anew.producer(), Err(JoinError::Busy { .. })));
        let mut consumer = anew.consumer().unwrap();
        // What is inherited, dropped now, takes nothing from what was attached anew.
        drop((segment, producer.take()));
        assert!(matches!(anew.consumer(), Err(JoinError::Busy { .. })));
        assert!(matches!(anew.producer(), Err(JoinError::Busy { .. })));
        consumer.recv(&mut [0; 64], soon()).unwrap();
        drop((anew, consumer));

        let by_fd = Segment::from_fd(shared, &Attach::default()).unwrap();
        assert!(matches!(by_fd.survey().consumer.standing, Standing::Closed(_)));
    });
    // The message was taken by the child: its close is seen here.
    let refused = producer.unwrap().try_send(b"x");
    assert_eq!(refused, Err(SendError::PeerClosed));
}

#[test]
fn a_grandchild_fares_likewise() {
    let scratch = Scratch::new();
    Segment::create(&named(&scratch), &RING).unwrap();
    in_fork(|| {
        let segment = Segment::attach(&named(&scratch), &Attach::default()).unwrap();
        let mut producer = segment.producer().unwrap();
        in_fork(|| {
            assert_eq!(producer.try_send(b"x"), Err(SendError::Severed(FORKED)));
            let anew = Segment::attach(&named(&scratch), &Attach::default()).unwrap();
            assert!(matches!(anew.producer(), Err(JoinError::Busy { .. })));
            anew.consumer().unwrap();
        });
        assert_eq!(producer.try_send(b"x"), Err(SendError::PeerClosed));
    });
}

#[test]
fn a_parents_death_is_seen_although_its_child_lives_on() {
    let test = this_test!();
    test.role("parent", |args| {
        let segment = Segment::attach(&by_name(&args[0]), &Attach::default()).unwrap();
        let mut producer = segment.producer().unwrap();
        producer.try_send(b"last words").unwrap();
        let pid = fork(|| thread::sleep(LONG));
        println!("child {pid}");
        thread::sleep(LONG);
    });
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let mut consumer = segment.consumer().unwrap();
    let mut parent = test.spawn("parent", &[scratch.name()]);
    let child = parent.line(LONG, "child ");
    // Only itself: `kill` would end its child too.
    parent.signal(libc::SIGKILL);
    let mut buffer = [0; 64];
    assert_eq!(consumer.recv(&mut buffer, soon()).unwrap().len, 10);
    assert_eq!(consumer.recv(&mut buffer, soon()), Err(RecvError::ProducerDied));
    assert!(is_alive(child.parse().expect("a process id")), "and the child lives on");
    segment.producer().unwrap();
    parent.kill();
}

#[test]
fn forks_in_the_middle_of_joins_neither_hang_nor_leak_roles() {
    let test = this_test!();
    test.role("busy", |_| {
        let segment = Segment::create(&Backing::Memfd, &RING).unwrap();
        let stop = std::sync::Mutex::new(false);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !*stop.lock().unwrap() {
                        let again = segment.share_fd().unwrap();
                        let again = Segment::from_fd(again, &Attach::default()).unwrap();
                        drop((again.producer(), again.consumer()));
                    }
                });
            }
            for _ in 0..200 {
                let pid = fork(|| {
                    let fd = Segment::create(&Backing::Memfd, &Config::spsc(64)).unwrap();
                    fd.producer().unwrap();
                });
                assert_eq!(wait_for(pid), 0);
            }
            *stop.lock().unwrap() = true;
        });
        assert!(!segment.survey().producer.held && !segment.survey().consumer.held);
        drop((segment.producer().unwrap(), segment.consumer().unwrap()));
    });
    test.spawn("busy", &[]).wait_within(LONG).assert_success();
}

/// What a process finds out once, it finds out anew in a child that was forked in the middle of
/// that: there is no thread there that would come to its end.
#[test]
fn forks_in_the_middle_of_the_first_join_do_not_hang() {
    let test = this_test!();
    test.role("first", |args| {
        let (name, after) = (args[0].clone(), args[1].parse().unwrap());
        let attach = |name: &str| Segment::attach(&by_name(name), &Attach::default()).unwrap();
        let joining = thread::spawn(move || drop(attach(&name).consumer()));
        thread::sleep(Duration::from_micros(after));
        let pid = fork(|| drop(attach(&args[0]).producer().unwrap()));
        assert_eq!(wait_for(pid), 0);
        joining.join().unwrap();
    });
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    // Most often just as the other thread begins.
    let short = (0..200).map(|round| round % 50);
    for after in short.chain((0..30).map(|round| round * round * 20)) {
        let mut first = test.spawn("first", &[scratch.name(), &after.to_string()]);
        first.wait_within(LONG).assert_success();
    }
    drop(segment);
}

#[test]
fn starting_programs_disturbs_nothing() {
    let segment = Segment::create(&Backing::Memfd, &RING).unwrap();
    let mut producer = segment.producer().unwrap();
    let mut consumer = segment.consumer().unwrap();
    for _ in 0..20 {
        producer.try_send(b"x").unwrap();
        assert!(std::process::Command::new("true").status().unwrap().success());
        consumer.recv(&mut [0; 8], soon()).unwrap();
    }
    thread::sleep(Duration::from_millis(1));
    let descriptors = std::process::Command::new("ls").args(["-l", "/proc/self/fd"]).output();
    let descriptors = String::from_utf8(descriptors.unwrap().stdout).unwrap();
    assert!(!descriptors.contains("annulus"), "{descriptors}");
}
