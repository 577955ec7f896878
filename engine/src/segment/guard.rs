//! The guard against truncation: a SIGBUS of ours becomes an error, and a foreign one is passed on.
//!
//! A mapped file that somebody cuts short raises SIGBUS at the next access. The guard is opt-in,
//! since signal handlers belong to the program: it looks the address up (`table`), severs that
//! mapping and returns; the access is repeated on zero pages, the ring finds a gate that is none
//! and answers `Truncated`. Any other SIGBUS goes to the handler that was there before.
//!
//! A memfd needs no guard: it is sealed against truncation.

use super::{fd, table};
use crate::error::Severed;
use core::ffi::{c_int, c_void};
use core::{mem, ptr};
use std::io;
use std::sync::OnceLock;

/// What was done at SIGBUS before the guard.
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();

type InfoHandler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
type PlainHandler = extern "C" fn(c_int);

/// Has truncated segments answer `Truncated` instead of ending the process by SIGBUS. For the
/// whole process, for good; a second call does nothing.
///
/// A handler that is installed later must pass on what is not its own, as this one does.
pub fn guard_truncation() -> io::Result<()> {
    static INSTALLED: OnceLock<Result<(), i32>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| install().map_err(|error| fd::errno_of(&error)));
    installed.map_err(io::Error::from_raw_os_error)
}

fn install() -> io::Result<()> {
    // Kept first: the handler may run as soon as it is there.
    PREVIOUS.get_or_init(current);
    let mut action = default_action();
    action.sa_sigaction = on_bus_error as InfoHandler as usize;
    // On the alternate stack if there is one, as runtimes ask for; and not blocking the signal,
    // so that a foreign SIGBUS within the previous handler is not lost.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
    set(&action)
}

extern "C" fn on_bus_error(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: takes nothing; the C library has an errno for each thread.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: points at this thread's errno.
    let saved = unsafe { errno.read() };
    // SAFETY: the kernel hands the handler a filled siginfo.
    let code = unsafe { (*info).si_code };
    // Only "no such page in the file" is ours; broken memory is not.
    let ours = code == libc::BUS_ADRERR && table::sever_at(address(info), Severed::Truncated);
    // SAFETY: as above.
    unsafe { errno.write(saved) };
    if !ours {
        pass_on(signal, info, context);
    }
}

fn address(info: *mut libc::siginfo_t) -> u64 {
    // SAFETY: as in `on_bus_error`.
    let info = unsafe { &*info };
    // SAFETY: a SIGBUS by a fault, as its code says, carries the address of the access.
    unsafe { info.si_addr() as u64 }
}

/// Does what was done before the guard.
fn pass_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let previous = PREVIOUS.get().copied().unwrap_or_else(default_action);
    // SAFETY: as in `on_bus_error`.
    let by_fault = unsafe { (*info).si_code } > 0;
    match previous.sa_sigaction {
        // A fault cannot be ignored: the kernel takes the default action too.
        libc::SIG_IGN if !by_fault => {}
        libc::SIG_DFL | libc::SIG_IGN => end_by_default(signal, by_fault),
        handler if previous.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: by that flag it was installed as a function of three arguments.
            let handler = unsafe { mem::transmute::<usize, InfoHandler>(handler) };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: without that flag it was installed as a function of one argument.
            let handler = unsafe { mem::transmute::<usize, PlainHandler>(handler) };
            handler(signal);
        }
    }
}

/// Has the process end as if there had been no handler at all.
fn end_by_default(signal: c_int, by_fault: bool) {
    // Fails for no reason that would not hold here too: then the fault repeats.
    let _ = set(&default_action());
    if !by_fault {
        // SAFETY: takes no pointer. The signal is not blocked (`SA_NODEFER`).
        unsafe { libc::raise(signal) };
    }
    // Else the access is repeated on return, and the fault with it.
}

fn current() -> libc::sigaction {
    let mut action = default_action();
    // SAFETY: with no new action this only fills `action`, and fails for no known signal.
    unsafe { libc::sigaction(libc::SIGBUS, ptr::null(), &mut action) };
    action
}

fn set(action: &libc::sigaction) -> io::Result<()> {
    // SAFETY: `action` names the default action or our handler, which fits its flags.
    let status = unsafe { libc::sigaction(libc::SIGBUS, action, ptr::null_mut()) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The default action: all zero, with an empty mask.
fn default_action() -> libc::sigaction {
    // SAFETY: integers and a mask of them, for which zero is a value; `SIG_DFL` is 0.
    unsafe { mem::zeroed() }
}
