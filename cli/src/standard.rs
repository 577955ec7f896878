//! Whether standard input and output were there when the process began.
//!
//! Rust's runtime opens /dev/null on each of the descriptors 0 to 2 that is closed, before `main`:
//! from then on, output that nobody can have looks like output that was taken. So this looks
//! before the runtime does, as the loader calls what stands in `.init_array`.

use crate::exit::Failure;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};

/// A standard descriptor that a command may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standard {
    /// Descriptor 0.
    Input,
    /// Descriptor 1.
    Output,
}

/// Which of them were closed, in their order. Written once, before there is a second thread.
static CLOSED: [AtomicBool; 2] = [const { AtomicBool::new(false) }; 2];

impl Standard {
    /// Gives the failure if it was closed.
    pub(crate) fn check(self) -> Result<(), Failure> {
        let closed = CLOSED[self as usize].load(Ordering::Relaxed);
        if closed { Err(Failure::Closed(self)) } else { Ok(()) }
    }
}

// Sound as an entry of that section: the loader calls each once, before `main`, as a C function. It
// may pass arguments, which one without parameters does not see.
#[unsafe(link_section = ".init_array")]
#[used]
static LOOK: extern "C" fn() = look;

/// Nothing of the standard library is ready yet: a system call and two stores, and no panic.
extern "C" fn look() {
    for (fd, closed) in CLOSED.iter().enumerate() {
        // SAFETY: takes no pointer. It fails only if the descriptor is not open.
        let flags = unsafe { libc::fcntl(fd as RawFd, libc::F_GETFD) };
        closed.store(flags == -1, Ordering::Relaxed);
    }
}
