//! On which processors a process runs.

use std::io;

/// Those that this process may run on.
pub(crate) fn usable() -> io::Result<Vec<usize>> {
    let mut set = none();
    // SAFETY: the set is valid for the call to fill, and its size is told.
    match unsafe { libc::sched_getaffinity(0, size_of_val(&set), &mut set) } {
        0 => {
            let within = 0..libc::CPU_SETSIZE as usize;
            // SAFETY: within the set.
            Ok(within.filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect())
        }
        _ => Err(io::Error::last_os_error()),
    }
}

/// Leaves this process, and those that it will fork, the processor `cpu` alone.
pub(crate) fn stay_on(cpu: usize) -> io::Result<()> {
    let mut set = none();
    // SAFETY: the macro writes within the set, or not at all.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: the set is valid for its size.
    match unsafe { libc::sched_setaffinity(0, size_of_val(&set), &set) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn none() -> libc::cpu_set_t {
    // SAFETY: a set of zero bits is valid.
    unsafe { core::mem::zeroed() }
}
