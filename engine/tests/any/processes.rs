//! The other sides are other processes: their messages and their deaths. And signals.

use super::{NAP, RING, Ring};
use crate::common::{LONG, by_name, in_fork, named, processor_time, soon};
use annulus::segment::{WaitAnyError, wait_any};
use annulus::{Attach, Deadline, RecvError, Segment};
use annulus_testkit::{Scratch, this_test};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

fn attach(name: &str) -> Segment {
    Segment::attach(&by_name(name), &Attach::default()).unwrap()
}

#[test]
fn messages_of_two_processes_are_all_received() {
    let test = this_test!();
    test.role("sender", |args| {
        let mut producer = attach(&args[0]).producer().unwrap();
        println!("joined");
        for number in 0..500_u64 {
            thread::sleep(Duration::from_micros(number * 37 % 1_500));
            producer.send(&number.to_le_bytes(), Deadline::NEVER).unwrap();
        }
    });
    let scratches = [(); 2].map(|()| Scratch::new());
    let segments = scratches.each_ref().map(|name| Segment::create(&named(name), &RING).unwrap());
    let mut consumers = segments.each_ref().map(|segment| segment.consumer().unwrap());
    let mut senders = scratches.each_ref().map(|name| test.spawn("sender", &[name.name()]));
    senders.iter_mut().for_each(|sender| drop(sender.line(LONG, "joined")));
    let (mut next, mut ready, mut buffer) = ([0_u64; 2], 0, [0; 8]);
    while next != [500; 2] {
        let [first, second] = &mut consumers;
        ready = wait_any(&mut [first, second], ready, soon()).unwrap();
        match consumers[ready].try_recv(&mut buffer) {
            Ok(_) => assert_eq!(u64::from_le_bytes(buffer), next[ready]),
            // It stays so: there is nothing more to wait for.
            Err(RecvError::Closed) => continue,
            Err(error) => panic!("{error}"),
        }
        next[ready] += 1;
    }
    for sender in &mut senders {
        sender.wait_within(LONG).assert_success();
    }
}

#[test]
fn a_peer_that_is_killed_is_named_beside_one_that_has_always_something_soon() {
    let test = this_test!();
    test.role("sender", |args| {
        let _producer = attach(&args[0]).producer().unwrap();
        println!("joined");
        thread::sleep(LONG);
    });
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let mut dies = segment.consumer().unwrap();
    let Ring { mut producer, mut consumer, .. } = Ring::new(&RING);
    let mut sender = test.spawn("sender", &[scratch.name()]);
    sender.line(LONG, "joined");
    sender.kill();
    thread::scope(|threads| {
        // No wait lasts a slice.
        threads.spawn(move || {
            while producer.send(b"busy", soon()).is_ok() {
                thread::sleep(NAP / 5);
            }
        });
        let begun = Instant::now();
        let named = loop {
            assert!(begun.elapsed() < 100 * NAP, "nobody says that it died");
            match wait_any(&mut [&mut dies as _, &mut consumer as _], 0, soon()) {
                Ok(1) => drop(consumer.try_recv(&mut [0; 4]).unwrap()),
                other => break other,
            }
        };
        assert_eq!(named, Err(WaitAnyError::PeerDied { index: 0 }));
        // Now the other one ends.
        drop(consumer);
    });
}

#[test]
fn a_peer_that_is_killed_is_named_however_short_the_deadlines_are() {
    let test = this_test!();
    test.role("sender", |args| {
        let mut producer = attach(&args[0]).producer().unwrap();
        producer.send(b"last words", Deadline::NEVER).unwrap();
        println!("sent");
        thread::sleep(LONG);
    });
    for span in [Duration::from_millis(20), LONG] {
        let scratch = Scratch::new();
        let segment = Segment::create(&named(&scratch), &RING).unwrap();
        let mut lives = Ring::new(&RING);
        let mut dies = segment.consumer().unwrap();
        let mut sender = test.spawn("sender", &[scratch.name()]);
        sender.line(LONG, "sent");
        let begun = Instant::now();
        thread::scope(|threads| {
            threads.spawn(|| {
                thread::sleep(NAP);
                sender.kill();
            });
            let mut wait = |after| {
                let waits = &mut [&mut lives.consumer as _, &mut dies as _];
                wait_any(waits, after, Deadline::after(span))
            };
            assert_eq!(wait(1), Ok(1), "what it sent comes first");
            assert_eq!(wait(1), Ok(1));
        });
        dies.try_recv(&mut [0; 16]).unwrap();
        let died = loop {
            let waits = &mut [&mut lives.consumer as _, &mut dies as _];
            match wait_any(waits, 0, Deadline::after(span)) {
                Err(WaitAnyError::Timeout) => assert!(begun.elapsed() < LONG),
                other => break other,
            }
        };
        assert_eq!(died, Err(WaitAnyError::PeerDied { index: 1 }));
        assert_eq!(died.unwrap_err().code(), RecvError::ProducerDied.code());
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        // The other one goes on, and a successor rings.
        lives.send();
        assert_eq!(wait_any(&mut [&mut lives.consumer, &mut dies], 0, soon()), Ok(0));
        let mut successor = segment.producer().unwrap();
        successor.try_send(b"x").unwrap();
        assert_eq!(wait_any(&mut [&mut lives.consumer, &mut dies], 0, soon()), Ok(1));
    }
}

static ALARMS: AtomicU32 = AtomicU32::new(0);

extern "C" fn on_alarm(_: i32) {
    ALARMS.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn signals_neither_end_a_wait_nor_keep_it_from_its_deadline() {
    in_fork(|| {
        // SAFETY: all zeros are a sigaction.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = on_alarm as *const () as usize;
        let every = libc::timeval { tv_sec: 0, tv_usec: 200 };
        let timer = libc::itimerval { it_interval: every, it_value: every };
        // SAFETY: it is filled; the handler adds to a number and nothing else.
        assert_eq!(unsafe { libc::sigaction(libc::SIGALRM, &action, ptr::null_mut()) }, 0);
        // SAFETY: it is filled.
        assert_eq!(unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, ptr::null_mut()) }, 0);
        let (mut first, mut second) = (Ring::new(&RING), Ring::new(&RING));
        let span = Duration::from_millis(60);
        while ALARMS.load(Ordering::Relaxed) < 200 {
            let begun = Instant::now();
            let waits = &mut [&mut first.consumer as _, &mut second.consumer as _];
            let ready = wait_any(waits, 0, Deadline::after(span));
            assert_eq!(ready, Err(WaitAnyError::Timeout));
            assert!(begun.elapsed() >= span);
        }
        second.send();
        let waits = &mut [&mut first.consumer as _, &mut second.consumer as _];
        assert_eq!(wait_any(waits, 0, soon()), Ok(1));
    });
}

#[test]
fn who_waits_uses_no_processor() {
    let test = this_test!();
    test.role("alone", |_| {
        let (mut first, mut second) = (Ring::new(&RING), Ring::new(&RING));
        let span = Duration::from_secs(3);
        let before = processor_time();
        let waits = &mut [&mut first.consumer as _, &mut second.consumer as _];
        assert_eq!(wait_any(waits, 0, Deadline::after(span)), Err(WaitAnyError::Timeout));
        let used = processor_time() - before;
        assert!(used < span / 500, "{used:?} in {span:?}");
    });
    test.spawn("alone", &[]).wait_within(LONG).assert_success();
}
