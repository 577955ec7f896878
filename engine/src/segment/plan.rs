//! Which ring a segment holds, and of what shape: what a creator asks for, and what was checked.

use super::{SegmentError, Shape};
use crate::layout::{
    CAPACITY_MAX, CELL, FLAG_AT_MOST_ONCE, FLAG_ONE_LENGTH, Header, KIND_MPMC, KIND_SPSC,
    SEATS_MAX, SLOTS_MIN,
};
use crate::ring::mpmc::{self, Delivery};
use crate::ring::{Geometry, Waiting, Wake};

/// The slots of a ring of many, and who may use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    count: u64,
    payload: u32,
    is_of_one_length: bool,
    participants: u16,
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

    /// So many handles may have joined at a time: 128 unless chosen here, and 1000 at most. Each
    /// takes 128 bytes of the segment.
    #[must_use]
    pub const fn participants(mut self, participants: u16) -> Slots {
        self.participants = participants;
        self
    }

    /// What becomes of a message whose consumer is gone.
    #[must_use]
    pub const fn delivery(mut self, delivery: Delivery) -> Slots {
        self.delivery = delivery;
        self
    }

    fn check(self) -> Result<mpmc::Geometry, SegmentError> {
        let Slots { count, payload, is_of_one_length, participants, delivery } = self;
        if !count.is_power_of_two() || !(SLOTS_MIN..=CAPACITY_MAX).contains(&count) {
            return Err(SegmentError::Slots { asked: count });
        }
        let geometry = mpmc::Geometry::new(count, payload)
            .ok_or(SegmentError::LargeSlots { slots: count, payload })?;
        // One alone has nobody to send to.
        let seats = if participants < 2 { None } else { geometry.with_seats(participants) };
        let geometry = seats
            .ok_or(SegmentError::Participants { asked: participants, limit: SEATS_MAX })?
            .delivering(delivery);
        Ok(if is_of_one_length { geometry.of_one_length() } else { geometry })
    }
}

/// What a creator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Spsc { capacity: u64, shape: Option<Shape> },
    Mpmc(Slots),
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

    /// What the header says of a ring of many, and zeros of another: cell, payload, flags, seats.
    pub(super) fn words(self) -> (u32, u64, u32, u64) {
        let Plan::Mpmc(geometry) = self else { return (CELL as u32, 0, 0, 0) };
        let one_length = if geometry.is_of_one_length() { FLAG_ONE_LENGTH } else { 0 };
        let once = match geometry.delivery() {
            Delivery::AtMostOnce => FLAG_AT_MOST_ONCE,
            Delivery::AtLeastOnce => 0,
        };
        // Below the most that a capacity can be.
        let stride = geometry.stride() as u32;
        (stride, geometry.payload().into(), one_length | once, geometry.seats().into())
    }

    /// What a header of a ring of many describes; none if it is not possible.
    pub(super) fn of_many(header: &Header) -> Option<mpmc::Geometry> {
        let stride = u64::from(header.cell_bytes);
        if stride == 0 || !header.capacity.is_multiple_of(stride) {
            return None;
        }
        let delivery = match header.mpmc_flags & FLAG_AT_MOST_ONCE {
            0 => Delivery::AtLeastOnce,
            _ => Delivery::AtMostOnce,
        };
        let slots = Slots {
            count: header.capacity / stride,
            payload: u32::try_from(header.record_bytes).ok()?,
            is_of_one_length: header.mpmc_flags & FLAG_ONE_LENGTH != 0,
            participants: u16::try_from(header.seats).ok()?,
            delivery,
        };
        let geometry = slots.check().ok()?;
        let flags = FLAG_AT_MOST_ONCE | FLAG_ONE_LENGTH;
        (geometry.stride() == stride && header.mpmc_flags & !flags == 0).then_some(geometry)
    }
}
