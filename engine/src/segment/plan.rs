//! Which ring a segment holds, and of what shape: what a creator asks for, and what was checked.

use super::{SegmentError, Shape};
use crate::layout::{
    CAPACITY_MAX, CELL, FLAG_AT_MOST_ONCE, FLAG_ONE_LENGTH, FLAG_SINGLE_CONSUMER,
    FLAG_SINGLE_PRODUCER, Header, KIND_MPMC, KIND_SPSC, LETTERS_MAX, SEATS_MAX, SLOTS_MIN,
};
use crate::ring::mpmc::{self, Delivery};
use crate::ring::{Geometry, Role, Waiting, Wake};

/// The slots of a ring of many, and who may use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    count: u64,
    payload: u32,
    is_of_one_length: bool,
    participants: u16,
    numbered: u16,
    letters: u16,
    single_producer: bool,
    single_consumer: bool,
    delivery: Delivery,
}

impl Slots {
    /// So many slots, a power of two and at least 64, for messages of up to `payload` bytes: 48
    /// take one cache line, and 112 two.
    pub const fn of(count: u64, payload: u32) -> Slots {
        Slots {
            count,
            payload,
            is_of_one_length: false,
            participants: mpmc::Geometry::SEATS,
            numbered: 0,
            letters: mpmc::Geometry::LETTERS,
            single_producer: false,
            single_consumer: false,
            delivery: Delivery::AtLeastOnce,
        }
    }

    /// All messages have exactly the length of the payload, which is then not kept: 56 bytes take
    /// one cache line.
    #[must_use]
    pub const fn of_one_length(mut self) -> Slots {
        self.is_of_one_length = true;
        self
    }

    /// So many handles may have joined at a time: 128 unless chosen here, 2 at least and 1000 at
    /// most. Each takes 128 bytes of the segment. Those of a single side, and of numbered
    /// producers, are among them, and kept for these.
    #[must_use]
    pub const fn participants(mut self, participants: u16) -> Slots {
        self.participants = participants;
        self
    }

    /// One producer at a time, which then sends without a locked instruction; a second one is
    /// refused. A message that it was writing when it died is no gap, and one that it writes and
    /// does not commit is not seen: to a consumer the ring is empty, and nobody is `PeerStalled`.
    #[must_use]
    pub const fn single_producer(mut self) -> Slots {
        self.single_producer = true;
        self
    }

    /// One consumer at a time, which then receives without a locked instruction; a second one is
    /// refused. So order holds over its death, too: what it had in hand comes first.
    #[must_use]
    pub const fn single_consumer(mut self) -> Slots {
        self.single_consumer = true;
        self
    }

    /// So many of the participants are numbered producers, from 1 on, of which there is one of each
    /// number at a time ([`mpmc_producer_numbered`](super::Segment::mpmc_producer_numbered)). The
    /// ring keeps how many sends of each took effect, whoever had the number: after a restart it is
    /// asked ([`sent`](mpmc::Producer::sent)), and nothing is sent twice. Of a single producer,
    /// one.
    #[must_use]
    pub const fn numbered_producers(mut self, producers: u16) -> Slots {
        self.numbered = producers;
        self
    }

    /// Room for so many dead letters, 8 unless chosen here, 1024 at most: a message over which
    /// sixteen consumers died is put by there, until somebody looks at it and discards it
    /// ([`dead_letters`](super::Segment::dead_letters)). Where there is no room it is given up, and
    /// counted. Each takes a slot's memory or a little more; there are none where messages come at
    /// most once.
    #[must_use]
    pub const fn dead_letters(mut self, letters: u16) -> Slots {
        self.letters = letters;
        self
    }

    /// What becomes of a message whose consumer is gone.
    #[must_use]
    pub const fn delivery(mut self, delivery: Delivery) -> Slots {
        self.delivery = delivery;
        self
    }

    fn check(self) -> Result<mpmc::Geometry, SegmentError> {
        let Slots { count, payload, participants, .. } = self;
        if !count.is_power_of_two() || !(SLOTS_MIN..=CAPACITY_MAX).contains(&count) {
            return Err(SegmentError::Slots { asked: count });
        }
        let geometry = mpmc::Geometry::new(count, payload)
            .ok_or(SegmentError::LargeSlots { slots: count, payload })?;
        let mut geometry = geometry.with_numbered(self.numbered).delivering(self.delivery);
        geometry = geometry.with_letters(self.letters);
        let limit = (CAPACITY_MAX / geometry.letter_stride()).min(LETTERS_MAX.into());
        if u64::from(self.letters) > limit {
            return Err(SegmentError::DeadLetters { asked: self.letters, limit: limit as u16 });
        }
        if self.is_of_one_length {
            geometry = geometry.of_one_length();
        }
        if self.single_producer {
            geometry = geometry.with_single(Role::Producer);
        }
        if self.single_consumer {
            geometry = geometry.with_single(Role::Consumer);
        }
        // One alone has nobody to send to, and who has no seat of its own has to have one, too.
        let is_for_two = self.single_producer && self.single_consumer;
        let least = (geometry.reserved_seats() + u16::from(!is_for_two)).max(2);
        let seats = if participants < least { None } else { geometry.with_seats(participants) };
        let limit = SEATS_MAX;
        seats.ok_or(SegmentError::Participants { asked: participants, least, limit })
    }
}

/// What a creator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Spsc { capacity: u64, shape: Option<Shape> },
    Mpmc(Slots),
}

/// What a header says of a ring of many, and zeros of another, but for the cell.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Words {
    pub(super) cell: u32,
    pub(super) payload: u64,
    pub(super) flags: u32,
    pub(super) seats: u64,
    pub(super) numbered: u64,
    pub(super) letters: u64,
}

/// A ring that is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    Spsc(Geometry),
    Mpmc(mpmc::Geometry),
}

impl Asked {
    /// That it is possible. No system call. Lap 0 is stamped `first_stamp` where there are stamps.
    pub(super) fn check(self, first_stamp: u32) -> Result<Plan, SegmentError> {
        let (capacity, shape) = match self {
            Asked::Mpmc(slots) => return slots.check().map(Plan::Mpmc),
            Asked::Spsc { capacity, shape } => (capacity, shape),
        };
        let geometry = Geometry::new(capacity, first_stamp)
            .ok_or(SegmentError::Capacity { asked: capacity })?;
        let limit = geometry.longest_message() as u64;
        match shape {
            Some(Shape { bytes, .. }) if bytes > limit => {
                Err(SegmentError::LongRecords { bytes, limit })
            }
            _ => Ok(Plan::Spsc(geometry)),
        }
    }

    pub(super) fn shape(self) -> Option<Shape> {
        match self {
            Asked::Spsc { shape, .. } => shape,
            Asked::Mpmc(_) => None,
        }
    }
}

impl Plan {
    /// The same ring, whose sides wait so.
    pub(super) fn waiting_by(self, waiting: Waiting) -> Plan {
        match self {
            Plan::Spsc(geometry) => Plan::Spsc(geometry.waiting_by(waiting)),
            Plan::Mpmc(geometry) => Plan::Mpmc(geometry.waiting_by(waiting)),
        }
    }

    /// Whether its sides may: those of a ring of many sleep by a futex only.
    pub(super) fn can_wait_by(self, waiting: Waiting) -> bool {
        matches!(self, Plan::Spsc(_)) || waiting.wake().is_none_or(|wake| wake == Wake::Futex)
    }

    pub(super) fn waiting(self) -> Waiting {
        match self {
            Plan::Spsc(geometry) => geometry.waiting(),
            Plan::Mpmc(geometry) => geometry.waiting(),
        }
    }

    /// [`Header::kind`].
    pub(super) fn kind(self) -> u32 {
        match self {
            Plan::Spsc(_) => KIND_SPSC,
            Plan::Mpmc(_) => KIND_MPMC,
        }
    }

    /// Bytes of the ring itself.
    pub(super) fn capacity(self) -> u64 {
        match self {
            Plan::Spsc(geometry) => geometry.capacity(),
            Plan::Mpmc(geometry) => geometry.slots() * geometry.stride(),
        }
    }

    pub(super) fn longest_message(self) -> usize {
        match self {
            Plan::Spsc(geometry) => geometry.longest_message(),
            Plan::Mpmc(geometry) => geometry.payload() as usize,
        }
    }

    /// Bytes that the segment needs, before it is rounded to pages.
    pub(super) fn segment_bytes(self) -> u64 {
        match self {
            Plan::Spsc(geometry) => geometry.segment_bytes(),
            Plan::Mpmc(geometry) => geometry.segment_bytes(),
        }
    }

    /// What the header says of it.
    pub(super) fn words(self) -> Words {
        let Plan::Mpmc(geometry) = self else {
            return Words { cell: CELL as u32, ..Words::default() };
        };
        let flags = [
            (FLAG_ONE_LENGTH, geometry.is_of_one_length()),
            (FLAG_AT_MOST_ONCE, geometry.delivery() == Delivery::AtMostOnce),
            (FLAG_SINGLE_PRODUCER, geometry.is_single(Role::Producer)),
            (FLAG_SINGLE_CONSUMER, geometry.is_single(Role::Consumer)),
        ];
        let flags = flags.iter().fold(0, |all, (flag, is)| if *is { all | flag } else { all });
        // Below the most that a capacity can be.
        let cell = geometry.stride() as u32;
        let (payload, seats) = (geometry.payload().into(), geometry.seats().into());
        let (numbered, letters) = (geometry.numbered().into(), geometry.letters().into());
        Words { cell, payload, flags, seats, numbered, letters }
    }

    /// What a header of a ring of many describes; none if it is not possible.
    pub(super) fn of_many(header: &Header) -> Option<mpmc::Geometry> {
        let stride = u64::from(header.cell_bytes);
        if stride == 0 || !header.capacity.is_multiple_of(stride) {
            return None;
        }
        let is = |flag| header.mpmc_flags & flag != 0;
        let delivery =
            if is(FLAG_AT_MOST_ONCE) { Delivery::AtMostOnce } else { Delivery::AtLeastOnce };
        let slots = Slots {
            count: header.capacity / stride,
            payload: u32::try_from(header.record_bytes).ok()?,
            is_of_one_length: is(FLAG_ONE_LENGTH),
            participants: u16::try_from(header.seats).ok()?,
            numbered: u16::try_from(header.numbered).ok()?,
            letters: u16::try_from(header.letters).ok()?,
            single_producer: is(FLAG_SINGLE_PRODUCER),
            single_consumer: is(FLAG_SINGLE_CONSUMER),
            delivery,
        };
        let geometry = slots.check().ok()?;
        let flags =
            FLAG_AT_MOST_ONCE | FLAG_ONE_LENGTH | FLAG_SINGLE_PRODUCER | FLAG_SINGLE_CONSUMER;
        let is_as_made = geometry.stride() == stride
            && header.mpmc_flags & !flags == 0
            && header.numbered == geometry.numbered().into()
            && header.letters == geometry.letters().into();
        is_as_made.then_some(geometry)
    }
}
