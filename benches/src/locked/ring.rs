//! The ring: slots, two counts and two notes, all plain memory that is touched with the lock in
//! hand only.
//!
//! ```text
//! block bytes: 0 lock | 256 filled | 512 emptied | 768 books | 4096 slots of N bytes, without gaps
//! ```
//! A send takes the lock, copies the message into slot number `sent`, counts it, gives the lock
//! back, and sets the event `filled` if the receiver had noted that it sleeps. Where no slot is
//! free it notes that it sleeps, gives the lock back, waits for the event `emptied`, and looks
//! again. A receive is the same with the names exchanged.
//!
//! *No wake is lost.* Who sleeps found nothing to do and noted that it sleeps under one hold of the
//! lock. Who makes something to do has the lock after that, finds the note, strikes it out and sets
//! the event; and an event stays set until somebody has waited for it. So which of the two
//! comes first does not matter.
//!
//! Nobody looks twice before he sleeps: who looks has the lock. Tried and lost (2-core AMD Zen 5
//! VM, cores on one cache, `compare --rounds 5 locked/stream`, three alternating runs): an event
//! set for each message, asleep or not, 3.8 to 4.9 M/s where the notes give 6.7 to 6.8. A ring of
//! 1 MiB gives 7.0 to 7.3.

use std::ptr::NonNull;

use super::lock::{self, Event, Held, Lock};
use crate::block::Block;
use crate::fault::{Fault, Side, SideFault, Step};

const LOCK: usize = 0;
const FILLED: usize = LOCK + lock::ROOM;
const EMPTIED: usize = FILLED + lock::ROOM;
const BOOKS: usize = EMPTIED + lock::ROOM;
const SLOTS: usize = 4096;

const _: () = assert!(BOOKS + size_of::<Books>() <= SLOTS);

/// Who has done what, and who sleeps.
#[repr(C)]
struct Books {
    /// Messages that were put in, in all.
    sent: u64,
    /// Messages that were taken out, in all.
    received: u64,
    /// 1 when the sender sleeps, or is about to.
    sender_sleeps: u64,
    /// 1 when the receiver sleeps, or is about to.
    receiver_sleeps: u64,
}

/// A ring of messages of `N` bytes, in memory that forked sides share with their parent.
pub(super) struct Ring<const N: usize> {
    block: Block,
    slots: usize,
}

/// Either end of a ring, for one process; one side sends, the other receives.
pub(super) struct End<'a, const N: usize> {
    ring: &'a Ring<N>,
    pub(super) lock: Lock,
    filled: Event,
    emptied: Event,
}

impl<const N: usize> Ring<N> {
    /// A new ring of as many slots as `bytes` bytes hold, at least one.
    pub(super) fn create(bytes: usize) -> Result<Ring<N>, Fault> {
        let slots = (bytes / N).max(1);
        let ring = Ring { block: Block::map(SLOTS + slots * N, 0)?, slots };
        ring.make().map_err(|fault| Fault::Side { side: Side::Lead, fault })?;
        Ok(ring)
    }

    fn make(&self) -> Result<(), SideFault> {
        // SAFETY: inside the block, apart from the others, and nobody else has it yet.
        unsafe { Lock::create(self.place(LOCK)) }?;
        // SAFETY: the same.
        unsafe { Event::create(self.place(FILLED)) }?;
        // SAFETY: the same.
        unsafe { Event::create(self.place(EMPTIED)) }
    }

    /// One side's end. To be called in the process that uses it.
    pub(super) fn open(&self) -> Result<End<'_, N>, SideFault> {
        // SAFETY: made by `create`, and mapped as long as the ring is borrowed, which `End` says.
        let lock = unsafe { Lock::open(self.place(LOCK)) }?;
        // SAFETY: the same.
        let filled = unsafe { Event::open(self.place(FILLED)) }?;
        // SAFETY: the same.
        let emptied = unsafe { Event::open(self.place(EMPTIED)) }?;
        Ok(End { ring: self, lock, filled, emptied })
    }

    /// What the lock is for, as long as it is held.
    #[inline(always)]
    fn inside<'h>(&'h self, _held: &'h mut Held<'_>) -> (&'h mut Books, &'h mut [[u8; N]]) {
        let books = self.place(BOOKS).cast::<Books>();
        let slots = NonNull::slice_from_raw_parts(self.place(SLOTS).cast(), self.slots);
        // SAFETY: inside the block, aligned, of integers only; and nobody else touches it, in this
        // process or another, while the lock is held, which is as long as this borrows from it.
        let books = unsafe { &mut *books.as_ptr() };
        // SAFETY: the same, for as many slots as the block was mapped for.
        let slots = unsafe { &mut *slots.as_ptr() };
        (books, slots)
    }

    #[inline(always)]
    fn place(&self, offset: usize) -> NonNull<u8> {
        // SAFETY: no offset that is asked for is above SLOTS, which is inside the block.
        let place = unsafe { self.block.bytes().add(offset) };
        // SAFETY: a mapping does not begin at zero.
        unsafe { NonNull::new_unchecked(place) }
    }
}

impl<const N: usize> End<'_, N> {
    /// Puts one message in; waits for a free slot, until there is one or this process is ended.
    #[inline(always)]
    pub(super) fn send(&mut self, message: &[u8; N]) -> Result<(), SideFault> {
        loop {
            let mut held = self.lock.hold(Step::Send)?;
            let (books, slots) = self.ring.inside(&mut held);
            let count = slots.len() as u64;
            if books.sent - books.received < count {
                slots[(books.sent % count) as usize] = *message;
                books.sent += 1;
                let wakes = std::mem::take(&mut books.receiver_sleeps) != 0;
                drop(held);
                return if wakes { self.filled.set(Step::Send) } else { Ok(()) };
            }
            books.sender_sleeps = 1;
            drop(held);
            self.emptied.wait(Step::Send)?;
        }
    }

    /// Takes one message out; waits for it, until it is there or this process is ended.
    #[inline(always)]
    pub(super) fn receive(&mut self, message: &mut [u8; N]) -> Result<(), SideFault> {
        loop {
            let mut held = self.lock.hold(Step::Receive)?;
            let (books, slots) = self.ring.inside(&mut held);
            let count = slots.len() as u64;
            if books.received < books.sent {
                *message = slots[(books.received % count) as usize];
                books.received += 1;
                let wakes = std::mem::take(&mut books.sender_sleeps) != 0;
                drop(held);
                return if wakes { self.emptied.set(Step::Receive) } else { Ok(()) };
            }
            books.receiver_sleeps = 1;
            drop(held);
            self.filled.wait(Step::Receive)?;
        }
    }
}
