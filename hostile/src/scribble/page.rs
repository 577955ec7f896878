//! What each process has done, in memory that outlives it.

use super::Part;
use std::sync::atomic::{AtomicU64, Ordering};

/// One process's page; only it writes there.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Page {
    /// Calls, or scribbles.
    pub(super) calls: AtomicU64,
    pub(super) messages: AtomicU64,
    pub(super) corruptions: AtomicU64,
    pub(super) latest_ns: AtomicU64,
    /// Calls in which it gave up its processor.
    pub(super) slept: AtomicU64,
    /// Segments that it has attached to.
    pub(super) attached: AtomicU64,
}

/// All pages.
#[derive(Default)]
pub(super) struct Pages(pub(super) [Page; 3]);

impl Pages {
    /// Segments that were attached to, by all together.
    pub(super) fn attached(&self) -> u64 {
        self.0.iter().map(|page| page.attached.load(Ordering::Acquire)).sum()
    }

    pub(super) fn of(&self, part: Part) -> &Page {
        &self.0[part as usize]
    }
}

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    // Release: what came before it is seen with it.
    counter.fetch_add(1, Ordering::Release);
}
