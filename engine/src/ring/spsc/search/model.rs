//! The executable model: which records are in the ring, and what a reader must see.
//!
//! It knows the ring by its drawing only and shares no code with it: words are taken apart here
//! once more.

use super::traced::{HEAD_AT, RING_AT};
use crate::layout::CELL;
use crate::ring::{Geometry, Position};
use std::collections::VecDeque;

/// A record that was committed and not yet released.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Committed {
    pub(super) position: Position,
    pub(super) end: Position,
    pub(super) payload: Vec<u8>,
}

/// How an operation of the producer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Its message is in the ring.
    Committed,
    /// It had no message, or no room for one.
    Refused,
    /// It died: its message is in the ring or not.
    Crashed,
}

/// What is in the ring.
#[derive(Clone)]
pub(super) struct Model {
    capacity: u64,
    first_stamp: u32,
    pub(super) head: Position,
    /// Where the last committed record, or a padding after it, ends.
    pub(super) tail: Position,
    pub(super) records: VecDeque<Committed>,
    /// The messages that are being committed, in order: each may be seen or not.
    pending: VecDeque<Vec<u8>>,
    /// How far the operation in hand may store: its room and the next word.
    store_end: Position,
    pub(super) stores: u64,
}

impl Model {
    pub(super) fn new(geometry: Geometry) -> Model {
        Model {
            capacity: geometry.capacity(),
            first_stamp: geometry.first_stamp(),
            head: 0,
            tail: 0,
            records: VecDeque::new(),
            pending: VecDeque::new(),
            store_end: 0,
            stores: 0,
        }
    }

    /// The stamp of the lap in which `position` lies.
    pub(super) fn stamp(&self, position: Position) -> u32 {
        self.first_stamp.wrapping_add((position / self.capacity) as u32)
    }

    /// An operation begins that may take room for `len` bytes.
    pub(super) fn begin(&mut self, len: usize) {
        self.begin_all(&[len]);
    }

    /// An operation begins that may take room for messages of `lens` bytes, one after the other.
    pub(super) fn begin_all(&mut self, lens: &[usize]) {
        let record: u64 = lens.iter().map(|len| (8 + *len as u64).next_multiple_of(CELL)).sum();
        let to_end = self.capacity - self.tail % self.capacity;
        let skip = if record <= to_end { 0 } else { to_end };
        self.store_end = self.tail + skip + record + CELL;
    }

    /// From now on `payload` may be seen.
    pub(super) fn commit_begins(&mut self, payload: &[u8]) {
        self.commits_begin(&[payload]);
    }

    /// From now on `payloads` may be seen, one after the other.
    pub(super) fn commits_begin<T: AsRef<[u8]>>(&mut self, payloads: &[T]) {
        self.pending = payloads.iter().map(|payload| payload.as_ref().to_vec()).collect();
    }

    /// A batch is over; `sent` of its `all` messages are in the ring.
    pub(super) fn end_batch(&mut self, sent: usize, all: usize) {
        assert_eq!(std::mem::take(&mut self.pending).len(), all - sent, "{sent} of {all} sent");
        self.end(Outcome::Refused);
    }

    /// The operation is over, and its message is in the ring or not.
    pub(super) fn end(&mut self, outcome: Outcome) {
        let unseen = !std::mem::take(&mut self.pending).is_empty();
        match outcome {
            Outcome::Committed => assert!(!unseen, "a committed message that no reader saw"),
            Outcome::Refused | Outcome::Crashed => {}
        }
        self.store_end = self.tail;
    }

    /// Before a store of `len` bytes at `offset` of the ring: it hits the operation's own room.
    pub(super) fn before_store(&mut self, offset: u64, len: u64) {
        let ahead = (offset + self.capacity - self.tail % self.capacity) % self.capacity;
        let position = self.tail + ahead;
        assert!(
            position + len <= self.head + self.capacity,
            "a store at {position} hits a record that is not released; head {}, tail {}",
            self.head,
            self.tail
        );
        assert!(
            position + len <= self.store_end,
            "a store at {position} lies outside the record's own cells and the next word"
        );
    }

    /// After every store: a reader that knows nothing but the memory sees what was committed.
    pub(super) fn after_store(&mut self, bytes: &[u8]) {
        self.stores += 1;
        let head = word(bytes, HEAD_AT);
        assert!(head >= self.head, "head went back from {} to {head}", self.head);
        while self.records.front().is_some_and(|record| record.end <= head) {
            self.records.pop_front();
        }
        self.head = head;
        let mut at = head;
        let mut seen = 0;
        while at < head + self.capacity {
            let offset = RING_AT + (at % self.capacity) as usize;
            let found = word(bytes, offset);
            if found >> 31 != u64::from(self.stamp(at)) << 1 | 1 {
                break;
            }
            let len = found & ((1 << 30) - 1);
            let to_end = self.capacity - at % self.capacity;
            if found >> 30 & 1 == 1 {
                assert_eq!(len + 8, to_end, "a padding that does not reach the ring's end");
                at += to_end;
                continue;
            }
            let end = at + (8 + len).next_multiple_of(CELL);
            assert!(end <= at + to_end, "a reader sees a record that straddles the ring's end");
            let payload = &bytes[offset + 8..offset + 8 + len as usize];
            if seen == self.records.len() {
                let pending = self.pending.pop_front();
                assert_eq!(
                    pending.as_deref(),
                    Some(payload),
                    "a reader sees a record at {at} that nobody committed"
                );
                let payload = payload.to_vec();
                self.records.push_back(Committed { position: at, end, payload });
            }
            let expected = &self.records[seen];
            assert_eq!((expected.position, expected.end), (at, end), "a record moved");
            assert_eq!(expected.payload, payload, "a record at {at} changed");
            seen += 1;
            at = end;
        }
        assert_eq!(seen, self.records.len(), "a reader no longer sees a committed record");
        self.tail = self.tail.max(at);
    }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
