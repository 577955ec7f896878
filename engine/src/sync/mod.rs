//! The one door to shared memory, atomics, pauses and time.
//!
//! The rings are written against [`Memory`] and nothing else. A real segment, a heap block under
//! Miri, a traced block that crashes at its k-th store and loom's modelled atomics all stand
//! behind it, so one and the same algorithm runs over the real map and under every proof.
//!
//! Two sorts of access are told apart, because a model must treat them differently:
//!
//! * **control** (`load`, `store`): words on which the two sides agree. They may race; their
//!   ordering is part of the algorithm and is named beside each use.
//! * **payload** (`put`, `read`, `write`): bytes that one side owns at a time. They must
//!   never race between correct peers. A real segment moves them by volatile accesses (`copy`),
//!   each of which happens once, in one piece: whatever a peer that breaks the rules writes.

mod copy;
pub(crate) mod membarrier;
pub(crate) mod processors;
mod raw;
mod time;

pub use core::sync::atomic::Ordering;
pub use raw::Raw;
pub(crate) use raw::accesses_of_raw;
pub use time::Deadline;
pub(crate) use time::{measured_pause_tenth_ns, monotonic_ns};

use crate::error::Severed;
use crate::ring::{Barrier, Role};

/// What a pause takes where nobody has measured it.
pub const PAUSE_TENTH_NS: u64 = 95;

/// What the world outside the ring answers when a waiting side asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// Somebody holds the other role.
    PeerAlive,
    /// Nobody holds the other role: never joined, left, or died.
    PeerGone,
    /// The mapping no longer shows the segment.
    Severed(Severed),
}

/// Shared bytes, and what waiting on them takes.
///
/// Offsets are in bytes from the segment's start.
///
/// # Safety
///
/// An implementation must make every access within the `len` bytes it was made for well defined,
/// whatever another thread or process does to those bytes at the same time.
pub unsafe trait Memory {
    /// Reads a control word.
    ///
    /// # Safety
    ///
    /// `at` is a multiple of 8 and `at + 8` lies within the memory.
    unsafe fn load(&self, at: usize, order: Ordering) -> u64;

    /// Writes a control word.
    ///
    /// # Safety
    ///
    /// As for [`Memory::load`].
    unsafe fn store(&self, at: usize, word: u64, order: Ordering);

    /// Writes a word that people read and on which nothing in a ring rests: a counter.
    ///
    /// # Safety
    ///
    /// As for [`Memory::load`].
    unsafe fn note(&self, at: usize, word: u64) {
        // ORDERING: Relaxed: it says nothing of any other word.
        // SAFETY: the same contract.
        unsafe { self.store(at, word, Ordering::Relaxed) };
    }

    /// Reads such a word.
    ///
    /// # Safety
    ///
    /// As for [`Memory::load`].
    unsafe fn noted(&self, at: usize) -> u64 {
        // ORDERING: Relaxed: it says nothing of any other word.
        // SAFETY: the same contract.
        unsafe { self.load(at, Ordering::Relaxed) }
    }

    /// Writes one word of payload.
    ///
    /// # Safety
    ///
    /// As for [`Memory::load`].
    unsafe fn put(&self, at: usize, word: u64);

    /// Reads payload bytes, from any offset.
    ///
    /// # Safety
    ///
    /// `at + into.len()` lies within the memory.
    unsafe fn read(&self, at: usize, into: &mut [u8]);

    /// As [`Memory::read`], for a value of a length known to the compiler, which the caller looks
    /// at where it is received.
    ///
    /// # Safety
    ///
    /// As for [`Memory::read`].
    unsafe fn read_value(&self, at: usize, into: &mut [u8]) {
        // SAFETY: the same contract.
        unsafe { self.read(at, into) };
    }

    /// Writes payload bytes, to any offset, and no byte beside them.
    ///
    /// # Safety
    ///
    /// `at + from.len()` lies within the memory.
    unsafe fn write(&self, at: usize, from: &[u8]);

    /// Writes payload words.
    ///
    /// # Safety
    ///
    /// `at` is a multiple of 8 and the words lie within the memory from there.
    unsafe fn write_words(&self, at: usize, words: &[[u8; 8]]) {
        // SAFETY: the same contract.
        unsafe { self.write(at, words.as_flattened()) };
    }

    /// Asks for the line at `at` with the intention to write it. Changes nothing.
    fn prefetch_write(&self, at: usize);

    /// A word that the other side may be writing as payload at this moment: a guess, on which
    /// nothing but speed may rest.
    ///
    /// # Safety
    ///
    /// As for [`Memory::load`].
    unsafe fn glimpse(&self, at: usize) -> u64 {
        // SAFETY: the same contract.
        unsafe { self.load(at, Ordering::Relaxed) }
    }

    /// Asks for the line at `at` with the intention to read it. Changes nothing.
    fn prefetch_read(&self, at: usize);

    /// Waits about as long as a spinning processor should between two looks.
    fn pause(&self);

    /// How long [`Memory::pause`] takes on this machine, in tenths of a nanosecond.
    fn pause_tenth_ns(&self) -> u64 {
        PAUSE_TENTH_NS
    }

    /// Lets another process have this processor, if one wants it.
    fn yield_now(&self);

    /// A full barrier of this thread.
    fn fence(&self) {
        core::sync::atomic::fence(Ordering::SeqCst);
    }

    /// Keeps the compiler, and nobody else, from moving accesses across.
    fn compiler_fence(&self) {
        core::sync::atomic::compiler_fence(Ordering::SeqCst);
    }

    /// The barrier of who is about to sleep. False if it failed: then a wake may be missed.
    fn barrier(&self, form: Barrier) -> bool {
        let (Barrier::Fence | Barrier::Membarrier) = form;
        self.fence();
        true
    }

    /// Whether this process takes part in others' [`Barrier::Membarrier`].
    fn is_registered(&self) -> bool {
        true
    }

    /// Whether this process has one processor only.
    fn is_alone(&self) -> bool {
        false
    }

    /// Forgets wakes of `role` for which it did not sleep.
    fn hush(&self, role: Role) {
        let _ = role;
    }

    /// Sleeps as `role` while its bell is `bell` in the lower half, for up to `ns` nanoseconds or
    /// until somebody wakes it, or for no reason for less. Says whether the time was up.
    fn sleep(&self, role: Role, bell: u64, ns: u64) -> bool {
        let _ = (role, bell, ns);
        self.yield_now();
        false
    }

    /// Wakes `role`, if it sleeps.
    fn wake(&self, role: Role) {
        let _ = role;
    }

    /// `CLOCK_MONOTONIC`, in nanoseconds.
    fn now(&self) -> u64;

    /// Asks the kernel about the peer and the mapping: one or two system calls.
    fn outside(&self) -> Outside;
}

/// A byte that a process can have locked: the kernel gives it back when the process is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Byte {
    /// Of a participant, for as long as it is there.
    Life(u16),
    /// Of whoever gives that participant's seat to somebody, or takes it for itself.
    Sweep(u16),
}

/// Who a process is, for others who ask whether it is still there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Its number.
    pub pid: u64,
    /// When it began, in the kernel's ticks.
    pub started: u64,
    /// The namespace that its number is of.
    pub namespace: u64,
    /// The time of day in nanoseconds.
    pub now_ns: u64,
}

/// Memory that many participants share, each of whom may be gone at any time.
///
/// # Safety
///
/// As for [`Memory`].
pub unsafe trait Crowd: Memory {
    /// Writes `new` where the control word is `current`, in one step; else says what it is.
    /// Acquires either way, and releases if it writes.
    ///
    /// # Safety
    ///
    /// As for [`Memory::load`].
    unsafe fn compare_exchange(&self, at: usize, current: u64, new: u64) -> Result<(), u64>;

    /// Adds one to a control word, in one step. Acquires and releases.
    ///
    /// # Safety
    ///
    /// As for [`Memory::load`].
    unsafe fn count(&self, at: usize);

    /// Wakes one of those who sleep as `role`. Says whether there was one.
    fn wake_one(&self, role: Role) -> bool;

    /// Locks a byte, unless somebody has it, be it this process. Does not wait.
    fn try_lock(&self, byte: Byte) -> bool;

    /// Gives a byte of ours back.
    fn unlock(&self, byte: Byte);

    /// Whether the participant is gone: nobody has its byte, and the process that had it is no
    /// more. Where that cannot be found out it is not.
    fn is_gone(&self, participant: u16) -> bool;

    /// Who this process is.
    fn identity(&self) -> Identity;
}

/// Memory that the process can point into: for reading and writing messages in place.
///
/// # Safety
///
/// `base` points at the first byte of memory that stays mapped as long as `self` lives.
pub unsafe trait Mapped: Memory {
    /// The address of the segment's first byte.
    fn base(&self) -> *mut u8;
}

/// Memory whose other users are trusted: references into payload may be made.
///
/// # Safety
///
/// Whoever makes a value of such a type vouches that every process that may write the memory keeps
/// to the protocol of the ring in it, so that payload stands still from its record's commit to its
/// release and nobody touches it from its claim to its commit; and that the memory stays the same
/// as long as such a reference lives.
pub unsafe trait Trusting: Mapped {}
