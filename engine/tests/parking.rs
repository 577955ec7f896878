//! Sides that sleep, and what wakes them. A wake that is lost costs a slice of 50 ms, so what comes
//! sooner was a wake.

mod common;

use annulus::layout::{self, Header};
use annulus::segment::{Name, Removal, SegmentError, remove};
use annulus::{
    Attach, Backing, Barrier, Config, Consumer, Deadline, Producer, RecvError, Segment, SendError,
    Wait, Wake,
};
use annulus_testkit::Scratch;
use common::{named, soon};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// All means, and the forms of the protocol.
const FORMS: &[(Barrier, Wake)] = &[
    (Barrier::Fence, Wake::Futex),
    (Barrier::Membarrier, Wake::Futex),
    (Barrier::Membarrier, Wake::PosixSem),
    (Barrier::Fence, Wake::SysvSem),
    #[cfg(feature = "event")]
    (Barrier::Membarrier, Wake::Event),
];

const FENCED: (Barrier, Wake) = FORMS[0];

/// Longer than it takes to lie down, and shorter than a slice.
const NAP: Duration = Duration::from_millis(15);

/// How often a test may be late by the machine's doing.
const TRIES: usize = 20;

/// A ring that stays under its name.
type Kept = (Segment, Scratch);

/// A ring, and both its sides.
fn pair(wait: Wait, (barrier, wake): (Barrier, Wake)) -> (Kept, Producer, Consumer) {
    let scratch = Scratch::new();
    let config = Config::spsc(1024).wait(wait).barrier(barrier).wake(wake);
    let segment = Segment::create(&named(&scratch), &config).unwrap();
    let (producer, consumer) = (segment.producer().unwrap(), segment.consumer().unwrap());
    ((segment, scratch), producer, consumer)
}

fn backstops(segment: &Segment) -> u64 {
    let survey = segment.survey();
    survey.producer.backstop + survey.consumer.backstop
}

/// That what `wait` waits for, brought about by `wake` when it sleeps, ends it before a slice does.
/// The machine is not always quick, so once in some tries is enough; a lost wake is lost each time.
fn is_woken<T: Send>(mut case: impl FnMut() -> (T, fn(T), Box<dyn FnOnce() + Send>)) -> bool {
    (0..TRIES).any(|_| {
        let (sleeper, wait, wake) = case();
        let (begun, ready) = mpsc::channel();
        thread::scope(|threads| {
            let waits = threads.spawn(move || {
                let start = Instant::now();
                begun.send(()).unwrap();
                wait(sleeper);
                start.elapsed()
            });
            ready.recv().unwrap();
            thread::sleep(NAP);
            wake();
            let waited = waits.join().unwrap();
            waited >= NAP && waited < Duration::from_millis(45)
        })
    })
}

#[test]
fn a_receiver_is_woken_by_a_message() {
    for &form in FORMS {
        for wait in [Wait::Park, Wait::SpinThenPark] {
            assert!(is_woken(|| {
                let (ring, mut producer, consumer) = pair(wait, form);
                let recv = |(mut consumer, _ring): (Consumer, Kept)| {
                    consumer.recv(&mut [0; 8], soon()).unwrap();
                };
                let send = move || {
                    producer.send(&[7; 8], Deadline::NEVER).unwrap();
                    // Its close would wake, too.
                    std::mem::forget(producer);
                };
                ((consumer, ring), recv, Box::new(send))
            }));
        }
    }
}

#[test]
fn a_sender_is_woken_when_a_quarter_is_free() {
    for &form in FORMS {
        assert!(is_woken(|| {
            let (ring, mut producer, mut consumer) = pair(Wait::Park, form);
            while producer.try_send(&[7; 56]).is_ok() {}
            let send = |(mut producer, _ring): (Producer, Kept)| {
                producer.send(&[7; 56], soon()).unwrap();
            };
            let recv = move || {
                // 16 fit: the quarter is the fourth of them.
                for _ in 0..4 {
                    consumer.recv(&mut [0; 56], Deadline::NEVER).unwrap();
                }
                consumer.flush();
                std::mem::forget(consumer);
            };
            ((producer, ring), send, Box::new(recv))
        }));
    }
}

#[test]
fn a_close_wakes_either_side() {
    for &form in FORMS {
        assert!(is_woken(|| {
            let (ring, producer, consumer) = pair(Wait::Park, form);
            let recv = |(mut consumer, _ring): (Consumer, Kept)| {
                assert_eq!(consumer.recv(&mut [0; 8], soon()), Err(RecvError::Closed));
            };
            ((consumer, ring), recv, Box::new(move || drop(producer)))
        }));
        assert!(is_woken(|| {
            let (ring, mut producer, consumer) = pair(Wait::Park, form);
            while producer.try_send(&[7; 56]).is_ok() {}
            let send = |(mut producer, _ring): (Producer, Kept)| {
                assert_eq!(producer.send(&[7; 56], soon()), Err(SendError::PeerClosed));
            };
            ((producer, ring), send, Box::new(move || drop(consumer)))
        }));
    }
}

#[test]
fn a_removal_by_force_wakes_either_side() {
    // An event is left alone: whoever has its mutex may be dead.
    let forms = FORMS.iter().filter(|(_, wake)| wake.is_crash_safe());
    for (&form, of_receiver) in forms.flat_map(|form| [(form, true), (form, false)]) {
        assert!(is_woken(|| {
            let ((_, scratch), mut producer, consumer) = pair(Wait::Park, form);
            while producer.try_send(&[7; 56]).is_ok() {}
            let wait: fn((bool, Producer, Consumer)) =
                |(of_receiver, mut producer, mut consumer)| {
                    if of_receiver {
                        while consumer.recv(&mut [0; 56], soon()).is_ok() {}
                    } else {
                        assert!(matches!(
                            producer.send(&[7; 56], soon()),
                            Err(SendError::Severed(_))
                        ));
                    }
                };
            let wake = move || {
                remove(&Name::new(scratch.name()).unwrap(), Removal::Forced).unwrap();
            };
            ((of_receiver, producer, consumer), wait, Box::new(wake))
        }));
    }
}

#[test]
fn deadlines_end_sleeps_in_the_first_slice_and_in_later_ones() {
    for &form in FORMS {
        let (_segment, mut producer, mut consumer) = pair(Wait::Park, form);
        for ms in [0, 1, 30, 180] {
            let span = Duration::from_millis(ms);
            let begun = Instant::now();
            let received = consumer.recv(&mut [0; 8], Deadline::after(span));
            assert_eq!(received, Err(RecvError::Timeout));
            assert!(begun.elapsed() >= span);
        }
        while producer.try_send(&[7; 56]).is_ok() {}
        let begun = Instant::now();
        let sent = producer.send(&[7; 56], Deadline::after(NAP));
        assert_eq!(sent, Err(SendError::Timeout));
        assert!(begun.elapsed() >= NAP);
    }
}

#[test]
fn a_sender_takes_what_fits_when_a_slice_is_over() {
    let ((segment, _scratch), mut producer, mut consumer) = pair(Wait::Park, FENCED);
    while producer.try_send(&[7; 56]).is_ok() {}
    // One place, which is no quarter: nobody rings for it.
    consumer.recv(&mut [0; 56], Deadline::NEVER).unwrap();
    consumer.flush();
    producer.send(&[7; 56], soon()).unwrap();
    assert_eq!(backstops(&segment), 0, "a slice that ends so has lost nothing");
}

#[test]
fn the_creators_policy_is_followed_and_another_one_refused() {
    let scratch = Scratch::new();
    let config = Config::spsc(1024).wait(Wait::SpinThenPark).barrier(Barrier::Fence);
    let made = Segment::create(&named(&scratch), &config).unwrap();
    let found = Segment::attach(&named(&scratch), &Attach::default()).unwrap();
    assert_eq!(made.waiting(), found.waiting());
    assert_eq!(found.waiting().policy(), Wait::SpinThenPark);
    assert_eq!(found.waiting().barrier(), Some(Barrier::Fence));
    Segment::attach(&named(&scratch), &Attach::default().wait(Wait::SpinThenPark)).unwrap();
    for asked in [Wait::Spin, Wait::Park] {
        let error = Segment::attach(&named(&scratch), &Attach::default().wait(asked)).unwrap_err();
        assert_eq!(error, SegmentError::OtherWait { asked, found: Wait::SpinThenPark });
        let sentence = error.to_string();
        assert!(sentence.contains(&format!("by spin-park and not by {asked}:")), "{sentence}");
    }
}

#[test]
fn the_header_says_how_its_sides_wait() {
    let words = |config: &Config| {
        let Header { wait_policy, wake_means, barrier, .. } =
            Segment::create(&Backing::Memfd, config).unwrap().header();
        (wait_policy, wake_means, barrier)
    };
    let ring = Config::spsc(64).wait(Wait::Spin);
    let (fence, membarrier) = (layout::BARRIER_FENCE, layout::BARRIER_MEMBARRIER);
    let (park, futex) = (layout::WAIT_PARK, layout::WAKE_FUTEX);
    assert_eq!(words(&ring), (layout::WAIT_SPIN, layout::WAKE_NONE, layout::BARRIER_NONE));
    assert_eq!(words(&ring.wait(Wait::Park).barrier(Barrier::Fence)), (park, futex, fence));
    assert_eq!(
        words(&ring.wait(Wait::Park).barrier(Barrier::Membarrier)),
        (park, futex, membarrier)
    );
    let unasked = words(&Config::spsc(64));
    assert_eq!(unasked, (layout::WAIT_SPIN_THEN_PARK, futex, membarrier), "where there is one");
}
