//! Kills a real process at every instruction of every operation, and checks what is left.
//!
//! ```text
//!  harness ──fork──> victim      attaches, joins, gets ready, int3
//!     │ <───ptrace────┤
//!     │ single steps  │          the operation, one instruction after the other
//!     │ SIGKILL ─────>x          at instruction 1, 2, 3, …
//!     │
//!     └─ survivor and successor: nothing lost, nothing doubled beyond the batch, nobody waits
//! ```
//!
//! Only the first victim of an operation is stepped all the way. The others follow its track: each
//! runs to a breakpoint in hardware at the farthest instruction where it has not been since, and
//! so on, which leads to the same instruction of the same round of a loop.
//!
//! A process that is killed leaves behind what it wrote to shared memory, and nothing else: the
//! kernel takes its locks back. So kills that leave the same bytes are the same to everyone else.
//! The matrix kills at every instruction all the same, since that is the claim; the **double
//! kill** uses it: from each distinct state that a kill left, a successor's take-over is killed in
//! turn, once at every instruction at which it changed a shared byte or its lock.
//!
//! Where a ring's sides sleep, the other side is there, too. Either a real process **sleeps** in it
//! while the victim is at an operation that wakes it: after each kill a successor must ring for it,
//! and from each distinct state it must come back without one, by the end of a slice. Or the
//! victim itself lies down, sleeps and rises, and the harness has the other role: after each kill a
//! successor must sleep in the same bed, and be rung.
//!
//! | room | what |
//! |---|---|
//! | `step` | a victim under ptrace |
//! | `track` | where an operation has been, so that the next victim runs there |
//! | `scene` | a ring in the state in which an operation begins, and its messages |
//! | `spsc` | the operations of the spsc ring: a new ring adds a file like this one |
//! | `parked` | those at which one side sleeps |
//! | `many` | the same for the ring of many: its operations, its oracle, its kills, its chaos |
//! | `company` | the other side, and what must hold of it after a kill |
//! | `stage` | a ring, its company, and the victims there: let through, or killed |
//! | `oracle` | what must hold of the messages after a kill |
//! | `matrix` | which kills there are, and their count |
//! | `chaos` | a pair that runs at full speed while its processes are killed at random |
//! | `patience` | how long a process has had |
//! | `barriers` | what is executed while nobody sleeps |
//! | `handover` | a side that is just lying down when the other one publishes |
//! | `repair` | how long others take to notice a death |
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

pub mod barriers;
pub mod chaos;
mod company;
pub mod handover;
pub mod many;
pub mod matrix;
mod oracle;
pub mod parked;
mod patience;
pub mod repair;
mod scene;
pub mod spsc;
mod stage;
mod step;
mod track;
mod way;

use annulus::ring::Role;
pub use company::Company;
use scene::Known;
pub use scene::{Ring, STARTS, Start};
pub use way::Way;

/// One operation of one side, as the victim performs it.
#[derive(Clone, Copy)]
pub struct Operation {
    /// What it is called in the report.
    pub name: &'static str,
    /// Which side performs it.
    pub role: Role,
    /// So many messages the victim has received, if they were there, before the operation begins.
    pub before: u64,
    /// When a message that it takes counts as received.
    pub receipt: Receipt,
    /// Who has the other role meanwhile.
    pub company: Company,
    /// The rings in which it is performed.
    pub rings: &'static [Ring],
    /// How each of them stands when it begins, in turns.
    pub starts: &'static [Start],
    /// Gets ready, calls [`begin`], performs it, and calls [`finished`] with the number of
    /// messages that it sent or took.
    pub(crate) perform: fn(&annulus::Segment, &Known),
}

/// When the victim has a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// When the operation has returned: it was copied out.
    Returned,
    /// When the operation shows it: the victim says itself that it is done, by a release.
    Shown,
}

/// From the next instruction on the victim is stepped.
#[inline(always)]
pub(crate) fn begin() {
    // SAFETY: a breakpoint: the victim is traced, and its tracer goes on from here.
    unsafe { core::arch::asm!("int3") };
}

/// The operation has returned, and moved so many messages.
#[inline(never)]
pub(crate) extern "C" fn finished(messages: u64) {
    core::hint::black_box(messages);
}
