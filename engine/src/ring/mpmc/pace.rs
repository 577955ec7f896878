//! How the sides of a stream keep out of each other's way. Nothing rests on it but speed.
//!
//! A slot is a line that moves from the producer to the consumer and back, and each claim and each
//! take is a locked instruction, which waits for its line and lets nothing pass. So:
//!
//! * Either asks for its lines [`AHEAD`] slots before it needs them, to write, as long as the
//!   other is further on: it looks there at every sixteenth slot.
//! * A consumer that has caught up with a stream lets it run ahead for a moment, and a producer at
//!   a full ring waits for a quarter of it: else the two would take one line after the other from
//!   each other.

use super::slots::{AHEAD, Cursor, Slots};
use super::word::{State, Word};
use crate::ring::Position;
use crate::sync::{Crowd, Ordering};

/// Between two looks whether the other side is further on.
const LOOK_EVERY: u64 = 16;

/// Messages without a wait that are a stream.
const STREAM: u64 = 64;

/// How far a stream is let run ahead at most, and for how many looks.
const RUN: u64 = 1024;
const RUN_LOOKS: u32 = 64;

/// The longest that a line is left alone: so many pauses, as a power of two.
const LOST_MAX: u32 = 8;

/// How long a stream is not let run ahead again where it did not: so many streams, as a power of
/// two.
const VAIN_MAX: u32 = 8;

/// What one side knows of its stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// Messages from here on are a stream that the other side may be let run ahead in.
    since: Position,
    /// How often in turn it was let, and did not: as a power of two.
    vain: u32,
    /// Whether the other side was far enough the last time.
    is_clear: bool,
    /// Whether it was not, in the midst of a stream: then the next call keeps its distance.
    is_close: bool,
    /// Swaps that were lost to others lately, as a power of two.
    lost: u32,
}

impl Pace {
    /// A slot was claimed, or taken: asks for a line further on.
    #[inline(always)]
    pub(super) fn passed<M: Crowd>(
        &mut self,
        slots: &Slots<M>,
        passed: Cursor,
        is_done: impl Fn(Word, u64) -> bool,
    ) {
        if self.is_clear {
            slots.prefetch_ahead(passed.place);
        }
        let at = passed.position;
        if at.is_multiple_of(LOOK_EVERY) {
            self.lost = 0;
            // Where nothing is asked for yet, further on; else where it has come by now, since a
            // locked instruction waits for every load before it.
            let far = at + if self.is_clear { AHEAD / 2 } else { AHEAD + LOOK_EVERY };
            // ORDERING: Relaxed: a guess.
            self.is_clear = is_done(slots.word(far, Ordering::Relaxed), slots.lap(far));
            self.is_close = !self.is_clear && at >= self.since + STREAM;
        }
    }

    /// A swap was lost to somebody else, who then has the line: leaves it alone for a while, longer
    /// each time.
    #[cold]
    pub(super) fn lost<M: Crowd>(&mut self, memory: &M) {
        (0..1 << self.lost).for_each(|_| memory.pause());
        self.lost = (self.lost + 1).min(LOST_MAX);
    }

    /// Whether the next call is to keep its distance first.
    #[inline(always)]
    pub(super) fn is_close(&self) -> bool {
        self.is_close
    }

    /// There is nothing to do at `next`, or nearly so. Whether it was a stream that came to its end
    /// there: then the other side has been let get further on, which `is_done` says, for a moment.
    /// With no pauses it is not waited for.
    pub(super) fn stopped<M: Crowd>(
        &mut self,
        slots: &Slots<M>,
        next: Position,
        pauses: u32,
        is_done: impl Fn(Word, u64) -> bool,
    ) -> bool {
        (self.is_clear, self.is_close) = (false, false);
        let is_stream = next >= self.since + STREAM;
        self.since = self.since.max(next);
        if !is_stream || pauses == 0 {
            return false;
        }
        let far = next + RUN.min(slots.count() / 4);
        for _ in 0..RUN_LOOKS {
            (0..pauses).for_each(|_| slots.memory().pause());
            // ORDERING: Relaxed: a guess.
            if is_done(slots.word(far, Ordering::Relaxed), slots.lap(far)) {
                self.is_clear = true;
                (next..next + AHEAD).for_each(|position| slots.prefetch(position));
                self.vain = 0;
                return true;
            }
        }
        // There is no getting ahead here, as where each side sends and receives in turn.
        self.since = next + (STREAM << self.vain);
        self.vain = (self.vain + 1).min(VAIN_MAX);
        true
    }
}

/// Whether a slot is free in that lap.
#[inline(always)]
pub(super) fn is_free(word: Word, lap: u64) -> bool {
    word == Word::free(lap)
}

/// Whether a slot has a message of that lap.
#[inline(always)]
pub(super) fn is_ready(word: Word, lap: u64) -> bool {
    word.lap() == lap && word.state() == Some(State::Ready)
}
