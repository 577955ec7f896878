//! Messages shown in place: one, or several to be released together.

use super::find::{Found, Look};
use super::tally::Moved;
use super::{Consumer, Record};
use crate::ring::Position;
use crate::sync::Memory;

/// Records that one [`Batch`] holds at most.
const BATCH_RECORDS: usize = 64;

/// The next message, in place. Dropped, it stays the next message.
pub struct View<'c, M: Memory> {
    pub(super) consumer: &'c mut Consumer<M>,
    pub(super) found: Found,
    /// Whether it is passed as one of the consumer's run, which is counted and released as a whole.
    pub(super) is_of_run: bool,
}

impl<'c, M: Memory> View<'c, M> {
    #[inline(always)]
    pub(super) fn new(consumer: &'c mut Consumer<M>, found: Found) -> Self {
        View { consumer, found, is_of_run: false }
    }

    /// The message.
    #[inline(always)]
    pub fn record(&self) -> Record<'_, M> {
        self.consumer.record(self.found)
    }

    /// Takes the message out of the ring.
    #[inline(always)]
    pub fn release(self) {
        let Found { position, end, len } = self.found;
        if self.is_of_run {
            self.consumer.pass_short_to(position, end);
        } else {
            self.consumer.advance(end, Moved::one(len));
        }
    }
}

/// Messages that are looked at together and released together, up to 64 of them or 7/16 of the
/// ring. Dropped, it releases nothing, and all of it comes again to the successor of who is killed.
///
/// For a writer that hands several messages to one system call and releases those that the call
/// has taken.
pub struct Batch<'c, M: Memory> {
    consumer: &'c mut Consumer<M>,
    /// Where the next record will be looked for.
    scan: Position,
    /// Where each gathered record ends, and how long its message is.
    ends: [Position; BATCH_RECORDS],
    lens: [u32; BATCH_RECORDS],
    count: usize,
}

impl<'c, M: Memory> Batch<'c, M> {
    pub(super) fn new(consumer: &'c mut Consumer<M>) -> Self {
        let scan = consumer.position();
        Batch { consumer, scan, ends: [0; BATCH_RECORDS], lens: [0; BATCH_RECORDS], count: 0 }
    }

    /// One message more, if it is there now and the batch is not full. Does not block.
    pub fn gather(&mut self) -> Option<Record<'_, M>> {
        if self.count == BATCH_RECORDS {
            return None;
        }
        let mut look = self.consumer.look(self.scan);
        if let Look::Padding(lap_start) = look {
            self.scan = lap_start;
            look = self.consumer.look(lap_start);
        }
        // A corrupted word is reported by the call that comes to it first.
        let Look::Message(found) = look else { return None };
        // A producer that waits for a quarter must get it while this batch is out.
        let largest = self.consumer.area.capacity() / 16 * 7;
        if self.count > 0 && found.end - self.consumer.position() > largest {
            return None;
        }
        self.scan = found.end;
        self.ends[self.count] = found.end;
        self.lens[self.count] = found.len as u32;
        self.count += 1;
        Some(self.consumer.record(found))
    }

    /// How many messages were gathered.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Takes the first `count` of the gathered messages out of the ring; the rest stay.
    ///
    /// # Panics
    ///
    /// If fewer were gathered.
    pub fn release(self, count: usize) {
        assert!(count <= self.count, "release of {count} messages of {}", self.count);
        if let Some(last) = count.checked_sub(1) {
            let bytes = self.lens[..count].iter().map(|len| u64::from(*len)).sum();
            self.consumer.advance(self.ends[last], Moved::of(count as u64, bytes));
        }
    }
}
