//! Which shared words are worth writing, and what to write there.
//!
//! The arrangement of a record's word is stated here once more, apart from the ring's own lines:
//! stamp of the lap << 32 | record bit | padding bit | length.

use annulus::layout::{
    Bed, CONSUMER, CONSUMER_BED, CONSUMER_GATE, DATA, HEAD, PRODUCER, PRODUCER_BED, PRODUCER_GATE,
    Participant,
};
use annulus::ring::{Barrier, Geometry, Position, Waiting, Wake};
use std::mem::offset_of;

const RECORD: u64 = 1 << 31;
const PADDING: u64 = 1 << 30;

/// The control words that a running handle reads.
pub const CONTROLS: [usize; 11] = [
    PRODUCER_GATE,
    CONSUMER_GATE,
    HEAD,
    PRODUCER + offset_of!(Participant, generation),
    CONSUMER + offset_of!(Participant, generation),
    PRODUCER_BED + offset_of!(Bed, asleep),
    PRODUCER_BED + offset_of!(Bed, wanted),
    PRODUCER_BED + offset_of!(Bed, bell),
    CONSUMER_BED + offset_of!(Bed, asleep),
    CONSUMER_BED + offset_of!(Bed, wanted),
    CONSUMER_BED + offset_of!(Bed, bell),
];

/// Those of them by which sides sleep and are woken.
pub const BEDS: &[usize] = CONTROLS.split_at(5).1;

/// The ways to wait that differ in what they read: who spins, who sleeps at once, who looks first.
pub const WAITINGS: [Waiting; 3] = [
    Waiting::Spin,
    Waiting::Park { spins: false, barrier: Barrier::Fence, wake: Wake::Futex },
    Waiting::Park { spins: true, barrier: Barrier::Membarrier, wake: Wake::Futex },
];

/// A ring's shape, for writing words into it.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    capacity: u64,
    first_stamp: u32,
    waiting: Waiting,
}

impl Shape {
    /// The shape of a ring of `capacity` bytes whose lap 0 is stamped `first_stamp`, and whose
    /// sides spin.
    pub fn new(capacity: u64, first_stamp: u32) -> Shape {
        Shape { capacity, first_stamp, waiting: Waiting::Spin }
    }

    /// The same, whose sides wait so.
    #[must_use]
    pub fn waiting_by(self, waiting: Waiting) -> Shape {
        Shape { waiting, ..self }
    }

    /// As the engine has it; nothing if it is no good capacity.
    pub fn geometry(self) -> Option<Geometry> {
        let geometry = Geometry::new(self.capacity, self.first_stamp)?;
        Some(geometry.waiting_by(self.waiting))
    }

    /// Bytes of the ring.
    pub fn capacity(self) -> u64 {
        self.capacity
    }

    /// The byte of the segment at which `position` lies, of a cell.
    pub fn at(self, position: Position) -> usize {
        DATA + (position % self.capacity / 8 * 8) as usize
    }

    /// The word of a message of `len` bytes at `position`, as it would be `laps` later.
    pub fn message(self, position: Position, laps: i64, len: u64) -> u64 {
        let lap = (position / self.capacity).wrapping_add_signed(laps);
        u64::from(self.first_stamp.wrapping_add(lap as u32)) << 32 | RECORD | len & (PADDING - 1)
    }

    /// The word of a padding that skips `len` bytes after it.
    pub fn padding(self, position: Position, laps: i64, len: u64) -> u64 {
        self.message(position, laps, len) | PADDING
    }

    /// What a meddler writes at `position`, or over a control word: most of it could stand there.
    pub fn bad_words(self, position: Position, now: u64) -> [u64; 20] {
        let to_end = self.capacity - position % self.capacity;
        [
            0,
            u64::MAX,
            now ^ 1,
            now ^ 1 << 63,
            now.wrapping_add(8),
            now.wrapping_sub(8),
            now.wrapping_add(self.capacity),
            now.wrapping_sub(self.capacity),
            position | 0b011,
            position | 0b100,
            self.message(position, 0, 0),
            self.message(position, 0, 56),
            self.message(position, 0, self.capacity),
            self.message(position, 0, PADDING - 1),
            self.message(position, 1, 8),
            self.message(position, -1, 8),
            self.padding(position, 0, to_end - 8),
            self.padding(position, 0, 0),
            self.padding(position, 0, PADDING - 1),
            self.padding(position, 1, self.capacity - 8),
        ]
    }
}
