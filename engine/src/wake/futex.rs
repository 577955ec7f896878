//! futex(2): the kernel compares the bell and queues the sleeper in one step, so nothing is kept
//! anywhere.

use super::{Berth, Means, sleep_instead, timespec};
use std::io;

/// The kernel's queue for a word of memory.
#[derive(Debug)]
pub(crate) struct Futex;

impl Futex {
    /// As [`Means::wake`], one of several who sleep there. Says whether there was one.
    pub(crate) fn wake_one(&self, berth: Berth) -> bool {
        wake(berth, 1) > 0
    }
}

/// Wakes up to so many; says how many there were.
fn wake(berth: Berth, most: i32) -> libc::c_long {
    // SAFETY: an aligned word of a mapped segment, which the call does not even read.
    unsafe { libc::syscall(libc::SYS_futex, berth.bell(), libc::FUTEX_WAKE, most) }
}

impl Means for Futex {
    fn sleep(&self, berth: Berth, bell: u32, ns: u64) -> bool {
        let timeout = timespec(ns);
        // SAFETY: an aligned word of a mapped segment; the timeout is valid for the call to read.
        let status = unsafe {
            libc::syscall(libc::SYS_futex, berth.bell(), libc::FUTEX_WAIT, bell, &raw const timeout)
        };
        if status == 0 {
            return false;
        }
        match io::Error::last_os_error().raw_os_error() {
            Some(libc::EAGAIN | libc::EINTR) => false,
            Some(libc::ETIMEDOUT) => true,
            // A system call that is not allowed here, or a page that is gone: without a sleep of
            // its own this would be a loop at full speed.
            _ => {
                sleep_instead(ns);
                false
            }
        }
    }

    /// What the call says does not matter: a sleeper that was not woken looks by itself.
    fn wake(&self, berth: Berth) {
        wake(berth, i32::MAX);
    }
}
