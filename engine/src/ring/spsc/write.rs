//! How a record gets into the ring: payload, care, padding, and the word that shows it.

use super::super::Position;
use super::super::word;
use super::{Claim, Producer};
use crate::layout::CELL;
use crate::sync::{Memory, Ordering};

impl<M: Memory> Producer<M> {
    /// Writes `message` at `start`, which has room for it in this lap, and publishes it.
    #[inline(always)]
    pub(super) fn write(&mut self, start: Position, message: &[u8]) {
        let lookalike = self.tag.plus(1);
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
        self.publish(start, message.len() as u64);
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
        self.publish(start, len);
        self.set_short_end();
        start
    }

    /// Publishes the record of `len` payload bytes at `start`. The short way may not be taken
    /// after the lap's last one before [`Producer::set_short_end`] was called.
    #[inline(always)]
    fn publish(&mut self, start: Position, len: u64) {
        let next = start + word::record_bytes(len);
        if next <= self.careful_until && !self.area.starts_lap(next) {
            // ORDERING: Relaxed: made visible by edge W below, before anyone looks here.
            self.area.set_word(next, 0, Ordering::Relaxed);
        }
        // ORDERING: Release, edge W: payload and zeroed word come before the word.
        self.area.set_word(start, self.tag.message(len), Ordering::Release);
        self.tail = next;
        self.ask_ahead(start, next);
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
