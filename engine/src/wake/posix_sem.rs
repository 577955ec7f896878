//! POSIX semaphores in the segment, one for each side: `sem_post` and `sem_clockwait` of glibc.
//!
//! A semaphore remembers a post that nobody waited for. Each time that a side lies down it takes
//! back what is left of earlier posts, and it is rung at most once while it lies, and when its peer
//! joins or closes; so the value stays at a few, whoever is killed when.
//!
//! All but the first eight bytes of a semaphore never change once it is made. They are compared
//! before each use, since glibc aborts a process whose semaphore says something impossible: a
//! semaphore that was written over is not used any more, and its sleepers look once a millisecond.
//! A peer that scribbles between the two is not held off; the other means are.

use super::{Berth, Means, WakeError, sleep_instead, timespec};
use crate::ring::Role;
use crate::sync::{Raw, monotonic_ns};
use std::io;

/// The bytes of a `sem_t` that change: value, and how many wait.
const CHANGING: usize = 8;

const BYTES: usize = size_of::<libc::sem_t>();

/// The bytes that do not change.
type Constant = [u64; (BYTES - CHANGING) / 8];

/// How many posts are taken back at once. There are more only if a peer scribbles.
const LEFT_MAX: u32 = 64;

/// After so many posts in a row for nothing a sleeper sleeps otherwise.
const IDLE_POSTS_MAX: u32 = 16;

unsafe extern "C" {
    /// As `sem_timedwait`, by the clock of choice. In glibc since 2.30; not yet in the `libc`
    /// crate.
    fn sem_clockwait(
        sem: *mut libc::sem_t,
        clock: libc::clockid_t,
        until: *const libc::timespec,
    ) -> libc::c_int;
}

/// A semaphore for each side.
#[derive(Debug)]
pub(super) struct PosixSem {
    /// What a semaphore of this process's C library has after its first bytes.
    expected: Constant,
}

/// Makes a semaphore at the berth of a new segment.
pub(super) fn lay_out(berth: Berth) {
    // SAFETY: mapped, aligned, large enough (asserted below), and nobody else's yet. It fails only
    // for a value too large.
    unsafe { libc::sem_init(semaphore(berth), 1, 0) };
}

impl PosixSem {
    /// Compares both semaphores of the segment with what this process's C library makes.
    pub(super) fn open(raw: Raw) -> Result<PosixSem, WakeError> {
        let mut own = [0_u64; BYTES / 8];
        // SAFETY: aligned, and as large as a semaphore; our own.
        unsafe { libc::sem_init(own.as_mut_ptr().cast(), 1, 0) };
        let mut expected = Constant::default();
        expected.copy_from_slice(&own[CHANGING / 8..]);
        let opened = PosixSem { expected };
        let is_ours = |role| opened.is_whole(Berth::new(raw, role));
        if is_ours(Role::Producer) && is_ours(Role::Consumer) {
            Ok(opened)
        } else {
            Err(WakeError::Foreign)
        }
    }

    /// Whether the semaphore can be used.
    fn is_whole(&self, berth: Berth) -> bool {
        let first = semaphore(berth).wrapping_byte_add(CHANGING).cast::<u64>();
        (0..self.expected.len()).all(|index| {
            // SAFETY: within the semaphore, aligned. Volatile: a peer may write it.
            self.expected[index] == unsafe { first.wrapping_add(index).read_volatile() }
        })
    }
}

impl Means for PosixSem {
    fn hush(&self, berth: Berth) {
        for _ in 0..LEFT_MAX {
            // SAFETY: a semaphore, which `is_whole` has looked at.
            if !self.is_whole(berth) || unsafe { libc::sem_trywait(semaphore(berth)) } != 0 {
                return;
            }
        }
    }

    fn sleep(&self, berth: Berth, bell: u32, ns: u64) -> bool {
        let until = timespec(monotonic_ns().saturating_add(ns));
        for _ in 0..IDLE_POSTS_MAX {
            if !berth.is_bell(bell) {
                return false;
            }
            if !self.is_whole(berth) {
                break;
            }
            // SAFETY: a semaphore, which `is_whole` has looked at; the time is valid for the call
            // to read.
            let status =
                unsafe { sem_clockwait(semaphore(berth), libc::CLOCK_MONOTONIC, &raw const until) };
            if status != 0 {
                match io::Error::last_os_error().raw_os_error() {
                    Some(libc::ETIMEDOUT) => return true,
                    Some(libc::EINTR) => return false,
                    _ => break,
                }
            }
        }
        if berth.is_bell(bell) {
            sleep_instead(ns);
        }
        false
    }

    /// Fails only where the value is at its end, and then nobody sleeps.
    fn wake(&self, berth: Berth) {
        if self.is_whole(berth) {
            // SAFETY: a semaphore, which `is_whole` has looked at.
            unsafe { libc::sem_post(semaphore(berth)) };
        }
    }
}

fn semaphore(berth: Berth) -> *mut libc::sem_t {
    berth.alarm().cast()
}

const _: () = {
    assert!(BYTES <= size_of::<super::Alarm>() && BYTES.is_multiple_of(8) && BYTES > CHANGING);
    assert!(align_of::<libc::sem_t>() <= 8);
};
