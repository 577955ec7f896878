//! The clock of both ends: `CLOCK_MONOTONIC`, one for all processes of a machine.

/// Now, in nanoseconds. Does not enter the kernel where the vDSO serves it: 22 ns on a Zen 5.
pub(super) fn now_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a timespec for the call to fill; every Linux has this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
