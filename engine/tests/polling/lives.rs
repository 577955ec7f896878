//! The thread behind a descriptor: there only while its handle is, and hardly ever awake.

use super::{RING, is_readable, pollable, take_all};
use crate::common::{LONG, fork, in_fork, processor_time, wait_for};
use annulus::error::Severed;
use annulus::segment::{PollError, Pollable, Readiness};
use annulus::{Backing, Consumer, RecvError, Segment};
use annulus_testkit::{eventually, this_test};
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// The states of this process's ringers, as the kernel has them: a file of each.
fn ringers(file: &str) -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let of_ringer = |path: &std::path::PathBuf| {
        fs::read_to_string(path.join("comm")).is_ok_and(|name| name == "annulus-ringer\n")
    };
    tasks.filter(of_ringer).filter_map(|path| fs::read_to_string(path.join(file)).ok()).collect()
}

/// A thread that was joined is still listed for a moment.
fn assert_none_left() {
    eventually(Duration::from_secs(5), || ringers("comm").is_empty());
}

#[test]
fn the_thread_is_there_while_the_handle_is_and_takes_no_signals() {
    let test = this_test!();
    test.role("alone", |_| {
        let segment = Segment::create(&Backing::Memfd, &RING).unwrap();
        let consumer = segment.consumer().unwrap();
        assert_eq!(ringers("comm").len(), 0, "not before it is asked for");
        let mut consumer = Pollable::new(consumer).unwrap();
        eventually(LONG, || ringers("comm").len() == 1);
        let status = ringers("status").remove(0);
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:\t")).unwrap();
        let blocked = u64::from_str_radix(blocked, 16).unwrap();
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGUSR1, libc::SIGALRM, libc::SIGCHLD] {
            assert_ne!(blocked & 1 << (signal - 1), 0, "signal {signal} in {blocked:x}");
        }
        assert_eq!(blocked & 1 << (libc::SIGBUS - 1), 0, "of its own faults it is told");

        assert_eq!(consumer.arm(), Ok(Readiness::Pending));
        // Asleep for long: it is woken for its end.
        thread::sleep(Duration::from_millis(400));
        let begun = Instant::now();
        drop(consumer);
        assert!(begun.elapsed() < Duration::from_millis(200), "{:?}", begun.elapsed());
        assert_none_left();

        let consumer = Pollable::new(segment.consumer().unwrap()).unwrap();
        let mut consumer: Consumer = consumer.into_inner();
        assert_none_left();
        segment.producer().unwrap().try_send(b"x").unwrap();
        consumer.try_recv(&mut [0; 8]).unwrap();
        drop(consumer);

        // Ended at any moment of its life.
        for round in 0..2_000 {
            let mut consumer = Pollable::new(segment.consumer().unwrap()).unwrap();
            for _ in 0..round % 60 {
                std::hint::spin_loop();
            }
            if round % 2 == 0 {
                let _ = consumer.arm();
            }
        }
        assert_none_left();
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    });
    test.spawn("alone", &[]).wait_within(LONG).assert_success();
}

#[test]
fn an_armed_descriptor_uses_no_processor() {
    let test = this_test!();
    test.role("alone", |_| {
        let (_segment, mut producer, mut consumer) = pollable(&RING);
        assert_eq!(consumer.arm(), Ok(Readiness::Pending));
        let span = Duration::from_secs(4);
        let before = processor_time();
        assert!(!is_readable(&consumer, span));
        let used = processor_time() - before;
        println!("used {used:?} in {span:?}");
        assert!(used < span / 500, "{used:?} in {span:?}");
        producer.try_send(b"x").unwrap();
        assert!(is_readable(&consumer, LONG));
        assert_eq!(take_all(&mut consumer), (1, RecvError::Empty));
    });
    test.spawn("alone", &[]).wait_within(LONG).assert_success();
}

#[test]
fn a_forked_child_has_no_such_thread_and_takes_nothing_from_its_parent() {
    let (_segment, mut producer, consumer) = pollable(&RING);
    let mut consumer = Some(consumer);
    for armed in [false, true] {
        if armed {
            assert_eq!(consumer.as_mut().unwrap().arm(), Ok(Readiness::Pending));
            producer.try_send(b"x").unwrap();
            assert!(is_readable(consumer.as_ref().unwrap(), LONG));
        }
        in_fork(|| {
            let mut copy = consumer.take().unwrap();
            assert_eq!(copy.arm(), Ok(Readiness::Ready));
            assert_eq!(copy.try_recv(&mut [0; 8]), Err(RecvError::Severed(Severed::Forked)));
            copy.disarm();
            let inner = copy.into_inner();
            let reason = Pollable::new(inner).unwrap_err().reason;
            assert_eq!(reason, PollError::Severed(Severed::Forked));
            // Its own work as well as anybody's.
            let (_segment, mut producer, mut consumer) = pollable(&RING);
            assert_eq!(consumer.arm(), Ok(Readiness::Pending));
            producer.try_send(b"x").unwrap();
            assert!(is_readable(&consumer, LONG));
        });
    }
    let mut consumer = consumer.unwrap();
    assert!(is_readable(&consumer, Duration::ZERO), "the child emptied nothing");
    assert_eq!(take_all(&mut consumer), (1, RecvError::Empty));
    assert_eq!(consumer.arm(), Ok(Readiness::Pending));
    producer.try_send(b"x").unwrap();
    assert!(is_readable(&consumer, LONG));
}

#[test]
fn forks_while_threads_start_work_and_end_neither_hang_nor_disturb() {
    let test = this_test!();
    test.role("busy", |_| {
        let stop = std::sync::Mutex::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !*stop.lock().unwrap() {
                    let (_segment, mut producer, mut consumer) = pollable(&RING);
                    for _ in 0..3 {
                        assert_eq!(consumer.arm(), Ok(Readiness::Pending));
                        producer.try_send(b"x").unwrap();
                        assert!(is_readable(&consumer, LONG));
                        assert_eq!(take_all(&mut consumer), (1, RecvError::Empty));
                    }
                }
            });
            let (_segment, _producer, consumer) = pollable(&RING);
            let mut consumer = Some(consumer);
            for _ in 0..300 {
                assert_eq!(consumer.as_mut().unwrap().arm(), Ok(Readiness::Pending));
                let pid = fork(|| drop(consumer.take()));
                assert_eq!(wait_for(pid), 0);
            }
            *stop.lock().unwrap() = true;
        });
    });
    test.spawn("busy", &[]).wait_within(LONG).assert_success();
}
