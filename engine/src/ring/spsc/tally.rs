//! What a side has moved: counted in private memory, shown where that costs nothing.
//!
//! A message adds one number to a field of its handle. The totals are stored for people to read,
//! on the side's own [`Participant`](crate::layout::Participant) line, only where time is no
//! matter: by a producer when it looks for room, begins to wait, or closes; by a consumer when it
//! comes to a lap's end, finds nothing, has looked for a message 64 times in vain, or closes. So
//! what is shown is behind by a ring's length at most, and what a killed process had not shown is
//! not counted.
//!
//! A receiver's run is not even counted by the message: all records of it have one length, so
//! how many they are follows from where it began and where it ends.
//!
//! The counters are the segment's: who takes a role over goes on from what the last one showed.
//! Nothing in the ring rests on them, and they wrap rather than fail whatever stands there.

use super::recv::NO_RUN;
use super::{Consumer, Producer};
use crate::layout::{CAPACITY_MAX, CELL, Participant};
use crate::ring::area::Area;
use crate::ring::{Role, word};
use crate::sync::Memory;
use core::mem::offset_of;

/// Messages and their payload bytes in one word, so that a message costs one addition: bytes
/// above, messages below.
#[derive(Clone, Copy)]
pub(super) struct Moved(u64);

impl Moved {
    const NOTHING: Moved = Moved(0);
    const BYTES_SHIFT: u32 = 32;

    /// `messages` of `bytes` bytes together.
    #[inline(always)]
    pub(super) const fn of(messages: u64, bytes: u64) -> Moved {
        Moved(bytes << Moved::BYTES_SHIFT | messages)
    }

    /// One message of `len` bytes.
    #[inline(always)]
    pub(super) const fn one(len: usize) -> Moved {
        Moved::of(1, len as u64)
    }

    #[inline(always)]
    const fn plus(self, more: Moved) -> Moved {
        Moved(self.0.wrapping_add(more.0))
    }

    /// Exact where the difference fits, however often either has wrapped: a sum of packed numbers
    /// is the packed number of sums, carries and all.
    const fn minus(self, less: Moved) -> Moved {
        Moved(self.0.wrapping_sub(less.0))
    }

    #[inline(always)]
    pub(super) const fn messages(self) -> u64 {
        self.0 & ((1 << Moved::BYTES_SHIFT) - 1)
    }

    const fn bytes(self) -> u64 {
        self.0 >> Moved::BYTES_SHIFT
    }
}

// A ring's length and one record more leave room in both halves.
const _: () = assert!(2 * CAPACITY_MAX <= 1 << Moved::BYTES_SHIFT && CELL > 0);

/// A side's counters.
pub(super) struct Tally {
    /// What this handle has moved.
    moved: Moved,
    /// What of it is shown: a ring's length of records less, and one, at most.
    told: Moved,
    messages: u64,
    bytes: u64,
    waits: u64,
}

impl Tally {
    /// Goes on from what the last holder of `role` showed.
    pub(super) fn after<M: Memory>(area: &Area<M>, role: Role) -> Tally {
        let noted = |field| area.noted(role, field);
        Tally {
            moved: Moved::NOTHING,
            told: Moved::NOTHING,
            messages: noted(offset_of!(Participant, messages)),
            bytes: noted(offset_of!(Participant, bytes)),
            waits: noted(offset_of!(Participant, waits)),
        }
    }

    #[inline(always)]
    pub(super) fn add(&mut self, moved: Moved) {
        self.moved = self.moved.plus(moved);
    }

    /// Shows what was counted, if there is anything new.
    #[inline]
    fn show<M: Memory>(&mut self, area: &Area<M>, role: Role) {
        let recent = self.moved.minus(self.told);
        if recent.0 != 0 {
            self.told = self.moved;
            self.messages = self.messages.wrapping_add(recent.messages());
            self.bytes = self.bytes.wrapping_add(recent.bytes());
            area.note(role, offset_of!(Participant, messages), self.messages);
            area.note(role, offset_of!(Participant, bytes), self.bytes);
        }
    }

    /// One wait more, shown at once: whoever waits for long should not look as if it did not.
    #[inline]
    pub(super) fn begin_wait<M: Memory>(&mut self, area: &Area<M>, role: Role) {
        self.waits = self.waits.wrapping_add(1);
        area.note(role, offset_of!(Participant, waits), self.waits);
    }
}

impl<M: Memory> Producer<M> {
    /// Shows people who look at the segment how many messages and bytes were sent so far. It
    /// happens by itself once in a ring's length; call it before a long pause. Does not block:
    /// two stores to a line that no other side writes.
    #[inline]
    pub fn publish_counters(&mut self) {
        self.tally.show(&self.area, Role::Producer);
    }
}

impl<M: Memory> Consumer<M> {
    /// Shows people who look at the segment how many messages and bytes were received so far. It
    /// happens by itself once in a ring's length, and when nothing has come for 64 looks.
    #[inline]
    pub fn publish_counters(&mut self) {
        self.count_run();
        self.tally.show(&self.area, Role::Consumer);
    }

    /// Counts what was received by the short way since it was counted last: the run's messages,
    /// if there is a run.
    pub(super) fn count_run(&mut self) {
        if self.run_end != 0 && self.position != self.counted {
            let len = self.run_len as u64;
            let messages = (self.position - self.counted) / word::record_bytes(len);
            self.tally.add(Moved::of(messages, messages * len));
            self.counted = self.position;
        }
    }

    /// What comes next is not of the run: the run is counted and over.
    #[cold]
    pub(super) fn end_run(&mut self) {
        self.count_run();
        (self.run_len, self.run_end) = (NO_RUN, 0);
        if self.position == self.released {
            self.until_release = self.release_records;
        }
    }
}
