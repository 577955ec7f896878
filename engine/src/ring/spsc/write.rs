//! How a record gets into the ring: payload, padding, the word that comes next, and the word that
//! shows it.

use super::super::Position;
use super::super::area::Place;
use super::super::word::{self, Tag};
use super::tally::Moved;
use super::{Claim, Producer};
use crate::layout::CELL;
use crate::sync::{Memory, Ordering};

/// A record's place, the next one's, and what else showing it takes. Made before its payload is
/// written: after each store into the ring the compiler would read our fields again.
#[derive(Clone, Copy)]
pub(super) struct Site {
    pub(super) place: Place,
    pub(super) next: Position,
    pub(super) next_place: Place,
    pub(super) tag: Tag,
}

impl<M: Memory> Producer<M> {
    /// Writes `message` at `start`, with room for it and the next word in this lap, and shows it.
    #[inline(always)]
    pub(super) fn write_within(&mut self, start: Position, message: &[u8]) {
        let place = self.area.place(start);
        let record = word::record_bytes(message.len() as u64);
        let next_place = place.plus(record as usize);
        let site = Site { place, next: start + record, next_place, tag: self.tag };
        self.write_payload(place.plus(word::BYTES), message);
        self.publish(start, site, message.len());
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
        let next = start + word::record_bytes(len);
        let (place, next_place) = (self.area.place(start), self.area.place(next));
        self.publish(start, Site { place, next, next_place, tag: self.tag }, len as usize);
        self.bell.published(&self.area, next);
        // What was claimed the short way leaves that as it was.
        if !self.is_short_way(next) {
            self.set_short_end();
        }
        start
    }

    /// Shows the record of `len` payload bytes at `start`, counts it, and asks for lines ahead.
    #[inline(always)]
    fn publish(&mut self, start: Position, site: Site, len: usize) {
        self.show(site, site.tag.message(len as u64));
        self.tally.add(Moved::one(len));
        for place in self.ahead.places(self.area.wrap(), start, site.next) {
            self.area.prefetch_write(place);
        }
    }

    /// Shows the record at `site`, whose word is `word`, and all that may stand behind it up to the
    /// next one.
    #[inline(always)]
    pub(super) fn show(&mut self, site: Site, word: u64) {
        // Rule 2.
        // ORDERING: Relaxed: only producers write there, and the role came to us by a lock.
        if site.tag.accepts(self.area.word_at(site.next_place, Ordering::Relaxed)) {
            self.unmake(site.next);
        }
        // ORDERING: Release, edge W: payload and zeroed word come before the word.
        self.area.set_word_at(site.place, word, Ordering::Release);
        self.tail = site.next;
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
        (self.short_end, self.fenced_end) = if self.bell.is_fenced() { (0, end) } else { (end, 0) };
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
