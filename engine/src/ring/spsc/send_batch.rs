//! Several messages that are shown together.
//!
//! The words of all records but the first are stored as they come, and seen by nobody: a consumer
//! that stands before the first does not get past it. The first one's word, stored last, shows
//! them all. So a batch takes one look at room, gate and next word, and one releasing store; and
//! a producer that is killed on the way has sent nothing of it.
//!
//! What such a producer leaves behind is words of this very lap. They are covered like all else
//! that may stand in free cells: by the look at the word that comes next (rule 2).

use super::Producer;
use super::producer::SHORT_MAX;
use super::tally::Moved;
use super::write::Site;
use crate::error::SendError;
use crate::ring::{Role, word};
use crate::sync::{Deadline, Memory, Ordering};

/// Bytes of records that are shown together, at most: the first of them waits for the last.
const TOGETHER_BYTES: u64 = 4096;

impl<M: Memory> Producer<M> {
    /// Sends copies of all `messages` in order, waiting for room until `deadline`. The fastest
    /// way for short messages: those of up to 128 bytes are shown to the consumer together, up
    /// to 4 KiB at a time.
    ///
    /// On failure `sent` of them are in the ring and the rest are not.
    #[inline]
    pub fn send_batch<T: AsRef<[u8]>>(
        &mut self,
        messages: &[T],
        deadline: Deadline,
    ) -> Result<(), (usize, SendError)> {
        self.send_batch_of(messages, T::as_ref, deadline)
    }

    /// As [`Producer::send_batch`], for what `bytes` makes messages of.
    #[inline]
    pub(super) fn send_batch_of<T>(
        &mut self,
        messages: &[T],
        bytes: impl Fn(&T) -> &[u8],
        deadline: Deadline,
    ) -> Result<(), (usize, SendError)> {
        let mut sent = 0;
        // Ends: each turn sends one message at least, or returns.
        while sent < messages.len() {
            sent += self.show_together(&messages[sent..], &bytes);
            if let Some(message) = messages.get(sent) {
                self.send(bytes(message), deadline).map_err(|error| (sent, error))?;
                sent += 1;
            }
        }
        Ok(())
    }

    /// Sends as many of `messages` as the short way takes, and says how many.
    #[inline]
    fn show_together<T>(&mut self, messages: &[T], bytes: &impl Fn(&T) -> &[u8]) -> usize {
        // ORDERING: Relaxed, as in `send_short`.
        if !self.area.gate(Role::Consumer, Ordering::Relaxed).is_open() {
            return 0;
        }
        let start = self.tail;
        let end = self.short_end.max(self.fenced_end).min(start + TOGETHER_BYTES);
        let (tag, wrap, ahead) = (self.tag, self.area.wrap(), self.ahead);
        let mut first_word = None;
        let (mut next, mut count) = (start, 0);
        for message in messages {
            let message = bytes(message);
            let record = next;
            let record_end = record + word::record_bytes(message.len() as u64);
            if message.len() > SHORT_MAX || record_end >= end {
                break;
            }
            let place = wrap.place(record);
            self.write_payload(place.plus(word::BYTES), message);
            let word = tag.message(message.len() as u64);
            match first_word {
                None => first_word = Some(word),
                // ORDERING: Relaxed: shown by edge W of the first record.
                Some(_) => self.area.set_word_at(place, word, Ordering::Relaxed),
            }
            for line in ahead.places(wrap, record, record_end) {
                self.area.prefetch_write(line);
            }
            (next, count) = (record_end, count + 1);
        }
        if let Some(word) = first_word {
            let (place, next_place) = (wrap.place(start), wrap.place(next));
            self.show(Site { place, next, next_place, tag }, word);
            self.bell.published(&self.area, next);
            // After the loop, where it costs a multiplication for messages of one type's length.
            let lens = messages[..count].iter().map(|message| bytes(message).len() as u64);
            self.tally.add(Moved::of(count as u64, lens.sum()));
        }
        count
    }
}
