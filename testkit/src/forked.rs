//! Processes made by a bare fork, for harnesses that kill many, and memory that outlives them.
//!
//! A [`crate::Child`] runs a program anew, is watched by the janitor and says what it wrote; a
//! [`Forked`] goes on in a copy of this very process, which takes a tenth of a millisecond. It dies
//! with the process that made it.

use libc::{c_int, pid_t};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

/// What a life that panicked ends with.
const PANICKED: i32 = 101;

/// A forked process. Dropped, it is killed and reaped.
#[derive(Debug)]
pub struct Forked {
    /// None when it was reaped.
    pid: Option<pid_t>,
}

impl Forked {
    /// Forks a process that lives `life` and ends with the status that it returns; with 101 if it
    /// panics. Call it from a process of one thread.
    ///
    /// # Errors
    ///
    /// If no process can be made.
    pub fn start(life: impl FnOnce() -> i32) -> io::Result<Forked> {
        let parent = std::process::id();
        // SAFETY: this process has one thread, so its copy is whole.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => live(parent, life),
            pid => Ok(Forked { pid: Some(pid) }),
        }
    }

    /// Its process id, if it was not reaped.
    pub fn id(&self) -> Option<u32> {
        self.pid.map(pid_t::cast_unsigned)
    }

    /// Sends it a signal, if it was not reaped.
    ///
    /// # Errors
    ///
    /// If the kernel refuses.
    pub fn signal(&self, signal: c_int) -> io::Result<()> {
        match self.pid {
            // SAFETY: our own child, not reaped, so the number is still its own.
            Some(pid) if unsafe { libc::kill(pid, signal) } != 0 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }

    /// Its wait status if it has ended by now; 0 again and again once that was told.
    ///
    /// # Errors
    ///
    /// If the kernel refuses.
    pub fn ended(&mut self) -> io::Result<Option<c_int>> {
        self.wait_for(libc::WNOHANG)
    }

    /// Waits until it has ended, and the kernel has taken everything back from it.
    ///
    /// # Errors
    ///
    /// If the kernel refuses.
    pub fn wait(&mut self) -> io::Result<c_int> {
        Ok(self.wait_for(0)?.unwrap_or(0))
    }

    /// Kills it, and waits like [`Forked::wait`].
    ///
    /// # Errors
    ///
    /// If the kernel refuses.
    pub fn kill(&mut self) -> io::Result<()> {
        self.signal(libc::SIGKILL)?;
        self.wait().map(drop)
    }

    fn wait_for(&mut self, options: c_int) -> io::Result<Option<c_int>> {
        let Some(pid) = self.pid else { return Ok(Some(0)) };
        let mut status = 0;
        // SAFETY: our own child, which nobody else waits for.
        match unsafe { libc::waitpid(pid, &mut status, options) } {
            -1 => Err(io::Error::last_os_error()),
            0 => Ok(None),
            _ => {
                self.pid = None;
                Ok(Some(status))
            }
        }
    }
}

impl Drop for Forked {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Never returns into the harness.
fn live(parent: u32, life: impl FnOnce() -> i32) -> ! {
    // SAFETY: a plain request; the process goes with the one that made it.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // SAFETY: a plain question. A parent that is gone already sends no signal.
    let has_parent = unsafe { libc::getppid() } as u32 == parent;
    let status = if has_parent { catch_unwind(AssertUnwindSafe(life)) } else { Ok(0) };
    // SAFETY: ends this process at once; nothing of its parent's happens twice.
    unsafe { libc::_exit(status.unwrap_or(PANICKED)) }
}

/// A new `T` of zero bytes, shared with all processes that are forked from now on. It stays as long
/// as any of them.
///
/// # Errors
///
/// If there is no memory.
///
/// # Safety
///
/// Zero bytes are a valid `T`, and its parts are changed by atomics only.
pub unsafe fn shared<T: Sync>() -> io::Result<&'static T> {
    const { assert!(align_of::<T>() <= 4096) };
    // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
    let base = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            size_of::<T>().max(1),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if base == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let base = NonNull::new(base.cast::<T>()).ok_or(io::ErrorKind::AddrNotAvailable)?;
    // SAFETY: valid by the caller's promise, aligned to a page, and never unmapped.
    Ok(unsafe { base.as_ref() })
}
