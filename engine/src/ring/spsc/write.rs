//! How a record gets into the ring: payload, padding, the word that comes next, and the word that
//! shows it.

use super::super::Position;
use super::super::area::{Place, Wrap};
use super::super::word::{self, Tag};
use super::ahead::Ahead;
use super::tally::Moved;
use super::{Claim, Producer};
use crate::layout::CELL;
use crate::sync::{Memory, Ordering};

/// What publishing a record takes, looked up before its payload is written: after each store
/// into the ring the compiler would read our fields again.
#[derive(Clone, Copy)]
struct Publication {
    start: Position,
    next: Position,
    len: usize,
    word: u64,
    tag: Tag,
    wrap: Wrap,
    ahead: Ahead,
}

impl<M: Memory> Producer<M> {
    /// Writes `message` at `start`, which has room for it in this lap, and publishes it.
    #[inline(always)]
    pub(super) fn write(&mut self, start: Position, message: &[u8]) {
        let publication = self.publication(start, message.len() as u64);
        self.write_payload(publication.wrap.place(start).plus(word::BYTES), message);
        self.publish(publication);
    }

    /// Writes `message` at `payload`, in whole words.
    #[inline(always)]
    pub(super) fn write_payload(&self, payload: Place, message: &[u8]) {
        let (words, rest) = message.as_chunks::<8>();
        self.area.write_words(payload, words);
        if !rest.is_empty() {
            self.area.put(payload.plus(8 * words.len()), last_word(message, rest.len()));
        }
    }

    #[inline]
    pub(super) fn claim_at(&mut self, start: Position, len: usize) -> Claim<'_, M> {
        self.skip_to(start);
        self.ask_for_next_word(start, len);
        Claim::new(self, start, len)
    }

    /// Asks for the line of the word behind a long record, which is looked at when the record is
    /// published. Those behind short ones were asked for with the lines ahead.
    #[inline]
    pub(super) fn ask_for_next_word(&self, start: Position, len: usize) {
        let next = start + word::record_bytes(len as u64);
        self.area.prefetch_write(self.area.place(next));
    }

    /// Publishes the record of `len` payload bytes at `start`, which may be the lap's last.
    #[inline]
    pub(super) fn commit(&mut self, start: Position, len: u64) -> Position {
        self.publish(self.publication(start, len));
        self.bell.published(&self.area, self.tail);
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
            len: len as usize,
            word: self.tag.message(len),
            tag: self.tag,
            wrap: self.area.wrap(),
            ahead: self.ahead,
        }
    }

    /// Publishes a record. The short way may not be taken after the lap's last one before
    /// [`Producer::set_short_end`] was called.
    #[inline(always)]
    fn publish(&mut self, record: Publication) {
        let Publication { start, next, .. } = record;
        self.show(start, next, record.word, record.tag, record.wrap);
        self.tally.add(Moved::one(record.len));
        for place in record.ahead.places(record.wrap, start, next) {
            self.area.prefetch_write(place);
        }
    }

    /// Shows the record at `start`, whose word is `word`, and all that may stand behind it up to
    /// `next`.
    #[inline(always)]
    pub(super) fn show(
        &mut self,
        start: Position,
        next: Position,
        word: u64,
        tag: Tag,
        wrap: Wrap,
    ) {
        // Rule 2.
        // ORDERING: Relaxed: only producers write there, and the role came to us by a lock.
        if tag.accepts(self.area.word_at(wrap.place(next), Ordering::Relaxed)) {
            self.unmake(next);
        }
        // ORDERING: Release, edge W: payload and zeroed word come before the word.
        self.area.set_word_at(wrap.place(start), word, Ordering::Release);
        self.tail = next;
    }

    /// Payload stands at `next` that would be taken for a record: zeroes it, before anyone looks
    /// (rule 4). At a lap's start the lap's own first word has been seen, which no next lap takes.
    #[cold]
    fn unmake(&self, next: Position) {
        if !self.area.starts_lap(next) {
            // ORDERING: Relaxed: made visible by edge W of the record before it.
            self.area.set_word(next, 0, Ordering::Relaxed);
        }
    }

    /// The short way goes on up to the lap's last cell, or to where the room ends.
    pub(super) fn set_short_end(&mut self) {
        self.tag = self.area.tag(self.tail);
        let lap_end = self.tail + self.area.to_end(self.tail);
        // Rule 8: a record ends before this, so at most where the room ends.
        let room_end = self.room_end + CELL;
        let end = lap_end.min(room_end).min(self.area.longest_end(self.tail));
        (self.short_end, self.rung_end) = if self.bell.is_silent() { (end, 0) } else { (0, end) };
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
        let padding = self.area.tag(self.tail).padding(start - self.tail);
        // ORDERING: Relaxed: it publishes nothing. What comes next starts a lap, so rule 4 asks
        // for no look at it.
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
