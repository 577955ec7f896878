//! SIGINT and SIGTERM: the first one is noted, so that what came so far can be told; a second one
//! ends the process at once.
//!
//! A signal that is ignored stays ignored, as for a command that a shell started in the background.

use std::process;
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

const SIGNALS: [libc::c_int; 2] = [libc::SIGINT, libc::SIGTERM];

/// The signal that came, or 0.
static CAME: AtomicI32 = AtomicI32::new(0);

/// Notes the signals from now on.
pub(super) fn watch() {
    for signal in SIGNALS {
        // SAFETY: made of integers, an address and a set of bits, for all of which zero is a value.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        let mut before = action;
        // SAFETY: asks only, into a sigaction of our own.
        unsafe { libc::sigaction(signal, ptr::null(), &mut before) };
        if before.sa_sigaction == libc::SIG_IGN {
            continue;
        }
        let handler: extern "C" fn(libc::c_int) = note;
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART | libc::SA_RESETHAND;
        // SAFETY: the handler does nothing but one atomic store.
        unsafe { libc::sigaction(signal, &action, ptr::null_mut()) };
    }
}

/// Whether one came.
#[inline]
pub(super) fn came() -> bool {
    // ORDERING: Relaxed: nothing else is told by it.
    CAME.load(Ordering::Relaxed) != 0
}

/// Ends the process by the signal that came, as it would have ended without us.
pub(super) fn die() -> ! {
    // ORDERING: Relaxed, as above.
    let signal = CAME.load(Ordering::Relaxed);
    // SAFETY: the default action takes no code of ours.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
    // SAFETY: takes no pointer.
    unsafe { libc::raise(signal) };
    // Only where the signal is blocked: what a shell makes of one.
    process::exit(128 + signal)
}

extern "C" fn note(signal: libc::c_int) {
    // ORDERING: Relaxed, as above.
    CAME.store(signal, Ordering::Relaxed);
}
