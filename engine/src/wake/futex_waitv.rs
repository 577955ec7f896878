//! futex_waitv(2) on shared memory: sleeping at several words at once (Linux 5.16).

use super::{sleep_instead, timespec};
use crate::ring::any::Slept;
use std::io;

/// So many words at most.
pub(crate) const WORDS_MAX: usize = 128;

/// A word to sleep at, as the kernel takes it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiter {
    value: u64,
    word: u64,
    flags: u32,
    reserved: u32,
}

/// A word of 32 bits, that other processes wake, too.
const SIZE_U32: u32 = 0x02;

impl Waiter {
    /// No word.
    pub(crate) const NONE: Waiter = Waiter { value: 0, word: 0, flags: 0, reserved: 0 };

    /// The word at `word`, while it is `value`.
    pub(crate) fn new(word: *const u32, value: u32) -> Waiter {
        Waiter { value: value.into(), word: word as u64, flags: SIZE_U32, reserved: 0 }
    }
}

/// Sleeps until one of the words is woken, but not if one of them has another value; until
/// `until_ns` on `CLOCK_MONOTONIC` at most; or for no reason for less.
///
/// A word that is not mapped is an error of the kernel's, and no more.
pub(crate) fn wait(waiters: &[Waiter], until_ns: u64) -> Slept {
    debug_assert!(waiters.len() <= WORDS_MAX);
    let until = timespec(until_ns);
    let no_flags: libc::c_uint = 0;
    // SAFETY: waiters and time are valid for the call to read; it reads the words by itself.
    let status = unsafe {
        libc::syscall(
            libc::SYS_futex_waitv,
            waiters.as_ptr(),
            waiters.len() as libc::c_uint,
            no_flags,
            &raw const until,
            libc::CLOCK_MONOTONIC,
        )
    };
    if status >= 0 {
        return Slept::Woken;
    }
    match io::Error::last_os_error().raw_os_error() {
        Some(libc::EAGAIN | libc::EINTR) => Slept::Woken,
        Some(libc::ETIMEDOUT) => Slept::Out,
        // An older kernel, or one that is told to refuse it.
        Some(libc::ENOSYS | libc::EPERM | libc::EACCES | libc::EINVAL) => Slept::Refused,
        // No memory, or a page that is gone: without a sleep of its own this would be a loop at
        // full speed.
        _ => {
            sleep_instead(u64::MAX);
            Slept::Woken
        }
    }
}

const _: () = assert!(size_of::<Waiter>() == 24);
