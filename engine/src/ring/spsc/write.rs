//! How a record gets into the ring: payload, care, padding, and the word that shows it.

use super::super::Position;
use super::super::word;
use super::{Claim, Producer};
use crate::layout::CELL;
use crate::sync::{Memory, Ordering};

/// Rings up to this size are prefetched for writing; in larger ones the lines have left the
/// consumer's cache by the time they are wanted again.
const PREFETCH_CAPACITY_MAX: u64 = 128 * 1024;

/// How far past the next word prefetching starts: never the line that the consumer looks at.
const PREFETCH_AHEAD: u64 = 128;

/// A cache line, for counting prefetches.
const LINE: u64 = 64;

impl<M: Memory> Producer<M> {
    /// Writes `message` at `start`, which has room for it in this lap, and publishes it.
    #[inline(always)]
    pub(super) fn write(&mut self, start: Position, message: &[u8]) -> Position {
        let lookalike = self.area.tag(start).plus(1);
        let payload = self.area.place(start).plus(word::BYTES);
        // Rule 2: what is written is compared on its way; the last word is stored whole.
        let (words, rest) = message.as_chunks::<8>();
        let mut imitated = self.area.write_watched(payload, words, lookalike);
        if !rest.is_empty() {
            let last = last_word(message, rest.len());
            self.area.put(payload.plus(8 * words.len()), last);
            imitated |= lookalike.is_borne_by(last);
        }
        if imitated {
            self.be_careful_past(start + word::record_bytes(message.len() as u64));
        }
        self.commit(start, message.len() as u64)
    }

    #[inline]
    pub(super) fn claim_at(&mut self, start: Position, len: usize) -> Claim<'_, M> {
        self.skip_to(start);
        // Rules 2 and 5: what will be written in place is not looked at; the whole claim counts
        // as a match, for this lap and the next, even if it is dropped or shortened.
        self.be_careful_past(start + word::record_bytes(len as u64));
        Claim::new(self, start, len)
    }

    /// Rule 3, with a record's end in place of the match: a simple superset.
    #[inline(always)]
    fn be_careful_past(&mut self, end: Position) {
        self.careful_until = self.careful_until.max(end + self.area.capacity());
    }

    /// Publishes the record of `len` payload bytes at `start`.
    #[inline(always)]
    pub(super) fn commit(&mut self, start: Position, len: u64) -> Position {
        let next = start + word::record_bytes(len);
        if next <= self.careful_until && !self.area.starts_lap(next) {
            // ORDERING: Relaxed: made visible by edge W below, before anyone looks here.
            self.area.set_word(next, 0, Ordering::Relaxed);
        }
        // ORDERING: Release, edge W: payload and zeroed word come before the word.
        self.area.set_word(start, self.area.tag(start).message(len), Ordering::Release);
        self.tail = next;
        if next > self.short_end {
            self.set_short_end();
        }
        if self.area.capacity() <= PREFETCH_CAPACITY_MAX {
            self.prefetch(start, next);
        }
        start
    }

    /// The short way goes on up to the lap's end, or to where the room ends.
    #[cold]
    fn set_short_end(&mut self) {
        let lap_end = self.tail + self.area.to_end(self.tail);
        // Rule 8: one cell more, for the next word.
        self.short_end = lap_end.min(self.room_end - CELL);
    }

    /// Asks for as many lines as the record took, each line of the stream once.
    #[inline(always)]
    fn prefetch(&self, start: Position, next: Position) {
        let mut line = (start + PREFETCH_AHEAD).next_multiple_of(LINE);
        while line < next + PREFETCH_AHEAD {
            self.area.prefetch_write(line);
            line += LINE;
        }
    }

    /// Fills the ring's end with padding if `start` is the next lap's first position.
    #[inline]
    pub(super) fn skip_to(&mut self, start: Position) {
        if start != self.tail {
            self.pad_to(start);
        }
    }

    #[cold]
    fn pad_to(&mut self, start: Position) {
        // Rule 6: these cells keep words that were compared with another lap's.
        let mut cell = self.tail + CELL;
        while cell < start {
            // ORDERING: Relaxed: made visible by edge W below.
            self.area.set_word(cell, 0, Ordering::Relaxed);
            cell += CELL;
        }
        let padding = self.area.tag(self.tail).padding(start - self.tail);
        // ORDERING: Relaxed: it publishes nothing but zeros, and edge W of the next record comes
        // before anyone looks for those. That record starts a lap, so rule 4 asks for no zero.
        self.area.set_word(self.tail, padding, Ordering::Relaxed);
        self.tail = start;
    }
}

/// The last `rest` bytes of `message`, one to seven, as a word filled with zeros.
#[inline(always)]
fn last_word(message: &[u8], rest: usize) -> u64 {
    match message.last_chunk::<8>() {
        // The word that ends where the message ends, without what is not of the rest.
        Some(chunk) => u64::from_le_bytes(*chunk) >> (64 - 8 * rest),
        None => message.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}
