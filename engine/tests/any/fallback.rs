//! Where futex_waitv(2) is not to be had, and for more rings than it takes: looking from time to
//! time.

use super::{ASLEEP, BELL, NAP, RING, Ring, rings, wait};
use crate::common::{LONG, by_name, named, processor_time, refuse, soon};
use annulus::segment::{WaitAnyError, wait_any};
use annulus::{Attach, Deadline, Segment};
use annulus_testkit::{Scratch, this_test};
use std::thread;
use std::time::{Duration, Instant};

/// Runs `test` where each of the two errors is what the system call gives.
fn without_waitv(test: impl Fn() + Send + Sync) {
    for errno in [libc::ENOSYS, libc::EPERM] {
        thread::scope(|threads| {
            threads.spawn(|| {
                refuse(libc::SYS_futex_waitv, errno);
                test();
            });
        });
    }
}

#[test]
fn messages_come_all_the_same_and_nobody_is_rung_for() {
    without_waitv(|| {
        let mut two = [Ring::new(&RING), Ring::new(&RING)];
        for round in 0..10 {
            let late = round % 2;
            thread::scope(|threads| {
                let [first, second] = &mut two;
                let (idle, busy) = if late == 0 { (second, first) } else { (first, second) };
                let Ring { producer, consumer, .. } = busy;
                let sender = threads.spawn(|| {
                    thread::sleep(NAP);
                    producer.try_send(b"x").unwrap();
                    Instant::now()
                });
                let ready = wait_any(&mut [&mut idle.consumer, consumer], round, soon());
                let seen = Instant::now();
                assert_eq!(ready, Ok(1));
                let sent = sender.join().unwrap();
                assert!(seen.saturating_duration_since(sent) < Duration::from_secs(5));
                consumer.try_recv(&mut [0; 8]).unwrap();
            });
        }
        for ring in &two {
            assert_eq!(ring.bed_word(BELL), 0, "it did not lie in any bed");
            assert_eq!(ring.bed_word(ASLEEP) % 2, 0);
        }
    });
}

#[test]
fn deadlines_hold() {
    without_waitv(|| {
        let mut rings = rings(3, &RING);
        for ms in [0, 1, 30, 180] {
            let span = Duration::from_millis(ms);
            let begun = Instant::now();
            let ready = wait(&mut rings, 0, Deadline::after(span));
            assert_eq!(ready, Err(WaitAnyError::Timeout));
            assert!(begun.elapsed() >= span && begun.elapsed() < span + Duration::from_secs(5));
        }
        assert_eq!(wait(&mut rings, 0, Deadline::PASSED), Err(WaitAnyError::Timeout));
        rings[1].send();
        assert_eq!(wait(&mut rings, 0, Deadline::PASSED), Ok(1));
    });
}

#[test]
fn a_dead_peer_is_named() {
    let test = this_test!();
    test.role("sender", |args| {
        let segment = Segment::attach(&by_name(&args[0]), &Attach::default()).unwrap();
        let _producer = segment.producer().unwrap();
        println!("joined");
        thread::sleep(LONG);
    });
    let (scratch, mut lives) = (Scratch::new(), Ring::new(&RING));
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let mut sender = test.spawn("sender", &[scratch.name()]);
    sender.line(LONG, "joined");
    let mut dies = segment.consumer().unwrap();
    sender.kill();
    thread::scope(|threads| {
        threads.spawn(|| {
            refuse(libc::SYS_futex_waitv, libc::ENOSYS);
            let ready = wait_any(&mut [&mut dies, &mut lives.consumer], 0, soon());
            assert_eq!(ready, Err(WaitAnyError::PeerDied { index: 0 }));
        });
    });
}

#[test]
fn more_rings_than_the_kernel_takes_are_waited_for_too() {
    let mut many = rings(150, &RING);
    for sender in [0, 127, 128, 149] {
        many[sender].send();
        assert_eq!(wait(&mut many, 0, soon()), Ok(sender));
        many[sender].consumer.try_recv(&mut [0; 8]).unwrap();
    }
    let begun = Instant::now();
    assert_eq!(wait(&mut many, 0, Deadline::after(NAP)), Err(WaitAnyError::Timeout));
    assert!(begun.elapsed() >= NAP);
    assert!(many.iter().all(|ring| ring.bed_word(ASLEEP) == 0), "nobody lay down");
}

/// README says how much.
#[test]
fn it_uses_little_of_the_processor() {
    let test = this_test!();
    test.role("alone", |args| {
        refuse(libc::SYS_futex_waitv, libc::ENOSYS);
        let mut rings = rings(args[0].parse().unwrap(), &RING);
        let span = Duration::from_secs(2);
        let before = processor_time();
        assert_eq!(wait(&mut rings, 0, Deadline::after(span)), Err(WaitAnyError::Timeout));
        let used = processor_time() - before;
        println!("used {:.2} %", 100.0 * used.as_secs_f64() / span.as_secs_f64());
        assert!(used < span / 10, "{used:?} in {span:?}");
    });
    for rings in ["2", "150"] {
        let used = test.spawn("alone", &[rings]).wait_within(LONG).assert_success().stdout();
        println!("{rings} rings: {used}");
    }
}
