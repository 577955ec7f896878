//! A System V set of semaphores for each segment: semop(2), by a key that its header names.
//!
//! ```text
//!   0  the producer's    1 from a wake until a sleeper took it, else 0
//!   1  the consumer's
//!   2  fifteen bits of the segment's id, never 0
//!   3  fifteen others
//! ```
//!
//! A set belongs to no file and no process: it stays until somebody removes it. So it is made when
//! somebody joins, in the segment's door, and goes with the segment's name, in the same door; a
//! segment that has no name cannot have one. Semaphores 2 and 3 say whose set it is: a key is a
//! number that anybody may have taken. One whose maker was killed has zeros there, and the next who
//! joins finishes it.
//!
//! A wake sets the value to 1, however often it comes: nothing can creep.

use super::{Berth, Means, WakeError, sleep_instead, timespec};
use crate::layout::Header;
use crate::ring::Role;
use std::io;

/// Semaphores in a set.
const COUNT: libc::c_int = 4;

/// The command that asks for the system's limits: not in the `libc` crate.
const IPC_INFO: libc::c_int = 3;

/// What all keys begin with.
const KEY_FIRST: u32 = 0x4100_0000;

/// A segment's set.
#[derive(Debug)]
pub(super) struct SysvSem {
    id: libc::c_int,
}

/// `struct seminfo`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Info {
    map: libc::c_int,
    sets_max: libc::c_int,
    semaphores_max: libc::c_int,
    undo_max: libc::c_int,
    set_semaphores_max: libc::c_int,
    operations_max: libc::c_int,
    undo_entries_max: libc::c_int,
    /// By `SEM_INFO`: the number of sets there are.
    sets: libc::c_int,
    value_max: libc::c_int,
    /// By `SEM_INFO`: the number of semaphores in them.
    semaphores: libc::c_int,
}

impl SysvSem {
    /// The segment's set, made if there is none. Whoever calls this has the segment's door.
    pub(super) fn open(header: &Header) -> Result<SysvSem, WakeError> {
        let key = header.wake_key;
        let id = get(key, libc::IPC_CREAT | 0o600)?;
        if !has_four(id) {
            return Err(WakeError::TakenKey(key));
        }
        for (at, bits) in proof(header) {
            match value(id, at) {
                Ok(found) if found == bits => {}
                Ok(0) => set(id, at, bits).map_err(WakeError::NoSet)?,
                Ok(_) | Err(_) => return Err(WakeError::TakenKey(key)),
            }
        }
        Ok(SysvSem { id })
    }
}

impl Means for SysvSem {
    fn sleep(&self, berth: Berth, bell: u32, ns: u64) -> bool {
        // A wake that nobody took would end this sleep, and the next one is a real one.
        if !berth.is_bell(bell) {
            return false;
        }
        let at = index(berth.role) as u16;
        let mut take = libc::sembuf { sem_num: at, sem_op: -1, sem_flg: 0 };
        let timeout = timespec(ns);
        // SAFETY: both are valid for the call to read.
        let status = unsafe {
            libc::syscall(libc::SYS_semtimedop, self.id, &raw mut take, 1, &raw const timeout)
        };
        if status == 0 {
            return false;
        }
        match io::Error::last_os_error().raw_os_error() {
            Some(libc::EAGAIN) => true,
            Some(libc::EINTR) => false,
            // The set was removed, by whom it may be.
            _ => {
                sleep_instead(ns);
                false
            }
        }
    }

    /// Fails only where the set was removed, and then nobody sleeps there.
    fn wake(&self, berth: Berth) {
        let _ = set(self.id, index(berth.role), 1);
    }
}

/// Whether one more set can be made: the errno that making it would end with, if not.
pub(crate) fn room_for_set() -> Result<(), i32> {
    let mut limits = Info::default();
    info(IPC_INFO, &mut limits)?;
    let mut used = Info::default();
    info(libc::SEM_INFO, &mut used)?;
    let is_full = used.sets >= limits.sets_max
        || used.semaphores.saturating_add(COUNT) > limits.semaphores_max;
    if is_full { Err(libc::ENOSPC) } else { Ok(()) }
}

/// A key for a new segment: `0x41` (`A`), by which people know ours in a list, and 24 bits.
pub(crate) fn random_key(random: u64) -> u32 {
    KEY_FIRST | (random as u32 & 0xFF_FFFF)
}

/// Removes the set of a segment whose name was taken away, if it is there. Whoever calls this has
/// the segment's door.
pub(crate) fn forget(header: &Header) {
    if let Ok(id) = get(header.wake_key, 0)
        && has_four(id)
        && proof(header).into_iter().all(|(at, bits)| value(id, at) == Ok(bits))
    {
        // SAFETY: takes no argument.
        unsafe { libc::semctl(id, 0, libc::IPC_RMID) };
    }
}

/// What the set's last semaphores say: which, and what.
fn proof(header: &Header) -> [(libc::c_int, libc::c_int); 2] {
    let [id, _] = header.segment_id;
    let bits = |shift| ((id >> shift) as libc::c_int & 0x7FFF) | 1;
    [(2, bits(0)), (3, bits(16))]
}

fn index(role: Role) -> libc::c_int {
    match role {
        Role::Producer => 0,
        Role::Consumer => 1,
    }
}

/// The set of that key.
fn get(key: u32, flags: libc::c_int) -> Result<libc::c_int, WakeError> {
    // SAFETY: takes no pointer.
    match unsafe { libc::semget(key.cast_signed(), COUNT, flags) } {
        -1 => match errno() {
            // It has fewer semaphores, or we may not use it: it is not ours.
            libc::EINVAL | libc::EACCES => Err(WakeError::TakenKey(key)),
            errno => Err(WakeError::NoSet(errno)),
        },
        id => Ok(id),
    }
}

/// Whether the set has no semaphores but ours.
fn has_four(id: libc::c_int) -> bool {
    value(id, COUNT - 1).is_ok() && value(id, COUNT) == Err(libc::EINVAL)
}

fn value(id: libc::c_int, at: libc::c_int) -> Result<libc::c_int, i32> {
    // SAFETY: takes no argument.
    match unsafe { libc::semctl(id, at, libc::GETVAL) } {
        -1 => Err(errno()),
        value => Ok(value),
    }
}

fn set(id: libc::c_int, at: libc::c_int, value: libc::c_int) -> Result<(), i32> {
    // SAFETY: takes a number.
    match unsafe { libc::semctl(id, at, libc::SETVAL, value) } {
        -1 => Err(errno()),
        _ => Ok(()),
    }
}

fn info(command: libc::c_int, into: &mut Info) -> Result<(), i32> {
    // SAFETY: the system's own structure, valid for the call to fill.
    match unsafe { libc::semctl(0, 0, command, &raw mut *into) } {
        -1 => Err(errno()),
        _ => Ok(()),
    }
}

fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}
