//! Waiting for any of several rings at once, by futex_waitv(2).

use super::{WaitAnyError, Waitable};
use crate::ring::any::{NoneReady, Slept, bell, poll_any, wait_any as wait_for_any};
use crate::sync::Deadline;
use crate::wake::futex_waitv::{self, WORDS_MAX, Waiter};
use std::thread;
use std::time::Duration;

/// Waits until one of `rings` is ready, and says which: there a try finds something now, be it an
/// error. They may be [`Consumer`](super::Consumer)s, which wait for a message, and producers'
/// [`Room`](crate::ring::spsc::Room)s, of any segments that this process has joined.
///
/// Of several that are ready it is the first one behind the ring `after`, which is the one that was
/// served last: so none is served again before another one that has something.
///
/// ```
/// use annulus::segment::wait_any;
/// use annulus::{Backing, Config, Deadline, Segment, Wait};
///
/// let config = Config::spsc(4096).wait(Wait::SpinThenPark);
/// let segments = [0, 1].map(|_| Segment::create(&Backing::Memfd, &config));
/// let [first, second] = segments;
/// let (first, second) = (first?, second?);
/// let mut consumers = (first.consumer()?, second.consumer()?);
///
/// second.producer()?.send(b"hello", Deadline::NEVER)?;
/// let ready = wait_any(&mut [&mut consumers.0, &mut consumers.1], 0, Deadline::NEVER)?;
/// assert_eq!(ready, 1);
/// assert_eq!(consumers.1.try_recv(&mut [0; 8])?.len, 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Looks before it sleeps, as long as the ring does that looks longest. A sleep costs one barrier
/// and one system call for all rings, and 0.1 us for each; who sends pays no more than if its
/// receiver slept alone. A peer's death is found within half a second, or when the deadline passes,
/// by two system calls for each ring; where waits are shorter than that since others have something
/// soon, by calls that wait at all, every 50 ms. A `deadline` that has passed already means "look
/// once", and asks about no peer. A [`Pollable`](super::Pollable) handle that is waited for here is
/// disarmed.
///
/// Where the system has no futex_waitv (Linux before 5.16, or a seccomp profile), and for more than
/// 128 rings, it looks from time to time instead: what comes is seen up to a millisecond late, and
/// the processor is not idle (README says how little).
///
/// All rings have to be such that their sides sleep: one whose sides spin is an error, and nothing
/// was waited for.
pub fn wait_any(
    rings: &mut [&mut dyn Waitable],
    after: usize,
    deadline: Deadline,
) -> Result<usize, WaitAnyError> {
    if rings.is_empty() {
        return Err(WaitAnyError::NoRings);
    }
    for (index, ring) in rings.iter().enumerate() {
        let no_bell = |why| WaitAnyError::NoBell { index, why };
        ring.place().check_bell().map_err(no_bell)?;
    }
    let slept = match rings.len() {
        0..=WORDS_MAX => wait_for_any(rings, after, deadline, sleep),
        _ => Err(NoneReady::Refused),
    };
    let ready = match slept {
        Err(NoneReady::Refused) => poll_any(rings, after, deadline, |ns| {
            thread::sleep(Duration::from_nanos(ns));
        }),
        ready => ready,
    };
    ready.map_err(|none| match none {
        NoneReady::PeerDied(index) => WaitAnyError::PeerDied { index },
        // Looking from time to time is never refused.
        NoneReady::Timeout | NoneReady::Refused => WaitAnyError::Timeout,
    })
}

/// Sleeps at the bells of all rings, which are no more than the kernel takes.
fn sleep<T: Waitable + ?Sized>(rings: &mut [&mut T], until_ns: u64) -> Slept {
    let mut waiters = [Waiter::NONE; WORDS_MAX];
    for (waiter, ring) in waiters.iter_mut().zip(rings.iter_mut()) {
        *waiter = Waiter::new(ring.place().bell(), bell(*ring) as u32);
    }
    futex_waitv::wait(&waiters[..rings.len()], until_ns)
}
