//! Asking for lines before they are wanted, on both sides.
//!
//! A line that the other side touched last takes 100 ns and more to come. The processor's own
//! prefetchers see a stream in a large ring only, and a side that works through 70 instructions
//! for a message has few of them in flight. So each side asks for the lines of the record that
//! lies [`AHEAD`] bytes further on:
//!
//! * The **producer** asks for writing. There the consumer has long been.
//! * The **consumer** asks for reading, but only while it *trails*: the next 16 records and the
//!   next KiB are there already. One at the producer's heels would take away lines that
//!   are about to be written, and each would wait for the other.
//!
//! Both are needed, and either alone gives next to nothing (2.6 GHz Xeon, 56 B / 64 KiB, M/s:
//! neither 69, the producer's 68, the consumer's 71, both 170; bare lines 122). Every line has to
//! be asked for: one in nine left out, as by one request for each 72-byte record, halves 64 B /
//! 64 KiB.
//! The distance: 512 bytes give 117, 1 KiB 165, 2 KiB 170, and more is no better. Records of
//! more than 2 KiB are left to the processor's prefetchers, which do as well there.

use super::Consumer;
use crate::layout::CELL;
use crate::ring::Position;
use crate::ring::area::{Place, Wrap};
use crate::sync::Memory;

/// How far ahead lines are asked for, where the ring is large enough.
const AHEAD: u64 = 2048;

/// The longest records that are worth it.
const RECORD_MAX: u64 = 2048;

/// How many records ahead, and bytes, there has to be one for the consumer to be trailing.
const TRAILING_RECORDS: u64 = 16;
const TRAILING_BYTES: u64 = 1024;

/// Bytes that a stream has at least to be called a long one.
const LONG_STREAM_BYTES: u64 = 64 << 10;

/// Bytes between two waits of a long stream's consumer that does not trail any more.
const APART_BYTES: u64 = 8 << 10;

/// How many looks apart, of 0.3 us each, a consumer lets its producer run: 1.5 us, or 5.
const STREAM_LOOKS: u32 = 5;
const LONG_STREAM_LOOKS: u32 = 16;

/// The longest record whose further lines a waiting consumer asks for together with its first.
const EXPECTED_MAX: u64 = 128;

/// A cache line.
const LINE: u64 = 64;

/// How far ahead lines are asked for: a copy, like [`Wrap`], made before the ring is touched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ahead(u64);

impl Ahead {
    /// No further than where one stands.
    pub(super) const NOT: Ahead = Ahead(0);

    /// The distance that suits a ring of `capacity` bytes.
    pub(super) const fn of(capacity: u64) -> Ahead {
        Ahead(if capacity / 8 < AHEAD { capacity / 8 } else { AHEAD })
    }

    /// The places of the lines that lie ahead of the record from `start` to `end`.
    #[inline(always)]
    pub(super) fn places(
        self,
        wrap: Wrap,
        start: Position,
        end: Position,
    ) -> impl Iterator<Item = Place> {
        (0..lines(start, end)).map(move |line| wrap.place(start + self.0 + LINE * line))
    }
}

/// How many lines to ask for on account of the record from `start` to `end`, one after the other
/// from its start's on, so that a stream leaves none out.
#[inline(always)]
const fn lines(start: Position, end: Position) -> u64 {
    match end - start {
        // Those that it fills, and the one it comes to last if it comes to one more.
        record @ 0..=RECORD_MAX => record / LINE + (end % LINE < record % LINE) as u64,
        _ => 0,
    }
}

/// How far ahead of a trailing consumer there is a record, if all take `record` bytes: so many of
/// them that they are [`TRAILING_BYTES`], or up to twice that, which needs no division.
#[inline(always)]
const fn trailing_bytes(record: u64) -> u64 {
    let records = TRAILING_BYTES >> record.ilog2();
    if records < TRAILING_RECORDS { TRAILING_RECORDS * record } else { records * record }
}

impl<M: Memory> Consumer<M> {
    /// Looks whether this consumer trails, if the next records take `record` bytes each. A wrong
    /// answer costs time only.
    #[inline(always)]
    pub(super) fn look_ahead(&mut self, record: u64) {
        let probe = self.position + trailing_bytes(record);
        if probe < self.lap_end {
            let trails = self.tag.accepts(self.area.glimpse(probe));
            self.asks = if trails { self.ahead } else { Ahead::NOT };
        }
    }

    /// For a consumer that does not trail: in a long stream it lets the producer get ahead again,
    /// once in [`APART_BYTES`], rather than stay at its heels. There neither side finds the ring
    /// empty or full, each takes every line away from the other, and nothing else would end it
    /// (56 B / 1 MiB between two chips: 25 to 50 M/s, and 110 so). A burst never comes here.
    ///
    /// Only where a quarter of the ring is far enough to trail: large records in small rings would
    /// wait again and again.
    #[inline(always)]
    pub(super) fn keep_distance(&mut self) {
        let is_too_soon = self.position - self.burst_start < APART_BYTES;
        if self.trails() || is_too_soon || !self.is_in_long_stream() {
            return;
        }
        self.burst_start = self.position;
        if trailing_bytes(self.last_record.max(CELL)) <= self.area.capacity() / 4 {
            self.let_it_run();
        }
    }

    /// The end of a burst: lets the producer get ahead before the next look, since a consumer at
    /// its heels takes each line away that it is about to write (256 B / 1 MiB on a Zen 5: 75 M/s
    /// with this wait, 42 without; 64 B / 64 KiB: 182 and 148). The longer the stream has been,
    /// the longer the wait may be; it ends when the producer is a quarter of the ring ahead. A
    /// ring that is not streaming never comes here.
    #[cold]
    #[inline(never)]
    pub(super) fn let_it_run(&mut self) {
        self.flush();
        for _ in 0..if self.is_in_long_stream() { LONG_STREAM_LOOKS } else { STREAM_LOOKS } {
            for _ in 0..self.cadence.apart_pauses {
                self.area.memory().pause();
            }
            if self.is_behind_by(self.area.capacity() / 4) {
                break;
            }
        }
    }

    /// Whether the producer was well ahead when last looked at.
    pub(super) fn trails(&self) -> bool {
        self.asks != Ahead::NOT
    }

    fn is_in_long_stream(&self) -> bool {
        self.position - self.stream_start >= LONG_STREAM_BYTES
    }

    /// Whether a record stands `bytes` further on, if all till there are like the last. A wrong
    /// answer costs time only.
    fn is_behind_by(&self, bytes: u64) -> bool {
        let record = self.last_record.max(CELL);
        let probe = self.position + bytes.next_multiple_of(record);
        if probe < self.lap_end {
            return self.tag.accepts(self.area.glimpse(probe));
        }
        let probe = self.lap_end + (probe - self.lap_end).next_multiple_of(record);
        self.tag.plus(1).accepts(self.area.glimpse(probe))
    }

    /// While waiting: asks for the second line of a record like the last, if it will have one, so
    /// that it need not wait for the first line's arrival (64 B round trip: 398 ns, so 337).
    #[inline(always)]
    pub(super) fn ask_for_second_line(&self) {
        let into_line = self.position % LINE;
        if self.last_record <= EXPECTED_MAX && into_line + self.last_record > LINE {
            self.area.prefetch_read(self.area.place(self.position + LINE));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that a stream of records asks for, counted from the first.
    fn asked(record: u64, records: u64) -> Vec<u64> {
        let starts = (0..records).map(|i| i * record);
        let each = |start| (0..lines(start, start + record)).map(move |line| start / LINE + line);
        starts.flat_map(each).collect()
    }

    #[test]
    fn a_stream_leaves_no_line_out() {
        for record in (8..=RECORD_MAX).step_by(if cfg!(miri) { 1000 } else { 8 }) {
            let mut asked = asked(record, 100);
            asked.dedup();
            let all: Vec<u64> = (0..asked.len() as u64).collect();
            asked.sort_unstable();
            asked.dedup();
            assert_eq!(asked, all[..asked.len()], "records of {record} bytes");
            assert!(asked.len() as u64 >= 100 * record / LINE);
        }
    }

    #[test]
    fn records_ask_for_each_line_once_and_long_ones_for_none() {
        assert_eq!(asked(16, 12), [0, 1, 2]);
        assert_eq!(asked(64, 3), [0, 1, 2]);
        assert_eq!(asked(72, 8), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(asked(200, 8).len(), 25);
        assert_eq!(asked(RECORD_MAX + 8, 4), []);
    }

    #[test]
    fn who_trails_has_a_kib_before_it_and_16_records() {
        assert_eq!([8, 16, 56, 64, 72].map(trailing_bytes), [1024, 1024, 1792, 1024, 1152]);
        for record in (8..=2 * RECORD_MAX).step_by(8) {
            let bytes = trailing_bytes(record);
            assert!(bytes.is_multiple_of(record) && bytes >= TRAILING_RECORDS * record);
            assert!(bytes >= TRAILING_BYTES, "{record}");
        }
    }

    #[test]
    fn the_distance_is_at_most_an_eighth_of_the_ring() {
        assert_eq!(Ahead::of(64).0, 8);
        assert_eq!(Ahead::of(8 << 10).0, 1024);
        assert_eq!(Ahead::of(1 << 20).0, AHEAD);
    }
}
