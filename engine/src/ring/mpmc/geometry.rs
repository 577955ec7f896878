//! The shape of a ring of many: checked once, then kept in private memory.

use super::standing;
use super::word::{LAP_MAX, State, Word};
use crate::layout::{CAPACITY_MAX, LETTER_PAYLOAD, MPMC_SEATS, SEATS_MAX, SLOT_CELL, Seat};
use crate::ring::{POSITION_MAX, Position, Role, Waiting};
use core::ops::RangeInclusive;

/// What becomes of a message whose consumer is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// It is delivered again, and says so.
    #[default]
    AtLeastOnce,
    /// It is given up, and counted.
    AtMostOnce,
}

/// The shape of a ring of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    slots: u64,
    payload: u32,
    is_fixed: bool,
    seats: u16,
    numbered: u16,
    letters: u16,
    single_producer: bool,
    single_consumer: bool,
    delivery: Delivery,
    waiting: Waiting,
}

/// The slot's word, and beside it, where messages have lengths of their own, length and kind.
pub(super) const WORD_BYTES: u64 = 8;
const FRAMED_BYTES: u64 = 16;

impl Geometry {
    /// Participants, unless another number is asked for.
    pub const SEATS: u16 = 128;

    /// Dead letters that there is room for, unless another number is asked for.
    pub const LETTERS: u16 = 8;

    /// A ring of `slots` messages of up to `payload` bytes. `None` unless the slots are a power of
    /// two, two at least, and all of them together take at most [`CAPACITY_MAX`] bytes.
    pub const fn new(slots: u64, payload: u32) -> Option<Geometry> {
        let geometry = Geometry {
            slots,
            payload,
            is_fixed: false,
            seats: Geometry::SEATS,
            numbered: 0,
            letters: 0,
            single_producer: false,
            single_consumer: false,
            delivery: Delivery::AtLeastOnce,
            waiting: Waiting::Spin,
        };
        let is_possible = slots.is_power_of_two() && slots >= 2 && slots <= CAPACITY_MAX;
        // Neither factor is above 2^33.
        if is_possible && geometry.stride() <= CAPACITY_MAX / slots { Some(geometry) } else { None }
    }

    /// The same for messages that have all exactly that length, which is then not kept: 56 bytes
    /// take one line.
    #[must_use]
    pub const fn of_one_length(mut self) -> Geometry {
        self.is_fixed = true;
        self
    }

    /// The same for so many participants at a time. `None` for none, or more than [`SEATS_MAX`].
    pub const fn with_seats(mut self, seats: u16) -> Option<Geometry> {
        self.seats = seats;
        if seats > 0 && seats <= SEATS_MAX { Some(self) } else { None }
    }

    /// The same for one participant of that role at a time, which then claims or takes without a
    /// locked instruction, and has a seat of its own.
    #[must_use]
    pub const fn with_single(mut self, role: Role) -> Geometry {
        match role {
            Role::Producer => self.single_producer = true,
            Role::Consumer => self.single_consumer = true,
        }
        self
    }

    /// Whether there is one participant of that role at a time.
    #[inline(always)]
    pub const fn is_single(self, role: Role) -> bool {
        match role {
            Role::Producer => self.single_producer,
            Role::Consumer => self.single_consumer,
        }
    }

    /// The same with so many seats for numbered producers, of each of which the ring keeps how
    /// many of its sends took effect; of a single producer there is one.
    #[must_use]
    pub const fn with_numbered(mut self, producers: u16) -> Geometry {
        self.numbered = if producers > SEATS_MAX { SEATS_MAX } else { producers };
        self
    }

    /// Numbered producers that there can be.
    pub const fn numbered(self) -> u16 {
        if self.single_producer && self.numbered > 1 { 1 } else { self.numbered }
    }

    /// Seats that are not for whoever comes.
    pub(crate) const fn reserved_seats(self) -> u16 {
        self.reserved_for_producers() + self.single_consumer as u16
    }

    /// Whether the participant of that index is a numbered producer.
    pub(super) const fn is_numbered(self, index: u16) -> bool {
        index <= self.numbered()
    }

    const fn reserved_for_producers(self) -> u16 {
        let (single, numbered) = (self.single_producer as u16, self.numbered());
        if single > numbered { single } else { numbered }
    }

    /// The seats that participants of that role may take. The first are those of numbered
    /// producers, in their order, or of a single one; then comes that of a single consumer.
    pub(super) const fn seats_of(self, role: Role) -> RangeInclusive<u16> {
        let reserved = self.reserved_seats();
        match role {
            Role::Producer if self.single_producer => 1..=1,
            Role::Consumer if self.single_consumer => reserved..=reserved,
            _ => reserved + 1..=self.seats,
        }
    }

    /// The same with room for so many dead letters: messages over which consumers died until no
    /// attempt was left. Where messages come at most once there are none.
    #[must_use]
    pub const fn with_letters(mut self, letters: u16) -> Geometry {
        self.letters = letters;
        self
    }

    /// Dead letters that there is room for.
    pub const fn letters(self) -> u16 {
        match self.delivery {
            Delivery::AtLeastOnce => self.letters,
            Delivery::AtMostOnce => 0,
        }
    }

    /// The same with that promise.
    #[must_use]
    pub const fn delivering(mut self, delivery: Delivery) -> Geometry {
        self.delivery = delivery;
        self
    }

    /// The same, whose participants wait so. By a futex, if they sleep.
    #[must_use]
    pub const fn waiting_by(mut self, waiting: Waiting) -> Geometry {
        self.waiting = waiting;
        self
    }

    /// How participants wait.
    pub const fn waiting(self) -> Waiting {
        self.waiting
    }

    /// Messages that the ring holds.
    pub const fn slots(self) -> u64 {
        self.slots
    }

    /// As far as a ring of this geometry comes, since its words count so many laps: two slots are
    /// good for 2^48 messages, 32 Ki and more for 2^62. Positions beyond are not believed.
    pub(super) const fn position_max(self) -> Position {
        let laps = POSITION_MAX / self.slots;
        self.slots * if laps < LAP_MAX { laps } else { LAP_MAX }
    }

    /// The longest message in bytes; where all have one length, that one.
    pub const fn payload(self) -> u32 {
        self.payload
    }

    /// Whether all messages have the same length.
    pub const fn is_of_one_length(self) -> bool {
        self.is_fixed
    }

    /// Participants that there can be at a time.
    pub const fn seats(self) -> u16 {
        self.seats
    }

    /// What becomes of a message whose consumer is gone.
    pub const fn delivery(self) -> Delivery {
        self.delivery
    }

    /// Bytes of one slot.
    pub const fn stride(self) -> u64 {
        (self.payload_at() + self.payload as u64).next_multiple_of(SLOT_CELL)
    }

    /// Where the payload stands in its slot.
    pub(super) const fn payload_at(self) -> u64 {
        if self.is_fixed { WORD_BYTES } else { FRAMED_BYTES }
    }

    /// The state that a word says; `None` for one that no participant of this ring writes.
    #[inline(always)]
    pub(super) const fn state_of(self, word: Word) -> Option<State> {
        let is_impossible =
            word.owner() > self.seats || word.is_dead_letter() && self.letters() == 0;
        if is_impossible { None } else { word.state() }
    }

    /// Where the dead letters begin.
    pub(super) const fn letters_at(self) -> usize {
        MPMC_SEATS + self.seats as usize * size_of::<Seat>()
    }

    /// Where that cell of a dead letter begins.
    pub(super) const fn letter_at(self, cell: u16) -> usize {
        self.letters_at() + cell as usize * self.letter_stride() as usize
    }

    /// Bytes of one dead letter.
    pub(crate) const fn letter_stride(self) -> u64 {
        (LETTER_PAYLOAD as u64 + self.payload as u64).next_multiple_of(SLOT_CELL)
    }

    /// Where the slots begin.
    pub(super) const fn slots_at(self) -> usize {
        self.letter_at(self.letters())
    }

    /// Where the slot of that position begins.
    pub(super) const fn slot_at(self, position: Position) -> usize {
        self.slots_at() + ((position & (self.slots - 1)) * self.stride()) as usize
    }

    /// The words of a new ring that are not zero, each with its offset in the segment.
    pub fn first_words(self) -> impl Iterator<Item = (usize, u64)> {
        let seats = (0..self.seats.into())
            .map(|seat: usize| (MPMC_SEATS + seat * size_of::<Seat>(), standing::VACANT));
        let letters = (0..self.letters()).map(move |cell| self.letter_at(cell));
        let slots = (0..self.slots).map(move |slot| self.slot_at(slot));
        seats.chain(letters.chain(slots).map(|at| (at, Word::free(0).to_bits())))
    }

    /// Bytes of memory that a segment of this geometry takes.
    pub const fn segment_bytes(self) -> u64 {
        self.slots_at() as u64 + self.slots * self.stride()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_whole_lines_and_one_line_takes_48_bytes_or_56_of_one_length() {
        let stride = |payload| Geometry::new(64, payload).expect("possible").stride();
        assert_eq!([0, 48, 49, 112, 113].map(stride), [64, 64, 128, 128, 192]);
        let fixed =
            |payload| Geometry::new(64, payload).expect("possible").of_one_length().stride();
        assert_eq!([0, 56, 57, 120, 121].map(fixed), [64, 64, 128, 128, 192]);
    }

    #[test]
    fn what_is_no_power_of_two_or_too_large_is_refused() {
        for (slots, payload) in [(0, 8), (1, 8), (3, 8), (1 << 31, 8), (1 << 25, 8), (2, 1 << 30)] {
            assert_eq!(Geometry::new(slots, payload), None, "{slots} of {payload}");
        }
        assert_eq!(Geometry::new(u64::MAX, u32::MAX), None);
        let possible = Geometry::new(1 << 24, 48).expect("1 GiB");
        assert_eq!(possible.slots() * possible.stride(), 1 << 30);
        assert_eq!(possible.with_seats(0), None);
        assert_eq!(possible.with_seats(1001), None);
    }
}
