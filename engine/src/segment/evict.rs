//! Putting an end to a participant that lives and holds others up: never unasked.
//!
//! What a live process holds cannot be taken from it: it may go on at any time, and write. So it is
//! killed, by a descriptor of that very process: its number may be another one's by then. When the
//! kernel has given its byte back, it is as dead as any, and repaired as such.

use super::plan::Plan;
use super::{Inner, fd, identity};
use crate::error::Severed;
use crate::layout::Seat;
use crate::ring::mpmc::{self, Stalled};
use crate::sync::{Deadline, Identity, Ordering, monotonic_ns};
use core::fmt;
use core::mem::offset_of;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// Between two looks whether it is gone: it takes the kernel about 0.1 ms.
const LOOK_EVERY: Duration = Duration::from_micros(50);

/// In so long the kernel has taken down a process that has ended.
const ENDS_WITHIN_NS: u64 = 1_000_000_000;

/// Why a participant was not put an end to. It lives on, or was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvictError {
    /// The ring is of one producer and one consumer, which has no participants by number.
    OneToOne,
    /// It is not there any more: it left, or another one has its place by now.
    NotThere,
    /// It is of this very process: drop the handle.
    Oneself,
    /// It is of a process in another pid namespace, which cannot be found from here.
    Elsewhere {
        /// The process, as it saw itself.
        pid: u64,
    },
    /// No process is found that is what the participant says of itself and has the segment, and yet
    /// its byte is held: its first thread has ended and others live, `/proc` hides it, or a child
    /// of it has its descriptor.
    Unknown {
        /// The process, as it saw itself.
        pid: u64,
    },
    /// This user may not kill that process: ask its owner, or root.
    Denied {
        /// The process.
        pid: u64,
    },
    /// It was killed, and the kernel had not taken it down by the deadline: it is not gone before
    /// that.
    Timeout {
        /// The process.
        pid: u64,
    },
    /// The mapping was cut off.
    Severed(Severed),
    /// A system call failed otherwise.
    Io {
        /// Which.
        call: &'static str,
        /// With this errno.
        errno: i32,
    },
}

/// Kills the process of that participant, and waits until it is gone.
pub(super) fn evict(
    segment: &Inner,
    stalled: &Stalled,
    deadline: Deadline,
) -> Result<(), EvictError> {
    let Stalled { participant, .. } = *stalled;
    let Plan::Mpmc(geometry) = segment.plan else { return Err(EvictError::OneToOne) };
    if !(1..=geometry.seats()).contains(&participant) {
        return Err(EvictError::NotThere);
    }
    if let Some(cause) = segment.map.severed() {
        return Err(EvictError::Severed(cause));
    }
    let seat = Sitting::of(segment, participant).ok_or(EvictError::NotThere)?;
    if (seat.who.pid as u32, seat.who.now_ns) != (stalled.pid, stalled.since_ns) {
        return Err(EvictError::NotThere);
    }
    if segment.is_gone(participant) {
        return Ok(());
    }
    let (pid, own) = (seat.who.pid, identity::own());
    if seat.who.namespace != own.namespace {
        return Err(EvictError::Elsewhere { pid });
    }
    if pid == own.pid {
        return Err(EvictError::Oneself);
    }
    let process = open(pid);
    // Only now: then the descriptor is of the process that has the seat. What the seat says is any
    // peer's to write, so it has the segment, too.
    let is_known = identity::may_live(&seat.who) && segment.node.may_be_mapped_by(pid);
    if !is_known {
        // It has ended, and the kernel is about to give its byte back, or it is not what it says.
        let soon = monotonic_ns().saturating_add(ENDS_WITHIN_NS);
        let soon = Deadline::at(deadline.earlier_than(soon));
        let is_gone = wait_until_gone(segment, participant, seat, soon)?;
        return if is_gone { Ok(()) } else { Err(EvictError::Unknown { pid }) };
    }
    if Sitting::of(segment, participant) != Some(seat) {
        return Err(EvictError::NotThere);
    }
    kill(&process?, pid)?;
    let is_gone = wait_until_gone(segment, participant, seat, deadline)?;
    if is_gone { Ok(()) } else { Err(EvictError::Timeout { pid }) }
}

/// Whether the one who had that seat is gone, by `deadline`.
fn wait_until_gone(
    segment: &Inner,
    participant: u16,
    seat: Sitting,
    deadline: Deadline,
) -> Result<bool, EvictError> {
    while !segment.is_gone(participant) && Sitting::of(segment, participant) == Some(seat) {
        if deadline.has_passed(monotonic_ns()) {
            return Ok(false);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    segment.map.severed().map_or(Ok(true), |cause| Err(EvictError::Severed(cause)))
}

/// Who has a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sitting {
    state: u64,
    who: Identity,
}

impl Sitting {
    /// `None` if nobody has it.
    fn of(segment: &Inner, participant: u16) -> Option<Sitting> {
        // ORDERING: Acquire: the state, which is read first, shows the rest.
        let word = |field| segment.seat(participant, field, Ordering::Acquire);
        let state = word(offset_of!(Seat, state));
        mpmc::role_of(state)?;
        let who = Identity {
            pid: word(offset_of!(Seat, pid)),
            started: word(offset_of!(Seat, started)),
            namespace: word(offset_of!(Seat, namespace)),
            now_ns: word(offset_of!(Seat, since_ns)),
        };
        Some(Sitting { state, who })
    }
}

/// A descriptor of the process that has that number now.
fn open(pid: u64) -> Result<OwnedFd, EvictError> {
    let pid = libc::pid_t::try_from(pid).map_err(|_| EvictError::NotThere)?;
    // SAFETY: pidfd_open(2) takes two numbers.
    let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if opened < 0 {
        return Err(failed("pidfd_open"));
    }
    // SAFETY: it is new, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(opened as i32) })
}

fn kill(process: &OwnedFd, pid: u64) -> Result<(), EvictError> {
    let no_info = core::ptr::null::<libc::siginfo_t>();
    // SAFETY: pidfd_send_signal(2); the kernel makes the information itself.
    let sent = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), libc::SIGKILL, no_info, 0)
    };
    match (sent, io::Error::last_os_error().raw_os_error()) {
        (0, _) => Ok(()),
        // It has ended meanwhile.
        (_, Some(libc::ESRCH)) => Ok(()),
        (_, Some(libc::EPERM)) => Err(EvictError::Denied { pid }),
        _ => Err(failed("pidfd_send_signal")),
    }
}

fn failed(call: &'static str) -> EvictError {
    EvictError::Io { call, errno: fd::errno_of(&io::Error::last_os_error()) }
}

impl EvictError {
    /// The stable number of this error.
    pub const fn code(self) -> i32 {
        match self {
            EvictError::OneToOne => 66,
            EvictError::NotThere => 68,
            EvictError::Oneself => 69,
            EvictError::Elsewhere { .. } => 70,
            EvictError::Denied { .. } => 71,
            EvictError::Unknown { .. } => 74,
            EvictError::Timeout { .. } => 72,
            EvictError::Severed(severed) => severed.code(),
            EvictError::Io { .. } => super::errors::IO,
        }
    }
}

impl fmt::Display for EvictError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            EvictError::OneToOne => f.write_str(
                "the ring is of one producer and one consumer: end the process of the one that is \
                 in the way",
            ),
            EvictError::NotThere => f.write_str("this participant is not there any more"),
            EvictError::Oneself => f.write_str("it is of this process: drop its handle"),
            EvictError::Elsewhere { pid } => write!(
                f,
                "it is of a process in another pid namespace, {pid} as it saw itself: end it there"
            ),
            EvictError::Unknown { pid } => write!(
                f,
                "no process {pid} is found that has the ring, and yet somebody has its place: end \
                 the process by hand"
            ),
            EvictError::Denied { pid } => {
                write!(f, "this user may not kill process {pid}: ask its owner, or root")
            }
            EvictError::Timeout { pid } => write!(
                f,
                "process {pid} was killed and is not gone yet: it holds what it has until the \
                 kernel has taken it down"
            ),
            EvictError::Severed(severed) => severed.fmt(f),
            EvictError::Io { call, errno } => {
                write!(f, "{call} failed: {}", io::Error::from_raw_os_error(errno))
            }
        }
    }
}

impl std::error::Error for EvictError {}
