//! futex(2) on shared memory: sleeping while a word has a value, and waking.

use std::io;
use std::time::Duration;

/// How long one sleeps who cannot sleep by a futex: it looks that often instead.
const INSTEAD: Duration = Duration::from_millis(1);

/// Sleeps while the 32-bit word at `word` is `value`, for up to `ns` nanoseconds of
/// `CLOCK_MONOTONIC`, or until it is woken, or for no reason for less. Says whether the time was
/// up.
///
/// # Safety
///
/// `word` is aligned to 4 bytes and mapped, shared between the processes.
pub(crate) unsafe fn wait(word: *const u32, value: u32, ns: u64) -> bool {
    let timeout = libc::timespec {
        tv_sec: (ns / 1_000_000_000).cast_signed(),
        tv_nsec: (ns % 1_000_000_000).cast_signed(),
    };
    // SAFETY: the word is mapped, by the caller; the timeout is valid for the call to read.
    let status = unsafe {
        libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAIT, value, &raw const timeout)
    };
    if status == 0 {
        return false;
    }
    match io::Error::last_os_error().raw_os_error() {
        Some(libc::EAGAIN | libc::EINTR) => false,
        Some(libc::ETIMEDOUT) => true,
        // A system call that is not allowed here, or a page that is gone: without a sleep of its
        // own this would be a loop at full speed.
        _ => {
            std::thread::sleep(INSTEAD.min(Duration::from_nanos(ns)));
            false
        }
    }
}

/// Wakes all who sleep on the word at `word`. What it says does not matter: a sleeper that was not
/// woken looks by itself.
///
/// # Safety
///
/// As for [`wait`].
pub(crate) unsafe fn wake(word: *const u32) {
    // SAFETY: the word is mapped, by the caller.
    unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE, i32::MAX) };
}
