//! futex(2): the kernel compares the bell and queues the sleeper in one step, so nothing is kept
//! anywhere.

use super::{Berth, Means, sleep_instead, timespec};
use std::io;

/// The kernel's queue for a word of memory.
#[derive(Debug)]
pub(crate) struct Futex;

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
        // SAFETY: as in `sleep`.
        unsafe { libc::syscall(libc::SYS_futex, berth.bell(), libc::FUTEX_WAKE, i32::MAX) };
    }
}
