//! How a record gets into the ring: payload, care, padding, and the word that shows it.

use super::super::Position;
use super::super::area::Wrap;
use super::super::word;
use super::ahead::Ahead;
use super::{Claim, Producer};
use crate::layout::CELL;
use crate::sync::{Memory, Ordering};

/// What publishing a record takes, looked up before its payload is written: after each store
/// into the ring the compiler would read our fields again.
#[derive(Clone, Copy)]
struct Publication {
    start: Position,
    next: Position,
    word: u64,
    wrap: Wrap,
    careful_until: Position,
    ahead: Ahead,
}

impl<M: Memory> Producer<M> {
    /// Writes `message` at `start`, which has room for it in this lap, and publishes it.
    #[inline(always)]
    pub(super) fn write(&mut self, start: Position, message: &[u8]) {
        let publication = self.publication(start, message.len() as u64);
        let lookalike = self.tag.stamp_of_next_lap();
        let payload = publication.wrap.place(start).plus(word::BYTES);
        // Rule 2: what is written is compared on its way; the last word is stored whole.
        let (words, rest) = message.as_chunks::<8>();
        let mut imitated = self.area.write_watched(payload, words, lookalike);
        if !rest.is_empty() {
            let last = last_word(message, rest.len());
            self.area.put(payload.plus(8 * words.len()), last);
            imitated |= word::bears(last, lookalike);
        }
        let publication = if imitated { self.carefully(publication) } else { publication };
        self.publish(publication);
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

    /// Publishes the record of `len` payload bytes at `start`, which may be the lap's last.
    #[inline]
    pub(super) fn commit(&mut self, start: Position, len: u64) -> Position {
        self.publish(self.publication(start, len));
        self.set_short_end();
        start
    }

    /// What publishing a record of `len` payload bytes at `start` takes.
    #[inline(always)]
    fn publication(&self, start: Position, len: u64) -> Publication {
        let next = start + word::record_bytes(len);
        Publication {
            start,
            next,
            word: self.tag.message(len),
            wrap: self.area.wrap(),
            careful_until: self.careful_until,
            ahead: self.ahead,
        }
    }

    /// For a record that has turned out to imitate one of the next lap.
    #[cold]
    fn carefully(&mut self, publication: Publication) -> Publication {
        self.be_careful_past(publication.next);
        Publication { careful_until: self.careful_until, ..publication }
    }

    /// Publishes a record. The short way may not be taken after the lap's last one before
    /// [`Producer::set_short_end`] was called.
    #[inline(always)]
    fn publish(&mut self, record: Publication) {
        let Publication { start, next, .. } = record;
        if next <= record.careful_until && !self.area.starts_lap(next) {
            // ORDERING: Relaxed: made visible by edge W below, before anyone looks here.
            self.area.set_word(next, 0, Ordering::Relaxed);
        }
        // ORDERING: Release, edge W: payload and zeroed word come before the word.
        self.area.set_word_at(record.wrap.place(start), record.word, Ordering::Release);
        self.tail = next;
        for place in record.ahead.places(record.wrap, start, next) {
            self.area.prefetch_write(place);
        }
    }

    /// The short way goes on up to the lap's last cell, or to where the room ends.
    pub(super) fn set_short_end(&mut self) {
        self.tag = self.area.tag(self.tail);
        let lap_end = self.tail + self.area.to_end(self.tail);
        // Rule 8: a record ends before this, so that one cell more is left for the next word.
        self.short_end = lap_end.min(self.room_end).min(self.area.longest_end(self.tail));
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
        self.tag = self.area.tag(start);
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
