//! All mappings of this process, in a table that a signal handler may read.
//!
//! A mapping that no longer shows its segment is *severed*: replaced in place by private zero
//! pages. The rings need no check for that on their way, since a gate of zero is never valid;
//! whoever finds one asks here for the cause.
//!
//! ```text
//!   slot:  span   0 = free, else the mapping's address and its bytes, both in units of 4 KiB
//!          cause  0 = whole, else why it was severed
//! ```
//!
//! A span is one word, so nobody ever sees the address of one mapping with the size of another.
//! A slot is claimed after mapping and freed before unmapping.
//!
//! This is the one place beside `sync` with atomics: they are private to the process, guard no
//! shared memory, and are what a signal handler may touch.

use super::sever;
use crate::error::Severed;
use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// How many mappings a process may have.
pub(super) const SLOTS: usize = 1024;

static TABLE: [Entry; SLOTS] = [const { Entry::free() }; SLOTS];

struct Entry {
    span: AtomicU64,
    cause: AtomicU8,
}

/// Where a mapping is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(u64);

/// A mapping's place in the table, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot(usize);

impl Entry {
    const fn free() -> Entry {
        Entry { span: AtomicU64::new(0), cause: AtomicU8::new(0) }
    }

    /// The mapping in it, if there is one.
    fn span(&self) -> Option<Span> {
        // ORDERING: Acquire, with the claim: the cause of its predecessor is wiped.
        match self.span.load(Ordering::Acquire) {
            0 => None,
            bits => Some(Span(bits)),
        }
    }

    /// Takes it for `span` if it is free.
    fn claim(&self, span: Span) -> bool {
        // ORDERING: AcqRel: after the release of the slot, before any look by a handler.
        self.span.compare_exchange(0, span.0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Severs the mapping in it, with the first cause if there are several.
    fn sever(&self, span: Span, cause: Severed) -> bool {
        let number = match cause {
            Severed::Forked => FORKED,
            Severed::Truncated => TRUNCATED,
            Severed::Removed => REMOVED,
        };
        // The cause first: who sees a zero page finds it.
        // ORDERING: AcqRel: stands before the system call that changes the mapping.
        let _ = self.cause.compare_exchange(0, number, Ordering::AcqRel, Ordering::Acquire);
        sever::replace(span)
    }
}

const FORKED: u8 = 1;
const TRUNCATED: u8 = 2;
const REMOVED: u8 = 3;

impl Span {
    /// What addresses and sizes are counted in: no page is smaller.
    const UNIT: u64 = 4096;
    const UNITS_BITS: u32 = 28;

    /// The mapping of `bytes`, whole pages, at `address`.
    pub(super) fn new(address: u64, bytes: u64) -> Span {
        let (at, units) = (address / Span::UNIT, bytes / Span::UNIT);
        debug_assert!(address.is_multiple_of(Span::UNIT) && bytes.is_multiple_of(Span::UNIT));
        debug_assert!(at != 0 && at >> (64 - Span::UNITS_BITS) == 0);
        debug_assert!(units != 0 && units >> Span::UNITS_BITS == 0);
        Span(at << Span::UNITS_BITS | units)
    }

    /// Where it begins.
    pub(super) fn address(self) -> u64 {
        (self.0 >> Span::UNITS_BITS) * Span::UNIT
    }

    /// How many bytes it has: those of the segment, in whole pages.
    pub(super) fn bytes(self) -> u64 {
        (self.0 & ((1 << Span::UNITS_BITS) - 1)) * Span::UNIT
    }

    fn contains(self, address: u64) -> bool {
        address.wrapping_sub(self.address()) < self.bytes()
    }
}

impl Slot {
    /// A slot for `span`; none if all are taken.
    pub(super) fn claim(span: Span) -> Option<Slot> {
        TABLE.iter().position(|entry| entry.claim(span)).map(Slot)
    }

    /// Why the mapping was severed, if it was.
    pub(super) fn severed(&self) -> Option<Severed> {
        // ORDERING: Acquire, with `Entry::sever`.
        match TABLE[self.0].cause.load(Ordering::Acquire) {
            0 => None,
            FORKED => Some(Severed::Forked),
            REMOVED => Some(Severed::Removed),
            _ => Some(Severed::Truncated),
        }
    }

    /// Severs the mapping. Whoever uses it meanwhile is led to the cause.
    pub(super) fn sever(&self, cause: Severed) {
        let entry = &TABLE[self.0];
        if let Some(span) = entry.span() {
            entry.sever(span, cause);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let entry = &TABLE[self.0];
        // ORDERING: Relaxed: seen with the release of the slot below.
        entry.cause.store(0, Ordering::Relaxed);
        // ORDERING: Release, with the next claim.
        entry.span.store(0, Ordering::Release);
    }
}

/// Severs all mappings. For the child of a fork: there is no other thread.
pub(super) fn sever_all(cause: Severed) {
    for entry in &TABLE {
        if let Some(span) = entry.span() {
            entry.sever(span, cause);
        }
    }
}

/// Severs the mapping that `address` lies in. False if there is none, or if it cannot be done.
/// Safe to call in a signal handler.
///
/// The caller is in the middle of an access there, so the mapping that it belongs to stays, and
/// no other's span contains the address.
pub(super) fn sever_at(address: u64, cause: Severed) -> bool {
    TABLE.iter().any(|entry| match entry.span() {
        Some(span) if span.contains(address) => entry.sever(span, cause),
        _ => false,
    })
}
