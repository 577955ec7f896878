//! Lock bytes on the segment's own file: who is there, by the kernel's word.
//!
//! ```text
//!   byte 0      the producer      held for life
//!   byte 1      the consumer      held for life
//!   byte 1+x    participant x of a ring of many: from 2 on, held for life
//!   byte 2048+x its seat          held while it is taken, and swept before
//!   byte 4096   the door          held while joining or removing
//! ```
//!
//! They are locks of the *open file description* (`F_OFD_*`): the kernel drops them when the last
//! descriptor of it is closed, which a process's end does. So a free byte says that its holder is
//! gone or left: no pid, no heartbeat, no time-out. They are advisory and are on bytes that need
//! not exist in the file; nothing is read or written there.
//!
//! Two limits of the kernel shape the use: locks of one description never conflict with each
//! other, so each process asks by a second description and keeps a table (`registry`); and a
//! forked child shares the description, so it closes its copy (`fork`).

use crate::layout::SEATS_MAX;
use crate::ring::Role;
use crate::sync::Byte;
use std::io;
use std::os::fd::RawFd;

/// Some bytes that are locked together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LockRange {
    start: i64,
    len: i64,
}

/// The door: whoever has it is the only one who joins or removes the segment.
pub(super) const DOOR: LockRange = LockRange { start: 4096, len: 1 };

/// All participants' bytes, those of versions to come included.
pub(super) const ANYBODY: LockRange = LockRange { start: 0, len: 4096 };

/// The byte of `role`.
pub(super) const fn byte_of(role: Role) -> LockRange {
    match role {
        Role::Producer => LockRange { start: 0, len: 1 },
        Role::Consumer => LockRange { start: 1, len: 1 },
    }
}

/// A byte of a participant of a ring of many.
pub(super) const fn byte_of_many(byte: Byte) -> LockRange {
    match byte {
        Byte::Life(participant) => LockRange { start: 1 + participant as i64, len: 1 },
        Byte::Sweep(participant) => LockRange { start: 2048 + participant as i64, len: 1 },
    }
}

const _: () = assert!(1 + SEATS_MAX < 2048 && 2048 + SEATS_MAX < 4096);

/// Locks `range` exclusively for the description of `fd`, unless another has some of it. Does
/// not wait.
pub(super) fn try_lock(fd: RawFd, range: LockRange) -> io::Result<bool> {
    match control(fd, libc::F_OFD_SETLK, &mut flock(libc::F_WRLCK, range)) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Gives up what the description of `fd` has of `range`.
pub(super) fn unlock(fd: RawFd, range: LockRange) -> io::Result<()> {
    control(fd, libc::F_OFD_SETLK, &mut flock(libc::F_UNLCK, range))
}

/// Whether another description than that of `fd` has some of `range`.
pub(super) fn is_locked(fd: RawFd, range: LockRange) -> io::Result<bool> {
    let mut answer = flock(libc::F_WRLCK, range);
    control(fd, libc::F_OFD_GETLK, &mut answer)?;
    Ok(answer.l_type != libc::F_UNLCK as libc::c_short)
}

fn flock(kind: libc::c_int, range: LockRange) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: range.start,
        l_len: range.len,
        // The kernel wants 0 here for locks of a description.
        l_pid: 0,
    }
}

fn control(fd: RawFd, command: libc::c_int, lock: &mut libc::flock) -> io::Result<()> {
    // SAFETY: `lock` is a flock that the call may read and write; a wrong descriptor is an error.
    let status = unsafe { libc::fcntl(fd, command, lock as *mut libc::flock) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
