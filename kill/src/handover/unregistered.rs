//! The barrier removed: processes that only seem to register for membarrier(2).
//!
//! They publish without a fence, as registered ones do, and a sleeper's barrier passes them by.

use core::mem::offset_of;
use std::io;

/// `MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED`.
const REGISTER: u32 = 1 << 2;

/// From now on the kernel says to this process, and to those that it forks, that it has registered
/// it, and does not: by a filter of seccomp(2), for good.
///
/// # Errors
///
/// If the kernel refuses the filter.
pub(super) fn only_seem_to_register() -> io::Result<()> {
    let done = libc::SECCOMP_RET_ERRNO;
    let mut program = [
        load(offset_of!(libc::seccomp_data, nr)),
        unless(libc::SYS_membarrier as u32, 3),
        load(offset_of!(libc::seccomp_data, args)),
        unless(REGISTER, 1),
        answer(done),
        answer(libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: takes no pointer.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a program of so many statements, valid for the call to read.
    match unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &filter) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Takes the lower half of that field of the call.
fn load(field: usize) -> libc::sock_filter {
    let code = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k: field as u32 }
}

/// Skips some statements unless it is `word`.
fn unless(word: u32, skips: u8) -> libc::sock_filter {
    let code = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    libc::sock_filter { code: code as u16, jt: 0, jf: skips, k: word }
}

fn answer(what: u32) -> libc::sock_filter {
    libc::sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: what }
}
