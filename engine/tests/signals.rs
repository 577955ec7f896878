//! Signals that come at any time: no call fails because one did.

mod common;

use annulus::segment::{Removal, list, remove};
use annulus::{Attach, Config, Segment};
use annulus_testkit::Scratch;
use common::{in_fork, named, soon};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

/// Signals that the handler saw.
static SEEN: AtomicU32 = AtomicU32::new(0);

extern "C" fn on_alarm(_: i32) {
    SEEN.fetch_add(1, Ordering::Relaxed);
}

/// From now on a signal every so often, whose handler does not ask for calls to be restarted.
fn alarms(every_us: i64) {
    // SAFETY: all zeros are a sigaction.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_alarm as *const () as usize;
    let every = libc::timeval { tv_sec: 0, tv_usec: every_us };
    let timer = libc::itimerval { it_interval: every, it_value: every };
    // SAFETY: the structure is filled; the handler adds to a number and nothing else.
    assert_eq!(unsafe { libc::sigaction(libc::SIGALRM, &action, ptr::null_mut()) }, 0);
    // SAFETY: the structure is filled.
    assert_eq!(unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, ptr::null_mut()) }, 0);
}

#[test]
fn no_call_fails_for_a_signal() {
    let scratch = Scratch::new();
    in_fork(|| {
        alarms(100);
        let config = Config::spsc(8 << 20);
        let message = vec![7; 1 << 20];
        let mut buffer = vec![0; 1 << 20];
        let mut round = 0;
        while round < 20 || SEEN.load(Ordering::Relaxed) < 1_000 {
            let created = Segment::create(&named(&scratch), &config).unwrap();
            let segment = Segment::attach(&named(&scratch), &Attach::default()).unwrap();
            let mut producer = segment.producer().unwrap();
            let mut consumer = created.consumer().unwrap();
            for _ in 0..20 {
                producer.send(&message, soon()).unwrap();
                let received = consumer.recv(&mut buffer, soon()).unwrap();
                assert_eq!(buffer[..received.len], message);
            }
            let survey = segment.survey();
            assert!(survey.producer.held && survey.consumer.held, "round {round}");
            assert!(list().unwrap().iter().any(|listed| listed.name.as_str() == scratch.name()));
            drop((producer, consumer));
            let annulus::Backing::Named(name) = named(&scratch) else { unreachable!() };
            remove(&name, Removal::Unheld).unwrap();
            round += 1;
        }
    });
}
