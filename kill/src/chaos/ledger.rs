//! What both sides have done, in memory that outlives each of them.
//!
//! A process that is killed has made its stores in order up to some point, and none after it: the
//! kernel takes no store back. So a ledger that is written before and after each operation says
//! what the victim had been told when it died.

use annulus::ring::Role;
use std::sync::atomic::{AtomicU64, Ordering};

/// One side's page of the ledger.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Page {
    /// 1 while the side is in an operation of the ring.
    pub(super) inside: AtomicU64,
    /// 1 from when the side has joined until it begins to leave.
    pub(super) joined: AtomicU64,
    /// So many errors that told of a dead peer.
    pub(super) deaths_seen: AtomicU64,
    /// Which fault was found, by [`super::sides::FAULTS`], and what it was found at.
    pub(super) fault: AtomicU64,
    pub(super) fault_at: AtomicU64,
}

/// The ledger.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) producer: Page,
    pub(super) consumer: Page,
    /// Every message before this one was sent, or may be missing by what a later one says.
    pub(super) returned: AtomicU64,
    /// Messages before this one may be in the ring.
    pub(super) attempted: AtomicU64,
    /// How far the consumer has come: two entries, of which `latest` names the valid one.
    latest: AtomicU64,
    entries: [Entry; 2],
    /// Messages that the operation in hand has shown in place and not yet released.
    pub(super) shown: AtomicU64,
    /// So many may come again, since a predecessor's death and until a new one has come.
    pub(super) may_repeat: AtomicU64,
    /// Messages that came again.
    pub(super) repeated: AtomicU64,
}

/// How far the consumer has come.
#[derive(Default)]
struct Entry {
    next: AtomicU64,
    end: AtomicU64,
}

/// How far the consumer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// The next message's number, if none is missing.
    pub(super) next: u64,
    /// One more than the last message's position.
    pub(super) end: u64,
}

impl Ledger {
    pub(super) fn page(&self, role: Role) -> &Page {
        match role {
            Role::Producer => &self.producer,
            Role::Consumer => &self.consumer,
        }
    }

    pub(super) fn progress(&self) -> Progress {
        let entry = &self.entries[self.latest.load(Ordering::Acquire) as usize % 2];
        Progress {
            next: entry.next.load(Ordering::Relaxed),
            end: entry.end.load(Ordering::Relaxed),
        }
    }

    /// The consumer has come so far: there is no moment at which a reader sees half of it.
    pub(super) fn set_progress(&self, progress: Progress) {
        let latest = self.latest.load(Ordering::Relaxed) + 1;
        let entry = &self.entries[latest as usize % 2];
        entry.next.store(progress.next, Ordering::Relaxed);
        entry.end.store(progress.end, Ordering::Relaxed);
        self.latest.store(latest, Ordering::Release);
    }
}

impl Page {
    /// Performs an operation of the ring.
    pub(super) fn within<T>(&self, operation: impl FnOnce() -> T) -> T {
        self.inside.store(1, Ordering::SeqCst);
        let result = operation();
        self.inside.store(0, Ordering::SeqCst);
        result
    }
}
